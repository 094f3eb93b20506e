"""Windows and macOS, as far as they can be had on Linux: without what they lack, and with another encoding.

`helpers/elsewhere` takes it away in every process of a run, workers, kernels and devices included.
"""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from course import FOLDER, NOTEBOOKS
from deep import deep

from otalab import set_up
from otalab.cli.main import main
from otalab.firmware.updater import APPLIED

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "tests" / "helpers" / "elsewhere"
ENCODING = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "cp1252"}
ELSEWHERE = {"PYTHONPATH": f"{PLACE}{os.pathsep}{ROOT}", "PYTHONWARNDEFAULTENCODING": "1", **ENCODING}
CUT_SHORT = "--engine firmware --faults atomic --budget 20"
TINY = "--board tiny --faults atomic"

BUILD = "build fw.zip --app app.bin --fs files --version 2"
COMMANDS = {
    "trace": ["trace mongoose", "trace mongoose --board esp8266-4M --record seen.csv", "designs --choices"],
    "check": ["check mongoose --board tiny --faults torn-bits --save found.json", "replay found.json"],
    "check on the default board": ["check mongoose --faults atomic --budget 20"],
    "risk": ["risk mongoose --faults atomic --rate us-2022 --budget 20", f"risk hardened {TINY} --rate us-2022"],
    "repair": ["repair single-record --board tiny --faults torn-bits --save mended.toml", "trace mended.toml"],
    "report": [f"report hardened {TINY} --image healthy --rate us-2022 --parts W25Q16JV -o page.html"],
    "bundle": [
        "bundle build fw.zip --app app.bin --fs files --version 2",
        "bundle inspect fw.zip",
        "bundle verify fw.zip",
    ],
    "inspect": ["trace mongoose --record seen.csv", "inspect lamp.bin"],
}

# What a line of the package must not do, or must have another way for.
PLANTED = {
    "fcntl": "import fcntl",
    "resource": "import resource",
    "a fork": "import os; os.fork",
    "a group": "import os; os.killpg",
    "kill -9": "import signal; signal.SIGKILL",
    "kill -9 by name": "from signal import SIGKILL",
    "a signal of the loop": "import asyncio, signal\nasyncio.new_event_loop().add_signal_handler(signal.SIGINT, print)",
    "the locale's encoding": "from pathlib import Path\nPath('x').write_text('x')",
    "the locale's encoding of a program": "import subprocess, sys\nsubprocess.run([sys.executable, '-V'], text=True)",
    "a file that is open": "import os\nfile = open('x', 'wb')\nopen('y', 'wb').close()\nos.replace('y', 'x')",
}
AS = "exec({source!r}, dict(__name__={name!r}))"
RESERVED = {"con", "prn", "aux", "nul", *(f"{name}{number}" for name in ("com", "lpt") for number in range(1, 10))}


def python(folder, *words):
    """
    Run Python elsewhere.
    """
    command = [sys.executable, *map(str, words)]
    environment = os.environ | ELSEWHERE
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="cp1252", check=False)


def told(ran):
    """
    Return what a run said; it must have gone well.
    """
    assert (0, False) == (ran.returncode, "Traceback" in ran.stderr), ran.stderr
    return ran.stdout


@pytest.mark.parametrize("what", PLANTED)
def test_what_is_not_there_is_missed(tmp_path, what):
    """
    A planted line of the package stumbles elsewhere, and the same line of another library does not.
    """
    ran = {name: python(tmp_path, "-c", AS.format(source=PLANTED[what], name=name)) for name in ("otalab.a", "other.a")}

    assert 1 == ran["otalab.a"].returncode
    assert re.search("Error|Warning", ran["otalab.a"].stderr.splitlines()[-1])
    assert 0 == ran["other.a"].returncode, ran["other.a"].stderr


