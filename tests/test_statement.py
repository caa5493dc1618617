"""The statement writer: what stands in which cell, how it looks in each output, and that it opens where it should."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
import zipfile

import jsonschema
import pytest

from statement_runs import CLEAN, VARIANT, evidence_of, facts, statement_of, suites
from stgcmt.selftest_cases import Case, record
from stgcmt_fixtures.instances import PRIVATE_CLASS
from stgcmt_reports import statement as writer
from stgcmt_reports.statement import editions, readings, render_docx, words
from stgcmt_reports.statement.cells import Declared, listed
from stgcmt_reports.statement.document import build
from stgcmt_reports.statement.values import Cell, Place, Seen

SCP_ROWS = ("DIMSE-J.3.2.1.3-01", "DIMSE-5.4.2.1-02", "DIMSE-C.14.1.1-01", "DIMSE-J.3.3.1.1.1-01")
WEB_ROWS = ("WEB-13.4.3-07", "WEB-13.4.2-01", "WEB-13.2-03", "WEB-13.2-08", "WEB-13.4.3-03")


def cells_of(statement, table):
    return {
        row.key: row.cells
        for section in statement.sections
        for one in section.tables
        if one.key == table
        for row in one.rows
    }


def with_claims(recording, claims):
    """The recording as if the SUT file had made other claims."""
    import dataclasses

    header = recording.run.header
    info = {**header.info, "claims": claims}
    return dataclasses.replace(
        recording, run=dataclasses.replace(recording.run, header=dataclasses.replace(header, info=info))
    )


@pytest.fixture(scope="module")
def scp_recording():
    return record(suites()["scp"], Case("scp", CLEAN, "", SCP_ROWS))


@pytest.fixture(scope="module")
def web_recording():
    return record(suites()["origin_server"], Case("origin_server", CLEAN, "", WEB_ROWS))


# --- cells ---------------------------------------------------------------------------------------------------------------


def test_an_observed_cell_names_events_that_are_there(scp_recording):
    evidence = evidence_of(scp_recording)
    observed = [cell for *_, cell in build(evidence).cells() if cell.kind == "observed"]
    assert len(observed) > 20
    for cell in observed:
        assert cell.places and cell.count >= len(cell.places)
        for place in cell.places:
            known = {event.n for event in evidence.transcripts[place.transcript].events}
            assert place.events and set(place.events) <= known


def test_the_status_of_a_missing_attribute_is_observed_where_it_was_sent(scp_recording):
    rows = cells_of(build(evidence_of(scp_recording)), "status_dimse.scp_action")
    assert rows["0120H"][3].text == "sent in: missing attributes (7 steps)"
    assert (rows["0120H"][3].kind, rows["0120H"][3].count, rows["0120H"][3].slot) == ("observed", 7, "scp.action.0120")
    assert rows["0210H"][3].kind == "open"
    assert all(place.transcript == "scp/missing_attributes" for place in rows["0120H"][3].places)


def test_sections_of_other_roles_are_kept_and_not_applicable(scp_recording):
    sections = {section.key: section for section in build(evidence_of(scp_recording)).sections}
    assert sections["service_scp"].applies and not sections["service_scu"].applies
    assert not sections["status_web"].applies and not sections["status_web"].tables
    assert words.heading(sections["service_scu"]) == "N.5.2.6.1 Storage Commitment SCU - N/A"
    tables = {table.key for section in sections.values() for table in section.tables}
    assert "status_dimse.scp_action" in tables and "status_dimse.scu_action" not in tables


def test_what_the_vendor_states_is_declared_and_keeps_its_events(scp_recording):
    stated = {
        "statement": {"scp": {"action": {"0120": "a mandatory attribute is missing"}, "commitment": "for ten years"}}
    }
    rows = build(evidence_of(with_claims(scp_recording, stated)))
    cell = cells_of(rows, "status_dimse.scp_action")["0120H"][3]
    assert (cell.kind, cell.text, cell.count) == ("declared", "a mandatory attribute is missing", 7)
    assert cells_of(rows, "duties_scp.duties")["D-SCP-1"][2].text == "for ten years"
    assert {each["claim"] for each in rows.audit["observed"]} == {"scp.action.0120"}
    assert {each["claim"] for each in rows.audit["not_observed"]} == {"scp.commitment"}


def test_a_denied_code_that_was_sent_is_contradicted(scp_recording):
    stated = {"statement": {"scp.action.0120": "not supported", "scp.action.0213": "not supported", "scp.nosuch": "x"}}
    audit = build(evidence_of(with_claims(scp_recording, stated))).audit
    assert [each["claim"] for each in audit["contradicted"]] == ["scp.action.0120"]
    assert audit["contradicted"][0]["evidence"][0]["transcript"] == "scp/missing_attributes"
    assert [each["claim"] for each in audit["not_observed"]] == ["scp.action.0213"]
    assert audit["unknown_slots"] == ["scp.nosuch"]


def test_nothing_recorded_leaves_every_table_to_be_completed(scp_recording):
    import dataclasses

    evidence = evidence_of(dataclasses.replace(scp_recording, scenarios={}))
    statement = build(evidence)
    assert statement.counts["observed"] == 0 and statement.counts["open"] > 40


def test_credentials_are_named_by_their_scheme_alone():
    statement = statement_of("origin_server", CLEAN, "", ("WEB-8.5-01",))
    cell = cells_of(statement, "security.access")["origin_server.credentials"][1]
    assert (cell.text, cell.kind) == ("Bearer", "observed")
    assert "realm" not in json.dumps(statement.to_json())


def mirrored(transcript):
    """What the other side of the same conversation recorded: a SUT that answered becomes one that asks."""
    import dataclasses

    swap = {"dimse.in": "dimse.out", "dimse.out": "dimse.in", "http.in": "http.out", "http.out": "http.in"}
    sides = {"requestor": "acceptor", "acceptor": "requestor"}
    events = [
        dataclasses.replace(
            event,
            kind=swap.get(event.kind, event.kind),
            info={**event.info, "side": sides[event.info["side"]]} if event.info.get("side") in sides else event.info,
        )
        for event in transcript.events
    ]
    return transcript.with_events(events)


def as_role(recording, role, change=lambda transcript: transcript):
    """A recording under another role's name."""
    import dataclasses

    named = {
        (role, name): change(dataclasses.replace(each, header=dataclasses.replace(each.header, role=role)))
        for (_, name), each in recording.scenarios.items()
    }
    info = {**recording.run.header.info, "sut_head": {**recording.run.header.info["sut_head"], "roles": [role]}}
    run = dataclasses.replace(recording.run, header=dataclasses.replace(recording.run.header, info=info))
    return dataclasses.replace(recording, run=run, scenarios=named)


