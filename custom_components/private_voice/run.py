"""One command on its way from the microphone to the intent, as Home Assistant sees it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self, override

from homeassistant.components.assist_pipeline import PipelineEvent, PipelineEventType
from homeassistant.core import callback

from .voice.activation import Activation, FailReason, Outcome, Stage
from .voice.endpoint import Decision, Endpointer

if TYPE_CHECKING:
    from .voice.arbitration import Candidate

# 30 s of 16 kHz, 16 bit, mono: longer than any command may last.
_MAX_BUFFERED_BYTES = 30 * 32_000

# A satellite that asked for a command and then sends nothing is not waited for longer.
_AUDIO_GAP = 3.0

# Home Assistant's error codes that mean more than "failed".
_ERRORS: dict[str, tuple[Outcome, FailReason | None]] = {
    "stt-no-text-recognized": (Outcome.NO_SPEECH, None),
    "stt-provider-missing": (Outcome.FAILED, FailReason.SPEECH_TO_TEXT_MISSING),
    "stt-provider-unsupported-metadata": (
        Outcome.FAILED,
        FailReason.SPEECH_TO_TEXT_MISSING,
    ),
    "stt-stream-failed": (Outcome.FAILED, FailReason.SPEECH_TO_TEXT_ERROR),
    "intent-not-supported": (Outcome.FAILED, FailReason.AGENT_ERROR),
    "intent-failed": (Outcome.FAILED, FailReason.AGENT_ERROR),
    "pipeline-not-found": (Outcome.FAILED, FailReason.PIPELINE_MISSING),
}

# Codes of an intent response that is an error.
_RESPONSES: dict[str, tuple[Outcome, FailReason | None]] = {
    "no_intent_match": (Outcome.NOT_UNDERSTOOD, None),
    "no_valid_targets": (Outcome.FAILED, FailReason.TARGET_NOT_FOUND),
    "failed_to_handle": (Outcome.FAILED, FailReason.INTENT_FAILED),
    "unknown": (Outcome.FAILED, FailReason.AGENT_ERROR),
}


class AudioQueue(AsyncIterator[bytes]):
    """Audio on its way to speech-to-text: bounded, ends when told or when starved."""

    def __init__(self) -> None:
        """Start empty and open."""
        self._pieces: deque[bytes] = deque()
        self._bytes = 0
        self._ended = False
        self._arrived = asyncio.Event()
        self.dropped = 0
        """Bytes that came when nobody wanted them."""

    @callback
    def put(self, pcm: bytes) -> None:
        """Add audio; past the bound or after the end it is dropped and counted."""
        if self._ended or self._bytes + len(pcm) > _MAX_BUFFERED_BYTES:
            self.dropped += len(pcm)
            return
        self._pieces.append(pcm)
        self._bytes += len(pcm)
        self._arrived.set()

    @callback
    def end(self) -> None:
        """Let the reader stop after what is there."""
        self._ended = True
        self._arrived.set()

    @callback
    def discard(self) -> None:
        """End and forget what is there."""
        self._pieces.clear()
        self._bytes = 0
        self.end()

    @callback
    def take_rest(self) -> list[bytes]:
        """End and hand over what nobody has read."""
        rest = list(self._pieces)
        self.discard()
        return rest

    @override
    def __aiter__(self) -> Self:
        """Return itself: there is one reader."""
        return self

    @override
    async def __anext__(self) -> bytes:
        """Return the next audio; stop at the end or when none comes for a while."""
        while not self._pieces:
            if self._ended:
                raise StopAsyncIteration
            self._arrived.clear()
            try:
                async with asyncio.timeout(_AUDIO_GAP):
                    await self._arrived.wait()
            except TimeoutError:
                self.end()
        piece = self._pieces.popleft()
        self._bytes -= len(piece)
        return piece


class CommandRun:
    """What is known of one command while it is worked on; words stay in here."""

    def __init__(
        self,
        activation: Activation,
        endpointer: Endpointer,
        candidate: Candidate | None = None,
        conversation_id: str | None = None,
    ) -> None:
        """Prepare the run of an activation."""
        self.activation = activation
        self.audio = AudioQueue()
        self.conversation_id = conversation_id
        self.continue_conversation = False
        self.outcome: Outcome | None = None
        self.reason: FailReason | None = None
        self.done = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.reply: str | None = None
        """The whole reply, once the intent was handled."""
        self.muted_itself = False
        """Whether the command muted its own room: it is not cancelled by that."""

        self.released = False
        """Whether the satellite was told that the command is over."""
        self._endpointer = endpointer
        self._candidate = candidate
        self._deltas: asyncio.Queue[str | None] = asyncio.Queue()
        self._delta_role: str | None = None
        self.streams_reply = False
        """Whether the reply came, or comes, in pieces."""

    @override
    def __repr__(self) -> str:
        """Return a representation without words."""
        return f"<CommandRun {self.activation.id}>"

    @callback
    def feed(self, pcm: bytes) -> None:
        """Take audio from the room's microphone."""
        if self._candidate is not None:
            self._candidate.hear(pcm)
        self.audio.put(pcm)

    @callback
    def hears_end(self, pcm: bytes) -> bool:
        """Judge a piece that goes to speech-to-text; return whether it was the last."""
        decision = self._endpointer.feed(pcm)
        if decision in (Decision.WAITING, Decision.SPEAKING):
            return False
        if decision is Decision.NO_SPEECH:
            self.settle(Outcome.NO_SPEECH)
        return True

    @callback
    def stop_listening(self) -> None:
        """Close the ear: what comes from now on is dropped and counted."""
        self.audio.end()
        self.activation.mark(Stage.SPEECH_END)

    async def async_admitted(self) -> bool:
        """Return whether this room answers, once the nearest room is known."""
        if self._candidate is None:
            return True
        verdict = await self._candidate.decision()
        if not verdict.won:
            self.activation.other_room = verdict.winner
            self.settle(Outcome.OTHER_ROOM)
        return verdict.won

    @callback
    def settle(self, outcome: Outcome, reason: FailReason | None = None) -> None:
        """Decide how the activation ends; the first word counts."""
        if self.outcome is None:
            self.outcome = outcome
            self.reason = reason

    @callback
    def on_pipeline_event(self, event: PipelineEvent) -> None:
        """Follow the pipeline."""
        data = event.data or {}
        match event.type:
            case PipelineEventType.RUN_START:
                self.conversation_id = data.get("conversation_id")
            case PipelineEventType.STT_START:
                self.activation.mark(Stage.LISTENING)
            case PipelineEventType.STT_END:
                self.activation.mark(Stage.TRANSCRIPT)
            case PipelineEventType.INTENT_PROGRESS:
                self._on_delta(data.get("chat_log_delta") or {})
            case PipelineEventType.INTENT_END:
                self._on_intent_end(data.get("intent_output") or {})
            case PipelineEventType.ERROR:
                self.settle(
                    *_ERRORS.get(
                        data.get("code", ""), (Outcome.FAILED, FailReason.INTERNAL)
                    )
                )

    def _on_delta(self, delta: dict[str, Any]) -> None:
        """Take a piece of a reply that is still being written."""
        if role := delta.get("role"):
            if self.streams_reply and role == "assistant":
                self._deltas.put_nowait(" ")
            self._delta_role = role
        if self._delta_role == "assistant" and (content := delta.get("content")):
            self.streams_reply = True
            self._deltas.put_nowait(content)

    def _on_intent_end(self, output: dict[str, Any]) -> None:
        """Take the result of the intent stage."""
        self.activation.mark(Stage.INTENT)
        self.continue_conversation = bool(output.get("continue_conversation"))
        response = output.get("response") or {}
        speech = (response.get("speech") or {}).get("plain") or {}
        self.reply = speech.get("speech") or None
        if response.get("response_type") == "error":
            code = (response.get("data") or {}).get("code", "")
            self.settle(*_RESPONSES.get(code, (Outcome.FAILED, FailReason.AGENT_ERROR)))
        else:
            self.settle(Outcome.HANDLED)

    async def async_reply_pieces(self) -> AsyncIterator[str]:
        """Yield the pieces of a streamed reply as they are written."""
        while (piece := await self._deltas.get()) is not None:
            yield piece

    @callback
    def end_reply(self) -> None:
        """Let the speaker of a streamed reply stop after what is there."""
        self._deltas.put_nowait(None)

    @callback
    def close(self) -> None:
        """Drop all words and audio, and let another room answer if none has yet."""
        if self._candidate is not None:
            self._candidate.release()
        self.audio.discard()
        self.reply = None
        self._deltas = asyncio.Queue()


current_run: ContextVar[CommandRun | None] = ContextVar("current_run", default=None)
"""The run that this task works for: tells our engines which room they serve."""
