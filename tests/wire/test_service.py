"""Requests to speech services: answers, faults, and that nothing stays behind."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
import socket
import time

import pytest
from wyoming.asr import Transcript, TranscriptChunk, TranscriptStop
from wyoming.event import Event, async_write_event
from wyoming.handle import NotHandled
from wyoming.tts import SynthesizeStopped

from custom_components.private_voice.wire.audio import AudioFormat
from custom_components.private_voice.wire.errors import Reason, WireError
from custom_components.private_voice.wire.service import (
    DetectedWord,
    ServiceClient,
    ServiceKind,
    kinds,
)

from ..fakes import (
    HANDLE_INFO,
    SATELLITE_INFO,
    STT_INFO,
    TTS_INFO,
    WAKE_INFO,
    FakeService,
    merged,
)

INFO = merged(STT_INFO, TTS_INFO, WAKE_INFO, HANDLE_INFO)


class Streaming(FakeService):
    """A service that answers in pieces."""

    async def _answer(self, event: Event, writer: asyncio.StreamWriter) -> None:
        """Send parts of the transcript, and the end of streamed speech."""
        if event.type == "audio-stop":
            for piece in ("turn ", "on"):
                await async_write_event(TranscriptChunk(text=piece).event(), writer)
            await async_write_event(TranscriptStop().event(), writer)
        elif event.type == "synthesize-stop":
            await async_write_event(SynthesizeStopped().event(), writer)
        else:
            await super()._answer(event, writer)


async def audio(seconds: float = 1.0) -> AsyncIterator[bytes]:
    """Yield audio in pieces of 10 ms."""
    for _ in range(round(seconds * 100)):
        yield b"\1\0" * 160


async def endless() -> AsyncIterator[bytes]:
    """Yield audio for ever."""
    while True:
        yield b"\1\0" * 160
        await asyncio.sleep(0.005)


async def words() -> AsyncIterator[str]:
    """Yield a text in pieces."""
    for word in ("It ", "is ", "on."):
        await asyncio.sleep(0)
        yield word


async def assert_nothing_left(
    service: FakeService, before: set[asyncio.Task[object]]
) -> None:
    """Wait until there are no connections and no tasks but those of before."""
    await service.wait(lambda: service.connections == 0, 2)
    async with asyncio.timeout(2):
        while asyncio.all_tasks() - before:
            await asyncio.sleep(0.01)


async def speech(
    client: ServiceClient, text: str | AsyncIterator[str], **options: object
) -> list[AudioFormat | bytes]:
    """Return all frames of a synthesis."""
    return [frame async for frame in client.synthesize(text, **options)]  # type: ignore[arg-type]


REQUESTS: dict[str, Callable[[ServiceClient], Awaitable[object]]] = {
    "transcribe": lambda client: client.transcribe(audio(), language="en"),
    "synthesize": lambda client: speech(client, "hello"),
    "streaming": lambda client: speech(client, words(), streaming=True),
    "handle": lambda client: client.handle("hello", language="en"),
}
every_request = pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)


async def test_transcribe() -> None:
    """Audio becomes text; all of it arrives, in larger pieces."""
    before = asyncio.all_tasks()
    async with FakeService(INFO) as service:
        client = ServiceClient("127.0.0.1", service.port)
        text = await client.transcribe(audio(1.05), language="fr", model="model")
        assert text == "turn on the kitchen light"
        asked = service.all("transcribe")[0].data
        assert (asked["name"], asked["language"]) == ("model", "fr")
        chunks = service.all("audio-chunk")
        assert b"".join(c.payload or b"" for c in chunks) == b"\1\0" * 16_800
        assert len(chunks) == 11
        await assert_nothing_left(service, before | asyncio.all_tasks())
    await assert_nothing_left(service, before)


async def test_partial_transcripts() -> None:
    """Parts are told as they grow, and make the whole."""
    partial: list[str] = []
    async with Streaming(INFO) as service:
        client = ServiceClient("127.0.0.1", service.port)
        text = await client.transcribe(
            audio(), language=None, on_partial=partial.append
        )
    assert text == "turn on"
    assert partial == ["turn ", "turn on"]


async def test_answer_before_the_end_of_audio() -> None:
    """A service may answer while audio still comes; no more is sent then."""
    before = asyncio.all_tasks()
    async with FakeService(INFO) as service:
        client = ServiceClient("127.0.0.1", service.port)
        asking = asyncio.create_task(client.transcribe(endless(), language="en"))
        await service.wait_for("audio-chunk")
        await service.send(Transcript(text="early").event())
        assert await asking == "early"
    await assert_nothing_left(service, before)


async def test_synthesize() -> None:
    """Text becomes a format and audio."""
    async with FakeService(INFO) as service:
        client = ServiceClient("127.0.0.1", service.port)
        frames = await speech(client, "hello", voice="ann", speaker="2", language="en")
        assert frames == [AudioFormat(22_050, 2, 1), service.speech]
        voice = service.all("synthesize")[0].data["voice"]
        assert voice["name"] == "ann"
        assert voice["speaker"] == "2"
        await speech(client, words(), language="fr")
        assert service.spoken == ["hello", "It is on."]
        assert service.all("synthesize")[1].data["voice"]["language"] == "fr"
        assert not service.all("synthesize-start")


async def test_streaming_synthesize() -> None:
    """The text is sent while it is written."""
    before = asyncio.all_tasks()
    async with Streaming(INFO) as service:
        client = ServiceClient("127.0.0.1", service.port)
        frames = await speech(client, words(), voice="ann", streaming=True)
        assert frames == [AudioFormat(22_050, 2, 1), service.speech]
        chunks = service.all("synthesize-chunk")
        assert [chunk.data["text"] for chunk in chunks] == ["It ", "is ", "on."]
        assert service.all("synthesize-start")[0].data["voice"]["name"] == "ann"
        assert service.all("synthesize-stop")
    await assert_nothing_left(service, before)


async def test_synthesis_that_nobody_hears_to_the_end() -> None:
    """A closed generator leaves nothing."""
    before = asyncio.all_tasks()
    async with FakeService(INFO) as service:
        client = ServiceClient("127.0.0.1", service.port)
        async with aclosing(client.synthesize("hello")) as frames:
            assert await anext(frames) == AudioFormat(22_050, 2, 1)
        await service.wait(lambda: service.connections == 0)
    await assert_nothing_left(service, before)


async def test_detect() -> None:
    """A wake word is found while audio comes, unless another was asked for."""
    async with FakeService(INFO) as service:
        service.wake_after = 3
        client = ServiceClient("127.0.0.1", service.port, reply_timeout=0.1)
        assert await client.detect(endless(), ["okay_nabu"]) == DetectedWord(
            "okay_nabu", 0
        )
        assert service.all("detect")[0].data["names"] == ["okay_nabu"]
        assert await client.detect(audio(0.05)) is None
        service.wake_after = None
        service.fault = "hang"
        assert await client.detect(audio()) is None


async def test_detect_of_another_word() -> None:
    """A word that was not asked for is none."""
    async with FakeService(INFO) as service:
        service.wake_after, service.fault = 3, "hang"
        client = ServiceClient("127.0.0.1", service.port, reply_timeout=0.1)
        assert await client.detect(audio(), ["hey_jarvis"]) is None


async def test_handle() -> None:
    """A text is answered, or not."""
    async with FakeService(INFO) as service:
        service.text = "done"
        client = ServiceClient("127.0.0.1", service.port)
        result = await client.handle("light on", language="en", context={"room": "k"})
        assert (result.text, result.handled) == ("done", True)
        asked = service.all("transcript")[0].data
        assert (asked["text"], asked["context"]) == ("light on", {"room": "k"})
        assert "done" not in repr(result)
        service.fault = "hang"
        asking = asyncio.create_task(client.handle("x", language=None))
        await service.wait_for("transcript", 2)
        await service.send(NotHandled(text="what?").event())
        result = await asking
        assert (result.text, result.handled) == ("what?", False)


@every_request
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("error", Reason.REMOTE_ERROR),
        ("close", Reason.CLOSED),
        ("hang", Reason.TIMED_OUT),
    ],
)
async def test_faults(
    request_: Callable[[ServiceClient], Awaitable[object]], fault: str, reason: Reason
) -> None:
    """A fault is told by its reason, soon, and leaves nothing."""
    before = asyncio.all_tasks()
    async with FakeService(INFO) as service:
        service.fault = fault
        client = ServiceClient("127.0.0.1", service.port, reply_timeout=0.1)
        begun = time.monotonic()
        with pytest.raises(WireError) as caught:
            await request_(client)
        assert caught.value.reason is reason
        assert "broken" not in str(caught.value)
        assert time.monotonic() - begun < 2
        await service.wait(lambda: service.connections == 0, 2)
    await assert_nothing_left(service, before)


@every_request
async def test_cancelled(
    request_: Callable[[ServiceClient], Awaitable[object]],
) -> None:
    """A cancelled request leaves no connection and no task."""
    before = asyncio.all_tasks()
    async with FakeService(INFO) as service:
        service.fault = "hang"
        asking = asyncio.ensure_future(
            request_(ServiceClient("127.0.0.1", service.port))
        )
        await service.wait(lambda: len(service.received) > 0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await service.wait(lambda: service.connections == 0, 2)
        await assert_nothing_left(service, before | asyncio.all_tasks())
    await assert_nothing_left(service, before)


async def test_cancelled_while_audio_comes() -> None:
    """Audio is sent no more when its request is cancelled."""
    before = asyncio.all_tasks()
    async with FakeService(INFO) as service:
        client = ServiceClient("127.0.0.1", service.port)
        for asked in (
            client.transcribe(endless(), language=None),
            client.detect(endless()),
        ):
            count = len(service.all("audio-chunk")) + 2
            asking = asyncio.create_task(asked)  # type: ignore[arg-type]
            await service.wait_for("audio-chunk", count)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await service.wait(lambda: service.connections == 0, 2)
    await assert_nothing_left(service, before)


async def test_audio_that_fails() -> None:
    """Who makes the audio fails: so does the request, and nothing is left."""

    async def failing() -> AsyncIterator[bytes]:
        yield b"\1\0" * 160
        raise LookupError

    before = asyncio.all_tasks()
    async with FakeService(INFO) as service:
        with pytest.raises(LookupError):
            await ServiceClient("127.0.0.1", service.port).transcribe(
                failing(), language=None
            )
        await service.wait(lambda: service.connections == 0, 2)
    await assert_nothing_left(service, before)


async def test_describe() -> None:
    """A service says what it is."""
    async with FakeService(INFO) as service:
        info = await ServiceClient("localhost", service.port).describe()
        assert info == INFO
        await service.wait(lambda: service.connections == 0, 2)
    assert kinds(info) == {
        ServiceKind.STT,
        ServiceKind.TTS,
        ServiceKind.WAKE_WORD,
        ServiceKind.HANDLE,
    }
    assert kinds(SATELLITE_INFO) == {ServiceKind.SATELLITE}


async def test_describe_not_local() -> None:
    """An address elsewhere is not even connected to."""
    with pytest.raises(WireError) as caught:
        await ServiceClient("8.8.8.8", 10_300).describe()
    assert caught.value.reason is Reason.NOT_LOCAL


async def test_describe_unreachable() -> None:
    """Nobody listens at a port."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(WireError) as caught:
        await ServiceClient("127.0.0.1", port).describe()
    assert caught.value.reason is Reason.UNREACHABLE


async def test_describe_silent_and_garbage() -> None:
    """A peer that says nothing, or nonsense, is no service."""
    async with FakeService(INFO) as service:
        client = ServiceClient("127.0.0.1", service.port)
        service.silent = True
        with pytest.raises(WireError) as caught:
            await client.describe(timeout=0.1)
        assert caught.value.reason is Reason.TIMED_OUT
        service.greeting = b"SSH-2.0-OpenSSH_9.6\r\n"
        with pytest.raises(WireError) as caught:
            await client.describe()
        assert caught.value.reason is Reason.NOT_WYOMING
        service.greeting = b'{"type": "info", "data": {"asr": [{"name": 1}]}}\n'
        with pytest.raises(WireError) as caught:
            await client.describe()
        assert caught.value.reason is Reason.NOT_WYOMING
        await service.wait(lambda: service.connections == 0, 2)
