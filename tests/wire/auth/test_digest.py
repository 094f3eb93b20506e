"""Who may talk to a device: real curl, wrong passwords, old answers, and a device that is off loopback."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import socket
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import aiohttp
import pytest
from serving import FAST, curl, tiny_bundle

from otalab.cli.options.auth import check_host, loopback, users
from otalab.errors import BadInput
from otalab.firmware.updater import APPLIED
from otalab.wire.auth.digest import (
    BadAuth,
    Lock,
    Users,
    answer,
    authorization,
    digest,
    frame_authorization,
    pairs,
)
from otalab.wire.auth.nonces import MOST_REMEMBERED, Nonces
from otalab.wire.live.device import LiveDevice

NAME, PASSWORD = "admin", "a lamp's pässword"
GOOD = tiny_bundle("2")
EVERYWHERE = ".".join("0000")


# The lock by itself


def test_known_answers():
    """The example of RFC 7616, both algorithms, digit for digit."""
    asked = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    expected = {
        "MD5": "8ca523f5e9506fed4657c9700eebdbec",
        "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    }
    for algorithm, response in expected.items():
        secret = digest(algorithm, "Mufasa:http-auth@example.org:Circle of Life")
        assert response == answer(algorithm, secret, asked, "GET", "/dir/index.html")


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_an_answer_opens_once(algorithm):
    """Right once, used up the second time; never for another method, path, name or password."""
    lock = Lock(Users.one(NAME, PASSWORD, algorithm=algorithm))

    def header(method="GET", uri="/status?a=1", user=NAME, password=PASSWORD):
        return authorization(lock.challenge(), user, password, method, uri)

    right = header()
    assert [True, None] == [lock.knows(right, "GET", "/status?a=1") for _ in range(2)]
    assert True is lock.knows(header().replace("Digest", "dIGEST"), "GET", "/status?a=1")
    for wrong, method, uri in (
        (header("POST"), "GET", "/status?a=1"),
        (header(), "GET", "/status"),
        (header(user="root"), "GET", "/status?a=1"),
        (header(password=""), "GET", "/status?a=1"),
        (header().replace('realm="RPC"', 'realm="Q"'), "GET", "/status?a=1"),
        (header().replace("qop=auth", "qop=auth-int"), "GET", "/status?a=1"),
        (header().replace("nc=00000001", "nc=00000002"), "GET", "/status?a=1"),
        (header().replace(f"algorithm={algorithm}", "algorithm=none"), "GET", "/status?a=1"),
        (header() + ', username="root"', "GET", "/status?a=1"),
        ("Basic YWRtaW46YQ==", "GET", "/status?a=1"),
        ("Digest", "GET", "/status?a=1"),
        (None, "GET", "/status?a=1"),
    ):
        assert False is lock.knows(wrong, method, uri), wrong


def test_a_count_goes_on_and_never_comes_again():
    """One nonce serves many requests, in any order, each count once."""
    lock = Lock(Users.one(NAME, PASSWORD))
    nonce = pairs(lock.challenge())["nonce"]

    def header(count):
        said = answer("MD5", lock.users.secrets[NAME], (nonce, f"{count:08x}", "c"), "GET", "/")
        asked = f'realm="RPC", nonce="{nonce}", uri="/", qop=auth, nc={count:08x}, cnonce="c"'
        return f'Digest username="{NAME}", {asked}, response="{said}"'

    assert [True, True, True, None] == [lock.knows(header(count), "GET", "/") for count in (1, 3, 2, 3)]


def test_a_nonce_is_ours_fresh_and_remembered_for_as_long_as_it_is_good():
    """An hour; not one of another device, of before a restart, or not yet made; and memory has a bound."""
    now = [1e9]
    nonces, others = Nonces(lambda: now[0]), Nonces(lambda: now[0])
    assert [True, False] == [nonces.spend(nonces.text()), nonces.spend(others.text())]
    assert [False] * 4 == [nonces.spend(nonce) for nonce in ("", "-", "zz-00", "3b9aca00000-0")]
    number = nonces.number()
    assert number < 2**53
    assert [True, False, False] == [nonces.spend(number), nonces.spend(number), nonces.spend(number + 1)]
    old, kept = nonces.text(), nonces.number()
    now[0] += 3599
    assert nonces.spend(kept)
    now[0] += 2
    assert not nonces.spend(old)
    first = nonces.number()
    assert nonces.spend(first)
    for _ in range(MOST_REMEMBERED + 1):
        assert nonces.spend(nonces.number())
    assert not nonces.spend(first)
    assert len(nonces._used) <= MOST_REMEMBERED


def test_a_frame_is_answered_as_the_real_client_does():
    """Numbers for nonce and client's nonce, no word of the algorithm; what is incomplete is a bad request."""
    lock = Lock(Users.one(NAME, PASSWORD))
    asked = lock.frame_challenge()
    assert {"auth_type": "digest", "nc": 1, "realm": "RPC", "algorithm": "MD5"}.items() <= asked.items()
    auth = frame_authorization(asked, NAME, PASSWORD)
    assert {int, str} == {type(value) for value in auth.values()}
    md5 = [hashlib.md5(text.encode()).hexdigest() for text in (f"{NAME}:RPC:{PASSWORD}", "dummy_method:dummy_uri")]
    plain = f"{md5[0]}:{auth['nonce']}:1:{auth['cnonce']}:auth:{md5[1]}"
    assert hashlib.md5(plain.encode()).hexdigest() == auth["response"]
    assert [True, False] == [lock.knows_frame(auth), lock.knows_frame(auth)]
    assert not lock.knows_frame(frame_authorization(lock.frame_challenge(), NAME, "guess"))
    whole = frame_authorization(lock.frame_challenge(), NAME, PASSWORD)
    for broken in (None, [], {}, *({**whole, key: bad} for key in whole for bad in (None, "", True, 1.5, 10**30))):
        with pytest.raises(BadAuth):
            lock.knows_frame(broken)
    with pytest.raises(BadAuth):
        lock.knows_frame(whole | {"algorithm": "SHA-256"})
    assert lock.knows_frame(whole)


