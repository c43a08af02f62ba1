"""The Assist pipelines that the hub makes and that rooms use."""

from homeassistant.components import conversation
from homeassistant.components.assist_pipeline import (
    Pipeline,
    PipelineNotFound,
    async_get_pipeline,
    async_get_pipelines,
    async_setup_pipeline_store,
)
from homeassistant.core import HomeAssistant, callback

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
