"""Spoken requests of our own: what is understood, what is left to Home Assistant, what is done."""

from collections.abc import Iterator
from datetime import timedelta
import gc
import json
from pathlib import Path
from random import Random
from typing import Any
import weakref

from hassil import util as hassil_util
from hassil.expression import (
    Alternative,
    Expression,
    ListReference,
    Permutation,
    RuleReference,
    Sentence,
    Sequence,
    TextChunk,
)
from hassil.intents import (
    Intent,
    IntentData,
    Intents,
    RangeSlotList,
    SlotList,
    TextSlotList,
    TextSlotValue,
)
from hassil.recognize import RecognizeResult, recognize_best
from home_assistant_intents import get_intents
from homeassistant.components import conversation
from homeassistant.core import Context, Event
from homeassistant.helpers import entity_registry as er, intent
from homeassistant.util import dt as dt_util
import pytest

from custom_components.private_voice import intents as requests
from custom_components.private_voice.diagnostics import (
    async_get_config_entry_diagnostics,
)
from custom_components.private_voice.requests import load_sentences, recognize
from custom_components.private_voice.spoken import LANGUAGES
from custom_components.private_voice.voice.microphone import Cause

from . import test_commands
from .test_commands import SILENCE, SPEECH, House

house = test_commands.house

MUTE = "PrivateVoiceMute"

TRANSLATIONS = Path(requests.__file__).parent / "translations"

_SAID = json.loads(
    (Path(__file__).parent / "data/requests.json").read_text(encoding="utf-8")
)
UTTERANCES: dict[str, dict[str, int | None]] = {k: v["ours"] for k, v in _SAID.items()}
"""What asks for a mute, with its seconds; null is a mute without end."""

NOT_OURS: dict[str, list[str]] = {k: v["not_ours"] for k, v in _SAID.items()}
MICROPHONE: dict[str, list[str]] = {k: v["microphone"] for k, v in _SAID.items()}
TEN_MINUTES: dict[str, str] = {k: v["ten_minutes"] for k, v in _SAID.items()}


def seconds_of(text: str, intents: Intents) -> int | None:
    """Return for how many seconds a text mutes; None if it says no time."""
    request = recognize(text, intents)
    assert request is not None, text
    assert request.intent_type == MUTE
    if not request.slots:
        return None
    return int(timedelta(**request.slots).total_seconds())


class Sampler:
    """Says sentences that templates allow, at random but each time the same."""

    def __init__(self, intents: Intents, slot_lists: dict[str, SlotList]) -> None:
        """Prepare for a language."""
        self._random = Random(intents.language)
        self._intents = intents
        self._lists = {**intents.slot_lists, **slot_lists}
        self._rules = intents.expansion_rules

    def sentences(self, count: int) -> Iterator[str]:
        """Yield so many sentences for each template."""
        for known in self._intents.intents.values():
            for data in known.data:
                lists = {**self._lists, **data.slot_lists}
                rules = {**self._rules, **data.expansion_rules}
                for sentence in data.sentences:
                    for _ in range(count):
                        yield self._say(sentence.expression, lists, rules)

    def _say(
        self,
        expression: Expression,
        lists: dict[str, SlotList],
        rules: dict[str, Sentence],
    ) -> str:
        """Return one way to say an expression."""
        match expression:
            case TextChunk():
                return expression.original_text
            case Alternative():
                return self._say(self._random.choice(expression.items), lists, rules)
            case Permutation():
                items = self._random.sample(expression.items, len(expression.items))
                return " ".join(self._say(item, lists, rules) for item in items)
            case Sequence():
                return "".join(
                    self._say(item, lists, rules) for item in expression.items
                )
            case RuleReference():
                return self._say(rules[expression.rule_name].expression, lists, rules)
            case ListReference():
                return self._say_of(lists.get(expression.list_name), lists, rules)
        raise AssertionError(expression)

    def _say_of(
        self,
        values: SlotList | None,
        lists: dict[str, SlotList],
        rules: dict[str, Sentence],
    ) -> str:
        """Return a value of a list; anything is a value of a wildcard."""
        if isinstance(values, TextSlotList):
            value = self._random.choice(values.values)
            return self._say(value.text_in, lists, rules)
        if isinstance(values, RangeSlotList):
            return str(self._random.randint(values.start, values.stop))
        return self._random.choice(MICROPHONE[self._intents.language])


