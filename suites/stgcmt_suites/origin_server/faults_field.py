"""Mistakes as implementers make them: what works for one request, one instance or one UID, and not for the next."""

from __future__ import annotations

from stgcmt.suite import Fault

# ruff: noqa: E501 - a table reads best with one row a line
# fmt: off

FAULTS_FIELD: tuple[Fault, ...] = (
    Fault("compares-beginnings", "UIDs are compared by their first 43 characters.", ("WEB-J.2-11",)),
    Fault("remembers-results", "What was once found out of the same instances is answered again.", ("WEB-J.2-11", "WEB-J.2-13")),
    Fault("commits-by-study", "An instance is committed where another of its study is held.", ("WEB-J.2-11",)),
    Fault("commits-corrupt", "An instance is committed whose file was damaged since it came.", ("WEB-J.2-11",)),
    Fault("one-reason-for-all", "Every failed instance gets the Failure Reason of the first.", ("WEB-J.2-12",)),
    Fault("only-first-failure", "Of several failed instances only the first is told.", ("WEB-13.4.2-03", "WEB-J.2-03")),
    Fault("cut-at-256", "A result has room for 256 instances.", ("WEB-13.4.2-03",)),
    Fault("forgets-last-of-last-series", "The last instance of the last of several series is missing from the result.", ("WEB-13.4.2-03", "WEB-J.1-04"), ("WEB-J.2-03",)),
    Fault("only-first-class", "Only the first SOP class of each series is worked on.", ("WEB-J.1-04",), ("WEB-13.4.2-03", "WEB-J.2-03")),
    Fault("partial-result-while-pending", "A Result Check of unfinished work is answered 200 with what is done so far.", ("WEB-13.4.2-03",), ("WEB-J.2-03",)),
    Fault("instances-locked", "A Request for instances that are under way in another transaction is answered 409.", ("WEB-13.4.3-10",), ("WEB-13.4.1-10", "WEB-13.4.3-14", "WEB-J.1-03", "WEB-J.2-07", "WEB-8.3-01")),
    Fault("early-check-as-429", "A Result Check before Retry-After has passed is answered 429.", ("WEB-13.5.2-02", "WEB-13.2-05")),
    Fault("expired-as-empty-result", "An expired transaction is answered 200 with an empty result.", ("WEB-13.5.3-11",)),
    Fault("result-of-the-newest", "A Result Check is answered with the newest result of all.", ("WEB-13.4.2-03", "WEB-J.2-04"), ("WEB-13.4.3-13", "WEB-J.1-04", "WEB-J.2-01", "WEB-J.2-03")),
)
