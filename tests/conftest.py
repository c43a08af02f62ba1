"""What all tests share: this checkout's integration, and sockets to this host only."""

from collections.abc import Iterator

import pytest
import pytest_socket

import custom_components

# Home Assistant's test package brings a package of this name; ours must be found first.
assert "testing_config" not in next(iter(custom_components.__path__))

_LOOPBACK = ["127.0.0.1", "::1", "localhost"]


@pytest.fixture(autouse=True)
def loopback_only() -> Iterator[None]:
    """Allow sockets to this host and no other: Home Assistant's package forbids all."""
    pytest_socket.enable_socket()
    pytest_socket.socket_allow_hosts(_LOOPBACK, allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()


@pytest.fixture
def integration(enable_custom_integrations: None) -> None:
    """Let Home Assistant load this integration."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the slow tests with real processes for the end."""
    items.sort(key=lambda item: item.get_closest_marker("e2e") is not None)
