"""What the reference SCP reports: the result of a transaction as Event Information (PS3.4 Table J.3-2), by pydicom."""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from stgcmt.wire import command as cmd
from stgcmt.wire.command import Value
from stgcmt.wire.uids import COMMITMENT_PUSH, COMMITMENT_PUSH_INSTANCE, EXPLICIT_LE, IMPLICIT_LE
from stgcmt_suites.commitment.reasons import DUPLICATE_TRANSACTION, PROCESSING_FAILURE
from stgcmt_suites.commitment.remembered import Remembered
from stgcmt_suites.commitment.store import Asked, Decided, Transaction
from stgcmt_suites.scp.choices import Choices
from stgcmt_suites.scp.settings import Settings

if TYPE_CHECKING:
    from pydicom import Dataset

TRANSACTION_UID, FAILED_SEQUENCE, REFERENCED_SEQUENCE = 0x00081195, 0x00081198, 0x00081199
REFERENCED_CLASS, REFERENCED_INSTANCE, FAILURE_REASON, RETRIEVE_AE = 0x00081150, 0x00081155, 0x00081197, 0x00080054
SOP_CLASS, SOP_INSTANCE, FILE_SET_ID, FILE_SET_UID = 0x00080016, 0x00080018, 0x00880130, 0x00880140
ALL_COMMITTED, SOME_FAILED = 1, 2
REFERENCES = 1 << 16  # of reports whose bytes are remembered


@dataclass(frozen=True)
class Report:
    """One result, and the AE titles of who asked and who was asked.

    ``file_set`` has File-Set ID and UID by SOP Instance UID; under no UID: those of the whole.
    """

    transaction_uid: str
    event_type: int
    committed: tuple[Asked, ...]
    failed: tuple[Decided, ...]
    calling: str
    called: str
    file_set: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def report_of(transaction: Transaction, settings: Settings) -> Report:
    """The result of a transaction that is decided."""
    uid = str(transaction.info["transaction_uid"])
    decided = transaction.decided
    if transaction.info.get("twice") and settings.faulty("duplicate-with-two-results"):
        decided = (*decided, *(replace(each, reason=PROCESSING_FAILURE) for each in decided if each.reason is None))
    choices = settings.choices
    if choices.reverse:
        decided = decided[::-1]
    if choices.general_reasons:
        kept = {None, DUPLICATE_TRANSACTION}
        decided = tuple(each if each.reason in kept else replace(each, reason=PROCESSING_FAILURE) for each in decided)
    committed = tuple(each.asked for each in decided if each.reason is None)
    failed = tuple(each for each in decided if each.reason is not None)
    event_type = SOME_FAILED if failed else ALL_COMMITTED
    if settings.faulty("type-1-with-failed-sequence", "type-1-without-the-failed"):
        event_type = ALL_COMMITTED
    if settings.faulty("type-1-without-the-failed"):
        failed = ()
    if settings.faulty("type-2-when-all-committed"):
        event_type = SOME_FAILED
    if settings.faulty("wrong-transaction-uid"):
        uid += ".1"
    calling, called = str(transaction.info["calling"]), str(transaction.info["called"])
    file_set = transaction.info.get("file_set", ()) if choices.file_set else ()
    named = {uid: (identifier, file_set_uid) for uid, identifier, file_set_uid in file_set}
    return Report(uid, event_type, committed, failed, calling, called, named)


def turned_down(report: Report) -> Report:
    """The same result with everything failed: what the fault ``report-twice-different`` sends afterwards."""
    failed = tuple(Decided(each, PROCESSING_FAILURE) for each in report.committed)
    return replace(report, event_type=SOME_FAILED, committed=(), failed=(*failed, *report.failed))


def command_of(report: Report, settings: Settings) -> dict[str, Any]:
    """The arguments of N-EVENT-REPORT beside its data set."""
    class_uid, instance_uid = COMMITMENT_PUSH, COMMITMENT_PUSH_INSTANCE
    if settings.faulty("swapped-uids-in-report"):
        class_uid, instance_uid = instance_uid, class_uid
    if settings.faulty("transaction-uid-as-instance-uid"):
        instance_uid = report.transaction_uid
    overrides: dict[int, Value] = {cmd.MESSAGE_ID: None} if settings.faulty("no-message-id") else {}
    event_type = None if settings.faulty("no-event-type") else report.event_type
    return {"event_type": event_type, "class_uid": class_uid, "instance_uid": instance_uid, "overrides": overrides}


