#!/usr/bin/env python3
"""DIMSE-TUID-06: A malformed Transaction UID is refused or echoed.

PS3.4 J.3.2.1.2, PS3.5 9.1, SHALL, scp
expected: status 0115H
seen:     N-ACTION-RSP 0000H, 1 report

Replays the recorded requests with fresh Transaction UIDs, on pynetdicom alone (pip install pynetdicom):

    python DIMSE-TUID-06.py --host HOST --port PORT --called AE

The SUT must know the AE title of --calling at --listen-port of this machine, or its report arrives nowhere.
"""

import argparse
import random
import ssl
import threading
import time
from io import BytesIO
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import AE, build_role, evt
from pynetdicom.dsutils import decode

HERE = Path(__file__).resolve().parent
COMMITMENT = "1.2.840.10008.1.20.1"
VERIFICATION = "1.2.840.10008.1.1"
START = time.monotonic()


def fresh(recorded):
    """A new UID of the recorded one's length, so that recorded PDUs keep their lengths."""
    digits = f"{time.time_ns()}{random.randrange(10**20):020d}"
    return f"2.25.{digits}"[: len(recorded)]


RECORDED = ['2.25.32832612524465341230643592247079890421', '2.25.35792955476270782459704337847866781998', '2.25.50510830042907487390606498940021690043']
TX = [fresh(uid) for uid in RECORDED]  # the Transaction UIDs of this run
reported = threading.Semaphore(0)


def say(text):
    print(f"{time.monotonic() - START:8.3f} s  {text}", flush=True)


def show(what, status):
    if not status:
        say(f"{what}: no response (no association, abort or time-out)")
        return
    say(f"{what}: status {status.Status:04X}H")
    for element in status:
        if element.keyword != "Status":
            say(f"    {element}")


def on_report(event):
    """A report came, on whatever association: show which, then answer as recorded."""
    requestor = event.assoc.requestor
    where = "our own association" if event.assoc.is_requestor else f"a new association of {requestor.ae_title}"
    say(f"N-EVENT-REPORT-RQ on {where}: event type {event.event_type}, {event.request.AffectedSOPInstanceUID}")
    say(f"    bytes: {event.request.EventInformation.getvalue()[:2000].hex() if event.request.EventInformation else 'none'}")
    try:
        information = event.event_information
        print(information, flush=True)
        if information.get("TransactionUID") in TX:
            reported.release()
    except Exception as error:
        say(f"    its data set cannot be decoded: {error}")
    return 0x0000, None


def on_accepted(event):
    requestor = event.assoc.requestor
    if event.assoc.is_acceptor:
        said = requestor.primitive
        say(f"{said.calling_ae_title} calls {said.called_ae_title}, which is us")
        for uid, item in requestor.role_selection.items():
            say(f"    it proposes for {uid}: SCU {item.scu_role}, SCP {item.scp_role}")
    for context in event.assoc.accepted_contexts:
        roles = f"we are SCU {context.as_scu}, SCP {context.as_scp}"
        say(f"accepted {context.abstract_syntax.name}, {context.transfer_syntax[0].name}: {roles}")


HANDLERS = [
    (evt.EVT_N_EVENT_REPORT, on_report),
    (evt.EVT_ACCEPTED, on_accepted),
    (evt.EVT_RELEASED, lambda event: say("association released")),
    (evt.EVT_ABORTED, lambda event: say("association aborted")),
]


def client_tls(args):
    """TLS towards the SUT; None where it is called without."""
    if not args.tls:
        return None
    context = ssl.create_default_context(cafile=args.ca_file)
    if args.no_verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if args.cert_file:
        context.load_cert_chain(args.cert_file, args.key_file)
    return context


