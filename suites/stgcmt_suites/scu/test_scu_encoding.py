"""PS3.5, PS3.8 D.1: how requests are encoded and cut. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, claims, expected, inconclusive, not_applicable, requirement
from stgcmt_suites.scp.compare import announced, oversized
from stgcmt_suites.scu.views import Seen, asked, conversation, requests_of

# Defects of a data set that is read in another encoding than it was written in, or that cannot be read to its end.
UNREADABLE = frozenset({"wrong-encoding", "beyond-end", "item-tag", "trailing", "no-delimiter"})


@requirement("DIMSE-PS3.5-TS-01")
def test_data_sets_use_the_accepted_transfer_syntax(
    new_association: Transcript, implicit_archive: Transcript, explicit_archive: Transcript
) -> None:
    """The data set of a request is encoded as was negotiated for its context."""
    for request in asked(new_association, implicit_archive, explicit_archive):
        wrong = [each.text for _, each in request.info.data_set.all_defects() if each.kind in UNREADABLE]
        assert not wrong, expected(
            f"transfer syntax {request.message.transfer_syntax}", Seen(request, "; ".join(wrong[:3]))
        )


@requirement("DIMSE-PS3.5-VR-01")
def test_explicit_data_sets_have_the_right_vr(
    new_association: Transcript, explicit_archive: Transcript, run: Transcript
) -> None:
    """In explicit encodings VRs are right; in every encoding lengths are even."""
    found = asked(new_association, explicit_archive)
    for request in found:
        kinds = {"unknown-vr", "vr-differs", "odd-length"} if request.info.data_set.form.explicit else {"odd-length"}
        wrong = [f"{path}: {each.text}" for path, each in request.info.data_set.all_defects() if each.kind in kinds]
        assert not wrong, expected("right value representations and even lengths", Seen(request, "; ".join(wrong[:3])))
    if any(request.info.data_set.form.explicit for request in found):
        return
    if claims(run).get("scu.implicit_only"):
        not_applicable("scu.implicit_only")
    inconclusive(
        "no request is in an explicit encoding; where the SUT never uses one, claim scu.implicit_only = true",
        *found[:1],
    )


@requirement("DIMSE-PS3.8-D.1-01")
def test_announced_maximum_length_is_kept(small_pdu: Transcript, new_association: Transcript) -> None:
    """No P-DATA-TF exceeds what its receiver announced."""
    for each in (small_pdu, new_association):
        for assoc in (*conversation(each).dimse.all_associations,):
            large = oversized(assoc)
            assert not large, expected("P-DATA-TF no longer than announced", *large)
    asked(small_pdu)
    for request in requests_of(small_pdu):
        limit = announced(request.assoc)
        if not limit or len(request.message.data or b"") <= limit:
            inconclusive("the request fits into one PDU, so nothing had to be cut", request)
