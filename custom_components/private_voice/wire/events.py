"""What a satellite's connection tells its room."""

from dataclasses import dataclass, field

from wyoming.info import Info

from .audio import AudioFormat
from .errors import Reason


@dataclass(frozen=True)
class Connected:
    """The satellite is there."""

    info: Info


@dataclass(frozen=True)
class InfoUpdated:
    """The satellite described itself anew."""

    info: Info


@dataclass(frozen=True)
class Disconnected:
    """The satellite is gone."""

    reason: Reason


@dataclass(frozen=True)
class Detected:
    """The satellite heard a wake word itself."""

    name: str | None
    phrase: str | None
    speaker: str | None


@dataclass(frozen=True)
class RunRequested:
    """The satellite wants a command, or a wake word, to be listened for."""

    start: str
    end: str
    wake_word_name: str | None
    restart_on_end: bool


@dataclass(frozen=True)
class AudioStarted:
    """Audio is about to come."""

    format: AudioFormat


@dataclass(frozen=True)
class Audio:
    """A piece of audio: 16 kHz, 16 bit, mono."""

    pcm: bytes = field(repr=False)


@dataclass(frozen=True)
class AudioStopped:
    """The satellite sends no more audio for now."""


@dataclass(frozen=True)
class Played:
    """The satellite has played what it was sent."""


@dataclass(frozen=True)
class PauseRead:
    """The satellite has read that it shall pause."""


@dataclass(frozen=True)
class StreamingStarted:
    """The satellite has begun to stream."""


@dataclass(frozen=True)
class StreamingStopped:
    """The satellite has stopped streaming."""


type SessionEvent = (
    Connected
    | InfoUpdated
    | Disconnected
    | Detected
    | RunRequested
    | AudioStarted
    | Audio
    | AudioStopped
    | PauseRead
    | Played
    | StreamingStarted
    | StreamingStopped
)
