"""What a peer cannot do: prolong, mislead, keep waiting, fill memory."""

import asyncio
from collections.abc import AsyncIterator
import gc
import logging
import time
import tracemalloc

import pytest
from wyoming.asr import TranscriptChunk
from wyoming.error import Error
from wyoming.event import Event, async_write_event
from wyoming.intent import Entity, Intent
from wyoming.wake import Detection

from custom_components.private_voice.wire import session as session_module
from custom_components.private_voice.wire.audio import AudioFormat, PcmConverter
from custom_components.private_voice.wire.connection import Connection
from custom_components.private_voice.wire.description import parse_info
from custom_components.private_voice.wire.errors import Reason, WireError
from custom_components.private_voice.wire.events import Connected, Disconnected
from custom_components.private_voice.wire.frames import MAX_HEADER, encode
from custom_components.private_voice.wire.service import ServiceClient
from custom_components.private_voice.wire.session import SatelliteSession

from ..fakes import SATELLITE_INFO, STT_INFO, FakeSatellite, FakeService
from .test_frames import broken_streams
from .test_service import audio, endless, speech
from .test_session import FORMAT, Listener, running


class Chatters(FakeService):
    """Says for ever what is no answer."""

    async def _answer(self, event: Event, writer: asyncio.StreamWriter) -> None:
        """Chatter."""
        if event.type in ("audio-stop", "synthesize", "transcript"):
            while True:
                await async_write_event(Event("thinking"), writer)
                await async_write_event(TranscriptChunk(text="a").event(), writer)
                await asyncio.sleep(0.02)


async def test_chatter_gives_no_more_time() -> None:
    """Frames that are no answer do not keep a request waiting."""
    async with Chatters(STT_INFO) as service:
        client = ServiceClient("127.0.0.1", service.port, reply_timeout=0.2)
        for asked in (
            client.transcribe(audio(0.1), language="en"),
            client.handle("x", language="en"),
            speech(client, "x"),
        ):
            with pytest.raises(WireError) as caught:
                await asyncio.wait_for(asked, 2)  # type: ignore[arg-type]
            assert caught.value.reason is Reason.TIMED_OUT


class Explains(FakeService):
    """Tells why and closes, while audio still comes."""

    async def _answer(self, event: Event, writer: asyncio.StreamWriter) -> None:
        """Fail at the first audio."""
        if event.type == "audio-chunk":
            await async_write_event(Error(text="no model").event(), writer)
            writer.close()


async def test_error_before_the_end() -> None:
    """A service that told why it closes is not taken for one that vanished."""
    async with Explains(STT_INFO) as service:
        with pytest.raises(WireError) as caught:
            await ServiceClient("127.0.0.1", service.port).transcribe(
                endless(), language="en"
            )
        assert caught.value.reason is Reason.REMOTE_ERROR


async def test_text_that_fails() -> None:
    """Who writes the text fails: the request says so, and soon."""

    async def failing() -> AsyncIterator[str]:
        yield "It "
        raise LookupError

    async with FakeService(STT_INFO) as service:
        with pytest.raises(LookupError):
            await asyncio.wait_for(
                speech(
                    ServiceClient("127.0.0.1", service.port), failing(), streaming=True
                ),
                2,
            )


async def test_version_of_a_wake_word() -> None:
    """A wake word is known by its name with a version too."""
    async with FakeService(STT_INFO) as service:
        client = ServiceClient("127.0.0.1", service.port)
        asking = asyncio.create_task(client.detect(endless(), ["ok_nabu"]))
        await service.wait_for("audio-chunk")
        await service.send(Detection(name="ok_nabu_v0.1").event())
        word = await asking
        assert word is not None
        assert word.name == "ok_nabu_v0.1"


async def test_intent() -> None:
    """A service may only recognise what is to be done."""
    async with FakeService(STT_INFO) as service:
        service.fault = "hang"
        asking = asyncio.create_task(
            ServiceClient("127.0.0.1", service.port).handle("x", language="en")
        )
        await service.wait_for("transcript")
        await service.send(
            Intent("HassTurnOn", [Entity("name", "kitchen light")]).event()
        )
        result = await asking
        assert (result.intent, result.handled) == ("HassTurnOn", False)
        assert result.entities == {"name": "kitchen light"}
        assert "kitchen" not in repr(result)


@pytest.mark.parametrize(
    "data",
    [
        {"asr": [1]},
        {"asr": {"a": {}}},
        {"satellite": {"name": 5, "installed": True, "attribution": {}}},
        {
            "satellite": {
                "name": "a",
                "attribution": {"name": "", "url": ""},
                "installed": "yes",
            }
        },
    ],
)
def test_description_with_wrong_types(data: dict[str, object]) -> None:
    """A description is what its types say, or none."""
    with pytest.raises(WireError) as caught:
        parse_info(Event("info", data))
    assert caught.value.reason is Reason.NOT_WYOMING


