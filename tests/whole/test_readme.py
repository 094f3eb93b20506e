"""The commands that the README shows are run as they stand, in their order, in one folder; ports are free ones."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from shutil import which

import pytest
from browsing import free_port

from otalab import set_up
from otalab.firmware.store import places
from otalab.formats.filesystems.kinds import build_image

README = Path(__file__).parents[2] / "README.md"
# What installs, what needs somebody else's broker; what the reader brings is made below.
NOT_HERE = ("lab.py", ".ci/pythons", "broker.example", *(() if which("cc") else ("firmware",)))
PORTS = ("8080", "8000", "1883")
SERVES = re.compile(
    r"otalab (serve|fleet serve|shadow-service(?!.*--set-desired))|python3 -m http|mosquitto -p|mosquitto_sub"
)
# A design that is unsafe is bad news.
BAD_NEWS = "otalab check mine.toml --image all"
LONG = ("otalab report", "--engine firmware")


def commands():
    """
    Every line of a command block, outside of what is fenced.
    """
    text = re.sub(r"(?ms)^```.*?^```$", "", README.read_text())
    lines = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    return [line for line in lines if not any(word in line for word in NOT_HERE)]


class Shell:
    """A folder, and what runs in it in the background."""

    def __init__(self, folder):
        self.folder, self.running = folder, {}
        tools = folder / ".tools"
        tools.mkdir()
        for name, words in (("otalab", "-m otalab"), ("python3", "")):
            (tools / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {words} "$@"\n')
            (tools / name).chmod(0o755)
        self.environment = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(folder)}
        self.ports = {port: str(free_port()) for port in PORTS}

    def run(self, line):
        """Run a line; what serves stays in the background until another one takes its place."""
        for port, free in self.ports.items():
            line = re.sub(rf"\b{port}\b", free, line)
        line = line.removesuffix(" &")
        if line.startswith("otalab serve") and "--port" not in line:
            line += f" --port {self.ports['8080']}"
        if line.startswith("mosquitto_"):
            line = line.replace(" -t ", f" -p {self.ports['1883']} -t ", 1)
        kind = SERVES.match(line)
        if not kind:
            ran = subprocess.run(
                ["bash", "-c", line], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
            )
            return ran.returncode, ran.stdout + ran.stderr
        self.stop(kind[0])
        said = self.folder / ".said"
        with said.open("wb") as file:
            self.running[kind[0]] = subprocess.Popen(
                ["bash", "-c", f"exec {line}"], cwd=self.folder, env=self.environment, stdout=file, stderr=file
            )
        return self.ready(kind[0], said)

    def ready(self, kind, said):
        """Wait until somebody listens, or has said so, or has ended; a listener to a topic says nothing."""
        port = {"otalab serve": "8080", "python3 -m http": "8000", "mosquitto -p": "1883"}.get(kind)
        while self.running[kind].poll() is None and kind != "mosquitto_sub":
            if (port and self.listens(port)) or (not port and said.stat().st_size):
                break
            time.sleep(0.02)
        return self.running[kind].poll() or 0, said.read_text()

    def listens(self, port):
        with socket.socket() as caller:
            return not caller.connect_ex(("127.0.0.1", int(self.ports[port])))

    def settled(self):
        """Wait until no update and no trial goes on, where the device tells that to anybody."""
        while "otalab serve" in self.running:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['8080']}/status") as reply:
                    text = reply.read().decode()
            except urllib.error.HTTPError:
                return
            if '"state": "running"' in text and '"committed": true' in text:
                return
            time.sleep(0.1)

    def stop(self, kind):
        """End one of those in the background as a person would."""
        if process := self.running.pop(kind, None):
            process.send_signal(signal.SIGINT if kind.startswith("python3") else signal.SIGTERM)
            process.wait()


@pytest.fixture
def shell(tmp_path):
    tools = ("bash", "curl", "openssl", "mosquitto", "mosquitto_pub", "chromium")
    missing = [name for name in tools if not which(name)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    shell = Shell(tmp_path)
    for number in (0, 1):
        (tmp_path / f"mg-boot.cfg.{number}").write_bytes(cc3200_record(number))
    (tmp_path / "dump.bin").write_bytes(set_up("esp32", "esp32-4M").flash.image)
    (tmp_path / "spiffs.bin").write_bytes(build_image({"conf.json": b"{}"}, 0x40000, kind="spiffs"))
    yield shell
    for kind in list(shell.running):
        shell.stop(kind)


def cc3200_record(number):
    what = set_up("cc3200", "tiny")
    design = what.device.design
    return what.flash.read(places(what.device.board, design)[number], 512)


@pytest.mark.slow
def test_the_commands_of_the_readme_work_in_their_order(shell):
    """Each ends as it is said to; what serves is stopped before another one takes its port and its file."""
    for line in commands():
        if any(word in line for word in LONG):
            continue
        status, said = shell.run(line)
        assert (line, 1 if line == BAD_NEWS else 0, said) == (line, status, said)
        shell.settled()


def test_no_command_stands_before_what_it_needs():
    """A bundle is built before it is taken, a page written before it is checked."""
    lines = commands()
    made = {
        "build/fw.zip": "bundle build",
        "mine.toml": "--show",
        "k0.pem": "openssl ecparam",
        "lamp.password": "printf",
    }
    for name, maker in made.items():
        first = next(line for line in lines if name in line)
        assert maker in first
