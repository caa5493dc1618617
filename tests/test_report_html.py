"""report.html as text: whole, offline, ranked, nothing of a SUT unescaped, cut with notice; what a browser shows is tested apart."""

from __future__ import annotations

import base64
import gzip
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import reports_evidence as made
from stgcmt.evidence import Evidence
from stgcmt_reports import exchanges, html, sections, timeline, unjudged

HOSTILE = "</script><img src=x onerror=alert(1)>\x00\x07\u202e\ud800"


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return made.evidence(tmp_path_factory.mktemp("bundle"))


class Page(HTMLParser):
    VOID = {"meta", "input", "br", "link", "img"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids, self.links, self.open, self.fetched, self.handlers = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if attributes.get("href", "").startswith("#"):
            self.links.append(attributes["href"][1:])
        self.fetched += [attributes[key] for key in ("src", "srcset", "data", "action") if key in attributes]
        self.handlers += [key for key in attributes if key.startswith("on")]
        if tag == "link":
            self.fetched.append(attributes.get("href"))

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def packed(text: str, attribute: str):
    (found,) = re.findall(
        rf'<script type="application/octet-stream"[^>]*{re.escape(attribute)}[^>]*>([^<]*)</script>', text
    )
    return json.loads(gzip.decompress(base64.b64decode(found)))


def block(text: str, name: str):
    return packed(text, f'data-name="{name}"')


def test_the_page_is_whole_and_offline_and_every_link_has_its_target(evidence: Evidence, tmp_path: Path) -> None:
    (path,) = html.write(evidence, tmp_path)
    text = path.read_text("utf-8")
    page = Page(text)
    assert page.open == []
    assert page.fetched == page.handlers == []
    assert "@import" not in text
    assert "url(" not in text
    assert len(page.ids) == len(set(page.ids))
    events = {
        f"{exchanges.slug(name)}-{event.n}" for name, each in evidence.transcripts.items() for event in each.events
    }
    assert set(page.links) <= set(page.ids) | events
    for row in packed(text, 'id="data-rows"'):
        inside = Page(row["h"])
        assert inside.open == inside.handlers == []
        assert set(inside.links) <= set(page.ids) | events


def test_no_script_but_the_page_s_own_may_run(evidence: Evidence) -> None:
    import hashlib

    text = html.render(evidence)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1]


def test_the_cover_says_who_what_when_and_how_far_to_trust_it(evidence: Evidence) -> None:
    cover = html.render(evidence).split("<main>")[0]
    for told in (
        "Archive",
        "2.0",
        "ACME &lt;Imaging&gt;",
        "origin_server, scp",
        "2025a",
        "stgcmt 0.1.0",
        "01234567",
        "self-run, unsigned",
    ):
        assert told in cover, told
    assert "<b>5</b> of 7" in cover
    assert cover.count(" / ") >= 4, "tested / total stands in the row of every role"
    assert html.trust(Evidence({}, {}, {"driver": {"kind": "builtin"}})).endswith("comes with the tool")


def test_findings_come_worst_consequence_first_and_mark_the_deviating_message(evidence: Evidence) -> None:
    text = html.render(evidence)
    order = re.findall(r'<article class="finding (\w+)" id="f-([^"]*)"', text)
    assert [ident for _, ident in order] == [
        "scp-DIMSE-5.4.2.1-02", "origin_server-WEB-13.4.3-01", "scp-DIMSE-J.3-09", "scp-DIMSE-J.3-10",
    ]  # fmt: skip
    finding = text.split('id="f-origin_server-WEB-13.4.3-01"')[1].split("</article>")[0]
    assert "<svg" in finding
    assert 'href="#origin_server-pending_commitment-16"' in finding
    (deviating,) = re.findall(r'<a class="[^"]* deviates"[^>]*data-e="([\d ]+)"', finding)
    assert "16" in deviating.split()
    (written,) = re.findall(
        r'<details class="message" open data-e="16">(.*?)</details>\s*</figure>', finding, re.DOTALL
    )
    assert "Failure Reason" in written
    assert "&quot;274&quot; (a JSON string)" in written, "what deviates can be read in the tree"


