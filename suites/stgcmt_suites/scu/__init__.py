"""The suite for Storage Commitment SCUs: the asking side of PS3.4 Annex J (Push Model)."""

from __future__ import annotations

from stgcmt.suite import Suite

_PACKAGE = "stgcmt_suites.scu"

# What a vendor may state in [claims.scu]; each is held against the wire or decides what is applicable.
_CLAIMS = {
    "proposes_no_roles": {"type": "boolean", "description": "requests are sent in default roles alone"},
    "implicit_only": {"type": "boolean", "description": "requests are sent in Implicit VR Little Endian alone"},
    "transaction_limit": {
        "type": "string",
        "description": "how long a Transaction UID is waited for, as the conformance statement says",
    },
    "sop_classes": {
        "type": "array",
        "items": {"type": "string"},
        "description": "SOP Class UIDs for which commitment may be requested",
    },
    "after_commitment": {"type": "string", "description": "what happens to local copies after commitment"},
}

suite = Suite(
    role="scu",
    package=_PACKAGE,
    version="1",
    scenarios=(f"{_PACKAGE}.scenarios", f"{_PACKAGE}.scenarios_trouble", f"{_PACKAGE}.scenarios_map"),
    checks=(
        f"{_PACKAGE}.test_scu_safety",
        f"{_PACKAGE}.test_scu_association",
        f"{_PACKAGE}.test_scu_request",
        f"{_PACKAGE}.test_scu_encoding",
        f"{_PACKAGE}.test_scu_response",
        f"{_PACKAGE}.test_scu_transaction_uid",
    ),
    schema={
        "type": "object",
        "additionalProperties": False,
        "description": "where the SUT takes reports, and our own AE titles for its requests",
        "properties": {
            "tls": {"$ref": "#/$defs/tls"},
            "host": {"$ref": "#/$defs/host"},
            "port": {"$ref": "#/$defs/port"},
            "ae_title": {"$ref": "#/$defs/ae_title"},
            "destinations": {"$ref": "#/$defs/destinations"},
        },
    },
    claims_schema={"properties": _CLAIMS, "additionalProperties": False},
    reference_claims={
        "transaction_limit": "none: transactions are kept until their report",
        "sop_classes": [
            "1.2.840.10008.5.1.4.1.1.2",
            "1.2.840.10008.5.1.4.1.1.4",
            "1.2.840.10008.5.1.4.1.1.7",
        ],
        "after_commitment": "local copies of committed instances are deleted",
    },
    modes=("roles",),
    reference=f"{_PACKAGE}.reference:reference",
    faults=f"{_PACKAGE}.faults:FAULTS",
    variants=f"{_PACKAGE}.variants:VARIANTS",
    mutations=f"{_PACKAGE}.mutations:MUTATIONS",
    topology="stgcmt_suites.commitment.topology:topology",
    serves=("dimse",),
)
