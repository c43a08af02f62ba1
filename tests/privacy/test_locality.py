"""Only what is known to be on this network is local."""

import asyncio
from collections.abc import Mapping
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockModule,
    mock_integration,
)

from custom_components.private_voice.const import DOMAIN
from custom_components.private_voice.privacy import locality
from custom_components.private_voice.privacy.locality import (
    Locality,
    async_engine_locality,
)
from custom_components.private_voice.wire.errors import Reason, WireError


def engine(
    hass: HomeAssistant,
    platform: str,
    data: Mapping[str, Any] | None = None,
    model: str | None = None,
) -> str:
    """Register an engine of an integration and return its id."""
    subentries = (
        []
        if model is None
        else [
            ConfigSubentryDataWithId(
                data={"model": model},
                subentry_id="agent",
                subentry_type="conversation",
                title="Agent",
                unique_id=None,
            )
        ]
    )
    entry = None
    if data is not None:
        entry = MockConfigEntry(domain=platform, data=data, subentries_data=subentries)
        entry.add_to_hass(hass)
    return (
        er.async_get(hass)
        .async_get_or_create(
            "conversation",
            platform,
            "unique",
            config_entry=entry,
            config_subentry_id="agent" if model else None,
        )
        .entity_id
    )


async def test_the_built_in_agent_is_local(hass: HomeAssistant) -> None:
    """It is not in the entity registry."""
    found = await async_engine_locality(hass, "conversation.home_assistant")
    assert found is Locality.LOCAL


async def test_our_own_engines_are_local(hass: HomeAssistant) -> None:
    """Their connections are judged when they are made."""
    assert await async_engine_locality(hass, engine(hass, DOMAIN)) is Locality.LOCAL


@pytest.mark.parametrize(
    "platform", ["cloud", "openai_conversation", "elevenlabs", "google_translate"]
)
async def test_what_says_that_it_is_a_cloud_is_one(
    hass: HomeAssistant, platform: str
) -> None:
    """Whatever address it was given."""
    found = await async_engine_locality(
        hass, engine(hass, platform, {"host": "127.0.0.1", "url": "http://127.0.0.1"})
    )
    assert found is Locality.CLOUD


async def test_a_legacy_engine_goes_by_its_domain(hass: HomeAssistant) -> None:
    """Its id is the name of its integration."""
    assert await async_engine_locality(hass, "google_translate") is Locality.CLOUD
    assert await async_engine_locality(hass, "picotts") is Locality.UNKNOWN


@pytest.mark.parametrize(
    ("platform", "data", "expected"),
    [
        ("wyoming", {"host": "192.168.1.9", "port": 10300}, Locality.LOCAL),
        ("wyoming", {"host": "127.0.0.1", "port": 10300}, Locality.LOCAL),
        ("wyoming", {"host": "fd00::9", "port": 10300}, Locality.LOCAL),
        ("wyoming", {"host": "8.8.8.8", "port": 10300}, Locality.CLOUD),
        ("wyoming", {"host": "2001:4860:4860::8888", "port": 1}, Locality.CLOUD),
        ("wyoming", {}, Locality.UNKNOWN),
        ("ollama", {"url": "http://10.0.0.5:11434"}, Locality.LOCAL),
        ("ollama", {"url": "http://[fd00::5]:11434"}, Locality.LOCAL),
        ("ollama", {"url": "10.0.0.5:11434"}, Locality.LOCAL),
        ("ollama", {"url": "https://8.8.4.4"}, Locality.CLOUD),
        ("ollama", {"url": "http://[broken"}, Locality.UNKNOWN),
        ("ollama", {"url": ""}, Locality.UNKNOWN),
        ("llama_cpp", {"base_url": "http://172.16.0.5:8080/v1"}, Locality.LOCAL),
        ("llama_cpp", {"base_url": "https://1.1.1.1/v1"}, Locality.CLOUD),
        ("llama_cpp", {}, Locality.UNKNOWN),
    ],
)
async def test_what_connects_is_where_its_address_is(
    hass: HomeAssistant, platform: str, data: dict[str, Any], expected: Locality
) -> None:
    """A host or a URL that somebody typed."""
    found = await async_engine_locality(hass, engine(hass, platform, data))
    assert found is expected


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("llama3.2:3b", Locality.LOCAL),
        ("gpt-oss:120b-cloud", Locality.CLOUD),
        ("glm-4.6:cloud", Locality.CLOUD),
        ("cloudy:1b", Locality.LOCAL),
    ],
)
async def test_a_model_that_a_local_server_has_computed_elsewhere_is_cloud(
    hass: HomeAssistant, model: str, expected: Locality
) -> None:
    """Ollama passes the words on to its maker for these."""
    agent = engine(hass, "ollama", {"url": "http://127.0.0.1:11434"}, model)
    assert await async_engine_locality(hass, agent) is expected


async def test_an_integration_without_an_address_is_unknown(
    hass: HomeAssistant,
) -> None:
    """That it calls itself local proves nothing."""
    assert await async_engine_locality(hass, engine(hass, "wyoming")) is (
        Locality.UNKNOWN
    )


@pytest.mark.parametrize("iot_class", ["local_push", "calculated", None])
async def test_a_custom_integration_is_unknown(
    hass: HomeAssistant, iot_class: str | None
) -> None:
    """Nobody has looked at what it does."""
    manifest = {"iot_class": iot_class} if iot_class else {}
    mock_integration(
        hass, MockModule("mystery", partial_manifest=manifest), built_in=False
    )
    found = await async_engine_locality(
        hass, engine(hass, "mystery", {"host": "127.0.0.1"})
    )
    assert found is Locality.UNKNOWN


async def test_a_custom_integration_that_takes_a_built_in_name_is_unknown(
    hass: HomeAssistant,
) -> None:
    """The name of a good one is no proof."""
    mock_integration(
        hass,
        MockModule("wyoming", partial_manifest={"iot_class": "local_push"}),
        built_in=False,
    )
    found = await async_engine_locality(
        hass, engine(hass, "wyoming", {"host": "127.0.0.1"})
    )
    assert found is Locality.UNKNOWN


@pytest.mark.parametrize("name", ["conversation.nobody", "no_such_integration", ""])
async def test_an_engine_that_is_not_there_is_unknown(
    hass: HomeAssistant, name: str
) -> None:
    """It must not be asked."""
    assert await async_engine_locality(hass, name) is Locality.UNKNOWN


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (Reason.NAME_NOT_RESOLVED, Locality.UNKNOWN),
        (Reason.NOT_LOCAL, Locality.CLOUD),
    ],
)
async def test_a_name_counts_as_what_it_resolves_to(
    hass: HomeAssistant, reason: Reason, expected: Locality
) -> None:
    """One address elsewhere is enough."""
    speech = engine(hass, "wyoming", {"host": "speech.example"})
    with patch.object(locality, "resolve", side_effect=WireError(reason)):
        assert await async_engine_locality(hass, speech) is expected


async def test_a_name_server_that_hangs_is_not_waited_for(hass: HomeAssistant) -> None:
    """A command would hang with it."""

    async def hang(host: str, port: int) -> list[str]:
        await asyncio.sleep(60)
        return []

    speech = engine(hass, "wyoming", {"host": "speech.example"})
    with (
        patch.object(locality, "resolve", hang),
        patch.object(locality, "_RESOLVE_DEADLINE", 0.01),
    ):
        assert await async_engine_locality(hass, speech) is Locality.UNKNOWN
