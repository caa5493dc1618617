"""``stgcmt judge --claims FILE``: other claims for a recorded run, checked like those of a SUT file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any

from stgcmt.sut_errors import Path, Problem, SutFileError, schema_problems, toml_lines, unknown_key
from stgcmt.sut_load import document_of, text_of
from stgcmt.sut_schema import full_schema

WHAT = "the claims"


def read_claims(path: FilePath, suites: Mapping[str, Any]) -> dict[str, Any]:
    """The claims of a TOML file, by role: its ``[claims]``, or all of it where it has none (a SUT file will do).

    Raises ``UsageError`` where the file cannot be read, ``SutFileError`` for a role that no suite plays, a claim that its
    suite does not know, or a value of the wrong type, each with line and nearest key.
    """
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - start-up

    text = text_of(path, WHAT)
    document = document_of(path, text, WHAT)
    bare = "claims" not in document
    stated = document if bare else document["claims"]
    full = full_schema({}, {role: suite.claims_schema for role, suite in suites.items()})
    lines = toml_lines(text)
    where = {("claims", *key): line for key, line in lines.items()} if bare else lines
    alone = {"$defs": full["$defs"], "type": "object", "properties": {"claims": full["properties"]["claims"]}}
    errors = Draft202012Validator(alone).iter_errors({"claims": stated})
    problems = [*_roles(stated, suites, where), *schema_problems(errors, full, where)]
    if problems:
        raise SutFileError(str(path), problems, what=WHAT)
    return dict(stated)


def _roles(stated: Any, suites: Mapping[str, Any], where: Mapping[Path, int]) -> Iterator[Problem]:
    for role in stated if isinstance(stated, Mapping) else ():
        if role not in suites:
            yield unknown_key(("claims", role), tuple(suites), where)
