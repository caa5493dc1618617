"""Storage and C-GET of the reference SCP: instances are kept as they come, and given back as they were."""

from __future__ import annotations

import io
import weakref
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from stgcmt.actors.acceptor import Reply
from stgcmt.actors.association import Association
from stgcmt.actors.outcome import Response
from stgcmt.wire import command as cmd
from stgcmt.wire.pdv import Message
from stgcmt.wire.uids import IMPLICIT_LE
from stgcmt_suites.commitment.reasons import CLASS_NOT_SUPPORTED, NO_SUCH_INSTANCE
from stgcmt_suites.commitment.store import Asked, Decided, Held, Store
from stgcmt_suites.scp.answering import LINK_ONLY, is_storage
from stgcmt_suites.scp.settings import Settings

if TYPE_CHECKING:
    from pydicom import Dataset

NOT_ITS_CLASS, UNREADABLE, UNSUPPORTED = 0xA900, 0xC000, 0x0122  # C-STORE: does not match; cannot understand
COERCED = 0xB000  # C-STORE: stored, with elements coerced
SUCCESS = 0x0000
UNABLE_TO_PROCESS, SOME_FAILED = 0xC000, 0xB000  # C-GET
# Query level -> the attribute that names what is wanted, in the store's words.
LEVELS = {
    "STUDY": ("StudyInstanceUID", "study_instance_uid"),
    "SERIES": ("SeriesInstanceUID", "series_instance_uid"),
    "IMAGE": ("SOPInstanceUID", "sop_instance_uid"),
}


