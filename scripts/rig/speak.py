"""Text-to-speech: the rig's voices behind Wyoming."""

import asyncio
from typing import Any

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event
from wyoming.info import Info, TtsProgram, TtsVoice
from wyoming.tts import Synthesize

from .voices import English, French, to_pcm
from .wyoming_server import COMMON, Handler, serve

_RATE = 22_050
_CHUNK = 4096


class SpeakHandler(Handler):
    """Speaks texts."""

    def __init__(self, voices: dict[str, English | French], *args: Any) -> None:
        """Prepare a connection."""
        super().__init__(*args)
        self._voices = voices

    async def handle(self, event: Event) -> bool:
        """Handle a frame."""
        if not Synthesize.is_type(event.type):
            return True
        request = Synthesize.from_event(event)
        wanted = request.voice
        name = wanted.name if wanted and wanted.name else "heart"
        if wanted and not wanted.name and (wanted.language or "").startswith("fr"):
            name = "siwis"
        voice = self._voices[name if name in self._voices else "heart"]
        audio = await asyncio.to_thread(voice.speak, request.text)
        pcm = to_pcm(audio, _RATE)
        sound = {"rate": _RATE, "width": 2, "channels": 1}
        await self.write_event(AudioStart(**sound).event())
        for start in range(0, len(pcm), _CHUNK):
            chunk = AudioChunk(audio=pcm[start : start + _CHUNK], **sound)
            await self.write_event(chunk.event())
        await self.write_event(AudioStop().event())
        return True


def main() -> None:
    """Serve."""
    voices: dict[str, English | French] = {v.name: v for v in (English(), French())}
    info = Info(
        tts=[
            TtsProgram(
                name="Voices",
                description="hibari and Kokoro",
                voices=[
                    TtsVoice(
                        name=v.name,
                        description=v.name,
                        languages=[v.language],
                        **COMMON,
                    )
                    for v in voices.values()
                ],
                **COMMON,
            )
        ]
    )
    serve(lambda *args: SpeakHandler(voices, *args), info)


if __name__ == "__main__":
    main()
