"""No secret reaches a file: in any form, split over any reads, in any file of a bundle."""

from __future__ import annotations

import asyncio
import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stgcmt.clock import SystemClock
from stgcmt.masking import Flow, Masker, Secret, basic_secrets, identity_spans, secrets_of
from stgcmt.transcript import Recorder, read_transcript

TOKEN = b"T0ken+of/this=Run&<7>"
FORMS = {
    "plain": lambda s: s,
    "json": lambda s: json.dumps(s.decode())[1:-1].encode(),
    "percent": lambda s: quote(s, safe="").encode(),
    "percent lower": lambda s: quote(s, safe="").lower().encode() if s.islower() else quote(s, safe="/").encode(),
    "plus": lambda s: quote_plus(s).encode(),
    "every": lambda s: "".join(f"%{b:02x}" for b in s).encode(),
    "html": lambda s: html.escape(s.decode()).encode(),
    "base64": base64.b64encode,
    "base64 in more": lambda s: base64.b64encode(b"user:" + s + b"; and so on"),
    "base64 shifted": lambda s: base64.b64encode(b"{" + s + b"}"),
    "base64 url": lambda s: base64.urlsafe_b64encode(b"xy" + s + b"z"),
}
secrets_ = (
    st.text("abcXYZ019+/=&<>\"'%:._~ -", min_size=8, max_size=24).filter(lambda s: s.strip() == s).map(str.encode)
)
noise = st.binary(max_size=20)


def leaked(data: bytes, secret: bytes) -> list[str]:
    """The forms in which a secret stands in these bytes."""
    found = [name for name in ("plain", "json", "percent", "plus", "every", "html") if FORMS[name](secret) in data]
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + secret)
        core = encoded[-(-8 * before // 6) : 8 * (before + len(secret)) // 6]
        found += [f"base64 {before}" for each in (core, core.translate(bytes.maketrans(b"+/", b"-_"))) if each in data]
    return found


@settings(max_examples=300, deadline=None)
@given(secrets_, st.sampled_from(sorted(FORMS)), noise, noise, st.lists(st.integers(0, 120), max_size=12))
def test_every_form_is_blanked_over_every_split(secret, form, before, after, cuts):
    whole = before + FORMS[form](secret) + after
    flow = Flow(Masker([Secret(secret, "token")]))
    points = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    written = []
    for start, end in zip(points, points[1:]):
        written += list(flow.feed(whole[start:end], start))
    written += list(flow.flush())
    joined = b"".join(data for data, _, _ in written)
    assert len(joined) == len(whole)
    assert not leaked(joined, secret)
    at = 0
    for data, spans, tag in written:
        assert tag <= at < next((p for p in points if p > tag), len(whole)), "a piece keeps the time of its read"
        blank = [i for start, size, _ in spans for i in range(start, start + size)]
        assert len(blank) == len(set(blank))
        for i, byte in enumerate(data):
            assert byte == (ord("*") if i in blank else whole[at + i]), "nothing else is changed"
        at += len(data)


@settings(max_examples=100, deadline=None)
@given(secrets_, st.lists(st.integers(1, 30), max_size=5), st.lists(st.integers(0, 200), max_size=6))
def test_an_echo_in_chunks_is_blanked_too(secret, sizes, cuts):
    body, chunked = b'{"you said": "' + secret + b'"}', b""
    rest = body
    for size in [*sizes, len(body)]:
        piece, rest = rest[:size], rest[size:]
        chunked += b"%x\r\n%s\r\n" % (len(piece), piece) if piece else b""
    chunked += b"0\r\n\r\n"
    flow = Flow(Masker([Secret(secret, "token")]))
    points = sorted({0, len(chunked), *(cut for cut in cuts if cut < len(chunked))})
    out = [piece for a, b in zip(points, points[1:]) for piece in flow.feed(chunked[a:b], None)] + list(flow.flush())
    stream = b"".join(data for data, _, _ in out)
    decoded = b""
    while (size := int(stream.partition(b"\r\n")[0], 16)) and len(decoded) < len(body):
        stream = stream.partition(b"\r\n")[2]
        decoded, stream = decoded + stream[:size], stream[size + 2 :]
    assert len(decoded) == len(body), "the framing stays"
    assert secret not in decoded
    assert decoded.startswith(b'{"you said": "')


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"Set-Cookie: sid=abc; Path=/; HttpOnly\r\n", b"Set-Cookie: sid=***; Path=/; HttpOnly\r\n"),
        (b"COOKIE: a=1; b=22\r\n", b"COOKIE: a=*; b=**\r\n"),
        (b"Authorization: Bearer xyz\r\n", b"Authorization: Bearer ***\r\n"),
        (b"X-Api-Key: xyz\r\n", b"X-Api-Key: ***\r\n"),
        (b"GET /a?x=1&access_token=ab+c HTTP/1.1\r\n", b"GET /a?x=1&access_token=**** HTTP/1.1\r\n"),
        (b"Location: http://u:pw@h/?sig=1\r\n", b"Location: http://u:**@h/?sig=*\r\n"),
        (b'"url": "http://h/?Token=q"', b'"url": "http://h/?Token=*"'),
        (b"Cookie-Policy: a=1\r\nX: authorization\r\n/x?accept=json&charset=u", None),
    ],
)
def test_what_its_place_tells_is_blanked_there_over_every_split(line, shown):
    for cut in range(len(line) + 1):
        flow = Flow(Masker())
        out = b"".join(p[0] for part in (line[:cut], line[cut:]) for p in flow.feed(part, 0))
        out += b"".join(p[0] for p in flow.flush())
        assert out == (shown or line), cut


