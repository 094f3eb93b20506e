import argparse
import io
import json
import os
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest
from bundles import APP, ESP32, FIXTURES, FS, TOY_BUNDLE, archive, entry, real, story
from hypothesis import given
from hypothesis import strategies as st
from spiffs_images import FILES
from spiffs_shapes import FILES as SHAPED
from spiffs_shapes import SHAPES
from spiffs_shapes import made as shaped

from otalab.cli import bundle as bundle_cli
from otalab.cli.main import main
from otalab.errors import BadInput
from otalab.formats.bundle.build import PartSource, build, bundle_bytes
from otalab.formats.bundle.reader import ManifestRead, PartData, PartEnds, read_bundle
from otalab.formats.filesystems.kinds import build_image, geometry, read_files
from otalab.hardware.board import load_board

LAMP = {"name": "lamp", "platform": "lab", "version": "1.1", "build_id": "b7"}
PARTS = (
    PartSource("app", "app", "app.bin", APP, {"load_addr": 0x20000000}),
    PartSource("nvs", "nvs", extra={"fill": 255}),
    PartSource("fs", None, "fs.img", FS),
)


def entries(bundle):
    """
    The directory of an archive, as zipfile reads it.
    """
    with zipfile.ZipFile(io.BytesIO(bundle)) as reader:
        assert reader.testzip() is None
        return reader.infolist()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# Building


@pytest.mark.parametrize("prefix, folder", [("lamp-1.1/", True), ("", False)])
def test_the_manifest_comes_first_and_the_parts_in_their_order(prefix, folder):
    """
    Below one folder, or bare.
    """
    bundle = bundle_bytes(**LAMP, parts=PARTS, folder=folder)

    assert [prefix + "manifest.json", prefix + "app.bin", prefix + "fs.img"] == [e.filename for e in entries(bundle)]


def test_a_header_tells_everything_before_the_data():
    """
    Nothing is compressed, nothing is described afterwards.
    """
    for written in entries(bundle_bytes(**LAMP, parts=PARTS)):
        assert (zipfile.ZIP_STORED, 0) == (written.compress_type, written.flag_bits)


def test_the_same_input_gives_the_same_bytes():
    """
    No clock and no system goes in: moments are fixed, and the build's own is the one that was given.
    """
    bundle = bundle_bytes(**LAMP, parts=PARTS)
    later = bundle_bytes(**LAMP, parts=PARTS, build_timestamp="2026-01-02T03:04:05Z")

    assert bundle == bundle_bytes(**LAMP, parts=list(PARTS))
    assert {((1980, 1, 1, 0, 0, 0), 3)} == {(written.date_time, written.create_system) for written in entries(later)}
    assert ["1980-01-01T00:00:00Z", "2026-01-02T03:04:05Z"] == [
        json.loads(read_bundle([one]).manifest.raw)["build_timestamp"] for one in (bundle, later)
    ]


def test_what_is_built_is_what_is_read():
    """
    Identity, roles, sizes, extras and data come back.
    """
    events, fault = story([bundle_bytes(**LAMP, parts=PARTS)])

    manifest = events[0].manifest
    assert fault is None
    assert ("lamp", "lab", "1.1", "b7") == (manifest.name, manifest.platform, manifest.version, manifest.build_id)
    assert [("app", 7, {"load_addr": 0x20000000}), ("nvs", None, {"fill": 255}), ("fs", 6, {})] == [
        (part.role, part.size, part.extra) for part in manifest.parts
    ]
    assert [APP, FS] == [event.data for event in events if isinstance(event, PartData)]
    assert [(part.sha1 is None, part.sha256 is None) for part in manifest.parts] == [
        (False,) * 2,
        (True,) * 2,
        (False,) * 2,
    ]


NAMES = st.text("abcdefghij.-_é ", min_size=1, max_size=20).filter(lambda name: name != "..")


@given(NAMES, NAMES, st.dictionaries(NAMES, st.tuples(NAMES, st.binary(max_size=300)), min_size=1, max_size=4))
def test_every_bundle_that_is_built_can_be_read(name, version, files):
    """
    Or it is not built: then two parts bring files of one name.
    """
    sources = [PartSource(part, None, src, data) for part, (src, data) in files.items()]
    try:
        bundle = bundle_bytes(name=name, platform="lab", version=version, build_id="b", parts=sources)
    except BadInput:
        assert len({src for src, _ in files.values()}) < len(files)
        return

    told, fault = story([bundle])

    assert fault is None
    assert [len(data) for _, data in files.values()] == [event.size for event in told if isinstance(event, PartEnds)]


