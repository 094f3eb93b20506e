"""Signatures: what the scheme allows goes in, and nothing else; openssl is asked too."""

from __future__ import annotations

import base64
import io
import json
import random
import shutil
import struct
import subprocess
import zipfile
import zlib
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from bundles import APP, FS, archive, described, entry
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from otalab import judge, life, set_up
from otalab.bench.contents import default_bundle
from otalab.bench.scenario import Scenario
from otalab.cli.main import main
from otalab.errors import BadInput, BundleFault
from otalab.firmware.catalogue import load_design
from otalab.firmware.updater import APPLIED, DOWNGRADES
from otalab.formats.bundle.manifest import Manifest
from otalab.formats.bundle.reader import ManifestRead, bundle_events
from otalab.formats.bundle.sign import signable, signed
from otalab.formats.bundle.signatures import FIELD_ID, KEYS, UNCHECKED, refusal, signatures, with_signatures
from otalab.hardware.effects import Ask, Erase, Program
from otalab.wire.keys import new_pair, private_key, public_key, sign, verified, verifies
from otalab.wire.live.device import LiveDevice

# Private keys for tests, each the same on every day.
PRIVATE = [ec.derive_private_key(1000 + number, ec.SECP256R1()) for number in range(KEYS)]
PUBLIC = {number: key.public_key() for number, key in enumerate(PRIVATE)}
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
TINY = set_up("hardened", "tiny", app_size=500)
BUNDLE = default_bundle(TINY.device.board, "2", 500)
RAW = signable(BUNDLE).raw
OTHER_RAW = RAW.replace(b'"2"', b'"3"')


def pem(key) -> bytes:
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL)
    return key.private_bytes(*form, serialization.NoEncryption())


def field(said: object, kind: int = FIELD_ID) -> bytes:
    """Return one field of an extra field: bytes, or what is said as JSON."""
    data = said if isinstance(said, bytes) else json.dumps(said).encode()
    return struct.pack("<HH", kind, len(data)) + data


def with_extra(extra: bytes) -> bytes:
    """Return the bundle with this as the extra field of its manifest; its directory is left as it was."""
    name = struct.unpack_from("<H", BUNDLE, 26)[0]
    return BUNDLE[:28] + struct.pack("<H", len(extra)) + BUNDLE[30 : 30 + name] + extra + BUNDLE[30 + name :]


def manifest_read(bundle: bytes) -> ManifestRead:
    return next(event for event in bundle_events([bundle]) if isinstance(event, ManifestRead))


def offered(bundle: bytes, required: int, mask: int) -> Scenario:
    """Return the scenario in which a device with this mask is offered a bundle of which that one verifies."""
    device = replace(TINY.device, sig_req_mask=required)
    return replace(TINY, bundle=bundle, device=device, sig_mask=mask, offers="once")


def report(what: Scenario) -> str:
    """Return what the device says of the update."""
    asked = (step.effect for step in life(what).runs[0].steps)
    return next(ask.detail.message for ask in asked if isinstance(ask, Ask) and ask.question == "report")


# Known answers


def test_the_signature_of_the_standard_is_made_and_verified() -> None:
    """RFC 6979, A.2.5: the message `sample` under SHA-256; no chance goes into a signature."""
    key = ec.derive_private_key(0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721, ec.SECP256R1())
    made = sign(key, b"sample")

    assert (
        0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
        0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
    ) == decode_dss_signature(made)
    assert verifies(key.public_key(), made, b"sample")
    assert not verifies(key.public_key(), made, b"Sample")


def test_the_field_is_the_real_one() -> None:
    """Id 0x293a, a length, and compact JSON of base64 in DER; signatures 0 and 2 without 1 are possible."""
    assert b'\x3a\x29\x1d\x00{"sig0":"MAA=","sig2":"MAE="}' == with_signatures(b"", {2: b"0\1", 0: b"0\0"})
    assert {0: b"0\0", 2: b"0\1"} == signatures(with_signatures(b"", {2: b"0\1", 0: b"0\0"}))


