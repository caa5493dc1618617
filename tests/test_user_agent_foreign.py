"""A foreign user agent, an httpx script that nobody taught our ways, under a SUT file; and a person, and an afternoon."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest

# Keeps what it believes in a file: one line an instance. With "careless" as its first argument it takes any 200 or 202 for a commitment.
CLIENT = """
import json, pathlib, sys, time, uuid
import httpx, pydicom

def main(manner, base, files, state):
    found = [pydicom.dcmread(path, stop_before_pixels=True) for path in sorted(pathlib.Path(files).glob("*.dcm"))]
    items = [{"00081150": {"vr": "UI", "Value": [ds.SOPClassUID]}, "00081155": {"vr": "UI", "Value": [ds.SOPInstanceUID]}}
             for ds in found]
    url = f"{base}/commitment-requests/2.25.{uuid.uuid4().int}"
    accept = {"Accept": "application/dicom+json"}
    with httpx.Client(timeout=10, headers={"Accept-Encoding": "identity"}) as client:
        try:
            answer = client.post(url, content=json.dumps({"00081199": {"vr": "SQ", "Value": items}}),
                                 headers={**accept, "Content-Type": "application/dicom+json"})
            if manner == "careless" and answer.status_code in (200, 202):
                keep(state, [ds.SOPInstanceUID for ds in found])
            for _ in range(12):
                if answer.status_code != 202:
                    break
                try:
                    pause = float(answer.headers.get("Retry-After", "0.3"))
                except ValueError:
                    pause = 4.5
                time.sleep(max(pause, 0.1))
                answer = client.get(url, headers=accept)
            if answer.status_code == 200:
                done = answer.json().get("00081199", {}).get("Value", [])
                mine = {ds.SOPInstanceUID for ds in found}
                keep(state, [each["00081155"]["Value"][0] for each in done if each["00081155"]["Value"][0] in mine])
        except (httpx.HTTPError, ValueError, AttributeError, TypeError):
            pass

def keep(state, uids):
    with open(state, "a") as file:
        file.writelines(uid + "\\n" for uid in uids)

main(*sys.argv[1:])
"""
STATE = """
import pathlib, sys
path = pathlib.Path(sys.argv[1])
sys.exit(0 if path.exists() and sys.argv[2] in path.read_text().split() else 1)
"""


def run(tmp_path, manner, *more):
    (tmp_path / "client.py").write_text(CLIENT)
    (tmp_path / "state.py").write_text(STATE)
    python = json.dumps(sys.executable)
    (tmp_path / "sut.toml").write_text(
        textwrap.dedent(f"""
        name = "script"
        [user_agent]
        listen_port = 0
        [trigger]
        command = [{python}, "client.py", "{manner}", "{{base_url}}", "{{files}}", "held.txt"]
        timeout = 20
        [state]
        command = [{python}, "state.py", "held.txt", "{{sop_instance_uid}}"]
        [timing]
        quiet_period = 2.0
        [claims.user_agent]
        no_xml = true
        no_multipart = true
        max_result_checks = 12
    """)
    )
    command = [
        sys.executable,
        "-c",
        "from stgcmt.cli import main; main()",
        "run",
        "sut.toml",
        "--json",
        "--out",
        "out",
        *more,
    ]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert done.stdout, done.stderr
    results = json.loads(done.stdout)
    return {row["id"]: row for row in results["requirements"]}, results, done


@pytest.mark.slow
def test_a_careful_script_is_found_safe_and_a_careless_one_is_not(tmp_path):
    rows = [part for row in ("WEB-13.4.2-02", "WEB-13.2-07", "WEB-P19-04", "WEB-13.4.1-05") for part in ("--req", row)]
    careful, _, done = run(tmp_path, "careful", *rows)
    assert careful["WEB-13.4.2-02"]["verdict"] == "pass", (careful["WEB-13.4.2-02"], done.stderr)
    assert careful["WEB-13.4.1-05"]["verdict"] == "pass"
    assert careful["WEB-P19-04"]["verdict"] == "not-applicable"
    other = tmp_path / "other"
    other.mkdir()
    careless, results, _ = run(other, "careless", *rows)
    assert careless["WEB-13.4.2-02"]["verdict"] == "warn"
    assert careless["WEB-13.2-07"]["verdict"] == "fail"
    assert results["exit_code"] == 1
