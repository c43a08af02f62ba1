"""What is told apart and recognised among the peers of this network."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
import time
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import (
    SOURCE_ZEROCONF,
    ConfigEntryDisabler,
    ConfigSubentryDataWithId,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from wyoming.info import Info

from custom_components.private_voice import discovery
from custom_components.private_voice.const import DOMAIN
from custom_components.private_voice.discovery import Endpoint
from custom_components.private_voice.wire.errors import Reason, WireError

from .fakes import SATELLITE_INFO, STT_INFO, TTS_INFO, FakePeer, FakeSatellite, merged

pytestmark = pytest.mark.usefixtures("integration")


@pytest.fixture(autouse=True)
def nothing_starts(hass: HomeAssistant) -> Iterator[None]:
    """Look at no usual place, and leave entries as they are."""
    with (
        patch("homeassistant.config_entries.async_process_deps_reqs"),
        patch.object(hass.config_entries, "async_setup", return_value=True),
        patch.object(discovery, "_WELL_KNOWN", ()),
    ):
        yield


def add_hub(hass: HomeAssistant, **data: Any) -> MockConfigEntry:
    """Add a hub with one room."""
    room = ConfigSubentryDataWithId(
        subentry_id="room",
        subentry_type="room",
        title="Kitchen",
        unique_id=None,
        data=data,
    )
    hub = MockConfigEntry(domain=DOMAIN, unique_id=DOMAIN, subentries_data=[room])
    hub.add_to_hass(hass)
    return hub


def add_core(hass: HomeAssistant, **fields: Any) -> MockConfigEntry:
    """Add an entry of core's integration."""
    entry = MockConfigEntry(domain="wyoming", **fields)
    entry.add_to_hass(hass)
    return entry


async def announce(hass: HomeAssistant, port: int, *hosts: str) -> Any:
    """Let zeroconf announce a peer at one or more addresses."""
    addresses = [ip_address(host) for host in hosts or ("127.0.0.1",)]
    return await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_ZEROCONF},
        data=ZeroconfServiceInfo(
            ip_address=addresses[0],
            ip_addresses=addresses,
            port=port,
            hostname="a1b2.local.",
            type="_wyoming._tcp.local.",
            name="a1b2._wyoming._tcp.local.",
            properties={},
        ),
    )


async def test_room_at_one_of_several_addresses_does_not_wander(
    hass: HomeAssistant,
) -> None:
    """A satellite is announced with all its addresses, in any order."""
    hub = add_hub(hass, host="127.0.0.1", port=10700)
    for hosts in (("192.168.1.4", "127.0.0.1"), ("127.0.0.1",), ("fe80::1", "::1")):
        result = await announce(hass, 10700, *hosts)
        assert result["reason"] == "already_configured"
        if hosts[0] != "fe80::1":
            assert hub.subentries["room"].data["host"] == "127.0.0.1"
    assert hub.subentries["room"].data["host"] == "fe80::1"


async def test_room_is_recognised_by_whatever_name_was_typed(
    hass: HomeAssistant,
) -> None:
    """The name stays as long as it leads there, and is replaced when it does not."""
    hub = add_hub(hass, host="localhost", port=10700)
    assert (await announce(hass, 10700))["reason"] == "already_configured"
    room = hub.subentries["room"]
    assert (room.unique_id, room.data["host"]) == ("a1b2", "localhost")
    gone = WireError(Reason.NAME_NOT_RESOLVED)
    with patch.object(discovery, "resolve", side_effect=gone):
        assert (await announce(hass, 10700))["reason"] == "already_configured"
    assert hub.subentries["room"].data["host"] == "127.0.0.1"


@pytest.mark.parametrize(
    "fields",
    [
        {"data": {"host": "localhost"}},
        {
            "data": {"host": "192.168.1.9", "port": 1},
            "unique_id": "a1b2._wyoming._tcp.local._Kitchen satellite",
        },
    ],
)
async def test_satellite_that_core_holds_under_another_address(
    hass: HomeAssistant, fields: dict[str, Any]
) -> None:
    """It is taken over all the same, and no other is."""
    hub = add_hub(hass, host="127.0.0.1", port=1)
    async with FakeSatellite() as satellite:
        fields["data"] = {"port": satellite.port, **fields["data"]}
        others = [
            add_core(hass, data={}),
            add_core(hass, data={"host": "192.168.1.8", "port": satellite.port}),
            add_core(
                hass,
                data={"host": "127.0.0.1", "port": 2},
                unique_id="a1b2c3._wyoming._tcp.local._Other",
            ),
        ]
        core = add_core(hass, **fields)
        result = await announce(hass, satellite.port)
        assert result["step_id"] == "take_over"
        await hass.config_entries.flow.async_configure(
            result["flow_id"], {"name": "Kitchen"}
        )
    assert core.disabled_by is ConfigEntryDisabler.USER
    assert [other.disabled_by for other in others] == [None, None, None]
    assert len(hub.subentries) == 2


async def test_satellite_that_core_does_not_hold(hass: HomeAssistant) -> None:
    """What core holds elsewhere is left alone."""
    add_hub(hass, host="127.0.0.1", port=1)
    add_core(hass, data={"host": "127.0.0.1", "port": 2})
    async with FakeSatellite() as satellite:
        result = await announce(hass, satellite.port)
    assert result["step_id"] == "discovered_room"


async def test_silent_peers_hold_nobody_up(hass: HomeAssistant) -> None:
    """All are asked at once and have little time."""
    async with FakePeer(STT_INFO) as first, FakePeer(TTS_INFO) as second:
        first.silent = second.silent = True
        for peer in (first, second):
            add_core(hass, data={"host": "127.0.0.1", "port": peer.port})
        with patch.object(discovery, "_LOOK_FOR", 0.3):
            began = time.monotonic()
            assert await discovery.async_offers(hass, satellites=False) == {}
        assert time.monotonic() - began < 2
        await first.wait(lambda: first.connections == 0)
        await second.wait(lambda: second.connections == 0)


@pytest.mark.parametrize(
    ("host", "reason"), [("8.8.8.8", "not_local"), ("127.0.0.1", "unreachable")]
)
async def test_announcement_of_what_cannot_be_reached(
    hass: HomeAssistant, host: str, reason: str
) -> None:
    """It is never asked where it is not on this network."""
    async with FakePeer(STT_INFO) as peer:
        await peer.stop()
        assert (await announce(hass, peer.port, host))["reason"] == reason


def _named(name: str) -> Info:
    """Return the description of a service with a name."""
    return Info(asr=[replace(program, name=name) for program in STT_INFO.asr])


@pytest.mark.parametrize(
    ("info", "name"),
    [
        (STT_INFO, "stt"),
        (merged(STT_INFO, SATELLITE_INFO), "Kitchen satellite"),
        (_named("  two\n words "), "two words"),
        (_named("x" * 5000), "x" * 64),
        (_named(" \n"), "127.0.0.1"),
        (Info(), "127.0.0.1"),
    ],
)
def test_name_fits_a_dialog(info: Info, name: str) -> None:
    """Whatever a peer calls itself."""
    assert Endpoint("127.0.0.1", 10300, info).name == name
