"""A history that is saved plays elsewhere, with what it was made with, and leaves the same bytes."""

import shutil
import subprocess
import sys

import pytest

from otalab import load_design
from otalab.bench.contents import default_bundle
from otalab.hardware.board import load_board
from otalab.views.player.widget import UpdatePlayer

# Plays every history of a folder, and keeps the flash after its cut and at its end.
PLAYS = """
import sys
from pathlib import Path
from otalab.cli.main import main
for place in sorted(Path.cwd().glob("*/history.json")):
    for name, words in (("cut", ["--step", "1.0"]), ("end", [])):
        assert 0 == main(["replay", str(place), "--dump", str(place.with_name(name + ".bin")), *words])
"""


def own_pages(folder, board):
    """
    Write a design of one's own, one with its layout, and a bundle.
    """
    single, laid_out = load_design("single-record"), load_board(board)
    (folder / "mine.toml").write_text(single.toml().replace('"single-record"', '"mine"', 1))
    lines = [single.toml().replace('"single-record"', '"laid-out"', 1), "[layout]", *laid_out.toml_lines("layout")]
    (folder / "laid out.toml").write_text("\n".join(lines) + "\n")
    (folder / "fw.zip").write_bytes(default_bundle(laid_out, "7", 700))


MADE_WITH = {
    "a design": lambda board: UpdatePlayer("mine.toml", board, faults="atomic"),
    "a layout": lambda _board: UpdatePlayer("laid out.toml", faults="atomic"),
    "a size": lambda board: UpdatePlayer("single-record", board, faults="atomic", app_size=3000),
    "a bundle": lambda board: UpdatePlayer("single-record", board, faults="atomic", bundle="fw.zip"),
    "all of them": lambda _board: UpdatePlayer("laid out.toml", faults="atomic", app_size=3000, bundle="fw.zip"),
}


@pytest.mark.parametrize("board", ["tiny", pytest.param("lab-1M", marks=pytest.mark.slow)])
def test_a_saved_history_leaves_the_same_bytes_elsewhere(tmp_path, monkeypatch, board):
    """
    A design of one's own, a layout, a size, a bundle: each by itself in another folder, played by another process.
    """
    made, elsewhere = tmp_path / "made", tmp_path / "elsewhere"
    made.mkdir()
    monkeypatch.chdir(made)
    own_pages(made, board)
    flashes = {}
    for name, player_of in MADE_WITH.items():
        player = player_of(board)
        player.goto("switch")
        player.cut("before")
        player.goto("cut")
        (elsewhere / name).mkdir(parents=True)
        player.save(elsewhere / name / "history.json")
        for page in ("mine.toml", "laid out.toml", "fw.zip"):
            shutil.copy(page, elsewhere / name)
        flashes[name] = player.flash.image, player.life.played[-1].flash.image
    monkeypatch.chdir(elsewhere)
    shutil.rmtree(made)
    ran = subprocess.run([sys.executable, "-c", PLAYS], capture_output=True, text=True, check=False)

    assert (0, "") == (ran.returncode, ran.stderr)
    for name, (cut, end) in flashes.items():
        there = elsewhere / name
        assert (cut, end) == ((there / "cut.bin").read_bytes(), (there / "end.bin").read_bytes()), name
        assert cut != end, name
