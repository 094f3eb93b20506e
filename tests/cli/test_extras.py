"""`pip install otalab` alone: a command that needs more says what to install, and every other one runs."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from otalab import set_up

ROOT = Path(__file__).parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
PACKAGES = {Requirement(line).name: extra for extra in ("fast", "net", "scale") for line in EXTRAS[extra]}

NET = {"aiohttp", "aiomqtt"}
TINY = "--board tiny --faults atomic --rate 60"
# What a command cannot do without; where it serves, a wrong option ends it as soon as it has looked.
NEEDS = {
    "serve --flash lamp.bin --commit cloud": NET,
    "serve --flash lamp.bin --port 0 --board none": NET,
    "fleet serve --devices 1 --broker here:1 --flash-dir lamps --board none": NET,
    "shadow-service --broker here:1 --json": NET,
    "shadow-service --broker here:1 --set-desired 1": NET,
    "bundle sign fw.zip --key 0=key.pem -o signed.zip": {"cryptography"},
    "bundle verify fw.zip --key 0=key.pem": {"cryptography"},
    f"campaign hardened {TINY} --devices 10 --out far --scheduler here:1": {"distributed"},
    f"campaign hardened {TINY} --devices 10 --out near": set(),
    f"risk hardened {TINY}": set(),
    "check hardened --board tiny --faults atomic": set(),
    "report hardened --board tiny --faults atomic --image healthy --rate us-2022 --parts W25Q16JV -o page.html": set(),
    "repair hardened --board tiny --faults atomic": set(),
    "bundle verify fw.zip": set(),
    "bundle inspect fw.zip": set(),
    "inspect lamp.image": set(),
    "trace mongoose": set(),
    "designs": set(),
}
RUN = """
import io, json, sys
from contextlib import redirect_stderr, redirect_stdout
for name in json.loads(sys.argv[1]):
    sys.modules[name] = None
from otalab.cli.main import main
told = {}
for command in json.loads(sys.argv[2]):
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as said:
        try:
            status = main(command.split())
        except BaseException as error:
            status = repr(error)
    told[command] = status, said.getvalue()
print(json.dumps(told))
"""


def told(folder, blocked, commands):
    """
    Run commands where some packages are not installed: their exit status, and what they say on standard error.
    """
    words = [sys.executable, "-c", RUN, json.dumps(blocked), json.dumps([*commands])]
    return json.loads(subprocess.run(words, cwd=folder, capture_output=True, check=True).stdout)


@pytest.mark.slow
@pytest.mark.parametrize("package", sorted(set.union(*NEEDS.values())))
def test_a_command_says_what_it_needs(tmp_path, package):
    """
    One line, status 2, with the words to type.
    """
    words = f"the package {package}: pip install 'otalab[{PACKAGES[package]}]'"

    for command, (status, said) in told(tmp_path, [package], [one for one in NEEDS if package in NEEDS[one]]).items():
        assert (2, 1, True) == (status, said.count("\n"), words in said), (command, status, said)


@pytest.mark.slow
def test_the_others_need_nothing(tmp_path):
    """
    They run where no extra is installed.
    """
    (tmp_path / "lamp.image").write_bytes(set_up("mongoose").flash.image)
    (tmp_path / "fw.zip").write_bytes(set_up("mongoose").bundle)

    for command, (status, said) in told(tmp_path, [*PACKAGES], [one for one in NEEDS if not NEEDS[one]]).items():
        assert status in (0, 1), (command, status, said)  # bad news are news
