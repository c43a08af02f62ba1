"""What a person sees of a room's mute, and what automations can do with it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import Context, Event, HomeAssistant, State, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    label_registry as lr,
)
from homeassistant.helpers.restore_state import RestoreStateData, async_get
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    async_capture_events,
    async_fire_time_changed,
)

from custom_components.private_voice import mute_check
from custom_components.private_voice.const import DOMAIN
from custom_components.private_voice.diagnostics import (
    async_get_config_entry_diagnostics,
)
from custom_components.private_voice.voice.microphone import MicrophoneState

from . import test_commands
from .test_commands import SPEECH, House

house = test_commands.house

LINK = "binary_sensor.slider"
ONE_SECOND = b"\x01\x00\xff\xff" * 8_000


def state_of(house: House, platform: str, key: str) -> State:
    """Return the state of an entity of the room."""
    state = house.hass.states.get(house.entity(platform, key))
    assert state is not None
    return state


async def until(house: House, fact: Callable[[], bool]) -> None:
    """Wait until something is true of what the room's entities show."""
    changed = asyncio.Event()

    @callback
    def on_change(event: Event[Any]) -> None:
        """Look again."""
        changed.set()

    forget = house.hass.bus.async_listen("state_changed", on_change)
    try:
        async with asyncio.timeout(20):
            while not fact():
                await changed.wait()
                changed.clear()
    finally:
        forget()


async def becomes(house: House, state: MicrophoneState) -> State:
    """Wait until the sensor shows a state and return it."""
    await until(house, lambda: state_of(house, "sensor", "microphone").state == state)
    return state_of(house, "sensor", "microphone")


async def act(
    house: House, action: str, context: Context | None = None, **data: Any
) -> None:
    """Call an action of ours on the room's mute, unless another target is given."""
    if not {"area_id", "floor_id", "label_id", "entity_id"} & set(data):
        data["entity_id"] = house.entity("switch", "microphone_mute")
    await house.hass.services.async_call(
        DOMAIN, action, data, blocking=True, context=context
    )


async def somebody(house: House) -> Context:
    """Return the context of what a person does."""
    user = await house.hass.auth.async_create_user("Ann", group_ids=["system-admin"])
    return Context(user_id=user.id)


async def follow_slider(house: House, state: str) -> None:
    """Let the room follow a slider on the device."""
    house.hass.states.async_set(LINK, state, {"friendly_name": "Slider"})
    entry = house.entry
    subentry = entry.subentries["room"]
    link = {"entity_id": LINK, "muted_states": ["on"]}
    house.hass.config_entries.async_update_subentry(
        entry, subentry, data={**subentry.data, "mute_links": [link]}
    )
    await house.hass.async_block_till_done()


def heard(house: House) -> int:
    """Return how much audio the service got."""
    return sum(len(e.payload or b"") for e in house.service.all("audio-chunk"))


async def stream(house: House, pcm: bytes = ONE_SECOND) -> None:
    """Let the satellite stream until the service has heard all."""
    await house.satellite.stream()
    await house.service.wait_for("detect")
    await house.satellite.speak(pcm)
    await house.service.wait(lambda: heard(house) == len(pcm))


async def send_although_muted(house: House) -> None:
    """Mute the room, and once that was seen to work let audio come all the same."""
    await stream(house)
    await act(house, "mute")
    await becomes(house, MicrophoneState.SOFT_MUTED)
    await house.satellite.speak(SPEECH)


# The microphone


async def test_microphone_says_who_muted_and_how_it_is_known(house: House) -> None:
    """First only muted here, then seen at the satellite; history names the person."""
    assert (await becomes(house, MicrophoneState.LIVE)).attributes["muted_by"] == []
    await stream(house)
    person = await somebody(house)
    await act(house, "mute", person)
    muted = state_of(house, "sensor", "microphone")
    assert muted.state == "unverified"
    assert muted.context is person
    assert muted.attributes["cause"] == "user"
    assert muted.attributes["muted_by"] == ["software"]
    assert muted.attributes["muted_until"] is None
    assert muted.attributes["verified_by"] is None
    muted = await becomes(house, MicrophoneState.SOFT_MUTED)
    assert muted.attributes["verified_by"] is not None
    assert muted.attributes["cause"] == "user"
    automation = Context(parent_id=person.id)
    await act(house, "unmute", automation)
    live = state_of(house, "sensor", "microphone")
    assert (live.state, live.attributes["cause"]) == ("live", "automation")
    assert live.context is automation


