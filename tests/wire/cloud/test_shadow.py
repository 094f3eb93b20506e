"""The rules of a device shadow: laws, known answers, and moto's opinion."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otalab.wire.cloud.shadow import (
    PAYLOAD_LIMIT,
    SIZE_LIMIT,
    Refused,
    Shadow,
    answer,
    difference,
    merged,
    parsed,
    restored,
    stamped,
    stored,
    updated,
)

KEYS = st.sampled_from("abc")
PLAIN = st.integers(-3, 3) | st.text("xy", max_size=2) | st.lists(st.integers(0, 2), max_size=2)
LEAVES = PLAIN | st.booleans()


def nodes(leaves):
    return st.recursive(
        st.dictionaries(KEYS, leaves, max_size=3), lambda inner: st.dictionaries(KEYS, leaves | inner, max_size=3)
    )


def pruned(node):
    """Without objects that hold nothing, which a shadow never keeps."""
    if not isinstance(node, dict):
        return node
    cut = {key: pruned(value) for key, value in node.items()}
    return {key: value for key, value in cut.items() if value != {}}


STATES = nodes(LEAVES).map(pruned)
CHANGES = nodes(LEAVES | st.none())


def requests_of(changes):
    return st.fixed_dictionaries({}, optional={"desired": changes, "reported": changes}).map(lambda s: {"state": s})


REQUESTS = requests_of(CHANGES)


def ask(shadow, verb, request=None, now=100):
    payload = b"" if request is None else json.dumps(request).encode()
    after, messages = answer(shadow, "lamp", verb, payload, now)
    return after, dict(messages)


def shape(node):
    return {key: shape(value) for key, value in node.items()} if isinstance(node, dict) else None


def shape_of_times(node):
    if isinstance(node, list) or (isinstance(node, dict) and isinstance(node.get("timestamp"), int)):
        return None
    return {key: shape_of_times(value) for key, value in node.items()}


@given(STATES, CHANGES)
def test_a_change_taken_in_twice_is_taken_in_once(old, change):
    """
    Merging is idempotent: a message that comes twice (QoS 1) does no harm.
    """
    once = merged(old, change)

    assert once == merged(once, change)


@given(STATES, CHANGES)
def test_nothing_null_and_nothing_empty_is_kept(old, change):
    """
    What is null is deleted, and with it an object that held nothing else.
    """
    kept = merged(pruned(old), change)

    assert kept == pruned(kept)
    assert "null" not in json.dumps(kept)


@given(STATES, STATES)
def test_the_delta_is_what_must_be_reported(desired, reported):
    """
    Once a thing has reported its delta there is none left.
    """
    delta = difference(desired, reported)

    assert {} == difference(desired, merged(reported, delta))
    assert {} == difference(desired, desired)


@given(STATES, CHANGES)
def test_every_leaf_has_its_time(old, change):
    """
    Metadata have the shape of the state; what a change does not name keeps its time.
    """
    state, times = merged({}, old), stamped({}, old, 1)
    after, later = merged(state, change), stamped(times, change, 2)

    assert shape(after) == shape_of_times(later)
    assert all(later[key] == times[key] for key in after if key not in change)


@given(st.lists(REQUESTS, max_size=5))
def test_versions_count_accepted_changes(requests):
    """
    One more each time, through a deletion too; and what is kept in a file comes back the same.
    """
    shadow = Shadow()
    for number, request in enumerate(requests, 1):
        shadow = updated(shadow, request, number)
        assert number == shadow.version
    assert shadow == restored(json.loads(json.dumps(stored(shadow))))
    if shadow.exists:
        shadow, told = ask(shadow, "delete")
        assert len(requests) + 1 == told["delete/accepted"]["version"] == shadow.version


ANYTHING = st.recursive(st.none() | LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner))
PARTS = st.sampled_from(["state", "version", "clientToken", "desired", "reported"])


@pytest.mark.slow
@given(st.binary(max_size=60) | st.dictionaries(PARTS, ANYTHING | st.dictionaries(PARTS, ANYTHING)).map(json.dumps))
def test_whatever_comes_gets_one_answer(payload):
    """
    Accepted or rejected, never an exception.
    """
    payload = payload if isinstance(payload, bytes) else payload.encode()
    for verb in ("get", "update", "delete"):
        _, messages = answer(Shadow(), "lamp", verb, payload, 1)

        assert 1 == sum(topic.endswith(("accepted", "rejected")) for topic, _ in messages)


def test_a_first_update():
    """
    The reply quotes what was sent; delta and documents follow; the token comes back.
    """
    shadow, told = ask(Shadow(), "update", {"state": {"desired": {"ota": {"url": "u"}}}, "clientToken": "t"})

    assert {
        "state": {"desired": {"ota": {"url": "u"}}},
        "metadata": {"desired": {"ota": {"url": {"timestamp": 100}}}},
        "version": 1,
        "timestamp": 100,
        "clientToken": "t",
    } == told["update/accepted"]
    assert {
        "state": {"ota": {"url": "u"}},
        "metadata": {"ota": {"url": {"timestamp": 100}}},
        "version": 1,
        "timestamp": 100,
        "clientToken": "t",
    } == told["update/delta"]
    assert {"state": {}, "metadata": {}, "version": 0} == told["update/documents"]["previous"]
    assert shadow.document == told["update/documents"]["current"]


def test_a_report_that_agrees_leaves_no_delta():
    """
    Neither on its topic nor in the document.
    """
    shadow, _ = ask(Shadow(), "update", {"state": {"desired": {"a": [1, 2]}}})
    shadow, told = ask(shadow, "update", {"state": {"reported": {"a": [1, 2], "b": 1}}})

    assert ["update/accepted", "update/documents"] == list(told)
    assert {"desired": {"a": [1, 2]}, "reported": {"a": [1, 2], "b": 1}} == ask(shadow, "get")[1]["get/accepted"][
        "state"
    ]


def test_a_section_that_is_null_is_gone():
    """
    Desired as a whole; the version goes on.
    """
    shadow, _ = ask(Shadow(), "update", {"state": {"desired": {"a": 1}, "reported": {"b": 1}}})
    shadow, _ = ask(shadow, "update", {"state": {"desired": None}})

    assert ({"reported": {"b": 1}}, 2) == (shadow.state, shadow.version)


def test_a_field_called_timestamp_is_a_field():
    """
    It is not mistaken for metadata.
    """
    shadow, _ = ask(Shadow(), "update", {"state": {"desired": {"a": {"timestamp": 5}}}}, now=1)
    shadow, _ = ask(shadow, "update", {"state": {"desired": {"a": {"b": 6}}}}, now=2)

    assert {"a": {"timestamp": {"timestamp": 1}, "b": {"timestamp": 2}}} == shadow.times["desired"]


def deep(levels):
    return {"a": deep(levels - 1)} if levels else 1


@pytest.mark.parametrize(
    "code, message, request_",
    [
        (400, "Missing required node: state", {}),
        (400, "State node must be an object", {"state": 1}),
        (400, "Desired node must be an object", {"state": {"desired": 1}}),
        (400, "Reported node must be an object", {"state": {"reported": []}}),
        (400, "State contains an invalid node: 'wish'", {"state": {"wish": {}}}),
        (400, "Invalid version", {"state": {}, "version": "1"}),
        (400, "Invalid version", {"state": {}, "version": True}),
        (409, "Version conflict", {"state": {}, "version": 7}),
        (400, "Invalid clientToken", {"state": {}, "clientToken": "t" * 65}),
        (400, "JSON contains too many levels of nesting; maximum is 6", {"state": {"desired": deep(7)}}),
        (413, "The payload exceeds the maximum size allowed", {"state": {"desired": {"a": "x" * SIZE_LIMIT}}}),
    ],
)
def test_what_is_refused_changes_nothing(code, message, request_):
    """
    Code and message are those of the developer guide.
    """
    shadow, _ = ask(Shadow(), "update", {"state": {"desired": {"a": 1}}})
    after, told = ask(shadow, "update", request_)

    assert (code, message) == (told["update/rejected"]["code"], told["update/rejected"]["message"])
    assert shadow is after


@pytest.mark.parametrize(
    "code, payload",
    [
        (400, b"{"),
        (400, b"[]"),
        (400, b'{"state": NaN}'),
        (400, b'{"state": {"desired": {"a": 1e999}}}'),
        (400, b"[" * 100_000),
        (415, b'"\xff"'),
        (413, b" " * (PAYLOAD_LIMIT + 1)),
    ],
)
def test_what_is_no_request_is_refused(code, payload):
    """
    Not JSON, not an object, a number that is none, nested without end, not UTF-8, too long.
    """
    with pytest.raises(Refused) as refused:
        parsed(payload)

    assert code == refused.value.code


def test_a_shadow_that_is_not_there():
    """
    404 for `get` and `delete`, also after a deletion; a new one goes on counting.
    """
    shadow, _ = ask(Shadow(), "update", {"state": {"desired": {"a": 1}}})
    shadow, _ = ask(shadow, "delete")

    for nothing in (Shadow(), shadow):
        assert 404 == ask(nothing, "get")[1]["get/rejected"]["code"]
        assert 404 == ask(nothing, "delete")[1]["delete/rejected"]["code"]
    assert 3 == ask(shadow, "update", {"state": {"desired": {"b": 1}}})[0].version


@pytest.fixture(scope="module")
def moto_client():
    """moto's shadow service, in this process; it is an imitation as well."""
    moto = pytest.importorskip("moto", reason="moto is not installed: pip install 'otalab[test]'")
    boto3 = pytest.importorskip("boto3", reason="boto3 is not installed: pip install 'otalab[test]'")
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "eu-west-1"}
    before = dict(os.environ)
    os.environ.update(keys)
    try:
        with moto.mock_aws():
            yield boto3.client("iot", region_name="eu-west-1"), boto3.client("iot-data", region_name="eu-west-1")
    finally:
        os.environ.clear()
        os.environ.update(before)


