"""Repairs that a person can act on."""

from typing import TYPE_CHECKING, override

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.core import HomeAssistant

from .const import DOMAIN
from .voice.microphone import Cause

if TYPE_CHECKING:
    from .room import Room


async def async_create_fix_flow(
    hass: HomeAssistant,
    issue_id: str,
    data: dict[str, str | int | float | None] | None,
) -> RepairsFlow:
    """Return the flow that mends an issue."""
    found = {k: str(v) for k, v in (data or {}).items()}
    if issue_id.startswith("mute_violated_"):
        return MuteViolatedFlow(found)
    return PipelineMissingFlow(found)


class RoomFlow(RepairsFlow):
    """Asks for consent, then mends something in a room."""

    def __init__(self, found: dict[str, str]) -> None:
        """Keep what was found."""
        self._found = found

    async def async_step_init(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Start with the question."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Ask, then mend."""
        if user_input is None:
            named = {k: v for k, v in self._found.items() if k != "subentry_id"}
            return self.async_show_form(
                step_id="confirm", description_placeholders=named
            )
        hubs = self.hass.config_entries.async_loaded_entries(DOMAIN)
        if not hubs:
            return self.async_abort(reason="not_loaded")
        for entry in hubs:
            room = entry.runtime_data.rooms.get(self._found.get("subentry_id"))
            if room is not None:
                await self.async_mend(room)
        return self.async_create_entry(data={})

    async def async_mend(self, room: Room) -> None:
        """Mend it."""
        raise NotImplementedError


class PipelineMissingFlow(RoomFlow):
    """Gives a room whose assistant is gone the one of Private Voice."""

    @override
    async def async_mend(self, room: Room) -> None:
        """Choose the default."""
        await room.async_choose_pipeline(None)


class MuteViolatedFlow(RoomFlow):
    """Connects a room again that was cut off because it sent although muted."""

    @override
    async def async_mend(self, room: Room) -> None:
        """Take it that a person has looked."""
        await room.mute.async_clear_violation(Cause.USER)