def test_what_else_stands_in_the_field_stays() -> None:
    """Other fields, other attributes and other signatures; a signature is replaced by its number."""
    extra = field(b"time", 0x5455) + field({"note": "x", "sig1": "MAE="}) + field(b"owner", 0x7875)
    now = with_signatures(extra, {0: b"0\0", 1: b"0\2"})

    assert {0: b"0\0", 1: b"0\2"} == signatures(now)
    assert field(b"time", 0x5455) + field(b"owner", 0x7875) == now[: 2 * 4 + 9]
    assert {"note": "x", "sig0": "MAA=", "sig1": "MAI="} == json.loads(now[2 * 4 + 9 + 4 :])


def test_the_published_example_of_a_key_is_one() -> None:
    """As the real library's documentation gives it, base64 without the marks of a PEM file."""
    text = (
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEUHBb0BcfAs6zDm092wEsMnZsI/96"
        "fEu+RO+4AdA9aOBzjfGMWLAPReP7gTl0nHVU+rjnYAfELZAjnarHt3pSYA=="
    )

    assert text == "".join(pem(public_key(text.encode())).decode().split("\n")[1:-2])


@pytest.mark.parametrize(
    ("required", "mask", "allowed"),
    [
        (3, 1, False),
        (1, 1, True),
        (-1, 1, True),
        (0, 1, False),
        (0, 0xFF, False),
        (-1, 0, True),
        (1, 0, False),
        (1, 2, False),
        (4, 5, True),
        (0x80, 0x80, True),
        (0xFF, 0xFF, True),
        (0xFF, 0x7F, False),
    ],
)
def test_every_required_bit_must_verify(required: int, mask: int, allowed: bool) -> None:
    """A surplus one does no harm; -1 asks for none, and 0 takes nothing at all."""
    assert allowed == (refusal(signable(BUNDLE), mask, required) is None)


# What is malformed is no signature

