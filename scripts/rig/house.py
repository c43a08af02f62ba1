"""The whole rig: services, two satellites and a Home Assistant set up through its flow."""

import asyncio
from collections.abc import Callable
from pathlib import Path
import time
from typing import Any

from .home import Home
from .processes import Satellite, Service
from .tools import Speech

_ENTRY_FLOW = "/api/config/config_entries/flow"
_SUBENTRY_FLOW = "/api/config/config_entries/subentries/flow"


class House:
    """A home with a kitchen (English, wake word on the satellite) and a study (French)."""

    def __init__(self, folder: Path, progress: Callable[[str], None]) -> None:
        """Prepare all processes below a folder."""
        logs = folder / "logs"
        logs.mkdir(parents=True)
        self.whisper = Service("whisper", logs / "whisper.txt")
        self.voices = Service("speak", logs / "speak.txt")
        self.wake = Service("wake", logs / "wake.txt")
        self.kitchen = Satellite(
            "Kitchen satellite", folder / "kitchen", self.wake.port
        )
        self.study = Satellite("Study satellite", folder / "study", None)
        self.home = Home(folder / "config")
        self.speech = Speech(self.whisper, self.voices)
        self._progress = progress
        self._began = time.monotonic()

    def _tell(self, what: str) -> None:
        """Show progress with the seconds since the start."""
        self._progress(f"[{time.monotonic() - self._began:5.1f} s] {what}")

    async def start(self) -> None:
        """Start everything and set it up."""
        services = (self.whisper, self.voices, self.wake)
        self._tell("starting speech services: Whisper, voices, wake words")
        for service in services:
            await service.start()
        self._tell("starting Home Assistant")
        home = asyncio.create_task(self.home.start())
        await asyncio.gather(*(service.ready() for service in services))
        self._tell("speech services are ready; starting satellites")
        for satellite in (self.kitchen, self.study):
            await satellite.start()
            await satellite.ready()
        await home
        self._tell("Home Assistant is up; adding the integration through its flow")
        await self._set_up()
        await self._connected()
        self._tell("both rooms are connected")

    async def _set_up(self) -> None:
        """Click through the flows as a person would."""
        home = self.home
        areas = await home.ask("config/area_registry/list")
        kitchen = next(area for area in areas if area["name"] == "Kitchen")
        await home.ask(
            "config/area_registry/update",
            area_id=kitchen["area_id"],
            aliases=["cuisine"],
        )
        study = await home.ask("config/area_registry/create", name="Study")
        async with asyncio.timeout(60):
            while await self._states("light.", "unavailable"):
                await asyncio.sleep(0.3)
        await home.ask(
            "config/entity_registry/update",
            entity_id="light.kitchen_light",
            area_id=kitchen["area_id"],
        )
        await home.ask("subscribe_events", event_type="private_voice_activation")
        hub = await home.flow(_ENTRY_FLOW, "private_voice", {"make_preferred": True})
        entry_id = hub["result"]["entry_id"]
        for service in (self.whisper, self.voices, self.wake):
            address = {"host": "127.0.0.1", "port": service.port}
            extra: list[dict[str, Any]] = [{}] if service is self.voices else []
            await home.flow(
                _SUBENTRY_FLOW, [entry_id, "speech_service"], address, *extra
            )
        for satellite, name, area, language in (
            (self.kitchen, "Kitchen voice", kitchen, None),
            (self.study, "Study voice", study, "fr"),
        ):
            await self._languages_known(language)
            room = {
                "name": name,
                "area_id": area["area_id"],
                "host": "127.0.0.1",
                "port": satellite.port,
            } | ({"language": language} if language else {})
            await home.flow(_SUBENTRY_FLOW, [entry_id, "room"], room)

    async def _languages_known(self, language: str | None) -> None:
        """Wait until the services that were just added have described themselves."""
        async with asyncio.timeout(60):
            while language and await self._states("stt.", "unavailable"):
                await asyncio.sleep(0.3)

    async def _states(self, prefix: str, state: str) -> bool:
        """Return whether no entity is there, or one has a state."""
        states = await self.home.get("/api/states")
        found = [s["state"] for s in states if s["entity_id"].startswith(prefix)]
        return not found or state in found

    async def _connected(self) -> None:
        """Wait until both satellites are there."""
        async with asyncio.timeout(90):
            while len(await self.satellites()) < 2:
                await asyncio.sleep(0.3)

    async def satellites(self) -> dict[str, str]:
        """Return the satellite entities that are idle, by their room's device name."""
        return {
            state["attributes"]["friendly_name"]: state["entity_id"]
            for state in await self.home.get("/api/states")
            if state["entity_id"].startswith("assist_satellite.")
            and state["state"] == "idle"
        }

    async def stop(self) -> None:
        """End everything."""
        await self.home.stop()
        for process in (
            *(self.kitchen, self.study),
            *(self.wake, self.voices, self.whisper),
        ):
            await process.stop()
