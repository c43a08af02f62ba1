"""Base entities of the hub's, a room's and a speech service's device."""

from typing import TYPE_CHECKING, override

from homeassistant.core import callback
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .const import DOMAIN
from .coordinator import SpeechServiceCoordinator

if TYPE_CHECKING:
    from .hub import Hub
    from .room import Room


class HubEntity(Entity):
    """An entity of the hub."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(self, hub: Hub, key: str) -> None:
        """Attach the entity to the hub's device."""
        self.hub = hub
        self._attr_unique_id = f"{hub.entry.entry_id}-{key}"
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, hub.entry.entry_id)},
            name=hub.entry.title,
            entry_type=DeviceEntryType.SERVICE,
        )


class RoomEntity(Entity):
    """An entity of a room."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(self, room: Room, key: str) -> None:
        """Attach the entity to the room's device."""
        self.room = room
        self._attr_unique_id = f"{room.room_id}-{key}"
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, room.room_id)},
            name=room.name,
            model="Voice room",
            via_device_id=room.hub.device_id,
        )

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the room."""
        await super().async_added_to_hass()
        self.async_on_remove(self.room.async_add_listener(self.async_room_changed))

    @callback
    def async_room_changed(self) -> None:
        """Show what changed."""
        self.async_write_ha_state()


class ServiceEntity(CoordinatorEntity[SpeechServiceCoordinator]):
    """An entity of a speech service."""

    _attr_has_entity_name = True

    def __init__(self, service: SpeechServiceCoordinator, key: str) -> None:
        """Attach the entity to the service's device."""
        super().__init__(service)
        self._attr_unique_id = f"{service.subentry.subentry_id}-{key}"
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, service.subentry.subentry_id)},
            name=service.subentry.title,
            entry_type=DeviceEntryType.SERVICE,
            via_device_id=service.config_entry.runtime_data.device_id,
        )
