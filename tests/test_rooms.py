"""A room among others, and what its satellite may do out of turn."""

import asyncio
from collections.abc import AsyncIterator
from types import MappingProxyType
from typing import Any

from homeassistant.components.assist_pipeline import async_setup_pipeline_store
from homeassistant.config_entries import ConfigEntryState, ConfigSubentry
from homeassistant.helpers import intent
import numpy as np
import pytest
from wyoming.audio import AudioStop
from wyoming.event import Event, async_write_event
from wyoming.wake import NotDetected

from custom_components.private_voice import conversation, wake
from custom_components.private_voice.voice.microphone import Cause

from . import test_commands
from .fakes import FakeSatellite
from .test_commands import SILENCE, SPEECH, House

house = test_commands.house


# Two rooms


@pytest.fixture
async def study(house: House) -> AsyncIterator[FakeSatellite]:
    """Add a room beside the kitchen."""
    async with FakeSatellite() as satellite:
        house.hass.config_entries.async_add_subentry(
            house.entry,
            ConfigSubentry(
                data=MappingProxyType({"host": "127.0.0.1", "port": satellite.port}),
                subentry_id="study",
                subentry_type="room",
                title="Study voice",
                unique_id=None,
            ),
        )
        await house.hass.async_block_till_done()
        await satellite.wait_for("run-satellite")
        await house.satellite.wait_for("run-satellite", 2)
        yield satellite
        await house.hass.config_entries.async_unload(house.entry.entry_id)


