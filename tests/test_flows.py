"""Adding and changing the hub, services and rooms; peers are real, on loopback."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from ipaddress import ip_address
import json
from pathlib import Path
import socket
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import (
    SOURCE_IGNORE,
    SOURCE_USER,
    SOURCE_ZEROCONF,
    ConfigEntry,
    ConfigEntryDisabler,
    ConfigSubentry,
    ConfigSubentryDataWithId,
)
from homeassistant.core import DOMAIN as HOMEASSISTANT_DOMAIN, HomeAssistant
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from wyoming.info import Info

from custom_components.private_voice.const import DOMAIN
from custom_components.private_voice.flow_room import RoomFlow
from custom_components.private_voice.wire.service import ServiceClient

from .fakes import (
    HANDLE_INFO,
    SATELLITE_INFO,
    STT_INFO,
    TTS_INFO,
    FakePeer,
    FakeSatellite,
    FakeService,
    merged,
)

HOST = "127.0.0.1"
TEXTS = json.loads(
    (
        Path(__file__).parent.parent
        / "custom_components/private_voice/translations/en.json"
    ).read_text()
)
NO_MODEL_INFO = Info(
    asr=[
        replace(p, models=[replace(m, installed=False) for m in p.models])
        for p in STT_INFO.asr
    ]
)
TWO_MODELS_INFO = Info(
    asr=[
        replace(p, models=[*p.models, replace(p.models[0], name="large")])
        for p in STT_INFO.asr
    ]
)
NOT_INSTALLED_INFO = Info(asr=[replace(p, installed=False) for p in STT_INFO.asr])

type Result = dict[str, Any]


def texts_of(subentry_type: str | None) -> dict[str, Any]:
    """Return the English texts of a flow."""
    if subentry_type is None:
        return TEXTS["config"]
    return TEXTS["config_subentries"][subentry_type]


def assert_form(
    result: Result, step_id: str, kind: str | None, error: str | None = None
) -> None:
    """Assert that a form is shown, that it has a text, and its only error too."""
    assert result["type"] == "form", result
    assert result["step_id"] == step_id
    texts = texts_of(kind)
    step = texts["step"][step_id]
    if result["data_schema"] is not None:
        fields = {str(marker) for marker in result["data_schema"].schema}
        assert fields <= set(step.get("data", {}))
    for name in result["description_placeholders"] or {}:
        assert f"{{{name}}}" in step["description"]
    errors = list((result["errors"] or {}).values())
    assert errors == ([error] if error else [])
    assert all(texts["error"][key] for key in errors)


def assert_abort(result: Result, reason: str, kind: str | None) -> None:
    """Assert that a flow ended without an entry, and that there is a text for it."""
    assert (result["type"], result["reason"]) == ("abort", reason), result
    if result.get("translation_domain") != HOMEASSISTANT_DOMAIN:
        assert texts_of(kind)["abort"][reason]


def suggested(result: Result) -> dict[str, Any]:
    """Return the values that a form suggests."""
    return {
        str(marker): marker.description["suggested_value"]
        for marker in result["data_schema"].schema
        if marker.description and marker.description["suggested_value"] is not None
    }


class Peers:
    """Starts peers that are stopped at the end of the test."""

    def __init__(self, stack: AsyncExitStack) -> None:
        """Keep who stops them."""
        self._stack = stack

    async def service(self, info: Info = STT_INFO) -> FakeService:
        """Start a service."""
        return await self._stack.enter_async_context(FakeService(info))

    async def satellite(self) -> FakeSatellite:
        """Start a satellite."""
        return await self._stack.enter_async_context(FakeSatellite())


@pytest.fixture
async def peers() -> AsyncIterator[Peers]:
    """Start and stop peers."""
    async with AsyncExitStack() as stack:
        yield Peers(stack)


@pytest.fixture(autouse=True)
async def components(hass: HomeAssistant, integration: None) -> None:
    """Set up what the integration depends on."""
    for component in ("homeassistant", "conversation", "assist_pipeline"):
        assert await async_setup_component(hass, component, {})


@pytest.fixture(autouse=True)
def nothing_well_known() -> Iterator[None]:
    """Find no service that happens to run on this host."""
    with patch("custom_components.private_voice.discovery._WELL_KNOWN", ()):
        yield


@pytest.fixture
def no_runtime() -> Iterator[None]:
    """Only keep the entry: what it would do is tested elsewhere."""
    package = "custom_components.private_voice"
    with (
        patch(f"{package}.async_setup_entry", return_value=True),
        patch(f"{package}.async_unload_entry", return_value=True),
    ):
        yield


def well_known(*found: FakePeer) -> Any:
    """Let peers be where official apps usually are."""
    return patch(
        "custom_components.private_voice.discovery._WELL_KNOWN",
        tuple((HOST, peer.port) for peer in found),
    )


def hub_entry(*subentries: ConfigSubentryDataWithId) -> MockConfigEntry:
    """Return a hub."""
    return MockConfigEntry(
        domain=DOMAIN,
        unique_id=DOMAIN,
        title="Private Voice",
        options={"make_preferred": False},
        subentries_data=subentries,
    )


def subentry_data(
    kind: str, peer: FakePeer, unique_id: str | None = None, **data: Any
) -> ConfigSubentryDataWithId:
    """Return a subentry whose id is its kind."""
    return ConfigSubentryDataWithId(
        subentry_id=kind,
        subentry_type=kind,
        title="Old name",
        unique_id=unique_id,
        data={"host": HOST, "port": peer.port, **data},
    )


async def add_hub(
    hass: HomeAssistant, *subentries: ConfigSubentryDataWithId
) -> MockConfigEntry:
    """Add a hub and set it up."""
    entry = hub_entry(*subentries)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    return entry


@pytest.fixture
async def hub(hass: HomeAssistant, no_runtime: None) -> MockConfigEntry:
    """Add a hub with nothing in it."""
    return await add_hub(hass)


def core_entry(hass: HomeAssistant, peer: FakePeer) -> MockConfigEntry:
    """Let core's integration hold a peer."""
    entry = MockConfigEntry(
        domain="wyoming", title="Held", data={"host": HOST, "port": peer.port}
    )
    entry.add_to_hass(hass)
    return entry


