"""A foreign SCP in one file, on pynetdicom alone: reports where the request came from while that is open, else anew.

python pynetdicom_scp.py --destination STGCMT@127.0.0.1:11113 [--port 0] [--ae-title PEER] [--delay 0.2]

Prints its port as first line. It holds in memory what C-STORE brings; who is no destination is refused with 0124H.
"""

import argparse
import socket
import threading
import time

from pydicom.dataset import Dataset
from pynetdicom import AE, AllStoragePresentationContexts, build_role, evt
from pynetdicom.sop_class import StorageCommitmentPushModel as PUSH
from pynetdicom.sop_class import StorageCommitmentPushModelInstance as INSTANCE
from pynetdicom.sop_class import Verification

SYNTAXES = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"]


class Peer:
    def __init__(self, destinations, ae_title="PEER", delay=0.2, same_association=True):
        self.destinations, self.ae_title, self.delay, self.same = dict(destinations), ae_title, delay, same_association
        self.held, self.used = {}, set()
        self.ae = AE(ae_title)
        self.ae.maximum_associations = 100
        self.ae.add_supported_context(Verification)
        self.ae.add_supported_context(PUSH, SYNTAXES)
        for context in AllStoragePresentationContexts:
            self.ae.add_supported_context(context.abstract_syntax)

    def start(self, port=0):
        handlers = [(evt.EVT_CONN_OPEN, quick), (evt.EVT_C_STORE, self.store), (evt.EVT_N_ACTION, self.action)]
        self.server = self.ae.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
        return self.server.socket.getsockname()[1]

    def stop(self):
        self.server.shutdown()

    def store(self, event):
        self.held[event.request.AffectedSOPInstanceUID] = event.request.AffectedSOPClassUID
        return 0x0000

    def action(self, event):
        calling = event.assoc.requestor.ae_title.strip()
        if event.request.RequestedSOPInstanceUID != INSTANCE:
            return 0x0112, None
        if event.action_type != 1:
            return 0x0123, None
        if calling not in self.destinations:
            return 0x0124, None
        if event.request.ActionInformation is None:
            return 0x0120, None
        asked = event.action_information
        if "TransactionUID" not in asked or "ReferencedSOPSequence" not in asked:
            return 0x0120, None
        if not asked.TransactionUID or not asked.ReferencedSOPSequence:
            return 0x0121, None
        if asked.TransactionUID in self.used or not asked.TransactionUID.is_valid:
            return 0x0115, None
        self.used.add(asked.TransactionUID)
        # From a thread: sent inside the handler the report would precede the response.
        threading.Thread(target=self.deliver, args=(event.assoc, calling, asked), daemon=True).start()
        return 0x0000, None

    def result(self, asked):
        committed, failed = [], []
        for each in asked.ReferencedSOPSequence:
            item = Dataset()
            item.ReferencedSOPClassUID = each.ReferencedSOPClassUID
            item.ReferencedSOPInstanceUID = each.ReferencedSOPInstanceUID
            held = self.held.get(each.ReferencedSOPInstanceUID)
            if held == each.ReferencedSOPClassUID:
                committed.append(item)
            else:
                item.FailureReason = 0x0112 if held is None else 0x0119
                failed.append(item)
        found = Dataset()
        found.TransactionUID = asked.TransactionUID
        if committed:
            found.ReferencedSOPSequence = committed
        if failed:
            found.FailedSOPSequence = failed
        return found, 2 if failed else 1

    def deliver(self, assoc, calling, asked):
        time.sleep(self.delay)
        found, event_type = self.result(asked)
        if self.same and assoc.is_established and sent(assoc, found, event_type):
            return
        host, port = self.destinations[calling]
        for pause in (0, 0.5, 1, 2, 4):
            time.sleep(pause)
            ae = AE(self.ae_title)
            ae.add_requested_context(PUSH, SYNTAXES)
            fresh = ae.associate(
                host,
                port,
                ae_title=calling,
                ext_neg=[build_role(PUSH, scp_role=True)],
                evt_handlers=[(evt.EVT_CONN_OPEN, quick)],
            )
            if fresh.is_established:
                granted = any(context.as_scp for context in fresh.accepted_contexts)
                done = granted and sent(fresh, found, event_type)
                fresh.release()
                if done:
                    return


def sent(assoc, found, event_type):
    try:
        status, _ = assoc.send_n_event_report(found, event_type, PUSH, INSTANCE)
    except (RuntimeError, ValueError):
        return False
    return "Status" in status and status.Status == 0x0000


def quick(event):
    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def destination(text):
    ae_title, _, address = text.partition("@")
    host, _, port = address.rpartition(":")
    return ae_title, (host, int(port))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--destination", action="append", default=[], type=destination)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ae-title", default="PEER")
    parser.add_argument("--delay", type=float, default=0.2)
    parser.add_argument("--new-association", action="store_true", help="never report on the request's association")
    options = parser.parse_args()
    peer = Peer(options.destination, options.ae_title, options.delay, not options.new_association)
    print(peer.start(options.port), flush=True)
    threading.Event().wait()  # until whoever started it ends it


if __name__ == "__main__":
    main()