# Over the wire


@pytest.fixture
def device(tmp_path):
    with LiveDevice(tmp_path / "flash.bin", password=PASSWORD, **FAST) as running:
        yield running
    assert not any("Traceback" in line for line in running.log), running.log


def digested(*arguments, user=f"{NAME}:{PASSWORD}"):
    return curl("--digest", "-u", user, *arguments)


ASKED = [
    ("GET", "/"),
    ("GET", "/status"),
    ("GET", "/nothing"),
    ("POST", "/update"),
    ("GET", "/update?url=http://127.0.0.1:1/"),
    ("GET", "/update/commit"),
    ("POST", "/update/commit"),
    ("POST", "/update/revert"),
    ("POST", "/rpc"),
    ("GET", "/rpc/RPC.List"),
    ("POST", "/rpc/OTA.Commit"),
]


def test_every_door_is_locked(device):
    """No password and a wrong one get 401 and the challenge, whatever is asked, and the device tells nothing."""
    for method, path in ASKED:
        frame = ["-d", '{"id": 1, "method": "Sys.GetInfo"}'] if path == "/rpc" else []
        code, text = curl("-i", "-X", method, *frame, device.url + path)
        assert code == 401, (method, path)
        assert re.search(r'WWW-Authenticate: Digest qop="auth", realm="RPC", nonce="[\w-]+", algorithm=MD5', text)
        assert 401 == digested("-X", method, *frame, device.url + path, user=f"{NAME}:guess")[0]
        assert "version" not in text
    assert 200 == digested(device.url + "/status")[0]


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_an_update_by_curl_with_the_password(tmp_path, algorithm):
    """The multipart upload of the README, with `--digest -u`."""
    bundle = tmp_path / "fw.zip"
    bundle.write_bytes(GOOD)
    options = FAST | {"auth_algorithm": algorithm, "user": "me", "auth_domain": "lamp 1"}
    with LiveDevice(tmp_path / "flash.bin", password=PASSWORD, **options) as running:
        form = ["-F", f"file=@{bundle}", "-F", "commit_timeout=60"]
        assert 401 == curl(*form, running.url + "/update")[0]
        assert 401 == digested(*form, running.url + "/update", user=f"{NAME}:{PASSWORD}")[0]
        assert (200, APPLIED) == digested(*form, running.url + "/update", user=f"me:{PASSWORD}")
        running.wait_for(version="2", committed=True)
        code, text = digested("-d", '{"name": "OTA.Update"}', running.url + "/rpc/RPC.Describe", user=f"me:{PASSWORD}")
        assert (200, "OTA.Update") == (code, json.loads(text)["name"])


