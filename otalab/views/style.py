"""One palette: what means the same has one colour, in figures, widgets and reports; their CSS variables are made here.

Colours are Okabe and Ito's, told apart by the colour-blind; whatever they say, a shape, a hatch or a word says too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

BLACK, WHITE = "#000000", "#ffffff"
ORANGE, SKY, GREEN = "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PINK, GREY = "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#999999"
# On a dark ground; the others are light enough.
IN_THE_DARK = {BLACK: "#dddddd", BLUE: "#3d9bd6"}

PHASE_COLOURS = {
    "boot": BLACK,
    "download": BLUE,
    "merge": SKY,
    "switch": VERMILION,
    "trial": ORANGE,
    "commit": GREEN,
    "rollback": PINK,
}
OWNER_COLOURS = {
    "boot loader": BLACK,
    "record": VERMILION,
    "state": GREEN,
    "slot 0": BLUE,
    "slot 1": ORANGE,
    "slot 2": YELLOW,
    "factory": PINK,
    "files": SKY,
    "free": GREY,
}
END_COLOURS = {
    "updated": GREEN,
    "rolled-back": SKY,
    "update-lost": ORANGE,
    "bricked": VERMILION,
    "data-lost": PINK,
    "stuck": BLUE,
    "not-updatable": YELLOW,
}
# The shape tells the ends apart where there is no colour.
END_SIGNS = {
    "updated": "o",
    "rolled-back": "s",
    "update-lost": "^",
    "bricked": "X",
    "data-lost": "P",
    "stuck": "D",
    "not-updatable": "v",
}
VERDICT_COLOURS = {"safe": GREEN, "unsafe": VERMILION, "open": YELLOW}
# The sorts of fields in a boot record.
SORTS = {
    "sequencer": VERMILION,
    "slot": BLUE,
    "flag": ORANGE,
    "interval": PINK,
    "facts of slot 0": SKY,
    "facts of slot 1": YELLOW,
    "check": GREEN,
    "other": GREY,
}
# Who acts in the race of commit and commit timer.
LANES = {
    "new image": SKY,
    "old image": BLUE,
    "commit timer": ORANGE,
    "operator": PINK,
    "boot record": VERMILION,
}
# What was sampled, and what is computed; shares of the time, of all cuts, of fatal ones.
ESTIMATE, EXACT = BLUE, VERMILION
SHARES = (BLUE, ORANGE, VERMILION)
SERIES = (BLUE, ORANGE, GREEN, VERMILION)

# What is read as text, or lies under it: on light and on dark ground.
TEXT = {
    "good": ("#00694b", "#5fcfa9"),
    "bad": ("#a83f00", "#ff9a63"),
    "open": ("#7a5600", "#e8be5a"),
}
PAPERS = {
    "good-paper": ("#edf6f2", "#14231d"),
    "bad-paper": ("#fbf0ea", "#2a1a11"),
    "open-paper": ("#faf4e4", "#272010"),
}
# JupyterLab's theme where there is one, else its light one.
THEME = {
    "ink": "var(--jp-ui-font-color1, #111)",
    "faint": "var(--jp-ui-font-color2, #595959)",
    "line": "var(--jp-border-color1, #bbb)",
    "edge": "var(--jp-ui-font-color2, #767676)",
    "paper": "var(--jp-layout-color1, #fff)",
    "raised": "var(--jp-layout-color2, #eee)",
    "focus": "var(--jp-brand-color1, #0072B2)",
    "label": "#fff",
    "label-ink": "#000",
}
# Where the reader's system has the last word on colours, ink, paper and what is drawn in them are its own.
FORCED = (
    dict.fromkeys(("ink", "faint", "line", "edge", "label-ink", "good", "bad", "open", "record", "boot"), "CanvasText")
    | dict.fromkeys(("paper", "raised", "label", *PAPERS), "Canvas")
    | {"focus": "Highlight"}
)
# What JupyterLab's dark theme has, for a page that has no JupyterLab.
DARK_PAGE = {
    "layout-color0": "#161616", "layout-color1": "#161616", "layout-color2": "#2a2a2a",
    "border-color1": "#777", "ui-font-color1": "#eee", "ui-font-color2": "#bbb", "brand-color1": "#3d9bd6",
}  # fmt: skip
WIDGETS = ":is(.otalab-player, .otalab-race, .otalab-dash, .otalab-graph, .otalab-seq)"
ALONE = ".otalab-alone"


def styled(*files: Path) -> str:
    """Return the style of a widget or a page: the variables of the palette, then its own files."""
    return "\n".join([variables(), *(path.read_text(encoding="utf-8") for path in files)])


def variables() -> str:
    """Return the palette as CSS variables, each as `--otalab-NAME`: phases, owners, ends, texts, and the theme's."""
    theme = _rules(THEME.items())
    forced = _rules(FORCED.items())
    light, dark = (_rules(_named(ground)) for ground in (0, 1))
    return f"""\
{WIDGETS} {{ {theme} }}
{WIDGETS}, {ALONE} {{ {light} }}
[data-jp-theme-light="false"] {WIDGETS} {{ {dark} }}
@media screen and (prefers-color-scheme: dark) {{ {ALONE}, {ALONE} {WIDGETS} {{ {dark} }} }}
@media (forced-colors: active) {{
{WIDGETS}, {ALONE}, body {WIDGETS} {{ {forced} }}
:is({WIDGETS}, {ALONE}) :is(mark, .swatch, .byte) {{ forced-color-adjust: none; }}
}}
"""


def page_theme() -> str:
    """Return what stands on a page of its own for JupyterLab's theme, in light and in dark."""
    dark = " ".join(f"--jp-{name}: {colour};" for name, colour in DARK_PAGE.items())
    theme = f"{ALONE} {{ {_rules(THEME.items())} }}"
    # Before the palette: where the reader's system chooses the colours, that comes later and counts.
    return f"{theme}\n@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"


def _named(ground: int) -> Iterator[tuple[str, str]]:
    """Yield each variable with its colour on light (0) or dark (1) ground."""
    own = {slug(name): colour for name, colour in (PHASE_COLOURS | OWNER_COLOURS).items()}
    own |= {f"end-{name}": colour for name, colour in END_COLOURS.items()}
    own |= {f"share-{n}": colour for n, colour in enumerate(SHARES)} | {"estimate": ESTIMATE, "exact": EXACT}
    for name, colour in own.items():
        yield name, IN_THE_DARK.get(colour, colour) if ground else colour
    for name, pair in (TEXT | PAPERS).items():
        yield name, pair[ground]


def _rules(named: Iterable[tuple[str, str]]) -> str:
    return " ".join(f"--otalab-{name}: {colour};" for name, colour in named)


def colour_of_owner(owner: str) -> str:
    """Return the colour of an owner of sectors, as `Board.owner_of` names it."""
    return next(colour for name, colour in OWNER_COLOURS.items() if slug(name) == slug(owner))


def slug(name: str) -> str:
    """Return the name of a phase or an owner as a variable has it: `slot 0 app` is `slot-0`, `record 1` is `record`.

    Slots from 2 on share what slot 2 has: there are more slots than colours.
    """
    words = name.split()
    return f"slot-{min(int(words[1]), 2)}" if words[0] == "slot" else words[0]
