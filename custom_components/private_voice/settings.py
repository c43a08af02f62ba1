"""What the user chose for a room outside its form: mute, assistant, listening."""

from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store

from .const import DOMAIN
from .voice.endpoint import FinishedSpeaking
from .voice.microphone import Sign, Violation

_STORAGE_VERSION = 1


@dataclass
class RoomSettings:
    """Choices of one room that are kept over a restart."""

    muted: bool = False
    """Whether the microphone is muted by software."""

    muted_until: datetime | None = None
    """When that mute ends by itself, None for never."""

    satellite: str | None = None
    """Which satellite the two below are about."""

    obeys_pause: bool | None = None
    """Whether the satellite stops when told to, None as long as that is not known."""

    violation: Violation | None = None
    """What came although muted, until a person has looked at it."""

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
    settings.muted_until = _datetime(data.get("muted_until"))
    settings.violation = _violation(data.get("violation"))
    if settings.obeys_pause not in (True, None):
        settings.obeys_pause = False
    try:
        settings.finished_speaking = FinishedSpeaking(settings.finished_speaking)
    except ValueError:
        settings.finished_speaking = FinishedSpeaking.DEFAULT
    return settings


def _datetime(stored: Any) -> datetime | None:
    """Return a point in time from storage."""
    try:
        at = datetime.fromisoformat(stored)
    except TypeError, ValueError:
        return None
    return at if at.tzinfo is not None else None


def _violation(stored: Any) -> Violation | None:
    """Return a violation from storage; one that can't be read counts all the same."""
    if stored is None:
        return None
    try:
        return Violation(
            at=_datetime(stored["at"]) or datetime.now(UTC),
            sign=Sign(stored["sign"]),
            hardware=stored["hardware"] is True,
            audio_bytes=int(stored["audio_bytes"]),
        )
    except KeyError, TypeError, ValueError:
        return Violation(datetime.now(UTC), Sign.AUDIO, hardware=False)


def _to_store(settings: RoomSettings) -> dict[str, Any]:
    """Return settings as they are stored."""
    data = asdict(settings)
    if settings.muted_until is not None:
        data["muted_until"] = settings.muted_until.isoformat()
    if settings.violation is not None:
        data["violation"]["at"] = settings.violation.at.isoformat()
    return data


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
                "rooms": {k: _to_store(v) for k, v in self._rooms.items()},
                "pipelines": self.pipelines,
            }
        )

    async def async_remove(self) -> None:
        """Delete the file."""
        await self._store.async_remove()
