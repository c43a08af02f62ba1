"""A person has finished speaking when they have, not when they take a breath."""

from itertools import cycle
from pathlib import Path
import wave

from hypothesis import given, settings, strategies as st
import numpy as np
import numpy.typing as npt
import pytest

from custom_components.private_voice.voice.endpoint import (
    Decision,
    Endpointer,
    FinishedSpeaking,
)

DATA = Path(__file__).parents[1] / "data"
SECOND = 32_000
"""Bytes of a second."""


def room_noise(samples: int, amplitude: float = 20) -> npt.NDArray[np.float64]:
    """Return the noise of a quiet room, the same each time."""
    return np.random.default_rng(7).normal(0, amplitude, samples)


def spoken(
    name: str, *, after: float = 0.0, then: float = 4.0, noise: float = 20
) -> tuple[bytes, float]:
    """Return a clip in a noisy room, and when its speech is over."""
    with wave.open(str(DATA / f"{name}.wav")) as file:
        clip = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    parts = [np.zeros(int(16_000 * after)), clip, np.zeros(int(16_000 * then))]
    samples = np.concatenate(parts)
    samples = np.clip(samples + room_noise(len(samples), noise), -32768, 32767)
    last = np.flatnonzero(np.abs(clip.astype(np.int32)) > 1000)[-1]
    return bytes(samples.astype("<i2").tobytes()), after + float(last) / 16_000


def follow(
    endpointer: Endpointer, pcm: bytes, size: int = 320
) -> tuple[Decision, float]:
    """Feed pieces until the turn is over; return its end in seconds."""
    decision = Decision.WAITING
    for start in range(0, len(pcm), size):
        decision = endpointer.feed(pcm[start : start + size])
        if decision not in (Decision.WAITING, Decision.SPEAKING):
            return decision, (start + size) / SECOND
    return decision, len(pcm) / SECOND


@pytest.mark.parametrize("after", [0.0, 0.3, 0.8, 2.5])
@pytest.mark.parametrize("noise", [0, 20, 300])
@pytest.mark.parametrize(
    "name", ["turn_on_the_kitchen_light", "turn_on_the_lights_pause_in_the_bedroom"]
)
def test_a_command_is_heard_to_its_end_and_no_breath_ends_it(
    name: str, noise: float, after: float
) -> None:
    """Whenever it begins; microVAD takes up to half a second to see a pause."""
    pcm, last_word = spoken(name, after=after, noise=noise)
    decision, end = follow(Endpointer(), pcm)
    assert decision is Decision.ENDED
    assert last_word + 0.5 < end < last_word + 0.7 + 0.6


@pytest.mark.parametrize("after", [0.0, 0.3, 1.5])
def test_one_short_word_is_a_command(after: float) -> None:
    """An answer to a question, said the moment that the microphone opens."""
    pcm, last_word = spoken("yes", after=after)
    decision, end = follow(Endpointer(), pcm)
    assert decision is Decision.ENDED
    assert last_word < end < last_word + 1.5


def test_speech_from_the_very_first_sample_counts() -> None:
    """Also when its beginning was cut off, and all of it is over soon."""
    pcm, _ = spoken("turn_on_the_kitchen_light")
    decision, end = follow(Endpointer(), pcm[int(0.6 * SECOND) :])
    assert decision is Decision.ENDED
    assert end < 2.2


def test_the_users_choice_decides_how_long_a_pause_is() -> None:
    """The three differ by what they say."""
    pcm, _ = spoken("turn_on_the_kitchen_light")
    ends = {
        choice: follow(Endpointer(choice.silence), pcm)[1]
        for choice in FinishedSpeaking
    }
    default = ends[FinishedSpeaking.DEFAULT]
    assert ends[FinishedSpeaking.AGGRESSIVE] == pytest.approx(default - 0.45, abs=0.02)
    assert ends[FinishedSpeaking.RELAXED] == pytest.approx(default + 0.55, abs=0.02)


def test_relaxed_waits_for_a_long_breath() -> None:
    """Two commands with a second between them are one turn."""
    first, _ = spoken("turn_on_the_kitchen_light", then=0.6)
    second, _ = spoken("turn_on_the_kitchen_light")
    relaxed = Endpointer(FinishedSpeaking.RELAXED.silence)
    assert follow(relaxed, first + second)[1] > (len(first) + SECOND) / SECOND
    assert follow(Endpointer(0.25), first + second)[1] < len(first) / SECOND


@pytest.mark.parametrize("amplitude", [0, 1, 20, 300, 1000, 5000])
def test_noise_is_not_speech(amplitude: int) -> None:
    """Be it as loud as it may; and nobody is waited for longer than was said."""
    noise = room_noise(160_000, amplitude).astype("<i2").tobytes()
    decision, end = follow(Endpointer(), noise)
    assert decision is Decision.NO_SPEECH
    assert end == pytest.approx(6.0)


def test_a_tone_is_not_speech() -> None:
    """The sound that says that the satellite listens must not end the turn."""
    tone = (9000 * np.sin(np.arange(160_000) * 0.17)).astype("<i2").tobytes()
    assert follow(Endpointer(), tone)[0] is Decision.NO_SPEECH


def test_who_speaks_as_the_wait_ends_is_still_heard() -> None:
    """The wait is for a beginning, not for a whole command."""
    pcm, last_word = spoken("turn_on_the_kitchen_light", after=1.0)
    decision, end = follow(Endpointer(no_speech_timeout=2.0), pcm)
    assert decision is Decision.ENDED
    assert end > last_word


def test_speech_without_an_end_is_cut() -> None:
    """A television talks all evening."""
    pcm, _ = spoken("turn_on_the_kitchen_light", then=0)
    decision, end = follow(Endpointer(max_seconds=5.0), pcm * 5)
    assert decision is Decision.TOO_LONG
    assert end == pytest.approx(5.0)


def test_what_ended_the_turn_stays_said() -> None:
    """One large piece holds the pause and more speech after it."""
    pcm, _ = spoken("turn_on_the_kitchen_light", then=2)
    endpointer = Endpointer()
    assert endpointer.feed(pcm + pcm) is Decision.ENDED
    assert endpointer.feed(pcm) is Decision.ENDED
    assert endpointer.feed(b"") is Decision.ENDED


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 9000), min_size=1, max_size=5))
def test_the_size_of_the_pieces_changes_nothing(sizes: list[int]) -> None:
    """Not even odd ones, which cut a sample in two."""
    pcm, _ = spoken("yes", after=0.2, then=1.5)
    _, whole = follow(Endpointer(), pcm)
    endpointer, at = Endpointer(), 0
    for size in cycle(sizes):
        assert at < len(pcm)
        decision = endpointer.feed(pcm[at : at + size])
        at += size
        if decision is Decision.ENDED:
            break
    assert whole <= at / SECOND < whole + 9000 / SECOND


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=5000), max_size=20))
def test_no_bytes_whatever_raise(pieces: list[bytes]) -> None:
    """A satellite may send anything."""
    endpointer = Endpointer()
    for piece in pieces:
        assert endpointer.feed(piece) in Decision
