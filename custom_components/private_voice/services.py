"""Actions: mute for a time, unmute, and test the mute."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from homeassistant.components.switch import DOMAIN as SWITCH_DOMAIN
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_register_platform_entity_service
import voluptuous as vol

from .const import DOMAIN
from .intents import LONGEST_MUTE

if TYPE_CHECKING:
    from .switch import AllMicrophonesMute, MicrophoneMute

ATTR_DURATION: Final = "duration"

SERVICE_MUTE: Final = "mute"
SERVICE_TEST_MUTE: Final = "test_mute"
SERVICE_UNMUTE: Final = "unmute"


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions on the mutes: a room's, or that of all rooms."""
    async_register_platform_entity_service(
        hass,
        DOMAIN,
        SERVICE_MUTE,
        entity_domain=SWITCH_DOMAIN,
        schema={vol.Optional(ATTR_DURATION): cv.time_period},
        func=_async_mute,
    )
    async_register_platform_entity_service(
        hass,
        DOMAIN,
        SERVICE_UNMUTE,
        entity_domain=SWITCH_DOMAIN,
        schema=None,
        func="async_turn_off",
    )
    async_register_platform_entity_service(
        hass,
        DOMAIN,
        SERVICE_TEST_MUTE,
        entity_domain=SWITCH_DOMAIN,
        schema=None,
        func=_async_test_mute,
        supports_response=SupportsResponse.OPTIONAL,
    )


async def _async_mute(
    entity: MicrophoneMute | AllMicrophonesMute, call: ServiceCall
) -> None:
    """Mute, for a time if one is given."""
    duration: timedelta | None = call.data.get(ATTR_DURATION)
    # Not in the schema: what that says is not translated.
    if duration is not None and not timedelta(0) < duration <= LONGEST_MUTE:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="mute_duration",
            translation_placeholders={"hours": str(LONGEST_MUTE // timedelta(hours=1))},
        )
    await entity.async_mute(duration)


async def _async_test_mute(
    entity: MicrophoneMute | AllMicrophonesMute, call: ServiceCall
) -> ServiceResponse:
    """Test the mute and return what was seen, by room."""
    return await entity.async_check_mute()
