"""The floors up to the graph need no package at all, so they run where none can be had: in a browser's tab."""

import json

from tab import BOARDS, ROOT, said_without_packages

from otalab.bench.setup import set_up
from otalab.bench.trace import life, words
from otalab.graph.check import check_design

FLOORS = ("hardware", "formats", "firmware", "own", "bench", "faults", "graph")
# The one module that is about a library of C.
NEEDS = {"otalab.formats.filesystems.littlefs"}

IMPORT = """
from importlib import import_module

for name in sys.argv[1:]:
    import_module(name)
"""
CHECK = """
import json
from otalab.graph.check import check_design

for design, faults, board, budget in json.loads(sys.argv[1]):
    print(json.dumps(check_design(design, faults, board=board, budget=budget).as_object()))
"""
TRACE = """
from otalab.bench.setup import set_up
from otalab.bench.trace import life, words

print(*(words(step.effect) for run in life(set_up("hardened", sys.argv[1])).runs for step in run.steps), sep="\\n")
"""
LITTLEFS = """
from otalab.bench.setup import set_up
from otalab.errors import BadInput

try:
    set_up("hardened", "lab-1M")
except BadInput as error:
    print(error)
"""


def test_every_module_up_to_the_graph_is_imported_without_a_package():
    """
    All but the one about littlefs itself.
    """
    files = [path.relative_to(ROOT) for floor in FLOORS for path in (ROOT / "otalab" / floor).rglob("*.py")]
    names = {".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in files} - NEEDS
    assert [] == said_without_packages(IMPORT, *sorted(names))


def test_verdicts_without_a_package_are_those_with_them():
    """
    Safe, unsafe with its history, and open with what it has covered; bare and with SPIFFS.
    """
    bare, spiffs = (str(BOARDS / f"tiny-{name}.toml") for name in ("bare", "spiffs"))
    cases = [("hardened", "all", bare, 1000), ("in-place", "atomic", spiffs, 1000), ("hardened", "all", spiffs, 3)]
    expected = [check_design(*case[:2], board=case[2], budget=case[3]).as_object() for case in cases]
    found = [json.loads(line) for line in said_without_packages(CHECK, json.dumps(cases))]
    assert ["safe", "unsafe", "open"] == [cell["verdict"] for cell in found]
    assert [cell | {"seconds": 0} for cell in expected] == [cell | {"seconds": 0} for cell in found]


def test_a_trace_without_a_package_is_the_one_with_them():
    """
    On a real board with SPIFFS, effect by effect.
    """
    expected = [words(step.effect) for run in life(set_up("hardened", "esp8266-2M")).runs for step in run.steps]
    assert expected == said_without_packages(TRACE, "esp8266-2M")


def test_a_board_with_littlefs_says_that_it_needs_an_installation():
    """
    In one line, with a way out.
    """
    (line,) = said_without_packages(LITTLEFS)
    assert "need an installation of otalab with littlefs-python" in line
