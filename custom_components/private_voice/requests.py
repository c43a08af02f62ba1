"""Recognises spoken requests of our own, before Home Assistant's sentences are tried.

The sentences are files in Home Assistant's own format, one per language, with all that
their durations need: what Home Assistant's language package offers for its timers has no
names that are promised. What was said is kept nowhere.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hassil.intents import Intents
from hassil.recognize import recognize_best
from homeassistant.core import HomeAssistant
from homeassistant.util import language as language_util
from homeassistant.util.json import load_json_object

from .spoken import LANGUAGES

_SENTENCES: Final = Path(__file__).parent / "sentences"


@dataclass(frozen=True, slots=True)
class Request:
    """A request of our own; it has numbers and names in it, never a sentence."""

    intent_type: str
    slots: dict[str, Any]


class RequestRecognizer:
    """Knows the sentences of the languages that are spoken in this house."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Know none yet."""
        self._hass = hass
        self._intents: dict[str, Intents] = {}
        self._loading = asyncio.Lock()

    async def async_load(self, language: str) -> Intents | None:
        """Return the sentences of a language, read once; None if we do not speak it."""
        if not (known := language_util.matches(language, LANGUAGES)):
            return None
        async with self._loading:
            if known[0] not in self._intents:
                self._intents[known[0]] = await self._hass.async_add_executor_job(
                    load_sentences, known[0]
                )
        return self._intents[known[0]]

    async def async_recognize(self, text: str, language: str) -> Request | None:
        """Return what a text asks of us; None if it asks nothing of us."""
        if (intents := await self.async_load(language)) is None:
            return None
        return await self._hass.async_add_executor_job(recognize, text, intents)


def load_sentences(language: str) -> Intents:
    """Read the sentences of a language."""
    return Intents.from_dict(load_json_object(_SENTENCES / f"{language}.json"))


def recognize(text: str, intents: Intents) -> Request | None:
    """Return the request that a text is, if it is one from its first to its last word."""
    result = recognize_best(text, intents, language=intents.language)
    if result is None:
        return None
    return Request(
        result.intent.name,
        {entity.name: entity.value for entity in result.entities_list},
    )