def moto_says(data, verb, name, request=None):
    """Return the code of moto's answer, and the document."""
    call = getattr(data, f"{verb}_thing_shadow")
    try:
        reply = call(thingName=name, **({"payload": json.dumps(request)} if request is not None else {}))
    except data.exceptions.ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], {}
    return 200, json.loads(reply["payload"].read())


STEPS = st.lists(
    st.tuples(st.just("update"), st.tuples(requests_of(nodes(PLAIN | st.none())), st.sampled_from([None, None, 0, 1])))
    | st.tuples(st.sampled_from(["delete", "get"]), st.none()),
    min_size=1,
    max_size=6,
)
COUNT = iter(range(10**9))


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_moto_agrees(moto_client, steps):
    """
    The same codes, versions, sections and deltas, step by step, after any requests.

    Left out: where moto is known to differ.  It keeps an object that a null left empty, ignores a section that is null
    as a whole, has 1 equal to true, deletes what is deleted, and cannot take a version before there is a shadow.
    """
    iot, data = moto_client
    name = f"thing-{next(COUNT)}"
    iot.create_thing(thingName=name)
    shadow, ever = Shadow(), False
    for verb, what in steps:
        request = None
        if what is not None:
            request, behind = dict(what[0]), what[1]
            if behind is not None and ever:
                request["version"] = shadow.version - behind
        code, told = moto_says(data, verb, name, request)
        if verb == "delete" and not shadow.exists:
            break
        shadow, messages = ask(shadow, verb, request)
        reply = next(document for topic, document in messages.items() if topic.startswith(f"{verb}/"))
        ever = ever or verb == "update"
        assert code == reply.get("code", 200)
        if verb == "get" and code == 200:
            assert pruned(told["state"]) == reply["state"]
        if code == 200:
            assert told["version"] == reply["version"]
