"""Nothing passes a gate that is muted, and what is shown of a microphone is true."""

from itertools import permutations

from hypothesis import given, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
import pytest

from custom_components.private_voice.voice.microphone import (
    GRACE,
    Link,
    Microphone,
    MicrophoneState,
    Proof,
    Sign,
)

SPEECH = b"\x01\x00\x02\x00" * 16
ZEROS = bytes(64)


class Clock:
    """A clock that moves when told."""

    now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock."""
    return Clock()


def live(clock: Clock, **known: bool) -> Microphone:
    """Return a microphone that is connected and unmuted."""
    microphone = Microphone(clock=clock, **known)
    microphone.set_soft_muted(False)
    microphone.on_connected()
    return microphone


def wait(microphone: Microphone, clock: Clock, seconds: float) -> None:
    """Let time pass as the room does: it looks whenever the state may change."""
    end = clock.now + seconds
    while (step := microphone.settles_in) is not None and clock.now + step <= end:
        clock.now += step
        microphone.settle()
    clock.now = end


def test_it_is_closed_before_anything_is_known(clock: Clock) -> None:
    """A restart fails closed."""
    microphone = Microphone(clock=clock)
    assert microphone.soft_muted is None
    assert not microphone.open
    assert not microphone.admit(SPEECH)


def test_it_is_live_only_while_connected(clock: Clock) -> None:
    """A satellite that is gone is not said to listen."""
    microphone = live(clock)
    assert microphone.state is MicrophoneState.LIVE
    assert microphone.admit(SPEECH)
    microphone.on_disconnected()
    assert microphone.state is MicrophoneState.DISCONNECTED


def test_mute_is_unverified_until_its_effect_was_seen(clock: Clock) -> None:
    """A satellite that streamed and stopped has shown that it obeys."""
    microphone = live(clock)
    microphone.streams = True
    microphone.admit(SPEECH)
    microphone.set_soft_muted(True)
    assert microphone.state is MicrophoneState.UNVERIFIED
    assert not microphone.admit(SPEECH), "what was on its way is dropped"
    wait(microphone, clock, 2)
    assert microphone.state is MicrophoneState.SOFT_MUTED
    assert microphone.proof is Proof.STREAM_STOPPED
    assert microphone.obeys_pause is True
    microphone.set_soft_muted(False)
    microphone.set_soft_muted(True)
    microphone.on_pause_read()
    assert microphone.state is MicrophoneState.UNVERIFIED
    wait(microphone, clock, GRACE + 0.1)
    assert microphone.proof is Proof.PAUSE_CONFIRMED


def test_silence_of_a_satellite_that_never_streamed_proves_nothing(
    clock: Clock,
) -> None:
    """It may listen for its wake word all the same."""
    microphone = live(clock)
    microphone.set_soft_muted(True)
    microphone.on_pause_read()
    wait(microphone, clock, 3600)
    assert microphone.state is MicrophoneState.UNVERIFIED


@pytest.mark.parametrize("sign", list(Sign))
def test_what_comes_after_the_grace_is_a_contradiction(
    clock: Clock, sign: Sign
) -> None:
    """Audio, a wake word or a request: told once, with how much came."""
    microphone = live(clock)
    microphone.set_soft_muted(True)
    wait(microphone, clock, GRACE + 0.05)
    for _ in range(3):
        if sign is Sign.AUDIO:
            assert not microphone.admit(SPEECH)
        else:
            assert not microphone.admit_wake()
    assert microphone.state is MicrophoneState.CONTRADICTION
    assert microphone.violation is not None
    assert microphone.violation.sign is sign
    assert not microphone.violation.hardware
    assert microphone.violation.audio_bytes == (192 if sign is Sign.AUDIO else 0)
    assert microphone.must_hold
    assert microphone.obeys_pause is False


def test_late_audio_is_forgiven_until_the_pause_was_read(clock: Clock) -> None:
    """A slow network is no lie, but a second is enough for it."""
    microphone = live(clock)
    microphone.answers_pings = True
    microphone.set_soft_muted(True)
    wait(microphone, clock, GRACE + 0.5)
    microphone.admit(SPEECH)
    assert microphone.violation is None
    wait(microphone, clock, 0.5)
    microphone.admit(SPEECH)
    assert microphone.violation is not None


def test_satellite_that_does_not_obey_is_held_off(clock: Clock) -> None:
    """Once that is known, a mute is true by having no connection."""
    microphone = live(clock, obeys_pause=False)
    assert not microphone.must_hold
    microphone.set_soft_muted(True)
    assert microphone.must_hold
    microphone.held = True
    microphone.on_disconnected()
    assert microphone.state is MicrophoneState.SOFT_MUTED
    assert microphone.proof is Proof.CONNECTION_CLOSED


def test_digital_silence_confirms_a_mute_in_hardware(clock: Clock) -> None:
    """A constant can't be a room, however quiet."""
    microphone = live(clock)
    microphone.set_link("slider", Link.MUTED)
    wait(microphone, clock, 1)
    assert microphone.proof is Proof.HARDWARE_SWITCH
    for constant in (ZEROS, b"\x05\x00" * 32):
        assert not microphone.admit(constant)
    assert microphone.state is MicrophoneState.HARDWARE_MUTED
    assert microphone.proof is Proof.DIGITAL_SILENCE


