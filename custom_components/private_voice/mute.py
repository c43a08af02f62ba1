"""The mute of a room: joins what mutes it, acts on it and tells what is true of it."""

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.start import async_at_started
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .hardware import Hardware
from .run import current_run
from .violation import async_delete_issue, async_fire_event, async_raise_issue
from .voice.microphone import Cause, Microphone, MicrophoneState, Proof, Violation

if TYPE_CHECKING:
    from .room import Room


def cause_of(context: Context | None) -> Cause:
    """Return who calls an action: a voice, a person or an automation."""
    if current_run.get() is not None:
        return Cause.VOICE
    is_person = context is not None and context.user_id is not None
    return Cause.USER if is_person else Cause.AUTOMATION


class RoomMute:
    """Everything that mutes a room, and what is seen of its effect."""

    def __init__(self, room: Room) -> None:
        """Start closed: nothing is known yet."""
        self._room = room
        self._settings = room.settings
        # What a satellite was seen to do is not believed of another one.
        if self._settings.satellite != room.satellite_key:
            self._settings.satellite = room.satellite_key
            self._settings.obeys_pause = None
        self.microphone = Microphone(
            obeys_pause=self._settings.obeys_pause,
            violation=self._settings.violation,
        )
        self.hardware = Hardware(room, self.microphone, self._on_hardware)
        self.cause = Cause.RESTART
        self.context: Context | None = None
        """Context of the action that changed the state, if it was one."""

        self.is_soft_muted = self._settings.muted
        """Whether software mutes, as it is kept: what was shown survives a crash."""

        self._muted_for_check = False
        self._was_open = False
        self._wants_power = False
        self._violation_told = self.microphone.violation is not None
        self._shown: tuple[object, ...] = ()
        self._unsubscribe: list[CALLBACK_TYPE] = []
        self._cancel_unmute: CALLBACK_TYPE | None = None
        self._settle: asyncio.TimerHandle | None = None

    @property
    def _hass(self) -> HomeAssistant:
        """Return Home Assistant."""
        return self._room.hass

    @property
    def state(self) -> MicrophoneState:
        """Return what is true of the microphone."""
        return self.microphone.state

    @property
    def proof(self) -> Proof | None:
        """Return how the effect of the mute was seen."""
        return self.microphone.proof

    @property
    def muted_until(self) -> datetime | None:
        """Return when the mute by software ends by itself."""
        return self._settings.muted_until

    @property
    def muted_by(self) -> list[str]:
        """Return what mutes: software, power, and names of hardware switches."""
        return [
            source if source in ("software", "power") else self.hardware.name_of(source)
            for source in self.microphone.muted_by
        ]

    @property
    def _hardware_names(self) -> list[str]:
        """Return the names of the switches that mute."""
        ids = [s for s in self.microphone.muted_by if s != "software"]
        power = self.hardware.power or ""
        return [self.hardware.name_of(power if s == "power" else s) for s in ids]

    # Life

    @callback
    def async_start(self) -> None:
        """Learn what mutes, before the satellite may be told anything."""
        self.hardware.async_start()
        until = self.muted_until
        if until is not None and until <= dt_util.utcnow():
            self._settings.muted, self._settings.muted_until = False, None
        self.is_soft_muted = self._settings.muted
        self.microphone.set_soft_muted(self._settings.muted)
        self._end_in_time()
        self._was_open = self.microphone.open
        self._wants_power = self._may_have_power
        if not self._wants_power:
            self.hardware.async_power(False)
        self._apply(Cause.RESTART)
        if self.microphone.violation is not None:
            async_raise_issue(
                self._room, self.microphone.violation, self._hardware_names
            )
        self._unsubscribe.append(async_at_started(self._hass, self._on_started))

    @callback
    def _on_started(self, hass: HomeAssistant) -> None:
        """From now on a mirror that is not there is lost, not late."""
        self.hardware.async_trust_lost()
        self._apply(Cause.RESTART)

    async def async_stop(self) -> None:
        """Stop following."""
        while self._unsubscribe:
            self._unsubscribe.pop()()
        self._forget_timers()
        await self.hardware.async_stop()

    def _forget_timers(self) -> None:
        """Cancel what time would do."""
        if self._cancel_unmute is not None:
            self._cancel_unmute()
            self._cancel_unmute = None
        if self._settle is not None:
            self._settle.cancel()
            self._settle = None

    # Software

    async def async_mute(
        self,
        cause: Cause,
        *,
        duration: timedelta | None = None,
        context: Context | None = None,
    ) -> None:
        """Mute, for a time or until somebody unmutes; it shows once it is kept."""
        self._muted_for_check = cause is Cause.TEST
        self._settings.muted = True
        self._settings.muted_until = dt_util.utcnow() + duration if duration else None
        if self.microphone.open:
            # What ends with the gate may show the new state before all is written.
            self.cause, self.context = cause, context
        self.microphone.set_soft_muted(True)
        self._follow_gate()
        await self._async_to_the_end(self._async_kept(cause, context))

    async def async_unmute(
        self, cause: Cause, *, context: Context | None = None
    ) -> None:
        """Unmute, as far as software can.

        Raises:
            ServiceValidationError: The hardware says muted, or something came although
                muted and it is not a person who unmutes.
        """
        self._assert_may_unmute(cause)
        self._muted_for_check = False
        self._settings.muted, self._settings.muted_until = False, None
        if self.microphone.violation is not None:
            self._forget_violation()
        await self._async_to_the_end(self._async_kept(cause, context))
        if self._may_have_power:
            self.hardware.async_power(True)

    async def _async_to_the_end(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something even if who asked for it is cancelled meanwhile."""
        await asyncio.shield(self._hass.async_create_task(work))

    async def _async_kept(self, cause: Cause, context: Context | None = None) -> None:
        """Write what was set by software, then let it count and show.

        Whoever mutes while an unmute is being written wins: what is set now counts.
        """
        await self._async_keep()
        self._end_in_time()
        self.microphone.set_soft_muted(self._settings.muted)
        self._apply(cause, context)

    def _assert_may_unmute(self, cause: Cause) -> None:
        """Raise where software can't or must not unmute."""
        key = None
        sources = self.microphone.hardware_sources
        if sources:
            muted = self.microphone.hardware_muted
            key = "muted_by_hardware" if muted else "muted_by_lost_link"
        elif self.microphone.violation is not None and cause is not Cause.USER:
            key = "unmute_needs_person"
        if key is None:
            return
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key=key,
            translation_placeholders={
                "room": self._room.name,
                "switch": ", ".join(self.hardware.name_of(s) for s in sources),
            },
        )

    async def _async_keep(self) -> None:
        """Write what was set."""
        muted = self._settings.muted
        await self._room.hub.settings.async_save()
        self.is_soft_muted = muted

    def _end_in_time(self) -> None:
        """Unmute by itself when the time is up; a clock that is set does not hasten it."""
        if self._cancel_unmute is not None:
            self._cancel_unmute()
            self._cancel_unmute = None
        if (until := self.muted_until) is not None:
            left = max(0.0, (until - dt_util.utcnow()).total_seconds())
            self._cancel_unmute = async_call_later(self._hass, left, self._on_time_up)

    async def _on_time_up(self, now: datetime) -> None:
        """Lift the mute by software; whatever else mutes goes on to."""
        self._cancel_unmute = None
        self._settings.muted, self._settings.muted_until = False, None
        await self._async_to_the_end(self._async_kept(Cause.TIMER))

    # Acting

    @property
    def _may_have_power(self) -> bool:
        """Return whether nothing but the power itself mutes."""
        if self.microphone.violation is not None:
            return False
        return not [s for s in self.microphone.muted_by if s != "power"]

    def _on_hardware(self, cause: Cause, context: Context | None) -> None:
        """Follow a mirror or the power."""
        self._apply(cause, context)

    @callback
    def async_follow(self, cause: Cause | None = None) -> None:
        """Take up what the connection to the satellite showed."""
        violation = self.microphone.violation
        if violation is not None and not self._violation_told:
            self._on_violation(violation)
            cause = Cause.VIOLATION
        self._apply(cause)

    def _follow_gate(self) -> None:
        """Do at the satellite what the gate says."""
        microphone, session = self.microphone, self._room.session
        microphone.answers_pings = session.answers_pings
        is_open, was_open = microphone.open, self._was_open
        self._was_open = is_open
        if was_open and not is_open:
            self._room.async_ear_closed()
        microphone.answer_owed = self._room.answer_owed
        session.set_streaming(is_open)
        microphone.held = microphone.must_hold
        session.hold(microphone.held)
        if self._may_have_power is not self._wants_power:
            self._wants_power = self._may_have_power
            self.hardware.async_power(self._wants_power)
        if is_open and not was_open:
            self._room.async_ear_opened()

    def _apply(self, cause: Cause | None, context: Context | None = None) -> None:
        """Act on what changed, and show it; without a cause the last one stays."""
        self._follow_gate()
        self._settle_later()
        shown = (
            self.state,
            self.muted_by,
            self.proof,
            self.muted_until,
            self.is_soft_muted,
        )
        if shown == self._shown:
            return
        if cause is not None and shown[:2] != self._shown[:2]:
            self.cause, self.context = cause, context
        self._shown = shown
        self._room.async_changed()

    def _settle_later(self) -> None:
        """Look again when time alone may have changed something."""
        if self._settle is not None:
            self._settle.cancel()
            self._settle = None
        if (seconds := self.microphone.settles_in) is not None:
            self._settle = self._hass.loop.call_later(seconds, self._on_settle)

    @callback
    def _on_settle(self) -> None:
        """Judge what time has shown."""
        self._settle = None
        self.microphone.settle()
        self._learn()
        self.async_follow()

    def _learn(self) -> None:
        """Remember whether the satellite obeys."""
        if self._settings.obeys_pause is not self.microphone.obeys_pause:
            self._settings.obeys_pause = self.microphone.obeys_pause
            self._hass.async_create_task(self._room.hub.settings.async_save())

    # Contradiction

    def _on_violation(self, violation: Violation) -> None:
        """Keep that something came although muted, and tell of it."""
        self._violation_told = True
        self._settings.violation = violation
        self._settings.obeys_pause = self.microphone.obeys_pause
        self._hass.async_create_task(self._room.hub.settings.async_save())
        async_raise_issue(self._room, violation, self._hardware_names)
        async_fire_event(self._room, violation)

    def _forget_violation(self) -> None:
        """Take a violation for settled."""
        self._violation_told = False
        self._settings.violation = None
        self.microphone.clear_violation()
        async_delete_issue(self._room)

    async def async_clear_violation(self, cause: Cause) -> None:
        """Connect again after a person has looked, or a pause was verified."""
        self._forget_violation()
        await self._async_keep()
        self._apply(cause)

    # Test by the user

    async def async_begin_check(self, context: Context | None) -> Violation | None:
        """Mute and connect for a test; return what was seen before, to be judged anew."""
        before = self.microphone.violation
        if not self._settings.muted:
            await self.async_mute(Cause.TEST, context=context)
        self.microphone.obeys_pause = None
        self.microphone.clear_violation()
        self._violation_told = False
        self._apply(Cause.TEST)
        return before

    async def async_end_check(self, before: Violation | None) -> None:
        """Take up what a test has shown; unmute if nobody else has muted meanwhile."""
        if self.microphone.obeys_pause is None:
            # Nothing was shown: what was seen before still holds.
            self.microphone.violation = self.microphone.violation or before
            self._violation_told = self.microphone.violation is not None
            self.microphone.obeys_pause = self._settings.obeys_pause
        self._learn()
        if self.microphone.violation is None:
            self._forget_violation()
            if self._muted_for_check and not self.microphone.hardware_sources:
                await self.async_unmute(Cause.TEST)
        self._apply(Cause.TEST)
