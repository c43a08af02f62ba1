"""A command from the satellite's first sample to the reply, in a real Home Assistant."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
import logging
from pathlib import Path
from typing import Any
import wave

from homeassistant.components.assist_pipeline import async_setup_pipeline_store
from homeassistant.components.light import ColorMode, LightEntity
from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    entity_registry as er,
    intent,
    issue_registry as ir,
)
from homeassistant.helpers.entity_component import EntityComponent
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)
from wyoming.wake import Detection

from custom_components.private_voice.const import DOMAIN, EVENT_ACTIVATION
from custom_components.private_voice.diagnostics import (
    async_get_config_entry_diagnostics,
)
from custom_components.private_voice.repairs import async_create_fix_flow
from custom_components.private_voice.voice.microphone import Cause

from .fakes import STT_INFO, TTS_INFO, WAKE_INFO, FakeSatellite, FakeService, merged

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
            FakeService(merged(STT_INFO, TTS_INFO, WAKE_INFO))
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
                        "kinds": ["stt", "tts", "wake_word"],
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


async def test_service_hears_the_wake_word_of_a_satellite_that_streams(
    house: House,
) -> None:
    """Server-side wake word: what was said in the same breath is not lost."""
    house.service.wake_after = 10
    await house.satellite.stream()
    await house.service.wait_for("detect")
    await house.satellite.speak(SILENCE + SPEECH + SILENCE)
    record = await house.activation()
    assert record["outcome"] == "handled", record
    assert record["wake_word"] == "okay nabu"
    await house.service.wait_for("detect", 2)


async def test_button_needs_no_wake_word(house: House) -> None:
    """Push-to-talk asks for a command by itself."""
    await house.satellite.press()
    await house.satellite.speak(SPEECH + SILENCE)
    record = await house.activation()
    assert (record["outcome"], record["woken_by"]) == ("handled", "satellite")


async def test_detection_followed_by_audio_is_a_command(house: House) -> None:
    """Some satellites never send run-pipeline."""
    await house.satellite.send(Detection(name="okay_nabu").event())
    await house.satellite.speak(SPEECH + SILENCE)
    record = await house.activation()
    assert (record["outcome"], record["woken_by"]) == ("handled", "wake_word")


async def test_silence_after_the_wake_word_is_no_speech(house: House) -> None:
    """Nobody spoke: nothing is done, nothing is said."""
    await house.satellite.wake()
    await house.satellite.speak(SILENCE * 6)
    record = await house.activation()
    assert record["outcome"] == "no_speech"
    assert house.service.spoken == []


async def test_text_that_is_no_command_is_not_understood(house: House) -> None:
    """The room says so."""
    house.service.text = "xylophone zebra"
    await house.satellite.wake()
    await house.satellite.speak(SPEECH + SILENCE)
    record = await house.activation()
    assert record["outcome"] == "not_understood"
    assert len(house.service.spoken) == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("error", "speech_to_text_error"), ("close", "speech_to_text_down")],
)
async def test_failing_speech_service_gives_a_spoken_reason(
    house: House, fault: str, reason: str
) -> None:
    """The next command works again."""
    house.service.fault = fault
    await house.satellite.wake()
    await house.satellite.speak(SPEECH + SILENCE)
    record = await house.activation()
    assert (record["outcome"], record["reason"]) == ("failed", reason)
    house.service.fault = None
    await house.satellite.wake()
    await house.satellite.speak(SPEECH + SILENCE)
    assert (await house.activation(2))["outcome"] == "handled"


async def test_satellite_that_leaves_in_a_command_is_reconnected(house: House) -> None:
    """The command fails; the room works again when the satellite is back."""
    await house.satellite.wake()
    await house.satellite.speak(SPEECH)
    await house.service.wait_for("transcribe")
    await house.satellite.stop()
    record = await house.activation()
    assert (record["outcome"], record["reason"]) == ("failed", "satellite_lost")
    house.satellite.received.clear()
    await house.satellite.start()
    await house.satellite.wait_for("run-satellite")
    await house.satellite.wake()
    await house.satellite.speak(SPEECH + SILENCE)
    assert (await house.activation(2))["outcome"] == "handled"


async def test_mute_ends_the_command_and_pauses_the_satellite(house: House) -> None:
    """Nothing passes any more; a wake while muted is recorded as such."""
    await house.satellite.wake()
    await house.satellite.speak(SPEECH)
    await house.service.wait_for("transcribe")
    switch = {"entity_id": house.entity("switch", "microphone_mute")}
    await house.hass.services.async_call("switch", "turn_on", switch, blocking=True)
    assert (await house.activation())["outcome"] == "cancelled"
    await house.satellite.wait_for("pause-satellite")
    asked = len(house.service.all("transcribe"))
    await house.satellite.wake()
    await house.satellite.speak(SPEECH + SILENCE)
    assert (await house.activation(2))["outcome"] == "muted"
    assert len(house.service.all("transcribe")) == asked
    assert len(house.activations) == 2


async def test_command_that_mutes_its_own_room_is_answered_and_the_mute_kept(
    house: House, hass_storage: dict[str, Any]
) -> None:
    """It does not wait for itself, and the answer is owed."""
    room = house.entry.runtime_data.rooms["room"]

    class Mute(intent.IntentHandler):
        intent_type = "HassTurnOn"

        async def async_handle(self, asked: intent.Intent) -> intent.IntentResponse:
            await room.mute.async_mute(Cause.VOICE)
            return asked.create_response()

    intent.async_register(house.hass, Mute())
    await house.satellite.wake()
    await house.satellite.speak(SPEECH + SILENCE)
    record = await house.activation()
    assert record["outcome"] == "handled"
    assert not room.microphone.open
    stored = hass_storage[f"{DOMAIN}.{house.entry.entry_id}"]["data"]
    assert stored["rooms"]["room"]["muted"] is True


async def test_long_name_of_a_wake_word_is_cut(house: House) -> None:
    """A device gives the name: history takes no more of it than it needs."""
    await house.satellite.wake("x" * 1000)
    await house.satellite.speak(SPEECH + SILENCE)
    assert (await house.activation())["wake_word"] == "x" * 64


async def test_muted_room_stays_muted_over_a_reload_and_still_announces(
    house: House,
) -> None:
    """Nothing that lets the satellite stream is sent before the mute is known."""
    switch = {"entity_id": house.entity("switch", "microphone_mute")}
    await house.hass.services.async_call("switch", "turn_on", switch, blocking=True)
    await house.satellite.wait_for("pause-satellite")
    house.satellite.received.clear()
    assert await house.hass.config_entries.async_reload(house.entry.entry_id)
    await house.satellite.wait_for("pause-satellite", 2)
    assert house.satellite.all("run-satellite") == []
    await house.hass.services.async_call(
        "assist_satellite",
        "announce",
        {
            "entity_id": house.entity("assist_satellite", "satellite"),
            "message": "Dinner",
            "preannounce": False,
        },
        blocking=True,
    )
    assert house.satellite.heard() == house.service.speech


async def test_question_is_asked_and_answered(house: House) -> None:
    """The answer comes after the wake word where the satellite cannot be triggered."""
    house.service.text = "yes please"
    asking = house.hass.async_create_task(
        house.hass.services.async_call(
            "assist_satellite",
            "ask_question",
            {
                "entity_id": house.entity("assist_satellite", "satellite"),
                "question": "Tea?",
                "answers": [{"id": "yes", "sentences": ["yes [please]"]}],
            },
            blocking=True,
            return_response=True,
        )
    )
    await house.service.wait_for("synthesize")
    await house.satellite.wait(lambda: len(house.satellite.all("audio-stop")) >= 2)
    await house.satellite.wake()
    await house.satellite.speak(SPEECH + SILENCE)
    answer = await asking
    assert answer["id"] == "yes"


async def test_deleted_assistant_is_said_and_mended(house: House) -> None:
    """No other assistant takes the place of a room's own."""
    data = await async_setup_pipeline_store(house.hass)
    fields = next(iter(data.pipeline_store.data.values())).to_json()
    fields.pop("id")
    other = await data.pipeline_store.async_create_item(fields | {"name": "Other"})
    room = house.entry.runtime_data.rooms["room"]
    await room.async_choose_pipeline(other.id)
    await data.pipeline_store.async_delete_item(other.id)
    await house.hass.async_block_till_done()
    issues = ir.async_get(house.hass).issues
    assert (DOMAIN, "pipeline_missing_room") in issues
    await house.satellite.wake()
    await house.satellite.speak(SPEECH + SILENCE)
    record = await house.activation()
    assert (record["outcome"], record["reason"]) == ("failed", "pipeline_missing")
    flow = await async_create_fix_flow(
        house.hass, "", issues[DOMAIN, "pipeline_missing_room"].data
    )
    flow.hass = house.hass
    await flow.async_step_confirm({})
    assert (DOMAIN, "pipeline_missing_room") not in ir.async_get(house.hass).issues


MARKERS = ("marmalade", "xylophone")


@pytest.mark.parametrize("fault", [None, "error", "close"])
async def test_words_are_nowhere_after_a_command(
    house: House, fault: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in states, events, the log at any level or diagnostics."""
    events: list[Event] = []
    house.hass.bus.async_listen("*", events.append)
    house.service.text = "marmalade xylophone"
    house.service.fault = fault
    await house.satellite.wake()
    await house.satellite.speak(SPEECH + SILENCE)
    await house.activation()
    places = [
        *(f"{s.state} {dict(s.attributes)}" for s in house.hass.states.async_all()),
        *(str(e.as_dict()) for e in events),
        caplog.text,
        str(await async_get_config_entry_diagnostics(house.hass, house.entry)),
    ]
    assert caplog.text and events
    for marker in MARKERS:
        assert not any(marker in place for place in places)
