"""How soon a mute stops a room's audio on its way to speech-to-text, and tells the satellite."""

import asyncio
from collections.abc import Callable
from pathlib import Path
import random
import shutil
from statistics import median
import tempfile
import time
from typing import Any, override

from wyoming.audio import AudioChunk
from wyoming.event import Event

from scripts.rig.home import Home
from tests.fakes import STT_INFO, FakeSatellite, FakeService

from .table import Row

ROUNDS = 200

MOST_MS = 50.0

_ENTRY_FLOW = "/api/config/config_entries/flow"
_SUBENTRY_FLOW = "/api/config/config_entries/subentries/flow"

# A satellite's usual 64 ms would hide most of what is measured between two pieces.
_CHUNK_SECONDS = 0.008
_CHUNK_BYTES = int(_CHUNK_SECONDS * 16_000) * 2

# A room must be heard before it is muted; how long before varies from round to round.
_HEARD_CHUNKS = range(10, 26)

# On its way, or sent by a satellite that reads the pause late: within the grace period.
_GOES_ON_SECONDS = 0.25

# What still comes when the satellite has gone silent would come by now.
_SETTLES_SECONDS = 0.1

_CONFIGURATION = """
homeassistant:
  name: Benchmark
  time_zone: Europe/Amsterdam
  country: NL
frontend:
config:
"""


class Listener(FakeService):
    """A speech-to-text service that notes when it got audio."""

    def __init__(self) -> None:
        """Start with nothing heard."""
        super().__init__(STT_INFO)
        self.heard_at: list[float] = []

    @override
    async def _answer(self, event: Event, writer: asyncio.StreamWriter) -> None:
        """Note the time of audio, which is not kept."""
        if event.type == "audio-chunk":
            self.heard_at.append(time.monotonic())
        await super()._answer(event, writer)


class Microphone(FakeSatellite):
    """A satellite that streams in real time and notes when it was told to pause."""

    def __init__(self) -> None:
        """Start silent."""
        super().__init__()
        self.paused_at = 0.0

    @override
    async def _answer(self, event: Event, writer: asyncio.StreamWriter) -> None:
        """Note the time of a pause."""
        if event.type == "pause-satellite":
            self.paused_at = time.monotonic()
        await super()._answer(event, writer)

    async def talk(self, until: asyncio.Event) -> None:
        """Send noise as a microphone does: each piece when it was recorded."""
        begun, count = time.monotonic(), 0
        while not until.is_set():
            chunk = AudioChunk(
                rate=16_000, width=2, channels=1, audio=random.randbytes(_CHUNK_BYTES)
            )
            await self.send(chunk.event())
            count += 1
            late = begun + count * _CHUNK_SECONDS - time.monotonic()
            await asyncio.sleep(max(0.0, late))


