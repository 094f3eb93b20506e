"""A real JupyterLab and a real browser, for tests that look at widgets."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OUTPUT = ROOT / "test-output"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SECONDS = 90

RUN_ALL = """async () => {
    await window.jupyterapp.shell.currentWidget.sessionContext.ready;
    await window.jupyterapp.commands.execute('notebook:run-all-cells');
}"""
READY = "() => window.jupyterapp?.shell?.currentWidget?.context?.isReady"
ALL_RUN = """() => {
    const panel = window.jupyterapp.shell.currentWidget;
    const code = [...panel.content.model.cells].filter((cell) => cell.type === 'code');
    return panel.sessionContext.session?.kernel?.status === 'idle' && code.every((cell) => cell.executionCount);
}"""
ERRORS = """() => [...window.jupyterapp.shell.currentWidget.content.model.cells]
    .filter((cell) => cell.type === 'code').flatMap((cell) => cell.outputs.toJSON())
    .filter((output) => output.output_type === 'error').map((output) => output.evalue)"""


def chromium():
    """Return the path of a browser, or skip."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return found or pytest.skip("no chromium on PATH; on Debian: apt install chromium")


@contextmanager
def jupyter_lab(folder, notebooks):
    """Serve copies of some notebooks, and yield the address as `address(name)`; nothing of the user's is touched."""
    home, token = folder / "jupyter", secrets.token_hex(16)
    (folder / "notebooks").mkdir()
    for name in notebooks:
        shutil.copy(ROOT / "notebooks" / name, folder / "notebooks")
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "JUPYTERLAB_SETTINGS_DIR",
             "JUPYTERLAB_WORKSPACES_DIR")  # fmt: skip
    env = {**os.environ, **{name: str(home / name.lower()) for name in names}, "PYTHONPATH": str(ROOT)}
    news = home / "jupyterlab_settings_dir" / "@jupyterlab" / "apputils-extension"
    news.mkdir(parents=True)
    # A pop-up with news would lie over the page.
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    (news / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    port = free_port()
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", f"--port={port}", "--ServerApp.port_retries=0"]
    command += [f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder / 'notebooks'}"]
    command += ["--LabApp.expose_app_in_browser=True"]
    command += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    base = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{base}/api/status?token={token}", server, folder / "server.log")
        yield lambda name: f"{base}/lab/tree/{name}?reset&token={token}"
    finally:
        server.send_signal(signal.SIGINT)
        server.send_signal(signal.SIGINT)
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(address, server, log):
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            pytest.fail(f"JupyterLab did not start: {log.read_text()}")
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310  # of our own making
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not answer within {SECONDS} s")


def run_all(page, address):
    """Open a notebook, run all of its cells, and fail if one of them did."""
    page.goto(address)
    page.wait_for_function(READY, timeout=SECONDS * 1000)
    page.evaluate(RUN_ALL)
    page.wait_for_function(ALL_RUN, timeout=SECONDS * 1000)
    assert [] == page.evaluate(ERRORS)


def evaluate(page, source):
    """Run Python in the notebook's kernel, and return what it printed."""
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
