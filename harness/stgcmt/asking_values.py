"""What a SUT that asks is told: the values of the placeholders in its ``[trigger]`` and ``[state]``, and replies in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any


def asked_with(scenario: str, instances: Sequence[Any], place: Any, destination: Any) -> dict[str, str]:
    """What the placeholders stand for.

    Args:
        scenario: its name.
        instances: what is to be committed.
        place: where we answer over HTTP; ``None`` where we do not.
        destination: where we answer over DIMSE; ``None`` where we do not.
    """

    def joined(name: str) -> str:
        return ",".join(dict.fromkeys(str(getattr(each, name)) for each in instances))

    values = {f"{name}s": joined(name) for name in ("sop_instance_uid", "study_instance_uid", "series_instance_uid")}
    values["sop_class_uids"] = ",".join(each.sop_class_uid for each in instances)
    values["scenario"] = scenario
    if place is not None:
        values |= {"base_url": place.base_url, "host": place.host, "port": str(place.port)}
    if destination is not None:
        values |= {"ae_title": destination.ae_title}
        if place is None:
            values |= {"host": destination.host, "port": str(destination.port)}
        values |= {"dimse_host": destination.host, "dimse_port": str(destination.port)}
    return values


def in_turn(replies: Sequence[Any]) -> Callable[[Any], Any]:
    """A script that gives each reply once, and the last one for ever."""

    def turns() -> Iterator[Any]:
        yield from replies
        while True:
            yield replies[-1]

    endless = turns()
    return lambda _: next(endless)