def only(entry: ConfigEntry) -> ConfigSubentry:
    """Return the only subentry."""
    assert len(entry.subentries) == 1
    return next(iter(entry.subentries.values()))


class SubentryFlow:
    """A dialog that adds or changes a subentry."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, kind: str) -> None:
        """Set what it is about."""
        self._flows = hass.config_entries.subentries
        self._hass = hass
        self._entry = entry
        self._kind = kind
        self._flow_id = ""

    async def start(self, subentry_id: str | None = None) -> Result:
        """Open the dialog, to change a subentry if one is given."""
        context = {"source": "user"}
        if subentry_id is not None:
            context = {"source": "reconfigure", "subentry_id": subentry_id}
        result = await self._flows.async_init(
            (self._entry.entry_id, self._kind), context=context
        )
        self._flow_id = result["flow_id"]
        return result

    async def details(self, room_id: str) -> Result:
        """Open the dialog and choose to change what a room was added with."""
        result = await self.start(room_id)
        assert (result["type"], result["step_id"]) == ("menu", "reconfigure")
        return await self.submit(next_step_id="details")

    async def submit(self, **user_input: Any) -> Result:
        """Fill in the form."""
        result = await self._flows.async_configure(self._flow_id, user_input)
        await self._hass.async_block_till_done()
        return result

    async def address(self, peer: FakePeer, **more: Any) -> Result:
        """Fill in the address of a peer."""
        return await self.submit(host=HOST, port=peer.port, **more)


# The hub


async def start_hub(hass: HomeAssistant) -> Result:
    """Open the dialog that adds the hub."""
    return await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )


async def configure(hass: HomeAssistant, result: Result, **user_input: Any) -> Result:
    """Fill in the form of a config flow."""
    after = await hass.config_entries.flow.async_configure(
        result["flow_id"], user_input
    )
    await hass.async_block_till_done()
    return after


async def test_hub_with_nothing_found(hass: HomeAssistant, no_runtime: None) -> None:
    """The hub can be added before there is any service."""
    result = await start_hub(hass)
    assert_form(result, "nothing_found", None)
    assert {str(key) for key in result["data_schema"].schema} == {"make_preferred"}
    result = await configure(hass, result, make_preferred=False)
    assert result["type"] == "create_entry"
    entry = result["result"]
    assert (entry.title, entry.unique_id, entry.data) == ("Private Voice", DOMAIN, {})
    assert entry.options == {"make_preferred": False}
    assert not entry.subentries


async def test_hub_offers_what_is_there_and_adds_what_is_chosen(
    hass: HomeAssistant, no_runtime: None, peers: Peers
) -> None:
    """Apps and what core's integration holds are offered; satellites are rooms."""
    chosen, left, held = [
        await peers.service(info) for info in (STT_INFO, TTS_INFO, HANDLE_INFO)
    ]
    empty = await peers.service(NOT_INSTALLED_INFO)
    gone = await peers.service()
    await gone.stop()
    core_entry(hass, held)
    with well_known(chosen, left, empty, gone, held, await peers.satellite()):
        result = await start_hub(hass)
    assert_form(result, "user", None)
    offered = {f"{HOST}:{peer.port}" for peer in (chosen, left, held)}
    assert set(result["data_schema"]({})["services"]) == offered
    result = await configure(
        hass, result, services=[f"{HOST}:{chosen.port}"], make_preferred=True
    )
    assert result["type"] == "create_entry"
    assert result["result"].options == {"make_preferred": True}
    subentry = only(result["result"])
    assert (subentry.subentry_type, subentry.title) == ("speech_service", "stt")
    assert subentry.data == {"host": HOST, "port": chosen.port, "kinds": ["stt"]}