class Manner(Protocol):
    """What a report depends on beside its content: a part of ``Settings``."""

    @property
    def ae_title(self) -> str: ...
    @property
    def choices(self) -> Choices: ...
    def faulty(self, *names: str) -> bool: ...


@dataclass(frozen=True)
class _Noting:
    """A manner that notes which faults are looked for."""

    ae_title: str
    choices: Choices
    faults: Collection[str]

    def faulty(self, *names: str) -> bool:
        return any(name in self.faults for name in names)


def event_information(report: Report, transfer_syntax: str, settings: Settings) -> bytes:
    """The data set of a report in the transfer syntax of its context."""
    named = tuple(report.file_set.items())
    key = (
        report.transaction_uid, report.event_type, report.committed, report.failed, report.calling, report.called, named
    )  # fmt: skip
    return _WRITTEN.of(
        key,
        transfer_syntax,
        settings.ae_title,
        settings.choices,
        faults=settings.faults,
        size=len(report.committed) + len(report.failed),
    )


def _remembered(key: _Key, transfer_syntax: str, ae_title: str, choices: Choices, faults: Collection[str]) -> bytes:
    report = Report(*key[:-1], dict(key[-1]))
    return _information(report, transfer_syntax, _Noting(ae_title, choices, faults))


def _information(report: Report, transfer_syntax: str, settings: Manner) -> bytes:
    ds = _data_set(report, settings)
    syntax = transfer_syntax
    if settings.faulty("explicit-data-in-implicit-context"):
        syntax = EXPLICIT_LE
    if settings.faulty("implicit-data-in-explicit-context"):
        syntax = IMPLICIT_LE
    if settings.choices.undefined_length:
        _leave_lengths_open(ds)
    data = _encoded(ds, syntax)
    if settings.faulty("uids-padded-with-blanks"):
        data = _blank(data, report)
    if settings.choices.group_length:
        data = _group_length(ds, syntax) + data
    return data + _odd(syntax) if settings.faulty("odd-length-value") else data


_Key = tuple[
    str, int, tuple[Asked, ...], tuple[Decided, ...], str, str, tuple[tuple[str, tuple[str, str]], ...]
]  # a report's fields
_WRITTEN = Remembered(_remembered, room=REFERENCES)


def _data_set(report: Report, settings: Manner) -> Dataset:
    from pydicom import Dataset  # noqa: PLC0415 - start-up

    faulty = settings.faulty
    ds = Dataset()
    if settings.choices.retrieve_ae == "outside" or not report.committed:
        _put_retrieve_ae(ds, "" if faulty("empty-retrieve-ae") else report.called, settings)
    _put(ds, TRANSACTION_UID, "UI", report.transaction_uid)
    if report.committed or faulty("empty-referenced-sequence"):
        _put(ds, REFERENCED_SEQUENCE, "SQ", _items(report, settings))
    if report.failed or (faulty("empty-failed-sequence") and report.event_type == ALL_COMMITTED):
        _put(ds, FAILED_SEQUENCE, "SQ", [_failure(each, settings) for each in report.failed])
    _put_file_set(ds, report.file_set.get(""))
    if faulty("sop-uids-in-event-information"):
        _put(ds, SOP_CLASS, "UI", COMMITMENT_PUSH)
        _put(ds, SOP_INSTANCE, "UI", COMMITMENT_PUSH_INSTANCE)
    if faulty("file-set-both-levels", "wrong-vr-for-file-set-uid"):
        _put(ds, FILE_SET_ID, "SH", "ARCHIVE")
        _put(ds, FILE_SET_UID, "SH" if faulty("wrong-vr-for-file-set-uid") else "UI", "2.25.1")
    return ds