def test_a_published_bundle_can_be_built_again():
    """
    The same parts make the same story, whatever the bytes around them.
    """
    told, _ = story([real(ESP32)])
    data = {event.part.name: event.data for event in told if isinstance(event, PartData)}
    manifest = told[0].manifest
    kinds = {name: fields["type"] for name, fields in json.loads(manifest.raw)["parts"].items()}
    sources = [
        PartSource(p.name, kinds[p.name], p.src, data.get(p.name, b""), p.extra) for p in manifest.parts if p.src
    ]

    again, fault = story(
        [
            bundle_bytes(
                name=manifest.name,
                platform=manifest.platform,
                version=manifest.version,
                build_id=manifest.build_id,
                parts=sources,
            )
        ]
    )

    assert fault is None
    assert isinstance(again[0], ManifestRead)
    assert {(e.part.name, e.part.role, e.size, e.sha256) for e in told if isinstance(e, PartEnds)} == {
        (e.part.name, e.part.role, e.size, e.sha256) for e in again if isinstance(e, PartEnds)
    }


@pytest.mark.parametrize(
    "complaint, fields, parts",
    [
        ("Required manifest field missing", {"version": ""}, PARTS),
        ("Required manifest field missing", {}, ()),
        ("Manifest missing: the archive begins with b-1.1/manifest.json", {"name": "a/b"}, PARTS),
        ("Bad file name: 'a\\nb-1.1/manifest.json'", {"name": "a\nb"}, PARTS),
        ("Failed to parse manifest", {"version": "\ud800"}, PARTS),
        ("Too long file name", {}, (PartSource("app", None, "n" * 50),)),
        ("Bad file name: 'lamp-1.1/../x'", {}, (PartSource("app", None, "../x"),)),
        ("more than one part names x", {}, (PartSource("app", None, "x"), PartSource("fs", None, "x"))),
        ("Manifest too large", {}, (PartSource("app", extra={"note": "n" * 70000}),)),
        ("2 parts are called app", {}, (PartSource("app", None, "x"), PartSource("app", None, "y"))),
        ("second manifest.json", {}, (PartSource("app", None, "manifest.json"),)),
        ("cannot be written as JSON", {}, (PartSource("app", extra={"note": {1, 2}}),)),
    ],
)
def test_a_bundle_that_a_device_would_refuse_is_not_built(complaint, fields, parts):
    """
    The complaint is one line and gives the device's message.
    """
    with pytest.raises(BadInput) as refused:
        bundle_bytes(**LAMP | fields, parts=parts)

    assert complaint in str(refused.value)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("key", ["type", "src", "size", "cs_sha1", "cs_sha256"])
def test_what_follows_from_a_part_cannot_be_said_differently(key):
    """
    A part cannot contradict itself.
    """
    with pytest.raises(BadInput, match=key):
        PartSource("app", "app", "app.bin", APP, {key: "other"})


def test_data_needs_a_file_name():
    """
    A part without `src` has none.
    """
    with pytest.raises(BadInput, match="7 bytes"):
        PartSource("app", "app", None, APP)


def test_a_bundle_is_written_to_a_path_or_into_a_file(tmp_path):
    """
    The same bytes either way.
    """
    stream, path = io.BytesIO(), tmp_path / "out.zip"

    build(stream, **LAMP, parts=PARTS)
    build(path, **LAMP, parts=PARTS)
    build(str(tmp_path / "again.zip"), **LAMP, parts=PARTS)

    assert bundle_bytes(**LAMP, parts=PARTS) == stream.getvalue() == path.read_bytes()
    assert path.read_bytes() == (tmp_path / "again.zip").read_bytes()
    assert ["again.zip", "out.zip"] == names(tmp_path)


def broken_disk(_number):
    raise OSError(28, "No space left on device")


def impatient_user(_number):
    raise KeyboardInterrupt


@pytest.mark.parametrize("accident, raised", [(broken_disk, BadInput), (impatient_user, KeyboardInterrupt)])
def test_nothing_half_written_stays(tmp_path, monkeypatch, accident, raised):
    """
    The old bundle is there as before, and nothing beside it.
    """
    path = tmp_path / "out.zip"
    path.write_bytes(b"the old one")
    monkeypatch.setattr(os, "fsync", accident)

    with pytest.raises(raised):
        build(path, **LAMP, parts=PARTS)

    assert b"the old one" == path.read_bytes()
    assert ["out.zip"] == names(tmp_path)