async def test_there_is_one_hub(hass: HomeAssistant, hub: MockConfigEntry) -> None:
    """A second one is refused."""
    assert_abort(await start_hub(hass), "already_configured", None)


async def test_hub_is_added_in_one_dialog_at_a_time(
    hass: HomeAssistant, no_runtime: None
) -> None:
    """A second dialog says that there is one."""
    await start_hub(hass)
    assert_abort(await start_hub(hass), "already_in_progress", None)


# Speech services


async def test_service_is_added(
    hass: HomeAssistant, hub: MockConfigEntry, peers: Peers
) -> None:
    """With one model there is nothing more to ask; spaces around the host are cut."""
    service = await peers.service(merged(STT_INFO, HANDLE_INFO))
    flow = SubentryFlow(hass, hub, "speech_service")
    assert_form(await flow.start(), "user", "speech_service")
    result = await flow.submit(host=f" {HOST} ", port=float(service.port))
    assert result["type"] == "create_entry"
    subentry = only(hub)
    assert subentry.title == "stt"
    assert subentry.data == {
        "host": HOST,
        "port": service.port,
        "kinds": ["handle", "stt"],
    }
    assert isinstance(subentry.data["port"], int)


async def test_service_that_was_found_is_chosen_or_another_typed_in(
    hass: HomeAssistant, hub: MockConfigEntry, peers: Peers
) -> None:
    """What is typed counts; half an address and none at all are refused."""
    found, typed = await peers.service(), await peers.service(HANDLE_INFO)
    flow = SubentryFlow(hass, hub, "speech_service")
    with well_known(found, await peers.satellite()):
        result = await flow.start()
    assert_form(result, "user", "speech_service")
    key = f"{HOST}:{found.port}"
    assert suggested(result) == {"found": key}
    for missing in ({}, {"found": key, "host": HOST}, {"found": key, "port": 10300}):
        result = await flow.submit(**missing)
        assert_form(result, "user", "speech_service", "address_missing")
    assert (await flow.address(typed, found=key))["type"] == "create_entry"
    assert only(hub).data["port"] == typed.port

    with well_known(found, typed):
        assert suggested(await flow.start()) == {"found": key}
    assert (await flow.submit(found=key))["type"] == "create_entry"
    ports = {subentry.data["port"] for subentry in hub.subentries.values()}
    assert ports == {found.port, typed.port}


async def test_service_without_models_of_its_own_is_added(
    hass: HomeAssistant, hub: MockConfigEntry, peers: Peers
) -> None:
    """A service that handles texts needs none."""
    info = Info(handle=[replace(p, models=[]) for p in HANDLE_INFO.handle])
    flow = SubentryFlow(hass, hub, "speech_service")
    await flow.start()
    assert (await flow.address(await peers.service(info)))["type"] == "create_entry"
    assert only(hub).data["kinds"] == ["handle"]


