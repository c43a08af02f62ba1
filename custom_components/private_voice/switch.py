"""The microphone mute of a room."""

from typing import TYPE_CHECKING, Any, override

from homeassistant.components.switch import SwitchEntity
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
    """Add a mute per room."""
    for room in entry.runtime_data.rooms.values():
        async_add_entities([MicrophoneMute(room)], config_subentry_id=room.room_id)


class MicrophoneMute(RoomEntity, SwitchEntity):
    """On while the microphone is muted by software.

    The state is the room's own, loaded before the satellite may stream, so nothing has
    to be restored here.
    """

    _attr_translation_key = "microphone_mute"

    def __init__(self, room: Room) -> None:
        """Prepare the mute of a room."""
        super().__init__(room, "microphone_mute")

    @property
    @override
    def is_on(self) -> bool:
        """Return whether the microphone is muted; unknown counts as muted."""
        return self.room.settings.muted

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Mute the microphone."""
        await self.room.async_set_muted(True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Unmute the microphone."""
        await self.room.async_set_muted(False)
