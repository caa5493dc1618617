"""What small pieces of bytes mean is worked out once: messages repeat themselves, mutants of a recording share most of theirs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

_T = TypeVar("_T")
_P = ParamSpec("_P")
SMALL = 16_384  # bytes of all arguments together; what is larger is worked out again
KEPT = 2048  # values; those that were asked for longest ago go first
_REFERENCE = 200  # bytes of an item of a tuple, such as a reference to an instance


def by_value(*, small: int = SMALL, kept: int = KEPT) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]:
    """For a function that follows from its hashable arguments alone and returns what nobody changes.

    Args:
        small: bytes that the arguments of a call may have together for its value to be kept.
        kept: values that are kept.
    """

    def remembering(make: Callable[_P, _T]) -> Callable[_P, _T]:
        known = functools.lru_cache(kept)(make)

        @functools.wraps(make)
        def remembered(*arguments: _P.args, **named: _P.kwargs) -> _T:
            size = 0
            for each in arguments:
                if isinstance(each, bytes):
                    size += len(each)
                elif isinstance(each, tuple):
                    size += _REFERENCE * len(each)
            return (known if size <= small else make)(*arguments, **named)  # type: ignore[arg-type]

        return remembered

    return remembering
