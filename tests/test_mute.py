"""The mute of a room in a real Home Assistant: what mutes it, and what then happens."""

import asyncio
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import Context, HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    async_capture_events,
    async_fire_time_changed,
)

from custom_components.private_voice import hardware, mute_check
from custom_components.private_voice.const import DOMAIN, EVENT_MUTE_VIOLATED
from custom_components.private_voice.mute_check import Verdict, async_check_mute
from custom_components.private_voice.repairs import async_create_fix_flow
from custom_components.private_voice.room import Room
from custom_components.private_voice.voice.microphone import (
    Cause,
    MicrophoneState,
    Proof,
    Sign,
)

from . import test_commands
from .test_commands import SILENCE, SPEECH, House

house = test_commands.house

SLIDER = "binary_sensor.slider"
PLUG = "switch.plug"


def room_of(house: House) -> Room:
    """Return the room as it is now: a reload makes it anew."""
    room: Room = house.entry.runtime_data.rooms["room"]
    return room


async def until(house: House, state: MicrophoneState) -> None:
    """Wait until the microphone is in a state."""
    room, changed = room_of(house), asyncio.Event()
    forget = room.async_add_listener(changed.set)
    try:
        async with asyncio.timeout(5):
            while room.mute.state is not state:
                changed.clear()
                await changed.wait()
    finally:
        forget()


async def link(house: House, **data: Any) -> Room:
    """Give the room hardware, and return it as it then is."""
    subentry = house.entry.subentries["room"]
    house.satellite.received.clear()
    house.hass.config_entries.async_update_subentry(
        house.entry, subentry, data={**subentry.data, **data}
    )
    await house.hass.async_block_till_done()
    return room_of(house)


def slider() -> dict[str, Any]:
    """Return the data of a room with a hardware switch."""
    return {"mute_links": [{"entity_id": SLIDER, "muted_states": [STATE_ON]}]}


async def test_mute_of_a_satellite_that_stops_is_verified_on_the_wire(
    house: House,
) -> None:
    """First it is only said, then it was seen."""
    room = room_of(house)
    await house.satellite.stream()
    await house.satellite.speak(SILENCE[:4096])
    await until(house, MicrophoneState.LIVE)
    async with asyncio.timeout(5):
        while not room.microphone.admitted_bytes:
            await asyncio.sleep(0)
    await room.mute.async_mute(Cause.USER)
    assert room.mute.state is MicrophoneState.UNVERIFIED
    await until(house, MicrophoneState.SOFT_MUTED)
    assert room.mute.proof is Proof.STREAM_STOPPED
    assert room.mute.cause is Cause.USER
    assert room.settings.obeys_pause is True


async def test_satellite_that_goes_on_is_cut_off_and_told_of(house: House) -> None:
    """An event, a repair and the state say it; a person lets it come back."""
    room, events = room_of(house), async_capture_events(house.hass, EVENT_MUTE_VIOLATED)
    await room.mute.async_mute(Cause.USER)
    await house.satellite.wait_for("pause-satellite")
    async with asyncio.timeout(10):
        while house.satellite.connections:
            await house.satellite.speak(SPEECH[:2048])
            await asyncio.sleep(0.02)
    await until(house, MicrophoneState.CONTRADICTION)
    await house.hass.async_block_till_done()
    data = events[0].data
    assert (data["room_id"], data["sign"], data["hardware"]) == ("room", "audio", False)
    assert len(events) == 1
    issue_id = "mute_violated_room"
    issue = ir.async_get(house.hass).async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.translation_key == "mute_violated_audio"
    assert not room.microphone.open
    with pytest.raises(ServiceValidationError, match="person"):
        await room.mute.async_unmute(Cause.AUTOMATION)

    # It is still so after a restart, and nothing connects.
    await house.hass.config_entries.async_reload(house.entry.entry_id)
    room = room_of(house)
    assert room.mute.state is MicrophoneState.CONTRADICTION
    assert not house.satellite.connections

    flow = await async_create_fix_flow(house.hass, issue_id, issue.data)
    flow.hass = house.hass
    await flow.async_step_confirm({})
    # It is known now that it does not pause: the mute is held without a connection.
    assert room.mute.state is MicrophoneState.SOFT_MUTED
    assert room.mute.proof is Proof.CONNECTION_CLOSED
    assert ir.async_get(house.hass).async_get_issue(DOMAIN, issue_id) is None
    assert room.satellite is not None
    with pytest.raises(HomeAssistantError) as error:
        await room.satellite.async_internal_announce("hello")
    assert error.value.translation_key == "muted_disconnected"
    await room.mute.async_unmute(Cause.AUTOMATION)
    await until(house, MicrophoneState.LIVE)
    await house.satellite.wait_for("run-satellite")

    # The next mute needs no alarm.
    await room.mute.async_mute(Cause.USER)
    await until(house, MicrophoneState.SOFT_MUTED)
    await house.satellite.wait(lambda: not house.satellite.connections)
    assert len(events) == 1


