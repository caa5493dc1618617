"""A suite for servers that greet: ``GET /hello/NAME`` answers 200 and the name."""

from stgcmt.suite import Fault, Suite

FAULTS = (Fault("rude", "greets nobody by name", ("GREET-02",)),)

suite = Suite(
    role="greeter",
    package="stgcmt_greeter",
    version="1.0",
    scenarios=("stgcmt_greeter.scenarios",),
    checks=("stgcmt_greeter.test_greeter",),
    reference="stgcmt_greeter.reference:reference",
    faults=FAULTS,
    endpoint="stgcmt.endpoints:web_address",
    schema={
        "type": "object",
        "required": ["base_url"],
        "properties": {"base_url": {"type": "string"}},
        "additionalProperties": False,
    },
)
