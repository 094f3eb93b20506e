"""`otalab files`: bare images are listed, taken apart and made, and names in them lead nowhere else."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from spiffs_images import FILES as REAL
from spiffs_images import image as real_image
from spiffs_shapes import FILES, SHAPES, made

from otalab.cli.main import main
from otalab.formats.filesystems.kinds import build_image

WANTED = {name: (len(data), sha256(data).hexdigest()) for name, data in FILES.items()}


def listing(capsys, *arguments):
    assert 0 == main(["files", *map(str, arguments), "--json"])
    told = json.loads(capsys.readouterr().out)
    return told["kind"], {one["name"]: (one["size"], one["sha256"]) for one in told["files"]}


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(map(str, shape.values())))
def test_spiffs_of_every_shape_is_listed_and_extracted(tmp_path, capsys, shape):
    """Every file, size and SHA-256, with the action or without."""
    place = tmp_path / "spiffs.bin"
    place.write_bytes(made(FILES, 0x20000 + 2112, **shape))

    assert ("spiffs", WANTED) == listing(capsys, place) == listing(capsys, "list", place)
    assert 0 == main(["files", "extract", str(place), "--folder", str(tmp_path / "out")])
    assert FILES == {one.name: one.read_bytes() for one in (tmp_path / "out").iterdir()}


@pytest.mark.parametrize(
    ("kind", "block"), [("littlefs", 4096), ("littlefs", 8192), ("littlefs", 65536), ("spiffs", 4096), ("spiffs", 8192)]
)
def test_what_is_made_is_what_is_listed(tmp_path, capsys, kind, block):
    """Of both kinds, and of other blocks than usual, which a littlefs says itself."""
    (tmp_path / "mine").mkdir()
    for name, data in FILES.items():
        (tmp_path / "mine" / name).write_bytes(data)
    place = tmp_path / "made.bin"
    making = ["files", "make", place, "--folder", tmp_path / "mine", "--size", "0x80000", "--kind", kind]

    assert 0 == main([*map(str, making), "--block-size", str(block)])
    capsys.readouterr()
    more = ["--block-size", block] if kind == "spiffs" else []
    assert (kind, WANTED) == listing(capsys, place, *more)


@pytest.mark.parametrize("name", REAL)
def test_real_images_are_listed(tmp_path, capsys, name):
    """As the bundle's own listing has them."""
    place = tmp_path / "real.bin"
    place.write_bytes(real_image(name))
    kind, files = listing(capsys, place)
    assert ("spiffs", REAL[name]) == (kind, {one: (size, digest[:32]) for one, (size, digest) in files.items()})


@pytest.mark.parametrize("name", ["../out", "a/../../out", "/../out", "x\ny", "a\\b", "..", "a//b"])
def test_a_name_leads_nowhere_but_into_the_folder(tmp_path, capsys, name):
    """Refused in one line, and nothing is written."""
    place, folder = tmp_path / "evil.bin", tmp_path / "deep" / "mine"
    place.write_bytes(made({name: b"evil", "fine": b"fine"}, 0x20000))

    assert 2 == main(["files", "extract", str(place), "--folder", str(folder)])
    assert "which is no place inside a folder" in capsys.readouterr().err
    assert [place] == [one for one in tmp_path.rglob("*") if one.is_file()]


def test_a_leading_slash_is_the_file_systems_root(tmp_path):
    """As ESP-IDF writes names."""
    place = tmp_path / "slash.bin"
    place.write_bytes(made({"/www/index.html": b"hi"}, 0x20000))
    assert 0 == main(["files", "extract", str(place), "--folder", str(tmp_path / "out")])
    assert b"hi" == (tmp_path / "out" / "www" / "index.html").read_bytes()


def test_what_cannot_be_done_is_one_line(tmp_path, capsys):
    """No image, no size, no folder, files that do not fit, what is there already."""
    text, image, mine = tmp_path / "text.bin", tmp_path / "image.bin", tmp_path / "mine"
    text.write_bytes(b"text " * 20000)
    image.write_bytes(build_image({"a": b"a"}, 65536))
    mine.mkdir()
    (mine / "a").write_bytes(b"b" * 70000)
    for arguments, complaint in (
        ([text], "no file system that the lab knows"),
        ([tmp_path / "none"], "no such file"),
        (["extract", image], "name the folder of its files with --folder"),
        (["extract", image, "--folder", mine], "is there: take another folder"),
        (["make", tmp_path / "new", "--folder", mine], "say how large it is to be"),
        (["make", tmp_path / "new", "--folder", mine, "--size", "0x10000"], "the files do not fit"),
        (["make", image, "--folder", mine, "--size", "0x20000"], "was not made by otalab"),
        (["list", image, image], "one image, are needed"),
    ):
        assert 2 == main(["files", *map(str, arguments)])
        said = capsys.readouterr().err
        assert complaint in said
        assert 1 == len(said.splitlines())
