"""Whether satellites and speech services are there, and what is seen of a mute."""

from typing import TYPE_CHECKING, Any, override

from homeassistant.components.binary_sensor import (
    DOMAIN as BINARY_SENSOR_DOMAIN,
    BinarySensorDeviceClass,
    BinarySensorEntity,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import DOMAIN
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
    """Add the connections and what is seen of the mutes."""
    hub = entry.runtime_data
    for room in hub.rooms.values():
        entities: list[RoomEntity] = [SatelliteConnection(room), MuteViolated(room)]
        if room.mute.hardware.links or room.mute.hardware.power:
            entities.append(HardwareMute(room))
        else:
            _async_forget_hardware(hass, room)
        async_add_entities(entities, config_subentry_id=room.room_id)
    for service_id, service in hub.services.items():
        async_add_entities([ServiceConnection(service)], config_subentry_id=service_id)


@callback
def _async_forget_hardware(hass: HomeAssistant, room: Room) -> None:
    """Remove what told of a hardware mute that the room no longer follows."""
    registry = er.async_get(hass)
    unique_id = f"{room.room_id}-hardware_mute"
    entity_id = registry.async_get_entity_id(BINARY_SENSOR_DOMAIN, DOMAIN, unique_id)
    if entity_id is not None:
        registry.async_remove(entity_id)


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


class HardwareMute(RoomEntity, BinarySensorEntity):
    """On while the hardware cuts the microphone."""

    _attr_translation_key = "hardware_mute"

    def __init__(self, room: Room) -> None:
        """Prepare the sensor of a room."""
        super().__init__(room, "hardware_mute")

    @property
    @override
    def is_on(self) -> bool | None:
        """Return whether it is cut; None where what tells is lost."""
        return self.room.microphone.hardware_muted


class MuteViolated(RoomEntity, BinarySensorEntity):
    """On while nobody has looked at what came although the room was muted."""

    _attr_device_class = BinarySensorDeviceClass.PROBLEM
    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_translation_key = "mute_violated"

    def __init__(self, room: Room) -> None:
        """Prepare the sensor of a room."""
        super().__init__(room, "mute_violated")

    @property
    @override
    def is_on(self) -> bool:
        """Return whether something came."""
        return self.room.microphone.violation is not None

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any] | None:
        """Return when something came, and how much; never what."""
        if (violation := self.room.microphone.violation) is None:
            return None
        return {
            "at": violation.at.isoformat(),
            "sign": violation.sign,
            "seconds": round(violation.seconds, 2),
        }


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
