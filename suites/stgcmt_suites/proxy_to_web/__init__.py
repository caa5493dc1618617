"""The suite for proxies from DIMSE to DICOMweb: an SCP in front, a user agent behind (PS3.4 Annex J, PS3.18 B.30)."""

from __future__ import annotations

from stgcmt.faces import BACK, FRONT, Face
from stgcmt.suite import Suite
from stgcmt_suites.proxy_to_web.faces import NOT_BEHIND, NOT_IN_FRONT

_PACKAGE = "stgcmt_suites.proxy_to_web"

suite = Suite(
    role="proxy_to_web",
    package=_PACKAGE,
    version="1",
    scenarios=(f"{_PACKAGE}.scenarios",),
    checks=("stgcmt_suites.proxies.test_proxy_laws", f"{_PACKAGE}.test_proxy_to_web_b_30"),
    schema={
        "$ref": "#/$defs/dimse_end_point",
        "properties": {
            "listen_host": {"$ref": "#/$defs/host"},
            "listen_port": {
                "type": "integer", "minimum": 0, "maximum": 65535, "default": 0,
                "description": "the port of our origin server behind the proxy, 0..65535 (0: the system chooses)",
            },
            "listen_path": {
                "type": "string", "pattern": "^(/[^?#]*)?$", "default": "/dicom-web",
                "description": "the path of the base URL that the proxy is given",
            },
        },
    },
    claims_schema={
        "additionalProperties": False,
        "properties": {
            "gives_up_after_s": {
                "type": "number", "minimum": 0,
                "description": "seconds after which a transaction ends that has no result behind",
            },
        },
    },
    modes=("xml", "multipart"),
    reference=f"{_PACKAGE}.reference:reference",
    faults=f"{_PACKAGE}.faults:FAULTS",
    variants=f"{_PACKAGE}.variants:VARIANTS",
    mutations="stgcmt_suites.proxies.mutations:MUTATIONS",
    endpoint="stgcmt.endpoints:dimse_address",
    serves=("http",),
    unowned=f"{_PACKAGE}.backend:unowned",
    faces=(
        Face(FRONT, "stgcmt_suites.scp:suite", NOT_IN_FRONT),
        Face(BACK, "stgcmt_suites.user_agent:suite", NOT_BEHIND, ("max_report_delay",)),
    ),
    lanes={"dimse": ("client", "proxy, DIMSE face"), "http": ("back end", "proxy, web face")},
    backdrop=f"{_PACKAGE}.backend:backdrop",
    provides=("seeding", "provoke.delete", "provoke.keep-pending", "provoke.release", "trigger", "state"),
)  # fmt: skip
