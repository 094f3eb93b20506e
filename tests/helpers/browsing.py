"""Jupyter servers, and notebooks opened in a browser: for tests and benchmarks of widgets."""

import json
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).parents[2]
OUTPUT = ROOT / "test-output"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
SECONDS = 60
expect.set_options(timeout=1000 * SECONDS)  # what a machine is busy with decides nothing
CALM = {"fetchNews": "false", "checkForUpdates": False}

RUN_ALL = """async () => {
  const panel = window.jupyterapp.shell.currentWidget;
  await panel.sessionContext.ready;
  await window.jupyterapp.commands.execute('notebook:run-all-cells');
}"""
ALL_RUN = """() => {
  const panel = window.jupyterapp.shell.currentWidget;
  const cells = panel.content.widgets.filter((cell) => cell.model.type === 'code');
  return panel.sessionContext.session?.kernel?.status === 'idle'
    && cells.every((cell) => cell.model.executionCount);
}"""
NEW_CELL = """async (source) => {
  const { shell, commands } = window.jupyterapp, panel = shell.currentWidget;
  panel.content.activeCellIndex = panel.content.widgets.length - 1;
  await commands.execute('notebook:insert-cell-below');
  panel.content.activeCell.model.sharedModel.setSource(source);
  await commands.execute('notebook:run-cell');
  return panel.content.widgets.at(-1).model.outputs.toJSON();
}"""
PROBLEMS = """() => window.jupyterapp.shell.currentWidget.content.widgets.flatMap(
  (cell) => cell.model.outputs?.toJSON().filter((one) => one.output_type === 'error') ?? [])"""


