"""Association negotiation: what we propose, how we answer, and which roles an answer grants (PS3.7 D.3.3.4)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from stgcmt.wire import items
from stgcmt.wire.items import Associate, AssociateRq, Context, Extended, Role
from stgcmt.wire.uids import IMPLICIT_LE

ACCEPTED, USER_REJECTION, NO_REASON, ABSTRACT_SYNTAX_UNKNOWN, TRANSFER_SYNTAXES_UNKNOWN = range(5)
STORAGE = "1.2.840.10008.5.1.4.1.1."  # the root of the storage SOP classes
REGISTERED = "1.2.840.10008."
RoleAnswer = Literal["grant", "none", "refuse", "both", "unproposed"]


@dataclass(frozen=True)
class Proposal:
    """What a requestor proposes: abstract syntaxes with their transfer syntaxes, one context each, and role items."""

    contexts: tuple[tuple[str, tuple[str, ...]], ...]
    roles: tuple[Role, ...] = ()
    ext_neg: tuple[Extended, ...] = ()
    extra: bytes = b""

    @classmethod
    def of(
        cls,
        abstract_syntaxes: Iterable[str],
        transfer_syntaxes: Sequence[str] = (IMPLICIT_LE,),
        *,
        roles: tuple[Role, ...] = (),
    ) -> Proposal:
        """The same transfer syntaxes for every abstract syntax, in one context each."""
        return cls(tuple((uid, tuple(transfer_syntaxes)) for uid in abstract_syntaxes), roles)

    def proposed(self) -> tuple[Context, ...]:
        """The contexts with their odd ids."""
        return tuple(
            Context((2 * index + 1) & 0xFF, abstract, transfer)
            for index, (abstract, transfer) in enumerate(self.contexts)
        )

    def encode(self, *, called_ae: str, calling_ae: str, max_pdu: int) -> bytes:
        """The A-ASSOCIATE-RQ."""
        user = items.user_items(max_pdu=max_pdu, roles=self.roles, ext_neg=self.ext_neg, extra=self.extra)
        return items.encode_rq(called_ae=called_ae, calling_ae=calling_ae, contexts=self.proposed(), user=user)


@dataclass(frozen=True)
class Policy:
    """How an acceptor answers: abstract syntaxes (``None``: every one), transfer syntaxes in our order, roles.

    ``refuse_with`` is the result for every context (0: judge each). ``stores``: besides, every storage class (private
    ones too) is accepted, in whatever transfer syntax is offered, and ``refuse_with`` does not concern them.
    """

    abstract_syntaxes: Collection[str] | Callable[[str], bool] | None = None
    transfer_syntaxes: tuple[str, ...] = (IMPLICIT_LE,)
    roles: RoleAnswer = "grant"
    refuse_with: int = ACCEPTED
    stores: bool = False

    def contexts(self, rq: AssociateRq) -> tuple[Context, ...]:
        """One answer for each proposed context."""
        return tuple(self._context(context) for context in rq.contexts)

    def answer_roles(self, rq: AssociateRq) -> tuple[Role, ...]:
        """The role items of the answer: one a proposed item; ``unproposed`` answers 1 to just what was not asked."""
        if self.roles == "none":
            return ()
        if self.roles == "unproposed":
            classes = dict.fromkeys(context.abstract_syntax for context in rq.contexts)
            asked = {role.uid: role for role in reversed(rq.roles)}
            plain = Role("", 0, 0)
            return tuple(
                Role(uid, int(not asked.get(uid, plain).scu), int(not asked.get(uid, plain).scp)) for uid in classes
            )
        first = {role.uid: role for role in reversed(rq.roles)}.values()
        if self.roles == "grant":
            return tuple(Role(role.uid, int(role.scu == 1), int(role.scp == 1)) for role in reversed(first))
        value = int(self.roles == "both")
        return tuple(Role(role.uid, value, value) for role in reversed(first))

    def encode(self, rq_body: bytes, rq: AssociateRq, *, max_pdu: int) -> bytes:
        """The A-ASSOCIATE-AC."""
        user = items.user_items(max_pdu=max_pdu, roles=self.answer_roles(rq))
        return items.encode_ac(rq_body, contexts=self.contexts(rq), user=user)

    def _context(self, context: Context) -> Context:
        offered = context.transfer_syntaxes
        chosen = next((syntax for syntax in self.transfer_syntaxes if syntax in offered), None)
        if self.stores and is_storage(context.abstract_syntax) and offered:
            return Context(context.id, "", (chosen or offered[0],), ACCEPTED)
        if self.refuse_with:
            result = self.refuse_with
        elif not self._knows(context.abstract_syntax):
            result = ABSTRACT_SYNTAX_UNKNOWN
        else:
            result = TRANSFER_SYNTAXES_UNKNOWN if chosen is None else ACCEPTED
        syntax = chosen if chosen is not None and result == ACCEPTED else next(iter(offered), IMPLICIT_LE)
        return Context(context.id, "", (syntax,), result)

    def _knows(self, uid: str) -> bool:
        if self.abstract_syntaxes is None:
            return True
        return self.abstract_syntaxes(uid) if callable(self.abstract_syntaxes) else uid in self.abstract_syntaxes


def is_storage(abstract_syntax: str) -> bool:
    """Whether an abstract syntax is a storage SOP class, or a private class, which storing clients propose too."""
    return abstract_syntax.startswith(STORAGE) or not abstract_syntax.startswith(REGISTERED)


@dataclass(frozen=True, slots=True)
class Granted:
    """An accepted presentation context: its transfer syntax, and what the association's requestor may be in it."""

    id: int
    abstract_syntax: str
    transfer_syntax: str
    requestor_scu: bool = True
    requestor_scp: bool = False

    @property
    def acceptor_scu(self) -> bool:
        """Whether the acceptor may invoke what an SCU invokes."""
        return self.requestor_scp

    @property
    def acceptor_scp(self) -> bool:
        """Whether the acceptor is the SCP."""
        return self.requestor_scu


def granted(rq: Associate, ac: Associate) -> tuple[Granted, ...]:
    """The accepted contexts with their roles (PS3.7 D.3.3.4).

    Without an item on either side the defaults hold: the requestor is SCU, the acceptor SCP. With both, a role holds
    where it was proposed *and* answered with 1; a 1 that nobody proposed is ignored.
    """
    answers: dict[int, Context] = {}
    for answer in ac.contexts:
        answers.setdefault(answer.id, answer)
    found = []
    for context in rq.contexts:
        reply = answers.get(context.id)
        if reply is None or reply.result != ACCEPTED:
            continue
        scu, scp = True, False
        asked, said = rq.role(context.abstract_syntax), ac.role(context.abstract_syntax)
        if asked is not None and said is not None:
            scu, scp = asked.scu == said.scu == 1, asked.scp == said.scp == 1
        syntax = next(iter(reply.transfer_syntaxes), "")
        found.append(Granted(context.id, context.abstract_syntax, syntax, scu, scp))
    return tuple(found)
