"""The health of rooms and speech services at a glance."""

from typing import Any

from homeassistant.components.system_health import SystemHealthRegistration
from homeassistant.core import HomeAssistant, callback

from .const import DOMAIN


@callback
def async_register(hass: HomeAssistant, register: SystemHealthRegistration) -> None:
    """Register what is told."""
    register.async_register_info(_async_info)


async def _async_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return how many rooms and services are there."""
    hubs = [e.runtime_data for e in hass.config_entries.async_loaded_entries(DOMAIN)]
    rooms = [room for hub in hubs for room in hub.rooms.values()]
    services = [service for hub in hubs for service in hub.services.values()]
    connected = sum(room.connected for room in rooms)
    answering = sum(service.last_update_success for service in services)
    return {
        "rooms_connected": f"{connected} / {len(rooms)}",
        "services_answering": f"{answering} / {len(services)}",
    }
