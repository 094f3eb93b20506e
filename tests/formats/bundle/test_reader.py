import hashlib
import json
import tracemalloc
import zlib
from itertools import pairwise

import pytest
from bundles import (
    APP,
    APP_ENTRY,
    CENTRAL,
    ESP32,
    ESP8266,
    FS,
    FS_ENTRY,
    TOY,
    TOY_BUNDLE,
    archive,
    described,
    entry,
    real,
    story,
)
from hypothesis import given
from hypothesis import strategies as st

from otalab.errors import BundleFault, OtalabError
from otalab.formats.bundle.manifest import Manifest, Part, shown
from otalab.formats.bundle.reader import (
    LIMIT,
    BundleEnds,
    BundleReader,
    ManifestRead,
    PartBegins,
    PartData,
    PartEnds,
    bundle_events,
    read_bundle,
)

HEX40, HEX64 = "0123456789abcdef" * 2 + "01234567", "0123456789abcdef" * 4


def fault_of(data):
    """
    The message with which a reader refuses these bytes.
    """
    with pytest.raises(BundleFault) as refused:
        read_bundle([data])
    return str(refused.value)


# Known answers


@pytest.mark.parametrize(
    "fixture, identity, files",
    [
        (
            ESP32,
            ("demo-js", "esp32", "1.0", "20181008-062639"),
            [
                ("boot", "boot", 20864, 0x38030629),
                ("app", "app", 1542704, 0x51D61DC9),
                ("fs", "fs", 262144, 0x8377EF5D),
                ("otadata", "otadata", 8192, 0x40773C40),
                ("pt", "pt", 3072, 0x772D1F6D),
            ],
        ),
        (
            ESP8266,
            ("mel-ac-homekit", "esp8266", "1.0.4", "20240721-114945/gfbf9149-master"),
            [
                ("sys_params", "sys_params3", 128, 0xDB45B038),
                ("fs", "fs", 262144, 0xD967873),
                ("fw", "app", 847936, 0xBE914071),
                ("boot", "boot", 2320, 0xEB6D16C8),
            ],
        ),
    ],
)
def test_a_published_bundle_is_read_to_its_end(fixture, identity, files):
    """
    Names, roles, sizes and checks of two real bundles.
    """
    summary = read_bundle([real(fixture)])

    manifest = summary.manifest
    assert identity == (manifest.name, manifest.platform, manifest.version, manifest.build_id)
    assert files == [(file.part.name, file.part.role, file.size, file.crc32) for file in summary.files]


def test_a_part_without_a_file_brings_no_data():
    """
    The published ESP8266 bundle describes six parts and brings four files.
    """
    manifest = read_bundle([real(ESP8266)]).manifest

    assert {"boot_cfg", "rf_cal_data"} == {part.name for part in manifest.parts if part.src is None}


def test_the_toy_bundle_tells_its_whole_story():
    """
    Manifest, then each file with its size, data, CRC-32 and SHA-256, then the end.
    """
    app, fs = Manifest.parse(described()).parts

    assert (
        [
            ManifestRead(Manifest.parse(described())),
            PartBegins(app, 7),
            PartData(app, b"APP v2\n"),
            PartEnds(app, 7, 0xB666603C, bytes.fromhex(TOY["parts"]["lamp.bin.0"]["cs_sha256"])),
            PartBegins(fs, 6),
            PartData(fs, b"FS v2\n"),
            PartEnds(fs, 6, 0xEA9BFB7A, bytes.fromhex(TOY["parts"]["spiffs.img.0.0"]["cs_sha256"])),
            BundleEnds(),
        ],
        None,
    ) == story([TOY_BUNDLE])


def test_the_toy_manifest_is_read_in_full():
    """
    What the reader needs has a field of its own, the rest is kept as it stands.
    """
    manifest = Manifest.parse(described())

    assert ("lamp", "cc3200", "1.1", TOY["build_id"]) == (
        manifest.name,
        manifest.platform,
        manifest.version,
        manifest.build_id,
    )
    assert described() == manifest.raw
    digests = TOY["parts"]["spiffs.img.0.0"]
    geometry = {"fs_size": 98304, "fs_block_size": 4096, "fs_page_size": 256, "fs_erase_size": 4096}
    assert (
        Part("spiffs.img.0.0", "fs", "spiffs.img.0.0", 6, digests["cs_sha1"], digests["cs_sha256"], geometry)
        == (manifest.parts[1])
    )
    assert {manifest} == {Manifest.parse(described())}


