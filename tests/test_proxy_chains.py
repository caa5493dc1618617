"""Chains of both reference proxies between our own ends, over real sockets: what comes out means what went in.

The same questions go to the archive itself and to the archive through two proxies; the answers are compared as sets with reasons,
and as trees.
"""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest

from stgcmt.actors.acceptor import Acceptor, Reply
from stgcmt.actors.http_client import client_for
from stgcmt.actors.listeners import PLAIN
from stgcmt.actors.requestor import associate
from stgcmt.clock import SystemClock
from stgcmt.drivers.process import free_ports
from stgcmt.drivers.provoke import NoTap
from stgcmt.suite import Setting
from stgcmt.sut import Destination, Timing
from stgcmt.wire import command as cmd
from stgcmt.wire.dataset_writer import encode
from stgcmt.wire.stream import SystemNetwork
from stgcmt.wire.uids import COMMITMENT_PUSH
from stgcmt_fixtures.instances import counted_uids, make
from stgcmt_suites import origin_server, proxy_to_dimse, proxy_to_web, scp
from stgcmt_suites.commitment.dimse_module import read_information
from stgcmt_suites.commitment.store import Store
from stgcmt_suites.origin_server.requests import flat, hierarchical, under_class
from stgcmt_suites.scp.requests import COMMITMENT, request

NETWORK, CLOCK = SystemNetwork(), SystemClock()
JSON = "application/dicom+json"
PET = "1.2.840.10008.5.1.4.1.1.128"
LIMIT_S = 60


def up(role, directory, destinations=(), fault=None, **options):
    """The reference of a role on free ports."""
    setting = Setting(CLOCK, NETWORK, directory, fault=fault, options=options, destinations=tuple(destinations))
    return role.suite.resolve("reference")(setting)


def archive(directory):
    """Two studies with three series, all held but one; one is asked for under another class."""
    uid = counted_uids()
    first = make("ct", uid=uid)
    series = {"study": first.study_instance_uid, "series": first.series_instance_uid}
    held = [first, make("sc", uid=uid, **series), make("mr", uid=uid, study=series["study"]), make("ct", uid=uid)]
    store = Store(directory, CLOCK)
    for each in held:
        store.add_part10(each.part10())
    store.close()
    lost = make("ct", uid=uid, **series)
    return [*held[:3], lost, under_class(held[3], PET)]


def meaning(result, *, tree=False):
    """What a result says: committed and failed, with reasons; where it is a tree, with the place of each."""

    def named(ref):
        place = (ref.study_instance_uid, ref.series_instance_uid) if tree else ()
        return (ref.sop_class_uid, ref.sop_instance_uid, *place)

    return (
        {named(ref) for ref in result.committed},
        {(*named(each.reference), each.reason) for each in result.failed},
    )


# --- our ends -----------------------------------------------------------------------------------------------------------


async def web_result(section, uid, module):
    """Request, and Result Checks to the end; the module of the result."""
    client = client_for(section, network=NETWORK, clock=CLOCK, connection=NoTap, timing=Timing())
    try:
        head = [("Accept", JSON), ("Content-Type", JSON)]
        answer = await client.request(
            "POST", f"commitment-requests/{uid}", headers=head, content=json.dumps(module).encode()
        )
        while answer.status == 202:
            await asyncio.sleep(0.1)
            answer = await client.request("GET", f"commitment-requests/{uid}", headers=[("Accept", JSON)])
    finally:
        await client.aclose()
    assert answer.status == 200, answer
    return read_module(answer.body)


def read_module(body):
    from stgcmt.wire.http_fields import parse_media_type
    from stgcmt_suites.commitment.representation import Representation

    return Representation(parse_media_type(JSON), body).module


class Modality:
    """An SCU and its listener."""

    def __init__(self):
        self.reports = asyncio.Queue()

    async def heard(self, assoc, message):
        syntax = assoc.contexts[message.context_id].transfer_syntax
        await self.reports.put((message.command.event_type, read_information(message.data, syntax)))
        return Reply(0)

    @contextlib.asynccontextmanager
    async def listening(self):
        acceptor = Acceptor(CLOCK, NoTap, PLAIN, handlers={cmd.N_EVENT_REPORT_RQ: self.heard})
        listener = await NETWORK.listen("127.0.0.1", 0, acceptor)
        try:
            yield Destination("MODALITY", "127.0.0.1", listener.address[1])
        finally:
            await listener.aclose()

    async def result(self, section, uid, instances):
        """N-ACTION, and the report: (event type, result)."""
        async with associate(
            NETWORK, CLOCK, NoTap(), section["host"], section["port"], called_ae=section["ae_title"],
            calling_ae="MODALITY", proposal=COMMITMENT,
        ) as assoc:  # fmt: skip
            answer = await assoc.n_action(encode(request(uid, instances), assoc.transfer_syntax(COMMITMENT_PUSH)))
            assert answer.status == 0, answer
        kind, information = await self.reports.get()
        assert information.transaction_uid == uid
        return kind, information.result


