"""RPC and the device shadow over a real broker: mosquitto, its own clients, real kills."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import shutil
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest
from serving import FAST, GOOD, tiny_bundle

from otalab.cli import shadow_service
from otalab.cli.main import main
from otalab.wire.auth.digest import frame_authorization
from otalab.wire.live.broker import MISSING, LiveBroker, mosquitto
from otalab.wire.live.device import LiveDevice
from otalab.wire.live.process import LiveCommand

pytest.importorskip("aiomqtt", reason="aiomqtt is not installed: pip install 'otalab[net]'")
from otalab.wire.cloud.broker import Broker
from otalab.wire.cloud.link import Link

web = pytest.importorskip("web")
if not mosquitto() or not shutil.which("mosquitto_pub"):
    pytest.skip(MISSING, allow_module_level=True)
NUMBERS = count(1)
SERVED = "shadows are served"


class Cloud:
    """A broker with a shadow service, and mosquitto's own clients."""

    def __init__(self, broker, state):
        self.broker, self.state = broker, state
        self.service = LiveCommand("shadow-service", ready=SERVED, broker=broker, state=state)

    def publish(self, topic, payload):
        text = payload if isinstance(payload, str) else json.dumps(payload)
        command = ["mosquitto_pub", "-p", str(self.broker.port), "-q", "1", "-t", topic, "-s" if text else "-n"]
        subprocess.run(command, input=text, text=True, check=True, timeout=300)

    def listen(self, topic, number=1):
        """Begin to listen; the result's `communicate` gives that many messages."""
        command = ["mosquitto_sub", "-p", str(self.broker.port), "-t", topic, "-C", str(number), "-W", "140", "-d"]
        # Into a pipe it would say only at its end that it has subscribed.
        process = subprocess.Popen(["stdbuf", "-oL", *command], stdout=subprocess.PIPE, text=True)
        while "Subscribed" not in process.stdout.readline():
            assert process.poll() is None
        return process

    def rpc(self, device, method, auth=None, **params):
        """Call a method with `mosquitto_pub`, and return the reply that `mosquitto_sub` hears."""
        me = f"me-{next(NUMBERS)}"
        ear = self.listen(f"{me}/rpc")
        known = {} if auth is None else {"auth": auth}
        self.publish(f"{device}/rpc", {"id": 7, "src": me, "method": method, "params": params, **known})
        lines = [line for line in ear.communicate(timeout=150)[0].splitlines() if line.startswith("{")]
        reply = json.loads(lines[0])
        assert (7, device, me) == (reply["id"], reply["src"], reply["dst"])
        return reply

    def desire(self, name, **desired):
        self.publish(f"$aws/things/{name}/shadow/update", {"state": {"desired": desired}})

    def reported(self, name, key="ota"):
        kept = json.loads(self.state.read_text())["things"] if self.state.exists() else {}
        reported = kept.get(name, {}).get("state", {}).get("reported", {})
        return reported if key is None else reported.get(key, {})

    def wait_for(self, name, seconds=150, key="ota", **wanted):
        """Wait until the shadow says that the device has reported this."""
        end = time.monotonic() + seconds
        while not wanted.items() <= (told := self.reported(name, key)).items():
            assert time.monotonic() < end, told
            time.sleep(0.05)
        return told


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with LiveBroker() as broker:
        running = Cloud(broker, tmp_path_factory.mktemp("cloud") / "shadows.json")
        with running.service:
            yield running
        assert not any("Traceback" in line for line in running.service.log), running.service.log


@pytest.fixture
def server():
    with web.Web() as running:
        running.files = {"fw.zip": GOOD, "three.zip": tiny_bundle("3")}
        yield running


@pytest.fixture
def lamp(cloud, tmp_path):
    """A tiny device on the broker, not yet started, under a name of its own."""
    devices = []

    def made(**options):
        device = LiveDevice(
            tmp_path / "flash.bin", mqtt=cloud.broker, device_id=f"lamp-{next(NUMBERS)}", **FAST | options
        )
        devices.append(device)
        return device

    yield made
    for device in devices:
        device.stop()
        assert not any("Traceback" in line for line in device.log), device.log


def name_of(device):
    return device.options["device_id"]


