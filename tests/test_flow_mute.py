"""Linking a room to its hardware mute and the power of its microphone, with a preview."""

from collections.abc import Callable
import json
from pathlib import Path
from typing import Any

from homeassistant.components.group import DOMAIN as GROUP
from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigSubentryDataWithId,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import InvalidData
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.private_voice.const import DOMAIN
from custom_components.private_voice.preview import PREVIEWS

from . import test_flows
from .test_flows import SubentryFlow, add_hub, assert_abort, assert_form, suggested

no_runtime = test_flows.no_runtime

SLIDER = "input_boolean.slider"
CONTACT = "binary_sensor.contact"
MODE = "select.mode"
VOLTAGE = "sensor.voltage"
PLUG = "switch.plug"
ADDRESS = {"host": "127.0.0.1", "port": 10700}
LANGUAGES = (
    Path(__file__).parent.parent / "custom_components/private_voice/translations"
)

type Result = dict[str, Any]


def room(room_id: str, **data: Any) -> ConfigSubentryDataWithId:
    """Return a room that is named after its id."""
    return ConfigSubentryDataWithId(
        subentry_id=room_id,
        subentry_type="room",
        title=room_id.capitalize(),
        unique_id=None,
        data={**ADDRESS, **data},
    )


def link(entity_id: str, *states: str) -> dict[str, Any]:
    """Return a link as a room's data hold it."""
    return {"entity_id": entity_id, "muted_states": list(states)}


@pytest.fixture(autouse=True)
async def things(hass: HomeAssistant, integration: None, no_runtime: None) -> None:
    """Have things in the house that can be linked; only the entry is kept of the hub."""
    for component in (
        "homeassistant",
        "binary_sensor",
        "input_boolean",
        "websocket_api",
    ):
        assert await async_setup_component(hass, component, {})
    hass.states.async_set(SLIDER, "off", {"friendly_name": "Slider"})
    hass.states.async_set(
        CONTACT, "off", {"friendly_name": "Contact", "device_class": "door"}
    )
    hass.states.async_set(MODE, "ears", {"options": ["ears", "no ears", "asleep"]})
    hass.states.async_set(VOLTAGE, "3.3", {"friendly_name": "Voltage"})
    hass.states.async_set(PLUG, "on")


class MuteFlow:
    """The dialog about a room's hardware, from the room's menu to its end."""

    def __init__(self, hass: HomeAssistant, hub: ConfigEntry) -> None:
        """Set what it is about."""
        self._hass = hass
        self._hub = hub
        self.flow_id = ""

    async def start(self, room_id: str) -> Result:
        """Choose it in the menu of a room, and follow as the frontend does."""
        flow = SubentryFlow(self._hass, self._hub, "room")
        await flow.start(room_id)
        end = await flow.submit(next_step_id="mute")
        assert_abort(end, "continued", "room")
        kind, self.flow_id = end["next_flow"]
        assert kind == "config_flow"
        return await self._hass.config_entries.flow.async_configure(self.flow_id)

    async def reconfigure(self) -> Result:
        """Choose to reconfigure the hub."""
        result = await self._hass.config_entries.flow.async_init(
            DOMAIN,
            context={"source": SOURCE_RECONFIGURE, "entry_id": self._hub.entry_id},
        )
        self.flow_id = result["flow_id"]
        return result

    async def submit(self, **user_input: Any) -> Result:
        """Fill in the form."""
        result = await self._hass.config_entries.flow.async_configure(
            self.flow_id, user_input
        )
        await self._hass.async_block_till_done()
        return result

    async def choose(self, *links: str, lost: str = "muted", **more: Any) -> Result:
        """Fill in the first form."""
        return await self.submit(mute_links=list(links), link_lost=lost, **more)

    async def states(self, *states: str) -> Result:
        """Fill in the form about one link."""
        return await self.submit(muted_states=list(states))


def offered(result: Result) -> dict[str, str]:
    """Return the states that a form offers, with their words."""
    (selector,) = result["data_schema"].schema.values()
    return {o["value"]: o["label"] for o in selector.config["options"]}


def data_of(hub: ConfigEntry, room_id: str = "kitchen") -> dict[str, Any]:
    """Return what a room's data hold besides its address."""
    data = hub.subentries[room_id].data
    assert {**data, **ADDRESS} == data
    return {k: v for k, v in data.items() if k not in ADDRESS}


def assert_done(result: Result) -> None:
    """Assert that a flow ended well."""
    assert_abort(result, "reconfigure_successful", None)


# Links and power


