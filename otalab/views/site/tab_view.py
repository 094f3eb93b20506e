"""What a view is built on in a browser's tab, in place of a widget of a kernel: traits that are told and heard.

The page is told what ipywidgets would tell it, and may say what it would say there: a state, or a message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import traitlets

_Tell = Callable[[str, dict[str, Any]], None]


class TabView(traitlets.HasTraits):
    """A view whose traits with `sync` the page shares, by way of `tell`: `state` or `custom`, and what."""

    comm = layout = None

    def __init__(self, *given: Any, **traits: Any) -> None:
        self._tell_page: _Tell = lambda _kind, _content: None
        self._heard_by: list[Callable[[Any, Any, Any], None]] = []
        self._held, self._due = 0, dict[str, Any]()
        super().__init__(*given, **traits)

    def open(self, tell: _Tell) -> None:
        """Tell the page all there is, and from now on what changes."""
        self._tell_page = tell
        tell("state", self._shared())

    def _shared(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.traits(sync=True)}

    def notify_change(self, change: Any) -> None:
        """Tell the page of a change, or keep it until several are told together."""
        if self.has_trait(change["name"]) and self.trait_metadata(change["name"], "sync"):
            self._due[change["name"]] = change["new"]
            if not self._held:
                self._tell_due()
        super().notify_change(change)

    @contextmanager
    def hold_sync(self) -> Iterator[None]:
        """Tell of several changes at once."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            if not self._held:
                self._tell_due()

    def _tell_due(self) -> None:
        due, self._due = self._due, {}
        if due:
            self._tell_page("state", due)

    def hear(self, kind: str, content: Mapping[str, Any]) -> None:
        """Take what the page says: a state that it has set, or a message."""
        if kind == "custom":
            for heard in self._heard_by:
                heard(self, content, [])
            return
        with self.hold_sync():
            for name, value in content.items():
                if name in self._shared():
                    self._set_shared(name, value)

    def _set_shared(self, name: str, value: Any) -> None:
        """Set a trait as the page has it; it is told only of what became of it otherwise."""
        try:
            setattr(self, name, value)
        except traitlets.TraitError:
            self._due[name] = getattr(self, name)
        if getattr(self, name) == value:
            self._due.pop(name, None)
        else:
            self._due[name] = getattr(self, name)

    def on_msg(self, heard: Callable[[Any, Any, Any], None]) -> None:
        """Call this for each message."""
        self._heard_by.append(heard)

    def send(self, content: dict[str, Any]) -> None:
        """Send the page a message."""
        self._tell_page("custom", content)

    def close(self) -> None:
        """Tell the page nothing more."""
        self._tell_page = lambda _kind, _content: None


def get_ipython() -> None:
    """No notebook runs in a tab."""
