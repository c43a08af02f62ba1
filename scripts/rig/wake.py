"""Wake words: microWakeWord with the models of its package."""

from typing import Any

from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures, Model
from wyoming.audio import AudioChunk, AudioStop
from wyoming.event import Event
from wyoming.info import Info, WakeModel, WakeProgram
from wyoming.wake import Detect, Detection, NotDetected

from .wyoming_server import COMMON, Handler, serve, tell

_WORDS = {"okay_nabu": "okay nabu", "hey_jarvis": "hey jarvis", "alexa": "alexa"}


class WakeHandler(Handler):
    """Listens until a wake word is heard, then to the next one."""

    def __init__(self, *args: Any) -> None:
        """Prepare a connection."""
        super().__init__(*args)
        self._features = MicroWakeWordFeatures()
        self._models: dict[str, MicroWakeWord] = {}
        self._listen_for(list(_WORDS))

    def _listen_for(self, names: list[str]) -> None:
        """Load the models of some words."""
        self._features = MicroWakeWordFeatures()
        self._models = {
            name: MicroWakeWord.from_builtin(Model(name))
            for name in names
            if name in _WORDS
        }

    async def handle(self, event: Event) -> bool:
        """Handle a frame."""
        if Detect.is_type(event.type):
            self._listen_for(Detect.from_event(event).names or list(_WORDS))
        elif AudioChunk.is_type(event.type):
            chunk = AudioChunk.from_event(event)
            for features in self._features.process_streaming(chunk.audio):
                for name, model in self._models.items():
                    if model.process_streaming(features):
                        tell(woke=name)
                        await self.write_event(Detection(name=name).event())
                        model.reset()
        elif AudioStop.is_type(event.type):
            await self.write_event(NotDetected().event())
        return True


def main() -> None:
    """Serve."""
    models = [
        WakeModel(name=n, description=p, phrase=p, languages=["en"], **COMMON)
        for n, p in _WORDS.items()
    ]
    info = Info(
        wake=[
            WakeProgram(
                name="microWakeWord",
                description="microWakeWord",
                models=models,
                **COMMON,
            )
        ]
    )
    serve(WakeHandler, info)


if __name__ == "__main__":
    main()