def test_every_row_has_its_detail_with_kill_proof_and_marks(evidence: Evidence) -> None:
    rows = [dict(row) for row in evidence.results["requirements"]]
    rows[1]["proof"] = {"tried": 16, "killed": 2, "examples": ["pending_commitment: drop <a> header: event 9"]}
    results = {**evidence.results, "requirements": rows}
    text = html.render(Evidence(results, evidence.transcripts, {}))
    details = packed(text, 'id="data-rows"')
    assert len(details) == len(rows)
    assert "2 of 16 mutations" in details[1]["h"]
    assert "drop &lt;a&gt; header" in details[1]["h"]
    assert 'data-name="origin_server/pending_commitment"' in details[1]["h"], "a pass shows its scenario too"
    assert "AMB-12" in details[2]["h"]
    assert "amb-12" in details[2]["q"]
    assert 'data-mark="known issue,"' in text
    assert 'data-mark="excluded,"' in text
    assert all(row["id"] in text for row in rows)


def test_what_is_not_proved_is_said(evidence: Evidence) -> None:
    text = html.render(evidence).split('id="unjudged"')[1].split("</section>")[0]
    assert "the SUT always answered at once" in text
    assert "not on the wire: &lt;b&gt;&amp;" in text
    assert "fixed in 2.1, until 2026-12-31, ARC-7" in text
    assert "0.010 s late" in text
    assert "2 of 7 requirements not tested; 2 more excluded or not applicable" in text
    titles = [group.title for group in unjudged.groups(evidence.results)]
    assert titles == ["Inconclusive", "Not applicable by a claim", "Excluded: cannot be judged from the wire"]


def test_a_score_a_role_adds_up_to_the_summary(evidence: Evidence) -> None:
    from stgcmt.verdict import summary

    found = unjudged.scores(evidence.results)
    assert [score.role for score in found] == ["origin_server", "scp"]
    assert summary([]).keys() >= {"tested", "total"}
    for verdict in ("pass", "fail", "warn", "error"):
        assert sum(score.counts[verdict] for score in found) == evidence.results["summary"][verdict]
    assert [(score.tested, score.total) for score in found] == [(3, 4), (2, 3)]


def test_a_block_has_the_decoded_message_its_text_and_its_bytes(evidence: Evidence) -> None:
    content = block(html.render(evidence), "origin_server/pending_commitment")
    assert content["svg"].startswith("<svg")
    step = next(step for step in content["steps"] if 16 in step["e"])
    assert "Failure Reason" in step["h"]
    assert step["p"][0][1] == "JSON"
    assert '"00081197": {"vr": "US", "Value": ["274"]}  FailureReason' in step["p"][0][2]
    assert step["r"].startswith("HTTP/1.1 200 OK")
    assert step["s"] == len(step["r"])
    report = next(
        step
        for step in block(html.render(evidence), "scp/missing_class_uid")["steps"]
        if "N-EVENT-REPORT-RQ" in step["l"]
    )
    assert "(0008,1195)" in report["h"]
    assert "Transaction UID" in report["h"]
    assert "Event Type ID" in report["h"]


def test_hostile_text_is_escaped_in_every_part(evidence: Evidence, tmp_path: Path) -> None:
    rows = [dict(row) for row in evidence.results["requirements"]]
    for row in rows:
        for key in ("title", "statement", "clause", "message", "expected", "cost", "next_step"):
            row[key] = HOSTILE
        row |= {
            "seen": [HOSTILE],
            "readings": [HOSTILE],
            "checks": [{"name": HOSTILE, "verdict": "pass", "outcome": None, "message": ""}],
        }
        row["proof"] = {"tried": 1, "killed": 1, "examples": [HOSTILE]}
    results = {
        **evidence.results,
        "requirements": rows,
        "sut": {"name": HOSTILE, "vendor": HOSTILE, "version": HOSTILE},
    }
    (path,) = html.write(Evidence(results, evidence.transcripts, {}), tmp_path)
    text = path.read_text("utf-8")
    whole = [text, *(row["h"] for row in packed(text, 'id="data-rows"'))]
    assert all("<img" not in each and "\x00" not in each and "\u202e" not in each for each in whole)
    assert Page(text).open == []
    assert "\\u202e" in text, "what does not print is shown as what it is"


def test_hostile_messages_are_shown_and_cut(tmp_path: Path) -> None:
    rec = made.Recording(tmp_path, "origin_server", "hostile")
    rec.event("conn.open", conn=1, protocol="http", side="requestor", local=["127.0.0.1", 1], peer=["127.0.0.1", 2])
    rec.event("http.out", b"GET /<svg/onload=alert(1)> HTTP/1.1\r\nHost: x\r\n\r\n", conn=1)
    huge = b"HTTP/1.1 200 </script><script>alert(1)</script>\r\nX-Huge: " + b"A" * 5_000_000
    body = b'\xff\xfe{"</script><img src=x onerror=alert(1)>":1}'
    rec.event("http.in", huge + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body, conn=1)
    transcript = rec.done()
    row = made.row(
        "WEB-1",
        "origin_server",
        "fail",
        evidence=[{"transcript": "origin_server/hostile", "event": 3}],
        seen=["A" * 5_000_000],
    )
    text = html.render(Evidence(made.results([row]), {"origin_server/hostile": transcript}, {}))
    assert len(text) < 400_000
    assert "more characters" in text
    content = block(text, "origin_server/hostile")
    step = next(step for step in content["steps"] if 3 in step["e"])
    assert step["s"] > 5_000_000 > len(step["r"])
    for each in (text, content["svg"], *(step.get("h", "") for step in content["steps"])):
        assert "<img" not in each
        assert "<script>alert" not in each
        assert "<svg/onload" not in each
    assert made.SECRET.decode() not in text


