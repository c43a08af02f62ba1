"""What is true of microphones, and how fast rooms and speech services answer."""

from typing import TYPE_CHECKING, Any, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorStateClass,
)
from homeassistant.const import EntityCategory, UnitOfTime
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import SpeechServiceCoordinator
from .entity import RoomEntity, ServiceEntity
from .sensor_today import MutedToday, OpenToday
from .voice.activation import Stage
from .voice.microphone import MicrophoneState

if TYPE_CHECKING:
    from .hub import PrivateVoiceConfigEntry
    from .room import Room

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrivateVoiceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add what there is to know of rooms and services."""
    hub = entry.runtime_data
    for room in hub.rooms.values():
        async_add_entities(
            [
                MicrophoneSensor(room),
                OpenToday(room),
                MutedToday(room),
                ResponseTime(room),
            ],
            config_subentry_id=room.room_id,
        )
    for service_id, service in hub.services.items():
        async_add_entities(
            [ServiceResponseTime(service)], config_subentry_id=service_id
        )


class MicrophoneSensor(RoomEntity, SensorEntity):
    """What is true of a room's microphone, why, and how it is known."""

    _attr_device_class = SensorDeviceClass.ENUM
    _attr_options = [state.value for state in MicrophoneState]
    _attr_translation_key = "microphone"

    def __init__(self, room: Room) -> None:
        """Prepare the sensor of a room."""
        super().__init__(room, "microphone")
        self._shown: MicrophoneState | None = None

    @override
    @callback
    def async_room_changed(self) -> None:
        """Show it as what the action did that changed it, if it was one."""
        if (state := self.room.mute.state) is not self._shown:
            self._shown = state
            # Also None: what came by itself was done by nobody.
            self._context = self.room.mute.context
            if self._context is not None:
                self.async_set_context(self._context)
        super().async_room_changed()

    @property
    @override
    def native_value(self) -> MicrophoneState:
        """Return what is true."""
        return self.room.mute.state

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Return why, until when, and how it is known."""
        mute = self.room.mute
        return {
            "cause": mute.cause,
            "muted_by": mute.muted_by,
            "muted_until": mute.muted_until.isoformat() if mute.muted_until else None,
            "verified_by": mute.proof,
        }


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
