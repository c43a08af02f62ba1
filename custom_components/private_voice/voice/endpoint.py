"""Decides when a person has finished speaking."""

from enum import StrEnum
from typing import Final

import numpy as np
from pymicro_vad import MicroVad

_FRAME_BYTES: Final = 320
"""10 ms of 16 kHz, 16 bit, mono: what microVAD judges at a time."""

_FRAME_SECONDS: Final = 0.01
_SPEECH_PROBABILITY: Final = 0.5
_WARM_UP_SPEECH_RMS: Final = 0.012
"""Loudness that counts as speech while the VAD warms up: a quiet room is below it."""

_SILENCE_RMS: Final = 0.0006
"""Below this nobody speaks; the VAD need not be asked."""


class Decision(StrEnum):
    """What a piece of audio says about the turn."""

    WAITING = "waiting"
    SPEAKING = "speaking"
    ENDED = "ended"
    NO_SPEECH = "no_speech"
    TOO_LONG = "too_long"


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
        min_speech: float = 0.3,
        no_speech_timeout: float = 6.0,
        max_seconds: float = 20.0,
    ) -> None:
        """Prepare a turn; all times are in seconds."""
        self._silence = silence
        self._min_speech = min_speech
        self._no_speech_timeout = no_speech_timeout
        self._max_seconds = max_seconds
        self._vad = MicroVad()
        self._rest = b""
        self._elapsed = 0.0
        self._speech = 0.0
        self._quiet = 0.0

    def feed(self, pcm: bytes) -> Decision:
        """Judge more audio, in pieces of any size."""
        data = self._rest + pcm
        whole = len(data) - len(data) % _FRAME_BYTES
        self._rest = data[whole:]
        for start in range(0, whole, _FRAME_BYTES):
            self._judge(data[start : start + _FRAME_BYTES])
        return self._decision()

    def _judge(self, frame: bytes) -> None:
        """Count a frame as speech or as pause."""
        self._elapsed += _FRAME_SECONDS
        if self._is_speech(frame):
            self._speech += _FRAME_SECONDS
            self._quiet = 0.0
        else:
            self._quiet += _FRAME_SECONDS
            if self._quiet > self._silence and self._speech < self._min_speech:
                self._speech = 0.0

    def _is_speech(self, frame: bytes) -> bool:
        """Ask the VAD, which says -1 until it has heard enough."""
        samples = np.frombuffer(frame, "<i2").astype(np.float32) / 32768
        loudness = float(np.sqrt(np.mean(samples * samples)))
        probability = self._vad.Process10ms(frame)
        if probability < 0:
            return loudness > _WARM_UP_SPEECH_RMS
        return loudness > _SILENCE_RMS and probability > _SPEECH_PROBABILITY

    def _decision(self) -> Decision:
        """Return what all audio so far says."""
        if self._elapsed >= self._max_seconds:
            return Decision.TOO_LONG
        if self._speech < self._min_speech:
            if self._elapsed >= self._no_speech_timeout:
                return Decision.NO_SPEECH
            return Decision.WAITING
        return Decision.ENDED if self._quiet >= self._silence else Decision.SPEAKING
