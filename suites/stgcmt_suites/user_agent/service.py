"""A scripted origin server: what each transaction of a scenario is answered, step by step. It drives and never judges.

A case stands for some instances and two scripts: one for the Requests that name them, one for the Result Checks of their
transaction; the last step of each is repeated. A Request is told by its instances, whatever Transaction UID the client chose;
where the client sends instances of its own (an attended or listening run) the next case that nobody asked for is taken.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from stgcmt.actors.http_server import Asked, Reply, http_date
from stgcmt.clock import NS
from stgcmt.suite import Play
from stgcmt.wire import native_xml
from stgcmt.wire.http_fields import parse_media_type
from stgcmt_suites.commitment.references import Reference
from stgcmt_suites.commitment.representation import JSON, XML, Representation
from stgcmt_suites.commitment.web_module import Module

RESOURCE = "commitment-requests"
WAITS = ("trigger", "quiet_period")
SILENT_S = 120.0  # longer than the usual limits of clients and reverse proxies (60 s) for an answer
MARGIN_S = 1.5  # a client may round a whole second up, and its timer may be late
Json = dict[str, Any]
# A step: what a request is answered, made from the module that was asked for and the instant (wall nanoseconds).
Step = Callable[[Module, Asked, int], Reply]


@dataclass
class Case:
    """One commitment of a scenario: which instances, and what is answered."""

    instances: tuple[Any, ...]
    posts: Sequence[Step]
    gets: Sequence[Step] = ()
    asked: list[Asked] = field(default_factory=list)
    posted: int = 0
    got: int = 0
    module: Module | None = None
    named: dict[str, None] = field(default_factory=dict)
    last: Reply | None = None
    last_ns: int = 0

    @property
    def uids(self) -> set[str]:
        """The SOP Instance UIDs that it was made for."""
        return {each.sop_instance_uid for each in self.instances}

    @property
    def held(self) -> tuple[str, ...]:
        """The SOP Instance UIDs to hear the client's belief about: those of all its Requests, else those it was given."""
        return tuple(self.named) or tuple(sorted(self.uids))

    @property
    def waits(self) -> bool:
        """Whether the client has been told to come back, and there is something new for it when it does."""
        return self.last is not None and self.last.status == 202 and self.got < len(self.gets)


class Service:
    """The origin server of one scenario."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.cases: list[Case] = []
        self._by_uid: dict[str, Case] = {}
        self._modules: dict[str, Module] = {}  # by Transaction UID: a client may ask for one case in several requests
        play.answer(self.answer)

    def case(self, *instances: Any, posts: Sequence[Step] | Step, gets: Sequence[Step] | Step = ()) -> Case:
        """Add a case."""
        case = Case(instances, _steps(posts), _steps(gets))
        self.cases.append(case)
        return case

    def answer(self, asked: Asked) -> Reply:
        """The answer to a request of the client (``play.answer``)."""
        if not asked.message.complete:  # it broke off: nothing was asked, and the script stands where it stood
            return _CUT
        segments = asked.path.split("/")
        if RESOURCE not in segments:
            return _elsewhere(asked, segments)
        uid = unquote("/".join(segments[segments.index(RESOURCE) + 1 :]))
        read = Representation(asked.message.media_type, asked.legible).module if asked.body else None
        case = self._case(uid, read)
        if case is None:
            return Reply(404)
        case.asked.append(asked)
        if uid:
            self._by_uid[uid] = case
        if asked.method == "GET":
            steps, number = case.gets or (gone(404),), case.got
            case.got += 1
        else:
            steps, number = case.posts, case.posted
            case.posted += 1
            case.module = read or case.module
            if read is not None:
                self._modules[uid] = read
                case.named |= dict.fromkeys(ref.sop_instance_uid for ref in read.asked if ref.sop_instance_uid)
        module = self._modules.get(uid) or case.module or Module(_EMPTY)
        reply = steps[min(number, len(steps) - 1)](module, asked, self.play.clock.wall_ns())
        case.last, case.last_ns = reply, self.play.clock.monotonic_ns()
        return reply

    def _case(self, uid: str, read: Module | None) -> Case | None:
        named = {ref.sop_instance_uid for ref in read.references} if read is not None else set()
        for case in self.cases:
            if named & case.uids:
                return case
        if uid in self._by_uid:
            return self._by_uid[uid]
        return next((case for case in self.cases if not case.asked), None) if read is not None else None

    # --- driving

    async def start(self, case: Case) -> bool:
        """Have the client ask for a case; whether it did."""
        uids = case.uids
        if not await self.play.trigger(*case.instances):
            return False
        if not case.asked:  # it may have sent the instances first, or another transaction polled meanwhile
            await self.play.asked(where=lambda asked: any(uid.encode() in asked.legible for uid in uids) and _on(asked))
        return bool(case.asked)

    async def play_all(self) -> None:
        """Start every case, and wait until each has come to its end or the client has fallen silent."""
        for case in self.cases:
            await self.start(case)
        await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is to be expected from the client any more; a client that never falls silent is left."""
        for _ in range(ROUNDS):
            heard = len(self.play.heard)
            if not await self.play.asked(heard + 1, within="quiet_period", seconds=self._patience(), reason="quiet"):
                return
        self.play.note(what="never-quiet", requests=len(self.play.heard))

    def _patience(self) -> float:
        """Seconds without a request after which none is expected."""
        timing = self.play.timing
        patience = float(timing.quiet_period)
        now = self.play.clock.monotonic_ns()
        for case in self.cases:
            if case.last is None:
                continue
            patience = max(
                patience, case.last.hold_s - (now - case.last_ns) / NS + MARGIN_S if case.last.hold_s else 0.0
            )
            asked = _retry_after_s(case.last, self.play.clock.wall_ns())
            left = (asked or 0.0) - (now - case.last_ns) / NS
            if case.waits:
                patience = max(patience, left + float(timing.trigger))
            elif case.last.status in (202, 503) and asked is not None:
                patience = max(patience, left + MARGIN_S)
        return patience

    async def beliefs(self, *cases: Case) -> None:
        """Hear what the client believes of every instance of these cases (all of them where none is named)."""
        for case in cases or self.cases:
            for uid in case.held:
                await self.play.believes(uid)