CONNECTED = "MQTT: connected"


def again(device):
    """Cut the power and switch it on again; what comes before it has subscribed would not be heard."""
    before = sum(CONNECTED in line for line in device.log)
    device.kill()
    device.start()
    device.wait_for_line(CONNECTED, before + 1)


# RPC

# What a success of `OTA.Update` looks like.
OUTCOMES = [
    ("strict", {"result": None}),
    ("2017", {"error": {"code": 0, "message": "Update applied, finalizing"}}),
]


@pytest.mark.parametrize("dialect, outcome", OUTCOMES)
def test_an_update_by_rpc_with_commit(cloud, server, lamp, dialect, outcome):
    """`mosquitto_pub -t DEVICE/rpc`, and the reply comes to SOURCE/rpc; the greeting after the restart commits."""
    device = lamp(dialect=dialect).start()
    device.wait_for_line(CONNECTED)

    assert "1" == cloud.rpc(name_of(device), "Sys.GetInfo")["result"]["fw_version"]
    reply = cloud.rpc(name_of(device), "OTA.Update", url=f"{server.address}/plain/fw.zip", commit_timeout=60)
    assert outcome.items() <= reply.items()
    told = device.wait_for(version="2", committed=True)
    assert (1, 60) == (told["active_slot"], told["commit_timeout"])
    device.wait_for_line(CONNECTED, 2)
    state = cloud.rpc(name_of(device), "OTA.GetBootState")["result"]
    assert (1, True) == (state["active_slot"], state["is_committed"])
    if dialect == "strict":
        cloud.wait_for(name_of(device), fw_version="2", is_committed=True, partition=1)


@pytest.mark.slow
@pytest.mark.parametrize("dialect, outcome", OUTCOMES)
def test_an_update_by_rpc_with_rollback(cloud, server, lamp, dialect, outcome):
    """An image that hangs is given up by its timer, and the device is back on the broker."""
    device = lamp(image="hangs", dialect=dialect).start()
    device.wait_for_line(CONNECTED)
    reply = cloud.rpc(name_of(device), "OTA.Update", url=f"{server.address}/plain/fw.zip", commit_timeout=1)
    assert outcome.items() <= reply.items()
    device.wait_for(version="1", committed=True)

    assert "Starting version 2 in slot 1" in device.log
    device.wait_for_line(CONNECTED, 2)  # an image that hangs never asks for its broker
    assert "1" == cloud.rpc(name_of(device), "Sys.GetInfo")["result"]["fw_version"]


@pytest.mark.parametrize(
    "frame",
    [
        "", "x", "[]", '{"method": 1}', '{"id": {}, "method": "Sys.GetInfo"}', "[" * 4000, "x" * 70_000,
        '{"id": 1, "src": "#", "method": "Sys.GetInfo"}', '{"id": 1, "src": "a/+", "method": "Sys.GetInfo"}',
    ],
)  # fmt: skip
def test_what_is_no_frame_gets_no_reply(cloud, lone_lamp, frame):
    """And the device answers the next one."""
    cloud.publish(f"{name_of(lone_lamp)}/rpc", frame)

    assert "result" in cloud.rpc(name_of(lone_lamp), "RPC.List")


@pytest.fixture(scope="module")
def lone_lamp(cloud, tmp_path_factory):
    """One device for all messages that should not harm it."""
    flash = tmp_path_factory.mktemp("lone") / "flash.bin"
    with LiveDevice(flash, mqtt=cloud.broker, device_id="lone", **FAST) as device:
        cloud.wait_for("lone", fw_version="1")
        yield device
    assert not any("Traceback" in line for line in device.log), device.log


# The shadow


@pytest.mark.parametrize(
    "payload",
    [
        "", "x", "[]", "[" * 4000, '{"state": 1}', '{"state": {"ota": 1}}', '{"state": {"ota": {"url": 1}}}',
        '{"state": {"ota": {"url": ""}}}', '{"state": {"ota": {"url": "file:///etc/hostname"}}}',
        '{"state": {"ota": {"url": "http://127.0.0.1:1/", "commit_timeout": -1}}}',
        json.dumps({"state": {"ota": {"url": "http://" + "x" * 3000}}}),
    ],
)  # fmt: skip
def test_what_is_no_delta_changes_nothing(cloud, lone_lamp, payload):
    """It runs what it ran; a URL that cannot be fetched is an error that is reported."""
    cloud.publish("$aws/things/lone/shadow/update/delta", payload)

    assert "result" in cloud.rpc("lone", "OTA.Status")
    assert "1" == lone_lamp.status()["version"]