GOOD = base64.b64encode(sign(PRIVATE[0], RAW)).decode()
MALFORMED = {
    "no field": b"",
    "one byte": b"\x3a",
    "a header alone": b"\x3a\x29\x05\x00",
    "longer than it is": struct.pack("<HH", FIELD_ID, 500) + json.dumps({"sig0": GOOD}).encode(),
    "shorter than it is": struct.pack("<HH", FIELD_ID, 20) + json.dumps({"sig0": GOOD}).encode(),
    "rubbish after it": field({"sig0": GOOD}) + b"\0\0\0",
    "twice": field({"sig0": GOOD}) * 2,
    "another id": field({"sig0": GOOD}, 0x293B),
    "empty": field(b""),
    "no JSON": field(b"{sig0}"),
    "no UTF-8": field(json.dumps({"sig0": GOOD}).encode("utf-16")),
    "deep": field(b"[" * 30000),
    "a list": field([GOOD]),
    "a text": field(GOOD),
    "a number": field({"sig0": 7}),
    "nothing": field({"sig0": None}),
    "an empty text": field({"sig0": ""}),
    "inside": field({"sig": {"sig0": GOOD}}),
    "no base64": field({"sig0": "!" + GOOD}),
    "half of a group": field({"sig0": GOOD[:-3]}),
    "a line end": field({"sig0": GOOD[:64] + "\n" + GOOD[64:]}),
    "not ASCII": field({"sig0": "é" + GOOD}),
    "another name": field({"Sig0": GOOD, "sig00": GOOD, "sig-0": GOOD, "sig8": GOOD}),
    "its number is another's": field({"sig1": GOOD}),
    "in hex": field({"sig0": base64.b64decode(GOOD).hex()}),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_no_signature(name: str) -> None:
    """Bit 0 is not set, nothing is raised, and whoever asks for none takes the bundle."""
    bundle = with_extra(MALFORMED[name])
    mask = verified(manifest_read(bundle), PUBLIC)

    assert 0 == mask & 1
    assert APPLIED == report(offered(bundle, UNCHECKED, mask))
    assert "Invalid signature: mask 0x01 is required, 0x00 verified" == report(offered(bundle, 1, mask))


def test_the_good_one_is_one() -> None:
    """Or the last test would pass for everything."""
    assert 1 == verified(manifest_read(with_extra(field({"sig0": GOOD}))), PUBLIC)


def test_it_is_the_exact_bytes_that_count() -> None:
    """A line end more says the same in JSON, and is another manifest."""
    read = ManifestRead(Manifest.parse(RAW + b"\n"), field({"sig0": GOOD}))

    assert 0 == verified(read, PUBLIC)
    assert 1 == verified(replace(read, extra=with_signatures(b"", {0: sign(PRIVATE[0], RAW + b"\n")})), PUBLIC)


@given(st.binary(max_size=400), st.binary(max_size=100))
def test_no_bytes_are_an_error(extra: bytes, signature: bytes) -> None:
    """Neither in the field nor in the place of a signature."""
    read = replace(manifest_read(BUNDLE), extra=extra)

    assert 0 == verified(read, PUBLIC)
    assert 0 == verified(replace(read, extra=field(extra)), PUBLIC)
    assert 0 == verified(replace(read, extra=with_signatures(b"", {0: signature})), PUBLIC)


# Under every mask


def der(kind: str, number: int) -> object:
    """Return what stands in the place of a signature: the right one, or one of many wrong ones."""
    right = sign(PRIVATE[number], RAW)
    r, s = decode_dss_signature(right)
    return {
        "right": right,
        "by another key": sign(PRIVATE[(number + 1) % KEYS], RAW),
        "of another manifest": sign(PRIVATE[number], OTHER_RAW),
        "other half": encode_dss_signature(r, ORDER - s),
        "cut": right[:-1],
        "with a tail": right + b"\0",
        "zero r": encode_dss_signature(0, s),
        "zero s": encode_dss_signature(r, 0),
        "s past the order": encode_dss_signature(r, s + ORDER),
        "swapped": encode_dss_signature(s, r),
        "padded integer": b"0" + bytes([len(right)]) + b"\2" + bytes([right[3] + 1]) + b"\0" + right[4:],
        "long length": b"0\x81" + right[1:],
        "bare numbers": r.to_bytes(32, "big") + s.to_bytes(32, "big"),
        "empty": b"",
    }[kind]


# ECDSA has two signatures for one: who knows (r, s) knows (r, n - s), and both are good.
RIGHT = {"right", "other half"}
KINDS = [
    "right", "by another key", "of another manifest", "other half", "cut", "with a tail", "zero r", "zero s",
    "s past the order", "swapped", "padded integer", "long length", "bare numbers", "empty",
]  # fmt: skip
placed = cache(der)
SURPLUS = {"sig8": GOOD, "sig": GOOD, "note": [1, 2]}


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.integers(0, KEYS - 1), st.sampled_from(KINDS)),
    st.sets(st.integers(0, KEYS - 1)),
    st.sampled_from([-1, 0, 1, 2, 3, 0x80, 0xFF]) | st.integers(-1, 0xFF),
    st.booleans(),
)
def test_only_what_the_scheme_allows_goes_in(
    kinds: dict[int, str], keys: set[int], required: int, surplus: bool
) -> None:
    """Signature i counts under key i; every required bit must be there, and what else is there does not matter."""
    said = {f"sig{number}": base64.b64encode(placed(kind, number)).decode() for number, kind in kinds.items()}
    bundle = with_extra(field(said | (SURPLUS if surplus else {})))
    mask = verified(manifest_read(bundle), {number: PUBLIC[number] for number in keys})
    what = offered(bundle, required, mask)
    lived = life(what)

    assert sum(1 << number for number in keys if kinds.get(number) in RIGHT) == mask
    if required == -1 or (required > 0 and mask & required == required):
        assert "updated" == judge(what, lived).name
    else:
        assert report(what).startswith("Invalid signature")
        assert TINY.flash == lived.last.flash


@pytest.mark.parametrize("kind", KINDS)
def test_openssl_has_the_same_verdict(tmp_path: Path, kind: str) -> None:
    """On the same key, signature and manifest; also on signatures with some bits changed."""
    chance = random.Random(kind)
    candidates = [placed(kind, 3)]
    for _ in range(6):
        wrong = bytearray(candidates[0] or bytes(70))
        wrong[chance.randrange(len(wrong))] ^= 1 << chance.randrange(8)
        candidates.append(bytes(wrong))
    for signature in candidates:
        read = replace(manifest_read(BUNDLE), extra=with_signatures(b"", {3: signature}))
        assert openssl_verifies(tmp_path, PUBLIC[3], signature, RAW) == bool(verified(read, PUBLIC))


