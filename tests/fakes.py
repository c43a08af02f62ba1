"""A speech service and a satellite in this process, for faults and times at will.

Both speak Wyoming with the ``wyoming`` package over loopback. What they receive is kept,
and a condition tells when it changes, so that tests wait for facts.
"""

import asyncio
from collections.abc import Callable
from typing import Self

from wyoming.asr import Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, async_read_event, async_write_event
from wyoming.handle import Handled
from wyoming.info import (
    AsrModel,
    AsrProgram,
    Attribution,
    HandleModel,
    HandleProgram,
    Info,
    Satellite,
    TtsProgram,
    TtsVoice,
    WakeModel,
    WakeProgram,
)
from wyoming.ping import Pong
from wyoming.pipeline import PipelineStage, RunPipeline
from wyoming.snd import Played
from wyoming.wake import Detection

_BY = Attribution(name="test", url="")
_COMMON = {"attribution": _BY, "installed": True, "version": "1"}

STT_INFO = Info(
    asr=[
        AsrProgram(
            name="stt",
            description="stt",
            models=[
                AsrModel(
                    name="model", description="m", languages=["en", "fr"], **_COMMON
                )
            ],
            **_COMMON,
        )
    ]
)
TTS_INFO = Info(
    tts=[
        TtsProgram(
            name="tts",
            description="tts",
            voices=[
                TtsVoice(name="ann", description="Ann", languages=["en"], **_COMMON),
                TtsVoice(name="lea", description="Lea", languages=["fr"], **_COMMON),
            ],
            **_COMMON,
        )
    ]
)
WAKE_INFO = Info(
    wake=[
        WakeProgram(
            name="wake",
            description="wake",
            models=[
                WakeModel(
                    name="okay_nabu",
                    description="ok",
                    phrase="okay nabu",
                    languages=["en"],
                    **_COMMON,
                )
            ],
            **_COMMON,
        )
    ]
)
HANDLE_INFO = Info(
    handle=[
        HandleProgram(
            name="handle",
            description="h",
            models=[
                HandleModel(name="h", description="h", languages=["en"], **_COMMON)
            ],
            **_COMMON,
        )
    ]
)
SATELLITE_INFO = Info(
    satellite=Satellite(name="Kitchen satellite", description="sat", **_COMMON)
)


def merged(*infos: Info) -> Info:
    """Return a description of all that several offer."""
    return Info(
        asr=[p for i in infos for p in i.asr],
        tts=[p for i in infos for p in i.tts],
        wake=[p for i in infos for p in i.wake],
        handle=[p for i in infos for p in i.handle],
        satellite=next((i.satellite for i in infos if i.satellite), None),
    )