@pytest.mark.parametrize(
    "role, name, fields",
    [
        ("app", "lamp.bin.0", {"type": "app"}),
        ("app", "app", {"type": "app0"}),
        ("app", "fw", {}),
        ("app", "x", {"type": "fw"}),
        ("fs", "fs", {}),
        ("fs", "spiffs.img.0.0", {"type": "fs"}),
        ("boot", "fw", {"type": "boot"}),
        ("nvs", "nvs", {"type": None}),
        ("app1", "app1", {}),
        ("", "fw", {"type": ""}),
    ],
)
def test_the_role_of_a_part(role, name, fields):
    """
    The type says it, or else the name; the platforms' several words for an application are one.
    """
    assert role == Part.parse(name, fields).role


def test_the_extra_field_of_the_manifest_is_handed_on():
    """
    Signatures travel there.
    """
    signed = entry("manifest.json", described(), extra=b"\x3a\x29\x02\x00{}") + APP_ENTRY + FS_ENTRY + CENTRAL

    assert b"\x3a\x29\x02\x00{}" == next(bundle_events([signed])).extra


# The manifest's own rules


@pytest.mark.parametrize(
    "answer, written, device",
    [
        (True, "esp32", "esp32"),
        (True, "ESP32", "esp32"),
        (True, "esp32c3", "esp32"),
        (False, "esp32", "esp32c3"),
        (False, "esp3", "esp32"),
        (False, "esp8266", "esp32"),
        (True, "cc3200", "CC3200"),
    ],
)
def test_a_device_reads_no_more_of_the_platform_than_its_own(answer, written, device):
    """
    Case does not count, and neither does what comes after.
    """
    assert answer is Manifest.parse(described(platform=written)).runs_on(device)


@pytest.mark.parametrize(
    "answer, running",
    [
        (True, ("1.1", "b7")),
        (True, ("1.10", "b7")),
        (True, ("1.1", "b7-dirty")),
        (False, ("1.1", "b8")),
        (False, ("1.2", "b7")),
        (False, ("1.", "b7")),
        (False, ("1.1", "b")),
    ],
)
def test_the_length_of_the_manifest_decides_what_is_the_same(answer, running):
    """
    A version that begins with the manifest's counts as the same, and so does a build.
    """
    assert answer is Manifest.parse(described(version="1.1", build_id="b7")).same_as(*running)


def test_a_name_is_not_required():
    """
    It is the one field that a manifest may lack.
    """
    assert "" == Manifest.parse(described(name=None)).name


@pytest.mark.parametrize("field", ["platform", "version", "build_id", "parts"])
@pytest.mark.parametrize("value", [None, "", 0, [], {}])
def test_every_other_field_is_required(field, value):
    """
    Absent, empty, or of a kind that says nothing, it is missing.
    """
    fields = json.loads(described()) | {field: value}
    absent = {key: text for key, text in fields.items() if key != field}

    assert "Required manifest field missing" == fault_of(archive(manifest=json.dumps(fields).encode()))
    assert "Required manifest field missing" == fault_of(archive(manifest=json.dumps(absent).encode()))


@pytest.mark.parametrize("field", ["platform", "version", "build_id"])
def test_a_required_field_is_text(field):
    """
    A number in its place is not found.
    """
    assert "Required manifest field missing" == fault_of(archive(manifest=described(**{field: 7})))


def part(**fields):
    return described({"x": fields})


