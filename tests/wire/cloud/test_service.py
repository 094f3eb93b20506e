"""The cloud's side without a broker: topics, fleets at once, the file."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("aiomqtt", reason="aiomqtt is not installed: pip install 'otalab[net]'")
from otalab.errors import BadInput
from otalab.wire.cloud import service as shadow_service
from otalab.wire.cloud.broker import Broker
from otalab.wire.cloud.link import topic_name
from otalab.wire.cloud.service import ALL, ALL_DONE, Shadows


def update(shadows, name, state):
    return shadows.handle(f"$aws/things/{name}/shadow/update", json.dumps({"state": state}).encode(), 1)


def change(shadows, **request):
    messages = shadows.handle(ALL, json.dumps(request).encode(), 2)
    assert ALL_DONE == messages[-1][0]
    return [topic for topic, _ in messages[:-1]], messages[-1][1]


@pytest.fixture
def fleet():
    shadows = Shadows()
    for name in ("lamp-1", "lamp-2", "bell"):
        update(shadows, name, {"reported": {"a": 1}})
    return shadows


def test_a_change_for_all_is_an_update_of_each(fleet):
    """
    Every thing that the pattern names gets its delta, and nobody else.
    """
    topics, done = change(fleet, things="lamp-*", desired={"b": 2}, clientToken="t")

    assert {"things": 2, "clientToken": "t"} == done
    assert {f"$aws/things/lamp-{n}/shadow/update/delta" for n in (1, 2)} == {t for t in topics if t.endswith("delta")}
    assert {} == fleet.things["bell"].delta
    assert topics[1] == fleet.deltas()[0][0]


def test_a_change_for_all_is_for_all_or_for_none(fleet):
    """
    One thing whose shadow would grow too large, and nothing is changed.
    """
    update(fleet, "lamp-2", {"reported": {"big": "x" * 8000}})
    before = dict(fleet.things)
    topics, done = change(fleet, desired={"b": "x" * 300})

    assert ([], 413) == (topics, done["code"])
    assert before == fleet.things


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'{"desired": 1}', b"\xff"])
def test_a_change_that_is_none_is_refused(fleet, payload):
    """
    With a code and a message, as for one thing.
    """
    assert {"code", "message", "clientToken"} == fleet.handle(ALL, payload, 2)[-1][1].keys()


@pytest.mark.parametrize(
    "topic", ["$aws/things/a b/shadow/get", "$aws/things//shadow/get", "$aws/things/a/shadow/put", "a"]
)
def test_a_topic_that_is_none_is_ignored(fleet, topic):
    """
    No answer to it, for it asks for nothing.
    """
    assert [] == fleet.handle(topic, b"{}", 1)


def test_the_number_of_things_is_bounded(fleet, monkeypatch):
    """
    One too many is told so; those that are known go on.
    """
    monkeypatch.setattr(shadow_service, "MOST_THINGS", 3)

    assert 429 == update(fleet, "another", {})[0][1]["code"]
    assert "$aws/things/bell/shadow/update/accepted" == update(fleet, "bell", {"desired": {}})[0][0]


def test_shadows_outlive_the_service(fleet, tmp_path):
    """
    What was saved is read again, and nothing else is left in the folder.
    """
    fleet.path = tmp_path / "shadows.json"
    fleet.save()

    assert fleet.things == Shadows(fleet.path).things
    assert [fleet.path] == list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "{", "[]", '{"things": {"a": {}}}', '{"things": {"a": {"state": 1}}}'])
def test_a_file_that_holds_no_shadows_is_refused(tmp_path, text):
    """
    In one line that names it.
    """
    path = tmp_path / "shadows.json"
    path.write_text(text)
    with pytest.raises(BadInput, match="not a file of shadows"):
        Shadows(path)


@pytest.mark.parametrize(
    "text, broker",
    [("10.0.0.1:1884", Broker("10.0.0.1", 1884)), ("localhost", Broker("localhost")), ("[::1]:5", Broker("::1", 5))],
)
def test_a_broker_is_a_host_and_a_port(text, broker):
    """
    1883 if none is given.
    """
    assert broker == Broker.parse(text, "--broker")


@pytest.mark.parametrize("text", ["", ":1883", "a:b", "a:0", "a:70000", "mqtt://a", "a b"])
def test_anything_else_is_no_broker(text):
    """
    The option and the way out are in the message.
    """
    with pytest.raises(BadInput, match=r"--broker .*HOST:PORT"):
        Broker.parse(text, "--broker")


@pytest.mark.parametrize("name", ["#", "a/+", "", "a\0", "x" * 200, None, 5, "ü"])
def test_no_answer_goes_to_a_topic_with_wildcards(name):
    """
    Whoever asks names a topic of plain words.
    """
    assert not topic_name(name)
    assert topic_name("mos-4711/reply")
