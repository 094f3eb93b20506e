"""A trace adds up, and the commands print what it holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from otalab import life, run, set_up
from otalab.bench.trace import by_phase, words
from otalab.cli import main as cli
from otalab.firmware.outcome import Running
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import Flash
from otalab.views.figures.sectors import phase_table, plot_phases, plot_sectors, sector_table, trace_table

FIXTURES = Path(__file__).parents[3] / "shared" / "fixtures"
REAL = {
    "esp8266-4M": ("esp8266-mel-ac-homekit-1.0.4.zip", 847936),
    "esp32-4M": ("esp32-demo-js-1.0.zip", 1542704),
}


def fixture(board: str) -> Path:
    """Return the path of a real bundle for a board."""
    path = FIXTURES / REAL[board][0]
    if not path.is_file():
        pytest.skip(f"no {path.name} beside the checkout")
    return path


def test_a_run_gives_the_steps_of_a_phase() -> None:
    """
    The switch is an erase and a program; the phases together are the whole run, in order within each.
    """
    taken = run(set_up("hardened", "tiny"))
    phases = dict.fromkeys(step.phase for step in taken.steps)

    assert [Erase, Program] == [type(step.effect) for step in taken.during("switch")]
    assert list(taken.steps) == sorted(
        (step for name in phases for step in taken.during(name)), key=lambda one: one.number
    )
    assert [] == taken.during("rollback")


def test_the_durations_are_the_datasheets_and_the_networks() -> None:
    """45 ms an erase, 0.4 ms a page, 100 kB/s, 1 s boot, 5 s health check, and the timer's 60 s from its start."""
    what = set_up("mongoose")
    update, trial = life(what).runs
    erases = sum(isinstance(step.effect, Erase) for step in update.steps)
    programs = sum(isinstance(step.effect, Program) for step in update.steps)
    pieces = sum(step.seconds for step in update.steps if words(step.effect).startswith("ask: piece"))

    assert len(what.bundle) / 100_000 == pytest.approx(pieces, rel=0.02)
    assert 1 + erases * 0.045 + programs * 0.0004 + pieces + 0.1 == pytest.approx(update.seconds)
    assert 60 == pytest.approx(trial.seconds)


def test_the_default_update_is_some_1400_effects() -> None:
    """80 sectors, 1,280 pages, the merge and two records; as many as the design's figures rest on."""
    phases = by_phase(life(set_up("mongoose")))

    assert (80, 1280) == (phases["download"]["erases"], phases["download"]["programs"])
    assert (1, 1) == (phases["switch"]["erases"], phases["switch"]["programs"])
    assert 1400 < len(run(set_up("mongoose")).steps) < 1500


@pytest.mark.parametrize("design", ["mongoose", "hardened"])
@pytest.mark.parametrize("board", REAL)
def test_a_real_bundle_goes_in_byte_for_byte(board: str, design: str) -> None:
    """The new version runs from the other partition, committed, and the slot holds what the bundle held."""
    import zipfile  # noqa: PLC0415  # an independent reader, for this test alone

    path, size = fixture(board), REAL[board][1]
    # Without files of its own the device has none to carry over.
    what = set_up(design, board, bundle=path.read_bytes(), files={})
    last = life(what).last
    slot = what.device.board.slots[1]
    with zipfile.ZipFile(path) as archive:
        held = {entry.file_size: archive.read(entry) for entry in archive.infolist()}

    assert Running(1, what.new.version, True) == last.outcome
    assert held[size] == last.flash.read(slot.app.address, size)
    assert held[slot.fs.size] == last.flash.read(slot.fs.address, slot.fs.size)


