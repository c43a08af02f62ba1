"""What a room says unasked: announcements, questions, the start of a conversation."""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, override

from homeassistant.components.assist_satellite import (
    AssistSatelliteAnnouncement,
    AssistSatelliteAnswer,
    AssistSatelliteEntity,
)
from homeassistant.components.assist_satellite.const import PREANNOUNCE_URL
from homeassistant.exceptions import HomeAssistantError

from .const import DOMAIN
from .entity import RoomEntity
from .privacy.words import voice_context
from .reply import CHIME, frames_of, frames_of_media, frames_of_text
from .run import current_run
from .voice.activation import WokenBy
from .wire.errors import WireError

if TYPE_CHECKING:
    from .room import Room

_QUEUED_ANNOUNCEMENT = 60.0
_ANSWER_DEADLINE = 30.0


class AnnouncingSatellite(RoomEntity, AssistSatelliteEntity):
    """The half of a satellite that speaks first."""

    def __init__(self, room: Room, key: str) -> None:
        """Prepare to speak in a room."""
        super().__init__(room, key)
        self._announcing = asyncio.Lock()

    @override
    async def async_internal_announce(
        self,
        message: str | None = None,
        media_id: str | None = None,
        preannounce: bool = True,
        preannounce_media_id: str = PREANNOUNCE_URL,
    ) -> None:
        """Announce after a command that goes on, instead of cutting it off.

        The base cancels a running command: an automation on a sentence that announces
        something would end its own command without a reply.
        """
        async with self._announcing:
            run = self.room.run
            if run is not None and current_run.get() is run:
                await self.async_announce(
                    await self._resolve_announcement_media_id(
                        message or "",
                        media_id,
                        preannounce_media_id if preannounce else None,
                    )
                )
                return
            if run is not None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_QUEUED_ANNOUNCEMENT):
                        await run.done.wait()
            with voice_context():
                await super().async_internal_announce(
                    message, media_id, preannounce, preannounce_media_id
                )

    @override
    async def _resolve_announcement_media_id(
        self,
        message: str,
        media_id: str | None,
        preannounce_media_id: str | None = None,
    ) -> AssistSatelliteAnnouncement:
        """Leave a message as it is: the base would file its audio and a URL of it."""
        if media_id:
            return await super()._resolve_announcement_media_id(
                message, media_id, preannounce_media_id
            )
        return AssistSatelliteAnnouncement(
            message=message,
            media_id="",
            original_media_id="",
            tts_token=None,
            media_id_source="tts",
            preannounce_media_id=preannounce_media_id,
        )

    @override
    async def async_announce(self, announcement: AssistSatelliteAnnouncement) -> None:
        """Play an announcement, also while the microphone is muted."""
        self._assert_connected()
        pipeline = self.room.hub.pipeline_of(self.room)
        try:
            if (sound := announcement.preannounce_media_id) is not None:
                own = sound.endswith(PREANNOUNCE_URL)
                await self.room.async_play(
                    frames_of(CHIME) if own else frames_of_media(self.hass, sound)
                )
            if announcement.media_id:
                await self.room.async_play(
                    frames_of_media(self.hass, announcement.media_id)
                )
            elif announcement.message:
                if pipeline is None:
                    raise self._error("pipeline_missing")
                await self.room.async_play(
                    frames_of_text(self.room.hub, pipeline, announcement.message)
                )
        except WireError as err:
            raise self._error("announcement_failed") from err

    @override
    async def async_start_conversation(
        self, start_announcement: AssistSatelliteAnnouncement
    ) -> None:
        """Speak, then listen for an answer."""
        self._assert_unmuted()
        await self.async_announce(start_announcement)
        self.room.async_expect_speech(WokenBy.AUTOMATION, self._conversation_id)
        self._conversation_id = None

    @override
    async def async_internal_ask_question(
        self,
        question: str | None = None,
        question_media_id: str | None = None,
        preannounce: bool = True,
        preannounce_media_id: str = PREANNOUNCE_URL,
        answers: list[dict[str, Any]] | None = None,
    ) -> AssistSatelliteAnswer | None:
        """Ask and wait for the answer, but not for ever."""
        self._assert_unmuted()
        waiting = asyncio.create_task(
            super().async_internal_ask_question(
                question, question_media_id, preannounce, preannounce_media_id, answers
            )
        )
        try:
            return await self._async_answered(waiting)
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    async def _async_answered(
        self, waiting: asyncio.Task[AssistSatelliteAnswer | None]
    ) -> AssistSatelliteAnswer | None:
        """Return the answer; the deadline runs from when the question was spoken."""
        while True:
            done, _ = await asyncio.wait({waiting}, timeout=_ANSWER_DEADLINE)
            if done:
                return waiting.result()
            if self.room.run is None and not self.room.session.playing:
                raise self._error("no_answer_in_time")

    def _error(self, key: str) -> HomeAssistantError:
        """Return a translated error about this room."""
        return HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key=key,
            translation_placeholders={"room": self.room.name},
        )

    def _assert_connected(self) -> None:
        """Raise if the satellite is not there."""
        if not self.room.connected:
            held = self.room.microphone.held
            raise self._error("muted_disconnected" if held else "not_connected")

    def _assert_unmuted(self) -> None:
        """Raise if the room may not listen."""
        self._assert_connected()
        if not self.room.microphone.open:
            raise self._error("muted")
