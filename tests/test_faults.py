"""What a fault leaves behind: a record, a room that works, and nothing else."""

import asyncio
from collections.abc import Awaitable, Callable
import gc

from homeassistant.core import Event
import pytest

from custom_components.private_voice.diagnostics import (
    async_get_config_entry_diagnostics,
)
from custom_components.private_voice.room import Room
from custom_components.private_voice.run import CommandRun
from custom_components.private_voice.voice.microphone import Cause

from . import test_commands
from .test_commands import SILENCE, SPEECH, House

house = test_commands.house

MARKERS = ("marmalade", "xylophone")


def room_of(house: House) -> Room:
    """Return the room as it is now: a reload makes it anew."""
    room: Room = house.entry.runtime_data.rooms["room"]
    return room


async def goes_well(house: House) -> None:
    """Let nothing fail."""
    await house.satellite.speak(SPEECH + SILENCE)


async def answers_with_an_error(house: House) -> None:
    """Let the service tell of an error."""
    house.service.fault = "error"
    await house.satellite.speak(SPEECH + SILENCE)


async def dies_in_the_utterance(house: House) -> None:
    """Let the service go while somebody speaks, and come back."""
    await house.satellite.speak(SPEECH)
    await house.service.wait_for("audio-chunk")
    await house.service.stop()
    await house.satellite.speak(SILENCE)
    await house.activation()
    await house.service.start()


async def hangs(house: House) -> None:
    """Let the service take all and answer nothing."""
    service = next(iter(house.entry.runtime_data.services.values()))
    service.client._reply_timeout = 0.2
    house.service.fault = "hang"
    await house.satellite.speak(SPEECH + SILENCE)


async def satellite_leaves(house: House) -> None:
    """Let the satellite go in the middle, and come back."""
    await house.satellite.speak(SPEECH)
    await house.service.wait_for("audio-chunk")
    await house.satellite.stop()
    await house.activation()
    house.satellite.received.clear()
    await house.satellite.start()
    await house.satellite.wait_for("run-satellite")


async def restarts(house: House) -> None:
    """Let the integration be loaded anew in the middle."""
    await house.satellite.speak(SPEECH)
    await house.service.wait_for("audio-chunk")
    house.satellite.received.clear()
    await house.hass.config_entries.async_reload(house.entry.entry_id)
    await house.satellite.wait_for("run-satellite")


async def is_muted(house: House) -> None:
    """Let somebody mute in the middle, and unmute again."""
    await house.satellite.speak(SPEECH)
    await house.service.wait_for("audio-chunk")
    await room_of(house).mute.async_mute(Cause.USER)
    await house.satellite.speak(SPEECH[:4096])
    await house.activation()
    house.satellite.received.clear()
    await room_of(house).mute.async_unmute(Cause.USER)
    await house.satellite.wait_for("run-satellite")


def runs_that_hold_something() -> list[CommandRun]:
    """Return the runs with audio or a reply; timers may hold an empty one for a while."""
    runs = [thing for thing in gc.get_objects() if isinstance(thing, CommandRun)]
    assert runs
    return [
        run
        for run in runs
        if run.reply or run.audio.take_rest() or not run._deltas.empty()
    ]


def tasks_left() -> list[str]:
    """Return the names of tasks that work for a command."""
    names = [task.get_name() for task in asyncio.all_tasks()]
    return [n for n in names if n.startswith("private_voice run") or "_pipeline" in n]


@pytest.mark.parametrize(
    ("fault", "outcome", "reason"),
    [
        (goes_well, "not_understood", None),
        (answers_with_an_error, "failed", "speech_to_text_error"),
        (dies_in_the_utterance, "failed", "speech_to_text_down"),
        (hangs, "failed", "speech_to_text_timeout"),
        (satellite_leaves, "failed", "satellite_lost"),
        (restarts, "interrupted", None),
        (is_muted, "cancelled", None),
    ],
)
async def test_fault_leaves_nothing_behind(
    house: House,
    fault: Callable[[House], Awaitable[None]],
    outcome: str,
    reason: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No task, connection, audio or word of it; and the next command works."""
    events: list[Event] = []
    house.hass.bus.async_listen("*", events.append)
    house.service.text = " ".join(MARKERS)
    await house.satellite.wake()
    await fault(house)
    record = await house.activation()
    assert (record["outcome"], record["reason"]) == (outcome, reason)
    await house.hass.async_block_till_done()
    await house.service.wait(lambda: house.service.connections == 0)
    room = room_of(house)
    assert room.run is None
    assert not tasks_left()
    assert not runs_that_hold_something()
    assert house.satellite.connections == 1
    places = [
        *(f"{s.state} {dict(s.attributes)}" for s in house.hass.states.async_all()),
        *(str(e.as_dict()) for e in events),
        caplog.text,
        str(await async_get_config_entry_diagnostics(house.hass, house.entry)),
    ]
    for marker in MARKERS:
        assert not any(marker in place for place in places)

    house.service.fault = None
    house.service.text = "turn on the kitchen light"
    await house.satellite.wake()
    await house.satellite.speak(SPEECH + SILENCE)
    assert (await house.activation(2))["outcome"] == "handled"
