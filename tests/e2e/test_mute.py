"""The mute of rooms with real processes: satellites that obey or not, restarts and kills."""

import pytest

from .test_house import last_line

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

PYTHON = ".venvs/home/bin/python"


def test_mute_is_believed_once_seen_and_kept_over_restarts() -> None:
    """Obeyed, defied, or not even understood: what is said of a mute is so."""
    result = last_line(PYTHON, "-m", "tests.e2e.mute")
    obedient = result["obedient"]
    assert obedient["shown"] == ["unverified", "soft_muted", "live"]
    assert obedient["runs_while_muted"] == obedient["violations"] == 0
    assert obedient["sounded"] >= 1
    assert obedient["state_after_sound"] == "soft_muted"
    # Whoever comes back while muted is told to pause, and nothing else.
    assert result["reboot_while_muted"]["orders"] == ["pause-satellite"]
    assert result["restart_while_muted"]["orders"] == ["pause-satellite"]
    assert result["restart_while_muted"]["switch"] == "on"
    assert result["changed_minds"] == {"last_order": "pause-satellite", "switch": "on"}
    # A wake word while muted is no command but a contradiction.
    words = result["spoken_words"]
    assert words["outcomes"] == ["not_understood", "cancelled", "muted"]
    assert words["heard_while_muted"] == 0
    assert words["signs"] == ["wake"]
    assert not result["kept"]
    for defiance in (result["ignores"], result["lies"]):
        assert defiance["fired"] == defiance["issues"] == 1
        assert defiance["issues_left"] == 0
        # Mended, but not believed: it stays away while muted.
        assert defiance["held"]
    assert 0.3 < result["ignores"]["cut_after"] < 1.3
    assert result["lies"]["cut_after"] < 2.3
    study = result["knows_no_pause"]
    assert 0.3 < study["contradiction_after"] < 1.3
    assert study["connections"] == study["issues_left"] == 0
    # Once known, it is muted by staying away, and never violates again.
    for held in (study["held"], study["held_again"], study["held_after_restart"]):
        assert held == {
            "state": "soft_muted",
            "connections": 0,
            "bytes": 0,
            "issues": 0,
        }
    assert study["muted_again_after"] < 1
    assert study["fired"] == study["violations"] == 1


def test_what_a_mute_said_outlives_a_power_cut() -> None:
    """Home Assistant is killed around a mute: what it had shown or answered is kept."""
    result = last_line(PYTHON, "-m", "tests.e2e.kills", "5")
    assert len(result["kills"]) == 5
    assert all(kill["ok"] for kill in result["kills"]), result


def test_time_until_a_mute_has_its_effect_is_measured() -> None:
    """Each round hears the room, mutes it, and sees the pause reach the satellite."""
    result = last_line("scripts/bench", "mute", "--rounds", "3", "--json")
    assert result["subject"] == "mute"
    assert result["rounds"] == 3
    assert len(result["last_byte_ms"]["all"]) == len(result["pause_ms"]["all"]) == 3
    assert all(ms > 0 for ms in result["pause_ms"]["all"])
    assert result["within"] is (result["last_byte_ms"]["worst"] < 50)
