"""The small store beneath the references: instances and transactions, in one directory, through restarts.

sqlite3 is used directly on the loop (every statement takes microseconds), files lie beside it. Web and DIMSE references
share it: it knows neither HTTP nor associations. What a real implementer would get wrong *here*, it gets wrong on
request: ``faults`` names switches, each of which changes one thing in ``decide`` (see ``decisions``).
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from stgcmt.clock import Clock
from stgcmt.switches import Switches
from stgcmt_suites.commitment import decisions
from stgcmt_suites.commitment.decisions import Asked, Decided, Held
from stgcmt_suites.commitment.part10 import header_of, held_of

__all__ = ["Asked", "Decided", "Held", "Store", "Transaction"]

_T = TypeVar("_T")
_NAMES = ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"]
LIKE = 43  # characters of a UID that the fault compares-beginnings looks at: a whole one as the engine makes them
SMALL = 4096  # characters of a list of references; more of these are remembered than of longer ones
WAL = slice(18, 20)  # where the header of a database says that it keeps a write-ahead log (2: it does)
BATCH = 500  # references that one statement looks up
PENDING, DONE, EXPIRED = "pending", "done", "expired"

_SCHEMA = """
CREATE TABLE instances (
  sop_instance_uid TEXT PRIMARY KEY, sop_class_uid TEXT NOT NULL, study_instance_uid TEXT NOT NULL,
  series_instance_uid TEXT NOT NULL, transfer_syntax_uid TEXT NOT NULL, file TEXT NOT NULL,
  data_offset INTEGER NOT NULL, sha256 TEXT NOT NULL, stored_ns INTEGER NOT NULL);
CREATE TABLE transactions (
  uid TEXT PRIMARY KEY, state TEXT NOT NULL, structure TEXT NOT NULL, asked TEXT NOT NULL, created_ns INTEGER NOT NULL,
  due_ns INTEGER NOT NULL, done_ns INTEGER, decided TEXT, info TEXT NOT NULL);
