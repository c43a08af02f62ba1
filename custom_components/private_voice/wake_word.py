"""Wake word detection of a speech service, for pipelines of other satellites."""

from collections.abc import AsyncIterable, AsyncIterator
from typing import TYPE_CHECKING, override

from homeassistant.components.wake_word import (
    DetectionResult,
    WakeWord,
    WakeWordDetectionEntity,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import SpeechServiceCoordinator
from .entity import ServiceEntity
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
    """Add the services that hear wake words."""
    for service_id, service in entry.runtime_data.services.items():
        if ServiceKind.WAKE_WORD in service.kinds:
            async_add_entities(
                [ServiceWakeWord(service)], config_subentry_id=service_id
            )


class ServiceWakeWord(ServiceEntity, WakeWordDetectionEntity):
    """A speech service as a wake word engine."""

    _attr_translation_key = "wake_word"

    def __init__(self, service: SpeechServiceCoordinator) -> None:
        """Prepare the engine of a service."""
        super().__init__(service, "wake_word")

    @override
    async def get_supported_wake_words(self) -> list[WakeWord]:
        """Return the wake words of the installed models."""
        return [
            WakeWord(id=m.name, name=m.description or m.name, phrase=m.phrase)
            for p in self.coordinator.info.wake
            if p.installed
            for m in p.models
            if m.installed
        ]

    @override
    async def _async_process_audio_stream(
        self, stream: AsyncIterable[tuple[bytes, int]], wake_word_id: str | None
    ) -> DetectionResult | None:
        """Listen until a wake word is heard."""

        async def audio() -> AsyncIterator[bytes]:
            async for pcm, _ in stream:
                yield pcm

        try:
            detected = await self.coordinator.client.detect(
                audio(), [wake_word_id] if wake_word_id else None
            )
        except WireError as err:
            self.coordinator.async_failed(err)
            return None
        if detected is None:
            return None
        name = detected.name or wake_word_id or ""
        phrases = {
            w.id: w.phrase or w.name for w in await self.get_supported_wake_words()
        }
        return DetectionResult(
            wake_word_id=name,
            wake_word_phrase=phrases.get(name, name),
            timestamp=detected.timestamp,
        )