def names(language: str) -> dict[str, SlotList]:
    """Return the names of a house in which a switch is called microphone."""
    microphones = [(name, name, {"domain": "switch"}) for name in MICROPHONE[language]]
    others = [
        (name, name, {"domain": domain})
        for name, domain in (("Sonos", "media_player"), ("Hall lamp", "light"))
    ]
    return {
        "name": TextSlotList(
            "name", [TextSlotValue.from_tuple(v) for v in (*microphones, *others)]
        ),
        "area": TextSlotList.from_strings(["Kitchen"], name="area"),
        "floor": TextSlotList.from_strings(["Attic"], name="floor"),
    }


def recognized_by_home_assistant(
    text: str, intents: Intents, language: str
) -> RecognizeResult | None:
    """Return what Home Assistant makes of a text, as strictly as its agent does."""
    return recognize_best(
        text,
        intents,
        slot_lists=names(language),
        intent_context={"area": {"value": "Kitchen", "text": "Kitchen"}},
        language=language,
        best_slot_name="name",
    )


# What is understood


@pytest.mark.parametrize("language", LANGUAGES)
def test_said_in_own_words(language: str) -> None:
    """People say it, and for how long, in many ways."""
    intents = load_sentences(language)
    said = UTTERANCES[language]
    assert {text: seconds_of(text, intents) for text in said} == said


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrasing_is_understood_with_and_without_a_time(language: str) -> None:
    """Each way that the file allows; the time may stand wherever it allows one."""
    intents, understood = load_sentences(language), load_sentences(language)
    (data,) = intents.intents[MUTE].data
    assert len(data.sentences) >= 6
    for wanted, time in ((600, TEN_MINUTES[language]), (None, "")):
        intents.expansion_rules["for"] = Sentence(TextChunk(time))
        said = list(Sampler(intents, {}).sentences(60))
        for number, template in enumerate(data.sentences):
            known = said[60 * number : 60 * (number + 1)]
            heard = {seconds_of(text, understood) for text in known}
            assert wanted in heard, template.text
            assert heard <= {None, wanted}, template.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_duration_is_understood(language: str) -> None:
    """Each way to say a time is one, and none is zero but the number."""
    intents = load_sentences(language)
    durations = Intents(
        language,
        {"": Intent("", [IntentData(["<duration>"])])},
        intents.slot_lists
        | {name: RangeSlotList(name, 1, 100) for name in ("count", "halves")},
        intents.expansion_rules,
    )
    said = next(text for text, time in UTTERANCES[language].items() if time is None)
    for duration in set(Sampler(durations, {}).sentences(400)):
        assert seconds_of(f"{said.rstrip('.')} {duration}", intents), duration


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_not_asked_of_us_is_left_alone(language: str) -> None:
    """Media players, devices that are called microphone, and half sentences."""
    intents = load_sentences(language)
    assert [t for t in NOT_OURS[language] if recognize(t, intents) is not None] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_of_home_assistant_is_taken(language: str) -> None:
    """Whatever Home Assistant understands is still for Home Assistant."""
    ours = load_sentences(language)
    theirs = get_intents(language)
    assert theirs is not None
    # Only a media player that is called microphone is lost: its mute is the microphone's.
    lists = names(language) | {
        "name": TextSlotList.from_strings(["Sonos", "Hall lamp"], name="name")
    }
    sentences = set(Sampler(Intents.from_dict(theirs), lists).sentences(12))
    assert len(sentences) > 2000
    assert [text for text in sentences if recognize(text, ours) is not None] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_home_assistant_knows_nothing_better_for_ours(language: str) -> None:
    """At most one of its wildcards takes the words, even if a switch is so called."""
    ours = load_sentences(language)
    theirs = get_intents(language)
    assert theirs is not None
    home_assistant = Intents.from_dict(theirs)
    said = set(Sampler(ours, {}).sentences(12))
    said |= set(UTTERANCES[language])
    assert len(said) > 100
    for text in said:
        assert recognize(text, ours) is not None, text
        other = recognized_by_home_assistant(text, home_assistant, language)
        if other is not None:
            assert any(e.is_wildcard for e in other.entities_list), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_files_are_complete(language: str) -> None:
    """Each request that there is has sentences, and no other has."""
    known = set(load_sentences(language).intents)
    assert known == {request.intent_type for request in requests.REQUESTS}