def without_rows(evidence):
    import dataclasses

    return dataclasses.replace(evidence, results={**evidence.results, "requirements": []})


def test_a_sut_that_asks_over_dimse_fills_its_tables(scp_recording):
    """The tables of an SCU read directions, not role names: the mirror of an SCP's recording is one of an SCU."""
    statement = build(without_rows(evidence_of(as_role(scp_recording, "scu", mirrored))))
    assert {
        section.key for section in statement.sections if section.key.startswith("service_") and section.applies
    } == {"service_scu"}
    action = cells_of(statement, "status_dimse.scu_action")
    assert action["0000H"][3].kind == "observed" and "sends nothing more" in action["0000H"][3].text
    assert action["0120H"][3].places[0].transcript == "scu/missing_attributes"
    assert cells_of(statement, "status_dimse.scu_report")["0000H"][3].text.startswith("sent in")
    assert cells_of(statement, "service_scu.reasons")["0112H"][1].kind == "observed"
    proposed = cells_of(statement, "initiation.proposed")["1.2.840.10008.1.20.1"]
    assert proposed[1].text == "Explicit VR Little Endian, Implicit VR Little Endian"
    assert cells_of(statement, "duties_scu.duties")["D-SCU-4"][2].kind == "observed"


def test_a_proxy_has_the_tables_of_both_its_faces(scp_recording, web_recording):
    import dataclasses

    front = as_role(web_recording, "proxy_to_dimse")
    back = as_role(scp_recording, "proxy_to_dimse", mirrored)
    both = dataclasses.replace(front, scenarios={**front.scenarios, **back.scenarios})
    statement = build(without_rows(evidence_of(both)))
    assert list(statement.head["faces"]) == ["scu", "origin_server"]
    assert cells_of(statement, "status_web.origin_server_request")["202"][2].kind == "observed"
    assert cells_of(statement, "status_dimse.scu_action")["0000H"][3].kind == "observed"


