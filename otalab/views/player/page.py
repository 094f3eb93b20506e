"""The player as one page: its module, its style and its life in a file that needs no kernel and no network.

The module is the one that the notebook uses, letter by letter; the page gives it a model that answers nothing.
"""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

from otalab.json_text import script_text
from otalab.views.modules import SIGNS, joined
from otalab.views.style import styled

STATIC = Path(__file__).parent
# One module in four files: what is played, what is drawn, where it is cut, and what a hand does.
FILES = ("player_life.js", "player_views.js", "player_bolt.js", "player.js")
ESM = joined(SIGNS, *(STATIC / name for name in FILES))
CSS = styled(STATIC / "player.css")


def page(title: str, trace: bytes, recovery: bytes, traits: dict[str, Any]) -> str:
    """Return the page of a tape and the tape of its recovery."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415  # a player needs none

    traits = traits | {"trace": b64encode(trace).decode(), "recovery": b64encode(recovery).decode()}
    environment = Environment(
        loader=FileSystemLoader(STATIC), autoescape=True, undefined=StrictUndefined,
        keep_trailing_newline=True,
    )  # fmt: skip
    return environment.get_template("page.html").render(
        title=title, css=CSS, esm=ESM.replace("</script", "<\\/script"),
        traits=script_text(traits),
    )  # fmt: skip
