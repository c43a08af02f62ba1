"""One event per activation of a room: its history, without words."""

from typing import TYPE_CHECKING, override

from homeassistant.components.event import EventEntity
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import RoomEntity
from .voice.activation import Activation, Outcome

if TYPE_CHECKING:
    from .hub import PrivateVoiceConfigEntry
    from .room import Room

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrivateVoiceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the history of each room."""
    for room in entry.runtime_data.rooms.values():
        async_add_entities([ActivationEvent(room)], config_subentry_id=room.room_id)


class ActivationEvent(RoomEntity, EventEntity):
    """The activations of a room."""

    _attr_translation_key = "activation"
    _attr_event_types = [outcome.value for outcome in Outcome]

    def __init__(self, room: Room) -> None:
        """Prepare the history of a room."""
        super().__init__(room, "activation")

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the activations, not the other changes of the room."""
        self.async_on_remove(self.room.async_on_activation(self._on_activation))

    @callback
    def _on_activation(self, activation: Activation) -> None:
        """Show an activation that ended."""
        attributes = activation.as_attributes()
        self._trigger_event(attributes.pop("outcome"), attributes)
        self.async_write_ha_state()
