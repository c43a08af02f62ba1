"""Mutes satellites that obey, lie or know no pause, and prints what came of it as JSON.

Runs in the environment of Home Assistant 2026.11, as scripts/demo does.
"""

import asyncio
import json
from pathlib import Path
import signal
import tempfile
import time
from typing import Any

from scripts.rig.processes import Satellite
from scripts.rig.tools import files_with
from tests.e2e.household import Household
from tests.e2e.satellite import SatelliteProcess
from tests.e2e.tap import Tap

_VIOLATED = "private_voice_mute_violated"
_ACTIVATION = "private_voice_activation"
_BEFORE = "xanthic quibbles before the curtain"
_WHILE = "zephyr wombats behind the curtain"

_CHANGES = 10

# An order to stream would come at once; so long is looked for one that must not come.
_LOOKS_SECONDS = 2.0


class Mutes:
    """A hall whose satellite is the tests' own, and a study with one that knows no pause."""

    def __init__(self, folder: Path) -> None:
        """Prepare all below a folder."""
        self.household = Household(folder)
        self.hall = SatelliteProcess(folder / "hall")
        self.study = Satellite("Study satellite", folder / "study", None)
        self.tap = Tap(self.study.port)
        self.results: dict[str, Any] = {}
        self._began = time.monotonic()

    def tell(self, what: str) -> None:
        """Show progress."""
        print(f"[{time.monotonic() - self._began:5.1f} s] {what}", flush=True)

    async def run(self) -> dict[str, Any]:
        """Go through everything."""
        household = self.household
        await self.hall.start()
        await self.study.start()
        await self.hall.ready()
        await self.study.ready()
        await self.tap.start()
        await household.start()
        await household.add_room("Hall", self.hall.port)
        await self.hall.until(streams=True)
        for part in (
            self.obedient,
            self.reboot_while_muted,
            self.restart_while_muted,
            self.changed_minds,
            self.spoken_words,
            self.ignores,
            self.lies,
            self.knows_no_pause,
        ):
            self.tell(part.__doc__ or "")
            self.results[part.__name__] = await part()
        self.results["kept"] = files_with(household.home.folder, [_BEFORE, _WHILE])
        return self.results

    async def stop(self) -> None:
        """End everything."""
        await self.household.stop()
        await self.tap.stop()
        await self.study.stop()
        await self.hall.stop()

    async def _orders_of_hall(self) -> list[str]:
        """Return what the hall was told about streaming, some time after now."""
        await asyncio.sleep(_LOOKS_SECONDS)
        orders = ("run-satellite", "pause-satellite")
        return [told["got"] for told in self.hall.told if told.get("got") in orders]

    # The tests' own satellite

    async def obedient(self) -> dict[str, Any]:
        """A satellite that obeys: first unverified, then muted; it still speaks."""
        household, hall = self.household, self.hall
        await household.becomes("Hall", "live")
        since, runs = len(household.home.events), hall.got("run-satellite")
        asked = await household.mute("Hall")
        muted = await household.becomes("Hall", "soft_muted")
        sounds = hall.got("audio-start")
        await household.home.call(
            "assist_satellite",
            "announce",
            entity_id=household.entity("Hall", "satellite"),
            message="Dinner is ready",
        )
        runs_while_muted = hall.got("run-satellite") - runs
        sounded = hall.got("audio-start") - sounds
        state_after_sound = await household.state("Hall", "microphone")
        await household.unmute("Hall")
        await hall.until(runs + 1, got="run-satellite")
        await household.becomes("Hall", "live")
        return {
            "shown": list(dict.fromkeys(household.shown("Hall", "microphone", since))),
            "muted_after": muted - asked,
            "paused_after": hall.all(got="pause-satellite")[-1]["at"] - asked,
            "runs_while_muted": runs_while_muted,
            "sounded": sounded,
            "state_after_sound": state_after_sound,
            "violations": len(household.fired(_VIOLATED, "Hall")),
        }

    async def reboot_while_muted(self) -> dict[str, Any]:
        """The satellite is killed and started again while the room is muted."""
        household, hall = self.household, self.hall
        await household.mute("Hall")
        await household.becomes("Hall", "soft_muted")
        await hall.stop(signal.SIGKILL)
        await household.becomes("Hall", "disconnected")
        await hall.start()
        await hall.until(got="pause-satellite")
        await household.becomes("Hall", "soft_muted")
        orders = await self._orders_of_hall()
        await household.unmute("Hall")
        await hall.until(got="run-satellite")
        await household.becomes("Hall", "live")
        return {"orders": orders}

    async def restart_while_muted(self) -> dict[str, Any]:
        """Home Assistant is restarted while the room is muted."""
        household, hall = self.household, self.hall
        await household.mute("Hall")
        await household.becomes("Hall", "soft_muted")
        await household.home.halt()
        hall.told.clear()
        await household.begin()
        await hall.until(got="pause-satellite")
        await household.becomes("Hall", "soft_muted")
        orders = await self._orders_of_hall()
        switch = await household.state("Hall", "microphone_mute")
        await household.unmute("Hall")
        await hall.until(got="run-satellite")
        await household.becomes("Hall", "live")
        return {"orders": orders, "switch": switch}

    async def changed_minds(self) -> dict[str, Any]:
        """The room is unmuted and muted in one breath: the last word counts."""
        household, hall = self.household, self.hall
        await household.mute("Hall")
        for _ in range(_CHANGES):
            await asyncio.gather(household.unmute("Hall"), household.mute("Hall"))
        await household.becomes("Hall", "soft_muted")
        orders = await self._orders_of_hall()
        switch = await household.state("Hall", "microphone_mute")
        await household.unmute("Hall")
        await household.becomes("Hall", "live")
        await hall.until(streams=True)
        return {"last_order": orders[-1], "switch": switch}

    async def spoken_words(self) -> dict[str, Any]:
        """A command is heard, the next one is cut by the mute, one comes while muted."""
        household, hall, speech = self.household, self.hall, self.household.speech
        speech.text = _BEFORE
        await hall.order("wake")
        await self._activations(1)
        heard = speech.heard_bytes
        await hall.order("wake")

        async def listens() -> bool:
            """Return whether the second command is being heard."""
            return speech.heard_bytes > heard

        await household.until(listens)
        await household.mute("Hall")
        await self._activations(2)
        await household.becomes("Hall", "soft_muted")
        speech.text, heard = _WHILE, speech.heard_bytes
        await hall.order("wake")
        await self._activations(3)
        await household.becomes("Hall", "contradiction")
        result = {
            "outcomes": [
                activation["outcome"]
                for activation in household.fired(_ACTIVATION, "Hall")
            ],
            "heard_while_muted": speech.heard_bytes - heard,
            "signs": [v["sign"] for v in household.fired(_VIOLATED, "Hall")],
        }
        await hall.order("obey")
        await self._mend()
        await self._prove()
        return result

    async def _activations(self, count: int) -> None:
        """Wait for activations of the hall."""

        async def closed() -> bool:
            """Return whether so many are recorded."""
            return len(self.household.fired(_ACTIVATION, "Hall")) >= count

        await self.household.until(closed)

    async def _mend(self) -> list[str]:
        """Click through all repairs; return those that are left."""
        for issue_id in await self.household.issues():
            await self.household.fix(issue_id)
        return await self.household.issues()

    async def _prove(self) -> None:
        """Test the mute as a person does: it is believed to obey again; unmute."""
        household = self.household
        button = household.entity("Hall", "test_mute")
        await household.home.call("button", "press", entity_id=button)
        await household.becomes("Hall", "soft_muted")
        if self.hall.connections != 1:
            raise RuntimeError("muted by staying away, although it obeys")
        await household.unmute("Hall")
        await household.becomes("Hall", "live")

    async def ignores(self) -> dict[str, Any]:
        """A satellite goes on streaming although it was told to pause."""
        await self.hall.order("ignore")
        return await self._contradicts()

    async def lies(self) -> dict[str, Any]:
        """A satellite pauses, and streams again a second later."""
        await self.hall.order("lie")
        return await self._contradicts()

    async def _contradicts(self) -> dict[str, Any]:
        """Mute the hall, whose satellite does not obey, and mend it."""
        household, hall = self.household, self.hall
        await household.becomes("Hall", "live")
        await hall.until(connections=1)
        violations = len(household.fired(_VIOLATED, "Hall"))
        cuts = len(hall.all(connections=0))
        asked = await household.mute("Hall")
        seen = await household.becomes("Hall", "contradiction")
        cut = await hall.until(cuts + 1, connections=0)
        issues = await household.issues()
        fired = len(household.fired(_VIOLATED, "Hall")) - violations
        await hall.order("obey")
        left = await self._mend()
        await household.becomes("Hall", "soft_muted")
        held = hall.all(connections=1)[-1]["at"] < cut
        await self._prove()
        return {
            "contradiction_after": seen - asked,
            "cut_after": cut - asked,
            "fired": fired,
            "issues": len(issues),
            "issues_left": len(left),
            "held": held,
        }

    # A satellite that knows no pause

    async def knows_no_pause(self) -> dict[str, Any]:
        """wyoming-satellite 1.0.0 goes on: then the mute is kept by staying away."""
        household = self.household
        await household.add_room("Study", self.tap.port)
        await household.becomes("Study", "live")
        await self._streams()
        asked = await household.mute("Study")
        result: dict[str, Any] = {
            "contradiction_after": await household.becomes("Study", "contradiction")
            - asked,
            "fired": len(household.fired(_VIOLATED, "Study")),
            "issues": len(await household.issues()),
            "connections": self.tap.connections,
        }
        result["issues_left"] = len(await self._mend())
        await household.becomes("Study", "soft_muted")
        result["held"] = await self._held()
        await household.unmute("Study")
        await household.becomes("Study", "live")
        await self._streams()
        asked = await household.mute("Study")
        result["muted_again_after"] = (
            await household.becomes("Study", "soft_muted") - asked
        )
        result["held_again"] = await self._held()
        await household.restart()
        await household.becomes("Study", "soft_muted")
        result["held_after_restart"] = await self._held()
        await household.unmute("Study")
        await household.becomes("Study", "live")
        await self._streams()
        result["violations"] = len(household.fired(_VIOLATED, "Study"))
        return result

    async def _held(self) -> dict[str, Any]:
        """Return how the mute of the study is kept, some time after now."""
        accepted, came = self.tap.accepted, self.tap.bytes_back
        await asyncio.sleep(_LOOKS_SECONDS)
        return {
            "state": await self.household.state("Study", "microphone"),
            "connections": self.tap.connections + self.tap.accepted - accepted,
            "bytes": self.tap.bytes_back - came,
            "issues": len(await self.household.issues()),
        }

    async def _streams(self) -> None:
        """Wait until the study streams: much more than a description."""
        wanted = self.tap.bytes_back + 64_000

        async def has_come() -> bool:
            """Return whether that has come."""
            return self.tap.bytes_back > wanted

        await self.household.until(has_come)


async def main() -> None:
    """Run and print the results as the last line."""
    mutes = Mutes(Path(tempfile.mkdtemp(prefix="private-voice-")))
    try:
        results = await mutes.run()
    finally:
        await mutes.stop()
    print(json.dumps(results))


if __name__ == "__main__":
    asyncio.run(main())
