"""PS3.4 J.2, J.3.3.1.3, PS3.7 D.3.3.4: contexts and roles on the associations of the service. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from typing import NoReturn

from stgcmt.suite import Transcript, claims, expected, inconclusive, not_applicable, outcome, requirement
from stgcmt_suites.scp.compare import ROLE_ITEM, offered_syntaxes, role_item_defects, roles_of
from stgcmt_suites.scu.views import (
    IMPLICIT_LE,
    PUSH_MODEL,
    Association,
    asked,
    conversation,
    negotiation,
    requests_of,
)

N_ACTION, N_EVENT_REPORT = "N-ACTION-RQ", "N-EVENT-REPORT-RQ"


def _opened(*transcripts: Transcript) -> tuple[Association, ...]:
    """Our associations that propose the SCP role; inconclusive where none was opened."""
    found = tuple(one for each in transcripts for one in conversation(each).opened if _proposed(one) == (0, 1))
    return found or inconclusive(
        "no report was due, since the client requested nothing", *requests_of(*transcripts)[:1]
    )


def _answered(*transcripts: Transcript) -> tuple[Association, ...]:
    """Those of them that the client accepted, refused or let stand: with an A-ASSOCIATE-AC."""
    found = tuple(one for one in _opened(*transcripts) if one.ac is not None)
    return found or inconclusive("the client accepted no association of ours", *_opened(*transcripts)[:1])


def _proposed(assoc: Association) -> tuple[int, int] | None:
    role, _ = roles_of(assoc)
    return None if role is None else (role.scu, role.scp)


@requirement("DIMSE-J.3.3.1.3-01")
def test_reports_are_taken_on_another_association(new_association: Transcript, after_release: Transcript) -> None:
    """Associations that we open are accepted with the class, and a report on them gets a response."""
    for assoc in _opened(new_association, after_release):
        assert assoc.ac is not None, expected("the association accepted", assoc)
        taken = assoc.granted_roles(PUSH_MODEL)
        assert taken, expected("the Push Model context accepted", negotiation(assoc, "the context was refused"))
    for report in (*conversation(new_association).reports, *conversation(after_release).reports):
        if report.on_new_association:
            assert report.response is not None, expected("a response to a report on an association of ours", report)


@requirement("DIMSE-J.2.1-01")
def test_a_role_selection_is_answered(new_association: Transcript, after_release: Transcript) -> None:
    """Where we propose to be SCP the answer has a role selection item."""
    for assoc in _answered(new_association, after_release):
        said = roles_of(assoc)[1]
        assert said is not None, expected(
            "a role selection item for the class", negotiation(assoc, "the answer has none")
        )


@requirement("DIMSE-J.3.3.1.3-02")
def test_the_scp_role_is_granted(new_association: Transcript, after_release: Transcript) -> None:
    """The answer grants the SCP role that we proposed (an answer without item is judged by DIMSE-J.2.1-01)."""
    found = [each for each in _answered(new_association, after_release) if roles_of(each)[1] is not None]
    for assoc in found:
        said = roles_of(assoc)[1]
        granted = said is not None and said.scp == 1
        text = f"SCU role {said.scu}, SCP role {said.scp}" if said else ""
        assert granted, expected("SCP role 1", negotiation(assoc, text))
    if not found:
        inconclusive("no answer has a role selection item", *_answered(new_association, after_release)[:1])


@requirement("DIMSE-J.2.1-02")
def test_no_extended_negotiation(new_association: Transcript, same_association: Transcript) -> None:
    """The class has no extended negotiation, in requests of the client and in its answers."""
    asking = (*conversation(new_association).asking, *conversation(same_association).asking)
    theirs = [*((each, each.rq) for each in asking)]
    answered = [(each, each.ac) for each in conversation(new_association).opened]
    seen = [(assoc, one) for assoc, one in (*theirs, *answered) if one is not None]
    if not theirs:
        inconclusive("the client opened no association for a request")
    for assoc, one in seen:
        named = [item for item in one.ext_neg if item.uid == PUSH_MODEL]
        assert not named, expected(
            "no extended negotiation item for the class", negotiation(assoc, "an item 56H names the class")
        )
    if not any(one for _, one in answered):
        inconclusive("the client answered no association of ours", *(each for each, _ in theirs[:1]))


@requirement("DIMSE-D.3.3.4-01")
def test_default_roles_hold(
    roles: Transcript, new_association: Transcript, same_association: Transcript, never: Transcript
) -> None:
    """The client reports nothing on its own associations, and asks nothing where it would be the SCP."""
    played = (roles, new_association, same_association, never)
    asked(*played)
    for assoc in (one for each in played for one in conversation(each).asking):
        reports = [each for each in assoc.messages if each.incoming and each.kind == N_EVENT_REPORT]
        assert not reports, expected("no report by the client on an association that it opened", *reports)
    bare = [each for each in conversation(roles).opened if each.rq and _proposed(each) is None]
    for assoc in bare:
        requests = [each for each in assoc.messages if each.incoming and each.kind == N_ACTION]
        assert not requests, expected("no request where the client is no SCU", *requests)
    for report in conversation(roles).reports:
        if report.message.assoc in bare and report.response is not None and report.response.status == 0:
            outcome("default-role-served", report, what="the context refused, since we are no SCP there")
    if not bare:
        inconclusive("no association in default roles was opened", *requests_of(roles)[:1])


@requirement("DIMSE-D.3.3.4-02")
def test_only_proposed_roles_are_granted(roles: Transcript, new_association: Transcript) -> None:
    """An answer has no 1 where the proposal has none."""
    found = [
        each
        for each in (*conversation(roles).opened, *conversation(new_association).opened)
        if each.ac and roles_of(each)[0]
    ]
    for assoc in found:
        wanted, said = roles_of(assoc)
        text = f"proposed {wanted.scu}/{wanted.scp}, answered {said.scu}/{said.scp}" if wanted and said else ""
        excess = wanted and said and ((said.scu and not wanted.scu) or (said.scp and not wanted.scp))
        assert not excess, expected("no role granted that was not proposed", negotiation(assoc, text))
    if not any(_proposed(each) in {(1, 0), (0, 0)} for each in found):
        inconclusive(
            "no association that proposes less than the SCP role was answered", *conversation(roles).opened[:1]
        )


@requirement("DIMSE-D.3.3.4-03")
def test_no_role_answer_without_a_proposal(roles: Transcript) -> None:
    """Where no role item was sent none comes back."""
    bare = [each for each in conversation(roles).opened if each.ac and _proposed(each) is None]
    for assoc in bare:
        assert roles_of(assoc)[1] is None, expected("no role selection item", negotiation(assoc, "the answer has one"))
    if not bare:
        inconclusive("no association without role item was answered", *conversation(roles).opened[:1])


@requirement("DIMSE-D.3.3.4-04")
def test_an_unanswered_role_leaves_the_defaults(role_not_answered: Transcript, run: Transcript) -> None:
    """A client whose proposed roles are not answered asks all the same, as the SCU that it is by default."""
    found = [each for each in conversation(role_not_answered).asking if each.ac and _proposed(each) is not None]
    for assoc in found:
        requests = [each for each in assoc.messages if each.incoming and each.kind == N_ACTION]
        text = "the roles were not answered, and nothing was asked"
        assert requests, expected("a request in the default role", negotiation(assoc, text))
        reports = [each for each in assoc.messages if each.incoming and each.kind == N_EVENT_REPORT]
        assert not reports, expected("no report by a client that was granted no SCP role", *reports)
    if not found:
        _no_roles(run, *conversation(role_not_answered).asking)


def _no_roles(run: Transcript, *seen: Association) -> NoReturn:
    if claims(run).get("scu.proposes_no_roles"):
        not_applicable("scu.proposes_no_roles")
    inconclusive(
        "the client proposes no roles; where it never does, claim scu.proposes_no_roles = true, else describe a "
        "configuration that does in [scu.modes.roles]",
        *seen[:1],
    )


@requirement("DIMSE-D.3.3.4-05")
def test_an_unproposed_grant_is_ignored(role_unproposed: Transcript, never: Transcript) -> None:
    """A client whose archive grants a role nobody asked for asks all the same."""
    asked(never)  # the control: an ordinary archive
    answered = [each for each in conversation(role_unproposed).asking if each.ac]
    for assoc in answered:
        requests = [each for each in assoc.messages if each.incoming and each.kind == N_ACTION]
        assert requests, expected("a request in spite of the unproposed role", negotiation(assoc, "nothing was asked"))
    if not answered:
        inconclusive("the client opened no association to the archive that grants unproposed roles")


@requirement("DIMSE-D.3.3.4.1-01")
def test_role_items_are_well_formed(
    role_not_answered: Transcript, new_association: Transcript, run: Transcript
) -> None:
    """One role item a class, for a proposed class, with length fields that agree."""
    found = [*conversation(role_not_answered).asking, *conversation(new_association).asking]
    for assoc in found:
        defects = role_item_defects(assoc)
        assert not defects, expected(f"well-formed items {ROLE_ITEM:02X}H", negotiation(assoc, "; ".join(defects)))
    if not found:
        inconclusive("the client opened no association for a request")
    if not any(each.rq.roles for each in found if each.rq):
        _no_roles(run, *found)


@requirement("DIMSE-PS3.5-10.1-01")
def test_the_default_transfer_syntax_is_offered(new_association: Transcript, same_association: Transcript) -> None:
    """The client offers Implicit VR Little Endian for the class."""
    found = [*conversation(new_association).asking, *conversation(same_association).asking]
    for assoc in found:
        offered = offered_syntaxes(assoc)
        assert IMPLICIT_LE in offered, expected(
            "Implicit VR Little Endian among the transfer syntaxes", negotiation(assoc, ", ".join(offered))
        )
    if not found:
        inconclusive("the client opened no association for a request")
