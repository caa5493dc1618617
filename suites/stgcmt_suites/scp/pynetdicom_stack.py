"""A foreign SCP on pynetdicom's high-level API: another stack, other habits, the same role.

``stgcmt serve scp --stack pynetdicom`` runs it. It stands here so that the suite is never the echo of one
implementation: threads, handlers and a dict in memory, as SCPs on this library are usually written.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import socket
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stgcmt.suite import Setting

if TYPE_CHECKING:
    from pydicom import Dataset
    from pynetdicom.events import Event

PUSH_MODEL, PUSH_MODEL_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
IMPLICIT_LE, EXPLICIT_LE = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
PULL_MODEL = "1.2.840.10008.1.20.2"
PRIVATE_CLASS = "2.25.202410300834567.1"  # what the fixtures call a class that nobody registered
SUCCESS, NO_SUCH_INSTANCE, INVALID_ARGUMENT, NO_SUCH_CLASS = 0x0000, 0x0112, 0x0115, 0x0118
CONFLICT, MISSING, EMPTY, NO_SUCH_ACTION, NOT_AUTHORIZED = 0x0119, 0x0120, 0x0121, 0x0123, 0x0124
PAUSES_S = (0.0, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0)
LEVELS = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}


@dataclass(frozen=True)
class Transaction:
    """One accepted request: what was asked, by whom, and under which title we were called."""

    uid: str
    references: tuple[tuple[str, str], ...]
    calling: str
    called: str


class ForeignScp:
    """The server; ``start`` and ``stop`` block and belong into a thread."""

    def __init__(self, setting: Setting) -> None:
        options = setting.options
        self.host, self.port = str(options.get("host", "127.0.0.1")), int(options.get("port", 0))
        self.ae_title, self.delay_s = str(options.get("ae_title", "PYNETDICOM")), float(options.get("delay", 0.3))
        self._destinations = {each.ae_title: each for each in setting.destinations}
        self._instances: dict[str, tuple[str, bytes]] = {}  # SOP Instance UID -> class, DICOM file
        self._used: set[str] = set()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._server: Any = None

    def start(self) -> None:
        """Begin to listen; raises ``OSError`` where the port is taken."""
        from pynetdicom import AE, AllStoragePresentationContexts, evt  # noqa: PLC0415 - start-up

        _register()
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
        ae = AE(self.ae_title)
        ae.maximum_associations = 100  # ten is the default: a burst of scenarios would be rejected
        ae.add_supported_context("1.2.840.10008.1.1")
        ae.add_supported_context(PUSH_MODEL, [IMPLICIT_LE, EXPLICIT_LE])
        ae.add_supported_context("1.2.840.10008.5.1.4.1.2.2.3", [IMPLICIT_LE, EXPLICIT_LE])
        for context in AllStoragePresentationContexts:
            ae.add_supported_context(str(context.abstract_syntax), scu_role=True, scp_role=True)
        ae.add_supported_context(PRIVATE_CLASS, scu_role=True, scp_role=True)
        handlers: list[Any] = [
            (evt.EVT_CONN_OPEN, _no_delay),
            (evt.EVT_C_STORE, self._on_store),
            (evt.EVT_C_GET, self._on_get),
            (evt.EVT_N_ACTION, self._on_action),
        ]
        self._server = ae.start_server((self.host, self.port), block=False, evt_handlers=handlers)
        self.port = self._server.socket.getsockname()[1]

    def stop(self) -> None:
        """Stop listening and reporting."""
        self._stop.set()
        if self._server is not None:
            self._server.shutdown()
        for thread in self._threads:
            thread.join(10)

    # --- handlers; each runs in the thread of its association

    def _on_store(self, event: Event) -> int:
        request: Any = event.request
        with self._lock:
            self._instances[str(request.AffectedSOPInstanceUID)] = (
                str(request.AffectedSOPClassUID), event.encoded_dataset(),
            )  # fmt: skip
        return SUCCESS

    def _on_get(self, event: Event) -> Iterator[Any]:
        from pydicom import dcmread  # noqa: PLC0415 - start-up

        keyword = LEVELS[str(event.identifier.QueryRetrieveLevel)]
        wanted = event.identifier[keyword].value
        with self._lock:
            held = [dcmread(io.BytesIO(data)) for _, data in self._instances.values()]
        found = [each for each in held if each[keyword].value in ([wanted] if isinstance(wanted, str) else wanted)]
        yield len(found)
        for each in found:
            yield 0xFF00, each

    def _on_action(self, event: Event) -> tuple[int, None]:
        """A tuple, always: from a bare status pynetdicom makes no response and aborts."""
        request: Any = event.request
        if str(request.RequestedSOPClassUID) != PUSH_MODEL:
            return NO_SUCH_CLASS, None
        if str(request.RequestedSOPInstanceUID) != PUSH_MODEL_INSTANCE:
            return NO_SUCH_INSTANCE, None
        if event.action_type != 1:
            return NO_SUCH_ACTION, None
        calling = str(event.assoc.requestor.ae_title).strip()
        if calling not in self._destinations:
            return NOT_AUTHORIZED, None
        if request.ActionInformation is None:
            return MISSING, None
        ds = event.action_information
        status = _defect(ds)
        if status:
            return status, None
        with self._lock:
            if ds.TransactionUID in self._used:
                return INVALID_ARGUMENT, None
            self._used.add(ds.TransactionUID)
        references = tuple(
            (str(each.ReferencedSOPClassUID), str(each.ReferencedSOPInstanceUID)) for each in ds.ReferencedSOPSequence
        )
        asked: Any = event.assoc.requestor.primitive
        called = str(asked.called_ae_title).strip()
        self._begin(Transaction(str(ds.TransactionUID), references, calling, called))
        return SUCCESS, None

    # --- reports; each in a thread of its own, so that the response goes out first

    def _begin(self, transaction: Transaction) -> None:
        thread = threading.Thread(target=self._deliver, args=(transaction,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _deliver(self, transaction: Transaction) -> None:
        if self._stop.wait(self.delay_s):
            return
        ds, event_type = self._result(transaction)
        for pause in PAUSES_S:
            if self._stop.wait(pause) or self._report(transaction, ds, event_type):
                return

    def _result(self, transaction: Transaction) -> tuple[Dataset, int]:
        from pydicom import Dataset  # noqa: PLC0415 - start-up

        committed, failed = [], []
        for sop_class, sop_instance in dict.fromkeys(transaction.references):
            item = Dataset()
            item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_instance
            with self._lock:
                held = self._instances.get(sop_instance)
            if held is not None and held[0] == sop_class:
                committed.append(item)
            else:
                item.FailureReason = NO_SUCH_INSTANCE if held is None else CONFLICT
                failed.append(item)
        ds = Dataset()
        ds.TransactionUID = transaction.uid
        if committed:
            ds.ReferencedSOPSequence = committed
        if failed:
            ds.FailedSOPSequence = failed
        return ds, 2 if failed else 1

    def _report(self, transaction: Transaction, ds: Dataset, event_type: int) -> bool:
        """One attempt on a new association; pynetdicom sends without the role too, so it is looked at here."""
        from pynetdicom import AE, build_role, evt  # noqa: PLC0415 - start-up

        destination = self._destinations[transaction.calling]
        ae = AE(transaction.called)
        ae.add_requested_context(PUSH_MODEL, [IMPLICIT_LE, EXPLICIT_LE])
        assoc = ae.associate(
            destination.host,
            destination.port,
            ae_title=transaction.calling,
            ext_neg=[build_role(PUSH_MODEL, scp_role=True)],
            evt_handlers=[(evt.EVT_CONN_OPEN, _no_delay)],
        )
        if not assoc.is_established:
            return False
        try:
            if not any(context.as_scp for context in assoc.accepted_contexts):
                return False
            status, _ = assoc.send_n_event_report(ds, event_type, PUSH_MODEL, PUSH_MODEL_INSTANCE)
        except (RuntimeError, ValueError):
            return False
        else:
            return "Status" in status and status.Status == SUCCESS
        finally:
            if assoc.is_established:
                assoc.release()


@contextlib.asynccontextmanager
async def reference(setting: Setting) -> AsyncIterator[Mapping[str, Any]]:
    """Bring the foreign SCP up; yields its section of the SUT file. Raises ``OSError`` where the port is taken."""
    server = ForeignScp(setting)
    server.start()
    try:
        yield {
            "host": server.host,
            "port": server.port,
            "ae_title": server.ae_title,
            "seeding": {"how": "c-store"},
            "retrieval": {"how": "c-get"},
        }
    finally:
        # In a thread: an association that is being closed may wait for a listener that runs on this very loop.
        await asyncio.to_thread(server.stop)


def _register() -> None:
    """Make classes known that pynetdicom would otherwise abort at: it picks the service by the message's class."""
    from pynetdicom import register_uid  # noqa: PLC0415 - start-up
    from pynetdicom.service_class import StorageServiceClass  # noqa: PLC0415 - start-up
    from pynetdicom.service_class_n import StorageCommitmentServiceClass  # noqa: PLC0415 - start-up

    register_uid(PULL_MODEL, "StorageCommitmentPullModel", StorageCommitmentServiceClass)
    register_uid(PUSH_MODEL_INSTANCE, "StorageCommitmentAsClass", StorageCommitmentServiceClass)
    register_uid(PRIVATE_CLASS, "UnregisteredStorage", StorageServiceClass)


def _no_delay(event: Event) -> None:
    """Without TCP_NODELAY each message with a data set costs 40 ms."""
    connected: Any = event.assoc.dul.socket
    if connected is not None and connected.socket is not None:
        connected.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _defect(ds: Dataset) -> int:
    """The status for a request with a missing, empty or malformed mandatory attribute; 0 for a right one."""
    if "TransactionUID" not in ds or "ReferencedSOPSequence" not in ds:
        return MISSING
    if not ds.TransactionUID or not ds.ReferencedSOPSequence:
        return EMPTY
    for item in ds.ReferencedSOPSequence:
        for keyword in ("ReferencedSOPClassUID", "ReferencedSOPInstanceUID"):
            if keyword not in item:
                return MISSING
            if not item[keyword].value:
                return EMPTY
    named = [str(item.ReferencedSOPInstanceUID) for item in ds.ReferencedSOPSequence]
    return INVALID_ARGUMENT if not ds.TransactionUID.is_valid or len(set(named)) < len(named) else 0