_CUT = Reply(400, (("Content-Type", "text/plain"),), b"the request broke off")
ROUNDS = 80  # requests after which a client counts as one that never falls silent


def _steps(given: Sequence[Step] | Step) -> tuple[Step, ...]:
    return (given,) if callable(given) else tuple(given)


def _on(asked: Asked) -> bool:
    return RESOURCE in asked.path.split("/")


def _retry_after_s(reply: Reply, wall_ns: int) -> float | None:
    from stgcmt.wire.http_fields import parse_retry_after  # noqa: PLC0415 - start-up

    pairs = reply.headers.items() if isinstance(reply.headers, Mapping) else reply.headers
    value = next((value for name, value in pairs if name.lower() == "retry-after"), None)
    return parse_retry_after(value).delay_s(wall_ns) if value is not None else None


def _elsewhere(asked: Asked, segments: Sequence[str]) -> Reply:
    """What a store-and-forward client needs beside: storing (PS3.18 10.5) is said to have worked."""
    if asked.method == "POST" and "studies" in segments:
        return Reply(200, {"Content-Type": JSON}, b"{}")
    return Reply(404)


def unowned(asked: Asked) -> Reply:
    """The answer to what belongs to no scenario."""
    if not asked.message.complete:
        return _CUT
    return _elsewhere(asked, asked.path.split("/"))


# --- steps --------------------------------------------------------------------------------------------------------------

_EMPTY: Any = Representation(None, b"").module.result


def working(retry_after: str | float | None = None, *, form: str | None = None) -> Step:
    """202; with Retry-After as given, or as a date of ``form`` so many seconds from now."""

    def step(_module: Module, _asked: Asked, wall_ns: int) -> Reply:
        return Reply(202, _retry(retry_after, form, wall_ns))

    return step


def _retry(value: str | float | None, form: str | None, wall_ns: int) -> tuple[tuple[str, str], ...]:
    if value is None:
        return ()
    if form is not None:
        return (("Retry-After", http_date(wall_ns + int(float(value) * NS), form)),)
    return (("Retry-After", str(value)),)


def gone(status: int, retry_after: str | float | None = None) -> Step:
    """An error status, with a Status Report."""

    def step(_module: Module, _asked: Asked, wall_ns: int) -> Reply:
        headers = (("Content-Type", "text/plain"), *_retry(retry_after, None, wall_ns))
        return Reply(status, headers, b"scripted answer")

    return step


def result(
    *,
    failed: Mapping[int, int] | None = None,
    left_out: Sequence[int] = (),
    both: Sequence[int] = (),
    add: Sequence[Any] = (),
    **reply: Any,
) -> Step:
    """200 with a response module: all instances committed but for some.

    Args:
        failed: number of an instance in the request (from 0, -1 the last, ``ALL`` every one) -> Failure Reason.
        left_out: numbers of instances that the result does not name.
        both: numbers of instances that stand in both lists.
        add: instances that were not asked for, committed too.
        reply: further fields of the ``Reply``, such as ``status``, ``chunked`` or ``delay_s``.
    """

    def step(module: Module, asked: Asked, _wall_ns: int) -> Reply:
        kind, body = _written(_response(module, dict(failed or {}), left_out, add, both), asked)
        return Reply(**{"status": 200, "headers": (("Content-Type", kind),), "body": body, **reply})

    return step


