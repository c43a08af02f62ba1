"""Whether satellites and speech services are there."""

from typing import TYPE_CHECKING, override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import SpeechServiceCoordinator
from .entity import RoomEntity, ServiceEntity

if TYPE_CHECKING:
    from .hub import PrivateVoiceConfigEntry
    from .room import Room

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrivateVoiceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the connections."""
    hub = entry.runtime_data
    for room in hub.rooms.values():
        async_add_entities([SatelliteConnection(room)], config_subentry_id=room.room_id)
    for service_id, service in hub.services.items():
        async_add_entities([ServiceConnection(service)], config_subentry_id=service_id)


class Connection(BinarySensorEntity):
    """On while the other side is there."""

    _attr_device_class = BinarySensorDeviceClass.CONNECTIVITY
    _attr_entity_category = EntityCategory.DIAGNOSTIC


class SatelliteConnection(RoomEntity, Connection):
    """The connection to a room's satellite."""

    def __init__(self, room: Room) -> None:
        """Prepare the sensor of a room."""
        super().__init__(room, "connectivity")

    @property
    @override
    def is_on(self) -> bool:
        """Return whether the satellite is connected."""
        return self.room.connected


class ServiceConnection(ServiceEntity, Connection):
    """Whether a speech service answers."""

    def __init__(self, service: SpeechServiceCoordinator) -> None:
        """Prepare the sensor of a service."""
        super().__init__(service, "connectivity")

    @property
    @override
    def available(self) -> bool:
        """Return that this one is always there to tell."""
        return True

    @property
    @override
    def is_on(self) -> bool:
        """Return whether the service answered last time."""
        return self.coordinator.last_update_success