def test_a_python_client_with_the_password(device):
    """`LiveDevice` speaks digest by itself, and so does aiohttp; neither without the password."""
    assert (200, APPLIED) == device.update(GOOD)
    device.wait_for(version="2", committed=True)

    async def asked(**known):
        middlewares = [aiohttp.DigestAuthMiddleware(**known)] if known else []
        async with aiohttp.ClientSession(middlewares=middlewares) as session:
            codes = []
            for _ in range(3):
                async with session.post(device.url + "/rpc/RPC.Ping", data=b"{}") as reply:
                    codes.append((reply.status, await reply.text()))
            return codes

    answers = asyncio.run(asked(login=NAME, password=PASSWORD))
    assert {200} == {code for code, _ in answers}
    assert re.fullmatch(r'\{"channel_info": "127\.0\.0\.1:\d+"\}\r\n', answers[0][1])
    assert {401} == {code for code, _ in asyncio.run(asked())}


def large(tmp_path):
    """A file that is no update, and far larger than the chip."""
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(200_000_000)
    return path


def test_a_refused_upload_is_not_taken_in(device, tmp_path):
    """With `Expect: 100-continue` not a byte is sent; without it the answer comes before the body has gone."""
    form = ["-F", f"file=@{large(tmp_path)}", "-w", "\n%{size_upload} %{http_code}", "-o", "/dev/null", "-s"]
    for more, most in (([], 0), (["-H", "Expect:"], 20_000_000)):
        ran = subprocess.run(
            ["curl", *form, *more, device.url + "/update"], capture_output=True, text=True, check=False
        )
        sent, code = ran.stdout.split()
        assert code == "401"
        assert int(sent) <= most
    assert "running" == device.status()["state"]


def test_an_upload_is_no_larger_than_the_chip(tmp_path):
    """What comes after the archive is dropped, up to there; then it is refused, and the device goes on."""
    bundle = tmp_path / "fw.zip"
    bundle.write_bytes(GOOD)
    with bundle.open("ab") as file:
        file.truncate(50_000_000)
    with LiveDevice(tmp_path / "flash.bin", **FAST) as running:
        for arguments in (["-F", f"file=@{bundle}"], ["-H", "Transfer-Encoding: chunked", "-F", f"file=@{bundle}"]):
            code, said = curl(*arguments, running.url + "/update")
            assert (413, "The request is larger than the chip") == (code, said)
        assert (200, APPLIED) == running.update(GOOD)


def test_an_old_answer_does_not_open(device):
    """The bytes of a good request, sent again: 401, and `stale=true` for whoever has the password."""
    _, text = curl("-i", device.url + "/update/commit")
    challenge = re.search(r"WWW-Authenticate: (.+)", text)[1]
    known = authorization(challenge, NAME, PASSWORD, "GET", "/update/commit")
    assert 400 == curl("-H", f"Authorization: {known}", device.url + "/update/commit")[0]
    code, text = curl("-i", "-H", f"Authorization: {known}", device.url + "/update/commit")
    assert (401, True) == (code, "stale=true" in text)


async def frames(url, calls, **session_options):
    """Send frames over one WebSocket; a call is `(method, password or None)`."""
    async with aiohttp.ClientSession(**session_options) as session, session.ws_connect(url + "/rpc") as link:
        replies = []
        for number, (method, password) in enumerate(calls, 1):
            frame = {"id": number, "method": method}
            if password is not None:
                await link.send_json(frame)
                asked = json.loads((await link.receive_json(timeout=300))["error"]["message"])
                frame |= {"auth": frame_authorization(asked, NAME, password)}
            await link.send_json(frame)
            replies.append(await link.receive_json(timeout=300))
        return replies