@dataclass
class Archive:
    """The Storage and C-GET services over the store."""

    settings: Settings
    store: Store
    _stored: weakref.WeakKeyDictionary[Association, set[str]] = field(default_factory=weakref.WeakKeyDictionary)
    _index: dict[str, str] = field(default_factory=dict)  # what came in, for the fault that never looks further

    def stored_on(self, assoc: Association) -> Collection[str]:
        """The SOP Instance UIDs that came in on one association."""
        return self._stored.get(assoc, ())

    def decide(self, asked: Iterable[Asked]) -> tuple[Decided, ...]:
        """Commit or fail each reference as things stand now; a class that no context can bring is told by 0122H."""
        asked = tuple(asked)
        decided = tuple(self._told(each) for each in self.store.decide(asked))
        return _on_each(asked, decided) if self.settings.choices.duplicates == "each" else decided

    async def c_echo(self, assoc: Association, message: Message) -> Reply:  # noqa: ARG002 - a handler's signature
        """C-ECHO."""
        return Reply(0x0000)

    async def c_store(self, assoc: Association, message: Message) -> Reply:
        """C-STORE: the data set goes to the store byte for byte."""
        data, syntax = message.data or b"", assoc.contexts[message.context_id].transfer_syntax
        choices, status = self.settings.choices, SUCCESS
        if not self._takes(message.command.affected_class or "", syntax):
            return Reply(UNSUPPORTED)
        if self.settings.faulty("loses-private-attributes"):
            data = _without_private(data, syntax)
        if choices.coerces:
            data, status = _renamed(data, syntax), COERCED
        try:
            held = self.store.add_data_set(data, syntax)
        except ValueError:
            return Reply(UNREADABLE)
        asked = message.command
        if (held.sop_class_uid, held.sop_instance_uid) != (asked.affected_class, asked.affected_instance):
            if not self.settings.faulty("commits-what-it-refused"):
                self.store.delete(held.sop_instance_uid)
            return Reply(NOT_ITS_CLASS)
        if self.settings.faulty("stores-nothing"):
            self.store.delete(held.sop_instance_uid)
        self._stored.setdefault(assoc, set()).add(held.sop_instance_uid)
        self._index[held.sop_instance_uid] = held.sop_class_uid
        return Reply(status)

    async def c_get(self, assoc: Association, message: Message) -> Reply:
        """C-GET: every match comes back on this association, where its class and transfer syntax were negotiated."""
        try:
            matches = self._matches(_parsed(message.data or b"", assoc.contexts[message.context_id].transfer_syntax))
        except Exception:  # noqa: BLE001 - a caller's bytes may break the reader in any way
            return Reply(UNABLE_TO_PROCESS, fields={cmd.AFFECTED_INSTANCE: None})
        done = failed = 0
        for held in matches:
            sent = await self._send(assoc, held)
            done, failed = done + sent, failed + (not sent)
        counts = {cmd.COMPLETED: done, cmd.FAILED: failed, cmd.WARNED: 0, cmd.AFFECTED_INSTANCE: None}
        return Reply(SOME_FAILED if failed else 0x0000, fields=counts)

    def delete(self, sop_instance_uid: str) -> bool:
        """Remove an instance; whether there was one."""
        return self.store.delete(sop_instance_uid)

    def _takes(self, sop_class_uid: str, transfer_syntax: str) -> bool:
        """Whether such an instance is stored; what this SCP refuses by the context does not come so far."""
        choices = self.settings.choices
        linked = transfer_syntax in LINK_ONLY and not choices.links
        return is_storage(sop_class_uid, private=choices.private_classes) and not linked

    def _told(self, decided: Decided) -> Decided:
        asked = decided.asked
        if decided.reason != NO_SUCH_INSTANCE:
            return decided
        if self.settings.faulty("commits-deleted") and self._index.get(asked.sop_instance_uid) == asked.sop_class_uid:
            return replace(decided, reason=None)
        known = is_storage(asked.sop_class_uid, private=self.settings.choices.private_classes)
        return decided if known else replace(decided, reason=CLASS_NOT_SUPPORTED)

    def _matches(self, identifier: Dataset) -> tuple[Held, ...]:
        keyword, column = LEVELS[str(identifier.QueryRetrieveLevel)]
        wanted = identifier[keyword].value
        uids = [wanted] if isinstance(wanted, str) else list(wanted)
        if self.settings.faulty("not-retrievable"):
            return ()
        return tuple(held for uid in uids for held in self.store.instances(**{column: str(uid)}))

    async def _send(self, assoc: Association, held: Held) -> bool:
        context_id = assoc.context_for(held.sop_class_uid, held.transfer_syntax_uid)
        if context_id is None or not assoc.contexts[context_id].acceptor_scu:
            return False
        try:
            data = self.store.data_set(held)
        except OSError:
            return False
        sent = await assoc.c_store(held.sop_class_uid, held.sop_instance_uid, data, held.transfer_syntax_uid)
        return isinstance(sent, Response) and sent.status is not None and (sent.status == 0 or sent.status >> 12 == 0xB)


def _parsed(data: bytes, transfer_syntax: str) -> Dataset:
    from pydicom.filereader import read_dataset  # noqa: PLC0415 - start-up

    return read_dataset(io.BytesIO(data), is_implicit_VR=transfer_syntax == IMPLICIT_LE, is_little_endian=True)


def _on_each(asked: tuple[Asked, ...], decided: tuple[Decided, ...]) -> tuple[Decided, ...]:
    """A result for each reference, however often it stands; one failure is the result of all that name its instance."""
    failed = {each.asked.sop_instance_uid: each.reason for each in decided if each.reason is not None}
    return tuple(Decided(each, failed.get(each.sop_instance_uid)) for each in asked)


def _without_private(data: bytes, transfer_syntax: str) -> bytes:
    ds = _parsed(data, transfer_syntax)
    ds.remove_private_tags()
    return _encoded(ds, transfer_syntax)


def _renamed(data: bytes, transfer_syntax: str) -> bytes:
    ds = _parsed(data, transfer_syntax)
    ds.PatientName = "OF^THE^ARCHIVE"
    return _encoded(ds, transfer_syntax)


def _encoded(ds: Dataset, transfer_syntax: str) -> bytes:
    from pydicom.filebase import DicomBytesIO  # noqa: PLC0415 - start-up
    from pydicom.filewriter import write_dataset  # noqa: PLC0415 - start-up

    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, transfer_syntax == IMPLICIT_LE
    write_dataset(buffer, ds)
    return buffer.getvalue()
