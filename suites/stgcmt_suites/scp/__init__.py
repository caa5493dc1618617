"""The suite for Storage Commitment SCPs: PS3.4 Annex J (Push Model)."""

from __future__ import annotations

from stgcmt.suite import Suite

suite = Suite(
    role="scp",
    package="stgcmt_suites.scp",
    version="1",
    scenarios=("stgcmt_suites.scp.scenarios",),
    checks=(),
    reference="stgcmt_suites.scp.reference:reference",
    faults="stgcmt_suites.scp.faults:FAULTS",
    endpoint="stgcmt.endpoints:dimse_address",
)
