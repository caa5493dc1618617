"""A foreign Storage Commitment SCU: pynetdicom alone, as a modality's sender is usually written. It imports nothing of the project.

Its user speaks HTTP to it: ``POST /send?host=…&port=…&ae_title=…&files=DIRECTORY`` and ``GET /state?sop_instance_uid=…``. It stores,
asks on an association of its own, keeps that one open for half a second, and takes reports there and on its listener.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from pydicom import Dataset, dcmread
from pydicom.uid import ImplicitVRLittleEndian, generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel as PUSH
from pynetdicom.sop_class import StorageCommitmentPushModelInstance as INSTANCE

HOLD_S = 0.5


class Client:
    """Transactions and what came of them; threads of pynetdicom and of the HTTP server meet here."""

    def __init__(self, ae_title: str) -> None:
        self.ae_title = ae_title
        self.lock = threading.Lock()
        self.asked: dict[str, set[str]] = {}
        self.committed: set[str] = set()

    # --- reports

    def take(self, event: evt.Event) -> tuple[int, None]:
        """One N-EVENT-REPORT."""
        try:
            ds = event.event_information
            uid = str(ds.TransactionUID)
            done = {str(item.ReferencedSOPInstanceUID) for item in ds.get("ReferencedSOPSequence") or []}
            failed = {str(item.ReferencedSOPInstanceUID) for item in ds.get("FailedSOPSequence") or []}
        except Exception:
            return 0x0110, None
        if event.event_type not in {1, 2}:
            return 0x0113, None
        with self.lock:
            if uid not in self.asked:
                return 0x0115, None
            self.committed |= (self.asked[uid] & done) - failed
        return 0x0000, None

    # --- storing and asking

    def send(self, host: str, port: int, ae_title: str, files: str) -> None:
        """Store what lies in a directory, then ask for its commitment."""
        found = [dcmread(path) for path in sorted(Path(files).glob("*.dcm"))]
        ae = AE(self.ae_title)
        for ds in found:
            ae.add_requested_context(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID)
        assoc = ae.associate(host, port, ae_title=ae_title)
        if not assoc.is_established:
            return
        stored = [ds for ds in found if assoc.send_c_store(ds).get("Status", 0x0110) == 0]
        assoc.release()
        if stored:
            self.ask(host, port, ae_title, stored)

    def ask(self, host: str, port: int, ae_title: str, stored: list[Dataset]) -> None:
        """One N-ACTION on an association of its own."""
        ae = AE(self.ae_title)
        ae.add_requested_context(PUSH)
        handlers = [(evt.EVT_N_EVENT_REPORT, self.take)]
        assoc = ae.associate(host, port, ae_title=ae_title, evt_handlers=handlers)
        if not assoc.is_established:
            return
        ds = Dataset()
        ds.TransactionUID = generate_uid()
        ds.ReferencedSOPSequence = []
        for each in stored:
            item = Dataset()
            item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = each.SOPClassUID, each.SOPInstanceUID
            ds.ReferencedSOPSequence.append(item)
        with self.lock:
            self.asked[str(ds.TransactionUID)] = {str(each.SOPInstanceUID) for each in stored}
        assoc.send_n_action(ds, 1, PUSH, INSTANCE)
        time.sleep(HOLD_S)
        if assoc.is_established:
            assoc.release()


def user(client: Client, port: int) -> ThreadingHTTPServer:
    """The tool that the user has."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self, code: int, body: dict[str, object]) -> None:
            data = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def values(self) -> dict[str, str]:
            return dict(parse_qsl(urlsplit(self.path).query))

        def do_POST(self) -> None:
            told = self.values()
            where = (told["host"], int(told["port"]), told["ae_title"], told["files"])
            threading.Thread(target=client.send, args=where, daemon=True).start()
            self.answer(202, {})

        def do_GET(self) -> None:
            with client.lock:
                held = self.values().get("sop_instance_uid") in client.committed
            self.answer(200, {"committed": held})

        def log_message(self, *_: object) -> None:
            return

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tool", type=int, required=True)
    options = parser.parse_args()
    client = Client("PEERSCU")
    ae = AE(client.ae_title)
    ae.maximum_associations = 50
    ae.add_supported_context(PUSH, ImplicitVRLittleEndian, scu_role=False, scp_role=True)
    ae.start_server(("127.0.0.1", options.port), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, client.take)])
    user(client, options.tool).serve_forever()


if __name__ == "__main__":
    main()
