"""The report on paper: printed by a Chromium that is installed, without a window."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from otalab.errors import BadInput, OtalabError
from otalab.files import MADE, read_bytes, write_whole

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SECONDS = 120


def chromium() -> str:
    """Return the path of a browser that can print; without one, say so in a line."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    raise BadInput(f"--pdf: no Chromium on the PATH ({', '.join(NAMES)}); print the HTML page from any browser")


def printed(text: str, browser: str) -> bytes:
    """Return a page as the contents of a PDF file."""
    with tempfile.TemporaryDirectory() as folder:
        page, pdf = Path(folder, "report.html"), Path(folder, "report.pdf")
        write_whole(page, text, sync=False)
        _print(page, pdf, browser)
        # Readers look for the end of a PDF from behind, and pass over comments.
        return read_bytes(pdf) + f"% {MADE}\n".encode()


def _print(page: Path, pdf: Path, browser: str) -> None:
    # Chromium refuses to run as root with its sandbox; the page asks for nothing and is our own.
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    words = [browser, "--headless", *root, "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--no-pdf-header-footer", f"--print-to-pdf={pdf}", page.resolve().as_uri()]  # fmt: skip
    try:
        ran = subprocess.run(
            words, capture_output=True, encoding="utf-8", errors="replace", timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise OtalabError(
            f"{browser} did not print within {SECONDS} s; the HTML page can be printed by hand"
        ) from error
    if ran.returncode or not pdf.is_file():
        last = (ran.stderr.strip().splitlines() or ["it did not say why"])[-1]
        raise OtalabError(f"{browser} did not print: {last}")
