"""How loud a room hears."""

from typing import TYPE_CHECKING, override

from homeassistant.components.number import NumberEntity
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import RoomEntity

if TYPE_CHECKING:
    from .hub import PrivateVoiceConfigEntry
    from .room import Room

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrivateVoiceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the numbers of each room."""
    for room in entry.runtime_data.rooms.values():
        async_add_entities(
            [AutoGain(room), VolumeMultiplier(room)], config_subentry_id=room.room_id
        )


class AutoGain(RoomEntity, NumberEntity):
    """Automatic gain in dBFS, 0 for none."""

    _attr_translation_key = "auto_gain"
    _attr_entity_category = EntityCategory.CONFIG
    _attr_native_min_value = 0
    _attr_native_max_value = 31
    _attr_native_step = 1

    def __init__(self, room: Room) -> None:
        """Prepare the gain of a room."""
        super().__init__(room, "auto_gain")

    @property
    @override
    def native_value(self) -> float:
        """Return the gain."""
        return self.room.settings.auto_gain

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Set the gain."""
        self.room.settings.auto_gain = int(value)
        await self.room.async_settings_changed()


class VolumeMultiplier(RoomEntity, NumberEntity):
    """Factor on the samples of the microphone."""

    _attr_translation_key = "volume_multiplier"
    _attr_entity_category = EntityCategory.CONFIG
    _attr_native_min_value = 0.1
    _attr_native_max_value = 10.0
    _attr_native_step = 0.1

    def __init__(self, room: Room) -> None:
        """Prepare the factor of a room."""
        super().__init__(room, "volume_multiplier")

    @property
    @override
    def native_value(self) -> float:
        """Return the factor."""
        return self.room.settings.volume_multiplier

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Set the factor."""
        self.room.settings.volume_multiplier = round(value, 1)
        await self.room.async_settings_changed()
