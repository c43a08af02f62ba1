"""What all tests share: this checkout's integration, and sockets to this host only."""

from collections.abc import Iterator

import pytest
import pytest_socket

import custom_components

# Home Assistant looks in what this name stands for first.
assert custom_components.__path__


@pytest.fixture(autouse=True)
def loopback_only() -> Iterator[None]:
    """Allow sockets to this host and no other."""
    pytest_socket.enable_socket()
    pytest_socket.socket_allow_hosts(["127.0.0.1", "::1", "localhost"])
    return


@pytest.fixture
def integration(enable_custom_integrations: None) -> None:
    """Let Home Assistant load this integration."""
