"""Speech-to-text of a speech service; it ends the audio of our rooms itself."""

from collections.abc import AsyncIterable, AsyncIterator
from typing import TYPE_CHECKING, override

from homeassistant.components.stt import (
    AudioBitRates,
    AudioChannels,
    AudioCodecs,
    AudioFormats,
    AudioSampleRates,
    SpeechMetadata,
    SpeechResult,
    SpeechResultState,
    SpeechToTextEntity,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import CONF_MODEL
from .coordinator import SpeechServiceCoordinator
from .entity import ServiceEntity
from .run import CommandRun, current_run
from .voice.activation import FailReason, Outcome
from .wire.errors import Reason, WireError
from .wire.service import ServiceKind

if TYPE_CHECKING:
    from .hub import PrivateVoiceConfigEntry

PARALLEL_UPDATES = 0

_REASONS = {
    Reason.TIMED_OUT: FailReason.SPEECH_TO_TEXT_TIMEOUT,
    Reason.REMOTE_ERROR: FailReason.SPEECH_TO_TEXT_ERROR,
    Reason.NOT_WYOMING: FailReason.SPEECH_TO_TEXT_ERROR,
    Reason.TOO_LARGE: FailReason.SPEECH_TO_TEXT_ERROR,
}


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrivateVoiceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the services that transcribe."""
    for service_id, service in entry.runtime_data.services.items():
        if ServiceKind.STT in service.kinds:
            async_add_entities(
                [ServiceSpeechToText(service)], config_subentry_id=service_id
            )


class ServiceSpeechToText(ServiceEntity, SpeechToTextEntity):
    """A speech service as a speech-to-text engine."""

    _attr_translation_key = "speech_to_text"

    def __init__(self, service: SpeechServiceCoordinator) -> None:
        """Prepare the engine of a service."""
        super().__init__(service, "stt")

    @property
    @override
    def supported_languages(self) -> list[str]:
        """Return the languages of the installed models."""
        return self.coordinator.languages(ServiceKind.STT)

    @property
    @override
    def supported_formats(self) -> list[AudioFormats]:
        """Return the accepted containers."""
        return [AudioFormats.WAV]

    @property
    @override
    def supported_codecs(self) -> list[AudioCodecs]:
        """Return the accepted codecs."""
        return [AudioCodecs.PCM]

    @property
    @override
    def supported_bit_rates(self) -> list[AudioBitRates]:
        """Return the accepted bit rates."""
        return [AudioBitRates.BITRATE_16]

    @property
    @override
    def supported_sample_rates(self) -> list[AudioSampleRates]:
        """Return the accepted sample rates."""
        return [AudioSampleRates.SAMPLERATE_16000]

    @property
    @override
    def supported_channels(self) -> list[AudioChannels]:
        """Return the accepted channels."""
        return [AudioChannels.CHANNEL_MONO]

    @override
    async def async_process_audio_stream(
        self, metadata: SpeechMetadata, stream: AsyncIterable[bytes]
    ) -> SpeechResult:
        """Transcribe; in a run of ours also decide when the speech has ended."""
        run = current_run.get()
        audio = stream if run is None else _until_finished(stream, run)
        clock = self.hass.loop.time
        ended = clock()

        async def timed() -> AsyncIterator[bytes]:
            nonlocal ended
            async for pcm in audio:
                yield pcm
            ended = clock()

        client = self.coordinator.client
        try:
            text = await client.transcribe(
                timed(),
                language=metadata.language,
                model=self.coordinator.subentry.data.get(CONF_MODEL),
            )
        except WireError as err:
            self.coordinator.async_failed(err)
            if run is not None:
                run.stop_listening()
                run.settle(
                    Outcome.FAILED,
                    _REASONS.get(err.reason, FailReason.SPEECH_TO_TEXT_DOWN),
                )
            return SpeechResult(None, SpeechResultState.ERROR)
        self.coordinator.async_answered(clock() - ended)
        if run is not None:
            run.stop_listening()
            if not await run.async_admitted() or run.outcome is Outcome.NO_SPEECH:
                text = ""
        return SpeechResult(text.strip(), SpeechResultState.SUCCESS)


async def _until_finished(
    stream: AsyncIterable[bytes], run: CommandRun
) -> AsyncIterator[bytes]:
    """Pass audio on until the person has finished speaking."""
    async for pcm in stream:
        yield pcm
        if run.hears_end(pcm):
            break
    run.stop_listening()
