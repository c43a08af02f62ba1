"""Tells that something came from a muted room: when and how much, never what."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from homeassistant.core import callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from .const import DOMAIN, EVENT_MUTE_VIOLATED
from .voice.microphone import Violation

if TYPE_CHECKING:
    from .room import Room


def _issue_id(room: Room) -> str:
    """Return the id of the repair about a room."""
    return f"mute_violated_{room.room_id}"


@callback
def async_raise_issue(room: Room, violation: Violation, switches: list[str]) -> None:
    """Ask a person, by a repair, to look at a room whose hardware has these switches."""
    kind = "hardware" if violation.hardware else violation.sign.value
    placeholders = {
        "room": room.name,
        "time": f"{dt_util.as_local(violation.at):%Y-%m-%d %H:%M:%S}",
        "seconds": f"{violation.seconds:.2f}",
        "switch": ", ".join(switches),
    }
    ir.async_create_issue(
        room.hass,
        DOMAIN,
        _issue_id(room),
        is_fixable=True,
        severity=ir.IssueSeverity.ERROR,
        translation_key=f"mute_violated_{kind}",
        translation_placeholders=placeholders,
        data={"subentry_id": room.room_id, **placeholders},
    )


@callback
def async_delete_issue(room: Room) -> None:
    """Take back the repair."""
    ir.async_delete_issue(room.hass, DOMAIN, _issue_id(room))


@callback
def async_fire_event(room: Room, violation: Violation) -> None:
    """Let automations know."""
    what = asdict(violation) | {"at": violation.at.isoformat()}
    room.hass.bus.async_fire(
        EVENT_MUTE_VIOLATED, {"room": room.name, "room_id": room.room_id, **what}
    )
