"""What can go wrong with a peer."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a connection failed or was ended."""

    UNREACHABLE = "unreachable"
    NAME_NOT_RESOLVED = "name_not_resolved"
    NOT_LOCAL = "not_local"
    TIMED_OUT = "timed_out"
    NOT_WYOMING = "not_wyoming"
    TOO_LARGE = "too_large"
    CLOSED = "closed"
    REMOTE_ERROR = "remote_error"
    NO_PONG = "no_pong"
    STOPPED = "stopped"


class WireError(Exception):
    """A peer failed; tells how, and nothing that the peer said."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        """Keep the reason and a detail of our own wording."""
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason
        self.detail = detail
