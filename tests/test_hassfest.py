"""The rules of hassfest, Home Assistant's checker, that a tree can be judged by."""

from collections.abc import Iterator
import json
from pathlib import Path
import re
import string
from typing import Any

from awesomeversion import AwesomeVersion, AwesomeVersionStrategy
import pytest
import yaml

from custom_components.private_voice.const import DOMAIN

SOURCE = Path(__file__).parent.parent / "custom_components/private_voice"


def load(path: str) -> Any:
    """Return what a JSON file of the integration holds."""
    return json.loads((SOURCE / path).read_text(encoding="utf-8"))


# The manifest

MANIFEST_KEYS = {
    *("domain", "name", "after_dependencies", "bluetooth", "codeowners", "config_flow"),
    *("dependencies", "dhcp", "documentation", "import_executor", "integration_type"),
    *("iot_class", "issue_tracker", "loggers", "preview_features", "quality_scale"),
    *("requirements", "single_config_entry", "ssdp", "usb", "version", "zeroconf"),
}
"""What hassfest of the oldest Home Assistant that we support knows."""

ONE_OF = {
    "integration_type": {
        *("device", "entity", "hardware", "helper", "hub", "service", "system")
    },
    "iot_class": {
        *("assumed_state", "calculated", "cloud_polling", "cloud_push"),
        *("local_polling", "local_push"),
    },
    "quality_scale": {"bronze", "silver", "gold", "platinum", "custom"},
}
VERSIONS = [
    AwesomeVersionStrategy.CALVER,
    AwesomeVersionStrategy.SEMVER,
    AwesomeVersionStrategy.SIMPLEVER,
    AwesomeVersionStrategy.BUILDVER,
    AwesomeVersionStrategy.PEP440,
]


def key_order_problems(keys: list[str]) -> Iterator[str]:
    """Yield what is wrong with the keys of a manifest."""
    if keys != ["domain", "name", *sorted(set(keys) - {"domain", "name"})]:
        yield "order of keys"
    yield from (f"unknown key {key}" for key in set(keys) - MANIFEST_KEYS)
    needed = {"domain", "name", "documentation", "issue_tracker", "version"}
    yield from (f"{key} is missing" for key in needed - set(keys))


def manifest_problems(manifest: dict[str, Any]) -> Iterator[str]:
    """Yield what hassfest and HACS would object to in a manifest."""
    yield from key_order_problems(list(manifest))
    for key in ("documentation", "issue_tracker"):
        if not str(manifest.get(key)).startswith("https://"):
            yield f"{key} is no address"
    if "home-assistant.io/integrations" in str(manifest.get("documentation")):
        yield "documentation of somebody else"
    yield from (key for key, known in ONE_OF.items() if manifest.get(key) not in known)
    owners = manifest.get("codeowners")
    if not owners or not all(re.fullmatch(r"@[\w/-]+", owner) for owner in owners):
        yield "codeowners"
    try:
        AwesomeVersion(manifest.get("version"), ensure_strategy=VERSIONS)
    except Exception:  # noqa: BLE001
        yield "version"
    for requirement in manifest.get("requirements", []):
        if re.search(r"\s", requirement):
            yield f"blank in {requirement}"
    both = {*manifest.get("dependencies", [])} & {*manifest["after_dependencies"]}
    yield from (f"{domain} is needed before and after" for domain in both)


def test_manifest() -> None:
    """The manifest is one that hassfest and HACS accept."""
    assert list(manifest_problems(load("manifest.json"))) == []
    assert load("manifest.json")["domain"] == DOMAIN == SOURCE.name


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("categories", ["ai_voice.speech"]),
        ("codeowners", ["somebody"]),
        ("documentation", "http://example.com"),
        ("documentation", "https://www.home-assistant.io/integrations/private_voice"),
        ("integration_type", "voice"),
        ("iot_class", "local"),
        ("issue_tracker", None),
        ("quality_scale", "best"),
        ("requirements", ["wyoming == 1"]),
        ("version", "one"),
        ("dependencies", ["wyoming"]),
    ],
)
def test_manifest_problems(key: str, value: Any) -> None:
    """What is wrong with a manifest is found."""
    assert list(manifest_problems(load("manifest.json") | {key: value}))