async def test_wake_of_a_muted_room_is_a_contradiction_with_a_record(
    house: House,
) -> None:
    """Somebody tried to wake it: the history knows."""
    room = room_of(house)
    await room.mute.async_mute(Cause.USER)
    await asyncio.sleep(0.35)
    await house.satellite.wake()
    assert (await house.activation())["outcome"] == "muted"
    await until(house, MicrophoneState.CONTRADICTION)
    assert room.microphone.violation is not None
    assert room.microphone.violation.sign is Sign.WAKE


async def test_hardware_mutes_and_software_cannot_unmute(house: House) -> None:
    """The refusal names the switch."""
    house.hass.states.async_set(SLIDER, STATE_OFF, {"friendly_name": "Kitchen slider"})
    room = await link(house, **slider())
    await until(house, MicrophoneState.LIVE)
    person = Context()
    house.hass.states.async_set(
        SLIDER, STATE_ON, {"friendly_name": "Kitchen slider"}, context=person
    )
    await until(house, MicrophoneState.HARDWARE_MUTED)
    assert room.mute.cause is Cause.HARDWARE
    assert room.mute.context is person
    assert room.mute.muted_by == ["Kitchen slider"]
    await house.satellite.wait(lambda: not house.satellite.streaming)
    with pytest.raises(ServiceValidationError, match="Kitchen slider"):
        await room.mute.async_unmute(Cause.USER)
    house.hass.states.async_set(SLIDER, STATE_OFF)
    await until(house, MicrophoneState.LIVE)
    await house.satellite.wait(lambda: house.satellite.streaming)


@pytest.mark.parametrize(("choice", "is_open"), [("muted", False), ("ignored", True)])
async def test_lost_mirror_counts_as_the_user_chose(
    house: House, choice: str, is_open: bool
) -> None:
    """Muted, unless it is to be ignored."""
    house.hass.states.async_set(SLIDER, STATE_OFF)
    room = await link(house, **slider(), link_lost=choice)
    assert room.microphone.open
    house.hass.states.async_set(SLIDER, STATE_UNAVAILABLE)
    await house.hass.async_block_till_done()
    assert room.microphone.open is is_open
    if not is_open:
        assert room.mute.cause is Cause.LINK_LOST
        with pytest.raises(ServiceValidationError) as error:
            await room.mute.async_unmute(Cause.USER)
        assert error.value.translation_key == "muted_by_lost_link"


async def test_nothing_lets_the_satellite_stream_before_the_hardware_is_known(
    house: House,
) -> None:
    """A mirror that comes late counts as muted until it is there."""
    room = await link(house, **slider())
    await house.satellite.wait_for("pause-satellite")
    assert not house.satellite.all("run-satellite")
    assert not room.microphone.open
    house.hass.states.async_set(SLIDER, STATE_OFF)
    await house.satellite.wait_for("run-satellite")


