"""Which of several rooms that woke answers."""

import asyncio
from dataclasses import dataclass
import re

import numpy as np

_VERSION = re.compile(r"[\s_-]*v?\d+(\.\d+)*$")


def _same_word(wake_word: str) -> str:
    """Return a wake word's name so that services' spellings of it are equal."""
    word = _VERSION.sub("", wake_word.lower())
    word = re.sub(r"[\s_-]+", "", word)
    return re.sub(r"^ok(?!ay)", "okay", word)


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
        self._election = election

    def hear(self, pcm: bytes) -> None:
        """Take audio of the room until the election is over."""
        if self._election.over or len(pcm) < 2:
            return
        samples = np.frombuffer(pcm[: len(pcm) & ~1], "<i2").astype(np.float32)
        self.loudness = max(self.loudness, float(np.sqrt(np.mean(samples * samples))))

    async def decision(self) -> Verdict:
        """Return the verdict when the window has closed; its timer bounds the wait."""
        winner = await self._election.winner()
        return Verdict(winner is self, winner.room_id)


class Election:
    """The rooms that woke by one word within a window."""

    def __init__(self, window: float) -> None:
        """Open the window, in seconds."""
        self._candidates: list[Candidate] = []
        self._over = asyncio.Event()
        self._timer = asyncio.get_running_loop().call_later(window, self._over.set)

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

    def end(self) -> None:
        """Close the window now."""
        self._timer.cancel()
        self._over.set()

    async def winner(self) -> Candidate:
        """Return the loudest; the first of equals."""
        await self._over.wait()
        return max(self._candidates, key=lambda candidate: candidate.loudness)


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
        election = self._elections.get(word)
        if election is None or election.over:
            election = self._elections[word] = Election(self._window)
        return election.join(room_id)

    def stop(self) -> None:
        """Close all windows."""
        for election in self._elections.values():
            election.end()
        self._elections.clear()
