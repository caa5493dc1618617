"""What a check needs before it can judge; without it the check is inconclusive, and says what is missing."""

from __future__ import annotations

from stgcmt.suite import Transcript, inconclusive
from stgcmt_suites.scp.views import Commitment, Report, accepted_of, commitments, reports_of


def some_reports(*transcripts: Transcript) -> tuple[Report, ...]:
    """The reports of these transcripts; inconclusive where not one came."""
    found = reports_of(*transcripts)
    if not found:
        asked = [one for each in transcripts for one in commitments(each).all]
        inconclusive("no report came, so there is nothing to judge", *asked[:1])
    return found


def some_accepted(*transcripts: Transcript) -> tuple[Commitment, ...]:
    """The accepted requests of these transcripts; inconclusive where not one was accepted."""
    found = accepted_of(*transcripts)
    if not found:
        asked = [one for each in transcripts for one in commitments(each).all]
        inconclusive("no request was accepted, so no report is due", *asked[:1])
    return found


def accepted_control(transcript: Transcript, step: str = "control") -> Commitment:
    """The control request of a scenario; inconclusive where it was not accepted: a refusal beside it proves nothing."""
    control = commitments(transcript)[step]
    if not control.accepted:
        inconclusive("the control request was not accepted, so the defect is not what was refused", control)
    return control


def all_sent(transcript: Transcript, *steps: str) -> None:
    """Inconclusive where one of the requests never went out."""
    for step in steps:
        if not commitments(transcript)[step].sent:
            inconclusive(f"the request of step {step} could not be sent", commitments(transcript)[step])
