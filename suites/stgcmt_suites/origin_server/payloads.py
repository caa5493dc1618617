"""What checks of representations look at: the results that came in a form, and what is not in order with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from stgcmt.suite import Transcript, expected, inconclusive
from stgcmt_suites.commitment.references import Reference, Result
from stgcmt_suites.origin_server.views import RESOURCE, Call, calls, commitment

# Statuses that say nothing about what a check asks: no answer, no access, no capacity.
UNSETTLED = frozenset({None, 401, 403, 429, 503})


def settled(*seen: Call) -> None:
    """Every one of these calls was answered with a status that says something about the matter."""
    open_ones = [call for call in seen if call.status in UNSETTLED]
    if open_ones:
        inconclusive("a request was not decided", *open_ones)


def finished(transcript: Transcript, step: str = "control") -> Call:
    """The first result of the transaction that is read again and again; inconclusive where it was not to be had.

    A result that was gone at the end of the scenario (step ``last``) proves nothing about how it was asked for before.
    """
    view = commitment(transcript)
    transaction = view.transaction(step)
    reached = transaction.final.step in (step, f"{step}-poll")  # not by chance, at one of the probes
    if not reached or not transaction.final.status or not transaction.result.readable:
        inconclusive("the control Request reached no result", transaction.request)
    last = view.one("last")
    if not last.final:
        inconclusive("the result could not be read to the end, so that a refusal proves nothing", last)
    return transaction.final


def same_result(call: Call, control: Call) -> bool:
    """Whether two results speak of the same instances in the same way."""
    ours, theirs = call.module.result, control.module.result
    return _listed(ours) == _listed(theirs)


def _listed(result: Result) -> list[tuple[str, ...]]:
    """What a result says, in an order of our own: nothing binds the order of its items."""
    committed = [(*_place(each), "") for each in result.committed]
    return sorted([*committed, *((*_place(each.reference), f"reason {each.reason}") for each in result.failed)])


def _place(reference: Reference) -> tuple[str, ...]:
    return (
        reference.sop_instance_uid,
        reference.sop_class_uid,
        reference.study_instance_uid or "",
        reference.series_instance_uid or "",
    )


def path_of(call: Call, given: str) -> str:
    """The path that a URI reference in a header field leads to; empty where it is no URI reference."""
    try:
        return urlsplit(urljoin(call.target.partition("?")[0], given)).path
    except ValueError:
        return ""


def same_host(call: Call, given: str) -> bool:
    """Whether a URI reference stays on the server that the request went to, as its Host field names it."""
    try:
        there, here = urlsplit(given), urlsplit(f"//{call.sent('Host') or ''}")
        usual = {"http": 80, "https": 443}.get(there.scheme)
        same = (there.hostname, there.port or usual) == (here.hostname, here.port or usual)
    except ValueError:
        return False
    return not there.netloc or same


def names_itself(call: Call, given: str) -> bool:
    """Whether a URI reference names the very resource that was asked; percent-encoded unreserved characters are equal."""
    return same_host(call, given) and unquote(path_of(call, given)) == unquote(call.target.partition("?")[0])


def names_outer(call: Call, given: str, public: object) -> bool:
    """Whether a URI names the very resource that was asked, under the Base URI ``public`` that others use (a reverse proxy's)."""
    if not isinstance(public, str) or RESOURCE not in call.target:
        return False
    inner = unquote(call.target.partition("?")[0])
    return unquote(given) == public.rstrip("/") + inner[inner.index(f"/{RESOURCE}") :]


def bodies(form: str, *transcripts: Transcript) -> tuple[Call, ...]:
    """The results that came as ``json`` or ``xml``, bare or in a part."""
    return tuple(call for call in calls(*transcripts) if call.final and call.body and call.answer.form == form)


def problems(call: Call, *kinds: str) -> list[Any]:
    """The broken encoding rules of these kinds in a result."""
    found: Sequence[Any] = (*call.answer.json_problems, *call.answer.xml_problems)
    return [problem for problem in found if problem.kind in kinds]


def free_of(seen: Sequence[Call], what: str, *kinds: str) -> None:
    """No result breaks a rule of these kinds, and there is one to judge."""
    for call in seen:
        wrong = problems(call, *kinds)
        assert not wrong, expected(what, *wrong[:3], call)  # noqa: S101 - part of the checks that call it
    if not seen:
        inconclusive("no result came in this form")


def vrs(value: Any) -> Iterator[str]:
    """Every VR of a data set in DICOM JSON form."""
    open_values = [value]
    while open_values:
        node = open_values.pop()
        if isinstance(node, dict):
            if isinstance(node.get("vr"), str):
                yield node["vr"]
            open_values += node.values()
        elif isinstance(node, list):
            open_values += node
