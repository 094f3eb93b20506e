"""Sizes that a manifest names are somebody's words: none of them ends the process."""

from hypothesis import example, given
from hypothesis import strategies as st

from otalab.formats.filesystems.kinds import build_image, recognised

IMAGE = build_image({"a.txt": b"hello"}, 16 * 4096)
SIZES = st.sampled_from([-4096, 0, 1, 8, 64, 100, 128, 255, 256, 257, 300, 512, 768, 4096, 8192, 65536, 66000, 1 << 23])
KEYS = ("fs_size", "fs_block_size", "fs_erase_size", "fs_page_size")
GEOMETRY = st.fixed_dictionaries(
    {},
    optional={key: SIZES | st.integers(-10, 1 << 24) for key in KEYS},
)


@given(GEOMETRY, st.sampled_from([IMAGE, IMAGE[:4096], IMAGE[:5000], bytes(65536), b"\xff" * 65536, b""]))
@example({"fs_size": 66000, "fs_block_size": 300}, IMAGE)
@example({"fs_size": 66000, "fs_block_size": 64}, IMAGE)
@example({"fs_block_size": 65536}, IMAGE)
def test_no_geometry_ends_the_process(geometry, contents):
    """An assertion in littlefs would: what it asserts is asked before."""
    found = recognised(contents, geometry)
    assert found is None or found[0] in {"littlefs", "spiffs"}


def test_the_right_geometry_finds_the_file():
    """The check refuses nothing that littlefs takes."""
    kind, mounted = recognised(IMAGE, {"fs_size": len(IMAGE), "fs_block_size": 4096})
    assert ("littlefs", ["a.txt"], b"hello") == (kind, mounted.names(), mounted.read("a.txt"))
