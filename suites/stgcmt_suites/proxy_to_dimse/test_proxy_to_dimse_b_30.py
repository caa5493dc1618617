"""Checks of the mapping from DICOMweb to DIMSE (PS3.18 B.30). PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, deviating, dimse, expected, inconclusive, outcome, requirement
from stgcmt_suites.commitment.references import Reference
from stgcmt_suites.commitment.web_module import FAILED
from stgcmt_suites.proxies import laws
from stgcmt_suites.proxies.links import CONFIGURED, Link, Said, links
from stgcmt_suites.proxies.stated import AFTER, stated_s

ALL_COMMITTED, SOME_FAILED = 1, 2


def _finished(*transcripts: Transcript) -> list[tuple[Link, Said, Said]]:
    """Links with a result on both faces: the first in front, and what our back end said in all parts."""
    return [
        (link, link.front.results[0], back)
        for each in transcripts
        for link in links(each).links
        if link.front.results and (back := link.together()) is not None
    ]


@requirement("WEB-B.30-01")
def test_a_request_becomes_an_n_action(round_trip: Transcript) -> None:
    """One N-ACTION with the same pairs."""
    for link in links(round_trip).links:
        assert not link.front.accepted or link.behind, expected("an N-ACTION-RQ behind", link.front)
    laws.asked_once(round_trip)
    laws.same_classes(round_trip)
    for link in laws.through(round_trip):
        for one in link.behind:
            assert one.uid, expected("a Transaction UID in the N-ACTION-RQ", one)
    laws.passed(round_trip)


@requirement("WEB-B.30-02")
def test_the_tree_is_rebuilt(tree: Transcript) -> None:
    """The result of a hierarchical Request has its structure, each instance where it was asked for."""
    for link in links(tree).links:
        asked = {ref.sop_instance_uid: ref for ref in link.front.asked}
        for said in link.front.results:
            if not said.readable or said.module is None:
                continue
            assert said.module.structure == "hierarchical", expected(
                "a hierarchical result", link.front, said, deviating(said.hop)
            )
            for ref in (*said.result.committed, *(each.reference for each in said.result.failed)):
                wanted = asked.get(ref.sop_instance_uid)
                assert wanted is None or _place(ref) == _place(wanted), expected(
                    f"{ref.sop_instance_uid} in the study and series of the Request",
                    link.front, said, deviating(said.hop),
                )  # fmt: skip
    laws.one_list_each(tree)
    laws.asked_once(tree)
    laws.came_back(tree)


def _place(ref: Reference) -> tuple[str | None, str | None]:
    return ref.study_instance_uid, ref.series_instance_uid


@requirement("WEB-B.30-03")
def test_accepted_behind_is_pending_in_front(late: Transcript) -> None:
    """202, or the POST held open until the result."""
    for link in laws.through(late):
        if any(one.taken for one in link.behind):
            assert link.front.status in (200, 202), expected(
                "202, or 200 with a result", deviating(link.front.hop), *link.behind
            )
    laws.passed(late)


@requirement("WEB-B.30-04")
def test_a_refusal_behind_is_an_error_in_front(refused: Transcript) -> None:
    """Each failure status of the N-ACTION response gives a 4xx or 5xx."""
    control = links(refused).step("control")
    seen = [link for link in laws.through(refused) if link is not control and not any(one.taken for one in link.behind)]
    for link in seen:
        failed = link.front.result is not None and not link.front.result.committed
        if link.front.accepted and not failed:
            outcome("success-in-front", deviating(link.front.hop), *link.behind, what="a 4xx or 5xx in front")
    for link in seen:
        if link.front.accepted:
            outcome("failed-later", deviating(link.front.hop), *link.behind, what="a 4xx or 5xx in front")
    for link in seen:
        assert (link.front.status or 0) >= 400, expected("a 4xx or 5xx", deviating(link.front.hop), *link.behind)
    if control is None or not control.front.accepted:
        inconclusive("the control request was not accepted", *([control.front] if control else []))
    if not seen:
        inconclusive("no refused request reached the back end")


@requirement("WEB-B.30-05")
def test_all_committed_is_all_committed(round_trip: Transcript) -> None:
    """The committed list alone."""
    for link in laws.through(round_trip):
        if not link.complete:
            continue
        assert link.front.results, expected("200 with the result after the report", link.front, *link.behind)
        said = link.front.results[0]
        assert said.committed == link.front.pairs, expected(
            "every instance committed", deviating(said.hop), said, *link.said_behind
        )
        assert said.module is None or not said.module.sequences & FAILED, expected(
            "the committed list alone", deviating(said.hop), said
        )
    laws.came_back(round_trip)


@requirement("WEB-B.30-06")
def test_failures_arrive(failures: Transcript) -> None:
    """What failed behind failed in front, with its reason."""
    for link, said, back in _finished(failures):
        for each in back.failed:
            uid = each.reference.sop_instance_uid
            if uid in link.front.instances and not said.result.reasons_of(uid):
                outcome("not-failed", deviating(said.hop), said, back, what=f"{uid} in the failed list")
    laws.reasons_unchanged(failures)
    laws.came_back(failures)


@requirement("WEB-B.30-07")
def test_foreign_attributes_stay_behind(extras: Transcript) -> None:
    """Nothing of a report that a response module does not know."""
    for _, said, back in _finished(extras):
        flaws = said.module.flawed("foreign") if said.module is not None else ()
        assert not flaws, expected(
            f"the attributes of a response module alone; {flaws[0] if flaws else ''}", deviating(said.hop), said, back
        )
    laws.came_back(extras)


@requirement("WEB-B.30-08")
def test_without_report_no_commitment(never: Transcript, run: Transcript) -> None:
    """202 as long as no report came, or an end that commits nothing; by then an end, where the vendor states when."""
    laws.nothing_invented(never)
    stated = stated_s(run, "proxy_to_dimse")
    for link in laws.through(never):
        late = [call for call in link.front.answers if call.step == AFTER and call.status == 202]
        if late and link.front.accepted:
            outcome("later-than-stated", *late, *link.behind, what=f"an end after {stated:g} s, as the SUT file states")
    for link in laws.through(never):
        ended = [
            call for call in link.front.answers if call.method == "GET" and call.status != 202 and call.step != AFTER
        ]
        if ended:
            outcome("gave-up", *ended, *link.behind, what="202 while no report came")
    laws.passed(never)
    if stated is not None and not any(call.step == AFTER for link in links(never).links for call in link.front.answers):
        inconclusive(
            f"the {stated:g} s after which a transaction ends were not waited for: raise [timing] result_deadline"
        )


@requirement("WEB-B.30-09")
def test_reports_that_omit_or_add_invent_nothing(untrue_results: Transcript) -> None:
    """Left out is not committed; foreign does not appear."""
    laws.nothing_invented(untrue_results)
    for link in laws.through(untrue_results):
        for said in link.front.results:
            foreign = {ref.sop_instance_uid for ref in said.result.committed} - link.front.instances
            assert not foreign, expected(
                "only instances of the Request in its result", link.front, said, deviating(said.hop)
            )
    laws.passed(untrue_results)
    laws.came_back(untrue_results)


@requirement("WEB-B.30-10")
def test_reports_are_taken_wherever_they_come(ways_of_reporting: Transcript) -> None:
    """Each way of reporting brings the result to its transaction in front."""
    laws.nothing_invented(ways_of_reporting)
    told = [link for link in laws.through(ways_of_reporting) if link.front.accepted and link.said_behind]
    for link in told:
        assert link.front.results, expected("the result in front after the report", link.front, *link.said_behind)
        said, back = link.front.results[0], link.together()
        assert back is None or said.committed == back.committed, expected(
            "the result that was reported", deviating(said.hop), said, back
        )
    laws.passed(ways_of_reporting)
    if len(told) < len(links(ways_of_reporting).links):
        missing = [link for link in links(ways_of_reporting).links if link not in told]
        inconclusive("not every report could be delivered", *[link.front for link in missing])


@requirement("PROXY-CONFIG-01")
def test_the_archive_is_called_as_configured(round_trip: Transcript, failures: Transcript) -> None:
    """Calling and called AE title of every association behind."""
    seen = False
    for each in (round_trip, failures):
        known = next((event for event in each.of("note") if event.info.get("what") == CONFIGURED), None)
        ours, its = (str(known.info.get(name, "")) if known else "" for name in ("called_ae", "calling_ae"))
        for assoc in dimse(each).associations():
            if assoc.side != "acceptor" or assoc.rq is None or not (ours and its):
                continue
            assert assoc.calling_ae == its, expected(f"the calling AE title {its}", assoc)
            assert assoc.called_ae == ours, expected(f"the called AE title {ours}", assoc)
            seen = True
    if not seen:
        inconclusive("the SUT opened no association behind, or the SUT file names no AE title of its own")
