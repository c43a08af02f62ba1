"""The connection to one satellite, for as long as the room exists."""

import asyncio
from collections.abc import AsyncIterable, Callable
import contextlib
import logging
import random
import time

from wyoming.asr import Transcript
from wyoming.event import Event, Eventable
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.pipeline import PipelineStage, RunPipeline
from wyoming.satellite import PauseSatellite, RunSatellite
from wyoming.wake import Detection

from .audio import AudioFormat, PcmConverter, format_of
from .connection import Connection, open_connection
from .description import parse_info
from .errors import Reason, WireError
from .events import (
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
    StreamingStopped,
)
from .speaker import Speaker

__all__ = [
    "Audio",
    "AudioStarted",
    "AudioStopped",
    "Connected",
    "Detected",
    "Disconnected",
    "InfoUpdated",
    "PauseRead",
    "Played",
    "RunRequested",
    "SatelliteSession",
    "SessionEvent",
    "StreamingStarted",
    "StreamingStopped",
]

_LOGGER = logging.getLogger(__name__)

_DESCRIBE_TIMEOUT = 5.0
_RETRY_FIRST = 1.0
_RETRY_ABSENT = 10.0
"""A satellite that comes back is found soon: an attempt costs next to nothing."""

_RETRY_NONSENSE = 50.0
_NONSENSE = (Reason.NOT_WYOMING, Reason.TOO_LARGE, Reason.NOT_LOCAL)
_STABLE = 10.0
_MAX_MICROPHONE = 128 * 1024
_PING_EVERY = 2.0
_SILENT_TOO_LONG = 8.0


