"""Timers of a room: told to its satellite, and said aloud when they are over."""

import contextlib
from typing import TYPE_CHECKING

from homeassistant.components.intent import (
    TimerEventType,
    TimerInfo,
    async_register_timer_handler,
)
from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.exceptions import HomeAssistantError
from wyoming.event import Event
from wyoming.timer import TimerCancelled, TimerFinished, TimerStarted, TimerUpdated

from .spoken import async_spoken
from .wire.errors import WireError

if TYPE_CHECKING:
    from .assist_satellite import RoomSatellite


@callback
def async_follow_timers(satellite: RoomSatellite, device_id: str) -> CALLBACK_TYPE:
    """Follow the timers that are set on a room's device; return what ends it."""
    room = satellite.room

    @callback
    def on_timer(event_type: TimerEventType, timer: TimerInfo) -> None:
        room.hub.entry.async_create_background_task(
            satellite.hass,
            _async_tell(satellite, event_type, timer),
            f"{satellite.entity_id}_timer",
        )

    return async_register_timer_handler(satellite.hass, device_id, on_timer)


def _wire_event(event_type: TimerEventType, timer: TimerInfo) -> Event:
    """Return what the satellite is told."""
    match event_type:
        case TimerEventType.STARTED:
            return TimerStarted(
                id=timer.id,
                total_seconds=timer.seconds,
                name=timer.name,
                start_hours=timer.start_hours,
                start_minutes=timer.start_minutes,
                start_seconds=timer.start_seconds,
            ).event()
        case TimerEventType.UPDATED:
            return TimerUpdated(
                id=timer.id, is_active=timer.is_active, total_seconds=timer.seconds
            ).event()
        case TimerEventType.CANCELLED:
            return TimerCancelled(id=timer.id).event()
    return TimerFinished(id=timer.id).event()


async def _async_tell(
    satellite: RoomSatellite, event_type: TimerEventType, timer: TimerInfo
) -> None:
    """Tell the satellite; say it aloud when the timer is over."""
    room = satellite.room
    with contextlib.suppress(WireError):
        await room.session.send(_wire_event(event_type, timer))
    pipeline = room.hub.pipeline_of(room)
    if event_type is not TimerEventType.FINISHED or pipeline is None:
        return
    key = "timer_finished_named" if timer.name else "timer_finished"
    text = await async_spoken(
        satellite.hass, key, pipeline.language, {"name": timer.name or ""}
    )
    with contextlib.suppress(HomeAssistantError):
        await satellite.async_internal_announce(text)
