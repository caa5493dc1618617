"""The time that a vendor states, after which a transaction ends that has no result behind (``gives_up_after_s``).

Scenarios outlast it, where it is short enough to wait for; checks hold it against what came (PS3.18 B.30, AMB-17).
"""

from __future__ import annotations

from stgcmt.suite import Play, Transcript, claims

CLAIM = "gives_up_after_s"
STATED = "gives_up_after"  # the wait's name
AFTER = "after-the-stated-time"  # the step of what is asked then
MARGIN_S = 1.0  # a timer of whole seconds may be one late


async def outlasted(play: Play, *, since_s: float, most_s: float) -> bool:
    """Wait until the stated time is over, of which ``since_s`` seconds have passed; False where none is stated or it is too long.

    ``most_s``: the deadline of ``[timing]`` that bounds such waits. A time that is over it is not waited for, and noted.
    """
    said = play.claimed(CLAIM)
    if said is None:
        return False
    if float(said) > most_s:
        play.note(what="not-outlasted", claim=CLAIM, seconds=float(said), limit_s=most_s)
        return False
    await play.wait(STATED, max(0.0, float(said) - since_s) + MARGIN_S, why=f"it gives up after {float(said):g} s")
    return True


def stated_s(run: Transcript, role: str) -> float | None:
    """The seconds that the vendor states for this role; ``None`` where nothing is stated."""
    said = claims(run).get(f"{role}.{CLAIM}")
    return None if said is None else float(said)
