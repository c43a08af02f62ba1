"""Adding and changing a speech service: where it is, and what it uses by default."""

from typing import Any

from homeassistant.config_entries import SubentryFlowResult
from homeassistant.const import CONF_HOST, CONF_NAME, CONF_PORT
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import voluptuous as vol

from .const import CONF_KINDS, CONF_MODEL, CONF_VOICE
from .discovery import Endpoint
from .flow_endpoint import CONF_FOUND, EndpointFlow


def service_data(endpoint: Endpoint) -> dict[str, Any]:
    """Return the data of a speech service's subentry."""
    return {
        CONF_HOST: endpoint.host,
        CONF_PORT: endpoint.port,
        CONF_KINDS: sorted(kind.value for kind in endpoint.kinds),
    }


class SpeechServiceFlow(EndpointFlow):
    """The flow of a speech service."""

    _satellite = False

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for the address of a new service."""
        suggested: dict[str, Any] = {}
        if user_input is None:
            await self._async_look_around()
            suggested = {CONF_FOUND: next(iter(self._offers), None)}
        return await self._async_address("user", user_input, suggested)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for the address of a known service."""
        current = dict(self._get_reconfigure_subentry().data)
        return await self._async_address("reconfigure", user_input, current)

    async def _async_address(
        self,
        step_id: str,
        user_input: dict[str, Any] | None,
        suggested: dict[str, Any],
    ) -> SubentryFlowResult:
        """Take an address that leads to a service."""
        errors: dict[str, str] = {}
        if user_input is not None:
            if (error := await self._async_check(user_input)) is None:
                return await self.async_step_defaults()
            errors["base"] = error
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(self._address_fields()), user_input or suggested
            ),
            errors=errors,
        )

    async def async_step_defaults(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask which voice and model to use, where there is more than one."""
        choices = {
            key: names
            for key, names in (
                (CONF_VOICE, self._endpoint.voices),
                (CONF_MODEL, self._endpoint.models),
            )
            if len(names) > 1
        }
        if user_input is not None or not choices:
            return self._finish(user_input or {})
        current = self._get_reconfigure_subentry().data if self._reconfigures else {}
        return self.async_show_form(
            step_id="defaults",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema({vol.Optional(k): _choice(v) for k, v in choices.items()}),
                {k: current.get(k) for k, v in choices.items() if current.get(k) in v},
            ),
            description_placeholders={CONF_NAME: self._endpoint.name},
        )

    def _finish(self, defaults: dict[str, Any]) -> SubentryFlowResult:
        """Create or change the service."""
        data = service_data(self._endpoint) | defaults
        unique_id = self._unique_id()
        if self._reconfigures:
            return self.async_update_and_abort(
                self._get_entry(),
                self._get_reconfigure_subentry(),
                unique_id=unique_id,
                data=data,
            )
        return self.async_create_entry(
            title=self._endpoint.name, data=data, unique_id=unique_id
        )


def _choice(names: dict[str, str]) -> SelectSelector:
    """Return a choice of voices or models."""
    options = [SelectOptionDict(value=k, label=v) for k, v in names.items()]
    return SelectSelector(
        SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN)
    )
