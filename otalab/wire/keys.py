"""The keys of a device: ECDSA on the curve P-256, over the SHA-256 of the manifest.

Public keys are `update.key0` to `update.key7` of a real device: base64 of a DER SubjectPublicKeyInfo, which is a PEM
file without its first and last line.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from otalab.errors import BadInput
from otalab.formats.bundle.reader import ManifestRead
from otalab.formats.bundle.signatures import signatures

PublicKey = ec.EllipticCurvePublicKey
PrivateKey = ec.EllipticCurvePrivateKey

_ECDSA = ec.ECDSA(SHA256())
# The same key and manifest give the same signature (RFC 6979), so that signing a bundle twice makes the same file.
_REPEATABLE = ec.ECDSA(SHA256(), deterministic_signing=True)


def verified(read: ManifestRead, keys: Mapping[int, PublicKey]) -> int:
    """Return the mask of a bundle: bit i is set if its signature i verifies under key i."""
    given = signatures(read.extra)
    return sum(1 << i for i, key in keys.items() if i in given and verifies(key, given[i], read.manifest.raw))


def verifies(key: PublicKey, signature: bytes, data: bytes) -> bool:
    """Say whether a DER signature is this key's over these bytes."""
    try:
        key.verify(signature, data, _ECDSA)
    except InvalidSignature:
        return False
    return True


def sign(key: PrivateKey, data: bytes) -> bytes:
    """Return the DER signature of these bytes."""
    return key.sign(data, _REPEATABLE)


def new_pair() -> tuple[bytes, bytes]:
    """Return a new private key and its public one, both as PEM without a password."""
    key = ec.generate_private_key(ec.SECP256R1())
    plain, info = serialization.NoEncryption(), serialization.PublicFormat.SubjectPublicKeyInfo
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return private, key.public_key().public_bytes(serialization.Encoding.PEM, info)


def public_key(data: bytes) -> PublicKey:
    """Return the public key in a PEM file, or in base64 as a device is configured with it."""
    if b"PRIVATE KEY-----" in data:
        raise BadInput("is a private key; a device has the public one: openssl ec -in KEY.pem -pubout")
    try:
        if b"-----BEGIN" in data:
            key = serialization.load_pem_public_key(data)
        else:
            key = serialization.load_der_public_key(base64.b64decode(b"".join(data.split()), validate=True))
    except (binascii.Error, ValueError, TypeError, UnsupportedAlgorithm):
        raise BadInput("is no public key, neither PEM nor base64 of DER") from None
    if not isinstance(key, PublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadInput("is a public key, but not of ECDSA on the curve P-256")
    return key


def private_key(data: bytes) -> PrivateKey:
    """Return the private key in a PEM file."""
    if b"ENCRYPTED" in data:
        raise BadInput("is encrypted, and no password is asked for: decrypt it with openssl ec -in KEY.pem")
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadInput("is no private key in PEM") from None
    if not isinstance(key, PrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadInput("is a private key, but not of ECDSA on the curve P-256")
    return key
