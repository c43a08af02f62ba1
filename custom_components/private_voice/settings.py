"""What the user chose for a room outside its form: mute, assistant, listening."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store

from .const import DOMAIN
from .voice.endpoint import FinishedSpeaking

_STORAGE_VERSION = 1


@dataclass
class RoomSettings:
    """Choices of one room that are kept over a restart."""

    muted: bool = False
    """Whether the microphone is muted by software."""

    pipeline_id: str | None = None
    """Id of the chosen Assist pipeline, None for Private Voice's own."""

    pipeline_name: str | None = None
    """Last known name of that pipeline, to name it when it is gone."""

    finished_speaking: FinishedSpeaking = FinishedSpeaking.DEFAULT
    """How soon the end of speech is assumed."""

    noise_suppression: int = 0
    """Noise suppression level, 0 (off) to 4 (highest)."""

    auto_gain: int = 0
    """Automatic gain in dBFS, 0 (off) to 31."""

    volume_multiplier: float = 1.0
    """Factor on the samples of the microphone."""

    wake_words: list[str] | None = None
    """Ids of the wake words listened for by a service, None for its default."""


def _from_stored(data: dict[str, Any]) -> RoomSettings:
    """Return settings from storage; a broken value falls back to its default."""
    known = {field.name for field in fields(RoomSettings)}
    settings = RoomSettings(**{k: v for k, v in data.items() if k in known})
    # Fail closed: what is not plainly "not muted" is muted.
    settings.muted = settings.muted is not False
    try:
        settings.finished_speaking = FinishedSpeaking(settings.finished_speaking)
    except ValueError:
        settings.finished_speaking = FinishedSpeaking.DEFAULT
    return settings


class SettingsStore:
    """Keeps the settings of all rooms in one file of Home Assistant's storage."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Prepare the store of a hub."""
        self._store: Store[dict[str, Any]] = Store(
            hass, _STORAGE_VERSION, f"{DOMAIN}.{entry_id}", private=True
        )
        self._rooms: dict[str, RoomSettings] = {}
        self.pipelines: dict[str, str] = {}
        """Ids of the Assist pipelines that the hub made, by language."""

    async def async_load(self) -> None:
        """Read the stored settings."""
        data = await self._store.async_load() or {}
        self._rooms = {
            room_id: _from_stored(stored)
            for room_id, stored in data.get("rooms", {}).items()
        }
        self.pipelines = dict(data.get("pipelines", {}))

    def room(self, room_id: str) -> RoomSettings:
        """Return the settings of a room; changes need async_save."""
        return self._rooms.setdefault(room_id, RoomSettings())

    def forget_all_but(self, room_ids: set[str]) -> None:
        """Drop the settings of rooms that were removed."""
        self._rooms = {k: v for k, v in self._rooms.items() if k in room_ids}

    async def async_save(self) -> None:
        """Write the settings now: a mute must not be lost by a crash."""
        await self._store.async_save(
            {
                "rooms": {k: asdict(v) for k, v in self._rooms.items()},
                "pipelines": self.pipelines,
            }
        )

    async def async_remove(self) -> None:
        """Delete the file."""
        await self._store.async_remove()
