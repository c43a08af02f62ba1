"""Frames: what is read, what is refused, and that nothing else happens."""

import asyncio
from collections.abc import Iterator
import gc
import json
import random
import time
import tracemalloc

import pytest
from wyoming.asr import Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event, async_read_event, async_write_event
from wyoming.ping import Ping
from wyoming.wake import Detection

from custom_components.private_voice.wire.errors import Reason, WireError
from custom_components.private_voice.wire.frames import MAX_HEADER, FrameReader, encode

from ..fakes import SATELLITE_INFO, STT_INFO, WAKE_INFO

AUDIO = {"rate": 16000, "width": 2, "channels": 1}
EVENTS = [
    STT_INFO.event(),
    SATELLITE_INFO.event(),
    WAKE_INFO.event(),
    Transcript(text="allume la lumière 💡").event(),
    AudioStart(**AUDIO).event(),
    AudioChunk(audio=bytes(range(256)) * 4, **AUDIO).event(),
    AudioStop().event(),
    Ping(text="there?").event(),
    Detection(name="okay_nabu", timestamp=5).event(),
    Event("run-pipeline", {"start_stage": "asr", "end_stage": "tts"}),
    Event("played"),
]


def stream_of(data: bytes, *, eof: bool = True) -> asyncio.StreamReader:
    """Return a stream that holds bytes."""
    stream = asyncio.StreamReader(limit=MAX_HEADER)
    stream.feed_data(data)
    if eof:
        stream.feed_eof()
    return stream


async def read_one(data: bytes) -> Event:
    """Read the first frame of bytes."""
    return await FrameReader(stream_of(data)).read()


