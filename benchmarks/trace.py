"""How long a trace takes, import apart: the default scenario, and the two real bundles if they are at hand.

python benchmarks/trace.py [FOLDER WITH BUNDLES]
"""

import statistics
import sys
from pathlib import Path
from time import perf_counter

from otalab import life, set_up

BUNDLES = {
    "esp8266-4M": "esp8266-mel-ac-homekit-1.0.4.zip",
    "esp32-4M": "esp32-demo-js-1.0.zip",
}
LIMITS = {"lab-1M": 0.3, "esp8266-4M": 3.0, "esp32-4M": 3.0}


def measure(board: str, bundle: bytes | None) -> None:
    """Print the median of seven traces beside their limit; setting up counts too."""
    times = []
    for _ in range(7):
        begun = perf_counter()
        lived = life(set_up("hardened", board, bundle=bundle))
        times.append(perf_counter() - begun)
    effects = sum(len(run.steps) for run in lived.runs)
    print(f"{board:12} {effects:6} effects  {statistics.median(times):.3f} s, limit {LIMITS[board]} s")


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/fixtures")
    measure("lab-1M", None)
    for board, name in BUNDLES.items():
        if (folder / name).is_file():
            measure(board, (folder / name).read_bytes())