@pytest.mark.parametrize("out", ["", "nowhere/out.zip", "file/out.zip"])
def test_a_place_that_cannot_be_written_is_bad_input(tmp_path, out):
    """
    A folder, a folder that is not there, and a file in the place of one.
    """
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(BadInput):
        build(tmp_path / out, **LAMP, parts=PARTS)

    assert ["file"] == names(tmp_path)


def test_what_is_there_and_is_no_file_stays(tmp_path):
    """
    A pipe, or a device, is not replaced by a bundle.
    """
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(BadInput, match="pipe: is a pipe, and an ordinary file is needed"):
        build(tmp_path / "pipe", **LAMP, parts=PARTS)
    assert (tmp_path / "pipe").is_fifo()


# The command


def run(*arguments):
    """
    One call of `otalab bundle …`.
    """
    top = argparse.ArgumentParser()
    bundle_cli.add_parser(top.add_subparsers())
    chosen = top.parse_args(["bundle", *map(str, arguments)])
    return chosen.func(chosen)


@pytest.fixture
def files(tmp_path):
    """
    An application and a folder with two files.
    """
    (tmp_path / "lamp.bin").write_bytes(APP * 1000)
    folder = tmp_path / "fs"
    folder.mkdir()
    (folder / "conf0.json").write_bytes(b"{}")
    (folder / "page.html").write_bytes(b"<html>" * 99)
    return tmp_path


def built(files, *more):
    out = files / "out.zip"
    status = run("build", out, "--app", files / "lamp.bin", "--fs", files / "fs", "--version", "2.0", *more)
    assert 0 == status
    return out.read_bytes()


@pytest.mark.parametrize(
    "platform, board, code", [("lab", "lab-1M", "app"), ("esp8266", "esp8266-4M", "fw"), ("esp32", "esp32-4M", "app")]
)
def test_a_bundle_is_built_for_a_board(files, platform, board, code):
    """
    The parts are called what its platform calls them, and the files lie in its file system, which fills its region.
    """
    told, fault = story([built(files, "--board", board)])

    assert fault is None
    manifest, app, fs = told[0].manifest, told[2], told[5]
    assert ("lamp", platform, "2.0") == (manifest.name, manifest.platform, manifest.version)
    assert [(code, "app"), ("fs", "fs")] == [(part.name, part.role) for part in manifest.parts]
    kind = load_board(board).file_system
    assert geometry(kind, len(fs.data)) == manifest.parts[1].extra
    assert APP * 1000 == app.data
    assert load_board(board).slots[0].fs.size == len(fs.data)
    assert {"conf0.json": b"{}", "page.html": b"<html>" * 99} == read_files(fs.data, kind=kind)


NO_FILES = """name = "bare"
summary = "code alone"
platform = "lab"
part = "W25Q16JV"
flash_size = 0x100000
data = "none"
loader = { address = 0x0, size = 0x1000 }
records = [{ address = 0x1000, size = 0x1000 }, { address = 0x2000, size = 0x1000 }]
slots = [{ app = { address = 0x10000, size = 0x10000 } }, { app = { address = 0x20000, size = 0x10000 } }]
"""


def test_where_a_board_has_no_files_a_bundle_brings_code_alone(files, capsys):
    """
    Such a device takes it; files for it are refused, and so is a board with files without them.
    """
    board, out, app = files / "bare.toml", files / "out.zip", ["--app", files / "lamp.bin", "--version", "2.0"]
    board.write_text(NO_FILES)
    assert 0 == run("build", out, *app, "--board", board)
    assert [("app", "app")] == [(part.name, part.role) for part in read_bundle([out.read_bytes()]).manifest.parts]
    assert 0 == main(["trace", "hardened", "--board", str(board), "--bundle", str(out), "--summary"])
    assert "updated: version 2.0 runs from slot 1 and is committed" in capsys.readouterr().out
    with pytest.raises(BadInput, match="bare has no file system: leave --fs out"):
        run("build", out, *app, "--board", board, "--fs", files / "fs", "--force")
    with pytest.raises(BadInput, match="each update brings a file system: name the folder of its files with --fs"):
        run("build", out, *app, "--board", "lab-1M", "--force")


