"""Random histories of a room in a real Home Assistant, compared with a model."""

import asyncio
from collections.abc import Callable
import random

from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.private_voice.voice.microphone import Cause, MicrophoneState

from . import test_commands
from .test_commands import SPEECH, House
from .test_mute import SLIDER, link, room_of, slider

house = test_commands.house

_STEPS = 25


async def _until(fact: Callable[[], bool]) -> None:
    """Wait for a fact of the loop's making."""
    async with asyncio.timeout(5):
        while not fact():
            await asyncio.sleep(0.005)


class History:
    """What was done to a room, and what must be true of it then."""

    def __init__(self, house: House, seed: int) -> None:
        """Begin with a room that listens."""
        self.house = house
        self.random = random.Random(seed)
        self.soft = False
        self.slider = STATE_OFF
        self.violated = False
        self.log: list[str] = []

    @property
    def muted(self) -> bool:
        """Return whether anything says muted; a lost mirror does."""
        return self.soft or self.slider != STATE_OFF or self.violated

    async def software(self) -> None:
        """Mute or unmute by the switch; the hardware may refuse the latter."""
        muted = self.random.random() < 0.5
        mute = room_of(self.house).mute
        try:
            if muted:
                await mute.async_mute(Cause.USER)
            else:
                await mute.async_unmute(Cause.USER)
        except ServiceValidationError:
            assert self.slider != STATE_OFF
            return
        self.soft = muted
        self.violated = self.violated and muted

    async def hardware(self) -> None:
        """Flip the slider, or lose it."""
        states = [STATE_ON, STATE_OFF, STATE_UNAVAILABLE]
        self.slider = self.random.choice(states)
        self.house.hass.states.async_set(SLIDER, self.slider)
        await self.house.hass.async_block_till_done()

    async def reboot(self) -> None:
        """Start the satellite anew: it knows nothing of what it was told."""
        self.house.satellite.drop_connections()
        self.house.satellite.streaming = False
        await _until(lambda: not room_of(self.house).connected)

    async def come_back(self) -> None:
        """Wait until the satellite is there, if it may be."""
        room = room_of(self.house)
        if not room.microphone.held:
            await _until(lambda: room.connected)

    async def restart(self) -> None:
        """Load the integration anew."""
        await self.house.hass.config_entries.async_reload(self.house.entry.entry_id)

    async def speak(self) -> None:
        """Let the satellite send audio, whether it may or not."""
        if not room_of(self.house).connected:
            return
        await asyncio.sleep(0.35 if self.muted else 0)
        before = len(self.house.service.all("audio-chunk"))
        was_muted = self.muted
        try:
            await self.house.satellite.press()
            await self.house.satellite.speak(SPEECH[16_000:24_000])
        except OSError:
            # Cut off in the middle, as it should.
            assert was_muted
        room = room_of(self.house)
        if was_muted:
            await _until(lambda: room.microphone.violation is not None)
            assert len(self.house.service.all("audio-chunk")) == before
            self.violated = True

    async def look(self) -> None:
        """Let a person settle a contradiction."""
        await room_of(self.house).mute.async_clear_violation(Cause.USER)
        self.violated = False

    async def step(self) -> None:
        """Do something, then compare what is shown with what is so."""
        muting = (self.software, self.hardware, self.speak, self.look)
        coming = (self.reboot, self.restart, self.come_back)
        done = self.random.choice((*muting, *coming))
        self.log.append(done.__name__)
        await done()
        room, satellite = room_of(self.house), self.house.satellite
        assert room.microphone.open is not self.muted, self.log
        if room.microphone.held:
            await _until(lambda: not room.connected and not satellite.connections)
        if self.muted:
            await _until(lambda: not satellite.streaming or not satellite.connections)
        state = room.mute.state
        if self.violated:
            assert state is MicrophoneState.CONTRADICTION, self.log
        elif state is MicrophoneState.LIVE:
            assert room.connected and not self.muted, self.log
        elif state is MicrophoneState.HARDWARE_MUTED:
            assert self.slider == STATE_ON, self.log
        elif state is MicrophoneState.SOFT_MUTED:
            assert self.muted, self.log
        elif state is MicrophoneState.UNVERIFIED:
            assert self.muted and room.connected, self.log
        else:
            assert state is MicrophoneState.DISCONNECTED
            assert not room.connected, self.log


@pytest.mark.parametrize("seed", range(12))
async def test_no_history_lets_audio_pass_or_shows_what_is_not_so(
    house: House, seed: int
) -> None:
    """Whatever is muted, lost, rebooted or restarted, in whatever order."""
    house.hass.states.async_set(SLIDER, STATE_OFF)
    await link(house, **slider())
    history = History(house, seed)
    for _ in range(_STEPS):
        await history.step()
