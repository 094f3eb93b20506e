"""Dialects: where the lab's device and the real system of 2017 answer otherwise, each a value of small functions.

`STRICT` answers every refusal, says why, and takes nothing for what it is not.
`OF_2017` is as the sources say that are named where each wire is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Shown = tuple[int, str]  # an HTTP status and the text that goes with it


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a device answers: over HTTP, by RPC, and to its shadow."""

    name: str
    # HTTP
    lets_strangers_in: bool
    """Whether pages of another origin may ask, and whether any name will do where there is no password."""
    hangs_up: Callable[[int], bool]
    """Whether a refused upload gets no answer: its connection closes."""
    unknown: Callable[[str], str]
    """The text for whoever is not known."""
    invalid: Callable[[int, str], Shown]
    """The answer to what is no request."""
    unreadable: Callable[[Exception], None]
    """Arguments that cannot be read are none, or raise the error that is given."""
    headers: Mapping[str, str] = field(hash=False)
    """What goes with each reply of RPC."""
    form: Callable[[str], bool]
    """Whether a body of this type is a form of fields alone, and holds no bundle."""
    count: Callable[[str], int | None]
    """A field of a form that is to be a number of 0 or more; `None` where it is refused."""
    yes: Callable[[str], bool]
    """A field of a form that says yes or no."""
    # An update from a URL
    moved: tuple[int, ...]
    """The answers that lead elsewhere."""
    unreached: tuple[int, str]
    """The result and the message where nobody answers."""
    # RPC
    number: Callable[[Any], Any]
    """An argument that is to be a number, `None` where it counts as not given."""
    truth: Callable[[Any], Any]
    """One that is to be true or false."""
    error_of: Callable[[int], int | None]
    """The code of the error with which `OTA.Update` answers a result; `None` where that is no error."""
    reason: Callable[[str], str | None]
    """What a refusal says that is a bare code in the real service."""
    remembers_failures: bool
    """Whether `OTA.Status` still tells of an update that has failed."""
    # The shadow
    shadow_ignores_same_version: bool
    """Whether a URL of what runs already is no update."""
    reported: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]
    """The report, of what is known of the update and of the device."""


def _as_it_is(given: Any) -> Any:
    return given


def _raised(error: Exception) -> None:
    raise error


def _digits(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and int(text[:20]) < 2**32 else None


def atoi(text: str) -> int:
    """Return what C makes of text: the number that it begins with, 0 where it begins with none."""
    begins = re.match(r"[ \t\n\v\f\r]*([+-]?[0-9]{1,20})", text)
    return max(-(2**31), min(int(begins[1]), 2**31 - 1)) if begins else 0


def _all_of_it(update: dict[str, Any], device: dict[str, Any]) -> dict[str, Any]:
    url = {"url": update["url"]} if update["url"] else {}
    return {"ota": {key: value for key, value in update.items() if key != "url"} | device | url}


def _ota_url(update: dict[str, Any], _device: dict[str, Any]) -> dict[str, Any]:
    # None is reported as an empty one.
    return {"ota_code": update["code"], "ota_message": update["message"], "ota_url": update["url"]}


STRICT = Dialect(
    "strict",
    lets_strangers_in=False,
    hangs_up=lambda _status: False,
    unknown=lambda text: f"{text}\r\n",
    invalid=lambda status, reason: (status, f"Invalid request: {reason}\r\n"),
    unreadable=_raised,
    headers={},
    form=lambda kind: kind == "application/x-www-form-urlencoded",
    count=_digits,
    yes=lambda text: text.lower() not in ("false", "0"),
    moved=(301, 302, 303, 307, 308),
    unreached=(-10, "Failed to connect"),
    number=_as_it_is,
    truth=_as_it_is,
    error_of=lambda result: -1 if result <= 0 else None,
    reason=lambda why: why,
    remembers_failures=True,
    shadow_ignores_same_version=True,
    reported=_all_of_it,
)
OF_2017 = Dialect(
    "2017",
    lets_strangers_in=True,
    hangs_up=lambda status: status in (408, 409),
    unknown=lambda _text: "",
    invalid=lambda _status, _reason: (400, "Invalid request"),
    unreadable=lambda _error: None,
    headers={"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*"},
    form=lambda kind: kind != "multipart/form-data",
    count=lambda text: max(0, atoi(text)),
    yes=lambda text: atoi(text) > 0,
    moved=(301, 302),
    unreached=(-1, "Update failed"),
    number=lambda given: given if isinstance(given, int) else None,
    truth=lambda given: None if given is None else given is True,
    # A success is an error with code 0.
    error_of=lambda result: -1 if result <= 0 else 0,
    reason=lambda _why: None,
    remembers_failures=False,
    shadow_ignores_same_version=False,
    reported=_ota_url,
)
DIALECTS = {dialect.name: dialect for dialect in (STRICT, OF_2017)}
