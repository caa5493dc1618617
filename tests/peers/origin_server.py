"""A foreign origin server in one file, on http.server and pydicom alone: DICOM JSON, STOW-RS, WADO-RS and commitment.

python origin_server.py PORT

Three base URLs over one store, all in memory: /later answers after a while, /now at once, /brief forgets results after
two seconds. POST /help/delete?sop_instance_uid=UID deletes an instance.
"""

import io
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from pydicom import Dataset, dcmread
from pydicom.uid import UID

JSON = "application/dicom+json"
# Seconds until a result is there, and for which it is kept.
SITES = {"later": (0.5, 3600.0), "now": (0.0, 3600.0), "brief": (0.2, 2.0)}
ABSENT, WRONG_CLASS, UNSUPPORTED = 0x0112, 0x0119, 0x0122
LOCK = threading.Lock()
HELD = {}  # SOP Instance UID -> (SOP Class UID, file)
TRANSACTIONS = {}  # (site, Transaction UID) -> (when the result is there, result)


class Refused(Exception):
    def __init__(self, status, why, *headers):
        super().__init__(why)
        self.status, self.headers = status, headers


def verdict(item):
    """None for an instance that is held, else its Failure Reason."""
    if not UID(item.ReferencedSOPClassUID).name.endswith("Storage"):
        return UNSUPPORTED
    held = HELD.get(item.ReferencedSOPInstanceUID)
    return ABSENT if held is None else None if held[0] == item.ReferencedSOPClassUID else WRONG_CLASS


def leaf(ds, keyword):
    if not UID(ds[keyword].value).is_valid:
        raise ValueError(f"{keyword} is no UID")
    return ds[keyword].value


def items(ds, keyword):
    if not ds[keyword].value:
        raise ValueError(f"{keyword} is empty")
    return ds[keyword].value


def flat(asked):
    result = Dataset()
    for each in items(asked, "ReferencedSOPSequence"):
        item = Dataset()
        item.ReferencedSOPClassUID = leaf(each, "ReferencedSOPClassUID")
        item.ReferencedSOPInstanceUID = leaf(each, "ReferencedSOPInstanceUID")
        put(result, item, "ReferencedSOPSequence", "FailedSOPSequence", verdict(item))
    return result


def put(parent, item, good, bad, reason):
    if reason is not None:
        item.FailureReason = reason
    keyword = good if reason is None else bad
    setattr(parent, keyword, [*(parent.get(keyword) or []), item])


def child(parent, sequence, **named):
    """The item of a sequence with these values, made where there is none."""
    for item in parent.get(sequence) or []:
        if all(item[keyword].value == value for keyword, value in named.items()):
            return item
    item = Dataset()
    for keyword, value in named.items():
        setattr(item, keyword, value)
    put(parent, item, sequence, sequence, None)
    return item


def hierarchical(asked):
    result = Dataset()
    for study in items(asked, "ReferencedStudySequence"):
        for series in items(study, "ReferencedSeriesSequence"):
            for group in items(series, "ReferencedInstancesBySOPClassSequence"):
                for each in items(group, "ReferencedInstanceSequence"):
                    item = Dataset()
                    item.ReferencedSOPInstanceUID = leaf(each, "ReferencedSOPInstanceUID")
                    item.ReferencedSOPClassUID = leaf(group, "ReferencedSOPClassUID")
                    reason = verdict(item)
                    tree = "ReferencedStudySequence" if reason is None else "FailedStudySequence"
                    at = child(result, tree, StudyInstanceUID=leaf(study, "StudyInstanceUID"))
                    at = child(at, "ReferencedSeriesSequence", SeriesInstanceUID=leaf(series, "SeriesInstanceUID"))
                    named = {"ReferencedSOPClassUID": item.ReferencedSOPClassUID}
                    at = child(at, "ReferencedInstancesBySOPClassSequence", **named)
                    del item.ReferencedSOPClassUID
                    put(at, item, "ReferencedInstanceSequence", "ReferencedInstanceSequence", reason)
    return result


