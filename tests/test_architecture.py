"""Which part may know which: the import rules of docs/ARCHITECTURE.md."""

import ast
from collections.abc import Iterator
import importlib.metadata
import json
from pathlib import Path
import sys

from homeassistant.const import Platform
import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "custom_components/private_voice"
PACKAGE = "custom_components.private_voice"

SEALED = ("wire", "voice", "vault")
"""Know neither Home Assistant nor each other."""

MAY_IMPORT = {
    "wire": {"numpy", "wyoming"},
    "voice": {"numpy", "pymicro_vad"},
    "vault": {"cryptography"},
}

NEED_NO_DEPENDENCY = {
    *(platform.value for platform in Platform),
    *("conversation", "frontend", "labs", "media_source", "panel_custom", "script"),
    *("persistent_notification", "system_health", "webhook", "websocket_api", "zone"),
}
"""Components that hassfest lets be imported without the manifest naming them."""

MOST_LINES = 500


def modules() -> list[Path]:
    """Return all modules of the integration."""
    return sorted(SOURCE.rglob("*.py"))


def imported(path: Path, code: str, *, types: bool = True) -> Iterator[str]:
    """Yield the full names that a module imports; with or without those for types."""
    package = [PACKAGE, *path.relative_to(SOURCE).parent.parts]
    nodes: list[ast.AST] = [ast.parse(code)]
    while nodes:
        node = nodes.pop()
        if not types and isinstance(node, ast.If):
            if ast.unparse(node.test) == "TYPE_CHECKING":
                nodes += node.orelse
                continue
        nodes += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def part_of(path: Path) -> str:
    """Return the folder of a module, empty for the top."""
    parts = path.relative_to(SOURCE).parts
    return parts[0] if len(parts) > 1 else ""


def breaches(path: Path, code: str) -> list[str]:
    """Return the imports of a module that break a rule."""
    part, found = part_of(path), []
    for name in imported(path, code):
        top, inside = name.split(".")[0], name.removeprefix(f"{PACKAGE}.").split(".")[0]
        if name.startswith(f"{PACKAGE}."):
            sealed = part in SEALED and inside != part
            if sealed or (inside == "vault" and part != "vault" and path.stem != "hub"):
                found.append(name)
        elif part in SEALED and top not in sys.stdlib_module_names:
            if top not in MAY_IMPORT[part] and name != PACKAGE:
                found.append(name)
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports(path: Path) -> None:
    """Every module keeps to the import rule."""
    assert breaches(path, path.read_text()) == []


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("wire/x.py", "import homeassistant.core"),
        ("wire/x.py", "from homeassistant.core import callback"),
        ("wire/x.py", "from ..voice import endpoint"),
        ("wire/x.py", "from .. import hub"),
        ("voice/x.py", "from ..wire.errors import Reason"),
        ("voice/x.py", "if TYPE_CHECKING:\n    from ..wire.errors import Reason"),
        ("voice/x.py", "import aiohttp"),
        ("vault/x.py", "def f():\n    from ..hub import Hub"),
        ("room.py", "from .vault.store import Vault"),
        ("room.py", "from .vault import store"),
    ],
)
def test_breaches_are_found(place: str, code: str) -> None:
    """The rule notices each way to break it."""
    assert breaches(SOURCE / place, code)


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("wire/x.py", "from .errors import Reason\nimport numpy as np\nimport asyncio"),
        ("hub.py", "from .vault.store import Vault"),
        ("vault/x.py", "from .policy import Policy"),
    ],
)
def test_allowed(place: str, code: str) -> None:
    """What the rule allows."""
    assert breaches(SOURCE / place, code) == []


def test_components_are_dependencies() -> None:
    """Each component of Home Assistant that is used is there when we are set up."""
    manifest = json.loads((SOURCE / "manifest.json").read_text())
    known = {*manifest["dependencies"], *manifest["after_dependencies"]}
    for path in modules():
        for name in imported(path, path.read_text(), types=False):
            if not name.startswith("homeassistant.components."):
                continue
            component = name.split(".")[2]
            ours = (SOURCE / f"{component}.py").exists()
            assert component in known | NEED_NO_DEPENDENCY or ours, (path, name)


def test_libraries_are_required() -> None:
    """Each library that is used comes with Home Assistant or by a manifest."""
    provided = {
        "homeassistant",
        "custom_components",
        "voluptuous",
        *sys.stdlib_module_names,
    }
    requirements = importlib.metadata.requires("homeassistant") or []
    manifests = [SOURCE / "manifest.json"]
    components = Path(sys.modules["homeassistant"].__path__[0]) / "components"
    manifest = json.loads(manifests[0].read_text())
    manifests += [components / d / "manifest.json" for d in manifest["dependencies"]]
    for found in manifests:
        requirements += json.loads(found.read_text()).get("requirements", [])
    names = {r.split("=")[0].split(";")[0].split(">")[0].strip() for r in requirements}
    provided |= {name.lower().replace("-", "_") for name in names}
    used = {
        name.split(".")[0]
        for path in modules()
        for name in imported(path, path.read_text(), types=False)
    }
    assert used - provided == set()


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_size(path: Path) -> None:
    """No module outgrows what can be read in one go."""
    assert len(path.read_text().splitlines()) <= MOST_LINES
