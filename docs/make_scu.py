"""Writes docs/scu.md: ``python docs/make_scu.py > docs/scu.md``.

How a client is put to the test stands here; what was found of foreign ones comes from the tables of ``tests/test_peers_scu.py``,
which that test holds against real runs. Titles and levels come from the catalogue.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "tests"), str(Path(__file__).parent)]

from make_peers import rows

from test_peers_scu import ORTHANC, PYNETDICOM

HEAD = """\
# A Storage Commitment SCU under test

The harness is the archive: a scripted SCP that stores, takes requests, and reports on the same or on a new association, early, late,
twice, wrongly or never. The client is made to ask, and is judged by what it sent, what it answered, and what it believes afterwards.
`stgcmt run --role scu` does it with the reference client, `stgcmt serve scu` runs that client alone.

```toml
name = "My modality"

[scu]                     # where the client takes reports; without it rows that need a new association are not tested
host = "127.0.0.1"
port = 11112
ae_title = "MODALITY"

[[scu.destinations]]      # the archives that the client knows as ours; more than one lets scenarios with a behaviour of their own
ae_title = "STGCMT1"      # (one transfer syntax, small PDUs, rejections) run beside the others
host = "127.0.0.1"
port = 11113

[trigger]                 # how the client is made to store and ask for instances that we made: a command, or a url with method
command = ["commit-tool", "--archive", "{ae_title}@{host}:{port}", "--files", "{files}"]

[state]                   # what the client believes of one instance: exit status 0 (committed) or 1 (not), or JSON
command = ["commit-tool", "--state", "{sop_instance_uid}"]

[claims.scu]
proposes_no_roles = true  # what the client never does
implicit_only = true
transaction_limit = "24 hours"
sop_classes = ["1.2.840.10008.5.1.4.1.1.2"]
after_commitment = "local copies are deleted after seven days"
```

* `[trigger]`, `[state]`, attended and listening runs work as for [user agents](user_agent.md); `{host}`, `{port}` and `{ae_title}` are
  those of the destination that the scenario uses.
* C-STORE of every storage class is taken at the same address, in whatever transfer syntax is offered. Where the client stores elsewhere,
  or by other means, nothing is missed but the note of DIMSE-CC.1.1-01.
* Whose a request is, is found by the instances that it names; the client's Transaction UID is remembered from there on. A request
  that names nothing is attributed by its destination alone.
* Reports go out under the AE title that the client called. They are sent even where the client did not grant the SCP role, as many
  archives do; the negotiation is judged by rows of its own.
* How reports reached the client stands in the *Event report topology* of `report.html` (`topology` in `results.json`), one table for SCPs and
  SCUs: what had become of the request's association, what we met or tried at the client's listener (another AE title, Explicit VR
  alone, default roles, a report in parts, after a restart), what happened, how often we tried, and when we gave up.
* Where nobody asked, the reason says what came to our address in its place: HTTP, connections on which nothing was said, requests
  for something else.
* Without `[state]` DIMSE-SCU-SAFE-01, which is about loss of data, is not tested, and says so.

## What was found

Rows that are not listed pass. Each table is held against a real run by the tests."""

PEER = """\
### A client on pynetdicom

`tests/peers/pynetdicom_scu.py`: one file on pynetdicom, without anything of this project, as a modality's sender is usually written.

```
stgcmt run tests/peers/pynetdicom_scu.toml
```"""

DEBIAN = """\
### Orthanc

Debian's Orthanc 1.10.1 through its REST API (`POST /modalities/ID/storage-commitment`). An instance counts as committed where Orthanc
lists it under `Success` and not under `Failures`. It releases its association as soon as its request is answered, so that a report
there is never answered and must come on a new one.

```
stgcmt run orthanc-scu
```"""


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for text, table in ((PEER, PYNETDICOM), (DEBIAN, ORTHANC)):
        parts += [text, "\n".join(rows("scu", table))]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
