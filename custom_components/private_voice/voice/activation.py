"""The record of an activation: from wake to outcome, and never a word."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
import time
from typing import Any
from uuid import uuid4


class Outcome(StrEnum):
    """How an activation ended."""

    HANDLED = "handled"
    NOT_UNDERSTOOD = "not_understood"
    NO_SPEECH = "no_speech"
    FAILED = "failed"
    CANCELLED = "cancelled"
    MUTED = "muted"
    REFUSED_NOT_LOCAL = "refused_not_local"
    OTHER_ROOM = "other_room"
    INTERRUPTED = "interrupted"


class WokenBy(StrEnum):
    """What opened an activation."""

    WAKE_WORD = "wake_word"
    SATELLITE = "satellite"
    """The satellite asked without naming a wake word: a button, or its own secret."""
    FOLLOW_UP = "follow_up"
    AUTOMATION = "automation"


class FailReason(StrEnum):
    """Why an activation failed."""

    SPEECH_TO_TEXT_DOWN = "speech_to_text_down"
    SPEECH_TO_TEXT_ERROR = "speech_to_text_error"
    SPEECH_TO_TEXT_TIMEOUT = "speech_to_text_timeout"
    SPEECH_TO_TEXT_MISSING = "speech_to_text_missing"
    TEXT_TO_SPEECH_DOWN = "text_to_speech_down"
    AGENT_ERROR = "agent_error"
    PIPELINE_MISSING = "pipeline_missing"
    TARGET_NOT_FOUND = "target_not_found"
    INTENT_FAILED = "intent_failed"
    SATELLITE_LOST = "satellite_lost"
    TIMED_OUT = "timed_out"
    INTERNAL = "internal"


class Stage(StrEnum):
    """Points in time of an activation."""

    LISTENING = "listening"
    SPEECH_END = "speech_end"
    TRANSCRIPT = "transcript"
    INTENT = "intent"
    REPLY_START = "reply_start"
    REPLY_END = "reply_end"


@dataclass
class Activation:
    """One time that a room woke, from the wake to the end of the reply."""

    room_id: str
    woken_by: WokenBy
    wake_word: str | None = None
    language: str | None = None
    id: str = field(default_factory=lambda: uuid4().hex)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    outcome: Outcome | None = None
    reason: FailReason | None = None
    intent: str | None = None
    """Name of the first intent."""

    intents: list[str] = field(default_factory=list)
    slot_names: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    """Ids of the entities and areas acted on."""

    other_room: str | None = None
    """The room that answered instead."""

    stages: dict[Stage, float] = field(default_factory=dict)
    """Seconds from the wake to each stage."""

    microphone_open: float = 0.0
    """Seconds that audio was taken from the room."""

    _clock: float = field(default_factory=time.monotonic, repr=False)

    def mark(self, stage: Stage) -> None:
        """Note that a stage is reached; the first time counts."""
        self.stages.setdefault(stage, round(time.monotonic() - self._clock, 3))
        if stage is Stage.SPEECH_END and not self.microphone_open:
            self.microphone_open = self.stages[stage]

    def close(self, outcome: Outcome, reason: FailReason | None = None) -> bool:
        """Close the record; return whether it was still open."""
        if self.outcome is not None:
            return False
        self.outcome = outcome
        self.reason = reason
        if Stage.LISTENING in self.stages:
            self.mark(Stage.SPEECH_END)
        return True

    def as_attributes(self) -> dict[str, Any]:
        """Return the record for events and history."""
        return {
            "activation_id": self.id,
            "outcome": self.outcome.value if self.outcome else None,
            "reason": self.reason.value if self.reason else None,
            "woken_by": self.woken_by.value,
            "wake_word": self.wake_word,
            "language": self.language,
            "intent": self.intent,
            "intents": list(self.intents),
            "slot_names": list(self.slot_names),
            "targets": list(self.targets),
            "other_room": self.other_room,
            "stages": {stage.value: at for stage, at in self.stages.items()},
            "microphone_open": self.microphone_open,
        }
