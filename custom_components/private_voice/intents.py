"""What is done for each spoken request of our own.

A request is a class here, listed in REQUESTS, and an intent of its name in each language's
file of sentences.
"""

from abc import abstractmethod
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, override

from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv, intent
import voluptuous as vol

from .spoken import async_spoken
from .voice.microphone import Cause

if TYPE_CHECKING:
    from .hub import Hub
    from .room import Room

LONGEST_MUTE: Final = timedelta(hours=24)

_UNITS: Final = (("hour", 3600), ("minute", 60), ("second", 1))

SPOKEN: Final = frozenset(
    {
        "and",
        "mute_no_time",
        "muted",
        "muted_for",
        "request_elsewhere",
        *(unit for unit, _ in _UNITS),
        *(f"{unit}s" for unit, _ in _UNITS),
    }
)
"""Keys of all that the answers are made of."""


class RequestRefused(Exception):
    """A request was understood and is not carried out; the key says why, aloud."""

    def __init__(self, key: str) -> None:
        """Refuse with a spoken reason."""
        super().__init__(key)
        self.key = key


class RoomRequest(intent.IntentHandler):
    """A request about the room in which it is made."""

    slots: ClassVar[dict[vol.Marker, Any]] = {}

    def __init__(self, hub: Hub) -> None:
        """Answer for the rooms of a hub."""
        self.hub = hub

    @property
    @override
    def slot_schema(self) -> dict[vol.Marker, Any]:
        """Return what may be said besides the request."""
        return self.slots

    @override
    async def async_handle(self, intent_obj: intent.Intent) -> intent.IntentResponse:
        """Do what is asked, or say why not."""
        response = intent_obj.create_response()
        slots = self.async_validate_slots(intent_obj.slots)
        values = {name: slot["value"] for name, slot in slots.items()}
        try:
            answer = await self.async_answer(
                self._room_of(intent_obj),
                values,
                intent_obj.language,
                intent_obj.context,
            )
        except RequestRefused as refused:
            response.async_set_error(
                intent.IntentResponseErrorCode.FAILED_TO_HANDLE,
                await async_spoken(self.hub.hass, refused.key, intent_obj.language),
            )
        else:
            response.async_set_speech(answer)
        return response

    def _room_of(self, intent_obj: intent.Intent) -> Room:
        """Return the room in which the request was made.

        Raises:
            RequestRefused: It was made elsewhere, such as in the app.
        """
        for room in self.hub.rooms.values():
            if (satellite := room.satellite) is None:
                continue
            if intent_obj.satellite_id is not None:
                if intent_obj.satellite_id == satellite.entity_id:
                    return room
                continue
            entry = satellite.registry_entry
            if entry and entry.device_id and entry.device_id == intent_obj.device_id:
                return room
        raise RequestRefused("request_elsewhere")

    @abstractmethod
    async def async_answer(
        self, room: Room, slots: dict[str, Any], language: str, context: Context
    ) -> str:
        """Do what is asked and return what to say.

        Raises:
            RequestRefused: It can't be done.
        """


class MuteRequest(RoomRequest):
    """Mutes the microphone of the room, for a time or until somebody unmutes it.

    A time beyond a day has no end: the room never listens earlier than was asked, and
    a misheard number does not decide when. No time at all ("for 0 minutes") is refused.
    """

    intent_type = "PrivateVoiceMute"
    description = "Mutes the microphone of the room in which this is said"
    slots: ClassVar[dict[vol.Marker, Any]] = {
        vol.Optional("days"): cv.positive_int,
        vol.Optional("hours"): cv.positive_int,
        vol.Optional("minutes"): cv.positive_int,
        vol.Optional("seconds"): cv.positive_int,
    }

    @override
    async def async_answer(
        self, room: Room, slots: dict[str, Any], language: str, context: Context
    ) -> str:
        """Mute first, then say for how long."""
        duration = timedelta(**slots) if slots else None
        if duration is not None and not duration:
            raise RequestRefused("mute_no_time")
        if duration is not None and duration > LONGEST_MUTE:
            duration = None
        await room.mute.async_mute(Cause.VOICE, duration=duration, context=context)
        if duration is None:
            return await async_spoken(self.hub.hass, "muted", language)
        spoken = await async_spoken_duration(self.hub.hass, duration, language)
        return await async_spoken(
            self.hub.hass, "muted_for", language, {"duration": spoken}
        )


REQUESTS: Final[tuple[type[RoomRequest], ...]] = (MuteRequest,)


@callback
def async_register(hass: HomeAssistant, hub: Hub) -> CALLBACK_TYPE:
    """Let the requests be made; return what ends it."""
    for request in REQUESTS:
        intent.async_register(hass, request(hub))

    @callback
    def remove() -> None:
        for request in REQUESTS:
            intent.async_remove(hass, request.intent_type)

    return remove


async def async_spoken_duration(
    hass: HomeAssistant, duration: timedelta, language: str
) -> str:
    """Return a duration in words, in hours, minutes and seconds."""
    rest, parts = int(duration.total_seconds()), []
    for unit, seconds in _UNITS:
        count, rest = divmod(rest, seconds)
        if count:
            key = unit if count == 1 else f"{unit}s"
            parts.append(await async_spoken(hass, key, language, {"count": str(count)}))
    if len(parts) < 2:
        return "".join(parts)
    return await async_spoken(
        hass, "and", language, {"first": ", ".join(parts[:-1]), "last": parts[-1]}
    )
