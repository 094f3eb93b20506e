"""Digest authentication: who may talk to a device, over HTTP and in RPC frames.

HTTP is RFC 7616 with `qop=auth`.
Frames are as `mongoose-os-libs/rpc-common` at 9f25f59 has them (`src/mg_rpc.c`, `src/mgos_rpc.c`): an error 401 whose
message is a JSON object with the challenge, and an object `auth` in the frame that answers it, computed for the method
`dummy_method`, the URI `dummy_uri` and the count 1; its client is `mongoose-os/mos` at 152e647
(`common/mgrpc/mgrpc.go`).
So are the realm `RPC`, one algorithm for a device, MD5 unless it is configured, and passwords in an htdigest file.
What the real device leaves open is closed here: a nonce is good for one answer, and is its own.

What an answer in a frame covers is the password and the nonce, not the method and not its arguments.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from otalab.wire.auth.nonces import Nonces

Algorithm = Literal["MD5", "SHA-256"]
ALGORITHMS: tuple[Algorithm, ...] = ("MD5", "SHA-256")
REALM = "RPC"  # `rpc.auth_domain`
FRAME_METHOD, FRAME_URI = "dummy_method", "dummy_uri"
PAIR = re.compile(r'([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
NEEDED = ("username", "realm", "nonce", "uri", "response", "qop", "nc", "cnonce")


class BadAuth(Exception):
    """An `auth` in a frame that is no answer at all, right or wrong."""


def digest(algorithm: Algorithm, text: str) -> str:
    """Return the digest of a text in hexadecimal digits."""
    data = text.encode(errors="surrogateescape")
    # Not a choice of ours: the real device and its client speak MD5.
    made = hashlib.sha256(data) if algorithm == "SHA-256" else hashlib.md5(data, usedforsecurity=False)
    return made.hexdigest()


def answer(algorithm: Algorithm, secret: str, challenge: tuple[str, str, str], method: str, uri: str) -> str:
    """Return the response to nonce, count and client's nonce; `secret` is the digest of `user:realm:password`."""
    return digest(algorithm, f"{secret}:{':'.join(challenge)}:auth:{digest(algorithm, f'{method}:{uri}')}")


@dataclass(frozen=True, slots=True)
class Users:
    """Who is known in a realm: for each name the digest of `name:realm:password`."""

    secrets: Mapping[str, str]
    realm: str = REALM
    algorithm: Algorithm = "MD5"

    @classmethod
    def one(cls, name: str, password: str, realm: str = REALM, algorithm: Algorithm = "MD5") -> Users:
        """Return a single one."""
        return cls({name: digest(algorithm, f"{name}:{realm}:{password}")}, realm, algorithm)


@dataclass(slots=True)
class Lock:
    """The lock on one device: challenges, and the answers that open it."""

    users: Users
    nonces: Nonces = field(default_factory=Nonces)

    def challenge(self, *, stale: bool = False) -> str:
        """Return the value of `WWW-Authenticate`; `stale` says that only the nonce was too old."""
        more = ", stale=true" if stale else ""
        parts = f'realm="{self.users.realm}", nonce="{self.nonces.text()}", algorithm={self.users.algorithm}'
        return f'Digest qop="auth", {parts}{more}'

    def frame_challenge(self) -> dict[str, Any]:
        """Return what the message of an error 401 holds."""
        return {
            "auth_type": "digest",
            "nonce": self.nonces.number(),
            "nc": 1,
            "realm": self.users.realm,
            "algorithm": self.users.algorithm,
        }

    def knows(self, header: str | None, method: str, uri: str) -> bool | None:
        """Say whether the header `Authorization` of a request opens the lock; `None` if its nonce is used up."""
        given = pairs(header or "")
        if any(name not in given for name in NEEDED) or not re.fullmatch(r"[0-9a-fA-F]{8}", given["nc"]):
            return False
        # The one in the header is what was signed; it must also be the one that is asked for.
        if given["uri"] != uri or given["qop"] != "auth" or given.get("algorithm", "MD5") != self.users.algorithm:
            return False
        if not self._right(given, given["nc"], method, uri):
            return False
        return True if self.nonces.spend(given["nonce"], int(given["nc"], 16)) else None

    def knows_frame(self, auth: Any) -> bool:
        """Say whether the `auth` of a frame opens the lock; raise `BadAuth` for what is none."""
        names = ("realm", "username", "nonce", "cnonce", "response")
        given = {name: _text(auth.get(name)) for name in names} if isinstance(auth, dict) else {}
        if not all(given.values()) or not given or given["realm"] != self.users.realm:
            raise BadAuth
        if auth.get("algorithm", "MD5") != self.users.algorithm or not given["nonce"].isascii():
            raise BadAuth
        if not given["nonce"].isdigit() or len(given["nonce"]) > 20:
            return False
        right = self._right(given, "1", FRAME_METHOD, FRAME_URI)
        return right and self.nonces.spend(int(given["nonce"]))

    def _right(self, given: Mapping[str, str], count: str, method: str, uri: str) -> bool:
        users = self.users
        # For a name that nobody has, the same work with a secret that nobody has.
        secret = users.secrets.get(given["username"]) or secrets.token_hex(16)
        right = answer(users.algorithm, secret, (given["nonce"], count, given["cnonce"]), method, uri)
        same = hmac.compare_digest(right.encode(), given["response"].lower().encode(errors="surrogateescape"))
        return same and given["realm"] == users.realm


def pairs(header: str) -> dict[str, str]:
    """Return the parameters of a digest header or challenge; none if it is another scheme or one comes twice."""
    scheme, _, rest = header.strip().partition(" ")
    parameters = PAIR.findall(rest)
    given = {name.lower(): re.sub(r"\\(.)", r"\1", quoted) or plain for name, quoted, plain in parameters}
    return given if scheme.lower() == "digest" and len(given) == len(parameters) else {}


def authorization(challenge: str, user: str, password: str, method: str, uri: str) -> str:
    """Return the header `Authorization` that a client answers a challenge with."""
    demands = pairs(challenge)
    algorithm: Algorithm = "SHA-256" if demands.get("algorithm") == "SHA-256" else "MD5"
    secret, cnonce = digest(algorithm, f"{user}:{demands['realm']}:{password}"), secrets.token_hex(8)
    said = answer(algorithm, secret, (demands["nonce"], "00000001", cnonce), method, uri)
    return (
        f'Digest username="{user}", realm="{demands["realm"]}", nonce="{demands["nonce"]}", uri="{uri}", '
        f'algorithm={algorithm}, qop=auth, nc=00000001, cnonce="{cnonce}", response="{said}"'
    )


def frame_authorization(challenge: Mapping[str, Any], user: str, password: str) -> dict[str, Any]:
    """Return the `auth` that a frame answers the challenge of an error 401 with."""
    algorithm: Algorithm = "SHA-256" if challenge.get("algorithm") == "SHA-256" else "MD5"
    realm, nonce, cnonce = challenge["realm"], challenge["nonce"], secrets.randbelow(2**32)
    secret = digest(algorithm, f"{user}:{realm}:{password}")
    said = answer(algorithm, secret, (str(nonce), "1", str(cnonce)), FRAME_METHOD, FRAME_URI)
    login = {"realm": realm, "username": user, "nonce": nonce, "cnonce": cnonce, "response": said}
    return login if algorithm == "MD5" else login | {"algorithm": algorithm}


def _text(value: Any) -> str:
    """Return a string, or a whole number as one; the real client sends its nonces as numbers."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**64 else ""