def openssl(*arguments: object) -> subprocess.CompletedProcess[bytes]:
    if not shutil.which("openssl"):
        pytest.skip("no openssl on this machine")
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=False, timeout=30)


def openssl_verifies(folder: Path, key, signature: bytes, data: bytes) -> bool:
    """Say whether the real openssl takes a signature."""
    for name, contents in (("key.pem", pem(key)), ("signature", signature), ("manifest.json", data)):
        (folder / name).write_bytes(contents)
    files = (folder / "key.pem", "-signature", folder / "signature", folder / "manifest.json")
    ran = openssl("dgst", "-sha256", "-verify", *files)
    assert (ran.stdout == b"Verified OK\n") == (ran.returncode == 0), ran
    return ran.returncode == 0


def test_what_openssl_signs_is_taken(tmp_path: Path) -> None:
    """A key made as the real documentation says, and a signature of the same hand."""
    key, public, raw = tmp_path / "k.pem", tmp_path / "p.pem", tmp_path / "manifest.json"
    raw.write_bytes(RAW)
    openssl("ecparam", "-genkey", "-name", "prime256v1", "-text", "-out", key)
    openssl("ec", "-in", key, "-pubout", "-out", public)
    made = openssl("dgst", "-sha256", "-sign", key, raw).stdout
    read = manifest_read(signed(BUNDLE, {5: made}))

    assert 1 << 5 == verified(read, {5: public_key(public.read_bytes())})
    assert openssl_verifies(tmp_path, public_key(public.read_bytes()), sign(private_key(key.read_bytes()), RAW), RAW)


# The firmware


def test_a_device_that_asks_for_none_is_asked_nothing_new() -> None:
    """Its trace has no such question; one that asks has it once, before the first write, and writes the same."""
    plain, asking = (life(offered(BUNDLE, required, 1)) for required in (UNCHECKED, 1))
    effects = [[step.effect for step in lived.runs[0].steps] for lived in (plain, asking)]
    questions = [effect for effect in effects[1] if isinstance(effect, Ask) and effect.question == "signed"]
    at = effects[1].index(questions[0])

    assert 1 == len(questions)
    assert effects[0] == effects[1][:at] + effects[1][at + 1 :]
    assert not any(isinstance(effect, Erase | Program) for effect in effects[1][:at])
    assert plain.last.flash == asking.last.flash


def forged(manifest: bytes, app: bytes = APP) -> bytes:
    return archive(entry("lamp-1.1/lamp.bin.0", app), entry("lamp-1.1/spiffs.img.0.0", FS), manifest=manifest)


def test_a_file_is_covered_by_its_checksum() -> None:
    """Another file under a good signature is refused for its checksum, and no record changes."""
    other = BUNDLE.replace(signable_app(), bytes(500))
    at = other.index(b"PK\x03\x04", 4)
    other = other[: at + 14] + struct.pack("<I", zlib.crc32(bytes(500))) + other[at + 18 :]
    what = offered(other, 1, verified(manifest_read(signed(BUNDLE, {0: sign(PRIVATE[0], RAW)})), PUBLIC))

    assert "Checksum mismatch" == report(what)
    assert TINY.flash.sectors[1:3] == life(what).last.flash.sectors[1:3]


def signable_app() -> bytes:
    at = BUNDLE.index(b"PK\x03\x04", 4)
    name = struct.unpack_from("<H", BUNDLE, at + 26)[0]
    return BUNDLE[at + 30 + name : at + 530 + name]


@pytest.mark.parametrize("left", ["cs_sha1", "cs_sha256", None])
def test_a_part_without_any_checksum_is_not_covered(left: str | None) -> None:
    """One of the two is enough; without both the lab refuses, where the real scheme would take whatever comes."""
    parts = json.loads(described())["parts"]
    app = parts["lamp.bin.0"]
    parts["lamp.bin.0"] = {key: value for key, value in app.items() if not key.startswith("cs_") or key == left}
    bundle = forged(described(parts))
    fault = refusal(manifest_read(bundle).manifest, 1, 1)

    assert (None if left else "Invalid signature: it does not cover part lamp.bin.0, which has no checksum") == fault
    assert refusal(manifest_read(bundle).manifest, 0, UNCHECKED) is None
    if left is None:
        with pytest.raises(BadInput, match=r"part lamp\.bin\.0 has no checksum"):
            signable(bundle)


