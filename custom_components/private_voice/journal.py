"""Remembers which activations are open, so that a crash does not lose one."""

from datetime import datetime
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.storage import Store

from .const import DOMAIN
from .voice.activation import Activation, WokenBy

_STORAGE_VERSION = 1


class Journal:
    """A small file with the activations that are open now; it holds no words."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Prepare the journal of a hub."""
        self._hass = hass
        self._store: Store[dict[str, Any]] = Store(
            hass, _STORAGE_VERSION, f"{DOMAIN}.{entry_id}.open", private=True
        )
        self._open: dict[str, Activation] = {}

    async def async_load(self) -> list[Activation]:
        """Return the activations that were open when Home Assistant was cut off."""
        data = await self._store.async_load() or {}
        left = [_from_stored(stored) for stored in data.get("open", [])]
        return [activation for activation in left if activation is not None]

    async def async_open(self, activation: Activation) -> None:
        """Write that an activation is open, before its audio goes anywhere."""
        self._open[activation.id] = activation
        await self._async_save()

    @callback
    def async_close(self, activation: Activation) -> None:
        """Forget an activation that has its record."""
        if self._open.pop(activation.id, None) is not None:
            self._hass.async_create_task(self._async_save())

    async def async_settled(self) -> None:
        """Write that those of the last time have their records."""
        await self._async_save()

    async def _async_save(self) -> None:
        """Write what is open now."""
        await self._store.async_save(
            {"open": [_to_store(activation) for activation in self._open.values()]}
        )

    async def async_remove(self) -> None:
        """Delete the file."""
        await self._store.async_remove()


def _to_store(activation: Activation) -> dict[str, Any]:
    """Return what is known of an activation when it opens."""
    return {
        "id": activation.id,
        "room_id": activation.room_id,
        "woken_by": activation.woken_by.value,
        "wake_word": activation.wake_word,
        "language": activation.language,
        "started": activation.started.isoformat(),
    }


def _from_stored(stored: dict[str, Any]) -> Activation | None:
    """Return an activation from the file, None if it can't be read."""
    try:
        return Activation(
            id=stored["id"],
            room_id=stored["room_id"],
            woken_by=WokenBy(stored["woken_by"]),
            wake_word=stored["wake_word"],
            language=stored["language"],
            started=datetime.fromisoformat(stored["started"]),
        )
    except KeyError, TypeError, ValueError:
        return None