@pytest.mark.parametrize(
    ("info", "choice"),
    [
        (TTS_INFO, {"voice": "lea"}),
        (TTS_INFO, {}),
        (TWO_MODELS_INFO, {"model": "large"}),
        (merged(TTS_INFO, TWO_MODELS_INFO), {"voice": "ann", "model": "model"}),
    ],
)
async def test_service_with_a_choice_asks_for_the_default(
    hass: HomeAssistant,
    hub: MockConfigEntry,
    peers: Peers,
    info: Info,
    choice: dict[str, str],
) -> None:
    """Several voices or models: one may be chosen."""
    service = await peers.service(info)
    flow = SubentryFlow(hass, hub, "speech_service")
    await flow.start()
    result = await flow.address(service)
    assert_form(result, "defaults", "speech_service")
    fields = {str(key) for key in result["data_schema"].schema}
    assert fields == {
        *(["voice"] if info.tts else []),
        *(["model"] if info.asr else []),
    }
    assert (await flow.submit(**choice))["type"] == "create_entry"
    data = dict(only(hub).data)
    assert data.pop("kinds") == sorted(
        [*(["stt"] if info.asr else []), *(["tts"] if info.tts else [])]
    )
    assert data == {"host": HOST, "port": service.port, **choice}


def is_garbage(peer: FakePeer) -> None:
    """Speak another protocol."""
    peer.greeting = b"220 mail.example ESMTP\r\n"


def is_huge(peer: FakePeer) -> None:
    """Announce far too much."""
    peer.greeting = b'{"type": "info", "data_length": 999999999999}\n'


def is_silent(peer: FakePeer) -> None:
    """Answer nothing."""
    peer.silent = True


def describes(info: Info) -> Callable[[FakePeer], None]:
    """Describe something else."""

    def change(peer: FakePeer) -> None:
        peer.info = info

    return change


FAULTS = [
    (is_garbage, "not_wyoming"),
    (is_huge, "too_large"),
    (is_silent, "timed_out"),
    (describes(NOT_INSTALLED_INFO), "nothing_installed"),
]
"""How a peer can fail; the last is of no matter to a satellite."""


@pytest.fixture
def impatient() -> Iterator[None]:
    """Wait for no silent peer."""
    describe = ServiceClient.describe

    async def soon(client: ServiceClient, timeout: float = 0) -> Info:
        """Ask, with little time for the answer."""
        return await describe(client, 0.3)

    with patch.object(ServiceClient, "describe", soon):
        yield


async def recover(flow: SubentryFlow, peer: FakePeer, **more: Any) -> None:
    """Mend a peer and finish the dialog."""
    peer.greeting, peer.silent = b"", False
    peer.info = SATELLITE_INFO if isinstance(peer, FakeSatellite) else STT_INFO
    assert (await flow.address(peer, **more))["type"] == "create_entry"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        *FAULTS,
        (describes(SATELLITE_INFO), "is_satellite"),
        (describes(merged(STT_INFO, SATELLITE_INFO)), "is_satellite"),
        (describes(NO_MODEL_INFO), "no_model"),
    ],
)
async def test_service_that_cannot_be_used_and_then_can(
    hass: HomeAssistant,
    hub: MockConfigEntry,
    peers: Peers,
    impatient: None,
    fault: Callable[[FakePeer], None],
    error: str,
) -> None:
    """The form says what is wrong, keeps what was typed, and can be sent again."""
    service = await peers.service()
    flow = SubentryFlow(hass, hub, "speech_service")
    await flow.start()
    fault(service)
    result = await flow.address(service)
    assert_form(result, "user", "speech_service", error)
    assert suggested(result) == {"host": HOST, "port": service.port}
    assert not hub.subentries
    await recover(flow, service)
    assert only(hub).data["port"] == service.port
    await service.wait(lambda: service.connections == 0)


@pytest.mark.parametrize("kind", ["speech_service", "room"])
async def test_address_that_leads_nowhere(
    hass: HomeAssistant, hub: MockConfigEntry, peers: Peers, kind: str
) -> None:
    """Nobody there, a name that nobody knows, a place outside: each is told apart."""
    if kind == "room":
        peer, more = await peers.satellite(), {"name": "Kitchen"}
    else:
        peer, more = await peers.service(), {}
    flow = SubentryFlow(hass, hub, kind)
    await flow.start()
    await peer.stop()
    assert_form(await flow.address(peer, **more), "user", kind, "unreachable")
    with patch.object(hass.loop, "getaddrinfo", side_effect=socket.gaierror):
        result = await flow.submit(host="nowhere.invalid", port=peer.port, **more)
    assert_form(result, "user", kind, "name_not_resolved")
    result = await flow.submit(host="8.8.8.8", port=peer.port, **more)
    assert_form(result, "user", kind, "not_local")
    await peer.start()
    await recover(flow, peer, **more)
    assert only(hub).data["host"] == HOST


