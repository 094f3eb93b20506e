"""The commands that prove and play: verdicts as the contract has them, ids that stand for themselves."""

from __future__ import annotations

import json

import pytest

from otalab.bench.contents import default_bundle
from otalab.bench.setup import set_up
from otalab.cli import main as cli
from otalab.errors import BadInput, OtalabError
from otalab.faults.models import FAULTS, LEFT_OUT, fault_model
from otalab.firmware.catalogue import load_design
from otalab.graph.case import Case
from otalab.graph.check import check, check_design
from otalab.graph.history import Leg
from otalab.settings import DATA


def printed(capsys, *words):
    """Run a command; return its status and what it printed."""
    status = cli.main(words)
    return status, *capsys.readouterr()


def results(capsys, *words):
    """Run check and return its status and its results."""
    status, out, _ = printed(capsys, "check", *words, "--json")
    return status, json.loads(out)["results"]


@pytest.mark.slow
def test_hardened_is_proved_for_any_number_of_cuts(capsys):
    """Every image, the union of all fault models, the default scenario: safe; and what is sad is said."""
    status, cells = results(capsys, "hardened", "--faults", "all", "--image", "all")

    assert 0 == status
    assert ["crashes", "flaky", "hangs", "healthy"] == [cell["image"] for cell in cells]
    assert {"safe"} == {cell["verdict"] for cell in cells}
    assert ["updated", "update-lost"] == cells[-1]["ends"]
    assert cells[-1]["wrecks"] > 10_000_000
    assert cells[-1]["expanded"] < 50


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["single-record", "--faults", "atomic"], ("unsafe", "bricked", 1, "switch")),
        (["mongoose", "--faults", "atomic"], ("safe", None, 0, None)),
        pytest.param(
            ["mongoose", "--faults", "torn-program", "--budget", "100"],
            ("unsafe", "bricked", 1, "switch"),
            marks=pytest.mark.slow,
        ),
        (["mongoose", "--faults", "atomic", "--image", "crashes"], ("unsafe", "stuck", 0, None)),
        (["in-place", "--faults", "atomic"], ("unsafe", "bricked", 1, "download")),
        pytest.param(
            ["hardened", "--faults", "unstable", "--budget", "100"],
            ("unsafe", "bricked", 2, "switch"),
            marks=pytest.mark.slow,
        ),
        pytest.param(["hardened-plus", "--faults", "unstable"], ("safe", None, 0, None), marks=pytest.mark.slow),
        pytest.param(["hardened-plus", "--faults", "all"], ("safe", None, 0, None), marks=pytest.mark.slow),
    ],
)
def test_the_catalogue_in_the_default_scenario(capsys, arguments, expected):
    """Each wrong design exhibits its shortest history; each right one is safe."""
    verdict, end, cuts, phase = expected
    status, (cell,) = results(capsys, *arguments)
    bad = cell["counterexample"]

    assert (verdict, 0 if verdict == "safe" else 1) == (cell["verdict"], status)
    assert end == (bad and bad["end"])
    assert cuts == len(bad["cuts"] if bad else [])
    assert phase == (bad["cuts"][0]["phase"] if cuts else None)


def test_what_several_updates_lose_without_a_cut_is_told_at_once():
    """No cut makes that way shorter: it takes a twentieth of the nodes, and the same end is at its end."""
    told = {}
    for budget in (19, 400):
        graph = check_design("mgos-boot", "atomic", "healthy", "tiny", updates=8, app_size=500, budget=budget).graph
        told[budget] = graph.verdict, graph.counterexample.end, len(graph.counterexample.cuts)
        assert graph.expanded <= 20
    assert {("unsafe", "not-updatable", 0)} == set(told.values())


def test_a_result_has_the_shape_that_others_rely_on(capsys):
    """Keys, and their order by design, faults and image."""
    _, cells = results(
        capsys,
        "single-record",
        "hardened",
        "--faults",
        "torn-program,atomic",
        "--image",
        "hangs,healthy",
        "--board",
        "tiny",
    )

    assert sorted((cell["design"], cell["faults"], cell["image"]) for cell in cells) == [
        (cell["design"], cell["faults"], cell["image"]) for cell in cells
    ]
    assert 8 == len(cells)
    assert {
        "design", "faults", "image", "verdict", "ends", "states", "transitions", "expanded", "wrecks", "seconds",
        "counterexample",
    } == set(cells[0])  # fmt: skip
    bad = next(cell["counterexample"] for cell in cells if cell["counterexample"])
    assert {"id", "end", "reason", "cuts"} == set(bad)
    assert {"run", "effect", "tear", "phase"} == set(bad["cuts"][0])