def server_tls(args):
    """TLS where the report arrives; None where it comes without. With a CA file the SUT must show a certificate."""
    if not args.listen_cert_file:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=args.listen_ca_file)
    context.load_cert_chain(args.listen_cert_file, args.listen_key_file)
    if args.listen_ca_file:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def listen(ae_title, host, port, tls):
    """Where the report arrives."""
    ae = AE(ae_title=ae_title)
    syntaxes = ['1.2.840.10008.1.2'] or ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"]
    ae.add_supported_context(COMMITMENT, syntaxes, scu_role=False, scp_role=True)
    ae.add_supported_context(VERIFICATION)
    server = ae.start_server((host, port), block=False, evt_handlers=HANDLERS, ssl_context=tls)
    say(f"listening as {ae_title} on {host}:{server.server_address[1]}{' over TLS' if tls else ''}")
    return server


def call(address, called, calling, contexts, roles, max_pdu, tls):
    ae = AE(ae_title=calling)
    for abstract_syntax, transfer_syntaxes in contexts:
        ae.add_requested_context(abstract_syntax, transfer_syntaxes)
    items = [build_role(uid, scu_role=bool(scu), scp_role=bool(scp)) for uid, scu, scp in roles if scu or scp]
    say(f"{calling} calls {called} at {address[0]}:{address[1]}{' over TLS' if tls else ''}")
    secured = (tls, address[0]) if tls else None
    assoc = ae.associate(
        *address, ae_title=called, ext_neg=items, max_pdu=max_pdu, evt_handlers=HANDLERS, tls_args=secured
    )
    if assoc.is_rejected:
        say("A-ASSOCIATE-RJ: the association was rejected")
    elif not assoc.is_established:
        say("no association")
    return assoc


def end(assoc, how):
    if assoc.is_established:
        say(f"we {how} the association")
        getattr(assoc, how)()


def store(assoc, name):
    show(f"C-STORE {name}", assoc.send_c_store(HERE / name) if assoc.is_established else None)


def read(name, transfer_syntax):
    """A recorded data set with this run's Transaction UIDs."""
    uid = UID(transfer_syntax)
    return decode(BytesIO(renamed((HERE / name).read_bytes())), uid.is_implicit_VR, uid.is_little_endian)


def renamed(data):
    for recorded, uid in zip(RECORDED, TX):
        data = data.replace(recorded.encode(), uid.encode())
    return data


def action(assoc, data_set, action_type, class_uid, instance_uid, meta_uid):
    status = None
    if assoc.is_established:
        say(f"N-ACTION-RQ, action type {action_type}")
        status, _ = assoc.send_n_action(data_set, action_type, class_uid, instance_uid, meta_uid=meta_uid)
    show("N-ACTION-RSP", status)


def raw(assoc, name, kind):
    """Send recorded PDUs that pynetdicom itself would refuse to build, and show what is answered."""
    if not assoc.is_established:
        show(kind, None)
        return
    say(f"{kind}, as recorded")
    assoc._reactor_checkpoint.clear()
    assoc.dul.socket.send(renamed((HERE / name).read_bytes()))
    _, response = assoc.dimse.get_msg(block=True)
    assoc._reactor_checkpoint.set()
    status = Dataset()
    for keyword in ("Status", "ErrorComment", "ErrorID", "OffendingElement"):
        if getattr(response, keyword, None) is not None:
            setattr(status, keyword, getattr(response, keyword))
    show(kind.replace("-RQ", "-RSP"), status)


def wait_for_report(seconds):
    say(f"waiting for a report, at most {seconds:g} s")
    say("a report of this transaction is here" if reported.acquire(timeout=seconds) else "no report of this transaction")


