"""What a command leaves to the other rooms when it ends early."""

from custom_components.private_voice.run import CommandRun
from custom_components.private_voice.voice.activation import Activation, WokenBy
from custom_components.private_voice.voice.arbitration import Arbiter
from custom_components.private_voice.voice.endpoint import Endpointer

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
