"""Mistakes that a server makes with one kind of Request alone, and with no other: by its media type, its length, its answer.

Each is asked for last, where it would change something, so that the self-test plays it in few scenarios.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from stgcmt_suites.commitment.decisions import Asked, Decided
from stgcmt_suites.commitment.reasons import NO_SUCH_INSTANCE
from stgcmt_suites.commitment.store import Store, Transaction
from stgcmt_suites.origin_server.negotiate import JSON, RELATED, XML, Offer

LONG = 100  # references of a Request that is long
UNASKED = "2.25.202410300834567.77"  # an instance for which nobody asks
OUT_OF_MEMORY = 0xA700  # a status of C-STORE, which is no Failure Reason

_Tree = dict[str, Any]


def form_of(content_type: str | None) -> str:
    """In what a Request came, as far as it matters here: ``xml``, ``multipart``, or nothing of the kind."""
    kind = (content_type or "").strip().lower()
    if kind.startswith(RELATED):
        return "multipart"
    return "xml" if kind.startswith(XML) else ""


def read(asked: tuple[Asked, ...], content_type: str | None, faults: Collection[str]) -> tuple[Asked, ...]:
    """What is seen of a Request's references."""
    cut = len(asked) > 1 and form_of(content_type) == "xml" and "first-reference-only-in-xml" in faults
    return asked[:1] if cut else asked


def accepted(answer: Response, form: str, length: int, faults: Collection[str]) -> Response:
    """The 202 to a Request of so many references that came in this form."""
    if form == "xml" and "no-content-to-xml" in faults:
        return Response(status_code=204)
    wordy = (form == "xml" and "accepted-with-body-to-xml" in faults) or (
        length >= LONG and "accepted-with-body-to-long-lists" in faults
    )
    return _with_body(answer, b"come back later", "text/plain") if wordy else answer


def finish(store: Store, uid: str, form: str, faults: Collection[str], *, at_once: bool = False) -> Transaction | None:
    """Decide a transaction whose Request came in this form; ``at_once``: the result is the answer to the Request."""
    done = store.finish(uid)
    changed = _decided(done.decided, form, faults, at_once=at_once) if done is not None else None
    if changed is None:
        return done
    store.settle(uid, changed)
    return store.transaction(uid)


def _decided(
    truth: Sequence[Decided], form: str, faults: Collection[str], *, at_once: bool
) -> tuple[Decided, ...] | None:
    """What becomes of the decisions; ``None`` where they stay what they are."""
    if all(each.reason is None for each in truth):
        return None
    if (at_once and "commits-all-when-synchronous" in faults) or (form and f"commits-all-in-{form}" in faults):
        return tuple(replace(each, reason=None) for each in truth)
    if len(truth) >= LONG and "extra-instance-in-long-lists" in faults:
        beyond = replace(truth[0].asked, sop_instance_uid=f"{UNASKED}.{len(truth)}")
        return (*truth, Decided(beyond, NO_SUCH_INSTANCE))
    if len(truth) >= LONG and "instance-twice-in-long-lists" in faults:
        return (*truth, truth[-2])
    if len(truth) == 1 and truth[0].reason == NO_SUCH_INSTANCE and "reason-a700-alone" in faults:
        return (replace(truth[0], reason=OUT_OF_MEMORY),)
    return None


def check_status(offer: Offer, faults: Collection[str]) -> int:
    """The status of a Result Check that brings the result."""
    if offer == Offer(XML) and "xml-result-as-203" in faults:
        return 203
    return 201 if "check-created-instead-of-ok" in faults else 200


def _empty_failed(tree: _Tree, _: str) -> _Tree:
    failed = {} if "00081198" in tree or "00081199" not in tree else {"00081198": {"vr": "SQ"}}
    return dict(sorted((tree | failed).items()))


# What is wrong with results that are the answer to their Request, and right in every other.
_AT_ONCE: Mapping[str, Callable[[_Tree, str], _Tree]] = {
    "empty-failed-sequence-at-once": _empty_failed,
    "transaction-uid-at-once": lambda tree, uid: {"00081195": {"vr": "UI", "Value": [uid]}, **tree},
    "keys-out-of-order-at-once": lambda tree, _: dict(sorted(tree.items(), reverse=True)),
}


def at_once(answer: Response, uid: str, faults: Collection[str]) -> Response:
    """The result of this transaction as the answer to its Request."""
    kind = answer.headers.get("content-type", "")
    if not kind.startswith(JSON):
        return answer
    try:
        tree = json.loads(bytes(answer.body).decode("utf-8-sig"))
    except ValueError:  # another fault wrote no JSON
        return answer
    for name, change in _AT_ONCE.items():
        other = change(tree, uid) if isinstance(tree, dict) else tree
        if list(other) != list(tree) and name in faults:
            return _with_body(answer, json.dumps(other).encode(), kind)
    return answer


def _with_body(answer: Response, body: bytes, kind: str) -> Response:
    fields = {name: value for name, value in answer.headers.items() if name not in ("content-length", "content-type")}
    return Response(body, answer.status_code, {**fields, "content-type": kind})
