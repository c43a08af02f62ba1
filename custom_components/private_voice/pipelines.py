"""The Assist pipelines that the hub makes and that rooms use."""

from typing import TYPE_CHECKING

from homeassistant.components import conversation
from homeassistant.components.assist_pipeline import (
    Pipeline,
    PipelineNotFound,
    async_get_pipeline,
    async_get_pipelines,
    async_setup_pipeline_store,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN

if TYPE_CHECKING:
    from .room import Room

PIPELINE_NAME = "Private Voice"


@callback
def async_find_pipeline(hass: HomeAssistant, pipeline_id: str) -> Pipeline | None:
    """Return a pipeline by id, never another one in its place."""
    try:
        return async_get_pipeline(hass, pipeline_id)
    except PipelineNotFound:
        return None


async def async_ensure_pipeline(
    hass: HomeAssistant,
    pipeline_id: str | None,
    *,
    name: str,
    language: str,
    engines: dict[str, str | None],
) -> Pipeline:
    """Return the hub's pipeline of a language, created or completed as needed.

    Only engines that are missing are filled in: what the user changed stays.
    """
    pipeline = async_find_pipeline(hass, pipeline_id) if pipeline_id else None
    if pipeline is None:
        return await _async_create(hass, name, language, engines)
    missing = {
        key: value
        for key, value in engines.items()
        if value is not None and getattr(pipeline, key) is None
    }
    if missing:
        data = await async_setup_pipeline_store(hass)
        fields = pipeline.to_json() | missing
        fields.pop("id")
        await data.pipeline_store.async_update_item(pipeline.id, fields)
        pipeline = async_get_pipeline(hass, pipeline.id)
    return pipeline


async def _async_create(
    hass: HomeAssistant, name: str, language: str, engines: dict[str, str | None]
) -> Pipeline:
    """Create a pipeline under a name that is free."""
    taken = {pipeline.name for pipeline in async_get_pipelines(hass)}
    free_name, number = name, 2
    while free_name in taken:
        free_name, number = f"{name} {number}", number + 1
    data = await async_setup_pipeline_store(hass)
    base: dict[str, str | bool | None] = {
        "name": free_name,
        "language": language,
        "conversation_engine": conversation.HOME_ASSISTANT_AGENT,
        "conversation_language": language,
        "stt_engine": None,
        "stt_language": None,
        "tts_engine": None,
        "tts_language": None,
        "tts_voice": None,
        "wake_word_entity": None,
        "wake_word_id": None,
        "prefer_local_intents": False,
    }
    return await data.pipeline_store.async_create_item(base | engines)


async def async_make_preferred(hass: HomeAssistant, pipeline_id: str) -> None:
    """Make a pipeline the one that Assist uses by default."""
    data = await async_setup_pipeline_store(hass)
    data.pipeline_store.async_set_preferred_item(pipeline_id)


@callback
def async_check_pipeline(room: Room) -> None:
    """Say it where the pipeline of a room is gone: no other takes its place."""
    issue_id = f"pipeline_missing_{room.room_id}"
    pipeline = room.hub.pipeline_of(room)
    if pipeline is not None:
        room.settings.pipeline_name = pipeline.name
        ir.async_delete_issue(room.hass, DOMAIN, issue_id)
        return
    placeholders = {
        "room": room.name,
        "pipeline": room.settings.pipeline_name or PIPELINE_NAME,
    }
    ir.async_create_issue(
        room.hass,
        DOMAIN,
        issue_id,
        is_fixable=True,
        severity=ir.IssueSeverity.ERROR,
        translation_key="pipeline_missing",
        translation_placeholders=placeholders,
        data={"subentry_id": room.room_id, **placeholders},
    )
