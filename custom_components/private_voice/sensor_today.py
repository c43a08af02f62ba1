"""How long today a room's microphone was open, and how long it was muted."""

from abc import abstractmethod
from datetime import datetime, timedelta
import time
from typing import TYPE_CHECKING, Final, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorStateClass,
)
from homeassistant.const import EntityCategory, UnitOfTime
from homeassistant.core import callback
from homeassistant.helpers.event import (
    async_track_time_change,
    async_track_time_interval,
)
from homeassistant.helpers.restore_state import RestoredExtraData, RestoreEntity
from homeassistant.util import dt as dt_util

from .entity import RoomEntity

if TYPE_CHECKING:
    from .room import Room

_SHOWN_EVERY: Final = timedelta(minutes=1)


class TodaySensor(RoomEntity, RestoreEntity, SensorEntity):
    """Seconds since midnight, kept over a restart on the same day."""

    _attr_device_class = SensorDeviceClass.DURATION
    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_native_unit_of_measurement = UnitOfTime.SECONDS
    _attr_state_class = SensorStateClass.TOTAL_INCREASING
    _attr_suggested_display_precision = 1
    _attr_suggested_unit_of_measurement = UnitOfTime.MINUTES

    def __init__(self, room: Room, key: str) -> None:
        """Start the day with nothing."""
        super().__init__(room, key)
        self._day = dt_util.now().date()
        self._seconds = 0.0

    @override
    async def async_added_to_hass(self) -> None:
        """Go on where today was left, and show it now and then."""
        await super().async_added_to_hass()
        if (last := await self.async_get_last_extra_data()) is not None:
            self._restore(last.as_dict())
        self.async_on_remove(
            async_track_time_interval(self.hass, self._on_time, _SHOWN_EVERY)
        )
        self.async_on_remove(
            async_track_time_change(
                self.hass, self._on_time, hour=0, minute=0, second=0
            )
        )

    def _restore(self, stored: dict[str, object]) -> None:
        """Take what was counted before the restart, if that was today."""
        seconds = stored.get("seconds")
        if stored.get("day") == self._day.isoformat() and isinstance(
            seconds, int | float
        ):
            self._seconds += seconds

    @override
    @callback
    def async_room_changed(self) -> None:
        """Count, and show it later: this is not worth a row for each change."""
        self._count()

    @callback
    def _on_time(self, now: datetime) -> None:
        """Show what was counted."""
        self.async_write_ha_state()

    def _count(self) -> None:
        """Add what came since the last time, and start anew at midnight."""
        now = dt_util.now()
        seconds = self.take()
        if now.date() == self._day:
            self._seconds += seconds
            return
        self._day = now.date()
        since_midnight = (now - dt_util.start_of_local_day(now)).total_seconds()
        self._seconds = min(seconds, since_midnight)

    @abstractmethod
    def take(self) -> float:
        """Return the seconds since this was last asked."""

    @property
    @override
    def native_value(self) -> int:
        """Return the seconds of today."""
        self._count()
        return round(self._seconds)

    @property
    @override
    def extra_restore_state_data(self) -> RestoredExtraData:
        """Return what is kept over a restart."""
        self._count()
        return RestoredExtraData(
            {"day": self._day.isoformat(), "seconds": self._seconds}
        )


class OpenToday(TodaySensor):
    """How much audio passed the gate today, to whoever listened."""

    _attr_translation_key = "microphone_open_today"

    def __init__(self, room: Room) -> None:
        """Prepare the sensor of a room."""
        super().__init__(room, "microphone_open_today")
        self._passed = 0.0

    @override
    def take(self) -> float:
        """Return how much passed."""
        before, self._passed = self._passed, self.room.microphone.open_seconds
        return self._passed - before


class MutedToday(TodaySensor):
    """How long nothing could pass today."""

    _attr_translation_key = "muted_today"

    def __init__(self, room: Room) -> None:
        """Prepare the sensor of a room."""
        super().__init__(room, "muted_today")
        self._at = time.monotonic()
        self._muted = not room.microphone.open

    @override
    def take(self) -> float:
        """Return how long it was muted, as it was until now."""
        before, self._at = self._at, time.monotonic()
        muted, self._muted = self._muted, not self.room.microphone.open
        return self._at - before if muted else 0.0
