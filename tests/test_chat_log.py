"""What is learned from Home Assistant's chat log, whatever it looks like one day."""

import logging
from types import SimpleNamespace
from typing import Any

from homeassistant.components.conversation import chat_log as core
from homeassistant.core import HomeAssistant
import pytest

from custom_components.private_voice.chat_log import observed_intents
from custom_components.private_voice.run import CommandRun, current_run
from custom_components.private_voice.voice.activation import Activation, WokenBy
from custom_components.private_voice.voice.endpoint import Endpointer


def told(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, *contents: Any
) -> Activation:
    """Return the activation of a command during which a chat log told this."""
    listeners: list[Any] = []

    def subscribe(_: HomeAssistant, listener: Any) -> Any:
        listeners.append(listener)
        return lambda: listeners.remove(listener)

    monkeypatch.setattr(core, "async_subscribe_chat_logs", subscribe)
    run = CommandRun(Activation("room", WokenBy.SATELLITE), Endpointer(silence=0.7))
    token = current_run.set(run)
    with observed_intents(hass, run):
        for content in contents:
            listeners[0]("conversation", "content_added", {"content": content})
    current_run.reset(token)
    assert listeners == []
    return run.activation


async def test_names_and_ids_are_noted(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names of intents and slots, ids of targets; no value and no text."""
    call = SimpleNamespace(tool_name="HassTurnOn", tool_args={"name": "Bedroom lamp"})
    success = {"success": [{"name": "Bedroom lamp", "id": "light.bedroom"}]}
    activation = told(
        hass,
        monkeypatch,
        {"role": "assistant", "tool_calls": [call, call]},
        {"role": "tool_result", "result": {"data": {"data": success}}},
    )
    assert activation.intents == ["HassTurnOn"]
    assert activation.slot_names == ["name"]
    assert activation.targets == ["light.bedroom"]
    assert "Bedroom" not in str(activation.as_attributes())


async def test_strange_content_breaks_nothing(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The command goes on; the log tells the kind of error and no word."""
    caplog.set_level(logging.DEBUG)
    activation = told(
        hass,
        monkeypatch,
        {"role": "tool_result", "result": "pumpernickel"},
        {"role": "assistant", "tool_calls": ["pumpernickel"]},
    )
    assert activation.intents == []
    assert "Chat log was not understood" in caplog.text
    assert "pumpernickel" not in caplog.text
