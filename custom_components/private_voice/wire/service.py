"""Asks a speech service: one connection per request, nothing left behind."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeVoice,
)
from wyoming.wake import Detect

from .audio import AudioFormat, format_of
from .connection import CONNECT_TIMEOUT, Connection, open_connection
from .errors import Reason, WireError

_SEND_BYTES = 3200
"""100 ms: fewer frames than the 10 ms pieces that Home Assistant hands out."""

_FORMAT = {"rate": 16_000, "width": 2, "channels": 1}
_MAX_TEXT = 64 * 1024


class ServiceKind(StrEnum):
    """What a speech service offers."""

    STT = "stt"
    TTS = "tts"
    WAKE_WORD = "wake_word"
    HANDLE = "handle"
    SATELLITE = "satellite"


def kinds(info: Info) -> set[ServiceKind]:
    """Return what is installed of what a peer describes."""
    found = {
        kind
        for kind, programs in (
            (ServiceKind.STT, info.asr),
            (ServiceKind.TTS, info.tts),
            (ServiceKind.WAKE_WORD, info.wake),
            (ServiceKind.HANDLE, [*info.handle, *info.intent]),
        )
        if any(program.installed for program in programs)
    }
    if info.satellite is not None and info.satellite.installed:
        found.add(ServiceKind.SATELLITE)
    return found


def parse_info(event: Event) -> Info:
    """Return the description in a frame.

    Raises:
        WireError: It is none.
    """
    try:
        return Info.from_event(event)
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        raise WireError(Reason.NOT_WYOMING, "description") from err


@dataclass(frozen=True)
class DetectedWord:
    """A wake word that a service heard."""

    name: str | None
    timestamp: int | None
    """Milliseconds in the audio."""


@dataclass(frozen=True, repr=False)
class HandleResult:
    """The answer of a service that handles texts."""

    text: str | None
    handled: bool
    context: dict[str, Any] | None = None


def _text_of(event: Event) -> str:
    """Return the text of a frame.

    Raises:
        WireError: It has none.
    """
    text = event.data.get("text")
    if not isinstance(text, str):
        raise WireError(Reason.NOT_WYOMING, "no text")
    return text


class ServiceClient:
    """A speech service at an address."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        connect_timeout: float = CONNECT_TIMEOUT,
        reply_timeout: float = 12.0,
    ) -> None:
        """Set the address, and how long to wait (seconds)."""
        self.host = host
        self.port = port
        self._connect_timeout = connect_timeout
        self._reply_timeout = reply_timeout

    def _connect(self) -> Any:
        """Open a connection."""
        return open_connection(self.host, self.port, self._connect_timeout)

    async def _read(self, connection: Connection, timeout: float) -> Event:
        """Return the next frame in time; an error frame is an error."""
        try:
            async with asyncio.timeout(timeout):
                event = await connection.read()
        except TimeoutError as err:
            raise WireError(Reason.TIMED_OUT, "no answer") from err
        if event.type == "error":
            raise WireError(Reason.REMOTE_ERROR)
        return event

    async def describe(self, timeout: float = 5.0) -> Info:
        """Return what the service says it is.

        Raises:
            WireError: It could not be asked, or answered something else.
        """
        async with await self._connect() as connection:
            await connection.write(Describe().event())
            try:
                async with asyncio.timeout(timeout):
                    while (event := await connection.read()).type != "info":
                        pass
            except TimeoutError as err:
                raise WireError(Reason.TIMED_OUT, "no description") from err
            return parse_info(event)

    async def transcribe(
        self,
        audio: AsyncIterable[bytes],
        *,
        language: str | None,
        model: str | None = None,
        on_partial: Callable[[str], None] | None = None,
    ) -> str:
        """Return the text of audio (16 kHz, 16 bit, mono, in pieces of any size).

        The service may answer before the audio ends; the time limit runs from its end.

        Raises:
            WireError: The service failed.
        """
        async with await self._connect() as connection:
            await connection.write(Transcribe(name=model, language=language).event())
            async with _sending(connection, audio) as sent:
                return await self._transcript(connection, sent, on_partial)

    async def _transcript(
        self,
        connection: Connection,
        sent: asyncio.Task[None],
        on_partial: Callable[[str], None] | None,
    ) -> str:
        """Return the transcript, whole or collected from its parts."""
        partial = ""
        while True:
            event = await self._read_while(connection, sent)
            if event.type == "transcript":
                return _text_of(event)
            if event.type == "transcript-chunk":
                partial = (partial + _text_of(event))[:_MAX_TEXT]
                if on_partial is not None:
                    on_partial(partial)
            elif event.type == "transcript-stop" and partial:
                return partial

    async def _read_while(
        self, connection: Connection, sent: asyncio.Task[None]
    ) -> Event:
        """Return the next frame; while audio is still sent there is time."""
        reading = asyncio.create_task(connection.read())
        try:
            if not sent.done():
                await asyncio.wait({reading, sent}, return_when=asyncio.FIRST_COMPLETED)
            if sent.done() and not reading.done():
                await sent
                await asyncio.wait({reading}, timeout=self._reply_timeout)
            if not reading.done():
                raise WireError(Reason.TIMED_OUT, "no answer")
            event = reading.result()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        if event.type == "error":
            raise WireError(Reason.REMOTE_ERROR)
        return event

    async def detect(
        self, audio: AsyncIterable[bytes], names: list[str] | None = None
    ) -> DetectedWord | None:
        """Return the first wake word in audio, None if it ends without.

        Raises:
            WireError: The service failed.
        """
        async with await self._connect() as connection:
            await connection.write(Detect(names=names).event())
            async with _sending(connection, audio) as sent:
                while True:
                    try:
                        event = await self._read_while(connection, sent)
                    except WireError as err:
                        if err.reason is Reason.TIMED_OUT and sent.done():
                            return None
                        raise
                    if event.type == "not-detected":
                        return None
                    name = event.data.get("name")
                    if event.type == "detection" and (not names or name in names):
                        timestamp = event.data.get("timestamp")
                        return DetectedWord(
                            name if isinstance(name, str) else None,
                            timestamp if isinstance(timestamp, int) else None,
                        )

    async def synthesize(
        self,
        text: str | AsyncIterable[str],
        *,
        voice: str | None = None,
        language: str | None = None,
        speaker: str | None = None,
        streaming: bool = False,
    ) -> AsyncGenerator[AudioFormat | bytes]:
        """Yield the format and then the audio of a text, as it comes.

        With streaming the service gets the text while it is written.

        Raises:
            WireError: The service failed.
        """
        if isinstance(text, str):
            streaming = False
        elif not streaming:
            text = "".join([piece async for piece in text])
        wanted = None
        if voice or language:
            wanted = SynthesizeVoice(
                name=voice, language=None if voice else language, speaker=speaker
            )
        async with await self._connect() as connection:
            if isinstance(text, str):
                await connection.write(Synthesize(text=text, voice=wanted).event())
                async for frame in self._audio(connection, "audio-stop"):
                    yield frame
                return
            writing = asyncio.create_task(_write_text(connection, text, wanted))
            try:
                async for frame in self._audio(connection, "synthesize-stopped"):
                    yield frame
            finally:
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)

    async def _audio(
        self, connection: Connection, last: str
    ) -> AsyncGenerator[AudioFormat | bytes]:
        """Yield audio frames until one of a type comes."""
        sounding: AudioFormat | None = None
        while (event := await self._read(connection, self._reply_timeout)).type != last:
            if event.type not in ("audio-start", "audio-chunk"):
                continue
            if (stated := format_of(event)) != sounding:
                sounding = stated
                yield stated
            if event.payload:
                yield event.payload

    async def handle(
        self,
        text: str,
        *,
        language: str | None,
        context: dict[str, Any] | None = None,
    ) -> HandleResult:
        """Return the answer of a service that handles texts.

        Raises:
            WireError: The service failed.
        """
        request = Transcript(text=text, language=language, context=context)
        async with await self._connect() as connection:
            await connection.write(request.event())
            answer = ""
            while True:
                event = await self._read(connection, self._reply_timeout)
                if event.type in ("handled", "not-handled", "not-recognized"):
                    said = event.data.get("text")
                    return HandleResult(
                        said if isinstance(said, str) else None,
                        event.type == "handled",
                        event.data.get("context"),
                    )
                if event.type == "handled-chunk":
                    answer = (answer + _text_of(event))[:_MAX_TEXT]
                elif event.type == "handled-stop":
                    return HandleResult(answer, True)


