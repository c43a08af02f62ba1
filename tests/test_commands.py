"""A command from the satellite's first sample to the reply, in a real Home Assistant."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
import logging
from pathlib import Path
from typing import Any
import wave

from homeassistant.components.light import ColorMode, LightEntity
from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import area_registry as ar, entity_registry as er
from homeassistant.helpers.entity_component import EntityComponent
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from custom_components.private_voice.const import DOMAIN, EVENT_ACTIVATION

from .fakes import STT_INFO, TTS_INFO, FakeSatellite, FakeService, merged

SPEECH = wave.open(
    str(Path(__file__).parent / "data/turn_on_the_kitchen_light.wav")
).readframes(1_000_000)
SILENCE = b"\x01\x00\xff\xff" * 12_000


class Lamp(LightEntity):
    """A light."""

    _attr_name = "Kitchen light"
    _attr_unique_id = "lamp"
    _attr_color_mode = ColorMode.ONOFF
    _attr_supported_color_modes = {ColorMode.ONOFF}
    _attr_is_on = False

    async def async_turn_on(self, **kwargs: Any) -> None:
        """Turn on."""
        self._attr_is_on = True
        self.async_write_ha_state()


class House:
    """A hub with one speech service and one room."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: MockConfigEntry,
        service: FakeService,
        satellite: FakeSatellite,
        activations: list[Event],
    ) -> None:
        """Keep the parts."""
        self.hass = hass
        self.entry = entry
        self.service = service
        self.satellite = satellite
        self.activations = activations

    def entity(self, platform: str, key: str) -> str:
        """Return the id of an entity of the room."""
        found = er.async_get(self.hass).async_get_entity_id(
            platform, DOMAIN, f"room-{key}"
        )
        assert found is not None
        return found

    async def activation(self, count: int = 1) -> dict[str, Any]:
        """Wait for an activation to end and return its record."""
        async with asyncio.timeout(20):
            while len(self.activations) < count:
                await asyncio.sleep(0.01)
        await self.hass.async_block_till_done()
        return self.activations[count - 1].data


@pytest.fixture
async def house(
    hass: HomeAssistant, integration: None, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[House]:
    """Set up a house whose room is connected and may stream."""
    caplog.set_level(logging.DEBUG)
    for component in ("homeassistant", "conversation", "assist_pipeline", "light"):
        assert await async_setup_component(hass, component, {})
    area = ar.async_get(hass).async_create("Kitchen")
    lights: EntityComponent[LightEntity] = hass.data["light"]
    await lights.async_add_entities([Lamp()])
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(
            FakeService(merged(STT_INFO, TTS_INFO))
        )
        satellite = await stack.enter_async_context(FakeSatellite())
        entry = MockConfigEntry(
            domain=DOMAIN,
            unique_id=DOMAIN,
            title="Private Voice",
            options={"make_preferred": True},
            subentries_data=[
                ConfigSubentryDataWithId(
                    subentry_id="service",
                    subentry_type="speech_service",
                    title="Speech",
                    unique_id=None,
                    data={
                        "host": "127.0.0.1",
                        "port": service.port,
                        "kinds": ["stt", "tts"],
                    },
                ),
                ConfigSubentryDataWithId(
                    subentry_id="room",
                    subentry_type="room",
                    title="Kitchen voice",
                    unique_id=None,
                    data={
                        "host": "127.0.0.1",
                        "port": satellite.port,
                        "area_id": area.id,
                    },
                ),
            ],
        )
        entry.add_to_hass(hass)
        activations = async_capture_events(hass, EVENT_ACTIVATION)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await satellite.wait_for("run-satellite")
        yield House(hass, entry, service, satellite, activations)
        if entry.state.value == "loaded":
            assert await hass.config_entries.async_unload(entry.entry_id)
        await satellite.wait(lambda: satellite.connections == 0)
        await service.wait(lambda: service.connections == 0)


async def test_wake_word_and_command_turn_on_the_light_and_are_answered(
    house: House,
) -> None:
    """The main job: a light, an answer in the room, one row of history."""
    await house.satellite.wake()
    await house.satellite.speak(SPEECH + SILENCE)
    record = await house.activation()
    assert record["outcome"] == "handled", record
    assert record["intent"] == "HassTurnOn"
    assert record["woken_by"] == "wake_word"
    assert record["targets"] == ["light.kitchen_light"]
    assert house.hass.states.get("light.kitchen_light").state == "on"
    assert house.satellite.heard() == house.service.speech
    assert house.service.spoken == ["Turned on the light"]
    state = house.hass.states.get(house.entity("event", "activation"))
    assert state.attributes["event_type"] == "handled"
    assert "reply_start" in state.attributes["stages"]
