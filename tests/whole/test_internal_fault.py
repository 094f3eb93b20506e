"""A fault of the lab itself: told with the history that led to it, status 3, and everything else goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from otalab.bench.setup import set_up
from otalab.bench.trace import every_run, run
from otalab.cli.main import main
from otalab.errors import InternalFault
from otalab.firmware import bootloader
from otalab.firmware.bootloader import roll_back
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.formats.records.record import BootConfig
from otalab.hardware.effects import Routine
from otalab.numbers import study

QUICK = ("--board", "tiny", "--faults", "atomic")
# The second start of an image on trial is given up: the first one was cut once its try was noted.
ID = "hardened/tiny/atomic/healthy/until-taken/-,-.1.after,-"
WHAT = "IndexError: planted (test_internal_fault.py:"


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant a loader that goes wrong when it rolls back, where there are two records: that needs a cut in a trial."""

    def goes_wrong(chip: Controller, design: Design, config: BootConfig, reason: str) -> Routine[BootConfig]:
        if design.records == 2:
            raise IndexError("planted")
        return (yield from roll_back(chip, design, config, reason))

    monkeypatch.setattr(bootloader, "roll_back", goes_wrong)
    # What was explored with the right loader says nothing of this one, and the other way round.
    monkeypatch.setattr(study, "_explored", {})


def test_a_run_that_raises_is_an_internal_fault() -> None:
    """With what happened, where, and what chance had decided."""
    what = set_up("hardened", "tiny", image="hangs")
    begun = run(what)
    with pytest.raises(InternalFault, match="IndexError: planted") as caught:
        list(every_run(what, begun.flash, begun.world))
    assert "-" == caught.value.history


def test_a_check_tells_the_history_and_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    """The cell has no answer, the next one has its own; and the history, played, goes wrong in the same way."""
    assert 3 == main(["check", "hardened", "single-record", *QUICK, "--json"])
    out, err = capsys.readouterr()
    lost, other = json.loads(out)["results"]

    assert ("hardened", "open", None) == (lost["design"], lost["verdict"], lost["counterexample"])
    assert lost["internal_fault"]["what"].startswith(WHAT)
    assert ID == lost["internal_fault"]["id"]
    assert lost["internal_fault"]["id"] in err
    assert ("single-record", "unsafe") == (other["design"], other["verdict"])
    assert 3 == main(["replay", lost["internal_fault"]["id"]])
    assert WHAT in capsys.readouterr().err


def test_a_check_says_so_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    """In the table, and below it with the command that plays the history."""
    assert 3 == main(["check", "hardened", *QUICK])
    out, err = capsys.readouterr()

    assert "no answer: internal fault" in out
    assert f"otalab replay {ID}" in out
    assert f"otalab: internal fault: {WHAT}" in err


def test_a_risk_has_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    """Of half a graph nobody computes a probability."""
    assert 3 == main(["risk", "hardened", *QUICK, "--rate", "1"])
    out, err = capsys.readouterr()

    assert "" == out
    assert f"after the history {ID}" in err


def test_a_recording_is_explored_by_the_same_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The loader is the lab's own."""
    recording = str(tmp_path / "update.csv")
    assert 0 == main(["trace", "hardened", "--board", "tiny", "--record", recording])
    capsys.readouterr()

    assert 3 == main(["explore-recording", recording, "--design", "hardened", *QUICK])
    assert "recording-" in capsys.readouterr().err


def test_a_repair_goes_on_with_the_next_set(capsys: pytest.CaptureFixture[str]) -> None:
    """With two records the lab goes wrong: that set is undecided, and nobody says that none is enough."""
    assert 3 == main(["repair", "single-record", *QUICK, "--most", "1", "--limit", "6", "--json"])
    out, err = capsys.readouterr()
    found = json.loads(out)

    assert ["records.count: 1 → 2"] in found["undecided"]
    assert "with records.count: 1 → 2" in err


def test_a_report_keeps_what_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The design that the lab goes wrong with says so, the other one has its whole part."""
    page = tmp_path / "review.html"
    small = ("--image", "healthy", "--repair", "0", "--rate", "1", "--parts", "W25Q16JV", "-o", str(page))
    assert 3 == main(["report", "hardened", "single-record", *QUICK, *small])
    text, err = page.read_text(), capsys.readouterr().err

    assert "The lab itself went wrong with this design" in text
    assert "single-record: verdicts" in text
    assert "hardened: verdicts" not in text
    assert f"otalab report: hardened: internal fault: {WHAT}" in err


def test_a_report_of_nothing_is_not_written(tmp_path: Path) -> None:
    """Where the lab goes wrong with every design there is nothing to keep."""
    page = tmp_path / "review.html"
    assert 3 == main(["report", "hardened", *QUICK, "--image", "healthy", "--repair", "0", "-o", str(page)])
    assert not page.exists()
