"""Listens for wake words in the audio of satellites that stream all the time."""

import asyncio
import logging
import random
from typing import TYPE_CHECKING

from homeassistant.core import callback

from .run import AudioQueue
from .wire.errors import WireError

if TYPE_CHECKING:
    from .coordinator import SpeechServiceCoordinator
    from .room import Room

_LOGGER = logging.getLogger(__name__)

_RETRY_FIRST = 1.0
_RETRY_LONGEST = 30.0


class WakeListener:
    """Sends a room's audio to a wake word service until it hears one."""

    def __init__(self, room: Room) -> None:
        """Prepare the listener of a room."""
        self._room = room
        self._audio = AudioQueue()
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Return whether somebody listens."""
        return self._task is not None and not self._task.done()

    @callback
    def start(self, engine: str | None) -> None:
        """Listen, with the service behind an engine or else with any."""
        if self.running:
            return
        self._task = self._room.hub.entry.async_create_background_task(
            self._room.hass,
            self._async_listen(engine),
            f"private_voice wake {self._room.room_id}",
        )

    @callback
    def feed(self, pcm: bytes) -> None:
        """Take audio of the room."""
        self._audio.put(pcm)

    @callback
    def end(self) -> None:
        """Stop listening, without waiting for it."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._audio.discard()

    async def async_stop(self) -> None:
        """Stop listening and wait until nothing is left of it."""
        task = self._task
        self.end()
        if task is not None:
            await asyncio.gather(task, return_exceptions=True)

    async def _async_listen(self, engine: str | None) -> None:
        """Listen until a wake word was heard."""
        delay = _RETRY_FIRST
        while True:
            self._audio = AudioQueue()
            service = self._room.hub.wake_word(engine)
            try:
                if service is not None and (heard := await self._async_detect(service)):
                    break
                delay = _RETRY_FIRST if service is not None else _RETRY_LONGEST
            except WireError as err:
                _LOGGER.debug("Wake word service failed: %s", err.reason)
                delay = min(delay * 2, _RETRY_LONGEST)
            self._audio.discard()
            await asyncio.sleep(delay * random.uniform(0.8, 1.2))
        self._task = None
        phrase, rest = heard
        self._room.async_woken(phrase, rest)

    async def _async_detect(
        self, service: SpeechServiceCoordinator
    ) -> tuple[str, list[bytes]] | None:
        """Return the wake word and the audio behind it, None if the audio ended."""
        try:
            detected = await service.client.detect(
                self._audio, self._room.settings.wake_words
            )
        except WireError as err:
            service.async_failed(err)
            raise
        if detected is None:
            return None
        phrases = {m.name: m.phrase for p in service.info.wake for m in p.models}
        return (
            phrases.get(detected.name or "") or detected.name or "",
            self._audio.take_rest(),
        )
