"""How the reference SCP answers an association: contexts by their service, roles by what it can be."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from stgcmt.actors.listeners import ListenerScript
from stgcmt.wire.items import AssociateRq, Context, Extended, Role, encode_ac, user_items
from stgcmt.wire.negotiation import (
    ABSTRACT_SYNTAX_UNKNOWN,
    ACCEPTED,
    TRANSFER_SYNTAXES_UNKNOWN,
    Policy,
)
from stgcmt.wire.uids import COMMITMENT_PUSH, EXPLICIT_LE, IMPLICIT_LE, STUDY_ROOT_GET, VERIFICATION
from stgcmt_suites.scp.settings import Settings

UNCOMPRESSED = (IMPLICIT_LE, EXPLICIT_LE)
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


def is_storage(sop_class_uid: str) -> bool:
    """Whether instances of a class are taken by C-STORE."""
    return sop_class_uid.startswith((STORAGE_ROOT, PRIVATE_ROOT))


@dataclass(frozen=True)
class Answering(Policy):
    """The reference's answer to an A-ASSOCIATE-RQ."""

    settings: Settings = dataclasses.field(default_factory=Settings)

    def contexts(self, rq: AssociateRq) -> tuple[Context, ...]:
        """Each context by itself, in the order of what this SCP prefers for the service."""
        return tuple(self._answer(context) for context in rq.contexts)

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
            return UNCOMPRESSED
        return STORED_SYNTAXES if is_storage(abstract_syntax) else ()

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

    def policy(self) -> Policy:
        """How contexts and roles are answered."""
        return Answering(settings=self.settings)
