"""The end of a command, the gate, which room answers, and the record."""

import asyncio
from pathlib import Path
import random
import time
import wave

import numpy as np
import pytest

from custom_components.private_voice.voice.activation import (
    Activation,
    FailReason,
    Outcome,
    Stage,
    WokenBy,
)
from custom_components.private_voice.voice.arbitration import Arbiter
from custom_components.private_voice.voice.endpoint import (
    Decision,
    Endpointer,
    FinishedSpeaking,
)
from custom_components.private_voice.voice.microphone import Microphone

_WAV = Path(__file__).parents[1] / "data" / "turn_on_the_kitchen_light.wav"
with wave.open(str(_WAV)) as _file:
    SPEECH = _file.readframes(_file.getnframes())
SECOND = 32_000
SILENCE = b"\x01\x00\xff\xff" * (SECOND // 4)


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


def test_ends_after_silence() -> None:
    """The turn ends once the pause is long enough, not before."""
    spoken = len(SPEECH) / SECOND
    ends = {}
    for pause in FinishedSpeaking:
        decision, ends[pause] = follow(Endpointer(pause.silence), SPEECH + SILENCE * 3)
        assert decision is Decision.ENDED
        assert spoken - 0.5 < ends[pause] < spoken + pause.silence + 0.3
    assert ends["aggressive"] < ends["default"] < ends["relaxed"]
    assert follow(Endpointer(), SPEECH)[0] is Decision.SPEAKING


def test_waits_for_a_pause_in_speech() -> None:
    """A pause shorter than the limit does not end the turn."""
    pcm = SPEECH + SILENCE[: SECOND // 5] + SPEECH + SILENCE * 2
    decision, end = follow(Endpointer(1.25), pcm)
    assert decision is Decision.ENDED
    assert end > 2 * len(SPEECH) / SECOND


@pytest.mark.parametrize("noise", [b"\0" * SECOND, SILENCE])
def test_no_speech(noise: bytes) -> None:
    """Silence ends the turn when nobody spoke for long enough."""
    decision, end = follow(Endpointer(no_speech_timeout=2.0), noise * 4)
    assert decision is Decision.NO_SPEECH
    assert end == pytest.approx(2.0, abs=0.02)


def test_too_long() -> None:
    """Speech without an end is ended."""
    decision, end = follow(Endpointer(max_seconds=3.0), SPEECH * 5)
    assert decision is Decision.TOO_LONG
    assert end == pytest.approx(3.0, abs=0.02)


@pytest.mark.parametrize("size", [1, 319, 321, 641, 1024])
def test_odd_pieces(size: int) -> None:
    """Pieces of any size lead to the same end."""
    pcm = SPEECH + SILENCE * 3
    wanted, at = follow(Endpointer(), pcm)
    decision, end = follow(Endpointer(), pcm, size)
    assert decision is wanted
    assert end == pytest.approx(at, abs=max(0.011, size / SECOND))


def test_nothing_and_random_pieces() -> None:
    """Empty pieces change nothing."""
    endpointer, rng, at = Endpointer(), random.Random(1), 0
    assert endpointer.feed(b"") is Decision.WAITING
    pcm = SPEECH + SILENCE * 3
    decision = Decision.WAITING
    while decision in (Decision.WAITING, Decision.SPEAKING):
        assert at < len(pcm)
        size = rng.randint(0, 2000)
        decision = endpointer.feed(pcm[at : at + size])
        at += size
    assert decision is Decision.ENDED


def loud(amplitude: int) -> bytes:
    """Return 10 ms of a loudness."""
    return np.full(160, amplitude, "<i2").tobytes()


async def test_louder_room_wins() -> None:
    """Of two rooms that woke by one word the louder answers."""
    arbiter = Arbiter(0.05)
    kitchen, hall = (
        arbiter.claim("kitchen", "okay_nabu"),
        arbiter.claim("hall", "okay_nabu"),
    )
    kitchen.hear(loud(500))
    hall.hear(loud(900) + b"\1")
    hall.hear(b"\1")
    hall.hear(b"")
    first, second = await asyncio.gather(kitchen.decision(), hall.decision())
    assert (first.won, first.winner) == (False, "hall")
    assert (second.won, second.winner) == (True, "hall")
    kitchen.hear(loud(30_000))
    assert kitchen.loudness == pytest.approx(500)


async def test_equals() -> None:
    """Of equal rooms the first answers, and only that."""
    arbiter = Arbiter(0.02)
    rooms = [arbiter.claim(str(number), "hey") for number in range(3)]
    verdicts = await asyncio.gather(*(room.decision() for room in rooms))
    assert [verdict.won for verdict in verdicts] == [True, False, False]


@pytest.mark.parametrize("other", ["hey_jarvis", "okay", None, ""])
async def test_other_word_does_not_compete(other: str | None) -> None:
    """Rooms that woke by other words, or by none, both answer."""
    arbiter = Arbiter(0.02)
    kitchen, hall = arbiter.claim("kitchen", "okay_nabu"), arbiter.claim("hall", other)
    hall.hear(loud(900))
    verdicts = await asyncio.gather(kitchen.decision(), hall.decision())
    assert all(verdict.won for verdict in verdicts)


async def test_without_a_word_nobody_competes() -> None:
    """Two buttons are two commands."""
    arbiter = Arbiter(0.02)
    rooms = [arbiter.claim("kitchen", None), arbiter.claim("hall", None)]
    assert all([(await room.decision()).won for room in rooms])


async def test_same_room_twice() -> None:
    """A room that wakes again competes with its new wake only."""
    arbiter = Arbiter(0.02)
    old = arbiter.claim("kitchen", "hey")
    old.hear(loud(9000))
    new = arbiter.claim("kitchen", "hey")
    new.hear(loud(10))
    assert (await new.decision()).won
    assert not (await old.decision()).won


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("ok_nabu_v0.1", "okay nabu"),
        ("ok_nabu", "Okay Nabu"),
        ("okay_nabu", "okay-nabu"),
        ("hey_jarvis_v0.1", "hey jarvis"),
        ("alexa_v2", "alexa"),
    ],
)
async def test_spellings(one: str, two: str) -> None:
    """One word is one word, however services spell it."""
    arbiter = Arbiter(0.02)
    kitchen, hall = arbiter.claim("kitchen", one), arbiter.claim("hall", two)
    verdicts = await asyncio.gather(kitchen.decision(), hall.decision())
    assert [verdict.won for verdict in verdicts] == [True, False]