# Older versions


@pytest.mark.parametrize(
    ("running", "new", "refused"),
    [
        ("1.10", "1.9", True),
        ("1.9", "1.10", False),
        ("1.1", "1.1", False),
        ("1.1", "1.0.9", True),
        ("2", "1.99.99", True),
        ("1", "1.0.0", False),
        ("1.0.0", "1", False),
        ("1.0.1", "1", True),
        ("1", "0", True),
        ("10", "010", False),
        ("1.1", "1.0-rc1", False),
        ("1.1-rc1", "1.0", False),
        ("v2", "v1", False),
        ("1.1", "", False),
        ("2", "1.", False),
        ("2", "\uff11", False),
    ],
)
def test_an_older_version_is_refused_where_the_design_says_so(running: str, new: str, refused: bool) -> None:
    """Dotted numbers are compared number by number; nothing else has an age."""
    said = ""
    DOWNGRADES["accept"](new, running)
    try:
        DOWNGRADES["refuse"](new, running)
    except BundleFault as fault:
        said = str(fault)
    assert (f"Downgrade refused: version {new} is older than {running}" if refused else "") == said


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("accept", APPLIED),
        ("refuse", "Downgrade refused: version 0.9 is older than 1"),
    ],
)
def test_a_signature_does_not_keep_an_old_bundle_out(choice: str, said: str) -> None:
    """Nothing in the scheme does; the design's rule does, and then nothing is written."""
    older = default_bundle(TINY.device.board, "0.9", 500)
    design = replace(load_design("hardened"), downgrade=choice)
    what = replace(set_up(design, "tiny", bundle=older, app_size=500), sig_mask=1, offers="once")
    what = replace(what, device=replace(what.device, sig_req_mask=1))

    assert said == report(what)
    assert (choice == "refuse") == (what.flash == life(what).last.flash)


# Signing a file


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A bundle, and three keys of each kind."""
    (tmp_path / "in.zip").write_bytes(BUNDLE)
    for number in range(3):
        (tmp_path / f"k{number}.pem").write_bytes(pem(PRIVATE[number]))
        (tmp_path / f"k{number}.pem").chmod(0o600)  # of one that all may read there is a warning
        (tmp_path / f"p{number}.pem").write_bytes(pem(PUBLIC[number]))
    text = "".join(pem(PUBLIC[0]).decode().splitlines()[1:-1])
    (tmp_path / "p0.txt").write_text(text + "\n")
    return tmp_path


def run(folder: Path, *words: str) -> int:
    """Run `otalab bundle`; names of files stand for files of the folder."""
    put = [
        str(folder / word) if "." in word and "=" not in word else word.replace("=", f"={folder}/") for word in words
    ]
    return main(["bundle", *put])


def test_signing_changes_nothing_else(files: Path) -> None:
    """The same files under the same headers, every byte but extra fields and positions; the other tools are content."""
    assert 0 == run(files, "sign", "in.zip", "-o", "out.zip", "--key", "0=k0.pem", "--key", "2=k2.pem")
    out = (files / "out.zip").read_bytes()
    name = struct.unpack_from("<H", BUNDLE, 26)[0]
    added = len(manifest_read(out).extra)

    assert BUNDLE[:28] + BUNDLE[30 : 30 + name] == out[:28] + out[30 : 30 + name]
    assert BUNDLE[30 + name : BUNDLE.index(b"PK\1\2")] == out[30 + name + added : out.index(b"PK\1\2")]
    assert 0 == subprocess.run(["python3", "-m", "zipfile", "-t", files / "out.zip"], check=False).returncode
    if shutil.which("unzip"):
        assert 0 == subprocess.run(["unzip", "-tq", files / "out.zip"], check=False).returncode
    with zipfile.ZipFile(io.BytesIO(BUNDLE)) as before, zipfile.ZipFile(io.BytesIO(out)) as after:
        assert [manifest_read(out).extra, b"", b""] == [one.extra for one in after.infolist()]
        for old, new in zip(before.infolist(), after.infolist(), strict=True):
            assert before.read(old) == after.read(new)
            kept = ("filename", "date_time", "compress_type", "comment", "external_attr", "CRC", "file_size")
            assert [getattr(old, one) for one in kept] == [getattr(new, one) for one in kept]


def test_signatures_are_added_one_by_one(files: Path) -> None:
    """In any order, and twice the same: the file is the same as if all were put in at once."""
    run(files, "sign", "in.zip", "-o", "both.zip", "--key", "0=k0.pem", "--key", "2=k2.pem")
    run(files, "sign", "in.zip", "-o", "step.zip", "--key", "2=k1.pem")
    run(files, "sign", "step.zip", "-o", "step.zip", "--key", "0=k0.pem")
    assert 1 == verified(manifest_read((files / "step.zip").read_bytes()), PUBLIC)
    run(files, "sign", "step.zip", "-o", "step.zip", "--key", "2=k2.pem")

    assert (files / "both.zip").read_bytes() == (files / "step.zip").read_bytes()


UNICODE_PATH, NOBODYS = 0x7075, 0x5AA5


def by_another(comment: bytes, entry_comment: bytes, extra: bytes) -> bytes:
    """Return a bundle as another builder may write it."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as writer:
        for name, data in (("manifest.json", described()), ("lamp.bin.0", APP), ("spiffs.img.0.0", FS)):
            info = zipfile.ZipInfo(name)
            info.comment, info.extra = entry_comment, extra
            writer.writestr(info, data)
        writer.comment = comment
    return written.getvalue()


