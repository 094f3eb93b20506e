"""Reports and terminals: what stands in a page, and what a command shows to whoever watches."""

import os
import re
from contextlib import contextmanager, suppress
from html.parser import HTMLParser

import pytest

ALONE = {"meta", "link", "br", "input"}
PATIENCE = 120  # seconds for what must come; only a failure waits so long


class Outline(HTMLParser):
    """
    Keeps the ids, the texts and the addresses of a page, and notices what is not closed.
    """

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.words, self.addresses = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.ids += [named["id"]] if "id" in named else []
        self.addresses += [named[name] for name in ("src", "href") if name in named]
        if tag not in ALONE:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert tag == self.open.pop(), self.getpos()

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", "".join(self.words))


@contextmanager
def terminal():
    """
    A terminal's two ends, ours and that of a program: where it is, is told at a terminal only.
    """
    screen, inside = pytest.importorskip("pty").openpty()
    pytest.importorskip("termios").tcsetwinsize(screen, (24, 120))  # one without a width shows nothing
    try:
        yield screen, inside
    finally:
        os.close(screen)


def shown(screen):
    """
    What stands on a terminal next, nothing once its program has ended.
    """
    with suppress(OSError):  # which is how Linux says so
        return os.read(screen, 4096)
    return b""
