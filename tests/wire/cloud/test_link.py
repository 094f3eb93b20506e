"""A connection to a broker: what goes through it, and what becomes of what was on its way when it ended."""

import asyncio
import socket
import threading

import pytest

from otalab.wire.live.broker import MISSING, LiveBroker, mosquitto

pytest.importorskip("aiomqtt", reason="aiomqtt is not installed: pip install 'otalab[net]'")
from otalab.wire.cloud import link
from otalab.wire.cloud.broker import Broker
from otalab.wire.cloud.link import Link

MORE_THAN_A_SOCKET_TAKES = bytes(range(256)) * 2**15  # 8 MiB
CONNACK, SUBACK = b"\x20\x02\x00\x00", b"\x90\x03%b\x00"


async def nothing():
    """Greet nobody."""


async def linked(lamp, story):
    """Run a link for as long as a story goes on."""
    running = asyncio.create_task(lamp.run())
    try:
        return await story
    finally:
        running.cancel()
        await asyncio.wait([running])


@pytest.mark.skipif(not mosquitto(), reason=MISSING)
def test_what_a_socket_does_not_take_at_once_goes_out_later_and_in_its_order():
    """Small messages, one of 8 MiB that fills the socket, and small ones behind it all come, each once and in turn."""
    sent = [b"1", MORE_THAN_A_SOCKET_TAKES, b"2", b"3"]
    came, connected, all_came = [], asyncio.Event(), asyncio.Event()

    def received(_topic, payload):
        came.append(payload)
        if len(came) == len(sent):
            all_came.set()

    async def greets():
        connected.set()

    async def story(lamp):
        await connected.wait()
        assert [True] * len(sent) == await asyncio.gather(*(lamp.publish("a/b", payload) for payload in sent))
        await all_came.wait()

    async def whole(port):
        lamp = Link(Broker("127.0.0.1", port), "lamp", ["a/b"], received, greets)
        await linked(lamp, story(lamp))

    with LiveBroker() as broker:
        asyncio.run(whole(broker.port))
    assert sent == came


def test_what_waits_for_a_broker_that_goes_away_is_told_at_once(monkeypatch):
    """A broker that takes ten messages, acknowledges none and hangs up: each of the ten is told that it has not it."""
    monkeypatch.setattr(link, "SECONDS", 3600.0)  # whoever waited his whole time would wait that long
    connected = asyncio.Event()

    async def greets():
        connected.set()

    async def serve(reader, writer):
        published = 0
        while published < 10:
            kind, length = await reader.readexactly(2)
            body = await reader.readexactly(length)
            match kind >> 4:
                case 1:
                    writer.write(CONNACK)
                case 8:
                    writer.write(SUBACK % body[:2])
                case 3:
                    published += 1
        writer.close()

    async def story(lamp):
        await connected.wait()
        return await asyncio.gather(*(lamp.publish("a/b", b"x") for _ in range(10)))

    async def whole():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            lamp = Link(Broker("127.0.0.1", server.sockets[0].getsockname()[1]), "lamp", ["a/b"], print, greets)
            async with asyncio.timeout(300):
                return await linked(lamp, story(lamp))

    assert [False] * 10 == asyncio.run(whole())


def test_a_socket_that_is_closed_before_the_loop_comes_to_it_is_not_waited_for():
    """The thread that connects has closed it again: its number is nobody's by then, or somebody else's."""

    async def whole():
        told = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
        client, (one, other) = Broker("127.0.0.1", 1).client("lamp"), socket.socketpair()

        def opened_and_closed():
            client._on_socket_register_write(None, None, one)
            one.close()

        connecting = threading.Thread(target=opened_and_closed)
        connecting.start()
        connecting.join()  # the loop stands meanwhile
        await asyncio.sleep(0)
        other.close()
        return told

    assert [] == asyncio.run(whole())