@pytest.mark.parametrize("dialect, spelling", [("strict", "ota"), ("2017", "ota_url")])
def test_an_update_by_the_shadow_with_commit(cloud, server, lamp, dialect, spelling):
    """Desired once it is fetched once: not again after a restart, and what became of it is reported."""
    url = f"{server.address}/plain/fw.zip"
    device = lamp(dialect=dialect).start()
    name = name_of(device)
    cloud.wait_for(name, **({"fw_version": "1"} if dialect == "strict" else {"key": None, "ota_code": 0}))
    documents = cloud.listen(f"$aws/things/{name}/shadow/update/documents", 3)
    cloud.desire(name, **({"ota": {"url": url}} if spelling == "ota" else {"ota_url": url}))
    device.wait_for(version="2", committed=True)
    if dialect == "strict":
        told = cloud.wait_for(name, status="success", message="Update committed", url=url)
        assert ("2", "2/lab", True, 1, 600, 100) == tuple(
            told[key]
            for key in ("fw_version", "fw_id", "is_committed", "partition", "commit_timeout", "progress_percent")
        )
    else:
        cloud.wait_for(name, key=None, ota_url=url, ota_code=1, ota_message="Update committed")
    heard = [json.loads(line) for line in documents.communicate(timeout=150)[0].splitlines() if line.startswith("{")]
    assert [1, 1, 1] == [b["current"]["version"] - b["previous"]["version"] for b in heard]

    again(device)
    assert "result" in cloud.rpc(name, "Sys.GetInfo")
    asked_for_another(cloud, server, name, dialect)
    assert "ota_state.json" in device.status()["files"]


def asked_for_another(cloud, server, name, dialect="strict"):
    """What is desired next is the next thing that is fetched: what was done is not done again."""
    other = f"{server.address}/404/fw.zip"
    if dialect == "strict":
        cloud.desire(name, ota={"url": other})
        cloud.wait_for(name, status="error", code=-404)
    else:
        cloud.desire(name, ota_url=other)
        cloud.wait_for(name, key=None, ota_code=-404)
    assert ["/plain/fw.zip", "/404/fw.zip"] == [request.path for request in server.seen]


@pytest.mark.slow
def test_an_update_by_the_shadow_with_rollback(cloud, server, lamp):
    """The old version runs, says so, and the URL that failed is not fetched again, neither now nor after a restart."""
    device = lamp(image="hangs").start()
    name = name_of(device)
    cloud.wait_for(name, fw_version="1")
    cloud.desire(name, ota={"url": f"{server.address}/plain/fw.zip", "commit_timeout": 2})
    device.wait_for_line("Starting version 2")
    device.wait_for(version="1", committed=True)
    cloud.wait_for(name, fw_version="1", status="error", message="Rolled back from 2 to 1", code=-1)
    for _ in range(2):
        again(device)
        assert "result" in cloud.rpc(name, "Sys.GetInfo")

    asked_for_another(cloud, server, name)
    assert "1" == device.status()["version"]


def test_a_failed_update_is_reported_and_another_url_goes(cloud, server, lamp):
    """404 is its code; the first URL is not tried again."""
    device = lamp().start()
    name = name_of(device)
    cloud.wait_for(name, fw_version="1")
    cloud.desire(name, ota={"url": f"{server.address}/404/fw.zip"})
    cloud.wait_for(name, status="error", code=-404, message="Invalid HTTP response code")
    cloud.desire(name, ota={"url": f"{server.address}/plain/fw.zip"})
    cloud.wait_for(name, status="success", fw_version="2", is_committed=True)

    assert 2 == len(server.seen)


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["download", "merge", "switch", "trial"])
def test_a_kill_in_the_middle_loses_nothing(cloud, server, lamp, phase):
    """Desired once, killed on the way, switched on again: it takes the update, and nobody has to ask twice."""
    device = lamp(time_scale=0.5).start()
    name = name_of(device)
    cloud.wait_for(name, fw_version="1")
    cloud.desire(name, ota={"url": f"{server.address}/plain/fw.zip"})
    device.wait_for_phase(phase)
    device.kill()
    device.start()

    cloud.wait_for(name, fw_version="2", is_committed=True)
    device.wait_for(version="2", committed=True)