def test_a_role_that_the_data_do_not_know_shows_what_its_traffic_shows(scp_recording):
    statement = build(without_rows(evidence_of(as_role(scp_recording, "archive_of_a_third_party"))))
    assert list(statement.head["faces"]) == ["scp"]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("service", ["dimse", "web"])
def test_bytes_that_mean_nothing_cost_no_statement(service, seed, scp_recording, web_recording, tmp_path):
    import dataclasses
    import random

    dice = random.Random(seed)
    recording = scp_recording if service == "dimse" else web_recording

    def broken(event):
        data = bytearray(event.data)
        for _ in range(dice.randrange(0, 4) if data else 0):
            data[dice.randrange(len(data))] = dice.randrange(256)
        cut = data[: dice.randrange(len(data))] if data and dice.random() < 0.05 else data
        return dataclasses.replace(event, data=bytes(cut))

    scenarios = {
        key: each.with_events([broken(event) for event in each.events]) for key, each in recording.scenarios.items()
    }
    evidence = evidence_of(dataclasses.replace(recording, scenarios=scenarios))
    assert len(writer.write(evidence, tmp_path)) == 6


def test_what_was_not_judged_stands_on_the_cover(scp_recording):
    evidence = evidence_of(scp_recording)
    cover = dict(words.cover(build(evidence)))
    excluded = sum(bool(row["excluded"]) for row in evidence.results["requirements"])
    assert excluded and f"{excluded} excluded" in cover["Not judged"] and "not-tested" in cover["Not judged"]
    summary = evidence.results["summary"]
    assert cover["Tested / total"].startswith(f"{summary['tested']} / {summary['total']} ")
    assert cover["Known issues"] == "none"
    known = {"id": "DIMSE-5.4.2.1-02", "role": "scp", "reason": "r", "until": None, "ticket": None}
    evidence.results["known_issues"]["applied"].append(known)
    assert dict(words.cover(build(evidence)))["Known issues"] == "DIMSE-5.4.2.1-02 (scp)"


def test_a_tls_connection_fills_the_security_table(scp_recording):
    import dataclasses

    from stgcmt.transcript import Event

    scenarios = dict(scp_recording.scenarios)
    key = ("scp", "missing_attributes")
    events = list(scenarios[key].events)
    at = next(place for place, event in enumerate(events) if event.kind == "conn.open") + 1
    tls = Event(
        9999,
        events[at].t,
        "conn.tls",
        b"",
        events[at - 1].conn,
        None,
        {"version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384"},
    )
    scenarios[key] = scenarios[key].with_events([*events[:at], tls, *events[at:]])
    statement = build(evidence_of(dataclasses.replace(scp_recording, scenarios=scenarios)))
    cell = cells_of(statement, "security.profiles")["scp"][2]
    assert (cell.kind, cell.text) == ("observed", "TLSv1.3 TLS_AES_256_GCM_SHA384") and cell.places[0].events == (9999,)


# --- claims --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "listed", "claim"),
    [
        ({"always_asynchronous": True}, "contradicted", "always_asynchronous"),
        ({"always_synchronous": True}, "contradicted", "always_synchronous"),
        ({"result_retention_s": 3600}, "observed", "result_retention_s"),
        ({}, "not_claimed", "media_types"),
        ({"unsupported_sop_classes": ["1.2.840.10008.5.1.4.1.1.2"]}, "contradicted", "unsupported_sop_classes"),
        ({"unsupported_sop_classes": ["1.2.3"]}, "not_observed", "unsupported_sop_classes"),
        ({"failure_reasons": [0x9999]}, "not_observed", "failure_reasons"),
        ({"character_sets": ["iso-8859-1"]}, "not_observed", "character_sets"),
        ({"unsecured": False}, "not_observed", "unsecured"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value) or "nothing",
)
def test_claims_of_an_origin_server(web_recording, claims, listed, claim):
    audit = build(evidence_of(with_claims(web_recording, {"origin_server": claims}))).audit
    assert claim in {each["claim"] for each in audit[listed]}, audit["counts"]
    for name in ("observed", "not_observed", "not_claimed", "contradicted"):
        assert audit["counts"][name] == len(audit[name])