def run(main):
    async def limited():
        async with asyncio.timeout(LIMIT_S):
            return await main()

    return asyncio.run(limited())


# --- the chains ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", [flat, hierarchical], ids=["flat", "hierarchical"])
@pytest.mark.parametrize("own_uids", [False, True], ids=["same-uids", "own-uids"])
def test_from_web_over_dimse_to_web(tmp_path, module, own_uids):
    async def main():
        asked = archive(tmp_path / "archive")
        port = free_ports({"reports": None})["reports"]
        proxy = Destination("STGCMT_PROXY", "127.0.0.1", port)
        async with contextlib.AsyncExitStack() as stack:
            end = await stack.enter_async_context(up(origin_server, tmp_path / "archive", delay=0.3))
            back = await stack.enter_async_context(
                up(proxy_to_web, tmp_path / "b", [proxy], back_url=end["base_url"], ae_title="BACK", own_uids=own_uids)
            )
            front = await stack.enter_async_context(
                up(
                    proxy_to_dimse,
                    tmp_path / "f",
                    back_host=back["host"],
                    back_port=back["port"],
                    back_ae="BACK",
                    dimse_port=port,
                    own_uids=own_uids,
                )  # fmt: skip
            )
            direct = await web_result(end, "2.25.1", module(asked))
            through = await web_result(front, "2.25.2", module(asked))
        assert through.structure == direct.structure == module.__name__
        tree = module is hierarchical
        assert meaning(through.result, tree=tree) == meaning(direct.result, tree=tree)
        committed, failed = meaning(through.result)
        assert (len(committed), {each[-1] for each in failed}) == (3, {0x0112, 0x0119})

    run(main)


@pytest.mark.parametrize("own_uids", [False, True], ids=["same-uids", "own-uids"])
def test_from_dimse_over_web_to_dimse(tmp_path, own_uids):
    async def main():
        asked = archive(tmp_path / "archive")
        port = free_ports({"reports": None})["reports"]
        modality = Modality()
        async with contextlib.AsyncExitStack() as stack:
            ours = await stack.enter_async_context(modality.listening())
            proxy = Destination("STGCMT_PROXY", "127.0.0.1", port)
            end = await stack.enter_async_context(
                up(scp, tmp_path / "archive", [ours, proxy], ae_title="ARCHIVE", delay=0.3)
            )
            middle = await stack.enter_async_context(
                up(
                    proxy_to_dimse,
                    tmp_path / "m",
                    back_host=end["host"],
                    back_port=end["port"],
                    back_ae="ARCHIVE",
                    dimse_port=port,
                    own_uids=own_uids,
                )  # fmt: skip
            )
            front = await stack.enter_async_context(
                up(proxy_to_web, tmp_path / "f", [ours], back_url=middle["base_url"], own_uids=own_uids)
            )
            direct = await modality.result(end, "2.25.1", asked)
            through = await modality.result(front, "2.25.2", asked)
            whole = await modality.result(front, "2.25.3", asked[:3])
        assert through[0] == direct[0] == 2
        assert meaning(through[1]) == meaning(direct[1])
        assert whole[0] == 1
        assert meaning(whole[1]) == ({(each.sop_class_uid, each.sop_instance_uid) for each in asked[:3]}, set())

    run(main)


