"""Whether an engine of a pipeline is on this network.

Home Assistant's built-in agent is, and our own engines are: their connections are refused
when made if they would lead elsewhere. Engines of other integrations are judged by their
manifest and by the address that they were set up with, as it resolves now. That an address
is local does not tell what the program behind it asks elsewhere; where that shows, as in
the name of a model that Ollama has computed by its maker, it counts. What is not known is
not local.
"""

import asyncio
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from homeassistant.components import conversation
from homeassistant.const import CONF_HOST, CONF_MODEL, CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.loader import IntegrationNotFound, async_get_integration

from ..const import DOMAIN
from ..wire.address import resolve
from ..wire.errors import Reason, WireError

_BASE_URL: Final = "base_url"
_RESOLVE_DEADLINE: Final = 5.0
_CLOUD_MODELS: Final = (":cloud", "-cloud")


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
    return await _async_by_settings(_settings(hass, entity))


def _settings(hass: HomeAssistant, entity: er.RegistryEntry) -> Mapping[str, Any]:
    """Return what an engine was set up with."""
    if entity.config_entry_id is None:
        return {}
    entry = hass.config_entries.async_get_entry(entity.config_entry_id)
    if entry is None:
        return {}
    subentry = entry.subentries.get(entity.config_subentry_id or "")
    return {**entry.data, **entry.options, **(subentry.data if subentry else {})}


async def _async_by_settings(settings: Mapping[str, Any]) -> Locality:
    """Judge an engine by its host or URL and by its model."""
    if str(settings.get(CONF_MODEL, "")).endswith(_CLOUD_MODELS):
        return Locality.CLOUD
    if (host := _host(settings)) is None:
        return Locality.UNKNOWN
    try:
        async with asyncio.timeout(_RESOLVE_DEADLINE):
            await resolve(host, 0)
    except TimeoutError:
        return Locality.UNKNOWN
    except WireError as err:
        is_elsewhere = err.reason is Reason.NOT_LOCAL
        return Locality.CLOUD if is_elsewhere else Locality.UNKNOWN
    return Locality.LOCAL


def _host(settings: Mapping[str, Any]) -> str | None:
    """Return the host that an engine connects to."""
    if host := settings.get(CONF_HOST):
        return str(host)
    url = str(settings.get(CONF_URL) or settings.get(_BASE_URL) or "")
    try:
        return urlsplit(url if "//" in url else f"//{url}").hostname
    except ValueError:
        return None
