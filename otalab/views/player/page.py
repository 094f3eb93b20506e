"""The player as one page: its module, its style and its life in a file that needs no kernel and no network.

The module is the one that the notebook uses, letter by letter; the page gives it a model that answers nothing.
"""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def page(title: str, trace: bytes, recovery: bytes, traits: dict[str, Any], *, esm: str, css: str) -> str:
    """Return the page of a tape and the tape of its recovery."""
    traits = traits | {"trace": b64encode(trace).decode(), "recovery": b64encode(recovery).decode()}
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        keep_trailing_newline=True,
    )  # fmt: skip
    # Inside a script element only its own end must not appear.
    return environment.get_template("page.html").render(
        title=title, css=css, esm=esm.replace("</script", "<\\/script"),
        traits=json.dumps(traits).replace("</", "<\\/"),
    )  # fmt: skip
