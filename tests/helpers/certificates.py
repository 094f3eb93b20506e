"""Certificates for tests: an authority, and whom it vouches for."""

import datetime as dt
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY = dt.timedelta(days=1)


class Authority:
    """
    Vouches for others by files in a folder: `NAME.pem`, and `NAME.key`; its own is in `ca.pem`.
    """

    def __init__(self, folder):
        folder.mkdir()
        self.folder, self.key, self.name = folder, ec.generate_private_key(ec.SECP256R1()), named("ca")
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        self._write("ca", builder(self.name, self.name, self.key).add_extension(constraints, critical=True), self.key)

    def vouch(self, name):
        """
        Make a certificate for a name at this machine.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        places = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")])
        self._write(name, builder(named(name), self.name, key).add_extension(places, critical=False), key)

    def __getitem__(self, file):
        return str(self.folder / file)

    def _write(self, name, made, key):
        (self.folder / f"{name}.pem").write_bytes(made.sign(self.key, SHA256()).public_bytes(Encoding.PEM))
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self.folder / f"{name}.key").write_bytes(pem)
        (self.folder / f"{name}.key").chmod(0o600)


def named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def builder(subject, issuer, key):
    now = dt.datetime.now(dt.UTC)
    begun = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    return begun.serial_number(x509.random_serial_number()).not_valid_before(now - DAY).not_valid_after(now + DAY)
