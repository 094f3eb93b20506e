"""A module imports only from floors below its own, or from a module named before it on the same floor."""

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "otalab"

# Order matters within a floor: a module sees those above it in this list.
FLOORS = {
    # 0 matter
    "errors": 0,
    "settings": 0,
    "part": 0,
    "effects": 0,
    "flash": 0,
    "board": 0,
    "chip": 0,
    # 1 formats
    "image": 1,
    "manifest": 1,
    "signatures": 1,
    "bundle": 1,
    "bundle_build": 1,
    "bundle_sign": 1,
    "record": 1,
    "cc3200_record": 1,
    "journal_record": 1,
    "otadata_record": 1,
    "rboot_record": 1,
    "record_formats": 1,
    "update_state": 1,
    "image_format": 1,
    "scratch": 1,
    "lfs": 1,
    "spiffs_layout": 1,
    "spiffs_pages": 1,
    "spiffs_gc": 1,
    "spiffs": 1,
    "filesystem": 1,
    # 2 firmware
    "outcome": 2,
    "design": 2,
    "design_schema": 2,
    "nvs": 2,
    "store": 2,
    "bootloader": 2,
    "merge": 2,
    "user_file": 2,
    "updater": 2,
    "boot_state": 2,
    "application": 2,
    "device": 2,
    "own_part": 2,
    # 3 adversary
    "tear": 3,
    "faults": 3,
    # 4 graph
    "scenario": 4,
    "trace": 4,
    "observer": 4,
    "shipped": 4,
    "identity": 4,
    "trie": 4,
    "explorer": 4,
    "history": 4,
    "crash_graph": 4,
    "check": 4,
    "recorded": 4,
    "inspection": 4,
    "rounds": 4,
    "repair_judge": 4,
    "repair": 4,
    # 5 numbers
    "elimination": 5,
    "markov": 5,
    "rates": 5,
    "stats": 5,
    "walk": 5,
    "risk": 5,
    "streams": 5,
    "walkers": 5,
    "crowd": 5,
    "study": 5,
    "lives": 5,
    "engines": 5,
    "campaign": 5,
    "rollout": 5,
    "paced": 5,
    # 6 wire
    "flash_file": 6,
    "keys": 6,
    "known_images": 6,
    "virtual_device": 6,
    "device_status": 6,
    "device_name": 6,
    "ota": 6,
    "url_source": 6,
    "push_source": 6,
    "nonces": 6,
    "digest_auth": 6,
    "rpc_formats": 6,
    "rpc_service": 6,
    "gate": 6,
    "http_door": 6,
    "rpc": 6,
    "poller": 6,
    "rpc_http": 6,
    "shadow": 6,
    "ota_state": 6,
    "shadow_device": 6,
    "mqtt_link": 6,
    "mqtt_device": 6,
    "shadow_service": 6,
    "http_device": 6,
    "live_process": 6,
    "http_server": 6,
    "live": 6,
    "live_broker": 6,
    # 7 views
    "text": 7,
    "figures": 7,
    "graph_figures": 7,
    "player_life": 7,
    "player_show": 7,
    "player_words": 7,
    "player_tape": 7,
    "player_tears": 7,
    "player_page": 7,
    "player": 7,
    "risk_figures": 7,
    "record_figures": 7,
    "timeline_figures": 7,
    "record_pair": 7,
    "sequencer_lab": 7,
    "race_figures": 7,
    "commit_timer_lab": 7,
    "wrecks": 7,
    "graph_view": 7,
    "dashboard": 7,
    "report_facts": 7,
    "report_words": 7,
    "report_svg": 7,
    "report_story": 7,
    "report_checklist": 7,
    "report_parts": 7,
    "report_page": 7,
    "report_pdf": 7,
    # 8 doors
    "scenario_cli": 8,
    "design_cli": 8,
    "trace_cli": 8,
    "study_cli": 8,
    "risk_cli": 8,
    "campaign_cli": 8,
    "sign_cli": 8,
    "auth_cli": 8,
    "serve_cli": 8,
    "own_device": 8,
    "fleet_cli": 8,
    "shadow_cli": 8,
    "check_cli": 8,
    "recorded_cli": 8,
    "replay_cli": 8,
    "bundle_files": 8,
    "bundle_cli": 8,
    "inspect_cli": 8,
    "repair_cli": 8,
    "report_cli": 8,
    "cli": 8,
    "exercises": 8,
    "lessons": 8,
}

# The floor from which on a third-party package may be used; what is not named here may be used nowhere.
THIRD_PARTY = {
    "littlefs": 0,
    "numpy": 4,
    "numba": 5,
    "pandas": 5,
    "scipy": 5,
    "pyarrow": 5,
    "distributed": 5,
    "tqdm": 5,
    "aiohttp": 6,
    "aiomqtt": 6,
    "cryptography": 6,
    "IPython": 7,
    "anywidget": 7,
    "ipywidgets": 7,
    "jinja2": 7,
    "matplotlib": 7,
    "traitlets": 7,
}