def test_a_contradicted_claim_names_its_finding(web_recording):
    stated = {"origin_server": {"media_types": ["application/dicom+json"]}}
    audit = build(evidence_of(with_claims(web_recording, stated))).audit
    assert {each["value"] for each in audit["not_claimed"] if each["claim"] == "media_types"} >= {
        "application/dicom+xml"
    }
    stated = {"origin_server": {"always_synchronous": True}}
    audit = build(evidence_of(with_claims(web_recording, stated))).audit
    (entry,) = [each for each in audit["contradicted"] if each["claim"] == "always_synchronous"]
    assert entry["evidence"] and entry["findings"], "a claim that the wire contradicts is a finding of the judge, too"
    assert words.audit_note(entry).startswith("finding WEB-13.4.3-07")
    stated = {"origin_server": {"unsupported_sop_classes": ["1.2.840.10008.5.1.4.1.1.2"]}}
    audit = build(evidence_of(with_claims(web_recording, stated))).audit
    (entry,) = [each for each in audit["contradicted"] if each["claim"] == "unsupported_sop_classes"]
    assert entry["evidence"] and words.audit_note(entry).startswith(("finding ", "no requirement judges it"))


@pytest.mark.parametrize(
    ("claims", "listed"),
    [
        ({"failure_reasons": [0x0112]}, "observed"),
        ({"failure_reasons": [0x0999]}, "not_observed"),
        ({"failure_reasons": []}, "not_claimed"),
        ({"report_association": "new"}, "observed"),
        ({"report_association": "same"}, "contradicted"),
        ({"usual_report_delay": 3600.0}, "observed"),
        ({"usual_report_delay": 1e-9}, "not_observed"),
        ({"coerced": ["00080005"]}, "not_observed"),
    ],
    ids=str,
)
def test_claims_of_an_scp(scp_recording, claims, listed):
    audit = build(evidence_of(with_claims(scp_recording, {"scp": claims}))).audit
    (claim,) = claims
    entries = [each for each in audit[listed] if each["claim"] == claim]
    assert entries, audit["counts"]
    assert all("nothing on the wire" not in each.get("why", "") for each in entries), "the wire can show these"


@pytest.mark.parametrize(
    ("variant", "claim"),
    [
        ("implicit-only", "implicit_only"),
        ("both-roles", "proposes_both_roles"),
        ("no-retrieve-ae-title", "no_retrieve_ae_title"),
    ],
)
def test_claims_of_an_scp_are_observed_where_its_variant_makes_them_true(variant, claim):
    known = {each.name: each for each in suites()["scp"].all_variants if claim in each.claims}
    assert known, f"no variant claims {claim}"
    name = variant if variant in known else sorted(known)[0]
    audit = statement_of("scp", VARIANT, name, ("DIMSE-J.3.2.1.3-01",)).audit
    assert claim in {each["claim"] for each in audit["observed"]}


# --- readings ------------------------------------------------------------------------------------------------------------


def test_every_reading_that_a_catalogue_names_is_in_the_ledger_data():
    named = {reading for suite in suites().values() for row in suite.catalogue for reading in row.readings}
    assert named <= set(readings.points())


def test_outcomes_in_the_ledger_data_are_those_of_the_catalogues():
    outcomes = {"pass"}
    for suite in suites().values():
        for row in suite.catalogue:
            outcomes |= {"violation", *row.outcomes} if row.readings else set()
    for ident, point in readings.points().items():
        if "observed" in point:
            for each in point["reading"]:
                assert each["verdicts"].keys() == point["does"].keys() and set(each["verdicts"].values()) <= {
                    "pass",
                    "fail",
                }
            continue
        for each in point["reading"]:
            assert each["verdicts"]["pass"] == "pass"
            for key, verdict in each["verdicts"].items():
                assert key.rpartition(":")[2] in outcomes, (ident, key)
                assert verdict in {"pass", "warn", "fail"}