@pytest.mark.parametrize("kind", ["speech_service", "room"])
async def test_address_belongs_to_one_subentry(
    hass: HomeAssistant, no_runtime: None, peers: Peers, kind: str
) -> None:
    """An address that is taken is refused without a connection; another is not."""
    if kind == "room":
        taken, free = await peers.satellite(), await peers.satellite()
        more = {"name": "Kitchen"}
    else:
        taken, free, more = await peers.service(), await peers.service(), {}
    entry = await add_hub(hass, subentry_data(kind, taken))
    flow = SubentryFlow(hass, entry, kind)
    await flow.start()
    result = await flow.address(taken, **more)
    assert_form(result, "user", kind, "already_configured")
    assert taken.accepted == 0
    await recover(flow, free, **more)
    assert len(entry.subentries) == 2


async def test_service_is_changed(
    hass: HomeAssistant, no_runtime: None, peers: Peers
) -> None:
    """It may keep its address or get another; errors are told here too."""
    old, new = await peers.service(TTS_INFO), await peers.service()
    entry = await add_hub(
        hass, subentry_data("speech_service", old, kinds=["tts"], voice="lea")
    )
    flow = SubentryFlow(hass, entry, "speech_service")
    result = await flow.start("speech_service")
    assert_form(result, "reconfigure", "speech_service")
    assert suggested(result) == {"host": HOST, "port": old.port}
    result = await flow.address(old)
    assert_form(result, "defaults", "speech_service")
    assert suggested(result) == {"voice": "lea"}
    assert_abort(
        await flow.submit(voice="ann"), "reconfigure_successful", "speech_service"
    )
    kept = {"host": HOST, "port": old.port, "kinds": ["tts"], "voice": "ann"}
    assert only(entry).data == kept

    await flow.start("speech_service")
    await new.stop()
    assert_form(await flow.address(new), "reconfigure", "speech_service", "unreachable")
    await new.start()
    assert_abort(await flow.address(new), "reconfigure_successful", "speech_service")
    assert only(entry).data == {"host": HOST, "port": new.port, "kinds": ["stt"]}


# Rooms


async def test_room_is_added(
    hass: HomeAssistant, hub: MockConfigEntry, peers: Peers
) -> None:
    """The name and the area are the user's; spaces around are cut."""
    satellite = await peers.satellite()
    flow = SubentryFlow(hass, hub, "room")
    assert_form(await flow.start(), "user", "room")
    result = await flow.address(satellite, name=" Kitchen ", area_id="kitchen")
    assert result["type"] == "create_entry"
    room = only(hub)
    assert (room.subentry_type, room.title) == ("room", "Kitchen")
    assert room.data == {"host": HOST, "port": satellite.port, "area_id": "kitchen"}


async def test_room_of_a_satellite_that_announced_itself(
    hass: HomeAssistant, hub: MockConfigEntry, peers: Peers
) -> None:
    """It is suggested with its own name, and is found again by its announcement."""
    satellite = await peers.satellite()
    await announce(hass, await peers.service(), name="other")
    await announce(hass, satellite)
    flow = SubentryFlow(hass, hub, "room")
    result = await flow.start()
    assert_form(result, "user", "room")
    found = f"{HOST}:{satellite.port}"
    assert suggested(result) == {"name": "Kitchen satellite", "found": found}
    result = await flow.submit(name=" ", found=found)
    assert result["type"] == "create_entry"
    assert (only(hub).title, only(hub).unique_id) == ("Kitchen satellite", "peer")


