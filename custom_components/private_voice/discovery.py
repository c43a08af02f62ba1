"""What this network and this Home Assistant already offer."""

import asyncio
from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant, callback
from wyoming.info import AsrModel, Info, TtsVoice

from .const import DOMAIN
from .wire.errors import WireError
from .wire.service import ServiceClient, ServiceKind, kinds

WYOMING = "wyoming"

_WELL_KNOWN = (
    ("core-whisper", 10300),
    ("core-piper", 10200),
    ("core-openwakeword", 10400),
    ("core-speech-to-phrase", 10300),
    ("127.0.0.1", 10300),
    ("127.0.0.1", 10200),
    ("127.0.0.1", 10400),
)
"""Names and ports of the official apps (add-ons), and the same ports of this host."""

_LOOK_FOR = 2.0


@dataclass(frozen=True)
class Endpoint:
    """A Wyoming peer that has described itself."""

    host: str
    port: int
    info: Info

    @property
    def kinds(self) -> set[ServiceKind]:
        """Return what it offers."""
        return kinds(self.info)

    @property
    def is_satellite(self) -> bool:
        """Return whether it is a satellite, whatever else it offers."""
        return ServiceKind.SATELLITE in self.kinds

    @property
    def name(self) -> str:
        """Return the name that it gives itself."""
        if self.info.satellite is not None and self.is_satellite:
            return self.info.satellite.name or self.host
        programs = [
            *self.info.asr,
            *self.info.tts,
            *self.info.wake,
            *self.info.handle,
            *self.info.intent,
        ]
        return next((p.name for p in programs if p.installed and p.name), self.host)

    @property
    def languages(self) -> set[str]:
        """Return the languages of its installed models and voices."""
        models: list[AsrModel | TtsVoice] = [
            *(m for p in self.info.asr if p.installed for m in p.models),
            *(v for p in self.info.tts if p.installed for v in p.voices),
        ]
        return {lang for m in models if m.installed for lang in m.languages}


async def async_describe(host: str, port: int, timeout: float = 5.0) -> Endpoint:
    """Return the peer at an address.

    Raises:
        WireError: There is none, or it is not on this network.
    """
    client = ServiceClient(host, port, connect_timeout=timeout)
    return Endpoint(host, port, await client.describe(timeout))


@callback
def async_known_addresses(hass: HomeAssistant) -> set[tuple[str, int]]:
    """Return the addresses of the hub's services and rooms."""
    return {
        (subentry.data[CONF_HOST], subentry.data[CONF_PORT])
        for entry in hass.config_entries.async_entries(DOMAIN, include_ignore=False)
        for subentry in entry.subentries.values()
    }


@callback
def async_core_entry(hass: HomeAssistant, host: str, port: int) -> ConfigEntry | None:
    """Return the enabled entry of core's integration that holds an address."""
    for entry in hass.config_entries.async_entries(
        WYOMING, include_ignore=False, include_disabled=False
    ):
        if (entry.data.get(CONF_HOST), entry.data.get(CONF_PORT)) == (host, port):
            return entry
    return None


async def async_offers(hass: HomeAssistant) -> list[Endpoint]:
    """Return the peers that core's integration or the usual places hold."""
    places = [
        (entry.data[CONF_HOST], entry.data[CONF_PORT])
        for entry in hass.config_entries.async_entries(WYOMING, include_ignore=False)
        if CONF_HOST in entry.data and CONF_PORT in entry.data
    ]
    known = async_known_addresses(hass)
    wanted = [p for p in dict.fromkeys((*places, *_WELL_KNOWN)) if p not in known]
    found = await asyncio.gather(
        *(async_describe(host, port, _LOOK_FOR) for host, port in wanted),
        return_exceptions=True,
    )
    for result in found:
        if isinstance(result, BaseException) and not isinstance(result, WireError):
            raise result
    return [endpoint for endpoint in found if isinstance(endpoint, Endpoint)]


@callback
def async_satellite_offers(offers: list[Endpoint]) -> list[Endpoint]:
    """Return the satellites among what was found."""
    return [endpoint for endpoint in offers if endpoint.is_satellite]