async def test_room_is_linked(hass: HomeAssistant) -> None:
    """A switch is mirrored by one entity: on means muted unless something else is said."""
    hub = await add_hub(hass, room("kitchen", area_id="kitchen", language="fr"))
    flow = MuteFlow(hass, hub)
    result = await flow.start("kitchen")
    assert_form(result, "mute", None)
    assert result["description_placeholders"] == {"name": "Kitchen"}
    assert suggested(result) == {"mute_links": [], "link_lost": "muted"}
    result = await flow.choose(SLIDER)
    assert_form(result, "muted_states", None)
    assert result["description_placeholders"] == {"link": "Slider", "name": "Kitchen"}
    assert offered(result) == {"on": "On", "off": "Off"}
    assert suggested(result) == {"muted_states": ["on"]}
    assert (result["preview"], result["last_step"]) == (DOMAIN, True)
    assert_done(await flow.states("on"))
    assert data_of(hub) == {
        "area_id": "kitchen",
        "language": "fr",
        "mute_links": [link(SLIDER, "on")],
    }
    assert not hass.data[PREVIEWS]


async def test_room_has_several_links_and_power(hass: HomeAssistant) -> None:
    """Each is asked about in its turn, with the states that it may really have."""
    hub = await add_hub(hass, room("kitchen"))
    flow = MuteFlow(hass, hub)
    await flow.start("kitchen")
    result = await flow.choose(
        CONTACT, MODE, VOLTAGE, lost="ignored", microphone_power=PLUG
    )
    assert offered(result) == {"on": "Open", "off": "Closed"}
    assert not result["last_step"]
    result = await flow.states("off")
    assert offered(result) == {s: s for s in ("ears", "no ears", "asleep")}
    assert suggested(result) == {"muted_states": []}
    result = await flow.states("no ears", "asleep")
    assert offered(result) == {"3.3": "3.3"}
    assert result["last_step"]
    assert_done(await flow.states("0.0", "0"))
    assert data_of(hub) == {
        "link_lost": "ignored",
        "microphone_power": PLUG,
        "mute_links": [
            link(CONTACT, "off"),
            link(MODE, "no ears", "asleep"),
            link(VOLTAGE, "0.0", "0"),
        ],
    }


async def test_links_are_changed_and_dropped(hass: HomeAssistant) -> None:
    """What is there is suggested; what is emptied goes, and so does what it needed."""
    hub = await add_hub(
        hass,
        room(
            "kitchen",
            mute_links=[link(CONTACT, "off"), link(MODE, "asleep", "long gone")],
            link_lost="ignored",
            microphone_power=PLUG,
        ),
    )
    flow = MuteFlow(hass, hub)
    assert suggested(await flow.start("kitchen")) == {
        "mute_links": [CONTACT, MODE],
        "link_lost": "ignored",
        "microphone_power": PLUG,
    }
    result = await flow.choose(MODE, CONTACT)
    assert suggested(result) == {"muted_states": ["asleep"]}
    assert suggested(await flow.states("ears")) == {"muted_states": ["off"]}
    assert_done(await flow.states("off"))
    links = [link(MODE, "ears"), link(CONTACT, "off")]
    assert data_of(hub) == {"mute_links": links}

    await flow.start("kitchen")
    assert_done(await flow.submit(link_lost="ignored", microphone_power=PLUG))
    assert data_of(hub) == {"microphone_power": PLUG}
    await flow.start("kitchen")
    assert_done(await flow.choose())
    assert data_of(hub) == {}


async def test_link_that_is_not_there(hass: HomeAssistant) -> None:
    """An entity that is gone is called by its id, and its states can be typed."""
    hub = await add_hub(hass, room("kitchen", mute_links=[link("sensor.gone", "cut")]))
    flow = MuteFlow(hass, hub)
    await flow.start("kitchen")
    result = await flow.choose("sensor.gone")
    assert result["description_placeholders"]["link"] == "sensor.gone"
    assert offered(result) == {}
    assert suggested(result) == {"muted_states": ["cut"]}
    assert_done(await flow.states("away"))
    assert data_of(hub) == {"mute_links": [link("sensor.gone", "away")]}

    # One that is only out of reach is known by name; that state is not offered.
    hass.states.async_set(VOLTAGE, "unavailable", {"friendly_name": "Voltage"})
    await flow.start("kitchen")
    result = await flow.choose(VOLTAGE)
    assert result["description_placeholders"]["link"] == "Voltage"
    assert offered(result) == {}


