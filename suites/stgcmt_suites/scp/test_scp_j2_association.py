"""PS3.4 J.2, PS3.7 D.3.3.4: contexts and roles on the associations of the service. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from typing import NoReturn

from stgcmt.suite import Transcript, claims, expected, inconclusive, not_applicable, requirement
from stgcmt_suites.scp.compare import ROLE_ITEM, offered_syntaxes, role_item_defects, roles_of
from stgcmt_suites.scp.premises import some_accepted
from stgcmt_suites.scp.views import (
    IMPLICIT_LE,
    PUSH_MODEL,
    Association,
    accepted_of,
    commitments,
    negotiation,
    opened_by_sut,
)


@requirement("DIMSE-J.2-01")
def test_the_push_model_class_is_accepted(plain_commitment: Transcript) -> None:
    """A context for the class that offers Implicit VR Little Endian is accepted."""
    answered = [each for each in commitments(plain_commitment).opened_by_us if each.ac]
    if not answered:
        inconclusive(
            "no association was established: nothing says whether the class is supported",
            *commitments(plain_commitment).opened_by_us,
        )
    for assoc in answered:
        assert assoc.granted_roles(PUSH_MODEL), expected(
            "the Push Model context accepted", negotiation(assoc, "the context was refused")
        )


@requirement("DIMSE-J.2.1-01")
def test_report_associations_propose_the_scp_role(plain_commitment: Transcript, several_instances: Transcript) -> None:
    """Who opens an association to report proposes the SCP role for the class."""
    for assoc in opened_by_sut(plain_commitment, several_instances) or _none_opened(
        plain_commitment, several_instances
    ):
        role, _ = roles_of(assoc)
        said = "no role selection item" if role is None else f"SCU role {role.scu}, SCP role {role.scp}"
        proposed = role is not None and role.scp == 1
        assert proposed, expected("a role selection item with SCP role 1", negotiation(assoc, said))


@requirement("DIMSE-J.2.1-02")
def test_no_extended_negotiation(plain_commitment: Transcript, several_instances: Transcript) -> None:
    """The class has no extended negotiation, in requests of the SUT and in its answers."""
    view = commitments(plain_commitment)
    opened = opened_by_sut(plain_commitment, several_instances)
    theirs = [*((each, each.rq) for each in opened), *((each, each.ac) for each in view.opened_by_us)]
    seen = [(assoc, associate) for assoc, associate in theirs if associate is not None]
    if not seen:
        inconclusive("no association was established", *view.opened_by_us)
    for assoc, associate in seen:
        named = [item for item in associate.ext_neg if item.uid == PUSH_MODEL]
        assert not named, expected(
            "no extended negotiation item for the class", negotiation(assoc, "an item 56H names the class")
        )


@requirement("DIMSE-D.3.3.4-01")
def test_no_report_without_the_scp_role(plain_commitment: Transcript, several_instances: Transcript) -> None:
    """On an association that it opened without proposing the SCP role the SUT is no SCP, and reports nothing there."""
    judged = opened_by_sut(plain_commitment, several_instances) or _none_opened(plain_commitment, several_instances)
    for assoc in judged:
        role, _ = roles_of(assoc)
        reports = [each for each in assoc.messages if each.incoming and each.kind == "N-EVENT-REPORT-RQ"]
        assert not reports or (role and role.scp == 1), expected("no report without the SCP role", *reports)


@requirement("DIMSE-D.3.3.4-02")
def test_only_proposed_roles_are_granted(roles: Transcript) -> None:
    """An answer has no 1 where the proposal has none."""
    for assoc in _answered(roles):
        asked, said = roles_of(assoc)
        text = f"proposed {asked.scu}/{asked.scp}, answered {said.scu}/{said.scp}" if asked and said else ""
        excess = asked and said and ((said.scu and not asked.scu) or (said.scp and not asked.scp))
        assert not excess, expected("no role granted that was not proposed", negotiation(assoc, text))


@requirement("DIMSE-D.3.3.4-03")
def test_no_role_answer_without_a_proposal(roles: Transcript, plain_commitment: Transcript) -> None:
    """Where no role item was sent none comes back."""
    bare = [each for each in (*_answered(roles), *_answered(plain_commitment)) if not roles_of(each)[0]]
    for assoc in bare:
        assert roles_of(assoc)[1] is None, expected("no role selection item", negotiation(assoc, "the answer has one"))


@requirement("DIMSE-D.3.3.4-04")
def test_a_role_that_was_not_granted_is_not_used(role_not_answered: Transcript, role_refused: Transcript) -> None:
    """A proposed SCP role that is answered with 0, or not at all, does not carry a report."""
    found = [
        each
        for each in opened_by_sut(role_not_answered, role_refused)
        if each.ac and _proposed(each) and not each.sut_is_scp(PUSH_MODEL)
    ]
    for assoc in found:
        reports = [each for each in assoc.messages if each.incoming and each.kind == "N-EVENT-REPORT-RQ"]
        assert not reports, expected("no report where the SCP role was not granted", *reports)
    for transcript in (role_not_answered, role_refused):
        if not any(each.transcript is transcript for each in found):
            inconclusive(
                f"no SCP role was proposed while it would have been denied ({transcript.name}); where reports come late, "
                "raise timing.quiet_period",
                *commitments(transcript).all,
            )


@requirement("DIMSE-D.3.3.4-05")
def test_an_unproposed_grant_is_ignored(
    unproposed_role: Transcript, plain_commitment: Transcript, run: Transcript
) -> None:
    """A listener that grants a role nobody asked for still gets its report."""
    some_accepted(unproposed_role)
    if not any(each.reports for each in accepted_of(plain_commitment)):
        inconclusive("no report came to an ordinary listener either", *commitments(plain_commitment).all)
    proposed = opened_by_sut(unproposed_role)
    if proposed and all((role := roles_of(each)[0]) and role.scu for each in proposed):
        if claims(run).get("scp.proposes_both_roles"):
            not_applicable("scp.proposes_both_roles")
        inconclusive(
            "the SUT proposes both roles, so no grant is unasked for; claim scp.proposes_both_roles = true",
            *proposed[:1],
        )
    for request in accepted_of(unproposed_role):
        assert request.reports, expected("a report in spite of the unproposed SCU role", request, *proposed)


@requirement("DIMSE-D.3.3.4.1-01")
def test_role_items_are_well_formed(plain_commitment: Transcript, several_instances: Transcript) -> None:
    """One role item a class, for a proposed class, with length fields that agree."""
    for assoc in opened_by_sut(plain_commitment, several_instances) or _none_opened(
        plain_commitment, several_instances
    ):
        defects = role_item_defects(assoc)
        assert not defects, expected(f"well-formed items {ROLE_ITEM:02X}H", negotiation(assoc, "; ".join(defects)))


@requirement("DIMSE-PS3.5-10.1-01")
def test_the_default_transfer_syntax_is_offered(plain_commitment: Transcript, several_instances: Transcript) -> None:
    """Whoever opens an association offers Implicit VR Little Endian for the class."""
    for assoc in opened_by_sut(plain_commitment, several_instances) or _none_opened(
        plain_commitment, several_instances
    ):
        offered = offered_syntaxes(assoc)
        assert IMPLICIT_LE in offered, expected(
            "Implicit VR Little Endian among the transfer syntaxes", negotiation(assoc, ", ".join(offered))
        )


@requirement("DIMSE-ROB-ASSOC-01")
def test_listeners_of_one_transfer_syntax_are_served(
    implicit_only: Transcript, explicit_only: Transcript, plain_commitment: Transcript
) -> None:
    """A listener that accepts one uncompressed transfer syntax gets its report."""
    if not any(each.reports for each in accepted_of(plain_commitment)):
        inconclusive("no report came to an ordinary listener either", *commitments(plain_commitment).all)
    for request in some_accepted(implicit_only, explicit_only):
        assert request.reports, expected(
            "a report to a listener of one transfer syntax", request, *opened_by_sut(request.transcript)
        )


def _answered(transcript: Transcript) -> list[Association]:
    found = [each for each in commitments(transcript).opened_by_us if each.rq and each.ac]
    return found or inconclusive("no association was established", *commitments(transcript).opened_by_us)


def _proposed(assoc: Association) -> bool:
    role, _ = roles_of(assoc)
    return role is not None and role.scp == 1


def _none_opened(*transcripts: Transcript) -> NoReturn:
    inconclusive("the SUT opened no association for a report", *accepted_of(*transcripts)[:1])
