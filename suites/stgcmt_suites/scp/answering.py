"""How the reference SCP answers an association: contexts by their service, roles by what it can be."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from stgcmt.actors.listeners import REJECT_TRANSIENT, ListenerScript
from stgcmt.wire.items import AssociateRq, Context, Extended, Role, encode_ac, user_items
from stgcmt.wire.negotiation import (
    ABSTRACT_SYNTAX_UNKNOWN,
    ACCEPTED,
    TRANSFER_SYNTAXES_UNKNOWN,
    USER_REJECTION,
    Policy,
)
from stgcmt.wire.uids import COMMITMENT_PUSH, EXPLICIT_LE, IMPLICIT_LE, STUDY_ROOT_GET, VERIFICATION
from stgcmt_suites.scp.settings import Settings

CALLING_AE_UNKNOWN = (1, 1, 3)
# Instances are kept as they come, so every syntax whose data set is plain Little Endian can be taken.
STORED_SYNTAXES = (
    EXPLICIT_LE,
    IMPLICIT_LE,
    *(f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 57, 70, 80, 81, 90, 91, 94, 201, 202, 203)),
    "1.2.840.10008.1.2.5",
)
# Storage SOP classes stand below this root; fixtures have one class that nobody registered, below 2.25.
STORAGE_ROOT = "1.2.840.10008.5.1.4.1.1."
PRIVATE_ROOT = "2.25."
LINK_ONLY = frozenset({"1.2.840.10008.1.2.4.94"})  # among those above: the data set has no pixels


def is_storage(sop_class_uid: str, *, private: bool = True) -> bool:
    """Whether instances of a class are taken by C-STORE; ``private``: those of classes that nobody registered too."""
    return sop_class_uid.startswith((STORAGE_ROOT, PRIVATE_ROOT) if private else STORAGE_ROOT)


def never() -> bool:
    """Where there is no limit of associations."""
    return False


def everybody(ae_title: str) -> bool:  # noqa: ARG001 - where no list of callers is known
    """Every AE title is known."""
    return True


@dataclass(frozen=True)
class Answering(Policy):
    """The reference's answer to an A-ASSOCIATE-RQ."""

    settings: Settings = dataclasses.field(default_factory=Settings)
    knows: Callable[[str], bool] = everybody

    def contexts(self, rq: AssociateRq) -> tuple[Context, ...]:
        """Each context by itself, in the order of what this SCP prefers for the service."""
        answers = tuple(self._answer(context) for context in rq.contexts)
        if self.settings.choices.caller != "context" or self.knows(rq.calling_ae):
            return answers
        return tuple(
            dataclasses.replace(answer, result=USER_REJECTION) if asked.abstract_syntax == COMMITMENT_PUSH else answer
            for asked, answer in zip(rq.contexts, answers, strict=True)
        )

    def answer_roles(self, rq: AssociateRq) -> tuple[Role, ...]:
        """One item for each class that had one: SCP of everything, SCU only of Storage (to send by C-GET)."""
        asked = {role.uid: role for role in reversed(rq.roles)}
        answers = [self._role(role) for role in reversed(asked.values())]
        if self.settings.faulty("answers-role-without-item") and COMMITMENT_PUSH not in asked:
            answers.append(Role(COMMITMENT_PUSH, 1, 0))
        return tuple(answers)

    def encode(self, rq_body: bytes, rq: AssociateRq, *, max_pdu: int) -> bytes:
        """The A-ASSOCIATE-AC."""
        wrong = self.settings.faulty("extended-negotiation-answered")
        extended = (Extended(COMMITMENT_PUSH, b"\x01"),) if wrong else ()
        user = user_items(max_pdu=max_pdu, roles=self.answer_roles(rq), ext_neg=extended)
        return encode_ac(rq_body, contexts=self.contexts(rq), user=user)

    def _answer(self, context: Context) -> Context:
        known = self._syntaxes(context.abstract_syntax)
        offered = context.transfer_syntaxes
        chosen = next((syntax for syntax in known if syntax in offered), None)
        result = ABSTRACT_SYNTAX_UNKNOWN if not known else TRANSFER_SYNTAXES_UNKNOWN if chosen is None else ACCEPTED
        return Context(context.id, "", (chosen or next(iter(offered), IMPLICIT_LE),), result)

    def _syntaxes(self, abstract_syntax: str) -> tuple[str, ...]:
        if abstract_syntax == COMMITMENT_PUSH and self.settings.faulty("refuses-push-model"):
            return ()
        if abstract_syntax in {VERIFICATION, STUDY_ROOT_GET, COMMITMENT_PUSH}:
            return self.settings.choices.accepts
        choices = self.settings.choices
        at_context = choices.refused == "context"
        if not is_storage(abstract_syntax, private=choices.private_classes or not at_context):
            return ()
        refused = LINK_ONLY if at_context and not choices.links else ()
        return tuple(syntax for syntax in STORED_SYNTAXES if syntax not in refused)

    def _role(self, asked: Role) -> Role:
        may_send = is_storage(asked.uid)
        scp = int(asked.scp == 1 and may_send)
        if asked.uid == COMMITMENT_PUSH and asked.scp != 1 and self.settings.faulty("answers-unproposed-role"):
            scp = 1
        return Role(asked.uid, int(asked.scu == 1), scp)


@dataclass(frozen=True)
class Script(ListenerScript):
    """The listener script that answers as above."""

    settings: Settings = dataclasses.field(default_factory=Settings)
    knows: Callable[[str], bool] = everybody
    full: Callable[[], bool] = never

    def policy(self) -> Policy:
        """How contexts and roles are answered."""
        return Answering(settings=self.settings, knows=self.knows)

    def refusal(self, rq: AssociateRq) -> tuple[int, int, int] | None:
        """Who is not known is turned away at the door, where that is the way of this SCP; and who comes while it is full."""
        if self.full():
            return REJECT_TRANSIENT
        if self.settings.choices.caller == "reject" and not self.knows(rq.calling_ae):
            return CALLING_AE_UNKNOWN
        return super().refusal(rq)
