"""The satellite entity of a room: Home Assistant's side of a command."""

import asyncio
from collections.abc import AsyncIterable
import contextlib
import logging
from typing import TYPE_CHECKING, Any, override

from homeassistant.components import stt
from homeassistant.components.assist_pipeline import (
    AudioSettings,
    Pipeline,
    PipelineEvent,
    PipelineEventType,
    PipelineStage,
    async_pipeline_from_audio_stream,
)
from homeassistant.components.assist_satellite import (
    AssistSatelliteConfiguration,
    AssistSatelliteEntityFeature,
    AssistSatelliteWakeWord,
)
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .announcing import AnnouncingSatellite
from .answer import Answerer
from .chat_log import observed_intents
from .privacy.locality import Locality, async_engine_locality
from .privacy.words import voice_context
from .run import CommandRun, current_run
from .timers import async_follow_timers
from .voice.activation import FailReason, Outcome
from .wire.errors import WireError

if TYPE_CHECKING:
    from .hub import PrivateVoiceConfigEntry
    from .room import Room

_LOGGER = logging.getLogger(__name__)

PARALLEL_UPDATES = 0

# From the first audio to the intent's end; a language model on slow hardware takes long.
_RUN_DEADLINE = 120.0

_STT_METADATA = stt.SpeechMetadata(
    language="",  # filled in by the pipeline
    format=stt.AudioFormats.WAV,
    codec=stt.AudioCodecs.PCM,
    bit_rate=stt.AudioBitRates.BITRATE_16,
    sample_rate=stt.AudioSampleRates.SAMPLERATE_16000,
    channel=stt.AudioChannels.CHANNEL_MONO,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrivateVoiceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add a satellite per room."""
    for room in entry.runtime_data.rooms.values():
        async_add_entities([RoomSatellite(room)], config_subentry_id=room.room_id)


class RoomSatellite(AnnouncingSatellite):
    """Core's contract of a satellite, on a room of ours."""

    _attr_name = None
    _attr_translation_key = "satellite"
    _attr_supported_features = (
        AssistSatelliteEntityFeature.ANNOUNCE
        | AssistSatelliteEntityFeature.START_CONVERSATION
    )

    def __init__(self, room: Room) -> None:
        """Prepare the satellite of a room."""
        super().__init__(room, "satellite")
        self._answerer = Answerer(self)

    @property
    @override
    def available(self) -> bool:
        """Return whether the satellite is connected, or kept off by the mute.

        Home Assistant skips entities that are unavailable; what can't be done while
        muted shall be said.
        """
        return self.room.connected or self.room.microphone.held

    @override
    async def async_added_to_hass(self) -> None:
        """Join the room."""
        await super().async_added_to_hass()
        self.room.satellite = self
        assert self.registry_entry is not None
        if (device_id := self.registry_entry.device_id) is not None:
            self.async_on_remove(async_follow_timers(self, device_id))

    @override
    async def async_will_remove_from_hass(self) -> None:
        """Leave the room."""
        self.room.satellite = None
        await super().async_will_remove_from_hass()

    # One command

    async def async_work_on(self, run: CommandRun) -> None:
        """Take a command from its audio to the end of the reply."""
        token = current_run.set(run)
        try:
            await self.room.hub.journal.async_open(run.activation)
            with voice_context():
                await self.async_accept_pipeline_from_satellite(
                    run.audio,
                    PipelineStage.STT,
                    PipelineStage.INTENT,
                    run.activation.wake_word,
                )
        except asyncio.CancelledError:
            run.settle(Outcome.CANCELLED)
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
        except Exception as err:  # noqa: BLE001
            # The text of an unknown error may hold what was said: only its kind is told.
            _LOGGER.error(
                "Command in %s failed: %s", self.room.name, type(err).__name__
            )
            run.settle(Outcome.FAILED, FailReason.INTERNAL)
        finally:
            current_run.reset(token)
            self.async_release(run)
            self.room.async_finish(run)

    @override
    async def async_accept_pipeline_from_satellite(
        self,
        audio_stream: AsyncIterable[bytes],
        start_stage: PipelineStage = PipelineStage.STT,
        end_stage: PipelineStage = PipelineStage.TTS,
        wake_word_phrase: str | None = None,
        *,
        context: Context | None = None,
    ) -> None:
        """Run the pipeline to the intent and speak the reply ourselves.

        Stands in for the base method, whose settings can't be changed: it touches the
        same protected names, all of them here (checked against 2026.10 and 2026.11).
        """
        run = current_run.get()
        assert run is not None
        await self._cancel_running_pipeline()
        prompt, self._extra_system_prompt = self._extra_system_prompt, None
        if (intercept := self._wake_word_intercept_future) is not None:
            run.settle(Outcome.CANCELLED)
            if not intercept.done():
                intercept.set_result(wake_word_phrase)
            self._internal_on_pipeline_event(PipelineEvent(PipelineEventType.RUN_END))
            return
        if self._ask_question_future is not None:
            end_stage = PipelineStage.STT
        context = context or Context()
        self.async_set_context(context)
        self._run_has_tts = False
        assert self.platform.config_entry is not None
        task = self.platform.config_entry.async_create_background_task(
            self.hass,
            self._async_command(run, audio_stream, end_stage, prompt, context),
            f"{self.entity_id}_pipeline",
        )
        self._pipeline_task = task
        try:
            await task
        finally:
            task.cancel()
            if self._pipeline_task is task:
                self._pipeline_task = None
                self.tts_response_finished()

    async def _async_command(
        self,
        run: CommandRun,
        audio: AsyncIterable[bytes],
        end_stage: PipelineStage,
        prompt: str | None,
        context: Context,
    ) -> None:
        """Run the pipeline, then give the room its answer or the reason for none."""
        pipeline = self.room.hub.pipeline_of(self.room)
        if pipeline is None:
            run.settle(Outcome.FAILED, FailReason.PIPELINE_MISSING)
        elif await self._async_is_local(run, pipeline):
            speaking = asyncio.create_task(
                self._answerer.async_speak_streamed(run, pipeline)
            )
            try:
                async with asyncio.timeout(_RUN_DEADLINE):
                    await self._async_pipeline(
                        run, audio, end_stage, prompt, context, pipeline
                    )
                await speaking
            except TimeoutError:
                run.settle(Outcome.FAILED, FailReason.TIMED_OUT)
            finally:
                speaking.cancel()
                await asyncio.gather(speaking, return_exceptions=True)
        if end_stage is PipelineStage.INTENT:
            await self._answerer.async_answer(run, pipeline)

    async def _async_pipeline(
        self,
        run: CommandRun,
        audio: AsyncIterable[bytes],
        end_stage: PipelineStage,
        prompt: str | None,
        context: Context,
        pipeline: Pipeline,
    ) -> None:
        """Run Home Assistant's pipeline without its own voice activity detection."""
        settings = self.room.settings
        with observed_intents(self.hass, run):
            await async_pipeline_from_audio_stream(
                self.hass,
                context=context,
                event_callback=self._internal_on_pipeline_event,
                stt_metadata=_STT_METADATA,
                stt_stream=audio,
                pipeline_id=pipeline.id,
                conversation_id=run.conversation_id,
                device_id=self.registry_entry.device_id
                if self.registry_entry
                else None,
                satellite_id=self.entity_id,
                audio_settings=AudioSettings(
                    is_vad_enabled=False,
                    noise_suppression_level=settings.noise_suppression,
                    auto_gain_dbfs=settings.auto_gain,
                    volume_multiplier=settings.volume_multiplier,
                ),
                start_stage=PipelineStage.STT,
                end_stage=end_stage,
                conversation_extra_system_prompt=prompt,
            )
        run.end_reply()
        if end_stage is PipelineStage.STT:
            run.settle(Outcome.HANDLED)

    async def _async_is_local(self, run: CommandRun, pipeline: Pipeline) -> bool:
        """Return whether all engines of a pipeline are on this network."""
        for engine in (
            pipeline.stt_engine,
            pipeline.conversation_engine,
            pipeline.tts_engine,
        ):
            if engine is None:
                continue
            if await async_engine_locality(self.hass, engine) is not Locality.LOCAL:
                run.settle(Outcome.REFUSED_NOT_LOCAL)
                return False
        return True

    @callback
    @override
    def on_pipeline_event(self, event: PipelineEvent) -> None:
        """Hand events of the pipeline to the run that it works for."""
        if (run := current_run.get()) is None:
            return
        run.on_pipeline_event(event)
        if event.type in (PipelineEventType.STT_END, PipelineEventType.ERROR):
            self.async_release(run)

    @callback
    def async_responding(self) -> None:
        """Show that the room speaks; it goes on after the pipeline has ended."""
        self._internal_on_pipeline_event(PipelineEvent(PipelineEventType.TTS_START, {}))

    @callback
    def async_release(self, run: CommandRun) -> None:
        """Tell the satellite that the command is over, so that it stops streaming."""
        if run.released or not self.room.connected:
            return
        run.released = True
        assert self.platform.config_entry is not None
        self.platform.config_entry.async_create_background_task(
            self.hass, self._async_release(), f"{self.entity_id}_release"
        )

    async def _async_release(self) -> None:
        """Send an empty transcript: the satellite needs the end, not the words."""
        with contextlib.suppress(WireError):
            await self.room.session.transcript("")

    # Wake words

    @callback
    @override
    def async_get_configuration(self) -> AssistSatelliteConfiguration:
        """Return the wake words of the satellite, or of the service that listens."""
        info = self.room.session.info
        if info is not None and any(p.installed for p in info.wake):
            active = (info.satellite and info.satellite.active_wake_words) or []
            most = (info.satellite and info.satellite.max_active_wake_words) or 1
            models = [m for p in info.wake if p.installed for m in p.models]
        elif (service := self._wake_word_service()) is not None:
            models = [m for p in service.info.wake if p.installed for m in p.models]
            active, most = self.room.settings.wake_words or [], 0
        else:
            models, active, most = [], [], 0
        return AssistSatelliteConfiguration(
            available_wake_words=[
                AssistSatelliteWakeWord(m.name, m.phrase or m.name, list(m.languages))
                for m in models
                if m.installed
            ],
            active_wake_words=list(active),
            max_active_wake_words=most,
        )

    def _wake_word_service(self) -> Any:
        """Return the service that listens for this room."""
        pipeline = self.room.hub.pipeline_of(self.room)
        return self.room.hub.wake_word(pipeline.wake_word_entity if pipeline else None)

    @override
    async def async_set_configuration(
        self, config: AssistSatelliteConfiguration
    ) -> None:
        """Choose the wake words; those that a satellite hears itself are its own."""
        info = self.room.session.info
        if info is not None and any(p.installed for p in info.wake):
            raise self._error("wake_words_fixed")
        self.room.settings.wake_words = list(config.active_wake_words) or None
        await self.room.async_settings_changed()
