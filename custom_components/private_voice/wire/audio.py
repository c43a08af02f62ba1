"""PCM audio: its format, and its conversion to what speech services take."""

from dataclasses import dataclass
import math

import numpy as np
import numpy.typing as npt
from wyoming.event import Event

from .errors import Reason, WireError

type Samples = npt.NDArray[np.float32]

_RATES = range(8_000, 192_001)
_CHANNELS = range(1, 9)
_WIDTHS = range(1, 5)
_TAPS_PER_STEP = 16
_BLOCK = 2048
_MAX_BANK = 1 << 16


@dataclass(frozen=True)
class AudioFormat:
    """Rate in Hz, width in bytes per sample, channels."""

    rate: int
    width: int
    channels: int

    @property
    def bytes_per_second(self) -> int:
        """Return how many bytes a second has."""
        return self.rate * self.width * self.channels


SATELLITE_FORMAT = AudioFormat(16_000, 2, 1)
"""What rooms and speech-to-text work with."""


def format_of(event: Event) -> AudioFormat:
    """Return the format that an audio frame states.

    Raises:
        WireError: It states none, or one that no microphone has.
    """
    rate, width, channels = (
        value if type(value) is int else 0
        for value in map(event.data.get, ("rate", "width", "channels"))
    )
    if rate not in _RATES or width not in _WIDTHS or channels not in _CHANNELS:
        raise WireError(Reason.NOT_WYOMING, "audio format")
    return AudioFormat(rate, width, channels)


def _to_float(pcm: bytes, width: int) -> Samples:
    """Return little-endian samples in -1..1."""
    if width == 1:
        return (np.frombuffer(pcm, np.uint8).astype(np.float32) - 128) * np.float32(
            2**-7
        )
    if width == 2:
        return np.frombuffer(pcm, "<i2").astype(np.float32) * np.float32(2**-15)
    if width == 4:
        return np.frombuffer(pcm, "<i4").astype(np.float32) * np.float32(2**-31)
    # 24 bit: put each sample into the upper bytes of 32.
    wide = np.zeros((len(pcm) // 3, 4), np.uint8)
    wide[:, 1:] = np.frombuffer(pcm, np.uint8).reshape(-1, 3)
    return wide.view("<i4")[:, 0].astype(np.float32) * np.float32(2**-31)


def _to_pcm(samples: Samples) -> bytes:
    """Return 16 bit samples; what was 16 bit before is the same again."""
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2").tobytes()


class PcmConverter:
    """Converts a stream of PCM to 16 bit mono at another rate.

    Resampling is polyphase filtering with a windowed sinc (Smith, "Digital Audio
    Resampling"), cut off below half of the lower rate, over a buffer that carries what
    the next piece needs.
    """

    def __init__(
        self, source: AudioFormat, target: AudioFormat = SATELLITE_FORMAT
    ) -> None:
        """Prepare a conversion; the target is 16 bit mono."""
        self._source = source
        self._frame_bytes = source.width * source.channels
        self._rest = b""
        common = math.gcd(source.rate, target.rate)
        self._up, self._down = target.rate // common, source.rate // common
        self._same_rate = self._up == self._down
        scale = max(1.0, source.rate / target.rate)
        self._half = math.ceil(_TAPS_PER_STEP * scale)
        self._cutoff = 0.95 / scale
        self._bank: Samples | None = None
        if not self._same_rate and self._up * 2 * self._half <= _MAX_BANK:
            self._bank = self._weights(np.arange(self._up))
        self._buffer: Samples = np.zeros(self._half, np.float32)
        self._next = 0
        """Position of the next output, in 1/up of an input sample past the buffer's half."""

    def feed(self, pcm: bytes) -> bytes:
        """Return what can be said of the output so far."""
        if self._source == SATELLITE_FORMAT and self._same_rate and not self._rest:
            if len(pcm) % 2 == 0:
                return pcm
        data = self._rest + pcm
        whole = len(data) - len(data) % self._frame_bytes
        self._rest = data[whole:]
        # In blocks: a large piece must not need many times its memory.
        step = _BLOCK * self._frame_bytes
        return b"".join(
            self._convert(data[start : min(start + step, whole)])
            for start in range(0, whole, step)
        )

    def _convert(self, data: bytes) -> bytes:
        """Return the output of a block of whole frames."""
        samples = _to_float(data, self._source.width)
        if self._source.channels > 1:
            samples = samples.reshape(-1, self._source.channels).mean(axis=1)
        return _to_pcm(samples if self._same_rate else self._resample(samples))

    def flush(self) -> bytes:
        """Return the end of the output; the converter is done then."""
        if self._same_rate:
            return b""
        samples = self._resample(np.zeros(self._half, np.float32))
        return _to_pcm(samples)

    def _resample(self, samples: Samples) -> Samples:
        """Return the outputs whose inputs are all there."""
        buffer = np.concatenate((self._buffer, samples))
        usable = (len(buffer) - 2 * self._half) * self._up - self._next
        count = max(0, -(-usable // self._down))
        if count == 0:
            self._buffer = buffer
            return np.zeros(0, np.float32)
        positions = self._next + np.arange(count) * self._down
        phases = positions % self._up
        weights = self._weights(phases) if self._bank is None else self._bank[phases]
        windows = np.lib.stride_tricks.sliding_window_view(buffer, 2 * self._half)
        out: Samples = np.einsum(
            "ij,ij->i", windows[positions // self._up + 1], weights, dtype=np.float32
        )
        moved = int(self._next + count * self._down)
        self._next = moved % self._up
        self._buffer = buffer[moved // self._up :]
        return out

    def _weights(self, phases: npt.NDArray[np.int64]) -> Samples:
        """Return the filters for outputs that lie so far (1/up) past an input."""
        offset = (phases / self._up).astype(np.float32)
        taps = np.arange(-self._half + 1, self._half + 1, dtype=np.float32)
        distance = taps[None, :] - offset[:, None]
        weights: Samples = (
            self._cutoff
            * np.sinc(distance * self._cutoff)
            * np.cos(np.pi * distance / (2 * (self._half + 1))) ** 2
        ).astype(np.float32)
        return weights
