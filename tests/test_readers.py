"""JUnit, CTRF, EARL, SARIF, Markdown and Allure say the same of one run: counts, caveats, tested of total."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt

import reports_evidence as made
from small_bundle import small
from stgcmt.commands.allure import command as allure_command
from stgcmt_reports import about, allure, badge, ctrf, earl, html, junit, rows, sarif, summary
from stgcmt_reports.exchange import exchange

HIDDEN = {
    "known": "DIMSE-J.3-09", "near": "WEB-NEAR-01", "vacuous": "WEB-VACUOUS-01", "excluded": "WEB-EXCLUDED-01",
    "stale": "WEB-STALE-01",
}  # fmt: skip


def with_caveats(results):
    """Rows that a score alone would hide."""
    results["requirements"] += [
        made.row(HIDDEN["near"], "origin_server", "inconclusive", timed=True, message="came within 0.01 s of 30 s"),
        made.row(HIDDEN["vacuous"], "origin_server", "not-tested", vacuous=True, message="vacuous: nothing turns it red"),
        made.row(HIDDEN["excluded"], "origin_server", "not-tested", excluded="a policy that no exchange shows"),
        made.row("WEB-NOTE-01", "origin_server", "note", message="a <b>note</b> | with *marks* and [a](javascript:x)"),
    ]  # fmt: skip
    stale = {"id": HIDDEN["stale"], "role": "scp", "reason": "was broken once", "until": None, "ticket": None}
    results["known_issues"]["stale"].append(stale)
    results["summary"] = made.counted(results["requirements"])


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    directory = tmp_path_factory.mktemp("readers") / "bundle"
    directory.mkdir()
    return directory, small(directory, with_caveats)


@pytest.fixture(scope="module")
def allure_results(bundle, tmp_path_factory):
    out = tmp_path_factory.mktemp("allure") / "results"
    done = CliRunner().invoke(allure_command, [str(bundle[0]), "--out", str(out)])
    assert done.exit_code == 0, done.output
    return out


def from_junit(directory, _):
    found = {}
    for case in ET.parse(directory / "junit.xml").iter("testcase"):
        properties = {each.get("name"): each.get("value") for each in case.iter("property")}
        found[case.get("classname"), properties["requirement"]] = properties["verdict"]
    return found


def from_ctrf(directory, _):
    tests = json.loads((directory / "ctrf.json").read_text())["results"]["tests"]
    return {(each["labels"]["role"], each["labels"]["requirement"]): each["rawStatus"] for each in tests}


def from_earl(directory, _):
    graph = json.loads((directory / "earl.jsonld").read_text())["@graph"]
    found = {}
    for each in graph:
        if each["@type"] == "earl:Assertion":
            *_, role, ident = each["test"]["@id"].split(":")
            found[role, ident] = each["result"]["stgcmt:verdict"]
    return found


def from_sarif(directory, _):
    (run,) = json.loads((directory / "findings.sarif").read_text())["runs"]
    rules = run["tool"]["driver"]["rules"]
    return {tuple(each["id"].split("/")): each["properties"]["verdict"] for each in rules}


def from_allure(_, out):
    found = {}
    for path in out.glob("*-result.json"):
        labels = {each["name"]: each["value"] for each in json.loads(path.read_text())["labels"]}
        found[labels["feature"], labels["requirement"]] = labels["verdict"]
    return found


@pytest.mark.parametrize("reader", [from_junit, from_ctrf, from_earl, from_sarif, from_allure])
def test_every_reader_has_every_row_with_its_verdict(bundle, allure_results, reader):
    directory, evidence = bundle
    wanted = {(row["role"], row["id"]): row["verdict"] for row in evidence.results["requirements"]}
    assert reader(directory, allure_results) == wanted
    counts = Counter(reader(directory, allure_results).values())
    stored = json.loads((directory / "results.json").read_text())["summary"]
    assert {name: counts[name] for name in stored if name not in ("tested", "total")} == {
        name: count for name, count in stored.items() if name not in ("tested", "total")
    }


def test_statuses_are_the_same_in_junit_ctrf_and_allure(bundle, allure_results):
    directory, evidence = bundle
    counts = Counter(rows.status(row) for row in evidence.results["requirements"])
    root = ET.parse(directory / "junit.xml").getroot()
    told = [int(root.get(key)) for key in ("tests", "failures", "errors", "skipped")]
    assert told == [sum(counts.values()), counts["failed"], counts["broken"], counts["skipped"]]
    of_ctrf = json.loads((directory / "ctrf.json").read_text())["results"]["summary"]
    told = [of_ctrf[key] for key in ("tests", "failed", "other", "skipped", "passed", "pending")]
    wanted = [sum(counts.values()), counts["failed"], counts["broken"], counts["skipped"], counts["passed"], 0]
    assert told == wanted
    assert Counter(json.loads(p.read_text())["status"] for p in allure_results.glob("*-result.json")) == counts


@pytest.mark.parametrize("name", ["junit.xml", "ctrf.json", "earl.jsonld", "findings.sarif", "summary.md"])
def test_what_a_score_would_hide_is_told_everywhere(bundle, name):
    directory, _ = bundle
    text = (directory / name).read_text()
    assert "6 of 10" in text
    wanted = set(HIDDEN.values())
    if name in ("junit.xml", "earl.jsonld"):
        wanted -= {HIDDEN["stale"]}  # an entry of a file, no row
    assert {each for each in wanted if each not in text} == set()
    assert "fixed in 2.1" in text
    assert "a policy that no exchange shows" in text
    assert re.search(r"too near|near_limit|near-limit", text)


def test_allure_tells_it_too(allure_results):
    said = (allure_results / "environment.properties").read_text()
    assert "Tested=6 of 10" in said
    assert "Rows.known-issue=1" in said
    by_id = {}
    for path in allure_results.glob("*-result.json"):
        result = json.loads(path.read_text())
        by_id[result["name"].split()[0]] = result
    tags = {name: {each["value"] for each in r["labels"] if each["name"] == "tag"} for name, r in by_id.items()}
    assert "known-issue" in tags[HIDDEN["known"]]
    assert by_id[HIDDEN["known"]]["statusDetails"]["known"] is True
    assert by_id[HIDDEN["near"]]["statusDetails"]["flaky"] is True
    assert "excluded" in tags[HIDDEN["excluded"]]
    assert "warn" in tags["DIMSE-5.4.2.1-02"]
    assert by_id["DIMSE-5.4.2.1-02"]["status"] == "passed"
    names = {each["name"]: re.compile(each.get("messageRegex", "(?s).*")) for each in allure.CATEGORIES}
    for key, category in (
        ("known", "Known issues"),
        ("excluded", "Excluded"),
        ("near", "Times too near to their limit to tell"),
    ):
        assert names[category].fullmatch(by_id[HIDDEN[key]]["statusDetails"]["message"])


def test_allure_shows_the_exchange_beside_the_finding(allure_results):
    result = next(
        each for path in allure_results.glob("*-result.json")
        if (each := json.loads(path.read_text()))["name"].startswith("WEB-13.4.3-01")
    )  # fmt: skip
    labels = {each["name"]: each["value"] for each in result["labels"]}
    assert (labels["epic"], labels["feature"], labels["story"]) == (
        "Storage Commitment",
        "origin_server",
        "PS3.18 13.4.3",
    )
    assert result["links"][0]["url"].endswith("requirements/origin_server.md#web-13.4.3-01")
    text = (allure_results / result["attachments"][0]["source"]).read_text()
    (marked,) = [line for line in text.splitlines() if line.startswith(">")]
    assert "<-- 200 OK" in marked
    assert made.SECRET.decode() not in text


def test_links_lead_to_headings_that_exist(monkeypatch):
    pages = Path(__file__).parents[1] / "docs" / "requirements"
    row = made.row("WEB-13.4.2-01", "origin_server", "pass")
    page, anchor = rows.page(row).removeprefix("docs/requirements/").split("#")
    assert f'<a id="{anchor}"></a>' in (pages / page).read_text()
    monkeypatch.setenv("STGCMT_DOCS_URL", "https://example.org/docs/")
    assert rows.page(row).startswith("https://example.org/docs/requirements/")


def test_the_summary_links_only_where_the_pages_are_published(bundle, monkeypatch):
    """On the page of a CI job a relative link leads nowhere."""
    _, evidence = bundle
    monkeypatch.delenv("STGCMT_DOCS_URL", raising=False)
    assert "](" not in re.sub(r"\\.", "", summary.render(evidence.results))
    monkeypatch.setenv("STGCMT_DOCS_URL", "https://example.org/docs")
    assert "](https://example.org/docs/requirements/origin_server.html#web-13.4.3-01)" in summary.render(
        evidence.results
    )
    monkeypatch.setenv("STGCMT_DOCS_URL", "https://git.example.org/x/blob/main/docs")
    assert "/docs/requirements/origin_server.md#web-13.4.3-01)" in summary.render(evidence.results)


@pytest.mark.parametrize("state", ["cut", "interrupted"])
def test_every_reader_says_that_a_run_did_not_come_to_its_end(bundle, state, tmp_path):
    _, evidence = bundle
    results = {**evidence.results, "state": state, "exit_code": 1, "exit_reason": "the run was cut short: nobody knows"}
    word = "cut short" if state == "cut" else "interrupted"
    suite = junit.document(results).find("testsuite")
    assert word in suite.findtext("system-err")
    assert suite.find("properties/property[@name='state']").get("value") == state
    assert ctrf.document(results)["results"]["summary"]["extra"]["state"] == state
    assert earl.document(results)["@graph"][1]["stgcmt:state"] == state
    (invocation,) = sarif.document(results)["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    assert any(word in each["message"]["text"] for each in invocation["toolConfigurationNotifications"])
    assert word in summary.render(results)
    assert word in allure.environment(results)["State"]
    assert "not finished" in badge.message(results)[0]
    page = html.render(dataclasses.replace(evidence, results=results))
    assert re.search(rf'class="unfinished" role="note">The run was {word}', page)
    assert 'class="unfinished"' not in html.render(evidence)


@pytest.mark.parametrize(
    ("vendor", "name", "version", "said"),
    [
        ("stgcmt", "stgcmt reference", "", "stgcmt reference"),
        ("ACME", "Archive", "2.0", "ACME Archive 2.0"),
        ("ACME Imaging", "acme imaging Vault", "3", "acme imaging Vault 3"),
        ("ACME", "ACMEcloud", "1", "ACME ACMEcloud 1"),
        ("", "Orthanc 1.10.1", "1.10.1", "Orthanc 1.10.1"),
        ("ACME", "", "", "ACME"),
        (None, None, None, ""),
    ],
)  # fmt: skip
def test_vendor_name_and_version_are_said_once(vendor, name, version, said):
    assert about.product({"vendor": vendor, "name": name, "version": version}) == said


def test_sarif_has_one_result_a_deviation_at_the_line_of_its_event(bundle):
    directory, evidence = bundle
    (run,) = sarif.document(evidence.results)["runs"]
    deviating = [row for row in evidence.results["requirements"] if row["verdict"] in ("fail", "warn", "note", "error")]
    assert len(run["results"]) == len(deviating)
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["kind"] == "fail" or result["level"] == "none"
    found = next(each for each in run["results"] if each["ruleId"] == "origin_server/WEB-13.4.3-01")
    place = found["locations"][0]["physicalLocation"]
    line = (directory / place["artifactLocation"]["uri"]).read_text().splitlines()[place["region"]["startLine"] - 1]
    assert json.loads(line)["n"] == evidence.results["requirements"][0]["evidence"][0]["event"]
    (known,) = [each for each in run["results"] if "suppressions" in each]
    assert known["ruleId"].endswith(HIDDEN["known"])
    assert "fixed in 2.1" in known["suppressions"][0]["justification"]


def test_the_summary_renders_and_nothing_in_it_is_active(bundle):
    _, evidence = bundle
    page = MarkdownIt("gfm-like", {"linkify": False, "html": True}).render(summary.render(evidence.results))
    assert page.count("<table>") == 2
    assert "tested 6 of 10" in page
    assert "<b>note" not in page
    assert (
        "javascript:" not in re.sub(r"<[^>]*>", lambda tag: tag[0] if "href" in tag[0] else "", page)
        or 'href="javascript' not in page
    )
    counts = evidence.results["summary"]
    last = re.findall(r"<tr>.*?</tr>", page.split("</table>")[0], re.DOTALL)[-1]
    numbers = [int(each) for each in re.findall(r">(\d+)<", last)]
    assert numbers == [counts[name] for name in summary.COLUMNS if counts[name]]


def test_a_results_object_of_nothing():
    empty = made.results([])
    empty["requirements"], empty["finished"] = [], None
    empty["summary"] = dict.fromkeys(empty["summary"], 0)
    assert "tested 0 of 0" in summary.render(empty)
    assert ctrf.document(empty)["results"]["tests"] == []
    assert len(earl.document(empty)["@graph"]) == 2
    assert sarif.document(empty)["runs"][0]["results"] == []


def test_an_exchange_marks_what_is_cited(bundle):
    _, evidence = bundle
    transcript = evidence.transcripts["scp/missing_class_uid"]
    plain = exchange(transcript)
    assert not [line for line in plain.splitlines() if line.startswith(">")]
    first = next(event.n for event in transcript.events if event.kind == "dimse.in")
    assert sum(line.startswith(">") for line in exchange(transcript, {first}).splitlines()) >= 1


# --- pytest's own outputs of the same run --------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[(), ("-n", "2")], ids=["alone", "xdist"])
def face(request, tmp_path_factory):
    """`pytest --sut builtin` with a fault that fails, JUnit and Allure written by pytest and allure-pytest."""
    base = tmp_path_factory.mktemp("face")
    known = base / "known.toml"
    known.write_text('[[issue]]\nid = "DIMSE-J.2.1-01"\nrole = "scp"\nreason = "mended in 3.1"\n')
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--sut", "builtin", "--stgcmt-fault", "no-role-item",
            "-m", "scp", "-k", "role or documentation", "--stgcmt-out", base / "bundle", "--stgcmt-known-issues", known,
            "--alluredir", base / "allure", "--junitxml", base / "own.xml", *request.param,
        ],
        cwd=base, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    return base, json.loads((base / "bundle" / "results.json").read_text())


ORDER = ["error", "fail", "warn", "inconclusive", "not-tested", "note", "pass", "not-applicable"]


def rows_by_check(results):
    """Check name -> what its requirements' rows say of it, the worst of them."""
    found = {}
    for row in results["requirements"]:
        for check in row["checks"]:
            worst = found.get(check["name"])
            if worst is None or ORDER.index(check["verdict"]) < ORDER.index(worst):
                found[check["name"]] = check["verdict"]
    return found


