"""The suite for proxies from DICOMweb to DIMSE: an origin server in front, an SCU behind (PS3.18 B.30, PS3.4 Annex J)."""

from __future__ import annotations

from stgcmt.faces import BACK, FRONT, Face
from stgcmt.suite import Suite
from stgcmt_suites.proxy_to_dimse.faces import NOT_BEHIND, NOT_IN_FRONT

POLLING = ("retry_after", "poll_interval")
_PACKAGE = "stgcmt_suites.proxy_to_dimse"

suite = Suite(
    role="proxy_to_dimse",
    package=_PACKAGE,
    version="1",
    scenarios=(f"{_PACKAGE}.scenarios",),
    checks=(
        "stgcmt_suites.proxies.test_proxy_laws",
        "stgcmt_suites.proxies.test_proxy_stable",
        f"{_PACKAGE}.test_proxy_to_dimse_b_30",
    ),
    schema={
        "$ref": "#/$defs/http_end_point",
        "properties": {
            "host": {"$ref": "#/$defs/host"},
            "port": {"$ref": "#/$defs/port"},
            "ae_title": {"$ref": "#/$defs/ae_title"},
            "destinations": {"$ref": "#/$defs/destinations"},
            "relay": {
                "type": "object", "additionalProperties": False, "required": ["host", "port"],
                "description": "the real archive behind the proxy, whose wire is recorded; ours stands there without it",
                "properties": {
                    "host": {"$ref": "#/$defs/host"},
                    "port": {"$ref": "#/$defs/port"},
                },
            },
            "result_retention_s": {"type": "number", "minimum": 0, "description": "how long a result is kept, seconds"},
        },
    },
    claims_schema={
        "additionalProperties": False,
        "properties": {
            "gives_up_after_s": {
                "type": "number", "minimum": 0,
                "description": "seconds after which a transaction ends whose report never came",
            },
        },
    },
    modes=("synchronous", "short-retention", "secured"),
    reference=f"{_PACKAGE}.reference:reference",
    faults=f"{_PACKAGE}.faults:FAULTS",
    variants=f"{_PACKAGE}.variants:VARIANTS",
    mutations="stgcmt_suites.proxies.mutations:MUTATIONS",
    endpoint="stgcmt.endpoints:web_address",
    serves=("dimse",),
    one_destination=True,
    lanes={"http": ("client", "proxy, web face"), "dimse": ("back end", "proxy, DIMSE face")},
    faces=(
        Face(FRONT, "stgcmt_suites.origin_server:suite", NOT_IN_FRONT),
        Face(BACK, "stgcmt_suites.scu:suite", NOT_BEHIND, POLLING),
    ),
    backdrop=f"{_PACKAGE}.backend:backdrop",
    provides=("seeding", "provoke.delete", "trigger", "state"),
)  # fmt: skip
