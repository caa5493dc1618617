"""What the HTTP traffic of a run shows of a SUT that commits (``origin_server``) or asks (``user_agent``).

Whose request an exchange is, is read from who opened the connection, so proxies fill the same tables.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from stgcmt.clock import NS
from stgcmt.transcript import Transcript
from stgcmt.views.http import Exchange, http
from stgcmt.wire.http_fields import parse_media_type
from stgcmt_reports.statement.fields_web import RESOURCE, asked_pause, honoured, pattern, shown, type_of
from stgcmt_reports.statement.kept import Kept
from stgcmt_reports.statement.modules import Information, of_body
from stgcmt_reports.statement.values import Seen

NO_ANSWER = -1
SLACK_S = 1.0  # Retry-After counts whole seconds
LARGE = 500  # references: far above what a study sent at once has, below what servers limit
SENT_BY_SUT = {
    False: ("content-type", "content-length", "transfer-encoding", "content-encoding", "retry-after", "warning",
            "content-location", "cache-control", "etag", "allow", "date", "www-authenticate"),
    True: ("accept", "accept-charset", "content-type", "content-length", "transfer-encoding", "content-encoding",
           "authorization", "user-agent"),
}  # fmt: skip


@dataclass
class WebSeen:
    """The sightings of one face. ``sut_asks``: the SUT is the user agent. Statuses are -1 where no answer came."""

    sut_asks: bool
    request: Seen = field(default_factory=Seen)
    check: Seen = field(default_factory=Seen)
    other_methods: Seen = field(default_factory=Seen)
    resources: Seen = field(default_factory=Seen)
    headers: dict[str, Seen] = field(default_factory=dict)
    presence: dict[str, Seen] = field(default_factory=dict)  # (method, whether the field was there)
    request_types: Seen = field(default_factory=Seen)  # (media type, whether the request was accepted)
    result_types: Seen = field(default_factory=Seen)
    accepted_types: Seen = field(default_factory=Seen)
    refused_accept: Seen = field(default_factory=Seen)  # media types that were asked for alone, and refused with 406
    parameters: Seen = field(default_factory=Seen)
    charsets: Seen = field(default_factory=Seen)
    reasons: Seen = field(default_factory=Seen)
    structures: Seen = field(default_factory=Seen)
    classes: Seen = field(default_factory=Seen)
    committed_classes: Seen = field(default_factory=Seen)
    refused_classes: Seen = field(default_factory=Seen)
    synchrony: Seen = field(default_factory=Seen)
    delays: Seen = field(default_factory=Seen)
    kept: Seen = field(default_factory=Seen)  # (seconds after the result, whether it was still there)
    after_request: Seen = field(default_factory=Seen)  # (status, what the SUT did next)
    after_check: Seen = field(default_factory=Seen)
    checks_made: Seen = field(default_factory=Seen)
    repeats: Seen = field(default_factory=Seen)
    capabilities: Seen = field(default_factory=Seen)
    tls: Seen = field(default_factory=Seen)
    bases: Seen = field(default_factory=Seen)  # Base URIs that absolute URIs in Content-Location name
    default_types: Seen = field(default_factory=Seen)  # media types of results where Accept leaves the choice
    obeyed: Seen = field(default_factory=Seen)  # whether a Result Check came as Retry-After asked
    pauses: Seen = field(default_factory=Seen)  # seconds from a pending answer that names none to the next Result Check
    kept_back: Kept = field(default_factory=Kept)
    # points on which the standard is silent; the keys are those of readings.toml
    empty_202: Seen = field(default_factory=Seen)
    elsewhere: Seen = field(default_factory=Seen)
    all_missing: Seen = field(default_factory=Seen)
    large: Seen = field(default_factory=Seen)

    @property
    def anything(self) -> bool:
        """Whether a commitment was asked for in this direction at all."""
        return bool(self.request or self.check)


@dataclass(frozen=True)
class _Call:
    """One exchange on the commitment resource."""

    exchange: Exchange
    uid: str
    asked: Information
    told: Information

    @property
    def status(self) -> int:
        return NO_ANSWER if self.exchange.status is None else self.exchange.status

    @property
    def method(self) -> str:
        return self.exchange.method


def observe(transcripts: Mapping[str, Transcript], *, sut_asks: bool) -> WebSeen:
    """Everything that these transcripts show of the SUT in this direction."""
    names = SENT_BY_SUT[sut_asks]
    seen = WebSeen(sut_asks, headers={name: Seen() for name in names}, presence={name: Seen() for name in names})
    for name, transcript in transcripts.items():
        sides = {event.conn: event.info.get("side") for event in transcript.of("conn.open", "conn.refused")}
        wanted = "acceptor" if sut_asks else "requestor"
        exchanges = [each for each in http(transcript).exchanges if sides.get(each.conn, wanted) == wanted]
        conns = {each.conn for each in exchanges}
        for event in transcript.of("conn.tls"):
            if event.conn in conns:
                seen.tls.add((event.info.get("version"), event.info.get("cipher")), name, event.step, (event.n,))
        if exchanges:
            # a mode that states a retention of its own says nothing of what is stated for the SUT
            short = any(event.info.get("what") == "retention" for event in transcript.of("note"))
            reader = _Reader(seen, name, exchanges, short=short)
            reader.read()
            if sut_asks:
                reader.beliefs(transcript)
            else:
                reader.silent_points(transcript)
                seen.kept_back.read(name, transcript, reader.committed)
    return seen


class _Reader:
    """One transcript."""

    def __init__(self, seen: WebSeen, name: str, exchanges: list[Exchange], *, short: bool) -> None:
        self.seen = seen
        self.name = name
        self.exchanges = exchanges
        self.short = short
        self.calls = [_call(each) for each in exchanges if _on_resource(each)]

    def _add(self, seen: Seen, value: object, exchange: Exchange) -> None:
        seen.add(value, self.name, exchange.step, exchange.events)

    def read(self) -> None:
        for exchange in self.exchanges:
            if exchange.request is None:
                continue
            self._add(self.seen.resources, (exchange.method, pattern(exchange.request.path)), exchange)
            if exchange.method == "OPTIONS" and exchange.response is not None and exchange.status == 200:
                media = exchange.response.media_type
                named = RESOURCE.encode() in (exchange.response.decoded or exchange.response.body)
                what = media.essence if media else "no Content-Type"
                self._add(self.seen.capabilities, what if named else f"{what} without {RESOURCE}", exchange)
        for call in self.calls:
            self._call(call)
        for uid in dict.fromkeys(call.uid for call in self.calls):
            self._transaction([call for call in self.calls if call.uid == uid])

    @property
    def committed(self) -> frozenset[str]:
        """The SOP Instance UIDs that results of this transcript commit."""
        return frozenset(each[1] for call in self.calls for each in call.told.committed)

    def beliefs(self, transcript: Transcript) -> None:
        """What the SUT says that it holds an instance for, by the last answer that concerned it."""
        named = {call.uid: call.asked.instances for call in self.calls if call.asked.instances}
        for event in transcript.of("state"):
            uid, held = str(event.info.get("sop_instance_uid")), event.info.get("committed")
            before = [each for each in self.calls if each.exchange.t < event.t and uid in named.get(each.uid, ())]
            if held is None or not before:
                continue
            last = before[-1]
            what = "the instances"
            if last.status == 200:
                told = any(uid == each[1] for each in last.told.committed)
                what = "what the result commits" if told else "what the result does not commit"
            words = f"holds {what} as {'committed' if held else 'not committed'}"
            after = self.seen.after_check if last.method == "GET" else self.seen.after_request
            after.add((last.status, words), self.name, last.exchange.step, (*last.exchange.events, event.n))

    def silent_points(self, transcript: Transcript) -> None:
        """What an origin server does where the standard says nothing, or two things."""
        held = {
            str(event.info.get("sop_instance_uid")): event.info
            for event in transcript.of("seed")
            if event.info.get("ok")
        }
        for call in self.calls:
            response = call.exchange.response
            if call.status == 202 and response is not None and not response.body and call.method in {"POST", "GET"}:
                self._add(self.seen.empty_202, response.framing, call.exchange)
            if call.method != "POST" or not call.asked.instances:
                continue
            final = next((each for each in self.calls if each.uid == call.uid and each.status == 200), None)
            told = final.told if final is not None else Information()
            self._elsewhere(call, told, held)
            made_up = any(
                uid.startswith("2.25.") for uid in call.asked.classes
            )  # an unsupported class is another point
            if (
                not call.asked.instances & held.keys()
                and not made_up
                and call.asked.structure in {"flat", "hierarchical"}
            ):
                if told.failed and not told.committed:
                    self._add(self.seen.all_missing, "result", call.exchange)
                elif call.status >= 400:
                    self._add(self.seen.all_missing, "refused", call.exchange)
            if len(call.asked.instances) >= LARGE:
                what = "taken" if call.status in (200, 202) else "413" if call.status == 413 else "otherwise"
                self._add(self.seen.large, what, call.exchange)

    def _elsewhere(self, call: _Call, told: Information, held: Mapping[str, Mapping[str, Any]]) -> None:
        """Instances that are held and were asked for under another study than their own."""
        for uid, study in call.asked.studies:
            stored = held.get(uid, {}).get("study_instance_uid")
            if stored is None or stored == study:
                continue
            if any(uid == each[1] for each in told.committed):
                self._add(self.seen.elsewhere, "committed", call.exchange)
            elif any(uid == each[1] for each in told.failed):
                self._add(self.seen.elsewhere, "failed", call.exchange)

    # --- one call -------------------------------------------------------------------------------------------------------

    def _call(self, call: _Call) -> None:
        seen, exchange = self.seen, call.exchange
        statuses = {"POST": seen.request, "GET": seen.check}.get(call.method)
        if statuses is None:
            self._add(seen.other_methods, (call.method, call.status), exchange)
            self._headers(call)
            return
        self._add(statuses, call.status, exchange)
        self._headers(call)
        self._payloads(call)
        if seen.sut_asks:
            after = seen.after_request if call.method == "POST" else seen.after_check
            self._add(after, (call.status, self._next(call)), exchange)

    def _headers(self, call: _Call) -> None:
        message = call.exchange.request if self.seen.sut_asks else call.exchange.response
        for name, seen in self.seen.headers.items():
            value = message.header(name) if message is not None else None
            if message is not None:
                self._add(self.seen.presence[name], (call.method, value is not None), call.exchange)
            if value is not None:
                self._add(seen, shown(name, value), call.exchange)
            if value is not None and name == "content-location" and "://" in value:
                self._add(self.seen.bases, value.partition(f"/{RESOURCE}/")[0], call.exchange)

    def _payloads(self, call: _Call) -> None:
        seen, exchange, request, response = self.seen, call.exchange, call.exchange.request, call.exchange.response
        success = 200 <= call.status < 300
        if request is not None and call.method == "POST" and request.media_type is not None:
            self._add(seen.request_types, (type_of(request.media_type), success), exchange)
            charset = request.media_type.param("charset")
            if charset and (success or seen.sut_asks):
                self._add(seen.charsets, charset.lower(), exchange)
        if request is not None and seen.sut_asks:
            for item in request.items("accept"):
                self._add(seen.accepted_types, item.strip(), exchange)
        if request is not None and response is not None and call.status == 406 and len(request.items("accept")) == 1:
            asked = parse_media_type(request.items("accept")[0])
            if asked is not None and asked.essence.startswith(("application/dicom+", "multipart/related")):
                self._add(seen.refused_accept, type_of(asked), exchange)
        if request is not None and request.query:
            for key, value in parse_qsl(request.query, keep_blank_values=True):
                if seen.sut_asks or (success and honoured(key, value, exchange)):
                    self._add(seen.parameters, key, exchange)
        for uid in call.asked.classes:
            self._add(seen.classes, uid, exchange)
        if call.asked.instances and (success or seen.sut_asks):
            self._add(seen.structures, call.asked.structure, exchange)
        if call.status == 200 and response is not None:
            if response.media_type is not None:
                self._add(seen.result_types, type_of(response.media_type), exchange)
                if not seen.sut_asks and request is not None and request.items("accept") == ("*/*",):
                    self._add(seen.default_types, type_of(response.media_type), exchange)
                if not seen.sut_asks and (charset := response.media_type.param("charset")):
                    self._add(seen.charsets, charset.lower(), exchange)
            for reason in call.told.reasons:
                self._add(seen.reasons, reason, exchange)
            for uid in {each[0] for each in call.told.committed if each[0]}:
                self._add(seen.committed_classes, uid, exchange)
            for uid in {each[0] for each in call.told.failed if each[2] == 0x0122 and each[0]}:
                self._add(seen.refused_classes, uid, exchange)

    def _next(self, call: _Call) -> str:
        """What a SUT that asks did after this answer."""
        later = [each for each in self.calls if each.exchange.t > call.exchange.t]
        same = [each for each in later if each.uid == call.uid]
        if same:
            return "sends the Request again" if same[0].method != "GET" else "makes a Result Check"
        asked = next((each.asked for each in self.calls if each.uid == call.uid and each.asked.instances), call.asked)
        if any(asked.instances & each.asked.instances for each in later):
            return "asks again under a new Transaction UID"
        return "sends nothing more for it during the scenario"

    # --- one transaction ------------------------------------------------------------------------------------------------

    def _transaction(self, calls: list[_Call]) -> None:
        seen = self.seen
        posts = [each for each in calls if each.method == "POST"]
        request = next((each for each in posts if each.status in (200, 202)), None)
        checks = [each for each in calls if each.method == "GET"]
        if seen.sut_asks and posts:
            self._add(seen.checks_made, len(checks), posts[0].exchange)
            self._pauses(calls)
            broken = [each for each in calls if each.status in (503, NO_ANSWER)]
            if broken:
                after = [each for each in calls if each.exchange.t > broken[0].exchange.t]
                self._add(seen.repeats, len(after), broken[0].exchange)
        if request is None:
            return
        self._add(seen.synchrony, "synchronous" if request.status == 200 else "asynchronous", request.exchange)
        final = next((each for each in calls if each.status == 200 and each.method in ("GET", "POST")), None)
        if final is None or final.exchange.response is None or request.exchange.request is None:
            return
        asked, told = request.asked.structure, final.told.structure
        if not seen.sut_asks and {asked, told} == {"flat", "hierarchical"}:
            self._add(seen.structures, f"{asked} (answered {told})", final.exchange)
        done = final.exchange.response.t_last
        self._add(seen.delays, max(round((done - request.exchange.request.t_last) / NS, 2), 0.0), final.exchange)
        for check in () if self.short else checks:
            if check.exchange.t > done and check.status in (200, 404, 410):
                age = round((check.exchange.t - done) / NS, 1)
                self._add(seen.kept, (age, check.status == 200), check.exchange)

    def _pauses(self, calls: list[_Call]) -> None:
        for before, after in itertools.pairwise(calls):
            response = before.exchange.response
            asked = asked_pause(response) if response is not None and after.method == "GET" else None
            if response is not None and asked is not None:
                late = (after.exchange.t - response.t_last) / NS >= asked - SLACK_S
                self._add(
                    self.seen.obeyed, "as Retry-After asks" if late else "earlier than Retry-After asks", after.exchange
                )
            if (
                after.method == "GET"
                and before.status == 202
                and response is not None
                and not response.header("retry-after")
            ):
                self._add(
                    self.seen.pauses, max(round((after.exchange.t - response.t_last) / NS, 1), 0.0), after.exchange
                )


def _call(exchange: Exchange) -> _Call:
    request, response = exchange.request, exchange.response
    segments = request.segments if request is not None else ()
    rest = segments[segments.index(RESOURCE) + 1 :] if RESOURCE in segments else ()
    asked = told = Information()
    if request is not None and request.body:
        asked = of_body(request.media_type, request.decoded or b"")
    if response is not None and response.status == 200 and response.body:
        told = of_body(response.media_type, response.decoded or b"")
    return _Call(exchange, unquote("/".join(rest)), asked, told)


def _on_resource(exchange: Exchange) -> bool:
    return exchange.request is not None and RESOURCE in exchange.request.segments
