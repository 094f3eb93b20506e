"""Images: what the lab knows of a firmware image.

The lab does not run an image: an image is bytes, and a *temper* that says how it behaves when it is started.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Literal

from otalab.errors import unknown

Temper = Literal["healthy", "hangs", "crashes", "flaky"]
TEMPERS: tuple[Temper, ...] = ("healthy", "hangs", "crashes", "flaky")


@dataclass(frozen=True, slots=True)
class Image:
    """One version of the application: what it is recognised by, and how it behaves; times in seconds."""

    version: str
    build_id: str
    size: int
    digest: bytes
    temper: Temper = "healthy"
    failure: float = 0.0
    boot_seconds: float = 1.0
    health_seconds: float = 5.0
    commits: Literal["itself", "by hand"] = "itself"

    @classmethod
    def of(cls, version: str, build_id: str, app: bytes) -> Image:
        """Return the image that these bytes are."""
        return cls(version, build_id, len(app), sha256(app).digest())

    @property
    def works(self) -> bool:
        """Whether the image is one that a fleet would want to keep."""
        return self.temper in ("healthy", "flaky")


def commits_itself(image: Image) -> Image:
    """Let the image commit itself, once it has passed its own health check."""
    return replace(image, commits="itself")


def committed_by_hand(image: Image) -> Image:
    """Leave the commit to an operator: an image that nobody looks at in time is rolled back, however good it is."""
    return replace(image, commits="by hand")


COMMITS: dict[str, Callable[[Image], Image]] = {"image": commits_itself, "operator": committed_by_hand}


def parse_temper(text: str) -> tuple[Temper, float]:
    """Return a temper and its probability of failing a health check, from `healthy`, `flaky` or `flaky:0.3`."""
    name, _, number = str(text).partition(":")
    for temper in TEMPERS:
        if name == temper and (not number or temper == "flaky"):
            try:
                failure = float(number) if number else 0.1
            except ValueError:
                failure = -1.0
            if 0 <= failure <= 1:
                return temper, failure if temper == "flaky" else 0.0
    raise unknown("image", text, TEMPERS, ", or flaky:P with P from 0 to 1")