async def test_digital_silence_of_a_muted_satellite_is_no_alarm(house: House) -> None:
    """Energy is."""
    house.hass.states.async_set(SLIDER, STATE_ON)
    room = await link(house, **slider())
    await until(house, MicrophoneState.HARDWARE_MUTED)
    await house.satellite.speak(bytes(4096))
    async with asyncio.timeout(5):
        while room.mute.proof is not Proof.DIGITAL_SILENCE:
            await asyncio.sleep(0.01)
    await house.satellite.speak(SPEECH[16_000:20_096])
    await until(house, MicrophoneState.CONTRADICTION)
    issue = ir.async_get(house.hass).async_get_issue(DOMAIN, "mute_violated_room")
    assert issue is not None
    assert issue.translation_key == "mute_violated_hardware"


class Plug:
    """A switch that feeds a microphone."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Register what switches it."""
        self.hass = hass
        self.obeys = True
        hass.states.async_set(PLUG, STATE_ON)
        for action in ("turn_on", "turn_off"):
            hass.services.async_register("homeassistant", action, self._switch)

    async def _switch(self, call: ServiceCall) -> None:
        """Switch."""
        if self.obeys:
            self.hass.states.async_set(PLUG, call.service.removeprefix("turn_"))


async def test_power_follows_the_mute(house: House) -> None:
    """Off while muted, and listening again only once it is on."""
    Plug(house.hass)
    room = await link(house, microphone_power=PLUG)
    await until(house, MicrophoneState.LIVE)
    await room.mute.async_mute(Cause.USER)
    await until(house, MicrophoneState.HARDWARE_MUTED)
    assert house.hass.states.is_state(PLUG, STATE_OFF)
    # A satellite without power is gone, and that is no fault.
    await house.satellite.stop()
    await house.hass.async_block_till_done()
    assert room.mute.state is MicrophoneState.HARDWARE_MUTED
    await house.satellite.start()
    await room.mute.async_unmute(Cause.USER)
    await until(house, MicrophoneState.LIVE)
    assert house.hass.states.is_state(PLUG, STATE_ON)