@pytest.mark.slow
def test_an_image_that_cannot_reach_its_cloud_is_rolled_back(cloud, server, lamp, tmp_path):
    """The commit waits for the service's answer; without one the timer fires."""
    with LiveBroker() as broker:
        own = Cloud(broker, tmp_path / "own.json")
        own.service.start()
        with LiveDevice(tmp_path / "own.bin", mqtt=broker, device_id="own", **FAST) as device:
            own.wait_for("own", fw_version="1")
            own.service.stop()
            code, _ = device.update(GOOD, commit_timeout=8)  # the health check counts for five of them
            assert 200 == code
            device.wait_for_line("Starting version 2")
            device.wait_for(version="1", committed=True)
            with own.service:
                own.wait_for("own", fw_version="1", message="Rolled back from 2 to 1")


@pytest.mark.slow
def test_a_broker_that_restarts_midway_loses_nothing(server, tmp_path):
    """The update goes on without it, and is reported when it is back."""
    with LiveBroker() as broker:
        cloud = Cloud(broker, tmp_path / "shadows.json")
        with (
            cloud.service,
            LiveDevice(tmp_path / "flash.bin", mqtt=broker, device_id="lamp", **FAST | {"time_scale": 1}) as device,
        ):
            cloud.wait_for("lamp", fw_version="1")
            cloud.desire("lamp", ota={"url": f"{server.address}/plain/fw.zip"})
            device.wait_for_phase("download")
            broker.stop()
            device.wait_for_line("Starting version 2")
            broker.start()
            cloud.wait_for("lamp", fw_version="2", is_committed=True)
            assert "result" in cloud.rpc("lamp", "Sys.GetInfo")


# Resets


@pytest.mark.slow
def test_a_reset_while_it_connects_ends_the_connection(caplog):
    """At whatever moment: the link ends at once, and no connection is left behind."""
    with LiveBroker() as broker:
        unended, left = asyncio.run(cancelled_links(Broker("127.0.0.1", broker.port), 150))

    assert 0 == unended
    assert left <= 0
    assert [] == [
        record.message for record in caplog.records if record.name == "asyncio" and record.levelname == "ERROR"
    ]


def open_files():
    return len(list(Path("/dev/fd").iterdir()))


async def cancelled_links(broker, number):
    """Cancel links while they connect; return how many did not end, and how many files are open that were not."""
    chance, before, unended = random.Random(1), None, 0

    async def connected():
        await asyncio.sleep(1)

    for _ in range(number):
        link = asyncio.create_task(Link(broker, "lamp", ["a", "b"], lambda *_: None, connected).run())
        await asyncio.sleep(chance.uniform(0, 0.012))
        link.cancel()
        unended += not (await asyncio.wait([link], timeout=60))[0]
        # What the first one opens for good, such as the loop's own threads, is none of the others'.
        before = before or open_files()
    # What the loop has been told to close it closes in a later turn.
    for _ in range(600):
        gc.collect()
        if open_files() <= before:
            break
        await asyncio.sleep(0.1)
    return unended, open_files() - before


# Fuzz


@pytest.mark.slow
def test_mutated_messages_stop_nothing():
    """The short form of `benchmarks/fuzz.py`: every wire, both dialects, and a good update after."""
    script = Path(__file__).parents[2] / "benchmarks" / "fuzz.py"
    command = [sys.executable, str(script), "--exchanges", "400", "--seed", "5"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)

    assert "400 exchanges" in ran.stdout, ran.stderr
    assert 0 == ran.returncode, ran.stdout


# Many


