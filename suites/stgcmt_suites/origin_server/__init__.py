"""The suite for origin servers: PS3.18 section 13 (Supplement 234)."""

from __future__ import annotations

from stgcmt.suite import Suite

suite = Suite(
    role="origin_server",
    package="stgcmt_suites.origin_server",
    version="1",
    scenarios=("stgcmt_suites.origin_server.scenarios",),
    checks=(),
    modes=("asynchronous", "synchronous", "short-retention", "secured"),
    reference="stgcmt_suites.origin_server.reference:reference",
    faults="stgcmt_suites.origin_server.faults:FAULTS",
)
