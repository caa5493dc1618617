"""PS3.4 J.3.2, PS3.7 10.3.4: what a request is. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, claims, expected, inconclusive, outcome, requirement
from stgcmt.wire import command as cmd
from stgcmt_suites.commitment.dimse_module import FILE_SET_ID, FILE_SET_UID, SOP_CLASS_UID, SOP_INSTANCE_UID
from stgcmt_suites.scu.views import PUSH_MODEL, PUSH_MODEL_INSTANCE, Seen, asked, conversation, names

NO_DATA_SET = 0x0101
GROUP_LENGTH = 0x00000000


@requirement("DIMSE-J.3.2-01")
def test_the_client_asks(explicit_archive: Transcript) -> None:
    """A client that was told to commit instances, and stored them here, sends N-ACTION."""
    view = conversation(explicit_archive)
    if not view.requests:
        refused = [each for each in view.asking if each.ac and not each.granted_roles(PUSH_MODEL)]
        if refused:
            inconclusive("the client proposed no context that we could accept", *refused[:1])
        stored = [each for each in view.dimse.requests("C-STORE-RQ") if each.responses]
        assert not stored, expected("an N-ACTION request for what was stored", *stored[:2])
        idle = [each for each in view.asking if each.ac and not each.messages]
        assert not idle, expected("an N-ACTION request on an association that offers the class", *idle[:1])
    asked(explicit_archive)


@requirement("DIMSE-J.3.2.1.2-01")
def test_the_action_type_is_1(new_association: Transcript, same_association: Transcript) -> None:
    """Action Type ID is 1."""
    for request in asked(new_association, same_association):
        found = request.message.command.action_type
        assert found == 1, expected("Action Type ID 1", Seen(request, f"Action Type ID {found}"))


@requirement("DIMSE-J.3.2.1.2-02")
def test_the_well_known_instance_is_addressed(new_association: Transcript, same_association: Transcript) -> None:
    """Requested SOP Instance UID is the well-known one."""
    for request in asked(new_association, same_association):
        found = request.message.command.requested_instance
        right = found == PUSH_MODEL_INSTANCE
        assert right, expected(PUSH_MODEL_INSTANCE, Seen(request, f"Requested SOP Instance UID {found}"))


@requirement("DIMSE-J.3.4-01")
def test_the_push_model_class_is_addressed(new_association: Transcript, same_association: Transcript) -> None:
    """Requested SOP Class UID is the Push Model's."""
    for request in asked(new_association, same_association):
        found = request.message.command.requested_class
        assert found == PUSH_MODEL, expected(PUSH_MODEL, Seen(request, f"Requested SOP Class UID {found}"))


@requirement("DIMSE-J.3.2.1.1-01")
def test_instances_are_named_whole(
    new_association: Transcript, same_association: Transcript, implicit_archive: Transcript, small_pdu: Transcript
) -> None:
    """At least one item, and both UIDs in each (a request that names nothing is told by its destination)."""
    for request in asked(new_association, same_association, implicit_archive, small_pdu):
        assert request.info.references, expected("Referenced SOP Sequence with at least one item", request)
        bare = [each for each in request.info.references if not (each.sop_class_uid and each.sop_instance_uid)]
        assert not bare, expected(
            "both UIDs in each item",
            Seen(request, "; ".join(request.info.problems[:3]) or f"{len(bare)} items lack one"),
        )


@requirement("DIMSE-J.3.2.1.1.1-01")
def test_file_set_attributes_stand_on_one_level(new_association: Transcript, same_association: Transcript) -> None:
    """File-Set ID and UID stand outside the sequence or inside, not on both levels."""
    for request in asked(new_association, same_association):
        both = all(request.info.levels(FILE_SET_ID, FILE_SET_UID))
        assert not both, expected(
            "File-Set attributes on one level", Seen(request, "File-Set attributes outside and inside the sequence")
        )


@requirement("DIMSE-J.3.2.1.1.3-01")
def test_an_instance_is_named_once(
    new_association: Transcript, same_association: Transcript, small_pdu: Transcript
) -> None:
    """No SOP Instance UID stands twice."""
    for request in asked(new_association, same_association, small_pdu):
        named = [each.sop_instance_uid for each in request.info.references if each.sop_instance_uid]
        twice = [uid for uid in dict.fromkeys(named) if named.count(uid) > 1]
        assert not twice, expected("each instance once", Seen(request, f"named more than once: {names(twice)}"))


