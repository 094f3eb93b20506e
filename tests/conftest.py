"""What all tests share: chance has a seed, no test is a stop-watch, and what a test has started ends with pytest."""

import gc
import os
import platform
import shutil
import signal
import sys

import pytest
from deep import left_for_deep
from hypothesis import settings
from spreading import Pieces, long_ones_first
from tab import pyodide

from otalab.graph.wreck_runs import wreck_runs
from otalab.wire.live import guard
from otalab.wire.live.broker import mosquitto

settings.register_profile("otalab", deadline=None, derandomize=True)
settings.load_profile("otalab")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So a script has it for what it starts in the background: whoever is started then could never be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)
# However pytest ends, and each of its workers: devices, brokers, browsers and servers of notebooks end too.
guard.cover()
# Notebooks are read through it: it makes grammars for two seconds, and what they check no notebook has.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

PROGRAMS = {
    "chromium": lambda: next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None),
    "mosquitto": mosquitto,
    "mosquitto_pub": lambda: shutil.which("mosquitto_pub"),
    "curl": lambda: shutil.which("curl"),
    "cc": lambda: shutil.which("cc"),
    "pyodide": pyodide,
}


def pytest_addoption(parser):
    """Offer every cell of every product; a short run looks at a Latin square of it."""
    parser.addoption("--deep", action="store_true", help="look at every cell of every product, not at a choice of them")


def pytest_report_header(config):
    """Say what the tests run on and with: a test whose program is missing is skipped."""
    found = {name: find() for name, find in PROGRAMS.items()}
    yield f"Python {platform.python_version()}, {platform.platform()}, {os.cpu_count()} cores"
    yield "cells: all" if config.getoption("deep") else "cells: a Latin square of each product; all of them with --deep"
    yield "programs: " + ", ".join(f"{name} {path or 'is missing'}" for name, path in found.items())


def pytest_configure(config):
    """Refuse to begin where a program is missing that must be there: its tests would be skipped, and all be green."""
    missing = [name for name in os.environ.get("OTALAB_MUST_HAVE", "").split() if not PROGRAMS[name]()]
    if missing:
        raise pytest.UsageError(
            f"missing: {', '.join(missing)}; OTALAB_MUST_HAVE says that nothing is skipped for that"
        )
    # The order in which they were collected is the order in which pieces are handed out.
    config.option.loadscopereorder = False


def pytest_collection():
    """Collect no garbage while tests are collected: nothing of them is, and each look costs a sixth of a second."""
    gc.disable()


def pytest_collection_finish():
    """Never look again at what the tests themselves are made of: half a million things that stay."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # looked at less often than where memory is dear
    gc.enable()


def pytest_collection_modifyitems(config, items):
    """Leave out what only a deep run looks at; among several processes, begin with what takes long."""
    left = [] if config.getoption("deep") or "deep" in config.getoption("markexpr") else left_for_deep(items)
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in set(left)]
    if hasattr(config, "workerinput"):
        items[:] = long_ones_first(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Spread the tests piece by piece, unless another way was asked for than that of `-n`."""
    return Pieces(config, log) if config.getvalue("dist") == "load" else None


@pytest.fixture(autouse=True)
def nothing_kept_of_other_firmware():
    """What a search keeps is of the firmware that ran: a test may put another one in its place."""
    wreck_runs.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def own_settings(tmp_path_factory):
    """Kernels of several processes do not write their history into one file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        yield


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """One JupyterLab for all notebooks that this process opens in a browser."""
    browsing = pytest.importorskip("browsing", reason="playwright is not installed")
    with browsing.jupyter_lab(tmp_path_factory.mktemp("lab")) as server:
        yield server
