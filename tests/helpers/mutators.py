"""What is wrong on purpose, from a seed: messages of every kind that a device takes, with a few of their bytes changed.

Tests and `benchmarks/fuzz.py` have it in common.
"""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

TOKENS = [
    b"{", b"}", b"[", b"]", b'"', b",", b"null", b"true", b"-1", b"1e999", b"NaN", b"\\ud800", b"\\u0000", b"%00",
    b"%ff", b"\r\n", b"\0", b"\xff\xfe", b"[" * 50, b'{"a":' * 30, b"9" * 40, bytes(50), b"#", b"+", b"/", b"..",
]  # fmt: skip
NOWHERE = "http://127.0.0.1:1/fw.zip"


ODD = [
    None, True, -1, 0, 1.5, 2**31, 2**40, 10**30, 1e308, "", "0", "-1", "nan", "x" * 3000, "\ud800", "\0\x1b[2J", "#",
    "a/+", [], {}, [[]], {"a": {"b": 1}}, "http://[", "http://127.0.0.1:99999/", "file:///etc/hostname", "9" * 5000,
]  # fmt: skip


def twisted(chance, value):
    """Return a JSON value with one value in it, at any depth, made an odd one."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(list(value))
        return {**value, key: twisted(chance, value[key])}
    return chance.choice(ODD)


def odd_or_not(chance, document):
    """Return a document as bytes, every third one twisted."""
    return json.dumps(twisted(chance, document) if chance.random() < 0.3 else document).encode()


def mutated(chance, data):
    """Return bytes with a few things wrong with them, one in three times none."""
    spoilt = bytearray(data)
    for _ in range(chance.choice([0, 0, 1, 1, 2, 4])):
        at = chance.randrange(len(spoilt) + 1)
        match chance.randrange(6):
            case 0 if at < len(spoilt):
                spoilt[at] = chance.randrange(256)
            case 1 if at < len(spoilt):
                spoilt[at] ^= 1 << chance.randrange(8)
            case 2:
                spoilt[at:at] = chance.choice(TOKENS)
            case 3:
                del spoilt[at : at + chance.randint(1, 8)]
            case 4:
                spoilt[at:at] = spoilt[: chance.randint(1, 40)]
            case 5 if chance.random() < 0.2:
                del spoilt[at:]
    return bytes(spoilt)


def mutated_bundle(chance, data):
    """Return a bundle with one to four things wrong with it."""
    spoilt = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        # Headers and the manifest are small: every other blow goes there.
        end = min(len(spoilt), 1500) if chance.random() < 0.5 else len(spoilt)
        at = chance.randrange(max(1, end))
        match chance.choice(["flip", "byte", "cut", "splice", "drop", "insert"]):
            case "flip" if spoilt:
                spoilt[at] ^= 1 << chance.randrange(8)
            case "byte" if spoilt:
                spoilt[at] = chance.choice([0, 0xFF, ord("/"), ord('"'), chance.randrange(256)])
            case "cut" if chance.random() < 0.3:
                del spoilt[at:]
            case "splice":
                start, size = chance.randrange(len(data)), chance.randrange(1, 200)
                spoilt[at : at + size] = data[start : start + size]
            case "drop":
                del spoilt[at : at + chance.randrange(1, 64)]
            case "insert":
                spoilt[at:at] = chance.randbytes(chance.randrange(1, 64))
    return bytes(spoilt)


def rpc_frame(chance, bundle, **more):
    """Return a frame as a client would send it, of any method."""
    data = base64.b64encode(bundle[: chance.choice([0, 60, 900])]).decode()
    method, params = chance.choice([
        ("OTA.Write", {"offset": 0, "data": data}),
        ("OTA.Begin", {"size": 100, "commit_timeout": 5, "timeout": 1}),
        ("OTA.End", {}),
        ("OTA.Abort", {}),
        ("OTA.SetBootState", {"active_slot": 1, "is_committed": True, "revert_slot": 0}),
        ("OTA.SetBootState", {"commit_timeout": 9}),
        ("OTA.GetBootState", {}),
        ("OTA.Update", {"url": NOWHERE, "commit_timeout": "5"}),
        ("OTA.CreateSnapshot", {"commit_timeout": 7, "set_as_revert": False}),
        ("OTA.Commit", {}),
        ("OTA.Revert", {}),
        ("OTA.Status", {}),
        ("Sys.GetInfo", {}),
        ("Sys.Reboot", {"delay_ms": 100}),
        ("RPC.List", {}),
    ])  # fmt: skip
    frame = {
        "id": chance.choice([1, "six", 10**12]),
        "src": "me",
        "method": method,
        "params": params,
        "tag": "t",
    } | more
    return odd_or_not(chance, frame)


def http_request(chance, bundle):
    """Return a request as curl would send it: RPC of both kinds, an update by URL or as a bundle, a question."""
    frame = rpc_frame(chance, bundle)
    asked = json.loads(frame)
    asked = asked if isinstance(asked, dict) else {}
    method, params = str(asked.get("method")), json.dumps(asked.get("params")).encode()
    # As curl would send it: a line of HTTP has no spaces, line ends or letters beyond ASCII in its path.
    method = quote(method, errors="replace")
    form = "application/x-www-form-urlencoded"
    path, kind, body = chance.choice([
        ("POST /rpc", "application/json", frame),
        (f"POST /rpc/{method}", "application/json", params),
        ("GET /rpc/OTA.SetBootState?commit_timeout=9", "", b""),
        ("POST /update", form, f"url={NOWHERE}&commit_timeout=5&ignore_same_version=true".encode()),
        (f"GET /update?url={NOWHERE}", "", b""),
        ("POST /update?commit_timeout=9", "application/octet-stream", bundle[:3000]),
        ("POST /update", "multipart/form-data; boundary=b", multipart(bundle[:2000])),
        ("POST /update/commit", "", b""),
        ("GET /update/revert", "", b""),
        ("GET /status", "", b""),
        ("GET /", "", b""),
    ])  # fmt: skip
    lines = [f"{path} HTTP/1.1", "Host: lamp", f"Content-Length: {len(body)}", "Connection: close"]
    return "\r\n".join([*lines, *([f"Content-Type: {kind}"] if kind else []), "", ""]).encode() + body


def multipart(data):
    """Return the body of a form, its field after its file, as curl sends them."""
    named = 'Content-Disposition: form-data; name="{}"'
    head = f'--b\r\n{named.format("file")}; filename="fw.zip"\r\n\r\n'.encode()
    return head + data + f"\r\n--b\r\n{named.format('commit_timeout')}\r\n\r\n60\r\n--b--\r\n".encode()


SHADOW_TOPICS = ("get/accepted", "get/rejected", "update/accepted", "update/rejected", "update/delta")


def shadow_document(chance, topic):
    """Return what a service would send on a topic."""
    ota = chance.choice([{"ota": {"url": NOWHERE, "commit_timeout": 60}}, {"ota_url": NOWHERE}, {"other": 1}])
    match topic:
        case "get/accepted":
            said = {"state": {"desired": ota, "reported": {"ota": {"status": "idle"}}, "delta": ota}}
        case "update/delta":
            said = {"state": ota}
        case "update/accepted":
            said = {"state": {"reported": {}}}
        case _:
            said = {"code": chance.choice([404, 409]), "message": "No shadow exists"}
    return odd_or_not(chance, said | {"version": 3, "timestamp": 5, "clientToken": "t"})