class Server:
    """
    A Jupyter server, or Voilà, on a free port, with settings and notebooks of its own.
    """

    def __init__(self, folder, notebooks, *command):
        self.port, self.token = free_port(), secrets.token_hex(8)
        self.base = f"http://127.0.0.1:{self.port}"
        self.notebooks = folder / "notebooks"
        self.notebooks.mkdir()
        for notebook in notebooks:
            shutil.copy(notebook, self.notebooks)
        settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        (settings / "notification.jupyterlab-settings").write_text(json.dumps(CALM))
        names = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
        places = {f"JUPYTER_{name}": str(folder / name.lower()) for name in names}
        places |= {"IPYTHONDIR": str(folder / "ipython"), "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings")}
        places |= {"JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"), "PYTHONPATH": str(ROOT)}
        self.said = (folder / "server.log").open("wb")
        words = [word.format(port=self.port, token=self.token, root=self.notebooks) for word in command]
        self.process = subprocess.Popen(
            [sys.executable, "-m", *words], env=os.environ | places, stdout=self.said, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip

    def wait(self, path):
        for _ in range(10 * SECONDS):
            try:
                with urlopen(self.base + path, timeout=SECONDS) as answer:  # noqa: S310  # the test's own server
                    return answer.status
            except (URLError, ConnectionError):
                assert self.process.poll() is None, Path(self.said.name).read_text()
                time.sleep(0.1)
        raise AssertionError(Path(self.said.name).read_text())

    def stop(self):
        for sign in (signal.SIGINT, signal.SIGINT, signal.SIGKILL):
            if self.process.poll() is None:
                os.killpg(self.process.pid, sign)
                try:
                    self.process.wait(10 if sign is signal.SIGKILL else 3)
                except subprocess.TimeoutExpired:
                    continue
        self.said.close()


def free_port():
    """
    Return a port for a server that takes seconds to come up: one that nobody else is given in the meantime.

    It is below those that a system gives away by itself, above 10080, which browsers refuse, and each process of the
    tests has a range of its own.
    """
    first = 10_500 + 500 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for port in random.sample(range(first, first + 500), 500):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError(f"no port from {first} on is free")


def jupyter(folder, notebooks, module, trait):
    """
    Start a Jupyter server of one kind.
    """
    root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    options = ["--no-browser", "--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token={token}"]
    server = Server(folder, notebooks, *module, *options, "--ServerApp.root_dir={root}", f"--{trait}=True", *root)
    server.wait(f"/api/status?token={server.token}")
    return server


def opened(page, server, path, name, widget=".otalab-player"):
    """
    Open a notebook, run all of it, and return its first widget, if one is looked for.
    """
    run_all(page, f"{server.base}/{path}/{name}?reset&token={server.token}")
    if not widget:
        return None
    first = page.locator(widget).first
    first.scroll_into_view_if_needed()
    return first


def value_of(page, source):
    """
    Run a cell and return what it shows.
    """
    shown = page.evaluate(NEW_CELL, source)
    assert 1 == len(shown), shown
    return shown[0]["data"]["text/plain"]


def run_all(page, address):
    """
    Open a notebook and run all of its cells, none of which may fail.
    """
    page.goto(address)
    page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.context?.isReady", timeout=1000 * SECONDS)
    page.evaluate(RUN_ALL)
    page.wait_for_function(ALL_RUN, timeout=1000 * SECONDS)
    assert [] == page.evaluate(PROBLEMS)


def evaluate(page, source):
    """
    Run Python in the notebook's kernel, and return what it printed.
    """
    return page.evaluate(
        """async (code) => {
            const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            const future = kernel.requestExecute({ code, store_history: false });
            let text = '';
            future.onIOPub = (message) => { text += message.content.text ?? message.content.evalue ?? ''; };
            await future.done;
            return text;
        }""",
        source,
    )


@contextmanager
def jupyter_lab(folder):
    """
    Serve JupyterLab, for notebooks that come later.
    """
    chromium()
    server = jupyter(folder, [], ["jupyter", "lab"], "LabApp.expose_app_in_browser")
    try:
        yield server
    finally:
        server.stop()


def chromium():
    """
    Return the path of a browser, or skip.
    """
    return CHROMIUM or pytest.skip("no chromium on PATH; on Debian: apt install chromium")


def ours(message):
    """
    Tell whether the console was written to by a module of ours, which are loaded from memory, or because of one:
    what a module throws while it hears of news is caught by ipywidgets, and told as an error of setting state.
    """
    place = message.location.get("url", "")
    because = any(words in message.text for words in ("anywidget", "Error setting state"))
    loud = message.type in ("error", "warning") and not of_the_machine(message)
    return loud and (place.startswith("blob:") or because)


def of_the_machine(message):
    """
    Tell whether JupyterLab warns of what it started slowly: a word on the machine, and on nobody's module.
    """
    return message.text.endswith("ms to activate.")


def theme(page, name):
    """
    Change JupyterLab's theme and wait until all of it is over.

    The screen that covers the change fades for a fifth of a second and is then removed by a timer; a change within
    that time makes a second timer, which finds nothing to remove and throws.
    """
    page.evaluate("(name) => window.jupyterapp.commands.execute('apputils:change-theme', { theme: name })", name)
    page.wait_for_selector(f"body[data-jp-theme-name='{name}']", state="attached")
    page.wait_for_selector("#jupyterlab-splash", state="detached")


@contextmanager
def a_browser():
    """
    Yield a browser; not for longer than a file needs it, since no event loop can be run beside it.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), headless=True, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def run_in_lab(lab, notebook, width, height):
    """
    Yield the page of a notebook, run to its end; what our modules complain of stands in `page.complaints`.
    """
    shutil.copy(notebook, lab.notebooks)
    with a_browser() as browser:
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(1000 * SECONDS)
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(f"{error}\n{error.stack}"))
        page.on("console", lambda message: page.complaints.append(message.text) if ours(message) else None)
        OUTPUT.mkdir(exist_ok=True)
        run_all(page, f"{lab.base}/lab/tree/{notebook.name}?reset&token={lab.token}")
        if page.evaluate("() => document.body.dataset.jpThemeLight") != "true":
            theme(page, "JupyterLab Light")
        yield page
        page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
