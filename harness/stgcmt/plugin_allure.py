"""What ``pytest --sut … --alluredir DIR`` tells Allure of each check; all words are those of the Allure writer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

LISTENER = "allure_listener"


def wanted(config: pytest.Config) -> bool:
    """Whether allure-pytest writes results in this process."""
    return bool(config.pluginmanager.hasplugin(LISTENER))


def tell(rows: Sequence[Mapping[str, Any]], finding: Any, transcripts: Mapping[str, Any]) -> None:
    """Labels, link, description and the exchange of a check that judges these rows of the results, while it runs.

    The level as a tag, and the framework, are told by allure-pytest itself.
    """
    import allure  # noqa: PLC0415 - optional

    from stgcmt_reports import allure as words  # noqa: PLC0415 - rarely used
    from stgcmt_reports.exchange import exchange  # noqa: PLC0415 - rarely used
    from stgcmt_reports.rows import account, page  # noqa: PLC0415 - rarely used

    if not rows:
        return
    told: dict[tuple[str, str], None] = {}
    for row in rows:
        said = words.labels({**row, "verdict": str(finding.verdict)})
        told.update(
            dict.fromkeys(each for each in said if each not in (("tag", row["level"]), ("framework", "stgcmt")))
        )
        allure.dynamic.link(page(row), name=row["id"])
    kinds = {"epic": allure.dynamic.epic, "feature": allure.dynamic.feature, "story": allure.dynamic.story}
    kinds |= {"tag": allure.dynamic.tag, "severity": allure.dynamic.severity}
    for name, value in told:
        kinds.get(name, lambda value, name=name: allure.dynamic.label(name, value))(value)
    allure.dynamic.title(f"{', '.join(row['id'] for row in rows)} {rows[0]['title']}")
    allure.dynamic.description("\n\n".join(words.description(row) for row in rows))
    if str(finding.verdict) in ("fail", "warn", "note", "error"):
        text = "\n\n".join(account(row) for row in rows if row["verdict"] == str(finding.verdict))
        allure.attach(text or finding.message, "what deviates", allure.attachment_type.TEXT)
    cited: dict[str, set[int]] = {}
    for each in finding.evidence:
        cited.setdefault(each.transcript, set()).update({each.event} - {None})
    for name, events in list(cited.items())[: words.SHOWN]:
        if name in transcripts:
            allure.attach(exchange(transcripts[name], events), f"exchange {name}", allure.attachment_type.TEXT)


def surroundings(config: pytest.Config, results: Mapping[str, Any]) -> None:
    """Environment, categories and executor of the run, beside what allure-pytest wrote."""
    from stgcmt_reports.allure import write_surroundings  # noqa: PLC0415 - rarely used

    directory = Path(config.getoption("--alluredir"))
    directory.mkdir(parents=True, exist_ok=True)
    write_surroundings(results, directory)
