"""Foreign SCPs (two programs on pynetdicom) beside the reference: every difference in verdict is known by its reason."""

from __future__ import annotations

import pytest

from peer_runs import PEERS, Difference, Rows, complaints, differing, imported, results, rows, start

IN_MEMORY = "Requests that were accepted are forgotten at a restart: they are held in memory."
NO_TITLE = "Its reports name no Retrieve AE Title, and it claims so."
NO_LINKS = (
    "pynetdicom's storage contexts have no JPIP transfer syntax: an instance in one cannot be stored, and it claims so."
)
NO_HELP = "Nothing of what it holds can be deleted from outside."
NO_GET = "It gives nothing out: there is no C-GET to read instances back with."

STACK = {
    "DIMSE-10.1.4-03": Difference(
        "inconclusive", "N-GET and N-CREATE are met with an A-ABORT, so there is no status: pynetdicom's service for this class knows none but its own two operations."
    ),
    "DIMSE-J.3.3.1.1.1-02": Difference("not-applicable", NO_TITLE),
    "DIMSE-ROB-RETRY-02": Difference("warn", IN_MEMORY),
    "DIMSE-J.1.1-01": Difference("not-applicable", NO_LINKS),
    "DIMSE-J.3.2-DELETED": Difference("not-tested", NO_HELP),
    "DIMSE-J.1.1-02": Difference("fail", "An instance that it committed is gone after a restart: it is held in memory."),
}  # fmt: skip

SCP = {
    "DIMSE-5.4.2.1-03": Difference(
        "fail", "A reference whose class or instance UID is empty is answered 0000H, and a report follows."
    ),
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
    "DIMSE-J.3.2-DELETED": Difference("not-tested", NO_HELP),
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


# --- nothing can be stored in it ---------------------------------------------------------------------------------------

# What only a stored instance can show: of the rows that the same SCP answers with seeding, these alone.
STORED_ONLY = {
    "DIMSE-J.1-01", "DIMSE-J.3.3.1.2-01", "DIMSE-J.3.3.1.1-02", "DIMSE-J.3.3.1.1.1-01", "DIMSE-J.3.3.1.1.2-01", "DIMSE-B-01",
}  # fmt: skip


@pytest.mark.slow
def test_without_seeding_nearly_every_row_is_judged_all_the_same(all_three, tmp_path) -> None:
    """Negotiation, refusals, missing instances, delivery: none of them needs an instance that was stored."""
    text = (PEERS / "pynetdicom_scp.toml").read_text("utf-8")
    file = tmp_path / "none.toml"
    file.write_text(text.replace('how = "c-store"', 'how = "none"').replace("{sut_dir}", str(PEERS)), "utf-8")
    bare = rows(results(start(tmp_path / "bundle", str(file))))
    seeded = rows(all_three[0]["pynetdicom_scp"])
    judged = {"pass", "fail", "warn", "note"}
    open_now = {
        ident for ident, row in bare.items() if row["verdict"] not in judged and seeded[ident]["verdict"] in judged
    }
    assert open_now == STORED_ONLY
    assert all(bare[ident]["verdict"] in ("inconclusive", "not-tested") for ident in STORED_ONLY)
    assert not any(row["vacuous"] for row in bare.values())
    # What it does wrong it does wrong without instances, too, but for what an instance shows.
    wrong = {ident for ident, row in seeded.items() if row["verdict"] == "fail"}
    assert {ident for ident in wrong if bare[ident]["verdict"] == "fail"} >= {"DIMSE-J.3.2.1.3-01", "DIMSE-5.4.2.1-02"}


def test_the_foreign_scp_shares_nothing_with_us() -> None:
    assert not any(name.startswith("stgcmt") for name in imported(PEERS / "pynetdicom_scp.py"))
