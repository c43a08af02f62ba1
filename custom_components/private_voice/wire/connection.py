"""One TCP connection to a Wyoming peer on this network."""

import asyncio
import contextlib
import socket
from typing import Self

from wyoming.event import Event

from .address import resolve
from .errors import Reason, WireError
from .frames import MAX_HEADER, FrameReader, encode

CONNECT_TIMEOUT = 5.0
WRITE_TIMEOUT = 5.0
_CLOSE_TIMEOUT = 1.0

# A dead peer that never answers pings is found out by the system: 4 s + 2 x 2 s.
_KEEPALIVE = {"TCP_KEEPIDLE": 4, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 2}


class Connection:
    """Frames both ways, with a deadline on everything but waiting for the next one."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Wrap an open stream."""
        self._frames = FrameReader(reader)
        self._writer = writer
        self._writing = asyncio.Lock()

    async def read(self) -> Event:
        """Return the next frame; see FrameReader.read."""
        return await self._frames.read()

    async def write(self, event: Event, timeout: float = WRITE_TIMEOUT) -> None:
        """Write a frame; waits while the peer does not read.

        Raises:
            WireError: The connection is closed, or the peer reads nothing for the
                timeout (seconds).
        """
        data = encode(event)
        try:
            async with asyncio.timeout(timeout), self._writing:
                if self._writer.is_closing():
                    raise WireError(Reason.CLOSED)
                self._writer.write(data)
                await self._writer.drain()
        except TimeoutError as err:
            raise WireError(Reason.TIMED_OUT, "peer does not read") from err
        except OSError as err:
            raise WireError(Reason.CLOSED) from err

    async def close(self) -> None:
        """Close the connection; never fails and never takes long."""
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await self._writer.wait_closed()
        self._writer.transport.abort()

    async def __aenter__(self) -> Self:
        """Return the connection."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection."""
        await self.close()


async def open_connection(
    host: str, port: int, timeout: float = CONNECT_TIMEOUT
) -> Connection:
    """Connect to a host, to the very address that was found to be on this network.

    Raises:
        WireError: It is not known, not local, not there, or not in time (seconds).
    """
    error: OSError | None = None
    try:
        async with asyncio.timeout(timeout):
            for address in await resolve(host, port):
                try:
                    reader, writer = await asyncio.open_connection(
                        address, port, limit=MAX_HEADER
                    )
                except OSError as err:
                    error = err
                    continue
                _set_keepalive(writer)
                return Connection(reader, writer)
    except TimeoutError as err:
        raise WireError(Reason.TIMED_OUT, "connecting") from err
    raise WireError(Reason.UNREACHABLE) from error


def _set_keepalive(writer: asyncio.StreamWriter) -> None:
    """Let the system notice a peer that vanished, and send frames at once."""
    sock = writer.get_extra_info("socket")
    if sock is None:
        return
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for name, value in _KEEPALIVE.items():
            if (option := getattr(socket, name, None)) is not None:
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