async def test_windows_close() -> None:
    """After the window the next wake is a new matter; the wait is bounded."""
    arbiter = Arbiter(0.05)
    begun = time.monotonic()
    assert (await arbiter.claim("kitchen", "hey").decision()).won
    assert 0.03 < time.monotonic() - begun < 1
    later = arbiter.claim("hall", "hey")
    arbiter.stop()
    async with asyncio.timeout(0.04):
        assert (await later.decision()).won


def test_microphone() -> None:
    """The gate is open only when it is known that nothing is muted."""
    microphone = Microphone()
    assert not microphone.open
    assert not microphone.admit(b"12")
    microphone.set_soft_muted(False)
    assert microphone.open
    assert microphone.admit(b"34")
    assert microphone.dropped_bytes == 2
    for closed in (True, None):
        microphone.set_soft_muted(closed)
        assert not microphone.admit(b"5678")
    assert microphone.dropped_bytes == 10


def test_activation_closes_once() -> None:
    """The first outcome stays."""
    activation = Activation("kitchen", WokenBy.WAKE_WORD, "okay_nabu")
    assert activation.outcome is None
    assert activation.close(Outcome.FAILED, FailReason.TIMED_OUT)
    assert not activation.close(Outcome.HANDLED)
    assert activation.outcome is Outcome.FAILED
    assert activation.reason is FailReason.TIMED_OUT
    assert activation.microphone_open == 0
    assert Activation("kitchen", WokenBy.WAKE_WORD).id != activation.id


def test_activation_marks() -> None:
    """Stages keep their first time; the microphone was open until speech ended."""
    activation = Activation("kitchen", WokenBy.SATELLITE)
    activation.mark(Stage.LISTENING)
    activation._clock -= 2
    activation.close(Outcome.NO_SPEECH)
    assert activation.stages[Stage.SPEECH_END] == pytest.approx(2, abs=0.2)
    assert activation.microphone_open == activation.stages[Stage.SPEECH_END]
    activation._clock -= 2
    activation.mark(Stage.LISTENING)
    activation.mark(Stage.SPEECH_END)
    assert activation.stages[Stage.LISTENING] < 1
    assert activation.microphone_open == pytest.approx(2, abs=0.2)


def test_activation_has_no_words() -> None:
    """The attributes have a fixed set of keys, none of which holds what was said."""
    activation = Activation("kitchen", WokenBy.FOLLOW_UP, language="en")
    activation.mark(Stage.LISTENING)
    activation.close(Outcome.HANDLED)
    assert activation.as_attributes() == {
        "activation_id": activation.id,
        "outcome": "handled",
        "reason": None,
        "woken_by": "follow_up",
        "wake_word": None,
        "language": "en",
        "intent": None,
        "intents": [],
        "slot_names": [],
        "targets": [],
        "other_room": None,
        "stages": activation.stages,
        "microphone_open": activation.microphone_open,
    }
    assert all(type(stage) is str for stage in activation.as_attributes()["stages"])
