"""The certificates of servers of this machine, and an authority that signs those that clients verify."""

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True)
class Certificate:
    """A certificate and its private key, each as PEM."""

    certificate: bytes
    key: bytes


def new_certificate(address: str, authority: Certificate | None = None) -> Certificate:
    """Return a certificate for an IP address, signed by `authority`, or by itself for an authority of its own."""
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    return _signed(address, authority, alternative)


def new_authority(name: str) -> Certificate:
    """Return what signs certificates, and is there for nothing else."""
    return _signed(name, None, None)


def write_trusted(authority: Certificate, file: Path) -> None:
    """Write the authorities that this machine trusts, as `SSL_CERT_FILE` names them, and this one."""
    trusted = ssl.get_default_verify_paths().cafile
    file.write_bytes((Path(trusted).read_bytes() + b"\n" if trusted else b"") + authority.certificate)


def _signed(name: str, authority: Certificate | None, alternative: x509.SubjectAlternativeName | None) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    issuer, signer = subject, key
    if authority is not None:
        issuer = x509.load_pem_x509_certificate(authority.certificate).subject
        loaded = serialization.load_pem_private_key(authority.key, None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)  # noqa: S101 - it was made here
        signer = loaded
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(
            x509.BasicConstraints(ca=authority is None, path_length=0 if authority is None else None), critical=True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if alternative is not None:
        builder = builder.add_extension(alternative, critical=False)
    certificate = builder.sign(signer, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Certificate(certificate.public_bytes(serialization.Encoding.PEM), private)
