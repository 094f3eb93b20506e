"""What is printed can be played: the line as it stands, and the saved file by itself, whatever they were made with."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from otalab import check_design, load_design, set_up, with_part
from otalab.bench.contents import default_bundle
from otalab.bench.recording import write_recording
from otalab.bench.trace import life
from otalab.cli import main as cli
from otalab.errors import BadInput
from otalab.firmware import record_writes
from otalab.firmware.own_part import without_part
from otalab.graph.asked import questions, several, some_images
from otalab.graph.case import Case, named_design
from otalab.graph.id_options import scenario_options
from otalab.hardware.board import load_board

QUICK = ("--faults", "atomic")


@pytest.fixture
def pages(tmp_path, monkeypatch):
    """Pages of one's own: two designs of one name, one with its layout, a board; a bundle, a recording."""
    monkeypatch.chdir(tmp_path)
    board = load_board("tiny")
    single = load_design("single-record")
    for folder, text in (
        ("a", single.toml()),
        ("b", single.toml().replace('guard = "crc32"', 'guard = "crc16"')),
    ):
        Path(folder).mkdir()
        Path(folder, "my design.toml").write_text(text)
    lines = "\n".join([single.toml(), "[layout]", *board.toml_lines("layout")])
    Path("own+layout.toml").write_text(lines + "\n")
    Path("board.toml").write_text("\n".join(board.toml_lines()) + "\n")
    Path("fw.zip").write_bytes(default_bundle(board, "7", 700))
    write_recording(life(set_up("single-record", "tiny")), "update.csv")
    return tmp_path


def printed(capsys, *words):
    status = cli.main(list(words))
    return status, *capsys.readouterr()


MADE_WITH = {
    "a name": ("check", "single-record", "--board", "tiny"),
    "a part and its worst times": (
        "check",
        "single-record",
        "--board",
        "tiny",
        "--part",
        "W25Q80DL",
        "--timing",
        "max",
    ),
    "a page": ("check", "a/my design.toml", "--board", "tiny"),
    "a layout": ("check", "own+layout.toml"),
    "a board": ("check", "single-record", "--board", "board.toml"),
    "a bundle": ("check", "single-record", "--board", "tiny", "--bundle", "fw.zip"),
    "all of them": ("check", "a/my design.toml", "--board", "board.toml", "--bundle", "fw.zip", "--used"),
    "a recording": ("explore-recording", "update.csv", "--design", "single-record", "--board", "tiny"),
    "a recording of a page": (
        "explore-recording",
        "update.csv",
        "--design",
        "own+layout.toml",
        "--board",
        "board.toml",
    ),
}


@pytest.mark.parametrize("words", MADE_WITH.values(), ids=MADE_WITH)
def test_the_line_that_is_printed_plays_as_it_stands(capsys, pages, words):
    """With every file that it was made with, and to the same end."""
    _, out, _ = printed(capsys, *words, *QUICK)
    (line,) = (one for one in out.splitlines() if one.strip().startswith("otalab replay"))
    end = next(one for one in out.splitlines() if "a counterexample has" in one or "the shortest" in one)
    status, played, err = printed(capsys, *shlex.split(line)[1:])

    assert (0, "") == (status, err)
    assert end.split(";")[0].strip() == played.splitlines()[-1].split(";")[0]


def test_the_saved_file_plays_by_itself_with_two_designs_of_one_name(capsys, pages, monkeypatch):
    """Each is told by its file, wherever the play is called from; a page that was changed since is not taken for it."""
    names = ("a/my design.toml", "b/my design.toml")
    printed(capsys, "check", *names, "--board", "board.toml", *QUICK, "--save", "found.json")
    found = json.loads(Path("found.json").read_text())["counterexamples"]
    assert 2 == len({one["id"] for one in found})
    assert sorted(names) == sorted(one["files"]["design"] for one in found)
    assert 0 == printed(capsys, "replay", "found.json")[0]
    monkeypatch.chdir("a")
    assert 0 == printed(capsys, "replay", "../found.json")[0]
    Path("my design.toml").write_text("# changed\n" + Path("my design.toml").read_text())
    status, _, err = printed(capsys, "replay", "../found.json")
    assert (2, True) == (status, "is not the design file my design@" in err)


REFUSED = {
    "--step 0.1": "goes with --dump",
    "--design own+layout.toml": "no history here was made with it: leave it out",
    "--bundle fw.zip": "no history here was made with it: leave it out",
    "--recording update.csv": "no history here was made with it: leave it out",
    "--new 2:1:100": "no history here was made with it: leave it out",
}


@pytest.mark.parametrize("options", REFUSED)
def test_a_file_that_nothing_was_made_with_is_refused(capsys, pages, options):
    """It would have no effect."""
    identity = "single-record/tiny/atomic/healthy/until-taken/-.5.before,-"
    status, out, err = printed(capsys, "replay", identity, *options.split())
    assert (2, "") == (status, out)
    assert REFUSED[options] in err


