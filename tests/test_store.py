"""The store of the references: decisions, transactions, restart, separation, and its switches."""

from __future__ import annotations

import io
import random

import pydicom
import pytest

from stgcmt.clock import NS
from stgcmt_fixtures.instances import IMPLICIT_LITTLE, counted_uids, make
from stgcmt_suites.commitment import reasons
from stgcmt_suites.commitment.decisions import DISTORTIONS
from stgcmt_suites.commitment.store import Asked, Store


class HandClock:
    """A clock that goes where the test puts it."""

    def __init__(self):
        self.now = 1_000 * NS

    def monotonic_ns(self):
        return self.now

    def wall_ns(self):
        return self.now


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def opened(tmp_path, clock):
    stores = []

    def open_(name="a", **options):
        stores.append(Store(tmp_path / name, clock, **options))
        return stores[-1]

    yield open_
    for each in stores:
        each.close()


def asked(instance, **changes):
    return Asked(
        **{
            "sop_class_uid": instance.sop_class_uid,
            "sop_instance_uid": instance.sop_instance_uid,
            "study_instance_uid": instance.study_instance_uid,
            "series_instance_uid": instance.series_instance_uid,
        }
        | changes
    )


def reason_of(store, *references):
    return [each.reason for each in store.decide(references)]


def test_what_is_held_is_committed_and_what_is_not_is_not(opened):
    store, uid = opened(), counted_uids()
    there, absent = make("ct", uid=uid), make("ct", uid=uid)
    store.add_part10(there.part10())
    assert reason_of(store, asked(there), asked(absent)) == [None, reasons.NO_SUCH_INSTANCE]


def test_each_reason_has_its_cause(opened):
    uid = counted_uids()
    store = opened(unsupported={make("raw", uid=uid).sop_class_uid})
    ct, raw, link = (make(kind, uid=uid) for kind in ("ct", "raw", "link"))
    for each in (ct, raw, link):
        store.add_part10(each.part10())
    conflict = asked(ct, sop_class_uid="1.2.840.10008.5.1.4.1.1.4")
    assert reason_of(store, conflict, asked(raw), asked(link)) == [0x0119, 0x0122, 0x0110]
    store.condition = "exhausted"
    assert reason_of(store, asked(ct)) == [0x0213]
    store.condition = "broken"
    assert reason_of(store, asked(ct)) == [0x0110]


def test_deleted_and_lost_are_not_held(opened):
    store, uid = opened(), counted_uids()
    deleted, lost = make("ct", uid=uid), make("ct", uid=uid)
    for each in (deleted, lost):
        store.add_part10(each.part10())
    assert store.delete(deleted.sop_instance_uid)
    assert not store.delete(deleted.sop_instance_uid)
    assert store.lose_file(lost.sop_instance_uid)
    assert reason_of(store, asked(deleted), asked(lost)) == [0x0112, 0x0112]


def test_what_cannot_be_given_back_whole_is_not_committed(opened):
    store, instance = opened(), make("ct", uid=counted_uids())
    store.add_part10(instance.part10())
    assert store.corrupt(instance.sop_instance_uid)
    assert reason_of(store, asked(instance)) == [0x0110]
    store.faults = frozenset({"commits-corrupt"})
    assert reason_of(store, asked(instance)) == [None]


def test_marks_concern_one_instance(opened):
    store, uid = opened(), counted_uids()
    first, second = make("ct", uid=uid), make("ct", uid=uid)
    for each in (first, second):
        store.add_part10(each.part10())
    store.mark(first.sop_instance_uid, "exhausted")
    assert reason_of(store, asked(first), asked(second)) == [0x0213, None]
    store.unmark(first.sop_instance_uid, "exhausted")
    assert reason_of(store, asked(first)) == [None]


def test_bytes_come_back_as_they_were(opened):
    store, instance = opened(), make("private-attributes", uid=counted_uids())
    held = store.add_part10(instance.part10())
    assert store.part10(held) == instance.part10()
    assert store.data_set(held) == instance.data_set()


def test_a_bare_data_set_becomes_a_file(opened):
    store, instance = opened(), make("ct", uid=counted_uids())
    held = store.add_data_set(instance.data_set(IMPLICIT_LITTLE), IMPLICIT_LITTLE)
    assert store.data_set(held) == instance.data_set(IMPLICIT_LITTLE)
    assert held.study_instance_uid == instance.study_instance_uid
    found = pydicom.dcmread(io.BytesIO(store.part10(held)))
    assert found.file_meta.TransferSyntaxUID == IMPLICIT_LITTLE
    assert found.SOPInstanceUID == instance.sop_instance_uid


@pytest.mark.parametrize(
    "data", [b"", b"no DICOM", b"\0" * 128 + b"DICM", b"\0" * 128 + b"DICM" + b"\x02\0\0\0UL\x04\0"]
)
def test_what_is_no_instance_is_refused(opened, data):
    store = opened()
    with pytest.raises(ValueError, match="no DICOM instance"):
        store.add_part10(data)
    with pytest.raises(ValueError, match="no readable data set"):
        store.add_data_set(data[:4] + b"x", IMPLICIT_LITTLE)
    assert store.instances() == ()


