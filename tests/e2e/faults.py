"""Breaks a real house in several ways and prints what became of it as JSON.

Runs in the environment of Home Assistant 2026.11, as scripts/demo does.
"""

import asyncio
import json
from pathlib import Path
import signal
import tempfile
import time
from typing import Any

from scripts.rig.house import House
from scripts.rig.processes import Service
from tests.fakes import FakeSatellite

_SUBENTRY_FLOW = "/api/config/config_entries/subentries/flow"
_QUIET = b"\x01\x00\xff\xff" * 24_000


class Faults:
    """A house with a third room, whose satellite has a button."""

    def __init__(self, house: House, satellite: FakeSatellite) -> None:
        """Use a house that is up."""
        self.house = house
        self.satellite = satellite
        self.results: dict[str, Any] = {}

    async def press_and_say(self, words: str) -> dict[str, Any]:
        """Press the button, say something and return the activation."""
        pcm = await self.house.speech.say(words, "heart")
        known = len(self.house.home.events)
        await self.satellite.press()
        await self.satellite.speak(pcm + _QUIET)
        return await self.record(known)

    async def record(self, known: int) -> dict[str, Any]:
        """Return the next activation."""
        async with asyncio.timeout(60):
            while len(self.house.home.events) <= known:
                await asyncio.sleep(0.05)
        data: dict[str, Any] = self.house.home.events[known]["data"]
        return data

    async def add_room(self) -> None:
        """Add the room through its flow."""
        entries = await self.house.home.ask(
            "config_entries/get", domain="private_voice"
        )
        room = {"name": "Hall voice", "host": "127.0.0.1", "port": self.satellite.port}
        await self.house.home.flow(
            _SUBENTRY_FLOW, [entries[0]["entry_id"], "room"], room
        )
        await self.satellite.wait_for("run-satellite")

    async def run(self) -> None:
        """Break things."""
        await self.add_room()
        self.results["push_to_talk"] = await self.press_and_say(
            "Turn on the kitchen light."
        )
        await self.kill_service()
        await self.satellite_restart()
        await self.home_restart()

    async def kill_service(self) -> None:
        """Kill speech-to-text in the middle of an utterance, then start it again."""
        house = self.house
        pcm = await house.speech.say("Turn on the kitchen light.", "heart")
        known = len(house.home.events)
        await self.satellite.press()
        await self.satellite.speak(pcm)
        await asyncio.sleep(0.3)
        await house.whisper.stop(signal.SIGKILL)
        begun = time.monotonic()
        self.results["killed"] = await self.record(known)
        self.results["killed"]["after"] = time.monotonic() - begun
        port = house.whisper.port
        house.whisper = Service("whisper", house.home.folder / "whisper.txt")
        house.whisper.move_to(port)
        await house.whisper.start()
        await house.whisper.ready()
        self.results["back"] = await self.press_and_say("Turn on the kitchen light.")

    async def satellite_restart(self) -> None:
        """Stop the satellite and start it again."""
        await self.satellite.stop()
        self.satellite.received.clear()
        begun = time.monotonic()
        await self.satellite.start()
        await self.satellite.wait_for("run-satellite")
        self.results["satellite_back_after"] = time.monotonic() - begun
        self.results["satellite"] = await self.press_and_say(
            "Turn on the kitchen light."
        )

    async def home_restart(self) -> None:
        """Restart Home Assistant."""
        self.satellite.received.clear()
        await self.house.home.restart()
        await self.satellite.wait_for("run-satellite")
        self.results["restart"] = await self.press_and_say("Turn on the kitchen light.")


async def main() -> None:
    """Run and print the results as the last line."""
    folder = Path(tempfile.mkdtemp(prefix="private-voice-"))
    house = House(folder, lambda line: print(line, flush=True))
    try:
        await house.start()
        async with FakeSatellite() as satellite:
            faults = Faults(house, satellite)
            await faults.run()
            print(json.dumps(faults.results))
            await house.home.stop()
    finally:
        await house.stop()


if __name__ == "__main__":
    asyncio.run(main())
