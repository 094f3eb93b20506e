"""Values that a notebook shows in their words, as a person would write them."""

import pytest
from IPython.lib.pretty import pretty

from otalab.bench.ends import End
from otalab.bench.inspection import inspect_records
from otalab.firmware.outcome import Bricked, Hung, Reset, Running
from otalab.formats.records.cc3200 import Cc3200Codec
from otalab.formats.records.record import BootConfig, Record
from otalab.numbers.stats import Interval

RECORD = Cc3200Codec().encode(Record(2**64 - 2, BootConfig(0, True)))


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("updated: version 2 runs from slot 1 and is committed",
         End("updated", "version 2 runs from slot 1 and is committed")),
        ("version 2 runs from slot 1, not committed", Running(1, "2", committed=False)),
        ("version 2 hangs in slot 1", Hung(1, "2")),
        ("the device resets itself (version 2 crashed)", Reset("version 2 crashed")),
        ("it halts, no valid boot record", Bricked("no valid boot record")),
        ("0.103, between 0.0849 and 0.124", Interval(0.103, 0.08485136534991759, 0.12352292640142576)),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_a_notebook_shows_words_also_inside_of_a_tuple(said, value):
    """
    What it is made of is left to `repr`.
    """
    assert said == pretty(value)
    assert f"({said}, True)" == pretty((value, True))
    assert repr(value).startswith(f"{type(value).__name__}(")


def test_an_inspection_is_its_sentences():
    """
    Where no HTML is shown, it is no page of bytes.
    """
    said = pretty(inspect_records([("cfg.0", RECORD), ("cfg.1", RECORD)], "cc3200"))

    assert said.startswith("cc3200. ")
    assert "\\x" not in said


def test_a_name_from_elsewhere_is_one_line():
    """
    A version holds whatever a manifest says.
    """
    assert 1 == len(pretty(Hung(0, "2\n\x1b[31m")).splitlines())
