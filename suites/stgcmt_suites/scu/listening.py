"""How the reference SCU answers an association that an archive opens to it: roles first, since it is never an SCP."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from stgcmt.actors.listeners import ListenerScript
from stgcmt.wire.items import AssociateRq, Context, Extended, Role, encode_ac, user_items
from stgcmt.wire.negotiation import ACCEPTED, USER_REJECTION, Policy
from stgcmt.wire.uids import COMMITMENT_PUSH
from stgcmt_suites.scu.settings import Settings


@dataclass(frozen=True)
class Answering(Policy):
    """The reference's answer to an A-ASSOCIATE-RQ."""

    settings: Settings = dataclasses.field(default_factory=Settings)

    def contexts(self, rq: AssociateRq) -> tuple[Context, ...]:
        """The class is accepted where the archive proposes to be its SCP, in default roles where the settings say so."""
        answers = super().contexts(rq)
        role = rq.role(COMMITMENT_PUSH)
        welcome = self.settings.default_roles if role is None else role.scp == 1
        if welcome and not self.settings.faulty("refuses-report-associations"):
            return answers
        classes = {context.id: context.abstract_syntax for context in rq.contexts}
        return tuple(
            dataclasses.replace(each, result=USER_REJECTION)
            if each.result == ACCEPTED and classes.get(each.id) == COMMITMENT_PUSH
            else each
            for each in answers
        )

    def answer_roles(self, rq: AssociateRq) -> tuple[Role, ...]:
        """One item for each class that had one: the archive may be SCP of the Push Model, and SCU of nothing."""
        faulty = self.settings.faulty
        asked = {role.uid: role for role in reversed(rq.roles)}
        if faulty("no-role-answer"):
            return ()
        answers = [Role(role.uid, 0, self._scp(role)) for role in reversed(asked.values())]
        if faulty("role-answer-unasked") and COMMITMENT_PUSH not in asked:
            answers.append(Role(COMMITMENT_PUSH, 1, 0))
        return tuple(answers)

    def encode(self, rq_body: bytes, rq: AssociateRq, *, max_pdu: int) -> bytes:
        """The A-ASSOCIATE-AC."""
        wrong = self.settings.faulty("extended-negotiation-answered")
        extended = (Extended(COMMITMENT_PUSH, b"\x01"),) if wrong else ()
        user = user_items(max_pdu=max_pdu, roles=self.answer_roles(rq), ext_neg=extended)
        return encode_ac(rq_body, contexts=self.contexts(rq), user=user)

    def _scp(self, asked: Role) -> int:
        if asked.uid != COMMITMENT_PUSH:
            return 0
        if self.settings.faulty("refuses-the-role"):
            return 0
        return 1 if self.settings.faulty("grants-unproposed-role") else int(asked.scp == 1)


@dataclass(frozen=True)
class Script(ListenerScript):
    """The listener script that answers as above."""

    settings: Settings = dataclasses.field(default_factory=Settings)

    def policy(self) -> Policy:
        """How contexts and roles are answered."""
        return Answering(self.abstract_syntaxes, self.settings.accepts, settings=self.settings)
