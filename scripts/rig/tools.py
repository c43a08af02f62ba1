"""Speech for the rig's own use, and a search for words that were kept."""

from collections.abc import Iterable
import json
from pathlib import Path

from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.tts import Synthesize, SynthesizeVoice

from .processes import Service

_MIC = {"rate": 16_000, "width": 2, "channels": 1}
_RATE = 22_050


def to_16k(pcm: bytes) -> bytes:
    """Return 22.05 kHz audio at 16 kHz (linear: enough for a transcript)."""
    import numpy as np  # noqa: PLC0415

    audio = np.frombuffer(pcm[: len(pcm) & ~1], "<i2")
    count = int(len(audio) * _MIC["rate"] / _RATE)
    at = np.arange(count) * _RATE / _MIC["rate"]
    return bytes(np.interp(at, np.arange(len(audio)), audio).astype("<i2").tobytes())


def files_with(folder: Path, words: Iterable[str]) -> list[str]:
    """Return the files below a folder in which words stand, in any usual form."""
    forms = {
        form
        for text in words
        if (plain := text.strip(" .,!?").lower())
        for form in (plain.encode(), json.dumps(plain)[1:-1].encode())
    }
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        content = path.read_bytes().decode("utf-8", "replace").lower().encode()
        if any(form in content for form in forms):
            found.append(str(path.relative_to(folder)))
    return found


class Speech:
    """The rig's speech services, asked directly."""

    def __init__(self, whisper: Service, voices: Service) -> None:
        """Use two services."""
        self._whisper = whisper
        self._voices = voices

    async def say(self, text: str, voice: str) -> bytes:
        """Return a person saying something, at 16 kHz."""
        pcm = bytearray()
        async with AsyncTcpClient("127.0.0.1", self._voices.port) as client:
            wanted = SynthesizeVoice(name=voice)
            await client.write_event(Synthesize(text=text, voice=wanted).event())
            while (event := await client.read_event()) is not None:
                if AudioChunk.is_type(event.type):
                    pcm += AudioChunk.from_event(event).audio
                elif AudioStop.is_type(event.type):
                    break
        return to_16k(bytes(pcm))

    async def text_of(self, pcm: bytes, language: str) -> str:
        """Return what a speaker (22.05 kHz) said."""
        if not pcm:
            return ""
        async with AsyncTcpClient("127.0.0.1", self._whisper.port) as client:
            await client.write_event(Transcribe(language=language).event())
            await client.write_event(AudioStart(**_MIC).event())
            chunk = AudioChunk(audio=to_16k(pcm), **_MIC)
            await client.write_event(chunk.event())
            await client.write_event(AudioStop().event())
            while (event := await client.read_event()) is not None:
                if Transcript.is_type(event.type):
                    return Transcript.from_event(event).text
        return ""
