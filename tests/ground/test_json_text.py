"""JSON of others: what its standard cannot say is refused, and never written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otalab.json_text import json_text, parsed_json, script_text

NUMBERS = ["1e999", "-1e400", "NaN", "Infinity", "-Infinity", "1" + "0" * 400 + ".0"]
PLACES = ["{}", '{{"a": {}}}', '{{"a": [1, {{"b": {}}}]}}', "[{}]"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("place", PLACES)
def test_a_number_that_is_none_is_refused(place, number):
    """Wherever it stands: Python would make infinity of it, and nobody else could read that."""
    with pytest.raises(ValueError):  # noqa: PT011  # json's own error is one, and its words are Python's
        parsed_json(place.format(number))


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_such_a_number_is_not_written(value):
    """Better no answer than one that is no JSON."""
    with pytest.raises(ValueError, match="JSON compliant"):
        json_text({"a": [value]})


@given(VALUES)
def test_what_is_written_is_read(value):
    """And as the library itself reads it."""
    assert value == parsed_json(json_text(value)) == json.loads(json_text(value))


@given(st.text(alphabet="<!-/>scriptAB") | st.just("<!--<script>"))
def test_data_of_a_script_begins_no_tag(text):
    """Neither an end nor a comment, in which an opening would swallow the page; and it is still what it was."""
    assert "<" not in script_text({text: text})
    assert {text: text} == parsed_json(script_text({text: text}))