def test_a_uid_is_taken_once(opened):
    store = opened()
    assert store.begin("1.2.3", [Asked("1", "2")])
    assert not store.begin("1.2.3", [Asked("1", "9")])
    assert store.transaction("1.2.3").asked == (Asked("1", "2"),)
    store.finish("1.2.3")
    assert not store.begin("1.2.3", [Asked("1", "2")])
    store.expire("1.2.3")
    assert not store.begin("1.2.3", [Asked("1", "2")])
    store.forget("1.2.3")
    assert store.begin("1.2.3", [Asked("1", "2")])


def test_a_result_is_decided_once_and_stays(opened, clock):
    store, instance = opened(), make("ct", uid=counted_uids())
    store.begin("1.2.3", [asked(instance)], structure="hierarchical", due_ns=clock.now + NS, info={"to": "AE"})
    assert store.transaction("1.2.3").state == "pending"
    clock.now += NS
    done = store.finish("1.2.3")
    assert (done.state, done.structure, done.done_ns, done.info) == ("done", "hierarchical", clock.now, {"to": "AE"})
    assert [each.reason for each in done.decided] == [0x0112]
    store.add_part10(instance.part10())
    assert store.finish("1.2.3") == done


def test_a_reference_asked_twice_is_decided_once(opened):
    store, instance = opened(), make("ct", uid=counted_uids())
    assert len(store.decide([asked(instance), asked(instance)])) == 1


def test_a_second_store_on_the_directory_goes_on(opened):
    first, instance = opened("same"), make("ct", uid=counted_uids())
    first.add_part10(instance.part10())
    first.begin("1.1", [asked(instance)], info={"reported": False})
    first.begin("1.2", [asked(instance)])
    first.finish("1.2")
    first.keep_pending("7.7")
    first.close()
    second = opened("same")
    assert [each.uid for each in second.pending()] == ["1.1"]
    assert second.transaction("1.2").decided[0].reason is None
    assert second.finish("1.1").decided[0].reason is None
    assert [each.uid for each in second.unfinished(reported=False)] == ["1.1"]
    second.remember("1.1", reported=True)
    assert second.unfinished(reported=False) == ()
    assert second.is_kept_pending([Asked("1", "7.7")])
    second.release("7.7")
    assert not second.is_kept_pending([Asked("1", "7.7")])


def test_two_directories_do_not_meet(opened):
    one, other, instance = opened("one"), opened("other"), make("ct", uid=counted_uids())
    one.add_part10(instance.part10())
    one.begin("1.1", [asked(instance)])
    assert other.transaction("1.1") is None
    assert reason_of(other, asked(instance)) == [0x0112]


def test_two_stores_on_one_directory_agree(opened):
    one, other, instance = opened("shared"), opened("shared"), make("ct", uid=counted_uids())
    one.add_part10(instance.part10())
    assert reason_of(other, asked(instance)) == [None]
    assert one.begin("1.1", [asked(instance)])
    assert not other.begin("1.1", [asked(instance)])


def test_without_faults_every_reference_is_told_once_and_nothing_else(opened):
    """Over random stores and requests: the result is the request, split in two."""
    rng = random.Random(7)
    store, uid = opened(), counted_uids()
    pool = [make(rng.choice(["ct", "mr", "sc"]), uid=uid) for _ in range(12)]
    for each in pool[:6]:
        store.add_part10(each.part10())
    for _ in range(50):
        wanted = [asked(each) for each in rng.choices(pool, k=rng.randint(1, 12))]
        decided = store.decide(wanted)
        assert {each.asked for each in decided} == set(wanted)
        assert len({each.asked for each in decided}) == len(decided)
        committed = {each.asked.sop_instance_uid for each in decided if each.reason is None}
        assert committed <= {each.sop_instance_uid for each in pool[:6]}


MORE = {  # what only some switches meet
    "cut-at-256": lambda _, uid: [asked(make("ct", uid=uid)) for _ in range(256)],
    "commits-by-study": lambda held, uid: [asked(make("ct", uid=uid, study=held.study_instance_uid))],
}


def _scene(opened, name, *faults):
    """Two studies, one with two series; a missing one, a class conflict, a wrong study, an unsupported one, a link."""
    uid = counted_uids()
    kinds = [make("ct", uid=uid) for _ in range(3)] + [make("raw", uid=uid), make("link", uid=uid)]
    kinds.insert(1, make("mr", uid=uid, study=kinds[0].study_instance_uid))
    store = opened(f"fault-{'-'.join(faults)}-{name}", faults=set(faults), unsupported={kinds[-2].sop_class_uid})
    for each in kinds:
        store.add_part10(each.part10())
    return store, [
        *map(asked, kinds),
        asked(kinds[2], sop_class_uid="1.2.840.10008.5.1.4.1.1.4"),
        asked(kinds[3], study_instance_uid="1.2.3.4"),
        asked(make("ct", uid=uid)),
        *MORE.get(name, lambda *_: ())(kinds[0], uid),
    ]


ACTING = [
    *DISTORTIONS, "commits-unsupported", "unsupported-as-0112", "commits-missing", "commits-wrong-class",
    "conflict-as-0110", "commits-links", "held-as-0112",
]  # fmt: skip


@pytest.mark.parametrize("name", ACTING)
def test_a_switch_changes_the_result_and_keeps_to_itself(opened, name):
    store, wanted = _scene(opened, name, name)
    clean, wanted_clean = _scene(opened, name)
    assert wanted == wanted_clean
    assert store.decide(wanted) != clean.decide(wanted)
    store.faults = frozenset()
    assert store.decide(wanted) == clean.decide(wanted)
