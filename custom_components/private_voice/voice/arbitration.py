"""Which of several rooms that woke answers."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
import re
from typing import Final

import numpy as np

_VERSION: Final = re.compile(r"v\d+(\.\d+)*$|\d+(\.\d+)+$")
_NO_LETTER: Final = re.compile(r"[\W_]+")

_FRAME_BYTES: Final = 640
"""20 ms of 16 kHz, 16 bit, mono: equal for all rooms, whatever their pieces are."""


def _same_word(wake_word: str) -> str:
    """Return a wake word so that the spellings of it by several services are equal."""
    word = _NO_LETTER.sub("", _VERSION.sub("", wake_word.casefold()))
    return re.sub(r"^ok(?!ay)", "okay", word) or wake_word


@dataclass(frozen=True)
class Verdict:
    """Whether a candidate answers, and which room does."""

    won: bool
    winner: str


class Candidate:
    """A room that woke and may answer."""

    def __init__(self, room_id: str, election: Election) -> None:
        """Join an election."""
        self.room_id = room_id
        self.loudness = 0.0
        """Power of the loudest 20 ms."""

        self._election = election
        self._rest = b""

    def hear(self, pcm: bytes) -> None:
        """Take audio of the room until the election is over."""
        if self._election.over:
            return
        data = self._rest + pcm
        whole = len(data) - len(data) % _FRAME_BYTES
        self._rest = data[whole:]
        if whole:
            frames = np.frombuffer(data[:whole], "<i2").reshape(-1, _FRAME_BYTES // 2)
            power = np.square(frames, dtype=np.float32).mean(axis=1)
            self.loudness = max(self.loudness, float(power.max()))

    def release(self) -> None:
        """Stand back: a room that can't answer must not keep others from it."""
        self._election.leave(self)

    async def decision(self) -> Verdict:
        """Return the verdict when the window has closed; its timer bounds the wait."""
        winner = await self._election.winner()
        if winner is None:
            return Verdict(False, self.room_id)
        return Verdict(winner is self, winner.room_id)


class Election:
    """The rooms that woke by one word within a window."""

    def __init__(
        self, window: float, when_over: Callable[[Election], None] | None = None
    ) -> None:
        """Open the window, in seconds."""
        self._candidates: list[Candidate] = []
        self._winner: Candidate | None = None
        self._over = asyncio.Event()
        self._when_over = when_over
        self._timer = asyncio.get_running_loop().call_later(window, self.end)

    @property
    def over(self) -> bool:
        """Return whether the window has closed."""
        return self._over.is_set()

    def join(self, room_id: str) -> Candidate:
        """Add a room; one that wakes again competes with its new wake only."""
        candidate = Candidate(room_id, self)
        self._candidates = [c for c in self._candidates if c.room_id != room_id]
        self._candidates.append(candidate)
        return candidate

    def leave(self, candidate: Candidate) -> None:
        """Forget a candidate; once the window has closed that changes nothing."""
        if candidate in self._candidates:
            self._candidates.remove(candidate)

    def end(self) -> None:
        """Close the window: the loudest wins, the first of equals."""
        if self.over:
            return
        self._timer.cancel()
        self._winner = max(self._candidates, key=lambda c: c.loudness, default=None)
        self._candidates.clear()
        self._over.set()
        if self._when_over is not None:
            self._when_over(self)

    async def winner(self) -> Candidate | None:
        """Return who won, once it is known; None if all stood back."""
        await self._over.wait()
        return self._winner


class Arbiter:
    """Lets rooms that woke by the same word at the same time compete."""

    def __init__(self, window: float = 0.25) -> None:
        """Set the window in seconds."""
        self._window = window
        self._elections: dict[str, Election] = {}

    def claim(self, room_id: str, wake_word: str | None) -> Candidate:
        """Let a room compete; without a wake word it competes with nobody."""
        if not wake_word:
            return Election(0).join(room_id)
        word = _same_word(wake_word)
        if (election := self._elections.get(word)) is None:

            def forget(over: Election) -> None:
                if self._elections.get(word) is over:
                    del self._elections[word]

            election = self._elections[word] = Election(self._window, forget)
        return election.join(room_id)

    def stop(self) -> None:
        """Close all windows."""
        for election in list(self._elections.values()):
            election.end()