async def test_room_without_offers_suggests_only_the_usual_port(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    """An empty form but for where satellites usually listen."""
    result = await SubentryFlow(hass, hub, "room").start()
    assert_form(result, "user", "room")
    assert suggested(result) == {"port": 10700}


@pytest.mark.parametrize(
    ("fault", "error"), [*FAULTS[:3], (describes(STT_INFO), "is_service")]
)
async def test_room_whose_satellite_cannot_be_used_and_then_can(
    hass: HomeAssistant,
    hub: MockConfigEntry,
    peers: Peers,
    impatient: None,
    fault: Callable[[FakePeer], None],
    error: str,
) -> None:
    """The form says what is wrong, keeps what was typed, and can be sent again."""
    satellite = await peers.satellite()
    flow = SubentryFlow(hass, hub, "room")
    await flow.start()
    fault(satellite)
    result = await flow.address(satellite, name="Kitchen")
    assert_form(result, "user", "room", error)
    typed = {"name": "Kitchen", "host": HOST, "port": satellite.port}
    assert suggested(result) == typed
    await recover(flow, satellite, name="Kitchen")
    assert only(hub).title == "Kitchen"


async def test_room_speaks_a_language_that_a_service_knows(
    hass: HomeAssistant, peers: Peers
) -> None:
    """Only what the hub transcribes can be chosen."""
    service, satellite = await peers.service(), await peers.satellite()
    entry = await add_hub(hass, subentry_data("speech_service", service, kinds=["stt"]))
    flow = SubentryFlow(hass, entry, "room")
    # The form is opened before the service has told its languages.
    with patch.object(RoomFlow, "_languages", return_value=[]):
        await flow.start()
    result = await flow.address(satellite, name="Kitchen", language="de")
    assert_form(result, "user", "room", "language_not_offered")
    assert result["errors"] == {"language": "language_not_offered"}
    assert suggested(result)["language"] == "de"
    result = await flow.address(satellite, name="Kitchen", language="fr")
    assert result["type"] == "create_entry"
    room = next(s for s in entry.subentries.values() if s.subentry_type == "room")
    assert room.data == {"host": HOST, "port": satellite.port, "language": "fr"}
    assert await hass.config_entries.async_unload(entry.entry_id)
    await satellite.wait(lambda: satellite.connections == 0)
    await service.wait(lambda: service.connections == 0)


async def test_room_takes_its_satellite_over(
    hass: HomeAssistant, hub: MockConfigEntry, peers: Peers
) -> None:
    """Core's entry is disabled, but not before it was agreed to."""
    satellite = await peers.satellite()
    core = core_entry(hass, satellite)
    other = core_entry(hass, await peers.service())
    flow = SubentryFlow(hass, hub, "room")
    found = f"{HOST}:{satellite.port}"
    assert suggested(await flow.start())["found"] == found
    result = await flow.submit(name="Kitchen", found=found)
    assert_form(result, "take_over", "room")
    assert result["description_placeholders"] == {"name": "Held"}
    assert core.disabled_by is None
    assert not hub.subentries
    assert (await flow.submit())["type"] == "create_entry"
    assert core.disabled_by is ConfigEntryDisabler.USER
    assert other.disabled_by is None
    assert only(hub).title == "Kitchen"


async def test_disabled_core_entry_holds_no_satellite(
    hass: HomeAssistant, hub: MockConfigEntry, peers: Peers
) -> None:
    """There is nothing to take over from it."""
    satellite = await peers.satellite()
    core = core_entry(hass, satellite)
    await hass.config_entries.async_set_disabled_by(
        core.entry_id, ConfigEntryDisabler.USER
    )
    flow = SubentryFlow(hass, hub, "room")
    await flow.start()
    result = await flow.address(satellite, name="Kitchen")
    assert result["type"] == "create_entry"


async def test_take_over_of_a_core_entry_that_went_away(
    hass: HomeAssistant, hub: MockConfigEntry, peers: Peers
) -> None:
    """Deleted while the question was open: the room is added all the same."""
    satellite = await peers.satellite()
    core = core_entry(hass, satellite)
    flow = SubentryFlow(hass, hub, "room")
    await flow.start()
    assert_form(await flow.address(satellite, name="Kitchen"), "take_over", "room")
    await hass.config_entries.async_remove(core.entry_id)
    assert (await flow.submit())["type"] == "create_entry"


async def test_room_is_changed(
    hass: HomeAssistant, no_runtime: None, peers: Peers
) -> None:
    """Name, area and satellite; errors are told and a satellite is taken over."""
    old, new = await peers.satellite(), await peers.satellite()
    entry = await add_hub(hass, subentry_data("room", old, area_id="kitchen"))
    flow = SubentryFlow(hass, entry, "room")
    result = await flow.details("room")
    assert_form(result, "details", "room")
    assert suggested(result) == {
        "name": "Old name",
        "host": HOST,
        "port": old.port,
        "area_id": "kitchen",
    }
    result = await flow.address(old, name="New name")
    assert_abort(result, "reconfigure_successful", "room")
    assert only(entry).title == "New name"
    assert only(entry).data == {"host": HOST, "port": old.port}

    core = core_entry(hass, new)
    await flow.details("room")
    is_garbage(new)
    result = await flow.address(new, name="New name")
    assert_form(result, "details", "room", "not_wyoming")
    new.greeting = b""
    assert_form(await flow.address(new, name="New name"), "take_over", "room")
    assert_abort(await flow.submit(), "reconfigure_successful", "room")
    assert only(entry).data == {"host": HOST, "port": new.port}
    assert core.disabled_by is ConfigEntryDisabler.USER


async def test_room_is_changed_while_its_satellite_and_service_are_off(
    hass: HomeAssistant, no_runtime: None, peers: Peers
) -> None:
    """The satellite is not asked, and the language stays on the form."""
    satellite = await peers.satellite()
    await satellite.stop()
    entry = await add_hub(hass, subentry_data("room", satellite, "peer", language="fr"))
    flow = SubentryFlow(hass, entry, "room")
    assert suggested(await flow.details("room"))["language"] == "fr"
    result = await flow.address(satellite, name="New name", language="fr")
    assert_abort(result, "reconfigure_successful", "room")
    assert (only(entry).title, only(entry).unique_id) == ("New name", "peer")
    assert only(entry).data["language"] == "fr"


# What zeroconf finds


async def announce(
    hass: HomeAssistant, peer: FakePeer, *, port: int | None = -1, name: str = "peer"
) -> Result:
    """Let a peer announce itself."""
    return await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_ZEROCONF},
        data=ZeroconfServiceInfo(
            ip_address=ip_address(HOST),
            ip_addresses=[ip_address(HOST)],
            port=peer.port if port == -1 else port,
            hostname="peer.local.",
            type="_wyoming._tcp.local.",
            name=f"{name}._wyoming._tcp.local.",
            properties={},
        ),
    )


