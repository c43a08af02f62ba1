"""Of several rooms that heard one person, exactly one answers."""

import asyncio

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from custom_components.private_voice.voice.arbitration import (
    Arbiter,
    Candidate,
    Verdict,
)

WINDOW = 0.02


def tone(amplitude: int, seconds: float = 0.1) -> bytes:
    """Return a tone of a loudness."""
    time = np.arange(int(16_000 * seconds))
    return bytes((amplitude * np.sin(time * 0.3)).astype("<i2").tobytes())


async def verdicts(*candidates: Candidate) -> list[Verdict]:
    """Return what all candidates are told."""
    async with asyncio.timeout(2):
        return await asyncio.gather(*(c.decision() for c in candidates))


async def test_a_room_alone_wins_when_the_window_closes() -> None:
    """Not before: another room may still wake."""
    candidate = Arbiter(WINDOW).claim("kitchen", "okay nabu")
    start = asyncio.get_running_loop().time()
    assert await verdicts(candidate) == [Verdict(True, "kitchen")]
    assert asyncio.get_running_loop().time() - start >= WINDOW / 2


async def test_the_louder_room_wins_and_the_other_is_told_which() -> None:
    """Even if the quiet one woke first."""
    arbiter = Arbiter(WINDOW)
    hall, kitchen = arbiter.claim("hall", "alexa"), arbiter.claim("kitchen", "alexa")
    hall.hear(tone(500))
    kitchen.hear(tone(5000))
    assert await verdicts(hall, kitchen) == [
        Verdict(False, "kitchen"),
        Verdict(True, "kitchen"),
    ]


async def test_the_first_of_equally_loud_rooms_wins() -> None:
    """Nobody heard anything: a decision is made all the same."""
    arbiter = Arbiter(WINDOW)
    both = [arbiter.claim(room, "alexa") for room in ("hall", "kitchen")]
    assert [v.won for v in await verdicts(*both)] == [True, False]


async def test_the_size_of_the_pieces_makes_nobody_louder() -> None:
    """One satellite sends 10 ms at a time, another 64 ms; a short burst counts alike."""
    arbiter = Arbiter(WINDOW)
    burst = tone(8000, 0.02) + bytes(4000)
    small, large = arbiter.claim("small", "alexa"), arbiter.claim("large", "alexa")
    for start in range(0, len(burst), 33):
        small.hear(burst[start : start + 33])
    large.hear(burst)
    assert small.loudness == large.loudness > 0
    arbiter.stop()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ok_nabu", "ok_nabu_v0.1"),
        ("ok_nabu_v0.1", "okay nabu"),
        ("Okay, Nabu!", "okay_nabu"),
        ("hey_jarvis_v0.1", "Hey Jarvis"),
        ("alexa", "alexa_v1"),
    ],
)
async def test_spellings_of_one_word_compete(one: str, other: str) -> None:
    """Services name the same word differently."""
    arbiter = Arbiter(WINDOW)
    told = await verdicts(arbiter.claim("a", one), arbiter.claim("b", other))
    assert [verdict.won for verdict in told] == [True, False]


@pytest.mark.parametrize(
    ("one", "other"),
    [("alexa", "hey jarvis"), ("channel 5", "channel 6"), ("!", "?"), (None, None)],
)
async def test_different_words_and_buttons_do_not_compete(
    one: str | None, other: str | None
) -> None:
    """Two people, or a person who pressed a button here."""
    arbiter = Arbiter(WINDOW)
    told = await verdicts(arbiter.claim("a", one), arbiter.claim("b", other))
    assert [verdict.won for verdict in told] == [True, True]


async def test_a_button_does_not_wait_for_the_window() -> None:
    """It competes with nobody."""
    async with asyncio.timeout(1):
        verdict = await Arbiter(30).claim("kitchen", None).decision()
    assert verdict == Verdict(True, "kitchen")


async def test_a_later_wake_is_an_election_of_its_own() -> None:
    """And nothing of the first one is kept."""
    arbiter = Arbiter(WINDOW)
    first = arbiter.claim("hall", "alexa")
    first.hear(tone(9000))
    await verdicts(first)
    assert not arbiter._elections
    assert await verdicts(arbiter.claim("kitchen", "alexa")) == [
        Verdict(True, "kitchen")
    ]


async def test_a_room_that_wakes_twice_competes_with_itself_no_more() -> None:
    """Its first wake was replaced."""
    arbiter = Arbiter(WINDOW)
    first = arbiter.claim("hall", "alexa")
    first.hear(tone(9000))
    second = arbiter.claim("hall", "alexa")
    assert [v.won for v in await verdicts(first, second)] == [False, True]


async def test_a_room_that_stands_back_does_not_silence_the_others() -> None:
    """It was muted or lost its satellite before the window closed."""
    arbiter = Arbiter(WINDOW)
    hall, kitchen = arbiter.claim("hall", "alexa"), arbiter.claim("kitchen", "alexa")
    hall.hear(tone(9000))
    hall.release()
    hall.release()
    assert await verdicts(hall, kitchen) == [
        Verdict(False, "kitchen"),
        Verdict(True, "kitchen"),
    ]


async def test_standing_back_after_the_window_closed_changes_no_verdict() -> None:
    """Who was told that it lost has closed its activation already."""
    arbiter = Arbiter(WINDOW)
    hall, kitchen = arbiter.claim("hall", "alexa"), arbiter.claim("kitchen", "alexa")
    assert (await hall.decision()).won
    hall.release()
    assert not (await kitchen.decision()).won


async def test_when_all_stand_back_nobody_wins_and_nobody_waits() -> None:
    """There is nobody left to answer."""
    candidate = Arbiter(WINDOW).claim("hall", "alexa")
    candidate.release()
    assert await verdicts(candidate) == [Verdict(False, "hall")]


async def test_stopping_decides_at_once() -> None:
    """A hub that is unloaded leaves nobody waiting, and no timer."""
    arbiter = Arbiter(30)
    candidate = arbiter.claim("hall", "alexa")
    arbiter.stop()
    assert await verdicts(candidate) == [Verdict(True, "hall")]


@settings(max_examples=60, deadline=None)
@given(
    rooms=st.lists(
        st.tuples(st.integers(0, 4), st.lists(st.binary(max_size=1500)), st.booleans()),
        min_size=1,
        max_size=8,
    )
)
def test_exactly_one_wins_whatever_is_heard(
    rooms: list[tuple[int, list[bytes], bool]],
) -> None:
    """Any audio, any odd pieces, rooms that wake twice, rooms that stand back."""

    async def elect() -> None:
        arbiter = Arbiter(0.001)
        candidates = [arbiter.claim(str(room), "alexa") for room, _, _ in rooms]
        for candidate, (_, pieces, stays) in zip(candidates, rooms, strict=True):
            for piece in pieces:
                candidate.hear(piece)
            if not stays:
                candidate.release()
        last = {room: stays for room, _, stays in rooms}
        told = await verdicts(*candidates)
        assert sum(verdict.won for verdict in told) == any(last.values())
        if any(last.values()):
            assert len({verdict.winner for verdict in told}) == 1

    asyncio.run(elect())
