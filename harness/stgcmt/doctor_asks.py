"""What the doctor asks one end point: name, TCP, TLS, HTTP, authentication, clock; association and echo.

What is asked is told by the shape of a section, not by its role: a ``base_url`` is asked by HTTP, a ``host`` by DIMSE.
What only a role can know (is the service offered, is it ours to use) is asked by the probe of its suite. Stages stand
in the order in which they can fail; after the first that fails, what builds on it is not asked.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from stgcmt.actors.outcome import Fault, Rejected, in_words
from stgcmt.clock import NS, Clock
from stgcmt.drivers.provoke import NoTap
from stgcmt.reach import alert, system_words
from stgcmt.sut import Timing
from stgcmt.tls import HTTP_1_1, client_context, words
from stgcmt.wire.stream import Network, start_tls

ECHO = "C-ECHO"  # not every SUT offers Verification; nothing builds on it
VERIFICATION = "1.2.840.10008.1.1"
CLOCK_TOLERANCE_S = (
    5.0  # Date has whole seconds, the answer took some; more than that misleads every date in a Retry-After
)
CALLING_UNKNOWN, CALLED_UNKNOWN = (1, 3), (1, 7)
HARNESS, NETWORK, AUTHENTICATION, SUT, CLOCK = "harness", "network", "authentication", "SUT", "clock"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one stage showed: whether it is well, what was seen, what to do next, and whose matter it is."""

    stage: str
    ok: bool
    seen: str
    next_step: str = ""
    whose: str = SUT


@dataclass(frozen=True)
class Ask:
    """What a probe of a suite is given: the section of its role, and how to ask."""

    role: str
    section: Mapping[str, Any]
    network: Network
    clock: Clock
    timing: Timing
    calling_ae: str = "STGCMT"


Probe = Callable[[Ask], Awaitable[Sequence[Finding]]]


async def ask_role(ask: Ask, probe: Probe | None) -> list[Finding]:
    """Every stage of one role's end points, then its suite's probe where all was well."""
    findings: list[Finding] = []
    if "base_url" in ask.section:
        findings += await _web(ask)
    if "host" in ask.section and "port" in ask.section:
        findings += await _dimse(ask)
    if probe is not None and findings and all(finding.ok or finding.stage == ECHO for finding in findings):
        findings += await probe(ask)
    return [Finding(f"{ask.role}: {each.stage}", each.ok, each.seen, each.next_step, each.whose) for each in findings]


async def _web(ask: Ask) -> list[Finding]:
    from stgcmt.actors.http_client import client_for  # noqa: PLC0415 - start-up
    from stgcmt.actors.http_values import NoAnswer  # noqa: PLC0415 - start-up

    url = str(ask.section["base_url"])
    client = client_for(
        ask.section, network=ask.network, clock=ask.clock, connection=NoTap, timing=ask.timing, connects=1
    )
    origin = client.locate(url)
    findings = await _connect(ask, origin.host, origin.port, tls=origin.scheme == "https")
    if not findings[-1].ok:
        return findings
    try:
        answer = await client.request("GET", url)
    finally:
        await client.aclose()
    if isinstance(answer, NoAnswer):
        step = "is an HTTP/1.1 server behind this port, and http or https as in base_url?"
        whose = SUT
        if "HTTP/2 only" in answer.detail:
            step = "let the server speak HTTP/1.1, too, or put a proxy in front that does: stgcmt records HTTP/1.1"
        elif answer.kind in {"closed", "reset", "timeout"}:
            whose = NETWORK
        return [
            *findings,
            Finding(
                "HTTP",
                ok=False,
                seen=f"GET {url}: no answer: {answer.kind} {answer.detail}",
                next_step=step,
                whose=whose,
            ),
        ]
    findings.append(_http(url, answer.status or 0))
    findings.append(_authentication(ask.section, answer))
    return [*findings, _clock(answer.header("date"), ask.clock)]


def _http(url: str, status: int) -> Finding:
    step = "the server is up but fails; read its log" if status >= 500 else ""
    return Finding("HTTP", ok=status < 500, seen=f"GET {url} answered {status}", next_step=step)


def _authentication(section: Mapping[str, Any], answer: Any) -> Finding:
    sent = (
        "a bearer token" if section.get("token") else "user and password" if section.get("basic") else "no credentials"
    )
    if answer.status == 401:  # it does not know us
        wanted = f" (it asks for {answer.header('www-authenticate')})" if answer.header("www-authenticate") else ""
        step = (
            "set token_env or basic_env in the SUT file"
            if sent == "no credentials"
            else "is the secret current? renew it"
        )
        return Finding(
            "authentication", ok=False, seen=f"401 with {sent}{wanted}", next_step=step, whose=AUTHENTICATION
        )
    if answer.status == 403:  # it knows us, and refuses
        step = "give this account access to the base URL"
        return Finding("authentication", ok=False, seen=f"403 with {sent}", next_step=step, whose=AUTHENTICATION)
    return Finding("authentication", ok=True, seen=f"{answer.status} with {sent}", whose=AUTHENTICATION)


def _clock(date: str | None, clock: Clock) -> Finding:
    if date is None:
        return Finding("clock", ok=True, seen="no Date header to compare", whose=CLOCK)
    try:
        off = parsedate_to_datetime(date).timestamp() - clock.wall_ns() / NS
    except ValueError:
        return Finding(
            "clock",
            ok=False,
            seen=f"Date: {date}",
            next_step="Date is no HTTP date; see the checks of headers",
            whose=CLOCK,
        )
    step = "synchronise both clocks (NTP): a Retry-After that is a date would be misread"
    seen = f"the SUT's clock is {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} ours"
    return Finding("clock", ok=abs(off) <= CLOCK_TOLERANCE_S, seen=seen, next_step=step, whose=CLOCK)


