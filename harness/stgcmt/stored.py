"""What was judged, read back from a bundle: ``results.json``, held against its schema before anything relies on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stgcmt.data import schema
from stgcmt.errors import UsageError

RESULTS = "results.json"
TESTED = frozenset({"pass", "fail", "warn", "note"})
JUDGED_WELL = frozenset({0, 5})  # exit codes of a run without an unexcused failure


def load_results(where: Path) -> dict[str, Any]:
    """The results of a bundle (or of a ``results.json`` itself).

    Raises ``UsageError`` where there are none, where they are damaged, and where another version of the schema, that of
    another tool or a later one, was written: said with both versions.
    """
    import orjson  # noqa: PLC0415 - start-up

    stage = "reading results"
    path = where / RESULTS if where.is_dir() else where
    wanted = "a bundle that `stgcmt run` wrote, or its results.json"
    if where.is_dir() and not path.exists() and (where / "transcripts").is_dir():
        raise UsageError(stage, wanted, f"{where} was never judged", f"`stgcmt judge {where}` completes it")
    try:
        value = orjson.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(stage, wanted, f"{path}: {error.strerror or error}", "check the path") from error
    except ValueError as error:
        step = f"`stgcmt judge {where} --out DIR` makes it anew from the transcripts" if where.is_dir() else ""
        raise UsageError(stage, wanted, f"{path} is no JSON ({error}); the file is damaged", step) from error
    return check_results(value, str(path))


def check_results(value: Any, path: str) -> dict[str, Any]:
    """``value`` where it is a results object of this version; raises ``UsageError``."""
    import jsonschema  # noqa: PLC0415 - start-up

    stage, known = "reading results", schema("results")
    version = value.get("schema_version") if isinstance(value, dict) else None
    mine = known["properties"]["schema_version"].get("const")
    if isinstance(version, int) and version != mine:
        tool = value.get("tool")
        made = f"{tool.get('name')} {tool.get('version')}" if isinstance(tool, dict) else "another tool"
        raise UsageError(
            stage, f"results of schema version {mine}", f"{path}: version {version}, written by {made}",
            "judge its transcripts again with this version: `stgcmt judge BUNDLE --out DIR`",
        )  # fmt: skip
    first = next(iter(jsonschema.Draft202012Validator(known).iter_errors(value)), None)
    if first is not None:
        place = "/".join(str(part) for part in first.absolute_path) or "the file"
        raise UsageError(
            stage, "results as `stgcmt schema results` describes them", f"{path}: {place}: {first.message[:200]}",
            "the file is damaged, or another tool wrote it; `stgcmt judge BUNDLE --out DIR` makes it anew",
        )  # fmt: skip
    found: dict[str, Any] = value
    problem = _contradiction(found)
    if problem:
        raise UsageError(
            stage, "a summary and an exit code that follow from the rows", f"{path}: {problem}",
            "the file was changed after it was written; `stgcmt judge BUNDLE --out DIR` makes it anew from the transcripts",
        )  # fmt: skip
    return found


def _contradiction(results: Mapping[str, Any]) -> str:
    """What of a results object does not follow from its own rows; empty where all does."""
    rows = results["requirements"]
    counted = Counter(row["verdict"] for row in rows)
    counted["tested"] = sum(row["verdict"] in TESTED for row in rows)
    counted["total"] = sum(row["verdict"] != "not-applicable" and not row["excluded"] for row in rows)
    for name, said in results["summary"].items():
        if said != counted[name]:
            return f"summary says {said} {name}, the rows {counted[name]}"
    code = results["exit_code"]
    red = [row for row in rows if row["verdict"] in ("fail", "error") and row["selected"] and not row["known_issue"]]
    if code in JUDGED_WELL and red:
        return f"exit code {code}, but {red[0]['role']}/{red[0]['id']} says {red[0]['verdict']}"
    known = {(each["id"], each["role"]) for each in results["known_issues"]["applied"]}
    odd = [row for row in rows if row["known_issue"] and (row["id"], row["role"]) not in known]
    return f"{odd[0]['role']}/{odd[0]['id']} is excused by a known issue that known_issues does not name" if odd else ""
