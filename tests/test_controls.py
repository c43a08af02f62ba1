"""What a room's page offers: its choices, timers, conversations and wake words."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from homeassistant.components.assist_pipeline import async_setup_pipeline_store
from homeassistant.components.assist_satellite import AssistSatelliteConfiguration
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.private_voice import conversation
from custom_components.private_voice.reply import FAILURE
from custom_components.private_voice.room import Room

from . import test_commands
from .fakes import WAKE_INFO
from .test_commands import SILENCE, SPEECH, House

house = test_commands.house


def room_of(house: House) -> Room:
    """Return the room as it is now: a reload makes it anew."""
    room: Room = house.entry.runtime_data.rooms["room"]
    return room


async def call(house: House, platform: str, key: str, action: str, **data: Any) -> str:
    """Call an action of an entity and return its state."""
    entity_id = house.entity(platform, key)
    await house.hass.services.async_call(
        platform, action, {"entity_id": entity_id, **data}, blocking=True
    )
    return str(house.hass.states.get(entity_id).state)


@pytest.mark.parametrize(
    ("platform", "key", "action", "data", "state"),
    [
        ("number", "auto_gain", "set_value", {"value": 12}, "12"),
        ("number", "volume_multiplier", "set_value", {"value": 2.5}, "2.5"),
        (
            "select",
            "finished_speaking",
            "select_option",
            {"option": "relaxed"},
            "relaxed",
        ),
        ("select", "noise_suppression", "select_option", {"option": "high"}, "high"),
        ("switch", "microphone_mute", "turn_on", {}, "on"),
    ],
)
async def test_choice_is_kept(
    house: House, platform: str, key: str, action: str, data: dict[str, Any], state: str
) -> None:
    """A choice shows at once and is still there after a reload."""
    entity_id = house.entity(platform, key)
    assert house.hass.states.get(entity_id).state != state
    assert await call(house, platform, key, action, **data) == state
    await house.hass.config_entries.async_reload(house.entry.entry_id)
    assert house.hass.states.get(entity_id).state == state


async def test_mute_is_lifted(house: House) -> None:
    """The satellite may stream again."""
    await call(house, "switch", "microphone_mute", "turn_on")
    await house.satellite.wait(lambda: not house.satellite.streaming)
    assert await call(house, "switch", "microphone_mute", "turn_off") == "off"
    await house.satellite.wait(lambda: house.satellite.streaming)


async def test_assistant_is_chosen_and_renamed(house: House) -> None:
    """A room keeps its assistant, whatever that is called."""
    store = (await async_setup_pipeline_store(house.hass)).pipeline_store
    own = next(iter(store.data.values()))
    data = own.to_json()
    del data["id"]
    other = await store.async_create_item(data | {"name": "Guests"})
    assert await call(house, "select", "pipeline", "select_option", option="Guests")
    await store.async_update_item(other.id, data | {"name": "Visitors"})
    await house.hass.async_block_till_done()
    state = house.hass.states.get(house.entity("select", "pipeline"))
    assert state.state == "Visitors"
    assert room_of(house).settings.pipeline_id == other.id
    assert await call(house, "select", "pipeline", "select_option", option="default")
    assert room_of(house).settings.pipeline_id is None


# Timers


async def command(house: House, words: str, count: int) -> dict[str, Any]:
    """Give a command and return its record."""
    house.service.text = words
    await house.satellite.wake()
    await house.satellite.speak(SPEECH + SILENCE)
    return await house.activation(count)


async def test_timer_is_told_to_the_satellite_and_said_aloud(house: House) -> None:
    """The satellite can show it; the room says when it is over."""
    record = await command(house, "set a timer for 1 second", 1)
    assert record["intent"] == "HassStartTimer", record
    started = await house.satellite.wait_for("timer-started")
    assert started.data["total_seconds"] == 1
    finished = await house.satellite.wait_for("timer-finished")
    assert finished.data["id"] == started.data["id"]
    await house.service.wait(lambda: "Your timer is finished." in house.service.spoken)


async def test_timer_is_changed_and_cancelled(house: House) -> None:
    """The satellite hears of both."""
    await command(house, "set a timer for 5 minutes", 1)
    await command(house, "add 2 minutes to my timer", 2)
    updated = await house.satellite.wait_for("timer-updated")
    assert updated.data["is_active"]
    await command(house, "cancel my timer", 3)
    cancelled = await house.satellite.wait_for("timer-cancelled")
    assert cancelled.data["id"] == updated.data["id"]


# Replies and conversations


async def test_reply_is_spoken_while_it_is_written(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first sentence sounds before a language model has written the last one."""
    may_go_on = asyncio.Event()

    async def deltas() -> AsyncIterator[dict[str, str]]:
        yield {"role": "assistant"}
        yield {"content": "The kitchen is warm. "}
        yield {"content": "The "}
        await may_go_on.wait()
        yield {"content": "bedroom is cold."}

    async def write(self: Any, user_input: Any, chat_log: Any) -> Any:
        stream = chat_log.async_add_delta_content_stream(self.entity_id, deltas())
        async for _ in stream:
            pass
        return conversation.conversation.async_get_result_from_chat_log(
            user_input, chat_log
        )

    monkeypatch.setattr(conversation.PrivateVoiceAgent, "_async_handle_message", write)
    await house.satellite.wake()
    await house.satellite.speak(SPEECH + SILENCE)
    await house.service.wait(lambda: house.service.spoken == ["The kitchen is warm."])
    assert house.activations == []
    may_go_on.set()
    assert (await house.activation())["outcome"] == "handled"
    assert house.service.spoken == ["The kitchen is warm.", "The bedroom is cold."]
    assert house.satellite.heard() == house.service.speech * 2


