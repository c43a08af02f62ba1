"""Private Voice's conversation agent, and the intent handling of speech services."""

import logging
from typing import TYPE_CHECKING, Literal, override

from homeassistant.components import conversation
from homeassistant.components.conversation import (
    AssistantContent,
    ChatLog,
    ConversationEntity,
    ConversationEntityFeature,
    ConversationInput,
    ConversationResult,
    ToolResultContent,
)
from homeassistant.const import MATCH_ALL
from homeassistant.core import HomeAssistant
from homeassistant.helpers import intent, llm
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from wyoming.info import HandleModel, IntentModel

from .const import DOMAIN
from .coordinator import SpeechServiceCoordinator
from .entity import HubEntity, ServiceEntity
from .intents import async_register
from .requests import Request, RequestRecognizer
from .spoken import async_spoken
from .wire.errors import WireError
from .wire.service import ServiceKind

if TYPE_CHECKING:
    from .hub import Hub, PrivateVoiceConfigEntry

_LOGGER = logging.getLogger(__name__)

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
    """The agent of Private Voice's pipelines: our own requests, then Home Assistant's.

    It is an agent of its own so that it knows our requests, and so that rooms can be
    asked questions: Home Assistant refuses that for the built-in one.
    """

    _attr_name = None
    _attr_supported_features = ConversationEntityFeature.CONTROL

    def __init__(self, hub: Hub) -> None:
        """Prepare the agent of the hub."""
        super().__init__(hub, "conversation")
        self._requests = RequestRecognizer(hub.hass)

    @override
    async def async_added_to_hass(self) -> None:
        """Take requests as long as there is somebody who understands them."""
        await super().async_added_to_hass()
        self.async_on_remove(async_register(self.hass, self.hub))

    @property
    @override
    def supported_languages(self) -> list[str] | Literal["*"]:
        """Return that the language is left to the built-in agent."""
        return MATCH_ALL

    @override
    async def async_prepare(self, language: str | None = None) -> None:
        """Load the sentences of a language, so that the first command is quick."""
        await self._requests.async_load(language or self.hass.config.language)
        agent = conversation.async_get_agent(
            self.hass, conversation.HOME_ASSISTANT_AGENT
        )
        if agent is not None:
            await agent.async_prepare(language)

    @override
    async def _async_handle_message(
        self, user_input: ConversationInput, chat_log: ChatLog
    ) -> ConversationResult:
        """Do what is asked of us; else let the built-in agent use the same chat log."""
        request = await self._requests.async_recognize(
            user_input.text, user_input.language
        )
        if request is not None:
            return await self._async_fulfil(request, user_input, chat_log)
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

    async def _async_fulfil(
        self, request: Request, user_input: ConversationInput, chat_log: ChatLog
    ) -> ConversationResult:
        """Handle a request and write it into the chat log as the built-in agent does."""
        agent_id = user_input.agent_id
        call = llm.ToolInput(request.intent_type, dict(request.slots), external=True)
        chat_log.async_add_assistant_content_without_tools(
            AssistantContent(agent_id, tool_calls=[call])
        )
        response = await self._async_handle_intent(request, user_input)
        chat_log.async_add_assistant_content_without_tools(
            ToolResultContent(
                agent_id,
                tool_call_id=call.id,
                tool_name=call.tool_name,
                result=llm.ToolResult(data=llm.IntentResponseDict(response)),
            )
        )
        speech = response.speech.get("plain", {}).get("speech", "")
        chat_log.async_add_assistant_content_without_tools(
            AssistantContent(agent_id, content=speech)
        )
        return ConversationResult(
            response=response, conversation_id=chat_log.conversation_id
        )

    async def _async_handle_intent(
        self, request: Request, user_input: ConversationInput
    ) -> intent.IntentResponse:
        """Return the response to a request; its handler needs no words."""
        language = user_input.language
        try:
            return await intent.async_handle(
                self.hass,
                DOMAIN,
                request.intent_type,
                {name: {"value": value} for name, value in request.slots.items()},
                context=user_input.context,
                language=language,
                assistant=conversation.DOMAIN,
                device_id=user_input.device_id,
                satellite_id=user_input.satellite_id,
                conversation_agent_id=user_input.agent_id,
            )
        except intent.IntentError as err:
            _LOGGER.error(
                "Request %s failed: %s", request.intent_type, type(err).__name__
            )
            response = intent.IntentResponse(language=language)
            response.async_set_error(
                intent.IntentResponseErrorCode.FAILED_TO_HANDLE,
                await async_spoken(self.hass, "intent_failed", language),
            )
            return response


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
