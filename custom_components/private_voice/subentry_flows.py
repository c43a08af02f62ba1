"""Adding and changing speech services and rooms."""

from collections.abc import Mapping
from typing import Any

from homeassistant.config_entries import (
    ConfigEntryDisabler,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.const import CONF_HOST, CONF_NAME, CONF_PORT
from homeassistant.helpers.selector import (
    AreaSelector,
    LanguageSelector,
    LanguageSelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
)
import voluptuous as vol
from wyoming.info import Artifact

from .const import CONF_AREA_ID, CONF_KINDS, CONF_LANGUAGE, CONF_MODEL, CONF_VOICE
from .discovery import (
    Endpoint,
    async_core_entry,
    async_describe,
    async_offers,
    async_satellite_offers,
)
from .wire.errors import WireError
from .wire.service import ServiceKind

_PORT = vol.All(
    NumberSelector(
        NumberSelectorConfig(min=1, max=65535, step=1, mode=NumberSelectorMode.BOX)
    ),
    vol.Coerce(int),
)
_ADDRESS: dict[vol.Marker, Any] = {
    vol.Required(CONF_HOST): TextSelector(),
    vol.Required(CONF_PORT): _PORT,
}


class EndpointFlow(ConfigSubentryFlow):
    """What both kinds of subentries have in common: an address that is asked."""

    _endpoint: Endpoint

    async def _async_check(
        self, user_input: dict[str, Any], errors: dict[str, str], *, satellite: bool
    ) -> bool:
        """Ask the address what it is; name what is wrong with it."""
        host, port = user_input[CONF_HOST].strip(), user_input[CONF_PORT]
        if self._taken(host, port):
            errors["base"] = "already_configured"
            return False
        try:
            self._endpoint = await async_describe(host, port)
        except WireError as err:
            errors["base"] = err.reason.value
            return False
        if not self._endpoint.kinds:
            errors["base"] = "nothing_installed"
        elif self._endpoint.is_satellite and not satellite:
            errors["base"] = "is_satellite"
        elif not self._endpoint.is_satellite and satellite:
            errors["base"] = "is_service"
        elif not satellite and _nothing_to_use(self._endpoint):
            errors["base"] = "no_model"
        return not errors

    def _taken(self, host: str, port: int) -> bool:
        """Return whether another subentry has the address."""
        own = self._own_id()
        return any(
            (subentry.data[CONF_HOST], subentry.data[CONF_PORT]) == (host, port)
            for subentry in self._get_entry().subentries.values()
            if subentry.subentry_id != own
        )

    def _own_id(self) -> str | None:
        """Return the id of the subentry that is changed, if one is."""
        if self.source != "reconfigure":
            return None
        return self._get_reconfigure_subentry().subentry_id


def _nothing_to_use(endpoint: Endpoint) -> bool:
    """Return whether a service has no model and no voice to work with."""
    info = endpoint.info
    models: list[Artifact] = [
        *(m for p in info.asr if p.installed for m in p.models),
        *(v for p in info.tts if p.installed for v in p.voices),
        *(m for p in info.wake if p.installed for m in p.models),
    ]
    offers = endpoint.kinds - {ServiceKind.HANDLE}
    return bool(offers) and not any(model.installed for model in models)


class SpeechServiceFlow(EndpointFlow):
    """A speech service: an address, and what it should use by default."""

    _found: dict[str, Any]

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for the address of a new service."""
        return await self._async_address("user", user_input, {})

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for the address of a known service."""
        current = self._get_reconfigure_subentry().data
        return await self._async_address("reconfigure", user_input, current)

    async def _async_address(
        self,
        step_id: str,
        user_input: dict[str, Any] | None,
        current: Mapping[str, Any],
    ) -> SubentryFlowResult:
        """Take an address that leads to a service."""
        errors: dict[str, str] = {}
        if user_input is not None and await self._async_check(
            user_input, errors, satellite=False
        ):
            self._found = {
                CONF_HOST: self._endpoint.host,
                CONF_PORT: self._endpoint.port,
                CONF_KINDS: sorted(kind.value for kind in self._endpoint.kinds),
            }
            if len(_voices(self._endpoint)) > 1 or len(_models(self._endpoint)) > 1:
                return await self.async_step_defaults()
            return self._finish({})
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(_ADDRESS), user_input or current
            ),
            errors=errors,
        )

    async def async_step_defaults(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask which voice and model to use where nothing else is said."""
        if user_input is not None:
            return self._finish(user_input)
        schema: dict[vol.Marker, Any] = {}
        for key, names in (
            (CONF_VOICE, _voices(self._endpoint)),
            (CONF_MODEL, _models(self._endpoint)),
        ):
            if len(names) > 1:
                schema[vol.Optional(key)] = SelectSelector(
                    SelectSelectorConfig(options=names)
                )
        current = (
            self._get_reconfigure_subentry().data
            if self.source == "reconfigure"
            else {}
        )
        return self.async_show_form(
            step_id="defaults",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(schema), current
            ),
            description_placeholders={CONF_NAME: self._endpoint.name},
        )

    def _finish(self, defaults: dict[str, Any]) -> SubentryFlowResult:
        """Create or change the service."""
        data = {**self._found, **defaults}
        if self.source == "reconfigure":
            return self.async_update_and_abort(
                self._get_entry(), self._get_reconfigure_subentry(), data=data
            )
        return self.async_create_entry(title=self._endpoint.name, data=data)


def _voices(endpoint: Endpoint) -> list[str]:
    """Return the installed voices."""
    programs = [p for p in endpoint.info.tts if p.installed]
    return [v.name for p in programs for v in p.voices if v.installed]


def _models(endpoint: Endpoint) -> list[str]:
    """Return the installed speech-to-text models."""
    programs = [p for p in endpoint.info.asr if p.installed]
    return [m.name for p in programs for m in p.models if m.installed]


class RoomFlow(EndpointFlow):
    """A room: a name, an area and its satellite."""

    _room: dict[str, Any]

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for a new room."""
        suggested: Mapping[str, Any] = {}
        if user_input is None:
            offers = async_satellite_offers(await async_offers(self.hass))
            if offers:
                suggested = {
                    CONF_NAME: offers[0].name,
                    CONF_HOST: offers[0].host,
                    CONF_PORT: offers[0].port,
                }
        return await self._async_room("user", user_input, suggested)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change a room."""
        subentry = self._get_reconfigure_subentry()
        return await self._async_room(
            "reconfigure", user_input, {CONF_NAME: subentry.title, **subentry.data}
        )

    async def _async_room(
        self,
        step_id: str,
        user_input: dict[str, Any] | None,
        current: Mapping[str, Any],
    ) -> SubentryFlowResult:
        """Take a room whose satellite is there."""
        errors: dict[str, str] = {}
        if user_input is not None:
            language = user_input.get(CONF_LANGUAGE)
            if language and language not in self._languages():
                errors[CONF_LANGUAGE] = "language_not_offered"
            elif await self._async_check(user_input, errors, satellite=True):
                self._room = user_input
                if async_core_entry(
                    self.hass, self._endpoint.host, self._endpoint.port
                ):
                    return await self.async_step_take_over()
                return self._finish()
        schema: dict[vol.Marker, Any] = {
            vol.Required(CONF_NAME): TextSelector(),
            vol.Optional(CONF_AREA_ID): AreaSelector(),
            **_ADDRESS,
        }
        if languages := self._languages():
            schema[vol.Optional(CONF_LANGUAGE)] = LanguageSelector(
                LanguageSelectorConfig(languages=sorted(languages))
            )
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(schema), user_input or current
            ),
            errors=errors,
        )

    def _languages(self) -> set[str]:
        """Return the languages that the hub's services transcribe."""
        hub = getattr(self._get_entry(), "runtime_data", None)
        if hub is None:
            return set()
        return {
            language
            for service in hub.services_of(ServiceKind.STT)
            for language in service.languages(ServiceKind.STT)
        }

    async def async_step_take_over(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Confirm that core's integration lets go of the satellite."""
        core = async_core_entry(self.hass, self._endpoint.host, self._endpoint.port)
        if user_input is None and core is not None:
            return self.async_show_form(
                step_id="take_over",
                description_placeholders={CONF_NAME: core.title},
            )
        if core is not None:
            await self.hass.config_entries.async_set_disabled_by(
                core.entry_id, ConfigEntryDisabler.USER
            )
        return self._finish()

    def _finish(self) -> SubentryFlowResult:
        """Create or change the room."""
        data = {k: v for k, v in self._room.items() if k != CONF_NAME and v}
        data |= {CONF_HOST: self._endpoint.host, CONF_PORT: self._endpoint.port}
        title = self._room[CONF_NAME]
        if self.source == "reconfigure":
            return self.async_update_and_abort(
                self._get_entry(),
                self._get_reconfigure_subentry(),
                title=title,
                data=data,
            )
        return self.async_create_entry(title=title, data=data)