def test_the_ledger_gives_the_verdict_under_each_reading():
    from statement_runs import FAULT

    row = ("WEB-13.4.3-11",)
    clean = {each["requirement"]: each for each in statement_of("origin_server", CLEAN, "", row).ledger}
    broken = {
        each["requirement"]: each
        for each in statement_of("origin_server", FAULT, "duplicate-accepted-done", row).ledger
    }
    assert clean["WEB-13.4.3-11"]["seen"] == "refuses it with 409"
    assert {each["verdict"] for each in clean["WEB-13.4.3-11"]["readings"]} == {"pass"}
    entry = broken["WEB-13.4.3-11"]
    assert entry["applies"] == "free again" and entry["judged"] == "warn"
    assert [each["verdict"] for each in entry["readings"]] == ["fail", "fail", "pass"]
    assert entry["evidence"]


def test_points_that_only_the_recording_shows_are_in_the_ledger():
    rows = ("WEB-J.2-07", "WEB-13.4.2-02", "WEB-8.5-03", "WEB-8.4.3-01")
    statement = statement_of("origin_server", CLEAN, "", rows)
    found = {
        each["id"]: each
        for each in statement.ledger
        if each["outcome"] in {"content-length", "committed", "failed", "result", "taken"}
    }
    assert {"AMB-06", "AMB-18", "AMB-19", "AMB-24"} <= set(found)
    assert found["AMB-06"]["applies"] == "a length, even if zero, any framing of HTTP"
    assert found["AMB-19"]["seen"] == "gives a result in which all are failed"
    assert all(each["evidence"] for each in statement.ledger)


def test_a_refusal_of_all_that_is_missing_is_another_reading():
    from statement_runs import FAULT

    statement = statement_of("origin_server", FAULT, "all-missing-as-404", ("WEB-13.4.2-02",))
    (entry,) = [each for each in statement.ledger if each["id"] == "AMB-19"]
    assert entry["seen"] == "refuses the Request" and entry["applies"] == "an error where nothing can be done"


# --- data files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edition", editions.EDITIONS)
def test_the_data_of_an_edition_is_whole(edition):
    data = editions.load(edition)
    assert data["edition"] == edition
    slots = {point["slot"] for face in data["points"].values() for point in face}
    assert all(slot.partition(".")[0] in {*data["faces"], *data["roles"]} for slot in slots)
    for section in data["sections"].values():
        for table in section["tables"].values():
            assert len(table["columns"]) >= 2 and table.get("seen", "read") in words.SURE
    numbers = [
        table.get("number")
        for one in data["sections"].values()
        for table in one["tables"].values()
        if table.get("number")
    ]
    assert len(numbers) == len(set(numbers))
    assert {"N.5-15", "N.5-16", "N.7-2", "N.7-8", "N.7-44", "N.7.3.3.6.1-1"} <= set(numbers)


def test_an_edition_without_data_takes_the_nearest_one_before_it():
    assert editions.fitting(None)["edition"] == editions.EDITIONS[-1]
    assert editions.fitting("2024e")["edition"] == "2024e"
    assert editions.fitting("2031a")["edition"] == editions.EDITIONS[-1]
    assert editions.fitting("2023a")["edition"] == editions.EDITIONS[0]


def test_the_later_edition_says_what_was_read_in_it():
    assert editions.load("2024e")["sections"]["status_web"]["tables"]["origin_server_request"]["seen"] == "inferred"
    table = editions.load("2025a")["sections"]["status_web"]["tables"]["origin_server_request"]
    assert table["seen"] == "read" and table["number"] == "N.7.3.3.6.1-1"


# --- outputs -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(tmp_path_factory, web_recording):
    directory = tmp_path_factory.mktemp("bundle")
    hostile = {
        "origin_server": {"failure_reasons": [1]},
        "statement": {"origin_server.role": "<script>alert(1)</script> | a `b`\x00\x1b \ud800"},
    }
    paths = writer.write(evidence_of(with_claims(web_recording, hostile)), directory)
    assert all(path.is_file() for path in paths)
    return directory


