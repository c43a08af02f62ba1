"""Whether an engine of a pipeline is on this network.

Our own engines and Home Assistant's built-in agent are; other integrations are judged by
their manifest and by the address they were set up with. What is not known is not local.
"""

from enum import StrEnum
from urllib.parse import urlparse

from homeassistant.components import conversation
from homeassistant.const import CONF_HOST, CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.loader import IntegrationNotFound, async_get_integration

from ..const import DOMAIN
from ..wire.address import resolve
from ..wire.errors import WireError


class Locality(StrEnum):
    """Where an engine works."""

    LOCAL = "local"
    CLOUD = "cloud"
    UNKNOWN = "unknown"


async def async_engine_locality(hass: HomeAssistant, engine: str) -> Locality:
    """Return where an engine works, by its entity id."""
    if engine == conversation.HOME_ASSISTANT_AGENT:
        return Locality.LOCAL
    entity = er.async_get(hass).async_get(engine)
    domain = entity.platform if entity is not None else engine.partition(".")[0]
    if entity is not None and domain == DOMAIN:
        return Locality.LOCAL
    try:
        integration = await async_get_integration(hass, domain)
    except IntegrationNotFound:
        return Locality.UNKNOWN
    iot_class = integration.iot_class or ""
    if iot_class.startswith("cloud"):
        return Locality.CLOUD
    if (
        entity is None
        or not iot_class.startswith("local")
        or not integration.is_built_in
    ):
        return Locality.UNKNOWN
    return await _async_by_address(hass, entity)


async def _async_by_address(hass: HomeAssistant, entity: er.RegistryEntry) -> Locality:
    """Judge an engine by the host or URL in its config entry."""
    entry = (
        hass.config_entries.async_get_entry(entity.config_entry_id)
        if entity.config_entry_id
        else None
    )
    data = entry.data if entry is not None else {}
    host = data.get(CONF_HOST) or urlparse(str(data.get(CONF_URL, ""))).hostname
    if not host:
        return Locality.UNKNOWN
    try:
        await resolve(str(host), 0)
    except WireError:
        return Locality.CLOUD
    return Locality.LOCAL
