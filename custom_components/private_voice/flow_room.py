"""Adding and changing a room: its name, area, language and satellite."""

from typing import Any

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigFlowContext,
    FlowType,
    SubentryFlowResult,
)
from homeassistant.const import CONF_HOST, CONF_NAME, CONF_PORT
from homeassistant.helpers.selector import (
    AreaSelector,
    LanguageSelector,
    LanguageSelectorConfig,
    TextSelector,
)
from homeassistant.util import language as language_util
import voluptuous as vol

from .const import CONF_AREA_ID, CONF_LANGUAGE, DOMAIN
from .discovery import async_core_entry, async_take_over
from .flow_endpoint import CONF_FOUND, EndpointFlow
from .flow_mute import CONF_ROOM
from .wire.service import ServiceKind

_SATELLITE_PORT = 10700
"""Where satellites listen unless told otherwise (wyoming-satellite's own default)."""

_KEYS = (CONF_HOST, CONF_PORT, CONF_AREA_ID, CONF_LANGUAGE)
"""What this flow asks for; a room's data may hold more."""


class _GoesOn(SubentryFlowResult):
    """The end of a flow that goes on in another one, in the same dialog."""

    next_flow: tuple[FlowType, str]


class RoomFlow(EndpointFlow):
    """The flow of a room."""

    _satellite = True

    _room: dict[str, Any]

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for a new room."""
        suggested: dict[str, Any] = {}
        if user_input is None:
            await self._async_look_around()
            if self._offers:
                key, endpoint = next(iter(self._offers.items()))
                suggested = {CONF_FOUND: key}
                if len(self._offers) == 1:
                    suggested[CONF_NAME] = endpoint.name
            else:
                suggested = {CONF_PORT: _SATELLITE_PORT}
        return await self._async_room("user", user_input, suggested)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask what to change about a room."""
        return self.async_show_menu(
            step_id="reconfigure",
            menu_options=["details", "mute"],
            description_placeholders={
                CONF_NAME: self._get_reconfigure_subentry().title
            },
        )

    async def async_step_details(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change what a room was added with."""
        subentry = self._get_reconfigure_subentry()
        current = {CONF_NAME: subentry.title, **subentry.data}
        return await self._async_room("details", user_input, current)

    async def async_step_mute(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Go on in the flow about the hardware, which can show a live preview."""
        flow = await self.hass.config_entries.flow.async_init(
            DOMAIN,
            context=ConfigFlowContext(
                source=SOURCE_RECONFIGURE, entry_id=self._entry_id
            ),
            data={CONF_ROOM: self._reconfigure_subentry_id},
        )
        ended = self.async_abort(reason="continued")
        return _GoesOn(**ended, next_flow=(FlowType.CONFIG_FLOW, flow["flow_id"]))

    async def _async_room(
        self,
        step_id: str,
        user_input: dict[str, Any] | None,
        current: dict[str, Any],
    ) -> SubentryFlowResult:
        """Take a room whose satellite is there."""
        errors: dict[str, str] = {}
        if user_input is not None:
            if not self._speaks(user_input.get(CONF_LANGUAGE)):
                errors[CONF_LANGUAGE] = "language_not_offered"
            elif self._stays(user_input):
                return self._change(user_input)
            elif (error := await self._async_check(user_input)) is not None:
                errors["base"] = error
            else:
                self._room = user_input
                return await self.async_step_take_over()
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(
                    {
                        vol.Required(CONF_NAME): TextSelector(),
                        vol.Optional(CONF_AREA_ID): AreaSelector(),
                        **self._address_fields(),
                        vol.Optional(CONF_LANGUAGE): self._language_field(
                            (user_input or current).get(CONF_LANGUAGE)
                        ),
                    }
                ),
                user_input or current,
            ),
            errors=errors,
        )

    # Language

    def _languages(self) -> list[str]:
        """Return the languages that the hub's services transcribe, if any answers."""
        hub = getattr(self._get_entry(), "runtime_data", None)
        services = hub.services_of(ServiceKind.STT) if hub is not None else []
        languages = {
            language
            for service in services
            for language in service.languages(ServiceKind.STT)
        }
        return sorted(languages)

    def _speaks(self, language: str | None) -> bool:
        """Return whether a language can be spoken in a room, as far as is known."""
        languages = self._languages()
        if not language or not languages:
            return True
        return bool(language_util.matches(language, languages))

    def _language_field(self, current: str | None) -> LanguageSelector:
        """Return the choice of languages, with the one that is set now."""
        if not (languages := self._languages()):
            return LanguageSelector()
        if current and current not in languages:
            languages.append(current)
        return LanguageSelector(LanguageSelectorConfig(languages=languages))

    # Satellite

    def _stays(self, user_input: dict[str, Any]) -> bool:
        """Return whether a room keeps its satellite, which may be switched off now."""
        if not self._reconfigures:
            return False
        data = self._get_reconfigure_subentry().data
        return self._address_of(user_input) == (data[CONF_HOST], data[CONF_PORT])

    async def async_step_take_over(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Confirm that core's integration lets go of the satellite."""
        if user_input is None:
            core = await async_core_entry(self.hass, self._endpoint)
            if core is not None:
                return self.async_show_form(
                    step_id="take_over",
                    description_placeholders={CONF_NAME: core.title},
                )
        await async_take_over(self.hass, self._endpoint)
        return self._finish()

    def _finish(self) -> SubentryFlowResult:
        """Create or change the room of the accepted satellite."""
        room = self._room | {
            CONF_NAME: self._room[CONF_NAME].strip() or self._endpoint.name,
            CONF_HOST: self._endpoint.host,
            CONF_PORT: self._endpoint.port,
        }
        unique_id = self._unique_id()
        if self._reconfigures:
            return self._change(room, unique_id=unique_id)
        return self.async_create_entry(
            title=room[CONF_NAME], data=_data(room), unique_id=unique_id
        )

    def _change(self, room: dict[str, Any], **changes: Any) -> SubentryFlowResult:
        """Change a room, and keep what is not asked here."""
        subentry = self._get_reconfigure_subentry()
        kept = {k: v for k, v in subentry.data.items() if k not in _KEYS}
        return self.async_update_and_abort(
            self._get_entry(),
            subentry,
            title=room[CONF_NAME].strip() or subentry.title,
            data=kept | _data(room | {CONF_HOST: room[CONF_HOST].strip()}),
            **changes,
        )


def _data(room: dict[str, Any]) -> dict[str, Any]:
    """Return what is asked here of the data of a room's subentry."""
    return {key: room[key] for key in _KEYS if room.get(key)}