def test_a_websocket_with_the_password_in_its_frames(device):
    """Let in without it, as on the real device, and then each frame needs an answer of its own."""
    calls = [("RPC.List", None), ("RPC.List", PASSWORD), ("RPC.List", "guess"), ("OTA.Commit", None)]
    none, right, wrong, after = asyncio.run(frames(device.url, calls))
    assert 401 == none["error"]["code"]
    assert {"auth_type", "nonce", "nc", "realm", "algorithm"} == set(json.loads(none["error"]["message"]))
    assert "RPC.Ping" in right["result"]
    assert [401, 401] == [wrong["error"]["code"], after["error"]["code"]]


def test_a_websocket_with_the_password_in_its_handshake(device):
    """Then every frame is known, and a bad `auth` in one is a bad request all the same."""

    async def talked():
        async with aiohttp.ClientSession() as session:
            async with session.get(device.url + "/status") as refused:
                challenge = refused.headers["WWW-Authenticate"]
            known = {"Authorization": authorization(challenge, NAME, PASSWORD, "GET", "/rpc")}
            async with session.ws_connect(device.url + "/rpc", headers=known) as link:
                await link.send_json({"id": 1, "method": "RPC.Ping"})
                first = await link.receive_json(timeout=300)
                await link.send_json({"id": 2, "method": "RPC.Ping", "auth": {}})
                return first, await link.receive_json(timeout=300)

    first, second = asyncio.run(talked())
    assert first["result"]["channel_info"].startswith("127.0.0.1:")
    assert {"code": 400, "message": "bad request"} == second["error"]


def test_strangers_do_not_push_a_known_socket_out(device):
    """Twenty sockets without a password come and go; the one that showed its own stays."""

    async def crowd():
        async with aiohttp.ClientSession() as session:
            async with session.get(device.url + "/") as refused:
                challenge = refused.headers["WWW-Authenticate"]
            known = {"Authorization": authorization(challenge, NAME, PASSWORD, "GET", "/rpc")}
            link = await session.ws_connect(device.url + "/rpc", headers=known)
            strangers = [await session.ws_connect(device.url + "/rpc") for _ in range(30)]
            await link.send_json({"id": 1, "method": "RPC.Ping"})
            answered = await link.receive_json(timeout=300)
            for one in (link, *strangers):
                await one.close()
            return answered["id"]

    assert 1 == asyncio.run(crowd())


def test_a_frame_by_post_brings_its_own_answer(device):
    """The header counts, and so does `auth` in the frame, whose challenge a WebSocket gives."""
    frame = '{"id": 1, "method": "RPC.Ping"}'
    assert 200 == digested("-d", frame, device.url + "/rpc")[0]
    assert 401 == curl("-d", frame, device.url + "/rpc")[0]
    (refused,) = asyncio.run(frames(device.url, [("RPC.Ping", None)]))
    auth = frame_authorization(json.loads(refused["error"]["message"]), NAME, PASSWORD)
    code, text = curl("-d", json.dumps({"id": 2, "method": "RPC.Ping", "auth": auth}), device.url + "/rpc")
    assert (200, 2) == (code, json.loads(text)["id"])


# The dialect of 2017 and the door without a password


def test_the_dialect_of_2017_without_a_password_is_as_open_as_it_was(tmp_path):
    """Pages of others call it, under any name; with a password it has one, too."""
    with LiveDevice(tmp_path / "flash.bin", dialect="2017", **FAST) as running:
        for header in ("Origin: http://evil.example", "Host: evil.example", "Sec-Fetch-Site: cross-site"):
            assert 200 == curl("-H", header, "-d", "{}", running.url + "/rpc/RPC.List")[0]
    with LiveDevice(tmp_path / "flash.bin", dialect="2017", password=PASSWORD, **FAST) as running:
        assert (401, "") == curl(running.url + "/rpc/RPC.List")
        assert 200 == digested("-H", "Origin: http://evil.example", running.url + "/rpc/RPC.List")[0]


CHANGES = ("/update?url=http://127.0.0.1:9/fw.zip", "/update/commit", "/update/revert", "/rpc/OTA.Commit")


