"""Named deviations of the reference proxy to DIMSE: one switch, one deviation, and which rows see it.

The second tuple: rows that rightly turn red with it, on the other face or on the same one.
"""

from __future__ import annotations

from stgcmt.suite import Fault

FAULTS: tuple[Fault, ...] = (
    Fault(
        "forgets-one-behind",
        "leaves the last instance of a Request out behind",
        ("PROXY-ASK-01", "WEB-B.30-01"),
        ("WEB-B.30-02", "WEB-B.30-05", "WEB-J.2-12", "WEB-J.2-13"),
    ),
    Fault(
        "asks-more-behind",
        "asks behind for an instance that nobody asked for",
        ("PROXY-ASK-01",),
        ("WEB-B.30-01", "WEB-B.30-02", "WEB-B.30-10", "DIMSE-TUID-05"),
    ),
    Fault(
        "asks-twice-behind",
        "sends every N-ACTION twice",
        ("PROXY-ASK-01",),
        ("WEB-B.30-01", "WEB-B.30-02", "PROXY-DUP-01", "DIMSE-J.3.2.1.2-03", "DIMSE-TUID-01"),
    ),
    Fault(
        "class-changed-behind",
        "asks behind under another class",
        ("PROXY-UID-01",),
        (
            "WEB-B.30-01",
            "WEB-B.30-09",
            "WEB-B.30-10",
            "PROXY-TRUTH-01",
            "PROXY-TRUTH-02",
            "PROXY-MATCH-01",
            "PROXY-RESTART-01",
        ),
    ),
    Fault("duplicate-goes-behind", "sends a duplicate of a Request behind as well", ("PROXY-DUP-01",), ()),
    Fault(
        "commits-on-acceptance",
        "takes the success of an N-ACTION for commitment",
        ("PROXY-TRUTH-02",),
        (
            "WEB-B.30-08",
            "WEB-B.30-09",
            "WEB-B.30-10",
            "PROXY-TRUTH-01",
            "PROXY-PENDING-01",
            "PROXY-LOSS-01",
            "PROXY-MATCH-01",
            "WEB-J.2-11",
            "WEB-J.2-12",
            "WEB-J.2-10",
            "DIMSE-SCU-SAFE-01",
            "DIMSE-DOC-06",
        ),
    ),
    Fault("refused-as-accepted", "answers 202 whatever the SCP answered", ("WEB-B.30-04",), ()),
    Fault(
        "lost-means-committed",
        "commits where the SCP took the request and does not answer",
        ("PROXY-LOSS-01",),
        ("PROXY-TRUTH-01", "DIMSE-SCU-SAFE-01"),
    ),
    Fault(
        "rejected-means-committed",
        "commits where the SCP rejects the association",
        ("PROXY-LOSS-01",),
        ("PROXY-TRUTH-01", "DIMSE-SCU-SAFE-01"),
    ),
    Fault(
        "unreachable-means-committed",
        "commits where nobody listens for the SCP",
        ("PROXY-LOSS-01",),
        ("PROXY-TRUTH-01",),
    ),
    Fault(
        "aborted-means-committed",
        "commits where the SCP accepts the request and then aborts the association",
        ("PROXY-LOSS-01",),
        ("PROXY-TRUTH-01",),
    ),
    Fault(
        "half-a-report-counts",
        "commits where the association of a report is aborted in the middle of it",
        ("PROXY-LOSS-01",),
        ("PROXY-TRUTH-01",),
    ),
    Fault("strange-ae-behind", "calls itself otherwise behind than it says", ("PROXY-CONFIG-01",), ()),
    Fault("calls-another-ae", "calls the SCP by another AE title than its own", ("PROXY-CONFIG-01",), ()),
    Fault(
        "gives-up-at-once",
        "fails everything where no report is there yet",
        ("PROXY-PENDING-01",),
        ("WEB-B.30-10", "WEB-J.2-12", "WEB-J.2-13", "DIMSE-TUID-05"),
    ),
    Fault(
        "commits-left-out",
        "commits instances that a report leaves out",
        ("WEB-B.30-09", "PROXY-TRUTH-01"),
        ("DIMSE-SCU-SAFE-01",),
    ),
    Fault("drops-left-out", "leaves out in front what a report leaves out", ("PROXY-LIST-01",), ()),
    Fault("foreign-instance-passes", "passes on instances that nobody asked for", ("WEB-B.30-09",), ("PROXY-LIST-01",)),
    Fault(
        "type-1-commits-all",
        "commits everything on event type 1, whatever the lists say",
        ("PROXY-TRUTH-01",),
        ("WEB-B.30-09", "DIMSE-SCU-SAFE-01"),
    ),
    Fault(
        "commits-what-stands-in-both",
        "commits an instance that stands in both lists",
        ("PROXY-TRUTH-01",),
        ("WEB-B.30-09", "DIMSE-SCU-SAFE-01"),
    ),
    Fault(
        "all-reasons-as-0110",
        "tells every Failure Reason as 0110H",
        ("PROXY-REASON-01", "WEB-B.30-06"),
        ("WEB-J.2-12", "WEB-J.2-13"),
    ),
    Fault("tree-lost", "answers hierarchical Requests with flat lists", ("WEB-B.30-02",), ("WEB-J.2-01",)),
    Fault("studies-mixed", "puts every instance into the first study", ("WEB-B.30-02",), ("WEB-J.2-07",)),
    Fault("retrieve-ae-leaks", "passes Retrieve AE Title on", ("WEB-B.30-07",), ()),
    Fault(
        "reports-on-same-association-only",
        "refuses reports on new associations",
        ("WEB-B.30-10",),
        ("PROXY-RESTART-01", "WEB-13.5.2-03", "DIMSE-TUID-05", "DIMSE-J.3.3.1.3-03", "DIMSE-10.1.1-02"),
    ),
    Fault("early-report-lost", "loses a report that comes before the response", ("WEB-B.30-10",), ()),
    Fault(
        "latest-takes-the-report",
        "gives a report to the latest transaction",
        ("PROXY-MATCH-01",),
        (
            "WEB-B.30-06",
            "WEB-B.30-10",
            "PROXY-REASON-01",
            "DIMSE-TUID-05",
        ),
    ),
    Fault(
        "type-1-ignored",
        "waits for a report of type 2 alone",
        ("WEB-B.30-05",),
        ("PROXY-RESTART-01", "WEB-13.5.2-03", "DIMSE-TUID-05"),
    ),
    Fault("accepted-as-503", "answers 503 where the SCP accepted", ("WEB-B.30-03",), ()),
    Fault(
        "commits-when-nothing-comes",
        "takes silence for consent after two seconds",
        ("WEB-B.30-08", "PROXY-TRUTH-01"),
        ("PROXY-TRUTH-02", "PROXY-LOSS-01", "PROXY-PENDING-01", "DIMSE-SCU-SAFE-01"),
    ),
    Fault("second-report-counts", "lets a later report replace the result", ("PROXY-STABLE-01",), ()),
    Fault("lost-on-restart", "forgets pending transactions in a restart", ("PROXY-RESTART-01",), ()),
)
