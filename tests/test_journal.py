"""Each wake has one record, also when Home Assistant is cut off in the middle."""

from typing import Any

from homeassistant.const import EVENT_HOMEASSISTANT_STOP

from custom_components.private_voice.const import DOMAIN

from . import test_commands
from .test_commands import SPEECH, House

house = test_commands.house


def stored(house: House, hass_storage: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the journal holds."""
    key = f"{DOMAIN}.{house.entry.entry_id}.open"
    found: list[dict[str, Any]] = hass_storage[key]["data"]["open"]
    return found


async def test_activation_is_written_before_its_audio_goes_anywhere(
    house: House, hass_storage: dict[str, Any]
) -> None:
    """And forgotten once it has its record."""
    await house.satellite.wake()
    await house.satellite.speak(SPEECH[:8_000])
    await house.service.wait_for("audio-chunk")
    (record,) = stored(house, hass_storage)
    assert (record["room_id"], record["wake_word"]) == ("room", "okay_nabu")
    await house.satellite.speak(SPEECH[8_000:] + test_commands.SILENCE)
    await house.activation()
    await house.hass.async_block_till_done()
    assert stored(house, hass_storage) == []


async def test_activation_that_a_crash_cut_off_is_recorded_at_the_next_start(
    house: House, hass_storage: dict[str, Any]
) -> None:
    """Once; what can't be read, or belongs to no room any more, is left out."""
    entries = house.hass.config_entries
    await entries.async_unload(house.entry.entry_id)
    known = {
        "id": "abc",
        "room_id": "room",
        "woken_by": "wake_word",
        "wake_word": "okay_nabu",
        "language": "en",
        "started": "2026-11-25T12:00:00+00:00",
    }
    hass_storage[f"{DOMAIN}.{house.entry.entry_id}.open"] = {
        "version": 1,
        "minor_version": 1,
        "key": f"{DOMAIN}.{house.entry.entry_id}.open",
        "data": {"open": [known, {"id": "broken"}, known | {"room_id": "gone"}]},
    }
    await entries.async_setup(house.entry.entry_id)
    record = await house.activation()
    assert (record["activation_id"], record["outcome"]) == ("abc", "interrupted")
    await entries.async_reload(house.entry.entry_id)
    assert len(house.activations) == 1
    assert stored(house, hass_storage) == []


async def test_stop_of_home_assistant_ends_a_command_with_a_record(
    house: House,
) -> None:
    """While the recorder is still there to take it, and the satellite is told to rest."""
    await house.satellite.wake()
    await house.satellite.speak(SPEECH[:8_000])
    await house.service.wait_for("audio-chunk")
    house.hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    assert (await house.activation())["outcome"] == "interrupted"
    await house.satellite.wait(lambda: not house.satellite.streaming)
