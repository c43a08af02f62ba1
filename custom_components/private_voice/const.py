"""Constants of the Private Voice integration."""

from typing import Final

DOMAIN: Final = "private_voice"

SUBENTRY_ROOM: Final = "room"
SUBENTRY_SERVICE: Final = "speech_service"

CONF_AREA_ID: Final = "area_id"
CONF_KINDS: Final = "kinds"
CONF_LANGUAGE: Final = "language"
CONF_LINK_LOST: Final = "link_lost"
CONF_MAKE_PREFERRED: Final = "make_preferred"
CONF_MICROPHONE_POWER: Final = "microphone_power"
CONF_MODEL: Final = "model"
CONF_MUTE_LINKS: Final = "mute_links"
CONF_MUTED_STATES: Final = "muted_states"
CONF_VOICE: Final = "voice"

LINK_LOST_IGNORED: Final = "ignored"
LINK_LOST_MUTED: Final = "muted"

EVENT_ACTIVATION: Final = "private_voice_activation"
EVENT_MUTE_VIOLATED: Final = "private_voice_mute_violated"
