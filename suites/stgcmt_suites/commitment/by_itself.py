"""A law that holds in each recording by itself is looked at once in each, although many checks and mutants come by.

A check of twenty recordings is tried on mutants of one: the other nineteen are the same recordings as before.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from stgcmt.suite import Transcript


def each_by_itself(law: Callable[[Transcript], None]) -> Callable[..., None]:
    """``law`` for any number of recordings. It ends a check by what it raises, and what it raises is raised every time.

    ``law`` only asserts: an outcome of one recording must not go before an assert in the next. It looks at no measured time.
    """

    @functools.wraps(law)
    def laws(*transcripts: Transcript) -> None:
        for transcript in transcripts:
            transcript.view(law)

    return laws