def test_without_a_password_a_page_of_somebody_else_gets_nowhere(tmp_path):
    """By its origin, by what the browser says of it, or by a name or an address of its own that leads here."""
    with LiveDevice(tmp_path / "flash.bin", **FAST) as running:
        for path in CHANGES:
            for header in ("Origin: http://evil.example", "Sec-Fetch-Site: cross-site", "Host: evil.example:80"):
                assert 403 == curl("-H", header, "-d", "", running.url + path)[0], (path, header)
        assert 403 == curl("-H", "Host: evil.example", running.url + "/status")[0]
        assert 200 == curl("-H", "Sec-Fetch-Site: cross-site", running.url + "/")[0]


OWN = ("127.0.0.1", "127.0.0.1:8080", "[::1]", "localhost", "LOCALHOST:1", "lamp:1", "lamp.localhost")
NOT_OWN = (
    EVERYWHERE, f"{EVERYWHERE}:8080", "[::]", "[::ffff:127.0.0.1]:8080", "[::ffff:7f00:1]", "10.1.2.3",
    "192.168.1.2:8080", "127.0.0.2", "127.1", "0", "2130706433", "0x7f000001", "evil.example",
    "localhost.evil.example", "[::1", "",
)  # fmt: skip


def test_an_address_names_the_device_where_it_was_connected_to(tmp_path):
    """0.0.0.0 leads here as well, and a browser says nothing of who sent it there."""
    with LiveDevice(tmp_path / "flash.bin", **FAST) as running:
        for name in OWN:
            assert 200 == curl("-H", f"Host: {name}", running.url + "/status")[0], name
        for name in NOT_OWN:
            for path in ("/status", "/", *CHANGES):
                assert 403 == curl("-H", f"Host: {name}", running.url + path)[0], (name, path)


BROWSERS = {
    "led here": ("User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101", "Accept: text/html,*/*;q=0.8"),
    "an image": ("User-Agent: Mozilla/5.0", "Accept: image/avif,image/webp,*/*", "Referer: http://evil.example/"),
    "typed, or a link in a letter": ("User-Agent: Mozilla/5.0", "Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate"),
    "without a name": ("User-Agent:", "Sec-Fetch-Mode: no-cors"),
}


@pytest.mark.parametrize("password", [None, PASSWORD])
def test_no_get_of_a_browser_changes_anything(tmp_path, password):
    """Any page can cause one, and the browser sends the password along; curl and a page of the device are heard."""
    options = FAST | ({"password": password} if password else {})
    ask = digested if password else curl
    with LiveDevice(tmp_path / "flash.bin", **options) as running:
        for what, headers in BROWSERS.items():
            said = [word for header in headers for word in ("-H", header)]
            for path in CHANGES:
                assert 403 == ask(*said, running.url + path)[0], (what, path)
            assert 200 == ask(*said, running.url + "/status")[0], what
        own = ("-H", "User-Agent: Mozilla/5.0", "-H", "Sec-Fetch-Site: same-origin")
        assert 200 == ask(*own, running.url + "/rpc/RPC.List")[0]
        assert 200 == ask(running.url + "/rpc/RPC.List")[0]


def test_with_a_password_the_origin_is_looked_at_too(device):
    """A browser that has the digest sends it along with a form of somebody else."""
    for header in ("Origin: http://evil.example", "Sec-Fetch-Site: cross-site"):
        for path in CHANGES:
            assert 403 == digested("-H", header, "-d", "", device.url + path)[0], (header, path)
    assert 200 == digested("-H", "Host: lamp.example", device.url + "/rpc/RPC.List")[0]


# What may be asked for


def serve(*arguments, **environment):
    command = [sys.executable, "-m", "otalab", "serve", *arguments]
    clean = {key: value for key, value in os.environ.items() if key != "OTALAB_PASSWORD"}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=clean | environment)


@pytest.mark.slow
def test_off_loopback_there_must_be_a_password(tmp_path):
    """Exit 2 and one line, before the flash file is made; `--insecure` is a word for it."""
    flash = tmp_path / "flash.bin"
    ran = serve("--flash", str(flash), "--port", "0", "--host", EVERYWHERE)
    assert (2, "", 1) == (ran.returncode, ran.stdout, len(ran.stderr.splitlines()))
    assert "--insecure" in ran.stderr
    assert not flash.exists()
    for host in ("::", "192.0.2.1"):
        with pytest.raises(BadInput, match="--insecure"):
            check_host(host, known=False, insecure=False)
    check_host("127.0.0.1", known=False, insecure=False)
    check_host(EVERYWHERE, known=True, insecure=False)
    assert [True, True, True, False] == [loopback(host) for host in ("localhost", "::1", "127.9.9.9", "192.0.2.1")]
    for options in ({"password": PASSWORD}, {"insecure": True}):
        with LiveDevice(flash, host=EVERYWHERE, **options, **FAST) as running:
            assert "running" == running.status()["state"]