async def test_link_that_is_chosen_twice(hass: HomeAssistant) -> None:
    """It is asked about once."""
    hub = await add_hub(hass, room("kitchen"))
    flow = MuteFlow(hass, hub)
    await flow.start("kitchen")
    assert (await flow.choose(SLIDER, SLIDER))["last_step"]
    assert_done(await flow.states("off"))
    assert data_of(hub) == {"mute_links": [link(SLIDER, "off")]}


async def test_change_of_the_rest_keeps_the_links(hass: HomeAssistant) -> None:
    """The form for name, area and satellite does not touch what it does not ask."""
    links = {"mute_links": [link(SLIDER, "on")], "microphone_power": PLUG}
    hub = await add_hub(hass, room("kitchen", language="fr", **links))
    flow = SubentryFlow(hass, hub, "room")
    await flow.details("kitchen")
    result = await flow.submit(**ADDRESS, name="Cellar", area_id="cellar")
    assert_abort(result, "reconfigure_successful", "room")
    assert hub.subentries["kitchen"].title == "Cellar"
    assert data_of(hub) == {"area_id": "cellar", **links}


# What is refused


@pytest.fixture
async def own(hass: HomeAssistant) -> str:
    """Have a mute switch of our own, and a group with it in a group."""
    registry = er.async_get(hass)
    entry = registry.async_get_or_create("switch", DOMAIN, "kitchen-microphone_mute")
    hass.states.async_set(entry.entity_id, "off")
    await add_group(hass, "Inner", PLUG, entry.entity_id)
    await add_group(hass, "Both", "switch.inner")
    return entry.entity_id


async def add_group(hass: HomeAssistant, name: str, *members: str) -> None:
    """Add a group of switches, as a person does."""
    options = {
        "group_type": "switch",
        "name": name,
        "entities": list(members),
        "hide_members": False,
        "all": False,
    }
    helper = MockConfigEntry(domain=GROUP, title=name, options=options)
    helper.add_to_hass(hass)
    assert await hass.config_entries.async_setup(helper.entry_id)
    await hass.async_block_till_done()


async def test_room_does_not_follow_itself(hass: HomeAssistant, own: str) -> None:
    """Our own switch is not offered, and found in a group: as a link and as power."""
    hub = await add_hub(hass, room("kitchen"))
    flow = MuteFlow(hass, hub)
    result = await flow.start("kitchen")
    fields = {str(key): field for key, field in result["data_schema"].schema.items()}
    for name in ("mute_links", "microphone_power"):
        assert fields[name].config["exclude_entities"] == [own]
    for chosen in ({"mute_links": [own]}, {"microphone_power": own}):
        with pytest.raises(InvalidData):
            await flow.submit(link_lost="muted", **chosen)
    result = await flow.choose("switch.both")
    assert_form(result, "mute", None, "loop")
    assert result["errors"] == {"mute_links": "loop"}
    assert suggested(result)["mute_links"] == ["switch.both"]
    result = await flow.choose(SLIDER, microphone_power="switch.both")
    assert_form(result, "mute", None, "loop")
    assert result["errors"] == {"microphone_power": "loop"}
    assert_form(await flow.choose(SLIDER, microphone_power=PLUG), "muted_states", None)
    assert_done(await flow.states("on"))


async def test_power_is_no_link(hass: HomeAssistant) -> None:
    """What the room switches by itself tells nothing about the hardware."""
    hub = await add_hub(hass, room("kitchen"))
    flow = MuteFlow(hass, hub)
    await flow.start("kitchen")
    result = await flow.choose(PLUG, microphone_power=PLUG)
    assert_form(result, "mute", None, "power_is_link")
    assert_done(await flow.choose(microphone_power=PLUG))


async def test_power_belongs_to_one_room(hass: HomeAssistant) -> None:
    """A room that is unmuted must not power the microphone of another one."""
    cellar = room("cellar", microphone_power=PLUG)
    hub = await add_hub(hass, room("kitchen"), cellar)
    flow = MuteFlow(hass, hub)
    await flow.start("kitchen")
    result = await flow.choose(microphone_power=PLUG)
    assert_form(result, "mute", None, "power_of_other_room")
    assert_done(await flow.choose(microphone_power="switch.other"))
    assert data_of(hub) == {"microphone_power": "switch.other"}
    await flow.start("cellar")
    assert_done(await flow.choose(microphone_power=PLUG))