def test_manifest_order() -> None:
    """A key out of order is found."""
    manifest = load("manifest.json")
    manifest["after_dependencies"] = manifest.pop("after_dependencies")
    assert "order of keys" in manifest_problems(manifest)


def test_one_integration() -> None:
    """HACS takes the first folder: there is one."""
    folders = [p for p in SOURCE.parent.iterdir() if not p.name.startswith("__")]
    assert folders == [SOURCE]


# Texts

KEY = re.compile(r"(?!.+[_-]{2})(?![_-])[a-z0-9_-]+(?<![_-])")
ADDRESS = re.compile(r"(\w+://|www\.)", re.IGNORECASE)
LANGUAGES = sorted(path.stem for path in (SOURCE / "translations").glob("*.json"))
TOP = {
    *("title", "config", "config_subentries", "options", "selector", "entity"),
    *("exceptions", "issues", "services", "triggers", "conditions", "system_health"),
    *("config_panel", "device", "device_automation", "entity_component", "common"),
}
STEP = {
    *("title", "description", "data", "data_description", "menu_options", "submit"),
    *("menu_option_descriptions", "sections"),
}
FLOW = {"step", "error", "abort", "progress", "create_entry", "flow_title"}


def text_problems(path: str, text: Any) -> Iterator[str]:
    """Yield what hassfest would object to in one text."""
    if not isinstance(text, str) or not text or text != text.strip():
        yield f"{path}: empty, or blanks around it"
        return
    if re.search(r"<[a-zA-Z/]", text):
        yield f"{path}: HTML"
    if ADDRESS.search(text):
        yield f"{path}: an address"
    if re.search(r"'\{\w+\}'", text):
        yield f"{path}: placeholder in single quotes"
    for _, name, _, _ in string.Formatter().parse(text):
        if name is not None and not name.isidentifier():
            yield f"{path}: placeholder {name}"
        if name is not None and ".state." in path:
            yield f"{path}: placeholder in a state"


def key_problems(node: Any, path: str = "") -> Iterator[str]:
    """Yield what is wrong with keys and texts, at any depth."""
    if not isinstance(node, dict):
        yield from text_problems(path, node)
        return
    for key, value in node.items():
        if not KEY.fullmatch(key):
            yield f"{path}.{key}: key"
        yield from key_problems(value, f"{path}.{key}")


def flow_problems(name: str, flow: dict[str, Any], extra: set[str]) -> Iterator[str]:
    """Yield what is wrong with the texts of a flow."""
    yield from (f"{name}: {key}" for key in set(flow) - FLOW - extra)
    for step, texts in flow["step"].items():
        yield from (f"{name}.{step}: {key}" for key in set(texts) - STEP)
        if set(texts.get("data", ())) != set(texts.get("data_description", ())):
            yield f"{name}.{step}: fields that are not described"


def translation_problems(texts: dict[str, Any]) -> Iterator[str]:
    """Yield what hassfest would object to in a translation."""
    yield from key_problems(texts)
    yield from (f"unknown: {key}" for key in set(texts) - TOP)
    yield from flow_problems("config", texts["config"], set())
    for name, flow in texts["config_subentries"].items():
        yield from flow_problems(name, flow, {"entry_type", "initiate_flow"})
        if "user" not in flow.get("initiate_flow", {}) or "entry_type" not in flow:
            yield f"{name}: entry_type and initiate_flow.user"
    for name, issue in texts.get("issues", {}).items():
        if "title" not in issue or ("description" in issue) == ("fix_flow" in issue):
            yield f"{name}: title, and either description or fix_flow"
        if "fix_flow" in issue:
            yield from flow_problems(name, issue["fix_flow"], set())


