"""The suite for user agents: the asking side of PS3.18 section 13 (Supplement 234)."""

from __future__ import annotations

from stgcmt.suite import Suite

_PACKAGE = "stgcmt_suites.user_agent"

# What a vendor may state in [claims.user_agent]; each is held against the wire or decides what is applicable.
_CLAIMS = {
    "additionalProperties": False,
    "properties": {
        "media_types": {
            "type": "array",
            "items": {"type": "string"},
            "description": "media types that request modules are sent in",
        },
        "no_xml": {"type": "boolean", "description": "request modules are never sent as native XML"},
        "no_multipart": {"type": "boolean", "description": "request modules are never sent as multipart"},
        "query_parameters": {
            "type": "array",
            "items": {"type": "string"},
            "description": "query parameters that are sent",
        },
        "character_sets": {
            "type": "array",
            "items": {"type": "string"},
            "description": "character sets other than UTF-8",
        },
        "max_result_checks": {
            "type": "integer",
            "minimum": 1,
            "description": "after how many Result Checks of one transaction the client gives up",
        },
        "max_retries": {
            "type": "integer",
            "minimum": 0,
            "description": "how often the client tries again after 503 or a broken connection",
        },
        "after_commitment": {"type": "string", "description": "what happens to local copies after commitment"},
    },
}

suite = Suite(
    role="user_agent",
    package=_PACKAGE,
    version="1",
    scenarios=(f"{_PACKAGE}.scenarios", f"{_PACKAGE}.scenarios_trouble"),
    checks=(
        f"{_PACKAGE}.test_user_agent_safety",
        f"{_PACKAGE}.test_user_agent_13_2",
        f"{_PACKAGE}.test_user_agent_13_4",
        f"{_PACKAGE}.test_user_agent_13_5",
        f"{_PACKAGE}.test_user_agent_j_1",
        f"{_PACKAGE}.test_user_agent_8_messages",
        f"{_PACKAGE}.test_user_agent_http",
    ),
    schema={
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "listen_host": {"$ref": "#/$defs/host"},
            "listen_port": {
                "type": "integer",
                "minimum": 0,
                "maximum": 65535,
                "default": 0,
                "description": "the port that we listen on for the client, 0..65535 (0: the system chooses)",
            },
            "listen_path": {
                "type": "string",
                "pattern": "^(/[^?#]*)?$",
                "default": "/dicom-web",
                "description": "the path of our base URL, as the client is configured",
            },
            "tls": {"$ref": "#/$defs/listener_tls"},
        },
    },
    claims_schema=_CLAIMS,
    reference_claims={
        "media_types": [
            "application/dicom+json",
            "application/dicom+xml",
            'multipart/related; type="application/dicom+json"',
        ],
        "max_result_checks": 20,
        "max_retries": 4,
        "after_commitment": "local copies of committed instances are deleted",
    },
    modes=("xml", "multipart"),
    reference=f"{_PACKAGE}.reference:reference",
    faults=f"{_PACKAGE}.faults:FAULTS",
    variants=f"{_PACKAGE}.variants:VARIANTS",
    serves=("http",),
    unowned=f"{_PACKAGE}.service:unowned",
)
