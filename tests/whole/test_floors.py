"""Imports point down: a floor is a folder, and a module sees its own floor and those below it."""

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "otalab"

# From the ground up; "" is the root of the package.
FLOORS = (
    "",
    "hardware",
    "formats",
    "firmware",
    "own",
    "bench",
    "faults",
    "graph",
    "numbers",
    "wire",
    "views",
    "course",
    "cli",
)

# The floor from which on a third-party package may be used; what is not named here may be used nowhere.
FROM = {
    "littlefs": "formats",
    "yaml": "formats",
    "numpy": "graph",
    "numba": "numbers",
    "pandas": "numbers",
    "scipy": "numbers",
    "pyarrow": "numbers",
    "distributed": "numbers",
    "tqdm": "numbers",
    "aiohttp": "wire",
    "aiomqtt": "wire",
    "cryptography": "wire",
    "psutil": "graph",
    "IPython": "views",
    "anywidget": "views",
    "ipywidgets": "views",
    "jinja2": "views",
    "shtab": "cli",
    "matplotlib": "views",
    "traitlets": "views",
    "nbclient": "course",
    "nbconvert": "course",
    "nbformat": "course",
    "pygments": "course",
}

# Firmware knows nothing of power, chance or the network; the two towers on it do not know each other.
NEVER = {
    "firmware": {"asyncio", "http", "random", "secrets", "selectors", "socket", "socketserver", "ssl", "urllib"},
    "wire": {"otalab.faults", "otalab.graph", "otalab.numbers"},
}

MOST_LINES = 300
# A function is shorter too, unless the line above it, or its own first line, says why it is not.
MOST_LINES_OF_A_FUNCTION = 40


def name_of(path):
    """
    `hardware/flash.py` is `hardware.flash`, and a folder's `__init__` is the folder.
    """
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {name_of(path): path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
FACE = ("", "face", "__main__", "markov", "testing")  # the package's own faces look at everything


def targets(source):
    """
    Every `otalab.x.y` and every foreign name that the source imports, wherever and however it does so.
    """
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=module, names=names, level=0):
                yield from (f"{module}.{name.name}" for name in names)
            case ast.ImportFrom():
                yield "otalab.relative"
            case ast.Call(func=ast.Name(id="import_module") | ast.Attribute(attr="import_module"), args=[first, *_]):
                yield first.value if isinstance(first, ast.Constant) else "otalab.computed"


def module_of(target):
    """
    The module that `otalab.x.y` or `otalab.x.y.name` names, or None where there is none.
    """
    name = target.removeprefix("otalab").removeprefix(".")
    return next((one for one in (name, name.rpartition(".")[0]) if one and one in SOURCES), None)


def floor_of(name):
    """
    The floor that a module lies on.
    """
    return name.partition(".")[0]


def breach(name, target):
    """
    Say which rule `name` breaks by importing `target`, or None.
    """
    here = name.partition(".")[0] if name.partition(".")[0] in FLOORS else ""
    if any(target == one or target.startswith(f"{one}.") for one in NEVER.get(here, ())):
        return f"{name} must not know {target}"
    package = target.partition(".")[0]
    if package != "otalab":
        allowed = package in FROM and FLOORS.index(here) >= FLOORS.index(FROM[package])
        return None if allowed or package in sys.stdlib_module_names else f"{name} stands too low for {package}"
    other = module_of(target)
    if other is None:
        return f"{name} imports {target}, which is in no module; import names from the module that defines them"
    there = other.partition(".")[0] if other.partition(".")[0] in FLOORS else ""
    return f"{name} imports {other}, which stands above it" if FLOORS.index(there) > FLOORS.index(here) else None


def breaches(name, source):
    return [text for target in targets(source) if (text := breach(name, target))]


def circles(graph):
    """
    Every module that can reach itself, with the way.
    """
    for start in graph:
        ways = [[start]]
        seen = set()
        while ways:
            way = ways.pop()
            for step in graph.get(way[-1], ()):
                if step == start:
                    yield [*way, start]
                elif step not in seen:
                    seen.add(step)
                    ways.append([*way, step])


def imports(sources):
    return {
        name: {m for t in targets(text) if (m := module_of(t)) not in {None, name}} for name, text in sources.items()
    }


