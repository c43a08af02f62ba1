"""Speaks five commands to a real house and shows what became of each."""

import argparse
import asyncio
import contextlib
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
import json
from pathlib import Path
import shutil
import signal
import sys
import tempfile
import time
from typing import Any

from .home import PASSWORD, USER
from .house import House
from .processes import Satellite
from .tools import files_with

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
    kept: list[str] = field(default_factory=list)
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
        try:
            record = await self._record(known)
        except TimeoutError:
            record = {"outcome": "no activation", "intent": None, "stages": {}}
        answer = satellite.speaker.read_bytes()[spoken:]
        command.heard = next((t["heard"] for t in house.whisper.told[heard:]), "")
        command.outcome = record["outcome"]
        command.intent = record["intent"]
        command.seconds = record["stages"]
        language = "fr" if voice == "siwis" else "en"
        command.answer = await house.speech.text_of(answer, language)
        command.kept = await self._kept(words, command.heard)
        command.worked = (
            command.outcome in _WORKED and bool(command.answer) and not command.kept
        )
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

    async def _kept(self, *words: str) -> list[str]:
        """Return the files of Home Assistant in which words stand."""
        await asyncio.sleep(1.5)  # the recorder writes every second here
        return await asyncio.to_thread(files_with, self.house.home.folder, words)

    def show(self, command: Command, record: dict[str, Any]) -> None:
        """Show a command as a timeline."""
        say(f"\n  said            {command.said}")
        room = record.get("room", "")
        say(
            f"  woken by        {record.get('wake_word') or record.get('woken_by')} in {room}"
        )
        say("     0.00 s       wake")
        for stage, at in command.seconds.items():
            say(f"  {at:7.2f} s       {stage.replace('_', ' ')}")
        say(f"  heard           {command.heard}")
        say(f"  intent          {command.intent}  →  {command.outcome}")
        say(f"  answer          {command.answer}")
        say(f"  words kept in   {', '.join(command.kept) or 'no file'}")

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
        begun = time.monotonic()
        await self.house.home.call(
            "assist_satellite", "announce", entity_id=kitchen, message=text
        )
        command.seconds = {"reply_end": round(time.monotonic() - begun, 3)}
        pcm = self.house.kitchen.speaker.read_bytes()[spoken:]
        command.answer = command.heard = await self.house.speech.text_of(pcm, "en")
        command.worked = _similar(text, command.answer)
        command.outcome = "handled" if command.worked else "failed"
        command.effect = f"{len(pcm) / 44_100:.1f} s of speech at the speaker"
        self.commands.append(command)
        # Home Assistant itself records the data of every action that is called.
        command.kept = await self._kept(text)
        say(f"\n  announced       {text}\n  at the speaker  {command.answer}")
        say(f"  words kept in   {', '.join(command.kept) or 'no file'}")

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
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(20):
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
        await asyncio.sleep(1.5)  # the recorder writes every second here
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


async def speak_all(house: House) -> dict[str, Any]:
    """Start the house, speak the commands and return what became of them."""
    since = datetime.now(UTC)
    await house.start()
    demo = Demo(house)
    await demo.run()
    rows = await demo.history_rows(since)
    return {
        "ok": all(c.worked for c in demo.commands) and rows >= 4,
        "ha_version": (await house.home.get("/api/config"))["version"],
        "commands": [asdict(c) for c in demo.commands],
        "history_rows": rows,
    }


async def stay(house: House) -> None:
    """Leave the house up until it is asked to stop."""
    say(f"\nHome Assistant: {house.home.url}   user {USER}, password {PASSWORD}")
    say("Press Ctrl+C to stop.")
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


async def main() -> int:
    """Run the demo; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="stop after the commands")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="private-voice-"))
    say(f"logs and configuration are in {folder}")
    task = asyncio.current_task()
    assert task is not None
    for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(how, task.cancel)
    house = House(folder, say)
    result: dict[str, Any] = {"ok": False}
    try:
        result = await speak_all(house)
        if not options.once:
            await stay(house)
    except asyncio.CancelledError:
        result["error"] = "stopped"
    except (TimeoutError, RuntimeError, OSError) as err:
        result["error"] = f"{type(err).__name__}: {err}"
    finally:
        await house.stop()
    if result["ok"] and not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        say(f"\nlogs and configuration stay in {folder}")
    say(json.dumps(result, ensure_ascii=False))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
