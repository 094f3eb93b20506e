"""Functions of one's own: in a notebook one is written again and again, and the newest of a name counts."""

from dataclasses import replace
from zlib import crc32

import pytest

from otalab.bench.setup import set_up
from otalab.firmware import store
from otalab.firmware.catalogue import load_design
from otalab.firmware.own_part import with_part, without_part
from otalab.formats.records.guard import Guarded
from otalab.hardware.chip import Chip


@pytest.fixture
def own():
    """
    Forget afterwards.
    """
    yield lambda function: with_part(replace(load_design("hardened"), name="mine"), "guard", function, "mine")
    without_part("guard", "mine")


def test_the_newest_function_of_a_name_is_the_one_that_reads(own):
    """
    Whatever was kept of the one before: a record that the first check accepts the second one refuses.
    """
    first = own(lambda codec: Guarded(codec, crc32, 4))
    shipped = set_up(first, "tiny", app_size=300)
    seen = store.select(Chip(shipped.device.board, shipped.flash), first)
    second = own(lambda codec: Guarded(codec, lambda data: crc32(data) ^ 1, 4))
    unseen = store.select(Chip(shipped.device.board, shipped.flash), second)

    assert first == second
    assert (0, None) == (seen.place, unseen)
