"""Dialects: two values, and nobody asks which one it is."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

import otalab.wire
from otalab.wire.dialect import DIALECTS, OF_2017, STRICT

WIRE = Path(otalab.wire.__file__).parent
UPDATE = {"code": 1, "message": "done", "status": "success", "url": "http://x/fw.zip"}


def test_each_is_known_by_its_name():
    """As `--dialect` has it; the strict one comes first."""
    assert {"strict": STRICT, "2017": OF_2017} == DIALECTS


@pytest.mark.parametrize(
    "name, arguments, strict, of_2017",
    [
        ("hangs_up", (408,), False, True),
        ("hangs_up", (400,), False, False),
        ("unknown", ("Who?",), "Who?\r\n", ""),
        ("invalid", (413, "long"), (413, "Invalid request: long\r\n"), (400, "Invalid request")),
        ("number", ("soon",), "soon", None),
        ("number", (3,), 3, 3),
        ("truth", ("yes",), "yes", False),
        ("truth", (None,), None, None),
        ("error_of", (1,), None, 0),
        ("error_of", (0,), -1, -1),
        ("error_of", (-7,), -1, -1),
        (
            "reported",
            (UPDATE, {"fw_version": "2"}),
            {"ota": UPDATE | {"fw_version": "2"}},
            {"ota_code": 1, "ota_message": "done", "ota_url": "http://x/fw.zip"},
        ),
        (
            "reported",
            (UPDATE | {"url": ""}, {}),
            {"ota": {"code": 1, "message": "done", "status": "success"}},
            {"ota_code": 1, "ota_message": "done", "ota_url": ""},
        ),
        ("form", ("application/x-www-form-urlencoded",), True, True),
        ("form", ("application/octet-stream",), False, True),
        ("form", ("multipart/form-data",), False, False),
        ("count", ("60",), 60, 60),
        ("count", ("60s",), None, 60),
        ("count", (" 60 ",), 60, 60),
        ("count", ("abc",), None, 0),
        ("count", ("-5",), None, 0),
        ("count", ("4294967295",), 2**32 - 1, 2**31 - 1),
        ("count", ("9" * 5000,), None, 2**31 - 1),
        ("count", ("\u0661",), None, 0),
        ("yes", ("true",), True, False),
        ("yes", ("1",), True, True),
        ("yes", ("0",), False, False),
        ("yes", ("no",), True, False),
    ],
)
def test_what_each_answers(name, arguments, strict, of_2017):
    """Known answers, of the lab and of the sources."""
    assert (strict, of_2017) == (getattr(STRICT, name)(*arguments), getattr(OF_2017, name)(*arguments))


def test_arguments_that_cannot_be_read():
    """Are none to the one, and refused by the other."""
    assert OF_2017.unreadable(ValueError("not JSON")) is None
    with pytest.raises(ValueError, match="not JSON"):
        STRICT.unreadable(ValueError("not JSON"))


def test_they_differ_in_all_that_they_say():
    """What both do alike is no part of a dialect."""
    assert [] == [one.name for one in fields(STRICT) if getattr(STRICT, one.name) == getattr(OF_2017, one.name)]


def test_nobody_asks_which_dialect_it_is():
    """A dialect is asked what it does."""
    asks = re.compile(r"dialect(\.name)? *(==|!=|is\b)")
    assert [] == [str(one) for one in WIRE.rglob("*.py") if asks.search(one.read_text(encoding="utf-8"))]