@pytest.mark.parametrize(
    "message, manifest",
    [
        ("Failed to parse manifest", b""),
        ("Failed to parse manifest", b"{"),
        ("Failed to parse manifest", b"null"),
        ("Failed to parse manifest", b"[]"),
        ("Failed to parse manifest", b"{}"),
        ("Failed to parse manifest", b'"platform"'),
        ("Failed to parse manifest", b'{"nothing": "known"}'),
        ("Failed to parse manifest", described() + b"}"),
        ("Failed to parse manifest", b"\xef\xbb\xbf" + described()),
        ("Failed to parse manifest", described().decode().encode("utf-16")),
        ("Failed to parse manifest", described(name="?").replace(b"?", b"\xff")),
        ("Failed to parse manifest", described(name="\ud800")),
        ("Failed to parse manifest", part(fill="@").replace(b'"@"', b"NaN")),
        ("Failed to parse manifest", part(fill="@").replace(b'"@"', b"-Infinity")),
        ("Failed to parse manifest", part(fill="@").replace(b'"@"', b"1e999")),
        ("Failed to parse manifest", part(fill="@").replace(b'"@"', b"1" * 5000)),
        ("Failed to parse manifest", part(fill="@").replace(b'"@"', b"[" * 20 + b"]" * 20)),
        ("Failed to parse manifest", b"[" * 60000),
        ("Failed to parse manifest", b'{"parts":' * 7000),
        ("Failed to parse manifest (parts is not an object)", described([{}])),
        ("Failed to parse manifest (parts is not an object)", described("app")),
        ("Failed to parse manifest (parts is not an object)", described(5)),
        ("Failed to parse manifest (part x is not an object)", described({"x": "app"})),
        ("Failed to parse manifest (part x is not an object)", described({"x": None})),
        ("Failed to parse manifest (part 'x\\ny' is not an object)", described({"x\ny": 1})),
        ("Failed to parse manifest (type of part x is not a string)", part(type=1)),
        ("Failed to parse manifest (src of part x is not a string)", part(src=["a"])),
        ("Failed to parse manifest (more than one part names a)", described({"x": {"src": "a"}, "y": {"src": "a"}})),
        ("Invalid checksum format", part(cs_sha1=HEX40[1:])),
        ("Invalid checksum format", part(cs_sha1=HEX40 + "0")),
        ("Invalid checksum format", part(cs_sha1=HEX40[1:] + "g")),
        ("Invalid checksum format", part(cs_sha1=HEX64)),
        ("Invalid checksum format", part(cs_sha256=HEX40)),
        ("Invalid checksum format", part(cs_sha256=HEX64[1:] + "\n")),
        ("Invalid checksum format", part(cs_sha256="")),
        ("Invalid checksum format", part(cs_sha256=int("9" * 64))),
    ],
)
def test_a_manifest_that_cannot_be_read_is_refused_in_one_line(message, manifest):
    """
    Whatever is wrong with it, the fault is a fault of the bundle, and its text is short.
    """
    assert message == fault_of(archive(manifest=manifest))


@pytest.mark.parametrize("size", ["6", 6.0, -1, 1 << 32, 10**4000, True, [6]])
def test_a_size_is_a_number_of_bytes(size):
    """
    Not a string, not a fraction, not a truth, and no more than an archive can say.
    """
    assert "Failed to parse manifest (size of part x is not a number of bytes below 4 GiB)" == fault_of(
        archive(manifest=part(size=size))
    )


def test_digests_may_be_written_in_capitals():
    """
    They are kept in small letters, and compared so.
    """
    loud = {"x": {"src": "x", "cs_sha256": hashlib.sha256(b"data").hexdigest().upper()}}

    summary = read_bundle([archive(entry("x", b"data"), manifest=described(loud))])

    assert hashlib.sha256(b"data").hexdigest() == summary.manifest.parts[0].sha256


def test_a_part_of_several_files_brings_none():
    """
    Builders know it, devices do not: its files are skipped like any that no part names.
    """
    several = described({"x": {"src": {"a": {"size": 1}}}})

    assert () == read_bundle([archive(entry("x/x/a", b"1"), manifest=several)]).files


# What a device refuses, in its words or, where it says nothing, in ours


def file(name="x", data=b"data", **wrong):
    """
    An archive whose one part is the file that follows.
    """
    return archive(entry(name, data, **wrong), manifest=described({"x": {"src": "x"}}))


HEADER = "Malformed archive (invalid file header)"


