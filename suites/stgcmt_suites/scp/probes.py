"""What only this role can ask before a run: does the SCP take Storage Commitment from us?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stgcmt.actors.requestor import associate
from stgcmt.doctor import AUTHENTICATION, SUT, Ask, Finding
from stgcmt.drivers.provoke import NoTap
from stgcmt.endpoints import dimse_endpoint, dimse_timeouts
from stgcmt.wire.negotiation import Proposal
from stgcmt.wire.uids import COMMITMENT_PUSH

STAGE = "commitment"
# Results of a presentation context that is not accepted (PS3.8 table 9-18).
REFUSED = {
    1: ("refused by the user", "allow Storage Commitment for our AE title in the SUT", AUTHENTICATION),
    2: ("refused without a reason", "read the SUT's log: it knows why", SUT),
    3: ("abstract syntax not supported", "switch Storage Commitment on in the SUT, as SCP of the Push Model", SUT),
    4: ("transfer syntaxes not supported", "Implicit VR Little Endian was offered, and is mandatory", SUT),
}


async def probe(ask: Ask) -> Sequence[Finding]:
    """Propose the Push Model class, and say what came of it. Nothing is requested."""
    arguments = dimse_endpoint(ask.section, ask.calling_ae) | {"timeouts": dimse_timeouts(ask.timing)}
    proposal = Proposal.of([COMMITMENT_PUSH])
    async with associate(ask.network, ask.clock, NoTap(), **arguments, proposal=proposal) as assoc:
        return [_judged(assoc, ask)]


def _judged(assoc: Any, ask: Ask) -> Finding:
    if assoc.answer is None:
        step = "the SUT accepts Verification, but not this proposal: is Storage Commitment allowed for our AE title?"
        return Finding(STAGE, ok=False, seen=f"association not accepted: {assoc.outcome}", next_step=step)
    if syntax := assoc.transfer_syntax(COMMITMENT_PUSH):
        where = (
            ""
            if ask.section.get("destinations")
            else "; no destinations: reports can come on the same association only"
        )
        return Finding(STAGE, ok=True, seen=f"presentation context accepted in {syntax}{where}")
    result = next((context.result for context in assoc.answer.contexts), None)
    if result is None:
        step = "the answer must hold each proposed context (PS3.8 9.3.3.2)"
        return Finding(STAGE, ok=False, seen="the answer does not mention the presentation context", next_step=step)
    seen, step, whose = REFUSED.get(result, (f"result {result}", "the SUT answers with a value of its own", SUT))
    return Finding(STAGE, ok=False, seen=f"presentation context: {seen}", next_step=step, whose=whose)
