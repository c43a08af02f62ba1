"""Nothing passes a gate that is muted, or of which that is not known."""

from hypothesis import given, strategies as st

from custom_components.private_voice.voice.microphone import Microphone


def test_it_is_closed_before_anything_is_known() -> None:
    """A restart fails closed."""
    microphone = Microphone()
    assert microphone.soft_muted is None
    assert not microphone.open
    assert not microphone.admit(b"\0\0")


def test_it_opens_and_closes_by_software() -> None:
    """At once."""
    microphone = Microphone()
    microphone.set_soft_muted(False)
    assert microphone.admit(b"\0\0")
    microphone.set_soft_muted(True)
    assert not microphone.admit(b"\0\0")


@given(
    st.lists(st.one_of(st.none(), st.booleans(), st.binary(max_size=64)), max_size=40)
)
def test_it_admits_only_when_told_that_it_is_not_muted(
    steps: list[bool | bytes | None],
) -> None:
    """And counts every byte that it turns away."""
    microphone = Microphone()
    muted: bool | None = None
    dropped = 0
    for step in steps:
        if isinstance(step, bytes):
            assert microphone.admit(step) is (muted is False)
            dropped += 0 if muted is False else len(step)
        else:
            muted = step
            microphone.set_soft_muted(step)
    assert microphone.dropped_bytes == dropped
    assert microphone.open is (muted is False)