def test_energy_contradicts_a_mute_in_hardware(clock: Clock) -> None:
    """Unless its mirror says within moments that it was switched on."""
    microphone = live(clock)
    microphone.set_link("slider", Link.MUTED)
    wait(microphone, clock, 1)
    microphone.admit(SPEECH)
    assert microphone.state is MicrophoneState.UNVERIFIED
    microphone.set_link("slider", Link.OPEN)
    wait(microphone, clock, 1)
    assert microphone.state is MicrophoneState.LIVE
    microphone.set_link("slider", Link.MUTED)
    wait(microphone, clock, 1)
    microphone.admit(SPEECH)
    wait(microphone, clock, 1)
    assert microphone.state is MicrophoneState.CONTRADICTION
    assert microphone.violation is not None
    assert microphone.violation.hardware
    assert microphone.obeys_pause is None, "it is not the pause that failed"


def test_mirror_that_repeats_itself_hides_nothing(clock: Clock) -> None:
    """Energy that lasts is a contradiction, however often the mirror reports."""
    microphone = live(clock)
    microphone.set_link("slider", Link.MUTED)
    wait(microphone, clock, 1)
    for _ in range(4):
        microphone.admit(SPEECH)
        wait(microphone, clock, 0.25)
        microphone.set_link("slider", Link.MUTED)
    assert microphone.state is MicrophoneState.CONTRADICTION


def test_power_that_is_off_explains_that_the_satellite_is_gone(clock: Clock) -> None:
    """Its absence is no fault."""
    microphone = live(clock)
    microphone.set_power(Link.MUTED)
    microphone.on_disconnected()
    assert microphone.state is MicrophoneState.HARDWARE_MUTED
    microphone.set_power(Link.OPEN)
    assert microphone.state is MicrophoneState.DISCONNECTED


def test_hardware_is_unknown_where_there_is_none_to_read(clock: Clock) -> None:
    """Never said to be off."""
    microphone = live(clock)
    assert microphone.hardware_muted is None
    microphone.set_link("slider", Link.LOST)
    assert microphone.hardware_muted is None
    assert not microphone.open
    microphone.count_lost(as_muted=False)
    assert microphone.open
    microphone.set_soft_muted(True)
    assert not microphone.admit(SPEECH)
    assert microphone.violation is None, "the grace begins with the mute"
    microphone.set_soft_muted(False)
    microphone.set_link("slider", Link.OPEN)
    assert microphone.hardware_muted is False


_SOURCES = ("software", "slider", "button", "power")


