"""Decides when a person has finished speaking.

microVAD looks back over three quarters of a second and says nothing before it has heard that
much; a person who speaks at once may have said half a command by then. So each turn begins
with that much silence, which takes a millisecond, and the first sample is judged as any other.
"""

from enum import StrEnum
from typing import Final

import numpy as np
from pymicro_vad import MicroVad

_FRAME_BYTES: Final = 320
"""10 ms of 16 kHz, 16 bit, mono: what microVAD judges at a time."""

_FRAMES_PER_SECOND: Final = 100

# Home Assistant's thresholds: to be taken for a beginning it takes less than to go on.
_BEGINS: Final = 0.2
_GOES_ON: Final = 0.5

_LOOKS_BACK: Final = 76
"""Frames until microVAD judges."""

_SILENT: Final = 0.0006
"""Below this loudness (RMS, 0 to 1) nobody speaks, whatever the VAD remembers."""

_FORGET_NOISE_AFTER: Final = 100
"""Frames of quiet after which a sound too short to be speech counts for nothing."""


class Decision(StrEnum):
    """What a piece of audio says about the turn."""

    WAITING = "waiting"
    SPEAKING = "speaking"
    ENDED = "ended"
    NO_SPEECH = "no_speech"
    TOO_LONG = "too_long"


_UNDECIDED: Final = (Decision.WAITING, Decision.SPEAKING)


class FinishedSpeaking(StrEnum):
    """How soon a pause is taken for the end; the names are Home Assistant's."""

    DEFAULT = "default"
    RELAXED = "relaxed"
    AGGRESSIVE = "aggressive"

    @property
    def silence(self) -> float:
        """Return the pause in seconds, as ``VadSensitivity.to_seconds`` has it."""
        return {"relaxed": 1.25, "aggressive": 0.25}.get(self.value, 0.7)


class Endpointer:
    """Follows one turn, from the first sample to the end of speech."""

    def __init__(
        self,
        silence: float = 0.7,
        *,
        min_speech: float = 0.2,
        no_speech_timeout: float = 6.0,
        max_seconds: float = 20.0,
    ) -> None:
        """Prepare a turn; all times are in seconds."""
        self._silence = _frames(silence)
        self._min_speech = _frames(min_speech)
        self._no_speech_timeout = _frames(no_speech_timeout)
        self._max = _frames(max_seconds)
        self._vad = MicroVad()
        for _ in range(_LOOKS_BACK):
            self._vad.Process10ms(bytes(_FRAME_BYTES))
        self._rest = b""
        self._elapsed = 0
        self._speech = 0
        self._quiet = 0
        self._decision = Decision.WAITING

    def feed(self, pcm: bytes) -> Decision:
        """Judge more audio, in pieces of any size; what ends the turn stays said."""
        data = self._rest + pcm
        whole = len(data) - len(data) % _FRAME_BYTES
        self._rest = data[whole:]
        for start in range(0, whole, _FRAME_BYTES):
            if self._decision not in _UNDECIDED:
                break
            self._judge(data[start : start + _FRAME_BYTES])
            self._decision = self._decide()
        return self._decision

    def _judge(self, frame: bytes) -> None:
        """Count a frame as speech or as pause."""
        self._elapsed += 1
        samples = np.frombuffer(frame, "<i2").astype(np.float32) / 32768
        loudness = float(np.sqrt(np.mean(samples * samples)))
        threshold = _BEGINS if self._speech < self._min_speech else _GOES_ON
        heard = self._vad.Process10ms(frame) > threshold
        # The VAD's late yes counts for a short word that is over; a pause begins at once.
        self._speech += heard
        self._quiet = 0 if heard and loudness > _SILENT else self._quiet + 1
        if self._speech < self._min_speech and self._quiet >= _FORGET_NOISE_AFTER:
            self._speech = 0

    def _decide(self) -> Decision:
        """Return what all audio so far says."""
        if self._elapsed >= self._max:
            return Decision.TOO_LONG
        if self._speech >= self._min_speech:
            ended = self._quiet >= self._silence
            return Decision.ENDED if ended else Decision.SPEAKING
        if self._speech == 0 and self._elapsed >= self._no_speech_timeout:
            return Decision.NO_SPEECH
        return Decision.WAITING


def _frames(seconds: float) -> int:
    """Return how many frames a time has."""
    return round(seconds * _FRAMES_PER_SECOND)
