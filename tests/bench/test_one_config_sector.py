"""One sector of configuration as rBoot has it: what a cut leaves between its erase and its program, and half-way."""

from dataclasses import replace
from pathlib import Path

import pytest

from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.firmware.catalogue import load_design
from otalab.firmware.design import Design
from otalab.firmware.outcome import Bricked, Running
from otalab.firmware.store import codec
from otalab.graph.check import check_design

PAGE = """
name = "one-config-sector"
summary = "one sector, erased and programmed; without a record the loader writes a default for slot 0; no trial"
[records]
count = 1
format = "rboot"
guard = "none"
[writes]
verify = "once"
reserve = 0
[boot]
image_check = "own"
bad_image = "other"
no_record = "default"
trial = "none"
[commit]
kept_in = "nowhere"
"""


@pytest.fixture
def design(tmp_path: Path) -> Design:
    (tmp_path / "mine.toml").write_text(PAGE)
    return load_design(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize(
    ("offer", "used", "ends"),
    [
        ("once", False, {"updated", "update-lost"}),
        ("until-taken", False, {"updated"}),
        ("until-taken", True, {"updated"}),
    ],
)
def test_between_erase_and_program_a_device_falls_back_to_slot_0(
    design: Design, offer: str, used: bool, ends: set[str]
) -> None:
    """As shipped that is the old image, and the update is lost or taken again; after one update it is the new one."""
    cell = check_design(design, board="tiny", faults="atomic", offer=offer, used=used, app_size=500)
    assert "safe" == cell.verdict
    assert ends == set(cell.graph.ends)


@pytest.mark.parametrize("used", [False, True])
def test_a_torn_record_has_no_address_to_start_from(design: Design, used: bool) -> None:
    """Its magic is there and the rest reads erased: the loader believes it, and no image begins at 0xffffffff."""
    cell = check_design(design, board="tiny", faults="torn-program", used=used, app_size=500, budget=60)
    found = cell.graph.counterexample
    assert found is not None
    assert ("bricked", 1) == (found.end, len(found.cuts))
    assert "prefix-2" == found.cuts[0][1].tear


def test_a_record_that_is_cut_inside_its_addresses_starts_nothing_for_good(design: Design) -> None:
    """Two bytes of magic make it a record; until the addresses of its files are whole, no slot can be run."""
    what = set_up(design, "tiny", app_size=500)
    flash, area = life(what).last.flash, what.device.board.records[0]
    record = flash.read(area.address, codec(design).size)
    ends = {
        done: life(
            replace(what, flash=flash.patched(area.address, record[:done].ljust(area.size, b"\xff")))
        ).last.outcome
        for done in (0, 1, 2, 3, 6, 12, 15, 16, 28, 44, 64, 84)
    }
    assert [0, 1, 84] == [done for done, end in ends.items() if isinstance(end, Running)]
    assert [2, 3, 6, 12, 15] == [done for done, end in ends.items() if isinstance(end, Bricked)]


@pytest.mark.parametrize("way", ["", 'finds = "record"', 'finds = "table"'])
def test_a_loader_goes_by_the_addresses_of_its_format_unless_a_page_says_otherwise(way: str, tmp_path: Path) -> None:
    """rBoot names addresses; a loader with a table of its own is another one, and has to be asked for."""
    (tmp_path / "mine.toml").write_text(PAGE.replace("[boot]", f"[boot]\n{way}"))
    assert ("table" if "table" in way else "record") == load_design(str(tmp_path / "mine.toml")).finds
    assert "table" == load_design("hardened").finds
