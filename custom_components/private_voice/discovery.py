"""What this network and this Home Assistant already offer."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry, ConfigEntryDisabler
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo
from homeassistant.util.network import is_ip_address
from wyoming.info import Info

from .const import DOMAIN
from .wire.address import resolve
from .wire.errors import WireError
from .wire.service import ServiceClient, ServiceKind, kinds

_CORE = "wyoming"
_ZEROCONF_TYPE = "_wyoming._tcp.local."

_WELL_KNOWN = (
    ("core-whisper", 10300),
    ("core-speech-to-phrase", 10300),
    ("core-piper", 10200),
    ("core-openwakeword", 10400),
    ("127.0.0.1", 10300),
    ("127.0.0.1", 10200),
    ("127.0.0.1", 10400),
)
"""Names and ports of the official apps (add-ons), and the same ports of this host."""

_ANSWER_IN = 5.0
_LOOK_FOR = 2.0

# Long enough for any name that a person chose, short enough for any dialog.
_MAX_NAME = 64


@dataclass(frozen=True)
class Endpoint:
    """A Wyoming peer that has described itself."""

    host: str
    port: int
    info: Info
    instance: str | None = None
    """The name under which zeroconf announces it, if it does."""

    @property
    def key(self) -> str:
        """Return what tells it from other peers."""
        return f"{self.host}:{self.port}"

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
        """Return the name that it gives itself, fit for a dialog."""
        info = self.info
        programs = [*info.asr, *info.tts, *info.wake, *info.handle, *info.intent]
        names = [program.name for program in programs if program.installed]
        if info.satellite is not None and self.is_satellite:
            names.insert(0, info.satellite.name)
        shown = (" ".join(str(name or "").split())[:_MAX_NAME] for name in names)
        return next((name for name in shown if name), self.host)

    @property
    def voices(self) -> dict[str, str]:
        """Return the installed voices and how they are described."""
        programs = [p for p in self.info.tts if p.installed]
        voices = [v for p in programs for v in p.voices if v.installed]
        return {voice.name: voice.description or voice.name for voice in voices}

    @property
    def models(self) -> dict[str, str]:
        """Return the installed speech-to-text models and how they are described."""
        programs = [p for p in self.info.asr if p.installed]
        models = [m for p in programs for m in p.models if m.installed]
        return {model.name: model.description or model.name for model in models}

    @property
    def _wakes(self) -> bool:
        """Return whether a wake word is installed."""
        programs = [p for p in self.info.wake if p.installed]
        return any(model.installed for p in programs for model in p.models)

    def unfit(self, *, satellite: bool) -> str | None:
        """Return why it is of no use as a satellite or as a speech service."""
        if satellite:
            return None if self.is_satellite else "is_service"
        if self.is_satellite:
            return "is_satellite"
        if not self.kinds:
            return "nothing_installed"
        if self.voices or self.models or self._wakes:
            return None
        return None if ServiceKind.HANDLE in self.kinds else "no_model"


async def async_describe(host: str, port: int, instance: str | None = None) -> Endpoint:
    """Return the peer at an address.

    Raises:
        WireError: There is none, or it is not on this network.
    """
    client = ServiceClient(host, port, connect_timeout=_ANSWER_IN)
    return Endpoint(host, port, await client.describe(_ANSWER_IN), instance)


async def async_addresses(host: str, port: int) -> set[str]:
    """Return a host's name with the addresses that it stands for, if any is known."""
    if is_ip_address(host):
        return {host}
    try:
        async with asyncio.timeout(_LOOK_FOR):
            return {host, *await resolve(host, port)}
    except TimeoutError, WireError:
        return {host}


# What core's integration holds


async def async_core_entry(
    hass: HomeAssistant, endpoint: Endpoint
) -> ConfigEntry | None:
    """Return the enabled entry of core's integration that holds a peer."""
    entries = hass.config_entries.async_entries(
        _CORE, include_ignore=False, include_disabled=False
    )
    if not entries:
        return None
    hosts = await async_addresses(endpoint.host, endpoint.port)
    for entry in entries:
        # Core puts the name of what it described behind the announced one.
        announced = f"{endpoint.instance}.{_ZEROCONF_TYPE}_"
        if endpoint.instance and (entry.unique_id or "").startswith(announced):
            return entry
        host, port = entry.data.get(CONF_HOST), entry.data.get(CONF_PORT)
        if host is None or port != endpoint.port:
            continue
        if hosts & await async_addresses(host, port):
            return entry
    return None


async def async_take_over(hass: HomeAssistant, endpoint: Endpoint) -> None:
    """Let core's integration leave a satellite: it obeys only one."""
    if (entry := await async_core_entry(hass, endpoint)) is not None:
        await hass.config_entries.async_set_disabled_by(
            entry.entry_id, ConfigEntryDisabler.USER
        )


# What is there to be added


def instance_of(info: ZeroconfServiceInfo) -> str:
    """Return the name under which a peer announces itself."""
    return info.name.removesuffix(f".{_ZEROCONF_TYPE}")


@callback
def async_announced(hass: HomeAssistant) -> dict[tuple[str, int], str]:
    """Return the names by address of what zeroconf found and nobody added yet."""
    found: dict[tuple[str, int], str] = {}

    def note(info: ZeroconfServiceInfo) -> bool:
        """Keep what a flow is about."""
        if info.type == _ZEROCONF_TYPE and info.port is not None:
            found[info.host, info.port] = instance_of(info)
        return False

    hass.config_entries.flow.async_progress_by_init_data_type(ZeroconfServiceInfo, note)
    return found


@callback
def async_end_discovery(hass: HomeAssistant, host: str, port: int) -> None:
    """Offer no longer what was added by hand."""
    flows = hass.config_entries.flow
    for flow in flows.async_progress_by_init_data_type(
        ZeroconfServiceInfo, lambda info: (info.host, info.port) == (host, port)
    ):
        if flow["handler"] == DOMAIN:
            flows.async_abort(flow["flow_id"])


@callback
def _known_addresses(hass: HomeAssistant) -> set[tuple[str, int]]:
    """Return the addresses of the hub's services and rooms."""
    return {
        (subentry.data[CONF_HOST], subentry.data[CONF_PORT])
        for entry in hass.config_entries.async_entries(DOMAIN, include_ignore=False)
        for subentry in entry.subentries.values()
    }


async def async_offers(hass: HomeAssistant, *, satellites: bool) -> dict[str, Endpoint]:
    """Return the satellites or speech services that could be added, by key."""
    announced = async_announced(hass)
    places = {
        (entry.data[CONF_HOST], entry.data[CONF_PORT])
        for entry in hass.config_entries.async_entries(_CORE, include_ignore=False)
        if CONF_HOST in entry.data and CONF_PORT in entry.data
    }
    usual: Iterable[tuple[str, int]] = () if satellites else _WELL_KNOWN
    wanted = dict.fromkeys((*sorted(places), *announced, *usual))
    known = _known_addresses(hass)
    found = await asyncio.gather(
        *(
            _async_look(host, port, announced.get((host, port)))
            for host, port in wanted
            if (host, port) not in known
        )
    )
    return {
        endpoint.key: endpoint
        for endpoint in found
        if endpoint is not None and endpoint.unfit(satellite=satellites) is None
    }


async def _async_look(host: str, port: int, instance: str | None) -> Endpoint | None:
    """Return the peer at an address, if there is one that answers soon."""
    try:
        async with asyncio.timeout(_LOOK_FOR):
            return await async_describe(host, port, instance)
    except TimeoutError, WireError:
        return None
