"""How a page says what boot records are like: by the name of one of the lab's formats, or by their fields."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from otalab.firmware.design import Design, ways
from otalab.formats.records.fields import CHECKS, MEANINGS, Field, FieldsCodec
from otalab.settings import Settings

KEYS = ("count", "format", "guard", "sequencer", "bits", "tie", "journal", "store")
FIELDS_KEYS = ("fields", "guard", "covers", "sequencer", "order", "count", "tie")
FIELD_KEYS = ("name", "bytes", "is", "value", "slots")
STEPS = {"increasing": 1, "decreasing": -1}
MOST_BYTES = 256


def records_of(page: Settings, name: str) -> Design | None:
    """Return the choices by which records are read, named as in the page of a design; `None` without them."""
    if "records" not in page.table:
        return None
    table = page.inside("records")
    if "fields" in table.table:
        return _of_fields(table, name)
    table.known(KEYS)
    choices = {ways()["records", key]: value for key, value in table.table.items()}
    for key, value in table.table.items():
        meta = Design.__dataclass_fields__[ways()["records", key]].metadata
        fits = (
            value in meta["of"] if "of" in meta else type(value) is int and meta["from"][0] <= value <= meta["from"][1]
        )
        if not fits or isinstance(value, bool):
            of = (
                ", ".join(map(str, meta["of"]))
                if "of" in meta
                else f"a number from {meta['from'][0]} to {meta['from'][1]}"
            )
            raise table.wrong(key, f"{value!r} is unknown; one of: {of}")
    return Design(name=name, summary="how its records are read", **choices)


def _of_fields(table: Settings, name: str) -> Design:
    """Return the choices by which records of fields are read."""
    table.known(FIELDS_KEYS)
    fields = [_field(item) for item in table.each("fields")]
    guard = table.choice("guard", ("none", *CHECKS)) if "guard" in table.table else "none"
    steps = table.choice("sequencer", STEPS) if "sequencer" in table.table else "increasing"
    order: Literal["little", "big"] = table.choice("order", ("little", "big")) if "order" in table.table else "little"
    form = FieldsCodec(tuple(fields), STEPS[steps], "" if guard == "none" else guard, _covers(table, fields), order)
    _require_sense(table, form)
    rest = {key: table.table[key] for key in ("count", "tie") if key in table.table}
    choices = Settings(table.source, table.text, {"records": rest}, table.way[:-1])
    base = records_of(choices, name)
    assert base is not None
    return replace(base, record=form.text, guard="own")


def _field(table: Settings) -> Field:
    table.known(FIELD_KEYS)
    means = table.choice("is", MEANINGS) if "is" in table.table else ""
    value = table.number("value", 0, 2**64 - 1) if "value" in table.table else 0
    if (means == "magic") != ("value" in table.table):
        raise table.wrong("value" if means != "magic" else "is", "a magic has a value, and nothing else has one")
    return Field(table.words("name"), table.number("bytes", 1, MOST_BYTES), means, value, _slots(table, means))


def _slots(table: Settings, means: str) -> tuple[int, ...]:
    """Return the values that name slots, in their order."""
    values: Any = table.table.get("slots", [])
    if not isinstance(values, list) or not all(type(value) is int and value >= 0 for value in values):
        raise table.wrong("slots", "a list of numbers is needed, by which slots 0, 1, … are named")
    if values and means not in ("slot", "previous"):
        raise table.wrong("slots", 'only a field that is "slot" or "previous" names slots')
    return tuple(values)


def _covers(table: Settings, fields: list[Field]) -> tuple[str, ...]:
    """Return the names of the fields that the guard covers: all but itself where the page names none."""
    names = [field.name for field in fields if field.means != "check"]
    covers = table.table.get("covers", names)
    if not isinstance(covers, list) or not all(name in names for name in covers):
        raise table.wrong("covers", f"a list of fields is needed, of: {', '.join(names)}")
    return tuple(name for name in names if name in covers)


def _require_sense(table: Settings, form: FieldsCodec) -> None:
    """Refuse a format of which no loader could say what to start."""
    means = [field.means for field in form.layout if field.means]
    names = [field.name for field in form.layout]
    needed = ("slot", "check") if form.check else ("slot",)
    for words, every in (({*means, *needed}, means), (set(names), names)):
        for word in sorted(words):
            if every.count(word) != 1:
                raise table.wrong("fields", f"{every.count(word)} of them are {word!r}, and one is needed")
    if "check" in means and not form.check:
        raise table.wrong("fields", 'one is "check", and the page names no guard that stands there')
    sizes = {field.means: field.size for field in form.layout}
    if form.check and sizes["check"] != CHECKS[form.check][0]:
        raise table.wrong("fields", f"a {form.check} has {CHECKS[form.check][0]} bytes, not {sizes['check']}")
    if "sequencer" not in means and table.table.get("count", 2) != 1:
        raise table.wrong("fields", "of two records a sequencer says which is the newer: one field needs to be that")