async def test_satellite_that_leaves_was_nobodys_action(house: House) -> None:
    """What comes right after an action is not laid to it."""
    await act(house, "mute", await somebody(house))
    await act(house, "unmute", person := await somebody(house))
    assert state_of(house, "sensor", "microphone").context is person
    await house.satellite.stop()
    gone = await becomes(house, MicrophoneState.DISCONNECTED)
    assert gone.attributes["cause"] == "satellite_lost"
    assert gone.context.user_id is None
    await house.satellite.start()
    back = await becomes(house, MicrophoneState.LIVE)
    assert back.attributes["cause"] == "satellite_back"


async def test_hardware_mute_shows_and_refuses_to_be_unmuted(house: House) -> None:
    """The error names the switch that a person has to use."""
    await follow_slider(house, "on")
    assert state_of(house, "binary_sensor", "hardware_mute").state == "on"
    muted = await becomes(house, MicrophoneState.HARDWARE_MUTED)
    assert muted.attributes["muted_by"] == ["Slider"]
    assert muted.attributes["verified_by"] == "hardware_switch"
    with pytest.raises(ServiceValidationError) as refused:
        await act(house, "unmute")
    assert refused.value.translation_key == "muted_by_hardware"
    assert "Slider" in str(refused.value)
    assert "Kitchen voice" in str(refused.value)
    house.hass.states.async_set(LINK, "off", {"friendly_name": "Slider"})
    live = await becomes(house, MicrophoneState.LIVE)
    assert live.attributes["cause"] == "hardware"
    assert state_of(house, "binary_sensor", "hardware_mute").state == "off"
    house.hass.states.async_set(LINK, STATE_UNAVAILABLE, {"friendly_name": "Slider"})
    await house.hass.async_block_till_done()
    assert state_of(house, "binary_sensor", "hardware_mute").state == "unknown"
    assert state_of(house, "sensor", "microphone").attributes["cause"] == "link_lost"
    with pytest.raises(ServiceValidationError) as refused:
        await act(house, "unmute")
    assert refused.value.translation_key == "muted_by_lost_link"


async def test_room_without_hardware_mute_shows_none(house: House) -> None:
    """It would be unknown for ever; the one of before goes with the last link."""
    unique_id = "room-hardware_mute"
    registry = er.async_get(house.hass)
    assert not registry.async_get_entity_id("binary_sensor", DOMAIN, unique_id)
    await follow_slider(house, "off")
    assert registry.async_get_entity_id("binary_sensor", DOMAIN, unique_id)
    subentry = house.entry.subentries["room"]
    house.hass.config_entries.async_update_subentry(
        house.entry, subentry, data={**subentry.data, "mute_links": []}
    )
    await house.hass.async_block_till_done()
    assert not registry.async_get_entity_id("binary_sensor", DOMAIN, unique_id)


async def test_what_came_although_muted_is_a_problem(house: House) -> None:
    """When and how much, never what; a person who unmutes settles it."""
    problem = state_of(house, "binary_sensor", "mute_violated")
    assert problem.state == "off"
    assert "at" not in problem.attributes
    await send_although_muted(house)
    shown = await becomes(house, MicrophoneState.CONTRADICTION)
    assert shown.attributes["cause"] == "violation"
    problem = state_of(house, "binary_sensor", "mute_violated")
    assert problem.state == "on"
    assert problem.attributes["sign"] == "audio"
    assert problem.attributes["seconds"] > 0
    at = datetime.fromisoformat(problem.attributes["at"])
    assert timedelta(0) <= datetime.now(UTC) - at < timedelta(minutes=5)
    with pytest.raises(ServiceValidationError) as refused:
        await act(house, "unmute")
    assert refused.value.translation_key == "unmute_needs_person"
    await act(house, "unmute", await somebody(house))
    problem = state_of(house, "binary_sensor", "mute_violated")
    assert problem.state == "off"
    assert "at" not in problem.attributes
    await becomes(house, MicrophoneState.LIVE)


async def test_diagnostics_name_kinds_not_switches(house: House) -> None:
    """A name of an entity may say who lives there."""
    await follow_slider(house, "on")
    await act(house, "mute")
    found = await async_get_config_entry_diagnostics(house.hass, house.entry)
    microphone = found["rooms"][0]["microphone"]
    assert microphone["muted_by"] == ["hardware", "software"]
    assert set(microphone) == {
        *("state", "verified_by", "cause", "obeys_pause", "muted_by")
    }
    assert LINK not in str(microphone)


# Actions


async def test_mute_for_a_time(house: House) -> None:
    """It says until when, and ends by itself."""
    before = dt_util.utcnow()
    await act(house, "mute", duration={"minutes": 10})
    until_ = state_of(house, "sensor", "microphone").attributes["muted_until"]
    ends = datetime.fromisoformat(until_)
    assert timedelta(0) <= ends - before - timedelta(minutes=10) < timedelta(minutes=1)
    async_fire_time_changed(house.hass, ends + timedelta(seconds=1))
    live = await becomes(house, MicrophoneState.LIVE)
    assert live.attributes["cause"] == "timer"
    assert live.attributes["muted_until"] is None


