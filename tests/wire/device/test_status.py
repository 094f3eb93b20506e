"""What a virtual device tells of itself."""

import asyncio

from otalab import set_up
from otalab.wire.device.in_process import switched_on
from otalab.wire.device.status import status


def told(path):
    async def story():
        async with switched_on(path, board="tiny", design="hardened", time_scale=0, no_sync=True) as ota:
            return status(ota.device)

    return asyncio.run(story())


def test_a_bricked_device_says_why_it_is(tmp_path):
    """In the words of the loader; one that runs has no reason to give."""
    path = tmp_path / "lamp.bin"
    assert "" == told(path)["reason"]
    board = set_up("hardened", "tiny").device.board
    contents = bytearray(path.read_bytes())
    for area in board.records:
        contents[area.address : area.address + area.size] = b"\xff" * area.size
    path.write_bytes(contents)
    bricked = told(path)
    assert "no valid boot record" == bricked["reason"]
