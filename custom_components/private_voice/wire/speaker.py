"""Plays audio at a satellite, one sound after the other."""

import asyncio
from collections.abc import AsyncIterable, Callable, Coroutine
import time
from typing import Any

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event

from .audio import AudioFormat
from .errors import Reason, WireError

_CHUNK_BYTES = 4096
_GRACE = 0.5
_GRACE_OF_TELLERS = 5.0


class Speaker:
    """Sends sounds and knows when they have been heard.

    A satellite that has once said ``played`` is believed to say it again, and gets more
    time than one whose sounds are known by their length only.
    """

    def __init__(
        self,
        send: Callable[[Event], Coroutine[Any, Any, None]],
        post: Callable[[Event], bool],
    ) -> None:
        """Send with one function; with the other where nobody can wait."""
        self._send = send
        self._post = post
        self._turn = asyncio.Lock()
        self._over = asyncio.Event()
        self._lost = False
        self._tells = False
        self._sounding: AudioFormat | None = None
        self.heard_until = 0.0
        """When (monotonic) the last of what was sent must have been heard."""

    @property
    def playing(self) -> bool:
        """Return whether a sound is being played."""
        return self._turn.locked()

    def on_played(self) -> None:
        """Note that the satellite has played what it got."""
        self._tells = True
        self._over.set()

    def on_lost(self) -> None:
        """Note that the satellite is gone, with what it was to play."""
        self._lost = True
        self.heard_until = 0.0
        self._over.set()

    async def play(self, frames: AsyncIterable[AudioFormat | bytes]) -> float:
        """Play a sound and wait until it is heard; return its length in seconds.

        Raises:
            WireError: The satellite went away, or whoever makes the audio failed.
        """
        try:
            async with self._turn:
                self._lost = False
                seconds = await self._send_all(frames)
                await self._wait_heard()
                return seconds
        finally:
            if (close := getattr(frames, "aclose", None)) is not None:
                await close()

    async def _send_all(self, frames: AsyncIterable[AudioFormat | bytes]) -> float:
        """Send a sound; return its length in seconds."""
        seconds, rest = 0.0, b""
        try:
            async for frame in frames:
                if isinstance(frame, AudioFormat):
                    rest = b""
                    await self._start(frame)
                elif self._sounding is not None:
                    length = len(frame) / self._sounding.bytes_per_second
                    seconds += length
                    self.heard_until = max(self.heard_until, time.monotonic()) + length
                    rest = await self._send_pcm(rest + frame, self._sounding)
        except BaseException:
            # Who cancels must not wait for a satellite that does not read.
            if self._sounding is not None:
                self._post(AudioStop().event())
                self._sounding = None
            self.heard_until = 0.0
            raise
        self._over.clear()
        await self._stop()
        return seconds

    async def _start(self, sounding: AudioFormat) -> None:
        """Announce audio, if it is other than what is sounding."""
        if sounding == self._sounding:
            return
        await self._stop()
        self._sounding = sounding
        await self._send(
            AudioStart(
                rate=sounding.rate, width=sounding.width, channels=sounding.channels
            ).event()
        )

    async def _stop(self) -> None:
        """Announce the end of audio."""
        if self._sounding is not None:
            self._sounding = None
            await self._send(AudioStop().event())

    async def _send_pcm(self, pcm: bytes, sounding: AudioFormat) -> bytes:
        """Send whole samples in frames for small satellites; return what is left."""
        sample = sounding.width * sounding.channels
        whole = len(pcm) - len(pcm) % sample
        step = _CHUNK_BYTES - _CHUNK_BYTES % sample
        for start in range(0, whole, step):
            await self._send(
                AudioChunk(
                    rate=sounding.rate,
                    width=sounding.width,
                    channels=sounding.channels,
                    audio=pcm[start : min(start + step, whole)],
                ).event()
            )
        return pcm[whole:]

    async def _wait_heard(self) -> None:
        """Wait until the satellite says that it played, or must have."""
        left = max(0.0, self.heard_until - time.monotonic())
        try:
            async with asyncio.timeout(
                left + (_GRACE_OF_TELLERS if self._tells else _GRACE)
            ):
                await self._over.wait()
        except TimeoutError:
            pass
        finally:
            self.heard_until = 0.0
        if self._lost:
            raise WireError(Reason.CLOSED, "while playing")