@pytest.mark.parametrize(
    ("entity_id", "states", "error"),
    [
        (SLIDER, [], "no_state"),
        (SLIDER, ["on", "off"], "always_muted"),
        (MODE, ["ears", "asleep", "no ears"], "always_muted"),
        (VOLTAGE, [], "no_state"),
    ],
)
async def test_some_states_mean_muted_but_not_all(
    hass: HomeAssistant, entity_id: str, states: list[str], error: str
) -> None:
    """A link that could never mute, or never unmute, is refused and can be mended."""
    hub = await add_hub(hass, room("kitchen"))
    flow = MuteFlow(hass, hub)
    await flow.start("kitchen")
    possible = offered(await flow.choose(entity_id))
    result = await flow.states(*states)
    assert_form(result, "muted_states", None, error)
    assert result["preview"] == DOMAIN
    assert_done(await flow.states(next(iter(possible))))


async def test_room_is_removed_meanwhile(hass: HomeAssistant) -> None:
    """The dialog says so, whether it ends or has only begun."""
    hub = await add_hub(hass, room("kitchen"), room("cellar"), room("attic"))
    flow, late = MuteFlow(hass, hub), MuteFlow(hass, hub)
    await flow.start("kitchen")
    await late.reconfigure()
    for removed in ("kitchen", "cellar"):
        hass.config_entries.async_remove_subentry(hub, removed)
    assert_abort(await flow.choose(microphone_power=PLUG), "room_gone", None)
    assert_abort(await late.submit(room="cellar"), "room_gone", None)


# From the hub


async def test_hub_is_reconfigured(hass: HomeAssistant) -> None:
    """The same forms can be reached there: the room is asked first."""
    hub = await add_hub(hass, room("kitchen"), room("cellar"))
    flow = MuteFlow(hass, hub)
    result = await flow.reconfigure()
    assert_form(result, "reconfigure", None)
    assert offered(result) == {"kitchen": "Kitchen", "cellar": "Cellar"}
    assert_form(await flow.submit(room="cellar"), "mute", None)
    assert_done(await flow.choose(microphone_power=PLUG))
    assert data_of(hub, "cellar") == {"microphone_power": PLUG}
    assert data_of(hub) == {}


async def test_hub_without_rooms(hass: HomeAssistant) -> None:
    """There is nothing to link yet."""
    hub = await add_hub(hass)
    assert_abort(await MuteFlow(hass, hub).reconfigure(), "no_room", None)


async def test_dialog_goes_on_for_the_frontend(
    hass: HomeAssistant, hass_client: Callable[..., Any]
) -> None:
    """The views of Home Assistant pass on where the dialog goes on, and its preview."""
    assert await async_setup_component(hass, "config", {})
    hub = await add_hub(hass, room("kitchen"))
    client = await hass_client()

    async def post(path: str, **body: Any) -> Result:
        """Post to a flow."""
        response = await client.post(f"/api/config/config_entries/{path}", json=body)
        assert response.status == 200, await response.text()
        result: Result = await response.json()
        return result

    menu = await post(
        "subentries/flow", handler=[hub.entry_id, "room"], subentry_id="kitchen"
    )
    assert menu["menu_options"] == ["details", "mute"]
    texts = test_flows.texts_of("room")["step"]["reconfigure"]
    assert set(menu["menu_options"]) == set(texts["menu_options"])
    end = await post(f"subentries/flow/{menu['flow_id']}", next_step_id="mute")
    assert end["type"] == "abort"
    kind, flow_id = end["next_flow"]
    assert kind == "config_flow"
    response = await client.get(f"/api/config/config_entries/flow/{flow_id}")
    assert (await response.json())["step_id"] == "mute"
    form = await post(f"flow/{flow_id}", mute_links=[SLIDER], link_lost="muted")
    assert (form["step_id"], form["preview"]) == ("muted_states", DOMAIN)


# Preview


class Preview:
    """What the frontend shows below the form, as it is pushed to it."""

    def __init__(self, client: Any, flow_id: str) -> None:
        """Set which form it is about."""
        self._client = client
        self._flow_id = flow_id

    async def start(self, *muted_states: str) -> dict[str, Any]:
        """Ask for it as it is filled in now."""
        await self._client.send_json_auto_id(
            {
                "type": f"{DOMAIN}/start_preview",
                "flow_id": self._flow_id,
                "flow_type": "config_flow",
                "user_input": {"muted_states": list(muted_states)}
                if muted_states
                else {},
            }
        )
        answer: dict[str, Any] = await self._client.receive_json()
        return answer

    async def row(self) -> tuple[str, str, str]:
        """Return the next row: name, state and icon."""
        message = await self._client.receive_json()
        assert message["type"] == "event"
        row = message["event"]
        assert row["domain"] == "sensor"
        shown = row["attributes"]
        return shown["friendly_name"], row["state"], shown["icon"]


