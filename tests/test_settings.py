"""What is kept over a restart, and what is made of it when it is broken."""

from typing import Any

from homeassistant.components.assist_pipeline import async_setup_pipeline_store
from homeassistant.core import HomeAssistant
import pytest

from custom_components.private_voice.settings import SettingsStore
from custom_components.private_voice.voice.endpoint import FinishedSpeaking

from . import test_commands
from .test_commands import House

house = test_commands.house


async def loaded(
    hass: HomeAssistant, storage: dict[str, Any], room: dict[str, Any]
) -> SettingsStore:
    """Return a store that was read from a file."""
    key = "private_voice.entry"
    data = {"rooms": {"room": room}, "pipelines": {}}
    storage[key] = {"version": 1, "minor_version": 1, "key": key, "data": data}
    store = SettingsStore(hass, "entry")
    await store.async_load()
    return store


@pytest.mark.parametrize("muted", [True, None, "no", 0])
async def test_what_is_not_plainly_unmuted_is_muted(
    hass: HomeAssistant, hass_storage: dict[str, Any], muted: Any
) -> None:
    """A broken file must not open a microphone."""
    store = await loaded(hass, hass_storage, {"muted": muted})
    assert store.room("room").muted is True


async def test_broken_choices_fall_back(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    """What a later version wrote, or nobody did, does not stop the room."""
    room = {"muted": False, "finished_speaking": "never", "colour": "blue"}
    store = await loaded(hass, hass_storage, room)
    assert store.room("room").muted is False
    assert store.room("room").finished_speaking is FinishedSpeaking.DEFAULT


async def test_settings_leave_with_the_hub(
    house: House, hass_storage: dict[str, Any]
) -> None:
    """Nothing of a hub that was deleted is left in storage."""
    await house.entry.runtime_data.settings.async_save()
    keys = [key for key in hass_storage if key.startswith("private_voice")]
    assert len(keys) == 1
    await house.hass.config_entries.async_remove(house.entry.entry_id)
    assert [key for key in hass_storage if key.startswith("private_voice")] == []


async def test_assistant_is_completed_and_otherwise_left_alone(house: House) -> None:
    """An engine that is missing is filled in; what the user changed stays."""
    store = (await async_setup_pipeline_store(house.hass)).pipeline_store
    own = next(p for p in store.data.values() if p.name == "Private Voice")
    data = own.to_json() | {"name": "Mine", "tts_engine": None, "tts_voice": "lea"}
    speaker = own.tts_engine
    del data["id"]
    await store.async_update_item(own.id, data)
    await house.hass.config_entries.async_reload(house.entry.entry_id)
    changed = store.data[own.id]
    assert (changed.name, changed.tts_engine) == ("Mine", speaker)
    assert changed.tts_voice == "lea"


async def test_assistant_takes_a_free_name(house: House) -> None:
    """Another assistant of the same name stays what it is."""
    store = (await async_setup_pipeline_store(house.hass)).pipeline_store
    own = next(p for p in store.data.values() if p.name == "Private Voice")
    house.entry.runtime_data.settings.pipelines.clear()
    await house.entry.runtime_data.async_ensure_pipelines()
    assert store.data[own.id].name == "Private Voice"
    assert sorted(p.name for p in store.data.values())[-2:] == [
        "Private Voice",
        "Private Voice 2",
    ]