@pytest.mark.parametrize(
    "message, bundle",
    [
        (HEADER, b"<html>"),
        (HEADER, CENTRAL),
        (HEADER, file(signature=b"PK\x07\x08")),
        ("Cannot handle compressed .zip", file(method=8)),
        ("Cannot handle compressed .zip", entry("manifest.json", described(), method=8)),
        ("Too long file name", file("f/" + "n" * 50)),
        ("Too long file name", file("n" * 50)),
        ("Too long file name", file("f/d/" + "n" * 48)),
        ("Too long file name", file("f/" + "é" * 25)),
        ("Malformed archive", file(packed=3)),
        ("Malformed archive", entry("manifest.json", described(), size=9)),
        ("Invalid CRC", file(crc=1)),
        ("Invalid CRC", entry("manifest.json", described(), crc=1)),
        ("Manifest missing: the archive begins with app.bin", entry("app.bin", b"data")),
        ("Manifest missing: the archive begins with app.bin", entry("lamp-1.1/app.bin", b"data")),
        ("Manifest missing: the archive begins with b/manifest.json", entry("a/b/manifest.json", described())),
        ("Manifest missing: the archive begins with Manifest.json", entry("Manifest.json", described())),
        ("Manifest missing: the archive begins with lamp-1.1/", entry("lamp-1.1/")),
        ("Manifest missing: the archive begins with ''", entry("")),
        ("Manifest missing: the archive begins with 'a\\x1b[2J'", entry("a\x1b[2J")),
        ("Bad file name: 'a/../x'", file("a/../x")),
        ("Bad file name: '../x'", file("../x")),
        ("Bad file name: '..'", file("..")),
        ("Bad file name: '/x'", file("/x")),
        ("Bad file name: 'a//x'", file("a//x")),
        ("Bad file name: 'a\\\\x'", file("a\\x")),
        ("Bad file name: ''", file("")),
        ("Bad file name: 'a/'", file("a/")),
        ("Bad file name: 'a/x\\n'", file("a/x\n")),
        ("Bad file name: 'a/x\\x00'", file("a/x\0")),
        ("Bad file name: 'a\\x7f/x'", file("a\x7f/x")),
        ("Bad file name: 'a/\\u202ex'", file("a/\u202ex")),
        ("Bad file name: 'a/\\\\xff'", file(b"a/\xff")),
        ("Bad file name: '/manifest.json'", entry("/manifest.json", described())),
        ("Cannot handle encrypted .zip", file(flags=1)),
        ("Cannot handle encrypted .zip", entry("manifest.json", described(), flags=1)),
        ("Duplicate file: x", file(data=b"1")[: -len(CENTRAL)] + entry("y/x", b"2") + CENTRAL),
        ("Duplicate file: manifest.json", archive(entry("manifest.json", described()))),
        ("Size mismatch: lamp.bin.0 has 8 bytes, not 7", archive(entry("lamp.bin.0", APP + b"!"), FS_ENTRY)),
        ("Size mismatch: lamp.bin.0 has 0 bytes, not 7", archive(entry("lamp.bin.0"), FS_ENTRY)),
        ("Checksum mismatch", archive(entry("lamp.bin.0", b"APP v3\n"), FS_ENTRY)),
        ("Missing fw part", archive(FS_ENTRY)),
        ("Missing fs part", archive(APP_ENTRY)),
        ("Missing fw part", archive()),
        ("Missing boot part", archive(manifest=described({"boot": {"src": "b.bin"}, "nvs": {}}))),
        ("Missing fs part", archive(manifest=described({"boot": {"src": "b"}, "files": {"type": "fs", "src": "f"}}))),
        ("Missing x part", archive(manifest=described({"x": {"src": "manifest.json"}}))),
        ("Update aborted", b""),
        ("Update aborted", archive(APP_ENTRY, FS_ENTRY, end=b"")),
    ],
)
def test_every_fault_has_its_own_message(message, bundle):
    """
    The device's own where it has one.
    """
    assert message == fault_of(bundle)


@pytest.mark.parametrize("digest", ["cs_sha1", "cs_sha256"])
def test_either_digest_is_enough_to_refuse(digest):
    """
    Each is compared where the manifest names it, and only there.
    """
    wrong = {"cs_sha1": HEX40, "cs_sha256": HEX64}[digest]

    assert "Checksum mismatch" == fault_of(
        archive(entry("x", b"data"), manifest=described({"x": {"src": "x", digest: wrong}}))
    )
    assert 1 == len(read_bundle([file()]).files)


