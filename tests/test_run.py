"""What a command leaves behind when it ends early or cannot be answered."""

from unittest.mock import Mock, patch

from homeassistant.core import HomeAssistant
import pytest

from custom_components.private_voice.reply import frames_of_media
from custom_components.private_voice.run import CommandRun
from custom_components.private_voice.voice.activation import Activation, WokenBy
from custom_components.private_voice.voice.arbitration import Arbiter
from custom_components.private_voice.voice.endpoint import Endpointer
from custom_components.private_voice.wire.errors import WireError

LOUD = b"\x00\x40" * 8000
SOFT = b"\x00\x04" * 8000


async def test_room_that_ends_early_lets_the_other_one_answer() -> None:
    """A louder room that is muted or lost must not win in silence."""
    arbiter = Arbiter(window=0.05)
    runs = [
        CommandRun(
            Activation(room_id=room, woken_by=WokenBy.WAKE_WORD),
            Endpointer(),
            arbiter.claim(room, "okay nabu"),
        )
        for room in ("kitchen", "study")
    ]
    runs[0].feed(LOUD)
    runs[1].feed(SOFT)
    runs[0].close()
    assert await runs[1].async_admitted()


async def test_media_without_ffmpeg_is_a_fault_of_ours_to_tell(
    hass: HomeAssistant,
) -> None:
    """The caller gets an error that it knows, not one of the system."""
    with (
        patch(
            "custom_components.private_voice.reply.ffmpeg.get_ffmpeg_manager",
            return_value=Mock(binary="/nowhere/ffmpeg"),
        ),
        pytest.raises(WireError),
    ):
        async for _ in frames_of_media(hass, "file.wav"):
            pass
