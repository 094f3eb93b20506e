"""Keys in files, by number: `I=FILE` is key I, from 0 to 7.

The package cryptography is loaded only where there is a key: everything else needs it neither installed nor loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import TypeVar

from otalab.errors import BadInput
from otalab.files import read_bytes
from otalab.formats.bundle.reader import ManifestRead
from otalab.formats.bundle.signatures import KEYS, UNCHECKED

T = TypeVar("T")
LARGEST_KEY_FILE = 0x10000


def required_mask(mask: int) -> int:
    """Return the mask of signatures that a device requires: bit i for key i, -1 for none."""
    if not UNCHECKED <= mask < 1 << KEYS:
        raise BadInput(f"--sig-req-mask {mask}: a number from -1 to {(1 << KEYS) - 1} is needed")
    return mask


def verifier(options: Sequence[str]) -> tuple[int, Callable[[ManifestRead], int]]:
    """Return the mask of all keys in `I=FILE` options, and what tells which signatures verify under them."""
    if not options:
        return 0, lambda _read: 0
    keys = cryptography()
    ring = numbered(options, keys.public_key)
    return sum(1 << number for number in ring), partial(keys.verified, keys=ring)


def cryptography() -> ModuleType:
    """Return what makes and checks signatures."""
    try:
        from otalab.wire import keys  # noqa: PLC0415  # see above
    except ImportError as error:
        raise BadInput("keys need the package cryptography: pip install 'otalab[net]'") from error
    return keys


def numbered(options: Sequence[str], read: Callable[[bytes], T]) -> dict[int, T]:
    """Return the keys of `I=FILE` options by their number."""
    keys: dict[int, T] = {}
    for option in options:
        number, _, name = option.partition("=")
        if not (len(number) == 1 and "0" <= number < str(KEYS) and name):
            raise BadInput(f"--key {option}: I=FILE is needed, with I from 0 to {KEYS - 1}")
        if int(number) in keys:
            raise BadInput(f"--key {option}: key {number} was given before")
        try:
            keys[int(number)] = read(read_bytes(name, LARGEST_KEY_FILE))
        except BadInput as error:
            raise BadInput(f"--key {option}: {error}") from None
    return keys
