"""What only this role can ask before a run: is there a resource for commitment requests, and may we use it?"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from stgcmt.actors.http_client import client_for
from stgcmt.actors.http_values import NoAnswer
from stgcmt.doctor import AUTHENTICATION, NETWORK, SUT, Ask, Finding
from stgcmt.drivers.provoke import NoTap

STAGE = "commitment requests"


async def probe(ask: Ask) -> Sequence[Finding]:
    """Ask for the result of a commitment request that nobody made."""
    path = f"commitment-requests/2.25.{uuid.uuid4().int}"
    client = client_for(ask.section, network=ask.network, clock=ask.clock, connection=NoTap, timing=ask.timing)
    try:
        answer = await client.request("GET", path, headers=[("Accept", "application/dicom+json")])
    finally:
        await client.aclose()
    return [_judged(path, answer)]


def _judged(path: str, answer: Any) -> Finding:
    if isinstance(answer, NoAnswer):
        step = "the base URL answers, this resource does not: is there a proxy between us?"
        return Finding(STAGE, ok=False, seen=f"no answer: {answer.kind} {answer.detail}", next_step=step, whose=NETWORK)
    status = answer.status or 0
    seen = f"GET {path} answered {status}"
    if status in {404, 410}:
        either = ": nobody made this request" + (
            ", or there is no such route (which of the two cannot be told from here)" if status == 404 else ""
        )
        return Finding(STAGE, ok=True, seen=seen + either)
    if status in {401, 403}:
        step = "give this account access to commitment requests, or set token_env or basic_env in the SUT file"
        return Finding(STAGE, ok=False, seen=seen, next_step=step, whose=AUTHENTICATION)
    if 300 <= status < 400:
        step = (
            f"put the final address into base_url (Location: {answer.header('location')}); redirects are not followed"
        )
    elif status in {405, 501}:
        step = "results are read with GET below base_url; is base_url the root of the DICOM web services?"
    elif status >= 500:
        step = "the server fails on a request that nobody made; read its log"
    else:
        step = "404 was expected, since nobody made this request; does something else answer below base_url?"
    return Finding(STAGE, ok=False, seen=seen, next_step=step, whose=SUT)
