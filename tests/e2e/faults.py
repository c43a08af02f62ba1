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
from scripts.rig.tools import files_with
from tests.fakes import FakeSatellite

_SUBENTRY_FLOW = "/api/config/config_entries/subentries/flow"
_COMMAND = "Turn on the kitchen light."
_QUIET = b"\x01\x00\xff\xff" * 24_000


class Faults:
    """A house with a third room, whose satellite has a button."""

    def __init__(self, house: House, satellite: FakeSatellite) -> None:
        """Use a house that is up."""
        self.house = house
        self.satellite = satellite
        self.results: dict[str, Any] = {}

    async def words(self) -> bytes:
        """Return the command as audio."""
        return await self.house.speech.say(_COMMAND, "heart")

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
        self.results["push_to_talk"] = await self.press_and_say(_COMMAND)
        await self.kill_service()
        await self.hang_service()
        await self.satellite_restart()
        await self.satellite_killed()
        await self.home_restart()
        self.results["kept"] = files_with(
            self.house.home.folder, ["turn on the kitchen light"]
        )

    async def kill_service(self) -> None:
        """Kill speech-to-text in the middle of an utterance, then start it again."""
        house = self.house
        pcm = await self.words()
        known = len(house.home.events)
        await self.satellite.press()
        await self.satellite.speak(pcm)
        await asyncio.sleep(0.3)
        await house.whisper.stop(signal.SIGKILL)
        begun = time.monotonic()
        self.results["killed"] = await self.record(known)
        self.results["killed"]["after"] = time.monotonic() - begun
        await house.whisper.start()
        await house.whisper.ready()
        self.results["back"] = await self.press_and_say(_COMMAND)

    async def hang_service(self) -> None:
        """Let speech-to-text hang with an open connection, then let it go on."""
        house = self.house
        house.whisper.send(signal.SIGSTOP)
        begun = time.monotonic()
        pcm = await self.words()
        known = len(house.home.events)
        await self.satellite.press()
        await self.satellite.speak(pcm + _QUIET)
        self.results["hung"] = await self.record(known)
        self.results["hung"]["after"] = time.monotonic() - begun
        house.whisper.send(signal.SIGCONT)
        self.results["goes_on"] = await self.press_and_say(_COMMAND)

    async def satellite_killed(self) -> None:
        """Kill the real satellite while it streams, start it and wake it anew."""
        house = self.house
        known = len(house.home.events)
        wake = await house.speech.say("Hey Jarvis.", "heart")
        house.kitchen.hear(wake)
        await asyncio.sleep(len(wake) / 32_000 + 1)
        await house.kitchen.stop(signal.SIGKILL)
        self.results["lost"] = await self.record(known)
        begun = time.monotonic()
        await house.kitchen.start()
        async with asyncio.timeout(60):
            while not any("Kitchen" in name for name in await house.satellites()):
                await asyncio.sleep(0.1)
        self.results["real_satellite_back_after"] = time.monotonic() - begun
        known = len(house.home.events)
        house.kitchen.hear(wake + _QUIET[:25_600] + await self.words())
        self.results["real_satellite"] = await self.record(known)

    async def satellite_restart(self) -> None:
        """Stop the satellite and start it again."""
        await self.satellite.stop()
        self.satellite.received.clear()
        begun = time.monotonic()
        await self.satellite.start()
        await self.satellite.wait_for("run-satellite")
        self.results["satellite_back_after"] = time.monotonic() - begun
        self.results["satellite"] = await self.press_and_say(_COMMAND)

    async def home_restart(self) -> None:
        """Restart Home Assistant."""
        self.satellite.received.clear()
        await self.house.home.restart()
        await self.satellite.wait_for("run-satellite")
        self.results["restart"] = await self.press_and_say(_COMMAND)


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
