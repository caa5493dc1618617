"""What an event recorded, in words: findings and reports tell it, never as Python would print it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stgcmt.recorded import Event

LEADS = ("what", "action", "name")  # keys whose value says what kind of fact it is
KINDS: Mapping[str, str] = {
    "conn.open": "connection",
    "conn.close": "connection ended",
    "conn.refused": "no connection",
    "conn.tls": "TLS",
    "uid": "UID minted",
    "provoke": "SUT provoked",
    "trigger": "SUT triggered",
    "wait.start": "wait begins",
    "wait.end": "wait ends",
}


def told(event: Event) -> str:
    """An event in a line: ``SUT provoked: delete, detail status 204``."""
    info = {key: value for key, value in event.info.items() if key not in ("masked", "lanes")}
    lead = next((str(info.pop(key)) for key in LEADS if key in info), "")
    if info.get("ok") is True:
        del info["ok"]
    facts = [fact(key, value) for key, value in info.items() if value not in ("", None)]
    detail = ", ".join([lead, *facts] if lead else facts)
    return f"{KINDS.get(event.kind, event.kind)}{': ' if detail else ''}{detail}"


def fact(key: str, value: Any) -> str:
    """One fact of an event; what is nested is told in one row."""
    if isinstance(value, Mapping):
        return ", ".join(fact(str(inner), each) for inner, each in value.items())
    return f"{key.replace('_', ' ')} {plain(value)}"


def plain(value: Any) -> str:
    """A value for a reader: yes and no, host and port, lists with commas."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        address = len(value) == 2 and isinstance(value[1], int)
        return (":" if address else ", ").join(plain(each) for each in value)
    if isinstance(value, Mapping):
        return ", ".join(fact(str(key), each) for key, each in value.items())
    return str(value)
