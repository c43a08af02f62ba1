"""The gate: the one place through which a room's audio must pass, and what is known of it.

Nothing here knows Home Assistant or sockets: the room tells what the switch, the hardware
and the satellite's connection say, and acts on what this says.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
import time
from typing import Final

GRACE: Final = 0.3
"""Seconds from the mute during which audio that was on its way is only dropped."""

_LATE: Final = 0.7
"""Seconds more for what a satellite sent before it read the pause, if a ping will tell."""

_BYTES_PER_SECOND: Final = 32_000
"""Of 16 kHz, 16 bit, mono."""

_QUIET: Final = 1.0
"""Seconds of silence on the wire that show the effect of a pause."""

_STREAMED: Final = 1.0
"""A satellite streams if audio came so many seconds ago or later."""

_MIRROR_LAG: Final = 0.6
"""Seconds by which a mirror may tell later than the microphone that it was switched on."""


class MicrophoneState(StrEnum):
    """What is known of a room's microphone."""

    LIVE = "live"
    SOFT_MUTED = "soft_muted"
    HARDWARE_MUTED = "hardware_muted"
    UNVERIFIED = "unverified"
    """Muted here, but the effect at the satellite was not seen yet."""

    CONTRADICTION = "contradiction"
    """Something came although muted; the connection is cut."""

    DISCONNECTED = "disconnected"


class Cause(StrEnum):
    """Who or what changed the state of a microphone."""

    USER = "user"
    AUTOMATION = "automation"
    VOICE = "voice"
    TIMER = "timer"
    HARDWARE = "hardware"
    POWER = "power"
    LINK_LOST = "link_lost"
    RESTART = "restart"
    SATELLITE_LOST = "satellite_lost"
    SATELLITE_BACK = "satellite_back"
    VIOLATION = "violation"
    TEST = "test"


class Link(StrEnum):
    """What a mirror of the hardware says."""

    OPEN = "open"
    MUTED = "muted"
    LOST = "lost"


class Proof(StrEnum):
    """How it is known that nothing comes from a muted room."""

    HARDWARE_SWITCH = "hardware_switch"
    DIGITAL_SILENCE = "digital_silence"
    """The satellite sends a constant: its microphone is cut."""

    STREAM_STOPPED = "stream_stopped"
    PAUSE_CONFIRMED = "pause_confirmed"
    """It answered after the pause, and is known to obey."""

    CONNECTION_CLOSED = "connection_closed"


class Sign(StrEnum):
    """What came from a room that is muted."""

    AUDIO = "audio"
    WAKE = "wake"


@dataclass
class Violation:
    """What was seen of a microphone that was said to be muted; never what it heard."""

    at: datetime
    sign: Sign
    hardware: bool
    """Whether the hardware said muted."""

    audio_bytes: int = 0

    @property
    def seconds(self) -> float:
        """Return how much audio had come."""
        return self.audio_bytes / _BYTES_PER_SECOND


