"""Asks a speech service: one connection per request, nothing left behind."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from enum import StrEnum
import re
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
from .description import parse_info
from .errors import Reason, WireError
from .exchange import Exchange, exchanging

_SEND_BYTES = 3200
"""100 ms: fewer frames than the 10 ms pieces that Home Assistant hands out."""

_FORMAT = {"rate": 16_000, "width": 2, "channels": 1}
_MAX_TEXT = 64 * 1024
_MAX_SPEECH_SECONDS = 600.0
_VERSION = re.compile(r"_v\d[\d.]*$")


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
    intent: str | None = None
    """What was recognised, by services that leave handling to who asks."""

    entities: dict[str, Any] = field(default_factory=dict)
    """The values of the intent by name."""


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
        wake_timeout: float = 2.0,
    ) -> None:
        """Set the address, and how long to wait (seconds)."""
        self.host = host
        self.port = port
        self._connect_timeout = connect_timeout
        self._reply_timeout = reply_timeout
        self._wake_timeout = min(wake_timeout, reply_timeout)

    def update_address(self, host: str, port: int) -> None:
        """Ask at another address from the next request on."""
        self.host, self.port = host, port

    async def _connect(self) -> Connection:
        """Open a connection."""
        return await open_connection(self.host, self.port, self._connect_timeout)

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
            request = _send(connection, audio)
            async with exchanging(connection, request, self._reply_timeout) as exchange:
                return await self._transcript(exchange, on_partial)

    async def _transcript(
        self, exchange: Exchange, on_partial: Callable[[str], None] | None
    ) -> str:
        """Return the transcript, whole or collected from its parts."""
        partial = ""
        while (event := await exchange.next()) is not None:
            if event.type == "transcript":
                return _text_of(event)
            if event.type == "transcript-chunk":
                partial = (partial + _text_of(event))[:_MAX_TEXT]
                if on_partial is not None:
                    on_partial(partial)
            elif event.type == "transcript-stop":
                return partial
        raise WireError(Reason.TIMED_OUT, "no transcript")

    async def detect(
        self, audio: AsyncIterable[bytes], names: list[str] | None = None
    ) -> DetectedWord | None:
        """Return the first wake word in audio, None if it ends without.

        Raises:
            WireError: The service failed.
        """
        async with await self._connect() as connection:
            await connection.write(Detect(names=names).event())
            async with exchanging(
                connection, _send(connection, audio), self._wake_timeout
            ) as exchange:
                while (event := await exchange.next()) is not None:
                    if event.type == "not-detected":
                        break
                    if event.type == "detection":
                        word = _word_of(event)
                        if not names or _is_one_of(word.name, names):
                            return word
        return None

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
                request = connection.write(Synthesize(text=text, voice=wanted).event())
                last = "audio-stop"
            else:
                request = _write_text(connection, text, wanted)
                last = "synthesize-stopped"
            async with (
                exchanging(connection, request, self._reply_timeout) as exchange,
                aclosing(self._audio(exchange, last)) as frames,
            ):
                async for frame in frames:
                    yield frame

    async def _audio(
        self, exchange: Exchange, last: str
    ) -> AsyncGenerator[AudioFormat | bytes]:
        """Yield audio frames until one of a type comes."""
        sounding: AudioFormat | None = None
        seconds = 0.0
        while (event := await exchange.next()) is not None:
            if event.type == last:
                return
            if event.type not in ("audio-start", "audio-chunk"):
                continue
            if (stated := format_of(event)) != sounding:
                sounding = stated
                yield stated
            if event.payload:
                seconds += len(event.payload) / stated.bytes_per_second
                if seconds > _MAX_SPEECH_SECONDS:
                    raise WireError(Reason.TOO_LARGE, "speech without end")
                yield event.payload
                exchange.prolong()
        raise WireError(Reason.TIMED_OUT, "no audio")

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
        async with (
            await self._connect() as connection,
            exchanging(
                connection, connection.write(request.event()), self._reply_timeout
            ) as exchange,
        ):
            answer = ""
            while (event := await exchange.next()) is not None:
                if event.type in _ANSWERS:
                    return _result_of(event)
                if event.type == "handled-chunk":
                    answer = (answer + _text_of(event))[:_MAX_TEXT]
                elif event.type == "handled-stop":
                    return HandleResult(answer, True)
        raise WireError(Reason.TIMED_OUT, "no answer")


_ANSWERS = ("handled", "not-handled", "intent", "not-recognized")


def _result_of(event: Event) -> HandleResult:
    """Return the answer in a frame."""
    said, context = event.data.get("text"), event.data.get("context")
    name, entities = event.data.get("name"), event.data.get("entities")
    is_intent = event.type == "intent" and isinstance(name, str)
    return HandleResult(
        said if isinstance(said, str) else None,
        event.type == "handled",
        context if isinstance(context, dict) else None,
        name if is_intent else None,
        {
            entity["name"]: entity.get("value")
            for entity in (entities if isinstance(entities, list) else ())
            if isinstance(entity, dict) and isinstance(entity.get("name"), str)
        },
    )


def _word_of(event: Event) -> DetectedWord:
    """Return the wake word in a frame."""
    name, timestamp = event.data.get("name"), event.data.get("timestamp")
    return DetectedWord(
        name if isinstance(name, str) else None,
        timestamp if type(timestamp) is int else None,
    )


def _is_one_of(name: str | None, names: list[str]) -> bool:
    """Return whether a wake word is among those asked for.

    openWakeWord calls okay_nabu_v0.1 what it was asked for as okay_nabu.
    """
    plain = _VERSION.sub("", name or "")
    return name in names or plain in {_VERSION.sub("", each) for each in names}


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
