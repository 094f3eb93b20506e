"""A request whose sender has gone before it is read: the handler of one that waited its turn sees no more than that."""

import asyncio

import pytest
from aiohttp import StreamReader, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.test_utils import make_mocked_request

from otalab.wire.device.ota import Broken
from otalab.wire.dialect import DIALECTS
from otalab.wire.http.routes import HttpUpload
from otalab.wire.http.rpc import BadBody, limited


def left(kind: str) -> web.Request:
    """Return a request whose connection is closed, and whose body has not come."""
    body = StreamReader(BaseProtocol(asyncio.get_running_loop()), 2**16, loop=asyncio.get_running_loop())
    return make_mocked_request("POST", "/update", headers={"Content-Type": kind}, payload=body)


def test_a_frame_is_refused() -> None:
    """In one line, and with no traceback in the log of the device."""

    async def asked() -> None:
        with pytest.raises(BadBody, match="its body cannot be read"):
            await limited(left("application/json"))

    asyncio.run(asked())


def test_an_upload_is_broken_off() -> None:
    """As by a connection that is lost in its middle."""

    async def asked() -> None:
        upload = HttpUpload(left("application/zip"), 1000, DIALECTS["strict"])
        await upload.begin()
        with pytest.raises(Broken):
            await upload.read()

    asyncio.run(asked())
