"""The integration quality scale: every rule is judged, and truly."""

import ast
import json
from pathlib import Path
import re

import yaml

SOURCE = Path(__file__).parent.parent / "custom_components/private_voice"

BRONZE = """
action-setup appropriate-polling brands common-modules config-flow
config-flow-test-coverage dependency-transparency docs-actions docs-conditions
docs-high-level-description docs-installation-instructions
docs-removal-instructions docs-triggers entity-event-setup entity-unique-id
has-entity-name runtime-data test-before-configure test-before-setup
unique-config-entry
"""
SILVER = """
action-exceptions config-entry-unloading docs-configuration-parameters
docs-installation-parameters entity-unavailable integration-owner
log-when-unavailable parallel-updates reauthentication-flow test-coverage
"""
GOLD = """
devices diagnostics discovery discovery-update-info docs-data-update docs-examples
docs-known-limitations docs-supported-devices docs-supported-functions
docs-troubleshooting docs-use-cases dynamic-devices entity-category
entity-device-class entity-disabled-by-default entity-translations
exception-translations icon-translations reconfiguration-flow repair-issues
stale-devices
"""
PLATINUM = "async-dependency inject-websession strict-typing"
TIERS = {
    "bronze": BRONZE.split(),
    "silver": (BRONZE + SILVER).split(),
    "gold": (BRONZE + SILVER + GOLD).split(),
    "platinum": (BRONZE + SILVER + GOLD + PLATINUM).split(),
}


def quality() -> dict[str, str]:
    """Return the status of each rule; an exemption needs a reason."""
    rules = yaml.safe_load((SOURCE / "quality_scale.yaml").read_text())["rules"]
    status: dict[str, str] = {}
    for rule, value in rules.items():
        judged = value if isinstance(value, dict) else {"status": value}
        assert set(judged) <= {"status", "comment"}, rule
        assert judged["status"] in ("done", "todo", "exempt"), rule
        assert judged["status"] != "exempt" or judged["comment"].strip(), rule
        status[rule] = judged["status"]
    return status


def test_quality_scale() -> None:
    """All 54 rules are judged, and those up to gold are kept."""
    status = quality()
    assert len(TIERS["platinum"]) == 54
    assert sorted(status) == sorted(TIERS["platinum"])
    assert [rule for rule in TIERS["gold"] if status[rule] == "todo"] == []


def test_tier_is_reached() -> None:
    """The manifest claims no tier that is not reached; only core's are awarded one."""
    tier = json.loads((SOURCE / "manifest.json").read_text())["quality_scale"]
    status = quality()
    assert [rule for rule in TIERS.get(tier, ()) if status[rule] == "todo"] == []
    assert tier in {*TIERS, "custom"}


def defines(path: str, name: str) -> bool:
    """Return whether a module of the integration defines a name."""
    tree = ast.parse((SOURCE / path).read_text())
    return any(
        name
        in (getattr(node, "name", None), *(getattr(t, "id", None) for t in targets))
        for node in ast.walk(tree)
        for targets in [getattr(node, "targets", [getattr(node, "target", None)])]
    )


def test_quality_is_true() -> None:
    """What can be seen in the code is there where its rule is done."""
    setup = (SOURCE / "__init__.py").read_text()
    platforms = re.findall(r"Platform\.(\w+),", setup)
    assert len(platforms) > 5
    for platform in platforms:
        assert defines(f"{platform.lower()}.py", "PARALLEL_UPDATES"), platform
    assert defines("__init__.py", "CONFIG_SCHEMA")
    assert defines("__init__.py", "async_unload_entry")
    assert defines("config_flow.py", "async_step_zeroconf")
    flows = [path.name for path in SOURCE.glob("*flow*.py")]
    assert len([f for f in flows if defines(f, "async_step_reconfigure")]) > 0
    assert defines("diagnostics.py", "async_get_config_entry_diagnostics")
    assert defines("repairs.py", "async_create_fix_flow")
    assert (SOURCE / "coordinator.py").exists()
    assert (SOURCE / "entity.py").exists()
    assert "runtime_data" in setup
    assert (quality()["action-setup"] == "exempt") != (SOURCE / "services.py").exists()
