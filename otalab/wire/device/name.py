"""What a virtual device is called on the wire: its MAC address, its id, and the headers that its HTTP client sends.

A real one has its address burnt in; here the flash file's place stands for that, so that two files are two devices.
"""

from __future__ import annotations

from hashlib import sha256

from otalab.firmware.requests import Status
from otalab.wire.device.virtual import VirtualDevice


def mac(device: VirtualDevice) -> str:
    """Return the MAC address, twelve hexadecimal digits; the second bit of the first byte says "made up"."""
    digest = sha256(str(device.file.path.absolute()).encode()).hexdigest().upper()
    return f"02{digest[:10]}"


def device_id(device: VirtualDevice) -> str:
    """Return the id that the device was given, or the real default: the platform and the end of the MAC address."""
    return device.name or f"{device.device.board.platform}_{mac(device)[-6:]}"


def headers(device: VirtualDevice, status: Status | None) -> dict[str, str]:
    """Return what the real client tells an update server of itself."""
    platform, version, build = device.device.board.platform, "-", "-"
    if status is not None:
        version, build = (field(text) for text in (status.version, status.build_id))
    return {
        "X-MGOS-Device-ID": f"{device_id(device)} {mac(device)}",
        "X-MGOS-FW-Version": f"{platform} {version} {build}",
        "User-Agent": f"otalab/{version} (MongooseOS/{version}; {platform})",
    }


def field(text: str) -> str:
    """Return text as one word of a header; a version comes from a bundle and may be anything."""
    word = "".join(letter if 0x21 <= ord(letter) < 0x7F else "?" for letter in text)
    return word or "-"