@requirement("DIMSE-5.4.2.3-01")
def test_sop_common_uids_stay_out(new_association: Transcript, same_association: Transcript) -> None:
    """SOP Class UID and SOP Instance UID are not part of Action Information."""
    for request in asked(new_association, same_association):
        found = request.info.anywhere & {SOP_CLASS_UID, SOP_INSTANCE_UID}
        assert not found, expected(
            "neither (0008,0016) nor (0008,0018)", Seen(request, "SOP Class UID or SOP Instance UID in the data set")
        )


@requirement("DIMSE-5.4.2.1-01")
def test_optional_attributes_have_values(new_association: Transcript, same_association: Transcript) -> None:
    """File-Set ID and UID, where they are sent, are not empty."""
    for request in asked(new_association, same_association):
        empty = [path for path in request.info.empty if "(0088," in path]
        assert not empty, expected("no attribute without a value", Seen(request, f"empty: {names(empty)}"))


@requirement("DIMSE-10.3.4-01")
def test_the_command_set_is_complete(
    new_association: Transcript, same_association: Transcript, several: Transcript
) -> None:
    """Every element that N-ACTION needs is there, a data set is announced, and open requests have different Message IDs."""
    found = asked(new_association, same_association, several)
    for request in found:
        command = request.message.command
        present = {tag for tag, _ in command.elements}
        wanted = {
            GROUP_LENGTH, cmd.REQUESTED_CLASS, cmd.FIELD, cmd.MESSAGE_ID, cmd.DATA_SET_TYPE, cmd.REQUESTED_INSTANCE,
            cmd.ACTION_TYPE,
        }  # fmt: skip
        missing = [f"({tag >> 16:04X},{tag & 0xFFFF:04X})" for tag in sorted(wanted - present)]
        assert not missing, expected(
            "a complete command set", Seen(request, f"the command set lacks {', '.join(missing)}")
        )
        assert not request.message.faults, expected(
            "a well-formed command set", Seen(request, "; ".join(request.message.faults[:3]))
        )
        announced = command.data_set_type not in (None, NO_DATA_SET)
        assert announced, expected(
            "a data set announced", Seen(request, f"Command Data Set Type {command.data_set_type}")
        )
    for request in found:
        earlier = [
            each for each in found if each.assoc is request.assoc and each.message.t_first < request.message.t_first
        ]
        for each in earlier:
            answered = [one.t_first for one in each.message.responses]
            still_open = not answered or min(answered) > request.message.t_first
            same = still_open and each.message.message_id == request.message.message_id
            assert not same, expected("a Message ID of its own while another request is open", each, request)


@requirement("DIMSE-CC.1.1-01")
def test_instances_are_sent_first(new_association: Transcript, same_association: Transcript) -> None:
    """What is asked for was stored before, where it came by C-STORE at all."""
    found = asked(new_association, same_association)
    stored = {**conversation(new_association).stored, **conversation(same_association).stored}
    if not stored:
        inconclusive(
            "no instance came by C-STORE; by what means they reach the archive is the client's matter", *found[:1]
        )
    for request in found:
        times = conversation(request.transcript).stored
        later = [uid for uid in request.instances if uid in times and times[uid] > request.message.t_last]
        missing = [uid for uid in request.instances if uid not in times]
        text = f"stored afterwards: {names(later)}; never stored here: {names(missing)}"
        assert not later, expected("C-STORE before N-ACTION", Seen(request, text))


@requirement("DIMSE-DOC-03")
def test_stated_classes_are_those_that_are_asked_for(
    new_association: Transcript, same_association: Transcript, run: Transcript
) -> None:
    """The SOP classes of requests are those that the claims list."""
    found = asked(new_association, same_association)
    stated = claims(run).get("scu.sop_classes")
    for request in found if stated is not None else ():
        other = {each.sop_class_uid for each in request.info.references if each.sop_class_uid} - set(stated or ())
        assert not other, expected("a class of [claims.scu] sop_classes", Seen(request, names(sorted(other))))
    if stated is None:
        outcome("undeclared", found[0], what="sop_classes in [claims.scu]")
