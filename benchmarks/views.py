"""How much memory a kernel takes on when one cell is run again and again, with a player below it.

    python benchmarks/views.py [--runs 200] [--board lab-1M] [--new]

Each run makes a player and its display, as a notebook does; `--new` has each run play another update, so that nothing
is shared.  Printed: MB at the beginning and at the end, of the whole process, and how many widgets are kept.
"""

import argparse
from secrets import token_hex

import ipywidgets.widgets.widget as registry
import psutil
from tqdm import tqdm

from otalab.views import view
from otalab.views.player import UpdatePlayer


class Cell:
    """One cell of a kernel, run again and again."""

    kernel = property(lambda self: self)

    def get_parent(self, _channel: str) -> dict:
        """Return the request that is carried out."""
        return self.request

    def run(self) -> None:
        """Run it once more."""
        self.request = {"metadata": {"cellId": "one"}, "header": {"msg_id": token_hex(4)}}


def main() -> None:
    """Run the cell, and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--runs", type=int, default=200)
    options.add_argument("--board", default="lab-1M")
    options.add_argument("--new", action="store_true", help="another update each time")
    chosen = options.parse_args()
    cell, process, history = Cell(), psutil.Process(), []
    view.get_ipython = lambda: cell
    before = 0.0
    for number in tqdm(range(chosen.runs)):
        cell.run()
        player = UpdatePlayer("hardened", chosen.board, **({"app_size": 4000 + number} if chosen.new else {}))
        player._repr_mimebundle_()
        if not chosen.new:
            history.append(player)  # as `Out` does, where the player is the last line of its cell
        before = before or process.memory_info().rss / 1e6
    after = process.memory_info().rss / 1e6
    print(f"{chosen.runs} runs: {before:.0f} MB after the first, {after:.0f} MB after the last,", end=" ")
    print(f"{after - before:.1f} MB more; {len(registry._instances)} widgets are kept")


if __name__ == "__main__":
    main()
