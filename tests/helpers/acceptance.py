"""The acceptance table: what the code of the real system does, row by row, and where the lab does otherwise.

Rows are numbered as in the lab's reference; each is asserted once, in `test_acceptance*.py`, or named here.
`python tests/acceptance.py` writes `docs/acceptance.md` anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "acceptance.md"
NUMBERS = [f"A{number}" for number in range(1, 66) if number != 54]


@dataclass(frozen=True)
class Difference:
    """A row that the lab decides differently: what is given, what the real code does, what the lab does, and why."""

    given: str
    real: str
    lab: str
    why: str


TESTS = "an image here tests itself before it commits, and that nobody waits for it is no reason to skip the test"
DIFFERENT = {
    "A8": Difference(
        "the first update of a CC3200, with or without a file system",
        "a record with flags 3, or 1 without a file system",
        "flags 3; a bundle without a file system is refused, `Incomplete update package`",
        "a slot is self-contained, or a rollback would not bring its files back",
    ),
    "A13": Difference(
        "CC3200, a file does not fit at the merge, before `updater.dat` was copied",
        "there is no interval: committed at the end of the start",
        "there is no interval: committed when the image's own health check has passed",
        TESTS,
    ),
    "A20": Difference(
        "a commit interval of 0, and a start that went well",
        "committed at the end of the start",
        "no timer; committed when the image's own health check has passed, or never",
        TESTS,
    ),
    "A29": Difference(
        "a POST without a `commit_timeout`",
        "an interval of 0, so committed at the end of the start",
        "an interval of 0, so committed as in A20",
        TESTS,
    ),
    "A40": Difference(
        "a bundle that begins with `app.bin`",
        "-1 without a message, which HTTP calls `Unknown error`",
        "`Manifest missing: the archive begins with app.bin`",
        "a bad input gets a line that says what is wrong",
    ),
    "A46": Difference(
        "a file in the bundle that no part names",
        "skipped, and its CRC is not looked at",
        "skipped, and its CRC must be right",
        "a bundle that was damaged on its way is refused wherever the damage is",
    ),
    "A48": Difference(
        "a redirect",
        "followed, any number of times",
        "followed, ten times",
        "a server that redirects to itself would keep the device for ever",
    ),
    "A61": Difference(
        "progress",
        "told at the first data of each file, then every 50000 bytes or 5 seconds; each of these sets the timer back",
        "told at the first bytes of the bundle, then every 50000 bytes or 5 seconds; any bytes set the timer back",
        "a source counts bytes and knows of no files; a slow link that goes on is no stall",
    ),
}
NOT_MODELLED = {
    "A59": "the loader's search for a slot among four: the lab's boards have two, and an update goes to the other one",
}

Check = Callable[..., None]


class Rows(dict[str, Check]):
    """The rows that one file asserts, by their number."""

    def __call__(self, number: str) -> Callable[[Check], Check]:
        """Register what asserts a row; no number twice."""

        def registered(check: Check) -> Check:
            assert number not in self, f"{number} is asserted twice"
            self[number] = check
            return check

        return registered


def page() -> str:
    """Return the page of `docs/`."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    asserted = len(NUMBERS) - len(NOT_MODELLED)
    yield "# The acceptance table"
    yield ""
    yield f"The lab's reference has {len(NUMBERS)} rows of the form *given this, the real code does that*, A1 to A65."
    yield "They are from the public sources of Mongoose OS up to October 2018, and there is no A54."
    yield f"`tests/test_acceptance*.py` assert {asserted} of them, by number; `pytest tests -k A49` runs one."
    yield f"{len(DIFFERENT)} of these are decided differently here, and the test asserts what the lab does instead."
    yield "What speaks on the wire is asserted in the dialect `2017`."
    yield "Made by `python tests/acceptance.py`; a test compares."
    yield ""
    yield "## Decided differently"
    for number, row in DIFFERENT.items():
        yield ""
        yield f"**{number}**: {row.given}."
        yield f"The real code: {row.real}."
        yield f"The lab: {row.lab}."
        yield f"Why: {row.why}."
    yield ""
    yield "## Not modelled"
    yield ""
    for number, what in NOT_MODELLED.items():
        yield f"**{number}**: {what}."


if __name__ == "__main__":
    PAGE.write_text(page())
