"""Where the updaters of the real platforms differ: which digests they ask for, and what they say.

From `mongoose-os-libs/ota-common` 3567b13, `mgos_upd_begin` and `mgos_upd_file_end` of each back-end.
A board of another platform gets the CC3200's words, and asks for none.
"""

from __future__ import annotations

from otalab.errors import BundleFault, DigestFault, OtalabError
from otalab.formats.bundle.manifest import Manifest, Part

INCOMPLETE = "Incomplete update package"
# The parts that are refused without a `cs_sha1` before anything is written.
ASKED = {"esp8266": ("app", "fs"), "esp32": ("app", "fs"), "stm32": ("app",)}
# Where nothing is asked of the manifest, but a missing digest is found to be none of the file's.
UNCOMPARED = {"cc3200": "Checksum mismatch"}
MISMATCH = {"esp8266": "Invalid checksum", "esp32": "Digest mismatch"}
# Where it is first looked whether there are both parts.
MISSING = {"esp8266": "Invalid manifest"}


def require_parts(platform: str, manifest: Manifest, needed: tuple[str, ...] = ("app", "fs")) -> None:
    """Refuse a manifest that lacks a part, a file for it, or a digest that its platform asks for.

    `needed`: the parts that the board has a place for.
    """
    roles = [part.role for part in manifest.parts]
    if (missing := MISSING.get(platform)) and not set(needed) <= set(roles):
        raise BundleFault(missing)
    files = [part for part in manifest.parts if part.src]
    if any([part.role for part in files].count(role) != 1 for role in needed):
        raise BundleFault(INCOMPLETE)
    if any(part.sha1 is None for part in files if part.role in ASKED.get(platform, ())):
        raise BundleFault(INCOMPLETE)


def require_digest(platform: str, part: Part) -> None:
    """Refuse a file that was written and cannot be compared."""
    if part.sha1 is None and (none_of_it := UNCOMPARED.get(platform)):
        raise DigestFault(none_of_it)


def mismatch(platform: str) -> str:
    """Return what a platform says of a file that is not what its manifest says."""
    return MISMATCH.get(platform, "Checksum mismatch")


def said(platform: str, fault: OtalabError) -> str:
    """Return a fault in the words of a platform."""
    return mismatch(platform) if isinstance(fault, DigestFault) else str(fault)
