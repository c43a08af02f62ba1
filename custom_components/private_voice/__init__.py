"""Private Voice: local voice rooms that tell the truth."""

import asyncio
from typing import TYPE_CHECKING

from homeassistant.const import EVENT_HOMEASSISTANT_STOP, Platform
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import (
    config_validation as cv,
    device_registry as dr,
    issue_registry as ir,
)
from homeassistant.helpers.typing import ConfigType

from .const import DOMAIN
from .hub import Hub
from .journal import Journal
from .privacy import words
from .services import async_setup_services
from .settings import SettingsStore

if TYPE_CHECKING:
    from .hub import PrivateVoiceConfigEntry

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)

PLATFORMS = [
    Platform.ASSIST_SATELLITE,
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.CONVERSATION,
    Platform.EVENT,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.STT,
    Platform.SWITCH,
    Platform.TTS,
    Platform.WAKE_WORD,
]

# Services that answer later join then; a slow one must not hold up the start.
_FIRST_DESCRIPTION = 3.0


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Keep words out of the log before anything can be said, and offer the actions."""
    words.async_install(hass)
    async_setup_services(hass)
    return True


async def async_setup_entry(
    hass: HomeAssistant, entry: PrivateVoiceConfigEntry
) -> bool:
    """Set up the hub with its services and rooms."""
    device = dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={(DOMAIN, entry.entry_id)},
        name=entry.title,
        entry_type=dr.DeviceEntryType.SERVICE,
    )
    # First, so that a room added while this goes on is taken up afterwards.
    entry.async_on_unload(entry.add_update_listener(_async_changed))
    hub = entry.runtime_data = Hub(hass, entry, device.id)
    await hub.async_prepare()
    if hub.services:
        described = [
            hass.async_create_task(s.async_refresh()) for s in hub.services.values()
        ]
        await asyncio.wait(described, timeout=_FIRST_DESCRIPTION)
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    await hub.async_start()

    async def stop(event: Event) -> None:
        await hub.async_stop()

    # Entries are not unloaded when Home Assistant stops, but its recorder still is there.
    entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, stop))
    return True


async def _async_changed(hass: HomeAssistant, entry: PrivateVoiceConfigEntry) -> None:
    """Take up added, changed and removed services and rooms."""
    hass.config_entries.async_schedule_reload(entry.entry_id)


async def async_unload_entry(
    hass: HomeAssistant, entry: PrivateVoiceConfigEntry
) -> bool:
    """Unload the hub; rooms go first, so that nothing runs without its entity."""
    await entry.runtime_data.async_stop()
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(
    hass: HomeAssistant, entry: PrivateVoiceConfigEntry
) -> None:
    """Delete what the hub kept."""
    await SettingsStore(hass, entry.entry_id).async_remove()
    await Journal(hass, entry.entry_id).async_remove()
    registry = ir.async_get(hass)
    for domain, issue_id in list(registry.issues):
        if domain == DOMAIN:
            ir.async_delete_issue(hass, domain, issue_id)
