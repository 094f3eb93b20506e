"""Figures of record bytes and of a life as a time line: tables first."""

import matplotlib as mpl
import pytest

from otalab import life, load_design, set_up
from otalab.formats.records.catalogue import GUARDS, LAB_RECORDS, RECORDS
from otalab.formats.records.record import DOWN
from otalab.views.figures.records import plot_record_bytes, record_table
from otalab.views.figures.timeline import KINDS, plot_timeline, timeline_table
from otalab.views.style import SORTS
from otalab.views.widgets.record_pair import Pair, formats

mpl.use("Agg")

HARDENED = Pair.shipped(load_design("hardened"))


@pytest.mark.parametrize("guard", ["none", "crc16", "crc32"])
@pytest.mark.parametrize("record", LAB_RECORDS)
def test_every_field_of_every_format_has_a_name(record, guard):
    """
    Names and sizes go together, no name is given twice, and every field has a sort with a colour.
    """
    form = GUARDS[guard](RECORDS[record](DOWN))
    table = record_table(form, b"")

    assert len(form.names) == len(form.fields) == len(set(form.names)) == len(table)
    assert form.size == sum(form.fields) == table["size"].sum()
    assert set(table["sort"]) <= set(SORTS)


@pytest.mark.parametrize("design", formats(), ids=lambda design: design.name)
def test_the_table_is_the_record(design):
    """
    The bytes of all fields, one after the other, are the record's.
    """
    pair = Pair.shipped(design)

    assert pair.bytes_of(1) == bytes.fromhex(" ".join(record_table(design, pair.bytes_of(1)).bytes))


def test_values_are_as_people_write_them():
    """
    A sequencer by how far it came down, a version as text, a check in hex.
    """
    values = record_table(HARDENED.design, HARDENED.bytes_of(1)).set_index("field").value

    assert ("2**64-3", "1", "0", "60", "2") == tuple(
        values[["sequencer", "active", "committed", "interval", "slot 1 version"]]
    )
    assert values["check"].startswith("0x")


def test_missing_bytes_read_erased_and_more_is_left_out():
    """
    A short record is filled up, a whole sector is cut.
    """
    data = HARDENED.bytes_of(1)

    assert ["ff", "ff", "ff", "ff"] == record_table(HARDENED.design, data[:20]).bytes.iloc[-1].split()
    assert record_table(HARDENED.design, data).equals(record_table(HARDENED.design, data + bytes(100)))


def test_the_drawing_has_every_byte_and_every_name():
    """
    Each byte is written out, each field named and numbered.
    """
    table = record_table(HARDENED.design, HARDENED.torn(1, 12).bytes_of(1))

    texts = plot_record_bytes(table, title="torn").texts

    assert " ".join(table.bytes).split() == [text.get_text() for text in texts if ["monospace"] == text.get_family()]
    assert set(table.field) <= {text.get_text() for text in texts}


@pytest.mark.parametrize("image", ["healthy", "crashes"])
def test_a_time_line_goes_on_from_run_to_run(image):
    """
    Effects follow one another without a gap, over resets too, and end when the life does.
    """
    lived = life(set_up("hardened", "tiny", app_size=3000, image=image))
    table = timeline_table(lived)

    assert 0 == table.begin.iloc[0]
    assert (abs(table.begin.to_numpy()[1:] - table.end.to_numpy()[:-1]) < 1e-9).all()
    assert float("inf") == table.end.iloc[-1]
    assert table.begin.iloc[-1] == pytest.approx(sum(run.seconds for run in lived.runs))


def test_a_time_line_has_a_bar_for_each_effect():
    """
    A lane for each kind, a bar for each effect that takes time, and every phase named.
    """
    table = timeline_table(life(set_up("hardened", "tiny", app_size=3000)))

    ax = plot_timeline(table)

    assert len(table) == len(ax.collections)
    assert list(KINDS) == [label.get_text() for label in ax.get_yticklabels()]
    assert set(table.phase) == {text.get_text() for text in ax.texts}


def test_short_effects_are_seen():
    """
    The shortest effect is drawn wider than a hundredth of the longest, which takes 100,000 times as long.
    """
    table = timeline_table(life(set_up("hardened", "tiny", app_size=3000)))
    ax = plot_timeline(table)
    widths = [bar.get_paths()[0].get_extents().width for bar in ax.collections]

    assert table.seconds.min() * 1e5 < table.seconds[table.seconds < float("inf")].max()
    assert max(widths) / 100 < min(widths)


@pytest.fixture(autouse=True)
def closed():
    yield
    mpl.pyplot.close("all")
