"""`.ci/run` with stand-ins for the programs that it calls: whatever happens, it leaves the machine as it found it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

RUN = Path(__file__).parents[1] / ".ci" / "run"
ROOT_HERE = os.geteuid() == 0
BEFORE = "#!/bin/sh\n# the policy of this machine\nexit 101\n"

# An engine that ends as it is asked to, and leaves a mount behind as dockerd does with the name space of its networks.
DOCKERD = """\
while [ $# -gt 0 ]; do case $1 in --pidfile) pid=$2 ;; --exec-root) root=$2 ;; esac; shift; done
mkdir -p "$root/netns" && : > "$root/netns/default"
[ "$(id -u)" != 0 ] || mount --bind "$root/netns/default" "$root/netns/default"
echo $$ > "$SEEN/engine"
echo $$ > "$pid"
trap 'exit 0' TERM
while :; do sleep 0.1; done
"""
PROGRAMS = {
    "dockerd": DOCKERD,
    "sudo": 'exec "$@"',
    "curl": '[ -s "$SEEN/engine" ]',
    "npm": ":",
    "apt-get": '[ "$1" = update ] || { echo "$@" > "$SEEN/installed"; cat "$POLICY_RC_D" > "$SEEN/policy"; exit "$APT"; }',
    "python3": 'mkdir -p "$3/bin" && cp "$SEEN/../bin/pip" "$SEEN/../bin/tox" "$3/bin"',
    "pip": ":",
    "tox": 'echo "$DOCKER_HOST" > "$SEEN/tox"; exit "$TOX"',
    **dict.fromkeys(["chromium", "docker-compose", "soffice"], ":"),
}


@dataclass
class Machine:
    """A place where the script runs: what was seen there, and what it left."""

    place: Path
    policy: Path
    code: int
    said: str

    def seen(self, name: str) -> str | None:
        path = self.place / "seen" / name
        return path.read_text("utf-8") if path.exists() else None

    @property
    def left(self) -> list[str]:
        return sorted(str(path) for path in (self.place / "tmp").iterdir())


def played(place: Path, *, policy: str | None = BEFORE, tox: int = 0, apt: int = 0, orthanc: bool = False) -> Machine:
    for name in ("bin", "seen", "tmp", "etc"):
        (place / name).mkdir()
    for name, script in (PROGRAMS | ({"Orthanc": ":"} if orthanc else {})).items():
        (place / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (place / "bin" / name).chmod(0o755)
    file = place / "etc" / "policy-rc.d"
    if policy is not None:
        file.write_text(policy)
        file.chmod(0o751)
    variables = {
        "PATH": f"{place / 'bin'}:/usr/bin:/bin", "SEEN": str(place / "seen"), "TMPDIR": str(place / "tmp"), "POLICY_RC_D": str(file),
        "TOX": str(tox), "APT": str(apt), "HOME": str(place),
    }  # fmt: skip
    done = subprocess.run(["bash", str(RUN)], env=variables, capture_output=True, text=True, check=False, timeout=120)
    return Machine(place, file, done.returncode, done.stdout + done.stderr)


def ended(machine: Machine) -> bool:
    try:
        os.kill(int(machine.seen("engine") or "0"), 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("code", [0, 7])
def test_the_code_of_the_tests_is_its_own_and_nothing_is_left(tmp_path, code) -> None:
    machine = played(tmp_path, tox=code)
    assert machine.code == code, machine.said
    assert (machine.seen("tox") or "").startswith(f"unix://{tmp_path}/tmp/")
    assert machine.left == [], machine.said
    assert ended(machine)
    assert "busy" not in machine.said
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text() if ROOT_HERE else True


@pytest.mark.parametrize("before", [BEFORE, None], ids=["one", "none"])
@pytest.mark.parametrize("apt", [0, 100], ids=["installed", "failed"])
def test_the_policy_of_the_machine_is_what_it_was_also_where_installing_fails(tmp_path, before, apt) -> None:
    machine = played(tmp_path, policy=before, apt=apt)
    assert machine.code == apt, machine.said
    assert "orthanc" in (machine.seen("installed") or "")
    assert machine.seen("policy") == "#!/bin/sh\nexit 101\n", "no service starts while packages are installed"
    assert (machine.policy.read_text() if machine.policy.exists() else None) == before
    if before is not None:
        assert machine.policy.stat().st_mode & 0o777 == 0o751
    assert machine.left == []


def test_nothing_is_installed_where_all_is_there(tmp_path) -> None:
    machine = played(tmp_path, orthanc=True)
    assert machine.code == 0, machine.said
    assert machine.seen("installed") is None


def test_an_engine_that_does_not_come_up_is_told_and_does_not_stop_the_rest(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(PROGRAMS, "dockerd", "echo no overlay here; exit 1")
    machine = played(tmp_path, orthanc=True)
    assert machine.code == 0, machine.said
    assert "no overlay here" in machine.said
    assert (machine.seen("tox") or "").strip() == ""
    assert machine.left == []