def test_what_a_header_gave_away_is_known_from_then_on_unless_it_is_a_word():
    masker = Masker()
    assert masker.data(b"Set-Cookie: sid=0123456789abcdef; Path=/\r\n")[1]
    assert masker.data(b"X-Echo: 0123456789abcdef")[1] == [[8, 16, "cookie"]]
    assert masker.data(b"Set-Cookie: lang=application; Path=/\r\n")[1]
    assert masker.data(b"Content-Type: application/dicom+json")[1] == []


def test_bytes_without_a_secret_are_written_at_once():
    flow = Flow(Masker([Secret(b"sesame-open-42", "token")]))
    for data in (b"HTTP/1.1 200 OK\r\n", b"Content-Type: x\r\n\r\n", b'{"a": 1}', b"\x00\xff"):
        assert [piece[0] for piece in flow.feed(data, 0)] == [data]


def test_a_held_end_is_written_when_the_connection_closes(tmp_path):
    recorder = Recorder(
        tmp_path / "x.jsonl", SystemClock(), role="r", scenario="s", masker=Masker([Secret(b"sesame", "t")])
    )
    tap, other = recorder.connection(), recorder.connection()
    tap.event("http.in", b"{} ses")
    tap.event("http.out", b"GET /\r\n")
    tap.event("http.in", b"ame ses")
    other.event("http.in", b"ame")
    tap.event("conn.close", how="fin")
    other.event("http.in", b"s")
    recorder.close("complete")
    read = read_transcript(recorder.path)
    assert read.complete
    incoming = [event for event in read.events if event.kind == "http.in"]
    assert b"".join(e.data for e in incoming if e.conn == 1) == b"{} ****** ses"
    assert b"".join(e.data for e in incoming if e.conn == 2) == b"ames"
    assert [e.t for e in incoming if e.conn == 1] == sorted(e.t for e in incoming if e.conn == 1)
    assert incoming[1].info["masked"] == [[0, 3, "t"]], "of the first read, written with the second"
    assert [e.kind for e in read.events].index("conn.close") > max(e.n for e in incoming if e.conn == 1) - 1


