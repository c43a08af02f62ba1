"""Adding the hub, and what the network announces by itself."""

from typing import Any, override

from homeassistant.config_entries import (
    ConfigEntry,
    ConfigEntryDisabler,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentry,
    ConfigSubentryData,
    ConfigSubentryFlow,
)
from homeassistant.const import CONF_HOST, CONF_NAME, CONF_PORT
from homeassistant.core import callback
from homeassistant.helpers.selector import (
    AreaSelector,
    BooleanSelector,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
)
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo
import voluptuous as vol

from .const import (
    CONF_AREA_ID,
    CONF_KINDS,
    CONF_MAKE_PREFERRED,
    DOMAIN,
    SUBENTRY_ROOM,
    SUBENTRY_SERVICE,
)
from .discovery import Endpoint, async_core_entry, async_describe, async_offers
from .subentry_flows import RoomFlow, SpeechServiceFlow
from .wire.errors import WireError

_CONF_SERVICES = "services"


def service_data(endpoint: Endpoint) -> dict[str, Any]:
    """Return the data of a speech service's subentry."""
    return {
        CONF_HOST: endpoint.host,
        CONF_PORT: endpoint.port,
        CONF_KINDS: sorted(kind.value for kind in endpoint.kinds),
    }


class PrivateVoiceFlow(ConfigFlow, domain=DOMAIN):
    """Sets up the one hub, and adds to it what zeroconf finds."""

    VERSION = 1

    def __init__(self) -> None:
        """Start with nothing found."""
        self._offers: dict[str, Endpoint] = {}
        self._endpoint: Endpoint | None = None
        self._instance = ""

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

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Offer what is already there and create the hub."""
        if self._hub() is not None:
            return self.async_abort(reason="already_configured")
        await self.async_set_unique_id(DOMAIN)
        self._abort_if_unique_id_configured()
        if user_input is not None:
            chosen = [self._offers[key] for key in user_input.get(_CONF_SERVICES, ())]
            return self._create_hub(
                [self._service_subentry(endpoint, None) for endpoint in chosen],
                user_input[CONF_MAKE_PREFERRED],
            )
        found = await async_offers(self.hass)
        self._offers = {
            f"{endpoint.host}:{endpoint.port}": endpoint
            for endpoint in found
            if endpoint.kinds and not endpoint.is_satellite
        }
        schema: dict[vol.Marker, Any] = {}
        if self._offers:
            options = [
                SelectOptionDict(value=key, label=f"{endpoint.name} ({key})")
                for key, endpoint in self._offers.items()
            ]
            schema[vol.Optional(_CONF_SERVICES, default=list(self._offers))] = (
                SelectSelector(SelectSelectorConfig(options=options, multiple=True))
            )
        schema[vol.Required(CONF_MAKE_PREFERRED, default=True)] = BooleanSelector()
        return self.async_show_form(
            step_id="user",
            data_schema=vol.Schema(schema),
            description_placeholders={"count": str(len(self._offers))},
        )

    def _service_subentry(
        self, endpoint: Endpoint, unique_id: str | None
    ) -> ConfigSubentryData:
        """Return a speech service to create with the hub."""
        return ConfigSubentryData(
            subentry_type=SUBENTRY_SERVICE,
            title=endpoint.name,
            unique_id=unique_id,
            data=service_data(endpoint),
        )

    def _create_hub(
        self, subentries: list[ConfigSubentryData], make_preferred: bool
    ) -> ConfigFlowResult:
        """Create the hub."""
        return self.async_create_entry(
            title="Private Voice",
            data={},
            options={CONF_MAKE_PREFERRED: make_preferred},
            subentries=subentries,
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
        self._instance = discovery_info.name.partition("._wyoming")[0]
        await self.async_set_unique_id(self._instance)
        self._abort_if_unique_id_configured()
        if self._known(host, port):
            return self.async_abort(reason="already_configured")
        try:
            self._endpoint = await async_describe(host, port)
        except WireError as err:
            return self.async_abort(reason=err.reason.value)
        if not self._endpoint.kinds:
            return self.async_abort(reason="nothing_installed")
        self.context["title_placeholders"] = {CONF_NAME: self._endpoint.name}
        if self._endpoint.is_satellite:
            return await self.async_step_discovered_room()
        return await self.async_step_discovered_service()

    def _known(self, host: str, port: int) -> bool:
        """Return whether the hub has it; follow it to a new address."""
        if (hub := self._hub()) is None:
            return False
        for subentry in hub.subentries.values():
            at = (subentry.data[CONF_HOST], subentry.data[CONF_PORT])
            if subentry.unique_id == self._instance:
                if at != (host, port):
                    self._move(hub, subentry, host, port)
                return True
            if at == (host, port):
                return True
        return False

    def _move(
        self, hub: ConfigEntry, subentry: ConfigSubentry, host: str, port: int
    ) -> None:
        """Take over a changed address."""
        self.hass.config_entries.async_update_subentry(
            hub, subentry, data={**subentry.data, CONF_HOST: host, CONF_PORT: port}
        )

    async def async_step_discovered_service(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Confirm a speech service."""
        assert self._endpoint is not None
        if user_input is None:
            self._set_confirm_only()
            return self.async_show_form(
                step_id="discovered_service",
                description_placeholders={CONF_NAME: self._endpoint.name},
            )
        return self._add(
            self._service_subentry(self._endpoint, self._instance), "service_added"
        )

    async def async_step_discovered_room(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the name and area of a satellite's room."""
        assert self._endpoint is not None
        core = async_core_entry(self.hass, self._endpoint.host, self._endpoint.port)
        if user_input is None:
            return self.async_show_form(
                step_id="discovered_room_take_over" if core else "discovered_room",
                data_schema=vol.Schema(
                    {
                        vol.Required(
                            CONF_NAME, default=self._endpoint.name
                        ): TextSelector(),
                        vol.Optional(CONF_AREA_ID): AreaSelector(),
                    }
                ),
                description_placeholders={CONF_NAME: self._endpoint.name},
            )
        if core is not None:
            await self.hass.config_entries.async_set_disabled_by(
                core.entry_id, ConfigEntryDisabler.USER
            )
        data = {CONF_HOST: self._endpoint.host, CONF_PORT: self._endpoint.port}
        if area_id := user_input.get(CONF_AREA_ID):
            data[CONF_AREA_ID] = area_id
        room = ConfigSubentryData(
            subentry_type=SUBENTRY_ROOM,
            title=user_input[CONF_NAME],
            unique_id=self._instance,
            data=data,
        )
        return self._add(room, "room_added")

    async_step_discovered_room_take_over = async_step_discovered_room

    def _add(self, subentry: ConfigSubentryData, reason: str) -> ConfigFlowResult:
        """Add to the hub, which is made if need be."""
        if (hub := self._hub()) is None:
            self.context["unique_id"] = DOMAIN
            return self._create_hub([subentry], make_preferred=True)
        self.hass.config_entries.async_add_subentry(
            hub,
            ConfigSubentry(
                data=subentry["data"],  # type: ignore[arg-type]
                subentry_type=subentry["subentry_type"],
                title=subentry["title"],
                unique_id=subentry["unique_id"],
            ),
        )
        return self.async_abort(
            reason=reason, description_placeholders={CONF_NAME: subentry["title"]}
        )