def unreadable(body: bytes, media_type: str | None = JSON, status: int = 200) -> Step:
    """A success whose payload is no result that can be read."""
    headers = (("Content-Type", media_type),) if media_type else ()
    return lambda _module, _asked, _wall_ns: Reply(status, headers, body)


def cut(step: Step, share: float = 0.6) -> Step:
    """The payload of another step, ending too early, with a Content-Length that fits."""

    def made(module: Module, asked: Asked, wall_ns: int) -> Reply:
        whole = step(module, asked, wall_ns)
        return Reply(whole.status, whole.headers, whole.body[: int(len(whole.body) * share)])

    return made


def silent() -> Step:
    """No answer, however long the client waits."""
    return lambda _module, _asked, _wall_ns: Reply(drop="silence", hold_s=SILENT_S)


def broken(drop: Any, step: Step | None = None) -> Step:
    """The connection is broken in place of an answer, or in the middle of one."""

    def made(module: Module, asked: Asked, wall_ns: int) -> Reply:
        whole = step(module, asked, wall_ns) if step else Reply(200)
        return Reply(whole.status, whole.headers, whole.body, drop=drop)

    return made


def unanswered(play: Play, drop: Any = "silence", step: Step | None = None) -> Step:
    """The request is read and nothing more is said (``stall``: after half of ``step``'s payload); the connection stays open.

    It ends with the client, or after ``[timing] trigger``: by then a client has come back.
    """

    def made(module: Module, asked: Asked, wall_ns: int) -> Reply:
        whole = step(module, asked, wall_ns) if step else Reply(200)
        return Reply(whole.status, whole.headers, whole.body, drop=drop, hold_s=float(play.timing.trigger))

    return made


ALL = 1 << 30  # stands for every instance


def _response(
    module: Module, failed: Mapping[int, int], left_out: Sequence[int], add: Sequence[Any], both: Sequence[int]
) -> Json:
    references = list(module.asked)
    count = len(references)
    reasons = {number % count if count else 0: reason for number, reason in failed.items() if number != ALL}
    everywhere = failed.get(ALL)
    good: list[Reference] = []
    bad: list[tuple[Reference, int]] = []
    for number, reference in enumerate(references):
        reason = reasons.get(number, everywhere)
        if number in left_out:
            continue
        if reason is None:
            good.append(reference)
        if reason is not None or number in both:
            bad.append((reference, 0x0110 if reason is None else reason))
    good += [
        Reference(each.sop_class_uid, each.sop_instance_uid, each.study_instance_uid, each.series_instance_uid)
        for each in add
    ]
    deep = module.structure == "hierarchical"
    made: Json = {}
    if good:
        made["00081110" if deep else "00081199"] = _tree([(ref, None) for ref in good]) if deep else _list(good)
    if bad:
        made["0008119B" if deep else "00081198"] = _tree(bad) if deep else _failed(bad)
    return dict(sorted(made.items()))


def _ui(value: str | None) -> Json:
    return {"vr": "UI", "Value": [value or ""]}


def _list(references: Sequence[Reference]) -> Json:
    items = [{"00081150": _ui(ref.sop_class_uid), "00081155": _ui(ref.sop_instance_uid)} for ref in references]
    return {"vr": "SQ", "Value": items}


def _failed(references: Sequence[tuple[Reference, int]]) -> Json:
    items = [
        {
            "00081150": _ui(ref.sop_class_uid),
            "00081155": _ui(ref.sop_instance_uid),
            "00081197": {"vr": "US", "Value": [reason]},
        }
        for ref, reason in references
    ]
    return {"vr": "SQ", "Value": items}


def _tree(references: Sequence[tuple[Reference, int | None]]) -> Json:
    studies: list[Json] = []
    for ref, reason in references:
        leaf: Json = {"00081155": _ui(ref.sop_instance_uid)}
        if reason is not None:
            leaf["00081197"] = {"vr": "US", "Value": [reason]}
            leaf = dict(sorted(leaf.items()))
        by_class = {"0008114A": {"vr": "SQ", "Value": [leaf]}, "00081150": _ui(ref.sop_class_uid)}
        series = {
            "00081112": {"vr": "SQ", "Value": [dict(sorted(by_class.items()))]},
            "0020000E": _ui(ref.series_instance_uid),
        }
        studies.append({"00081115": {"vr": "SQ", "Value": [series]}, "0020000D": _ui(ref.study_instance_uid)})
    return {"vr": "SQ", "Value": studies}


def _written(value: Json, asked: Asked) -> tuple[str, bytes]:
    """The module in a type that the client accepts: JSON wherever it can read it, else XML."""
    kinds = [kind for item in asked.message.items("accept") if (kind := parse_media_type(item)) is not None]
    essences = {kind.essence for kind in kinds}
    if XML in essences and not essences & {JSON, "*/*", "application/*"}:
        return XML, native_xml.dump(value)
    return JSON, json.dumps(value, separators=(",", ":")).encode()
