"""Repairs that a person can act on."""

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.core import HomeAssistant

from .const import DOMAIN


async def async_create_fix_flow(
    hass: HomeAssistant,
    issue_id: str,
    data: dict[str, str | int | float | None] | None,
) -> RepairsFlow:
    """Return the flow that mends an issue."""
    return PipelineMissingFlow({k: str(v) for k, v in (data or {}).items()})


class PipelineMissingFlow(RepairsFlow):
    """Gives a room whose assistant is gone the one of Private Voice."""

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
            return self.async_show_form(
                step_id="confirm",
                description_placeholders={
                    key: self._found.get(key, "") for key in ("room", "pipeline")
                },
            )
        hubs = self.hass.config_entries.async_loaded_entries(DOMAIN)
        if not hubs:
            return self.async_abort(reason="not_loaded")
        for entry in hubs:
            room = entry.runtime_data.rooms.get(self._found.get("subentry_id"))
            if room is not None:
                await room.async_choose_pipeline(None)
        return self.async_create_entry(data={})
