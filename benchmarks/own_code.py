"""How many runs a second code of one's own makes: the smallest loader, in C and in Python, and a design beside them.

python benchmarks/own_code.py [--runs 1000] [--rounds 5]

A run is a power-on to the boot loader's decision; of several rounds the quickest counts, by the clock, for code in C
works in another process.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from otalab import set_up
from otalab.bench.scenario import Scenario
from otalab.firmware.controller import Controller

PAGE = 'name = "smallest"\nboard = "tiny"\nsources = ["{source}"]\nsanitize = {sanitize}\n'
C = """#include "otalab.h"
uint32_t ota_boot(void) {
    uint8_t record[8];
    ota_read(OTA_RECORD_0, record, sizeof record);
    return record[0] == 1 ? OTA_SLOT_1 : OTA_SLOT_0;
}
"""
PYTHON = """def ota_boot():
    record = ota.read(ota.RECORD_0, 8)
    return ota.SLOT_1 if record[0] == 1 else ota.SLOT_0
"""


def main() -> None:
    """Print a row for each kind of firmware."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="runs in a round (1000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, of which the quickest counts (5)")
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
            taken = min(clocked(lambda one=scenario: decided(one, chosen.runs)) for _ in range(chosen.rounds))
            print(f"{name:22} {chosen.runs / taken:10,.0f} runs a second, {1e6 * taken / chosen.runs:7.1f} us each")


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


def clocked(work: Callable[[], None]) -> float:
    """Return how many seconds pass."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
