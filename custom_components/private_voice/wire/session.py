"""The connection to one satellite, for as long as the room exists."""

import asyncio
from collections.abc import AsyncIterable, Callable
import logging
import random
import time

from wyoming.asr import Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event, Eventable
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.pipeline import PipelineStage, RunPipeline
from wyoming.satellite import PauseSatellite, RunSatellite
from wyoming.wake import Detection

from .audio import AudioFormat, PcmConverter, format_of
from .connection import Connection, open_connection
from .errors import Reason, WireError
from .events import (
    Audio,
    AudioStarted,
    AudioStopped,
    Connected,
    Detected,
    Disconnected,
    InfoUpdated,
    Played,
    RunRequested,
    SessionEvent,
    StreamingStarted,
    StreamingStopped,
)
from .service import parse_info

__all__ = [
    "Audio",
    "AudioStarted",
    "AudioStopped",
    "Connected",
    "Detected",
    "Disconnected",
    "InfoUpdated",
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
_RETRY_LONGEST = 60.0
_PING_EVERY = 2.0
_SILENT_TOO_LONG = 8.0
_CHUNK_BYTES = 4096
_PLAYED_GRACE = 0.5


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
        self._given_up = False
        self._heard_at = 0.0
        self._converter: tuple[AudioFormat, PcmConverter] | None = None
        self._playing = asyncio.Lock()
        self._played = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._told_down = False

    @property
    def connected(self) -> bool:
        """Return whether the satellite is there and has described itself."""
        return self._connection is not None and self.info is not None

    @property
    def playing(self) -> bool:
        """Return whether audio is being played."""
        return self._playing.locked()

    # Life

    async def run(self) -> None:
        """Stay connected until cancelled."""
        delay = self._retry_first
        while True:
            begun = time.monotonic()
            reason = await self._run_once()
            self._tell_down(reason)
            if time.monotonic() - begun > _RETRY_LONGEST:
                delay = self._retry_first
            await asyncio.sleep(delay * random.uniform(0.8, 1.2))
            delay = min(delay * 2, _RETRY_LONGEST)

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
        watchdog: asyncio.Task[None] | None = None
        connection: Connection | None = None
        try:
            connection = await open_connection(self.host, self.port)
            self._heard_at = asyncio.get_running_loop().time()
            await self._greet(connection)
            watchdog = asyncio.create_task(self._watch(connection))
            await self._read(connection)
        except WireError as err:
            reason = err.reason
            if self._given_up:
                reason = Reason.NO_PONG
        finally:
            if watchdog is not None:
                watchdog.cancel()
            await self._end(connection, reason)
        return reason

    async def _greet(self, connection: Connection) -> None:
        """Ask who is there and, if the room may, let it stream."""
        await connection.write(Describe().event())
        try:
            async with asyncio.timeout(_DESCRIBE_TIMEOUT):
                while (event := await connection.read()).type != "info":
                    if event.type == "ping":
                        await connection.write(Pong().event())
        except TimeoutError as err:
            raise WireError(Reason.TIMED_OUT, "no description") from err
        self.info = parse_info(event)
        self._connection = connection
        if self._told_down:
            _LOGGER.info("Satellite %s:%s is back", self.host, self.port)
            self._told_down = False
        self._emit(Connected(self.info))
        await self._send_streaming(connection)

    async def _end(self, connection: Connection | None, reason: Reason) -> None:
        """Close and tell that the satellite is gone."""
        was_connected = self.connected
        self._connection = None
        self._answers_pings = False
        self._converter = None
        self._played.set()
        for task in list(self._tasks):
            task.cancel()
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

    async def _watch(self, connection: Connection) -> None:
        """Ping a quiet satellite and close the connection to a silent one."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._ping_every)
            silent = loop.time() - self._heard_at
            if self._answers_pings and silent > self._silent_too_long:
                self._given_up = True
                break
            try:
                if silent >= self._ping_every / 2 or not self._answers_pings:
                    await connection.write(Ping(text="alive?").event())
            except WireError as err:
                self._given_up = err.reason is Reason.TIMED_OUT
                break
        await connection.close()

    # What comes in

    async def _read(self, connection: Connection) -> None:
        """Take frames until the connection ends."""
        loop = asyncio.get_running_loop()
        while True:
            event = await connection.read()
            self._heard_at = loop.time()
            if event.type == "audio-chunk":
                self._on_audio(event)
            elif event.type == "ping":
                text = event.data.get("text")
                await connection.write(
                    Pong(text=text if isinstance(text, str) else None).event()
                )
            else:
                self._on_event(event)

    def _on_audio(self, event: Event) -> None:
        """Convert a piece of audio and pass it on."""
        if not event.payload:
            return
        stated = format_of(event)
        if self._converter is None or self._converter[0] != stated:
            self._converter = (stated, PcmConverter(stated))
        if pcm := self._converter[1].feed(event.payload):
            self._emit(Audio(pcm))

    def _on_event(self, event: Event) -> None:
        """Pass on what has a meaning for a room; the rest is left alone."""
        match event.type:
            case "pong":
                self._answers_pings = True
            case "info":
                self.info = parse_info(event)
                self._emit(InfoUpdated(self.info))
            case "detection":
                self._emit(self._detected(event))
            case "run-pipeline":
                self._emit(_run_requested(event))
            case "audio-start":
                self._emit(AudioStarted(format_of(event)))
            case "audio-stop":
                self._emit(AudioStopped())
            case "played":
                self._played.set()
                self._emit(Played())
            case "streaming-started":
                self._emit(StreamingStarted())
            case "streaming-stopped":
                self._emit(StreamingStopped())

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
        if self.connected and self._connection is not None:
            task = asyncio.create_task(self._send_streaming(self._connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send_streaming(self, connection: Connection) -> None:
        """Tell the satellite whether it may stream."""
        request = RunSatellite() if self._streaming else PauseSatellite()
        try:
            await connection.write(request.event())
        except WireError:
            await connection.close()

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
        async with self._playing:
            self._played.clear()
            seconds, begun = 0.0, time.monotonic()
            sounding: AudioFormat | None = None
            try:
                async for frame in frames:
                    if isinstance(frame, AudioFormat):
                        if sounding not in (None, frame):
                            await self.send(AudioStop())
                        sounding = frame
                        await self._send_start(frame)
                    elif sounding is not None:
                        seconds += len(frame) / sounding.bytes_per_second
                        await self._send_pcm(frame, sounding)
            finally:
                if sounding is not None and self._connection is not None:
                    await self.send(AudioStop())
            await self._wait_played(seconds - (time.monotonic() - begun))
            return seconds

    async def _send_start(self, sounding: AudioFormat) -> None:
        """Announce audio."""
        await self.send(
            AudioStart(
                rate=sounding.rate, width=sounding.width, channels=sounding.channels
            )
        )

    async def _send_pcm(self, pcm: bytes, sounding: AudioFormat) -> None:
        """Send audio in frames that a small satellite can hold."""
        for start in range(0, len(pcm), _CHUNK_BYTES):
            await self.send(
                AudioChunk(
                    rate=sounding.rate,
                    width=sounding.width,
                    channels=sounding.channels,
                    audio=pcm[start : start + _CHUNK_BYTES],
                )
            )

    async def _wait_played(self, seconds: float) -> None:
        """Wait until the satellite says that it played, or must have."""
        try:
            async with asyncio.timeout(max(0.0, seconds) + _PLAYED_GRACE):
                await self._played.wait()
        except TimeoutError:
            pass
        if self._connection is None:
            raise WireError(Reason.CLOSED, "while playing")


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
