"""Private Voice's conversation agent, and the intent handling of speech services."""

from typing import TYPE_CHECKING, Literal, override

from homeassistant.components import conversation
from homeassistant.components.conversation import (
    ChatLog,
    ConversationEntity,
    ConversationEntityFeature,
    ConversationInput,
    ConversationResult,
)
from homeassistant.const import MATCH_ALL
from homeassistant.core import HomeAssistant
from homeassistant.helpers import intent
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from wyoming.info import HandleModel, IntentModel

from .coordinator import SpeechServiceCoordinator
from .entity import HubEntity, ServiceEntity
from .wire.errors import WireError
from .wire.service import ServiceKind

if TYPE_CHECKING:
    from .hub import Hub, PrivateVoiceConfigEntry

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrivateVoiceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the hub's agent and the services that handle intents."""
    hub = entry.runtime_data
    async_add_entities([PrivateVoiceAgent(hub)])
    for service_id, service in hub.services.items():
        if ServiceKind.HANDLE in service.kinds:
            async_add_entities(
                [ServiceConversation(service)], config_subentry_id=service_id
            )


class PrivateVoiceAgent(HubEntity, ConversationEntity):
    """The agent of Private Voice's pipelines: Home Assistant's own, on this machine.

    It is an agent of its own so that rooms can be asked questions: Home Assistant
    refuses that for the built-in one.
    """

    _attr_name = None
    _attr_supported_features = ConversationEntityFeature.CONTROL

    def __init__(self, hub: Hub) -> None:
        """Prepare the agent of the hub."""
        super().__init__(hub, "conversation")

    @property
    @override
    def supported_languages(self) -> list[str] | Literal["*"]:
        """Return that the language is left to the built-in agent."""
        return MATCH_ALL

    @override
    async def async_prepare(self, language: str | None = None) -> None:
        """Load the sentences of a language, so that the first command is quick."""
        agent = conversation.async_get_agent(
            self.hass, conversation.HOME_ASSISTANT_AGENT
        )
        if agent is not None:
            await agent.async_prepare(language)

    @override
    async def _async_handle_message(
        self, user_input: ConversationInput, chat_log: ChatLog
    ) -> ConversationResult:
        """Let the built-in agent handle the command in the same chat log."""
        return await conversation.async_converse(
            self.hass,
            text=user_input.text,
            conversation_id=chat_log.conversation_id,
            context=user_input.context,
            language=user_input.language,
            agent_id=conversation.HOME_ASSISTANT_AGENT,
            device_id=user_input.device_id,
            satellite_id=user_input.satellite_id,
            extra_system_prompt=user_input.extra_system_prompt,
        )


class ServiceConversation(ServiceEntity, ConversationEntity):
    """A speech service that answers texts as a conversation agent."""

    _attr_translation_key = "conversation"

    def __init__(self, service: SpeechServiceCoordinator) -> None:
        """Prepare the agent of a service."""
        super().__init__(service, "conversation")

    @property
    @override
    def supported_languages(self) -> list[str] | Literal["*"]:
        """Return the languages of the installed models."""
        info = self.coordinator.info
        models: list[HandleModel | IntentModel] = [
            *(m for p in info.handle if p.installed for m in p.models),
            *(m for p in info.intent if p.installed for m in p.models),
        ]
        languages = {lang for m in models if m.installed for lang in m.languages}
        return sorted(languages) or MATCH_ALL

    @override
    async def _async_handle_message(
        self, user_input: ConversationInput, chat_log: ChatLog
    ) -> ConversationResult:
        """Ask the service for an answer."""
        response = intent.IntentResponse(language=user_input.language)
        try:
            handled = await self.coordinator.client.handle(
                user_input.text,
                language=user_input.language,
                context={"conversation_id": chat_log.conversation_id},
            )
        except WireError as err:
            self.coordinator.async_failed(err)
            response.async_set_error(
                intent.IntentResponseErrorCode.UNKNOWN, "The service did not answer"
            )
        else:
            if handled.handled:
                response.async_set_speech(handled.text or "")
            else:
                response.async_set_error(
                    intent.IntentResponseErrorCode.NO_INTENT_MATCH, handled.text or ""
                )
        return ConversationResult(
            response=response, conversation_id=chat_log.conversation_id
        )
