"""What is said in a room is not in the log, at any level, whoever writes it."""

import asyncio
from collections.abc import AsyncIterable, Callable, Iterator
import io
import logging
from typing import Any, override

from homeassistant.components import conversation, stt
from homeassistant.components.assist_pipeline import (
    AudioSettings,
    PipelineStage,
    async_get_pipeline,
    async_pipeline_from_audio_stream,
    async_update_pipeline,
)
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import intent
from homeassistant.helpers.entity_component import EntityComponent
from homeassistant.setup import async_setup_component
import pytest

from custom_components.private_voice.privacy import words
from custom_components.private_voice.privacy.words import voice_context

MARKERS = ("zanzibar", "quokka", "xylophone")
WITHHELD = "[words withheld]"


class Log(logging.Handler):
    """Writes every record as Home Assistant's log file would have it."""

    def __init__(self) -> None:
        """Begin an empty log."""
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []
        self.file = io.StringIO()
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, with its traceback."""
        self.records.append(record)
        self.file.write(self.format(record) + "\n")

    @property
    def text(self) -> str:
        """Return what is in the file."""
        return self.file.getvalue().lower()

    def tells(self) -> list[str]:
        """Return the lines that have a word in them."""
        return [
            line for line in self.text.splitlines() if any(m in line for m in MARKERS)
        ]


@pytest.fixture
def log() -> Iterator[Log]:
    """Log everything."""
    handler, root = Log(), logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def guard(hass: HomeAssistant) -> Iterator[Callable[[], None]]:
    """Guard the log, whatever another test has left."""
    words._guard.remove()
    remove = words.async_install(hass)
    yield remove
    remove()


@pytest.fixture
async def house(hass: HomeAssistant) -> None:
    """Set up what answers, with lists and automations."""
    for component in (
        "homeassistant",
        "conversation",
        "intent",
        "shopping_list",
        "websocket_api",
    ):
        assert await async_setup_component(hass, component, {})
    assert await async_setup_component(
        hass,
        "automation",
        {
            "automation": {
                "id": "repeat",
                "alias": "Repeat",
                "triggers": {"trigger": "conversation", "command": "repeat {what}"},
                "actions": [
                    {"variables": {"said": "{{ trigger.slots.what }}"}},
                    {"delay": 0.05},
                    {"set_conversation_response": "You said {{ said }}"},
                    {"action": "does_not.exist", "data": {"what": "{{ said }}"}},
                ],
            }
        },
    )
    await hass.async_block_till_done()


async def say(hass: HomeAssistant, text: str) -> conversation.ConversationResult:
    """Say something in a room of ours."""
    with voice_context():
        return await conversation.async_converse(hass, text, None, Context(), "en")


COMMANDS = [
    "turn on the zanzibar light",
    "turn on the light in the zanzibar",
    "zanzibar quokka xylophone",
    "add zanzibar to my shopping list",
    "set a timer for one second named zanzibar",
    "cancel the zanzibar timer",
    "in 1 second turn on the zanzibar",
    "what is the zanzibar state",
    "repeat zanzibar quokka",
    "",
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.usefixtures("house", "guard")
async def test_no_command_is_in_the_log(
    hass: HomeAssistant, log: Log, command: str
) -> None:
    """Understood or not, at once or by a timer that ends later."""
    await say(hass, command)
    await hass.async_block_till_done()
    await asyncio.sleep(0.1)
    assert not log.tells()


@pytest.mark.usefixtures("house")
async def test_it_would_be_there_without_the_guard(
    hass: HomeAssistant, log: Log
) -> None:
    """The tests above see what they look for."""
    words._guard.remove()
    for command in COMMANDS[:4]:
        await say(hass, command)
    await hass.async_block_till_done()
    assert len(log.tells()) > 5


@pytest.mark.usefixtures("house", "guard")
async def test_what_is_typed_elsewhere_is_logged_as_ever(
    hass: HomeAssistant, log: Log
) -> None:
    """A developer who asks Assist by keyboard sees all of it."""
    await conversation.async_converse(
        hass, "turn on the zanzibar light", None, Context(), "en"
    )
    await hass.async_block_till_done()
    assert log.tells()
    assert WITHHELD not in log.text.replace("intent.timers", "")


@pytest.mark.usefixtures("house", "guard")
async def test_a_delayed_command_that_fails_is_not_in_the_log(
    hass: HomeAssistant, log: Log
) -> None:
    """Home Assistant warns of it with the command and the reply, at default level."""
    with voice_context():
        logging.getLogger("homeassistant.components.intent.timers").warning(
            "Delayed command failed: command=%s", "zanzibar"
        )
    logging.getLogger("homeassistant.components.intent.timers").warning(
        "Timer not found: name=%s", "zanzibar"
    )
    assert not log.tells()
    assert "delayed command failed: command=%s" in log.text


@pytest.mark.usefixtures("house", "guard")
async def test_an_agent_that_fails_with_the_words_in_its_error(
    hass: HomeAssistant, log: Log
) -> None:
    """The kind of the error stays, for whoever has to mend it."""

    class Broken(intent.IntentHandler):
        intent_type = "HassShoppingListAddItem"

        async def async_handle(self, intent_obj: intent.Intent) -> Any:
            raise RuntimeError(f"No room for {intent_obj.slots}")

    intent.async_register(hass, Broken())
    await say(hass, "add zanzibar to my shopping list")
    assert not log.tells()
    assert "(runtimeerror)" in log.text


class Ear(stt.SpeechToTextEntity):
    """Hears the same always."""

    _attr_name = "Ear"
    heard: str | None = "turn on the zanzibar quokka"
    error: Exception | None = None
    supported_languages = ["en"]
    supported_formats = [stt.AudioFormats.WAV]
    supported_codecs = [stt.AudioCodecs.PCM]
    supported_bit_rates = [stt.AudioBitRates.BITRATE_16]
    supported_sample_rates = [stt.AudioSampleRates.SAMPLERATE_16000]
    supported_channels = [stt.AudioChannels.CHANNEL_MONO]

    @override
    async def async_process_audio_stream(
        self, metadata: stt.SpeechMetadata, stream: AsyncIterable[bytes]
    ) -> stt.SpeechResult:
        """Hear."""
        async for _ in stream:
            pass
        if self.error is not None:
            raise self.error
        return stt.SpeechResult(self.heard, stt.SpeechResultState.SUCCESS)


@pytest.mark.parametrize("error", [None, RuntimeError("heard zanzibar, then nothing")])
@pytest.mark.usefixtures("house", "guard")
async def test_no_run_of_a_pipeline_is_in_the_log(
    hass: HomeAssistant, log: Log, error: Exception | None
) -> None:
    """From the audio to the intent, and when speech-to-text breaks."""
    assert await async_setup_component(hass, "assist_pipeline", {})
    assert await async_setup_component(hass, "stt", {})
    component: EntityComponent[stt.SpeechToTextEntity] = hass.data["stt"]
    ear = Ear()
    ear.error = error
    await component.async_add_entities([ear])
    pipeline = async_get_pipeline(hass)
    await async_update_pipeline(
        hass, pipeline, stt_engine=ear.entity_id, stt_language="en"
    )
    events: list[Any] = []

    async def audio() -> AsyncIterable[bytes]:
        yield bytes(320)

    with voice_context():
        await async_pipeline_from_audio_stream(
            hass,
            context=Context(),
            event_callback=events.append,
            stt_metadata=stt.SpeechMetadata(
                language="en",
                format=stt.AudioFormats.WAV,
                codec=stt.AudioCodecs.PCM,
                bit_rate=stt.AudioBitRates.BITRATE_16,
                sample_rate=stt.AudioSampleRates.SAMPLERATE_16000,
                channel=stt.AudioChannels.CHANNEL_MONO,
            ),
            stt_stream=audio(),
            pipeline_id=pipeline.id,
            audio_settings=AudioSettings(is_vad_enabled=False),
            end_stage=PipelineStage.INTENT,
        )
    await hass.async_block_till_done()
    kinds = [event.type.value for event in events]
    assert ("intent-end" in kinds) is (error is None), kinds
    assert not log.tells()


LOGGER = logging.getLogger("some.integration")


@pytest.mark.usefixtures("guard")
async def test_whoever_works_for_a_command_is_guarded(log: Log) -> None:
    """The light's own integration, and tasks that the command starts."""

    async def work() -> None:
        LOGGER.warning("Can't reach %s", "zanzibar")

    with voice_context():
        LOGGER.error("Turning on %s", "zanzibar")
        await asyncio.create_task(work())
    assert not log.tells()
    assert "can't reach %s" in log.text


