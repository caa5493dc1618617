"""Mistakes as implementers make them: what works for one request, one instance or one UID, and not for the next."""

from __future__ import annotations

from stgcmt.suite import Fault

# ruff: noqa: E501 - a table reads best with one row a line
# fmt: off

# What goes wrong with one kind of Request, answer or representation alone.
_ONE_KIND: tuple[Fault, ...] = (
    Fault("commits-all-when-synchronous", "What is answered at once is committed, whatever is there.", ("WEB-J.2-11",)),
    Fault("commits-all-in-xml", "What a Request in native XML names is committed, whatever is there.", ("WEB-J.2-11",)),
    Fault("commits-all-in-multipart", "What a Request in multipart names is committed, whatever is there.", ("WEB-J.2-11",)),
    Fault("first-reference-only-in-xml", "Of a Request in native XML only the first reference is read.", ("WEB-13.4.2-03",), ("WEB-J.2-03",)),
    Fault("accepted-with-body-to-xml", "The 202 to a Request in native XML has a text as payload.", ("WEB-13.4.3-07",), ("WEB-8.7.9-01",)),
    Fault("accepted-with-body-to-long-lists", "The 202 to a Request for a hundred instances has a text as payload.", ("WEB-13.4.3-07",), ("WEB-8.7.9-01",)),
    Fault("extra-instance-in-long-lists", "A result of a hundred instances names one more, which was not asked for.", ("WEB-J.2-04",)),
    Fault("instance-twice-in-long-lists", "In a result of a hundred instances the last but one stands twice.", ("WEB-J.2-03",)),
    Fault("no-content-to-xml", "A Request in native XML that is worked on is answered 204.", ("WEB-13.4.2-01",), ("WEB-13.2-05",)),
    Fault("xml-result-as-203", "A result that is read as native XML comes with 203.", ("WEB-13.5.2-06",), ("WEB-13.1.3-02", "WEB-8.3.3-01")),
    Fault("empty-failed-sequence-at-once", "A result that answers its Request has the failed list although it has no item.", ("WEB-J.2-02",)),
    Fault("transaction-uid-at-once", "A result that answers its Request repeats the Transaction UID.", ("WEB-13.4.1-03", "WEB-J.2-08")),
    Fault("keys-out-of-order-at-once", "The attributes of a result that answers its Request stand in descending order.", ("WEB-F.2.2-02",)),
    Fault("reason-a700-alone", "The one instance of a Request that names no other is failed with A700H.", ("WEB-J.2-05", "WEB-13.2-05")),
    Fault("xml-whenever-named", "Native XML comes wherever Accept names it, with whatever quality value.", ("WEB-8.7.8-01",)),
    Fault("last-type-wins", "Of the acceptable types the one that stands last in Accept comes.", ("WEB-8.7.8-01",)),
)

FAULTS_FIELD: tuple[Fault, ...] = (
    Fault("compares-beginnings", "UIDs are compared by their first 43 characters.", ("WEB-J.2-11",)),
    Fault("remembers-results", "What was once found out of the same instances is answered again.", ("WEB-J.2-11", "WEB-J.2-13")),
    Fault("commits-by-study", "An instance is committed where another of its study is held.", ("WEB-J.2-11",)),
    Fault("commits-corrupt", "An instance is committed whose file was damaged since it came.", ("WEB-J.2-11",)),
    Fault("one-reason-for-all", "Every failed instance gets the Failure Reason of the first.", ("WEB-J.2-12",)),
    Fault("only-first-failure", "Of several failed instances only the first is told.", ("WEB-13.4.2-03", "WEB-J.2-03")),
    Fault("cut-at-256", "A result has room for 256 instances.", ("WEB-13.4.2-03",), ("WEB-J.2-03",)),
    Fault("forgets-last-of-last-series", "The last instance of the last of several series is missing from the result.", ("WEB-13.4.2-03", "WEB-J.1-04"), ("WEB-J.2-03",)),
    Fault("only-first-class", "Only the first SOP class of each series is worked on.", ("WEB-J.1-04",), ("WEB-13.4.2-03", "WEB-J.2-03")),
    Fault("partial-result-while-pending", "A Result Check of unfinished work is answered 200 with what is done so far.", ("WEB-13.4.2-03",), ("WEB-J.2-03",)),
    Fault("instances-locked", "A Request for instances that are under way in another transaction is answered 409.", ("WEB-13.4.3-10",), ("WEB-13.4.1-10", "WEB-13.4.3-14", "WEB-J.1-03", "WEB-J.2-07", "WEB-8.3-01")),
    Fault("early-check-as-429", "A Result Check before Retry-After has passed is answered 429.", ("WEB-13.5.2-02", "WEB-13.2-05")),
    Fault("expired-as-empty-result", "An expired transaction is answered 200 with an empty result.", ("WEB-13.5.3-11",)),
    Fault("result-of-the-newest", "A Result Check is answered with the newest result of all.", ("WEB-13.4.2-03", "WEB-J.2-04"), ("WEB-13.4.3-13", "WEB-J.1-04", "WEB-J.2-01", "WEB-J.2-03")),
    *_ONE_KIND,
)