async def start_conversation(house: House) -> None:
    """Let an automation speak first."""
    await call(
        house,
        "assist_satellite",
        "satellite",
        "start_conversation",
        start_message="Shall I turn on the light?",
    )


async def test_conversation_needs_no_wake_word_where_the_satellite_streams(
    house: House,
) -> None:
    """Whoever is asked by an automation may simply answer."""
    await house.satellite.stream()
    await house.service.wait_for("detect")
    await start_conversation(house)
    await house.satellite.speak(SPEECH + SILENCE)
    record = await house.activation()
    assert (record["outcome"], record["woken_by"]) == ("handled", "automation")


async def test_conversation_triggers_a_satellite_that_offers_it(house: House) -> None:
    """The satellite is asked to listen, and then asks for a command by itself."""
    assert room_of(house).session.info.satellite is not None
    room_of(house).session.info.satellite.supports_trigger = True
    await start_conversation(house)
    await house.satellite.wait_for("run-pipeline")
    await house.satellite.press()
    await house.satellite.speak(SPEECH + SILENCE)
    assert (await house.activation())["woken_by"] == "automation"


async def test_conversation_in_a_muted_room_is_refused(house: House) -> None:
    """The error says what to do."""
    await call(house, "switch", "microphone_mute", "turn_on")
    with pytest.raises(HomeAssistantError) as error:
        await start_conversation(house)
    assert error.value.translation_key == "muted"
    assert house.service.spoken == []


async def test_announcement_without_a_voice_fails_and_says_so(house: House) -> None:
    """Whoever asked for the announcement learns that it was not heard."""
    house.service.fault = "close"
    with pytest.raises(HomeAssistantError) as error:
        await call(house, "assist_satellite", "satellite", "announce", message="Dinner")
    assert error.value.translation_key == "announcement_failed"


async def test_reply_without_a_voice_is_a_tone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command was carried out; the record says why it was not answered."""

    async def fall_silent(writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    monkeypatch.setattr(house.service, "_speak", fall_silent)
    await house.satellite.wake()
    await house.satellite.speak(SPEECH + SILENCE)
    record = await house.activation()
    assert (record["outcome"], record["reason"]) == ("handled", "text_to_speech_down")
    assert house.hass.states.get("light.kitchen_light").state == "on"
    assert house.satellite.heard() == FAILURE


# Wake words


async def test_wake_words_of_a_service_are_chosen(house: House) -> None:
    """The service is asked for the chosen word only."""
    satellite = room_of(house).satellite
    offered = satellite.async_get_configuration()
    assert [w.id for w in offered.available_wake_words] == ["okay_nabu"]
    assert offered.active_wake_words == []
    await satellite.async_set_configuration(
        AssistSatelliteConfiguration(offered.available_wake_words, ["okay_nabu"], 1)
    )
    assert satellite.async_get_configuration().active_wake_words == ["okay_nabu"]
    await house.satellite.stream()
    asked = await house.service.wait_for("detect")
    assert asked.data["names"] == ["okay_nabu"]


async def test_wake_words_of_a_satellite_are_its_own(house: House) -> None:
    """It says so instead of pretending."""
    satellite = room_of(house).satellite
    room_of(house).session.info.wake = WAKE_INFO.wake
    offered = satellite.async_get_configuration()
    assert [w.wake_word for w in offered.available_wake_words] == ["okay nabu"]
    with pytest.raises(HomeAssistantError) as error:
        await satellite.async_set_configuration(offered)
    assert error.value.translation_key == "wake_words_fixed"