def decided(body):
    """The result for a request's payload; whatever cannot be read is refused."""
    try:
        asked = Dataset.from_json(json.loads(body.decode("utf-8")))
        if ("ReferencedSOPSequence" in asked) == ("ReferencedStudySequence" in asked):
            raise ValueError("either Referenced SOP Sequence or Referenced Study Sequence is needed")
        return (flat if "ReferencedSOPSequence" in asked else hierarchical)(asked)
    except Exception as error:
        raise Refused(400, f"the payload is no Storage Commitment Request: {type(error).__name__} {error}") from error


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm, wbufsize = True, -1

    def do_GET(self):
        self.serve(b"")

    def do_POST(self):
        if not (length := self.headers.get("Content-Length", "")).isdecimal():
            self.close_connection = True
            return self.answer(411, b"a Content-Length is needed", "text/plain")
        self.serve(self.rfile.read(int(length)))

    def serve(self, body):
        target = urlsplit(self.path)
        site, *path = unquote(target.path).strip("/").split("/")
        try:
            match (self.command, site, *path):
                case ("POST", "help", "delete"):
                    HELD.pop(parse_qs(target.query)["sop_instance_uid"][0], None)
                    self.answer(204)
                case ("POST", "later" | "now" | "brief", "studies"):
                    self.store(body)
                case ("GET", "later" | "now" | "brief", "studies", _, "series", _, "instances", uid) if uid in HELD:
                    self.retrieve(HELD[uid][1])
                case ("POST", "later" | "now" | "brief", "commitment-requests", uid):
                    self.commit(site, uid, body)
                case ("GET", "later" | "now" | "brief", "commitment-requests", uid):
                    self.check(site, uid)
                case _:
                    raise Refused(404, "there is no such resource")
        except Refused as error:
            self.answer(error.status, f"{error}\n".encode(), "text/plain", *error.headers)

    def store(self, body):
        boundary = self.headers.get_boundary()
        for part in body.split(b"--" + (boundary or "").encode())[1:-1]:
            file = part.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n")
            ds = dcmread(io.BytesIO(file), stop_before_pixels=True)
            HELD[ds.SOPInstanceUID] = (ds.SOPClassUID, file)
        self.answer(200, b"{}", JSON)

    def retrieve(self, file):
        head = b"--instance\r\nContent-Type: application/dicom\r\n\r\n"
        kind = 'multipart/related; type="application/dicom"; boundary=instance'
        self.answer(200, head + file + b"\r\n--instance--\r\n", kind)

    def commit(self, site, uid, body):
        self.negotiate()
        if not UID(uid).is_valid:
            raise Refused(400, "the last segment of the path is no Transaction UID")
        if self.headers.get_content_type() != JSON or self.headers.get("Content-Encoding"):
            raise Refused(415, f"only {JSON} is understood")
        result = decided(body)
        with LOCK:
            if self.found(site, uid):
                raise Refused(409, "the Transaction UID is in use")
            TRANSACTIONS[site, uid] = (time.monotonic() + SITES[site][0], result)
        self.check(site, uid)

    def check(self, site, uid):
        self.negotiate()
        there, result = self.found(site, uid) or (None, None)
        if there is None:
            raise Refused(404, "no result is known for this Transaction UID")
        if time.monotonic() < there:
            return self.answer(202, b"", None, ("Retry-After", "1"))
        self.answer(200, json.dumps(result.to_json_dict()).encode(), JSON)

    def found(self, site, uid):
        transaction = TRANSACTIONS.get((site, uid))
        if transaction and time.monotonic() > transaction[0] + SITES[site][1]:
            return TRANSACTIONS.pop((site, uid), None) and None
        return transaction

    def negotiate(self):
        """JSON is all there is: whoever excludes it is refused; whoever says nothing takes it."""
        for one in self.headers.get("Accept", "*/*").split(","):
            kind, *parameters = (part.strip().lower() for part in one.split(";"))
            quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
            if kind in (JSON, "application/*", "*/*") and quality.replace(".", "", 1).isdecimal() and float(quality):
                return
        raise Refused(406, f"{JSON} is the only type that is served")

    def answer(self, status, body=b"", kind=None, *headers):
        self.send_response(status)
        for name, value in (("Content-Type", kind), *headers):
            if value:
                self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size, daemon_threads = 128, True


if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