@pytest.mark.slow
def test_a_fleet_takes_one_change(tmp_path, server):
    """The short form of `benchmarks/fleet.py`: broker restarted, devices killed and started again, all updated."""
    server.files["fw.zip"] = tiny_bundle("2")
    with LiveBroker() as broker:
        cloud = Cloud(broker, tmp_path / "shadows.json")
        parts = [
            LiveCommand(
                "fleet", "serve", ready="fleet of", devices=n, first=first, broker=broker, flash_dir=tmp_path / "fleet",
                board="tiny", design="hardened", time_scale=0.2, no_sync=True,
            )
            for n, first in ((4, 0), (1, 4))
        ]  # fmt: skip
        with cloud.service, parts[0], parts[1]:
            for number in range(5):
                cloud.wait_for(f"lamp-{number:03}", fw_version="1")
            command = [sys.executable, "-m", "otalab", "shadow-service", "--broker", str(broker), "--json"]
            desired = json.dumps({"ota": {"url": f"{server.address}/plain/fw.zip"}})
            told = subprocess.run([*command, "--set-desired", desired], capture_output=True, text=True, check=True)
            assert {"things": 5} == json.loads(told.stdout)
            broker.stop()
            parts[1].kill()
            broker.start()
            parts[1].start()
            for number in range(5):
                cloud.wait_for(f"lamp-{number:03}", fw_version="2", is_committed=True)
        said = "\n".join(line for part in (*parts, cloud.service) for line in part.log)
        assert "Traceback" not in said, said


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["serve", "--flash", "x", "--mqtt", "a b"], "HOST:PORT of a broker is needed"),
        (["serve", "--flash", "x", "--commit", "cloud"], "give a broker with --mqtt"),
        (["serve", "--flash", "x", "--device-id", "a/b"], "--device-id"),
        (["serve", "--flash", "x", "--shadow-commit-timeout", "-1"], "--shadow-commit-timeout -1"),
        (["fleet", "serve", "--devices", "0", "--broker", "x", "--flash-dir", "d"], "--devices 0"),
        (["fleet", "serve", "--devices", "1", "--broker", "x", "--flash-dir", "d", "--prefix", "/"], "--prefix"),
        (["fleet", "serve", "--devices", "1", "--broker", ":1", "--flash-dir", "d", "--board", "tiny"], "--broker :1"),
        (["shadow-service", "--broker", "x", "--things", "a"], "go with --set-desired"),
        (["shadow-service", "--broker", "x", "--set-desired", "{"], "not JSON"),
        (["shadow-service", "--broker", "x", "--set-desired", "1"], "an object is needed"),
        (["shadow-service", "--broker", "127.0.0.1:1", "--set-desired", "{}"], "is a broker running there?"),
        (["shadow-service", "--broker", "127.0.0.1:1", "--state", "."], "is a folder, and an ordinary file is needed"),
    ],
)
def test_misuse_is_one_line_and_exit_2(tmp_path, arguments, message):
    """It says what is wrong and the way out."""
    ran = subprocess.run(
        [sys.executable, "-m", "otalab", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (2, "") == (ran.returncode, ran.stdout)
    assert message in ran.stderr
    assert 1 == len(ran.stderr.splitlines())


def test_a_change_without_a_service_says_so(monkeypatch, capsys):
    """After a while, with the command that starts one."""
    assert 10 == shadow_service.SECONDS
    monkeypatch.setattr(shadow_service, "SECONDS", 1)
    with LiveBroker() as broker:
        status = main(["shadow-service", "--broker", str(broker), "--set-desired", "{}"])

    assert 2 == status
    said = capsys.readouterr().err
    assert f"sent, not confirmed: no shadow service answers on {broker}; " in said
    assert "where none runs, start one: otalab shadow-service" in said


def test_with_a_password_a_frame_over_mqtt_needs_it_too(cloud, lamp):
    """401 and the challenge; with the answer in the frame it is carried out, once."""
    word = "a word"
    device = lamp(password=word)
    with device:
        name = name_of(device)
        device.wait_for_line(CONNECTED)
        refused = cloud.rpc(name, "RPC.Ping")["error"]
        assert 401 == refused["code"]
        auth = frame_authorization(json.loads(refused["message"]), "admin", word)
        assert {"channel_info": ""} == cloud.rpc(name, "RPC.Ping", auth=auth)["result"]
        assert 401 == cloud.rpc(name, "RPC.Ping", auth=auth)["error"]["code"]
