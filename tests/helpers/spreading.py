"""How tests are spread over processes: what shares something costly stays together, and the long ones begin.

A file is one piece, since its tests share its fixtures and what was computed for one of them.
A notebook is one piece, since it is executed once for several laws; of a file that shares nothing each test is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest
from xdist.scheduler import LoadScopeScheduling

SHARE_NOTHING = (
    "tests/cli/test_serve.py",
    "tests/cli/test_serve_mqtt.py",
    "tests/cli/test_serve_rpc.py",
    "tests/graph/test_explorer.py",
    "tests/numbers/campaigns/test_campaign.py",
    "tests/views/report/test_report.py",
    "tests/whole/test_elsewhere.py",
    "tests/whole/test_house.py",
    "tests/whole/test_shape.py",
)
NOTEBOOK = re.compile(r"\[(\w+\.ipynb)\]$")


def piece(test: str) -> str:
    """Return what a test belongs to, by its name."""
    if notebook := NOTEBOOK.search(test):
        return notebook[1]
    file = test.partition("::")[0]
    return test if file in SHARE_NOTHING else file


def long_ones_first(tests: Iterable[pytest.Item]) -> list[pytest.Item]:
    """Return tests with the pieces that drive a browser first, then those that hold a slow test, then the others.

    A long piece that came last would be waited for by everybody else.
    """
    tests, rank = list(tests), {}
    for test in tests:
        place = next((n for n, mark in enumerate(("browser", "slow")) if test.get_closest_marker(mark)), 2)
        rank[piece(test.nodeid)] = min(place, rank.get(piece(test.nodeid), 2))
    return sorted(tests, key=lambda test: rank[piece(test.nodeid)])


class Pieces(LoadScopeScheduling):
    """Hand out piece by piece, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return piece(nodeid)
