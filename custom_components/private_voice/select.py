"""Choices of a room: its assistant, and how it listens."""

from typing import TYPE_CHECKING, override

from homeassistant.components.assist_pipeline import (
    async_get_pipelines,
    async_setup_pipeline_store,
)
from homeassistant.components.select import SelectEntity
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import RoomEntity
from .pipelines import async_check_pipeline
from .voice.endpoint import FinishedSpeaking

if TYPE_CHECKING:
    from .hub import PrivateVoiceConfigEntry
    from .room import Room

PARALLEL_UPDATES = 0

_DEFAULT = "default"
_NOISE_SUPPRESSION = ["off", "low", "medium", "high", "max"]


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrivateVoiceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the choices of each room."""
    for room in entry.runtime_data.rooms.values():
        async_add_entities(
            [PipelineSelect(room), FinishedSpeakingSelect(room), NoiseSelect(room)],
            config_subentry_id=room.room_id,
        )


class RoomSelect(RoomEntity, SelectEntity):
    """A choice of a room."""

    _attr_entity_category = EntityCategory.CONFIG


class PipelineSelect(RoomSelect):
    """The assistant of a room, kept by id: renaming it changes nothing."""

    _attr_translation_key = "pipeline"

    def __init__(self, room: Room) -> None:
        """Prepare the choice of a room."""
        super().__init__(room, "pipeline")

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the pipelines that there are."""
        await super().async_added_to_hass()
        data = await async_setup_pipeline_store(self.hass)

        async def changed(_: object) -> None:
            self.async_write_ha_state()
            async_check_pipeline(self.room)

        self.async_on_remove(data.pipeline_store.async_add_change_set_listener(changed))

    @property
    @override
    def options(self) -> list[str]:
        """Return the names of all pipelines."""
        return [_DEFAULT, *(p.name for p in async_get_pipelines(self.hass))]

    @property
    @override
    def current_option(self) -> str | None:
        """Return the chosen pipeline, unknown if it is gone."""
        if self.room.settings.pipeline_id is None:
            return _DEFAULT
        pipeline = self.room.hub.pipeline_of(self.room)
        return pipeline.name if pipeline is not None else None

    @override
    async def async_select_option(self, option: str) -> None:
        """Choose a pipeline."""
        ids = {p.name: p.id for p in async_get_pipelines(self.hass)}
        await self.room.async_choose_pipeline(ids.get(option))


class FinishedSpeakingSelect(RoomSelect):
    """How soon the room takes a pause for the end of a command."""

    _attr_translation_key = "finished_speaking"
    _attr_options = [choice.value for choice in FinishedSpeaking]

    def __init__(self, room: Room) -> None:
        """Prepare the choice of a room."""
        super().__init__(room, "finished_speaking")

    @property
    @override
    def current_option(self) -> str:
        """Return the choice."""
        return self.room.settings.finished_speaking.value

    @override
    async def async_select_option(self, option: str) -> None:
        """Choose."""
        self.room.settings.finished_speaking = FinishedSpeaking(option)
        await self.room.async_settings_changed()


class NoiseSelect(RoomSelect):
    """How much noise is taken out before speech is transcribed."""

    _attr_translation_key = "noise_suppression"
    _attr_options = _NOISE_SUPPRESSION

    def __init__(self, room: Room) -> None:
        """Prepare the choice of a room."""
        super().__init__(room, "noise_suppression")

    @property
    @override
    def current_option(self) -> str:
        """Return the level by name."""
        return _NOISE_SUPPRESSION[self.room.settings.noise_suppression]

    @override
    async def async_select_option(self, option: str) -> None:
        """Choose a level."""
        self.room.settings.noise_suppression = _NOISE_SUPPRESSION.index(option)
        await self.room.async_settings_changed()
