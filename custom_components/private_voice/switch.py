"""The microphone mute of a room."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, override

from homeassistant.components.switch import SwitchEntity
from homeassistant.core import HomeAssistant, ServiceResponse
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import HubEntity, RoomEntity
from .mute import cause_of
from .mute_check import async_check_mute

if TYPE_CHECKING:
    from .hub import Hub, PrivateVoiceConfigEntry
    from .room import Room

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrivateVoiceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add a mute per room, and one for all."""
    async_add_entities([AllMicrophonesMute(entry.runtime_data)])
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
        return self.room.mute.is_soft_muted

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Mute the microphone until somebody unmutes it."""
        await self.async_mute()

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Unmute the microphone, unless the hardware says muted."""
        await self.room.mute.async_unmute(
            cause_of(self._context), context=self._context
        )

    async def async_mute(self, duration: timedelta | None = None) -> None:
        """Mute the microphone, for a time or until somebody unmutes it."""
        await self.room.mute.async_mute(
            cause_of(self._context), duration=duration, context=self._context
        )

    async def async_check_mute(self) -> ServiceResponse:
        """Test the mute and return what was seen."""
        return (await async_check_mute(self.room, self._context)).as_dict()


class AllMicrophonesMute(HubEntity, SwitchEntity):
    """On while every microphone is muted by software."""

    _attr_translation_key = "mute_all"

    def __init__(self, hub: Hub) -> None:
        """Prepare the mute of all rooms."""
        super().__init__(hub, "mute_all")

    @override
    async def async_added_to_hass(self) -> None:
        """Follow all rooms."""
        for room in self.hub.rooms.values():
            self.async_on_remove(room.async_add_listener(self.async_write_ha_state))

    @property
    @override
    def is_on(self) -> bool:
        """Return whether no room listens as far as software is concerned."""
        rooms = self.hub.rooms.values()
        return bool(rooms) and all(room.mute.is_soft_muted for room in rooms)

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Mute all microphones until somebody unmutes them."""
        await self.async_mute()

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Unmute all microphones that the hardware does not mute."""
        context = self._context
        unmuted = await asyncio.gather(
            *(
                room.mute.async_unmute(cause_of(context), context=context)
                for room in self.hub.rooms.values()
                if not room.microphone.hardware_sources
            ),
            return_exceptions=True,
        )
        # One room that must stay muted holds up no other, but it is said.
        for refused in unmuted:
            if refused is not None:
                raise refused

    async def async_mute(self, duration: timedelta | None = None) -> None:
        """Mute all microphones, for a time or until somebody unmutes them."""
        context = self._context
        await asyncio.gather(
            *(
                room.mute.async_mute(
                    cause_of(context), duration=duration, context=context
                )
                for room in self.hub.rooms.values()
            )
        )

    async def async_check_mute(self) -> ServiceResponse:
        """Test all rooms, one after the other so that each can be spoken to."""
        context = self._context
        return {
            "rooms": [
                {"room": room.name, **(await async_check_mute(room, context)).as_dict()}
                for room in self.hub.rooms.values()
            ]
        }