def test_every_folder_is_a_floor():
    """
    A new folder is given its place in the list before anything lies in it.
    """
    assert set(FLOORS) == {""} | {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}


@pytest.mark.parametrize("name", sorted(SOURCES.keys() - {*FACE}))
def test_imports_point_down(name):
    """
    No module imports from above.
    """
    assert [] == breaches(name, SOURCES[name])


def test_no_circles():
    """
    No module needs itself, not even by a name in a string.
    """
    assert [] == list(circles(imports(SOURCES)))


@pytest.mark.parametrize("name", SOURCES)
def test_a_module_stays_short(name):
    """
    Past these lines there are two modules in one.
    """
    assert len(SOURCES[name].splitlines()) <= MOST_LINES


def long_functions(source, most=MOST_LINES_OF_A_FUNCTION):
    """
    Every function past these lines, but those that say why they are.
    """
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno >= most:
            said = [lines[node.lineno - 2].strip().startswith("# "), "  # " in lines[node.lineno - 1]]
            if not any(said):
                yield node.name


@pytest.mark.parametrize("name", SOURCES)
def test_a_function_stays_short(name):
    """
    A longer one has a list inside it that wants a name.
    """
    assert [] == list(long_functions(SOURCES[name]))


def test_a_planted_long_function_is_seen():
    """
    And one that says why it is long is let be.
    """
    long = "def long():\n" + "    pass\n" * 40
    assert ["long"] == list(long_functions(long))
    assert [] == list(long_functions("# A table.\n" + long))
    assert [] == list(long_functions("def short():\n" + "    pass\n" * 39))


@pytest.mark.parametrize("name", [name for name in SOURCES if name and (PACKAGE / name.replace(".", "/")).is_dir()])
def test_init_only_imports(name):
    """
    A sign on the door names things and does nothing else; the front door opens when it is knocked at.
    """
    for node in ast.parse(SOURCES[name]).body:
        match node:
            case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant(value=str())):
                continue
            case ast.Assign(targets=[ast.Name(id="__all__")]):
                continue
        pytest.fail(f"line {node.lineno} does something")


@pytest.mark.parametrize(
    "name, source",
    [
        ("errors", "from otalab.cli.main import main"),
        ("hardware.flash", "import numpy.linalg"),
        ("bench.trace", "import pandas as pd"),
        ("bench.scenario", "def late():\n    from matplotlib import pyplot"),
        ("formats.bundle.reader", "if TYPE_CHECKING:\n    from otalab.firmware.device import Device"),
        ("formats.bundle.reader", "from . import device"),
        ("formats.bundle.reader", "from otalab import Device"),
        ("formats.bundle.reader", "import otalab"),
        ("formats.bundle.reader", "import otalab.firmware.device"),
        ("formats.bundle.reader", 'import_module("otalab.firmware.device")'),
        ("formats.bundle.reader", "from otalab.nowhere import thing"),
        ("cli.main", "import unheard_of"),
        ("firmware.updater", "import random"),
        ("firmware.updater", "from urllib.request import urlopen"),
        ("firmware.device", "from otalab.faults.models import torn"),
        ("wire.device.ota", "from otalab.faults.models import torn"),
        ("wire.device.ota", "from otalab.graph import check"),
    ],
)
def test_a_planted_breach_is_seen(name, source):
    """
    The rule can fail.
    """
    assert 1 == len(breaches(name, source))


def test_a_planted_circle_is_seen():
    """
    Also one that goes through a string.
    """
    planted = {"graph.check": 'import_module("otalab.graph.repair")', "graph.repair": "from otalab.graph import check"}
    assert 2 == len(list(circles(imports(planted))))


@pytest.mark.parametrize(
    "name, source",
    [
        ("settings", "from otalab.errors import OtalabError"),
        ("formats.filesystems.littlefs", "import littlefs"),
        ("firmware.device", "from otalab.firmware import store, updater"),
        ("graph.check", "import numpy as np\nfrom otalab.bench import scenario"),
        ("faults.models", "import random"),
        ("views.figures.sectors", "from matplotlib.axes import Axes"),
    ],
)
def test_what_is_allowed_passes(name, source):
    """
    The rule can also be kept.
    """
    assert [] == breaches(name, source)
