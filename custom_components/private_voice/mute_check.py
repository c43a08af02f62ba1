"""The test of a mute that a person can make: mute, speak, see that nothing comes."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from homeassistant.core import Context
from homeassistant.exceptions import HomeAssistantError

from .reply import CHIME, frames_of, frames_of_text
from .spoken import async_spoken
from .voice.microphone import MicrophoneState, Proof
from .wire.errors import WireError

if TYPE_CHECKING:
    from .room import Room

_CONNECTS_WITHIN = 10.0
_LISTENS = 8.0


class Verdict(StrEnum):
    """What a test of the mute has shown."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_POSSIBLE = "not_possible"


@dataclass
class CheckResult:
    """What was verified, and what could not be."""

    verdict: Verdict
    state: MicrophoneState
    verified_by: Proof | None = None
    seconds_watched: float = 0.0
    verified: list[str] = field(default_factory=list)
    """What was seen: pause_read, stream_stopped, nothing_came, sound_played …"""

    not_verified: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the result for an action's response."""
        return asdict(self)


async def async_check_mute(room: Room, context: Context | None = None) -> CheckResult:
    """Mute a room for the test, ask for speech, and watch what comes.

    A room that is held by staying disconnected, or was cut off, is connected for the
    test: a pause that is verified now clears what was seen before.
    """
    mute = room.mute
    streamed = mute.state is MicrophoneState.LIVE and room.microphone.streams
    if room.microphone.held:
        # A connection that is being cut must not pass for the one of the test.
        await _async_until(room, lambda: not room.connected, _CONNECTS_WITHIN)
    before = await mute.async_begin_check(context)
    try:
        result = await _async_watch(room, streamed)
    finally:
        # Also when who asked has gone: the room must not stay in the test.
        await room.hass.async_create_task(mute.async_end_check(before))
    return result


async def _async_watch(room: Room, streamed: bool) -> CheckResult:
    """Return what comes from a muted room while somebody speaks."""
    microphone = room.microphone
    if not await _async_connected(room):
        return CheckResult(
            Verdict.NOT_POSSIBLE, room.mute.state, not_verified=["connection"]
        )
    verified: list[str] = []
    not_verified: list[str] = []
    played = await _async_ask(room)
    (verified if played else not_verified).append("sound_played")
    watched = await _async_wait(room)
    (verified if microphone.pause_read else not_verified).append("pause_read")
    (verified if streamed else not_verified).append("stream_stopped")
    if microphone.hardware_muted is None:
        not_verified.append("hardware_switch")
    failed = microphone.violation is not None
    (not_verified if failed else verified).append("nothing_came")
    if not failed and (microphone.pause_read or streamed):
        microphone.obeys_pause = True
    return CheckResult(
        Verdict.FAILED if failed else Verdict.PASSED,
        room.mute.state,
        room.mute.proof,
        round(watched, 1),
        verified,
        not_verified,
    )


async def _async_connected(room: Room) -> bool:
    """Return whether the satellite is there, in time."""
    return await _async_until(room, lambda: room.connected, _CONNECTS_WITHIN)


async def _async_wait(room: Room) -> float:
    """Watch for a while, or until something comes; return for how many seconds."""
    began = room.hass.loop.time()
    await _async_until(room, lambda: room.microphone.violation is not None, _LISTENS)
    return room.hass.loop.time() - began


async def _async_until(room: Room, fact: Callable[[], bool], timeout: float) -> bool:
    """Return whether something became true of a room in time (seconds)."""
    changed = asyncio.Event()
    forget = room.async_add_listener(changed.set)
    try:
        async with asyncio.timeout(timeout):
            while not fact():
                changed.clear()
                await changed.wait()
    except TimeoutError:
        return False
    finally:
        forget()
    return True


async def _async_ask(room: Room) -> bool:
    """Ask for speech through the satellite's own speaker, or play a sound."""
    pipeline = room.hub.pipeline_of(room)
    try:
        if pipeline is None:
            await room.async_play(frames_of(CHIME))
        else:
            text = await async_spoken(room.hass, "mute_check", pipeline.language)
            await room.async_play(frames_of_text(room.hub, pipeline, text))
    except HomeAssistantError, WireError:
        return False
    return True