@pytest.mark.parametrize("response", [True, False])
def test_a_user_identity_is_blanked_and_its_passcode_known_from_then_on(tmp_path, response):
    from pynetdicom.pdu import A_ASSOCIATE_RQ
    from pynetdicom.pdu_primitives import (
        A_ASSOCIATE,
        ImplementationClassUIDNotification,
        MaximumLengthNotification,
        UserIdentityNegotiation,
    )
    from pynetdicom.presentation import build_context

    asked = A_ASSOCIATE()
    asked.application_context_name = "1.2.840.10008.3.1.1.1"
    asked.calling_ae_title, asked.called_ae_title = "MODALITY", "ARCHIVE"
    context = build_context("1.2.840.10008.1.20.1")
    context.context_id = 1
    asked.presentation_context_definition_list = [context]
    length, implementation, identity = (
        MaximumLengthNotification(),
        ImplementationClassUIDNotification(),
        UserIdentityNegotiation(),
    )
    length.maximum_length_received = 16384
    implementation.implementation_class_uid = "1.2.3"
    identity.user_identity_type, identity.positive_response_requested = 2, response
    identity.primary_field, identity.secondary_field = b"doctor", b"open-sesame"
    asked.user_information = [length, implementation, identity]
    rq = A_ASSOCIATE_RQ(asked).encode()
    assert b"doctor" in rq and b"open-sesame" in rq
    recorder = Recorder(tmp_path / "x.jsonl", SystemClock(), role="r", scenario="s")
    tap = recorder.connection()
    tap.event("dimse.in", rq)
    tap.event("dimse.out", b"\x04 echo: open-sesame")
    recorder.close("complete")
    first, second = read_transcript(recorder.path).events
    assert first.data == rq.replace(b"doctor", b"******").replace(b"open-sesame", b"***********")
    assert {span[2] for span in first.info["masked"]} == {"user-identity", "passcode"}
    assert second.data == b"\x04 echo: ***********"


@given(st.binary(max_size=200), st.integers(0, 2))
def test_no_pdu_breaks_the_search_for_identities(data, kind):
    assert all(0 <= a < b for a, b, _ in identity_spans(bytes([kind]) + bytes(73) + b"\x50\x00" + data))


def test_secrets_of_a_section_are_found_at_any_depth():
    section = {"token": "abc", "tls": {"verify": True}, "seeding": {"basic": "user:pass"}}
    values = {each.value for each in secrets_of(section)}
    assert values == {b"abc", b"user:pass", b"dXNlcjpwYXNz", b"pass"}
    assert {each.value for each in basic_secrets("a:b")} == {b"a:b", b"YTpi"}


# --- a whole run ------------------------------------------------------------------------------------------------------


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Whatever it is asked, it says back, in every form and in small pieces."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
            await reader.readexactly(int(fields.get(b"Content-Length", b"0")))
            said = [fields.get(b"Authorization", b"").partition(b" ")[2], fields.get(b"X-Vendor", b"")]
            said += [base64.b64decode(said[0] + b"===")] if b"Basic" in fields.get(b"Authorization", b"") else []
            forms = b"\n".join(form(each) for each in said if each for form in FORMS.values())
            fold = [quote(each, safe="").encode() for each in said]
            body = b'{"echo": "' + forms + b'"}'
            answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\nX-Echo: %s\r\n" % b",".join(said)
            answer += b"Location: /x?y=%s\r\nSet-Cookie: s=%s\r\n" % (fold[0], fold[-1])
            answer += b"Transfer-Encoding: chunked\r\n\r\n"
            for start in range(0, len(body), 7):
                piece = body[start : start + 7]
                answer += b"%x\r\n%s\r\n" % (len(piece), piece)
            answer += b"0\r\n\r\n"
            for start in range(0, len(answer), 97):
                writer.write(answer[start : start + 97])
                await writer.drain()
                await asyncio.sleep(0)
    except (asyncio.IncompleteReadError, ConnectionError, ValueError):
        pass
    finally:
        writer.close()


