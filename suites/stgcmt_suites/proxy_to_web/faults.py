"""Named deviations of the reference proxy to DICOMweb: one switch, one deviation, and which rows see it.

The second tuple: rows that rightly turn red with it, on the other face or on the same one.
"""

from __future__ import annotations

from stgcmt.suite import Fault

FAULTS: tuple[Fault, ...] = (
    Fault(
        "forgets-one-behind",
        "leaves the last instance of a request out behind",
        ("PROXY-ASK-01", "WEB-B.30-11"),
        ("WEB-B.30-12", "WEB-B.30-13"),
    ),
    Fault("asks-more-behind", "asks behind for an instance that nobody asked for", ("PROXY-ASK-01",), ("WEB-B.30-11",)),
    Fault(
        "asks-twice-behind",
        "makes every Request twice, each under a UID of its own",
        ("PROXY-ASK-01",),
        ("WEB-B.30-11", "PROXY-DUP-01", "WEB-13.5.3-03", "WEB-13.5.3-12", "WEB-UA-POLL-01", "WEB-HTTP-RA-01"),
    ),
    Fault(
        "class-changed-behind",
        "asks behind under another class",
        ("PROXY-UID-01",),
        ("WEB-B.30-11", "WEB-B.30-17", "PROXY-TRUTH-01", "PROXY-TRUTH-02", "PROXY-MATCH-01", "PROXY-RESTART-01"),
    ),
    Fault("duplicate-goes-behind", "sends a duplicate of a request behind as well", ("PROXY-DUP-01",), ()),
    Fault(
        "commits-on-202",
        "takes 202 for commitment",
        ("PROXY-TRUTH-02",),
        (
            "WEB-B.30-16",
            "WEB-B.30-17",
            "WEB-B.30-19",
            "PROXY-TRUTH-01",
            "PROXY-PENDING-01",
            "PROXY-LOSS-01",
            "PROXY-MATCH-01",
            "PROXY-RESTART-01",
            "DIMSE-J.3.3.1.2-02",
            "DIMSE-J.3.2-PARTIAL",
            "DIMSE-J.3.2-DELETED",
            "WEB-UA-SAFE-01",
            "WEB-HTTP-202-01",
            "WEB-13.2-01",
            "WEB-UA-POLL-01",
            "WEB-HTTP-RA-01",
        ),
    ),
    Fault(
        "gives-up-at-202",
        "fails everything after a 202",
        ("PROXY-PENDING-01",),
        ("PROXY-MATCH-01", "WEB-13.2-01", "WEB-UA-POLL-01", "WEB-HTTP-RA-01"),
    ),
    Fault(
        "commits-on-409",
        "takes 409 for a commitment that was made before",
        ("WEB-B.30-14",),
        ("WEB-B.30-17", "PROXY-TRUTH-01", "PROXY-LOSS-01", "WEB-UA-SAFE-01"),
    ),
    Fault(
        "commits-on-any-error",
        "commits where the origin server fails",
        ("WEB-B.30-15",),
        (
            "WEB-B.30-17",
            "WEB-B.30-19",
            "PROXY-TRUTH-01",
            "PROXY-LOSS-01",
            "WEB-UA-SAFE-01",
            "WEB-HTTP-UNK-01",
        ),
    ),
    Fault(
        "commits-after-gone",
        "takes 404 and 410 for a commitment that was cleared away",
        ("WEB-B.30-16",),
        ("WEB-B.30-17", "WEB-B.30-19", "PROXY-TRUTH-01", "PROXY-LOSS-01", "WEB-UA-SAFE-01"),
    ),
    Fault(
        "commits-when-lost",
        "commits where no answer comes",
        ("PROXY-LOSS-01", "WEB-B.30-19"),
        ("WEB-B.30-17", "PROXY-TRUTH-01"),
    ),
    Fault(
        "commits-when-unreachable",
        "commits where nobody listens for the origin server",
        ("PROXY-LOSS-01", "WEB-B.30-19"),
        ("WEB-B.30-17", "PROXY-TRUTH-01"),
    ),
    Fault(
        "commits-when-unanswered",
        "commits where a request is not answered in time",
        ("PROXY-LOSS-01", "WEB-B.30-19"),
        ("WEB-B.30-17", "PROXY-TRUTH-01", "WEB-UA-SAFE-01"),
    ),
    Fault(
        "commits-when-cut",
        "commits where the connection breaks, also in the middle of an answer",
        ("PROXY-LOSS-01", "WEB-B.30-19"),
        ("WEB-B.30-17", "PROXY-TRUTH-01", "WEB-UA-SAFE-01"),
    ),
    Fault(
        "commits-when-denied",
        "commits where the origin server denies an answer (401, 403)",
        ("WEB-B.30-15", "WEB-B.30-19"),
        ("WEB-B.30-17", "PROXY-LOSS-01", "PROXY-TRUTH-01", "WEB-UA-SAFE-01"),
    ),
    Fault("other-path-behind", "asks below another path than its base URL", ("PROXY-CONFIG-01",), ("WEB-8.2-01",)),
    Fault(
        "asks-for-ever-after-503",
        "makes Result Checks without end while they are answered 503",
        ("PROXY-POLL-01",),
        ("WEB-B.30-19", "WEB-13.5.3-12"),
    ),
    Fault(
        "commits-the-unreadable",
        "commits on a 200 that cannot be read",
        ("WEB-B.30-17",),
        ("PROXY-TRUTH-01", "WEB-UA-SAFE-01"),
    ),
    Fault(
        "commits-left-out",
        "commits instances that a result leaves out",
        ("WEB-B.30-17", "PROXY-TRUTH-01"),
        ("WEB-UA-SAFE-01", "WEB-13.4.2-02"),
    ),
    Fault("drops-left-out", "leaves out in front what a result leaves out", ("PROXY-LIST-01",), ()),
    Fault(
        "foreign-instance-passes",
        "passes on instances that nobody asked for",
        ("PROXY-LIST-01",),
        ("WEB-UA-SAFE-01",),
    ),
    Fault(
        "commits-what-stands-in-both",
        "commits an instance that stands in both lists",
        ("PROXY-TRUTH-01",),
        ("WEB-B.30-17", "WEB-UA-SAFE-01", "WEB-13.4.2-02"),
    ),
    Fault("all-reasons-as-0110", "tells every Failure Reason as 0110H", ("PROXY-REASON-01", "WEB-B.30-18"), ()),
    Fault("unknown-reasons-pass", "passes on Failure Reasons that nobody knows", ("WEB-B.30-18",), ()),
    Fault(
        "retry-after-ignored",
        "makes Result Checks at its own pace",
        ("PROXY-POLL-01",),
        ("WEB-13.5.3-03", "WEB-HTTP-RA-01"),
    ),
    Fault(
        "never-reports",
        "accepts and never reports",
        ("WEB-B.30-12", "WEB-B.30-13"),
        (
            "WEB-B.30-14",
            "WEB-B.30-15",
            "WEB-B.30-16",
            "WEB-B.30-19",
            "PROXY-RESTART-01",
            "DIMSE-J.3.2.1.3-02",
            "DIMSE-J.3.3-01",
        ),
    ),
    Fault(
        "type-1-with-failures",
        "reports failures with event type 1",
        ("WEB-B.30-12",),
        ("WEB-B.30-13", "DIMSE-J.3.3.1.2-02", "DIMSE-J.3.3.1.1-02", "DIMSE-J.3.2-PARTIAL", "DIMSE-J.3.2-DELETED"),
    ),
    Fault(
        "other-transaction-uid-in-front",
        "reports under another Transaction UID",
        ("WEB-B.30-12",),
        (
            "WEB-B.30-13",
            "WEB-B.30-14",
            "WEB-B.30-15",
            "WEB-B.30-16",
            "WEB-B.30-19",
            "PROXY-RESTART-01",
            "DIMSE-J.3.3.1.2-05",
        ),
    ),
    Fault(
        "latest-takes-the-result",
        "gives a result to the latest transaction as well",
        ("PROXY-MATCH-01",),
        (
            "WEB-B.30-17",
            "DIMSE-J.3.2-PARTIAL",
            "PROXY-LIST-01",
            "PROXY-TRUTH-01",
            "PROXY-TRUTH-02",
            "PROXY-PENDING-01",
            "DIMSE-J.3.3.1.2-04",
            "WEB-UA-POLL-01",
            "WEB-HTTP-RA-01",
        ),
        crowded=True,
    ),
    Fault(
        "lost-on-restart", "forgets pending transactions in a restart", ("PROXY-RESTART-01",), ("DIMSE-ROB-RETRY-02",)
    ),
)