async def test_play_waits_though_speech_came_late() -> None:
    """The time until the first sound is not taken from the time to hear it."""

    async def late() -> AsyncIterator[AudioFormat | bytes]:
        await asyncio.sleep(0.4)
        yield FORMAT
        yield b"\1\0" * 6400

    listener = Listener()
    async with (
        FakeSatellite(sends_played=False) as satellite,
        running(satellite.port, listener) as session,
    ):
        await listener.wait(Connected)
        begun = time.monotonic()
        await session.play(late())
        assert time.monotonic() - begun > 0.4 + 0.4 + 0.4


async def test_samples_are_not_torn() -> None:
    """Each frame of a sound has whole samples, however it was cut before."""
    source = AudioFormat(22_050, 3, 1)

    async def torn() -> AsyncIterator[AudioFormat | bytes]:
        yield source
        for _ in range(3):
            yield bytes(5000)

    listener = Listener()
    async with (
        FakeSatellite() as satellite,
        running(satellite.port, listener) as session,
    ):
        await listener.wait(Connected)
        await session.play(torn())
        chunks = [len(c.payload or b"") for c in satellite.all("audio-chunk")]
        assert sum(chunks) == 15_000
        assert all(length % 3 == 0 for length in chunks)


async def test_cancelled_play_closes_what_makes_the_sound() -> None:
    """A cancelled sound is cancelled, also when the satellite went with it."""
    closed = asyncio.Event()

    async def endless_sound() -> AsyncIterator[AudioFormat | bytes]:
        try:
            yield FORMAT
            while True:
                yield b"\1\0" * 160
                await asyncio.sleep(0.01)
        finally:
            closed.set()

    listener = Listener()
    async with (
        FakeSatellite() as satellite,
        running(satellite.port, listener) as session,
    ):
        await listener.wait(Connected)
        playing = asyncio.create_task(session.play(endless_sound()))
        await satellite.wait_for("audio-chunk", 3)
        satellite.drop_connections()
        playing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await playing
        assert closed.is_set()


async def test_address_changes() -> None:
    """A satellite that moved is gone to at once."""
    listener = Listener()
    async with (
        FakeSatellite() as old,
        FakeSatellite() as new,
        running(old.port, listener, retry_first=30) as session,
    ):
        await listener.wait(Connected)
        session.update_address("127.0.0.1", new.port)
        await listener.wait(Connected, 2)
        assert listener.all(Disconnected) == [Disconnected(Reason.CLOSED)]
        await old.wait(lambda: old.connections == 0)


def test_large_audio_needs_little_memory() -> None:
    """Converting the largest frame does not need many times its size."""
    pcm = bytes(128 * 1024)
    converter = PcmConverter(AudioFormat(8_000, 1, 1))
    tracemalloc.start()
    try:
        converter.feed(pcm)
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


class NoSocket(asyncio.Transport):
    """A transport that takes everything and sends it nowhere."""

    def __init__(self) -> None:
        """Start open."""
        super().__init__()
        self.closed = False

    def write(self, data: object) -> None:
        """Take data."""

    def is_closing(self) -> bool:
        """Return whether it was closed."""
        return self.closed

    def get_write_buffer_size(self) -> int:
        """Return that nothing waits."""
        return 0

    def close(self) -> None:
        """Close."""
        self.closed = True

    def abort(self) -> None:
        """Close."""
        self.closed = True


async def meet(data: bytes) -> list[object]:
    """Let a session read bytes to their end; return what it told."""
    loop = asyncio.get_running_loop()
    stream = asyncio.StreamReader(limit=MAX_HEADER)
    stream.feed_data(data)
    stream.feed_eof()
    protocol = asyncio.StreamReaderProtocol(stream)
    transport = NoSocket()
    protocol.connection_made(transport)
    protocol.connection_lost(None)
    protocol._connection_lost = False
    writer = asyncio.StreamWriter(transport, protocol, stream, loop)
    told: list[object] = []
    session = SatelliteSession("127.0.0.1", 1, told.append, retry_first=60)

    async def connect(*_: object) -> Connection:
        return Connection(stream, writer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session_module, "open_connection", connect)
        await session._run_once()
    assert not session.connected
    return told


@pytest.mark.fuzz
@pytest.mark.timeout(60)
async def test_fuzz_session(caplog: pytest.LogCaptureFixture) -> None:
    """10,000 broken streams: each ends the connection, none the session or memory."""
    caplog.set_level(logging.CRITICAL)
    info = encode(SATELLITE_INFO.event())
    # Debugging keeps a stack for each timer, which is what would be measured then.
    asyncio.get_running_loop().set_debug(False)
    before_tasks = asyncio.all_tasks()
    streams = list(broken_streams(11, 10_000))
    await meet(info)
    gc.collect()
    tracemalloc.start()
    begun = time.monotonic()
    connected = 0
    try:
        before, _ = tracemalloc.get_traced_memory()
        for at, data in enumerate(streams):
            told = await meet(info + data if at % 4 else data)
            # The loop drops ended timers only in its turn, as it has one between reads.
            await asyncio.sleep(0)
            connected += any(isinstance(event, Connected) for event in told)
            if told:
                assert isinstance(told[-1], Disconnected)
        gc.collect()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert connected >= 7500
    assert time.monotonic() - begun < 25
    assert after - before < 8 * 2**20
    assert peak - before < 8 * 2**20
    assert asyncio.all_tasks() == before_tasks
