"""Repairs: the smallest changes that are enough, proved; and an honest answer where there are none."""

from __future__ import annotations

import json

import pytest

from otalab.bench.options import ScenarioOptions
from otalab.cli import main as cli
from otalab.errors import BadInput
from otalab.firmware.catalogue import checked, load_design, read_design
from otalab.firmware.design import choices
from otalab.graph.check import check_design
from otalab.graph.judge import Judge
from otalab.graph.repair import Change, changed, repair, sets
from otalab.settings import Settings

THREE = "records.format: mongoose → complete; records.guard: none → crc32; boot.trial: timer → one-try"
TWO = "records.guard: none → crc32; boot.trial: timer → switch-back"
IMAGES = ("healthy", "hangs", "crashes", "flaky")


def test_a_single_record_needs_a_second_one():
    """One change is enough, and it is the first that is tried."""
    found = repair("single-record", ("torn-erase",), IMAGES, "tiny")

    assert ("found", 1, 1) == (found.outcome, found.size, found.tried)
    assert (Change("records", 1, 2),) == found.suggestions[0].changes
    assert "one change is enough" == found.text


@pytest.mark.slow
def test_the_published_design_needs_a_guard_and_an_own_way_back():
    """Two changes: a CRC-32, and an image that switches back in flash first of all; one alone is not enough."""
    found = repair("mongoose", images=IMAGES, board="tiny")

    assert TWO == found.suggestions[0].text
    assert "2 changes are enough, and no fewer: every smaller set was tried, and broken" == found.text
    assert {("all", image) for image in IMAGES} == {(one.faults, one.image) for one in found.suggestions[0].proofs}


@pytest.mark.slow
def test_a_loader_that_tries_once_needs_a_record_that_can_say_so():
    """Where an image cannot switch back, three changes: a CRC-32, one try, and the record that has a field for it."""
    few = {name: choices()[name] for name in ("record", "guard", "write", "image_check", "downgrade")}
    found = repair("mongoose", ("torn-program",), IMAGES, "tiny", choices=few | {"trial": ("none", "timer", "one-try")})

    assert THREE == found.suggestions[0].text
    assert "3 changes are enough, and no fewer: every smaller set was tried, and broken" == found.text


@pytest.mark.slow
def test_what_was_found_first_gives_way_to_something_smaller():
    """The usual changes are tried first, and the search goes on below their size; cut off there, it says so."""
    unusual = {"record": ("mongoose", "complete"), "guard": ("none", "crc32", "crc16"), "trial": ("timer", "one-try")}
    cut_off = repair("mongoose", ("torn-program",), IMAGES, "tiny", choices=unusual, limit=5)

    assert (3, False) == (cut_off.size, cut_off.smallest)
    assert "whether fewer are is not known" in cut_off.text


@pytest.mark.slow
def test_what_is_suggested_is_safe_when_it_is_checked_anew():
    """A suggestion is a design whose every cell `check` proves, with the states and wrecks that stand beside it."""
    (one,) = repair("mongoose", board="tiny").suggestions

    for proof in one.proofs:
        graph = check_design(one.design, proof.faults, proof.image, "tiny").graph
        assert ("safe", graph.nodes, graph.wrecks) == (proof.verdict, proof.states, proof.wrecks)


def test_a_safe_design_has_nothing_to_repair():
    """And nothing is tried."""
    found = repair("hardened", faults=("atomic",), board="tiny")

    assert ("safe", 0, ()) == (found.outcome, found.tried, found.suggestions)


def test_none_is_enough_is_said_only_when_all_were_tried_and_broken():
    """With a table that lacks what helps, every set is broken; with a limit, that is not known."""
    few = {name: choices()[name][:2] for name in ("merge_fault", "downgrade")}
    none = repair("single-record", faults=("atomic",), board="tiny", choices=few)
    limited = repair("single-record", faults=("atomic",), board="tiny", choices=few, limit=2)

    assert ("none", 3, 2) == (none.outcome, none.tried, none.size)
    assert "no set of up to 2 changes is enough: all 3 were tried, and each was broken" == none.text
    assert ("limit", 2) == (limited.outcome, limited.tried)
    assert "more --limit" in limited.text