class Mute:
    """A Home Assistant with one room, which is muted again and again."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        """Prepare all below a folder."""
        self.home = Home(folder, _CONFIGURATION)
        self.listener = Listener()
        self.microphone = Microphone()
        self.last_byte: list[float] = []
        self.pause: list[float] = []
        self._switch = ""
        self._say = say

    async def run(self, rounds: int) -> dict[str, Any]:
        """Set up, then mute again and again."""
        try:
            await self.listener.start()
            await self.microphone.start()
            self._say("starting Home Assistant")
            await self.home.start()
            await self.home.stay_logged_in()
            version = (await self.home.running())["version"]
            await self._set_up()
            for number in range(1, rounds + 1):
                await self._round()
                if number % 20 == 0 or number == rounds:
                    self._say(f"round {number} of {rounds}")
            return self._result(rounds, version)
        finally:
            await self.home.stop()
            await self.microphone.stop()
            await self.listener.stop()

    async def _set_up(self) -> None:
        """Add the room through the flows, and find its mute."""
        home = self.home
        hub = await home.flow(_ENTRY_FLOW, "private_voice", {"make_preferred": True})
        entry_id = hub["result"]["entry_id"]
        for kind, name, port in (
            ("speech_service", {}, self.listener.port),
            ("room", {"name": "Kitchen"}, self.microphone.port),
        ):
            answer = {**name, "host": "127.0.0.1", "port": port}
            await home.flow(_SUBENTRY_FLOW, [entry_id, kind], answer)
        await self.microphone.wait_for("run-satellite")
        async with asyncio.timeout(30):
            while not (self._switch and await self._can_hear()):
                await asyncio.sleep(0.1)
                entities = await home.ask("config/entity_registry/list")
                self._switch = next(
                    (
                        entity["entity_id"]
                        for entity in entities
                        if entity["translation_key"] == "microphone_mute"
                    ),
                    "",
                )

    async def _can_hear(self) -> bool:
        """Return whether the speech service has described itself."""
        states = await self.home.get("/api/states")
        return any(
            s["entity_id"].startswith("stt.") and s["state"] != "unavailable"
            for s in states
        )

    async def _call(self, service: str) -> None:
        """Call an action of the mute."""
        await self.home.call("switch", service, entity_id=self._switch)

    async def _round(self) -> None:
        """Speak, mute while speaking, and unmute.

        Raises:
            RuntimeError: It was not heard, or the mute had no effect.
        """
        silent = asyncio.Event()
        self.listener.received.clear()
        self.listener.heard_at.clear()
        self.microphone.received.clear()
        await self.microphone.press()
        talking = asyncio.create_task(self.microphone.talk(silent))
        try:
            heard, enough = self.listener.heard_at, random.choice(_HEARD_CHUNKS)
            await self.listener.wait(lambda: len(heard) >= enough)
            # Anywhere between two pieces.
            await asyncio.sleep(random.uniform(0, _CHUNK_SECONDS))
            begun = time.monotonic()
            muting = asyncio.create_task(self._call("turn_on"))
            await self.microphone.wait_for("pause-satellite")
            await asyncio.sleep(begun + _GOES_ON_SECONDS - time.monotonic())
        except TimeoutError as err:
            raise RuntimeError("no audio came, or no pause") from err
        finally:
            silent.set()
            await talking
        await muting
        await asyncio.sleep(_SETTLES_SECONDS)
        if self.microphone.connections != 1:
            raise RuntimeError("the connection to the satellite was cut")
        self.last_byte.append((heard[-1] - begun) * 1000)
        self.pause.append((self.microphone.paused_at - begun) * 1000)
        await self._call("turn_off")
        await self.microphone.wait_for("run-satellite")

    def _result(self, rounds: int, version: str) -> dict[str, Any]:
        """Return what was measured."""
        # Nothing after the mute at all is as good as it gets.
        last_byte = _summary([max(0.0, ms) for ms in self.last_byte])
        return {
            "subject": "mute",
            "ha_version": version,
            "rounds": rounds,
            "last_byte_ms": last_byte,
            "pause_ms": _summary(self.pause),
            "within": last_byte["worst"] < MOST_MS,
        }


def _summary(values: list[float]) -> dict[str, Any]:
    """Return measured times, and how they are."""
    return {
        "median": round(median(values), 2),
        "worst": round(max(values), 2),
        "all": [round(value, 2) for value in values],
    }


async def measure(rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Mute a room of a real Home Assistant while it is spoken in."""
    folder = Path(tempfile.mkdtemp(prefix="private-voice-"))
    try:
        result = await Mute(folder, say).run(rounds)
    except BaseException:
        say(f"logs and configuration stay in {folder}")
        raise
    shutil.rmtree(folder, ignore_errors=True)
    return result


def rows(result: dict[str, Any]) -> list[Row]:
    """Return the table."""
    return [
        Row("ms from the mute to the last audio", {"": result["last_byte_ms"]["all"]}),
        Row("ms from the mute to the pause", {"": result["pause_ms"]["all"]}),
    ]


def verdict(result: dict[str, Any]) -> str:
    """Return whether the mute is as fast as it must be."""
    always = "always" if result["within"] else "NOT always"
    return f"Audio stopped {always} within {MOST_MS:g} ms of the mute."
