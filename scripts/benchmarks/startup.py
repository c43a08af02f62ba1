"""What the integration adds to Home Assistant's start and memory, with ten rooms."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
import os
from pathlib import Path
import shutil
from statistics import median
import tempfile
import time
from typing import Any

from wyoming.info import Attribution, Info, Satellite

from scripts.rig.home import Home
from tests.fakes import STT_INFO, TTS_INFO, FakePeer, FakeSatellite, FakeService

from .process import memory, quiet
from .table import Row

ROUNDS = 5

ROOMS = 10
MOST_SECONDS = 1.0
MOST_MIB = 30.0

_ENTRY_FLOW = "/api/config/config_entries/flow"
_SUBENTRY_FLOW = "/api/config/config_entries/subentries/flow"
_TIMEOUT = 120.0

# All that the integration makes Home Assistant load stands here, so that both sides load
# it; what one side loads alone is reported.
_CONFIGURATION = """
homeassistant:
  name: Benchmark
  time_zone: Europe/Amsterdam
  country: NL
frontend:
config:
history:
recorder:
logbook:
system_health:
assist_pipeline:
assist_satellite:
conversation:
ffmpeg:
intent:
media_source:
stt:
tts:
wake_word:
binary_sensor:
event:
number:
select:
sensor:
switch:
"""


@dataclass
class Side:
    """A Home Assistant and what its starts cost."""

    name: str
    home: Home
    seconds: list[float] = field(default_factory=list)
    mib: list[float] = field(default_factory=list)
    private_mib: list[float] = field(default_factory=list)
    components: set[str] = field(default_factory=set)
    version: str = ""

    def result(self) -> dict[str, list[float]]:
        """Return what was measured."""
        return {
            "seconds": self.seconds,
            "mib": self.mib,
            "private_mib": self.private_mib,
        }


class Startup:
    """Both sides, and the satellites and services of one of them."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        """Prepare both sides below a folder."""
        self.without = Side(
            "without",
            Home(folder / "without", _CONFIGURATION, integration=False),
        )
        self.with_it = Side("with", Home(folder / "with", _CONFIGURATION))
        self.services = [FakeService(STT_INFO), FakeService(TTS_INFO)]
        self.satellites = [
            FakeSatellite(_satellite_info(f"Satellite {number}"))
            for number in range(1, ROOMS + 1)
        ]
        self.connected: list[float] = []
        self.own: list[float] = []
        """What Home Assistant says the integration's set-up took."""

        self._say = say

    @property
    def peers(self) -> list[FakePeer]:
        """Return all that speak Wyoming."""
        return [*self.services, *self.satellites]

    async def run(self, rounds: int) -> dict[str, Any]:
        """Prepare, then measure in turns."""
        try:
            for peer in self.peers:
                await peer.start()
            for side in (self.without, self.with_it):
                await self._prepare(side)
            for number in range(1, rounds + 1):
                for side in (self.without, self.with_it):
                    await self._measure(side)
                    self._say(
                        f"round {number} of {rounds}, {side.name}: "
                        f"{side.seconds[-1]:.2f} s, {side.mib[-1]:.1f} MiB"
                    )
            return self._result(rounds)
        finally:
            for side in (self.without, self.with_it):
                await side.home.stop()
            for peer in self.peers:
                await peer.stop()

    async def _prepare(self, side: Side) -> None:
        """Do what only a first start does: the account, the database, the rooms."""
        self._say(f"preparing: {side.name}")
        home = side.home
        await home.start()
        await home.stay_logged_in()
        await home.running()
        areas = [
            await home.ask("config/area_registry/create", name=f"Room {number}")
            for number in range(1, ROOMS + 1)
        ]
        if side is self.with_it:
            await self._add_rooms([area["area_id"] for area in areas])
        # The first start with all rooms makes their entities; it is not measured either.
        await home.halt()
        await self._start(side)
        await home.halt()

    async def _add_rooms(self, areas: list[str]) -> None:
        """Click through the flows as a person would."""
        home = self.with_it.home
        hub = await home.flow(_ENTRY_FLOW, "private_voice", {"make_preferred": True})
        entry_id = hub["result"]["entry_id"]
        for service in self.services:
            address = {"host": "127.0.0.1", "port": service.port}
            voice: list[dict[str, Any]] = [{}] if service.info.tts else []
            await home.flow(
                _SUBENTRY_FLOW, [entry_id, "speech_service"], address, *voice
            )
        for area, satellite in zip(areas, self.satellites, strict=True):
            room = {"name": f"Voice {area}", "area_id": area, "host": "127.0.0.1"}
            await home.flow(
                _SUBENTRY_FLOW, [entry_id, "room"], room | {"port": satellite.port}
            )

    async def _all_connected(self) -> float:
        """Wait until each satellite has its order, and return when the last one had.

        Raises:
            RuntimeError: Not all had theirs in time.
        """

        def has_order(satellite: FakeSatellite) -> bool:
            """Return whether a satellite was told to run."""
            return bool(satellite.all("run-satellite"))

        try:
            async with asyncio.timeout(_TIMEOUT):
                for satellite in self.satellites:
                    await satellite.wait(partial(has_order, satellite), _TIMEOUT)
        except TimeoutError as err:
            count = sum(map(has_order, self.satellites))
            raise RuntimeError(f"only {count} of {ROOMS} rooms connected") from err
        return time.monotonic()

    async def _start(self, side: Side) -> tuple[float, float]:
        """Start one side; return when it ran and when its rooms, if any, were there."""
        for peer in self.peers:
            peer.received.clear()
        begun = time.monotonic()
        await side.home.begin()
        connecting = asyncio.create_task(self._all_connected())
        try:
            config = await side.home.running()
            seconds = time.monotonic() - begun
            side.components, side.version = set(config["components"]), config["version"]
            connected = await connecting if side is self.with_it else begun
        finally:
            connecting.cancel()
        return round(seconds, 3), round(connected - begun, 3)

    async def _measure(self, side: Side) -> None:
        """Start one side, look at it, and stop it.

        Raises:
            RuntimeError: What was to be looked at was not there.
        """
        seconds, connected = await self._start(side)
        if side is self.with_it:
            self.connected.append(connected)
            await self._own_seconds()
        await quiet(side.home.pid)
        total, private = memory(side.home.pid)
        count = sum(satellite.connections for satellite in self.satellites)
        if count != (ROOMS if side is self.with_it else 0):
            raise RuntimeError(f"{count} satellites are connected on side {side.name}")
        side.seconds.append(seconds)
        side.mib.append(total)
        side.private_mib.append(private)
        await side.home.halt()

    async def _own_seconds(self) -> None:
        """Keep what Home Assistant itself measured."""
        home = self.with_it.home
        await home.connect()
        timings = await home.ask("integration/setup_info")
        seconds = {timing["domain"]: timing["seconds"] for timing in timings}
        self.own.append(round(seconds["private_voice"], 3))

    def _result(self, rounds: int) -> dict[str, Any]:
        """Return what was measured."""
        sides = {s.name: s.result() for s in (self.without, self.with_it)}
        adds = {
            unit: round(median(sides["with"][unit]) - median(sides["without"][unit]), 3)
            for unit in ("seconds", "mib", "private_mib")
        }
        return {
            "subject": "startup",
            "ha_version": self.with_it.version,
            "rounds": rounds,
            "rooms": ROOMS,
            "sides": sides,
            "connected_seconds": self.connected,
            "own_setup_seconds": self.own,
            "loaded_only_with": sorted(
                self.with_it.components - self.without.components
            ),
            "adds": adds,
            "within": adds["seconds"] < MOST_SECONDS and adds["mib"] < MOST_MIB,
        }