@pytest.mark.parametrize("how", ["token_env", "basic_env"])
def test_no_file_of_a_bundle_holds_a_secret_that_the_sut_says_back(tmp_path, monkeypatch, how):
    from stgcmt import bundle
    from stgcmt.commands.run import make_plan
    from stgcmt.play import play_plan
    from stgcmt.results import judged_results

    secret = TOKEN if how == "token_env" else b"user:" + TOKEN
    monkeypatch.setenv("THE_SECRET", secret.decode())
    monkeypatch.setenv("THE_OTHER", "vendor-key-4711-x")
    directory = bundle.prepare(tmp_path / "out")

    async def play():
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        file = tmp_path / "sut.toml"
        file.write_text(
            f'name = "echo"\n[origin_server]\nbase_url = "http://127.0.0.1:{port}/api"\n{how} = "THE_SECRET"\n'
            'headers_env = { X-Vendor = "THE_OTHER" }\n[seeding]\nhow = "stow"\n[retrieval]\nhow = "wado-rs"\n'
            "[timing]\nresult_deadline = 1.0\npoll_interval = 0.2\nhttp_response = 2.0\n"
        )
        plan = make_plan(file, role=("origin_server",))
        await play_plan(plan, directory)
        server.close()
        return plan

    plan = asyncio.run(play())
    recording = bundle.load(directory)
    results, _ = judged_results(recording, plan.suites, judged="2025-01-01T00:00:00Z")
    bundle.write(directory, results, recording, ["stgcmt", "run"])
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert {"results.json", "report.html", "junit.xml", "run.jsonl"} <= {path.name for path in files}
    masked, events = 0, 0
    for path in files:
        raw = path.read_bytes()
        for value in (TOKEN, secret, b"vendor-key-4711-x"):
            assert not leaked(raw, value), (path, leaked(raw, value))
    for path in (directory / "transcripts").rglob("*.jsonl"):
        streams: dict[tuple, bytes] = {}
        for event in read_transcript(path).events:
            streams[event.conn, event.kind] = streams.get((event.conn, event.kind), b"") + event.data
            masked += "masked" in event.info
            events += 1
        for stream in streams.values():
            for value in (TOKEN, secret, b"vendor-key-4711-x"):
                assert not leaked(stream, value), (path, leaked(stream, value))
    assert masked > 50, (masked, events)


def test_the_reference_s_own_token_is_a_secret(tmp_path, monkeypatch):
    from stgcmt import bundle
    from stgcmt.commands.run import make_plan, run_plan
    from stgcmt_suites.origin_server import settings

    monkeypatch.setattr(settings.secrets, "token_urlsafe", lambda _: "made-by-the-reference-0815")
    suites = make_plan(None).suites
    scenario = next(each for each in suites["origin_server"].all_scenarios.values() if each.mode == "secured")
    rows = {i for check in suites["origin_server"].all_checks if scenario.name in check.scenarios for i in check.ids}
    plan = make_plan(None, role=("origin_server",), req=tuple(rows))
    directory = bundle.prepare(tmp_path / "out")
    run_plan(plan, directory)
    blanked = 0
    for path in directory.rglob("*"):
        raw = path.read_bytes() if path.is_file() else b""
        assert not leaked(raw, b"made-by-the-reference-0815"), path
        for line in raw.splitlines() if path.suffix == ".jsonl" else ():
            event = json.loads(line)
            assert not leaked(base64.b64decode(event.get("data", "")), b"made-by-the-reference-0815"), path
            blanked += "bearer-token" in str(event.get("info", {}).get("masked", ""))
    assert blanked


_PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            [TOKEN[:7], TOKEN[7:], TOKEN, b"2.25.17", b"Cookie: a=b", b"\r\n", b"\r\n1f\r\n", b"\r\n1f;x", b"?token=", b"&ke",
             b"http://u:p@h/", b"http", b"x=1;", b"Auth", b"\r", b"}", b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"]
        ),
        noise,
    ),
    max_size=6,
).map(b"".join)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(_PIECES, st.booleans())
def test_what_is_written_as_it_is_holds_no_secret_and_none_that_begins(data, knows):
    masker = Masker([Secret(TOKEN, "token"), Secret(b"2.25.1784", "password")] if knows else [])
    nothing = masker.spans(data) == [] and masker.hold(data) == len(data)
    assert masker.is_plain(data) is nothing


def test_a_secret_of_digits_is_blanked_in_texts_of_digits():
    assert Masker([Secret(b"178412", "password")]).text("2.25.178412.1") == "2.25.******.1"
    assert Masker([Secret(TOKEN, "token")]).text("2.25.178412.1") == "2.25.178412.1"