@given(st.binary(max_size=200), st.binary(max_size=50), st.binary(max_size=50))
def test_what_other_builders_put_in_stays(comment: bytes, entry_comment: bytes, other: bytes) -> None:
    """Comments of the archive and of its files, and foreign extra fields."""
    extra = field(other, NOBODYS)
    out = signed(by_another(comment, entry_comment, extra), {7: sign(PRIVATE[7], described())})

    assert 0x80 == verified(manifest_read(out), PUBLIC)
    with zipfile.ZipFile(io.BytesIO(out)) as reader:
        assert reader.testzip() is None
        assert (comment, {entry_comment}) == (reader.comment, {one.comment for one in reader.infolist()})
        assert all(one.extra.startswith(extra) for one in reader.infolist())


@given(st.binary(max_size=50))
def test_a_field_that_others_would_refuse_stays(other: bytes) -> None:
    """Python's own reader refuses a Unicode path of fewer than five bytes from 3.12 on; what we do not read we keep."""
    extra = field(other, UNICODE_PATH)
    bundle = by_another(b"", b"", extra)
    out = signed(bundle, {7: sign(PRIVATE[7], described())})

    assert 0x80 == verified(manifest_read(out), PUBLIC)
    assert bundle.count(extra) == out.count(extra)


def zip64(bundle: bytes) -> bytes:
    at = bundle.rindex(b"PK\5\6")
    return bundle[: at + 16] + b"\xff" * 4 + bundle[at + 20 :]


@pytest.mark.parametrize(
    ("complaint", "make"),
    [
        ("a device would refuse this bundle: Update aborted", lambda: b""),
        ("a device would refuse this bundle: Update aborted", lambda: BUNDLE[: BUNDLE.index(b"PK\1\2")]),
        ("has no directory at its end", lambda: forged(described())),
        ("has no directory at its end", lambda: BUNDLE[: BUNDLE.index(b"PK\1\2") + 100]),
        ("directory is not where its end says", lambda: BUNDLE + b"more"),
        ("ZIP64", lambda: zip64(BUNDLE)),
        ("directory is not where its end says", lambda: with_extra(field({}))),
        ("malformed extra field", lambda: signed_with(b"abc")),
    ],
)
def test_what_cannot_be_signed_is_left_alone(files: Path, capsys, complaint: str, make) -> None:
    """Status 2, one line that names the file, and no output."""
    (files / "in.zip").write_bytes(make())

    assert 2 == run(files, "sign", "in.zip", "-o", "out.zip", "--key", "0=k0.pem")
    said = capsys.readouterr().err
    assert (1, True) == (said.count("\n"), complaint in said and "in.zip" in said), said
    assert not (files / "out.zip").exists()