CREATE TABLE marks (sop_instance_uid TEXT, mark TEXT, PRIMARY KEY (sop_instance_uid, mark));
"""


@dataclass(frozen=True)
class Transaction:
    """One commitment request and what became of it; instants are wall nanoseconds, so that they outlive a restart.

    ``structure``: "flat" or "hierarchical". ``info``: what the reference wants to remember with it (JSON).
    """

    uid: str
    state: str
    structure: str
    asked: tuple[Asked, ...]
    created_ns: int
    due_ns: int
    done_ns: int | None = None
    decided: tuple[Decided, ...] = ()
    info: Mapping[str, Any] = field(default_factory=dict)


class Store:
    """Instances and transactions in ``directory`` (created if absent).

    ``unsupported``: SOP classes that are stored but never committed (0122H). ``condition``: "ok", "broken" (everything
    fails with 0110H) or "exhausted" (everything fails with 0213H); may be changed while the store is open.
    Raises ``OSError`` and ``sqlite3.Error`` where the directory cannot be used.
    """

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        *,
        faults: Collection[str] = (),
        unsupported: Collection[str] = (),
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.clock = directory, clock
        self.faults, self.unsupported = faults, frozenset(unsupported)
        self.condition = "ok"
        self._results: dict[frozenset[Asked], tuple[Decided, ...]] = {}  # what the fault remembers-results goes by
        self._files = directory / "instances"
        self._files.mkdir(exist_ok=True)
        self._directory = str(self._files)
        path = directory / "store.sqlite3"
        with contextlib.suppress(FileExistsError), path.open("xb") as file:
            file.write(_empty())
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        # WAL without fsync: survives the end of a process, which is what a restart is here.
        for statement in ("PRAGMA synchronous=OFF", "PRAGMA busy_timeout=2000", "PRAGMA journal_mode=WAL"):
            self._db.execute(statement)

    def close(self) -> None:
        """Close the database; the directory stays. May be called twice."""
        self._db.close()

    # --- instances

    def add_part10(self, data: bytes) -> Held:
        """Keep a DICOM file as it is; an instance of that UID is replaced. Raises ``ValueError`` if it is none."""
        return self._add(data, held_of(data))

    def add_data_set(self, data: bytes, transfer_syntax_uid: str) -> Held:
        """Keep an encoded data set (C-STORE) as a DICOM file. Raises ``ValueError`` if it is unreadable."""
        data = header_of(data, transfer_syntax_uid) + data
        return self._add(data, held_of(data))

    def instance(self, sop_instance_uid: str) -> Held | None:
        """What is held under a SOP Instance UID; ``None`` also where its file is lost."""
        row = self._db.execute("SELECT * FROM instances WHERE sop_instance_uid = ?", (sop_instance_uid,)).fetchone()
        held = _held(row) if row else None
        return held if held and os.path.exists(self._path(held.file)) else None  # noqa: PTH110 - a path costs more than the question

    def instances(self, **match: str) -> tuple[Held, ...]:
        """Everything held whose columns match, e.g. ``study_instance_uid=…``, oldest first."""
        where = " AND ".join(f"{column} = ?" for column in match) or "1"
        query = f"SELECT * FROM instances WHERE {where} ORDER BY stored_ns, sop_instance_uid"  # noqa: S608 - own names
        return tuple(_held(row) for row in self._db.execute(query, tuple(match.values())))

    def part10(self, held: Held) -> bytes:
        """The DICOM file of an instance; raises ``OSError`` where it is lost."""
        with open(self._path(held.file), "rb", buffering=0) as file:  # noqa: PTH123 - as above
            return file.readall()

    def _path(self, name: str) -> str:
        return f"{self._directory}{os.sep}{name}"

    def data_set(self, held: Held) -> bytes:
        """The encoded data set of an instance, in its transfer syntax; raises ``OSError`` where it is lost."""
        return self.part10(held)[held.data_offset :]

    def delete(self, sop_instance_uid: str) -> bool:
        """Forget an instance and its file; whether there was one."""
        row = self._db.execute("SELECT file FROM instances WHERE sop_instance_uid = ?", (sop_instance_uid,)).fetchone()
        if row is None:
            return False
        self._db.execute("DELETE FROM instances WHERE sop_instance_uid = ?", (sop_instance_uid,))
        with contextlib.suppress(FileNotFoundError):
            (self._files / row["file"]).unlink()
        return True

    def lose_file(self, sop_instance_uid: str) -> bool:
        """Remove the file and keep the record, as a failing disk would; whether there was one."""
        row = self._db.execute("SELECT file FROM instances WHERE sop_instance_uid = ?", (sop_instance_uid,)).fetchone()
        if row is None:
            return False
        (self._files / row["file"]).unlink(missing_ok=True)
        return True

    def corrupt(self, sop_instance_uid: str) -> bool:
        """Change a byte of the file behind the store's back, as a failing disk would; whether there was one."""
        held = self.instance(sop_instance_uid)
        if held is None:
            return False
        path = self._files / held.file
        data = bytearray(path.read_bytes())
        data[-1] ^= 0xFF
        path.write_bytes(data)
        return True

    def _intact(self, held: Held) -> bool:
        """Whether the file still is what was stored: what cannot be given back whole is not committed."""
        query = "SELECT sha256 FROM instances WHERE sop_instance_uid = ?"
        row = self._db.execute(query, (held.sop_instance_uid,)).fetchone()
        whole = bool(row) and row["sha256"] == hashlib.sha256(self.part10(held)).hexdigest()
        return whole or "commits-corrupt" in self.faults

    def _add(self, data: bytes, found: Held) -> Held:
        with open(self._path(found.file), "wb") as file:  # noqa: PTH123 - as above
            file.write(data)
        values = (
            *(found.sop_instance_uid, found.sop_class_uid, found.study_instance_uid, found.series_instance_uid),
            *(found.transfer_syntax_uid, found.file, found.data_offset),
            hashlib.sha256(data).hexdigest(),
            self.clock.wall_ns(),
        )
        self._db.execute("INSERT OR REPLACE INTO instances VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        return found

    # --- transactions

    def begin(
        self,
        uid: str,
        asked: Iterable[Asked],
        *,
        structure: str = "flat",
        due_ns: int | None = None,
        info: Mapping[str, Any] | None = None,
    ) -> bool:
        """Record a request as pending until ``due_ns`` (default: now); False where the Transaction UID is in use.

        One statement decides, so that of requests at the same moment exactly one begins.
        """
        now = self.clock.wall_ns()
        done = self._db.execute(
            "INSERT OR IGNORE INTO transactions VALUES (?, ?, ?, ?, ?, ?, NULL, NULL, ?)",
            (uid, PENDING, structure, _dump(asked), now, now if due_ns is None else due_ns, json.dumps(info or {})),
        )
        return done.rowcount == 1

    def transaction(self, uid: str) -> Transaction | None:
        """The transaction of a UID, in whatever state; ``None`` where the UID was never used or is forgotten."""
        row = self._db.execute("SELECT * FROM transactions WHERE uid = ?", (uid,)).fetchone()
        return _transaction(row) if row else None

    def transactions(self) -> tuple[Transaction, ...]:
        """Every transaction that is remembered, oldest first."""
        rows = self._db.execute("SELECT * FROM transactions ORDER BY created_ns, uid")
        return tuple(_transaction(row) for row in rows)

    def pending(self) -> tuple[Transaction, ...]:
        """The transactions without a result, oldest first: what a restart has to go on with."""
        rows = self._db.execute("SELECT * FROM transactions WHERE state = ? ORDER BY created_ns, uid", (PENDING,))
        return tuple(_transaction(row) for row in rows)

    def unfinished(self, **info: Any) -> tuple[Transaction, ...]:
        """Finished transactions whose remembered ``info`` has these values, e.g. ``reported=False``; oldest first."""
        rows = self._db.execute("SELECT * FROM transactions WHERE state = ? ORDER BY created_ns, uid", (DONE,))
        return tuple(
            each for each in map(_transaction, rows) if all(each.info.get(key) == value for key, value in info.items())
        )

    def finish(self, uid: str) -> Transaction | None:
        """Decide a pending transaction now and keep the result; one that is done stays as it is."""
        found = self.transaction(uid)
        if found is None or found.state != PENDING:
            return found
        self.settle(uid, self.decide(found.asked))
        return self.transaction(uid)

    def settle(self, uid: str, decided: Iterable[Decided]) -> None:
        """Record these decisions as the result of a transaction."""
        self._db.execute(
            "UPDATE transactions SET state = ?, done_ns = ?, decided = ? WHERE uid = ?",
            (DONE, self.clock.wall_ns(), _dump(decided), uid),
        )

    def remember(self, uid: str, **info: Any) -> None:
        """Add to what is remembered with a transaction."""
        found = self.transaction(uid)
        if found is not None:
            merged = json.dumps({**found.info, **info})
            self._db.execute("UPDATE transactions SET info = ? WHERE uid = ?", (merged, uid))

    def expire(self, uid: str) -> None:
        """Drop the result of a transaction and remember that there was one."""
        self._db.execute("UPDATE transactions SET state = ?, decided = NULL WHERE uid = ?", (EXPIRED, uid))

    def forget(self, uid: str) -> None:
        """Drop every trace of a transaction."""
        self._db.execute("DELETE FROM transactions WHERE uid = ?", (uid,))

    # --- marks: what a vendor's hidden command says about one instance, so that scenarios do not meet

    def mark(self, sop_instance_uid: str, mark: str) -> None:
        """Mark an instance: "pending" (no result for transactions that name it), "broken", "exhausted" or any other."""
        self._db.execute("INSERT OR IGNORE INTO marks VALUES (?, ?)", (sop_instance_uid, mark))

    def unmark(self, sop_instance_uid: str, mark: str) -> None:
        """Undo ``mark``."""
        self._db.execute("DELETE FROM marks WHERE sop_instance_uid = ? AND mark = ?", (sop_instance_uid, mark))

    def marked(self, mark: str) -> frozenset[str]:
        """The SOP Instance UIDs with a mark."""
        return frozenset(
            row[0] for row in self._db.execute("SELECT sop_instance_uid FROM marks WHERE mark = ?", (mark,))
        )

    def keep_pending(self, sop_instance_uid: str) -> None:
        """From now on transactions that name this instance get no result, until ``release``."""
        self.mark(sop_instance_uid, "pending")

    def release(self, sop_instance_uid: str) -> None:
        """Undo ``keep_pending``."""
        self.unmark(sop_instance_uid, "pending")

    def is_marked(self, asked: Iterable[Asked], mark: str) -> bool:
        """Whether one of these references names an instance with the mark."""
        marked = self.marked(mark)
        return bool(marked) and any(each.sop_instance_uid in marked for each in asked)

    def is_kept_pending(self, asked: Iterable[Asked]) -> bool:
        """Whether a transaction for these references has to wait for a ``release``."""
        return self.is_marked(asked, "pending")

    # --- deciding

    def decide(self, asked: Iterable[Asked]) -> tuple[Decided, ...]:
        """Commit or fail each reference as things stand now; in the order asked, each distinct reference once."""
        named = tuple(asked)
        distinct = tuple(dict.fromkeys(named))
        if len(distinct) < len(named) and ("repeated-twice" in self.faults or "repeated-in-both-lists" in self.faults):
            distinct = named
        held = self._held_of(distinct)
        marks = {mark: self.marked(mark) for mark in ("broken", "exhausted")}
        if self._results and (known := self._results.get(frozenset(distinct))) and "remembers-results" in self.faults:
            return known
        truth = []
        for each in distinct:
            uid, found = each.sop_instance_uid, held[each.sop_instance_uid]
            if found is None and "compares-beginnings" in self.faults:
                found = self._alike(uid)
            condition = next((mark for mark, uids in marks.items() if uid in uids), self.condition)
            if condition == "ok" and found is not None and not self._intact(found):
                condition = "broken"
            truth.append(Decided(each, decisions.reason(each, found, self.unsupported, condition, self.faults)))
        told = decisions.distorted(tuple(truth), held, self.faults)
        if not (isinstance(self.faults, Switches) and self.faults.none_of(("remembers-results",))):
            self._results[frozenset(distinct)] = told
        return told

    def _alike(self, uid: str) -> Held | None:
        """An instance whose UID begins as this one does: what the fault compares-beginnings takes for it."""
        query = "SELECT sop_instance_uid FROM instances WHERE substr(sop_instance_uid, 1, ?) = ?"
        row = self._db.execute(query, (LIKE, uid[:LIKE])).fetchone() if len(uid) > LIKE else None
        return self.instance(row[0]) if row else None

    def _held_of(self, asked: Sequence[Asked]) -> dict[str, Held | None]:
        """What is held of these references; of a large list in few statements."""
        if len(asked) <= BATCH:
            return {each.sop_instance_uid: self.instance(each.sop_instance_uid) for each in asked}
        found: dict[str, Held | None] = dict.fromkeys(each.sop_instance_uid for each in asked)
        for uids in _batches(list(found)):
            query = f"SELECT sop_instance_uid FROM instances WHERE sop_instance_uid IN ({','.join('?' * len(uids))})"  # noqa: S608 - marks alone
            for (uid,) in self._db.execute(query, uids):
                found[uid] = self.instance(uid)
        return found


@functools.cache
def _empty() -> bytes:
    """A database without rows, made once: to create the tables in each new file costs ten times as much as to copy them."""
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.executescript(_SCHEMA)
        made = bytearray(database.serialize())
    made[WAL] = b"\2\2"
    return bytes(made)


def _batches(uids: list[str]) -> Iterator[list[str]]:
    return (uids[at : at + BATCH] for at in range(0, len(uids), BATCH))


def _held(row: sqlite3.Row) -> Held:
    return Held(*row[: len(Held.__dataclass_fields__)])  # the columns stand in the order of the fields


def _dump(items: Iterable[Asked] | Iterable[Decided]) -> str:
    """References or decisions, each as its values: 100,000 of them take a moment, not half a minute."""
    plain = []
    for each in items:
        asked, reason = (each.asked, [each.reason]) if isinstance(each, Decided) else (each, [])
        place = asked.study_instance_uid, asked.series_instance_uid
        plain.append([asked.sop_class_uid, asked.sop_instance_uid, *place, *reason])
    return json.dumps(plain)


def _remembered(parse: Callable[[str], _T]) -> Callable[[str], _T]:
    """``parse`` with its last results: of short texts many, of lists of thousands a few."""
    short, long = functools.lru_cache(1024)(parse), functools.lru_cache(16)(parse)
    return lambda text: (short if len(text) <= SMALL else long)(text)


@_remembered
def _asked(text: str) -> tuple[Asked, ...]:
    return tuple(Asked(*each) for each in json.loads(text))


@_remembered
def _decided(text: str) -> tuple[Decided, ...]:
    return tuple(Decided(Asked(*each[:4]), each[4]) for each in json.loads(text))


def _transaction(row: sqlite3.Row) -> Transaction:
    asked, decided = _asked(row["asked"]), _decided(row["decided"] or "[]")
    info = json.loads(row["info"]) if row["info"] != "{}" else {}
    return Transaction(
        row["uid"], row["state"], row["structure"], asked, row["created_ns"], row["due_ns"], row["done_ns"], decided,
        info,
    )  # fmt: skip
