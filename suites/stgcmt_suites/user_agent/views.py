"""What the checks of a user agent look at: its requests, grouped into commitments, and what it believes.

Calls and transactions are those of the commitment resource, from ``origin_server.views``: the same exchanges, seen from
the other side. Nothing here raises on the bytes of the client.
"""

from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from stgcmt.clock import NS
from stgcmt.suite import Transcript, claims, inconclusive, not_applicable
from stgcmt_suites.commitment.beliefs import Belief, beliefs_of
from stgcmt_suites.commitment.references import uids
from stgcmt_suites.commitment.representation import Representation
from stgcmt_suites.commitment.silence import nothing_asked
from stgcmt_suites.origin_server.views import NEVER, Call, commitment

RESOURCE = "commitment-requests"


@dataclass(frozen=True, repr=False)
class Commitment:
    """Everything that was exchanged for the same instances, in order of time, under whatever Transaction UIDs."""

    transcript: str
    instances: frozenset[str]
    calls: tuple[Call, ...]

    @property
    def posts(self) -> tuple[Call, ...]:
        """The Requests, by whatever method that carries a module."""
        return tuple(call for call in self.calls if call.method != "GET")

    @property
    def checks(self) -> tuple[Call, ...]:
        """The Result Checks."""
        return tuple(call for call in self.calls if call.method == "GET")

    @property
    def events(self) -> tuple[int, ...]:
        """The events of all calls."""
        return tuple(n for call in self.calls for n in call.events)

    @property
    def summary(self) -> str:
        """One line: what was asked how often, and the answers."""
        answers = ", ".join(str(call.status or call.outcome) for call in self.calls)
        shown = f"{len(self.instances)} instances asked for in {len(self.posts)} Requests"
        return f"{shown}, {len(self.checks)} Result Checks; answers {answers}"


def calls(*transcripts: Transcript, method: str | None = None) -> tuple[Call, ...]:
    """The client's calls on the commitment resource."""
    return tuple(call for each in transcripts for call in commitment(each).calls if method in (None, call.method))


def requests(*transcripts: Transcript) -> tuple[Call, ...]:
    """The Requests: calls on the commitment resource that bring something, or that say POST."""
    return tuple(call for call in calls(*transcripts) if call.method != "GET")


def asked(*transcripts: Transcript) -> tuple[Call, ...]:
    """The Requests of these transcripts; inconclusive where a client made none."""
    found = requests(*transcripts)
    if not found:
        nothing_asked(*transcripts)
    return found


def checked(*transcripts: Transcript) -> tuple[Call, ...]:
    """The Result Checks of these transcripts; inconclusive where a client made none."""
    found = calls(*transcripts, method="GET")
    if not found:
        inconclusive(f"the client made no Result Check in {', '.join(each.name for each in transcripts)}")
    return found


def sent(call: Call) -> Representation:
    """The payload of a request as a representation, codings undone where they can be, named or not (WEB-8.4.2-02 judges that)."""
    if call.request is None:
        return Representation(None, b"")
    body = call.request.decoded
    body = call.request.body if body is None else body
    if body.startswith(b"\x1f\x8b"):
        with contextlib.suppress(OSError, EOFError, zlib.error):
            body = gzip.decompress(body)
    return Representation(call.request.media_type, body)


def commitments(transcript: Transcript) -> tuple[Commitment, ...]:
    """The client's calls grouped by the instances that their transaction asked for."""
    return transcript.view(_commitments)


def _commitments(transcript: Transcript) -> tuple[Commitment, ...]:
    given = {str(uid) for event in transcript.of("trigger") for uid in event.info.get("sop_instance_uids") or ()}
    named: dict[str, frozenset[str]] = {}
    grouped: dict[frozenset[str] | str, list[Call]] = {}
    for call in commitment(transcript).calls:
        uid = call.uid or ""
        if instances := _named(call, given):
            named[uid] = instances
        grouped.setdefault(named.get(uid) or uid, []).append(call)
    return tuple(
        Commitment(transcript.name, key if isinstance(key, frozenset) else frozenset(), tuple(found))
        for key, found in grouped.items()
    )


def _named(call: Call, given: set[str]) -> frozenset[str]:
    """The instances that a Request names; where its module cannot be read, those of ours that stand in its bytes."""
    if call.request is None or not call.request.body:
        return frozenset()
    body = sent(call)
    read = frozenset(ref.sop_instance_uid for ref in body.module.references if ref.sop_instance_uid)
    return read or frozenset(uid for uid in given if uid.encode() in body.body)


def followers(each: Commitment) -> Iterable[tuple[Call, Call]]:
    """Each answered or broken call of a commitment with the next one."""
    yield from zip(each.calls, each.calls[1:], strict=False)


def gap_s(call: Call, following: Call) -> float:
    """Seconds between the end of an answer (or its request, where none came) and the next request."""
    return (following.t_sent - (call.t_answered or call.t_sent)) / NS


def committed_by(transcript: Transcript, belief: Belief) -> Call | None:
    """The readable 200 result that commits the instance, for a transaction that asked for it, before the client was asked."""
    found = transcript.view(_commits).get(belief.sop_instance_uid, ())
    return next((call for call in found if call.t_answered <= belief.t), None)


def _commits(transcript: Transcript) -> dict[str, tuple[Call, ...]]:
    """By SOP Instance UID: the results that commit it and do not fail it, for a transaction that asked for it."""
    found: dict[str, list[Call]] = {}
    for each in commitments(transcript):
        for call in each.calls:
            whole = call.response is not None and call.response.complete
            if call.final and whole and call.t_answered > 0 and call.module.readable:
                result = call.module.result
                failed = {one.reference.sop_instance_uid for one in result.failed}
                for uid in (uids(result.committed) - failed) & each.instances:
                    found.setdefault(uid, []).append(call)
    return {uid: tuple(calls) for uid, calls in found.items()}


def last_answer(transcript: Transcript, belief: Belief) -> Call | None:
    """The last call for an instance that was answered before the client was asked about it."""
    found = [
        call for each in commitments(transcript) if belief.sop_instance_uid in each.instances for call in each.calls
    ]
    answered = [call for call in found if call.response is not None and 0 < call.t_answered <= belief.t]
    return max(answered, key=lambda call: call.t_answered, default=None)


def base_path(run: Transcript, role: str) -> str:
    """The path of our base URL as the client was told it."""
    found = [e.info for e in run.of("note") if e.info.get("what") == "serving" and e.info.get("role") == role]
    return str(found[-1].get("path", "")) if found else ""


def no_such_form(run: Transcript, claim: str, what: str) -> NoReturn:
    """No Request came in this form: not applicable where that is claimed, else inconclusive."""
    path = f"user_agent.{claim}"
    if claims(run).get(path):
        not_applicable(path)
    inconclusive(
        f"no Request came as {what}; where the client never sends it, add {claim} = true to [claims.user_agent], else "
        "describe a configuration that does in [user_agent.modes]"
    )


__all__ = [
    "NEVER", "Belief", "Call", "Commitment", "asked", "base_path", "beliefs_of", "calls", "checked", "commitment",
    "commitments", "committed_by", "followers", "gap_s", "no_such_form", "requests", "sent",
]  # fmt: skip
