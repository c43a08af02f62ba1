"""Gives a room its answer, or the reason why there is none."""

from collections.abc import AsyncIterable, AsyncIterator
import contextlib
from typing import TYPE_CHECKING

from homeassistant.components.assist_pipeline import Pipeline
from homeassistant.exceptions import HomeAssistantError

from .reply import FAILURE, frames_of, frames_of_text
from .run import CommandRun
from .spoken import REASONS, async_spoken
from .voice.activation import FailReason, Outcome, Stage
from .wire.errors import WireError

if TYPE_CHECKING:
    from .assist_satellite import RoomSatellite
    from .reply import Frame


class Answerer:
    """Speaks to whoever gave a command in a room."""

    def __init__(self, satellite: RoomSatellite) -> None:
        """Answer for a satellite."""
        self._satellite = satellite
        self._room = satellite.room

    async def async_speak_streamed(self, run: CommandRun, pipeline: Pipeline) -> None:
        """Speak a reply while a language model still writes it."""
        pieces = run.async_reply_pieces()
        async for first in pieces:

            async def whole(first: str = first) -> AsyncIterator[str]:
                yield first
                async for piece in pieces:
                    yield piece

            await self._async_say(run, pipeline, whole())
            return

    async def async_answer(self, run: CommandRun, pipeline: Pipeline | None) -> None:
        """Speak the reply, or else why there is none."""
        self._satellite.async_release(run)
        if run.reply is not None:
            if not run.streams_reply and pipeline is not None:
                await self._async_say(run, pipeline, run.reply)
            return
        key = REASONS.get(run.reason or run.outcome)
        if key is None or run.outcome is Outcome.CANCELLED:
            return
        pipeline = pipeline or self._room.hub.fallback_pipeline()
        if pipeline is None:
            await self._async_sound(FAILURE)
            return
        text = await async_spoken(self._satellite.hass, key, pipeline.language)
        await self._async_say(run, pipeline, text)

    async def _async_say(
        self, run: CommandRun, pipeline: Pipeline, text: str | AsyncIterator[str]
    ) -> None:
        """Speak in the room; a failing voice is heard as a tone and noted."""
        self._satellite.async_responding()
        self._satellite.async_release(run)
        frames = frames_of_text(self._room.hub, pipeline, text)
        try:
            await self._room.async_play(self._noting_first_sound(run, frames))
        except WireError, HomeAssistantError:
            run.reason = run.reason or FailReason.TEXT_TO_SPEECH_DOWN
            await self._async_sound(FAILURE)
        run.activation.mark(Stage.REPLY_END)

    async def _noting_first_sound(
        self, run: CommandRun, frames: AsyncIterable[Frame]
    ) -> AsyncIterator[Frame]:
        """Pass frames on and note when the first sound goes out."""
        async for frame in frames:
            if isinstance(frame, bytes):
                run.activation.mark(Stage.REPLY_START)
            yield frame

    async def _async_sound(self, pcm: bytes) -> None:
        """Play a sound of ours; where that fails too there is nobody to tell."""
        with contextlib.suppress(WireError):
            await self._room.async_play(frames_of(pcm))