def test_slots_of_different_sizes_are_told_apart(files, capsys):
    """
    What fits the larger one is built, with a word on the other; what fits none is refused.
    """
    board, out = files / "unequal.toml", files / "out.zip"
    board.write_text(NO_FILES.replace("address = 0x20000, size = 0x10000", "address = 0x20000, size = 0x20000"))
    (files / "large.bin").write_bytes(b"c" * 0x18000)
    assert 0 == run("build", out, "--app", files / "large.bin", "--version", "2.0", "--board", board)
    assert "warning: slot 0 of bare takes 65536 bytes at most: a device whose next" in capsys.readouterr().err
    assert 0 == main(["trace", "hardened", "--board", str(board), "--bundle", str(out), "--summary"])
    (files / "large.bin").write_bytes(b"c" * 0x20001)
    with pytest.raises(BadInput, match=r"large\.bin: 131073 bytes, an application slot of bare takes 1 to 131072"):
        run("build", out, "--app", files / "large.bin", "--version", "2.0", "--board", board, "--force")


def test_the_build_id_follows_from_the_contents(files):
    """
    The same contents have the same one, others another, and a given one counts.
    """
    once, twice = (read_bundle([built(files)]).manifest.build_id for _ in range(2))
    given_one = read_bundle([built(files, "--build-id", "b7", "--name", "torch")]).manifest
    (files / "fs" / "page.html").write_bytes(b"other")
    other_page = read_bundle([built(files)]).manifest.build_id
    (files / "lamp.bin").write_bytes(b"other")
    other_code = read_bundle([built(files)]).manifest.build_id

    assert once == twice
    assert 3 == len({once, other_page, other_code})
    assert ("b7", "torch") == (given_one.build_id, given_one.name)


@pytest.mark.parametrize("size", [0, 0x40001])
def test_an_application_fits_its_slot(files, size):
    """
    Nothing and too much are refused, with both numbers.
    """
    (files / "lamp.bin").write_bytes(bytes(size))

    with pytest.raises(BadInput, match=f"{size} bytes.* 262144"):
        built(files)
    assert not (files / "out.zip").exists()


def test_the_file_system_is_flat(files):
    """
    A folder in the folder is refused by name.
    """
    (files / "fs" / "deeper").mkdir()

    with pytest.raises(BadInput, match="deeper: is not a file"):
        built(files)


@pytest.mark.parametrize("missing", ["lamp.bin", "fs"])
def test_what_is_not_there_is_bad_input(files, missing):
    """
    One line that names it.
    """
    (files / missing).rename(files / "elsewhere")

    with pytest.raises(BadInput, match=missing):
        built(files)


@pytest.mark.parametrize("action", ["inspect", "verify"])
@pytest.mark.parametrize("name, said", [("nowhere.zip", "no such file"), ("", "is a folder")])
def test_a_bundle_that_cannot_be_read_is_bad_input(tmp_path, action, name, said):
    """
    It is not a bad bundle, but no bundle.
    """
    with pytest.raises(BadInput, match=said):
        run(action, tmp_path / name)


def stored(tmp_path, bundle):
    path = tmp_path / "given.zip"
    path.write_bytes(bundle)
    return path


@pytest.mark.parametrize(
    "said, bundle, options",
    [
        ("ok, lamp 1.1 for cc3200, 2 files, 13 bytes", TOY_BUNDLE, []),
        ("ok, lamp 1.1 for cc3200, 2 files, 13 bytes", TOY_BUNDLE, ["--platform", "CC3200"]),
        ("Wrong platform", TOY_BUNDLE, ["--platform", "esp32"]),
        ("Wrong platform", archive(), ["--platform", "esp32"]),
        ("Missing fw part", archive(), []),
        ("Update aborted", b"", []),
        ("Update aborted", TOY_BUNDLE[:600], []),
        ("Malformed archive (invalid file header)", b"no bundle at all", []),
    ],
)
def test_verify_speaks_as_a_device_would(tmp_path, capsys, said, bundle, options):
    """
    `ok` and status 0, or the device's message and status 1; the same in JSON.
    """
    path, status = stored(tmp_path, bundle), 0 if said.startswith("ok") else 1

    assert status == run("verify", path, *options)
    assert f"{path}: {said}\n" == capsys.readouterr().out
    assert status == run("verify", path, "--json", *options)
    assert {"file": str(path), "ok": status == 0, "fault": said if status else None} == json.loads(
        capsys.readouterr().out
    )