def test_an_offer_that_never_ends_is_an_endless_loop(capsys):
    """A bad image that is offered again after every rollback: update and rollback for ever, seen as `stuck`."""
    _, (cell,) = results(
        capsys, "hardened", "--faults", "atomic", "--image", "hangs", "--offer", "again", "--board", "tiny"
    )

    assert ("stuck", []) == (cell["counterexample"]["end"], cell["counterexample"]["cuts"])
    assert "and erases" in cell["counterexample"]["reason"]


def test_the_matrix_is_printed_with_what_breaks_it(capsys):
    """A table, then each cell's story and the command that plays it."""
    status, out, _ = printed(capsys, "check", "single-record", "--faults", "atomic", "--board", "tiny")
    replay = next(line for line in out.splitlines() if "otalab replay" in line).split()[-1]

    assert 1 == status
    assert "unsafe" in out and "no valid boot record" in out
    status, out, _ = printed(capsys, "replay", replay)
    assert 0 == status
    assert "THE POWER FAILS: after" in out
    assert "record 0 was" in out and "record 0 is" in out
    assert "bricked: no valid boot record" == out.splitlines()[-1]


def test_a_saved_counterexample_is_played_and_dumped(capsys, tmp_path):
    """The file holds the ids; the flash at a step, and at the end, comes as a raw image."""
    saved, dump = str(tmp_path / "found.json"), tmp_path / "flash.bin"
    printed(capsys, "check", "single-record", "--faults", "atomic", "--board", "tiny", "--save", saved)
    status, out, _ = printed(capsys, "replay", saved, "--all", "--dump", str(dump))
    what = set_up("single-record", "tiny")

    assert 0 == status
    assert what.flash.geometry.size == dump.stat().st_size
    assert b"\xff" * 84 == dump.read_bytes()[0x1000:0x1054]
    assert out.count("\n") > 150
    printed(capsys, "replay", saved, "--dump", str(dump), "--step", "0.0", "--force")
    assert what.flash.image == dump.read_bytes()


def test_an_id_with_a_file_is_given_the_file_and_refuses_another(capsys, tmp_path):
    """A digest stands for a TOML file or a bundle."""
    mine = tmp_path / "mine.toml"
    mine.write_text((DATA / "designs" / "single-record.toml").read_text().replace('"single-record"', '"mine"'))
    _, (cell,) = results(capsys, str(mine), "--faults", "atomic", "--board", "tiny")
    identity = cell["counterexample"]["id"]

    assert identity.startswith("mine@")
    assert 2 == printed(capsys, "replay", identity)[0]
    assert 0 == printed(capsys, "replay", identity, "--design", str(mine))[0]
    mine.write_text(mine.read_text() + "\n# changed\n")
    status, _, err = printed(capsys, "replay", identity, "--design", str(mine))
    assert 2 == status
    assert "is not the design file" in err

    bundle = tmp_path / "fw.zip"
    bundle.write_bytes(default_bundle(set_up("hardened", "tiny").device.board, "7", 700))
    arguments = ["single-record", "--faults", "atomic", "--board", "tiny", "--bundle", str(bundle)]
    identity = results(capsys, *arguments)[1][0]["counterexample"]["id"]
    assert 2 == printed(capsys, "replay", identity)[0]
    assert 0 == printed(capsys, "replay", identity, "--bundle", str(bundle))[0]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["check"], "no design was named"),
        (["check", "nonsense"], "design 'nonsense' is unknown"),
        (["check", "hardened", "--faults", "nonsense"], "nonsense"),
        (["check", "hardened", "--image", "nonsense"], "image 'nonsense' is unknown"),
        (["check", "hardened", "--budget", "0"], "at least one node"),
        (
            ["check", "hardened", "mongoose", "--faults", "atomic", "--board", "tiny", "--graph", "x.npz"],
            "a single cell",
        ),
        (["replay", "nonsense"], "is no file, no link and no id"),
        (["replay", "hardened/tiny/atomic/healthy/until-taken/x"], "no part of a history"),
        (["replay", "hardened/tiny/atomic/healthy/until-taken/-.99999.after,-"], "does not happen"),
        (["replay", "hardened/tiny/atomic/healthy/until-taken/-.5.nonsense,-"], "no tear"),
        (["replay", "hardened/tiny/atomic/healthy/never/-"], "offer 'never' is unknown"),
        (["replay", "hardened/tiny/atomic/healthy/until-taken/-.5.before"], "ends in a cut"),
        (["replay", __file__], "holds no counterexamples"),
        (["replay", "hardened/tiny/atomic/healthy/until-taken/-,-", "--dump", "x", "--step", "9.9"], "--step"),
    ],
)
def test_bad_input_is_one_line_and_status_2(capsys, arguments, complaint, tmp_path, monkeypatch):
    """What, where, and the way out."""
    monkeypatch.chdir(tmp_path)
    status, _, err = printed(capsys, *arguments)

    assert (2, 1) == (status, err.count("\n"))
    assert complaint in err
    assert [] == list(tmp_path.iterdir())


