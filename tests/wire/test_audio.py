"""Conversion of PCM: pitch, loudness and pieces of any size."""

import random

import numpy as np
import pytest
from wyoming.event import Event

from custom_components.private_voice.wire.audio import (
    SATELLITE_FORMAT,
    AudioFormat,
    PcmConverter,
    format_of,
)
from custom_components.private_voice.wire.errors import Reason, WireError

FORMATS = [
    AudioFormat(48_000, 2, 2),
    AudioFormat(44_100, 2, 1),
    AudioFormat(44_100, 2, 2),
    AudioFormat(22_050, 2, 1),
    AudioFormat(8_000, 2, 1),
    AudioFormat(8_000, 1, 1),
    AudioFormat(16_000, 3, 1),
    AudioFormat(48_000, 3, 2),
    AudioFormat(16_000, 1, 1),
    AudioFormat(16_000, 4, 1),
    AudioFormat(192_000, 4, 8),
    AudioFormat(16_000, 2, 1),
    AudioFormat(16_000, 2, 2),
    AudioFormat(11_025, 2, 1),
    AudioFormat(16_001, 2, 1),
]


def name_of(source: AudioFormat) -> str:
    """Return a name for a test."""
    return f"{source.rate}-{source.width * 8}-{source.channels}"


def encoded(wave: np.ndarray, source: AudioFormat) -> bytes:
    """Return samples in -1..1 as PCM, the same in all channels."""
    wave = np.repeat(wave, source.channels)
    if source.width == 1:
        return np.round(wave * 127 + 128).astype(np.uint8).tobytes()
    whole = np.round(wave * (2 ** (8 * source.width - 1) - 1)).astype("<i8")
    return (
        whole.astype("<i8").view(np.uint8).reshape(-1, 8)[:, : source.width].tobytes()
    )


def sine(
    source: AudioFormat, hertz: float = 440, amplitude: float = 0.5, seconds: float = 1
) -> bytes:
    """Return a tone."""
    at = np.arange(round(source.rate * seconds)) / source.rate
    return encoded(amplitude * np.sin(2 * np.pi * hertz * at), source)


def samples(pcm: bytes) -> np.ndarray:
    """Return 16 bit samples in -1..1."""
    return np.frombuffer(pcm, "<i2") / 32768


def convert(source: AudioFormat, pcm: bytes) -> bytes:
    """Convert in one piece."""
    converter = PcmConverter(source)
    return converter.feed(pcm) + converter.flush()


@pytest.mark.parametrize("source", FORMATS, ids=name_of)
def test_tone_stays(source: AudioFormat) -> None:
    """A tone keeps its length, pitch, loudness and place."""
    out = samples(convert(source, sine(source)))
    assert abs(len(out) - 16_000) <= 1
    middle = out[1000:15_000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 18))
    assert np.argmax(spectrum) * 16_000 / (1 << 18) == pytest.approx(440, rel=0.03)
    assert np.sqrt(np.mean(middle**2) * 2) == pytest.approx(0.5, rel=0.03)
    assert middle.max() == pytest.approx(0.5, rel=0.03)
    wanted = 0.5 * np.sin(2 * np.pi * 440 * np.arange(1000, 15_000) / 16_000)
    assert np.abs(middle - wanted).max() < 0.015


@pytest.mark.parametrize("source", FORMATS, ids=name_of)
def test_pieces_of_any_size(source: AudioFormat) -> None:
    """Pieces, even of single bytes, give what one piece gives."""
    pcm = sine(
        source, seconds=min(0.2, 40_000 / source.bytes_per_second)
    ) + random.Random(2).randbytes(300 * source.width * source.channels)
    whole = convert(source, pcm)
    for seed, largest in ((3, 3), (4, 50), (5, 3000)):
        rng, converter, out, at = random.Random(seed), PcmConverter(source), b"", 0
        while at < len(pcm):
            size = rng.randint(0, largest)
            out += converter.feed(pcm[at : at + size])
            at += size
        out += converter.flush()
        difference = np.abs(
            np.frombuffer(out, "<i2").astype(int)
            - np.frombuffer(whole, "<i2").astype(int)
        )
        assert len(out) == len(whole)
        assert difference.max() <= (1 if source.rate != 16_000 else 0)


def test_same_format_is_untouched() -> None:
    """What needs no conversion is passed on, in whatever pieces."""
    pcm = random.Random(6).randbytes(4000)
    assert convert(SATELLITE_FORMAT, pcm) == pcm
    converter = PcmConverter(SATELLITE_FORMAT)
    assert converter.feed(pcm[:3]) + converter.feed(pcm[3:]) == pcm


def test_what_is_too_high_is_filtered() -> None:
    """Tones above half of the lower rate do not come back as others."""
    source = AudioFormat(48_000, 2, 1)
    out = samples(convert(source, sine(source, hertz=11_000)))
    assert np.abs(out[500:-500]).max() < 0.01


def test_loudest() -> None:
    """Full scale neither overflows nor turns over."""
    for source in FORMATS:
        square = np.sign(
            np.sin(np.arange(source.rate // 4) * 2 * np.pi * 100 / source.rate)
        )
        out = samples(convert(source, encoded(square, source)))
        assert out.max() > 0.95
        assert out.min() < -0.95
        at = 16_000 // 400  # The middle of the first half wave.
        assert out[at] > 0.8


@pytest.mark.parametrize("source", FORMATS, ids=name_of)
def test_flush(source: AudioFormat) -> None:
    """The end comes out with flush; nothing in gives nothing out."""
    assert convert(source, b"") == b""
    length = source.rate // 10
    converter = PcmConverter(source)
    fed = converter.feed(encoded(np.full(length, 0.5), source))
    end = converter.flush()
    assert len(fed + end) // 2 == -(-length * 16_000 // source.rate)
    assert (len(end) > 0) is (source.rate != 16_000)
    middle = samples(fed + end)[100:-100]
    assert np.abs(middle - 0.5).max() < 0.01


def test_channels_are_mixed() -> None:
    """Stereo becomes the mean of both sides."""
    both = np.array([[1000, 3000], [-1000, 1000], [5000, 5000]], "<i2")
    out = np.frombuffer(convert(AudioFormat(16_000, 2, 2), both.tobytes()), "<i2")
    assert out.tolist() == [2000, 0, 5000]


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"rate": 16_000, "width": 2},
        {"rate": 7999, "width": 2, "channels": 1},
        {"rate": 192_001, "width": 2, "channels": 1},
        {"rate": 16_000.0, "width": 2, "channels": 1},
        {"rate": "16000", "width": 2, "channels": 1},
        {"rate": 16_000, "width": True, "channels": 1},
        {"rate": 16_000, "width": 0, "channels": 1},
        {"rate": 16_000, "width": 5, "channels": 1},
        {"rate": 16_000, "width": 2, "channels": 0},
        {"rate": 16_000, "width": 2, "channels": 9},
        {"rate": [], "width": 2, "channels": None},
    ],
)
def test_wrong_formats(data: dict[str, object]) -> None:
    """A format that no microphone has is refused."""
    with pytest.raises(WireError) as caught:
        format_of(Event("audio-chunk", data))
    assert caught.value.reason is Reason.NOT_WYOMING


def test_right_format() -> None:
    """A format is what the frame states."""
    stated = format_of(
        Event("audio-start", {"rate": 48_000, "width": 3, "channels": 2})
    )
    assert stated == AudioFormat(48_000, 3, 2)
    assert stated.bytes_per_second == 288_000
