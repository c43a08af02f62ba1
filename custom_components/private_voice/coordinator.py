"""Keeps the description of a speech service fresh and says whether it is there."""

from datetime import timedelta
import logging
from typing import TYPE_CHECKING, override

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util import language as language_util
from wyoming.info import AsrModel, Info, TtsVoice

from .const import CONF_KINDS, CONF_VOICE, DOMAIN
from .wire.errors import Reason, WireError
from .wire.service import ServiceClient, ServiceKind, kinds

if TYPE_CHECKING:
    from .hub import PrivateVoiceConfigEntry

_LOGGER = logging.getLogger(__name__)

_UPDATE_INTERVAL = timedelta(seconds=30)

# These say nothing about whether the service is there at all.
_STILL_THERE = (Reason.REMOTE_ERROR, Reason.TIMED_OUT)


class SpeechServiceCoordinator(DataUpdateCoordinator[Info]):
    """One speech service: its connection data, description and health."""

    config_entry: PrivateVoiceConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: PrivateVoiceConfigEntry,
        subentry: ConfigSubentry,
    ) -> None:
        """Prepare the service of a subentry."""
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=f"speech service {subentry.title}",
            update_interval=_UPDATE_INTERVAL,
        )
        self.subentry = subentry
        self.client = ServiceClient(subentry.data[CONF_HOST], subentry.data[CONF_PORT])
        self.response_time: float | None = None
        """Seconds that the last request took to answer."""

    @property
    def info(self) -> Info:
        """Return the latest description, an empty one until there is any."""
        return self.data or Info()

    @property
    def kinds(self) -> set[ServiceKind]:
        """Return what the service offers, as known when it was added or since."""
        return kinds(self.info) or {
            ServiceKind(kind) for kind in self.subentry.data.get(CONF_KINDS, ())
        }

    def languages(self, kind: ServiceKind) -> list[str]:
        """Return the languages that installed models or voices of a kind know."""
        models: list[AsrModel | TtsVoice] = []
        if kind is ServiceKind.STT:
            models = [m for p in self.info.asr if p.installed for m in p.models]
        elif kind is ServiceKind.TTS:
            models = [v for p in self.info.tts if p.installed for v in p.voices]
        return sorted({lang for m in models if m.installed for lang in m.languages})

    def voices(self, language: str) -> list[TtsVoice]:
        """Return the installed voices of a language, by name."""
        voices = [v for p in self.info.tts if p.installed for v in p.voices]
        return sorted(
            (v for v in voices if v.installed and language in v.languages),
            key=lambda voice: voice.name,
        )

    def voice_for(self, language: str) -> str | None:
        """Return the voice that speaks a language: the user's choice, or the first."""
        known = language_util.matches(language, self.languages(ServiceKind.TTS))
        names = [voice.name for lang in known for voice in self.voices(lang)]
        chosen = self.subentry.data.get(CONF_VOICE)
        if chosen in names:
            return str(chosen)
        return names[0] if names else None

    @override
    async def _async_update_data(self) -> Info:
        """Ask the service to describe itself."""
        try:
            return await self.client.describe()
        except WireError as err:
            raise UpdateFailed(
                translation_domain=DOMAIN,
                translation_key="service_down",
                translation_placeholders={"service": self.subentry.title},
            ) from err

    @callback
    def async_answered(self, seconds: float) -> None:
        """Note that a request was answered in so many seconds."""
        self.response_time = round(seconds, 3)
        self.async_update_listeners()

    @callback
    def async_failed(self, error: WireError) -> None:
        """Note that a request failed; a lost service shows at once."""
        if error.reason not in _STILL_THERE and self.last_update_success:
            self.hass.async_create_task(
                self.async_request_refresh(), f"refresh {self.name}"
            )