def test_a_real_bundle_that_hangs_is_rolled_back() -> None:
    """The old version runs, from the slot that nobody touched."""
    board = "esp8266-4M"
    what = set_up("mongoose", board, bundle=fixture(board).read_bytes(), image="hangs")

    assert Running(0, "1", True) == life(what).last.outcome


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Run a command; return its status and what it printed."""
    status = cli.main(words)
    return status, *capsys.readouterr()


def test_trace_prints_a_table_that_ends_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """One row per effect, then the phases, the log, and the end."""
    status, out, _ = printed(capsys, "trace", "mongoose", "--board", "tiny")

    assert 0 == status
    assert "switch    erase sector 2" in out
    assert "updated: version 2 runs from slot 1 and is committed" in out.splitlines()[-1]


def test_trace_says_plainly_that_a_device_reboots_for_ever(capsys: pytest.CaptureFixture[str]) -> None:
    """A crash before the timer fires has no way back in the published design."""
    _, out, _ = printed(capsys, "trace", "mongoose", "--image", "crashes", "--board", "tiny", "--summary")

    assert "stuck: it reboots for ever: version 2 crashed" in out


@pytest.mark.parametrize("image", ["healthy", "hangs", "crashes", "flaky:0.3"])
def test_json_is_one_object_that_agrees_with_itself(capsys: pytest.CaptureFixture[str], image: str) -> None:
    """Nothing else goes to standard output, and the phases are the sums of the effects."""
    status, out, _ = printed(capsys, "trace", "hardened", "--image", image, "--json")
    told = json.loads(out)

    assert 0 == status
    assert told["seconds"] == pytest.approx(sum(row["seconds"] or 0 for row in told["effects"]))
    assert told["seconds"] == pytest.approx(sum(phase["seconds"] for phase in told["phases"].values()))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["trace", "nonsense"], "design 'nonsense' is unknown; one of: "),
        (["trace", "mongoose", "--board", "no"], "board 'no' is unknown"),
        (["trace", "mongoose", "--part", "no"], "part 'no' is not in data/flash_parts.csv"),
        (["trace", "mongoose", "--part", "M25P40"], "part M25P40 erases 65536 bytes at a time"),
        (["trace", "mongoose", "--part", "SST26VF064B-sfdp", "--timing", "max"], "no erase_max_ms"),
        (["trace", "mongoose", "--image", "flaky:2"], "image 'flaky:2' is unknown"),
        (["trace", "mongoose", "--bundle", "no.zip"], "no.zip: no such file"),
        (["trace", "mongoose", "--bundle", __file__], "the bundle is refused: Malformed archive"),
        (["designs", "--show", "no"], "design 'no' is unknown"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    """What, where, and the way out; never a traceback, and nothing on standard output."""
    status, out, err = printed(capsys, *arguments)

    assert (2, "", 1) == (status, out, err.count("\n"))
    assert complaint in err


@pytest.mark.parametrize("arguments", [["nonsense"], ["trace", "mongoose", "--timing", "slow"], []])
def test_wrong_use_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """The parser's complaint is no essay either."""
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)

    assert 2 == left.value.code
    assert 1 == capsys.readouterr().err.count("\n")


def test_the_catalogue_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Name, one sentence, its choices; and as JSON."""
    _, out, _ = printed(capsys, "designs")
    _, told, _ = printed(capsys, "designs", "--json")

    assert "hardened" in out and "records.guard none" in out
    assert {"hardened", "mongoose"} <= {design["name"] for design in json.loads(told)["designs"]}


def test_the_sector_table_tells_states_apart() -> None:
    """Erased, part-written and full; who owns a sector, and whether it changed."""
    what = set_up("hardened", "tiny", app_size=3000)
    table = sector_table(what.device.board, life(what).last.flash, what.flash).set_index("sector")

    assert ["full", "part-written", "part-written"] == list(table.state[:3])
    assert ("slot 0 app", "part-written", False) == tuple(table.loc[3, ["owner", "state", "changed"]])
    assert ("slot 1 app", True) == tuple(table.loc[11, ["owner", "changed"]])
    assert {"free"} == set(table.owner[25:])
    assert 0 == sector_table(what.device.board, Flash.blank(what.flash.geometry)).written.sum()


def test_the_tables_of_a_trace_hold_every_effect() -> None:
    """The phases' counts are the rows of the effects."""
    lived = life(set_up("hardened", "tiny", app_size=500))
    effects, phases = trace_table(lived), phase_table(lived)

    assert sum(len(one.steps) for one in lived.runs) == len(effects)
    assert len(effects) == phases[["erases", "programs", "waits", "asks"]].sum().sum()


def test_the_figures_draw_what_their_tables_hold() -> None:
    """A square per sector, a bar per phase."""
    what = set_up("hardened", "tiny", app_size=500)
    sectors = plot_sectors(sector_table(what.device.board, what.flash), columns=16)
    bars = plot_phases(phase_table(life(what)))

    assert 2 * what.flash.geometry.sectors == len(sectors.patches)
    assert len(phase_table(life(what))) == len(bars.patches)
    sectors.figure.clear()
    bars.figure.clear()


def test_a_trace_of_nothing_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With one line that names both doors, and neither takes the other's place."""
    for given in (["trace"], ["trace", "mongoose", "--firmware", "mine"]):
        assert 2 == cli.main(given)
        assert "name a design, or a folder of code with --firmware FOLDER" in capsys.readouterr().err