def test_the_writer_is_installed_by_name():
    from stgcmt.evidence import writers

    assert dict(writers())["statement"] is writer.write


def test_the_three_kinds_look_different_in_every_output(written):
    markdown = (written / "statement" / "statement.md").read_text("utf-8")
    page = (written / "statement" / "statement.html").read_text("utf-8")
    document = zipfile.ZipFile(written / "statement" / "statement.docx").read("word/document.xml").decode()
    for kind in ("observed", "declared", "open"):
        mark = words.MARKS[kind]
        assert f"| {mark} " in markdown
        assert f'<td class="{kind}">' in page and f'aria-label="{words.NAMES[kind]}"' in page
        assert mark in document and render_docx._FILL[kind] in document
    assert len(set(words.MARKS.values())) == 4


def test_hostile_text_is_text(written):
    markdown = (written / "statement" / "statement.md").read_text("utf-8")
    page = (written / "statement" / "statement.html").read_text("utf-8")
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert "<script>" not in markdown and "\x1b" not in markdown
    assert "\\|" in markdown and "\\`b\\`" in markdown


def test_a_page_loads_nothing(written):
    page = (written / "statement" / "statement.html").read_text("utf-8")
    assert (
        not re.search(r"(src|href)=\"(?!#|\.\./report\.html#)", page) and "url(" not in page and "<script" not in page
    )


def test_markdown_rows_have_as_many_cells_as_their_heads(written):
    lines = (written / "statement" / "statement.md").read_text("utf-8").splitlines()
    for at, line in enumerate(lines):
        if line.startswith("|---"):
            wanted = line.count("|")
            for row in lines[at - 1 : at + 400]:
                if not row.startswith("|"):
                    break
                assert len(re.findall(r"(?<!\\)\|", row)) == wanted, row


@pytest.mark.parametrize("name", ["claims", "ledger"])
def test_json_fits_its_schema(written, name):
    path = written / ("statement/claims.json" if name == "claims" else "ledger.json")
    from stgcmt.data import schema

    jsonschema.Draft202012Validator(schema(name)).validate(json.loads(path.read_text("utf-8")))


def test_json_has_every_cell(written, web_recording):
    value = json.loads((written / "statement" / "statement.json").read_text("utf-8"))
    cells = [
        cell
        for section in value["sections"]
        for table in section["tables"]
        for row in table["rows"]
        for cell in row["cells"]
    ]
    for kind in ("observed", "declared", "open"):
        assert sum(cell["kind"] == kind for cell in cells) == value["cells"][kind]
    assert all(cell["evidence"] for cell in cells if cell["kind"] == "observed")


def test_the_same_bundle_gives_the_same_documents(tmp_path, web_recording):
    evidence = evidence_of(web_recording)
    one, other = tmp_path / "one", tmp_path / "other"
    for directory in (one, other):
        directory.mkdir()
        writer.write(evidence, directory)
    for path in one.rglob("*"):
        if path.is_file() and path.suffix != ".docx":
            assert path.read_bytes() == (other / path.relative_to(one)).read_bytes()
    parts = [zipfile.ZipFile(each / "statement" / "statement.docx").read("word/document.xml") for each in (one, other)]
    assert parts[0] == parts[1]


def test_the_document_has_every_table_and_cell(web_recording, tmp_path):
    import docx

    evidence = evidence_of(web_recording)
    statement = build(evidence)
    path = tmp_path / "statement.docx"
    path.write_bytes(render_docx.render(statement))
    tables = docx.Document(str(path)).tables
    wanted = [table for section in statement.sections for table in section.tables if table.rows]
    for mine, theirs in zip(wanted, tables[2 : 2 + len(wanted)], strict=True):  # cover and legend stand before them
        assert [cell.text for cell in theirs.rows[0].cells] == list(mine.columns)
        assert len(theirs.rows) == len(mine.rows) + 1
        for row, there in zip(mine.rows, theirs.rows[1:], strict=True):
            for cell, written in zip(row.cells, there.cells, strict=True):
                assert cell.text in written.text


def test_text_that_xml_cannot_hold_is_replaced():
    assert render_docx.clean("a\x00\x1b\ud800\uffff<\t\n\U0001f600") == "a\ufffd\ufffd\ufffd\ufffd<\t\n\U0001f600"