class SatelliteSession:
    """Keeps the connection, tells what comes in as typed events, sends what is asked.

    A satellite that answers pings is given up after 8 s of silence. One that never does
    (old firmware) is left to TCP keepalive, which notices a dead host as fast.
    """

    def __init__(
        self,
        host: str,
        port: int,
        listener: Callable[[SessionEvent], None],
        *,
        ping_every: float = _PING_EVERY,
        silent_too_long: float = _SILENT_TOO_LONG,
        retry_first: float = _RETRY_FIRST,
    ) -> None:
        """Prepare a session; times are in seconds."""
        self.host = host
        self.port = port
        self.info: Info | None = None
        self._listener = listener
        self._ping_every = ping_every
        self._silent_too_long = silent_too_long
        self._retry_first = retry_first
        self._connection: Connection | None = None
        self._streaming = False
        self._answers_pings = False
        self._pings = self._pongs = 0
        self._pause_ping: int | None = None
        """Number of the ping sent after a pause whose answer is still missing."""

        self._released = asyncio.Event()
        self._released.set()
        self._given_up = False
        self._heard_at = 0.0
        self._converter: tuple[AudioFormat, PcmConverter] | None = None
        self._speaker = Speaker(self.send, self._post)
        self._told_streaming: bool | None = None
        self._told_down = False
        self._hurry = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def connected(self) -> bool:
        """Return whether the satellite is there and has described itself."""
        return self._connection is not None and self.info is not None

    @property
    def answers_pings(self) -> bool:
        """Return whether the satellite has answered a ping on this connection."""
        return self._answers_pings

    @property
    def playing(self) -> bool:
        """Return whether audio is being played."""
        return self._speaker.playing

    # Life

    async def run(self) -> None:
        """Stay connected until cancelled."""
        delay = self._retry_first
        while True:
            await self._released.wait()
            begun = time.monotonic()
            reason = await self._run_once()
            if not self._released.is_set():
                continue
            self._tell_down(reason)
            if self._hurry.is_set() or time.monotonic() - begun > _STABLE:
                delay = self._retry_first
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay * random.uniform(0.8, 1.2)):
                    await self._hurry.wait()
            self._hurry.clear()
            longest = _RETRY_NONSENSE if reason in _NONSENSE else _RETRY_ABSENT
            delay = min(delay * 2, longest)

    def update_address(self, host: str, port: int) -> None:
        """Go to another address, at once."""
        if (host, port) == (self.host, self.port):
            return
        self.host, self.port = host, port
        self._hurry.set()
        if self._connection is not None:
            self._connection.abort()

    def hold(self, away: bool) -> None:
        """Cut the connection and stay away from the satellite, or come back."""
        if away is not self._released.is_set():
            return
        if not away:
            self._released.set()
            self._hurry.set()
            return
        self._released.clear()
        if self._connection is not None:
            self._connection.abort()

    async def stop(self) -> None:
        """Tell the satellite to rest and leave it."""
        self._streaming = False
        connection = self._connection
        if connection is None:
            return
        try:
            await connection.write(PauseSatellite().event(), timeout=1.0)
        except WireError:
            _LOGGER.debug("%s:%s left without a pause", self.host, self.port)
        await connection.close()

    async def _run_once(self) -> Reason:
        """Connect and read until the connection ends; return why it did."""
        reason = Reason.STOPPED
        self._given_up = False
        connection: Connection | None = None
        try:
            connection = await open_connection(self.host, self.port)
            connection.notice_loss(self._silent_too_long)
            self._heard_at = time.monotonic()
            await self._greet(connection)
            self._watch(connection)
            await self._read(connection)
        except WireError as err:
            reason = Reason.NO_PONG if self._given_up else err.reason
        finally:
            await self._end(connection, reason)
        return reason

    async def _greet(self, connection: Connection) -> None:
        """Ask who is there and, if the room may, let it stream."""
        await connection.write(Describe().event())
        try:
            async with asyncio.timeout(_DESCRIBE_TIMEOUT):
                while (event := await connection.read()).type != "info":
                    if event.type == "ping":
                        connection.post(Pong().event())
        except TimeoutError as err:
            raise WireError(Reason.TIMED_OUT, "no description") from err
        if not self._released.is_set():
            raise WireError(Reason.STOPPED)
        self.info = parse_info(event)
        self._connection = connection
        if self._told_down:
            _LOGGER.info("Satellite %s:%s is back", self.host, self.port)
            self._told_down = False
        self._emit(Connected(self.info))
        self._tell_streaming()

    async def _end(self, connection: Connection | None, reason: Reason) -> None:
        """Close and tell that the satellite is gone."""
        was_connected = self.connected
        self._connection = None
        self._answers_pings = False
        self._pings = self._pongs = 0
        self._pause_ping = None
        self._converter = None
        self._told_streaming = None
        self._speaker.on_lost()
        if self._timer is not None:
            self._timer.cancel()
        if connection is not None:
            await connection.close()
        if was_connected:
            self._emit(Disconnected(reason))

    def _tell_down(self, reason: Reason) -> None:
        """Log once that the satellite is gone."""
        if not self._told_down:
            self._told_down = True
            _LOGGER.info(
                "Satellite %s:%s is gone (%s)", self.host, self.port, reason.value
            )

    def _watch(self, connection: Connection) -> None:
        """Ping a quiet satellite and give up a silent one; again and again.

        One that plays may read our pings only after the sound before them.
        """
        now = time.monotonic()
        quiet = now - self._heard_at
        silent = now - max(self._heard_at, min(now, self._speaker.heard_until))
        if self._answers_pings and silent > self._silent_too_long:
            self._given_up = True
            connection.abort()
            return
        if quiet >= self._ping_every / 2 or not self._answers_pings:
            self._ping(connection)
        self._timer = asyncio.get_running_loop().call_later(
            self._ping_every, self._watch, connection
        )

    def _ping(self, connection: Connection) -> None:
        """Ask for a sign of life."""
        if connection.post(Ping(text="alive?").event()):
            self._pings += 1

    # What comes in

    async def _read(self, connection: Connection) -> None:
        """Take frames until the connection ends."""
        while True:
            event = await connection.read()
            self._heard_at = time.monotonic()
            if event.type == "audio-chunk":
                self._on_audio(event)
            elif event.type == "ping":
                text = event.data.get("text")
                connection.post(
                    Pong(text=text if isinstance(text, str) else None).event()
                )
            else:
                self._on_event(event)

    def _on_audio(self, event: Event) -> None:
        """Convert a piece of audio and pass it on."""
        if not event.payload:
            return
        if len(event.payload) > _MAX_MICROPHONE:
            raise WireError(Reason.TOO_LARGE, "microphone audio")
        stated = format_of(event)
        if self._converter is None or self._converter[0] != stated:
            self._converter = (stated, PcmConverter(stated))
        if pcm := self._converter[1].feed(event.payload):
            self._emit(Audio(pcm))

    def _on_event(self, event: Event) -> None:
        """Pass on what has a meaning for a room; the rest is left alone."""
        match event.type:
            case "pong":
                self._on_pong()
            case "info":
                self.info = parse_info(event)
                self._emit(InfoUpdated(self.info))
            case "detection":
                self._emit(self._detected(event))
            case "run-pipeline":
                self._emit(_run_requested(event))
            case "audio-start":
                # What another stream left over does not belong to this one.
                self._converter = None
                self._emit(AudioStarted(format_of(event)))
            case "audio-stop":
                self._emit(AudioStopped())
            case "played":
                self._speaker.on_played()
                self._emit(Played())
            case "streaming-started":
                self._emit(StreamingStarted())
            case "streaming-stopped":
                self._emit(StreamingStopped())

    def _on_pong(self) -> None:
        """Note a sign of life: frames are read in order, so those before it were."""
        self._answers_pings = True
        self._pongs += 1
        if self._pause_ping is not None and self._pongs >= self._pause_ping:
            self._pause_ping = None
            self._emit(PauseRead())

    def _detected(self, event: Event) -> Detected:
        """Return a detection with the phrase of its model."""
        name, speaker = event.data.get("name"), event.data.get("speaker")
        name = name if isinstance(name, str) else None
        phrase = None
        if self.info is not None:
            phrase = next(
                (m.phrase for p in self.info.wake for m in p.models if m.name == name),
                None,
            )
        return Detected(name, phrase, speaker if isinstance(speaker, str) else None)

    def _emit(self, event: SessionEvent) -> None:
        """Tell the listener, whose mistakes must not end the connection."""
        try:
            self._listener(event)
        except Exception as err:  # noqa: BLE001
            # The error's text may hold what was said: only its kind is told.
            _LOGGER.error("Listener failed: %s", type(err).__name__)

    # What goes out

    def set_streaming(self, allowed: bool) -> None:
        """Let the satellite stream, or make it pause; kept for later connections."""
        self._streaming = allowed
        self._tell_streaming()

    def _tell_streaming(self) -> None:
        """Tell the satellite whether it may stream, if it was told otherwise."""
        connection = self._connection
        if connection is None or self._told_streaming is self._streaming:
            return
        self._told_streaming = self._streaming
        request = RunSatellite() if self._streaming else PauseSatellite()
        if not connection.post(request.event()):
            # It must not go on as it was told before.
            connection.abort()
            return
        self._pause_ping = None
        if not self._streaming:
            self._ping(connection)
            self._pause_ping = self._pings

    def _post(self, event: Event) -> bool:
        """Send a frame where nobody can wait."""
        return self._connection is not None and self._connection.post(event)

    async def send(self, message: Event | Eventable) -> None:
        """Send a frame.

        Raises:
            WireError: The satellite is not there or does not read.
        """
        if self._connection is None:
            raise WireError(Reason.UNREACHABLE, "not connected")
        event = message if isinstance(message, Event) else message.event()
        await self._connection.write(event)

    async def transcript(self, text: str) -> None:
        """Tell that the command was heard: the satellite stops streaming it."""
        await self.send(Transcript(text=text))

    async def detection(self, name: str | None) -> None:
        """Tell that a wake word was heard in the satellite's stream."""
        await self.send(Detection(name=name))

    async def trigger(self) -> None:
        """Make the satellite listen, where it supports that."""
        await self.send(
            RunPipeline(start_stage=PipelineStage.ASR, end_stage=PipelineStage.TTS)
        )

    async def play(self, frames: AsyncIterable[AudioFormat | bytes]) -> float:
        """Play audio and wait until it is heard; return its length in seconds.

        Raises:
            WireError: The satellite went away, or whoever makes the audio failed.
        """
        return await self._speaker.play(frames)


def _run_requested(event: Event) -> RunRequested:
    """Return what a satellite asks for.

    Raises:
        WireError: It is not understandable.
    """
    start, end = event.data.get("start_stage"), event.data.get("end_stage")
    if not isinstance(start, str) or not isinstance(end, str):
        raise WireError(Reason.NOT_WYOMING, "run-pipeline")
    name = event.data.get("wake_word_name")
    return RunRequested(
        start=start,
        end=end,
        wake_word_name=name if isinstance(name, str) else None,
        restart_on_end=event.data.get("restart_on_end") is True,
    )
