"""What cuts a room's microphone in hardware: mirrors of a switch, and its power."""

import asyncio
from collections.abc import Callable
import logging
from typing import TYPE_CHECKING

from homeassistant.const import (
    ATTR_ENTITY_ID,
    SERVICE_TURN_OFF,
    SERVICE_TURN_ON,
    STATE_OFF,
    STATE_ON,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import (
    CALLBACK_TYPE,
    DOMAIN as HOMEASSISTANT_DOMAIN,
    Context,
    Event,
    EventStateChangedData,
    State,
    callback,
)
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_track_state_change_event

from .const import (
    CONF_LINK_LOST,
    CONF_MICROPHONE_POWER,
    CONF_MUTE_LINKS,
    CONF_MUTED_STATES,
    DOMAIN,
    LINK_LOST_IGNORED,
)
from .voice.microphone import Cause, Link, Microphone

if TYPE_CHECKING:
    from .room import Room

_LOGGER = logging.getLogger(__name__)

_SWITCHES_WITHIN = 5.0

_POWER_STATES = [STATE_OFF]


def link_of(state: State | None, muted_states: list[str]) -> Link:
    """Return what a mirror says with a state."""
    if state is None or state.state in (STATE_UNAVAILABLE, STATE_UNKNOWN):
        return Link.LOST
    return Link.MUTED if state.state in muted_states else Link.OPEN


class Hardware:
    """Reads the mirrors and the power switch of a room, and drives the latter."""

    def __init__(
        self,
        room: Room,
        microphone: Microphone,
        changed: Callable[[Cause, Context | None], None],
    ) -> None:
        """Read what a room was set up with; nothing is known before it starts."""
        data = room.subentry.data
        self._room = room
        self._microphone = microphone
        self._changed = changed
        self.links: dict[str, list[str]] = {
            link[ATTR_ENTITY_ID]: list(link[CONF_MUTED_STATES])
            for link in data.get(CONF_MUTE_LINKS, ())
        }
        self.power: str | None = data.get(CONF_MICROPHONE_POWER)
        self._ignores_lost = data.get(CONF_LINK_LOST) == LINK_LOST_IGNORED
        self._wanted: bool | None = None
        self._switching: asyncio.Task[None] | None = None
        self._power_seen = asyncio.Event()
        self._unsubscribe: list[CALLBACK_TYPE] = []
        for entity_id in self.links:
            microphone.set_link(entity_id, Link.LOST)
        if self.power is not None:
            microphone.set_power(Link.LOST)

    # Reading

    @callback
    def async_start(self) -> None:
        """Read all, and follow what changes."""
        hass = self._room.hass
        watched = [*self.links, *([self.power] if self.power else [])]
        for entity_id in watched:
            self._read(entity_id, hass.states.get(entity_id))
        if watched:
            self._unsubscribe.append(
                async_track_state_change_event(hass, watched, self._on_state)
            )

    @callback
    def async_trust_lost(self) -> None:
        """Let a lost mirror count as the user chose: by now it should be there."""
        self._microphone.count_lost(as_muted=not self._ignores_lost)

    async def async_stop(self) -> None:
        """Stop following, and leave the power as it is."""
        while self._unsubscribe:
            self._unsubscribe.pop()()
        if self._switching is not None:
            self._switching.cancel()
            await asyncio.gather(self._switching, return_exceptions=True)

    def _read(self, entity_id: str, state: State | None) -> Link:
        """Take what an entity says."""
        if entity_id == self.power:
            says = link_of(state, _POWER_STATES)
            self._microphone.set_power(says)
            self._power_seen.set()
        else:
            says = link_of(state, self.links[entity_id])
            self._microphone.set_link(entity_id, says)
        return says

    @callback
    def _on_state(self, event: Event[EventStateChangedData]) -> None:
        """Take a changed state of a mirror or of the power switch."""
        entity_id = event.data["entity_id"]
        says = self._read(entity_id, event.data["new_state"])
        if says is Link.LOST:
            cause = Cause.LINK_LOST
        else:
            cause = Cause.POWER if entity_id == self.power else Cause.HARDWARE
        if entity_id == self.power and self._wanted is (says is Link.OPEN):
            self._report(self.power, self._wanted, switched=True)
        self._changed(cause, event.context)

    def name_of(self, source: str) -> str:
        """Return how a person knows a source that mutes."""
        state = self._room.hass.states.get(source)
        return state.name if state is not None else source

    # Power

    @callback
    def async_power(self, on: bool) -> None:
        """Switch the power of the microphone, and see to it that it was switched."""
        if self.power is None or self._wanted is on:
            return
        self._wanted = on
        if self._switching is None or self._switching.done():
            self._switching = self._room.hub.entry.async_create_background_task(
                self._room.hass,
                self._async_switch(self.power),
                f"private_voice power {self._room.room_id}",
            )
        self._power_seen.set()

    async def _async_switch(self, power: str) -> None:
        """Switch until the power is as it was last wanted."""
        done: bool | None = None
        while done is not self._wanted:
            done = self._wanted
            assert done is not None
            await self._async_call(power, done)
            switched = await self._async_switched(power, done)
            if done is self._wanted:
                self._report(power, done, switched=switched)

    async def _async_call(self, power: str, on: bool) -> None:
        """Ask for the power to be switched."""
        try:
            async with asyncio.timeout(_SWITCHES_WITHIN):
                await self._room.hass.services.async_call(
                    HOMEASSISTANT_DOMAIN,
                    SERVICE_TURN_ON if on else SERVICE_TURN_OFF,
                    {ATTR_ENTITY_ID: power},
                    blocking=True,
                )
        except (HomeAssistantError, TimeoutError) as err:
            _LOGGER.debug("Could not switch %s: %s", power, type(err).__name__)

    async def _async_switched(self, power: str, on: bool) -> bool:
        """Return whether the power shows as it was wanted, in time."""
        wanted = STATE_ON if on else STATE_OFF
        try:
            async with asyncio.timeout(_SWITCHES_WITHIN):
                while True:
                    state = self._room.hass.states.get(power)
                    if state is not None and state.state == wanted:
                        return True
                    if self._wanted is not on:
                        return False
                    self._power_seen.clear()
                    await self._power_seen.wait()
        except TimeoutError:
            return False

    def _report(self, power: str, on: bool, *, switched: bool) -> None:
        """Say it where the power did not follow."""
        issue_id = f"power_stuck_{self._room.room_id}"
        if switched:
            ir.async_delete_issue(self._room.hass, DOMAIN, issue_id)
            return
        key = "power_stuck_off" if on else "power_stuck_on"
        ir.async_create_issue(
            self._room.hass,
            DOMAIN,
            issue_id,
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING if on else ir.IssueSeverity.ERROR,
            translation_key=key,
            translation_placeholders={
                "room": self._room.name,
                "switch": self.name_of(power),
            },
        )