@pytest.mark.slow
@pytest.mark.parametrize("what", COMMANDS)
def test_a_command_runs(tmp_path, what):
    """
    It says what it has to say, without a traceback or a warning, and what one writes the next one reads.
    """
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "conf.json").write_bytes(b"{}")
    (tmp_path / "app.bin").write_bytes(b"lamp" * 100)
    (tmp_path / "lamp.bin").write_bytes(set_up("mongoose").flash.image)

    for command in COMMANDS[what]:
        ran = python(tmp_path, "-m", "otalab", *command.split())
        assert ran.returncode in (0, 1), ran.stderr  # bad news are news
        assert ran.stdout
        assert "Traceback" not in ran.stderr, ran.stderr


@pytest.mark.slow
def test_a_campaign_by_two_workers_has_the_rows_of_here(tmp_path):
    """
    Bit for bit, on the default board and on the smallest.
    """
    for design, kind, devices in (("mongoose", CUT_SHORT, 4), ("hardened", TINY, 60_000)):
        asked = f"campaign {design} {kind} --rate 60 --devices {devices} --seed 3 --workers"
        told(python(tmp_path, "-m", "otalab", *asked.split(), 2, "--out", f"{design}-elsewhere"))
        assert 0 == main([*asked.split(), "1", "--out", str(tmp_path / f"{design}-here")])
        here, there = (pd.read_parquet(tmp_path / f"{design}-{place}" / "devices") for place in ("here", "elsewhere"))
        pd.testing.assert_frame_equal(here, there, check_exact=True)


SERVED = r"""
from pathlib import Path
from otalab.bench.setup import set_up
from otalab.wire.live.device import LiveDevice
from otalab.wire.live.process import curl
Path("fw.zip").write_bytes(set_up("mongoose").bundle)
lamp = LiveDevice("lamp.bin", design="mongoose", time_scale=0, no_sync=True)
with lamp:
    print(curl("-F", "file=@fw.zip", "-F", "commit_timeout=60", lamp.url + "/update"))
    lamp.wait_for(version="2", committed=True)
    refused = LiveDevice("lamp.bin", design="mongoose")
    try:
        refused.start()
    except Exception as error:
        print(error)
    lamp.kill()
    lamp.start()
    print(lamp.wait_for(version="2", committed=True)["active_slot"])
print(*lamp.log, sep="\n")
"""


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("curl"), reason="no curl on this machine")
def test_a_device_is_served_killed_and_stopped(tmp_path):
    """
    It takes an update, has one owner, is killed and comes back, and ends when it is asked to.
    """
    lines = told(python(tmp_path, "-c", SERVED)).splitlines()

    assert [APPLIED, "1"] == [lines[0], lines[2]]
    assert "is in use by another device" in lines[1]
    assert "stopped" == lines[-1]


@pytest.mark.slow
@pytest.mark.parametrize("numbers", ["00 01 02 03", deep("04 05"), deep("06 07"), "08"])
def test_notebooks_run(tmp_path, numbers):
    """
    From top to bottom, with what they start, each in a kernel of its own.
    """
    names = [name for name in NOTEBOOKS if name[:2] in numbers.split()]
    words = ("-m", "nbconvert", "--execute", "--to", "notebook", "--output-dir", tmp_path)
    told(python(FOLDER, *words, *(FOLDER / name for name in names)))

    assert len(numbers.split()) == len(names)
    assert names == sorted(path.name for path in tmp_path.glob("*.ipynb"))


def test_no_two_names_are_one_where_case_is_not_seen():
    """
    A checkout has every file on a disk that is blind to case, and none with a name that Windows keeps for itself.
    """
    kept = [path for place in ("otalab", "data", "docs", "notebooks", "tests") for path in (ROOT / place).rglob("*")]
    names = [path.relative_to(ROOT).as_posix() for path in kept if "__pycache__" not in path.parts]

    assert [] == [name for name, many in Counter(map(str.casefold, names)).items() if many > 1]
    assert [] == [name for name in names if re.search(r'[<>:"|?*\\]|[. ]$', name)]
    assert [] == [name for name in names if Path(name).stem.casefold() in RESERVED]
