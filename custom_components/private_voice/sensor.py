"""How fast rooms and speech services answer."""

from typing import TYPE_CHECKING, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorStateClass,
)
from homeassistant.const import EntityCategory, UnitOfTime
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import SpeechServiceCoordinator
from .entity import RoomEntity, ServiceEntity
from .voice.activation import Stage

if TYPE_CHECKING:
    from .hub import PrivateVoiceConfigEntry
    from .room import Room

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrivateVoiceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the response times."""
    hub = entry.runtime_data
    for room in hub.rooms.values():
        async_add_entities([ResponseTime(room)], config_subentry_id=room.room_id)
    for service_id, service in hub.services.items():
        async_add_entities(
            [ServiceResponseTime(service)], config_subentry_id=service_id
        )


class DurationSensor(SensorEntity):
    """A duration that is worth a statistic."""

    _attr_device_class = SensorDeviceClass.DURATION
    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_native_unit_of_measurement = UnitOfTime.SECONDS
    _attr_state_class = SensorStateClass.MEASUREMENT
    _attr_suggested_display_precision = 2


class ResponseTime(RoomEntity, DurationSensor):
    """From the end of speech to the first sound of the answer."""

    _attr_translation_key = "response_time"

    def __init__(self, room: Room) -> None:
        """Prepare the sensor of a room."""
        super().__init__(room, "response_time")

    @property
    @override
    def native_value(self) -> float | None:
        """Return the time of the last command that was answered."""
        if (activation := self.room.last_activation) is None:
            return None
        start = activation.stages.get(Stage.SPEECH_END)
        end = activation.stages.get(Stage.REPLY_START)
        return None if start is None or end is None else round(end - start, 3)


class ServiceResponseTime(ServiceEntity, DurationSensor):
    """How long the last request took to answer."""

    _attr_translation_key = "service_response_time"

    def __init__(self, service: SpeechServiceCoordinator) -> None:
        """Prepare the sensor of a service."""
        super().__init__(service, "response_time")

    @property
    @override
    def native_value(self) -> float | None:
        """Return the time in seconds."""
        return self.coordinator.response_time
