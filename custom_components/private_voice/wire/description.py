"""What a peer says it is, believed only where it is well formed."""

from dataclasses import fields, is_dataclass
from typing import Any, Union, get_args, get_origin

from wyoming.event import Event
from wyoming.info import Info

from .errors import Reason, WireError

_NOT_USED = ("attribution", "mic", "snd")


def parse_info(event: Event) -> Info:
    """Return the description in a frame.

    Raises:
        WireError: It is none.
    """
    try:
        info = Info.from_event(event)
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        raise WireError(Reason.NOT_WYOMING, "description") from err
    if not _is_typed(info, Info):
        raise WireError(Reason.NOT_WYOMING, "description")
    return info


def _is_typed(value: object, kind: Any) -> bool:
    """Return whether what was parsed is what its type says: wyoming does not look."""
    if isinstance(kind, type) and is_dataclass(kind):
        return isinstance(value, kind) and all(
            _is_typed(getattr(value, field.name), field.type)
            for field in fields(kind)
            if field.name not in _NOT_USED
        )
    if get_origin(kind) is Union:
        return any(_is_typed(value, each) for each in get_args(kind))
    if get_origin(kind) is list:
        (item,) = get_args(kind)
        return isinstance(value, list) and all(_is_typed(each, item) for each in value)
    return type(value) is kind