def mutate(rng: random.Random, data: bytes) -> bytes:
    """Return bytes that are no more what they were."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(changed) + 1)
        match rng.randrange(7):
            case 0:
                changed[at : at + 1] = rng.randbytes(1)
            case 1:
                changed[at:at] = rng.randbytes(rng.randint(1, 40))
            case 2:
                del changed[at : at + rng.randint(1, 40)]
            case 3:
                del changed[at:]
            case 4:
                changed[at:at] = changed[: rng.randint(0, 200)]
            case 5:
                words = (b"-1", b"1e9", b"null", b"true", b"[]", b"{}", b"9" * 30)
                changed[at : at + 1] = rng.choice(words)
            case _:
                changed[at:at] = rng.choice((b"\n", b'"', b"\\ud800", b"[" * 500))
    return bytes(changed)


def broken_streams(seed: int, count: int) -> Iterator[bytes]:
    """Yield streams of frames that were broken, and some that are noise."""
    rng = random.Random(seed)
    for _ in range(count):
        if rng.random() < 0.1:
            yield rng.randbytes(rng.randint(0, 2000))
        else:
            chosen = rng.choices(EVENTS, k=rng.randint(1, 4))
            yield mutate(rng, b"".join(map(encode, chosen)))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
async def test_round_trip(event: Event) -> None:
    """What wyoming writes is read, and what is written wyoming reads."""
    accepted: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    server = await asyncio.start_server(
        lambda _, writer: accepted.put_nowait(writer), "127.0.0.1", 0
    )
    async with server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, limit=MAX_HEADER
        )
        theirs = await accepted.get()
        await async_write_event(event, theirs)
        assert await FrameReader(reader).read() == event
        for each in (writer, theirs):
            each.close()
            await each.wait_closed()
    assert await async_read_event(stream_of(encode(event))) == event


async def test_old_peers_put_data_into_the_header() -> None:
    """Data in the header is read, and data after it added."""
    event = await read_one(
        b'{"type": "transcript", "data": {"text": "a", "x": 1}, "data_length": 13}\n'
        b'{"text": "b"}'
    )
    assert event.data == {"text": "b", "x": 1}


async def test_frames_follow_each_other() -> None:
    """One frame ends where the next begins."""
    frames = FrameReader(stream_of(b"".join(map(encode, EVENTS))))
    assert [await frames.read() for _ in EVENTS] == EVENTS
    with pytest.raises(WireError) as caught:
        await frames.read()
    assert caught.value.reason is Reason.CLOSED


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"x" * (MAX_HEADER + 2), Reason.TOO_LARGE),
        (b"x" * (MAX_HEADER + 2) + b"\n", Reason.TOO_LARGE),
        (b'{"type": "ping", "data_length": 16385}\n', Reason.TOO_LARGE),
        (b'{"type": "info", "data_length": 1048577}\n', Reason.TOO_LARGE),
        (b'{"type": "ping", "payload_length": 1}\n', Reason.TOO_LARGE),
        (b'{"type": "audio-chunk", "payload_length": 1048577}\n', Reason.TOO_LARGE),
        (b'{"type": "ping", "data_length": -1}\n', Reason.NOT_WYOMING),
        (b'{"type": "ping", "data_length": true}\n', Reason.NOT_WYOMING),
        (b'{"type": "ping", "data_length": 2.0}\n', Reason.NOT_WYOMING),
        (b'{"type": "ping", "data_length": "2"}\n', Reason.NOT_WYOMING),
        (b'{"type": "audio-chunk", "payload_length": -1}\n', Reason.NOT_WYOMING),
        (b'{"type": "audio-chunk", "payload_length": false}\n', Reason.NOT_WYOMING),
        (b'{"type": "audio-chunk", "payload_length": 1e3}\n', Reason.NOT_WYOMING),
        (b"GET / HTTP/1.1\r\n", Reason.NOT_WYOMING),
        (b"\n", Reason.NOT_WYOMING),
        (b"\xff\xfe\x00\n", Reason.NOT_WYOMING),
        (b'["type"]\n', Reason.NOT_WYOMING),
        (b"[" * 60_000 + b"\n", Reason.NOT_WYOMING),
        (b'{"a":' * 12_000 + b"\n", Reason.NOT_WYOMING),
        (b"[" * 30_000 + b"]" * 30_000 + b"\n", Reason.NOT_WYOMING),
        (b"{}\n", Reason.NOT_WYOMING),
        (b'{"type": null}\n', Reason.NOT_WYOMING),
        (b'{"type": ""}\n', Reason.NOT_WYOMING),
        (b'{"type": "ping", "data": [1]}\n', Reason.NOT_WYOMING),
        (b'{"type": "ping", "data_length": 2}\n[]', Reason.NOT_WYOMING),
        (b'{"type": "ping", "data_length": 2}\n{"', Reason.NOT_WYOMING),
        (b'{"type": "ping", "data_length": 2}\n{', Reason.CLOSED),
        (b'{"type": "ping"', Reason.CLOSED),
        (b"", Reason.CLOSED),
    ],
)
async def test_refused(data: bytes, reason: Reason) -> None:
    """What is no frame, or too large, ends with its reason and no words of the peer."""
    with pytest.raises(WireError) as caught:
        await read_one(data)
    assert caught.value.reason is reason
    assert "GET" not in str(caught.value)


@pytest.mark.parametrize(
    "half",
    [
        b'{"type": "ping", "data_length": 9}\n{"te',
        b'{"type": "ping", "data_length": 9}\n',
        b'{"type": "pi',
    ],
)
async def test_half_a_frame_times_out(half: bytes) -> None:
    """A frame that has begun must end in time."""
    frames = FrameReader(stream_of(half, eof=False), deadline=0.05)
    with pytest.raises(WireError) as caught:
        async with asyncio.timeout(2):
            await frames.read()
    assert caught.value.reason is Reason.TIMED_OUT


async def test_first_byte_may_come_late() -> None:
    """A peer that says nothing is waited for."""
    stream = stream_of(b"", eof=False)
    reading = asyncio.create_task(FrameReader(stream, deadline=0.05).read())
    await asyncio.sleep(0.15)
    assert not reading.done()
    stream.feed_data(encode(Event("played")))
    assert (await reading).type == "played"


def test_what_cannot_be_encoded_is_replaced() -> None:
    """Half a character, as JSON may hold, does not break a frame."""
    event = Event("pong", {"text": json.loads('"\\ud800!"')})
    header, _, data = encode(event).partition(b"\n")
    assert json.loads(header)["data_length"] == len(data)
    assert json.loads(data) == {"text": "?!"}


@pytest.mark.fuzz
async def test_fuzz() -> None:
    """10,000 broken streams give frames or errors, soon and without growing memory."""
    streams = list(broken_streams(1, 10_000))
    outcomes = {"frames": 0, "errors": 0}
    asyncio.get_running_loop().set_debug(False)  # It keeps where each timer was made.
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        begun = time.monotonic()
        for data in streams:
            frames = FrameReader(stream_of(data))
            await asyncio.sleep(0)  # The loop forgets timers when it runs.
            while True:
                try:
                    event = await frames.read()
                except WireError:
                    outcomes["errors"] += 1
                    break
                assert isinstance(event, Event)
                assert isinstance(event.data, dict)
                outcomes["frames"] += 1
        took = time.monotonic() - begun
        gc.collect()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert outcomes["errors"] == len(streams)
    assert outcomes["frames"] > 1000
    assert took < 20
    assert after - before < 8 * 2**20
    assert peak - before < 8 * 2**20
