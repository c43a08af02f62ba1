"""A small Wyoming server around an engine: what all services of the rig share."""

import argparse
import asyncio
from collections.abc import Callable
from functools import partial
import json
import os
from pathlib import Path
import sys
from typing import Any

from wyoming.event import Event
from wyoming.info import Attribution, Describe, Info
from wyoming.server import AsyncEventHandler, AsyncTcpServer

CACHE = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "private-voice"
)

COMMON: dict[str, Any] = {
    "attribution": Attribution(name="Private Voice demo", url=""),
    "installed": True,
    "version": "1",
}
"""What every program and model says of itself."""


class Handler(AsyncEventHandler):
    """Answers describe and hands the rest to the engine's handler."""

    def __init__(self, info: Info, *args: Any) -> None:
        """Prepare a connection."""
        super().__init__(*args)
        self._info = info

    async def handle_event(self, event: Event) -> bool:
        """Handle a frame."""
        if Describe.is_type(event.type):
            await self.write_event(self._info.event())
            return True
        return await self.handle(event)

    async def handle(self, event: Event) -> bool:
        """Handle a frame of the engine's own."""
        raise NotImplementedError


def tell(**what: Any) -> None:
    """Print a line for whoever started this service."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def serve(make_handler: Callable[..., Handler], info: Info) -> None:
    """Serve on the port of the command line until ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port

    async def run() -> None:
        server = AsyncTcpServer("127.0.0.1", port)
        await server.start(partial(make_handler, info))
        tell(ready=port)
        await asyncio.Event().wait()

    asyncio.run(run())
