"""Tests and seconds before and after, by file: a table from two reports that pytest writes with `--junit-xml`.

    python3 lab.py test --junit-xml=after.xml
    python benchmarks/suite.py before.xml after.xml

Seconds are those of the tests one after the other: in two processes they pass twice as fast.
"""

import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

RENAMED = {
    "test_auth": "test_digest", "test_bundle": "test_reader", "test_bundle_build": "test_build",
    "test_faults": "test_models", "test_filesystem": "test_kinds", "test_graph_figures": "test_graph",
    "test_lessons": "test_checking", "test_live_process": "test_process", "test_record_figures": "test_records",
    "test_record_formats": "test_formats", "test_risk_cli": "test_risk", "test_rpc": "test_frames",
    "test_sequencer_lab": "test_sequencer", "test_commit_timer_lab": "test_commit_timer",
    "test_shadow_device": "test_thing", "test_shadow_service": "test_service", "test_walkers": "test_chain",
}  # fmt: skip
"""Files that became another when the tests moved into folders."""


def counted(report: Path) -> tuple[Counter[str], Counter[str]]:
    """Return the number of tests of each file, and their seconds."""
    tests: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    for case in ET.parse(report).iter("testcase"):  # noqa: S314  # written by pytest, on this machine
        words = [word for word in case.get("classname", "").split(".") if word.startswith("test_")]
        file = RENAMED.get(words[-1], words[-1])
        tests[file] += 1
        seconds[file] += float(case.get("time", 0))
    return tests, seconds


def main(before: Path, after: Path) -> None:
    """Print the table, the file that takes longest first."""
    (tests, seconds), (tests_after, seconds_after) = counted(before), counted(after)
    print(f"{'file':32} {'tests':>7} {'after':>7} {'seconds':>9} {'after':>9}")
    for file, _ in (seconds | seconds_after).most_common():
        print(f"{file:32} {tests[file]:7,} {tests_after[file]:7,} {seconds[file]:9.1f} {seconds_after[file]:9.1f}")
    every = sum(tests.values()), sum(tests_after.values()), sum(seconds.values()), sum(seconds_after.values())
    print(f"{'all, one after the other':32} {every[0]:7,} {every[1]:7,} {every[2]:9.1f} {every[3]:9.1f}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
