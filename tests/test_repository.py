"""What HACS wants of a repository, and what must not be in it."""

from collections.abc import Iterator
import json
from pathlib import Path
import re
import shutil
import socket
import struct
import subprocess
from typing import Any
import zipfile

from awesomeversion import AwesomeVersion
import pytest
import pytest_socket
import yaml

from custom_components.private_voice.voice.activation import (
    Activation,
    FailReason,
    Outcome,
    Stage,
    WokenBy,
)

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "custom_components/private_voice"


def load(path: str) -> Any:
    """Return what a JSON file of the integration holds."""
    return json.loads((SOURCE / path).read_text(encoding="utf-8"))


def tracked() -> list[Path]:
    """Return the files of the repository; without git, those of this folder."""
    names: list[str] = []
    if shutil.which("git") and (ROOT / ".git").exists():
        command = ["git", "-C", ROOT, "ls-files", "-z"]
        names = subprocess.run(
            command, check=True, capture_output=True, text=True
        ).stdout.split("\0")
    paths = [ROOT / name for name in names if name] or list(SOURCE.rglob("*"))
    return [path for path in paths if path.is_file()]


# hacs.json and what it leads to

HACS_TYPES: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "content_in_root": bool,
    "country": (str, list),
    "filename": str,
    "hacs": str,
    "hide_default_branch": bool,
    "homeassistant": str,
    "persistent_directory": str,
    "render_readme": bool,
    "zip_release": bool,
}


def hacs_problems(hacs: dict[str, Any]) -> Iterator[str]:
    """Yield what HACS would object to in hacs.json."""
    for key, value in hacs.items():
        if key not in HACS_TYPES or not isinstance(value, HACS_TYPES[key]):
            yield key
    if not hacs.get("name"):
        yield "name is missing"
    if hacs.get("zip_release") and not hacs.get("filename"):
        yield "zip_release without filename"
    if not AwesomeVersion(hacs.get("homeassistant", "")).valid:
        yield "homeassistant is no version"


def test_hacs() -> None:
    """HACS and Marketplace accept hacs.json."""
    assert list(hacs_problems(json.loads((ROOT / "hacs.json").read_text()))) == []


@pytest.mark.parametrize(
    "wrong", [{"icon": "x"}, {"filename": ""}, {"zip_release": 1}, {"name": ""}]
)
def test_hacs_problems(wrong: dict[str, Any]) -> None:
    """What is wrong with hacs.json is found."""
    assert list(hacs_problems(json.loads((ROOT / "hacs.json").read_text()) | wrong))


def test_archive() -> None:
    """The archive holds the integration at its top, with the version of the release."""
    filename = json.loads((ROOT / "hacs.json").read_text())["filename"]
    command = [ROOT / "scripts/archive", "12.3.4b1"]
    subprocess.run(command, check=True, capture_output=True)
    with zipfile.ZipFile(ROOT / "build" / filename) as archive:
        names = archive.namelist()
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest == load("manifest.json") | {"version": "12.3.4b1"}
    assert {"__init__.py", "brand/icon.png", "translations/en.json"} <= set(names)
    assert not [n for n in names if ".." in n or n.startswith("/") or "__pyc" in n]


def test_archive_wants_a_version() -> None:
    """No archive is built for something that is not a version."""
    command = [ROOT / "scripts/archive", "next"]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 2


def test_workflows() -> None:
    """Workflows get no rights but those that a job asks for; the outside checks run daily."""
    used: set[str] = set()
    for path in (ROOT / ".github/workflows").glob("*.yaml"):
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {}, path
        for job in workflow["jobs"].values():
            assert job["timeout-minutes"] <= 60
            names = {step["uses"] for step in job["steps"] if "uses" in step}
            used |= names
            # YAML reads the key "on" as true.
            if names & {"home-assistant/actions/hassfest@master", "hacs/action@main"}:
                assert workflow[True]["schedule"]
    assert {"home-assistant/actions/hassfest@master", "hacs/action@main"} <= used


def test_licence() -> None:
    """The licence is one that GitHub recognises and the one that we name."""
    assert "Apache License" in (ROOT / "LICENSE").read_text()[:200]
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text()