class Microphone:
    """Open only while nothing says muted and everything is known."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        obeys_pause: bool | None = None,
        violation: Violation | None = None,
    ) -> None:
        """Start closed: what is not known counts as muted."""
        self.lost_is_muted = True
        """Whether a mirror of the hardware that is lost counts as muted."""

        self.obeys_pause = obeys_pause
        """Whether the satellite stops when told to; None as long as that is not known."""

        self.violation = violation
        self.streams = False
        """Whether the satellite streams all the time unless it is paused."""

        self.answers_pings = False
        """Whether the satellite will tell when it has read a pause."""

        self.connected = False
        self.held = False
        """Whether the mute is held by staying disconnected."""

        self.answer_owed = False
        """Whether a command that muted its own room is still being answered."""

        self.dropped_bytes = 0
        """Audio that came while the gate was closed."""

        self.admitted_bytes = 0
        self._clock = clock
        self._soft_muted: bool | None = None
        self._links: dict[str, Link] = {}
        self._power: Link | None = None
        self._closed_at: float | None = clock()
        self.pause_read = False
        """Whether the satellite answered what was sent after the pause."""

        self._heard_at: float | None = None
        self._streamed_at_mute = False
        self._confirmed = False
        self._energy_at: float | None = None

    @property
    def open_seconds(self) -> float:
        """Return how much audio has passed."""
        return self.admitted_bytes / _BYTES_PER_SECOND

    # What mutes

    @property
    def soft_muted(self) -> bool | None:
        """Return whether software says muted; None as long as that is not known."""
        return self._soft_muted

    @property
    def hardware_muted(self) -> bool | None:
        """Return whether the hardware cuts the microphone; None where it does not tell."""
        said = [*self._links.values()] + ([self._power] if self._power else [])
        if Link.MUTED in said:
            return True
        return None if Link.LOST in said or not said else False

    @property
    def muted_by(self) -> list[str]:
        """Return what keeps the gate closed: software, power, or ids of links."""
        closing = {Link.MUTED} | ({Link.LOST} if self.lost_is_muted else set())
        sources = [] if self._soft_muted is False else ["software"]
        if self._power in closing:
            sources.append("power")
        return sources + [name for name, link in self._links.items() if link in closing]

    @property
    def hardware_sources(self) -> list[str]:
        """Return what keeps the gate closed whatever software says."""
        return [s for s in self.muted_by if s not in ("software", "power")]

    @property
    def open(self) -> bool:
        """Return whether audio may pass."""
        return self.violation is None and not self.muted_by

    def set_soft_muted(self, muted: bool | None) -> None:
        """Close or open the gate by software; None closes it."""
        self._soft_muted = muted
        self._follow_gate()

    def set_link(self, name: str, says: Link) -> None:
        """Take what a mirror of the hardware says."""
        if self._links.get(name) is says:
            return
        self._links[name] = says
        self._confirmed = False
        self._follow_gate()

    def set_power(self, says: Link) -> None:
        """Take what feeds the microphone: muted while its power is off."""
        if self._power is says:
            return
        self._power = says
        self._confirmed = False
        self._follow_gate()

    def count_lost(self, *, as_muted: bool) -> None:
        """Let a mirror that is lost count as muted, or not."""
        self.lost_is_muted = as_muted
        self._follow_gate()

    def _follow_gate(self) -> None:
        """Note when the gate closes or opens."""
        self._energy_at = None
        if self.open:
            self._closed_at = None
        elif self._closed_at is None:
            self._close()

    def _close(self) -> None:
        """Begin to watch whether the satellite goes silent."""
        now = self._clock()
        self._streamed_at_mute = (
            self.streams
            and self._heard_at is not None
            and now - self._heard_at < _STREAMED
        )
        self._closed_at = now
        self.pause_read = self._confirmed = False
        self._heard_at = None

    # What the wire shows

    def on_connected(self) -> None:
        """Note that the satellite is there; nothing was sent yet that lets it stream."""
        self.connected = True
        self.held = False
        self._heard_at = None
        if not self.open:
            self._close()

    def on_disconnected(self) -> None:
        """Note that the satellite is gone."""
        self.connected = self.streams = False
        self.answers_pings = self.pause_read = self._streamed_at_mute = False

    def on_pause_read(self) -> None:
        """Note that the satellite answered what was sent after the pause."""
        self.pause_read = True

    def admit(self, pcm: bytes) -> bool:
        """Return whether audio passes; what does not is counted and forgotten."""
        self._heard_at = self._clock()
        if self.open:
            self.admitted_bytes += len(pcm)
            return True
        self.dropped_bytes += len(pcm)
        if self.violation is not None:
            self.violation.audio_bytes += len(pcm)
        elif self._too_late(self._heard_at):
            self._judge(pcm)
        return False

    def admit_wake(self) -> bool:
        """Return whether a wake word or a request for a command may count."""
        if self.open:
            return True
        if self.violation is None and self._too_late(self._clock()):
            self._violate(Sign.WAKE)
        return False

    def _too_late(self, now: float) -> bool:
        """Return whether what comes now can't have been on its way at the mute."""
        if self._closed_at is None:
            return True
        if self.answer_owed:
            # A satellite that does not pause must hear the answer before it is cut off.
            self._closed_at = now
        waits_for_pong = self.answers_pings and not self.pause_read
        return now - self._closed_at > GRACE + (_LATE if waits_for_pong else 0)

    def _judge(self, pcm: bytes) -> None:
        """Tell a microphone that is cut, which sends a constant, from one that hears."""
        if not self.hardware_muted:
            self._violate(Sign.AUDIO, len(pcm))
        elif _is_constant(pcm):
            self._confirmed = True
        elif self._energy_at is None:
            self._energy_at = self._heard_at

    def settle(self) -> None:
        """Judge what time alone decides; call when ``settles_in`` is over."""
        lasting = self._energy_at
        if lasting is not None and self._clock() - lasting >= _MIRROR_LAG:
            self._violate(Sign.AUDIO)
        elif self.proof in (Proof.STREAM_STOPPED, Proof.PAUSE_CONFIRMED):
            self.obeys_pause = True

    def _violate(self, sign: Sign, audio_bytes: int = 0) -> None:
        """Note that a mute was violated, until somebody clears it."""
        hardware = bool(self.hardware_muted)
        if not hardware:
            self.obeys_pause = False
        self.violation = Violation(datetime.now(UTC), sign, hardware, audio_bytes)

    def clear_violation(self) -> None:
        """Forget a violation, if any; the gate opens if nothing else says muted."""
        if self.violation is None:
            return
        self.violation = None
        self._closed_at = None
        self._follow_gate()

    # What is known

    @property
    def must_hold(self) -> bool:
        """Return whether the mute can only be held by staying disconnected."""
        if self.violation is not None:
            return True
        obeys = self.obeys_pause is not False or self.hardware_muted
        return not self.open and not obeys and not self.answer_owed

    @property
    def proof(self) -> Proof | None:
        """Return how the effect of the mute was seen; None while it was not."""
        if self.open or self.violation is not None:
            return None
        if not self.connected:
            return Proof.CONNECTION_CLOSED if self.held else None
        assert self._closed_at is not None
        since = self._clock() - self._closed_at
        if since < GRACE or self._energy_at is not None:
            return None
        if self.hardware_muted:
            silent = self._confirmed
            return Proof.DIGITAL_SILENCE if silent else Proof.HARDWARE_SWITCH
        quiet = since >= GRACE + _QUIET
        if self._streamed_at_mute and quiet:
            return Proof.STREAM_STOPPED
        if self.obeys_pause is True and (self.pause_read or quiet):
            return Proof.PAUSE_CONFIRMED
        return None

    @property
    def settles_in(self) -> float | None:
        """Return in how many seconds the state may change by time alone."""
        if self._closed_at is None or not self.connected:
            return None
        points = [self._closed_at + GRACE, self._closed_at + GRACE + _QUIET]
        if self._energy_at is not None:
            points.append(self._energy_at + _MIRROR_LAG)
        now = self._clock()
        # A little late, so that a comparison at that moment is over the point.
        return min((at - now + 0.01 for at in points if at >= now), default=None)

    @property
    def state(self) -> MicrophoneState:
        """Return what is true of the microphone."""
        muted = (
            MicrophoneState.HARDWARE_MUTED
            if self.hardware_muted
            else MicrophoneState.SOFT_MUTED
        )
        if self.violation is not None:
            return MicrophoneState.CONTRADICTION
        if self.open:
            connected = self.connected
            return MicrophoneState.LIVE if connected else MicrophoneState.DISCONNECTED
        if self.proof is not None or (not self.connected and self._power is Link.MUTED):
            return muted
        connected = self.connected
        return MicrophoneState.UNVERIFIED if connected else MicrophoneState.DISCONNECTED


def _is_constant(pcm: bytes) -> bool:
    """Return whether all samples (16 bit) are the same: no microphone hears that."""
    return pcm == pcm[:2] * (len(pcm) // 2)
