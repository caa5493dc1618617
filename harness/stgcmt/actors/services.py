"""The DIMSE services as requests: what each is called with, and its outcome. How a request travels is the association's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypedDict, Unpack

from stgcmt.actors.outcome import NotAccepted, Outcome, Split
from stgcmt.actors.upperlayer import UpperLayer
from stgcmt.wire import command as cmd
from stgcmt.wire.command import Value
from stgcmt.wire.pdv import Message
from stgcmt.wire.uids import COMMITMENT_PUSH, COMMITMENT_PUSH_INSTANCE, STUDY_ROOT_GET, STUDY_ROOT_MOVE, VERIFICATION

OnStore = Callable[[Message], Awaitable[int]]


class Sending(TypedDict, total=False):
    """How a request goes out: the id of its context, in parts, its deadline (seconds)."""

    context: int | None
    split: Split | None
    timeout: float | None


class Services(UpperLayer):
    """What can be asked for on an association; every service returns what came of it."""

    _on_store: OnStore | None = None

    def context_for(self, abstract_syntax: str, transfer_syntax: str | None = None) -> int | None:
        """The id of an accepted context; the association knows."""
        raise NotImplementedError

    async def invoke(
        self,
        abstract_syntax: str,
        field: int,
        values: Mapping[int, Value],
        data: bytes | None = None,
        *,
        context: int | None = None,
        split: Split | None = None,
        timeout: float | None = None,
    ) -> Outcome:
        """Send any request (N-CREATE, N-GET …) and return its final response, or what came instead of it."""
        raise NotImplementedError

    async def c_echo(self, *, timeout: float | None = None) -> Outcome:
        """C-ECHO."""
        return await self.invoke(VERIFICATION, cmd.C_ECHO_RQ, {cmd.AFFECTED_CLASS: VERIFICATION}, timeout=timeout)

    async def c_store(
        self,
        class_uid: str,
        instance_uid: str,
        data: bytes,
        transfer_syntax: str | None = None,
        *,
        overrides: Mapping[int, Value] | None = None,
        timeout: float | None = None,
    ) -> Outcome:
        """C-STORE of a data set that is already encoded in ``transfer_syntax``."""
        values: dict[int, Value] = {
            cmd.AFFECTED_CLASS: class_uid,
            cmd.AFFECTED_INSTANCE: instance_uid,
            cmd.PRIORITY: 0,
            **(overrides or {}),
        }
        context = self.context_for(class_uid, transfer_syntax)
        if context is None:
            return self.outcome or NotAccepted(class_uid)
        return await self.invoke(class_uid, cmd.C_STORE_RQ, values, data, context=context, timeout=timeout)

    async def c_get(
        self, identifier: bytes, on_store: OnStore, *, model: str = STUDY_ROOT_GET, timeout: float | None = None
    ) -> Outcome:
        """C-GET; each C-STORE that comes back is given to ``on_store``, whose status answers it.

        The deadline counts from the last message. Returns the final response.
        """
        self._on_store = on_store
        try:
            values: dict[int, Value] = {cmd.AFFECTED_CLASS: model, cmd.PRIORITY: 0}
            return await self.invoke(model, cmd.C_GET_RQ, values, identifier, timeout=timeout)
        finally:
            self._on_store = None

    async def c_move(
        self, identifier: bytes, destination: str, *, model: str = STUDY_ROOT_MOVE, timeout: float | None = None
    ) -> Outcome:
        """C-MOVE to the AE title ``destination``; the deadline counts from the last response. Returns the final one."""
        values: dict[int, Value] = {cmd.AFFECTED_CLASS: model, cmd.PRIORITY: 0, cmd.MOVE_DESTINATION: destination}
        return await self.invoke(model, cmd.C_MOVE_RQ, values, identifier, timeout=timeout)

    async def n_action(
        self,
        data: bytes | None,
        *,
        action_type: int | None = 1,
        class_uid: str | None = COMMITMENT_PUSH,
        instance_uid: str | None = COMMITMENT_PUSH_INSTANCE,
        overrides: Mapping[int, Value] | None = None,
        **sending: Unpack[Sending],
    ) -> Outcome:
        """N-ACTION; by default a Storage Commitment request on the context of its class."""
        named = {cmd.REQUESTED_CLASS: class_uid, cmd.REQUESTED_INSTANCE: instance_uid, cmd.ACTION_TYPE: action_type}
        return await self.invoke(COMMITMENT_PUSH, cmd.N_ACTION_RQ, {**named, **(overrides or {})}, data, **sending)

    async def n_event_report(
        self,
        data: bytes | None,
        event_type: int | None,
        *,
        class_uid: str | None = COMMITMENT_PUSH,
        instance_uid: str | None = COMMITMENT_PUSH_INSTANCE,
        overrides: Mapping[int, Value] | None = None,
        **sending: Unpack[Sending],
    ) -> Outcome:
        """N-EVENT-REPORT; roles are not looked at, the caller decides (PS3.7 D.3.3.4)."""
        named = {cmd.AFFECTED_CLASS: class_uid, cmd.AFFECTED_INSTANCE: instance_uid, cmd.EVENT_TYPE: event_type}
        return await self.invoke(
            COMMITMENT_PUSH, cmd.N_EVENT_REPORT_RQ, {**named, **(overrides or {})}, data, **sending
        )
