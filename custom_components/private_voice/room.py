"""One room at run time: its satellite, its microphone and the command going on."""

import asyncio
from collections.abc import AsyncIterable, Callable
import logging
from typing import TYPE_CHECKING

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import CALLBACK_TYPE, callback

from .const import CONF_LANGUAGE, EVENT_ACTIVATION
from .mute import RoomMute
from .pipelines import async_check_pipeline
from .run import CommandRun, current_run
from .voice.activation import Activation, FailReason, Outcome, WokenBy
from .voice.endpoint import Endpointer
from .voice.microphone import Cause
from .wake import WakeListener
from .wire import session as wire
from .wire.audio import AudioFormat
from .wire.errors import Reason, WireError

if TYPE_CHECKING:
    from .assist_satellite import RoomSatellite
    from .hub import Hub

_LOGGER = logging.getLogger(__name__)

# A detection without a pipeline request is followed by audio at once, or by nothing.
_DETECTION_VALID = 5.0

# An expected answer without a wake word is waited for so long.
_FOLLOW_UP_VALID = 30.0


_MAX_WAKE_WORD = 64


class Room:
    """Joins the satellite's connection, the gate and the runs of a room."""

    def __init__(self, hub: Hub, subentry: ConfigSubentry) -> None:
        """Prepare the room of a subentry."""
        self.hub = hub
        self.hass = hub.hass
        self.subentry = subentry
        self.settings = hub.settings.room(subentry.subentry_id)
        self.session = wire.SatelliteSession(
            subentry.data[CONF_HOST], subentry.data[CONF_PORT], self._on_session_event
        )
        self.mute = RoomMute(self)
        self.microphone = self.mute.microphone
        self.satellite: RoomSatellite | None = None
        self.run: CommandRun | None = None
        self.last_activation: Activation | None = None
        self._listeners: list[CALLBACK_TYPE] = []
        self._activation_listeners: list[Callable[[Activation], None]] = []
        self._task: asyncio.Task[None] | None = None
        self._wake = WakeListener(self)
        self._detected: tuple[str | None, float] | None = None
        self._expected: tuple[WokenBy, str | None, float] | None = None
        self._silent_until = 0.0

    @property
    def room_id(self) -> str:
        """Return the id of the room's subentry."""
        return self.subentry.subentry_id

    @property
    def name(self) -> str:
        """Return the name of the room."""
        return self.subentry.title

    @property
    def satellite_key(self) -> str:
        """Return what tells the satellite from another one."""
        data = self.subentry.data
        return self.subentry.unique_id or f"{data[CONF_HOST]}:{data[CONF_PORT]}"

    @property
    def connected(self) -> bool:
        """Return whether the satellite is there."""
        return self.session.connected

    @property
    def can_be_triggered(self) -> bool:
        """Return whether the satellite listens when it is asked to."""
        info = self.session.info
        return bool(info and info.satellite and info.satellite.supports_trigger)

    # Life

    @callback
    def async_start(self) -> None:
        """Connect to the satellite, once it is known what mutes."""
        self.mute.async_start()
        self._task = self.hub.entry.async_create_background_task(
            self.hass, self.session.run(), f"private_voice room {self.room_id}"
        )

    async def async_stop(self) -> None:
        """End what is going on and leave the satellite."""
        await self.async_cancel_run(Outcome.INTERRUPTED)
        await self.mute.async_stop()
        await self._wake.async_stop()
        if self._task is not None:
            await self.session.stop()
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    @callback
    def async_add_listener(self, listener: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call a listener when the shown state of the room changes."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def async_on_activation(
        self, listener: Callable[[Activation], None]
    ) -> CALLBACK_TYPE:
        """Call a listener with each activation that ended."""
        self._activation_listeners.append(listener)
        return lambda: self._activation_listeners.remove(listener)

    @callback
    def async_changed(self) -> None:
        """Tell the entities."""
        for listener in list(self._listeners):
            listener()

    # Mute

    @callback
    def async_ear_closed(self) -> None:
        """Drop what is being said, everywhere and at once."""
        self._detected = self._expected = None
        self._wake.end()
        if (run := self.run) is None:
            return
        run.audio.discard()
        run.muted_itself |= current_run.get() is run
        if run.task is not None and not run.muted_itself:
            run.settle(Outcome.CANCELLED)
            run.task.cancel()

    @property
    def answer_owed(self) -> bool:
        """Return whether a command that muted its own room is still being answered."""
        return self.run is not None and self.run.muted_itself

    @callback
    def async_ear_opened(self) -> None:
        """Listen again."""
        if self.microphone.streams and self.connected:
            self._listen_again()

    # What the satellite says

    @callback
    def _on_session_event(self, event: wire.SessionEvent) -> None:
        """Take an event of the satellite's connection."""
        match event:
            case wire.Audio():
                self._on_audio(event.pcm)
            case wire.Detected():
                self._on_detected(event.phrase or event.name)
            case wire.RunRequested():
                self._on_run_requested(event)
            case wire.AudioStopped() | wire.StreamingStopped():
                self._on_audio_stopped()
            case wire.Connected():
                self.microphone.on_connected()
                self.mute.async_follow(Cause.SATELLITE_BACK)
                self.async_changed()
            case wire.InfoUpdated():
                self.async_changed()
            case wire.PauseRead():
                self.microphone.on_pause_read()
                self.mute.async_follow()
            case wire.Disconnected():
                self._on_disconnected()

    @callback
    def _on_audio(self, pcm: bytes) -> None:
        """Pass audio through the gate to whoever listens."""
        if not self.microphone.admit(pcm):
            self.mute.async_follow()
            return
        if self.run is not None:
            self.run.feed(pcm)
        elif self._wake.running:
            self._wake.feed(pcm)
        elif (wake := self._take_detection()) is not None:
            self.async_open(WokenBy.WAKE_WORD, wake)
            self._on_audio(pcm)

    @callback
    def _on_detected(self, wake_word: str | None) -> None:
        """Remember a wake word that the satellite heard."""
        if not self.microphone.admit_wake():
            self._close_at_once(WokenBy.WAKE_WORD, wake_word, Outcome.MUTED)
            self.mute.async_follow()
            return
        self._detected = (wake_word, self.hass.loop.time() + _DETECTION_VALID)

    def _take_detection(self) -> str | None:
        """Return the wake word that was just heard, once."""
        detected, self._detected = self._detected, None
        if detected is None or detected[1] < self.hass.loop.time():
            return None
        return detected[0] or ""

    @callback
    def _on_run_requested(self, event: wire.RunRequested) -> None:
        """Start what the satellite asks for."""
        self.microphone.streams |= event.start == "wake"
        admitted = self.microphone.admit_wake()
        if event.start == "wake":
            if admitted and self.run is None:
                self._listen_again()
        elif event.start == "asr":
            self._on_command_requested(event)
        if not admitted:
            self.mute.async_follow()

    def _on_command_requested(self, event: wire.RunRequested) -> None:
        """Open an activation for a satellite that wants to be heard."""
        wake_word = self._take_detection() or event.wake_word_name
        if expected := self._take_expected():
            self.async_open(expected[0], None, expected[1])
        else:
            self.async_open(
                WokenBy.WAKE_WORD if wake_word else WokenBy.SATELLITE, wake_word
            )

    @callback
    def _on_audio_stopped(self) -> None:
        """End the audio of the command; a service that hears nothing may rest."""
        if self.run is not None:
            self.run.audio.end()
        elif self._wake.running:
            self._wake.end()

    @callback
    def _on_disconnected(self) -> None:
        """End what cannot go on without the satellite."""
        self._detected = None
        self.microphone.on_disconnected()
        self._wake.end()
        if self.run is not None and self.run.task is not None:
            self.run.settle(Outcome.FAILED, FailReason.SATELLITE_LOST)
            self.run.task.cancel()
        # A connection that the mute closed is not lost.
        held = self.microphone.held
        self.mute.async_follow(None if held else Cause.SATELLITE_LOST)
        self.async_changed()

    # Commands

    @callback
    def async_open(
        self,
        woken_by: WokenBy,
        wake_word: str | None = None,
        conversation_id: str | None = None,
    ) -> CommandRun | None:
        """Open an activation and work on its command."""
        if not self.microphone.open:
            self._close_at_once(woken_by, wake_word, Outcome.MUTED)
            return None
        if self.satellite is None:
            self._close_at_once(woken_by, wake_word, Outcome.INTERRUPTED)
            return None
        if self.run is not None:
            # The satellite asked anew: what it still sent for the old one is stale.
            self.run.settle(Outcome.CANCELLED)
            if self.run.task is not None:
                self.run.task.cancel()
        activation = self._new_activation(woken_by, wake_word)
        candidate = (
            self.hub.arbiter.claim(self.room_id, wake_word)
            if woken_by is WokenBy.WAKE_WORD
            else None
        )
        run = CommandRun(
            activation,
            Endpointer(silence=self.settings.finished_speaking.silence),
            candidate,
            conversation_id,
        )
        self.run = run
        run.task = self.hub.entry.async_create_background_task(
            self.hass,
            self.satellite.async_work_on(run),
            f"private_voice run {activation.id}",
        )
        return run

    def _new_activation(self, woken_by: WokenBy, wake_word: str | None) -> Activation:
        """Return the record of a wake."""
        return Activation(
            room_id=self.room_id,
            woken_by=woken_by,
            # A name that a device gives; history has no room for a longer one.
            wake_word=wake_word[:_MAX_WAKE_WORD] if wake_word else None,
            language=self.subentry.data.get(CONF_LANGUAGE)
            or self.hub.default_language(),
        )

    @callback
    def _close_at_once(
        self, woken_by: WokenBy, wake_word: str | None, outcome: Outcome
    ) -> None:
        """Write the record of a wake that leads to nothing, once for all its signs."""
        now = self.hass.loop.time()
        if now < self._silent_until:
            return
        self._silent_until = now + _DETECTION_VALID
        activation = self._new_activation(woken_by, wake_word)
        activation.close(outcome)
        self.async_record(activation)

    @callback
    def async_finish(self, run: CommandRun) -> None:
        """Close the activation of a run and listen on."""
        run.close()
        activation = run.activation
        if activation.other_room is not None:
            activation.other_room = self.hub.room_name(activation.other_room)
        if activation.close(run.outcome or Outcome.CANCELLED, run.reason):
            self.async_record(activation)
        if self.run is run:
            self.run = None
        run.done.set()
        if run.muted_itself:
            self.mute.async_follow()
        if self.run is None and self.connected and self.microphone.open:
            self._go_on_after(run)

    @callback
    def async_record(self, activation: Activation) -> None:
        """Tell the entities and the bus about an activation that ended."""
        self.last_activation = activation
        self.hub.journal.async_close(activation)
        for listener in list(self._activation_listeners):
            listener(activation)
        self.hass.bus.async_fire(
            EVENT_ACTIVATION,
            {"room": self.name, "room_id": self.room_id} | activation.as_attributes(),
        )
        self.async_changed()

    @callback
    def _go_on_after(self, run: CommandRun) -> None:
        """Listen for a follow-up, or for the wake word again."""
        if run.continue_conversation and run.outcome is Outcome.HANDLED:
            self.async_expect_speech(WokenBy.FOLLOW_UP, run.conversation_id)
        elif self.microphone.streams:
            self._listen_again()

    @callback
    def async_expect_speech(
        self, woken_by: WokenBy, conversation_id: str | None = None
    ) -> None:
        """Listen without a wake word where the satellite can, else after the next one."""
        if self.microphone.streams:
            self._wake.end()
            self.async_open(woken_by, None, conversation_id)
            return
        until = self.hass.loop.time() + _FOLLOW_UP_VALID
        self._expected = (woken_by, conversation_id, until)
        if self.can_be_triggered:
            self.hub.entry.async_create_background_task(
                self.hass, self._async_trigger(), "private_voice trigger"
            )

    async def _async_trigger(self) -> None:
        """Ask the satellite to listen."""
        try:
            await self.session.trigger()
        except WireError as err:
            _LOGGER.debug("Could not make %s listen: %s", self.name, err.reason)

    def _take_expected(self) -> tuple[WokenBy, str | None] | None:
        """Return who waits for speech in this room, once."""
        expected, self._expected = self._expected, None
        if expected is None or expected[2] < self.hass.loop.time():
            return None
        return expected[0], expected[1]

    @callback
    def _listen_again(self) -> None:
        """Let a service listen for the wake word in the room's audio."""
        pipeline = self.hub.pipeline_of(self)
        self._wake.start(pipeline.wake_word_entity if pipeline else None)

    @callback
    def async_woken(self, wake_word: str | None, heard_since: list[bytes]) -> None:
        """Take a wake word that a service heard, and what was said in its breath."""
        run = self.async_open(WokenBy.WAKE_WORD, wake_word)
        if run is None:
            return
        for pcm in heard_since:
            run.feed(pcm)

    async def async_cancel_run(self, outcome: Outcome) -> None:
        """End the run that goes on, if any, and wait until it has.

        Who is part of the run does not wait: it would wait for itself.
        """
        run = self.run
        if run is None or run.task is None:
            return
        run.settle(outcome)
        run.audio.discard()
        run.task.cancel()
        if current_run.get() is not run:
            await asyncio.gather(run.task, return_exceptions=True)

    async def async_play(self, frames: AsyncIterable[AudioFormat | bytes]) -> float:
        """Play audio in the room and return how many seconds it lasts.

        Raises:
            WireError: The satellite is not there or went away.
        """
        if not self.connected:
            raise WireError(Reason.UNREACHABLE, "satellite not connected")
        return await self.session.play(frames)

    # Choices

    async def async_choose_pipeline(self, pipeline_id: str | None) -> None:
        """Use a pipeline from the next command on; None for Private Voice's own."""
        self.settings.pipeline_id = pipeline_id
        if self.hub.pipeline_of(self) is None:
            await self.hub.async_ensure_pipelines()
        async_check_pipeline(self)
        await self.hub.settings.async_save()
        self.async_changed()

    async def async_settings_changed(self) -> None:
        """Keep changed settings."""
        await self.hub.settings.async_save()
        self.async_changed()