def signed_with(extra: bytes) -> bytes:
    """Return the bundle with this extra field, and a directory that is right."""
    moved, at = with_extra(extra), BUNDLE.index(b"PK\1\2")
    tail = bytearray(moved[at + len(extra) :])
    struct.pack_into("<I", tail, tail.rindex(b"PK\5\6") + 16, at + len(extra))
    return moved[: at + len(extra)] + bytes(tail)


@pytest.mark.parametrize(
    ("complaint", "words"),
    [
        ("I=FILE is needed, with I from 0 to 7", ["sign", "in.zip", "-o", "out.zip", "--key", "8=k0.pem"]),
        ("I=FILE is needed", ["sign", "in.zip", "-o", "out.zip", "--key", "k0"]),
        ("I=FILE is needed", ["sign", "in.zip", "-o", "out.zip", "--key", "+1=k0.pem"]),
        ("key 1 was given before", ["sign", "in.zip", "-o", "out.zip", "--key", "1=k0.pem", "--key", "1=k1.pem"]),
        ("is no private key in PEM", ["sign", "in.zip", "-o", "out.zip", "--key", "0=p0.pem"]),
        ("is no private key in PEM", ["sign", "in.zip", "-o", "out.zip", "--key", "0=in.zip"]),
        ("nowhere.pem: no such file", ["sign", "in.zip", "-o", "out.zip", "--key", "0=nowhere.pem"]),
        ("nowhere.zip: no such file", ["sign", "nowhere.zip", "-o", "out.zip", "--key", "0=k0.pem"]),
        ("there is no folder", ["sign", "in.zip", "-o", "nowhere/out.zip", "--key", "0=k0.pem"]),
        ("not of ECDSA on the curve P-256", ["sign", "in.zip", "-o", "out.zip", "--key", "0=p384.pem"]),
        ("not of ECDSA on the curve P-256", ["sign", "in.zip", "-o", "out.zip", "--key", "0=ed.pem"]),
        ("is encrypted", ["sign", "in.zip", "-o", "out.zip", "--key", "0=locked.pem"]),
        ("is a private key; a device has the public one", ["verify", "in.zip", "--key", "0=k0.pem"]),
        ("is no public key", ["verify", "in.zip", "--key", "0=in.zip"]),
        ("not of ECDSA on the curve P-256", ["verify", "in.zip", "--key", "0=p384pub.pem"]),
        ("a number from -1 to 255", ["verify", "in.zip", "--sig-req-mask", "256"]),
        ("a number from -1 to 255", ["verify", "in.zip", "--sig-req-mask", "-2"]),
    ],
)
def test_wrong_use_is_one_line_and_status_2(files: Path, capsys, complaint: str, words: list[str]) -> None:
    """It says what and where, and nothing is written."""
    other = ec.generate_private_key(ec.SECP384R1())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    (files / "p384.pem").write_bytes(pem(other))
    (files / "p384pub.pem").write_bytes(pem(other.public_key()))
    (files / "ed.pem").write_bytes(
        ed25519.Ed25519PrivateKey.generate().private_bytes(*form, serialization.NoEncryption())
    )
    (files / "locked.pem").write_bytes(PRIVATE[0].private_bytes(*form, serialization.BestAvailableEncryption(b"x")))
    before = sorted(files.iterdir())

    assert 2 == run(files, *words)
    told = capsys.readouterr()
    assert ("", 1, True) == (told.out, told.err.count("\n"), complaint in told.err), told.err
    assert before == sorted(files.iterdir())


