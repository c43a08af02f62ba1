"""The gate: the one place through which a room's audio must pass."""


class Microphone:
    """Open only while nothing says muted and everything is known."""

    def __init__(self) -> None:
        """Start closed: what is not known counts as muted."""
        self._soft_muted: bool | None = None
        self.dropped_bytes = 0
        """Audio that came while the gate was closed."""

    @property
    def soft_muted(self) -> bool | None:
        """Return whether software says muted; None as long as that is not known."""
        return self._soft_muted

    @property
    def open(self) -> bool:
        """Return whether audio may pass."""
        return self._soft_muted is False

    def set_soft_muted(self, muted: bool | None) -> None:
        """Close or open the gate by software; None closes it."""
        self._soft_muted = muted

    def admit(self, pcm: bytes) -> bool:
        """Return whether audio passes; what does not is counted and not looked at."""
        if self.open:
            return True
        self.dropped_bytes += len(pcm)
        return False
