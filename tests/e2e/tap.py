"""A piece of wire between Home Assistant and a satellite, to see what goes through it."""

import asyncio
import contextlib


class Tap:
    """Passes connections on to a port of this host, and counts."""

    def __init__(self, target: int) -> None:
        """Prepare a way to a port."""
        self.port = 0
        self.connections = 0
        """How many are open now."""

        self.accepted = 0
        """How many were ever opened."""

        self.bytes_back = 0
        """What came from the target."""

        self._target = target
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
            self._server.close_clients()
            await self._server.wait_closed()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Pass one connection on, until either side ends it."""
        self.connections += 1
        self.accepted += 1
        back, there = await asyncio.open_connection("127.0.0.1", self._target)
        ways = (
            asyncio.create_task(self._pass(reader, there)),
            asyncio.create_task(self._pass(back, writer, counted=True)),
        )
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            there.close()
            writer.close()
            self.connections -= 1

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        counted: bool = False,
    ) -> None:
        """Pass on what comes one way."""
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                if counted:
                    self.bytes_back += len(data)
                writer.write(data)
                await writer.drain()