@pytest.mark.parametrize(
    "message, wrong",
    [
        (HEADER, {"signature": b"PK\5\6", "method": 8}),
        ("Cannot handle compressed .zip", {"method": 8, "name": "n" * 50, "packed": 1, "flags": 1}),
        ("Too long file name", {"name": "../" + "n" * 50, "packed": 1, "flags": 1}),
        ("Malformed archive", {"packed": 1, "name": "..", "flags": 1}),
        ("Manifest missing: the archive begins with ..", {"name": "..", "flags": 1}),
    ],
)
def test_the_device_speaks_first(message, wrong):
    """
    Where an archive is wrong in several ways, the device's checks come in its order, and ours after them.
    """
    assert message == fault_of(entry(**({"name": "x", "data": b"data"} | wrong)))


def test_the_crc_is_checked_before_the_digest_and_the_end_before_what_is_missing():
    """
    Damage is named where it is met.
    """
    assert "Invalid CRC" == fault_of(archive(entry("lamp.bin.0", b"APP v3\n", crc=1), FS_ENTRY))
    assert "Update aborted" == fault_of(archive(APP_ENTRY, end=b""))


def test_a_header_without_a_crc_disables_the_check():
    """
    Damaged data then passes, unless the manifest names a digest.
    """
    assert b"dama" == story([file(data=b"dama", crc=0)])[0][2].data
    assert "Checksum mismatch" == fault_of(archive(entry("lamp.bin.0", b"APP v3\n", crc=0), FS_ENTRY))


def test_forty_nine_bytes_of_name_are_accepted():
    """
    Only what follows the first slash counts, and a second slash belongs to it.
    """
    name = "d/" + "n" * 47

    summary = read_bundle([archive(entry("f" * 60000 + "/" + name, b"1"), manifest=described({"x": {"src": name}}))])

    assert [name] == [file.part.src for file in summary.files]


# Files that no part names


def test_a_file_that_no_part_names_is_skipped():
    """
    Nothing is told of it, and it may come twice.
    """
    stranger = entry("f/readme.txt", b"hello")

    assert story([TOY_BUNDLE]) == story([archive(stranger, APP_ENTRY, stranger, FS_ENTRY, entry("f/sub/"))])


def test_the_crc_of_a_skipped_file_is_checked():
    """
    Here the reader is stricter than a device.
    """
    assert "Invalid CRC" == fault_of(archive(APP_ENTRY, FS_ENTRY, entry("readme.txt", b"hello", crc=1)))


def test_a_data_descriptor_is_known_after_a_skipped_file():
    """
    Twelve bytes are dropped; the form with a signature is not known.
    """
    stranger = entry("readme.txt", b"hello", flags=8)

    assert story([TOY_BUNDLE]) == story([archive(stranger, bytes(12), APP_ENTRY, FS_ENTRY)])
    assert HEADER == fault_of(archive(stranger, b"PK\7\10", bytes(12), APP_ENTRY, FS_ENTRY))


def test_a_data_descriptor_is_not_known_after_a_part():
    """
    Its bytes are taken for the next header.
    """
    assert HEADER == fault_of(archive(entry("lamp.bin.0", APP, flags=8), bytes(12), FS_ENTRY))


# The reader as such


def test_after_the_end_everything_is_ignored():
    """
    The archive ends with the first four bytes of its directory.
    """
    reader = BundleReader()
    before = list(reader.feed(TOY_BUNDLE[: -len(CENTRAL) + 3]))
    assert not reader.ended

    assert [BundleEnds()] == list(reader.feed(CENTRAL[3:4]))
    assert reader.ended
    assert [] == list(reader.feed(b"anything"))
    reader.feed(b"that nobody looks at")
    assert [] == list(reader.feed(TOY_BUNDLE))
    reader.close()
    assert 7 == len(before)


def test_a_reader_that_failed_stays_broken():
    """
    More bytes, or the end of them, give the same fault again.
    """
    reader = BundleReader()
    with pytest.raises(BundleFault, match=r"^Invalid CRC$"):
        list(reader.feed(file(crc=1)))

    with pytest.raises(BundleFault, match=r"^Invalid CRC$"):
        reader.feed(CENTRAL)
    with pytest.raises(BundleFault, match=r"^Invalid CRC$"):
        reader.close()
    assert not reader.ended


def test_a_closed_reader_takes_nothing_more():
    """
    An update that was aborted is not taken up again.
    """
    reader = BundleReader()
    with pytest.raises(BundleFault, match=r"^Update aborted$"):
        reader.close()

    with pytest.raises(BundleFault, match=r"^Update aborted$"):
        reader.feed(TOY_BUNDLE)


