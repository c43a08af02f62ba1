"""A Home Assistant with as little as muted rooms need, which starts fast."""

import asyncio
from collections.abc import Callable
import contextlib
from pathlib import Path
import signal
import time
from typing import Any

import aiohttp
from wyoming.event import Event

from scripts.rig.home import Home
from tests.fakes import STT_INFO, TTS_INFO, FakeService, merged

_ENTRY_FLOW = "/api/config/config_entries/flow"
_SUBENTRY_FLOW = "/api/config/config_entries/subentries/flow"

_CONFIGURATION = """
homeassistant:
  name: Test home
  time_zone: Europe/Amsterdam
  country: NL
frontend:
config:
repairs:
"""

_EVENTS = ("state_changed", "private_voice_activation", "private_voice_mute_violated")


class Speech(FakeService):
    """Speech-to-text and text-to-speech; audio is counted, not kept."""

    def __init__(self) -> None:
        """Offer both."""
        super().__init__(merged(STT_INFO, TTS_INFO))
        self.heard_bytes = 0

    async def _answer(self, event: Event, writer: asyncio.StreamWriter) -> None:
        """Count audio, then answer."""
        if event.type == "audio-chunk":
            self.received.pop()
            self.heard_bytes += len(event.payload or b"")
        await super()._answer(event, writer)


class Household:
    """Home Assistant, a speech service, and rooms by name."""

    def __init__(self, folder: Path) -> None:
        """Prepare it below a folder."""
        self.home = Home(folder / "config", _CONFIGURATION)
        self.speech = Speech()
        self._entry_id = ""
        self._entities: dict[tuple[str, str], str] = {}

    # Life

    async def start(self) -> None:
        """Start, and add the speech service."""
        await self.speech.start()
        await self.home.start()
        await self.home.stay_logged_in()
        await self.home.running()
        await self._subscribe()
        hub = await self.home.flow(
            _ENTRY_FLOW, "private_voice", {"make_preferred": True}
        )
        self._entry_id = hub["result"]["entry_id"]
        await self._add("speech_service", {"port": self.speech.port}, {})
        await self.until(self._can_hear)

    async def _add(self, kind: str, answer: dict[str, Any], *more: Any) -> None:
        """Add a part of the hub through its flow."""
        path, handler = _SUBENTRY_FLOW, [self._entry_id, kind]
        await self.home.flow(path, handler, answer | {"host": "127.0.0.1"}, *more)

    async def _can_hear(self) -> bool:
        """Return whether the speech service has described itself."""
        return any(
            s["entity_id"].startswith("stt.") and s["state"] != "unavailable"
            for s in await self.home.get("/api/states")
        )

    async def add_room(self, name: str, port: int) -> None:
        """Add a room, and wait for its entities."""
        await self._add("room", {"name": name, "port": port})

        async def there() -> bool:
            """Return whether its microphone has a state."""
            await self._find_entities()
            return (name, "microphone") in self._entities

        await self.until(there)

    async def _find_entities(self) -> None:
        """Learn which entity of which room is which."""
        parts = await self.home.ask(
            "config_entries/subentries/list", entry_id=self._entry_id
        )
        names = {part["subentry_id"]: part["title"] for part in parts}
        for entity in await self.home.ask("config/entity_registry/list"):
            if (name := names.get(entity["config_subentry_id"])) is not None:
                key = entity["translation_key"]
                self._entities[name, key] = entity["entity_id"]

    async def _subscribe(self) -> None:
        """Take the events that tests look at."""
        for event_type in _EVENTS:
            await self.home.ask("subscribe_events", event_type=event_type)

    async def begin(self) -> None:
        """Start Home Assistant again."""
        await self.home.begin()
        await self.home.running()
        await self.home.connect()
        await self._subscribe()

    async def restart(self) -> None:
        """Stop Home Assistant and start it again."""
        await self.home.halt()
        await self.begin()

    async def kill(self) -> None:
        """End Home Assistant as a power cut does."""
        self.home.process.send(signal.SIGKILL)
        await self.home.process.stop(signal.SIGKILL)
        # What it had sent before is still read.
        await asyncio.sleep(0.1)
        await self.home.halt()

    async def stop(self) -> None:
        """End everything."""
        await self.home.stop()
        await self.speech.stop()

    # Rooms

    def entity(self, room: str, key: str) -> str:
        """Return the id of a room's entity."""
        return self._entities[room, key]

    async def mute(self, room: str) -> float:
        """Mute a room; return when that was asked for."""
        return await self._call(room, "turn_on")

    async def unmute(self, room: str) -> float:
        """Unmute a room; return when that was asked for."""
        return await self._call(room, "turn_off")

    async def _call(self, room: str, service: str) -> float:
        """Switch the mute of a room."""
        asked = time.monotonic()
        entity_id = self.entity(room, "microphone_mute")
        await self.home.call("switch", service, entity_id=entity_id)
        return asked

    async def state(self, room: str, key: str) -> str:
        """Return the state of a room's entity."""
        return await self.home.state(self.entity(room, key))

    async def becomes(self, room: str, state: str, timeout: float = 30) -> float:
        """Wait until that is known of a room's microphone; return when it was seen."""

        async def is_so() -> bool:
            """Return whether it is."""
            return await self.state(room, "microphone") == state

        try:
            await self.until(is_so, timeout)
        except TimeoutError as err:
            now = await self.state(room, "microphone")
            raise RuntimeError(f"{room} is {now}, not {state}") from err
        return time.monotonic()

    async def until(self, fact: Callable[[], Any], timeout: float = 30) -> None:
        """Wait until something can be seen from outside."""
        async with asyncio.timeout(timeout):
            while True:
                with contextlib.suppress(aiohttp.ClientResponseError):
                    if await fact():
                        return
                await asyncio.sleep(0.02)

    def shown(self, room: str, key: str, since: int = 0) -> list[str]:
        """Return the states that a room's entity has shown, of the events from one on."""
        entity_id = self.entity(room, key)
        return [
            event["data"]["new_state"]["state"]
            for event in self.home.events[since:]
            if event["event_type"] == "state_changed"
            and event["data"]["entity_id"] == entity_id
            and event["data"]["new_state"] is not None
        ]

    def fired(self, event_type: str, room: str) -> list[dict[str, Any]]:
        """Return the events of a type about a room."""
        return [
            event["data"]
            for event in self.home.events
            if event["event_type"] == event_type and event["data"]["room"] == room
        ]

    async def issues(self) -> list[str]:
        """Return the repairs that are open, of mutes that were violated."""
        found = await self.home.ask("repairs/list_issues")
        return [
            issue["issue_id"]
            for issue in found["issues"]
            if issue["issue_id"].startswith("mute_violated_")
        ]

    async def fix(self, issue_id: str) -> None:
        """Click through a repair."""
        path = f"{self.home.url}/api/repairs/issues/fix"
        token = self.home.tokens["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        first = {"handler": "private_voice", "issue_id": issue_id}
        async with aiohttp.ClientSession(headers=headers) as session:
            async with session.post(path, json=first) as response:
                step = await response.json()
            async with session.post(f"{path}/{step['flow_id']}", json={}) as response:
                step = await response.json()
        if step["type"] != "create_entry":
            raise RuntimeError(f"repair is not done: {step}")