@pytest.mark.parametrize("duration", ["00:00:00", "-00:10:00", "24:00:01"])
async def test_mute_for_no_time_or_too_long_is_refused(
    house: House, duration: str
) -> None:
    """Nothing is muted, and the error says what can be done."""
    with pytest.raises(ServiceValidationError) as refused:
        await act(house, "mute", duration=duration)
    assert refused.value.translation_key == "mute_duration"
    assert "24 hours" in str(refused.value)
    assert state_of(house, "switch", "microphone_mute").state == "off"


async def test_mute_by_area_floor_and_label(house: House) -> None:
    """The rooms in it, and no others."""
    hass = house.hass
    floor = fr.async_get(hass).async_create("Ground floor")
    label = lr.async_get(hass).async_create("Voice")
    areas = ar.async_get(hass)
    kitchen = areas.async_get_area_by_name("Kitchen")
    assert kitchen is not None
    cellar = areas.async_create("Cellar")
    areas.async_update(kitchen.id, floor_id=floor.floor_id)
    switch = er.async_get(hass).async_get(house.entity("switch", "microphone_mute"))
    assert switch is not None
    assert switch.device_id is not None
    dr.async_get(hass).async_update_device(
        switch.device_id, labels={label.label_id}, area_id=kitchen.id
    )
    await act(house, "mute", area_id=cellar.id)
    assert state_of(house, "switch", "microphone_mute").state == "off"
    for target in (
        {"area_id": kitchen.id},
        {"floor_id": floor.floor_id},
        {"label_id": label.label_id},
    ):
        await act(house, "mute", **target)
        assert state_of(house, "switch", "microphone_mute").state == "on"
        await act(house, "unmute", **target)
        assert state_of(house, "switch", "microphone_mute").state == "off"


def of_hub(house: House) -> str:
    """Return the mute of all rooms."""
    found = er.async_get(house.hass).async_get_entity_id(
        "switch", DOMAIN, f"{house.entry.entry_id}-mute_all"
    )
    assert found is not None
    return found


async def test_all_rooms_are_muted_for_a_time_and_unmuted(house: House) -> None:
    """The hub's mute knows the same actions."""
    await act(house, "mute", entity_id=of_hub(house), duration="01:00:00")
    assert house.hass.states.get(of_hub(house)).state == "on"
    assert state_of(house, "switch", "microphone_mute").state == "on"
    assert state_of(house, "sensor", "microphone").attributes["muted_until"]
    await act(house, "unmute", entity_id=of_hub(house))
    assert house.hass.states.get(of_hub(house)).state == "off"
    assert state_of(house, "sensor", "microphone").attributes["muted_until"] is None


async def test_room_that_needs_a_person_refuses_the_unmute_of_all(
    house: House,
) -> None:
    """It is said, not passed over."""
    await send_although_muted(house)
    await becomes(house, MicrophoneState.CONTRADICTION)
    with pytest.raises(ServiceValidationError) as refused:
        await act(house, "unmute", entity_id=of_hub(house))
    assert refused.value.translation_key == "unmute_needs_person"


# The test