@asynccontextmanager
async def _sending(
    connection: Connection, audio: AsyncIterable[bytes]
) -> AsyncIterator[asyncio.Task[None]]:
    """Send audio beside the block; none is sent after it."""
    task = asyncio.create_task(_send(connection, audio))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _send(connection: Connection, audio: AsyncIterable[bytes]) -> None:
    """Send audio in frames of a useful size."""
    await connection.write(AudioStart(**_FORMAT).event())
    pending = bytearray()
    async for pcm in audio:
        pending += pcm
        while len(pending) >= _SEND_BYTES:
            await _send_chunk(connection, bytes(pending[:_SEND_BYTES]))
            del pending[:_SEND_BYTES]
    if pending:
        await _send_chunk(connection, bytes(pending))
    await connection.write(AudioStop().event())


async def _send_chunk(connection: Connection, pcm: bytes) -> None:
    """Send a frame of audio."""
    await connection.write(AudioChunk(audio=pcm, **_FORMAT).event())


async def _write_text(
    connection: Connection, text: AsyncIterable[str], voice: SynthesizeVoice | None
) -> None:
    """Write a text as it comes, and whole for services that don't take pieces."""
    whole = ""
    await connection.write(SynthesizeStart(voice=voice).event())
    async for piece in text:
        whole += piece
        await connection.write(SynthesizeChunk(text=piece).event())
    await connection.write(Synthesize(text=whole, voice=voice).event())
    await connection.write(SynthesizeStop().event())