async def test_power_that_does_not_follow_is_told(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a repair, which goes when it was switched after all."""
    monkeypatch.setattr(hardware, "_SWITCHES_WITHIN", 0.05)
    plug = Plug(house.hass)
    plug.obeys = False
    room = await link(house, microphone_power=PLUG)
    registry = ir.async_get(house.hass)
    await room.mute.async_mute(Cause.USER)
    async with asyncio.timeout(5):
        while not (issue := registry.async_get_issue(DOMAIN, "power_stuck_room")):
            await asyncio.sleep(0.01)
    assert issue.translation_key == "power_stuck_on"
    assert not room.microphone.open, "the mute by software holds all the same"
    house.hass.states.async_set(PLUG, STATE_OFF)
    await house.hass.async_block_till_done()
    assert registry.async_get_issue(DOMAIN, "power_stuck_room") is None


async def test_power_that_a_person_switched_off_stays_off_over_a_restart(
    house: House,
) -> None:
    """It counts as muted, and nothing but unmuting switches it on."""
    Plug(house.hass)
    await link(house, microphone_power=PLUG)
    house.hass.states.async_set(PLUG, STATE_OFF)
    await until(house, MicrophoneState.HARDWARE_MUTED)
    await house.hass.config_entries.async_reload(house.entry.entry_id)
    await house.hass.async_block_till_done()
    assert house.hass.states.is_state(PLUG, STATE_OFF)
    room = room_of(house)
    assert room.mute.muted_by == ["power"]
    await room.mute.async_unmute(Cause.USER)
    await until(house, MicrophoneState.LIVE)


async def test_mute_for_a_time_ends_by_itself(
    house: House, freezer: FrozenDateTimeFactory
) -> None:
    """And not before."""
    room = room_of(house)
    await room.mute.async_mute(Cause.VOICE, duration=timedelta(hours=1))
    assert room.mute.muted_until is not None
    freezer.tick(timedelta(minutes=59))
    async_fire_time_changed(house.hass)
    await house.hass.async_block_till_done()
    assert not room.microphone.open
    freezer.tick(timedelta(minutes=2))
    async_fire_time_changed(house.hass)
    await house.hass.async_block_till_done()
    assert room.microphone.open
    assert room.mute.cause is Cause.TIMER
    assert room.mute.muted_until is None


@pytest.mark.parametrize(("minutes", "is_open"), [(59, False), (61, True)])
async def test_mute_for_a_time_goes_on_over_a_restart(
    house: House, freezer: FrozenDateTimeFactory, minutes: int, is_open: bool
) -> None:
    """Its end is kept."""
    room = room_of(house)
    await room.mute.async_mute(Cause.USER, duration=timedelta(hours=1))
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    freezer.move_to(dt_util.utcnow() + timedelta(minutes=minutes))
    await house.hass.config_entries.async_setup(house.entry.entry_id)
    assert room_of(house).microphone.open is is_open


async def test_check_of_a_mute_that_holds(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what was seen, and the room listens again."""
    monkeypatch.setattr(mute_check, "_LISTENS", 0.5)
    room = room_of(house)
    result = await async_check_mute(room)
    assert result.verdict is Verdict.PASSED
    assert set(result.verified) == {"sound_played", "pause_read", "nothing_came"}
    assert set(result.not_verified) == {"stream_stopped", "hardware_switch"}
    assert room.settings.obeys_pause is True
    assert room.mute.state is MicrophoneState.LIVE
    assert house.service.spoken, "the person is asked to speak"
    # From now on an answer to the pause is enough.
    await room.mute.async_mute(Cause.USER)
    await until(house, MicrophoneState.SOFT_MUTED)
    assert room.mute.proof is Proof.PAUSE_CONFIRMED


async def test_check_of_a_mute_that_fails(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The room stays cut off."""
    monkeypatch.setattr(mute_check, "_LISTENS", 5)
    room = room_of(house)
    check = asyncio.create_task(async_check_mute(room))
    while not check.done():
        await house.satellite.speak(SPEECH[:2048])
        await asyncio.sleep(0.02)
    result = check.result()
    assert result.verdict is Verdict.FAILED
    assert "nothing_came" in result.not_verified
    assert room.mute.state is MicrophoneState.CONTRADICTION
    assert room.settings.muted


async def test_verified_pause_clears_a_contradiction(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A satellite that was mended is believed again."""
    monkeypatch.setattr(mute_check, "_LISTENS", 0.5)
    room = room_of(house)
    await room.mute.async_mute(Cause.USER)
    await asyncio.sleep(0.35)
    await house.satellite.wake()
    await until(house, MicrophoneState.CONTRADICTION)
    result = await async_check_mute(room)
    assert result.verdict is Verdict.PASSED
    assert room.microphone.violation is None
    assert room.settings.muted
    await until(house, MicrophoneState.SOFT_MUTED)
    issues = ir.async_get(house.hass)
    assert issues.async_get_issue(DOMAIN, "mute_violated_room") is None


async def test_check_without_a_satellite_is_not_possible(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says so, instead of passing."""
    monkeypatch.setattr(mute_check, "_CONNECTS_WITHIN", 0.1)
    await house.satellite.stop()
    await until(house, MicrophoneState.DISCONNECTED)
    room = room_of(house)
    result = await async_check_mute(room)
    assert result.verdict is Verdict.NOT_POSSIBLE
    assert result.as_dict()["not_verified"] == ["connection"]


async def test_mute_in_the_middle_of_a_command_discards_it(house: House) -> None:
    """Its audio and text are nowhere, and it is recorded as cancelled."""
    room = room_of(house)
    await house.satellite.wake()
    await house.satellite.speak(SPEECH[:16_000])
    async with asyncio.timeout(5):
        while room.run is None:
            await asyncio.sleep(0)
    run = room.run
    await room.mute.async_mute(Cause.USER)
    assert (await house.activation())["outcome"] == "cancelled"
    assert run.reply is None
    assert [piece async for piece in run.audio] == []


class SlowDisk:
    """Settings whose writing waits until it is told to go on."""

    def __init__(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """Slow down the disk of a house."""
        self.began, self.goes_on = asyncio.Event(), asyncio.Event()
        store = house.entry.runtime_data.settings._store
        self._save = store.async_save
        self.saved: list[bool] = []
        monkeypatch.setattr(store, "async_save", self.async_save)

    async def async_save(self, data: dict[str, Any]) -> None:
        """Save late."""
        self.began.set()
        await self.goes_on.wait()
        await self._save(data)
        self.saved.append(data["rooms"]["room"]["muted"])


def turn(house: House, action: str) -> asyncio.Task[Any]:
    """Call an action of the room's mute."""
    entity_id = house.entity("switch", "microphone_mute")
    return asyncio.create_task(
        house.hass.services.async_call(
            "switch", action, {"entity_id": entity_id}, blocking=True
        )
    )


async def test_mute_is_shown_once_it_is_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a crash could make what was shown untrue; the gate closes before."""
    await house.satellite.wake()
    await house.satellite.speak(SPEECH)
    await house.service.wait_for("transcribe")
    disk = SlowDisk(house, monkeypatch)
    call = turn(house, "turn_on")
    await disk.began.wait()
    assert not room_of(house).microphone.open
    async with asyncio.timeout(5):
        while not house.activations:
            await asyncio.sleep(0.01)
    entity_id = house.entity("switch", "microphone_mute")
    assert house.hass.states.is_state(entity_id, STATE_OFF)
    disk.goes_on.set()
    await call
    assert house.hass.states.is_state(entity_id, STATE_ON)


@pytest.mark.parametrize("by_time", [False, True])
async def test_mute_while_an_unmute_is_written_wins(
    house: House, monkeypatch: pytest.MonkeyPatch, by_time: bool
) -> None:
    """Whoever changes their mind is not listened to."""
    room = room_of(house)
    await room.mute.async_mute(Cause.USER, duration=timedelta(hours=1))
    disk = SlowDisk(house, monkeypatch)
    if by_time:
        hours = timedelta(hours=1, seconds=1)
        async_fire_time_changed(house.hass, dt_util.utcnow() + hours)
    else:
        turn(house, "turn_off")
    await disk.began.wait()
    mute = turn(house, "turn_on")
    await asyncio.sleep(0)
    disk.goes_on.set()
    await mute
    await house.hass.async_block_till_done()
    assert room.settings.muted
    assert not room.microphone.open
    assert room.mute.is_soft_muted


async def test_mute_is_kept_though_who_asked_has_gone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An automation that is stopped must not lose it."""
    disk = SlowDisk(house, monkeypatch)
    call = turn(house, "turn_on")
    await disk.began.wait()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    disk.goes_on.set()
    await house.hass.async_block_till_done()
    assert disk.saved[-1] is True
    entity_id = house.entity("switch", "microphone_mute")
    assert house.hass.states.is_state(entity_id, STATE_ON)


async def test_satellite_that_cannot_pause_is_cut_off_after_the_answer(
    house: House,
) -> None:
    """Who says "stop listening" hears that it was understood."""
    room = room_of(house)
    room.microphone.obeys_pause = False
    house.service.text = "stop listening"
    await house.satellite.wake()
    await house.satellite.speak(SPEECH + SILENCE)
    record = await house.activation()
    assert (record["outcome"], record["intent"]) == ("handled", "PrivateVoiceMute")
    assert house.service.spoken
    assert house.satellite.heard()
    await until(house, MicrophoneState.SOFT_MUTED)
    assert room.mute.proof is Proof.CONNECTION_CLOSED
    await house.satellite.wait(lambda: not house.satellite.connections)
    assert room.microphone.violation is None


async def test_mute_during_a_check_outlasts_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test leaves alone what somebody has said meanwhile."""
    monkeypatch.setattr(mute_check, "_LISTENS", 0.5)
    room = room_of(house)
    check = asyncio.create_task(async_check_mute(room))
    async with asyncio.timeout(5):
        while not house.service.spoken:
            await asyncio.sleep(0.01)
    await room.mute.async_mute(Cause.USER)
    assert (await check).verdict is Verdict.PASSED
    assert room.settings.muted
    assert not room.microphone.open