def test_pytests_own_junit_says_what_the_results_say(face):
    base, results = face
    cases = list(ET.parse(base / "own.xml").iter("testcase"))
    wanted = rows_by_check(results)
    seen = {}
    for case in cases:
        properties = {each.get("name"): each.get("value") for each in case.iter("property")}
        seen[case.get("name")] = properties["verdict"]
        told = [each.tag for each in case if each.tag != "properties"]
        if properties["verdict"] in ("pass", "warn", "note"):
            assert told == [], "a warning passes and is told by the property"
    assert seen
    assert seen == {name: wanted[name] for name in seen}


def test_allure_pytest_says_what_the_results_say(face):
    base, results = face
    wanted = rows_by_check(results)
    status = {"fail": {"failed"}, "pass": {"passed"}, "warn": {"passed"}, "note": {"passed"}, "error": {"broken"}}
    known = {row["id"] for row in results["requirements"] if row["known_issue"]}
    assert known == {"DIMSE-J.2.1-01"}
    seen = {}
    for path in (base / "allure").glob("*-result.json"):
        result = json.loads(path.read_text())
        labels = {}
        for each in result["labels"]:
            labels.setdefault(each["name"], set()).add(each.get("value"))
        name = result["fullName"].rpartition("#")[2]
        (seen[name],) = labels["verdict"]
        excused = known & labels["requirement"]
        assert result["status"] in ({"skipped"} if excused else status.get(seen[name], {"skipped"})), result["name"]
        assert (labels["epic"], labels["feature"]) == ({"Storage Commitment"}, {"scp"})
        assert labels["story"] <= {row["clause"] for row in results["requirements"]}
        assert len(result["links"]) == len(labels["requirement"])
        if seen[name] == "fail":
            assert any(each["name"].startswith("exchange scp/") for each in result["attachments"])
    own = {case.get("name") for case in ET.parse(base / "own.xml").iter("testcase")}
    assert set(seen) == own
    assert seen == {name: wanted[name] for name in seen}
    for name in ("environment.properties", "categories.json", "executor.json"):
        assert (base / "allure" / name).is_file()


# --- the real Allure command ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["bundle", "pytest"])
def test_the_allure_command_makes_a_site(source, allure_results, bundle, tmp_path, request):
    command = shutil.which("allure")
    if command is None:
        assert os.environ.get("CI") != "true", "CI must have the allure command (npm package allure)"
        pytest.skip("no allure command on this machine: npm install allure")
    if source == "pytest":
        results = tmp_path / "results"
        request_base = tmp_path
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--sut", "builtin", "-m", "scp", "-k", "role",
             "--alluredir", results],
            cwd=request_base, capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
    else:
        results = allure_results
    done = subprocess.run(
        [command, "generate", str(results), "-o", str(tmp_path / "site")],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site" / "index.html").stat().st_size > 1000
    stats = json.loads((tmp_path / "site" / "summary.json").read_text())["stats"]
    statuses = Counter(json.loads(path.read_text())["status"] for path in results.glob("*-result.json"))
    assert stats["total"] == sum(statuses.values())
    assert {name: stats.get(name, 0) for name in statuses} == dict(statuses)
