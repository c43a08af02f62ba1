"""Linking a room to its hardware mute and to the power of its microphone.

Home Assistant shows live previews in config flows but not in those of subentries. That
is why a room's own dialog goes on here, in a flow that reconfigures the hub.
"""

from typing import Any, override

from homeassistant.components import websocket_api
from homeassistant.config_entries import ConfigFlow, ConfigFlowResult, ConfigSubentry
from homeassistant.const import ATTR_ENTITY_ID, CONF_NAME, STATE_OFF, STATE_ON
from homeassistant.core import HomeAssistant, State, callback, split_entity_id
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import (
    EntitySelector,
    EntitySelectorConfig,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import voluptuous as vol

from .const import (
    CONF_LINK_LOST,
    CONF_MICROPHONE_POWER,
    CONF_MUTE_LINKS,
    CONF_MUTED_STATES,
    DOMAIN,
    LINK_LOST_IGNORED,
    LINK_LOST_MUTED,
    SUBENTRY_ROOM,
)
from .hardware import link_of
from .preview import (
    PREVIEWS,
    LinkPreview,
    async_preview_texts,
    state_text,
    ws_start_preview,
)
from .voice.microphone import Link

CONF_ROOM = "room"

_KEYS = (CONF_MUTE_LINKS, CONF_LINK_LOST, CONF_MICROPHONE_POWER)
"""What a room's data holds of its hardware."""

_ON_OFF = ("binary_sensor", "input_boolean", "switch")
_MIRRORS = [*_ON_OFF, "select", "sensor"]


class MuteFlow(ConfigFlow):
    """The part of the hub's flow that links a room to its hardware."""

    _room: ConfigSubentry
    _chosen: dict[str, Any]
    """What was filled in about all of the room's hardware."""

    _links: list[str]
    _muted: dict[str, list[str]]
    """By link, the states that mean muted, as far as they were asked."""

    @staticmethod
    @override
    async def async_setup_preview(hass: HomeAssistant) -> None:
        """Let the form ask for its preview."""
        websocket_api.async_register_command(hass, ws_start_preview)

    @callback
    @override
    def async_remove(self) -> None:
        """End the preview with the flow."""
        self.hass.data.get(PREVIEWS, {}).pop(self.flow_id, None)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask which room is meant, unless its own dialog has told."""
        subentries = self._get_reconfigure_entry().subentries
        rooms = [
            SelectOptionDict(value=room_id, label=room.title)
            for room_id, room in subentries.items()
            if room.subentry_type == SUBENTRY_ROOM
        ]
        if not rooms:
            return self.async_abort(reason="no_room")
        if user_input is not None:
            if (room := subentries.get(user_input[CONF_ROOM])) is None:
                return self.async_abort(reason="room_gone")
            self._room = room
            return await self.async_step_mute()
        return self.async_show_form(
            step_id="reconfigure",
            data_schema=vol.Schema(
                {
                    vol.Required(CONF_ROOM, default=rooms[0]["value"]): SelectSelector(
                        SelectSelectorConfig(
                            options=rooms, mode=SelectSelectorMode.DROPDOWN
                        )
                    )
                }
            ),
        )

    # Links and power

    async def async_step_mute(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask what mirrors the hardware switch, and what powers the microphone."""
        data, errors = self._room.data, {}
        current = {
            CONF_MUTE_LINKS: [link[ATTR_ENTITY_ID] for link in _links_of(data)],
            CONF_LINK_LOST: data.get(CONF_LINK_LOST, LINK_LOST_MUTED),
            CONF_MICROPHONE_POWER: data.get(CONF_MICROPHONE_POWER),
        }
        if user_input is not None and not (errors := self._refused(user_input)):
            self._chosen, self._muted = user_input, {}
            self._links = list(dict.fromkeys(user_input.get(CONF_MUTE_LINKS, [])))
            return await self._async_next()
        return self.async_show_form(
            step_id="mute",
            data_schema=self.add_suggested_values_to_schema(
                self._mute_schema(), user_input or current
            ),
            errors=errors,
            description_placeholders={CONF_NAME: self._room.title},
        )

    def _mute_schema(self) -> vol.Schema:
        """Return the fields for links and power, which offer nothing of our own."""
        own = sorted(self._own_entities())
        mirrors = EntitySelectorConfig(
            domain=_MIRRORS, exclude_entities=own, multiple=True
        )
        power = EntitySelectorConfig(domain="switch", exclude_entities=own)
        lost = SelectSelectorConfig(
            options=[LINK_LOST_MUTED, LINK_LOST_IGNORED],
            translation_key=CONF_LINK_LOST,
            mode=SelectSelectorMode.LIST,
        )
        return vol.Schema(
            {
                vol.Optional(CONF_MUTE_LINKS): EntitySelector(mirrors),
                vol.Required(CONF_LINK_LOST): SelectSelector(lost),
                vol.Optional(CONF_MICROPHONE_POWER): EntitySelector(power),
            }
        )

    def _own_entities(self) -> set[str]:
        """Return all entities of Private Voice: what they say is no hardware's word."""
        entities = er.async_get(self.hass).entities.values()
        return {entry.entity_id for entry in entities if entry.platform == DOMAIN}

    def _refused(self, user_input: dict[str, Any]) -> dict[str, str]:
        """Return what is wrong with chosen links and power; groups are looked into."""
        own, errors = self._own_entities(), {}
        links = self._behind(user_input.get(CONF_MUTE_LINKS, []))
        if own & links:
            errors[CONF_MUTE_LINKS] = "loop"
        if not (chosen := user_input.get(CONF_MICROPHONE_POWER)):
            return errors
        power = self._behind([chosen])
        if own & power:
            errors[CONF_MICROPHONE_POWER] = "loop"
        elif links & power:
            errors[CONF_MICROPHONE_POWER] = "power_is_link"
        elif power & self._behind(self._power_of_others()):
            errors[CONF_MICROPHONE_POWER] = "power_of_other_room"
        return errors

    def _behind(self, entity_ids: list[str]) -> set[str]:
        """Return entities with the members of those that are groups, at any depth."""
        found: set[str] = set()
        waiting = list(entity_ids)
        while waiting:
            if (entity_id := waiting.pop()) not in found:
                found.add(entity_id)
                state = self.hass.states.get(entity_id)
                members = state.attributes.get(ATTR_ENTITY_ID) if state else None
                waiting += members if isinstance(members, list | tuple) else ()
        return found

    def _power_of_others(self) -> list[str]:
        """Return what powers the microphones of other rooms."""
        return [
            room.data[CONF_MICROPHONE_POWER]
            for room_id, room in self._get_reconfigure_entry().subentries.items()
            if CONF_MICROPHONE_POWER in room.data and room_id != self._room.subentry_id
        ]

    # States

    async def _async_next(self) -> ConfigFlowResult:
        """Ask about the next link, or keep all that was filled in."""
        if len(self._muted) < len(self._links):
            return await self.async_step_muted_states()
        return self._keep()

    async def async_step_muted_states(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask which states of a link mean muted, with a live preview."""
        entity_id = self._links[len(self._muted)]
        state = self.hass.states.get(entity_id)
        possible = _possible_states(entity_id, state)
        errors: dict[str, str] = {}
        if user_input is not None:
            muted = user_input[CONF_MUTED_STATES]
            if not muted:
                errors[CONF_MUTED_STATES] = "no_state"
            elif possible and set(possible) <= set(muted):
                errors[CONF_MUTED_STATES] = "always_muted"
            else:
                self._muted[entity_id] = muted
                return await self._async_next()
        self.hass.data.setdefault(PREVIEWS, {})[self.flow_id] = LinkPreview(
            entity_id=entity_id,
            lost_is_muted=self._chosen[CONF_LINK_LOST] == LINK_LOST_MUTED,
            texts=await async_preview_texts(self.hass),
        )
        return self.async_show_form(
            step_id="muted_states",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(
                    {
                        vol.Required(CONF_MUTED_STATES): self._states_field(
                            entity_id, possible, state
                        )
                    }
                ),
                user_input or {CONF_MUTED_STATES: self._current(entity_id, possible)},
            ),
            errors=errors,
            description_placeholders={
                "link": state.name if state else entity_id,
                CONF_NAME: self._room.title,
            },
            last_step=len(self._muted) + 1 == len(self._links),
            preview=DOMAIN,
        )

    def _states_field(
        self, entity_id: str, possible: list[str] | None, state: State | None
    ) -> SelectSelector:
        """Return the choice of states; others can be typed if not all are known."""
        lost = link_of(state, []) is Link.LOST
        offered = possible or ([state.state] if state and not lost else [])
        return SelectSelector(
            SelectSelectorConfig(
                options=[
                    SelectOptionDict(
                        value=value, label=state_text(self.hass, entity_id, value)
                    )
                    for value in offered
                ],
                multiple=True,
                custom_value=possible is None,
                mode=SelectSelectorMode.LIST
                if possible
                else SelectSelectorMode.DROPDOWN,
            )
        )

    def _current(self, entity_id: str, possible: list[str] | None) -> list[str]:
        """Return the states that mean muted up to now, or most likely do."""
        for link in _links_of(self._room.data):
            if link[ATTR_ENTITY_ID] == entity_id:
                kept: list[str] = link[CONF_MUTED_STATES]
                return [s for s in kept if possible is None or s in possible]
        return [STATE_ON] if split_entity_id(entity_id)[0] in _ON_OFF else []

    # Keeping

    def _keep(self) -> ConfigFlowResult:
        """Change the room, unless it was removed meanwhile."""
        hub = self._get_reconfigure_entry()
        if (room := hub.subentries.get(self._room.subentry_id)) is None:
            return self.async_abort(reason="room_gone")
        data = {key: value for key, value in room.data.items() if key not in _KEYS}
        if self._muted:
            data[CONF_MUTE_LINKS] = [
                {ATTR_ENTITY_ID: entity_id, CONF_MUTED_STATES: muted}
                for entity_id, muted in self._muted.items()
            ]
            if self._chosen[CONF_LINK_LOST] != LINK_LOST_MUTED:
                data[CONF_LINK_LOST] = self._chosen[CONF_LINK_LOST]
        if power := self._chosen.get(CONF_MICROPHONE_POWER):
            data[CONF_MICROPHONE_POWER] = power
        self.hass.config_entries.async_update_subentry(hub, room, data=data)
        return self.async_update_and_abort(hub)


def _links_of(data: Any) -> list[dict[str, Any]]:
    """Return the links in a room's data."""
    links: list[dict[str, Any]] = data.get(CONF_MUTE_LINKS, [])
    return links


def _possible_states(entity_id: str, state: State | None) -> list[str] | None:
    """Return all states that an entity may have, if that is known."""
    if split_entity_id(entity_id)[0] in _ON_OFF:
        return [STATE_ON, STATE_OFF]
    options = state.attributes.get("options") if state else None
    return list(options) if options else None
