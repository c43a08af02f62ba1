"""Short sentences that a room says itself, in its language."""

from collections.abc import Mapping
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import language as language_util

from .const import DOMAIN
from .voice.activation import FailReason, Outcome

LANGUAGES: Final = ("en", "de", "es", "fr", "it", "nl")

REASONS: Final[Mapping[FailReason | Outcome | None, str]] = {
    FailReason.SPEECH_TO_TEXT_DOWN: "speech_to_text_down",
    FailReason.SPEECH_TO_TEXT_ERROR: "speech_to_text_error",
    FailReason.SPEECH_TO_TEXT_TIMEOUT: "speech_to_text_error",
    FailReason.SPEECH_TO_TEXT_MISSING: "speech_to_text_down",
    FailReason.AGENT_ERROR: "agent_error",
    FailReason.INTENT_FAILED: "intent_failed",
    FailReason.INTERNAL: "agent_error",
    FailReason.PIPELINE_MISSING: "pipeline_missing",
    FailReason.TARGET_NOT_FOUND: "target_not_found",
    FailReason.TIMED_OUT: "timed_out",
    Outcome.NOT_UNDERSTOOD: "not_understood",
    Outcome.REFUSED_NOT_LOCAL: "refused_not_local",
}
"""What is said where the intent brought no answer of its own."""


async def async_spoken(
    hass: HomeAssistant,
    key: str,
    language: str,
    placeholders: Mapping[str, str] | None = None,
) -> str:
    """Return a sentence in a language, or in English where we do not speak it."""
    known = language_util.matches(language, LANGUAGES) or ["en"]
    texts = await async_get_translations(hass, known[0], "exceptions", {DOMAIN})
    text = texts[f"component.{DOMAIN}.exceptions.spoken_{key}.message"]
    return text.format(**placeholders) if placeholders else text
