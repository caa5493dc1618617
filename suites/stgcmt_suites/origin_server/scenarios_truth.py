"""What a commitment means: storage, retrieval, retention, size, classes that are not supported."""

from __future__ import annotations

from stgcmt.suite import Play, scenario
from stgcmt_suites.origin_server.asking import POLLING, check, commit
from stgcmt_suites.origin_server.requests import Named, flat

LARGE = 1000
PATIENCE_S = 60.0  # a longer retention is not waited for where the vendor can end it
INSIDE = 0.6  # of the stated retention: far enough from both ends for a verdict
MARGIN_S = 0.5  # beyond the stated retention, so that a server which cleans up now and then had its turn


@scenario(exchanges=2, waits=POLLING, needs=("seeding", "retrieval"))
async def committed_and_retrieved(play: Play) -> None:
    """Instances that were committed are read back, one with private attributes; one that was never sent is beside them."""
    instances = [await play.seed("ct"), await play.seed("private-attributes")]
    await commit(play, play.http(), flat([*instances, play.make("ct")]))
    for instance in instances:
        await play.retrieve(instance)


@scenario(exchanges=4, waits=POLLING, wants=("provoke.delete",))
async def deleted_instance(play: Play) -> None:
    """Two instances are asked for; one is deleted by the vendor's means; then both are asked for under a fresh UID."""
    client = play.http()
    kept, deleted = await play.seed("ct"), await play.seed("ct")
    await commit(play, client, flat([kept, deleted]), step="before")
    if hasattr(deleted, "part10"):  # what was there before the run is not deleted
        with play.step("delete"):
            await play.provoke("delete", sop_instance_uid=deleted.sop_instance_uid)
    await commit(play, client, flat([kept, deleted]))


@scenario(exchanges=2, waits=POLLING)
async def link_only(play: Play) -> None:
    """An instance whose pixel data is only a link (JPIP), beside one with its pixel data."""
    client = play.http()
    whole, link = await play.seed("ct"), await play.seed("link", optional=True)
    if hasattr(link, "part10"):  # what was there before the run is no link
        await commit(play, client, flat([whole, link]))


@scenario(exchanges=4, waits=POLLING)
async def unsupported_class(play: Play) -> None:
    """References of a private SOP class that hardly a server knows: beside one that is held, and alone."""
    client = play.http()
    held = await play.seed("ct")
    private = play.make("private-class")
    await commit(play, client, flat([held, private]), step="mixed")
    await commit(play, client, flat([private]), step="alone")


@scenario(exchanges=2, waits=POLLING)
async def large_request(play: Play) -> None:
    """Many references in one request (``large_request`` in the section, 1000 by default); two are there."""
    client = play.http()
    there = [await play.seed("ct"), await play.seed("mr")]
    count = int(play.section.get("large_request", LARGE))
    unknown = [Named("1.2.840.10008.5.1.4.1.1.2", f"{play.uid('instance')}.{n}") for n in range(count - len(there))]
    await commit(play, client, flat([there[0], *unknown, there[1]]))


@scenario(mode="short-retention", exchanges=6, waits=[*POLLING, "retention"], wants=("provoke.expire",))
async def expired_result(play: Play) -> None:
    """A result is read twice within its stated retention, once beyond; then its Transaction UID is used again.

    Where no retention is stated, or one of more than a minute, the vendor's means let the result expire, where there are any.
    """
    client = play.http()
    retention = play.section.get("result_retention_s")
    module = flat([await play.seed("ct")])
    asked = play.clock.monotonic_ns()
    uid, _ = await commit(play, client, module)
    read = play.clock.monotonic_ns()
    await check(play, client, uid, step="inside")
    too_long = retention is None or float(retention) > PATIENCE_S
    if too_long and await play.provoke("expire", transaction_uid=uid):
        await check(play, client, uid, step="expired")
        await commit(play, client, module, uid=uid, step="again")
        return
    if retention is None:
        play.note(what="no-retention", text="result_retention_s is not stated in the section of this mode")
        return
    play.note(what="retention", seconds=float(retention))
    # The result may have been there since just after the request: its time is counted from there.
    passed = (play.clock.monotonic_ns() - asked) / 1e9
    rest = max(0.0, float(retention) * INSIDE - passed)
    await play.wait("retention", rest, why="most of the stated retention of results")
    await check(play, client, uid, step="inside")
    # Nor is it gone for sure before its time has passed since it was read.
    since = (play.clock.monotonic_ns() - read) / 1e9
    await play.wait("retention", max(0.0, float(retention) + MARGIN_S - since), why="the rest of it")
    await check(play, client, uid, step="expired")
    await commit(play, client, module, uid=uid, step="again")
