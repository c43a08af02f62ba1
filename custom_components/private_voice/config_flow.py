"""Adding the hub, and what the network announces by itself."""

from types import MappingProxyType
from typing import Any, override

from homeassistant.config_entries import (
    ConfigEntry,
    ConfigFlowResult,
    ConfigSubentry,
    ConfigSubentryData,
    ConfigSubentryFlow,
)
from homeassistant.const import CONF_HOST, CONF_NAME, CONF_PORT
from homeassistant.core import callback
from homeassistant.helpers.selector import AreaSelector, BooleanSelector, TextSelector
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo
import voluptuous as vol

from .const import (
    CONF_AREA_ID,
    CONF_MAKE_PREFERRED,
    DOMAIN,
    SUBENTRY_ROOM,
    SUBENTRY_SERVICE,
)
from .discovery import (
    Endpoint,
    async_addresses,
    async_core_entry,
    async_describe,
    async_offers,
    async_take_over,
    instance_of,
)
from .flow_endpoint import offers_selector
from .flow_mute import MuteFlow
from .flow_room import RoomFlow
from .flow_service import SpeechServiceFlow, service_data
from .wire.errors import WireError

_CONF_SERVICES = "services"


class PrivateVoiceFlow(MuteFlow, domain=DOMAIN):
    """Sets up the one hub, and adds to it what zeroconf finds."""

    VERSION = 1

    _endpoint: Endpoint
    """What zeroconf found, once it has described itself."""

    def __init__(self) -> None:
        """Start with nothing found."""
        self._offers: dict[str, Endpoint] = {}
        self._instance = ""
        self._hosts: set[str] = set()

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: ConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Return what can be added to the hub."""
        return {SUBENTRY_SERVICE: SpeechServiceFlow, SUBENTRY_ROOM: RoomFlow}

    def _hub(self) -> ConfigEntry | None:
        """Return the hub, if it is there."""
        entries = self.hass.config_entries.async_entries(DOMAIN, include_ignore=False)
        return entries[0] if entries else None

    # Adding the hub

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Offer what is already there and create the hub."""
        if self._hub() is not None:
            return self.async_abort(reason="already_configured")
        await self.async_set_unique_id(DOMAIN)
        if user_input is None:
            self._offers = await async_offers(self.hass, satellites=False)
            if not self._offers:
                return await self.async_step_nothing_found()
        if user_input is not None:
            return self._create_hub(user_input)
        return self.async_show_form(
            step_id="user",
            data_schema=vol.Schema(
                {
                    vol.Optional(
                        _CONF_SERVICES, default=list(self._offers)
                    ): offers_selector(self._offers, multiple=True),
                    **self._hub_fields(),
                }
            ),
        )

    async def async_step_nothing_found(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say that no speech service was found and create the hub all the same."""
        if user_input is not None:
            return self._create_hub(user_input)
        return self.async_show_form(
            step_id="nothing_found",
            data_schema=vol.Schema(self._hub_fields()),
        )

    def _create_hub(
        self,
        user_input: dict[str, Any],
        subentries: tuple[ConfigSubentryData, ...] = (),
    ) -> ConfigFlowResult:
        """Create the hub with the chosen services."""
        chosen = [self._offers[key] for key in user_input.get(_CONF_SERVICES, ())]
        return self.async_create_entry(
            title="Private Voice",
            data={},
            options={CONF_MAKE_PREFERRED: user_input.get(CONF_MAKE_PREFERRED, True)},
            subentries=[*map(_service_subentry, chosen), *subentries],
        )

    # What zeroconf finds

    @override
    async def async_step_zeroconf(
        self, discovery_info: ZeroconfServiceInfo
    ) -> ConfigFlowResult:
        """Look at what announced itself."""
        if discovery_info.port is None:
            return self.async_abort(reason="not_wyoming")
        host, port = discovery_info.host, discovery_info.port
        self._instance = instance_of(discovery_info)
        self._hosts = {host, *map(str, discovery_info.ip_addresses)}
        await self.async_set_unique_id(self._instance)
        self._abort_if_unique_id_configured()
        if await self._async_known(host, port):
            return self.async_abort(reason="already_configured")
        try:
            self._endpoint = await async_describe(host, port, self._instance)
        except WireError as err:
            return self.async_abort(reason=err.reason.value)
        satellite = self._endpoint.is_satellite
        if (reason := self._endpoint.unfit(satellite=satellite)) is not None:
            return self.async_abort(reason=reason)
        self.context["title_placeholders"] = {CONF_NAME: self._endpoint.name}
        if satellite:
            return await self.async_step_discovered_room()
        return await self.async_step_discovered_service()

    async def _async_known(self, host: str, port: int) -> bool:
        """Return whether the hub has it already; follow it to a new address."""
        if (hub := self._hub()) is None:
            return False
        subentries = list(hub.subentries.values())
        for subentry in subentries:
            if subentry.unique_id == self._instance:
                if not await self._is_at(subentry, port):
                    self._update(hub, subentry, host, port)
                return True
        for subentry in subentries:
            if await self._is_at(subentry, port):
                if subentry.unique_id is None:
                    # Added by hand: from now on it is found again elsewhere.
                    self._update(hub, subentry, subentry.data[CONF_HOST], port)
                return True
        return False

    async def _is_at(self, subentry: ConfigSubentry, port: int) -> bool:
        """Return whether a service or room is at the announced address."""
        if subentry.data[CONF_PORT] != port:
            return False
        return bool(self._hosts & await async_addresses(subentry.data[CONF_HOST], port))

    def _update(
        self, hub: ConfigEntry, subentry: ConfigSubentry, host: str, port: int
    ) -> None:
        """Take over an address and the name by which it is found again."""
        self.hass.config_entries.async_update_subentry(
            hub,
            subentry,
            unique_id=self._instance,
            data={**subentry.data, CONF_HOST: host, CONF_PORT: port},
        )

    async def async_step_discovered_service(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Confirm a speech service."""
        if user_input is None:
            fields = self._hub_fields()
            if not fields:
                self._set_confirm_only()
            return self.async_show_form(
                step_id="discovered_service",
                data_schema=vol.Schema(fields),
                description_placeholders={CONF_NAME: self._endpoint.name},
            )
        service = _service_subentry(self._endpoint)
        return await self._async_add(service, user_input, "service_added")

    async def async_step_discovered_room(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the name and area of a satellite's room."""
        if user_input is None:
            core = await async_core_entry(self.hass, self._endpoint)
            name = self._endpoint.name
            return self.async_show_form(
                step_id="discovered_room" if core is None else "take_over",
                data_schema=vol.Schema(
                    {
                        vol.Required(CONF_NAME, default=name): TextSelector(),
                        vol.Optional(CONF_AREA_ID): AreaSelector(),
                        **self._hub_fields(),
                    }
                ),
                description_placeholders={CONF_NAME: name},
            )
        room = ConfigSubentryData(
            subentry_type=SUBENTRY_ROOM,
            title=user_input[CONF_NAME].strip() or self._endpoint.name,
            unique_id=self._instance,
            data={CONF_HOST: self._endpoint.host, CONF_PORT: self._endpoint.port}
            | {k: v for k, v in user_input.items() if k == CONF_AREA_ID and v},
        )
        return await self._async_add(room, user_input, "room_added")

    async def async_step_take_over(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Take a satellite from core's integration into a room."""
        await async_take_over(self.hass, self._endpoint)
        return await self.async_step_discovered_room(user_input)

    def _hub_fields(self) -> dict[vol.Marker, Any]:
        """Return what is asked as long as there is no hub."""
        if self._hub() is not None:
            return {}
        return {vol.Required(CONF_MAKE_PREFERRED, default=True): BooleanSelector()}

    async def _async_add(
        self, subentry: ConfigSubentryData, user_input: dict[str, Any], reason: str
    ) -> ConfigFlowResult:
        """Add to the hub, which is made if need be."""
        if await self._async_known(self._endpoint.host, self._endpoint.port):
            return self.async_abort(reason="already_configured")
        if (hub := self._hub()) is None:
            await self.async_set_unique_id(DOMAIN, raise_on_progress=False)
            return self._create_hub(user_input, (subentry,))
        self.hass.config_entries.async_add_subentry(
            hub, ConfigSubentry(**_with_frozen_data(subentry))
        )
        return self.async_abort(
            reason=reason, description_placeholders={CONF_NAME: subentry["title"]}
        )


def _service_subentry(endpoint: Endpoint) -> ConfigSubentryData:
    """Return the subentry of a speech service."""
    return ConfigSubentryData(
        subentry_type=SUBENTRY_SERVICE,
        title=endpoint.name,
        unique_id=endpoint.instance,
        data=service_data(endpoint),
    )


def _with_frozen_data(subentry: ConfigSubentryData) -> dict[str, Any]:
    """Return the fields of a subentry to be added."""
    return {**subentry, "data": MappingProxyType(dict(subentry["data"]))}
