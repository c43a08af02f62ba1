"""A satellite as a process of its own, which does at the mute what it is told to.

It streams a quiet room in real time while it may, takes orders as lines (``obey``,
``ignore``, ``lie``, ``wake``) from a named pipe, and tells what comes as JSON lines.
"""

import argparse
import asyncio
import contextlib
import json
import os
from pathlib import Path
import random
import time
from typing import Any, override
import wave

from wyoming.audio import AudioChunk
from wyoming.event import Event

from scripts.rig.processes import Process, free_port, python_of
from tests.fakes import FakeSatellite

_CHUNK_BYTES = 2048
_CHUNK_SECONDS = _CHUNK_BYTES / 32_000
_LIES_AFTER = 1.0
_UNTOLD = ("audio-chunk", "describe", "ping", "pong")
_WORDS = Path(__file__).parent.parent / "data/turn_on_the_kitchen_light.wav"


def tell(**fact: Any) -> None:
    """Tell a fact and when it became true, by a clock that all processes share."""
    print(json.dumps(fact | {"at": time.monotonic()}), flush=True)


class Unruly(FakeSatellite):
    """A satellite that streams all the time, and obeys a pause, or not."""

    def __init__(self, port: int) -> None:
        """Start obedient and silent."""
        super().__init__()
        self.port = port
        self._manner = "obey"
        self._may_stream = asyncio.Event()
        self._words = b""
        self._told = 0

    def order(self, order: str) -> None:
        """Take an order."""
        if order == "wake":
            with wave.open(str(_WORDS)) as words:
                self._words = words.readframes(words.getnframes())
            asyncio.get_running_loop().create_task(self._wake())
        else:
            self._manner = order
        tell(took=order)

    async def _wake(self) -> None:
        """Hear the wake word; a command follows in the stream if it may flow."""
        await self.wake()
        tell(woke=True)

    @override
    async def _answer(self, event: Event, writer: asyncio.StreamWriter) -> None:
        """Tell what came, and obey or not."""
        await super()._answer(event, writer)
        if event.type not in _UNTOLD:
            tell(got=event.type)
        if event.type == "run-satellite":
            await self.stream()
            self._may_stream.set()
        elif event.type == "pause-satellite" and self._manner != "ignore":
            self._may_stream.clear()
            if self._manner == "lie":
                asyncio.get_running_loop().call_later(_LIES_AFTER, self._may_stream.set)

    @override
    async def _notify(self) -> None:
        """Tell when a connection comes or goes."""
        if self.connections != self._told:
            self._told = self.connections
            if not self.connections:
                self._may_stream.clear()
            tell(connections=self.connections)
        await super()._notify()

    async def talk(self) -> None:
        """Send what the microphone hears, when it hears it."""
        while True:
            await self._may_stream.wait()
            tell(streams=True)
            due = time.monotonic()
            while self._may_stream.is_set():
                await self._send_piece()
                due += _CHUNK_SECONDS
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            tell(streams=False)

    async def _send_piece(self) -> None:
        """Send words if there are any left, else a quiet room."""
        piece, self._words = self._words[:_CHUNK_BYTES], self._words[_CHUNK_BYTES:]
        if not piece:
            samples = (random.randint(-3, 3) for _ in range(_CHUNK_BYTES // 2))
            piece = b"".join(s.to_bytes(2, "little", signed=True) for s in samples)
        chunk = AudioChunk(rate=16_000, width=2, channels=1, audio=piece)
        with contextlib.suppress(OSError):
            await self.send(chunk.event())


class SatelliteProcess(Process):
    """The process, as a test sees it."""

    def __init__(self, folder: Path) -> None:
        """Prepare it; its port stays the same when it is started again."""
        self.port = free_port()
        folder.mkdir(parents=True)
        self._orders = folder / "orders"
        os.mkfifo(self._orders)
        super().__init__(
            "satellite of the tests",
            *(python_of("home"), "-m", "tests.e2e.satellite"),
            *(str(self.port), str(self._orders)),
            log=folder / "log.txt",
        )

    def all(self, **fact: Any) -> list[dict[str, Any]]:
        """Return when a fact was told."""
        return [told for told in self.told if fact.items() <= told.items()]

    def got(self, event_type: str) -> int:
        """Return how many frames of a type it has received."""
        return len(self.all(got=event_type))

    @property
    def connections(self) -> int:
        """Return how many connections it has, as far as it told."""
        told = [t["connections"] for t in self.told if "connections" in t]
        return int(told[-1]) if told else 0

    async def until(self, count: int = 1, timeout: float = 30, **fact: Any) -> float:
        """Wait until a fact was told so often; return when that was."""
        await self.wait(lambda: len(self.all(**fact)) >= count, timeout)
        at: float = self.all(**fact)[count - 1]["at"]
        return at

    async def order(self, order: str) -> None:
        """Give an order, and wait until it was taken."""
        count = len(self.all(took=order))
        with self._orders.open("w") as orders:
            orders.write(f"{order}\n")
        await self.until(count + 1, took=order)


async def main() -> None:
    """Serve, until ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("orders", type=Path)
    options = parser.parse_args()
    satellite = Unruly(options.port)
    # Open for writing too, so that it does not end with who gave the first order.
    pipe = os.fdopen(os.open(options.orders, os.O_RDWR | os.O_NONBLOCK), "rb", 0)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), pipe
    )
    async with satellite:
        tell(ready=satellite.port)
        talking = asyncio.create_task(satellite.talk())
        async for line in orders:
            satellite.order(line.decode().strip())
        talking.cancel()


if __name__ == "__main__":
    asyncio.run(main())
