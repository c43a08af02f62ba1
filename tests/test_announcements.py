"""What is played in a room besides replies, and commands that take another way."""

import asyncio
import io
from pathlib import Path
from typing import Any
import wave

from homeassistant.components.assist_pipeline import async_setup_pipeline_store
from homeassistant.components.tts import TextToSpeechEntity, TtsAudioType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
import pytest

from custom_components.private_voice import assist_satellite, reply
from custom_components.private_voice.privacy.locality import Locality
from custom_components.private_voice.reply import CHIME

from . import test_commands
from .test_commands import SILENCE, SPEECH, House

house = test_commands.house


async def announce(house: House, **data: Any) -> None:
    """Announce in the room."""
    await house.hass.services.async_call(
        "assist_satellite",
        "announce",
        {"entity_id": house.entity("assist_satellite", "satellite"), **data},
        blocking=True,
    )


# Announcements and commands


async def test_announcement_waits_for_the_command(house: House) -> None:
    """It does not cut the command off."""
    await house.satellite.wake()
    await house.satellite.speak(SPEECH)
    await house.service.wait_for("transcribe")
    announcing = house.hass.async_create_task(announce(house, message="Dinner"))
    await house.satellite.speak(SILENCE)
    await announcing
    assert (await house.activation())["outcome"] == "handled"
    assert house.service.spoken == ["Turned on the light", "Dinner"]


async def test_announcement_of_an_automation_on_the_sentence_itself(
    house: House,
) -> None:
    """The command that causes an announcement gets its reply all the same."""
    satellite = house.entity("assist_satellite", "satellite")
    automation = {
        "triggers": [{"trigger": "conversation", "command": ["good night"]}],
        "actions": [
            {
                "action": "assist_satellite.announce",
                "target": {"entity_id": satellite},
                "data": {"message": "Sleep well", "preannounce": False},
            }
        ],
    }
    assert await async_setup_component(
        house.hass, "automation", {"automation": automation}
    )
    house.service.text = "good night"
    await house.satellite.wake()
    await house.satellite.speak(SPEECH + SILENCE)
    record = await house.activation()
    assert record["outcome"] == "handled", record
    assert house.service.spoken[0] == "Sleep well"
    assert len(house.service.spoken) == 2


async def test_wake_word_is_intercepted(house: House) -> None:
    """Whoever sets the satellite up learns of the wake word; no command follows."""
    entity = house.entry.runtime_data.rooms["room"].satellite
    waiting = house.hass.async_create_task(entity.async_intercept_wake_word())
    await asyncio.sleep(0)
    await house.satellite.wake()
    assert await waiting == "okay_nabu"
    assert (await house.activation())["outcome"] == "cancelled"
    assert house.service.all("transcribe") == []


async def test_mistake_of_the_pipeline_is_told_without_words(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The text of an unknown error may hold what was said."""

    async def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("pumpernickel")

    monkeypatch.setattr(assist_satellite, "async_pipeline_from_audio_stream", fail)
    await house.satellite.wake()
    await house.satellite.speak(SPEECH + SILENCE)
    record = await house.activation()
    assert (record["outcome"], record["reason"]) == ("failed", "internal")
    assert "RuntimeError" in caplog.text
    assert "pumpernickel" not in caplog.text


async def test_command_that_takes_too_long_ends(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The room says that it took too long, and works again."""

    async def hang(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr(assist_satellite, "async_pipeline_from_audio_stream", hang)
        patch.setattr(assist_satellite, "_RUN_DEADLINE", 0.1)
        await house.satellite.wake()
        record = await house.activation()
    assert (record["outcome"], record["reason"]) == ("failed", "timed_out")
    assert house.service.spoken == ["Sorry, that took too long."]
    await house.satellite.wake()
    await house.satellite.speak(SPEECH + SILENCE)
    assert (await house.activation(2))["outcome"] == "handled"


# Media


def player(house: House, folder: Path, script: str) -> None:
    """Let a script stand in for ffmpeg."""
    binary = folder / "ffmpeg"
    binary.write_text(f"#!/bin/sh\n{script}\n")
    binary.chmod(0o755)
    reply.ffmpeg.get_ffmpeg_manager(house.hass)._bin = str(binary)


async def test_media_is_played_after_the_chime(house: House, tmp_path: Path) -> None:
    """In the format of the satellite's speaker."""
    player(house, tmp_path, 'echo "$@" >"$(dirname "$0")/asked"; printf sound!')
    await announce(house, media_id="http://127.0.0.1/bell.mp3")
    assert house.satellite.heard() == CHIME + b"sound!"
    asked = (tmp_path / "asked").read_text()
    assert "-i http://127.0.0.1/bell.mp3 -f s16le -ac 1 -ar 22050" in asked


async def test_media_that_cannot_be_decoded(house: House, tmp_path: Path) -> None:
    """Whoever asked for it learns that nothing was heard."""
    player(house, tmp_path, "exit 1")
    with pytest.raises(HomeAssistantError) as error:
        await announce(house, media_id="http://127.0.0.1/x", preannounce=False)
    assert error.value.translation_key == "announcement_failed"


# Voices of other integrations


class OtherVoice(TextToSpeechEntity):
    """A voice that is not ours."""

    _attr_name = "Other voice"
    _attr_unique_id = "other"
    _attr_default_language = "en"
    _attr_supported_languages = ["en"]

    def __init__(self) -> None:
        """Start without having said anything."""
        self.said: list[str] = []

    async def async_get_tts_audio(
        self, message: str, language: str, options: dict[str, Any]
    ) -> TtsAudioType:
        """Speak."""
        self.said.append(message)
        with io.BytesIO() as file:
            with wave.open(file, "wb") as wav:
                wav.setframerate(22050)
                wav.setsampwidth(2)
                wav.setnchannels(1)
                wav.writeframes(b"\x07\x00" * 500)
            return "wav", file.getvalue()


@pytest.fixture
async def other_voice(house: House) -> OtherVoice:
    """Let the room's assistant use a voice of another integration."""
    voice = OtherVoice()
    await house.hass.data["tts"].async_add_entities([voice])
    store = (await async_setup_pipeline_store(house.hass)).pipeline_store
    own = next(p for p in store.data.values() if p.name == "Private Voice")
    data = own.to_json() | {"tts_engine": voice.entity_id, "tts_voice": None}
    del data["id"]
    await store.async_update_item(own.id, data)
    return voice


async def test_voice_elsewhere_gets_no_text(
    house: House, other_voice: OtherVoice
) -> None:
    """Neither of an announcement nor of a reply."""
    with pytest.raises(HomeAssistantError) as error:
        await announce(house, message="Dinner")
    assert error.value.translation_key == "announcement_failed"
    await house.satellite.wake()
    await house.satellite.speak(SPEECH + SILENCE)
    assert (await house.activation())["outcome"] == "refused_not_local"
    assert other_voice.said == []
    assert house.service.all("transcribe") == []


async def test_local_voice_of_another_integration_leaves_no_file(
    house: House,
    other_voice: OtherVoice,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """It speaks, and Home Assistant keeps nothing to be fetched later."""

    async def local(*_: Any) -> Locality:
        return Locality.LOCAL

    monkeypatch.setattr(reply, "async_engine_locality", local)
    manager = house.hass.data["tts_manager"]
    filed = dict(manager.file_cache)
    player(house, tmp_path, "cat")  # the sound needs no conversion
    await announce(house, message="Dinner", preannounce=False)
    assert other_voice.said == ["Dinner"]
    assert house.satellite.heard() == b"\x07\x00" * 500
    assert manager.token_to_stream == {}
    assert manager.file_cache == filed