class FakePeer:
    """A Wyoming server on loopback that keeps what it receives."""

    def __init__(self, info: Info) -> None:
        """Prepare a peer that describes itself like this."""
        self.info = info
        self.port = 0
        self.received: list[Event] = []
        self.connections = 0
        """How many connections are open now."""

        self.accepted = 0
        """How many were ever opened."""

        self.silent = False
        """Whether it answers nothing at all, not even describe."""

        self.greeting = b""
        """Sent first, as is: for garbage."""

        self._changed = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        """Listen."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening and drop all connections."""
        await self.stop()

    async def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, limit=1 << 20
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and drop all connections."""
        if self._server is not None:
            self._server.close()
        self.drop_connections()
        await self.wait(lambda: self.connections == 0)

    def drop_connections(self) -> None:
        """Cut all connections."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def wait(self, fact: Callable[[], bool], timeout: float = 10) -> None:
        """Wait until something is true of what was received."""
        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(fact)

    async def wait_for(self, event_type: str, count: int = 1) -> Event:
        """Wait for the nth frame of a type and return it."""
        await self.wait(lambda: len(self.all(event_type)) >= count)
        return self.all(event_type)[count - 1]

    def all(self, event_type: str) -> list[Event]:
        """Return the frames of a type received so far."""
        return [event for event in self.received if event.type == event_type]

    async def send(self, event: Event) -> None:
        """Send a frame over all connections."""
        for writer in list(self._writers):
            await async_write_event(event, writer)

    async def _notify(self) -> None:
        """Wake who waits for a fact."""
        async with self._changed:
            self._changed.notify_all()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one connection."""
        self.connections += 1
        self.accepted += 1
        self._writers.add(writer)
        await self._notify()
        try:
            if self.greeting:
                writer.write(self.greeting)
                await writer.drain()
            while (event := await async_read_event(reader)) is not None:
                self.received.append(event)
                if not self.silent:
                    await self._answer(event, writer)
                await self._notify()
        except OSError, asyncio.IncompleteReadError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()
            self.connections -= 1
            await self._notify()

    async def _answer(self, event: Event, writer: asyncio.StreamWriter) -> None:
        """Answer what every peer answers."""
        if event.type == "describe":
            await async_write_event(self.info.event(), writer)
        elif event.type == "ping":
            await async_write_event(Pong().event(), writer)


class FakeService(FakePeer):
    """A speech service whose answers and faults are set by the test."""

    def __init__(self, info: Info) -> None:
        """Prepare a service."""
        super().__init__(info)
        self.text = "turn on the kitchen light"
        self.speech = b"\x10\x00" * 2205
        self.wake_after: int | None = None
        """Audio frames until the wake word is heard, None for never."""

        self.fault: str | None = None
        """How it fails when asked: error, close or hang."""

        self.spoken: list[str] = []
        self._heard = 0

    async def _answer(self, event: Event, writer: asyncio.StreamWriter) -> None:
        """Answer a request."""
        if event.type in ("audio-stop", "synthesize", "transcript") and self.fault:
            if self.fault == "error":
                await async_write_event(Error(text="broken").event(), writer)
            elif self.fault == "close":
                writer.transport.abort()
            return
        match event.type:
            case "detect":
                self._heard = 0
            case "audio-chunk" if self.wake_after is not None:
                self._heard += 1
                if self._heard == self.wake_after:
                    detection = Detection(name="okay_nabu", timestamp=0)
                    await async_write_event(detection.event(), writer)
            case "audio-stop":
                await async_write_event(Transcript(text=self.text).event(), writer)
            case "transcript":
                await async_write_event(Handled(text=self.text).event(), writer)
            case "synthesize":
                self.spoken.append(event.data["text"])
                await self._speak(writer)
            case _:
                await super()._answer(event, writer)

    async def _speak(self, writer: asyncio.StreamWriter) -> None:
        """Send the speech."""
        audio = {"rate": 22050, "width": 2, "channels": 1}
        await async_write_event(AudioStart(**audio).event(), writer)
        chunk = AudioChunk(audio=self.speech, **audio)
        await async_write_event(chunk.event(), writer)
        await async_write_event(AudioStop().event(), writer)


class FakeSatellite(FakePeer):
    """A satellite that the integration connects to."""

    def __init__(
        self, info: Info = SATELLITE_INFO, *, sends_played: bool = True
    ) -> None:
        """Prepare a satellite."""
        super().__init__(info)
        self.sends_played = sends_played
        self.streaming = False
        """Whether the last order was to run."""

    async def _answer(self, event: Event, writer: asyncio.StreamWriter) -> None:
        """Obey."""
        match event.type:
            case "run-satellite":
                self.streaming = True
            case "pause-satellite":
                self.streaming = False
            case "audio-stop" if self.sends_played:
                await async_write_event(Played().event(), writer)
            case _:
                await super()._answer(event, writer)

    def heard(self) -> bytes:
        """Return all audio that was played."""
        return b"".join(event.payload or b"" for event in self.all("audio-chunk"))

    async def wake(self, name: str = "okay_nabu") -> None:
        """Hear the wake word and ask for a command."""
        await self.send(Detection(name=name).event())
        await self.press()

    async def press(self) -> None:
        """Ask for a command, as a button does."""
        await self.send(
            RunPipeline(
                start_stage=PipelineStage.ASR, end_stage=PipelineStage.TTS
            ).event()
        )

    async def stream(self) -> None:
        """Ask for a wake word to be listened for."""
        await self.send(
            RunPipeline(
                start_stage=PipelineStage.WAKE,
                end_stage=PipelineStage.TTS,
                restart_on_end=True,
            ).event()
        )

    async def speak(self, pcm: bytes) -> None:
        """Send microphone audio, faster than real time."""
        for start in range(0, len(pcm), 2048):
            chunk = AudioChunk(
                rate=16000, width=2, channels=1, audio=pcm[start : start + 2048]
            )
            await self.send(chunk.event())