def test_one_flash_is_written_of_one_history(capsys, pages):
    """The second would replace the first."""
    printed(capsys, "check", "single-record", "in-place", "--board", "tiny", *QUICK, "--save", "found.json")
    status, _, err = printed(capsys, "replay", "found.json", "--dump", "flash.bin")
    assert (2, True, False) == (status, "--dump takes one" in err, Path("flash.bin").exists())


def test_an_id_and_its_case_are_inverse():
    """Part and times are in it, if they are not the board's own."""
    case = Case(
        "mine@12",
        "tiny",
        "all",
        "flaky:0.3",
        "once",
        "ab12",
        used=True,
        part="GD25Q16",
        timing="max",
        updates=3,
        options=(("app", "4096"), ("health", "0.5")),
    )
    assert "mine@12/tiny:part=GD25Q16:max+ab12/all/flaky:0.3/once:used:3:app=4096:health=0.5" == case.text
    assert case == Case.parse(f"{case.text}/-")[0]
    with pytest.raises(BadInput, match="only :part=NAME and :max"):
        Case.parse("hardened/tiny:min/all/healthy/once/-")


OWN_TIMES = {"app_size": 3000, "health_seconds": 0.5, "commit_timeout": 7, "operator_commits_after": 3.25}


@pytest.mark.parametrize("board", ["tiny", "lab-1M"])
@pytest.mark.parametrize("name", [None, *OWN_TIMES])
def test_what_a_check_in_python_was_asked_is_in_its_id(name, board, capsys):
    """A size or a time that was set otherwise plays elsewhere, and sets up the same device."""
    options = {name: OWN_TIMES[name]} if name else OWN_TIMES
    cell = check_design("single-record", "atomic", "healthy", board, budget=4, **options)
    bad = cell.graph.counterexample
    case, _ = Case.parse(identity := cell.case.identity(bad))

    assert set_up("single-record", board, **options) == set_up("single-record", board, **scenario_options(case.options))
    assert 0 == cli.main(["replay", identity])
    assert f"{bad.end}: {bad.reason}" in capsys.readouterr().out


@pytest.mark.parametrize("word", ["app=x", "app=-1", "health=nan", "timeout=0.5", "colour=blue", "files=0123456789ab"])
def test_an_option_that_no_replay_can_set_up_is_a_line(word, capsys):
    """What, where and the way out."""
    assert 2 == cli.main(["replay", f"single-record/tiny/atomic/healthy/until-taken:{word}/-"])
    assert 1 == capsys.readouterr().err.count("\n")


def test_a_design_made_in_python_does_not_pass_for_one_of_the_catalogue(tmp_path):
    """Its id holds a digest of its page, which plays it once it is written down."""
    assert "hardened" == named_design(load_design("hardened"))
    mine = replace(load_design("hardened"), records=1)
    found = check_design(mine, "atomic", board="tiny")
    identity = found.case.identity(found.graph.counterexample)
    assert identity.startswith("hardened@")
    page = tmp_path / "hardened.toml"
    page.write_text(mine.toml())
    assert 0 == cli.main(["replay", identity, "--design", str(page)])


@pytest.mark.slow
def test_a_function_of_ones_own_plays_where_it_is_known(tmp_path, capsys):
    """With the page of its design, under whatever name; elsewhere the line says where that is."""

    def program_only(chip, design, place, data):
        yield from record_writes.program_record(chip, design, place, data)
        return True

    for board in (None, "esp8266-4M"):
        mine = with_part(load_design("hardened"), "write", program_only)
        found = check_design(mine, "atomic", board=board)
        identity = found.case.identity(found.graph.counterexample)
        page = tmp_path / "another name.toml"
        page.write_text(mine.toml())
        assert 0 == printed(capsys, "replay", identity, "--design", str(page))[0]
        without_part("write", "program_only")
        status, out, err = printed(capsys, "replay", identity, "--design", str(page))
        assert (2, "", 1) == (status, out, err.count("\n"))
        assert "'program_only'" in err
        assert "plays in the Python that has it" in err


def test_a_repaired_design_has_a_name_of_its_own(capsys, pages):
    """And says what was changed; it is safe, as it was told."""
    printed(capsys, "repair", "single-record", "--board", "tiny", *QUICK, "--save", "mended.toml")
    mended = load_design("mended.toml")
    assert "single-record-repaired" == mended.name
    assert "single-record with records.count: 1 → 2" == mended.summary
    assert 0 == printed(capsys, "check", "mended.toml", "--board", "tiny", *QUICK)[0]


def test_everything_is_looked_at_before_the_first_cell():
    """The last name is as good as the first; each is asked once, and `each` is every one of both kinds."""
    with pytest.raises(BadInput, match="hardend"):
        questions(["single-record", "hardend"])
    with pytest.raises(BadInput, match="atomc"):
        questions(["single-record"], ["atomic", "atomc"])
    with pytest.raises(BadInput, match="image 'ill'"):
        questions(["single-record"], images=["healthy", "ill"])
    with pytest.raises(BadInput, match="budget 0"):
        questions(["single-record"], budget=0)
    assert ("a", "b") == several("a, b,a", ("c",))
    assert some_images("each") == some_images("all") == several("each", some_images("all"))
    assert 1 == len(questions(["single-record", "single-record"]))
