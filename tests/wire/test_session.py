"""The connection to a satellite: what may go out, what comes in, and how it ends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
import json
import logging
import time

import pytest
from wyoming.audio import AudioChunk, AudioStart
from wyoming.event import Event, async_write_event
from wyoming.ping import Ping
from wyoming.satellite import StreamingStarted as WyomingStarted

from custom_components.private_voice.wire.audio import AudioFormat
from custom_components.private_voice.wire.errors import Reason, WireError
from custom_components.private_voice.wire.events import (
    Audio,
    AudioStarted,
    AudioStopped,
    Connected,
    Detected,
    Disconnected,
    InfoUpdated,
    PauseRead,
    Played,
    RunRequested,
    SessionEvent,
    StreamingStarted,
)
from custom_components.private_voice.wire.frames import encode
from custom_components.private_voice.wire.session import SatelliteSession

from ..fakes import SATELLITE_INFO, WAKE_INFO, FakeSatellite, merged
from .test_frames import broken_streams

LETS_STREAM = {"run-satellite", "run-pipeline", "detection", "transcript"}
FORMAT = AudioFormat(16_000, 2, 1)


class Listener:
    """Keeps what a session tells."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.events: list[SessionEvent] = []
        self.fails = False

    def __call__(self, event: SessionEvent) -> None:
        """Take an event."""
        self.events.append(event)
        if self.fails:
            raise LookupError("turn on the light")

    def all(self, kind: type) -> list[SessionEvent]:
        """Return the events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    async def wait(self, kind: type, count: int = 1) -> SessionEvent:
        """Wait for the nth event of a kind."""
        await until(lambda: len(self.all(kind)) >= count)
        return self.all(kind)[count - 1]


async def until(fact: Callable[[], bool], timeout: float = 5) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(timeout):
        while not fact():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(
    port: int, listener: Listener, **times: float
) -> AsyncIterator[SatelliteSession]:
    """Run a session; nothing of it may be left afterwards."""
    session = SatelliteSession(
        "127.0.0.1", port, listener, **{"retry_first": 0.02, **times}
    )
    task = asyncio.create_task(session.run())
    try:
        yield session
    finally:
        assert not task.done(), task
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert not session.connected
        assert session._timer is None or session._timer.cancelled()


async def test_does_not_stream_before_it_may() -> None:
    """Nothing that makes a satellite stream is sent until the room allows it."""
    listener = Listener()
    async with (
        FakeSatellite() as satellite,
        running(satellite.port, listener, ping_every=0.03) as session,
    ):
        await satellite.wait_for("pause-satellite")
        await satellite.wait_for("ping", 3)
        satellite.drop_connections()
        await satellite.wait_for("pause-satellite", 2)
        assert not LETS_STREAM & {event.type for event in satellite.received}
        session.set_streaming(True)
        await satellite.wait_for("run-satellite")
        satellite.drop_connections()
        await satellite.wait_for("run-satellite", 2)
        session.set_streaming(False)
        await satellite.wait_for("pause-satellite", 3)
        assert not satellite.streaming
        session.set_streaming(True)
        session.set_streaming(False)
        await satellite.wait_for("ping", len(satellite.all("ping")) + 2)
        assert not satellite.streaming


async def test_stop_pauses() -> None:
    """A session that is stopped leaves the satellite paused."""
    async with (
        FakeSatellite() as satellite,
        running(satellite.port, Listener()) as session,
    ):
        await session.stop()
        session.set_streaming(True)
        await satellite.wait_for("run-satellite")
        await session.stop()
        await satellite.wait(lambda: not satellite.streaming)


async def test_ping_is_answered() -> None:
    """A ping gets its text back, even if it is half a character."""
    listener = Listener()
    async with FakeSatellite() as satellite, running(satellite.port, listener):
        await listener.wait(Connected)
        await satellite.send(Ping(text="a").event())
        assert (await satellite.wait_for("pong")).data["text"] == "a"
        for writer in satellite._writers:
            writer.write(b'{"type": "ping", "data": {"text": "\\ud800"}}\n')
            writer.write(b'{"type": "ping", "data": {"text": 5}}\n')
        await satellite.wait_for("pong", 3)
        assert not listener.all(Disconnected)


async def test_silent_peer_is_dropped() -> None:
    """A satellite that answered pings and does no more is given up."""
    listener = Listener()
    async with (
        FakeSatellite() as satellite,
        running(satellite.port, listener, ping_every=0.05, silent_too_long=0.2),
    ):
        await listener.wait(Connected)
        await satellite.wait_for("ping", 4)
        assert not listener.all(Disconnected)
        satellite.silent = True
        gone = await listener.wait(Disconnected)
        assert gone == Disconnected(Reason.NO_PONG)
        satellite.silent = False
        # The attempt that met silence ends, and then it is back.
        satellite.drop_connections()
        await listener.wait(Connected, 2)


class NeverPongs(FakeSatellite):
    """Old firmware."""

    async def _answer(self, event: Event, writer: asyncio.StreamWriter) -> None:
        """Answer all but pings."""
        if event.type != "ping":
            await super()._answer(event, writer)


async def test_peer_that_never_answers_pings_is_kept() -> None:
    """A satellite that knows no pings may be silent."""
    listener = Listener()
    async with (
        NeverPongs() as satellite,
        running(satellite.port, listener, ping_every=0.02, silent_too_long=0.05),
    ):
        await satellite.wait_for("ping", 10)
        assert not listener.all(Disconnected)


async def test_reconnects(caplog: pytest.LogCaptureFixture) -> None:
    """A satellite that went comes back, after a restart too; each is told once."""
    caplog.set_level(logging.INFO)
    listener = Listener()
    async with FakeSatellite() as satellite:
        async with running(satellite.port, listener) as session:
            await listener.wait(Connected)
            satellite.drop_connections()
            assert await listener.wait(Disconnected) == Disconnected(Reason.CLOSED)
            await listener.wait(Connected, 2)
            await satellite.stop()
            await listener.wait(Disconnected, 2)
            assert not session.connected
            with pytest.raises(WireError) as caught:
                await session.transcript("x")
            assert caught.value.reason is Reason.UNREACHABLE
            await asyncio.sleep(0.1)
            await satellite.start()
            await listener.wait(Connected, 3)
        await satellite.wait(lambda: satellite.connections == 0)
    assert len(listener.all(Disconnected)) == 3
    assert [r.getMessage().split()[3] for r in caplog.records if "Satellite" in r.msg][
        :4
    ] == ["gone", "back", "gone", "back"]


async def test_garbage(caplog: pytest.LogCaptureFixture) -> None:
    """A peer that speaks something else is left, and told of once."""
    caplog.set_level(logging.INFO)
    listener = Listener()
    async with FakeSatellite() as satellite:
        satellite.greeting = b"HTTP/1.1 400 Bad Request\r\n\r\n"
        async with running(satellite.port, listener):
            await satellite.wait(lambda: satellite.accepted >= 3)
        assert not listener.events
    lines = [r.getMessage() for r in caplog.records if "Satellite" in r.msg]
    assert lines == [f"Satellite 127.0.0.1:{satellite.port} is gone (not_wyoming)"]
    assert "HTTP" not in caplog.text


@pytest.mark.parametrize(
    "frame",
    [
        b"what?\n",
        encode(AudioChunk(rate=5, width=2, channels=1, audio=b"12").event()),
        encode(AudioChunk(rate=16_000, width=7, channels=1, audio=b"12").event()),
        encode(AudioStart(rate=16_000, width=2, channels=99).event()),
        encode(Event("audio-chunk", {}, b"12")),
        encode(Event("run-pipeline", {"start_stage": 1, "end_stage": "tts"})),
        encode(Event("info", {"asr": 5})),
    ],
)
async def test_nonsense_disconnects(frame: bytes) -> None:
    """What no satellite says ends the connection, and it comes back."""
    listener = Listener()
    async with FakeSatellite() as satellite, running(satellite.port, listener):
        await listener.wait(Connected)
        for writer in satellite._writers:
            writer.write(frame)
        assert await listener.wait(Disconnected) == Disconnected(Reason.NOT_WYOMING)
        await listener.wait(Connected, 2)
        assert not listener.all(Audio)


async def test_what_comes_in() -> None:
    """Frames become typed events; audio is converted."""
    listener = Listener()
    async with (
        FakeSatellite(merged(SATELLITE_INFO, WAKE_INFO)) as satellite,
        running(satellite.port, listener) as session,
    ):
        await listener.wait(Connected)
        await satellite.wake()
        await satellite.stream()
        await satellite.send(AudioStart(rate=48_000, width=2, channels=2).event())
        await satellite.send(
            AudioChunk(rate=48_000, width=2, channels=2, audio=bytes(48_000)).event()
        )
        await satellite.speak(b"\1\0" * 1000)
        await satellite.send(Event("audio-stop"))
        await satellite.send(WyomingStarted().event())
        await satellite.send(Event("unheard-of", {"x": 1}))
        await satellite.send(SATELLITE_INFO.event())
        await listener.wait(InfoUpdated)
        assert session.info == SATELLITE_INFO
        # When the pause is confirmed is not told here.
        events = [e for e in listener.events if not isinstance(e, PauseRead)]
        assert [type(event) for event in events] == [
            Connected,
            Detected,
            RunRequested,
            RunRequested,
            AudioStarted,
            Audio,
            Audio,
            AudioStopped,
            StreamingStarted,
            InfoUpdated,
        ]
        assert events[1] == Detected("okay_nabu", "okay nabu", None)
        assert events[2] == RunRequested("asr", "tts", None, False)
        assert events[3] == RunRequested("wake", "tts", None, True)
        converted, same = listener.all(Audio)
        assert isinstance(converted, Audio)
        assert isinstance(same, Audio)
        assert len(converted.pcm) == pytest.approx(8000, abs=100)
        assert same.pcm == b"\1\0" * 1000
        assert "\\x" not in repr(same)


async def sound(seconds: float) -> AsyncIterator[AudioFormat | bytes]:
    """Yield a sound in one piece."""
    yield FORMAT
    yield b"\1\0" * round(16_000 * seconds)


class PlaysSlowly(FakeSatellite):
    """Tells later that it played."""

    async def _answer(self, event: Event, writer: asyncio.StreamWriter) -> None:
        """Say played after a while."""
        await super()._answer(event, writer)
        if event.type == "audio-stop":
            await asyncio.sleep(0.3)
            await async_write_event(Event("played"), writer)


async def test_play_waits_for_played() -> None:
    """What was sent is heard before play returns."""
    listener = Listener()
    async with (
        PlaysSlowly(sends_played=False) as satellite,
        running(satellite.port, listener) as session,
    ):
        await listener.wait(Connected)
        begun = time.monotonic()
        assert await session.play(sound(1.0)) == pytest.approx(1.0)
        assert 0.25 < time.monotonic() - begun < 0.9
        assert listener.all(Played)
        assert satellite.heard() == b"\1\0" * 16_000
        assert max(len(c.payload or b"") for c in satellite.all("audio-chunk")) <= 4096
        assert not session.playing


async def test_play_without_played() -> None:
    """A satellite that never tells has as long as the sound is."""
    listener = Listener()
    async with (
        FakeSatellite(sends_played=False) as satellite,
        running(satellite.port, listener) as session,
    ):
        await listener.wait(Connected)
        begun = time.monotonic()
        await session.play(sound(0.3))
        assert 0.7 < time.monotonic() - begun < 1.5


async def test_play_ends_with_the_connection() -> None:
    """A satellite that goes while it plays is an error, not a wait."""
    listener = Listener()
    async with (
        FakeSatellite(sends_played=False) as satellite,
        running(satellite.port, listener, retry_first=5) as session,
    ):
        await listener.wait(Connected)
        playing = asyncio.create_task(session.play(sound(20)))
        await satellite.wait_for("audio-stop")
        assert session.playing
        satellite.drop_connections()
        with pytest.raises(WireError):
            await asyncio.wait_for(playing, 2)
        assert not session.playing


async def test_play_stops_when_cancelled() -> None:
    """Audio that was begun is ended."""

    async def endless() -> AsyncIterator[AudioFormat | bytes]:
        yield FORMAT
        while True:
            yield b"\1\0" * 160
            await asyncio.sleep(0.01)

    listener = Listener()
    async with (
        FakeSatellite() as satellite,
        running(satellite.port, listener) as session,
    ):
        await listener.wait(Connected)
        playing = asyncio.create_task(session.play(endless()))
        await satellite.wait_for("audio-chunk", 3)
        playing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await playing
        await satellite.wait_for("audio-stop")


async def test_listener_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """A listener's mistake ends nothing and its words are not logged."""
    listener = Listener()
    listener.fails = True
    async with FakeSatellite() as satellite, running(satellite.port, listener):
        await listener.wait(Connected)
        await satellite.press()
        await satellite.press()
        await listener.wait(RunRequested, 2)
        assert satellite.accepted == 1
    assert "LookupError" in caplog.text
    assert "turn on the light" not in caplog.text


async def survive(broken: bytes) -> None:
    """Let a session meet broken bytes, then a satellite."""
    served = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        served += 1
        with suppress(OSError):
            # Every other satellite describes itself before it fails.
            info = encode(SATELLITE_INFO.event())
            writer.write(info if served > 1 or len(broken) % 2 else b"")
            writer.write(broken if served == 1 else b"")
            await writer.drain()
            while served > 1 and await reader.read(1000):
                pass
        writer.close()

    listener = Listener()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        async with running(
            server.sockets[0].getsockname()[1], listener, retry_first=0.01
        ) as session:
            await until(lambda: served >= 2 and session.connected, 10)
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.fuzz
async def test_fuzz() -> None:
    """200 broken streams end no session: each connects again."""
    streams = list(broken_streams(7, 198))
    deep = json.dumps({"type": "info", "data": {}})[:-3].encode()
    streams.append(deep + b'{"asr":' * 5000 + b"1" + b"}" * 5002 + b"\n")
    streams.append(b'{"type": "ping", "data": {"text": "\\ud800"}}\n')
    for at in range(0, len(streams), 25):
        await asyncio.gather(*map(survive, streams[at : at + 25]))
