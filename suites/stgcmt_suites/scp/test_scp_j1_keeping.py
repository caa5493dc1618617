"""PS3.4 J.1.1, J.3.3.1.2, B.4.1: what the SCP keeps of what it committed. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Event, Transcript, claims, dimse, expected, inconclusive, not_applicable, requirement
from stgcmt.views.stored import lost, read_back, stored
from stgcmt_suites.commitment.dimse_module import RETRIEVE_AE_TITLE
from stgcmt_suites.scp.premises import accepted_control, some_reports
from stgcmt_suites.scp.views import Report, Seen, commitments, names, reports_of


@requirement("DIMSE-J.3.3.1.2-12")
def test_committed_instances_keep_all_attributes(level_2: Transcript, run: Transcript) -> None:
    """What was committed comes back with all its attributes, private and unusual ones too."""
    report, uid = _committed(level_2)
    before, after = stored(level_2, uid), read_back(level_2, uid)
    if before is None:
        inconclusive("the instance was there before the run, so what it should contain is not known", report)
    if after is None:
        inconclusive("the instance was not read back", report, *level_2.of("retrieve"))
    found = lost(before, after, frozenset(claims(run).get("scp.coerced", ())))
    assert not found, expected("every attribute as it was stored", Seen(report, names(found)), *level_2.of("retrieve"))


@requirement("DIMSE-J.1.1-02")
def test_committed_instances_can_be_retrieved(level_2: Transcript, kept_over_restart: Transcript) -> None:
    """What was committed can be read back after the report, and after a restart where the driver can do it.

    Only what was looked for and not found is lost: where retrieval itself is refused nothing is known.
    """
    for transcript in (level_2, kept_over_restart):
        committed = {each.sop_instance_uid for report in reports_of(transcript) for each in report.result.committed}
        tried = [event for event in transcript.of("retrieve") if event.info.get("sop_instance_uid") in committed]
        lost = [event for event in tried if not event.info.get("ok") and _looked_for(event)]
        assert not lost, expected("the committed instance", *lost)
    for transcript in (level_2, kept_over_restart):
        _, uid = _committed(transcript)
        tried = [event for event in transcript.of("retrieve") if event.info.get("sop_instance_uid") == uid]
        if not tried:
            inconclusive("nothing was read back", *reports_of(transcript))
        if not tried[-1].info.get("ok"):
            inconclusive(f"retrieval is not available: {tried[-1].info.get('detail')}", *tried)


@requirement("DIMSE-J.3.3.1.1.1-02")
def test_the_retrieve_ae_title_gives_instances_out(level_2: Transcript, run: Transcript) -> None:
    """The AE title that the report names for retrieval answers with the instance."""
    report, uid = _committed(level_2)
    named = {each.text for _, each in report.info.data_set.walk() if each.tag == RETRIEVE_AE_TITLE}
    if not named and claims(run).get("scp.no_retrieve_ae_title"):
        not_applicable("scp.no_retrieve_ae_title")
    if not named:
        inconclusive("the report names no Retrieve AE Title; claim scp.no_retrieve_ae_title = true", report)
    asked = [each for each in dimse(level_2).associations(side="requestor", step="retrieve") if each.called_ae in named]
    if not asked:
        inconclusive(f"[retrieval] does not read from {names(named)}, which the report names", report)
    refused = [event for event in level_2.of("retrieve") if not event.info.get("ok") and not _looked_for(event)]
    if refused and not read_back(level_2, uid):
        inconclusive(f"retrieval is not available: {refused[-1].info.get('detail')}", *refused, *asked)
    assert read_back(level_2, uid), expected(f"the committed instance from {names(named)}", *asked, report)


@requirement("DIMSE-J.1.1-01")
def test_a_link_is_not_committed(link_only: Transcript, run: Transcript) -> None:
    """An instance with a link in place of its pixel data is not committed."""
    view = commitments(link_only)
    link = view["link"]
    for report in link.reports:
        committed = [each for each in link.references if report.result.commits(each.sop_instance_uid)]
        assert not committed, expected("the instance failed: its pixel data is not there", report)
    if not link.sent and claims(run).get("scp.refuses_links"):
        not_applicable("scp.refuses_links")
    if not link.sent and not view.dimse.associations(side="requestor", step="store"):
        inconclusive("nothing was to be stored, so no link was either: say how in [seeding]", *view.all[:1])
    if not link.sent:
        answer = view.dimse.answer("store", "C-STORE-RQ")
        inconclusive("the link was not stored; claim scp.refuses_links = true", answer)
    accepted_control(link_only)
    if link.accepted and not link.reports:
        inconclusive("no report came", link)


@requirement("DIMSE-ROB-RETRY-02")
def test_accepted_requests_survive_a_restart(
    restarted: Transcript, plain_commitment: Transcript, run: Transcript
) -> None:
    """A request that was accepted before a restart is reported on after it."""
    some_reports(plain_commitment)
    request = accepted_control(restarted, "request")
    down = [event.t for event in restarted.of("driver") if event.info.get("action") == "restart"]
    if not down:
        inconclusive("the SUT was not restarted", request)
    if any(report.message.t_first < _gone(restarted, run, down[0]) for report in request.heard):
        inconclusive("the report came before the SUT was down", *request.heard)
    assert request.heard, expected("a report after the restart", request, *restarted.of("driver"))


def _looked_for(event: Event) -> bool:
    """Whether the retrieval came so far that an instance which did not come is not there (older recordings do not say)."""
    return bool(event.info.get("available", True))


def _gone(restarted: Transcript, run: Transcript, asked: int) -> int:
    """When the SUT that a restart ended was gone, on the scenario's clock; where no driver says so, when it was asked to.

    A SUT that ends in good order may still report while it does, which says nothing about surviving.
    """
    shift = run.header.wall_ns - restarted.header.wall_ns  # a run may have been resumed: by the wall
    stopped = [event.t + shift for event in run.of("driver") if event.info.get("action") == "stopped"]
    return min((t for t in stopped if t >= asked), default=asked)


def _committed(transcript: Transcript) -> tuple[Report, str]:
    """The report that commits the instance, and its UID; inconclusive where there is none."""
    reports = some_reports(transcript)
    asked = {each.sop_instance_uid for request in commitments(transcript).all for each in request.references}
    committed = [(report, uid) for report in reports for uid in asked if report.result.commits(uid)]
    return committed[0] if committed else inconclusive("the instance was not committed", *reports)
