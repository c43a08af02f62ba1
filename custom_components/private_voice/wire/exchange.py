"""A request to a speech service: sent and answered at the same time."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from wyoming.event import Event

from .connection import Connection
from .errors import Reason, WireError

_LAST_WORDS = 0.5


class Exchange:
    """A request that is being sent, and what comes meanwhile and for some time after."""

    def __init__(
        self, connection: Connection, request: Coroutine[Any, Any, None], timeout: float
    ) -> None:
        """Begin to send; the time (seconds) runs from when all is sent."""
        self._connection = connection
        self._sent = asyncio.create_task(request)
        self._timeout = timeout
        self._end: float | None = None
        self._reading: asyncio.Task[Event] | None = None

    async def next(self) -> Event | None:
        """Return the next frame, None when the time is up.

        Raises:
            WireError: The peer failed, or told of an error.
        """
        while not self._sent.done():
            if self._reading is None:
                self._reading = asyncio.create_task(self._connection.read())
            await asyncio.wait(
                {self._reading, self._sent}, return_when=asyncio.FIRST_COMPLETED
            )
            if self._reading.done():
                break
        event = await self._next_in_time()
        if event is not None and event.type == "error":
            raise WireError(Reason.REMOTE_ERROR)
        return event

    async def _next_in_time(self) -> Event | None:
        """Return the next frame; all is sent, or the frame is there."""
        error = self._sent.exception() if self._sent.done() else None
        if error is not None and not isinstance(error, WireError):
            raise error
        if self._end is None and self._sent.done():
            # A peer that takes no more may have told why.
            self._prolong(_LAST_WORDS if error else self._timeout)
        try:
            async with asyncio.timeout_at(self._end):
                reading, self._reading = self._reading, None
                return await (reading or self._connection.read())
        except TimeoutError:
            if error is not None:
                raise error from None
            return None

    def prolong(self) -> None:
        """Let the time run from now."""
        if self._end is not None:
            self._prolong(self._timeout)

    def _prolong(self, seconds: float) -> None:
        """Set the end."""
        self._end = asyncio.get_running_loop().time() + seconds

    async def close(self) -> None:
        """End both ways."""
        tasks = [task for task in (self._sent, self._reading) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def exchanging(
    connection: Connection, request: Coroutine[Any, Any, None], timeout: float
) -> AsyncIterator[Exchange]:
    """Send a request beside the block; nothing of it is left after."""
    exchange = Exchange(connection, request, timeout)
    try:
        yield exchange
    finally:
        await exchange.close()
