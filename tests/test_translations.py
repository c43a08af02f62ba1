"""All languages say the same things, and everything that is said has words."""

from collections.abc import Iterator
import json
from pathlib import Path
import re
from string import Formatter
from typing import Any

import pytest

from custom_components.private_voice import intents, spoken
from custom_components.private_voice.mute_check import Verdict
from custom_components.private_voice.voice.activation import (
    Activation,
    Outcome,
    WokenBy,
)
from custom_components.private_voice.wire.errors import Reason

_INTEGRATION = Path(spoken.__file__).parent
_TIMERS = {"timer_finished", "timer_finished_named"}
_CHECKS = {"mute_check", *(f"check_{verdict}" for verdict in Verdict)}


def _flat(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text with its path."""
    if isinstance(node, str):
        yield path, node
        return
    for key, value in node.items():
        yield from _flat(value, f"{path}.{key}" if path else key)


def _load(language: str) -> dict[str, str]:
    """Return the texts of a language by path."""
    path = _INTEGRATION / "translations" / f"{language}.json"
    return dict(_flat(json.loads(path.read_text(encoding="utf-8"))))


def _placeholders(text: str) -> set[str]:
    """Return the names of a text's placeholders."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


ENGLISH = _load("en")


def test_languages() -> None:
    """A file for each language that rooms speak, and no other."""
    files = {path.stem for path in (_INTEGRATION / "translations").glob("*.json")}
    assert files == set(spoken.LANGUAGES)


@pytest.mark.parametrize("language", spoken.LANGUAGES)
def test_same_texts(language: str) -> None:
    """The same keys with the same placeholders, none of them empty."""
    texts = _load(language)
    assert set(texts) == set(ENGLISH)
    for path, text in texts.items():
        assert text.strip() == text, path
        assert text, path
        assert _placeholders(text) == _placeholders(ENGLISH[path]), path


@pytest.mark.parametrize("language", spoken.LANGUAGES)
def test_plain_texts(language: str) -> None:
    """No address, no markup, no placeholder that quotes would hide."""
    for path, text in _load(language).items():
        assert "://" not in text, path
        assert not re.search(r"<[a-z/]", text), path
        assert not re.search(r"'[^']*\{\w+\}[^']*'", text), path


@pytest.mark.parametrize("reason", Reason)
def test_reasons(reason: Reason) -> None:
    """Each way that a peer fails has words wherever it can show."""
    assert f"config.abort.{reason}" in ENGLISH
    for kind in ("room", "speech_service"):
        assert f"config_subentries.{kind}.error.{reason}" in ENGLISH


def test_activation() -> None:
    """Each outcome has words and an icon, each attribute a name."""
    event = "entity.event.activation.state_attributes"
    states = {f"{event}.event_type.state.{outcome}" for outcome in Outcome}
    assert states == {p for p in ENGLISH if p.startswith(f"{event}.event_type.state.")}
    attributes = set(Activation("room", WokenBy.WAKE_WORD).as_attributes()) - {
        "outcome"
    }
    assert {f"{event}.{name}.name" for name in attributes} <= set(ENGLISH)
    icons = json.loads((_INTEGRATION / "icons.json").read_text(encoding="utf-8"))
    of_event = icons["entity"]["event"]["activation"]["state_attributes"]["event_type"]
    assert set(of_event["state"]) == {outcome.value for outcome in Outcome}


def test_spoken() -> None:
    """Each sentence that a room says is there, and none that no room says."""
    expected = {*spoken.REASONS.values(), *_TIMERS, *_CHECKS, *intents.SPOKEN}
    assert {f"exceptions.spoken_{key}.message" for key in expected} == {
        path for path in ENGLISH if path.startswith("exceptions.spoken_")
    }


def test_keys_in_code() -> None:
    """Each key of an error or an entity that the code names has words."""
    code = "".join(p.read_text(encoding="utf-8") for p in _INTEGRATION.glob("*.py"))
    for key in re.findall(r'_error\(\s*"(\w+)"', code):
        assert f"exceptions.{key}.message" in ENGLISH
    named = {p.split(".")[2] for p in ENGLISH if p.startswith("entity.")}
    # The satellite is named like its room.
    keys = set(re.findall(r'_attr_translation_key = "(\w+)"', code)) - {"satellite"}
    assert keys == named
