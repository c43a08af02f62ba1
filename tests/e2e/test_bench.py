"""The benchmark command, with real processes."""

from pathlib import Path
import subprocess

import pytest

from .test_house import last_line

ROOT = Path(__file__).parent.parent.parent

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command where it measures nothing."""
    return subprocess.run(
        [ROOT / "scripts/bench", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_subjects_are_listed() -> None:
    """Alone, the command names each subject and what it measures."""
    done = bench()
    assert done.returncode == 0
    assert "startup" in done.stdout
    assert "What the integration adds to Home Assistant's start" in done.stdout


@pytest.mark.parametrize(
    "arguments", [["no_such_thing"], ["table"], ["startup", "--rounds", "0"]]
)
def test_what_cannot_be_measured_is_refused(arguments: list[str]) -> None:
    """An unknown subject, or no rounds at all, is an error of use."""
    done = bench(*arguments)
    assert done.returncode == 2
    assert "usage: scripts/bench" in done.stderr


def test_startup_is_measured_with_and_without_the_integration() -> None:
    """Both sides come up, and only the integration tells them apart."""
    result = last_line("scripts/bench", "startup", "--rounds", "1", "--json")
    assert result["subject"] == "startup"
    assert result["ha_version"].startswith("2026.11")
    assert result["rounds"] == 1
    assert set(result["sides"]) == {"without", "with"}
    for side in result["sides"].values():
        assert len(side["seconds"]) == len(side["mib"]) == len(side["private_mib"]) == 1
        assert side["seconds"][0] > 0
        # Less than Home Assistant alone needs would be another process.
        assert side["mib"][0] > side["private_mib"][0] > 50
    assert result["rooms"] == 10
    assert len(result["connected_seconds"]) == len(result["own_setup_seconds"]) == 1
    assert result["connected_seconds"][0] > 0
    # A component that one side loads alone would be measured as ours.
    only_with = {name.partition(".")[0] for name in result["loaded_only_with"]}
    assert only_with == {"private_voice"}
    for unit, added in result["adds"].items():
        with_it, without = (result["sides"][s][unit][0] for s in ("with", "without"))
        assert added == pytest.approx(with_it - without, abs=0.001)
    assert isinstance(result["within"], bool)
