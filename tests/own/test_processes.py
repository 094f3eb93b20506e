"""Processes that run code: none is left, one that was killed is started again, and known runs need none."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from own_code import SLOT_0, code, needs_cc

from otalab import set_up
from otalab.bench.trace import life
from otalab.errors import LostRunner, OtalabError, Unrepeatable
from otalab.firmware.controller import Controller
from otalab.graph.check import check_design
from otalab.own import call_memory
from otalab.own.call_memory import CallMemory
from otalab.own.code import running
from otalab.own.runner import POWER_ON, Runner

pytestmark = needs_cc
FAST = "sanitize = false\n"
# It keeps the number of the slot in a byte of a record, and takes an update.
TAKES = """
uint32_t ota_boot(void) {
    uint8_t slot;
    ota_read(OTA_RECORD_0, &slot, 1);
    ota_log(slot == 1 ? "the second" : "the first");
    return slot == 1 ? OTA_SLOT_1 : OTA_SLOT_0;
}
int ota_update(void) {
    static uint8_t piece[OTA_SECTOR_SIZE];
    struct ota_image image;
    uint8_t slot = 1;
    if (ota_offer(&image)) return 1;
    for (uint32_t at = 0; at < image.size; at += sizeof piece) {
        uint32_t length = ota_download(OTA_APPLICATION, at, piece, sizeof piece);
        ota_erase(OTA_SLOT_1 + at, sizeof piece);
        ota_program(OTA_SLOT_1 + at, piece, length);
    }
    ota_erase(OTA_RECORD_0, OTA_SECTOR_SIZE);
    ota_program(OTA_RECORD_0, &slot, 1);
    return 0;
}
"""


@pytest.fixture
def spoken(monkeypatch):
    """Every word that is said to a runner; what is done before one is up to the test."""
    words, tell = [], Runner.tell

    def told(runner, command):
        words.append(command)
        told.before(runner, len(words))
        tell(runner, command)

    told.before = lambda _runner, _number: None
    monkeypatch.setattr(Runner, "tell", told)
    return words, told


def killed_at(at=0):
    """
    Kill a runner before it hears this word; or before each.
    """

    def before(runner, number):
        if number == at or not at:
            runner._process.kill()
            runner._process.wait()

    return before


def decided(scenario, flash=None):
    device = scenario.device
    chip = Controller(device.board, scenario.flash if flash is None else flash)
    return device.decision(chip), chip.log


def forget(scenario):
    """Let every run be made anew."""
    scenario.device.firmware.facts.clear()


def test_a_known_run_is_looked_up_by_the_bytes_that_it_read(tmp_path, spoken):
    """
    Whatever lies beside them; what it says and where it looks is the same.
    """
    scenario = set_up(code(tmp_path, TAKES, FAST), app_size=500)
    words, _ = spoken
    first = [decided(scenario) for _ in range(4)][-1]
    words.clear()
    beside = scenario.flash.patched(scenario.device.board.records[0].address + 7, b"beside")

    assert first == decided(scenario, beside)
    assert [] == words
    other = decided(scenario, scenario.flash.patched(scenario.device.board.records[0].address, b"\1"))
    assert (1, ["the second"]) == (other[0].slot, other[1])
    assert 1 == words.count(POWER_ON)


def test_a_known_run_is_made_again_ever_more_rarely(tmp_path, spoken):
    """
    At each visit that is a power of two, so that what looks at the clock now and then is found out.
    """
    scenario = set_up(code(tmp_path, SLOT_0, FAST), app_size=500)
    words, _ = spoken
    forget(scenario)
    made = []
    for visit in range(1, 40):
        words.clear()
        decided(scenario)
        made += [visit] * words.count(POWER_ON)

    assert [1, 2, 4, 8, 16, 32] == made


def test_who_looks_at_the_clock_is_found_out_late_as_well(tmp_path):
    """
    Where two runs were equal, and a later one is not.
    """
    source = """#include <stdio.h>
    uint32_t ota_boot(void) {
        FILE *file = fopen("../../changed", "r");
        if (file) { fclose(file); return OTA_SLOT_1; }
        return OTA_SLOT_0;
    }"""
    scenario = set_up(code(tmp_path, source, FAST), app_size=500)
    decided(scenario)
    (tmp_path / "changed").touch()

    with pytest.raises(Unrepeatable, match="mine: two equal runs differ before ota_boot"):
        [decided(scenario) for _ in range(10)]


def test_what_is_known_may_be_forgotten(monkeypatch):
    """
    Where it grows large; what was found stays as it is.
    """
    monkeypatch.setattr(call_memory, "MOST_BYTES", 1000)
    memory = CallMemory()
    root = memory.root
    child = memory.child(root, b"x" * 500)

    assert child is memory.child(root, b"x" * 500)
    memory.child(root, b"y" * 500)
    assert root is not memory.root
    assert {} == memory.root.children


def test_a_runner_that_is_killed_at_any_word_is_started_again(tmp_path, spoken):
    """
    The life is the same; each word of it in turn is the last that the runner hears.
    """
    scenario = set_up(code(tmp_path, TAKES, FAST), app_size=500)
    words, told = spoken
    forget(scenario)
    words.clear()
    whole = life(scenario)
    said = len(words)

    assert said > 10
    for at in range(1, said + 1):
        forget(scenario)
        words.clear()
        told.before = killed_at(at)
        assert whole == life(scenario), at


def test_a_runner_that_is_killed_in_a_search_changes_nothing(tmp_path, spoken):
    """
    The same verdict, ends, nodes and wrecks.
    """
    own = code(tmp_path, TAKES, FAST)
    words, told = spoken
    cells = []
    for at in (10**6, 25):
        own.facts.clear()
        words.clear()
        told.before = killed_at(at)
        cells.append(check_design(own, "atomic", app_size=500).graph)

    assert len(words) > 25
    assert [cells[0].verdict, cells[0].ends, cells[0].nodes] == [cells[1].verdict, cells[1].ends, cells[1].nodes]
    assert cells[0].wrecks == cells[1].wrecks


def test_one_that_was_stopped_is_lost_to_whoever_held_it(tmp_path):
    """
    The numbers of its pipes are those of the next one: nobody speaks to that by mistake, nor waits for it.
    """
    scenario = set_up(code(tmp_path, SLOT_0, FAST), app_size=500)
    page, board = scenario.device.firmware.page, scenario.device.board
    lost = running(page, board)
    lost._process.kill()
    lost._process.wait()
    other = running(page, board)

    assert other is not lost
    for said in (lambda: lost.tell(POWER_ON), lost.hear):
        with pytest.raises(LostRunner):
            said()
    assert decided(scenario)[0].slot == 0


def test_one_that_is_always_killed_is_said_so(tmp_path, spoken):
    """
    In one line, and no search goes on for ever.
    """
    scenario = set_up(code(tmp_path, SLOT_0, FAST), app_size=500)
    forget(scenario)
    spoken[1].before = killed_at()

    with pytest.raises(OtalabError, match="mine: what runs it was killed 3 times: run it again"):
        life(scenario)


def open_files(process):
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


@pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")
def test_forks_leave_nothing_behind(tmp_path):
    """
    Neither files nor processes, here and in the runner; benchmarks/own_code.py makes ten thousand.
    """
    scenario = set_up(code(tmp_path, SLOT_0, FAST), app_size=500)
    process = running(scenario.device.firmware.page, scenario.device.board)._process.pid
    children = Path(f"/proc/{process}/task/{process}/children")
    counts = []
    for _ in range(200):
        forget(scenario)
        decided(scenario)
        counts.append((open_files(os.getpid()), open_files(process)))

    assert {counts[0]} == set(counts)
    assert len(children.read_text().split()) <= 2  # one that waits for the power, and one that is about to end


INTERRUPTED = """
import signal, sys
from otalab.cli.main import main
from otalab.own.runner import Runner
tell, left = Runner.tell, [int(sys.argv[1])]

def told(runner, command):
    tell(runner, command)
    left[0] -= 1
    if not left[0]:
        print(runner._process.pid, runner.get("child"), flush=True)
        sys.stdin.readline()
        signal.raise_signal(signal.SIGINT)

Runner.tell = told
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for processes that are no children of its own")
@pytest.mark.parametrize("word", [1, 30])
def test_an_interrupt_leaves_no_process(tmp_path, word):
    """
    Status 130, whatever the runner is at; it and its child are over.
    """
    code(tmp_path, TAKES, FAST)
    words = ["check", "--firmware", str(tmp_path), "--board", "tiny", "--faults", "atomic", "--image", "healthy"]
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(word), *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        pids = [pid for pid in map(int, process.stdout.readline().split()) if pid]
        over = [os.pidfd_open(pid) for pid in pids]
        _, said = process.communicate("\n")

    assert signal.SIGINT + 128 == process.returncode
    assert "interrupted" in said.splitlines()[-1]
    assert over
    for each in over:
        assert select.select([each], [], [])[0]
        os.close(each)
