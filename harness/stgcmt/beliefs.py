"""What a SUT that asks believes about an instance: told by ``[state]``, or said in front where our backdrop stands behind the SUT.

Each answer is recorded as an event ``state`` (sop_instance_uid, committed, deletable, ok, detail).
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

NOT_COMMITTED = 1  # the exit status of a [state] command that says no; any other but 0 says nothing


async def believed_in_front(backdrop: Any, recorder: Any, uid: str) -> bool | None:
    """Whether our end in front was told that an instance is committed; ``None``: it was told nothing."""
    said: bool | None = await backdrop.believes(uid)
    recorder.event(
        "state", sop_instance_uid=uid, committed=said, deletable=None, ok=said is not None, detail="as said in front"
    )
    return said


def believed(done: Any, recorder: Any, uid: str) -> bool | None:
    """Whether the vendor's answer (``Done`` of a command or URL) says committed or deletable; ``None``: it says neither."""
    committed, deletable = belief(done)
    recorder.event(
        "state", sop_instance_uid=uid, committed=committed, deletable=deletable, ok=done.ok, detail=done.detail
    )
    return None if committed is None and deletable is None else bool(committed) or bool(deletable)


def belief(done: Any) -> tuple[bool | None, bool | None]:
    """(committed, deletable) from JSON in the output, else from the exit status of a command."""
    with contextlib.suppress(ValueError, TypeError):
        told = json.loads(done.output)
        if isinstance(told, dict) and {"committed", "deletable"} & told.keys():
            committed, deletable = (told.get(key) for key in ("committed", "deletable"))
            return (committed if isinstance(committed, bool) else None), (
                deletable if isinstance(deletable, bool) else None
            )
    if done.code is None:
        return None, None
    return {0: True, NOT_COMMITTED: False}.get(done.code), None