async def test_announced_service_joins_the_hub(
    hass: HomeAssistant, hub: MockConfigEntry, peers: Peers
) -> None:
    """It is confirmed by the user, and known from then on."""
    service = await peers.service()
    result = await announce(hass, service)
    assert_form(result, "discovered_service", None)
    assert result["description_placeholders"] == {"name": "stt"}
    flow = hass.config_entries.flow.async_progress()[0]
    assert flow["context"]["title_placeholders"] == {"name": "stt"}
    assert not hub.subentries
    result = await configure(hass, result)
    assert_abort(result, "service_added", None)
    assert result["description_placeholders"] == {"name": "stt"}
    subentry = only(hub)
    assert (subentry.subentry_type, subentry.title) == ("speech_service", "stt")
    assert subentry.unique_id == "peer"
    assert subentry.data == {"host": HOST, "port": service.port, "kinds": ["stt"]}
    assert_abort(await announce(hass, service), "already_configured", None)


async def test_announced_satellite_becomes_a_room(
    hass: HomeAssistant, hub: MockConfigEntry, peers: Peers
) -> None:
    """Its name is suggested; the user says where it stands."""
    satellite = await peers.satellite()
    result = await announce(hass, satellite)
    assert_form(result, "discovered_room", None)
    assert result["data_schema"]({})["name"] == "Kitchen satellite"
    result = await configure(hass, result, name="Kitchen", area_id="kitchen")
    assert_abort(result, "room_added", None)
    assert result["description_placeholders"] == {"name": "Kitchen"}
    room = only(hub)
    assert (room.subentry_type, room.title) == ("room", "Kitchen")
    assert room.unique_id == "peer"
    assert room.data == {"host": HOST, "port": satellite.port, "area_id": "kitchen"}


async def test_announced_satellite_is_taken_over(
    hass: HomeAssistant, hub: MockConfigEntry, peers: Peers
) -> None:
    """The form says that core's entry will be disabled."""
    satellite = await peers.satellite()
    core = core_entry(hass, satellite)
    result = await announce(hass, satellite)
    assert_form(result, "take_over", None)
    assert core.disabled_by is None
    assert_abort(await configure(hass, result, name="Kitchen"), "room_added", None)
    assert core.disabled_by is ConfigEntryDisabler.USER
    assert only(hub).data == {"host": HOST, "port": satellite.port}


@pytest.mark.parametrize("kind", ["speech_service", "room"])
async def test_announced_before_there_is_a_hub(
    hass: HomeAssistant, no_runtime: None, peers: Peers, kind: str
) -> None:
    """The hub is made with it, as it was asked for, and is the one hub."""
    if kind == "room":
        result = await announce(hass, await peers.satellite())
        assert_form(result, "discovered_room", None)
        answer: Result = {"name": "Kitchen"}
    else:
        result, answer = await announce(hass, await peers.service()), {}
        assert_form(result, "discovered_service", None)
    assert result["data_schema"](answer)["make_preferred"] is True
    result = await configure(hass, result, **answer, make_preferred=False)
    assert result["type"] == "create_entry"
    entry = result["result"]
    assert (entry.title, entry.unique_id) == ("Private Voice", DOMAIN)
    assert entry.options == {"make_preferred": False}
    assert (only(entry).subentry_type, only(entry).unique_id) == (kind, "peer")
    assert_abort(await start_hub(hass), "already_configured", None)


