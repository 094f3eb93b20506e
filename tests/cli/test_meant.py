"""A name that nobody knows is told with what is known, and with what was likely meant; in Python as on the line."""

import pytest

from otalab import check_design, set_up
from otalab.cli import main as cli
from otalab.errors import OtalabError
from otalab.firmware.catalogue import load_design
from otalab.hardware.part import parts

MISSPELT = {
    "chek hardened": "did you mean check?",
    "bundle bild": "did you mean build?",
    "check hardened --bord tiny": "otalab check: --bord: there is no such option; did you mean --board?",
    "fleet serve --device 3 --brokr x:1": "fleet serve: --brokr: there is no such option; did you mean --broker?",
    "check hardend": "did you mean hardened?",
    "check hardened --faults atomc": "did you mean atomic?",
    "check hardened --image helthy": "did you mean healthy?",
    "check hardened --board esp8266-4m": "did you mean esp8266-4M?",
    "check hardened --timing tpy": "did you mean typ?",
    "check hardened --offer onec": "did you mean once?",
    "trace hardened --part W25Q16V": "did you mean W25Q16JV?",
    "inspect README.md --format mongose": "did you mean mongoose?",
    "check ./hardened": "./hardened: no such file",
    "check hardened --board boards/tiny": "boards/tiny: no such file",
    "check README.md": "README.md: the name of a file of TOML ends in .toml",
    "designs hardened": "otalab designs: hardened: is one too many",
}


@pytest.mark.parametrize("words", MISSPELT)
def test_what_was_likely_meant_is_asked(words, capsys, tmp_path, monkeypatch):
    """One line, status 2: of a command, an option, a value, a name; and a path that is not there is no name."""
    (tmp_path / "README.md").write_text("no TOML")
    monkeypatch.chdir(tmp_path)
    try:
        status = cli.main(words.split())
    except SystemExit as ended:
        status = ended.code
    said = capsys.readouterr()

    assert (2, "", 1) == (status, said.out, said.err.count("\n"))
    assert MISSPELT[words] in said.err


NONSENSE = {
    "bundle": ("fw.zip", 5),
    "image": (None, 5, ""),
    "files": ({"x": "text"}, {5: b""}, 5, ["x"]),
    "board": (3, ["tiny"]),
    "design": (None, 3),
    "used": ("yes", 1, None),
    "app_size": (-1, 1.5, "1", True),
    "commit_timeout": (-1, float("nan"), 2**40),
    "health_seconds": (-1, float("nan"), "1"),
    "imge": ("healthy",),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_python_is_told_in_words_too(name):
    """No option of a scenario reaches the lab unlooked at: what cannot be is a complaint that names it."""
    for value in NONSENSE[name]:
        with pytest.raises(OtalabError, match=name):
            set_up(**{"board": "tiny", name: value})


@pytest.mark.parametrize(
    "option, value",
    [*(("budget", one) for one in (0, -1, 1.5, "9", None, True)), *(("faults", one) for one in (3, None, ["atomic"]))],
)
def test_a_check_in_python_is_asked_for_what_can_be(option, value):
    """And not told by an exception of Python's in the middle of a search."""
    with pytest.raises(OtalabError, match=option.removesuffix("s")):
        check_design("hardened", **{"faults": "atomic", "board": "tiny", option: value})


LACKING = [one for one in parts().values() if not dict(one.row)["erase_max_ms"]]


@pytest.mark.parametrize("chip", LACKING, ids=lambda chip: chip.name)
def test_a_time_that_the_table_lacks_is_missed_before_the_search(chip, capsys):
    """It is no fault of the lab, and the line says what to take."""
    assert 2 == cli.main(["check", "hardened", "--part", chip.name, "--timing", "max"])
    assert f"{chip.name}: no erase_max_ms" in capsys.readouterr().err or chip.sector_size != 4096


def test_a_page_that_was_changed_is_read_again(tmp_path):
    """Whoever edits a design beside an open notebook gets the new one."""
    page = tmp_path / "mine.toml"
    page.write_text('name = "first"\nsummary = "one"\n')
    assert "first" == load_design(str(page)).name
    page.write_text('name = "second"\nsummary = "two"\n')
    assert "second" == load_design(str(page)).name


@pytest.mark.parametrize(
    "kept, where",
    [
        (0, "its 0 bytes end before its manifest"),
        (60, "before its manifest"),
        (3000, "in its part app"),
    ],
)
def test_a_bundle_that_is_cut_off_is_told_with_what_it_lacks(kept, where, tmp_path, capsys):
    """`Update aborted` is what a device says; whoever has the file is told where it ends."""
    file = tmp_path / "fw.zip"
    file.write_bytes(set_up("mongoose", "tiny").bundle[:kept])
    assert 2 == cli.main(["trace", "mongoose", "--board", "tiny", "--bundle", str(file)])
    assert where in capsys.readouterr().err