def test_passwords_that_cannot_be(tmp_path, monkeypatch):
    """One line that says what, where and the way out, and never the password."""
    monkeypatch.delenv("OTALAB_PASSWORD", raising=False)
    empty, junk, other = tmp_path / "empty", tmp_path / "junk", tmp_path / "other"
    empty.write_text("\nsecret\n")
    junk.write_text("admin secret\n")
    other.write_text(f"admin:elsewhere:{'0' * 32}\n")
    cases = {
        "--password-file /nowhere: no such file": {"password_file": "/nowhere"},
        f"--password-file {empty}: its first line is empty": {"password_file": str(empty)},
        "--user me: it has no password": {"user": "me"},
        "--user and --auth-domain: 1 to 64 characters": {"user": 'a"b'},
        f"--auth-file {junk}: line 1 is not NAME:REALM:DIGEST": {"auth_file": str(junk)},
        f"--auth-file {other}: nobody is in the realm RPC": {"auth_file": str(other)},
        "--auth-file has names of its own": {"auth_file": str(other), "user": "me"},
    }
    for complaint, options in cases.items():
        with pytest.raises(BadInput) as refused:
            users(Namespace(**options))
        assert complaint in str(refused.value)
        assert "secret" not in str(refused.value)
    with pytest.raises(BadInput, match="there is no such address"):
        check_host("no.such.host.invalid", known=False, insecure=False)
    ran = serve("--flash", str(tmp_path / "flash.bin"), "--port", "0", "--password-file", str(empty))
    assert (2, "", 1) == (ran.returncode, ran.stdout, len(ran.stderr.splitlines()))


def test_passwords_from_a_file_and_in_the_words_of_htdigest(tmp_path, monkeypatch):
    """The first line of a file, or a line for each name; a file counts before the environment."""
    monkeypatch.setenv("OTALAB_PASSWORD", "other")
    word, table = tmp_path / "word", tmp_path / "table"
    word.write_bytes(b"pa ss\r\nmore")
    assert digest("MD5", "admin:RPC:pa ss") == users(Namespace(password_file=str(word))).secrets["admin"]
    table.write_text(f"a:RPC:{digest('MD5', 'a:RPC:x')}\n\nb:RPC:{digest('MD5', 'b:RPC:y')}\nc:Q:{'0' * 32}\n")
    known = users(Namespace(auth_file=str(table)))
    assert {"a", "b"} == set(known.secrets)
    lock = Lock(known)
    assert lock.knows(authorization(lock.challenge(), "b", "y", "GET", "/"), "GET", "/")
    monkeypatch.delenv("OTALAB_PASSWORD")
    assert users(Namespace()) is None
    with pytest.raises(BadInput):
        users(Namespace(user="a"))


# The host's file system


PATHS = [
    "/../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/http/device.html",
    "//etc/passwd",
    "/status/../../etc/passwd",
    "/rpc/../../../etc/passwd",
    "/rpc/..%2f..%2fetc%2fpasswd",
    "/rpc/FS.Get?filename=/etc/passwd",
    "/update?url=file:///etc/passwd",
    "/update?url=/etc/passwd",
]


