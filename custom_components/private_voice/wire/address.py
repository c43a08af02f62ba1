"""Which addresses are on this network."""

import asyncio
import ipaddress
import socket
from typing import Any

from .errors import Reason, WireError

_LOCAL_NETWORKS = tuple(
    ipaddress.ip_network(network)
    for network in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "::1/128",
        "fe80::/10",
        "fc00::/7",
    )
)
"""Loopback, private (RFC 1918), link-local and unique-local (RFC 4193) addresses."""


def is_local(address: str) -> bool:
    """Return whether an IP address is on this network; what is no address is not."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return any(
        ip.version == network.version and ip in network for network in _LOCAL_NETWORKS
    )


def _scoped(sockaddr: tuple[Any, ...]) -> str:
    """Return the address, with its interface where it has none without it."""
    address = str(sockaddr[0])
    if len(sockaddr) == 4 and sockaddr[3] and "%" not in address:
        return f"{address}%{sockaddr[3]}"
    return address


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, all of them on this network.

    Raises:
        WireError: The name is unknown, or one of its addresses is elsewhere.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as err:
        raise WireError(Reason.NAME_NOT_RESOLVED) from err
    addresses = list(dict.fromkeys(_scoped(info[4]) for info in found))
    if not all(is_local(address) for address in addresses):
        raise WireError(Reason.NOT_LOCAL)
    return addresses
