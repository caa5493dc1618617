"""Why a client asked for nothing, as far as the recording tells."""

from __future__ import annotations

from typing import NoReturn

from stgcmt.suite import Transcript, inconclusive


def nothing_asked(*transcripts: Transcript) -> NoReturn:
    """Inconclusive: the client requested nothing in these scenarios; with what came in its place, where something did."""
    said = f"the client requested nothing in {', '.join(each.name for each in transcripts)}"
    waited = [event for each in transcripts for event in each.of("trigger") if event.info.get("came")]
    if waited:
        inconclusive(f"{said}; there came {waited[0].info['came']}", waited[0])
    inconclusive(said)