MUTED, OPEN = "mdi:microphone-off", "mdi:microphone"


async def test_preview_turns_with_the_switch(
    hass: HomeAssistant, hass_ws_client: Callable[..., Any]
) -> None:
    """It follows the switch, and what is chosen, until the dialog is closed."""
    hub = await add_hub(hass, room("kitchen"))
    flow = MuteFlow(hass, hub)
    await flow.start("kitchen")
    await flow.choose(SLIDER)
    client = await hass_ws_client()
    preview = Preview(client, flow.flow_id)
    answer = await preview.start("on")
    assert answer["success"], answer
    assert await preview.row() == ("Slider: Off", "Not muted", OPEN)
    hass.states.async_set(SLIDER, "on", {"friendly_name": "Slider"})
    assert await preview.row() == ("Slider: On", "Muted", MUTED)
    hass.states.async_set(SLIDER, "unavailable", {"friendly_name": "Slider"})
    assert await preview.row() == ("Slider: Unavailable", "Muted", MUTED)
    hass.states.async_remove(SLIDER)
    assert await preview.row() == (f"{SLIDER}: Unavailable", "Muted", MUTED)
    await client.send_json_auto_id(
        {"type": "unsubscribe_events", "subscription": answer["id"]}
    )
    assert (await client.receive_json())["success"]

    # Whatever is chosen anew shows at once; the first subscription pushes no more.
    hass.states.async_set(SLIDER, "on", {"friendly_name": "Slider"})
    assert (await preview.start("off"))["success"]
    assert await preview.row() == ("Slider: On", "Not muted", OPEN)
    assert (await preview.start())["success"]
    assert await preview.row() == ("Slider: On", "Not muted", OPEN)


async def test_preview_of_a_lost_link_that_is_ignored(
    hass: HomeAssistant, hass_ws_client: Callable[..., Any]
) -> None:
    """It shows what was chosen for that case one form before."""
    hass.states.async_set(CONTACT, "unknown", {"friendly_name": "Contact"})
    hub = await add_hub(hass, room("kitchen"))
    flow = MuteFlow(hass, hub)
    await flow.start("kitchen")
    await flow.choose(CONTACT, lost="ignored")
    preview = Preview(await hass_ws_client(), flow.flow_id)
    assert (await preview.start("on"))["success"]
    assert await preview.row() == ("Contact: Unavailable", "Not muted", OPEN)


async def test_preview_speaks_the_language_of_the_house(
    hass: HomeAssistant, hass_ws_client: Callable[..., Any]
) -> None:
    """Its words are translated as those of the form are."""
    hass.config.language = "de"
    hub = await add_hub(hass, room("kitchen"))
    flow = MuteFlow(hass, hub)
    await flow.start("kitchen")
    await flow.choose(SLIDER)
    preview = Preview(await hass_ws_client(), flow.flow_id)
    assert (await preview.start("off"))["success"]
    texts = json.loads((LANGUAGES / "de.json").read_text(encoding="utf-8"))
    assert (await preview.row())[1] == texts["selector"]["preview"]["options"]["muted"]


async def test_preview_of_a_form_that_was_closed(
    hass: HomeAssistant, hass_ws_client: Callable[..., Any]
) -> None:
    """It says what to do."""
    hub = await add_hub(hass, room("kitchen"))
    flow = MuteFlow(hass, hub)
    await flow.start("kitchen")
    await flow.choose(SLIDER)
    preview = Preview(await hass_ws_client(), flow.flow_id)
    assert (await preview.start("on"))["success"]
    await preview.row()
    hass.config_entries.flow.async_abort(flow.flow_id)
    answer = await preview.start("on")
    assert not answer["success"]
    assert answer["error"]["translation_key"] == "form_closed"
    assert answer["error"]["message"].startswith("The form that this preview")


async def test_preview_is_for_administrators(
    hass: HomeAssistant,
    hass_ws_client: Callable[..., Any],
    hass_read_only_access_token: str,
) -> None:
    """Nobody else can open the form either."""
    hub = await add_hub(hass, room("kitchen"))
    flow = MuteFlow(hass, hub)
    await flow.start("kitchen")
    await flow.choose(SLIDER)
    client = await hass_ws_client(hass, hass_read_only_access_token)
    answer = await Preview(client, flow.flow_id).start("on")
    assert answer["error"]["code"] == "unauthorized"
