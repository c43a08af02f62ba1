"""Text-to-speech of a speech service, for whatever asks Home Assistant for a voice.

Replies in our rooms don't pass here: they go from the service to the satellite and leave
no file, no cache entry and no URL behind.
"""

from collections.abc import AsyncGenerator, AsyncIterator
import io
from typing import TYPE_CHECKING, Any, override
import wave

from homeassistant.components.tts import (
    ATTR_VOICE,
    TextToSpeechEntity,
    TTSAudioRequest,
    TTSAudioResponse,
    TtsAudioType,
    Voice,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import DOMAIN
from .coordinator import SpeechServiceCoordinator
from .entity import ServiceEntity
from .wire.audio import AudioFormat
from .wire.errors import WireError
from .wire.service import ServiceKind

if TYPE_CHECKING:
    from .hub import PrivateVoiceConfigEntry

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrivateVoiceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the services that speak."""
    for service_id, service in entry.runtime_data.services.items():
        if ServiceKind.TTS in service.kinds:
            async_add_entities(
                [ServiceTextToSpeech(service)], config_subentry_id=service_id
            )


def wav_header(sounding: AudioFormat, data: bytes = b"") -> bytes:
    """Return a WAV file; without data its header announces a stream."""
    with io.BytesIO() as file:
        with wave.open(file, "wb") as wav:
            wav.setframerate(sounding.rate)
            wav.setsampwidth(sounding.width)
            wav.setnchannels(sounding.channels)
            wav.writeframes(data)
        return file.getvalue()


class ServiceTextToSpeech(ServiceEntity, TextToSpeechEntity):
    """A speech service as a text-to-speech engine."""

    _attr_translation_key = "text_to_speech"
    _attr_supported_options = [ATTR_VOICE]

    def __init__(self, service: SpeechServiceCoordinator) -> None:
        """Prepare the engine of a service."""
        super().__init__(service, "tts")

    @property
    @override
    def supported_languages(self) -> list[str]:
        """Return the languages of the installed voices."""
        return self.coordinator.languages(ServiceKind.TTS)

    @property
    @override
    def default_language(self) -> str:
        """Return the first language."""
        return next(iter(self.supported_languages), self.hass.config.language)

    @callback
    @override
    def async_get_supported_voices(self, language: str) -> list[Voice] | None:
        """Return the installed voices of a language."""
        voices = self.coordinator.voices(language)
        return [Voice(v.name, v.description or v.name) for v in voices] or None

    @callback
    @override
    def async_supports_streaming_input(self) -> bool:
        """Return whether the service takes text while it is written."""
        return any(p.supports_synthesize_streaming for p in self.coordinator.info.tts)

    def _voice(self, language: str, options: dict[str, Any]) -> str | None:
        """Return the asked voice, or the one set for the language."""
        return options.get(ATTR_VOICE) or self.coordinator.voice_for(language)

    @override
    async def async_get_tts_audio(
        self, message: str, language: str, options: dict[str, Any]
    ) -> TtsAudioType:
        """Return the audio of a text as a WAV file."""
        sounding: AudioFormat | None = None
        pcm = bytearray()
        async for frame in self._frames(message, language, options):
            if isinstance(frame, AudioFormat):
                sounding = frame
            else:
                pcm += frame
        return ("wav", wav_header(sounding, bytes(pcm))) if sounding else (None, None)

    @override
    async def async_stream_tts_audio(
        self, request: TTSAudioRequest
    ) -> TTSAudioResponse:
        """Return the audio of a text that is still being written."""

        async def wav() -> AsyncGenerator[bytes]:
            sounding: AudioFormat | None = None
            async for frame in self._frames(
                request.message_gen, request.language, request.options
            ):
                if not isinstance(frame, AudioFormat):
                    yield frame
                elif sounding is None:
                    sounding = frame
                    yield wav_header(frame)

        return TTSAudioResponse("wav", wav())

    async def _frames(
        self,
        text: str | AsyncIterator[str],
        language: str,
        options: dict[str, Any],
    ) -> AsyncGenerator[AudioFormat | bytes]:
        """Yield what the service speaks."""
        try:
            async for frame in self.coordinator.client.synthesize(
                text,
                voice=self._voice(language, options),
                language=language,
                streaming=not isinstance(text, str),
            ):
                yield frame
        except WireError as err:
            self.coordinator.async_failed(err)
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="service_down",
                translation_placeholders={"service": self.coordinator.subentry.title},
            ) from err
