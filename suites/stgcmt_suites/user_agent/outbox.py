"""What the reference user agent keeps on disk: instances that wait for commitment, and transactions under way.

sqlite3 is used directly on the loop: every statement takes microseconds. A client that starts again on the same directory
goes on with what was pending.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stgcmt.by_value import by_value

_SCHEMA = """
CREATE TABLE IF NOT EXISTS instances (
  sop_instance_uid TEXT PRIMARY KEY, sop_class_uid TEXT NOT NULL, study_instance_uid TEXT NOT NULL,
  series_instance_uid TEXT NOT NULL, file TEXT NOT NULL, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS transactions (
  uid TEXT PRIMARY KEY, base_url TEXT NOT NULL, asked TEXT NOT NULL, state TEXT NOT NULL, last TEXT NOT NULL);
"""
HELD, COMMITTED = "held", "committed"
PENDING, DONE, ENDED = "pending", "done", "ended"


@dataclass(frozen=True)
class Held:
    """One instance of ours."""

    sop_instance_uid: str
    sop_class_uid: str
    study_instance_uid: str
    series_instance_uid: str
    file: str
    state: str = HELD


@dataclass(frozen=True)
class Pending:
    """A transaction that was accepted and has no result yet."""

    uid: str
    base_url: str
    asked: tuple[str, ...]


class Outbox:
    """Instances and transactions in ``directory`` (created if absent); raises ``OSError`` and ``sqlite3.Error``."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._files = directory / "instances"
        self._files.mkdir(exist_ok=True)
        self._db = sqlite3.connect(directory / "outbox.sqlite3", isolation_level=None)
        # One client has the directory to itself: what it locks once need not be locked for each statement.
        for statement in ("PRAGMA locking_mode=EXCLUSIVE", "PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL"):
            self._db.execute(statement)
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the database; the directory stays."""
        self._db.close()

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """What is written inside is written together, or not at all; nothing may be awaited meanwhile."""
        self._db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # --- instances

    def add(self, data: bytes) -> Held:
        """Take a DICOM file over; raises ``ValueError`` where it is none."""
        uids = _uids_of(data)
        held = Held(uids[0], uids[1], uids[2], uids[3], f"{uids[0]}.dcm")
        (self._files / held.file).write_bytes(data)
        row = (
            held.sop_instance_uid,
            held.sop_class_uid,
            held.study_instance_uid,
            held.series_instance_uid,
            held.file,
            HELD,
        )
        self._db.execute("INSERT OR IGNORE INTO instances VALUES (?, ?, ?, ?, ?, ?)", row)
        return held

    def read(self, held: Held) -> bytes:
        """The DICOM file of an instance; raises ``OSError`` once it was deleted."""
        return (self._files / held.file).read_bytes()

    def instance(self, sop_instance_uid: str) -> Held | None:
        """What is known of an instance."""
        query = "SELECT * FROM instances WHERE sop_instance_uid = ?"
        row = self._db.execute(query, (sop_instance_uid,)).fetchone()
        return Held(row[0], row[1], row[2], row[3], row[4], row[5]) if row else None

    def commit(self, uids: Iterable[str]) -> None:
        """These instances are somebody else's care now: they are marked, and their files deleted."""
        known = [held for uid in uids if (held := self.instance(uid)) is not None]
        if known:
            with self.at_once():
                for held in known:
                    query = "UPDATE instances SET state = ? WHERE sop_instance_uid = ?"
                    self._db.execute(query, (COMMITTED, held.sop_instance_uid))
        for held in known:
            (self._files / held.file).unlink(missing_ok=True)

    # --- transactions

    def begin(self, uid: str, base_url: str, asked: Sequence[str]) -> None:
        """A Request is about to go out."""
        row = (uid, base_url, json.dumps(list(asked)), PENDING, "")
        self._db.execute("INSERT OR REPLACE INTO transactions VALUES (?, ?, ?, ?, ?)", row)

    def end(self, uid: str, state: str, last: str) -> None:
        """A transaction has ended as ``state``; ``last`` says what the last answer was."""
        self._db.execute("UPDATE transactions SET state = ?, last = ? WHERE uid = ?", (state, last, uid))

    def pending(self) -> tuple[Pending, ...]:
        """The transactions that a former start left."""
        rows = self._db.execute("SELECT uid, base_url, asked FROM transactions WHERE state = ?", (PENDING,))
        return tuple(Pending(uid, base_url, tuple(json.loads(asked))) for uid, base_url, asked in rows)


@by_value()
def _uids_of(data: bytes) -> tuple[str, ...]:
    """SOP Instance, SOP Class, Study and Series Instance UID of a DICOM file; raises ``ValueError``."""
    import io  # noqa: PLC0415 - start-up

    from pydicom import dcmread  # noqa: PLC0415 - start-up
    from pydicom.errors import InvalidDicomError  # noqa: PLC0415 - start-up

    names = ["SOPInstanceUID", "SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID"]
    try:
        ds = dcmread(io.BytesIO(data), stop_before_pixels=True, specific_tags=names)
        return tuple(str(ds[name].value) for name in names)
    except (InvalidDicomError, KeyError) as error:
        raise ValueError(f"no DICOM file with {', '.join(names)}: {error}") from error
