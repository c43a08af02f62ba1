"""Learns from Home Assistant's chat log which intents a command led to.

Relies on ``async_subscribe_chat_logs`` of the conversation component, which is not in its
public list: without it activations carry no intent. A callback that raises would break
the conversation, so none leaves this file.
"""

from collections.abc import Iterator
from contextlib import contextmanager
import logging
from typing import Any

from homeassistant.components.conversation import chat_log
from homeassistant.core import HomeAssistant, callback

from .run import CommandRun, current_run
from .voice.activation import Activation

_LOGGER = logging.getLogger(__name__)


@contextmanager
def observed_intents(hass: HomeAssistant, run: CommandRun) -> Iterator[None]:
    """Note the names of intents, their slots and targets while the block runs."""

    @callback
    def on_chat_log(_: str, event_type: Any, data: dict[str, Any]) -> None:
        if current_run.get() is not run or event_type != "content_added":
            return
        try:
            _note(run.activation, data["content"])
        except (AttributeError, KeyError, TypeError, ValueError) as err:
            _LOGGER.debug("Chat log was not understood: %s", type(err).__name__)

    subscribe = getattr(chat_log, "async_subscribe_chat_logs", None)
    unsubscribe = subscribe(hass, on_chat_log) if subscribe is not None else None
    try:
        yield
    finally:
        if unsubscribe is not None:
            unsubscribe()


def _note(activation: Activation, content: dict[str, Any]) -> None:
    """Note a piece of content: names only, no values."""
    for call in content.get("tool_calls") or ():
        if call.tool_name not in activation.intents:
            activation.intents.append(call.tool_name)
        activation.intent = activation.intent or call.tool_name
        for slot in call.tool_args or ():
            if slot not in activation.slot_names:
                activation.slot_names.append(slot)
    if content.get("role") == "tool_result":
        _note_targets(activation, content)


def _note_targets(activation: Activation, content: dict[str, Any]) -> None:
    """Note the ids that an intent acted on."""
    payload = content["result"]["data"]
    for target in (payload.get("data") or {}).get("success", ()):
        if (target_id := target.get("id")) and target_id not in activation.targets:
            activation.targets.append(target_id)