def test_events_come_before_the_fault_that_follows_them():
    """
    What was read stays read, as on a device whose slot is dirty by then.
    """
    reader = BundleReader()
    events = reader.feed(file(crc=1))

    assert [ManifestRead, PartBegins, PartData] == [type(next(events)) for _ in range(3)]
    with pytest.raises(BundleFault):
        next(events)


def test_events_that_were_left_lying_are_misuse():
    """
    A feed whose events nobody took would lose its bytes.
    """
    reader = BundleReader()
    reader.feed(TOY_BUNDLE)

    with pytest.raises(OtalabError, match="take them"):
        reader.feed(b"more")


def test_a_stream_that_is_cut_anywhere_is_aborted():
    """
    Not one byte before the directory makes an update.
    """
    whole = len(TOY_BUNDLE) - len(CENTRAL) + 4

    assert [(cut, "Update aborted") for cut in range(whole)] == [
        (cut, story([TOY_BUNDLE[:cut]])[1]) for cut in range(whole)
    ]
    assert [None] * (len(CENTRAL) - 3) == [story([TOY_BUNDLE[:cut]])[1] for cut in range(whole, len(TOY_BUNDLE) + 1)]


STRANGER = entry("readme.txt", b"hello " * 20, flags=8) + bytes(12)
BUNDLES = [
    TOY_BUNDLE,
    archive(STRANGER, FS_ENTRY, STRANGER, APP_ENTRY),
    file(crc=1),
    archive(APP_ENTRY),
    archive(APP_ENTRY, STRANGER[:-1], FS_ENTRY),
    archive(manifest=b"[" * 300),
]


@pytest.mark.parametrize("bundle", BUNDLES)
def test_byte_by_byte_is_the_same_story(bundle):
    """
    How a stream is cut into pieces does not matter.
    """
    assert story([bundle]) == story([bundle[at : at + 1] for at in range(len(bundle))])


@given(st.sampled_from(BUNDLES), st.lists(st.integers(0, max(map(len, BUNDLES)))))
def test_any_pieces_are_the_same_story(bundle, cuts):
    """
    Pieces of any length, empty ones included.
    """
    edges = [0, *sorted(min(cut, len(bundle)) for cut in cuts), len(bundle)]

    assert story([bundle]) == story([bundle[a:b] for a, b in pairwise(edges)])


def damaged(data, edits):
    """
    The data after a series of (place, bytes that go, bytes that come).
    """
    for place, gone, come in edits:
        at = place % (len(data) + 1)
        data = data[:at] + come + data[at + gone :]
    return data


EDITS = st.tuples(st.integers(0, 5000), st.integers(0, 4), st.binary(max_size=4))


@given(st.sampled_from(BUNDLES[:2]), st.lists(EDITS, min_size=1, max_size=4), st.integers(1, 700))
def test_damage_ends_in_a_clean_read_or_in_a_fault(bundle, edits, step):
    """
    Never in another exception; a fault is one line, and a file that is called whole is what was handed on.
    """
    data = damaged(bundle, edits)

    events, fault = story([data[at : at + step] for at in range(0, len(data), step)])

    assert (fault is None) == (bool(events) and events[-1] == BundleEnds())
    assert fault is None or (fault.isprintable() and 0 < len(fault) < 200)
    for data_event, end in pairwise(events):
        if isinstance(data_event, PartData) and isinstance(end, PartEnds):
            assert (len(data_event.data), zlib.crc32(data_event.data)) == (end.size, end.crc32)
            assert hashlib.sha256(data_event.data).digest() == end.sha256
            assert data_event.part.sha256 in (None, end.sha256.hex())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)
PART_KEYS = st.sampled_from(["type", "src", "size", "cs_sha1", "cs_sha256", "fs_size"])
PARTS = st.dictionaries(st.text(max_size=4), st.dictionaries(PART_KEYS, JSON, max_size=4) | JSON, max_size=3)


@pytest.mark.slow
@given(PARTS | JSON)
def test_any_json_is_a_manifest_or_a_fault(parts):
    """
    No kind of value in any place does anything else; what passes can be said again in JSON.
    """
    events, fault = story([archive(manifest=json.dumps(TOY | {"parts": parts}).encode())])

    assert fault is None or (fault.isprintable() and 0 < len(fault) < 200)
    for event in events[:1]:
        assert [*parts] == [part.name for part in event.manifest.parts]
        json.dumps([dict(part.extra) for part in event.manifest.parts], allow_nan=False)


