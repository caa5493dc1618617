"""Foreign SCPs (two programs on pynetdicom) beside the reference: every difference in verdict is known by its reason."""

from __future__ import annotations

import pytest

from peer_runs import PEERS, Difference, Rows, complaints, differing, imported, results, rows, start

IN_MEMORY = "Requests that were accepted are forgotten at a restart: they are held in memory."
NO_TITLE = "Its reports name no Retrieve AE Title, and it claims so."
NO_LINKS = (
    "pynetdicom's storage contexts have no JPIP transfer syntax: an instance in one cannot be stored, and it claims so."
)
NO_GET = "It gives nothing out: there is no C-GET to read instances back with."

STACK = {
    "DIMSE-10.1.4-03": Difference(
        "inconclusive", "N-GET and N-CREATE are met with an A-ABORT, so there is no status: pynetdicom's service for this class knows none but its own two operations."
    ),
    "DIMSE-J.3.3.1.1.1-02": Difference("not-applicable", NO_TITLE),
    "DIMSE-ROB-RETRY-02": Difference("warn", IN_MEMORY),
    "DIMSE-J.1.1-01": Difference("not-applicable", NO_LINKS),
    "DIMSE-J.1.1-02": Difference("fail", "An instance that it committed is gone after a restart: it is held in memory."),
}  # fmt: skip

SCP = {
    "DIMSE-J.3.2.1.3-01": Difference(
        "fail",
        "An N-ACTION for another SOP Class is met with an A-ABORT instead of a response: pynetdicom looks for a service by "
        "the class that the message names, before any handler is asked.",
    ),
    "DIMSE-5.4.2.1-02": Difference(
        "fail",
        "It looks for Transaction UID and Referenced SOP Sequence alone: a reference without its class or instance UID is "
        "answered 0000H, and no report follows.",
    ),
    "DIMSE-10.1.4-03": Difference(
        "inconclusive", "A request for another class or another operation is met with an A-ABORT, so there is no status."
    ),
    "DIMSE-J.3.2.1.1.3-02": Difference(
        "fail", "An instance that one request names under two classes is reported as committed and as failed."
    ),
    "DIMSE-J.3.3.1.1.1-02": Difference("not-tested", NO_GET),
    "DIMSE-ROB-RETRY-02": Difference("warn", IN_MEMORY),
    "DIMSE-J.3.3.1.2-12": Difference("not-tested", NO_GET),
    "DIMSE-J.1.1-01": Difference("not-applicable", NO_LINKS),
    "DIMSE-J.1.1-02": Difference("not-tested", NO_GET),
}  # fmt: skip

TABLES = {"pynetdicom_stack": STACK, "pynetdicom_scp": SCP}


@pytest.fixture(scope="module")
def all_three(tmp_path_factory) -> tuple[dict[str, dict], Rows]:
    """The results of each peer and the rows of the reference; the runs wait at the same time."""
    directory = tmp_path_factory.mktemp("peers")
    peers = {name: start(directory / name, str(PEERS / f"{name}.toml")) for name in TABLES}
    reference = start(directory / "reference", "--role", "scp")
    return {name: results(process) for name, process in peers.items()}, rows(results(reference))


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_every_difference_is_listed_and_every_listed_one_is_seen(all_three, name) -> None:
    found, reference = all_three
    assert complaints(rows(found[name]), reference, TABLES[name]) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_the_foreign_scps_are_judged_as_a_whole(all_three, name) -> None:
    found, reference = all_three[0][name], all_three[1]
    assert found["exit_code"] == 1
    assert "crashed" not in {each["state"] for each in found["scenarios"]}
    peer = rows(found)
    agreeing = [ident for ident, row in peer.items() if row["verdict"] == "pass" == reference[ident]["verdict"]]
    assert len(agreeing) > 50  # nothing is learned from an SCP that agrees on little
    for ident, verdict in differing(peer, reference).items():
        cited = [each for each in peer[ident]["evidence"] if each["event"]]
        assert cited or verdict not in ("fail", "warn"), ident


def test_the_foreign_scp_shares_nothing_with_us() -> None:
    assert not any(name.startswith("stgcmt") for name in imported(PEERS / "pynetdicom_scp.py"))
