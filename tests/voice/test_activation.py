"""The record of an activation is written once and holds no words."""

import json

import pytest

from custom_components.private_voice.voice.activation import (
    Activation,
    FailReason,
    Outcome,
    Stage,
    WokenBy,
)


def test_it_is_closed_once() -> None:
    """What comes later changes nothing."""
    activation = Activation("kitchen", WokenBy.WAKE_WORD)
    assert activation.close(Outcome.FAILED, FailReason.SATELLITE_LOST)
    assert not activation.close(Outcome.HANDLED)
    assert activation.outcome is Outcome.FAILED
    assert activation.reason is FailReason.SATELLITE_LOST


def test_stages_keep_their_first_time() -> None:
    """And count from the wake."""
    activation = Activation("kitchen", WokenBy.WAKE_WORD)
    activation.mark(Stage.LISTENING)
    first = activation.stages[Stage.LISTENING]
    activation._clock -= 5
    activation.mark(Stage.LISTENING)
    activation.mark(Stage.TRANSCRIPT)
    assert activation.stages[Stage.LISTENING] == first < 1
    assert 5 <= activation.stages[Stage.TRANSCRIPT] < 6


def test_the_microphone_was_open_until_speech_ended() -> None:
    """Not until the reply did."""
    activation = Activation("kitchen", WokenBy.WAKE_WORD)
    activation.mark(Stage.LISTENING)
    activation._clock -= 2
    activation.mark(Stage.SPEECH_END)
    activation._clock -= 3
    activation.close(Outcome.HANDLED)
    assert 2 <= activation.microphone_open < 3


def test_the_microphone_counts_as_open_until_a_command_is_cut_off() -> None:
    """No end of speech was heard."""
    activation = Activation("kitchen", WokenBy.WAKE_WORD)
    activation.mark(Stage.LISTENING)
    activation._clock -= 2
    activation.close(Outcome.CANCELLED)
    assert 2 <= activation.microphone_open < 3


def test_a_wake_that_was_muted_never_opened_the_microphone() -> None:
    """Nothing was listened to."""
    activation = Activation("kitchen", WokenBy.WAKE_WORD)
    activation.close(Outcome.MUTED)
    assert activation.microphone_open == 0


@pytest.mark.parametrize("outcome", Outcome)
def test_its_attributes_can_be_written_as_json(outcome: Outcome) -> None:
    """The recorder and the bus take plain values only, and none is shared."""
    activation = Activation("kitchen", WokenBy.FOLLOW_UP, slot_names=["area"])
    activation.mark(Stage.LISTENING)
    activation.close(outcome)
    attributes = activation.as_attributes()
    assert json.loads(json.dumps(attributes)) == attributes
    assert attributes["outcome"] == outcome.value
    attributes["slot_names"].append("name")
    assert activation.slot_names == ["area"]


def test_no_two_have_the_same_id() -> None:
    """History tells them apart by it."""
    ids = {Activation("kitchen", WokenBy.SATELLITE).id for _ in range(100)}
    assert len(ids) == 100