@pytest.mark.usefixtures("guard")
async def test_what_a_command_left_running_is_readable_again_after_it(
    log: Log,
) -> None:
    """A connection that a command made logs for weeks; only talkers stay guarded."""
    done = asyncio.Event()

    async def connection() -> None:
        await done.wait()
        LOGGER.info("Lost %s", "the bridge")
        logging.getLogger("homeassistant.components.automation.repeat").info(
            "Saying %s", "zanzibar"
        )

    with voice_context():
        task = asyncio.create_task(connection())
    done.set()
    await task
    assert "lost the bridge" in log.text
    assert not log.tells()


@pytest.mark.usefixtures("guard")
async def test_the_executor_has_no_context_and_is_guarded_all_the_same(
    hass: HomeAssistant, log: Log
) -> None:
    """Intents are recognised there; hassil logs as nobody in particular."""

    def recognize() -> None:
        for name in (
            "hassil.recognize",
            "homeassistant.components.conversation.x",
            None,
        ):
            logging.getLogger(name).debug("Matching %s", "zanzibar")
        LOGGER.debug("Something else %s", "goes on")

    with voice_context():
        await hass.async_add_executor_job(recognize)
    assert not log.tells()
    assert "something else goes on" in log.text


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (b'{"event":{"intent_output":{"speech":"zanzibar"}}}', False),
        ({"type": "x", "stt_output": {"text": "zanzibar"}}, False),
        (b'{"event":{"entity_id":"light.a"}}', True),
    ],
)
@pytest.mark.usefixtures("guard")
async def test_the_websocket_tells_nothing_about_commands(
    log: Log, message: Any, told: bool
) -> None:
    """It writes from a task of its own; the debug view of Assist is read through it."""
    logger = logging.getLogger("homeassistant.components.websocket_api.http.connection")
    logger.debug("[1] %s: Sending %s", "Ada", message)
    assert not log.tells()
    assert ("light.a" in log.text) is told


