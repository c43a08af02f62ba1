"""The hub at run time: owns the speech services and the rooms."""

from homeassistant.components.assist_pipeline import Pipeline
from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from homeassistant.util import language as language_util

from .const import (
    CONF_AREA_ID,
    CONF_LANGUAGE,
    CONF_MAKE_PREFERRED,
    DOMAIN,
    SUBENTRY_ROOM,
    SUBENTRY_SERVICE,
)
from .coordinator import SpeechServiceCoordinator
from .journal import Journal
from .pipelines import (
    PIPELINE_NAME,
    async_check_pipeline,
    async_ensure_pipeline,
    async_find_pipeline,
    async_make_preferred,
)
from .room import Room
from .settings import SettingsStore
from .voice.activation import Activation, Outcome
from .voice.arbitration import Arbiter
from .wire.service import ServiceKind

type PrivateVoiceConfigEntry = ConfigEntry[Hub]


class Hub:
    """Everything that runs for the config entry."""

    def __init__(
        self, hass: HomeAssistant, entry: PrivateVoiceConfigEntry, device_id: str
    ) -> None:
        """Prepare the hub."""
        self.hass = hass
        self.entry = entry
        self.settings = SettingsStore(hass, entry.entry_id)
        self.journal = Journal(hass, entry.entry_id)
        self.arbiter = Arbiter()
        self.services: dict[str, SpeechServiceCoordinator] = {}
        self.rooms: dict[str, Room] = {}
        self.device_id = device_id
        """Id of the hub's device."""

        self._cut_off: list[Activation] = []

    async def async_prepare(self) -> None:
        """Load the settings and learn what the services offer."""
        await self.settings.async_load()
        self._cut_off = await self.journal.async_load()
        for subentry in self._subentries(SUBENTRY_SERVICE):
            service = SpeechServiceCoordinator(self.hass, self.entry, subentry)
            self.services[subentry.subentry_id] = service
        for subentry in self._subentries(SUBENTRY_ROOM):
            self.rooms[subentry.subentry_id] = Room(self, subentry)
        self.settings.forget_all_but(set(self.rooms))
        self._forget_issues()

    def _subentries(self, kind: str) -> list[ConfigSubentry]:
        """Return the subentries of a type."""
        return [s for s in self.entry.subentries.values() if s.subentry_type == kind]

    @callback
    def _forget_issues(self) -> None:
        """Take back what was said about rooms that were removed."""
        registry = ir.async_get(self.hass)
        for domain, issue_id in list(registry.issues):
            room_id = (registry.issues[domain, issue_id].data or {}).get("subentry_id")
            if domain == DOMAIN and room_id and room_id not in self.rooms:
                ir.async_delete_issue(self.hass, DOMAIN, issue_id)

    async def async_start(self) -> None:
        """Make the pipelines and let the rooms connect, once all entities are there."""
        await self.async_ensure_pipelines()
        await self._async_record_cut_off()
        for room in self.rooms.values():
            self._place(room)
            async_check_pipeline(room)
            room.async_start()

    async def _async_record_cut_off(self) -> None:
        """Give a record to the activations that a crash cut off."""
        cut_off, self._cut_off = self._cut_off, []
        for activation in cut_off:
            room = self.rooms.get(activation.room_id)
            if room is not None and activation.close(Outcome.INTERRUPTED):
                room.async_record(activation)
        if cut_off:
            await self.journal.async_settled()

    @callback
    def _place(self, room: Room) -> None:
        """Put a room's device into the area that the user chose for it."""
        area_id = room.subentry.data.get(CONF_AREA_ID)
        if room.satellite is None or not area_id:
            return
        entry = room.satellite.registry_entry
        registry = dr.async_get(self.hass)
        if entry is None or entry.device_id is None:
            return
        device = registry.async_get(entry.device_id)
        if device is not None and device.area_id is None:
            registry.async_update_device(device.id, area_id=area_id)

    async def async_stop(self) -> None:
        """End all rooms."""
        self.arbiter.stop()
        for room in self.rooms.values():
            await room.async_stop()

    # Speech services

    def services_of(self, kind: ServiceKind) -> list[SpeechServiceCoordinator]:
        """Return the services of a kind, those that answer first."""
        services = [s for s in self.services.values() if kind in s.kinds]
        return sorted(services, key=lambda s: not s.last_update_success)

    def engine_of(
        self, service: SpeechServiceCoordinator, platform: Platform
    ) -> str | None:
        """Return the entity id of a service on a platform."""
        return er.async_get(self.hass).async_get_entity_id(
            platform, DOMAIN, f"{service.subentry.subentry_id}-{platform}"
        )

    def _service_of_engine(
        self, engine: str | None, platform: Platform
    ) -> SpeechServiceCoordinator | None:
        """Return our service behind an engine, if it is ours."""
        for service in self.services.values():
            if engine is not None and self.engine_of(service, platform) == engine:
                return service
        return None

    def text_to_speech(
        self, engine: str | None, language: str
    ) -> SpeechServiceCoordinator | None:
        """Return the service that speaks for an engine; any of ours if none is set."""
        if engine is not None:
            return self._service_of_engine(engine, Platform.TTS)
        return self._speaking(ServiceKind.TTS, language)

    def wake_word(self, engine: str | None) -> SpeechServiceCoordinator | None:
        """Return the service that listens for wake words."""
        if (service := self._service_of_engine(engine, Platform.WAKE_WORD)) is not None:
            return service
        return next(iter(self.services_of(ServiceKind.WAKE_WORD)), None)

    def _speaking(
        self, kind: ServiceKind, language: str
    ) -> SpeechServiceCoordinator | None:
        """Return the first service of a kind that knows a language."""
        for service in self.services_of(kind):
            if language_util.matches(language, service.languages(kind)):
                return service
        return None

    # Pipelines

    def default_language(self) -> str:
        """Return the language of rooms that have none of their own."""
        return self.hass.config.language

    async def async_ensure_pipelines(self) -> None:
        """Make an Assist pipeline for each language that is spoken in a room."""
        languages = {self.default_language()}
        languages |= {
            room.subentry.data[CONF_LANGUAGE]
            for room in self.rooms.values()
            if room.subentry.data.get(CONF_LANGUAGE)
        }
        first = not self.settings.pipelines
        for language in sorted(languages):
            pipeline = await self._async_ensure_pipeline(language)
            self.settings.pipelines[language] = pipeline.id
        if first and self.entry.options.get(CONF_MAKE_PREFERRED):
            await async_make_preferred(
                self.hass, self.settings.pipelines[self.default_language()]
            )
        await self.settings.async_save()

    async def _async_ensure_pipeline(self, language: str) -> Pipeline:
        """Make or complete the pipeline of a language."""
        is_default = language == self.default_language()
        return await async_ensure_pipeline(
            self.hass,
            self.settings.pipelines.get(language),
            name=PIPELINE_NAME if is_default else f"{PIPELINE_NAME} ({language})",
            language=language,
            engines=self._engines(language),
        )

    def _engines(self, language: str) -> dict[str, str | None]:
        """Return the engine fields of a pipeline in a language."""
        engines: dict[str, str | None] = {"conversation_language": language}
        agent = er.async_get(self.hass).async_get_entity_id(
            Platform.CONVERSATION, DOMAIN, f"{self.entry.entry_id}-conversation"
        )
        if agent is not None:
            engines["conversation_engine"] = agent
        for kind, platform, prefix in (
            (ServiceKind.STT, Platform.STT, "stt"),
            (ServiceKind.TTS, Platform.TTS, "tts"),
        ):
            if (service := self._speaking(kind, language)) is None:
                continue
            engines[f"{prefix}_engine"] = self.engine_of(service, platform)
            matches = language_util.matches(language, service.languages(kind))
            engines[f"{prefix}_language"] = matches[0]
            if kind is ServiceKind.TTS:
                engines["tts_voice"] = service.voice_for(matches[0])
        if (wake := self.wake_word(None)) is not None:
            engines["wake_word_entity"] = self.engine_of(wake, Platform.WAKE_WORD)
        return engines

    @callback
    def pipeline_of(self, room: Room) -> Pipeline | None:
        """Return the pipeline of a room; None if the chosen one is gone."""
        pipeline_id = room.settings.pipeline_id or self.settings.pipelines.get(
            room.subentry.data.get(CONF_LANGUAGE) or self.default_language()
        )
        return async_find_pipeline(self.hass, pipeline_id) if pipeline_id else None

    @callback
    def fallback_pipeline(self) -> Pipeline | None:
        """Return a pipeline of ours to say with that a room's own is gone."""
        for pipeline_id in self.settings.pipelines.values():
            if (pipeline := async_find_pipeline(self.hass, pipeline_id)) is not None:
                return pipeline
        return None

    @callback
    def room_name(self, room_id: str) -> str:
        """Return the name of a room."""
        room = self.rooms.get(room_id)
        return room.name if room is not None else room_id
