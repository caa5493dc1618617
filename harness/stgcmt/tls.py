"""TLS contexts from the ``tls`` tables of a SUT file, and failures in plain words.

A table has ``ca_file`` (who signs the peer's certificate), ``cert_file`` and ``key_file`` (ours; the key may stand in the
same file) and ``verify``. A listener with ``ca_file`` asks its callers for a certificate.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

HTTP_1_1 = ("http/1.1",)
_NOT_TLS = {
    "WRONG_VERSION_NUMBER",
    "RECORD_LAYER_FAILURE",
    "HTTP_REQUEST",
    "UNKNOWN_PROTOCOL",
    "PACKET_LENGTH_TOO_LONG",
}


def client_context(table: Mapping[str, Any] | None, alpn: Sequence[str] = ()) -> ssl.SSLContext:
    """A context to connect with, built once for each table (20 ms each); raises ``OSError`` for an unusable file."""
    given = table or {}
    files = (given.get("ca_file"), given.get("cert_file"), given.get("key_file"))
    return _client(*files, bool(given.get("verify", True)), tuple(alpn))


@functools.lru_cache(maxsize=16)
def _client(
    ca_file: str | None, cert_file: str | None, key_file: str | None, verify: bool, alpn: tuple[str, ...]
) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cert_file:
        context.load_cert_chain(cert_file, key_file, password=_no_password)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def server_context(table: Mapping[str, Any]) -> ssl.SSLContext:
    """A context to listen with; raises ``OSError`` for an unusable file."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=table.get("ca_file"))
    context.load_cert_chain(table["cert_file"], table.get("key_file"), password=_no_password)
    if table.get("ca_file"):
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def problem_of(table: Mapping[str, Any]) -> str:
    """Why these files make no context; empty where they do."""
    try:
        client_context(table)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None)
        return {
            "NO_CERTIFICATE_OR_CRL_FOUND": "no certificate in it", "NO_START_LINE": "no PEM certificate and key in it",
            "KEY_VALUES_MISMATCH": "a key that does not belong to the certificate",
            "PEM_LIB": "no PEM certificate and unencrypted key that belong together",
        }.get(str(reason), str(reason or error))  # fmt: skip
    return ""


def words(error: BaseException) -> str:
    """What went wrong with TLS, from who knows best: verification, the peer's alert, or the bytes that came."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the peer's certificate is not accepted: {error.verify_message or error.reason}"
    if isinstance(error, (ssl.SSLEOFError, ConnectionResetError)):
        return "the peer closed the connection during the handshake"
    if not isinstance(error, ssl.SSLError):
        return str(getattr(error, "strerror", None) or error) or type(error).__name__
    reason = str(error.reason or error)
    if reason in _NOT_TLS:
        return f"the peer does not speak TLS ({reason.lower().replace('_', ' ')})"
    if "NO_APPLICATION_PROTOCOL" in reason:
        return "the peer offers no HTTP/1.1 over TLS (ALPN): HTTP/2 only?"
    if "ALERT" in reason:
        said = reason.rpartition("ALERT_")[2].lower().replace("_", " ")
        return f"the peer refused the session: alert {said}{_hint(said)}"
    return reason.lower().replace("_", " ")


def _hint(alert: str) -> str:
    if "certificate required" in alert or alert == "handshake failure":
        return " (does it ask for a certificate of ours?)"
    if "certificate" in alert or "unknown ca" in alert:
        return " (it does not accept our certificate)"
    return ""


def _no_password() -> str:
    raise ValueError("an encrypted key; give one without a passphrase")