@pytest.mark.parametrize(
    "message", ["plain zanzibar", ValueError("zanzibar"), ["zanzibar"]]
)
@pytest.mark.usefixtures("guard")
async def test_a_message_that_is_put_together_tells_where_it_came_from(
    log: Log, message: object
) -> None:
    """There is no telling which part of it was written by the developer."""
    with voice_context():
        LOGGER.error(message)
    assert not log.tells()
    assert "test_words.py:" in log.text


@pytest.mark.usefixtures("guard")
async def test_our_own_lines_are_kept_but_no_traceback(log: Log) -> None:
    """We don't print words; an exception of somebody else may."""
    ours = logging.getLogger("custom_components.private_voice.room")
    with voice_context():
        ours.info("Satellite of %s is gone", "the kitchen")
        try:
            int("zanzibar")
        except ValueError:
            ours.exception("Command failed")
    assert "satellite of the kitchen is gone" in log.text
    assert not log.tells()


async def test_it_is_installed_once_and_taken_off_whole(
    hass: HomeAssistant, log: Log
) -> None:
    """A second set-up guards no second time."""
    words._guard.remove()
    before = logging.getLogRecordFactory()
    remove = words.async_install(hass)
    again = words.async_install(hass)
    with voice_context():
        LOGGER.error("Turning on %s", "zanzibar")
    assert log.text.count(WITHHELD) == 1
    again()
    assert logging.getLogRecordFactory() is words._guard
    remove()
    assert logging.getLogRecordFactory() is before
    with voice_context():
        LOGGER.error("Turning on %s", "zanzibar")
    assert log.tells()


async def test_it_lives_with_another_factory_on_top(
    hass: HomeAssistant, log: Log
) -> None:
    """Which calls the one before it, as the documentation of logging says."""
    words._guard.remove()
    before = logging.getLogRecordFactory()
    remove = words.async_install(hass)

    def other(*args: Any, **kwargs: Any) -> logging.LogRecord:
        return words._guard(*args, **kwargs)

    logging.setLogRecordFactory(other)
    try:
        with voice_context():
            LOGGER.error("Turning on %s", "zanzibar")
        assert not log.tells()
        remove()
        assert logging.getLogRecordFactory() is other
        words.async_install(hass)
        with voice_context():
            LOGGER.error("Turning on %s", "zanzibar")
        assert not log.tells()
    finally:
        logging.setLogRecordFactory(words._guard)
        words._guard.remove()
    assert logging.getLogRecordFactory() is before