def _libreoffice() -> str:
    found = shutil.which("soffice") or shutil.which("libreoffice")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("soffice is missing: install libreoffice-writer-nogui")
        pytest.skip("soffice is not installed (libreoffice-writer-nogui)")
    return found


def test_the_document_opens_in_libreoffice(written, tmp_path):
    """Converted to text by a real word processor: every heading, table caption and cell mark arrives."""
    source = written / "statement" / "statement.docx"
    home = tmp_path / "home"
    subprocess.run(
        [_libreoffice(), f"-env:UserInstallation={home.as_uri()}", "--headless", "--convert-to", "txt:Text", "--outdir", str(tmp_path), str(source)],
        check=True, capture_output=True, timeout=170,
    )  # fmt: skip
    text = (tmp_path / "statement.txt").read_text("utf-8-sig")
    assert "Failure Conditions on Storage Commitment SCP" not in text  # the SUT is no SCP
    for wanted in (
        "N.5.2.6.2 Storage Commitment SCP - N/A",
        "N.7.3.3.6.1-1",
        "Retry-After",
        "● ",
        "☐ ",
        "◆ ",
        "Claims held against the wire",
    ):
        assert wanted in text, wanted


# --- values --------------------------------------------------------------------------------------------------------------


def test_sightings_keep_a_few_places_of_every_transcript():
    seen = Seen()
    for name in ("a", "b"):
        for n in range(9):
            seen.add("x", name, "step", (name == "b", n))
    assert seen.count("x") == 18 and [place.transcript for place in seen.places("x")] == ["a", "a", "b", "b"]
    merged = Seen()
    merged.merge(seen)
    merged.merge(seen)
    assert merged.count("x") == 36 and len(merged.places("x")) == 4


def test_a_cell_says_where_and_how_often():
    cell = Cell("t", "observed", tuple(Place("r/s", "go", (n, n + 1)) for n in range(5)), 9)
    assert cell.where == "r/s [go] 0, 1; r/s [go] 1, 2; r/s [go] 2, 3; 6 more"
    assert words.seen_note(cell).startswith("seen 9 times: ")


def test_declared_entries_are_flat_whatever_tables_they_stand_in():
    text = '[claims.statement]\n"scp.role" = "a"\n[claims.statement.scu]\nclasses = ["1.2", "1.3"]\n'
    declared = Declared.of(tomllib.loads(text)["claims"])
    assert dict(declared.entries) == {"scp.role": "a", "scu.classes": "1.2, 1.3"}
    declared.get("scp.role")
    assert declared.unused == ("scu.classes",)


def test_facts_do_not_change_from_run_to_run():
    rows = ("WEB-13.4.3-03",)
    first = facts(statement_of("origin_server", CLEAN, "", rows))
    statement_of.cache_clear()
    assert facts(statement_of("origin_server", CLEAN, "", rows)) == first


# --- the command ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """A bundle on disk of a run of two rows."""
    from stgcmt.clock import LoopClock
    from stgcmt.play import Player
    from stgcmt.selftest_cases import case_plan
    from stgcmt.virtual import run_virtual
    from stgcmt.wire.memory import MemoryNetwork

    directory = tmp_path_factory.mktemp("played")
    plan = case_plan(suites()["scp"], Case("scp", CLEAN, "", ("DIMSE-5.4.2.1-02",)))

    async def main():
        await Player(plan, directory, clock=LoopClock(), network=MemoryNetwork(), jitter_step=None).play()

    run_virtual(main())
    from click.testing import CliRunner

    from stgcmt.commands.judge import command

    judged = CliRunner().invoke(command, [str(directory), "--json"])
    (directory / "results.json").write_text(judged.stdout, "utf-8")
    return directory


def run_command(*arguments):
    from click.testing import CliRunner

    from stgcmt.commands.statement import command

    return CliRunner().invoke(command, [str(each) for each in arguments])


def test_the_command_prints_the_statement(bundle):
    found = run_command(bundle)
    assert found.exit_code == 0 and "| Failure Conditions" not in found.output
    assert "**Table N.5-16: Failure Conditions on Storage Commitment SCP**" in found.output