def test_inspect_prints_manifest_and_parts(tmp_path, capsys):
    """
    One line per field, one row per part.
    """
    assert 0 == run("inspect", stored(tmp_path, bundle_bytes(**LAMP, parts=PARTS)))

    assert [
        "name      lamp",
        "platform  lab",
        "version   1.1",
        "build id  b7",
        "",
        "part  role  file     bytes  crc32     sha256",
        "----  ----  -------  -----  --------  ----------------",
        "app   app   app.bin      7  b666603c  f38679a9e2fc33e4",
        "nvs   nvs   -            -  -         -",
        "fs    fs    fs.img       6  ea9bfb7a  d7f63b08b7dbbee4",
        "",
    ] == capsys.readouterr().out.splitlines()[:-1]


@pytest.mark.parametrize("board", ["lab-1M", "esp8266-4M"])
def test_inspect_shows_the_files_of_the_file_system(files, capsys, board):
    """
    Name, size and digest of each, in text and in JSON.
    """
    built(files, "--board", board)
    capsys.readouterr()
    kind = load_board(board).file_system
    digests = {"conf0.json": "44136fa355b3678a", "page.html": sha256(b"<html>" * 99).hexdigest()[:16]}

    assert 0 == run("inspect", files / "out.zip")
    assert [
        "",
        f"fs: {kind}, files:",
        "name        bytes  sha256",
        "----------  -----  ----------------",
        f"conf0.json      2  {digests['conf0.json']}",
        f"page.html     594  {digests['page.html']}",
    ] == capsys.readouterr().out.splitlines()[-6:]
    assert 0 == run("inspect", files / "out.zip", "--json")
    app, fs = json.loads(capsys.readouterr().out)["parts"]
    assert "file_system" not in app
    assert kind == fs["file_system"]["kind"]
    assert list(digests.items()) == [(file["name"], file["sha256"][:16]) for file in fs["file_system"]["files"]]


@pytest.mark.parametrize("name", FILES)
def test_inspect_shows_the_files_of_a_real_bundle(capsys, name):
    """
    All of them, with the size and digest that the file system's own test knows.
    """
    real(name)
    assert 0 == run("inspect", FIXTURES / name, "--json")

    (held,) = (part["file_system"] for part in json.loads(capsys.readouterr().out)["parts"] if "file_system" in part)
    assert FILES[name] == {file["name"]: (file["size"], file["sha256"][:32]) for file in held["files"]}


def test_a_file_that_cannot_be_read_is_shown_with_the_reason(tmp_path, capsys):
    """
    The others are shown all the same, and the exit status says that not all is well.
    """
    image = bytearray(build_image({"a": b"x" * 600, "b": b"y"}, 65536, kind="spiffs"))
    image[2 * 256 + 4] &= 0x7F
    parts = [PARTS[0], PartSource("fs", "fs", "fs.img", bytes(image), geometry("spiffs", 65536))]
    path = stored(tmp_path, bundle_bytes(**LAMP, parts=parts))

    assert 1 == run("inspect", path)
    shown = capsys.readouterr().out.splitlines()[-2:]
    assert "a         -  SPIFFS could not read a: its index names a deleted page" == shown[0]
    assert shown[1].startswith("b         1  a1fce4363854ff88")
    assert 1 == run("inspect", path, "--json")
    said = json.loads(capsys.readouterr().out)["parts"][1]["file_system"]["files"]
    assert [True, False] == ["fault" in file for file in said]


def test_what_is_no_file_system_is_said_to_be_none(tmp_path, capsys):
    """
    With what was looked for: it is somebody's own, so the bundle is fine.
    """
    path = stored(tmp_path, bundle_bytes(**LAMP, parts=[PARTS[0], PartSource("fs", "fs", "fs.img", b"text " * 20000)]))

    assert 0 == run("inspect", path)
    assert capsys.readouterr().out.splitlines()[-1].startswith("fs: no file system that the lab knows: littlefs could")
    assert 0 == run("inspect", path, "--json")
    said = json.loads(capsys.readouterr().out)["parts"][1]["file_system"]
    assert (None, []) == (said["kind"], said["files"])


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"fs_block_size": 0}, "fs_block_size is 0, which is no size in bytes"),
        ({"fs_size": "64 KiB"}, "fs_size is '64 KiB', which is no size in bytes"),
        ({"fs_page_size": True}, "fs_page_size is True, which is no size in bytes"),
        ({"fs_block_size": 300}, "blocks of 300 bytes that are erased by 4096, in pages of 256, make no file system"),
        ({"fs_size": 1 << 40}, "fs_size is 1099511627776, and no file system of these devices has more than"),
    ],
)
def test_a_geometry_that_cannot_be_is_unreadable_with_the_reason(tmp_path, capsys, told, why):
    """
    One line, and the exit status says so.
    """
    image = build_image({"a": b"x"}, 65536, kind="spiffs")
    parts = [PARTS[0], PartSource("fs", "fs", "fs.img", image, geometry("spiffs", 65536) | told)]

    assert 1 == run("inspect", stored(tmp_path, bundle_bytes(**LAMP, parts=parts)))
    assert f"fs: unreadable: {why}" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(map(str, shape.values())))
