"""Speaks five commands to a real house and shows what became of each."""

import argparse
import asyncio
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
import json
from pathlib import Path
import signal
import sys
import tempfile
from typing import Any

from .home import PASSWORD, USER
from .house import House
from .processes import Satellite

_WORKED = ("handled",)


@dataclass
class Command:
    """What was said and what became of it."""

    said: str
    heard: str = ""
    intent: str | None = None
    outcome: str | None = None
    effect: str = ""
    answer: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    worked: bool = False


def say(text: str) -> None:
    """Show a line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Demo:
    """The five commands."""

    def __init__(self, house: House) -> None:
        """Use a house that is set up."""
        self.house = house
        self.commands: list[Command] = []

    async def speak(
        self, satellite: Satellite, voice: str, wake: str, words: str
    ) -> Command:
        """Say the wake word and a command, and wait until it is over."""
        house = self.house
        command = Command(said=words)
        known = len(house.home.events)
        heard = len(house.whisper.told)
        spoken = satellite.speaker.stat().st_size
        # The English voice wakes every model reliably, also before a French command.
        pcm = await house.speech.say(wake, "heart")
        pause = b"\x01\x00\xff\xff" * 6400
        satellite.hear(pcm + pause + await house.speech.say(words, voice))
        record = await self._record(known)
        answer = satellite.speaker.read_bytes()[spoken:]
        command.heard = next((t["heard"] for t in house.whisper.told[heard:]), "")
        command.outcome = record["outcome"]
        command.intent = record["intent"]
        command.seconds = record["stages"]
        language = "fr" if voice == "siwis" else "en"
        command.answer = await house.speech.text_of(answer, language)
        command.worked = command.outcome in _WORKED and bool(command.answer)
        self.commands.append(command)
        self.show(command, record)
        return command

    async def _record(self, known: int) -> dict[str, Any]:
        """Wait for the next activation."""
        async with asyncio.timeout(60):
            while len(self.house.home.events) <= known:
                await asyncio.sleep(0.05)
        data: dict[str, Any] = self.house.home.events[known]["data"]
        return data

    def show(self, command: Command, record: dict[str, Any]) -> None:
        """Show a command as a timeline."""
        say(f"\n  said            {command.said}")
        room = record.get("room", "")
        say(
            f"  woken by        {record.get('wake_word') or record.get('woken_by')} in {room}"
        )
        for stage, at in command.seconds.items():
            say(f"  {at:7.2f} s       {stage.replace('_', ' ')}")
        say(f"  heard           {command.heard}")
        say(f"  intent          {command.intent}  →  {command.outcome}")
        say(f"  answer          {command.answer}")
        say("  kept            nothing")

    async def effect(self, command: Command, entity_id: str, wanted: str) -> None:
        """Check what a command did to an entity."""
        state = await self.house.home.state(entity_id)
        command.effect = f"{entity_id} is {state}"
        command.worked = command.worked and state == wanted
        say(f"  effect          {command.effect}")

    async def announce(self, text: str) -> None:
        """Announce something in the kitchen and hear whether it sounds."""
        command = Command(said=text, intent="announce")
        spoken = self.house.kitchen.speaker.stat().st_size
        kitchen = next(
            e for n, e in (await self.house.satellites()).items() if "Kitchen" in n
        )
        await self.house.home.call(
            "assist_satellite", "announce", entity_id=kitchen, message=text
        )
        pcm = self.house.kitchen.speaker.read_bytes()[spoken:]
        command.answer = command.heard = await self.house.speech.text_of(pcm, "en")
        command.worked = _similar(text, command.answer)
        command.outcome = "handled" if command.worked else "failed"
        command.effect = f"{len(pcm) / 44_100:.1f} s of speech at the speaker"
        self.commands.append(command)
        say(f"\n  announced       {text}\n  at the speaker  {command.answer}")

    async def run(self) -> None:
        """Speak all commands."""
        kitchen, study = self.house.kitchen, self.house.study
        first = await self.speak(
            kitchen, "heart", "Hey Jarvis.", "Turn on the kitchen light."
        )
        await self.effect(first, "light.kitchen_light", "on")
        question = await self.speak(
            kitchen, "heart", "Hey Jarvis.", "Is the kitchen light on?"
        )
        question.effect = "none: a question"
        await self._timer()
        await self.house.home.call("light", "turn_off", entity_id="light.kitchen_light")
        french = await self.speak(
            study, "siwis", "Hey Jarvis.", "Allume la lumière de la cuisine."
        )
        await self.effect(french, "light.kitchen_light", "on")
        await self.announce("Dinner is ready in the kitchen.")

    async def _timer(self) -> None:
        """Set a timer and wait until the room says that it is over."""
        kitchen = self.house.kitchen
        timer = await self.speak(
            kitchen, "heart", "Hey Jarvis.", "Set a timer for five seconds."
        )
        spoken = kitchen.speaker.stat().st_size
        async with asyncio.timeout(30):
            while kitchen.speaker.stat().st_size == spoken:
                await asyncio.sleep(0.2)
        size = 0
        while size != (size := kitchen.speaker.stat().st_size):
            await asyncio.sleep(1)
        pcm = kitchen.speaker.read_bytes()[spoken:]
        timer.effect = await self.house.speech.text_of(pcm, "en")
        timer.worked = timer.worked and "timer" in timer.effect.lower()
        say(f"  effect          the room said: {timer.effect}")

    async def history_rows(self, since: datetime) -> int:
        """Return how many activations stand in Home Assistant's history."""
        await asyncio.sleep(6)  # the recorder writes every five seconds
        rows = 0
        for state in await self.house.home.get("/api/states"):
            entity_id = state["entity_id"]
            if not entity_id.startswith("event."):
                continue
            found = await self.house.home.get(
                f"/api/history/period/{since.isoformat()}", filter_entity_id=entity_id
            )
            rows += sum(
                s["state"] not in ("unknown", "unavailable")
                for states in found
                for s in states
            )
        return rows


def _similar(said: str, heard: str) -> bool:
    """Return whether most words that were said were heard."""
    words = {w.strip(".,!?").lower() for w in said.split()}
    return (
        len(words & {w.strip(".,!?").lower() for w in heard.split()}) > len(words) / 2
    )


async def main() -> int:
    """Run the demo; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="stop after the commands")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="private-voice-"))
    say(f"logs and configuration are in {folder}")
    house = House(folder, say)
    since = datetime.now(UTC)
    try:
        await house.start()
        demo = Demo(house)
        await demo.run()
        version = (await house.home.get("/api/config"))["version"]
        rows = await demo.history_rows(since)
        result = {
            "ok": all(c.worked for c in demo.commands) and rows >= 4,
            "ha_version": version,
            "commands": [asdict(c) for c in demo.commands],
            "history_rows": rows,
        }
        if not options.once:
            say(
                f"\nHome Assistant: {house.home.url}   user {USER}, password {PASSWORD}"
            )
            say("Press Ctrl+C to stop.")
            stop = asyncio.Event()
            for how in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(how, stop.set)
            await stop.wait()
        say(json.dumps(result, ensure_ascii=False))
        return 0 if result["ok"] else 1
    finally:
        await house.stop()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
