"""Writes docs/peers.md from the tables of the tests: ``python docs/make_peers.py > docs/peers.md``.

The tables stand where they are enforced, in ``tests/test_peers_*.py`` and ``tests/test_user_agent_foreign.py``: a
difference that a test sees and no table lists fails, and so does a listed one that is no more. Titles and levels come
from the catalogue.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from peer_runs import Difference
from stgcmt.commands import installed
from test_peers_dcmjs import DCMJS
from test_peers_origin_server import DIFFERENCES
from test_peers_scp import SCP, STACK
from test_user_agent_foreign import CAREFUL, CARELESS

HEAD = """\
# Foreign peers

A suite that was only ever run against its own reference would be the echo of one implementation. So the tests also run
it against programs that share no code with the project's references, written as such programs usually are. Each is judged as a
stranger would be; every requirement on which its verdict is not the reference's is listed here with the difference in
behaviour that causes it. A verdict that differs and is not listed fails the tests, and so does a listed one that no
longer differs. Rows that are not listed have the same verdict on both sides.

What was exchanged is in the evidence: run a peer as shown, with `--out DIR`, and open `DIR/report.html`.
An external implementation, Debian's Orthanc, has [a page of its own](orthanc.md)."""

ORIGIN_SERVER = """\
## Origin server on http.server and pydicom

`tests/peers/origin_server.py`: one file on the standard library's HTTP server, threads, and pydicom for DICOM JSON. It has STOW-RS,
WADO-RS and both transactions, asynchronous with Retry-After, at once, and with a short retention, under three base URLs.

```
stgcmt run tests/peers/origin_server.toml
```"""

SCP_STACK = """\
## SCP: the second stack of the reference

`stgcmt serve scp --stack pynetdicom`: pynetdicom's high-level API with handlers, threads and a dictionary in memory. It
reports on a new association and retries.

```
stgcmt run tests/peers/pynetdicom_stack.toml
```"""

SCP_ALONE = """\
## SCP on pynetdicom alone

`tests/peers/pynetdicom_scp.py`: one file on pynetdicom, without anything of this project. It reports on the association
of the request while that is open, else on a new one.

```
stgcmt run tests/peers/pynetdicom_scp.toml
```"""

SCP_DCMJS = """\
## SCP on dcmjs-dimse

`tests/peers/dcmjs_scp.js`: some hundred lines on dcmjs-dimse 0.3.3, as its documentation shows an SCP, in another language than everything else
here. It reports on a new association and retries.

```
npm install dcmjs-dimse@0.3.3 && export NODE_PATH=$PWD/node_modules
stgcmt run tests/peers/dcmjs_scp.toml
```"""

CAREFUL_SCRIPT = """\
## User agent: an httpx script

`tests/peers/httpx_user_agent.py`: some eighty lines on httpx and pydicom, as they are written to get studies off a modality. The
`careful` one polls with Retry-After in all its forms and holds as committed what a 200 names and what it asked for. Every
requirement that it can be held to passes; it is asked what it believes with `[state]`, a call of the same script.

```
stgcmt run tests/peers/httpx_user_agent.toml
```"""

CARELESS_SCRIPT = """\
## User agent: the same script without care

The `careless` one takes a 200 or 202 to its Request as the commitment of all that it asked for, and never asks again: the mistake
that deletes the only copy of an image. The harness answers with failed instances and with 202, asks what the script believes, and
finds it.

```
stgcmt run tests/peers/httpx_user_agent_careless.toml
```"""


def page() -> Iterator[str]:
    """The whole page, line by line."""
    yield from (HEAD, "")
    for text, role, table in (
        (ORIGIN_SERVER, "origin_server", DIFFERENCES), (SCP_STACK, "scp", STACK), (SCP_ALONE, "scp", SCP),
        (SCP_DCMJS, "scp", DCMJS),
        (CAREFUL_SCRIPT, "user_agent", CAREFUL), (CARELESS_SCRIPT, "user_agent", CARELESS),
    ):  # fmt: skip
        yield from (text, "", *rows(role, table), "")


def rows(role: str, table: Mapping[str, Difference]) -> Iterator[str]:
    """The table of one peer, in the order of the catalogue; raises ``KeyError`` for a row that does not exist."""
    known = {row.id: row for row in installed()[role].catalogue}
    for ident in table:
        known[ident]
    yield "| Requirement | Title | Level | Verdict | What the peer does differently |"
    yield "|---|---|---|---|---|"
    for ident, row in known.items():
        if ident in table:
            told = table[ident]
            yield f"| {ident} | {row.title} | {row.level} | {told.verdict} | {told.behaviour} |"


if __name__ == "__main__":
    sys.stdout.write("\n".join(page()).rstrip() + "\n")