def test_a_chain_whose_end_is_away_commits_nothing(tmp_path):
    """Nobody stands behind the second proxy: its N-ACTION is taken, and everything comes back as failed."""

    async def main():
        asked = archive(tmp_path / "archive")
        port, away = free_ports({"reports": None, "away": None}).values()
        proxy = Destination("STGCMT_PROXY", "127.0.0.1", port)
        nobody = f"http://127.0.0.1:{away}/dicom-web"
        async with (
            up(proxy_to_web, tmp_path / "b", [proxy], back_url=nobody, ae_title="BACK", max_retries=1) as back,
            up(
                proxy_to_dimse, tmp_path / "f", back_host=back["host"], back_port=back["port"], back_ae="BACK",
                dimse_port=port,
            ) as front,
        ):  # fmt: skip
            through = await web_result(front, "2.25.2", flat(asked))
        committed, failed = meaning(through.result)
        assert not committed
        assert failed == {(each.sop_class_uid, each.sop_instance_uid, 0x0110) for each in asked}

    run(main)


WEB_CHAIN = [
    ("proxy_to_dimse", "all-reasons-as-0110", flat),
    ("proxy_to_dimse", "studies-mixed", hierarchical),
    ("proxy_to_dimse", "tree-lost", hierarchical),
    ("proxy_to_dimse", "forgets-one-behind", flat),
    ("proxy_to_web", "all-reasons-as-0110", flat),
    ("proxy_to_web", "forgets-one-behind", hierarchical),
    ("proxy_to_web", "class-changed-behind", flat),
]


@pytest.mark.parametrize(
    ("broken", "fault", "module"), WEB_CHAIN, ids=[f"{role}-{fault}" for role, fault, _ in WEB_CHAIN]
)
def test_a_web_chain_with_one_broken_proxy_is_seen(tmp_path, broken, fault, module):
    """The comparison can fail: one deviation of either proxy, and what comes out is something else."""
    faults = {broken: fault}

    async def main():
        asked = archive(tmp_path / "archive")
        port = free_ports({"reports": None})["reports"]
        proxy = Destination("STGCMT_PROXY", "127.0.0.1", port)
        async with (
            up(origin_server, tmp_path / "archive", delay=0.1) as end,
            up(
                proxy_to_web, tmp_path / "b", [proxy], fault=faults.get("proxy_to_web"), back_url=end["base_url"],
                ae_title="BACK",
            ) as back,
            up(
                proxy_to_dimse, tmp_path / "f", fault=faults.get("proxy_to_dimse"), back_host=back["host"],
                back_port=back["port"], back_ae="BACK", dimse_port=port,
            ) as front,
        ):  # fmt: skip
            direct = await web_result(end, "2.25.1", module(asked))
            through = await web_result(front, "2.25.2", module(asked))
        tree = module is hierarchical
        same = through.structure == direct.structure
        assert not (same and meaning(through.result, tree=tree) == meaning(direct.result, tree=tree))

    run(main)


DIMSE_CHAIN = [
    ("proxy_to_web", "all-reasons-as-0110"),
    ("proxy_to_web", "forgets-one-behind"),
    ("proxy_to_web", "type-1-with-failures"),
    ("proxy_to_dimse", "all-reasons-as-0110"),
    ("proxy_to_dimse", "class-changed-behind"),
]


@pytest.mark.parametrize(("broken", "fault"), DIMSE_CHAIN, ids=[f"{role}-{fault}" for role, fault in DIMSE_CHAIN])
def test_a_dimse_chain_with_one_broken_proxy_is_seen(tmp_path, broken, fault):
    """As above, the other way round: event type, sets and reasons."""
    faults = {broken: fault}

    async def main():
        asked = archive(tmp_path / "archive")
        port = free_ports({"reports": None})["reports"]
        modality = Modality()
        async with contextlib.AsyncExitStack() as stack:
            ours = await stack.enter_async_context(modality.listening())
            proxy = Destination("STGCMT_PROXY", "127.0.0.1", port)
            end = await stack.enter_async_context(
                up(scp, tmp_path / "archive", [ours, proxy], ae_title="ARCHIVE", delay=0.1)
            )
            middle = await stack.enter_async_context(
                up(
                    proxy_to_dimse, tmp_path / "m", fault=faults.get("proxy_to_dimse"), back_host=end["host"],
                    back_port=end["port"], back_ae="ARCHIVE", dimse_port=port,
                )
            )  # fmt: skip
            front = await stack.enter_async_context(
                up(
                    proxy_to_web, tmp_path / "f", [ours], fault=faults.get("proxy_to_web"), back_url=middle["base_url"],
                    poll_s=0.1,
                )
            )  # fmt: skip
            direct = await modality.result(end, "2.25.1", asked)
            through = await modality.result(front, "2.25.2", asked)
        assert (through[0], meaning(through[1])) != (direct[0], meaning(direct[1]))

    run(main)
