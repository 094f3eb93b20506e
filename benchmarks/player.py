"""How quickly the player opens, steps and answers, in JupyterLab, on a full update of a 4 MB ESP32.

    python benchmarks/player.py [BUNDLE]

Without a bundle the board's default one is taken, which fills its slots with bytes that do not compress.
`work` is what a key press costs on the main thread, `painted` the time from the press to the frame that shows it,
beside an empty handler in the same page; in the burst every frame is asked which step it shows.
Numbers are printed and judged by whoever reads them.
"""

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from playwright.sync_api import Page, sync_playwright

from otalab.views.player.widget import UpdatePlayer

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "helpers"))
from browsing import CHROMIUM, FLAGS, jupyter, opened, value_of

NAME = "player.ipynb"
OPEN = """() => {
  window.begun = performance.now();
  window.seen = new Promise((done) => new MutationObserver((_, self) => {
    if (!document.querySelector('.otalab-player .records table')) return;
    self.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - window.begun)));
  }).observe(document.body, { childList: true, subtree: true }));
}"""
WORK = """(times) => {
  const player = document.querySelector('.otalab-player');
  return Array.from({ length: times }, () => {
    const begun = performance.now();
    player.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true, cancelable: true }));
    return performance.now() - begun;
  });
}"""
WATCH = """(selector) => {
  let node = document.querySelector(selector);
  if (!node) {
    node = Object.assign(document.body.appendChild(document.createElement('div')), { id: 'empty', tabIndex: 0 });
    node.dataset.lmSuppressShortcuts = 'true';
    node.addEventListener('keydown', (event) => { event.preventDefault(); event.stopPropagation(); });
  }
  node.focus({ preventScroll: true });
  window.times = [];
  window.onkeydown = null;
  node.parentElement.addEventListener('keydown', (event) => {
    const pressed = event.timeStamp;
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => window.times.push(performance.now() - pressed);
      channel.port2.postMessage(0);
    });
  }, { capture: true });
}"""
FRAMES = """() => {
  window.shown = new Set();
  window.watching = true;
  const look = () => {
    window.shown.add(Number(document.querySelector('.otalab-player .where').textContent.split(' ')[1]));
    if (window.watching) requestAnimationFrame(look);
  };
  look();
}"""
ANSWER = """async (press) => {
  const player = document.querySelector('.otalab-player'), begun = performance.now();
  const answered = new Promise((done) => new MutationObserver((_, self) => {
    const shown = press === 'Cut here' ? !player.querySelector('.cutting').hidden
      : player.querySelector('.sentence').textContent.includes('POWER FAILS');
    if (!shown) return;
    self.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
  }).observe(player, { childList: true, subtree: true, attributes: true }));
  player.querySelector(press === 'Cut here' ? '[title^="Cut the power in"]' : `[data-tear="${press}"]`).click();
  return answered;
}"""


def notebook(folder: Path, bundle: str) -> Path:
    """Write a notebook of two cells: the imports, and a player."""
    option = f", bundle={bundle!r}" if bundle else ""
    cells = ["from otalab.views.player.widget import UpdatePlayer", "import time; begun = time.perf_counter()"]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    made.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(made, folder / NAME)
    (folder / "cell.py").write_text(f'player = UpdatePlayer("hardened", "esp32-4M"{option})\nplayer')
    return folder / NAME


def told(what: str, milliseconds: list[float]) -> float:
    """Print a row of milliseconds and return its median."""
    median = statistics.median(milliseconds)
    worst = sorted(milliseconds)[int(0.95 * len(milliseconds))]
    print(f"{what:34} median {median:7.2f} ms   95 % {worst:7.2f} ms   of {len(milliseconds)}")
    return median


def opening(page: Page, cell: str) -> None:
    """Run the cell that makes the player, and say how long it takes until it is drawn."""
    page.evaluate(OPEN)
    page.evaluate(
        """async (source) => {
          const { shell, commands } = window.jupyterapp, panel = shell.currentWidget;
          panel.content.activeCellIndex = panel.content.widgets.length - 1;
          await commands.execute('notebook:insert-cell-below');
          panel.content.activeCell.model.sharedModel.setSource(source);
          window.begun = performance.now();
          commands.execute('notebook:run-cell');
        }""",
        cell,
    )
    print(f"{'opening, cell to picture':34} {page.evaluate('() => window.seen'):14.0f} ms")
    # A display beside it, so that the next cells do not scroll it away.
    sizes = value_of(page, "len(player.trace), len(player.life)")
    print(f"{'bytes over the wire, positions':34} {sizes:>17}")


def painted(page: Page, selector: str, times: int = 100) -> list[float]:
    """Press a key some times, each after the last one was shown."""
    page.evaluate(WATCH, selector)
    for n in range(times):
        page.keyboard.press("ArrowRight")
        page.wait_for_function("(n) => window.times.length > n", arg=n)
    return page.evaluate("() => window.times")


def burst(page: Page, presses: int = 90, rate: int = 30) -> None:
    """Press a key thirty times a second; count the steps that were on the screen, and what is left over."""
    page.evaluate("() => document.querySelector('.otalab-player').focus({ preventScroll: true })")
    page.evaluate(FRAMES)
    first = page.evaluate("() => Math.max(...window.shown)")
    begun = time.perf_counter()
    for n in range(presses):
        page.keyboard.press("ArrowRight")
        time.sleep(max(0.0, begun + (n + 1) / rate - time.perf_counter()))
    seconds = time.perf_counter() - begun
    last = page.evaluate("() => Math.max(...window.shown)")
    page.wait_for_timeout(500)
    late = page.evaluate("() => { window.watching = false; return Math.max(...window.shown); }")
    shown = page.evaluate("() => window.shown.size") - 1
    print(
        f"burst: {presses} presses in {seconds:.2f} s, {shown} steps shown, {late - last} left over at the end, ",
        end="",
    )
    print(f"{first + presses - late} lost")


def main(bundle: str) -> None:
    """Print every row."""
    begun = time.perf_counter()
    UpdatePlayer("hardened", "esp32-4M", **({"bundle": bundle} if bundle else {}))
    print(f"{'made in Python':34} {1000 * (time.perf_counter() - begun):14.0f} ms")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        server = jupyter(folder, [notebook(folder, bundle)], ["jupyter", "lab"], "LabApp.expose_app_in_browser")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        try:
            page = browser.new_page(viewport={"width": 1300, "height": 1100})
            opened(page, server, "lab/tree", NAME, widget="")
            opening(page, (folder / "cell.py").read_text())
            value_of(page, "player.goto('download', 40); 0")
            page.locator(".otalab-player").scroll_into_view_if_needed()
            told("work per step", page.evaluate(WORK, 200))
            shown = told("key press to painted frame", painted(page, ".otalab-player"))
            empty = told("the same, empty handler", painted(page, "#empty"))
            print(f"{'ratio':34} {shown / empty:14.2f}")
            burst(page)
            answers = []
            for _ in range(5):
                value_of(page, "player.tears = {}; player.goto('switch', 1); 0")
                page.wait_for_timeout(300)
                answers.append(page.evaluate(ANSWER, "Cut here"))
            told("cut here to the list", answers)
            told("a tear to its recovery", [page.evaluate(ANSWER, "prefix-1")])
            print(f"{'bytes of that recovery':34} {value_of(page, 'len(player.recovery), len(player.life)'):>17}")
        finally:
            browser.close()
            server.stop()


if __name__ == "__main__":
    assert shutil.which("chromium"), "this needs chromium"
    main(str(Path(sys.argv[1]).resolve()) if sys.argv[1:] else "")