def test_the_form_is_toml_and_round_trips(bundle, tmp_path):
    form = run_command(bundle, "--form").output
    assert tomllib.loads(form)["claims"]["statement"] == {}
    filled = tmp_path / "claims.toml"
    filled.write_text(re.sub(r'^# ("scp\.commitment" =) ""', r'\1 "ten years"', form, flags=re.M), "utf-8")
    assert tomllib.loads(filled.read_text("utf-8"))["claims"]["statement"] == {"scp.commitment": "ten years"}
    assert "◆ ten years" in run_command(bundle, "--claims", filled).output
    slots = set(re.findall(r'^# ("[^"]+") = ', form, flags=re.M))
    uncommented = "[claims.statement]\n" + "".join(f'{slot} = "x"\n' for slot in sorted(slots))
    filled.write_text(uncommented, "utf-8")
    again = tmp_path / "out"
    assert run_command(bundle, "--claims", filled, "--out", again).exit_code == 0
    audit = json.loads((again / "statement" / "claims.json").read_text("utf-8"))
    assert audit["unknown_slots"] == [], "every slot of the form is one that a cell takes"


def test_the_command_leaves_the_bundle_as_it_is(bundle, tmp_path):
    before = sorted(path.relative_to(bundle) for path in bundle.rglob("*"))
    out = tmp_path / "new"
    assert run_command(bundle, "--out", out).exit_code == 0
    assert sorted(path.relative_to(bundle) for path in bundle.rglob("*")) == before
    assert {path.name for path in out.iterdir()} == {"statement", "ledger.json"}


@pytest.mark.parametrize("trouble", ["no-bundle", "no-results", "broken-results", "no-claims", "not-toml"])
def test_trouble_is_told(bundle, tmp_path, trouble):
    from stgcmt.errors import StgcmtError

    directory, arguments = bundle, []
    if trouble == "no-bundle":
        directory = tmp_path
    elif trouble.endswith("results"):
        directory = tmp_path / "copy"
        shutil.copytree(bundle, directory)
        (directory / "results.json").unlink()
        if trouble == "broken-results":
            (directory / "results.json").write_text("{", "utf-8")
    else:
        file = tmp_path / "claims.toml"
        file.write_text("[claims.scp]\n" if trouble == "no-claims" else "=", "utf-8")
        arguments = ["--claims", file]
    found = run_command(directory, *arguments)
    assert isinstance(found.exception, StgcmtError) and found.exception.__class__.__name__ == "UsageError"


def test_claims_of_the_statement_may_stand_in_a_sut_file(tmp_path):
    from stgcmt.sut import load

    path = tmp_path / "sut.toml"
    path.write_text(
        'name = "x"\nroles = ["origin_server"]\n[origin_server]\nbase_url = "http://127.0.0.1:1/dicom-web"\n'
        '[claims.statement.origin_server]\ncommitment = "ten years"\n', "utf-8",
    )  # fmt: skip
    assert load(path, suites=suites()).claim("statement.origin_server.commitment") == "ten years"


def test_what_the_harness_made_up_stands_in_no_table_of_the_vendor():
    """A method and a SOP Class that exist for one question only are no part of a product, unless its vendor names them."""
    rows = ("WEB-8.5-03", "WEB-8.5-405", "WEB-HTTP-OPTIONS-01", "WEB-13.4.3-03")
    recording = record(suites()["origin_server"], Case("origin_server", rows=rows))
    for claims, there in (({"origin_server": {"unsupported_sop_classes": [PRIVATE_CLASS]}}, True), ({}, False)):
        statement = build(evidence_of(with_claims(recording, claims)))
        assert (PRIVATE_CLASS in cells_of(statement, "content.classes")) is there
        methods = set(cells_of(statement, "service_origin_server.resources"))
        assert {"POST", "GET", "DELETE", "OPTIONS"} <= methods
        assert "BREW" not in methods


def test_lists_in_a_line_stand_apart():
    assert listed(["POST, OPTIONS", "GET, HEAD"]) == "GET, HEAD; POST, OPTIONS"
    assert listed(["b", "a"]) == "a, b"
