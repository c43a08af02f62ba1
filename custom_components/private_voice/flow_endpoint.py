"""What the flows of speech services and rooms have in common: an address."""

from typing import Any

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigSubentryFlow
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
import voluptuous as vol

from .discovery import (
    Endpoint,
    async_announced,
    async_describe,
    async_end_discovery,
    async_offers,
)
from .wire.errors import WireError

CONF_FOUND = "found"

_PORT = vol.All(
    NumberSelector(
        NumberSelectorConfig(min=1, max=65535, step=1, mode=NumberSelectorMode.BOX)
    ),
    vol.Coerce(int),
)


def offers_selector(
    offers: dict[str, Endpoint], *, multiple: bool = False
) -> SelectSelector:
    """Return a choice of what was found."""
    options = [
        SelectOptionDict(value=key, label=f"{endpoint.name} ({key})")
        for key, endpoint in offers.items()
    ]
    mode = SelectSelectorMode.LIST if multiple else SelectSelectorMode.DROPDOWN
    return SelectSelector(
        SelectSelectorConfig(options=options, multiple=multiple, mode=mode)
    )


class EndpointFlow(ConfigSubentryFlow):
    """Asks an address what it is before it is accepted."""

    _satellite: bool
    """Whether a satellite is wanted, or else a speech service."""

    _endpoint: Endpoint
    """The peer at the accepted address."""

    def __init__(self) -> None:
        """Start with nothing found."""
        self._offers: dict[str, Endpoint] = {}

    @property
    def _reconfigures(self) -> bool:
        """Return whether a subentry is changed, not added."""
        return self.source == SOURCE_RECONFIGURE

    async def _async_look_around(self) -> None:
        """Find what could be added."""
        self._offers = await async_offers(self.hass, satellites=self._satellite)

    def _address_fields(self) -> dict[vol.Marker, Any]:
        """Return the fields for an address, with what was found if anything was."""
        if not self._offers:
            return {
                vol.Required(CONF_HOST): TextSelector(),
                vol.Required(CONF_PORT): _PORT,
            }
        return {
            vol.Optional(CONF_FOUND): offers_selector(self._offers),
            vol.Optional(CONF_HOST): TextSelector(),
            vol.Optional(CONF_PORT): _PORT,
        }

    def _address_of(self, user_input: dict[str, Any]) -> tuple[str, int] | None:
        """Return the address that was typed, or else the one that was chosen."""
        host, port = user_input.get(CONF_HOST, "").strip(), user_input.get(CONF_PORT)
        if host and port:
            return host, port
        offer = self._offers.get(user_input.get(CONF_FOUND, ""))
        if offer is None or host or port:
            return None
        return offer.host, offer.port

    async def _async_check(self, user_input: dict[str, Any]) -> str | None:
        """Ask the address what it is; return what is wrong with it."""
        if (address := self._address_of(user_input)) is None:
            return "address_missing"
        if self._taken(address):
            return "already_configured"
        try:
            self._endpoint = await async_describe(
                *address, async_announced(self.hass).get(address)
            )
        except WireError as err:
            return err.reason.value
        return self._endpoint.unfit(satellite=self._satellite)

    def _taken(self, address: tuple[str, int]) -> bool:
        """Return whether another subentry has the address."""
        own = (
            self._get_reconfigure_subentry().subentry_id if self._reconfigures else None
        )
        return any(
            (subentry.data[CONF_HOST], subentry.data[CONF_PORT]) == address
            for subentry in self._get_entry().subentries.values()
            if subentry.subentry_id != own
        )

    def _unique_id(self) -> str | None:
        """Return the name by which the accepted peer is found again; take it up."""
        endpoint = self._endpoint
        async_end_discovery(self.hass, endpoint.host, endpoint.port)
        if endpoint.instance is None and self._reconfigures:
            subentry = self._get_reconfigure_subentry()
            at = (subentry.data[CONF_HOST], subentry.data[CONF_PORT])
            if at == (endpoint.host, endpoint.port):
                return subentry.unique_id
        return endpoint.instance
