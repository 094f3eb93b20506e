"""A flash file remembers its board and its design: another one would write a default record over what is there."""

from dataclasses import replace

import pytest

from otalab.errors import BadInput
from otalab.firmware.catalogue import load_design
from otalab.wire.device.open import open_device
from otalab.wire.device.options import DeviceOptions


def opened(path, **options):
    device = open_device(DeviceOptions(flash=path, **{"board": "tiny", "design": "hardened"} | options))
    device.file.close()
    return path.read_bytes()


OTHERS = {
    "a design": {"design": "mongoose"},
    "a design that reads its records so": {"design": replace(load_design("hardened"), guard="none")},
    "a design of that name": {"design": replace(load_design("mongoose"), name="hardened")},
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_another_device_is_refused_and_nothing_is_changed(tmp_path, other):
    """In words that say whose it is."""
    path = tmp_path / "lamp.bin"
    before = opened(path)
    with pytest.raises(BadInput, match=r"lamp.bin: is the flash of board tiny and design hardened, .*take those"):
        opened(path, **other)
    assert before == path.read_bytes() == opened(path)


def test_a_choice_that_reads_no_record_may_be_made_otherwise(tmp_path):
    """Whoever tries another loader on the same flash does so on purpose."""
    path = tmp_path / "lamp.bin"
    assert opened(path) == opened(path, design=replace(load_design("hardened"), trial="timer"))


def test_a_flash_of_which_nothing_is_known_belongs_to_who_opens_it_first(tmp_path):
    """A dump from elsewhere has no notebook beside it."""
    path = tmp_path / "lamp.bin"
    opened(path)
    (tmp_path / "lamp.bin.images").unlink()
    opened(path, design="mongoose")
    with pytest.raises(BadInput, match="design mongoose"):
        opened(path)
