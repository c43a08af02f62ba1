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
_MAX_POSTED = 256 * 1024

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

    def post(self, event: Event) -> bool:
        """Write a small frame without waiting; return whether it could be.

        A peer that has read nothing for long gets no more frames this way.
        """
        transport = self._writer.transport
        if transport.is_closing() or transport.get_write_buffer_size() > _MAX_POSTED:
            return False
        self._writer.write(encode(event))
        return True

    def notice_loss(self, seconds: float) -> None:
        """Have the system end the connection when the peer's host confirms nothing.

        Keepalive does not probe while sent frames are unconfirmed: without this a host
        that vanished meanwhile is tried for a quarter of an hour.
        """
        sock = self._writer.get_extra_info("socket")
        option = getattr(socket, "TCP_USER_TIMEOUT", None)
        if sock is not None and option is not None:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, option, int(seconds * 1000))

    def abort(self) -> None:
        """End the connection at once; who reads from it sees it closed."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Close the connection; never fails and never takes long."""
        try:
            self._writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(_CLOSE_TIMEOUT):
                    await self._writer.wait_closed()
        finally:
            self.abort()

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
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout
    error = WireError(Reason.UNREACHABLE)
    try:
        async with asyncio.timeout_at(end):
            addresses = await resolve(host, port)
    except TimeoutError as err:
        raise WireError(Reason.TIMED_OUT, "resolving") from err
    for tried, address in enumerate(addresses):
        # An address where nothing answers must leave time for the others.
        share = (end - loop.time()) / (len(addresses) - tried)
        try:
            async with asyncio.timeout(share):
                reader, writer = await asyncio.open_connection(
                    address, port, limit=MAX_HEADER
                )
        except TimeoutError:
            error = WireError(Reason.TIMED_OUT, "connecting")
        except OSError as err:
            error = WireError(Reason.UNREACHABLE, f"errno {err.errno}")
        else:
            _set_keepalive(writer)
            return Connection(reader, writer)
    raise error


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
