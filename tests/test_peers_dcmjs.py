"""A foreign SCP that is no Python (dcmjs-dimse on Node.js) beside the reference: every difference in verdict is known by its reason."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from peer_runs import PEERS, Difference, complaints, differing, results, rows, start
from test_peers_scp import IN_MEMORY, NO_GET, NO_HELP

TOLD_HOW = "npm install dcmjs-dimse@0.3.3, then NODE_PATH=…/node_modules"
NO_ROLE = (
    "The library's Client has no way to propose a role: reports come on associations without a role selection item."
)

NO_LINKS = (
    "It accepts Implicit and Explicit VR Little Endian alone: an instance in JPIP cannot be stored, and it claims so."
)
DROPS = "The library drops what no UID may contain when it reads one"

DCMJS = {
    "DIMSE-J.2.1-01": Difference("fail", NO_ROLE),
    "DIMSE-D.3.3.4-01": Difference("fail", "The report is sent on the association all the same."),
    "DIMSE-D.3.3.4-04": Difference("inconclusive", "It never proposes a role that could be denied."),
    "DIMSE-D.3.3.4.1-01": Difference(
        "not-tested", "It sends no role selection item: nothing can show that one would be well formed."
    ),
    "DIMSE-10.1.4-03": Difference(
        "warn", "N-GET on the well-known instance is answered 0110H: nobody overrides the handler of the library."
    ),
    "DIMSE-5.4.2.1-03": Difference(
        "fail", "A reference whose class or instance UID is empty is answered 0000H, and a report follows."
    ),
    "DIMSE-10.1.4-05": Difference(
        "fail", f"{DROPS}: a response repeats 1.2.840.10008.1.20.1.x without its last character."
    ),
    "DIMSE-C.5.10-01": Difference("inconclusive", "It never answered 0115H in what was played."),
    "DIMSE-J.3.2.1.1.3-02": Difference(
        "fail", "An instance that one request names under two classes is reported as committed and as failed."
    ),
    "DIMSE-J.3.3.1.1.1-02": Difference("not-tested", NO_GET),
    "DIMSE-ROB-RETRY-02": Difference("warn", IN_MEMORY),
    "DIMSE-TUID-06": Difference(
        "fail", f"{DROPS}: a malformed Transaction UID is accepted, and reports come on another one."
    ),
    "DIMSE-J.3.3.1.2-12": Difference("not-tested", NO_GET),
    "DIMSE-J.1.1-01": Difference("not-applicable", NO_LINKS),
    "DIMSE-J.3.2-DELETED": Difference("not-tested", NO_HELP),
    "DIMSE-J.1.1-02": Difference("not-tested", NO_GET),
}


@pytest.fixture(scope="module")
def library() -> None:
    """Where the library is missing the tests are skipped; where CI is they fail: `.ci/run` installs it."""
    node = shutil.which("node")
    found = (
        node
        and subprocess.run([node, "-e", "require('dcmjs-dimse')"], capture_output=True, check=False).returncode == 0
    )
    if not found:
        assert not os.environ.get("CI"), f"dcmjs-dimse is missing: {TOLD_HOW}"
        pytest.skip(f"dcmjs-dimse is not installed: {TOLD_HOW}")


@pytest.fixture(scope="module")
def both(library, tmp_path_factory):
    """The results of the peer and the rows of the reference; the runs wait at the same time."""
    directory = tmp_path_factory.mktemp("dcmjs")
    peer = start(directory / "peer", str(PEERS / "dcmjs_scp.toml"))
    reference = start(directory / "reference", "--role", "scp")
    return results(peer), rows(results(reference))


@pytest.mark.slow
def test_every_difference_is_listed_and_every_listed_one_is_seen(both) -> None:
    found, reference = both
    assert complaints(rows(found), reference, DCMJS) == []


@pytest.mark.slow
def test_it_is_judged_as_a_whole(both) -> None:
    found, reference = both
    assert found["exit_code"] == 1
    assert "crashed" not in {each["state"] for each in found["scenarios"]}
    peer = rows(found)
    assert sum(row["verdict"] == "pass" == reference[ident]["verdict"] for ident, row in peer.items()) > 50
    for ident, verdict in differing(peer, reference).items():
        cited = [each for each in peer[ident]["evidence"] if each["event"]]
        assert cited or verdict not in ("fail", "warn"), ident
