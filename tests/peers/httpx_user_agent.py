"""A user agent as a script: asks for commitment with httpx, polls, and keeps what it believes in a file.

``ask MANNER BASE_URL FILES`` asks for the DICOM files of a directory. A ``careful`` one holds what it asked for and a 200 names in
the list of the committed alone; a ``careless`` one takes every 200 and 202 for a commitment of all that it asked for, and never asks
again.
``holds BASE_URL UID`` ends with 0 where the script would delete its copy of this instance, else with 1.
"""

import json
import pathlib
import sys
import tempfile
import time
import uuid
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

CHECKS = 12


def memory(base):
    """What is believed, a file for each server: one line an instance."""
    return pathlib.Path(tempfile.gettempdir()) / f"httpx-user-agent-{urlsplit(base).port}.txt"


def keep(base, uids):
    with memory(base).open("a") as file:
        file.writelines(f"{uid}\n" for uid in uids)


def pause(answer):
    value = answer.headers.get("Retry-After", "0.3")
    try:
        return max(float(value), 0.1)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.1)
    except ValueError:
        return 1.0


def ask(manner, base, files):
    import httpx
    import pydicom

    found = [pydicom.dcmread(path, stop_before_pixels=True) for path in sorted(pathlib.Path(files).glob("*.dcm"))]
    mine = [str(ds.SOPInstanceUID) for ds in found]
    items = [
        {"00081150": {"vr": "UI", "Value": [ds.SOPClassUID]}, "00081155": {"vr": "UI", "Value": [ds.SOPInstanceUID]}}
        for ds in found
    ]
    url = f"{base}/commitment-requests/2.25.{uuid.uuid4().int}"
    accept = {"Accept": "application/dicom+json"}
    with httpx.Client(timeout=10, headers={"Accept-Encoding": "identity"}) as client:
        answer = client.post(
            url,
            content=json.dumps({"00081199": {"vr": "SQ", "Value": items}}),
            headers={**accept, "Content-Type": "application/dicom+json"},
        )
        if manner == "careless":
            if answer.status_code in (200, 202):
                keep(base, mine)
            return
        for _ in range(CHECKS):
            if answer.status_code != 202:
                break
            time.sleep(pause(answer))
            answer = client.get(url, headers=accept)
    if answer.status_code == 200:
        result = answer.json()
        committed, failed = (
            {each["00081155"]["Value"][0] for each in result.get(tag, {}).get("Value", [])}
            for tag in ("00081199", "00081198")
        )
        keep(base, [uid for uid in mine if uid in committed - failed])


def holds(base, uid):
    path = memory(base)
    return path.exists() and uid in path.read_text().split()


if __name__ == "__main__":
    action, *words = sys.argv[1:]
    if action == "holds":
        sys.exit(0 if holds(*words) else 1)
    try:
        ask(*words)
    except Exception as error:  # whatever goes wrong: nothing is committed
        print(f"not committed: {error!r}")
