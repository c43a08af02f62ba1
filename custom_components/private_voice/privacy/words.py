"""Keeps what is said in our rooms out of Home Assistant's log, at every level.

Relies on the names of the loggers below and on tasks copying the context of whoever makes
them: records that are emitted while one of our commands or announcements is worked on
keep their message and lose their arguments. Timers end later and outside, so those of the
intent component lose theirs always. A logger that is renamed in a later Home Assistant is
no longer guarded: the tests compare with what the installed one logs.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
import logging
from typing import Final, override

from homeassistant.core import HomeAssistant, callback

_C: Final = "homeassistant.components"
_IN_CONTEXT: Final = (
    "hassil",
    "hassil.recognize",
    "hassil.string_matcher",
    "homeassistant.core",
    f"{_C}.assist_pipeline",
    f"{_C}.assist_pipeline.default_pipeline",
    f"{_C}.assist_pipeline.pipeline",
    f"{_C}.assist_pipeline.run",
    f"{_C}.assist_satellite",
    f"{_C}.assist_satellite.entity",
    f"{_C}.conversation",
    f"{_C}.conversation.agent_manager",
    f"{_C}.conversation.chat_log",
    f"{_C}.conversation.default_agent",
    f"{_C}.conversation.entity",
    f"{_C}.conversation.gazetteer",
    f"{_C}.conversation.services",
    f"{_C}.conversation.trigger",
    f"{_C}.intent",
    f"{_C}.media_player.intent",
    f"{_C}.tts",
    f"{_C}.websocket_api.http.connection",
    f"{_C}.wyoming.conversation",
    f"{_C}.wyoming.stt",
    f"{_C}.wyoming.tts",
    "homeassistant.helpers.intent",
    "homeassistant.helpers.script",
    "homeassistant.helpers.template",
)
_ALWAYS: Final = (f"{_C}.intent.timers",)

_in_our_run: ContextVar[bool] = ContextVar("private_voice_words", default=False)


@contextmanager
def voice_context() -> Iterator[None]:
    """Mark what is done inside, and by tasks made inside, as holding words."""
    token = _in_our_run.set(True)
    try:
        yield
    finally:
        _in_our_run.reset(token)


class WordFilter(logging.Filter):
    """Takes the arguments and the traceback from records that may hold words."""

    def __init__(self, *, always: bool = False) -> None:
        """Withhold in our context, or always."""
        super().__init__()
        self._always = always

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without words."""
        if self._always or _in_our_run.get():
            template = str(record.msg) if record.args else "a message"
            kind = record.exc_info[0] if record.exc_info else None
            error = f" ({kind.__name__})" if kind else ""
            # Without arguments the message is not formatted: its %s stay as they are.
            record.msg = f"[words withheld] {template}{error}"
            record.args = None
            record.exc_info = record.exc_text = None
        return True


@callback
def async_install(hass: HomeAssistant) -> Callable[[], None]:
    """Guard the loggers; return what takes the guards off."""
    installed = [
        (logging.getLogger(name), WordFilter(always=name in _ALWAYS))
        for name in (*_IN_CONTEXT, *_ALWAYS)
    ]
    for logger, guard in installed:
        logger.addFilter(guard)

    @callback
    def remove() -> None:
        for logger, guard in installed:
            logger.removeFilter(guard)

    return remove
