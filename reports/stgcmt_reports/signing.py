"""Signatures of a bundle: an in-toto statement whose subject is ``manifest.json``, in a DSSE envelope, Ed25519.

``manifest.intoto.jsonl`` holds one envelope a line, so that a vendor and a test laboratory may both sign. The
statement's predicate is in-toto's test result: what passed, warned and failed, with "tested / total" beside it, and
the public key of whoever signed. A signature can so be checked for damage without knowing its signer; *who* signed is
known only to a reader who brings the public key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stgcmt.files import write_whole
from stgcmt_reports import manifest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"
PAYLOAD = "application/vnd.in-toto+json"


class KeyFileError(Exception):
    """A key file is no Ed25519 key in PEM; the message says what was seen."""


@dataclass(frozen=True)
class Signature:
    """One line of ``manifest.intoto.jsonl``, checked: whose key, and what is wrong with it (empty: nothing)."""

    key_id: str
    problem: str = ""


def private_key(path: Path, password: bytes | None = None) -> Ed25519PrivateKey:
    """An Ed25519 private key from a PEM file (PKCS #8 or OpenSSH). Raises ``OSError``, ``KeyFileError``."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - optional
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - optional
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - optional

    raw = path.read_bytes()
    load = serialization.load_ssh_private_key if b"OPENSSH" in raw else serialization.load_pem_private_key
    try:
        key = load(raw, password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError(str(error).splitlines()[0]) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"a key of another kind: {type(key).__name__.strip('_')}")
    return key


def public_key(path: Path) -> Ed25519PublicKey:
    """An Ed25519 public key from a PEM or OpenSSH file. Raises ``OSError``, ``KeyFileError``."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - optional
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - optional
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - optional

    raw = path.read_bytes()
    load = serialization.load_ssh_public_key if raw.startswith(b"ssh-") else serialization.load_pem_public_key
    try:
        key = load(raw)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFileError(str(error).splitlines()[0]) from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFileError(f"a key of another kind: {type(key).__name__.strip('_')}")
    return key


def sign(directory: Path, key: Ed25519PrivateKey, results: Mapping[str, Any]) -> str:
    """Add a signature over the bundle's manifest; returns the key id. Raises ``OSError``.

    The caller has verified the bundle: what is signed is the list of its files.
    """
    public = _raw(key.public_key())
    payload = _canonical(statement(directory, results, public))
    envelope = {
        "payloadType": PAYLOAD,
        "payload": base64.b64encode(payload).decode("ascii"),
        "signatures": [{"keyid": _key_id(public), "sig": base64.b64encode(key.sign(_pae(payload))).decode("ascii")}],
    }
    path = directory / manifest.SIGNATURES
    before = path.read_bytes() if path.exists() else b""
    write_whole(path, before + _canonical(envelope) + b"\n")
    return _key_id(public)


def statement(directory: Path, results: Mapping[str, Any], public: bytes) -> dict[str, Any]:
    """The in-toto statement: subject the manifest, predicate the verdicts in short."""
    rows = results["requirements"]

    def named(*verdicts: str) -> list[str]:
        return [f"{row['role']}/{row['id']}" for row in rows if row["verdict"] in verdicts]

    failed, warned = named("fail", "error"), named("warn")
    counts = results["summary"]
    return {
        "_type": STATEMENT,
        "subject": [{"name": manifest.FILE, "digest": {"sha256": _digest(directory)}}],
        "predicateType": PREDICATE,
        "predicate": {
            "result": "FAILED" if results["exit_code"] else "WARNED" if warned else "PASSED",
            "configuration": [
                {"name": f"{results['tool']['name']} {results['tool']['version']}"},
                *(
                    {"name": f"suite {role} {each['version']}", "annotations": {"hash": each["hash"]}}
                    for role, each in results["suites"].items()
                ),
            ],
            "passedTests": named("pass", "note"),
            "warnedTests": warned,
            "failedTests": failed,
            "tested": counts["tested"],
            "total": counts["total"],
            "edition": results["edition"],
            "profile": results["profile"],
            "sut": results["sut"],
            "publicKey": base64.b64encode(public).decode("ascii"),
        },
    }


def signatures(directory: Path, expected: Ed25519PublicKey | None = None) -> list[Signature]:
    """Every signature of a bundle, checked against the manifest as it stands; empty where nobody signed.

    With ``expected`` only that key's signatures are checked against a key that the reader trusts; the others are held
    against the key that they bring.
    """
    path = directory / manifest.SIGNATURES
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    found = [_checked(directory, line, expected) for line in lines[:-1]]
    return [*found, Signature("", "the last line is cut")] if lines[-1] else found


def key_id(key: Ed25519PublicKey) -> str:
    """How a signature names its key: sha256 of its 32 bytes, in hexadecimal."""
    return _key_id(_raw(key))


def _checked(directory: Path, line: bytes, expected: Ed25519PublicKey | None) -> Signature:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - optional
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - optional

    key_name = ""
    try:
        envelope = json.loads(line)
        (entry,) = envelope["signatures"]
        key_name = str(entry["keyid"])
        payload = base64.b64decode(envelope["payload"], validate=True)
        said = json.loads(payload)
        public = base64.b64decode(said["predicate"]["publicKey"], validate=True)
        (subject,) = said["subject"]
        digest = subject["digest"]["sha256"]
        signature = base64.b64decode(entry["sig"], validate=True)
        key = Ed25519PublicKey.from_public_bytes(public)
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        return Signature(key_name, f"it cannot be read ({type(error).__name__}: {error})")
    rebuilt = {
        "payloadType": PAYLOAD,
        "payload": base64.b64encode(payload).decode("ascii"),
        "signatures": [{"keyid": _key_id(public), "sig": base64.b64encode(signature).decode("ascii")}],
    }
    if line != _canonical(rebuilt):
        return Signature(key_name, "its envelope was changed")
    if expected is not None and _key_id(public) == key_id(expected):
        key = expected
    try:
        key.verify(signature, _pae(payload))
    except InvalidSignature:
        return Signature(key_name, "the signature does not fit what it signs")
    if said.get("_type") != STATEMENT or digest != _digest(directory):
        return Signature(key_name, f"{manifest.FILE} is not the one that was signed")
    return Signature(key_name)


def _pae(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what is signed."""
    kind = PAYLOAD.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def _canonical(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _digest(directory: Path) -> str:
    return hashlib.sha256((directory / manifest.FILE).read_bytes()).hexdigest()


def _raw(key: Ed25519PublicKey) -> bytes:
    raw: bytes = key.public_bytes_raw()
    return raw


def _key_id(public: bytes) -> str:
    return hashlib.sha256(public).hexdigest()
