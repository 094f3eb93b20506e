"""How many runs a second code of one's own makes: the smallest loader, in C and in Python, and a design beside them.

    python benchmarks/own_code.py [--runs 2000] [--rounds 5] [--forks 10000]

A run is a power-on to the boot loader's decision; of several rounds the quickest counts, by the clock, for code in C
works in another process.  What an earlier run read is looked up; beside that stand runs that are each made by the
process, and the bare loop: the same loader called over and over in one program, without the lab and without a reset.
Then a search of the same loader, closed, under `all`; and forks, with what they leave behind.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from otalab import set_up
from otalab.bench.scenario import Scenario
from otalab.faults.models import fault_model
from otalab.firmware.controller import Controller
from otalab.graph.explorer import Explorer
from otalab.graph.freeze import graph_of
from otalab.hardware.board import load_board
from otalab.own.build import HERE, macros
from otalab.own.code import running

PAGE = 'name = "smallest"\nboard = "tiny"\nsources = ["{source}"]\nsanitize = {sanitize}\n'
C = """#include "otalab.h"
uint32_t ota_boot(void) {
    uint8_t record[8];
    ota_read(OTA_RECORD_0, record, sizeof record);
    return record[0] == 1 ? OTA_SLOT_1 : OTA_SLOT_0;
}
"""
# The same with an update, so that there is something to cut.
UPDATES = f"""{C}
int ota_update(void) {{
    static uint8_t piece[OTA_SECTOR_SIZE];
    struct ota_image image;
    uint8_t record[8] = {{1}};
    if (ota_offer(&image)) return 1;
    for (uint32_t at = 0; at < image.size; at += sizeof piece) {{
        uint32_t length = ota_download(OTA_APPLICATION, at, piece, sizeof piece);
        ota_erase(OTA_SLOT_1 + at, sizeof piece);
        ota_program(OTA_SLOT_1 + at, piece, length);
    }}
    ota_erase(OTA_RECORD_0, OTA_SECTOR_SIZE);
    ota_program(OTA_RECORD_0, record, sizeof record);
    return 0;
}}
"""
PYTHON = """def ota_boot():
    record = ota.read(ota.RECORD_0, 8)
    return ota.SLOT_1 if record[0] == 1 else ota.SLOT_0
"""
BARE = """#include "otalab.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
uint32_t ota_boot(void);
static uint8_t flash[OTA_FLASH_SIZE];
int ota_read(uint32_t address, void *to, uint32_t size) { memcpy(to, flash + address, size); return 0; }
int main(void) {
    enum { RUNS = 20000000 };
    volatile uint32_t started = 0;
    clock_t begun = clock();
    for (int run = 0; run < RUNS; run++) flash[OTA_RECORD_0] = (uint8_t)run, started += ota_boot();
    printf("%.0f\\n", RUNS / ((double)(clock() - begun) / CLOCKS_PER_SEC));
}
"""


def main() -> None:
    """Print a row for each kind of firmware."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000, help="runs in a round (2000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, of which the quickest counts (5)")
    parser.add_argument("--forks", type=int, default=10000, help="power-ons of a process, for what they leave (10000)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kinds = {
            "C, without sanitizers": written(Path(folder) / "plain", "loader.c", C, "false"),
            "C, with sanitizers": written(Path(folder) / "watched", "loader.c", C, "true"),
            "Python": written(Path(folder) / "python", "loader.py", PYTHON, "true"),
            "design mongoose": "mongoose",
        }
        for name, page in kinds.items():
            scenario = set_up(page, "tiny", app_size=500)
            row(name, chosen.runs, min(clocked(decided, scenario, chosen.runs) for _ in range(chosen.rounds)))
            if name.startswith("C"):
                made = min(clocked(made_anew, scenario, chosen.runs) for _ in range(chosen.rounds))
                row("  each by its process", chosen.runs, made)
        print(f"{'bare loop in C':26} {bare(Path(folder)):12,.0f} runs a second")
        search(written(Path(folder) / "updates", "loader.c", UPDATES, "false"))
        leaves(set_up(kinds["C, without sanitizers"], "tiny", app_size=500), chosen.forks)


def row(name: str, runs: int, taken: float) -> None:
    """Print how many runs a second were made."""
    print(f"{name:26} {runs / taken:12,.0f} runs a second, {1e6 * taken / runs:7.1f} us each")


def written(folder: Path, source: str, text: str, sanitize: str) -> str:
    """Write a folder with code, and return its page."""
    folder.mkdir()
    (folder / source).write_text(text)
    page = folder / "firmware.toml"
    page.write_text(PAGE.format(source=source, sanitize=sanitize))
    return str(page)


def decided(scenario: Scenario, runs: int) -> None:
    """Let a boot loader decide so many times."""
    device = scenario.device
    for _ in range(runs):
        device.firmware.decision(Controller(device.board, scenario.flash), device)


def made_anew(scenario: Scenario, runs: int) -> None:
    """The same, where nothing is known of any run."""
    for _ in range(runs):
        scenario.device.firmware.facts.clear()  # type: ignore[attr-defined]  # it is code
        decided(scenario, 1)


def clocked(work: Callable[[Scenario, int], None], scenario: Scenario, runs: int) -> float:
    """Return how many seconds pass."""
    began = time.perf_counter()
    work(scenario, runs)
    return time.perf_counter() - began


def bare(folder: Path) -> float:
    """Return how many runs of processor time a second the loader makes without the lab."""
    (folder / "boot.c").write_text(C)
    (folder / "bare.c").write_text(BARE)
    defined = [f"-D{name}={value}u" for name, value in macros(load_board("tiny")).items()]
    subprocess.run(["cc", "-O1", *defined, f"-I{HERE}", "boot.c", "bare.c", "-o", "bare"], cwd=folder, check=True)
    return float(subprocess.run([folder / "bare"], capture_output=True, text=True, check=True).stdout)


def search(page: str) -> None:
    """Print what a whole search of it takes, in processor time of the lab's own process."""
    scenario = set_up(page, "tiny", app_size=500)
    explorer = Explorer(scenario, fault_model("all"), budget=5000, verdict_only=True)
    began, used = time.perf_counter(), time.process_time()
    explorer.explore()
    taken, used = time.perf_counter() - began, time.process_time() - used
    graph = graph_of(explorer)
    print(
        f"a search under all: {graph.verdict}, {'closed' if graph.closed else 'open'}, {graph.nodes} states, "
        f"{graph.expanded} runs, {graph.wrecks:,} wrecks in {taken:.2f} s, {used:.2f} of them processor time: "
        f"{graph.wrecks / taken:,.0f} wrecks a second"
    )


def leaves(scenario: Scenario, forks: int) -> None:
    """Print what so many power-ons of a process leave behind: memory and open files, here and there."""
    runner = running(scenario.device.firmware.page, scenario.device.board)  # type: ignore[attr-defined]  # it is code
    process = runner._process.pid
    made_anew(scenario, 500)
    before = held(os.getpid()), held(process)
    made_anew(scenario, forks)
    print(f"{forks} forks: (KiB, files) of the lab {before[0]} -> {held(os.getpid())}, ", end="")
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    print(f"of the runner {before[1]} -> {held(process)}, children left {len(children)}")


def held(process: int) -> tuple[int, int]:
    """Return how many KiB and files a process holds; of another system than Linux, only its own memory is known."""
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024, len(list(Path(f"/proc/{process}/fd").iterdir()))


if __name__ == "__main__":
    main()