async def _dimse(ask: Ask) -> list[Finding]:
    host, port = str(ask.section["host"]), int(ask.section["port"])
    findings = await _connect(ask, host, port, tls=ask.section.get("tls") is not None)
    return findings + await _association(ask, host, port) if findings[-1].ok else findings


async def _association(ask: Ask, host: str, port: int) -> list[Finding]:
    from stgcmt.actors.requestor import associate  # noqa: PLC0415 - start-up
    from stgcmt.endpoints import dimse_timeouts, dimse_tls  # noqa: PLC0415 - start-up
    from stgcmt.wire.negotiation import Proposal  # noqa: PLC0415 - start-up

    called = str(ask.section.get("ae_title", "ANY-SCP"))
    calling = str(ask.section.get("calling_ae_title", ask.calling_ae))
    async with associate(
        ask.network, ask.clock, NoTap(), host, port, called_ae=called, calling_ae=calling,
        proposal=Proposal.of([VERIFICATION]), timeouts=dimse_timeouts(ask.timing), tls=dimse_tls(ask.section),
    ) as assoc:  # fmt: skip
        if not assoc.open:
            return [_refused(assoc.outcome, calling, called)]
        opened = Finding("association", ok=True, seen=f"{calling} calling {called}: accepted")
        answer = await assoc.c_echo()
    status = getattr(answer, "status", None)
    step = "allow Verification for this AE title; storing and commitment may work all the same"
    seen = "C-ECHO answered 0000H" if status == 0 else f"C-ECHO: {in_words(answer)}"
    return [opened, Finding(ECHO, ok=status == 0, seen=seen, next_step=step)]


def _refused(outcome: Any, calling: str, called: str) -> Finding:
    """Why there is no association; a reject names who is not known (PS3.8 table 9-21)."""
    reason = (outcome.source, outcome.reason) if isinstance(outcome, Rejected) else None
    if reason == CALLING_UNKNOWN:
        step, whose = f"make the AE title {calling} with our address known in the SUT", AUTHENTICATION
    elif reason == CALLED_UNKNOWN:
        step, whose = (
            f"is {called} the SUT's own AE title? mend ae_title in the SUT file (we called as {calling})",
            HARNESS,
        )
    elif isinstance(outcome, Fault):
        step, whose = "is a DICOM server behind this port, and with or without TLS as in the SUT file?", SUT
    else:
        step, whose = (
            f"does the SUT know the calling AE title {calling} with our address, and is its own {called}?",
            SUT,
        )
    return Finding(
        "association", ok=False, seen=f"{calling} calling {called}: {in_words(outcome)}", next_step=step, whose=whose
    )


# --- connecting ------------------------------------------------------------------------------------------------------


async def _connect(ask: Ask, host: str, port: int, *, tls: bool) -> list[Finding]:
    """Name, TCP and TLS, as far as it goes; the last finding says whether all is well."""
    findings = []
    if not _is_address(host):
        name = await _name(host, port)
        findings.append(name)
        if not name.ok:
            return findings
    try:
        async with asyncio.timeout(ask.timing.connect):
            stream = await ask.network.connect(host, port)
    except OSError as error:  # TimeoutError is one
        why = f"no answer within {ask.timing.connect:g} s" if isinstance(error, TimeoutError) else system_words(error)
        step = "is the SUT started, and the port right (refused: nothing listens)? is there a firewall (no answer)?"
        return [*findings, Finding("TCP", ok=False, seen=f"{host}:{port}: {why}", next_step=step, whose=NETWORK)]
    findings.append(Finding("TCP", ok=True, seen=f"connected to {host}:{port}", whose=NETWORK))
    if tls:
        findings.append(await _tls(ask, stream, host))
    stream.close()
    return findings


async def _name(host: str, port: int) -> Finding:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        step = "check the spelling of the host in the SUT file, and DNS or hosts file of this machine"
        return Finding("name", ok=False, seen=f"{host}: {system_words(error)}", next_step=step, whose=NETWORK)
    return Finding(
        "name", ok=True, seen=f"{host} is {', '.join(dict.fromkeys(str(each[4][0]) for each in found))}", whose=NETWORK
    )


async def _tls(ask: Ask, stream: Any, host: str) -> Finding:
    web = "base_url" in ask.section
    try:
        context = client_context(ask.section.get("tls"), HTTP_1_1 if web else ())
        async with asyncio.timeout(ask.timing.connect):
            secured = await start_tls(stream, context, hostname=host)
            told = await alert(secured)
    except TimeoutError:
        return _no_session(OSError(f"no session within {ask.timing.connect:g} s"), web=web)
    except OSError as error:
        return _no_session(error, web=web)
    if told is not None:
        return _no_session(told, web=web)
    shown = ", our certificate shown" if (ask.section.get("tls") or {}).get("cert_file") else ""
    return Finding("TLS", ok=True, seen=f"{secured.tls.version()}, certificate accepted{shown}", whose=NETWORK)


def _no_session(error: OSError, *, web: bool) -> Finding:
    seen, whose = words(error), NETWORK
    if isinstance(error, ssl.SSLCertVerificationError):
        expired = "expired" in seen or "not yet valid" in seen
        step = "renew the SUT's certificate; are both clocks right?" if expired else (
            "name the authority of its certificate: tls.ca_file in the section (tls.verify = false for a trial)"
        )  # fmt: skip
    elif "refused the session" in seen:
        whose = AUTHENTICATION
        step = "name a certificate that the SUT trusts: tls.cert_file and tls.key_file in the section"
    else:
        step = f"does this port speak TLS? try {'http:// in base_url' if web else 'the section without tls'}"
    return Finding("TLS", ok=False, seen=seen, next_step=step, whose=whose)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