def _satellite_info(name: str) -> Info:
    """Return how a satellite describes itself."""
    by = Attribution(name="benchmark", url="")
    return Info(
        satellite=Satellite(
            name=name, description=name, attribution=by, installed=True, version="1"
        )
    )


async def measure(rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Start real processes in turns, with and without the integration."""
    folder = Path(tempfile.mkdtemp(prefix="private-voice-"))
    # As in a house, a start finds its bytecode; it is kept apart from the checkout's.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    try:
        result = await Startup(folder, say).run(rounds)
    except BaseException:
        say(f"logs and configuration stay in {folder}")
        raise
    shutil.rmtree(folder, ignore_errors=True)
    return result


def rows(result: dict[str, Any]) -> list[Row]:
    """Return the table."""
    sides = result["sides"]

    def both(unit: str) -> dict[str, list[float]]:
        """Return one quantity of both sides."""
        return {name: side[unit] for name, side in sides.items()}

    return [
        Row("seconds until Home Assistant runs", both("seconds")),
        Row("MiB in memory", both("mib"), 1),
        Row("MiB of its own", both("private_mib"), 1),
        Row(
            "seconds until all rooms are connected",
            {"with": result["connected_seconds"]},
        ),
        Row(
            "seconds of set-up, as Home Assistant counts",
            {"with": result["own_setup_seconds"]},
        ),
    ]


def verdict(result: dict[str, Any]) -> str:
    """Return whether the integration adds no more than it may."""
    kept = "less" if result["within"] else "NOT less"
    return f"It adds {kept} than {MOST_SECONDS:g} s and {MOST_MIB:g} MiB."