async def test_test_of_a_mute_that_holds_passes(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer says what was seen; the room listens again afterwards."""
    monkeypatch.setattr(mute_check, "_LISTENS", 2.0)
    switch = house.entity("switch", "microphone_mute")
    found = await house.hass.services.async_call(
        DOMAIN,
        "test_mute",
        {"entity_id": switch},
        blocking=True,
        return_response=True,
    )
    assert found[switch]["verdict"] == "passed"
    assert "nothing_came" in found[switch]["verified"]
    assert len(house.service.spoken) == 1
    await becomes(house, MicrophoneState.LIVE)


async def test_button_tests_and_notifies(house: House) -> None:
    """A microphone that sends although muted fails, and the result stays to be read."""
    await stream(house)
    pressed = house.hass.async_create_task(
        house.hass.services.async_call(
            "button",
            "press",
            {"entity_id": house.entity("button", "test_mute")},
            blocking=True,
            context=await somebody(house),
        )
    )
    await house.satellite.wait_for("pause-satellite")
    while house.satellite.connections:
        await house.satellite.speak(SPEECH[:3200])
        await asyncio.sleep(0.1)  # as fast as it is spoken
    await pressed
    notes = house.hass.data["persistent_notification"]
    note = notes[f"{DOMAIN}_mute_check_room"]
    assert note["title"] == "Kitchen voice"
    assert note["message"].startswith("Something came from the microphone in Kitchen")
    assert state_of(house, "binary_sensor", "mute_violated").state == "on"


async def test_all_rooms_are_tested(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other, each with its result."""
    monkeypatch.setattr(mute_check, "_CONNECTS_WITHIN", 0.1)
    await house.satellite.stop()
    await becomes(house, MicrophoneState.DISCONNECTED)
    found = await house.hass.services.async_call(
        DOMAIN,
        "test_mute",
        {"entity_id": of_hub(house)},
        blocking=True,
        return_response=True,
    )
    (result,) = found[of_hub(house)]["rooms"]
    assert result["room"] == "Kitchen voice"
    assert result["verdict"] == "not_possible"
    await house.satellite.start()
    await becomes(house, MicrophoneState.LIVE)


# The day


def seconds(house: House, key: str) -> float:
    """Return what a sensor of the day shows, in seconds."""
    return float(state_of(house, "sensor", key).state) * 60


async def pass_time(house: House, freezer: FrozenDateTimeFactory, delta: Any) -> None:
    """Let time pass."""
    freezer.tick(delta)
    async_fire_time_changed(house.hass, dt_util.utcnow())
    await house.hass.async_block_till_done()


@pytest.fixture
def noon(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> FrozenDateTimeFactory:
    """Begin at noon, local time."""
    freezer.move_to(datetime(2026, 11, 25, 12, tzinfo=dt_util.get_default_time_zone()))
    return freezer


async def test_open_time_is_the_audio_that_passed(
    noon: FrozenDateTimeFactory, house: House
) -> None:
    """It is shown once a minute, and begins anew at midnight."""
    written = async_capture_events(house.hass, "state_changed")
    room = house.entry.runtime_data.rooms["room"]
    await stream(house, ONE_SECOND * 3)
    entity_id = house.entity("sensor", "microphone_open_today")
    assert seconds(house, "microphone_open_today") == 0
    assert entity_id not in [event.data["entity_id"] for event in written]
    await pass_time(house, noon, 61)
    assert seconds(house, "microphone_open_today") == pytest.approx(3)
    assert room.microphone.admitted_bytes == 3 * 32_000
    await to_midnight(house, noon)
    assert seconds(house, "microphone_open_today") == 0


async def to_midnight(house: House, freezer: FrozenDateTimeFactory) -> None:
    """Go to the beginning of the next day."""
    tomorrow = dt_util.start_of_local_day() + timedelta(days=1)
    await pass_time(house, freezer, tomorrow - dt_util.now())


async def test_muted_time_counts_while_nothing_can_pass(
    noon: FrozenDateTimeFactory, house: House
) -> None:
    """From the mute to the unmute, in this day only."""
    await pass_time(house, noon, 600)
    assert seconds(house, "muted_today") == 0
    await act(house, "mute")
    await pass_time(house, noon, 600)
    await act(house, "unmute")
    await pass_time(house, noon, 600)
    assert seconds(house, "muted_today") == pytest.approx(600, abs=1)
    await act(house, "mute")
    await to_midnight(house, noon)
    assert seconds(house, "muted_today") == 0
    await pass_time(house, noon, 60)
    assert seconds(house, "muted_today") == pytest.approx(60, abs=1)


async def test_midnight_is_not_missed_by_a_late_clock(
    noon: FrozenDateTimeFactory, house: House
) -> None:
    """Of a night that was slept through, only what is after midnight counts."""
    await act(house, "mute")
    await pass_time(house, noon, timedelta(hours=13))
    assert seconds(house, "muted_today") == pytest.approx(3600, abs=1)


@pytest.mark.parametrize(("later", "kept"), [(60, True), (13 * 3600, False)])
async def test_day_is_kept_over_a_restart_on_the_same_day(
    noon: FrozenDateTimeFactory, house: House, later: int, kept: bool
) -> None:
    """What was counted yesterday is not of today."""
    hass: HomeAssistant = house.hass
    await stream(house)
    await act(house, "mute")
    await pass_time(house, noon, 300)
    await act(house, "unmute")
    assert await hass.config_entries.async_unload(house.entry.entry_id)
    await RestoreStateData.async_save_persistent_states(hass)
    await async_get(hass).async_load()
    await pass_time(house, noon, later)
    house.satellite.received.clear()
    assert await hass.config_entries.async_setup(house.entry.entry_id)
    await house.satellite.wait_for("run-satellite")
    assert seconds(house, "muted_today") == pytest.approx(300 if kept else 0, abs=1)
    opened = seconds(house, "microphone_open_today")
    assert opened == pytest.approx(1 if kept else 0)
