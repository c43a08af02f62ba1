"""Which addresses count as on this network."""

import socket

import pytest

from custom_components.private_voice.wire.address import is_local, resolve
from custom_components.private_voice.wire.errors import Reason, WireError


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1", True),
        ("127.255.0.3", True),
        ("10.0.0.1", True),
        ("10.255.255.255", True),
        ("172.16.0.1", True),
        ("172.31.255.255", True),
        ("192.168.1.20", True),
        ("169.254.1.1", True),
        ("::1", True),
        ("fe80::1", True),
        ("fe80::1%eth0", True),
        ("fd12:3456::1", True),
        ("fc00::1", True),
        ("::ffff:192.168.1.1", True),
        ("::ffff:8.8.8.8", False),
        ("8.8.8.8", False),
        ("11.0.0.1", False),
        ("9.255.255.255", False),
        ("172.15.255.255", False),
        ("172.32.0.1", False),
        ("192.167.1.1", False),
        ("192.169.1.1", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104
        ("224.0.0.251", False),
        ("255.255.255.255", False),
        ("2001:db8::1", False),
        ("2606:4700::1111", False),
        ("64:ff9b::a00:1", False),
        ("::", False),
        ("ff02::fb", False),
        ("", False),
        ("localhost", False),
        ("127.1", False),
        ("0x7f000001", False),
        ("10.0.0.1.example.com", False),
    ],
)
def test_is_local(address: str, local: bool) -> None:
    """Loopback, private, link-local and unique-local addresses are local."""
    assert is_local(address) is local


async def test_resolve() -> None:
    """A local name gives its addresses."""
    assert await resolve("127.0.0.1", 80) == ["127.0.0.1"]
    assert set(await resolve("localhost", 80)) <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("8.8.8.8", Reason.NOT_LOCAL),
        ("2606:4700::1111", Reason.NOT_LOCAL),
    ],
)
async def test_refused(host: str, reason: Reason) -> None:
    """What is elsewhere or nowhere is refused."""
    with pytest.raises(WireError) as caught:
        await resolve(host, 80)
    assert caught.value.reason is reason


async def test_one_address_elsewhere_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with a local and another address is refused."""

    def both(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [
            (2, 1, 6, "", ("127.0.0.1", 80)),
            (2, 1, 6, "", ("93.184.216.34", 80)),
        ]

    monkeypatch.setattr("socket.getaddrinfo", both)
    with pytest.raises(WireError) as caught:
        await resolve("peer.local", 80)
    assert caught.value.reason is Reason.NOT_LOCAL


@pytest.mark.parametrize("error", [socket.gaierror(-2), UnicodeError("label"), OSError])
async def test_unknown_name(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that nobody knows, or that is none, is not resolved."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("socket.getaddrinfo", fail)
    with pytest.raises(WireError) as caught:
        await resolve("peer.local", 80)
    assert caught.value.reason is Reason.NAME_NOT_RESOLVED
