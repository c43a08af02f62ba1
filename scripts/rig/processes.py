"""The processes of the rig: speech services, satellites and Home Assistant."""

import asyncio
from collections.abc import Callable
import contextlib
import json
import os
from pathlib import Path
import signal
import socket
import sys
from typing import Any, Self

ROOT = Path(__file__).parent.parent.parent
_START_TIMEOUT = 120.0


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def python_of(environment: str) -> str:
    """Return the interpreter of one of the project's environments."""
    return str(ROOT / ".venvs" / environment / "bin/python")


class Process:
    """A child process that tells facts as JSON lines, or nothing."""

    def __init__(self, name: str, *command: str, log: Path) -> None:
        """Prepare a process whose errors go to a log."""
        self.name = name
        self._command = command
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self.told: list[dict[str, Any]] = []

    async def start(self) -> Self:
        """Start it (again), in a group of its own so that its children end with it."""
        self.told = []
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": ""},
            )
        self._reader = asyncio.create_task(self._read())
        return self

    async def _read(self) -> None:
        """Keep the facts that it tells."""
        assert self._process is not None and self._process.stdout is not None
        async for line in self._process.stdout:
            with contextlib.suppress(ValueError):
                fact = json.loads(line)
                if isinstance(fact, dict):
                    self.told.append(fact)
                    async with self._changed:
                        self._changed.notify_all()
        async with self._changed:
            self._changed.notify_all()

    async def wait(self, fact: Callable[[], bool], timeout: float = 60) -> None:
        """Wait until something is true of what it told.

        Raises:
            RuntimeError: It ended, or told nothing of the kind in time (seconds).
        """
        assert self._process is not None
        try:
            async with asyncio.timeout(timeout), self._changed:
                while not fact():
                    if self._process.returncode is not None:
                        raise RuntimeError(f"{self.name} ended, see {self._log}")
                    await self._changed.wait()
        except TimeoutError as err:
            raise RuntimeError(f"{self.name} took too long, see {self._log}") from err

    async def ready(self) -> None:
        """Wait until it says that it is ready."""
        await self.wait(lambda: any("ready" in t for t in self.told), _START_TIMEOUT)

    def send(self, how: signal.Signals) -> None:
        """Send a signal to it and its children."""
        if self._process is not None:
            os.killpg(self._process.pid, how)

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it and its children."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        try:
            async with asyncio.timeout(15):
                await process.wait()
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        if self._reader is not None:
            self._reader.cancel()


class Service(Process):
    """A speech service of the rig."""

    def __init__(self, module: str, log: Path) -> None:
        """Prepare the service of a module of this package."""
        self.port = free_port()
        super().__init__(
            module,
            *(python_of("engines"), "-m", f"scripts.rig.{module}"),
            *("--port", str(self.port)),
            log=log,
        )


class Satellite(Process):
    """A wyoming-satellite with a folder as microphone and a file as speaker."""

    def __init__(self, name: str, folder: Path, wake_port: int | None) -> None:
        """Prepare a satellite that hears its wake word itself, or streams all the time."""
        self.port = free_port()
        self.microphone = folder / "microphone"
        self.microphone.mkdir(parents=True)
        self.speaker = folder / "speaker.pcm"
        self.speaker.touch()
        mouth = folder / "speaker"
        mouth.write_text(f"#!/bin/sh\nexec cat >> '{self.speaker}'\n")
        mouth.chmod(0o755)
        script = ROOT / "scripts/rig/microphone.py"
        wake = (
            (
                "--wake-uri",
                f"tcp://127.0.0.1:{wake_port}",
                "--wake-word-name",
                "hey_jarvis",
            )
            if wake_port
            else ()
        )
        super().__init__(
            f"satellite {name}",
            *(python_of("satellite"), "-m", "wyoming_satellite", "--no-zeroconf"),
            *("--name", name, "--uri", f"tcp://127.0.0.1:{self.port}"),
            *("--mic-command", f"{sys.executable} {script} {self.microphone}"),
            *("--snd-command", str(mouth), "--snd-command-rate", "22050"),
            *wake,
            log=folder / "log.txt",
        )
        self._said = 0

    async def ready(self) -> None:
        """Wait until it takes connections."""
        async with asyncio.timeout(_START_TIMEOUT):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    await asyncio.sleep(0.1)
                    continue
                writer.close()
                return

    def hear(self, pcm: bytes) -> None:
        """Let the microphone hear 16 kHz, 16 bit, mono audio."""
        self._said += 1
        part = self.microphone / f"{self._said:04}.part"
        part.write_bytes(pcm)
        part.rename(part.with_suffix(".pcm"))