FIRMWARE = 2
# Firmware knows nothing of power, chance or the network.
NOT_FOR_FIRMWARE = {"otalab.power", "otalab.faults", "asyncio", "http", "random", "secrets", "selectors", "socket"}
NOT_FOR_FIRMWARE |= {"socketserver", "ssl", "urllib"}

MOST_LINES = 400


def module_name(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


SOURCES = {module_name(path): path.read_text() for path in sorted(PACKAGE.rglob("*.py")) if path.name != "__init__.py"}


def imported(source):
    """
    Every module that the source imports, wherever it does so, `otalab.x` or the first part of a foreign name.
    """
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                targets = [name.name for name in names]
            case ast.ImportFrom(module=None | "otalab", names=names):  # `from . import x`, `from otalab import x`
                targets = [f"otalab.{name.name}" for name in names]
            case ast.ImportFrom(module=module, level=level):
                targets = [f"otalab.{module}" if level else module]
            case _:
                continue
        yield from (target if target.startswith("otalab.") else target.partition(".")[0] for target in targets)


def breach(name, target):
    """
    Say which rule `name` breaks by importing `target`, or None.
    """
    floor, order = FLOORS[name], list(FLOORS)
    if floor == FIRMWARE and target in NOT_FOR_FIRMWARE:
        return f"{name} is firmware and must not know {target}"
    if target.split(".")[0] != "otalab":
        allowed = target in sys.stdlib_module_names or floor >= THIRD_PARTY.get(target, sys.maxsize)
        return None if allowed else f"{name} is on floor {floor}, too low for {target}"
    other = target.removeprefix("otalab.")
    if other not in FLOORS:
        return f"{name} imports {target}, which is no module; import names from the module that defines them"
    if (FLOORS[other], order.index(other)) < (floor, order.index(name)):
        return None
    return f"{name} (floor {floor}) imports {other} (floor {FLOORS[other]}), which does not lie below it"


def breaches(name, source):
    return [text for target in imported(source) if (text := breach(name, target))]


def test_every_module_has_a_floor():
    """
    A new module is given its place in the table before anything imports it.
    """
    assert SOURCES, "no module found"
    assert set() == set(SOURCES) - set(FLOORS)


@pytest.mark.parametrize("name", sorted(FLOORS.keys() & SOURCES.keys()))
def test_imports_point_down(name):
    """
    No module imports from above.
    """
    assert [] == breaches(name, SOURCES[name])


@pytest.mark.parametrize("name", SOURCES)
def test_a_module_stays_short(name):
    """
    Past 400 lines there are two modules in one.
    """
    assert len(SOURCES[name].splitlines()) <= MOST_LINES


def test_init_only_imports():
    """
    It lists names and does nothing else.
    """
    for node in ast.parse((PACKAGE / "__init__.py").read_text()).body:
        match node:
            case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant(value=str())):
                continue
            case ast.Assign(targets=[ast.Name(id="__all__")]):
                continue
        pytest.fail(f"line {node.lineno} does something")


@pytest.mark.parametrize(
    "name, source",
    [
        ("errors", "from otalab.cli import main"),
        ("errors", "from otalab.settings import Settings"),
        ("flash", "import numpy.linalg"),
        ("trace", "import pandas as pd"),
        ("scenario", "def late():\n    from matplotlib import pyplot"),
        ("bundle", "if TYPE_CHECKING:\n    from otalab.device import Device"),
        ("bundle", "from . import device"),
        ("bundle", "from .device import Device"),
        ("bundle", "from otalab import device"),
        ("bundle", "from otalab import Device"),
        ("bundle", "import otalab"),
        ("bundle", "import otalab.device"),
        ("bundle", "from otalab.nowhere import thing"),
        ("cli", "import unheard_of"),
        ("updater", "import random"),
        ("updater", "from urllib.request import urlopen"),
        ("device", "from otalab.power import cut"),
        ("device", "from otalab.faults import torn"),
    ],
)
def test_a_planted_breach_is_seen(name, source):
    """
    The rule can fail.
    """
    assert 1 == len(breaches(name, source))


@pytest.mark.parametrize(
    "name, source",
    [
        ("settings", "from otalab.errors import OtalabError"),
        ("lfs", "import littlefs"),
        ("device", "from . import store, updater"),
        ("trace", "import numpy as np\nfrom otalab import scenario"),
        ("faults", "import random"),
        ("figures", "from matplotlib.axes import Axes"),
    ],
)
def test_what_is_allowed_passes(name, source):
    """
    The rule can also be kept.
    """
    assert [] == breaches(name, source)