def _say(microphone: Microphone, source: str, muted: bool) -> None:
    """Let a source say something."""
    link = Link.MUTED if muted else Link.OPEN
    if source == "software":
        microphone.set_soft_muted(muted)
    elif source == "power":
        microphone.set_power(link)
    else:
        microphone.set_link(source, link)


@pytest.mark.parametrize("order", list(permutations(_SOURCES)))
@pytest.mark.parametrize("back", list(permutations(_SOURCES)))
def test_any_source_mutes_and_only_the_last_one_to_go_unmutes(
    clock: Clock, order: tuple[str, ...], back: tuple[str, ...]
) -> None:
    """In every order of muting and of unmuting."""
    microphone = live(clock)
    for source in _SOURCES:
        _say(microphone, source, False)
    for number, source in enumerate(order, 1):
        _say(microphone, source, True)
        assert not microphone.admit(SPEECH)
        assert set(microphone.muted_by) == set(order[:number])
    for number, source in enumerate(back, 1):
        _say(microphone, source, False)
        assert microphone.admit(SPEECH) is (number == len(back))


@given(
    st.lists(st.one_of(st.none(), st.booleans(), st.binary(max_size=64)), max_size=40)
)
def test_it_admits_only_when_told_that_it_is_not_muted(
    steps: list[bool | bytes | None],
) -> None:
    """And counts every byte that it turns away."""
    microphone = Microphone()
    muted: bool | None = None
    dropped = 0
    for step in steps:
        if isinstance(step, bytes):
            assert microphone.admit(step) is (muted is False)
            dropped += 0 if muted is False else len(step)
        else:
            muted = step
            microphone.set_soft_muted(step)
    assert microphone.dropped_bytes == dropped
    assert microphone.open is (muted is False)


