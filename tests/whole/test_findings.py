"""Findings are true: every history that the page names ends as it says, and what closes it does."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from otalab.bench.setup import set_up
from otalab.faults.models import fault_model
from otalab.firmware.catalogue import load_design
from otalab.firmware.design import Design
from otalab.graph.case import Case
from otalab.graph.check import check_design
from otalab.graph.history import ending, play
from otalab.hardware.board import load_board

PAGE = (Path(__file__).parents[2] / "docs" / "findings.md").read_text()
HISTORIES = re.findall(r"`([\w-]+/tiny/[^`]+)` ends `([\w-]+)`", PAGE)
MONGOOSE, HARDENED = load_design("mongoose"), load_design("hardened")
FIRST_BOOT = replace(HARDENED, merge="first-boot")
SPIFFS = replace(load_board("tiny"), file_system="spiffs")


def verdict(design: Design, faults: str, image: str = "healthy", **options: object) -> str:
    """Return the verdict on a design on the tiny board."""
    board, budget = options.pop("board", "tiny"), options.pop("budget", 300)
    return check_design(design, faults, image, board, budget=budget, app_size=500, **options).graph.verdict  # type: ignore[arg-type]


@pytest.mark.parametrize(("identity", "end"), HISTORIES)
def test_a_history_ends_as_the_page_says(identity: str, end: str) -> None:
    """Played by the plain firmware, without any graph."""
    case, legs = Case.parse(identity)
    scenario = set_up(
        case.design, case.board_name, image=case.image, offer=case.offer, used=case.used, updates=case.updates
    )

    assert end == ending(scenario, list(play(scenario, fault_model(case.faults), legs))).name


def test_every_finding_has_a_history_that_is_played() -> None:
    """The page names a dozen."""
    assert len(HISTORIES) >= 12


@pytest.mark.parametrize(
    ("design", "faults", "image", "before", "after"),
    [
        (MONGOOSE, "torn-program", "healthy", {}, {"guard": "crc32"}),
        pytest.param(MONGOOSE, "torn-program", "healthy", {}, {"order": "sequencer-last"}, marks=pytest.mark.slow),
        (MONGOOSE, "torn-erase", "healthy", {"order": "sequencer-last"}, {"guard": "crc32"}),
        (MONGOOSE, "atomic", "crashes", {}, {"record": "complete", "trial": "one-try", "image_check": "crc32"}),
        (load_design("single-record"), "atomic", "healthy", {}, {"records": 2}),
        (
            replace(HARDENED, sequencer="increasing"),
            "atomic",
            "healthy",
            {"placing": "own-then-beside"},
            {"placing": "beside"},
        ),
        (HARDENED, "unstable", "healthy", {}, {"refresh": "selected", "clear": "before-slot"}),
        (load_design("cc3200"), "torn-erase", "healthy", {"interval_in": "nowhere"}, {"store": "atomic-replace"}),
        (FIRST_BOOT, "atomic", "healthy", {"tries": 2}, {"tries": 1}),
    ],
)
def test_the_change_that_is_named_closes_it(
    design: Design, faults: str, image: str, before: dict[str, object], after: dict[str, object]
) -> None:
    """Unsafe without it, safe with it, for any number of cuts."""
    broken = replace(design, **before)  # type: ignore[arg-type]

    assert "unsafe" == verdict(broken, faults, image, budget=30)
    assert "safe" == verdict(replace(broken, **after), faults, image)  # type: ignore[arg-type]


def test_a_half_copied_file_is_kept_on_spiffs_too() -> None:
    """Two tries and a merge at first boot lose data there as well."""
    assert "unsafe" == verdict(replace(FIRST_BOOT, tries=2), "atomic", board=SPIFFS, budget=60)
    assert "safe" == verdict(FIRST_BOOT, "atomic", board=SPIFFS)


def test_blank_is_not_erased() -> None:
    """Sparing the erase of a place that reads blank kills a design whose records have no check."""
    checked = replace(MONGOOSE, image_check="crc32")

    assert "unsafe" == verdict(replace(checked, erase="unless-blank"), "weak-erase", budget=30)
    assert "safe" == verdict(checked, "weak-erase")
    assert "safe" == verdict(replace(HARDENED, erase="unless-blank"), "weak-erase")