def test_no_word_from_the_network_names_a_file_of_the_host(tmp_path):
    """In a path, a form, a bundle or a call: nothing is read or written but what lies beside the flash file."""
    with LiveDevice(tmp_path / "flash.bin", **FAST) as running:
        before = sorted(tmp_path.iterdir())
        for path in PATHS:
            code, text = curl("--path-as-is", running.url + path)
            assert code in (400, 403, 404, 500), path
            assert "root:" not in text
        evil = GOOD.replace(b"lamp-2/lamp.bin", b"lamp-2/../a.bin")
        bundle = tmp_path / "evil.zip"
        bundle.write_bytes(evil)
        for name in ("../../evil", "/etc/evil", "a\\..\\evil"):
            curl("-F", f"file=@{bundle};filename={name}", "-F", f"../{name}=x", running.url + "/update")
        for args in ({"url": "file:///etc/passwd"}, {"url": "../fw.zip"}, {"path": "/etc/passwd"}):
            assert 200 != curl("-d", json.dumps(args), running.url + "/rpc/OTA.Update")[0]
        bundle.unlink()
        assert before == sorted(tmp_path.iterdir())
        assert not any("root:" in line for line in running.log)


# Limits


def raw(url, data, seconds=300.0):
    """Send bytes and return what comes until the end, or until so many seconds are over."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=seconds) as link:
        link.sendall(data)
        found = b""
        try:
            while piece := link.recv(65536):
                found += piece
        except OSError:
            pass
        return found


def test_heads_have_a_size(tmp_path):
    """Too many headers, one too long, a line too long: 400 and the end, no traceback."""
    with LiveDevice(tmp_path / "flash.bin", **FAST) as running:
        many = b"".join(b"A%d: b\r\n" % number for number in range(100))
        for head in (b"GET / HTTP/1.1\r\n" + many, b"GET / HTTP/1.1\r\nA: " + b"b" * 9000, b"GET /" + b"a" * 9000):
            assert raw(running.url, head + b"\r\n\r\n").startswith(b"HTTP/1.0 400"), head[:30]
        assert not any("Traceback" in line for line in running.log)
        form = [option for number in range(20) for option in ("-F", f"f{number}=x")]
        code, said = curl(*form, running.url + "/update")
        assert (400, "The form has more than 16 fields") == (code, said)
        code, said = curl("-F", f"a={'b' * 20_000}", running.url + "/update")
        assert (400, "A field has more than 16384 bytes; is it the file? It needs a name") == (code, said)


@pytest.mark.slow
def test_a_request_that_trickles_does_not_hold_the_device(tmp_path):
    """An upload of a byte now and then uses up the time of a stall, and the next one goes in."""
    head = f"POST /update HTTP/1.1\r\nHost: x\r\nContent-Type: application/zip\r\nContent-Length: {len(GOOD)}\r\n\r\n"
    with LiveDevice(tmp_path / "flash.bin", update_timeout=1, **FAST) as running:
        host, port = running.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=0.2) as link:
            link.sendall(head.encode() + GOOD[:100])
            for letter in GOOD[100:1000]:
                try:
                    reply = link.recv(4096)
                    break
                except TimeoutError:
                    link.sendall(bytes([letter]))
            else:
                raise AssertionError("it is held as long as bytes trickle in")
        assert b"408" in reply.splitlines()[0]
        assert (400, "Malformed archive (invalid file header)") == running.update(b"hello" * 100)


def test_whoever_says_nothing_makes_room(tmp_path):
    """Three hundred silent connections, more than there are seats: a page and an update come through."""
    with LiveDevice(tmp_path / "flash.bin", **FAST) as running:
        host, port = running.url.removeprefix("http://").split(":")
        links = [socket.create_connection((host, int(port))) for _ in range(300)]
        try:
            assert "running" == running.status()["state"]
            assert (200, APPLIED) == running.update(GOOD)
            running.wait_for(version="2", committed=True)
            links[0].settimeout(300)
            assert b"" == links[0].recv(1)
        finally:
            for link in links:
                link.close()


@pytest.mark.slow
def test_five_hundred_connections_do_not_stop_an_update(tmp_path):
    """`benchmarks/strain.py`, shortened: forty of them slow, every question is answered, and the update commits."""
    script = Path(__file__).parents[3] / "benchmarks" / "strain.py"
    command = [sys.executable, str(script), "--seconds", "5", "--time-scale", "0.2", "--until-closed", "201"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, cwd=tmp_path)
    seen = json.loads(ran.stdout)
    assert (0, 0, True) == (ran.returncode, seen["unanswered"], seen["committed"]), ran.stdout + ran.stderr
    assert seen["opened"] >= 500
    assert seen["closed"] > 200
