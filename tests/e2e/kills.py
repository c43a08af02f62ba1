"""Kills Home Assistant while a room is muted or unmuted, and prints what it kept as JSON.

Runs in the environment of Home Assistant 2026.11, as scripts/demo does; takes the number
of kills and a seed.
"""

import argparse
import asyncio
import contextlib
import json
from pathlib import Path
import random
import tempfile
from typing import Any

from tests.e2e.household import Household
from tests.e2e.satellite import SatelliteProcess

_WITHIN = 0.06
_ROOM = "Hall"
_ORDERS = ("run-satellite", "pause-satellite")

# An order to stream that comes after the first order would come soon.
_LOOKS_SECONDS = 0.5


class Kills:
    """A room that is muted or unmuted in the moment of a power cut."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Prepare all below a folder."""
        self.household = Household(folder)
        self.hall = SatelliteProcess(folder / "hall")
        self._random = random.Random(seed)

    async def start(self) -> None:
        """Set up; what Home Assistant writes late is written by a normal end."""
        await self.hall.start()
        await self.hall.ready()
        await self.household.start()
        await self.household.add_room(_ROOM, self.hall.port)
        await self.hall.until(streams=True)
        await self.household.restart()
        await self.hall.until(2, streams=True)

    async def stop(self) -> None:
        """End everything."""
        await self.household.stop()
        await self.hall.stop()

    async def kill(self) -> dict[str, Any]:
        """Mute or unmute, cut the power, and see what is kept."""
        household, hall = self.household, self.hall
        mutes = self._random.random() < 0.5
        if mutes:
            await self._be_heard()
        else:
            await household.mute(_ROOM)
        since = len(household.home.events)
        switching = asyncio.create_task(
            (household.mute if mutes else household.unmute)(_ROOM)
        )
        # Most of what matters happens early.
        after = _WITHIN * self._random.random() ** 2
        await asyncio.sleep(after)
        await household.kill()
        answered = switching.done() and switching.exception() is None
        switching.cancel()
        with contextlib.suppress(asyncio.CancelledError, RuntimeError):
            await switching
        asked = "on" if mutes else "off"
        shown = asked in household.shown(_ROOM, "microphone_mute", since)
        hall.told.clear()
        await household.begin()
        await hall.wait(lambda: bool(self._orders()))
        await asyncio.sleep(_LOOKS_SECONDS)
        record = {
            "asked": asked,
            "after_ms": round(after * 1000, 1),
            "answered": answered,
            "shown": shown,
            "kept": await household.state(_ROOM, "microphone_mute"),
            "orders": self._orders(),
        }
        await household.unmute(_ROOM)
        await hall.until(got="run-satellite")
        return record | {"ok": _is_right(record)}

    async def _be_heard(self) -> None:
        """Have a command go on, which the mute will end."""
        heard = self.household.speech.heard_bytes

        async def is_heard() -> bool:
            """Return whether it reaches speech-to-text."""
            return self.household.speech.heard_bytes > heard

        await self.hall.order("wake")
        await self.household.until(is_heard)

    def _orders(self) -> list[str]:
        """Return what the satellite was told about streaming."""
        return [told["got"] for told in self.hall.told if told.get("got") in _ORDERS]


def _is_right(record: dict[str, Any]) -> bool:
    """Return whether what was said before the cut is so after it."""
    muted = "run-satellite" not in record["orders"]
    if muted != (record["kept"] == "on"):
        return False
    # What was neither answered nor shown may be kept or not.
    return (
        not (record["answered"] or record["shown"]) or record["kept"] == record["asked"]
    )


async def main() -> None:
    """Run and print the results as the last line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kills", type=int, nargs="?", default=5)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="private-voice-"))
    kills = Kills(folder, options.seed)
    records = []
    try:
        await kills.start()
        for _ in range(options.kills):
            records.append(await kills.kill())
            print(json.dumps(records[-1]), flush=True)
    finally:
        await kills.stop()
    print(json.dumps({"seed": options.seed, "kills": records}))


if __name__ == "__main__":
    asyncio.run(main())
