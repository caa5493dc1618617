"""The suite for origin servers: PS3.18 section 13 (Supplement 234)."""

from __future__ import annotations

from stgcmt.suite import Suite

_PACKAGE = "stgcmt_suites.origin_server"

suite = Suite(
    role="origin_server",
    package=_PACKAGE,
    version="1",
    requirements=("requirements.toml", "requirements_general.toml"),
    scenarios=(
        f"{_PACKAGE}.scenarios",
        f"{_PACKAGE}.scenarios_invalid",
        f"{_PACKAGE}.scenarios_negotiation",
        f"{_PACKAGE}.scenarios_truth",
    ),
    checks=(
        f"{_PACKAGE}.test_origin_server_13_1",
        f"{_PACKAGE}.test_origin_server_13_2",
        f"{_PACKAGE}.test_origin_server_13_4",
        f"{_PACKAGE}.test_origin_server_13_4_duplicates",
        f"{_PACKAGE}.test_origin_server_13_5",
        f"{_PACKAGE}.test_origin_server_j_1",
        f"{_PACKAGE}.test_origin_server_j_2",
        f"{_PACKAGE}.test_origin_server_j_2_truth",
        f"{_PACKAGE}.test_origin_server_8_http",
        f"{_PACKAGE}.test_origin_server_8_negotiation",
    ),
    modes=("asynchronous", "synchronous", "short-retention", "secured"),
    reference=f"{_PACKAGE}.reference:reference",
    faults=f"{_PACKAGE}.faults:FAULTS",
    endpoint="stgcmt.endpoints:web_address",
    schema={"$ref": "#/$defs/http_end_point"},
)
