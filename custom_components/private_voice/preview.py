"""What a mirror of a hardware switch says, live in the form that links it to a room."""

from dataclasses import dataclass
from typing import Any

from homeassistant.components import websocket_api
from homeassistant.const import ATTR_DEVICE_CLASS, ATTR_FRIENDLY_NAME, ATTR_ICON
from homeassistant.core import (
    Event,
    EventStateChangedData,
    HomeAssistant,
    callback,
    split_entity_id,
)
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.helpers.translation import (
    async_get_translations,
    async_translate_state,
)
from homeassistant.util.hass_dict import HassKey
import voluptuous as vol

from .const import CONF_MUTED_STATES, DOMAIN
from .hardware import link_of
from .voice.microphone import Link

PREVIEWS: HassKey[dict[str, LinkPreview]] = HassKey(f"{DOMAIN}_previews")
"""By flow, what its open form shows a preview of."""


@dataclass(frozen=True, kw_only=True)
class LinkPreview:
    """What a preview shows besides what was filled in."""

    entity_id: str
    lost_is_muted: bool
    texts: dict[str, str]

    def row(self, hass: HomeAssistant, muted_states: list[str]) -> dict[str, Any]:
        """Return what the frontend draws as the row of an entity."""
        state = hass.states.get(self.entity_id)
        says = link_of(state, muted_states)
        if says is Link.LOST:
            muted, shown = self.lost_is_muted, self.texts["unavailable"]
        else:
            muted = says is Link.MUTED
            shown = state_text(hass, self.entity_id, state.state) if state else ""
        name = state.name if state else self.entity_id
        return {
            "attributes": {
                ATTR_FRIENDLY_NAME: f"{name}: {shown}",
                ATTR_ICON: "mdi:microphone-off" if muted else "mdi:microphone",
            },
            "domain": "sensor",
            "state": self.texts["muted" if muted else "not_muted"],
        }


async def async_preview_texts(hass: HomeAssistant) -> dict[str, str]:
    """Return the words of previews by what they stand for."""
    prefix = f"component.{DOMAIN}.selector.preview.options."
    texts = await async_get_translations(
        hass, hass.config.language, "selector", {DOMAIN}
    )
    return {
        key.removeprefix(prefix): text
        for key, text in texts.items()
        if key.startswith(prefix)
    }


@callback
def state_text(hass: HomeAssistant, entity_id: str, value: str) -> str:
    """Return the words for a state that an entity has or may have."""
    state = hass.states.get(entity_id)
    entry = er.async_get(hass).async_get(entity_id)
    return async_translate_state(
        hass,
        value,
        split_entity_id(entity_id)[0],
        entry.platform if entry else None,
        entry.translation_key if entry else None,
        state.attributes.get(ATTR_DEVICE_CLASS) if state else None,
    )


@websocket_api.websocket_command(
    {
        vol.Required("type"): f"{DOMAIN}/start_preview",
        vol.Required("flow_id"): str,
        vol.Required("flow_type"): "config_flow",
        vol.Required("user_input"): dict,
    }
)
@websocket_api.require_admin
@callback
def ws_start_preview(
    hass: HomeAssistant,
    connection: websocket_api.ActiveConnection,
    msg: dict[str, Any],
) -> None:
    """Push a row now and whenever the entity changes."""
    preview = hass.data.get(PREVIEWS, {}).get(msg["flow_id"])
    if preview is None:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="form_closed"
        )
    muted_states = msg["user_input"].get(CONF_MUTED_STATES, [])

    @callback
    def push(_: Event[EventStateChangedData] | None = None) -> None:
        """Send the row as it is now."""
        connection.send_event(msg["id"], preview.row(hass, muted_states))

    connection.send_result(msg["id"])
    connection.subscriptions[msg["id"]] = async_track_state_change_event(
        hass, preview.entity_id, push
    )
    push()
