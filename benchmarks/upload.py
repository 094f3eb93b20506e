"""How long a bundle of 1.8 MB takes to install, beside curl sending the same file to a bare upload handler.

python benchmarks/upload.py BUNDLE [--board esp32-4M] [--runs 5]
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from otalab.wire.live.device import LiveDevice


class Bare(BaseHTTPRequestHandler):
    """Reads a body and says so."""

    protocol_version = "HTTP/1.1"  # or curl waits a second for its Expect to be answered

    def do_POST(self) -> None:
        """Take the body in, in pieces, and drop it."""
        left = int(self.headers["Content-Length"])
        while left:
            left -= len(self.rfile.read(min(left, 65536)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


def curl(bundle: Path, url: str) -> float:
    """Return how long curl takes to send a bundle, in seconds."""
    begun = time.monotonic()
    subprocess.run(["curl", "-s", "-f", "-F", f"file=@{bundle}", url], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begun


def main() -> int:
    """Measure in turn and print the medians and their ratio."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("bundle", type=Path)
    options.add_argument("--board", default="esp32-4M")
    options.add_argument("--runs", type=int, default=5)
    chosen = options.parse_args()
    bare = HTTPServer(("127.0.0.1", 0), Bare)
    threading.Thread(target=bare.serve_forever, daemon=True).start()
    installed, sent = [], []
    with (
        tempfile.TemporaryDirectory() as folder,
        LiveDevice(Path(folder, "flash.bin"), board=chosen.board, time_scale=0, no_sync=True) as device,
    ):
        for _ in range(chosen.runs):
            installed.append(curl(chosen.bundle, device.url + "/update"))
            device.wait_for(committed=True, state="running")
            sent.append(curl(chosen.bundle, f"http://127.0.0.1:{bare.server_port}/"))
    ours, theirs = statistics.median(installed), statistics.median(sent)
    print(f"installed in {ours:.2f} s (limit 10 s), bare upload {theirs:.3f} s, ratio {ours / theirs:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