def _items(report: Report, settings: Manner) -> list[Dataset]:
    found = []
    for each in report.committed:
        item = _reference(each)
        if settings.choices.retrieve_ae == "inside":
            _put_retrieve_ae(item, report.called, settings)
        _put_file_set(item, report.file_set.get(each.sop_instance_uid))
        if settings.faulty("retrieve-ae-both-levels"):
            _put(item, RETRIEVE_AE, "AE", settings.ae_title)
        if settings.faulty("file-set-both-levels"):
            _put(item, FILE_SET_ID, "SH", "ARCHIVE")
            _put(item, FILE_SET_UID, "UI", "2.25.1")
        found.append(item)
    return found


def _put_retrieve_ae(ds: Dataset, ae_title: str, settings: Manner) -> None:
    if settings.choices.retrieve_ae != "absent":
        _put(ds, RETRIEVE_AE, "AE", ae_title.ljust(16) if settings.choices.padded_ae else ae_title)


def _put_file_set(ds: Dataset, named: tuple[str, str] | None) -> None:
    if named is not None:
        _put(ds, FILE_SET_ID, "SH", named[0])
        _put(ds, FILE_SET_UID, "UI", named[1])


def _failure(decided: Decided, settings: Manner) -> Dataset:
    item = _reference(decided.asked)
    if settings.faulty("no-failure-reason"):
        return item
    value: Any = decided.reason
    if settings.faulty("empty-failure-reason"):
        value = None
    if settings.faulty("two-failure-reasons"):
        value = [decided.reason, decided.reason]
    if settings.faulty("reason-of-c-store"):
        value = 0xA700
    _put(item, FAILURE_REASON, "SS" if settings.faulty("wrong-vr-for-failure-reason") else "US", value)
    return item


def _reference(asked: Asked) -> Dataset:
    from pydicom import Dataset  # noqa: PLC0415 - start-up

    item = Dataset()
    _put(item, REFERENCED_CLASS, "UI", asked.sop_class_uid)
    _put(item, REFERENCED_INSTANCE, "UI", asked.sop_instance_uid)
    return item


def _put(ds: Dataset, tag: int, vr: str, value: Any) -> None:
    """An element as it is given: a UID that the caller sent is echoed, whether it obeys the rules or not."""
    from pydicom import config  # noqa: PLC0415 - start-up
    from pydicom.dataelem import DataElement  # noqa: PLC0415 - start-up

    ds[tag] = DataElement(tag, vr, value, validation_mode=config.IGNORE)


def _encoded(ds: Dataset, transfer_syntax: str) -> bytes:
    from pydicom.filebase import DicomBytesIO  # noqa: PLC0415 - start-up
    from pydicom.filewriter import write_dataset  # noqa: PLC0415 - start-up

    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, transfer_syntax == IMPLICIT_LE
    write_dataset(buffer, ds)
    return buffer.getvalue()


def _blank(data: bytes, report: Report) -> bytes:
    """The same with a blank behind each UID of odd length, where NUL belongs (PS3.5 6.2)."""
    asked = (*report.committed, *(each.asked for each in report.failed))
    for uid in {report.transaction_uid, *(each.sop_instance_uid for each in asked)}:
        data = data.replace(uid.encode() + b"\0", uid.encode() + b" ")
    return data


def _leave_lengths_open(ds: Dataset) -> None:
    for element in ds:
        if element.VR == "SQ":
            element.is_undefined_length = True
            for item in element.value:
                item.is_undefined_length_sequence_item = True


def _group_length(ds: Dataset, transfer_syntax: str) -> bytes:
    """The length of group 0008 as it was written in old editions; pydicom leaves it out."""
    value = struct.pack("<I", len(_encoded(ds.group_dataset(0x0008), transfer_syntax)))
    head = struct.pack("<HHI", 8, 0, 4) if transfer_syntax == IMPLICIT_LE else struct.pack("<HH2sH", 8, 0, b"UL", 4)
    return head + value


def _odd(transfer_syntax: str) -> bytes:
    """Storage Media File-Set ID with a value of three bytes; it stands last, since its tag is the greatest."""
    if transfer_syntax == IMPLICIT_LE:
        return struct.pack("<HHI", 0x0088, 0x0130, 3) + b"ODD"
    return struct.pack("<HH2sH", 0x0088, 0x0130, b"SH", 3) + b"ODD"
