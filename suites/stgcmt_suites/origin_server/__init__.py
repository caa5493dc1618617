"""The suite for origin servers: PS3.18 section 13 (Supplement 234)."""

from __future__ import annotations

from stgcmt.suite import Suite

_PACKAGE = "stgcmt_suites.origin_server"

# What a vendor may state in [claims.origin_server]; each is held against the wire or decides what is applicable.
_CLAIMS = {
    "additionalProperties": False,
    "properties": {
        "always_synchronous": {"type": "boolean", "description": "every Request is answered with its result"},
        "always_asynchronous": {"type": "boolean", "description": "every Request is answered 202"},
        "result_retention_s": {
            "type": "number",
            "minimum": 0,
            "description": "how long a result stays available, in seconds",
        },
        "media_types": {
            "type": "array",
            "items": {"type": "string"},
            "description": "media types that results are served in",
        },
        "query_parameters": {
            "type": "array",
            "items": {"type": "string"},
            "description": "query parameters that are supported",
        },
        "character_sets": {
            "type": "array",
            "items": {"type": "string"},
            "description": "character sets other than UTF-8",
        },
        "status_codes": {
            "type": "array",
            "items": {"type": "integer"},
            "description": "status codes of the vendor's own",
        },
        "failure_reasons": {
            "type": "array",
            "items": {"type": "integer"},
            "description": "Failure Reasons of the vendor's own",
        },
        "unsupported_sop_classes": {
            "type": "array",
            "items": {"type": "string"},
            "description": "classes that are not committed",
        },
        "coerced": {
            "type": "array",
            "items": {"type": "string"},
            "description": "tags (8 hex digits) that storing changes",
        },
        "no_link_transfer_syntaxes": {
            "type": "boolean",
            "description": "the JPIP transfer syntaxes are not taken at all",
        },
        "unsecured": {"type": "boolean", "description": "no configuration asks for credentials"},
        "no_clock": {"type": "boolean", "description": "the server has no clock, and sends no Date"},
        "public_base_url": {
            "type": "string",
            "description": "the Base URI under which others reach the server, where that is not base_url: behind a proxy",
        },
    },
}

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
        f"{_PACKAGE}.scenarios_identity",
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
        f"{_PACKAGE}.test_origin_server_readings",
        f"{_PACKAGE}.test_origin_server_13_1_media_types",
        f"{_PACKAGE}.test_origin_server_8_messages",
        f"{_PACKAGE}.test_origin_server_8_negotiation",
        f"{_PACKAGE}.test_origin_server_8_representations",
        f"{_PACKAGE}.test_origin_server_8_capabilities",
        f"{_PACKAGE}.test_origin_server_http_methods",
        f"{_PACKAGE}.test_origin_server_f_json",
        f"{_PACKAGE}.test_origin_server_f_xml",
    ),
    schema={
        "$ref": "#/$defs/http_end_point",
        "properties": {
            "large_request": {"type": "integer", "minimum": 2, "description": "references of the large request (1000)"},
            "result_retention_s": {"type": "number", "description": "how long this mode keeps results, in seconds"},
        },
    },
    claims_schema=_CLAIMS,
    reference_claims={
        "result_retention_s": 3600,
        "media_types": [
            "application/dicom+json",
            "application/dicom+xml",
            'multipart/related; type="application/dicom+json"',
            'multipart/related; type="application/dicom+xml"',
        ],
        "unsupported_sop_classes": ["2.25.202410300834567.1"],
    },
    modes=("asynchronous", "synchronous", "short-retention", "secured"),
    reference=f"{_PACKAGE}.reference:reference",
    faults=f"{_PACKAGE}.faults:FAULTS",
    variants=f"{_PACKAGE}.variants:VARIANTS",
    mutations=f"{_PACKAGE}.mutations:MUTATIONS",
    endpoint="stgcmt.endpoints:web_address",
    probes="stgcmt_suites.origin_server.probes:probe",
)