@pytest.mark.slow
def test_a_graph_that_does_not_close_is_neither_proved_nor_broken():
    """A budget too small for a proof leaves the set undecided, and then nobody says that none is enough."""
    found = repair("single-record", faults=("all",), board="tiny", choices={"records": (1, 2)}, budget=4)

    assert ("undecided", 1) == (found.outcome, len(found.undecided))
    assert "more --budget" in found.text


def test_contradictions_are_skipped_by_the_rule_that_refuses_them_in_a_file(tmp_path):
    """One try without a record that has a field for it is in no set, and the message is the same."""
    mongoose = load_design("mongoose")
    wrong = changed(mongoose, [Change("trial", "timer", "one-try")])
    file = tmp_path / "wrong.toml"
    file.write_text(wrong.toml())

    assert [] == [one for one in sets(mongoose, 1) if one[0].new == "one-try"]
    assert [] != [one for one in sets(mongoose, 2) if "one-try" in {change.new for change in one}]
    with pytest.raises(BadInput, match="the loader cannot note a try in this format"):
        checked(wrong)
    with pytest.raises(BadInput, match="the loader cannot note a try in this format"):
        read_design(Settings.load(file))


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_set_is_there_once(size):
    """Each changes as many different choices as it should, to other values, without contradiction."""
    mongoose = load_design("mongoose")
    every = sets(mongoose, size)

    assert len(every) == len(set(every)) > 0
    for one in every:
        assert size == len({change.choice for change in one})
        assert all(change.old != change.new for change in one)
        assert checked(changed(mongoose, one)) != mongoose


def test_somebody_who_interrupts_is_given_what_was_found(monkeypatch):
    """The first suggestion stays; without one, the answer says that it was interrupted."""
    asked = Judge.verdict

    def impatient(judge, design):
        if design.records == 2:
            raise KeyboardInterrupt
        return asked(judge, design)

    monkeypatch.setattr(Judge, "verdict", impatient)
    found = repair("single-record", faults=("atomic",), board="tiny")

    assert ("interrupted", ()) == (found.outcome, found.suggestions)


@pytest.mark.slow
def test_a_search_that_stops_at_the_first_bad_end_agrees_with_one_that_does_not():
    """Broken and proved are the same for the judge as for `check`, in every cell of some designs."""
    for name in ("single-record", "mongoose", "hardened", "in-place"):
        for image in ("healthy", "crashes"):
            judge = Judge(ScenarioOptions(board="tiny"), (("torn-erase", image),), 40)
            whole = check_design(name, "torn-erase", image, "tiny", budget=40).graph.verdict
            assert whole == judge.verdict(load_design(name)), (name, image)


@pytest.mark.slow
def test_the_command_says_it_and_writes_the_design(capsys, tmp_path):
    """Status 0 with a repair, and the file is a design that check finds safe; 1 without one."""
    mended = str(tmp_path / "mended.toml")
    words = ["repair", "single-record", "--board", "tiny", "--faults", "atomic"]

    assert 0 == cli.main([*words, "--save", mended])
    assert "records.count: 1 → 2" in capsys.readouterr().out
    assert 0 == cli.main(["check", mended, "--board", "tiny", "--faults", "atomic"])
    capsys.readouterr()
    assert 1 == cli.main(
        [*words, "--limit", "1", "--image", "crashes", "--most", "1", "--faults", "unstable", "--json"]
    )
    told = json.loads(capsys.readouterr().out)
    assert ("limit", []) == (told["outcome"], told["suggestions"])


def test_nonsense_is_one_line(capsys):
    """A repair without a change, or with an unknown fault model."""
    assert 2 == cli.main(["repair", "single-record", "--most", "0"])
    assert 2 == cli.main(["repair", "single-record", "--faults", "nonsense"])
    assert 2 == capsys.readouterr().err.count("\n")
