"""The suite for Storage Commitment SCPs: PS3.4 Annex J (Push Model)."""

from __future__ import annotations

from stgcmt.suite import Suite

CLAIMS = {
    "keeps_undelivered": {
        "type": "boolean",
        "description": "undelivered reports wait for an operator, not for a retry",
    },
    "no_invalid_argument_status": {"type": "boolean", "description": "N-ACTION is never answered with 0115H"},
    "implicit_only": {"type": "boolean", "description": "reports are sent in Implicit VR Little Endian alone"},
    "proposes_both_roles": {"type": "boolean", "description": "reports are sent as SCU and SCP of the class"},
    "refuses_file_set": {"type": "boolean", "description": "requests with File-Set ID or UID are refused"},
    "refuses_links": {
        "type": "boolean",
        "description": "instances in JPIP Referenced transfer syntaxes are not stored",
    },
    "coerced": {
        "type": "array",
        "items": {"type": "string"},
        "description": "tags (8 hex digits) that storing changes",
    },
    "no_retrieve_ae_title": {"type": "boolean", "description": "reports name no Retrieve AE Title"},
    "report_association": {
        "enum": ["new", "same", "both"],
        "description": 'where reports come: "new" association, the "same" as the request, "both": the same while it is open',
    },
    "failure_reasons": {
        "type": "array",
        "items": {"type": "integer", "minimum": 0, "maximum": 0xFFFF},
        "description": "the Failure Reasons that reports give, such as 0x0112",
    },
    "usual_report_delay": {
        "type": "number",
        "exclusiveMinimum": 0,
        "description": "seconds from the response to the report, usually",
    },
}

# What a vendor may name in [scp] beside the end point.
SECTION = {
    "denied_ae_title": {
        "type": "string",
        "minLength": 1,
        "maxLength": 16,
        "description": "a calling AE title that the SUT knows but does not permit to ask for commitment",
    },
}

suite = Suite(
    role="scp",
    package="stgcmt_suites.scp",
    version="1",
    scenarios=(
        "stgcmt_suites.scp.scenarios",
        "stgcmt_suites.scp.scenarios_refused",
        "stgcmt_suites.scp.scenarios_leased",
        "stgcmt_suites.scp.scenarios_lasting",
        "stgcmt_suites.scp.scenarios_identity",
    ),
    checks=(
        "stgcmt_suites.scp.test_scp_j1_keeping",
        "stgcmt_suites.scp.test_scp_j2_association",
        "stgcmt_suites.scp.test_scp_j32_action",
        "stgcmt_suites.scp.test_scp_j32_transaction_uid",
        "stgcmt_suites.scp.test_scp_j331_delivery",
        "stgcmt_suites.scp.test_scp_j331_report",
        "stgcmt_suites.scp.test_scp_n526_statement",
        "stgcmt_suites.scp.test_scp_refusals",
    ),
    reference="stgcmt_suites.scp.reference:reference",
    stacks={"pynetdicom": "stgcmt_suites.scp.pynetdicom_stack:reference"},
    faults="stgcmt_suites.scp.faults:FAULTS",
    variants="stgcmt_suites.scp.variants:VARIANTS",
    mutations="stgcmt_suites.scp.mutations:MUTATIONS",
    schema={"$ref": "#/$defs/dimse_end_point", "properties": SECTION},
    claims_schema={"properties": CLAIMS, "additionalProperties": False},
    reference_claims={
        "report_association": "new",
        "failure_reasons": [0x0110, 0x0112, 0x0119, 0x0122, 0x0131, 0x0213],
        "usual_report_delay": 1.0,
    },
    endpoint="stgcmt.endpoints:dimse_address",
    probes="stgcmt_suites.scp.probes:probe",
    topology="stgcmt_suites.commitment.topology:topology",
)