class Room(RuleBasedStateMachine):
    """A room with all sources of mute, and a satellite that does as it likes."""

    @initialize(obeys=st.sampled_from([None, True, False]), soft=st.booleans())
    def start(self, obeys: bool | None, soft: bool) -> None:
        """Start Home Assistant with what it kept."""
        self.clock = Clock()
        self.says: dict[str, Link] = {}
        self.soft = soft
        self.lost_is_muted = True
        self.connected = False
        self.alarm = False
        self.quiet_since = self.clock.now
        self.closed_since: float | None = self.clock.now
        self._begin(obeys)

    def _begin(self, obeys: bool | None, violation: object = None) -> None:
        """Make the microphone anew, as after a start."""
        self.microphone = Microphone(
            clock=self.clock,
            obeys_pause=obeys,
            violation=violation,  # type: ignore[arg-type]
        )
        assert not self.microphone.admit(SPEECH)
        for name in ("slider", "button"):
            self.microphone.set_link(name, Link.LOST)
            self.says[name] = Link.LOST
        self.says["power"] = Link.LOST
        self.microphone.set_power(Link.LOST)
        self.microphone.lost_is_muted = True
        self.lost_is_muted = True
        self.connected = False
        self.microphone.set_soft_muted(self.soft)

    @property
    def muted(self) -> bool:
        """Return whether any source says muted, by the model."""
        closing = {Link.MUTED} | ({Link.LOST} if self.lost_is_muted else set())
        return self.soft or bool(closing & set(self.says.values()))

    def _act(self) -> None:
        """Do what the room does after every step."""
        hold = self.microphone.must_hold
        self.microphone.held = hold
        if hold and self.connected:
            self.connected = False
            self.microphone.on_disconnected()

    @rule(muted=st.booleans())
    def software(self, muted: bool) -> None:
        """Mute or unmute by software."""
        self.soft = muted
        self.microphone.set_soft_muted(muted)
        self._act()

    @rule(
        name=st.sampled_from(["slider", "button", "power"]),
        says=st.sampled_from(list(Link)),
    )
    def hardware(self, name: str, says: Link) -> None:
        """Flip a switch, or lose it."""
        self.says[name] = says
        if name == "power":
            self.microphone.set_power(says)
        else:
            self.microphone.set_link(name, says)
        self._act()

    @rule()
    def calm(self) -> None:
        """Let nothing mute: random steps alone would seldom come to that."""
        self.software(False)
        for name in ("slider", "button", "power"):
            self.hardware(name, Link.OPEN)

    @precondition(lambda self: self.connected)
    @rule()
    def defy(self) -> None:
        """Mute a satellite that goes on."""
        self.software(True)
        self.time(2.0)
        if self.connected:
            self.audio(SPEECH)

    @rule(counts=st.booleans())
    def trust(self, counts: bool) -> None:
        """Let a lost mirror count as the user chose."""
        self.lost_is_muted = counts
        self.microphone.count_lost(as_muted=counts)
        self._act()

    @precondition(lambda self: not self.connected and not self.microphone.held)
    @rule()
    def connect(self) -> None:
        """Let the satellite come, or come back after a reboot."""
        self.connected = True
        self.microphone.on_connected()
        self._act()

    @precondition(lambda self: self.connected)
    @rule()
    def lose(self) -> None:
        """Let the satellite go."""
        self.connected = False
        self.microphone.on_disconnected()
        self._act()

    @precondition(lambda self: self.connected)
    @rule(pcm=st.sampled_from([SPEECH, ZEROS]))
    def audio(self, pcm: bytes) -> None:
        """Let the satellite send audio, whether it may or not."""
        violated = self.microphone.violation is not None
        passed = self.microphone.admit(pcm)
        assert passed is not (self.muted or violated)
        self._act()

    @precondition(lambda self: self.connected)
    @rule()
    def wake(self) -> None:
        """Let the satellite hear its wake word."""
        violated = self.microphone.violation is not None
        passed = self.microphone.admit_wake()
        assert passed is not (self.muted or violated)
        self._act()

    @precondition(lambda self: self.connected and self.muted)
    @rule()
    def pause_read(self) -> None:
        """Let the satellite confirm that it read the pause."""
        self.microphone.on_pause_read()

    @rule(streams=st.booleans(), answers=st.booleans())
    def kind(self, streams: bool, answers: bool) -> None:
        """Let it be one kind of satellite or another."""
        self.microphone.streams = streams and self.connected
        self.microphone.answers_pings = answers and self.connected

    @rule(seconds=st.sampled_from([0.01, 0.2, 0.31, 1.0, 2.0]))
    def time(self, seconds: float) -> None:
        """Let time pass."""
        wait(self.microphone, self.clock, seconds)
        self._act()

    @rule()
    def clear(self) -> None:
        """Let a person look at a contradiction."""
        self.microphone.clear_violation()
        self._act()

    @rule()
    def restart(self) -> None:
        """Start Home Assistant again, with what it kept."""
        self._begin(self.microphone.obeys_pause, self.microphone.violation)
        self._act()

    @invariant()
    def gate_follows_the_sources(self) -> None:
        """Nothing passes while any source says muted, or after a contradiction."""
        violated = self.microphone.violation is not None
        assert self.microphone.open is not (self.muted or violated)

    @invariant()
    def shown_state_is_true(self) -> None:
        """Live, muted and disconnected are said only where they are so."""
        microphone, state = self.microphone, self.microphone.state
        if state is MicrophoneState.LIVE:
            assert self.connected
            assert not self.muted
        elif state is MicrophoneState.HARDWARE_MUTED:
            assert Link.MUTED in self.says.values()
        elif state is MicrophoneState.SOFT_MUTED:
            assert self.muted
            assert microphone.proof is not None
        elif state is MicrophoneState.DISCONNECTED:
            assert not self.connected
        elif state is MicrophoneState.UNVERIFIED:
            assert self.muted
            assert self.connected
        assert (state is MicrophoneState.CONTRADICTION) is (
            microphone.violation is not None
        )

    @invariant()
    def mute_of_a_satellite_that_does_not_obey_is_no_connection(self) -> None:
        """Unless the hardware is what mutes."""
        if self.connected and self.muted and Link.MUTED not in self.says.values():
            assert self.microphone.obeys_pause is not False


TestRoom = Room.TestCase
TestRoom.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