@pytest.mark.parametrize("kind", ["speech_service", "room"])
async def test_announced_at_a_new_address(
    hass: HomeAssistant, no_runtime: None, peers: Peers, kind: str
) -> None:
    """What the hub knows is followed; nothing else of it changes."""
    old, new = await peers.satellite(), await peers.satellite()
    entry = await add_hub(hass, subentry_data(kind, old, "peer", area_id="kitchen"))
    assert_abort(await announce(hass, new), "already_configured", None)
    moved = {"host": HOST, "port": new.port, "area_id": "kitchen"}
    assert only(entry).data == moved
    assert only(entry).title == "Old name"


async def test_announced_at_an_address_that_was_typed_in(
    hass: HomeAssistant, no_runtime: None, peers: Peers
) -> None:
    """It is the same peer: not asked, but found again at a new address later."""
    service = await peers.service()
    entry = await add_hub(hass, subentry_data("speech_service", service))
    assert_abort(await announce(hass, service), "already_configured", None)
    assert service.accepted == 0
    assert only(entry).unique_id == "peer"
    moved = await peers.service()
    assert_abort(await announce(hass, moved), "already_configured", None)
    assert only(entry).data["port"] == moved.port


@pytest.mark.parametrize("kind", ["speech_service", "room"])
async def test_added_by_hand_while_the_announcement_waits(
    hass: HomeAssistant, hub: MockConfigEntry, peers: Peers, kind: str
) -> None:
    """It is offered no longer, and no second one can be added."""
    peer: FakePeer
    if kind == "room":
        peer, name = await peers.satellite(), {"name": "Kitchen"}
    else:
        peer, name = await peers.service(), {}
    await announce(hass, peer)
    flow = SubentryFlow(hass, hub, kind)
    await flow.start()
    assert (await flow.address(peer, **name))["type"] == "create_entry"
    assert not hass.config_entries.flow.async_progress()
    assert only(hub).unique_id == "peer"
    assert_abort(await announce(hass, peer), "already_configured", None)


async def test_known_by_the_time_the_announcement_is_confirmed(
    hass: HomeAssistant, hub: MockConfigEntry, peers: Peers
) -> None:
    """No second one is added."""
    service = await peers.service()
    waiting = await announce(hass, service)
    hass.config_entries.async_add_subentry(
        hub,
        ConfigSubentry(
            data=MappingProxyType({"host": HOST, "port": service.port}),
            subentry_type="speech_service",
            title="By hand",
            unique_id=None,
        ),
    )
    assert_abort(await configure(hass, waiting), "already_configured", None)
    assert only(hub).title == "By hand"


async def test_ignored_announcement_stays_ignored(
    hass: HomeAssistant, no_runtime: None, peers: Peers
) -> None:
    """It makes no hub and no second offer."""
    MockConfigEntry(domain=DOMAIN, unique_id="peer", source=SOURCE_IGNORE).add_to_hass(
        hass
    )
    service = await peers.service()
    assert_abort(await announce(hass, service), "already_configured", None)
    assert service.accepted == 0
    assert_form(await start_hub(hass), "nothing_found", None)


@pytest.mark.parametrize("fault", [*FAULTS, (describes(NO_MODEL_INFO), "no_model")])
async def test_announced_but_of_no_use(
    hass: HomeAssistant,
    no_runtime: None,
    peers: Peers,
    impatient: None,
    fault: tuple[Callable[[FakePeer], None], str],
) -> None:
    """It is not offered, and may announce itself again when it is mended."""
    service = await peers.service()
    change, reason = fault
    change(service)
    assert_abort(await announce(hass, service), reason, None)
    service.info, service.greeting, service.silent = STT_INFO, b"", False
    assert_form(await announce(hass, service), "discovered_service", None)


async def test_announced_without_a_port(
    hass: HomeAssistant, no_runtime: None, peers: Peers
) -> None:
    """There is nothing to ask."""
    service = await peers.service()
    assert_abort(await announce(hass, service, port=None), "not_wyoming", None)
    assert service.accepted == 0
