"""Keeps what is said in our rooms out of the log, at every level and whoever writes it.

A record that is made while one of our commands or announcements is worked on keeps its
message and loses what is filled in, and its traceback but for the kind of the error. What
belongs to a command is told by the context, which tasks inherit from whoever makes them.

Relies on:
- ``logging.setLogRecordFactory``, which sees the records of every logger; filters would
  have to be put on each one by name, and some are named after the user's automations. An
  integration that replaces the factory without calling the one before it takes this away.
- the names below, for what goes on after the command (a task of it that outlives it, a
  timer) or besides it (intents are recognised in the executor, which has no context; the
  websocket writes from a task of its own).

Out of reach: records that are put together without the logging module's loggers, and what
other threads log about a command after it has ended.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
import logging
import threading
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback

from ..const import DOMAIN

_C: Final = "homeassistant.components"

_TALKATIVE: Final = (
    "gazetteer_matcher",
    "hassil",
    "homeassistant.core",
    "homeassistant.helpers.intent",
    "homeassistant.helpers.llm",
    "homeassistant.helpers.script",
    "homeassistant.helpers.template",
    f"{_C}.assist_pipeline",
    f"{_C}.assist_satellite",
    f"{_C}.automation",
    f"{_C}.conversation",
    f"{_C}.intent",
    f"{_C}.media_player.intent",
    f"{_C}.script",
    f"{_C}.shopping_list",
    f"{_C}.stt",
    f"{_C}.todo",
    f"{_C}.tts",
    f"{_C}.wyoming",
    "root",
)
"""These, and the loggers below them, print what is said; hassil does it as root."""

_TIMERS: Final = f"{_C}.intent.timers"
"""Prints names and delayed commands when a timer ends, long after it was asked for."""

_WEBSOCKET: Final = f"{_C}.websocket_api.http.connection"
_SPOKEN_KEYS: Final = (
    b'"stt_output"',
    b'"intent_input"',
    b'"intent_output"',
    b'"chat_log_delta"',
    b'"tts_input"',
    b'"conversation_id"',
)
"""What messages about commands have in them, and others have not."""

_OURS: Final = f"custom_components.{DOMAIN}"


class _Work:
    """One command or announcement."""

    __slots__ = ("going_on",)

    def __init__(self) -> None:
        """Begin."""
        self.going_on = True


_current: ContextVar[_Work | None] = ContextVar("private_voice_work", default=None)


@contextmanager
def voice_context() -> Iterator[None]:
    """Mark what is done inside, and by tasks made inside, as holding words."""
    work = _Work()
    token = _current.set(work)
    _guard.works += 1
    try:
        yield
    finally:
        _guard.works -= 1
        work.going_on = False
        _current.reset(token)


class _Guard:
    """Makes log records, without words where there may be some."""

    def __init__(self) -> None:
        """Prepare; install puts it to work."""
        self.works = 0
        """Commands and announcements going on."""

        self._before: Callable[..., logging.LogRecord] | None = None
        self._enabled = False

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        """Make a record as it was made before, then look at it."""
        make = self._before or logging.LogRecord
        record = make(*args, **kwargs)
        if self._enabled and self._may_hold_words(record):
            _withhold(record)
        return record

    def install(self) -> bool:
        """Begin to guard; return whether it did not already."""
        if self._enabled:
            return False
        self._enabled = True
        if self._before is None:
            self._before = logging.getLogRecordFactory()
            logging.setLogRecordFactory(self)
        return True

    def remove(self) -> None:
        """Stop guarding; whoever has put a factory on top of this one still calls it."""
        self._enabled = False
        if self._before is not None and logging.getLogRecordFactory() is self:
            logging.setLogRecordFactory(self._before)
            self._before = None

    def _may_hold_words(self, record: logging.LogRecord) -> bool:
        """Return whether a record is about a command."""
        if record.name == _TIMERS:
            return True
        if record.name == _WEBSOCKET:
            return bool(self.works) or _is_about_a_command(record)
        if (work := _current.get()) is None:
            elsewhere = threading.current_thread() is not threading.main_thread()
            return bool(elsewhere and self.works and _is_talkative(record.name))
        if record.name == _OURS or record.name.startswith(f"{_OURS}."):
            return bool(record.exc_info)
        return work.going_on or _is_talkative(record.name)


_guard: Final = _Guard()


def _is_talkative(name: str) -> bool:
    """Return whether a logger prints what is said."""
    return any(name == known or name.startswith(f"{known}.") for known in _TALKATIVE)


def _is_about_a_command(record: logging.LogRecord) -> bool:
    """Return whether a message on a websocket tells about a command."""
    args = record.args if isinstance(record.args, tuple) else (record.args,)
    texts = [a if isinstance(a, bytes) else str(a).encode() for a in args]
    return any(
        key in text.replace(b"'", b'"') for text in texts for key in _SPOKEN_KEYS
    )


def _withhold(record: logging.LogRecord) -> None:
    """Leave of a record what the developer wrote and drop what was filled in."""
    if record.args and isinstance(record.msg, str):
        told = record.msg
    else:
        told = f"{record.filename}:{record.lineno}"
    kind = record.exc_info[0] if record.exc_info else None
    error = f" ({kind.__name__})" if kind else ""
    # Without arguments the message is not formatted: its %s stay as they are.
    record.msg = f"[words withheld] {told}{error}"
    record.args = None
    record.exc_info = record.exc_text = record.stack_info = None


@callback
def async_install(hass: HomeAssistant) -> Callable[[], None]:
    """Guard the log of this process; return what takes the guard off."""
    if not _guard.install():
        return lambda: None
    return _guard.remove
