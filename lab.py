"""Open the lab, or test it, with nothing but Python 3.11 or later.

    python3 lab.py run                opens JupyterLab on the first notebook
    python3 lab.py test [ARG ...]     runs all tests, on every core, or what pytest makes of the arguments
    python3 lab.py otalab [ARG ...]   runs the command `otalab`

Of the arguments after `test` a file or a test by its name is run in one process; `-n 0` keeps all of them in one.
The first call makes `.venv` beside this file and installs into it; later calls find it ready.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import webbrowser
from pathlib import Path

# Stands before anything that an older Python could stumble over.
if sys.version_info < (3, 11):
    sys.exit(f"otalab needs Python 3.11 or later, and this is {sys.version.split()[0]}.")

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "otalab.stamp"
BIN, EXE = (VENV / "Scripts", ".exe") if os.name == "nt" else (VENV / "bin", "")
PYTHON = str(BIN / f"python{EXE}")
# Ten times as slow as uv, and there where uv cannot be had or only pip is told of a mirror.
PIP = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-compile"]
MOST_PROCESSES = 8  # more wait for the longest file
WAITING = 2  # processes more than cores: many tests wait for a device, a broker or a browser
FIRST_NOTEBOOK = "notebooks/00_start_here.ipynb"

ENV = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}
# Without stored bytecode every start compiles JupyterLab and pandas afresh.
ENV.pop("PYTHONDONTWRITEBYTECODE", None)


def fingerprint() -> str:
    """What the environment depends on; when any of it changes, a new one is made."""
    files = [(ROOT / name).read_bytes() for name in ("pyproject.toml", "requirements.lock")]
    return hashlib.sha256(b"\0".join([*files, sys.version.encode(), os.fsencode(ROOT)])).hexdigest()


def prepare() -> None:
    """Make `.venv` and fill it, unless it is ready."""
    wanted = fingerprint()
    if STAMP.exists() and STAMP.read_text(encoding="utf-8") == wanted:
        return
    print("Setting up .venv; this is done once and takes half a minute or more.", file=sys.stderr, flush=True)
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], env=ENV, capture_output=True, check=False)
    if made.returncode:
        sys.exit("Python's venv is missing or broken here; on Debian and Ubuntu: apt install python3-venv.")
    if not any(installer and install(installer) for installer in (uv(), PIP)):
        sys.exit("The packages could not be installed; the lines above say why.")
    compile_all()
    STAMP.write_text(wanted, encoding="utf-8")  # last, so that a setup that was broken off is begun again


def uv() -> list[str]:
    """Return the command of the quick installer, brought here by pip where there is none, or nothing."""
    found = shutil.which("uv")
    if not found:
        subprocess.run([*PIP, "-q", "uv"], env=ENV, stdout=sys.stderr, check=False)
        found = shutil.which("uv", path=str(BIN))
    return [found, "pip", "install", "--python", PYTHON] if found else []


def install(installer: list[str]) -> bool:
    """Install the lab itself, editable, and what it needs in the versions of the lock."""
    what = ["-q", "-c", "requirements.lock", "-e", ".[fast,net,scale,test]"]
    # Standard output belongs to the command that was asked for.
    with subprocess.Popen([*installer, *what], cwd=ROOT, env=ENV, stdout=sys.stderr) as child:
        while child.poll() is None:
            # It works on one core.  A file that is not whole yet has another size later, and is compiled again.
            compile_all(cores=1)
    return child.returncode == 0


def compile_all(cores: int = 0) -> None:
    """Store the bytecode of all packages, on every core: pip would do it on one, and each start without it is slow."""
    # Some packages ship templates that are no Python; that they cannot be compiled is nobody's business here.
    # Their own tests, a quarter of all, are run by nobody here.
    command = [PYTHON, "-m", "compileall", "-qq", "-j", str(cores), "-x", r"[/\\]tests?[/\\]", str(VENV)]
    subprocess.run(command, env=ENV, stdout=sys.stderr, check=False)


def jupyter() -> list[str]:
    """Return the command for JupyterLab; where it can open no browser, it prints the address instead."""
    command = [PYTHON, "-m", "jupyterlab", f"--ServerApp.root_dir={ROOT}"]
    command.append(f"--LabApp.default_url=/lab/tree/{FIRST_NOTEBOOK}")
    if not has_browser():
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    return command


def has_browser() -> bool:
    """Tell whether a browser can open in a window; one that fills the terminal would be in the way."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def everywhere(arguments: list[str]) -> list[str]:
    """Return the words that spread the tests over the cores; a file or a test that is named is quicker without."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    named = any((ROOT / word.partition("::")[0]).exists() for word in arguments)
    return [] if named or cores == 1 else ["-n", str(min(cores + WAITING, MOST_PROCESSES))]


def start(command: list[str], cwd: Path | None = None) -> int:
    """Run a command to its end; Ctrl-C is its business alone, and so is every other signal where it can be."""
    if os.name == "posix":  # the command takes the launcher's place: who ends the one has not left the other behind
        os.chdir(cwd or Path.cwd())
        os.execve(command[0], command, ENV)  # noqa: S606  # no shell is what is wanted
    child = subprocess.Popen(command, cwd=cwd, env=ENV)
    # After the start, or the child would inherit it; before the wait, or the child would outlive its launcher.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return child.wait()


def main(arguments: list[str]) -> int:
    """Do what the first argument names."""
    # An older Python reads the whole file before it is told off: no `match` here.
    name, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if name not in {"run", "test", "otalab"}:
        print(__doc__.strip())
        return 0 if name in {"-h", "--help"} else 2
    prepare()
    if name == "run":
        return start([*jupyter(), *rest], cwd=ROOT)
    if name == "test":
        return start([PYTHON, "-m", "pytest", *everywhere(rest), *rest], cwd=ROOT)
    return start([str(BIN / f"otalab{EXE}"), *rest])


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("Interrupted; the next call begins the setup again.")
