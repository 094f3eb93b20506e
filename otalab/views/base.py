"""What views are built on: widgets of a kernel where there is one, else traits that a browser's tab shares."""

from __future__ import annotations

from pathlib import Path

SMALLEST = "tiny"  # the board of views that are about no board
try:
    from anywidget import AnyWidget as Base
    from IPython import get_ipython
except ModuleNotFoundError:
    from otalab.views.site.tab_view import TabView as Base  # type: ignore[assignment]
    from otalab.views.site.tab_view import get_ipython

    SMALLEST = str(Path(__file__).parent / "site" / "boards" / "tiny-spiffs.toml")  # a tab has no littlefs

__all__ = ["SMALLEST", "Base", "get_ipython"]
