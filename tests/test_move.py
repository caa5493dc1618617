"""Reading instances back by C-MOVE: a foreign SCP sends them to our listener, whoever asked gets his own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from stgcmt import seeding
from stgcmt.arrivals import Arrivals
from stgcmt.clock import SystemClock
from stgcmt.drivers.process import free_ports
from stgcmt.errors import UsageError
from stgcmt.sut import Timing, load
from stgcmt.sut_errors import SutFileError
from stgcmt.transcript import Recorder, read_transcript
from stgcmt.wire.stream import SystemNetwork
from stgcmt_fixtures.instances import make

STGCMT = [sys.executable, "-c", "from stgcmt.cli import main; main()"]


@contextlib.contextmanager
def archive(held, move_port, *, knows=("MOVED",)):
    """pynetdicom as archive: C-MOVE of what it holds, to the AE titles that it knows; yields its port."""
    from pydicom.uid import ExplicitVRLittleEndian
    from pynetdicom import AE, evt
    from pynetdicom.sop_class import CTImageStorage, StudyRootQueryRetrieveInformationModelMove

    def moved(event):
        if event.move_destination not in knows:
            yield None, None
            return
        found = [each for each in held if each.SOPInstanceUID == event.identifier.SOPInstanceUID]
        yield "127.0.0.1", move_port, {"ae_title": "ARCHIVE"}
        yield len(found)
        for each in found:
            yield 0xFF00, each

    ae = AE("ARCHIVE")
    ae.add_supported_context(StudyRootQueryRetrieveInformationModelMove)
    ae.add_requested_context(CTImageStorage, [ExplicitVRLittleEndian])
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_MOVE, moved)])
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()


def instances(count):
    from io import BytesIO

    from pydicom import dcmread

    numbers = iter(range(1, 100))
    made = [make("ct", uid=lambda: f"2.25.4711{next(numbers)}") for _ in range(count)]
    return made, [dcmread(BytesIO(each.part10())) for each in made]


class Player:
    """As much of a stage as retrieving needs."""

    def __init__(self, directory, name, arrivals):
        self.network, self.clock, self.timing = SystemNetwork(), SystemClock(), Timing(response=5.0)
        self.recorder = Recorder(directory / f"{name}.jsonl", self.clock, role="scp", scenario=name)
        self.destination, self.arrivals = None, arrivals

    def in_line(self, association):
        return association


def target(port, move_port):
    section = {"host": "127.0.0.1", "port": port, "ae_title": "ARCHIVE"}
    how = {"how": "c-move", "move_destination": "MOVED", "move_port": move_port}
    return SimpleNamespace(section=section, retrieval=how)


def test_a_foreign_archive_moves_to_us_and_each_scenario_gets_its_own(tmp_path):
    made, held = instances(3)
    move_port = free_ports({"move": None})["move"]

    async def main(port):
        run = Recorder(tmp_path / "run.jsonl", SystemClock(), role="run", scenario="run")
        arrivals = Arrivals(SystemNetwork(), SystemClock(), run)
        players = [Player(tmp_path, f"s{n}", arrivals) for n in range(3)]
        asked = (seeding.retrieve("c-move", one, target(port, move_port), stage) for one, stage in zip(made, players))
        found = await asyncio.gather(*asked)
        await arrivals.aclose()
        for each in (*players, SimpleNamespace(recorder=run)):
            each.recorder.close("complete")
        return found

    with archive(held, move_port) as port:
        found = asyncio.run(main(port))
    for one, each in zip(made, found):
        assert each.data == one.data_set(each.transfer_syntax), each.detail
        assert not each.part10
    for n, one in enumerate(made):
        transcript = read_transcript(tmp_path / f"s{n}.jsonl")
        sides = [event.info["side"] for event in transcript.of("conn.open")]
        assert sorted(sides) == ["acceptor", "requestor"], "both associations are recorded where they belong"
        arrived = b"".join(event.data for event in transcript.of("dimse.in"))
        assert one.sop_instance_uid.encode() in arrived
    assert not read_transcript(tmp_path / "run.jsonl").of("conn.open")


@pytest.mark.parametrize(("knows", "says"), [((), "knows MOVED"), (("MOVED",), "0000H")])
def test_what_does_not_arrive_is_told(tmp_path, knows, says):
    """A SUT that does not know our title is a matter of the set-up; one that has nothing to send is judged."""
    made, _ = instances(1)
    move_port = free_ports({"move": None})["move"]

    async def main(port):
        arrivals = Arrivals(SystemNetwork(), SystemClock(), None)
        stage = Player(tmp_path, "s", arrivals)
        stage.timing = Timing(response=0.3)
        try:
            return await seeding.retrieve("c-move", made[0], target(port, move_port), stage)
        finally:
            await arrivals.aclose()

    with archive([], move_port, knows=knows) as port:
        if knows:
            found = asyncio.run(main(port))
            assert found.data is None
            assert says in found.detail
        else:
            with pytest.raises(UsageError) as caught:
                asyncio.run(main(port))
            assert says in str(caught.value)


def test_what_nobody_waits_for_is_refused_and_written_to_run(tmp_path):
    made, held = instances(1)

    async def main():
        from stgcmt.actors.requestor import associate
        from stgcmt.wire.negotiation import Proposal

        run = Recorder(tmp_path / "run.jsonl", SystemClock(), role="run", scenario="run")
        arrivals = Arrivals(SystemNetwork(), SystemClock(), run)
        stage = Player(tmp_path, "s", arrivals)
        port = free_ports({"move": None})["move"]
        one = made[0]
        async with arrivals.expect("1.2.3", stage.recorder, host="127.0.0.1", port=port, ae_title="MOVED") as future:
            proposal = Proposal(((one.sop_class_uid, (one.transfer_syntax_uid,)),))
            tap = stage.recorder.connection()
            async with associate(
                stage.network, stage.clock, tap, "127.0.0.1", port, called_ae="MOVED", calling_ae="X", proposal=proposal
            ) as assoc:
                answer = await assoc.c_store(
                    one.sop_class_uid,
                    one.sop_instance_uid,
                    one.data_set(one.transfer_syntax_uid),
                    one.transfer_syntax_uid,
                )
            assert answer.status == 0x0124
            assert not future.done()
        await arrivals.aclose()
        run.close("complete")

    asyncio.run(main())
    assert held
    assert [event.info["side"] for event in read_transcript(tmp_path / "run.jsonl").of("conn.open")] == ["acceptor"]


@pytest.mark.parametrize(
    ("retrieval", "says"),
    [
        ('how = "c-move"\nmove_port = 104', "move_destination"),
        ('how = "c-move"\nmove_destination = "US"', "move_port"),
        ('how = "c-get"\nmove_destination = "US"', "c-move"),
    ],
)
def test_the_sut_file_says_where_instances_arrive(tmp_path, retrieval, says):
    (tmp_path / "sut.toml").write_text(
        f'name = "x"\n[scp]\nhost = "h"\nport = 104\nae_title = "A"\n[retrieval]\n{retrieval}\n'
    )
    with pytest.raises(SutFileError) as caught:
        load(tmp_path / "sut.toml", sections={"scp": {"$ref": "#/$defs/dimse_end_point"}}, environ={})
    assert says in str(caught.value)
    assert "retrieval" in str(caught.value)


@pytest.mark.orthanc
def test_orthanc_moves_to_us(tmp_path):
    if shutil.which("Orthanc") is None:
        if os.environ.get("CI"):
            pytest.fail("Orthanc is not installed: apt-get install orthanc")
        pytest.skip("Orthanc is not installed")
    from stgcmt_fixtures import sut_file

    shipped = sut_file("orthanc")
    for path in shipped.parent.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    file, config = tmp_path / shipped.name, tmp_path / "orthanc.json"
    known = (
        '"mover": {"AET": "MOVED", "Host": "127.0.0.1", "Port": {port:move}, "AllowMove": true, "AllowStore": true},'
    )
    text = (
        config.read_text()
        .replace('"DicomModalities": {', f'"DicomModalities": {{ {known}')
        .replace('"AllowGet": true', '"AllowGet": true, "AllowMove": true')
    )
    config.write_text(text)
    file.write_text(
        file.read_text().replace(
            'how = "c-get"', 'how = "c-move"\nmove_destination = "MOVED"\nmove_port = "{port:move}"'
        )
    )
    rows = rows_that_retrieve()
    done = subprocess.run(
        [*STGCMT, "run", str(file), "--json", "--out", str(tmp_path / "out"), *(a for row in rows for a in ("--req", row))],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert json.loads(done.stdout)["requirements"], done.stderr
    events = [
        json.loads(line)
        for path in (tmp_path / "out" / "transcripts" / "scp").glob("*.jsonl")
        for line in path.read_text().splitlines()
    ]
    read = [each["info"] for each in events if each.get("kind") == "retrieve"]
    assert read
    assert any(each["ok"] and each["how"] == "c-move" for each in read), read


def rows_that_retrieve():
    from stgcmt.suite import load_suites

    suite = load_suites()["scp"]
    names = {each.name for each in suite.all_scenarios.values() if "retrieval" in each.needs}
    return sorted({ident for check in suite.all_checks if names & set(check.scenarios) for ident in check.ids})
