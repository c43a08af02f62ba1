"""Opening a connection, and writing to a peer that is not there any more."""

import asyncio

import pytest
from wyoming.event import Event
from wyoming.info import Describe

from custom_components.private_voice.wire import connection
from custom_components.private_voice.wire.connection import open_connection
from custom_components.private_voice.wire.errors import Reason, WireError

from ..fakes import STT_INFO, FakePeer


async def test_name_that_is_not_resolved_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A slow name server does not hold anybody up."""

    async def slow(host: str, port: int) -> list[str]:
        await asyncio.sleep(60)
        return []

    monkeypatch.setattr(connection, "resolve", slow)
    with pytest.raises(WireError) as error:
        await open_connection("somewhere", 1, timeout=0.05)
    assert error.value.reason is Reason.TIMED_OUT


async def test_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name may lead to an address where nothing listens."""
    async with FakePeer(STT_INFO) as peer:

        async def both(host: str, port: int) -> list[str]:
            return ["::1", "127.0.0.1"]

        monkeypatch.setattr(connection, "resolve", both)
        opened = await open_connection("somewhere", peer.port)
        await opened.write(Describe().event())
        assert (await opened.read()).type == "info"
        await opened.close()


async def test_writing_after_closing() -> None:
    """It is told as a closed connection, whoever closed it."""
    async with FakePeer(STT_INFO) as peer:
        opened = await open_connection("127.0.0.1", peer.port)
        await opened.close()
        with pytest.raises(WireError) as error:
            await opened.write(Event("ping"))
        assert error.value.reason is Reason.CLOSED
        await opened.close()


async def test_writing_to_a_peer_that_cut_the_connection() -> None:
    """Sooner or later the system says so."""
    async with FakePeer(STT_INFO) as peer:
        opened = await open_connection("127.0.0.1", peer.port)
        await peer.wait(lambda: peer.connections == 1)
        peer.drop_connections()

        async def flood() -> None:
            while True:
                await opened.write(Event("ping", payload=b"x" * 4096))

        with pytest.raises(WireError) as error:
            await flood()
        assert error.value.reason is Reason.CLOSED
        await opened.close()