def test_words_are_not_kept() -> None:
    """Neither the text nor patterns made of it outlive the recognition."""

    class Text(str):
        """Words that can be watched."""

        __slots__ = ("__weakref__",)

    intents = load_sentences("en")
    seconds_of("stop listening for ten minutes", intents)
    before = hassil_util._compiled_prefix.cache_info().currsize
    watched = []
    for number in range(20):
        for said in ("stop listening for marmalade%d", "mute the xylophone%d", "%d"):
            text = Text(said % number)
            watched.append(weakref.ref(text))
            assert recognize(text, intents) is None
    del text
    gc.collect()
    assert [ref() for ref in watched if ref() is not None] == []
    assert hassil_util._compiled_prefix.cache_info().currsize - before < 20


# What is done


async def say(house: House, words: str, count: int = 1) -> dict[str, Any]:
    """Say something in the room and return the record."""
    house.service.text = words
    await house.satellite.wake()
    await house.satellite.speak(SPEECH + SILENCE)
    return await house.activation(count)


async def converse(
    house: House, words: str, language: str = "en", **origin: Any
) -> intent.IntentResponse:
    """Say something to the agent of our pipelines and return its response."""
    result = await conversation.async_converse(
        house.hass, words, None, Context(), language, agent_id(house), **origin
    )
    return result.response


def speech(response: intent.IntentResponse) -> str:
    """Return what is said."""
    return str(response.speech["plain"]["speech"])


def agent_id(house: House) -> str:
    """Return the entity id of our agent."""
    (found,) = [
        state.entity_id
        for state in house.hass.states.async_all("conversation")
        if state.entity_id != conversation.HOME_ASSISTANT_AGENT
    ]
    return found


def muted_for(house: House) -> timedelta | None:
    """Return how long the room stays muted, which it must be; None is without end."""
    mute = house.entry.runtime_data.rooms["room"].mute
    assert mute.microphone.soft_muted is True
    until = mute.muted_until
    return until - dt_util.utcnow() if until is not None else None


async def test_room_is_muted_and_says_so(house: House) -> None:
    """The command is carried out like any other, and none of its words is left."""
    record = await say(house, "Stop listening.")
    assert (record["outcome"], record["intent"]) == ("handled", MUTE)
    assert record["slot_names"] == []
    assert muted_for(house) is None
    assert not house.entry.runtime_data.rooms["room"].microphone.open
    assert house.entry.runtime_data.rooms["room"].mute.cause is Cause.VOICE
    await house.service.wait(lambda: len(house.service.spoken) == 1)
    assert house.service.spoken[0].startswith("I don't listen here any more.")
    await house.satellite.wait_for("pause-satellite")
    assert (await say(house, "turn on the kitchen light", 2))["outcome"] == "muted"


async def test_room_is_muted_for_a_time(house: House) -> None:
    """The record has the names of what was said, not the numbers."""
    record = await say(house, "Mute the microphone for one hour and thirty minutes.")
    assert (record["outcome"], record["intent"]) == ("handled", MUTE)
    assert sorted(record["slot_names"]) == ["hours", "minutes"]
    left = muted_for(house)
    assert left is not None
    assert timedelta(minutes=85) < left <= timedelta(minutes=90)
    await house.service.wait(lambda: len(house.service.spoken) == 1)
    assert house.service.spoken == ["I don't listen here for one hour and 30 minutes."]


async def test_room_listens_again_when_the_time_is_over(house: House) -> None:
    """Nobody has to unmute it."""
    await say(house, "stop listening for 1 second")
    await house.satellite.wait_for("pause-satellite")
    room = house.entry.runtime_data.rooms["room"]
    await house.satellite.wait(lambda: house.satellite.streaming)
    assert room.microphone.open


async def test_other_commands_are_home_assistants(house: House) -> None:
    """What is not asked of us is handled as if we were not there."""
    record = await say(house, "turn on the kitchen light")
    assert (record["outcome"], record["intent"]) == ("handled", "HassTurnOn")
    assert house.entry.runtime_data.rooms["room"].microphone.open


async def test_no_time_is_refused(house: House) -> None:
    """A mute that is over at once would be a lie."""
    record = await say(house, "stop listening for 0 minutes")
    assert (record["outcome"], record["intent"]) == ("failed", MUTE)
    assert house.entry.runtime_data.rooms["room"].microphone.open
    assert house.service.spoken[0].startswith("That is no time at all.")


