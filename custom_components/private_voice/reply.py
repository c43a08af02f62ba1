"""Speaks in a room: text to the speech service, its audio to the satellite."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
import io
import math
import re
from typing import TYPE_CHECKING
import wave

from homeassistant.components import ffmpeg, tts
from homeassistant.components.assist_pipeline import Pipeline
from homeassistant.core import HomeAssistant
import numpy as np

from .privacy.locality import Locality, async_engine_locality
from .wire.audio import AudioFormat
from .wire.errors import Reason, WireError

if TYPE_CHECKING:
    from .coordinator import SpeechServiceCoordinator
    from .hub import Hub

type Frame = AudioFormat | bytes

# Satellites play what their speaker command was started with; core sends this rate.
SPEAKER_FORMAT = AudioFormat(22050, 2, 1)

_SENTENCE_END = re.compile(r"(?<=[.!?…。])\s+")
_MIN_SENTENCE = 12
_CHUNK_BYTES = 4096


def tone(notes: tuple[float, ...], seconds: float = 0.12) -> bytes:
    """Return a short sound of sine notes (in Hz), faded so that it does not click."""
    count = int(SPEAKER_FORMAT.rate * seconds)
    time = np.arange(count) / SPEAKER_FORMAT.rate
    fade = np.minimum(1.0, np.minimum(time, seconds - time) / 0.015)
    waves = [np.sin(2 * math.pi * note * time) * fade for note in notes]
    samples = (np.concatenate(waves) * 0.3 * 32767).astype("<i2")
    return bytes(samples.tobytes())


CHIME = tone((659.3, 880.0))
"""Heard before an announcement."""

FAILURE = tone((440.0, 311.1), 0.18)
"""Heard where a reason cannot be spoken."""


async def frames_of(pcm: bytes) -> AsyncGenerator[Frame]:
    """Yield a sound of ours as frames."""
    yield SPEAKER_FORMAT
    for start in range(0, len(pcm), _CHUNK_BYTES):
        yield pcm[start : start + _CHUNK_BYTES]


async def sentences(pieces: AsyncIterator[str]) -> AsyncGenerator[str]:
    """Yield whole sentences of a text that is still being written."""
    text = ""
    async for piece in pieces:
        text += piece
        *whole, rest = _SENTENCE_END.split(text)
        ready = ""
        for sentence in whole:
            ready = f"{ready} {sentence}".strip()
            if len(ready) >= _MIN_SENTENCE:
                yield ready
                ready = ""
        text = f"{ready} {rest}" if ready else rest
    if text.strip():
        yield text.strip()


async def _frames_of_service(
    service: SpeechServiceCoordinator,
    text: str | AsyncIterator[str],
    voice: str | None,
    language: str | None,
) -> AsyncGenerator[Frame]:
    """Yield the audio of one of our speech services."""
    streams = any(p.supports_synthesize_streaming for p in service.info.tts)
    if isinstance(text, str) or streams:
        parts: list[str | AsyncIterator[str]] = [text]
        async for frame in _synthesize_all(service, parts, voice, language, streams):
            yield frame
        return
    sounding: AudioFormat | None = None
    async for sentence in sentences(text):
        async for frame in service.client.synthesize(
            sentence, voice=voice, language=language
        ):
            if frame != sounding:
                yield frame
            if isinstance(frame, AudioFormat):
                sounding = frame


async def _synthesize_all(
    service: SpeechServiceCoordinator,
    parts: list[str | AsyncIterator[str]],
    voice: str | None,
    language: str | None,
    streams: bool,
) -> AsyncGenerator[Frame]:
    """Yield the audio of texts one after the other."""
    for part in parts:
        async for frame in service.client.synthesize(
            part,
            voice=voice,
            language=language,
            streaming=streams and not isinstance(part, str),
        ):
            yield frame


async def _frames_of_engine(
    hass: HomeAssistant, pipeline: Pipeline, text: str
) -> AsyncGenerator[Frame]:
    """Yield the audio of another integration's engine, leaving no copy behind.

    Raises:
        WireError: The engine is not on this network: no text goes there.
    """
    engine = pipeline.tts_engine or ""
    if await async_engine_locality(hass, engine) is not Locality.LOCAL:
        raise WireError(Reason.NOT_LOCAL, "text-to-speech engine")
    options = {
        tts.ATTR_PREFERRED_FORMAT: "wav",
        tts.ATTR_PREFERRED_SAMPLE_RATE: SPEAKER_FORMAT.rate,
        tts.ATTR_PREFERRED_SAMPLE_CHANNELS: SPEAKER_FORMAT.channels,
        tts.ATTR_PREFERRED_SAMPLE_BYTES: SPEAKER_FORMAT.width,
    }
    if pipeline.tts_voice is not None:
        options[tts.ATTR_VOICE] = pipeline.tts_voice
    stream = tts.async_create_stream(
        hass,
        engine=engine,
        language=pipeline.tts_language,
        options=options,
    )

    async def whole() -> AsyncGenerator[str]:
        yield text

    # A text that comes in pieces is never filed, not even a single piece.
    stream.async_set_message_stream(whole())
    try:
        data = b"".join([piece async for piece in stream.async_stream_result()])
    finally:
        stream.delete()
    with wave.open(io.BytesIO(data)) as wav:
        yield AudioFormat(wav.getframerate(), wav.getsampwidth(), wav.getnchannels())
        while pcm := wav.readframes(_CHUNK_BYTES // 2):
            yield pcm


async def frames_of_text(
    hub: Hub, pipeline: Pipeline, text: str | AsyncIterator[str]
) -> AsyncGenerator[Frame]:
    """Yield the audio of a text in the voice of a pipeline.

    Raises:
        WireError: No speech service speaks it, or it failed.
    """
    language = pipeline.tts_language or pipeline.language
    service = hub.text_to_speech(pipeline.tts_engine, language)
    if service is not None:
        voice = pipeline.tts_voice or service.voice_for(language)
        async for frame in _frames_of_service(service, text, voice, language):
            yield frame
        return
    if pipeline.tts_engine is None:
        raise WireError(Reason.UNREACHABLE, "no text-to-speech service")
    whole = text if isinstance(text, str) else "".join([part async for part in text])
    async for frame in _frames_of_engine(hub.hass, pipeline, whole):
        yield frame


async def frames_of_media(hass: HomeAssistant, url: str) -> AsyncGenerator[Frame]:
    """Yield the audio of a media URL, decoded by ffmpeg.

    Raises:
        WireError: It could not be decoded.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            ffmpeg.get_ffmpeg_manager(hass).binary,
            "-protocol_whitelist",
            "http,https,file,tcp,tls",
            "-i",
            url,
            "-f",
            "s16le",
            "-ac",
            str(SPEAKER_FORMAT.channels),
            "-ar",
            str(SPEAKER_FORMAT.rate),
            "-nostats",
            "pipe:",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            close_fds=False,
        )
    except OSError as err:
        raise WireError(Reason.UNREACHABLE, "ffmpeg") from err
    assert process.stdout is not None
    heard = False
    try:
        yield SPEAKER_FORMAT
        while pcm := await process.stdout.read(_CHUNK_BYTES):
            heard = True
            yield pcm
    finally:
        if process.returncode is None and not process.stdout.at_eof():
            process.kill()
        await process.wait()
    if not heard:
        raise WireError(Reason.REMOTE_ERROR, "media could not be decoded")
