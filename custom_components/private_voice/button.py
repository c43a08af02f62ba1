"""The button that tests a room's mute."""

from typing import TYPE_CHECKING, override

from homeassistant.components import persistent_notification
from homeassistant.components.button import ButtonEntity
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import DOMAIN
from .entity import RoomEntity
from .mute_check import async_check_mute
from .spoken import async_spoken

if TYPE_CHECKING:
    from .hub import PrivateVoiceConfigEntry
    from .room import Room

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrivateVoiceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add a test of the mute per room."""
    for room in entry.runtime_data.rooms.values():
        async_add_entities([MuteCheckButton(room)], config_subentry_id=room.room_id)


class MuteCheckButton(RoomEntity, ButtonEntity):
    """Mutes the room, asks for speech and tells whether something came."""

    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_translation_key = "test_mute"

    def __init__(self, room: Room) -> None:
        """Prepare the button of a room."""
        super().__init__(room, "test_mute")

    @override
    async def async_press(self) -> None:
        """Test the mute, and show what was seen."""
        result = await async_check_mute(self.room, self._context)
        persistent_notification.async_create(
            self.hass,
            await async_spoken(
                self.hass,
                f"check_{result.verdict}",
                self.hass.config.language,
                {"room": self.room.name},
            ),
            title=self.room.name,
            notification_id=f"{DOMAIN}_mute_check_{self.room.room_id}",
        )