def test_no_secret_is_in_the_page(evidence: Evidence) -> None:
    text = html.render(evidence)
    whole = text + "".join(json.dumps(block(text, name)) for name in evidence.transcripts)
    assert made.SECRET.decode() not in whole


def test_the_page_stays_small_and_says_what_it_left_out(evidence: Evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = len(html.render(evidence))
    monkeypatch.setattr(exchanges, "BUDGET", 2500)
    monkeypatch.setattr(exchanges, "STEPS", 3)
    text = html.render(evidence)
    assert "the content of its messages is left out to keep this page small" in text
    content = block(text, "origin_server/pending_commitment")
    assert any("left out to keep this page small" in step.get("o", "") for step in content["steps"])
    assert "not shown here" in content["svg"]
    cited = {event for step in content["steps"] for event in step["e"]}
    assert 16 in cited, "what a finding cites is always there"
    assert len(text) < whole


def test_a_run_that_fails_everywhere_stays_readable(evidence: Evidence) -> None:
    cited = [{"transcript": "origin_server/pending_commitment", "event": 16}]
    rows = [made.row(f"WEB-{n}", "origin_server", "fail", evidence=cited) for n in range(300)]
    text = html.render(Evidence(made.results(rows), evidence.transcripts, {}))
    assert text.count("<article") == 300
    assert text.count('<svg class="sequence"') == sections.DRAWN
    assert text.count('<details class="exchange lazy"') == 300 - sections.DRAWN
    assert len(text) < 2_500_000


def test_a_page_of_nothing() -> None:
    empty = made.results([])
    text = html.render(Evidence(empty, {}, {}))
    assert "No requirement failed" in text
    assert 'id="timeline"' not in text, "a section without data is not there"
    assert Page(text).open == []


def test_a_section_of_one_s_own_is_a_template_and_a_function(
    evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = html._template
    monkeypatch.setattr(
        html,
        "_template",
        lambda name: '<h2 id="h-mine">{{ section.title }}: {{ data.x }}</h2>' if name == "mine.html.j2" else real(name),
    )
    mine = sections.Section("mine", "Mine", "mine.html.j2", lambda page: {"x": len(page.findings)})
    monkeypatch.setattr(html, "SECTIONS", (*sections.SECTIONS, mine))
    text = html.render(evidence)
    assert '<section id="mine" aria-labelledby="h-mine">' in text
    assert "Mine: 4</h2>" in text
    assert '<a href="#mine">Mine</a>' in text


def test_every_section_stands_once() -> None:
    idents = [section.ident for section in sections.SECTIONS]
    assert len(idents) == len(set(idents))
    assert idents[0] == "findings"


def test_a_section_that_cannot_be_made_costs_the_others_nothing(
    evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = sections.Section("mine", "Mine", "mine.html.j2", lambda page: {}["<x>"])
    monkeypatch.setattr(html, "SECTIONS", (broken, *sections.SECTIONS))
    text = html.render(evidence)
    assert "The section Mine could not be made: KeyError: &#39;&lt;x&gt;&#39;" in text
    assert text.count("<article") == 4
    assert 'id="mine"' not in text


def test_the_timeline_has_every_wait_of_the_run(evidence: Evidence) -> None:
    spans = timeline.spans(evidence.transcripts, evidence.results["timing"])
    waits = [wait for span in spans for wait in span.waits]
    recorded = sum(len(each.of("wait.start")) for each in evidence.transcripts.values())
    assert len(waits) == recorded == 3
    assert {(wait.name, wait.reason, wait.ran_out) for wait in waits} == {
        ("retry_after", "sut", True), ("max_report_delay", "report", False),
    }  # fmt: skip
    assert [span.critical for span in spans if span.name == "scp/missing_class_uid"] == [True]
    assert timeline.chart(spans).count('class="wait ') == recorded
    assert timeline.table(spans).count("<tr>") == recorded + 1