def test_readme() -> None:
    """HACS shows the README: its links lead somewhere."""
    for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
            if not target.startswith("https://"):
                assert (path.parent / target).exists(), (path.name, target)


def fields_of(node: Any) -> Iterator[str]:
    """Yield the labels of all fields of flows."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from value.values() if key == "data" else fields_of(value)


def test_readme_names_everything() -> None:
    """The README explains each field, entity and outcome, by the words of the UI."""
    readme = (ROOT / "README.md").read_text().lower()
    texts = load("translations/en.json")
    fields = {*fields_of(texts["config"]), *fields_of(texts["config_subentries"])}
    entities = {e["name"] for keys in texts["entity"].values() for e in keys.values()}
    outcomes = {f"`{outcome.value}`" for outcome in Outcome}
    assert len(fields) > 5
    assert len(entities) > 5
    assert {w for w in fields | entities | outcomes if w.lower() not in readme} == set()


def test_records_are_described() -> None:
    """Each field of a record and each reason is described."""
    text = (ROOT / "docs/ACTIVATIONS.md").read_text()
    record = Activation("room", WokenBy.SATELLITE).as_attributes()
    names = {*record, *FailReason, *Stage, *WokenBy}
    assert {name for name in names if f"`{name}`" not in text} == set()


# Brand

SIZES = {"icon": (256, 256), "logo": (None, 192)}


def png_size(path: Path) -> tuple[int, int]:
    """Return width and height of a PNG file."""
    head = path.read_bytes()[:26]
    assert head[:8] == b"\x89PNG\r\n\x1a\n", path
    assert head[25] in (4, 6), f"{path} is not transparent"
    width, height = struct.unpack(">II", head[16:24])
    return width, height


@pytest.mark.parametrize("prefix", ["", "dark_"])
@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize(("suffix", "factor"), [("", 1), ("@2x", 2)])
def test_brand(prefix: str, kind: str, suffix: str, factor: int) -> None:
    """Each picture is there, in its size, with its drawing."""
    assert (ROOT / "brand" / f"{prefix}{kind}.svg").exists()
    width, height = png_size(SOURCE / "brand" / f"{prefix}{kind}{suffix}.png")
    wide, high = SIZES[kind]
    assert height == high * factor
    assert width == wide * factor if wide else width > height


def test_brand_names() -> None:
    """Nothing else is in the folder: Home Assistant serves known names only."""
    names = {path.name for path in (SOURCE / "brand").iterdir()}
    assert len(names) == 8, names


# What must not be in any file

FORBIDDEN = re.compile(
    "|".join(
        (
            # The machine that this was made on. Written so that this file is clean.
            r"(?<![\w.])/" + r"(work|farm|root)/",
            r"/tmp" + r"/(bash_jobs|pv)",  # noqa: S108
            r"(?<![\w.])/home/" + r"(?!assistant)[a-z]+/",
            # Where packages come from is the affair of whoever installs them.
            r"--(extra-)?" + r"index-url",
            r"https?://[\w.-]*" + r"(pypi|pythonhosted|npmjs|artifactory|nexus)",
            r"registry\." + r"npmjs",
        )
    )
)


@pytest.mark.parametrize("path", tracked(), ids=lambda p: str(p.relative_to(ROOT)))
def test_clean(path: Path) -> None:
    """No path of one machine and no host of a registry."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    assert FORBIDDEN.findall(text) == []


@pytest.mark.parametrize(
    "wrong",
    ["/wo" + "rk/x", "/ro" + "ot/x", "--index" + "-url", "https://pyp" + "i.org/"],
)
def test_unclean(wrong: str) -> None:
    """What must not be in a file is found."""
    assert FORBIDDEN.search(f"at {wrong}")


@pytest.mark.filterwarnings("ignore:A test tried to use socket")
def test_tests_stay_on_this_host() -> None:
    """A test that would reach for another host fails."""
    with (
        socket.socket() as found,
        pytest.raises(pytest_socket.SocketConnectBlockedError),
    ):
        found.connect(("192.0.2.1", 80))
