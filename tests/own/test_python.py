"""Code in Python is code: the same entries, the same ends, and globals that die with the power."""

import pytest

from otalab import set_up
from otalab.bench.observer import judge
from otalab.bench.trace import life
from otalab.cli.main import main
from otalab.errors import BadInput, Unrepeatable
from otalab.graph.check import check_design
from otalab.hardware.effects import Erase, Program
from otalab.settings import EXAMPLES

PAGE = str(EXAMPLES / "python" / "firmware.toml")
STARTS = "def ota_boot():\n    return ota.SLOT_0\n"


def page(folder, source, more="seconds = 0.1\n"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "loader.py").write_text(source)
    (folder / "firmware.toml").write_text(f'name = "mine"\nboard = "tiny"\nsources = ["loader.py"]\n{more}')
    return str(folder / "firmware.toml")


def writes(lived):
    return [[(s.phase, s.effect) for s in run.steps if isinstance(s.effect, Erase | Program)] for run in lived.runs]


@pytest.mark.parametrize("board", ["tiny", "lab-1M"])
def test_it_writes_what_the_design_writes(board):
    """
    Effect by effect, in the same phases, on the same contents, with the same outcome.
    """
    design, own = (set_up(one, board) for one in ("mongoose", PAGE))
    lived, alike = life(design), life(own)

    assert design.flash == own.flash
    assert writes(lived) == writes(alike)
    assert (lived.last.outcome, lived.last.flash) == (alike.last.outcome, alike.last.flash)


@pytest.mark.parametrize("faults", ["atomic", "torn-program", "weak-erase"])
@pytest.mark.parametrize("image", ["healthy", "crashes", "hangs", "flaky"])
def test_its_verdict_is_the_designs(faults, image):
    """
    Verdict, ends, states and the way to the worst of them.
    """
    cells = [check_design(one, faults, image, "tiny", budget=60, app_size=500) for one in ("mongoose", PAGE)]
    bad = [one.graph.counterexample for one in cells]

    assert len({(one.verdict, tuple(one.graph.ends), one.graph.nodes) for one in cells}) == 1
    assert (bad[0] and bad[0].legs) == (bad[1] and bad[1].legs)


BOOTS = {
    "an exception": (
        "return [][0]",
        "the boot loader crashed: loader.py:2: IndexError: list index out of range, in ota_boot",
    ),
    "a read beyond the chip": (
        "return ota.read(0x1cffe, 4)",
        "the boot loader crashed: ota.read: 4 bytes at 0x1cffe cannot",
    ),
    "an erase askew": (
        "yield from ota.erase(1, ota.SECTOR_SIZE)",
        "the boot loader crashed: ota.erase: 4096 bytes at 0x1",
    ),
    "no number": ("return 'slot'", "the boot loader crashed: ota_boot returned 'slot', and a number is needed"),
    "a loop": (
        "while True: pass",
        "the boot loader hangs: ota_boot does not come back: it took 0.1 s of processor time",
    ),
    "a loop that waits": (
        "while True: yield from ota.wait(1, 'for good')",
        "the boot loader hangs: ota_boot does not end: it did more than 1856 things",
    ),
    "a loop that keeps everything": (
        "while True:\n        try:\n            ota.read(0x1d000, 1)\n        except Exception:\n            pass",
        "the boot loader crashed: ota.read: 1 bytes at 0x1d000",
    ),
    "what is yielded and not done": ("yield ota.wait(1, 'x')", "the boot loader crashed: <generator object"),
    "nothing": ("return None", "the boot loader halts"),
}


@pytest.mark.parametrize("what", BOOTS)
def test_a_loader_that_dies_is_bricked(tmp_path, what):
    """
    It says why, with file and line where they are known.
    """
    body, reason = BOOTS[what]
    scenario = set_up(page(tmp_path, f"def ota_boot():\n    {body}\n"), app_size=500)
    end = judge(scenario, life(scenario))

    assert ("bricked", reason) == (end.name, end.reason[: len(reason)])


REFUSED = {
    "a syntax error": ("def ota_boot(:\n", "loader.py:1: invalid syntax"),
    "no loader": ("other = 1\n", "loader.py: defines no ota_boot, and nothing starts without it"),
    "an error on the way": (f"import nowhere\n{STARTS}", "loader.py:1: ModuleNotFoundError: No module named 'nowhere'"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_module_that_cannot_be_run_is_refused(tmp_path, what):
    """
    In one line, with its place.
    """
    source, said = REFUSED[what]

    with pytest.raises(BadInput) as error:
        set_up(page(tmp_path, source), app_size=500)
    assert said in str(error.value)


def test_it_is_one_module(tmp_path):
    """
    Several files are C.
    """
    where = page(tmp_path, STARTS)
    (tmp_path / "firmware.toml").write_text('sources = ["loader.py", "loader.py"]\n')

    with pytest.raises(BadInput, match="code in Python is one module"):
        set_up(where)


def test_ram_dies_with_the_power(tmp_path):
    """
    A global is what the module makes it, at each power-on; within one it is kept, from the loader to the image.
    """
    source = """
times = []
def ota_boot():
    times.append(1)
    return ota.SLOT_0 if len(times) == 1 else 0
def ota_update():
    times.append(1)
    ota.log("twice" if len(times) == 2 else "otherwise")
    return 0
"""
    lived = life(set_up(page(tmp_path, source), app_size=500))

    assert lived.endless
    assert {"twice"} == {line for run in lived.runs for _, line in run.log if "Starting" not in line}


def test_two_equal_runs_that_differ_are_a_finding(tmp_path):
    """
    It is said at once, and nothing is proved of such code.
    """
    source = f"import time\n{STARTS}"
    source = source.replace("return", "return time.perf_counter_ns() and ota.log(str(time.perf_counter_ns())) or")

    with pytest.raises(Unrepeatable, match="mine: two equal runs differ before ota_boot"):
        set_up(page(tmp_path, source), app_size=500)


def test_there_is_nothing_to_compile(capsys, tmp_path):
    """
    What `build` says of C, it says of a module that starts, without a compiler.
    """
    page(tmp_path, STARTS)

    assert 0 == main(["firmware", "build", str(tmp_path)])
    assert f"{tmp_path / 'loader.py'}: mine for board tiny; there is nothing to compile\n" == capsys.readouterr().out