def quiet(pcm: bytes) -> bytes:
    """Return audio as it is heard from farther away."""
    return bytes((np.frombuffer(pcm, "<i2") // 8).astype("<i2").tobytes())


@pytest.mark.parametrize("kitchen_is_near", [True, False])
async def test_nearer_room_answers(
    house: House, study: FakeSatellite, kitchen_is_near: bool
) -> None:
    """The other one is silent, says which room answered, and listens on."""
    near, far = (
        (house.satellite, study) if kitchen_is_near else (study, house.satellite)
    )
    await asyncio.gather(far.wake(), near.wake())
    await asyncio.gather(
        near.speak(SPEECH + SILENCE), far.speak(quiet(SPEECH) + SILENCE)
    )
    await house.activation(2)
    records = {e.data["room"]: e.data for e in house.activations}
    rooms = ("Kitchen voice", "Study voice")
    answered, other = rooms if kitchen_is_near else rooms[::-1]
    assert records[answered]["outcome"] == "handled", records
    assert records[other]["outcome"] == "other_room", records
    assert records[other]["other_room"] == answered
    assert near.heard() == house.service.speech
    assert far.heard() == b""
    assert house.service.spoken == ["Turned on the light"]


async def test_removed_room_leaves_nothing(house: House, study: FakeSatellite) -> None:
    """Its satellite is left; the other room stays."""
    house.hass.config_entries.async_remove_subentry(house.entry, "study")
    await house.hass.async_block_till_done()
    await study.wait(lambda: study.connections == 0)
    assert list(house.entry.runtime_data.rooms) == ["room"]
    assert [s for s in house.hass.states.async_all() if "study" in s.entity_id] == []


# Out of turn


async def test_satellite_that_asks_anew_gets_a_new_command(house: House) -> None:
    """What it had begun is cancelled and recorded as such."""
    await house.satellite.press()
    await house.satellite.speak(SPEECH[:16000])
    await house.service.wait_for("transcribe")
    await house.satellite.press()
    assert (await house.activation())["outcome"] == "cancelled"
    await house.satellite.speak(SPEECH + SILENCE)
    assert (await house.activation(2))["outcome"] == "handled"


async def test_satellite_that_says_when_speech_is_over(house: House) -> None:
    """No pause has to be waited for when a button is let go."""
    await house.satellite.press()
    await house.satellite.speak(SPEECH)
    await house.satellite.send(AudioStop().event())
    assert (await house.activation())["outcome"] == "handled"


async def test_streaming_satellite_that_rests(house: House) -> None:
    """The wake word service may rest too, until the satellite streams again."""
    await house.satellite.stream()
    await house.service.wait_for("detect")
    await house.satellite.send(AudioStop().event())
    await house.service.wait(lambda: house.service.connections == 0)
    await house.satellite.stream()
    await house.service.wait_for("detect", 2)


async def test_unmuted_room_listens_for_its_wake_word_again(house: House) -> None:
    """Muting ends the listening, unmuting begins it anew."""
    await house.satellite.stream()
    await house.service.wait_for("detect")
    room = house.entry.runtime_data.rooms["room"]
    await room.mute.async_mute(Cause.USER)
    await house.service.wait(lambda: house.service.connections == 0)
    await room.mute.async_unmute(Cause.USER)
    await house.service.wait_for("detect", 2)


@pytest.mark.parametrize("leaves", [True, False])
async def test_wake_word_service_that_gives_up_is_asked_again(
    house: House, monkeypatch: pytest.MonkeyPatch, leaves: bool
) -> None:
    """The room hears its wake word as soon as the service listens again."""
    monkeypatch.setattr(wake, "_RETRY_FIRST", 0.1)
    otherwise = house.service._answer

    async def give_up(event: Event, writer: asyncio.StreamWriter) -> None:
        if event.type != "detect" or len(house.service.all("detect")) > 1:
            await otherwise(event, writer)
        elif leaves:
            writer.transport.abort()
        else:
            await async_write_event(NotDetected().event(), writer)

    monkeypatch.setattr(house.service, "_answer", give_up)
    await house.satellite.stream()
    await house.service.wait_for("detect", 2)
    house.service.wake_after = 3
    await house.satellite.speak(SILENCE + SPEECH + SILENCE)
    assert (await house.activation())["outcome"] == "handled"


async def test_question_in_a_reply_is_answered_without_a_wake_word(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the same conversation, in the same room."""
    asked: list[str] = []

    async def ask_back(self: Any, user_input: Any, chat_log: Any) -> Any:
        asked.append(chat_log.conversation_id)
        response = intent.IntentResponse(language="en")
        response.async_set_speech("Which one?" if len(asked) == 1 else "All right")
        return conversation.ConversationResult(
            response=response,
            conversation_id=chat_log.conversation_id,
            continue_conversation=len(asked) == 1,
        )

    agent = conversation.PrivateVoiceAgent
    monkeypatch.setattr(agent, "_async_handle_message", ask_back)
    house.service.wake_after = 3
    await house.satellite.stream()
    await house.service.wait_for("detect")
    await house.satellite.speak(SILENCE + SPEECH + SILENCE)
    await house.activation()
    await house.satellite.speak(SPEECH + SILENCE)
    record = await house.activation(2)
    assert (record["outcome"], record["woken_by"]) == ("handled", "follow_up")
    assert len(set(asked)) == 1
    assert house.service.spoken == ["Which one?", "All right"]


async def test_own_assistant_is_made_anew_when_it_is_wanted(house: House) -> None:
    """Choosing Private Voice's own brings it back if it was deleted."""
    store = (await async_setup_pipeline_store(house.hass)).pipeline_store
    own = next(p for p in store.data.values() if p.name == "Private Voice")
    data = own.to_json() | {"name": "Another"}
    del data["id"]
    other = await store.async_create_item(data)
    store.async_set_preferred_item(other.id)
    room = house.entry.runtime_data.rooms["room"]
    await store.async_delete_item(own.id)
    assert house.entry.runtime_data.pipeline_of(room) is None
    await room.async_choose_pipeline(None)
    assert house.entry.runtime_data.pipeline_of(room).name == "Private Voice"
    await house.satellite.wake()
    await house.satellite.speak(SPEECH + SILENCE)
    assert (await house.activation())["outcome"] == "handled"


async def test_room_added_while_the_hub_sets_up_is_taken_up(house: House) -> None:
    """A slow service must not make it wait for the next restart."""
    entries = house.hass.config_entries
    async with FakeSatellite() as satellite:
        house.service.silent = True
        entries.async_schedule_reload(house.entry.entry_id)
        async with asyncio.timeout(5):
            while house.entry.state is not ConfigEntryState.SETUP_IN_PROGRESS:
                await asyncio.sleep(0)
        entries.async_add_subentry(
            house.entry,
            ConfigSubentry(
                data=MappingProxyType({"host": "127.0.0.1", "port": satellite.port}),
                subentry_id="study",
                subentry_type="room",
                title="Study voice",
                unique_id=None,
            ),
        )
        await house.hass.async_block_till_done()
        house.service.silent = False
        try:
            await satellite.wait_for("run-satellite")
        finally:
            await entries.async_unload(house.entry.entry_id)