def replay(args):

    assoc1 = call((args.host, args.port), args.called, args.calling, [('1.2.840.10008.5.1.4.1.1.2', ['1.2.840.10008.1.2.1'])], [], 16384, args.client_tls)
    store(assoc1, 'DIMSE-TUID-06.d/01-instance.dcm')
    end(assoc1, 'release')

    assoc2 = call((args.host, args.port), args.called, args.calling, [('1.2.840.10008.1.20.1', ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1'])], [], 16384, args.client_tls)
    say('[control]')
    data_set = Dataset()
    data_set.TransactionUID = TX[2]
    data_set.ReferencedSOPSequence = [Dataset() for _ in range(1)]
    data_set.ReferencedSOPSequence[0].ReferencedSOPClassUID = '1.2.840.10008.5.1.4.1.1.2'
    data_set.ReferencedSOPSequence[0].ReferencedSOPInstanceUID = '2.25.18282881155186837805866138070931213857'
    action(assoc2, data_set, 1, '1.2.840.10008.1.20.1', '1.2.840.10008.1.20.1.1', '1.2.840.10008.1.20.1')

    assoc3 = call((args.host, args.port), args.called, args.calling, [('1.2.840.10008.1.20.1', ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1'])], [], 16384, args.client_tls)
    say('[letters]')
    data_set = Dataset()
    data_set.TransactionUID = '2.25.32832612524465341230643592247079890421.u'
    data_set.ReferencedSOPSequence = [Dataset() for _ in range(1)]
    data_set.ReferencedSOPSequence[0].ReferencedSOPClassUID = '1.2.840.10008.5.1.4.1.1.2'
    data_set.ReferencedSOPSequence[0].ReferencedSOPInstanceUID = '2.25.18282881155186837805866138070931213857'
    action(assoc3, data_set, 1, '1.2.840.10008.1.20.1', '1.2.840.10008.1.20.1.1', '1.2.840.10008.1.20.1')
    say('<== the finding')

    assoc4 = call((args.host, args.port), args.called, args.calling, [('1.2.840.10008.1.20.1', ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1'])], [], 16384, args.client_tls)
    say('[too-long]')
    data_set = Dataset()
    data_set.TransactionUID = '2.25.35792955476270782459704337847866781998.701697915360897557001'
    data_set.ReferencedSOPSequence = [Dataset() for _ in range(1)]
    data_set.ReferencedSOPSequence[0].ReferencedSOPClassUID = '1.2.840.10008.5.1.4.1.1.2'
    data_set.ReferencedSOPSequence[0].ReferencedSOPInstanceUID = '2.25.18282881155186837805866138070931213857'
    action(assoc4, data_set, 1, '1.2.840.10008.1.20.1', '1.2.840.10008.1.20.1.1', '1.2.840.10008.1.20.1')
    end(assoc2, 'release')
    wait_for_report(args.wait)
    end(assoc3, 'release')
    wait_for_report(args.wait)
    end(assoc4, 'release')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default='127.0.0.1')
    parser.add_argument("--port", type=int, default=38775)
    parser.add_argument("--called", default='CMWRVSY', help="AE title of the SUT")
    parser.add_argument("--calling", default='PDLUYP0', help="our AE title")
    parser.add_argument("--listen-host", default='127.0.0.1')
    parser.add_argument("--listen-port", type=int, default=44847)
    parser.add_argument("--wait", type=float, default=10.0, help="seconds to wait for a report")
    parser.add_argument("--tls", action=argparse.BooleanOptionalAction, default=False, help="call over TLS")
    parser.add_argument("--ca-file", default=None, help="who signs the SUT's certificate")
    parser.add_argument("--cert-file", default=None, help="our certificate")
    parser.add_argument("--key-file", default=None)
    parser.add_argument("--no-verify", action="store_true", default=False)
    parser.add_argument("--listen-cert-file", default=None, help="listen over TLS")
    parser.add_argument("--listen-key-file", default=None)
    parser.add_argument("--listen-ca-file", default=None)
    args = parser.parse_args()
    args.client_tls = client_tls(args)
    server = listen(args.calling, args.listen_host, args.listen_port, server_tls(args))
    try:
        replay(args)
    finally:
        server.shutdown()


if __name__ == "__main__":
    main()
