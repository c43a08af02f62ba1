"""Constants of the Private Voice integration."""

from typing import Final

DOMAIN: Final = "private_voice"

SUBENTRY_ROOM: Final = "room"
SUBENTRY_SERVICE: Final = "speech_service"

CONF_AREA_ID: Final = "area_id"
CONF_KINDS: Final = "kinds"
CONF_LANGUAGE: Final = "language"
CONF_MAKE_PREFERRED: Final = "make_preferred"
CONF_MODEL: Final = "model"
CONF_VOICE: Final = "voice"

EVENT_ACTIVATION: Final = "private_voice_activation"