def test_files_are_read_in_whatever_shape_they_come(tmp_path, capsys, shape):
    """
    Whatever the manifest says of blocks and pages, and where the image is no whole number of blocks.
    """
    image = shaped(SHAPED, 93 * 4096 + 2112, **shape)
    parts = [PARTS[0], PartSource("fs", "fs", "fs.img", image, {"fs_size": len(image)})]

    assert 0 == run("inspect", stored(tmp_path, bundle_bytes(**LAMP, parts=parts)), "--json")
    held = json.loads(capsys.readouterr().out)["parts"][1]["file_system"]
    wanted = {name: (len(data), sha256(data).hexdigest()) for name, data in SHAPED.items()}
    assert ("spiffs", wanted) == (held["kind"], {one["name"]: (one["size"], one["sha256"]) for one in held["files"]})


def test_inspect_shows_what_could_be_read(tmp_path, capsys):
    """
    A bundle that is cut short still has a manifest; the fault stands below, and the status is 1.
    """
    path = stored(tmp_path, TOY_BUNDLE[:-60])

    assert 1 == run("inspect", path)
    lines = capsys.readouterr().out.splitlines()
    assert "name      lamp" == lines[0]
    assert f"{path}: Update aborted" == lines[-1]
    assert 1 == run("inspect", path, "--json")
    said = json.loads(capsys.readouterr().out)
    assert ("lamp", "Update aborted") == (said["name"], said["fault"])
    assert [7, None] == [part["read"] and part["read"]["size"] for part in said["parts"]]


def test_inspect_says_everything_in_json(tmp_path, capsys):
    """
    What the manifest says of a part, and what was read of it.
    """
    assert 0 == run("inspect", stored(tmp_path, TOY_BUNDLE), "--json")

    said = json.loads(capsys.readouterr().out)
    app = said["parts"][0]
    assert ("lamp", "cc3200", "1.1", None) == (said["name"], said["platform"], said["version"], said["fault"])
    assert ("lamp.bin.0", "app", 7, 8192) == (app["name"], app["role"], app["size"], app["extra"]["falloc"])
    assert {"size": 7, "crc32": "b666603c", "sha256": app["sha256"]} == app["read"]


def test_inspect_of_no_bundle_is_still_one_object(tmp_path, capsys):
    """
    Nothing is known but the fault.
    """
    assert 1 == run("inspect", stored(tmp_path, entry("x")), "--json")

    said = json.loads(capsys.readouterr().out)
    assert (None, [], "Manifest missing: the archive begins with x") == (said["name"], said["parts"], said["fault"])


def test_a_bundle_cannot_command_the_terminal(tmp_path, capsys):
    """
    What it says is printed so that it can be seen, not obeyed.
    """
    nasty = bundle_bytes(**LAMP | {"build_id": "\x1b[2J"}, parts=[PartSource("\x1b[H", "app", "x")])

    run("inspect", stored(tmp_path, nasty))

    assert "\x1b" not in capsys.readouterr().out


def test_build_says_what_it_made(files, capsys):
    """
    One line, or one JSON object.
    """
    built(files, "--build-id", "b7")
    assert f"{files / 'out.zip'}: lamp 2.0 (b7) for lab\n" == capsys.readouterr().out

    built(files, "--build-id", "b7", "--json")
    assert {
        "out": str(files / "out.zip"),
        "name": "lamp",
        "platform": "lab",
        "version": "2.0",
        "build_id": "b7",
        "app_size": 7000,
        "fs_size": 65536,
    } == json.loads(capsys.readouterr().out)
    assert Path(files / "out.zip").is_file()
