"""Speech services as engines for whatever else asks Home Assistant for them."""

import asyncio
from collections.abc import AsyncIterator
from copy import deepcopy
import io
from types import MappingProxyType
from typing import Any
import wave

from homeassistant.components import conversation, tts
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import Context
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
import pytest
from wyoming.event import Event, async_write_event
from wyoming.info import TtsProgram
from wyoming.tts import SynthesizeStopped

from custom_components.private_voice.const import DOMAIN

from . import test_commands
from .fakes import HANDLE_INFO, FakeService
from .test_commands import House

house = test_commands.house


def engine(house: House, platform: str, service: str = "service") -> str:
    """Return the id of a service's engine."""
    entity_id = er.async_get(house.hass).async_get_entity_id(
        platform, DOMAIN, f"{service}-{platform}"
    )
    assert entity_id is not None
    return entity_id


def entity(house: House, platform: str) -> Any:
    """Return the entity behind a service's engine."""
    return house.hass.data[platform].get_entity(engine(house, platform))


# Voices


def described(house: House) -> TtsProgram:
    """Return what the service says of its voices, to be changed for this test only."""
    house.service.info = deepcopy(house.service.info)
    return house.service.info.tts[0]


async def test_text_is_spoken(house: House) -> None:
    """A whole text comes as a whole WAV file, in the voice of its language."""
    kind, data = await entity(house, "tts").async_get_tts_audio(
        "Dinner is ready", "en", {}
    )
    assert kind == "wav"
    with wave.open(io.BytesIO(data)) as wav:
        assert wav.getframerate() == 22050
        assert wav.readframes(1_000_000) == house.service.speech
    asked = house.service.all("synthesize")[-1]
    assert asked.data["text"] == "Dinner is ready"
    assert asked.data["voice"]["name"] == "ann"


async def test_text_is_spoken_while_it_is_written(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the service takes pieces it gets pieces, and nothing is filed."""
    described(house).supports_synthesize_streaming = True
    await house.entry.runtime_data.services["service"].async_refresh()
    otherwise = house.service._answer

    async def answer(event: Event, writer: asyncio.StreamWriter) -> None:
        if event.type == "synthesize-stop":
            await house.service._speak(writer)
            await async_write_event(SynthesizeStopped().event(), writer)
        elif event.type != "synthesize":
            await otherwise(event, writer)

    async def pieces() -> AsyncIterator[str]:
        yield "Dinner "
        yield "is ready"

    monkeypatch.setattr(house.service, "_answer", answer)
    stream = tts.async_create_stream(
        house.hass,
        engine=engine(house, "tts"),
        language="en",
        # Without a change of format Home Assistant needs no ffmpeg.
        options={"preferred_format": "wav", "voice": "ann"},
    )
    stream.async_set_message_stream(pieces())
    data = b"".join([piece async for piece in stream.async_stream_result()])
    assert data[:4] == b"RIFF"
    assert data.endswith(house.service.speech)
    texts = [event.data["text"] for event in house.service.all("synthesize-chunk")]
    assert "".join(texts) == "Dinner is ready"


async def test_voice_that_is_down_says_so(house: House) -> None:
    """The error names the service and holds no word of the text."""
    house.service.fault = "close"
    with pytest.raises(HomeAssistantError) as error:
        await entity(house, "tts").async_get_tts_audio("pumpernickel", "en", {})
    assert error.value.translation_key == "service_down"
    assert error.value.translation_placeholders == {"service": "Speech"}
    assert "pumpernickel" not in repr(error.value)


async def test_voices_are_listed(house: House) -> None:
    """By language, only those that are installed."""
    described(house).voices[1].installed = False
    await house.entry.runtime_data.services["service"].async_refresh()
    speaker = entity(house, "tts")
    voices = speaker.async_get_supported_voices("en")
    assert [voice.voice_id for voice in voices] == ["ann"]
    assert speaker.async_get_supported_voices("fr") is None
    assert speaker.supported_languages == ["en"]
    assert speaker.default_language == "en"


# Wake words


async def audio(frames: int = 20) -> AsyncIterator[tuple[bytes, int]]:
    """Yield audio as Home Assistant gives it, with its time."""
    for count in range(frames):
        yield b"\x01\x00" * 1024, count * 64


async def test_wake_word_is_heard(house: House) -> None:
    """By its id, with the phrase that people know."""
    listener = entity(house, "wake_word")
    known = await listener.get_supported_wake_words()
    assert [(w.id, w.phrase) for w in known] == [("okay_nabu", "okay nabu")]
    house.service.wake_after = 3
    heard = await listener.async_process_audio_stream(audio(), "okay_nabu")
    assert (heard.wake_word_id, heard.wake_word_phrase) == ("okay_nabu", "okay nabu")
    assert house.service.all("detect")[-1].data["names"] == ["okay_nabu"]


async def test_wake_word_service_that_leaves(house: House) -> None:
    """Nothing is heard, and that is all."""
    house.service.fault = "close"
    listener = entity(house, "wake_word")
    assert await listener.async_process_audio_stream(audio(), None) is None


# Intent handling


async def ask(house: House, text: str) -> conversation.ConversationResult:
    """Ask the service that handles texts."""
    return await conversation.async_converse(
        house.hass,
        text=text,
        conversation_id=None,
        context=Context(),
        language="en",
        agent_id=engine(house, "conversation", "handler"),
    )


async def test_service_that_handles_texts_is_an_agent(house: House) -> None:
    """It joins a hub that runs, answers, and fails without taking the rest along."""
    async with FakeService(HANDLE_INFO) as handler:
        house.hass.config_entries.async_add_subentry(
            house.entry,
            ConfigSubentry(
                data=MappingProxyType(
                    {"host": "127.0.0.1", "port": handler.port, "kinds": ["handle"]}
                ),
                subentry_id="handler",
                subentry_type="speech_service",
                title="Handler",
                unique_id=None,
            ),
        )
        await house.hass.async_block_till_done()
        handler.text = "It is sunny"
        result = await ask(house, "what is the weather")
        assert result.response.speech["plain"]["speech"] == "It is sunny"
        agents = house.hass.data["conversation"]
        agent = agents.get_entity(engine(house, "conversation", "handler"))
        assert agent.supported_languages == ["en"]
        handler.fault = "close"
        result = await ask(house, "what is the weather")
        assert result.response.error_code == "unknown"