async def test_more_than_a_day_has_no_end(house: House) -> None:
    """The room does not listen earlier than was asked."""
    await say(house, "stop listening for two days")
    assert muted_for(house) is None


async def test_words_are_nowhere_after_a_request(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in states, events, the log at any level or diagnostics."""
    events: list[Event] = []
    house.hass.bus.async_listen("*", events.append)
    await say(house, "would you quit eavesdropping on everybody for seventeen minutes")
    assert muted_for(house) is not None
    places = [
        *(f"{s.state} {dict(s.attributes)}" for s in house.hass.states.async_all()),
        *(str(e.as_dict()) for e in events),
        caplog.text,
        str(await async_get_config_entry_diagnostics(house.hass, house.entry)),
    ]
    assert caplog.text and events
    for marker in ("eavesdropping", "everybody", "seventeen"):
        assert not any(marker in place for place in places)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_room_answers_in_its_language(house: House, language: str) -> None:
    """It says for how long, and else which switch lets it listen again."""
    texts = json.loads((TRANSLATIONS / f"{language}.json").read_text(encoding="utf-8"))
    switch = texts["entity"]["switch"]["microphone_mute"]["name"]
    satellite = house.entity("assist_satellite", "satellite")
    entry = er.async_get(house.hass).async_get(satellite)
    assert entry is not None
    said = UTTERANCES[language]
    ever = next(text for text, seconds in said.items() if seconds is None)
    hour = next(text for text, seconds in said.items() if seconds == 3600)
    for origin in (
        {"satellite_id": satellite},
        {"device_id": entry.device_id},
    ):
        response = await converse(house, ever, language, **origin)
        assert response.response_type is intent.IntentResponseType.ACTION_DONE
        assert muted_for(house) is None
        assert switch in speech(response)
        response = await converse(house, hour, language, **origin)
        assert muted_for(house) is not None
        spoken = texts["exceptions"]["spoken_hour"]["message"]
        assert spoken in speech(response)


@pytest.mark.parametrize(
    "origin",
    [{}, {"device_id": "phone"}, {"satellite_id": "assist_satellite.elsewhere"}],
)
async def test_request_from_no_room_is_refused(
    house: House, origin: dict[str, str]
) -> None:
    """Which room would be meant is not guessed."""
    response = await converse(house, "stop listening", **origin)
    assert response.response_type is intent.IntentResponseType.ERROR
    assert speech(response) == "Say this in the room that is meant."
    assert house.entry.runtime_data.rooms["room"].microphone.open


async def test_language_that_we_do_not_speak(house: House) -> None:
    """Our sentences do not stand in the way of Home Assistant's."""
    response = await converse(house, "stop listening", "pl")
    assert response.error_code is intent.IntentResponseErrorCode.NO_INTENT_MATCH


async def test_failing_request_is_told(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of ours is a failed command with a spoken reason, not a crash."""

    async def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("marmalade")

    room = house.entry.runtime_data.rooms["room"]
    monkeypatch.setattr(room.mute, "async_mute", fail)
    record = await say(house, "stop listening")
    assert (record["outcome"], record["reason"]) == ("failed", "intent_failed")
    assert house.service.spoken == ["Sorry, I could not do that."]


async def test_requests_come_and_go_with_the_agent(house: House) -> None:
    """A reload leaves each request once, a removal none."""
    hass = house.hass

    def known() -> list[str]:
        return [
            handler.intent_type
            for handler in intent.async_get(hass)
            if isinstance(handler, requests.RoomRequest)
        ]

    await hass.config_entries.async_reload(house.entry.entry_id)
    assert known() == [MUTE]
    response = await converse(
        house,
        "stop listening",
        satellite_id=house.entity("assist_satellite", "satellite"),
    )
    assert response.response_type is intent.IntentResponseType.ACTION_DONE
    await hass.config_entries.async_unload(house.entry.entry_id)
    assert known() == []


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(hours=24), "24 hours"),
        (
            timedelta(hours=2, minutes=1, seconds=30),
            "2 hours, one minute and 30 seconds",
        ),
        (timedelta(minutes=90), "one hour and 30 minutes"),
        (timedelta(seconds=1), "one second"),
    ],
)
async def test_durations_in_words(
    house: House, duration: timedelta, words: str
) -> None:
    """Only what there is of hours, minutes and seconds is said."""
    assert await requests.async_spoken_duration(house.hass, duration, "en") == words