# Memory


def test_a_manifest_may_fill_the_buffer():
    """
    64 KiB are read, one byte more is refused before any of it is kept.
    """
    full = described() + b" " * (LIMIT - len(described()))

    assert 2 == len(read_bundle([archive(APP_ENTRY, FS_ENTRY, manifest=full)]).files)
    assert "Manifest too large: 65537 bytes, at most 65536" == fault_of(
        entry("manifest.json", full + b" ")[: 30 + len("manifest.json")]
    )


def test_no_more_is_held_than_a_manifest():
    """
    Not for the longest name, the longest extra field, or a stranger of any size.
    """
    full = described() + b" " * (LIMIT - len(described()))
    longest = b"f" * (LIMIT - 2) + b"/", bytes(LIMIT - 1)
    files = [entry(longest[0][10:] + b"s", bytes(300000), extra=longest[1]), APP_ENTRY, FS_ENTRY]
    bundle = entry("manifest.json", full, extra=longest[1]) + b"".join(files) + CENTRAL
    reader, held = BundleReader(), []

    for at in range(0, len(bundle), 1000):
        list(reader.feed(bundle[at : at + 1000]))
        held.append(reader.held)

    assert reader.ended
    assert LIMIT - 1000 <= max(held) <= LIMIT


@pytest.mark.parametrize("step", [1, 100, LIMIT, LIMIT + 1, 1 << 20])
def test_data_is_handed_on_as_it_comes(step):
    """
    A piece gives no more bytes than it has, in events of at most 64 KiB, and none stays behind.
    """
    data = bytes(2000 if step == 1 else 1 << 20)
    manifest = described({"x": {"src": "x"}})
    start = archive(entry("x", data), manifest=manifest, end=b"")[: -len(data)]
    reader = BundleReader()
    list(reader.feed(start))

    for at in range(0, len(data), step):
        piece = data[at : at + step]
        lengths = [len(event.data) for event in reader.feed(piece) if isinstance(event, PartData)]
        assert len(piece) == sum(lengths)
        assert max(lengths) <= LIMIT


@pytest.mark.parametrize("step", [4096, 1 << 24])
def test_a_large_file_passes_through_a_small_reader(step):
    """
    Eight megabytes cost less than a quarter of one, even in one piece.
    """
    data = bytes(8 << 20)
    bundle = archive(entry("x", data), manifest=described({"x": {"src": "x"}}))
    stranger = archive(entry("y", data), manifest=described({"x": {}}))
    pieces = [bundle[at : at + step] for at in range(0, len(bundle), step)]
    del data
    for stream in (pieces, [stranger]):
        reader, total = BundleReader(), 0
        tracemalloc.start()
        for piece in stream:
            total += sum(len(event.data) for event in reader.feed(piece) if isinstance(event, PartData))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert reader.ended
        assert (8 << 20 if stream is pieces else 0) == total
        assert 0 < peak < 1 << 18


def test_strangers_are_not_remembered():
    """
    Any number of files that no part names costs nothing.
    """
    reader = BundleReader()
    list(reader.feed(archive(APP_ENTRY, FS_ENTRY, end=b"")))
    tracemalloc.start()
    for number in range(2000):
        list(reader.feed(entry(f"{number:040}")))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 1 << 16


def test_what_was_fed_is_let_go():
    """
    The caller may reuse its buffer as soon as the events are taken.
    """
    reader, buffer = BundleReader(), bytearray(TOY_BUNDLE)

    events = list(reader.feed(buffer))
    buffer.clear()

    assert [FS] == [event.data for event in events if isinstance(event, PartData)][1:]


@pytest.mark.parametrize(
    "expected, text",
    [
        ("lamp.bin", "lamp.bin"),
        ("''", ""),
        ("'a\\nb'", "a\nb"),
        ("'\\x1b[2J'", "\x1b[2J"),
        ("n" * 60, "n" * 60),
        ("n" * 57 + "...", "n" * 61),
    ],
)
def test_text_out_of_a_bundle_is_tamed_before_it_is_printed(expected, text):
    """
    One short line that no terminal obeys.
    """
    assert expected == shown(text)
