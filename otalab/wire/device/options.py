"""What a virtual device is like: its flash file, what it is made of, and how it behaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self, get_args

from otalab.errors import BadInput
from otalab.firmware.design import Design
from otalab.formats.bundle.signatures import UNCHECKED
from otalab.hardware.board import Board
from otalab.text import meant

Commit = Literal["auto", "cloud", "manual"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceOptions:
    """A device as `otalab serve` has it by its options of the same names; `flash` is its file.

    `commit` says who commits a new image: itself, the shadow's greeting, or a person; `time_scale` 1 is datasheet time;
    `key` holds its public keys as `"I=FILE"`, and bit I of `sig_req_mask` asks for a signature by key I.
    """

    flash: str | Path
    board: str | Board = "lab-1M"
    design: str | Design = "mongoose"
    part: str | None = None
    image: str = "healthy"
    commit: Commit = "auto"
    time_scale: float = 1.0
    no_sync: bool = False
    seed: int | None = None
    key: tuple[str, ...] = ()
    sig_req_mask: int = UNCHECKED

    def __post_init__(self) -> None:
        a_time("--time-scale", self.time_scale)
        if self.commit not in get_args(Commit):
            raise BadInput(f"--commit {self.commit}: one of {', '.join(get_args(Commit))} is needed")

    @classmethod
    def of(cls, flash: str | Path, options: Mapping[str, Any]) -> Self:
        """Return the device that keywords describe; one that it does not have is `BadInput`."""
        known = [field.name for field in fields(cls) if field.name != "flash"]
        for name in options:
            if name not in known:
                raise BadInput(f"{name}: no option of a device; it has {', '.join(known)}{meant(name, known)}")
        keys = options.get("key", ())
        return cls(flash=flash, **{**options, "key": (keys,) if isinstance(keys, str) else tuple(keys)})


def a_time(option: str, value: object) -> None:
    """Refuse what is no time: less than 0, without an end, or no number."""
    # "not >=" so that NaN is refused too.
    if not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise BadInput(f"{option} {value}: a number of 0 or more is needed")
