"""What helps to find a fault: states and times, no address and no word."""

from typing import TYPE_CHECKING, Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.const import CONF_HOST
from homeassistant.core import HomeAssistant

if TYPE_CHECKING:
    from .hub import PrivateVoiceConfigEntry
    from .room import Room


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: PrivateVoiceConfigEntry
) -> dict[str, Any]:
    """Return the state of the hub, its services and its rooms."""
    hub = entry.runtime_data
    return {
        "services": [
            {
                "data": async_redact_data(dict(service.subentry.data), {CONF_HOST}),
                "answers": service.last_update_success,
                "response_time": service.response_time,
                "kinds": sorted(kind.value for kind in service.kinds),
            }
            for service in hub.services.values()
        ],
        "rooms": [
            {
                "data": async_redact_data(dict(room.subentry.data), {CONF_HOST}),
                "connected": room.connected,
                "microphone_open": room.microphone.open,
                "microphone": _of_mute(room),
                "dropped_bytes": room.microphone.dropped_bytes,
                "pipeline_found": hub.pipeline_of(room) is not None,
                "last_activation": room.last_activation.as_attributes()
                if room.last_activation
                else None,
            }
            for room in hub.rooms.values()
        ],
    }


def _of_mute(room: Room) -> dict[str, Any]:
    """Return what is known of a microphone; what mutes it by kind, not by name."""
    kinds = {"software", "power"}
    return {
        "state": room.mute.state,
        "verified_by": room.mute.proof,
        "cause": room.mute.cause,
        "obeys_pause": room.microphone.obeys_pause,
        "muted_by": sorted(
            {s if s in kinds else "hardware" for s in room.microphone.muted_by}
        ),
    }
