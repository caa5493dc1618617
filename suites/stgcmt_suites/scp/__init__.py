"""The suite for Storage Commitment SCPs: PS3.4 Annex J (Push Model)."""

from __future__ import annotations

from stgcmt.suite import Suite

suite = Suite(
    role="scp",
    package="stgcmt_suites.scp",
    version="1",
    scenarios=(
        "stgcmt_suites.scp.scenarios",
        "stgcmt_suites.scp.scenarios_refused",
        "stgcmt_suites.scp.scenarios_leased",
    ),
    checks=(
        "stgcmt_suites.scp.test_scp_j2_association",
        "stgcmt_suites.scp.test_scp_j32_action",
        "stgcmt_suites.scp.test_scp_j32_transaction_uid",
        "stgcmt_suites.scp.test_scp_j331_delivery",
        "stgcmt_suites.scp.test_scp_j331_report",
        "stgcmt_suites.scp.test_scp_refusals",
    ),
    reference="stgcmt_suites.scp.reference:reference",
    faults="stgcmt_suites.scp.faults:FAULTS",
    endpoint="stgcmt.endpoints:dimse_address",
)
