"""RPC, the poller and `/update?url=` on the wire: a real device process, real curl, WebSockets, web servers."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import socket
import ssl
from contextlib import suppress

import pytest
from mutators import http_request, mutated
from serving import FAST, GOOD, TINY, curl, serve, tiny_bundle

from otalab.wire.device.ota import Broken
from otalab.wire.live.device import LiveDevice
from otalab.wire.live.process import LiveFolder
from otalab.wire.sources.poller import Poller, down
from otalab.wire.sources.url import CHANGED, CLOSED, Fetched, NoUpdate, UrlSource, bare

aiohttp = pytest.importorskip("aiohttp")
web = pytest.importorskip("web")
certificates = pytest.importorskip("certificates")


@pytest.fixture
def device(tmp_path):
    """A running tiny device whose waits take no time; it must not have said anything ugly."""
    with LiveDevice(tmp_path / "flash.bin", **FAST) as running:
        yield running
    assert not any("Traceback" in line for line in running.log), running.log


@pytest.fixture
def server():
    with web.Web() as running:
        running.files = {"fw.zip": GOOD, "two.zip": tiny_bundle("3"), "big.zip": b"x" * 2**21}
        yield running


def rpc(device, method, **args):
    """Call a method with curl; return the HTTP status and what the body says."""
    code, text = curl("-d", json.dumps(args), f"{device.url}/rpc/{method}")
    return code, json.loads(text)


# HTTP


def test_an_update_by_rpc_with_commit(device, server):
    """`curl -d '{"url": …}' http://HOST/rpc/OTA.Update`: null when it is over, and the new version commits itself."""
    assert (200, None) == rpc(device, "OTA.Update", url=f"{server.address}/plain/fw.zip", commit_timeout=60)
    told = device.wait_for(version="2", committed=True, state="running", phase="committed")
    assert (1, 60) == (told["active_slot"], told["commit_timeout"])
    why = "there is nothing to commit: no image is on trial"
    assert (500, {"code": -1, "message": why}) == rpc(device, "OTA.Commit")
    assert "2" == rpc(device, "Sys.GetInfo")[1]["fw_version"]


@pytest.mark.slow
def test_an_update_by_rpc_with_rollback(tmp_path, server):
    """An image that hangs is given up by its timer; until then the next update is refused."""
    url = f"{server.address}/plain/fw.zip"
    with LiveDevice(tmp_path / "flash.bin", image="hangs", **FAST) as running:
        assert (200, None) == rpc(running, "OTA.Update", url=url, commit_timeout=1)
        running.wait_for_line("Starting version 2")
        running.wait_for(version="1", committed=True, state="running")
        assert (200, None) == rpc(running, "OTA.Update", url=url, commit_timeout=3600)
        running.wait_for(version="2", committed=False, state="running")
        assert (500, {"code": -1, "message": "Failed to init updater"}) == rpc(running, "OTA.Update", url=url)


def test_commit_and_revert_by_rpc(tmp_path, server):
    """By hand: one update stays, the next one is given up."""
    with LiveDevice(tmp_path / "flash.bin", commit="manual", **FAST) as running:
        for name, version, method, left in (("fw", "2", "OTA.Commit", "2"), ("two", "3", "OTA.Revert", "2")):
            assert (200, None) == rpc(
                running, "OTA.Update", url=f"{server.address}/plain/{name}.zip", commit_timeout=60
            )
            running.wait_for(version=version, committed=False, state="running")
            assert (200, None) == rpc(running, method)
            running.wait_for(version=left, committed=True, state="running")


def test_an_update_by_rpc_in_the_words_of_2017(tmp_path, server):
    """A success is an error with code 0, and therefore HTTP 500; in a frame it is the same, with 200."""
    with LiveDevice(tmp_path / "flash.bin", dialect="2017", **FAST) as running:
        url = f"{server.address}/plain/fw.zip"
        applied = {"code": 0, "message": "Update applied, finalizing"}
        assert (500, applied) == rpc(running, "OTA.Update", url=url, commit_timeout=60)
        running.wait_for(version="2", committed=True, state="running")
        frame = {"id": 5, "src": "me", "method": "OTA.Update", "params": {"url": f"{server.address}/plain/two.zip"}}
        code, text = curl("-d", json.dumps(frame), running.url + "/rpc")
        assert (200, applied, 5, "me") == (code, *(json.loads(text)[key] for key in ("error", "id", "dst")))
        running.wait_for(version="3", committed=True)
        for code in (303, 307, 308):
            said = (500, f"(-{code}) Invalid HTTP response code")
            assert said == curl("-d", f"url={server.address}/to-{code}/fw.zip", running.url + "/update")
        assert (500, "(-1) Update failed") == curl("-d", "url=http://127.0.0.1:1/", running.url + "/update")
        raw = ("-H", "Content-Type: application/octet-stream", "--data-binary")
        assert (400, "Update URL not specified and none is configured.") == curl(*raw, "PK", running.url + "/update")
        same = f"url={server.address}/to-302/two.zip&ignore_same_version="
        assert (200, "(1) Version is the same as current") == curl(*raw, f"{same}1", running.url + "/update")
        assert (200, "(1) Update applied, finalizing") == curl(*raw, f"{same}true", running.url + "/update")


ANSWERS = {
    "404": "Invalid HTTP response code",
    "500": "Invalid HTTP response code",
    "round": "More than 10 redirects",
    "file": "Not a URL that can be fetched: 'file:///etc/hostname'; http://… and https://… can",
    "chunked": "Invalid content-length, perhaps chunked-encoding",
}


def test_an_answer_that_is_no_update(device, server):
    """-1, the real words, and nothing is written."""
    before = device.status()["records"]
    for mood, message in ANSWERS.items():
        code, error = rpc(device, "OTA.Update", url=f"{server.address}/{mood}/fw.zip")
        assert (500, {"code": -1, "message": message}) == (code, error)
        assert before == device.status()["records"]


def test_only_the_web_is_fetched(device):
    """No word from the network names a file of the host."""
    for url in ("file:///etc/passwd", "ftp://127.0.0.1/x", "/etc/passwd", "http://", "http://[x", ""):
        code, error = rpc(device, "OTA.Update", url=url)
        assert (500, -1) == (code, error["code"])
        assert error["message"].startswith("Not a URL that can be fetched" if url else "Malformed request")


def test_a_get_with_a_query_is_a_call_too(device, server):
    """A value that is JSON is what it says, and any other is text."""
    code, text = curl("-G", "--data-urlencode", f"url={server.address}/plain/fw.zip", device.url + "/rpc/OTA.Update")
    assert (200, "null") == (code, text)
    device.wait_for(version="2", committed=True, state="running")
    assert 200 == curl("-G", "-d", "commit_timeout=5", device.url + "/rpc/OTA.SetBootState")[0]
    code, text = curl(device.url + "/rpc/OTA.GetBootState")
    assert 5 == json.loads(text)["commit_timeout"]


def test_requests_that_are_none(device):
    """One line each, the status says whose fault it was, and the device goes on."""
    cases = [
        (404, "/rpc/No.Such", ["-d", "{}"]),
        (400, "/rpc/OTA.Commit", ["-d", "{"]),
        (400, "/rpc/OTA.Commit", ["-d", "[]"]),
        (413, "/rpc/OTA.Write", ["-d", "x" * 5000]),
        (400, "/rpc", ["-d", "{}"]),
        (400, "/rpc", []),
        (403, "/rpc/OTA.Commit", ["-H", "Origin: http://evil.example", "-d", ""]),
        (403, "/rpc/OTA.Commit", ["-H", "Sec-Fetch-Site: cross-site"]),
        (204, "/rpc", ["-d", '{"method": "RPC.List"}']),
    ]
    for expected, path, arguments in cases:
        code, text = curl(*arguments, device.url + path)
        assert (expected, True) == (code, len(text.splitlines()) <= 1), (path, arguments, text)
    assert 200 == rpc(device, "RPC.List")[0]


def test_snapshot_and_reboot_by_curl(device):
    """The slot of the copy, and null."""
    assert (200, {"slot": 1}) == rpc(device, "OTA.CreateSnapshot")
    assert (200, None) == rpc(device, "OTA.SetBootState", active_slot=1)
    assert (200, None) == rpc(device, "Sys.Reboot")
    assert {"slot": 1, "version": "1", "whole": True} in device.wait_for(active_slot=1, state="running")["slots"]
    assert any("Starting version 1 in slot 1" in line for line in device.wait_for(state="running")["log"])


@pytest.mark.slow
def test_an_update_from_a_url_by_form(tmp_path, server):
    """The real replies of `/update?url=`: the result and the words; the URL may be the configured one."""
    url, two = f"{server.address}/plain/fw.zip", f"{server.address}/plain/two.zip"
    with LiveDevice(tmp_path / "flash.bin", **FAST) as running:
        assert (400, "Update URL not specified and none is configured.") == curl(running.url + "/update")
        assert (200, "(1) Update applied, finalizing") == curl("-G", "-d", f"url={url}", running.url + "/update")
        running.wait_for(version="2", committed=True, state="running")
        assert (200, "(1) Version is the same as current") == curl("-d", f"url={url}", running.url + "/update")
        assert (500, "(-404) Invalid HTTP response code") == curl(
            "-d", f"url={server.address}/404/x", running.url + "/update"
        )
        assert (200, "(1) Not Modified") == curl("-d", f"url={server.address}/304/x", running.url + "/update")
        assert (500, "(-10) Failed to connect") == curl("-d", "url=http://127.0.0.1:1/", running.url + "/update")
    options = {"update_url": two, "update_commit_timeout": 3600, "commit": "manual"} | FAST
    with LiveDevice(tmp_path / "flash.bin", **options) as running:
        assert (200, "(1) Update applied, finalizing") == curl("-X", "POST", "-d", "", running.url + "/update")
        running.wait_for(version="3", committed=False, state="running")
        assert (409, "Failed to create updater context.") == curl("-d", "", running.url + "/update")
        assert (200, "Ok") == running.revert()
        running.wait_for(version="2", committed=True)


# WebSocket


async def over_websocket(url, frames, wanted):
    """Send frames and return so many replies."""
    async with aiohttp.ClientSession() as session, session.ws_connect(url + "/rpc") as link:
        for frame in frames:
            await (link.send_str(frame) if isinstance(frame, str) else link.send_json(frame))
        return [await link.receive(timeout=300) for _ in range(wanted)]


def talk(url, *frames, wanted=None):
    replies = asyncio.run(over_websocket(url, frames, len(frames) if wanted is None else wanted))
    return [json.loads(reply.data) if reply.type is aiohttp.WSMsgType.TEXT else reply for reply in replies]


def pushing(data, **begin):
    frames = [{"id": 1, "method": "OTA.Begin", "params": {"size": len(data)} | begin}]
    for at in range(0, len(data), 2048):
        args = {"offset": at, "data": base64.b64encode(data[at : at + 2048]).decode()}
        frames.append({"id": 2 + at, "method": "OTA.Write", "params": args})
    return [*frames, {"id": "end", "method": "OTA.End"}]


async def one_by_one(url, frames):
    async with aiohttp.ClientSession() as session, session.ws_connect(url + "/rpc") as link:
        replies = []
        for frame in frames:
            await link.send_json(frame)
            replies.append(await link.receive_json(timeout=300))
        return replies


def test_an_update_pushed_over_a_websocket_with_commit(device):
    """Every reply is null, and the new version runs."""
    replies = asyncio.run(one_by_one(device.url, pushing(GOOD, commit_timeout=60)))
    assert {None} == {reply["result"] for reply in replies}
    device.wait_for(version="2", committed=True)


@pytest.mark.slow
def test_an_update_over_a_websocket_with_rollback(tmp_path, server):
    """Fetched, tried, and given up by the timer of an image that hangs."""
    with LiveDevice(tmp_path / "flash.bin", image="hangs", **FAST) as running:
        asked = {"url": f"{server.address}/plain/fw.zip", "commit_timeout": 1}
        (reply,) = talk(running.url, {"id": 1, "method": "OTA.Update", "params": asked})
        assert (1, None) == (reply["id"], reply["result"])
        running.wait_for_line("Starting version 2")
        running.wait_for(version="1", committed=True, state="running")


def test_a_socket_is_closed_on_what_is_no_frame(device):
    """And on one that is too large, or comes from a foreign page; the others stay open."""
    (bad,) = talk(device.url, "{", wanted=1)
    (large,) = talk(device.url, json.dumps({"id": 1, "method": "x" * 5000}), wanted=1)
    assert (aiohttp.WSMsgType.CLOSE, 1008) == (bad.type, bad.data)
    assert (aiohttp.WSMsgType.CLOSE, 1009) == (large.type, large.data)

    async def foreign():
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(device.url + "/rpc", origin="http://evil.example")
            return refused.value.status

    assert 403 == asyncio.run(foreign())


def test_one_socket_too_many_closes_the_one_that_was_silent_longest(device):
    """Twenty stay, as on the real device."""

    async def crowd():
        async with aiohttp.ClientSession() as session:
            links = [await session.ws_connect(device.url + "/rpc") for _ in range(21)]
            closed = await links[0].receive(timeout=300)
            await links[1].send_json({"id": 1, "method": "RPC.List"})
            answered = await links[1].receive_json(timeout=300)
            for link in links:
                await link.close()
            return closed.data, answered["id"]

    assert (1013, 1) == asyncio.run(crowd())


def test_the_status_is_told_while_an_update_stands_still(device):
    """Replies come as they are ready: a push that waits for its next chunk stops nobody."""
    begin = {"id": 1, "method": "OTA.Begin", "params": {"size": len(GOOD)}}
    replies = asyncio.run(one_by_one(device.url, [begin, {"id": 2, "method": "OTA.Status"}]))
    assert (None, 1) == (replies[0]["result"], replies[1]["result"]["state"])
    assert (409, "Another update is in progress.") == curl("-d", "url=http://127.0.0.1:1/", device.url + "/update")
    assert (200, None) == rpc(device, "OTA.Abort")
    assert (200, "Update applied, finalizing") == device.update(GOOD)


# The source


async def drained(url, **options):
    async with UrlSource(url, pauses=(0.01, 0.01), **options) as source:
        data = b""
        while piece := await source.read():
            data += piece
        return data


def test_a_download_goes_on_where_it_broke_off(server):
    """By range, if the file is the same to the byte: four connections, one file."""
    assert GOOD == asyncio.run(drained(f"{server.address}/cut/fw.zip"))
    ranges = [request.headers.get("Range") for request in server.seen]
    assert [None, True, True, True] == [span and span.startswith("bytes=") for span in ranges]


@pytest.mark.parametrize("mood, reason", [("changed", CHANGED), ("blunt", CLOSED)])
def test_two_files_are_never_spliced(server, mood, reason):
    """A file that changed meanwhile, or one that nothing identifies, is given up."""
    with pytest.raises(Broken, match=reason):
        asyncio.run(drained(f"{server.address}/{mood}/fw.zip"))


def test_a_file_larger_than_the_device_is_not_begun(server):
    """Its length is looked at before its bytes."""
    with pytest.raises(NoUpdate, match="The file has 2097152 bytes, this device takes 100"):
        asyncio.run(drained(f"{server.address}/plain/big.zip", limit=100))


def test_a_redirect_may_be_relative(server):
    """The real client takes absolute ones only; every server of today may send the other."""
    assert GOOD == asyncio.run(drained(f"{server.address}/here/fw.zip"))


def test_a_redirect_to_less_is_not_followed(tmp_path):
    """From https to http: whoever is on the way could say what the update is."""
    authority = certificates.Authority(tmp_path / "ours")
    authority.vouch("server")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(authority["server.pem"], authority["server.key"])
    device = LiveDevice(tmp_path / "flash.bin", **FAST)
    device.environment |= {"SSL_CERT_FILE": authority["ca.pem"]}
    with web.Web(tls) as server, device:
        server.files = {"fw.zip": GOOD}
        code, said = curl(f"{device.url}/update?url={server.address}/less/fw.zip")
        assert (500, True) == (code, "Led from https to http" in said), said
        assert 200 == curl(f"{device.url}/update?url={server.address}/moved/fw.zip")[0]


@pytest.mark.parametrize(
    "url, shown",
    [
        ("http://a/b", "http://a/b"),
        ("http://me:word@a:1/b@c", "http://a:1/b@c"),
        ("https://me@a/", "https://a/"),
        ("https://me:w@rd@a?x=@", "https://a?x=@"),
        ("//me:word@a", "//a"),
        ("http://a/?u=http://me:word@b/", "http://a/?u=http://me:word@b/"),
        ("", ""),
    ],
)
def test_a_url_is_shown_and_kept_without_its_password(url, shown):
    """Whatever stands before the last @ of its host; the path and the query are as they are."""
    assert shown == bare(url)


@pytest.mark.slow
def test_an_update_survives_a_server_that_hangs_up(device, server):
    """The device waits and asks for the rest; a file that changes meanwhile is an error, and the old one runs."""
    assert (200, None) == rpc(device, "OTA.Update", url=f"{server.address}/cut/fw.zip", commit_timeout=60)
    device.wait_for(version="2", committed=True, state="running")
    failed = {"code": -1, "message": CHANGED}
    assert (500, failed) == rpc(device, "OTA.Update", url=f"{server.address}/changed/two.zip")
    assert "2" == device.wait_for(state="running")["version"]


# The poller


def polling(tmp_path, url, **more):
    options = {"update_url": url, "update_interval": 0.2, "update_commit_timeout": 60, "seed": 3}
    return LiveDevice(tmp_path / "flash.bin", **(options | FAST | more))


def test_a_poller_takes_an_update_from_a_plain_web_server(tmp_path):
    """`python -m http.server`: the update goes in and commits, and from then on the version is the same."""
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "fw.zip").write_bytes(GOOD)
    with LiveFolder(tmp_path / "www") as plain, polling(tmp_path, f"{plain.url}/fw.zip") as running:
        told = running.wait_for(version="2", committed=True)
        assert (1, 60) == (told["active_slot"], told["commit_timeout"])
        running.wait_for_line("(1) Version is the same as current")
        assert "2" == running.status()["version"]


@pytest.mark.slow
def test_a_polled_update_with_rollback(tmp_path):
    """An image that hangs is given up, and what is offered still is tried again at the next poll."""
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "fw.zip").write_bytes(GOOD)
    hanging = {"image": "hangs", "update_commit_timeout": 1}
    with LiveFolder(tmp_path / "www") as plain, polling(tmp_path, f"{plain.url}/fw.zip", **hanging) as running:
        running.wait_for_line("Starting version 2")
        running.wait_for_line("Starting version 1", 2)
        running.wait_for_line("Starting version 2", 2)


def test_a_poll_says_who_asks(tmp_path, server):
    """Id and address, architecture, version and build; 304 is a success, and no restart follows."""
    with polling(tmp_path, f"{server.address}/304/fw.zip") as running:
        running.wait_for_line("(1) Not Modified")
        assert 1 == sum(line == "Power on" for line in running.log)
    headers = server.seen[0].headers
    name, mac = headers["X-MGOS-Device-ID"].split()
    assert (f"{TINY.device.board.platform}_{mac[-6:]}", 12) == (name, len(mac))
    assert [TINY.device.board.platform, "1"] == headers["X-MGOS-FW-Version"].split()[:2]
    assert 3 == len(headers["X-MGOS-FW-Version"].split())


def test_a_server_that_is_down_is_asked_less_often():
    """The pause doubles, less a random half, up to an hour; the same seed gives the same pauses, another others."""

    def pauses(seed, interval=10.0):
        poller = Poller(None, "", interval, seed=seed)
        found = []
        for poller.failures in range(12):
            found.append(poller.pause())
        return found

    one = pauses(1)
    assert 10.0 == one[0]
    assert all(10 * 2**n / 2 <= pause <= 10 * 2**n for n, pause in enumerate(one[:9]) if n)
    assert all(1800 <= pause <= 3600 for pause in one[9:])
    assert (one, True) == (pauses(1), one != pauses(2))
    assert all(43200 <= pause <= 86400 for pause in pauses(1, 86400.0))
    assert [True, True, True, False, False] == [
        down(Fetched(result, message))
        for result, message in ((-10, "Failed to connect"), (-503, ""), (-1, CLOSED), (-404, ""), (1, ""))
    ]


@pytest.mark.slow
def test_polls_that_cannot_be(tmp_path):
    """One line that says what, where and the way out."""
    fresh = str(tmp_path / "fresh.bin")
    cases = {
        "--update-interval 5.0: there is nothing to poll": ["--update-interval", "5"],
        "--update-interval -1.0": ["--update-url", "http://x/", "--update-interval", "-1"],
        "--update-commit-timeout -1": ["--update-commit-timeout", "-1"],
        "--update-url: Not a URL that can be fetched: 'fw.zip'": ["--update-url", "fw.zip"],
    }
    for complaint, arguments in cases.items():
        ran = serve("--flash", fresh, "--port", "0", *arguments)
        assert (2, "") == (ran.returncode, ran.stdout), ran.stderr
        assert complaint in ran.stderr
        assert "Traceback" not in ran.stderr


# Fuzz


@pytest.mark.slow
def test_fuzzed_requests_stop_nothing(device):
    """Three hundred mutated requests, seeded: answered or let go, no traceback, and a good update after."""
    chance, answers = random.Random(11), set()
    host, port = device.url.removeprefix("http://").split(":")
    for _ in range(300):
        with socket.create_connection((host, int(port)), timeout=0.3) as link:
            link.sendall(mutated(chance, http_request(chance, GOOD)))
            # One whose length was made larger waits for the rest; it is let go.
            with suppress(TimeoutError):
                answers.add(link.recv(4096)[9:12].decode())
    assert {"200", "400", "404", "500"} <= answers
    rpc(device, "OTA.Abort")
    device.wait_for(state="running")
    rpc(device, "OTA.SetBootState", is_committed=True)
    assert (200, "Update applied, finalizing") == device.update(GOOD)
    device.wait_for(version="2", committed=True)
    assert not any("Traceback" in line or "Error handling" in line for line in device.log)


@pytest.mark.slow
def test_slow_and_silent_clients_stop_nothing(device):
    """A hundred connections that say nothing and one of a byte at a time: the status is told, an update goes in."""
    host, port = device.url.removeprefix("http://").split(":")
    links = [socket.create_connection((host, int(port))) for _ in range(100)]
    try:
        for link in links[:50]:
            link.sendall(b"POST /rpc/OTA.Commit HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
        for letter in b"POST /rpc":
            links[-1].sendall(bytes([letter]))
            assert "running" == device.status()["state"]
        assert (200, "Update applied, finalizing") == device.update(GOOD)
        device.wait_for(version="2", committed=True)
    finally:
        for link in links:
            link.close()
