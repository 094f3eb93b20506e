"""The player as one page: its module, its style and its life in a file that needs no kernel and no network.

The module is the one that the notebook uses, letter by letter; the page gives it a model that answers nothing.
"""

from __future__ import annotations

import json
from base64 import b64encode
from html import escape
from typing import Any

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="made by otalab">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font-family: system-ui, sans-serif; margin: 1rem; background: var(--jp-layout-color0, #fff); }}
@media (prefers-color-scheme: dark) {{ :root {{ --jp-layout-color0: #111; --jp-layout-color1: #1c1c1c;
  --jp-layout-color2: #333; --jp-border-color1: #777; --jp-ui-font-color1: #eee; }} }}
{css}
</style>
</head>
<body class="otalab-alone">
<h1 style="font-size: 1.2rem; color: var(--jp-ui-font-color1, #111)">{title}</h1>
<main id="player"></main>
<script type="text/plain" id="module">{esm}</script>
<script type="application/json" id="traits">{traits}</script>
<script type="module">
const text = (id) => document.getElementById(id).textContent;
const bytes = (base64) => new DataView(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer);
const traits = JSON.parse(text("traits"));
for (const name of ["trace", "recovery"]) traits[name] = bytes(traits[name]);
const model = {{
  alone: true,
  get: (name) => traits[name],
  set: (name, value) => {{ traits[name] = value; }},
  on() {{}}, off() {{}}, send() {{}}, save_changes() {{}},
}};
const url = URL.createObjectURL(new Blob([text("module")], {{ type: "text/javascript" }}));
const player = (await import(url)).default;
await player.render({{ model, el: document.getElementById("player") }});
</script>
</body>
</html>
"""


def page(title: str, trace: bytes, recovery: bytes, traits: dict[str, Any], *, esm: str, css: str) -> str:
    """Return the page of a tape and the tape of its recovery."""
    traits = traits | {"trace": b64encode(trace).decode(), "recovery": b64encode(recovery).decode()}
    # Inside a script element only its own end must not appear.
    return _PAGE.format(
        title=escape(title), css=css, esm=esm.replace("</script", "<\\/script"),
        traits=json.dumps(traits).replace("</", "<\\/"),
    )  # fmt: skip
