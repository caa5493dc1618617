"""What other programmes read fits the schemas that others publish: SARIF, CTRF; and EARL is RDF that says what EARL wants.

The schemas come with npm packages of those formats (``npm install ctrf @microsoft/jest-sarif``); they are not in this repository.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema
import pytest

import reports_evidence as made
from stgcmt_reports import ctrf, earl, sarif

EVIDENCE = Path(__file__).parents[1] / "docs" / "evidence"
SCHEMAS = {
    "ctrf": "ctrf/dist/ctrf-schema-0.0.json",
    "sarif": "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json",
}
FILES = {"ctrf": ctrf.FILE, "sarif": sarif.FILE}
MAKERS = {"ctrf": ctrf.document, "sarif": sarif.document}


def modules() -> list[Path]:
    """Where npm packages may lie: what Node is told, and beside the commands on the path."""
    told = [Path(each) for each in os.environ.get("NODE_PATH", "").split(os.pathsep) if each]
    beside = [Path(each).parent for each in os.environ.get("PATH", "").split(os.pathsep) if each.endswith("/.bin")]
    return [*told, *beside]


def validator(name):
    found = next((path for root in modules() if (path := root / SCHEMAS[name]).is_file()), None)
    if found is None:
        missing = f"no schema of {name} on this machine: npm install ctrf @microsoft/jest-sarif, and set NODE_PATH"
        if os.environ.get("CI") == "true":
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    schema = json.loads(found.read_text("utf-8"))
    return jsonschema.validators.validator_for(schema)(schema)


def every_kind(tmp_path):
    """Results with every verdict, a known issue, excluded, vacuous and near rows; of a run that was cut; of nothing."""
    results = made.evidence(tmp_path).results
    rows = results["requirements"]
    rows.append(made.row("WEB-X-1", "origin_server", "inconclusive", timed=True, message="came within 0.01 s of 30 s"))
    rows.append(made.row("WEB-X-2", "origin_server", "not-tested", vacuous=True, message="vacuous"))
    yield results
    yield {**results, "state": "cut", "finished": None, "exit_code": 1, "exit_reason": "the run was cut short"}
    yield made.results([])


@pytest.mark.parametrize("name", SCHEMAS)
def test_it_fits_the_published_schema(name, tmp_path):
    fits = validator(name)
    for results in every_kind(tmp_path):
        document = json.loads(json.dumps(MAKERS[name](results)))
        assert [f"{list(error.path)}: {error.message[:200]}" for error in fits.iter_errors(document)] == []


@pytest.mark.parametrize("bundle", ["reference", "orthanc"])
@pytest.mark.parametrize("name", SCHEMAS)
def test_the_evidence_of_the_docs_fits_too(name, bundle):
    document = json.loads((EVIDENCE / bundle / FILES[name]).read_text("utf-8"))
    assert [error.message[:200] for error in validator(name).iter_errors(document)] == []


@pytest.mark.parametrize(("name", "spoil"), [("ctrf", "results"), ("sarif", "runs")])
def test_the_schema_can_refuse(name, spoil, tmp_path):
    document = MAKERS[name](next(every_kind(tmp_path)))
    del document[spoil]
    assert list(validator(name).iter_errors(document))


def test_earl_is_rdf_and_every_assertion_is_whole(tmp_path):
    """Each assertion has who asserts, of what, which test, and a result with one outcome of the vocabulary."""
    rdflib = pytest.importorskip("rdflib")
    names = rdflib.Namespace("http://www.w3.org/ns/earl#")
    outcomes = {names[each] for each in ("passed", "failed", "cantTell", "inapplicable", "untested")}
    for results in every_kind(tmp_path):
        graph = rdflib.Graph().parse(data=json.dumps(earl.document(results)), format="json-ld")
        assertions = list(graph.subjects(rdflib.RDF.type, names.Assertion))
        assert len(assertions) == len(results["requirements"])
        for each in assertions:
            (assertor,), (subject,), (test,), (result,) = (
                list(graph.objects(each, names[key])) for key in ("assertedBy", "subject", "test", "result")
            )
            assert (assertor, rdflib.RDF.type, names.Assertor) in graph
            assert (subject, rdflib.RDF.type, names.TestSubject) in graph
            assert (test, rdflib.RDF.type, names.TestRequirement) in graph
            assert set(graph.objects(result, names.outcome)) <= outcomes
            assert len(set(graph.objects(result, names.outcome))) == 1
