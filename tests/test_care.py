"""Repairs, diagnostics and system health of a home that runs."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

from homeassistant.components.assist_pipeline import async_setup_pipeline_store
from homeassistant.components.repairs import repairs_flow_manager
from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    get_system_health_info,
)
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.private_voice.const import DOMAIN

from .fakes import STT_INFO, TTS_INFO, FakePeer, FakeSatellite, FakeService, merged

_ISSUE = "pipeline_missing_room"


def _subentry(kind: str, peer: FakePeer, **data: Any) -> ConfigSubentryDataWithId:
    """Return a room or service whose id is its kind."""
    return ConfigSubentryDataWithId(
        subentry_id=kind,
        subentry_type=kind,
        title="Kitchen voice",
        unique_id=None,
        data={"host": "127.0.0.1", "port": peer.port, **data},
    )


@pytest.fixture
async def home(hass: HomeAssistant, integration: None) -> AsyncIterator[Any]:
    """Run a hub with a service that answers and a room that is connected."""
    for component in ("homeassistant", "conversation", "repairs", "system_health"):
        assert await async_setup_component(hass, component, {})
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(
            FakeService(merged(STT_INFO, TTS_INFO))
        )
        satellite = await stack.enter_async_context(FakeSatellite())
        entry = MockConfigEntry(
            domain=DOMAIN,
            unique_id=DOMAIN,
            title="Private Voice",
            subentries_data=[
                _subentry("speech_service", service, kinds=["stt", "tts"]),
                _subentry("room", satellite, language="en"),
            ],
        )
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        await satellite.wait_for("run-satellite")
        yield entry
        await hass.config_entries.async_unload(entry.entry_id)
        await satellite.wait(lambda: satellite.connections == 0)
        await service.wait(lambda: service.connections == 0)


async def _delete_assistant(hass: HomeAssistant, entry: Any) -> None:
    """Delete the assistant that the room was told to use."""
    store = (await async_setup_pipeline_store(hass)).pipeline_store
    fields = next(iter(store.data.values())).to_json()
    fields.pop("id")
    other = await store.async_create_item(fields | {"name": "Other"})
    await entry.runtime_data.rooms["room"].async_choose_pipeline(other.id)
    await store.async_delete_item(other.id)
    await hass.async_block_till_done()


async def _ask(hass: HomeAssistant) -> Any:
    """Open the repair of the deleted assistant."""
    manager = repairs_flow_manager(hass)
    assert manager is not None
    return await manager.async_init(DOMAIN, data={"issue_id": _ISSUE})


async def _submit(hass: HomeAssistant, form: Any) -> Any:
    """Submit the repair."""
    manager = repairs_flow_manager(hass)
    assert manager is not None
    return await manager.async_configure(form["flow_id"], {})


async def test_repair_of_a_deleted_assistant(hass: HomeAssistant, home: Any) -> None:
    """It is asked first, names both, and mends the room."""
    issues = ir.async_get(hass)
    assert issues.async_get_issue(DOMAIN, _ISSUE) is None
    await _delete_assistant(hass, home)
    room = home.runtime_data.rooms["room"]
    assert home.runtime_data.pipeline_of(room) is None
    form = await _ask(hass)
    assert (form["type"], form["step_id"]) == ("form", "confirm")
    named = {"room": "Kitchen voice", "pipeline": "Other"}
    assert form["description_placeholders"] == named
    issue = issues.async_get_issue(DOMAIN, _ISSUE)
    assert issue is not None
    assert (issue.is_fixable, issue.translation_placeholders) == (True, named)
    assert (await _submit(hass, form))["type"] == "create_entry"
    assert home.runtime_data.pipeline_of(room).name == "Private Voice"
    assert issues.async_get_issue(DOMAIN, _ISSUE) is None


async def test_repair_while_the_hub_is_not_running(
    hass: HomeAssistant, home: Any
) -> None:
    """Nothing is mended, so the issue stays; it can be mended afterwards."""
    await _delete_assistant(hass, home)
    form = await _ask(hass)
    assert await hass.config_entries.async_unload(home.entry_id)
    result = await _submit(hass, form)
    assert (result["type"], result["reason"]) == ("abort", "not_loaded")
    assert ir.async_get(hass).async_get_issue(DOMAIN, _ISSUE) is not None
    assert await hass.config_entries.async_setup(home.entry_id)
    result = await _submit(hass, await _ask(hass))
    assert result["type"] == "create_entry"
    assert ir.async_get(hass).async_get_issue(DOMAIN, _ISSUE) is None


async def test_repair_of_a_room_that_is_gone(hass: HomeAssistant, home: Any) -> None:
    """There is nothing left to mend."""
    await _delete_assistant(hass, home)
    form = await _ask(hass)
    hass.config_entries.async_remove_subentry(home, "room")
    await hass.async_block_till_done()
    assert (await _submit(hass, form))["type"] == "create_entry"
    assert ir.async_get(hass).async_get_issue(DOMAIN, _ISSUE) is None


async def test_diagnostics_tell_states_and_no_address(
    hass: HomeAssistant, home: Any, hass_client: ClientSessionGenerator
) -> None:
    """Ports stay: they tell which program it is."""
    told = await get_diagnostics_for_config_entry(hass, hass_client, home)
    [service] = told["services"]
    assert service["answers"] is True
    assert service["kinds"] == ["stt", "tts"]
    assert service["data"]["host"] == "**REDACTED**"
    assert service["data"]["port"] == home.subentries["speech_service"].data["port"]
    [room] = told["rooms"]
    assert (room["connected"], room["microphone_open"]) == (True, True)
    assert room["pipeline_found"] is True
    assert room["last_activation"] is None
    assert room["data"]["language"] == "en"
    assert "127.0.0.1" not in str(told)


async def test_system_health_counts_rooms_and_services(
    hass: HomeAssistant, home: Any
) -> None:
    """All is well; and after the hub has ended nothing is counted."""
    assert await get_system_health_info(hass, DOMAIN) == {
        "rooms_connected": "1 / 1",
        "services_answering": "1 / 1",
    }
    assert await hass.config_entries.async_unload(home.entry_id)
    assert await get_system_health_info(hass, DOMAIN) == {
        "rooms_connected": "0 / 0",
        "services_answering": "0 / 0",
    }
