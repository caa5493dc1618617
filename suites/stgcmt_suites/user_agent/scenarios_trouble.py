"""What a user agent is answered when something is wrong: refusals, lost transactions, odd payloads, broken connections."""

from __future__ import annotations

from stgcmt.suite import Play, scenario
from stgcmt_suites.user_agent.service import WAITS, Service, broken, cut, gone, result, unanswered, unreadable, working

NEEDS, WANTS = ("trigger",), ("state",)
RETRY_AFTER_FORMS = ("imf-fixdate", "rfc850", "asctime")
INVALID = ("-1", "1.5", "soon")
TRIES = 10  # answers 503 in a row before a client that goes on is believed to have no bound
PAGE = b"<!DOCTYPE html><html><body>sign in</body></html>"


@scenario(needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=14)
async def refused(play: Play) -> None:
    """Requests answered 400, 401, 404, 409, 415 and 500; whoever asks again is answered with a result."""
    service = Service(play)
    for status in (400, 401, 404, 409, 415, 500):
        service.case(play.make("ct"), posts=(gone(status), gone(status), result()), gets=gone(404))
    await service.play_all()
    await service.beliefs()


@scenario(needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=9)
async def lost(play: Play) -> None:
    """Result Checks after a 202 answered 404, 410 and 400, and so again; a new Request is answered 400."""
    service = Service(play)
    for status in (404, 410, 400):
        service.case(play.make("ct"), posts=(working(1), gone(400)), gets=gone(status))
    await service.play_all()
    await service.beliefs()


@scenario(needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=20)
async def unavailable(play: Play) -> None:
    """503 to a Request and to Result Checks, with and without Retry-After, once and without end."""
    service = Service(play)
    service.case(play.make("ct"), posts=(gone(503, 3), result()))
    service.case(play.make("ct"), posts=working(1), gets=(gone(503, 3), result()))
    service.case(play.make("mr"), posts=gone(503), gets=gone(404))
    service.case(play.make("mr"), posts=working(1), gets=[gone(503)] * TRIES)
    await service.play_all()
    await service.beliefs()


@scenario(needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=30)
async def retry_after(play: Play) -> None:
    """Retry-After as 0, 1 and 3 seconds, as a date in its three forms, and as text that is none, each on a 202."""
    service = Service(play)
    for seconds in ("0", "1", "3"):
        service.case(play.make("ct"), posts=working(seconds), gets=(working(seconds), result()))
    for form in RETRY_AFTER_FORMS:
        service.case(play.make("ct"), posts=working(4, form=form), gets=result())
    for text in INVALID:
        service.case(play.make("ct"), posts=working(text), gets=result())
    await service.play_all()
    await service.beliefs()


@scenario(needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=22)
async def unknown_statuses(play: Play) -> None:
    """299, 499, 599 and 799 to Requests and Result Checks, success codes with a full result; then a plain commitment."""
    service = Service(play)
    for status in (299, 499, 599, 799):
        service.case(play.make("ct"), posts=result(status=status), gets=result(status=status))
        service.case(play.make("ct"), posts=working(0), gets=result(status=status))
    for case in service.cases:
        await service.start(case)
    await service.settle()
    control = service.case(play.make("sc"), posts=result())
    with play.step("control"):
        await service.start(control)
    await service.settle()
    await service.beliefs()


@scenario(needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=15)
async def unreadable_results(play: Play) -> None:
    """200 to a Request and to a Result Check with a payload that is no result: cut, no JSON, a web page, nothing at all."""
    service = Service(play)
    steps = (
        cut(result()),
        unreadable(b"\xff\xfe\x00garbage"),
        unreadable(PAGE, "text/html"),
        unreadable(b"", None),
        unreadable(b"[]"),
        unreadable(b'{"00081199":{"vr":"SQ","Value":"none"}}'),
    )
    for number, step in enumerate(steps):
        if number % 2:
            service.case(play.make("ct"), posts=step, gets=gone(404))
        else:
            service.case(play.make("ct"), posts=working(0), gets=step)
    await service.play_all()
    await service.beliefs()


@scenario(needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=18)
async def broken_connections(play: Play) -> None:
    """Connections broken after a Request was read, before, and in the middle of a result; Result Checks too."""
    service = Service(play)
    service.case(play.make("ct"), posts=(broken("after-read"), gone(409)), gets=result())
    service.case(play.make("ct"), posts=(broken("before-read"), gone(409)), gets=gone(404))
    service.case(play.make("mr"), play.make("mr"), posts=(broken("mid-body", result()), gone(409)), gets=gone(404))
    service.case(play.make("mr"), posts=working(0), gets=(broken("after-read"), result()))
    await service.play_all()
    await service.beliefs()


@scenario(needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=22)
async def unanswered_requests(play: Play) -> None:
    """Requests and Result Checks that are read and never answered, and a result that stops half-way; the connections stay open."""
    service = Service(play)
    silence = unanswered(play)
    service.case(play.make("ct"), posts=silence, gets=gone(404))
    service.case(play.make("ct"), play.make("ct"), posts=(silence, gone(409)), gets=result(failed={0: 0x0110}))
    stalled = unanswered(play, "stall", result())  # half of it names the first instance
    service.case(*(play.make("mr") for _ in range(3)), posts=(stalled, gone(409)), gets=gone(404))
    service.case(play.make("mr"), posts=working(0), gets=(silence, gone(404)))
    await service.play_all()
    await service.beliefs()


@scenario(needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=8)
async def slow_and_chunked(play: Play) -> None:
    """Results in small chunks, at once and with pauses, and one that takes a second to begin."""
    service = Service(play)
    service.case(play.make("ct"), play.make("mr"), posts=result(chunked=7))
    service.case(play.make("ct"), posts=working(0), gets=result(chunked=100, pause_s=0.1))
    service.case(play.make("sc"), posts=result(delay_s=1.0))
    await service.play_all()
    await service.beliefs()
