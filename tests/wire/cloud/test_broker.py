"""A broker that wants to know who comes, and shows who it is: TLS, certificates, a name and a password."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import subprocess

import pytest
from serving import FAST, serve

from otalab.cli.main import main
from otalab.errors import BadInput
from otalab.files import read_text
from otalab.wire.live.broker import MISSING, LiveBroker, mosquitto
from otalab.wire.live.device import LiveDevice
from otalab.wire.live.process import LiveCommand

pytest.importorskip("aiomqtt", reason="aiomqtt is not installed: pip install 'otalab[net]'")
pytest.importorskip("cryptography", reason="cryptography is not installed: pip install 'otalab[net]'")
import aiomqtt
import certificates

from otalab.wire.cloud.broker import Broker, trusting

USER, WORD = "lamps", "a broker's pässword"
needs_mosquitto = pytest.mark.skipif(
    not mosquitto() or not shutil.which("mosquitto_passwd"), reason=f"{MISSING} for its passwords"
)


class Careful(LiveBroker):
    """A broker with a certificate, that wants one, and a name with a password."""

    def __init__(self, ours, folder):
        super().__init__()
        self.ours, self.folder = ours, folder

    def settings(self):
        names = self.folder / "names"
        subprocess.run(["mosquitto_passwd", "-c", "-b", names, USER, WORD], check=True, capture_output=True)
        # As root it would become another user, who may not read the files of this test.
        user = ["user root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        files = [f"cafile {self.ours['ca.pem']}", f"certfile {self.ours['broker.pem']}"]
        return [
            f"listener {self.port} 127.0.0.1", *user, *files, f"keyfile {self.ours['broker.key']}",
            "require_certificate true", "allow_anonymous false", f"password_file {names}", "log_type error",
        ]  # fmt: skip

    def __str__(self):
        return f"mqtts://{super().__str__()}"


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """Whom we believe, and what that one vouches for."""
    made = certificates.Authority(tmp_path_factory.mktemp("certificates") / "ours")
    for name in ("broker", "lamp"):
        made.vouch(name)
    return made


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """Somebody else, who vouches for his own."""
    made = certificates.Authority(tmp_path_factory.mktemp("certificates") / "theirs")
    made.vouch("lamp")
    return made


@pytest.fixture(scope="module")
def careful(ours, tmp_path_factory):
    with Careful(ours, tmp_path_factory.mktemp("careful")) as broker:
        yield broker


def known(ours, folder):
    """The options of whoever may come."""
    word = folder / "word"
    word.write_text(f"{WORD}\n", encoding="utf-8")
    word.chmod(0o600)
    certificate = {"broker_ca": ours["ca.pem"], "broker_cert": ours["lamp.pem"], "broker_key": ours["lamp.key"]}
    return certificate | {"broker_user": USER, "broker_password_file": word}


@needs_mosquitto
@pytest.mark.slow
def test_a_device_and_its_service_on_a_broker_that_asks(careful, ours, tmp_path, capsys):
    """An update of the desired state goes all the way, with the certificate and the password, and encrypted."""
    options = known(ours, tmp_path)
    state = tmp_path / "shadows.json"
    with (
        LiveCommand("shadow-service", ready="shadows are served", broker=careful, state=state, **options),
        LiveDevice(tmp_path / "lamp.bin", mqtt=careful, device_id="lamp", **FAST, **options) as lamp,
    ):
        lamp.wait_for_line("MQTT: connected to mqtts://")
        while not state.exists() or '"reported"' not in read_text(state):
            lamp.wait_for_line("MQTT: connected")
        words = [word for key, value in options.items() for word in (f"--{key.replace('_', '-')}", str(value))]
        assert 0 == main(["shadow-service", "--broker", str(careful), *words, "--set-desired", '{"a": 1}'])
        assert not any("warning" in line for line in lamp.log)
    assert "1 thing\n" == capsys.readouterr().out


@needs_mosquitto
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")  # paho's own
def test_a_broker_is_not_believed_and_does_not_believe(careful, ours, theirs):
    """Another authority's word, no certificate, another's, a wrong password, none, and no TLS: nobody gets in."""
    at = careful.port
    lamp = {"certificate": ours["lamp.pem"], "key": ours["lamp.key"]}
    right = trusting(ours["ca.pem"], **lamp)

    async def comes(broker):
        try:
            async with broker.client():
                return True
        except aiomqtt.MqttError:
            return False

    assert asyncio.run(comes(Broker("127.0.0.1", at, right, USER, WORD)))
    wrong = (
        Broker("127.0.0.1", at, trusting(theirs["ca.pem"], **lamp), USER, WORD),
        Broker("127.0.0.1", at, trusting(None, **lamp), USER, WORD),
        Broker("127.0.0.1", at, trusting(ours["ca.pem"]), USER, WORD),
        Broker("127.0.0.1", at, trusting(ours["ca.pem"], theirs["lamp.pem"], theirs["lamp.key"]), USER, WORD),
        Broker("127.0.0.1", at, right, USER, "guess"),
        Broker("127.0.0.1", at, right, "root", WORD),
        Broker("127.0.0.1", at, right),
        Broker("127.0.0.1", at, None, USER, WORD),
        Broker("127.0.0.2", at, right, USER, WORD),
    )

    async def all_of_them():
        return await asyncio.gather(*map(comes, wrong))

    assert [False] * len(wrong) == asyncio.run(all_of_them())
    gc.collect()


def test_a_password_is_not_shown():
    """Not in the words for a broker, and not in those for its value."""
    broker = Broker("h", 1, None, USER, WORD)
    assert WORD not in str(broker) + repr(broker)


def test_files_that_are_no_certificates_are_said_with_their_names(ours, tmp_path):
    """A file that is missing, empty or something else, a key without its certificate, and one of another."""
    empty = tmp_path / "empty.pem"
    empty.write_bytes(b"")
    for given, said in (
        (("/nowhere.pem",), "/nowhere.pem: no such file"),
        ((str(empty),), f"{empty}: holds no certificates in PEM"),
        ((None, ours["lamp.key"]), "no certificate in PEM with its key"),
        ((None, ours["lamp.pem"], ours["broker.key"]), "no certificate in PEM with its key"),
    ):
        with pytest.raises(BadInput, match=said):
            trusting(*given)


MISUSES = [
    (["--broker-user", "lamp"], "--broker-user goes with a broker: give --mqtt HOST:PORT"),
    (["--mqtt", "h", "--broker-ca", "ca.pem"], "--broker-ca is for TLS: give --mqtt mqtts://h"),
    (["--mqtt", "mqtts://h", "--broker-key", "k"], "--broker-key is the key of a certificate"),
    (["--mqtt", "h", "--broker-password-file", "w"], "whose is it? Give the name with --broker-user"),
    (["--mqtt", "h", "--broker-user", "u", "--broker-password-file", "/w"], "--broker-password-file /w: no such file"),
    (["--mqtt", "mqtts://me:word@h"], "--mqtt: every user of this machine can read it"),
]


@pytest.mark.slow
def test_options_that_do_not_go_together_are_one_line(tmp_path):
    """Exit 2 before a flash file is made, and no password is repeated."""
    for arguments, said in MISUSES:
        ran = serve("--flash", str(tmp_path / "lamp.bin"), *arguments)
        assert (2, True) == (ran.returncode, said in ran.stderr), ran.stderr
        assert "word@" not in ran.stderr
        assert "Traceback" not in ran.stderr
    assert not (tmp_path / "lamp.bin").exists()