@pytest.mark.parametrize(
    ("status", "masks", "options"),
    [
        (0, (1, 1), ["--key", "0=p0.pem"]),
        (0, (1, 1), ["--key", "0=p0.txt"]),
        (0, (5, 5), ["--key", "0=p0.pem", "--key", "2=p2.pem"]),
        (1, (0, 2), ["--key", "1=p1.pem"]),
        (1, (0, 1), ["--key", "0=p1.pem"]),
        (1, (1, 3), ["--key", "0=p0.pem", "--key", "1=p1.pem"]),
        (0, (1, 1), ["--key", "0=p0.pem", "--key", "1=p1.pem", "--sig-req-mask", "1"]),
        (0, (0, -1), ["--key", "1=p1.pem", "--sig-req-mask", "-1"]),
        (1, (1, 0), ["--key", "0=p0.pem", "--sig-req-mask", "0"]),
        (1, (0, 1), ["--sig-req-mask", "1"]),
    ],
)
def test_verify_tells_the_mask_and_the_verdict(
    files: Path, capsys, status: int, masks: tuple[int, int], options: list[str]
) -> None:
    """In words and in JSON; all keys that are given are required, if no mask is."""
    run(files, "sign", "in.zip", "-o", "out.zip", "--key", "0=k0.pem", "--key", "2=k2.pem")
    capsys.readouterr()

    assert status == run(files, "verify", "out.zip", *options)
    said = capsys.readouterr().out
    assert said.startswith(f"signature mask 0x{masks[0]:02x}, required ")
    assert status == run(files, "verify", "out.zip", "--json", *options)
    told = json.loads(capsys.readouterr().out)
    assert (status == 0, masks) == (told["ok"], (told["sig_mask"], told["sig_req_mask"]))


def test_inspect_shows_which_signatures_are_there(files: Path, capsys) -> None:
    """By number, and without a claim that they are good."""
    run(files, "sign", "in.zip", "-o", "out.zip", "--key", "0=k0.pem", "--key", "2=k2.pem")
    capsys.readouterr()

    assert 0 == run(files, "inspect", "out.zip")
    assert "signed    0, 2 (not verified)" == capsys.readouterr().out.splitlines()[4]
    run(files, "inspect", "out.zip", "--json")
    run(files, "inspect", "in.zip", "--json")
    assert [[0, 2], []] == [json.loads(line)["signatures"] for line in capsys.readouterr().out.splitlines()]


# On the wire


@pytest.mark.slow
def test_the_virtual_device_takes_what_is_signed_by_all_whom_it_asks(files: Path) -> None:
    """By real curl: unsigned, signed by one of two, changed after signing, and at last by both."""
    if not shutil.which("curl"):
        pytest.skip("no curl on this machine")

    def post(name: str) -> str:
        command = ["curl", "-s", "-w", " %{http_code}", "-F", f"file=@{files / name}", running.url + "/update"]
        return " ".join(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split())

    run(files, "sign", "in.zip", "-o", "one.zip", "--key", "0=k0.pem")
    run(files, "sign", "in.zip", "-o", "both.zip", "--key", "0=k0.pem", "--key", "1=k1.pem")
    both = (files / "both.zip").read_bytes()
    changed = both.replace(b'"build_id": "2/lab"', b'"build_id": "3/lab"', 1)
    (files / "changed.zip").write_bytes(changed[:14] + bytes(4) + changed[18:])
    keys = [f"0={files / 'p0.txt'}", f"1={files / 'p1.pem'}"]
    options = {"board": "tiny", "design": "hardened", "time_scale": 0, "no_sync": True}
    with LiveDevice(files / "flash.bin", key=keys, sig_req_mask=3, **options) as running:
        before = (files / "flash.bin").read_bytes()
        for name, mask in (("in.zip", 0), ("one.zip", 1), ("changed.zip", 0)):
            assert f"Invalid signature: mask 0x03 is required, 0x0{mask} verified 400" == post(name)
        assert before == (files / "flash.bin").read_bytes()
        assert f"{APPLIED} 200" == post("both.zip")
        running.wait_for(version="2", committed=True)
    assert not any("Traceback" in line for line in running.log), running.log
    with LiveDevice(files / "flash.bin", sig_req_mask=0, **options) as running:
        assert "Invalid signature: no update is allowed, sig_req_mask is 0 400" == post("both.zip")
    with LiveDevice(files / "flash.bin", key=keys, **options) as running:
        assert "no signature is required: --sig-req-mask is -1" in running.log
        assert f"{APPLIED} 200" == post("one.zip")


def test_a_new_pair_belongs_together_and_to_nobody_else():
    """What the private key signs verifies under its public key, and not under another new one's."""
    (private, public), (_, other) = new_pair(), new_pair()
    signature = sign(private_key(private), b"manifest")

    assert verifies(public_key(public), signature, b"manifest")
    assert not verifies(public_key(other), signature, b"manifest")
