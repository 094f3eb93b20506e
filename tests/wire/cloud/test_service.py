"""The cloud's side without a broker: topics, fleets at once, the file."""

from __future__ import annotations

import asyncio
import json
import os

import pytest

pytest.importorskip("aiomqtt", reason="aiomqtt is not installed: pip install 'otalab[net]'")
from otalab.cli.main import main
from otalab.errors import BadInput
from otalab.one_owner import owned
from otalab.wire.cloud import service as shadow_service
from otalab.wire.cloud.broker import Broker
from otalab.wire.cloud.link import topic_name
from otalab.wire.cloud.service import ALL, ALL_DONE, Shadows, ShadowService


def update(shadows, name, state):
    return shadows.handle(f"$aws/things/{name}/shadow/update", json.dumps({"state": state}).encode(), 1)


def change(shadows, **request):
    messages = shadows.handle(ALL, json.dumps(request).encode(), 2)
    assert ALL_DONE == messages[0][0]
    return [topic for topic, _ in messages[1:]], messages[0][1]


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
    assert topics[1] == next(fleet.deltas())[0][0]


def test_a_change_for_all_is_for_all_or_for_none(fleet):
    """
    One thing whose shadow would grow too large, and nothing is changed.
    """
    update(fleet, "lamp-2", {"reported": {"big": "x" * 8000}})
    before = dict(fleet.things)
    topics, done = change(fleet, desired={"b": "x" * 300})

    assert ([], 413) == (topics, done["code"])
    assert before == fleet.things


def test_a_pattern_of_names_has_a_limit(fleet):
    """
    Fifty kilobytes of it would hold the service up for seconds.
    """
    assert 400 == change(fleet, things="*a" * 251, desired={"b": 2})[1]["code"]
    assert 0 == change(fleet, things="*a" * 250, desired={"b": 2})[1]["things"]


class Overheard(ShadowService):
    """
    A service whose broker is this test.
    """

    def __init__(self, shadows, tell):
        super().__init__(Broker("127.0.0.1", 1), shadows, tell)
        self.sent = asyncio.Queue()

    async def _publish(self, messages):
        await self.sent.put(messages)


def test_what_cannot_be_kept_is_refused_and_the_service_lives_on(tmp_path):
    """
    A disk that is full, or a folder that is gone: one line, code 500 for everyone, nothing changed, and then it goes.
    """
    folder, lines = tmp_path / "state", []
    folder.mkdir()

    async def story():
        service = Overheard(Shadows(folder / "shadows.json"), lines.append)
        working = asyncio.create_task(service._work())
        asked = [
            (f"$aws/things/{name}/shadow/update", b'{"state": {"reported": {"a": 1}}, "clientToken": "t"}')
            for name in ("lamp", "bell")
        ]
        for wanted in (lambda: None, folder.rmdir, folder.mkdir):
            (folder / "shadows.json").unlink(missing_ok=True)
            wanted()
            for topic, payload in [*asked, ("$aws/things/lamp/shadow/get", b""), (ALL, b'{"desired": {"b": 2}}')]:
                service._received(topic, payload)
            yield await service.sent.get(), dict(service.shadows.things)
        working.cancel()

    async def told():
        return [one async for one in story()]

    (fine, before), (refused, same), (again, after) = asyncio.run(told())

    assert before == same
    assert {500} == {document["code"] for _, document in refused}
    assert 4 == len(refused)
    assert {"t"} == {document["clientToken"] for topic, document in refused if topic.endswith("update/rejected")}
    assert len(fine) <= len(again)
    assert ({2}, {4}) == tuple({thing.version for thing in things.values()} for things in (before, after))
    assert 1 == len(lines)
    assert "there is no folder" in lines[0]
    assert lines[0].endswith("nothing was changed")


def test_what_is_repeated_is_answered_once(tmp_path):
    """
    The same report of a thing that got no answer yet; another one, and another thing's, get their own.
    """
    topic, lines = "$aws/things/lamp/shadow/update", []
    reports = [json.dumps({"state": {"reported": {"a": number}}}).encode() for number in range(2)]

    async def story():
        service = Overheard(Shadows(), lines.append)
        for payload in (reports[0], reports[0], reports[1], reports[0]):
            service._received(topic, payload)
        service._received(topic.replace("lamp", "bell"), reports[0])
        working = asyncio.create_task(service._work())
        messages = await service.sent.get()
        working.cancel()
        return [topic for topic, _ in messages if topic.endswith("accepted")], service.shadows.things["lamp"]

    accepted, lamp = asyncio.run(story())
    assert [topic + "/accepted"] * 2 + [topic.replace("lamp", "bell") + "/accepted"] == accepted
    assert ({"reported": {"a": 0}}, 2) == (lamp.state, lamp.version)


class Slow:
    """
    A link on which every message takes a while.
    """

    def __init__(self):
        self.under_way = self.most = self.taken = 0

    async def publish(self, _topic, _payload):
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        self.taken += 1
        return True


def test_few_messages_are_under_way_at_once():
    """
    A fleet's answers, a window at a time, and none is left out.
    """
    service, slow = ShadowService(Broker("127.0.0.1", 1), Shadows()), Slow()
    service.link = slow
    asyncio.run(service._publish([("t", {"n": number}) for number in range(1000)]))
    assert (shadow_service.WINDOW, 1000) == (slow.most, slow.taken)


def test_a_file_of_shadows_has_one_service(tmp_path, capsys):
    """
    The second is told who has it, before it speaks to anybody.
    """
    state = tmp_path / "shadows.json"
    with owned(state):
        assert 2 == main(["shadow-service", "--broker", "127.0.0.1:1", "--state", str(state)])
    assert f"{state}: is held by process {os.getpid()}: " in capsys.readouterr().err
    assert [] == list(tmp_path.iterdir())


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


def kept(state, metadata):
    """
    The text of a file with one thing.
    """
    thing = {"state": state, "metadata": metadata, "version": 1, "timestamp": 5, "exists": True}
    return json.dumps({"things": {"a": thing}})


TIME = {"timestamp": 5}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"things": {"a": {}}}',
        '{"things": {"a": {"state": 1}}}',
        kept({"desired": 1}, {"desired": TIME}),
        kept({"wished": {"a": 1}}, {"wished": {"a": TIME}}),
        kept({"desired": {"a": 1}}, {}),
        kept({"desired": {"a": {"b": 1}}}, {"desired": {"a": TIME}}),
        kept({"desired": {"a": [1, 2]}}, {"desired": {"a": [TIME]}}),
        kept({"desired": {"a": 1}}, {"desired": {"a": {"timestamp": "x"}}}),
    ],
)
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
