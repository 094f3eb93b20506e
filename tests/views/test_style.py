"""One palette: what means the same has one colour everywhere, and what is read can be read."""

import re
from itertools import combinations
from pathlib import Path

import pytest

import otalab.views
from otalab import load_board
from otalab.bench.ends import ENDS
from otalab.hardware.board import boards
from otalab.hardware.effects import PHASES
from otalab.views import style
from otalab.views.player.widget import UpdatePlayer
from otalab.views.widgets.commit_timer import CommitTimerLab
from otalab.views.widgets.dashboard import CampaignDashboard
from otalab.views.widgets.graph import CrashGraphView
from otalab.views.widgets.sequencer import SequencerLab

VIEWS = Path(otalab.views.__file__).parent
WIDGETS = (UpdatePlayer, CommitTimerLab, CampaignDashboard, CrashGraphView, SequencerLab)
COLOUR = re.compile(r"#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{3})\b")
GROUNDS = (("#ffffff", "#000000"), ("#111111", "#eeeeee"))  # paper and ink, light and dark


def luminance(colour):
    parts = (int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("ground", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("name", style.TEXT)
def test_what_is_text_can_be_read(name, ground):
    """
    4.5 to 1, on the paper and on its own tinted one; and so can the paper on it, as marked bits are.
    """
    colour, (paper, _) = style.TEXT[name][ground], GROUNDS[ground]

    assert 4.5 <= contrast(colour, paper)
    assert 4.5 <= contrast(colour, style.PAPERS[f"{name}-paper"][ground])


@pytest.mark.parametrize("page", ["report/report.css", "player/page.html"])
def test_what_is_faint_can_be_read_where_a_page_sets_its_own_dark(page):
    """
    Ink and faint ink, on each of its grounds: a page that sets one of them and not the other has light ink's shade.
    """
    dark = (VIEWS / page).read_text(encoding="utf-8").partition("(prefers-color-scheme: dark)")[2].partition("}")[0]
    colours = dict(re.findall(r"--([\w-]+): (#\w+|var\(--[\w-]+\));", dark))

    def whole(name):
        colour = colours[name]
        if colour.startswith("var"):
            return whole(colour[6:-1])
        return colour if len(colour) == 7 else "#" + "".join(2 * digit for digit in colour[1:])

    for ink in ("ui-font-color1", "ui-font-color2"):
        for ground in ("layout-color0", "layout-color1"):
            assert 4.5 <= contrast(whole(f"jp-{ink}"), whole(f"jp-{ground}")), (ink, ground)


def test_contrast_is_that_of_the_standard():
    """
    Black on white is 21; a grey that is known to be just enough.
    """
    assert pytest.approx(21) == contrast("#000000", "#ffffff")
    assert pytest.approx(4.54, abs=0.01) == contrast("#767676", "#ffffff")


@pytest.mark.parametrize("name", style.VERDICT_COLOURS)
def test_a_verdict_in_a_table_can_be_read(name):
    """
    It is black on its colour.
    """
    assert 4.5 <= contrast("#000000", style.VERDICT_COLOURS[name])


def test_every_meaning_has_a_colour():
    """
    Every phase, end and verdict, and every owner of every board.
    """
    assert set(PHASES) == set(style.PHASE_COLOURS)
    assert list(ENDS) == list(style.END_COLOURS)
    assert {"safe", "unsafe", "open"} == set(style.VERDICT_COLOURS)
    named = {style.slug(name) for name in style.OWNER_COLOURS}
    assert {style.slug(name) for board in boards() for name, _ in load_board(board).owners()} <= named


@pytest.mark.parametrize("table", ["PHASE_COLOURS", "OWNER_COLOURS", "END_COLOURS", "SORTS", "LANES"])
def test_what_is_told_apart_has_two_colours(table):
    """
    No two meanings of one table share one, in the dark either.
    """
    for one, other in combinations(getattr(style, table).values(), 2):
        assert one != other
        assert style.IN_THE_DARK.get(one, one) != style.IN_THE_DARK.get(other, other)


@pytest.mark.parametrize("widget", WIDGETS, ids=lambda one: one.__name__)
def test_every_variable_of_a_widget_is_in_the_palette(widget):
    """
    What its style and its script ask for is set, on light and on dark ground.
    """
    css, asked = str(widget._css), set()
    for text in (css, str(widget._esm)):
        asked |= {name for name in re.findall(r"var\(--otalab-([\w-]+)\)", text) if not name.endswith("-")}

    assert asked <= set(re.findall(r"--otalab-([\w-]+):", style.variables()))
    assert style.variables() in css


def test_the_player_knows_the_colours_that_it_paints_with():
    """
    Its canvas asks for phases and owners by name.
    """
    script = (VIEWS / "player" / "player.js").read_text(encoding="utf-8")
    known = re.findall(r'"([\w-]+)"', script.partition("const COLOURS")[2].partition("]")[0])

    needed = {style.slug(name) for name in (style.PHASE_COLOURS | style.OWNER_COLOURS)}
    assert needed <= set(known)


@pytest.mark.parametrize("path", sorted(VIEWS.rglob("*.css")), ids=lambda path: path.name)
def test_a_style_names_no_colour_of_its_own(path):
    """
    But the report, whose ink and papers are set where it begins.
    """
    text = path.read_text(encoding="utf-8")
    if path.name == "report.css":
        text = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    assert [] == COLOUR.findall(text)


def test_no_figure_names_a_colour_of_its_own():
    """
    They are all in the palette.
    """
    texts = {path.name: path.read_text(encoding="utf-8") for path in VIEWS.rglob("*.py") if path.name != "style.py"}
    assert [] == [name for name, text in texts.items() if COLOUR.findall(text)]


@pytest.mark.parametrize("slots", [2, 3, 16])
def test_every_owner_of_a_board_with_more_slots_has_a_colour(slots):
    """
    Slots from 2 on share one, and slot 10 is not taken for slot 1.
    """
    apart = {"slot 0 app", "slot 1 app", "slot 2 app", "factory app", "files", "record 0"} if slots > 2 else {"files"}
    assert len(apart) == len({style.colour_of_owner(owner) for owner in apart})
    for number in range(2, slots):
        assert style.OWNER_COLOURS["slot 2"] == style.colour_of_owner(f"slot {number} app")