@pytest.mark.parametrize("language", LANGUAGES)
def test_translation(language: str) -> None:
    """Every translation is one that hassfest accepts."""
    assert list(translation_problems(load(f"translations/{language}.json"))) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"titel": "x"},
        {"title": "See https://example.com"},
        {"title": "<b>bold</b>"},
        {"title": "It is '{name}'"},
        {"title": "{0}"},
        {"title": " blank"},
        {"exceptions": {"Key": {"message": "x"}}},
        {"issues": {"x": {"title": "x"}}},
        {"issues": {"x": {"title": "x", "description": "x", "fix_flow": {"step": {}}}}},
        {"entity": {"select": {"x": {"state": {"on": "{name}"}}}}},
        {"config": {"step": {"user": {"data": {"host": "Host"}}}}},
        {"config_subentries": {"room": {"step": {}, "entry_type": "Room"}}},
    ],
)
def test_translation_problems(wrong: dict[str, Any]) -> None:
    """What is wrong with a translation is found."""
    assert list(translation_problems(load("translations/en.json") | wrong))


def mdi_names() -> set[str]:
    """Return the names of the icons that Home Assistant's frontend brings."""
    frontend = pytest.importorskip("hass_frontend")
    folder = Path(frontend.__file__).parent / "static/mdi"
    parts = json.loads((folder / "iconMetadata.json").read_text())["parts"]
    found: set[str] = set()
    for part in parts:
        found |= set(json.loads((folder / f"{part['file']}.json").read_text()))
    return found


def icon_problems(icons: dict[str, Any], known: set[str]) -> Iterator[str]:
    """Yield what is wrong with icons: shape, names, states that look the same."""
    nodes: list[tuple[str, Any]] = [("icons", icons)]
    while nodes:
        path, node = nodes.pop()
        if isinstance(node, dict):
            nodes += [(f"{path}.{key}", value) for key, value in node.items()]
            if node.get("default") in (node.get("state") or {}).values():
                if not path.endswith("event_type"):
                    yield f"{path}: a state looks like the default"
        elif not isinstance(node, str) or node.removeprefix("mdi:") not in known:
            yield f"{path}: {node}"
        elif not node.startswith("mdi:"):
            yield f"{path}: {node} without mdi:"


def test_icons() -> None:
    """Every icon exists and belongs to an entity that has a name."""
    icons, texts = load("icons.json"), load("translations/en.json")
    assert list(icon_problems(icons, mdi_names())) == []
    assert set(icons) <= {"entity", "services", "triggers", "conditions"}
    for platform, entities in icons["entity"].items():
        for key, icon in entities.items():
            if (platform, key) == ("assist_satellite", "satellite"):
                continue  # named like its device
            named = texts["entity"][platform][key]
            assert set(icon.get("state", ())) <= {*named.get("state", ()), "on", "off"}


def test_event_icons() -> None:
    """Every outcome has a text and an icon of its own."""
    icon = load("icons.json")["entity"]["event"]["activation"]
    text = load("translations/en.json")["entity"]["event"]["activation"]
    icons = icon["state_attributes"]["event_type"]["state"]
    assert set(icons) == set(text["state_attributes"]["event_type"]["state"])
    assert len(set(icons.values())) == len(icons)


def test_icon_problems() -> None:
    """What is wrong with icons is found."""
    known = {"microphone"}
    for wrong in ("microphone", "hass:microphone", "mdi:microfone"):
        assert list(icon_problems({"entity": {"x": {"default": wrong}}}, known))
    same = {"default": "mdi:microphone", "state": {"on": "mdi:microphone"}}
    assert list(icon_problems(same, known))


@pytest.mark.parametrize("kind", ["services", "triggers", "conditions"])
def test_described(kind: str) -> None:
    """Services, triggers and conditions have names, descriptions and icons."""
    path = SOURCE / f"{kind}.yaml"
    described = yaml.safe_load(path.read_text()) if path.exists() else {}
    texts = load("translations/en.json").get(kind, {})
    assert set(described) == set(texts) == set(load("icons.json").get(kind, {}))
    for name, fields in described.items():
        assert {"name", "description"} <= set(texts[name])
        given = (fields or {}).get("fields", {})
        assert set(given) == set(texts[name].get("fields", {}))
    if kind != "services":
        assert bool(described) == (SOURCE / f"{kind[:-1]}.py").exists()
