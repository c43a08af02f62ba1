"""Reads and writes Wyoming frames: a JSON line, then data, then a payload.

Every part is bounded by what its type of frame needs, and a frame that has begun must be
complete in time. The format is that of the ``wyoming`` package, whose reader has neither.
"""

import asyncio
import json
from typing import Any, Final

from wyoming.event import Event
from wyoming.version import __version__

from .errors import Reason, WireError

MAX_HEADER: Final = 64 * 1024
"""Bytes of the first line: older peers put all data there, a description is the largest."""

_KIB: Final = 1024
_SMALL: Final = (16 * _KIB, 0)
_LIMITS: Final[dict[str, tuple[int, int]]] = {
    "info": (256 * _KIB, 0),
    "audio-chunk": (4 * _KIB, 1024 * _KIB),
    "transcript": (64 * _KIB, 0),
    "transcript-chunk": (64 * _KIB, 0),
    "handled": (256 * _KIB, 0),
    "handled-chunk": (64 * _KIB, 0),
    "not-handled": (256 * _KIB, 0),
    "intent": (256 * _KIB, 0),
    "not-recognized": (64 * _KIB, 0),
    "error": (64 * _KIB, 0),
}
"""Bytes of data and of payload, by type of frame; the others get the small limit.

A description takes up to thirty times its bytes once it is parsed. Some text-to-speech
services send a whole sentence as one frame.
"""

FRAME_DEADLINE: Final = 10.0
"""Seconds from the first byte of a frame to its last."""


def _limits(event_type: str) -> tuple[int, int]:
    """Return how much data and payload a type of frame may have."""
    return _LIMITS.get(event_type, _SMALL)


def _length(header: dict[str, Any], key: str, limit: int) -> int:
    """Return a length that the header states.

    Raises:
        WireError: It is no length, or more than the limit.
    """
    length = header.get(key)
    if length is None:
        return 0
    if not isinstance(length, int) or isinstance(length, bool) or length < 0:
        raise WireError(Reason.NOT_WYOMING, f"{key} is not a length")
    if length > limit:
        raise WireError(Reason.TOO_LARGE, key)
    return length


def _json_object(text: bytes) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        WireError: It is something else.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as err:
        raise WireError(Reason.NOT_WYOMING, "no JSON") from err
    if not isinstance(value, dict):
        raise WireError(Reason.NOT_WYOMING, "no JSON object")
    return value


class FrameReader:
    """Reads frames from a stream whose limit is MAX_HEADER."""

    def __init__(
        self, stream: asyncio.StreamReader, deadline: float = FRAME_DEADLINE
    ) -> None:
        """Read from a stream; a frame must be complete within the deadline (seconds)."""
        self._stream = stream
        self._deadline = deadline

    async def read(self) -> Event:
        """Return the next frame; waits for its first byte without limit.

        Raises:
            WireError: The peer closed, sent nonsense, too much, or stopped in between.
        """
        try:
            first = await self._stream.readexactly(1)
            async with asyncio.timeout(self._deadline):
                return await self._frame(first)
        except asyncio.IncompleteReadError as err:
            raise WireError(Reason.CLOSED) from err
        except asyncio.LimitOverrunError as err:
            raise WireError(Reason.TOO_LARGE, "header") from err
        except TimeoutError as err:
            raise WireError(Reason.TIMED_OUT, "half a frame") from err
        except OSError as err:
            raise WireError(Reason.CLOSED) from err

    async def _frame(self, first: bytes) -> Event:
        """Return the frame that begins with a byte."""
        line = first
        if first != b"\n":
            line += await self._stream.readuntil(b"\n")
        header = _json_object(line)
        event_type = header.get("type")
        if not isinstance(event_type, str) or not event_type:
            raise WireError(Reason.NOT_WYOMING, "no type")
        max_data, max_payload = _limits(event_type)
        data_length = _length(header, "data_length", max_data)
        payload_length = _length(header, "payload_length", max_payload)
        data = header.get("data") or {}
        if not isinstance(data, dict):
            raise WireError(Reason.NOT_WYOMING, "data is no object")
        payload: bytes | None = None
        if data_length or payload_length:
            body = await self._stream.readexactly(data_length + payload_length)
            if data_length:
                data |= _json_object(body[:data_length])
            payload = body[data_length:] if payload_length else None
        return Event(type=event_type, data=data, payload=payload)


def encode(event: Event) -> bytes:
    """Return the bytes of a frame; half a character becomes a question mark."""
    header: dict[str, Any] = {"type": event.type, "version": __version__}
    data = b""
    if event.data:
        data = json.dumps(event.data, ensure_ascii=False).encode(errors="replace")
    if data:
        header["data_length"] = len(data)
    if event.payload:
        header["payload_length"] = len(event.payload)
    line = json.dumps(header, ensure_ascii=False).encode(errors="replace")
    return b"".join((line, b"\n", data, event.payload or b""))