def test_every_fault_model_explains_itself(capsys):
    """`--explain-faults` says what each one leaves, and what is in none of them; every matrix says that as well."""
    _, out, _ = printed(capsys, "check", "--explain-faults", "--faults", "each")
    _, matrix, _ = printed(capsys, "check", "hardened", "--faults", "atomic")

    assert all(f"{name}: " in out for name in FAULTS)
    assert all(words in " ".join(text.split()) for text in (out, matrix) for words in LEFT_OUT)


@pytest.mark.slow
@pytest.mark.parametrize(
    "design, faults, used",
    [("cc3200", "torn-erase", True), ("esp32-beside", "torn-bits", False), ("mongoose", "torn-bits", False)],
)
def test_the_second_kind_of_tear_is_not_hidden_by_a_thousand_of_the_first(design, faults, used):
    """A design that one of them breaks is unsafe, though the budget ends long before all were followed."""
    cell = check_design(design, faults, board="tiny", used=used, budget=200, app_size=3000)

    assert ("unsafe", False) == (cell.verdict, cell.graph.closed)
    assert 1 == len(cell.graph.counterexample.cuts)


class Dead:
    """A fault model without a tear."""

    name = "dead"
    members = ("dead",)
    shares = (1.0,)

    def tears(self, *_):
        return iter(())

    def count(self, *_):
        return 0


class Impatient(Dead):
    """Somebody presses Ctrl-C as soon as the first tear is asked for."""

    def tears(self, *_):
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    "faults, raised, said", [(Dead(), OtalabError, "not one cut"), (Impatient(), KeyboardInterrupt, "^$")]
)
def test_a_search_that_fires_no_cut_says_nothing(faults, raised, said):
    """A harness can be dead: zero is an error, not a proof; broken off by hand, it is an interrupt."""
    what = set_up("hardened", "tiny", app_size=300)
    with pytest.raises(raised, match=said):
        check(Case("hardened", "tiny", "dead", "healthy", "until-taken"), what, faults)


def test_legs_and_their_texts_are_inverse():
    """An id can be read back."""
    legs = (Leg("01", 12, "prefix-3"), Leg(), Leg("1"))

    assert [leg.text for leg in legs] == ["01.12.prefix-3", "-", "1"]
    assert [(leg.choices, leg.step, leg.tear) for leg in legs] == [
        (leg.choices, leg.step, leg.tear) for leg in (Leg.parse(leg.text) for leg in legs)
    ]
    with pytest.raises(BadInput):
        Leg.parse("1.2")


@pytest.mark.slow
def test_sixteen_bits_can_be_seen_to_fail():
    """An n-bit check of sixteen bits accepts what an erase can leave; one of thirty-two does not."""
    from dataclasses import replace  # noqa: PLC0415  # for this test alone

    weak = replace(load_design("hardened"), name="weak", guard="crc16")
    case = Case("weak", "tiny", "torn-erase", "healthy", "until-taken")
    graph = check(case, set_up(weak, "tiny", app_size=300), fault_model("torn-erase"), budget=300).graph

    assert "unsafe" == graph.verdict
    assert 1 == len(graph.counterexample.cuts)
