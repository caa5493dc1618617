"""How an exchange over an association can end, told apart: what a SUT may do instead of answering is half of the test.

======================= =================================================================
``Response``            the peer answered, with whatever status
``Rejected``            A-ASSOCIATE-RJ
``Aborted``             A-ABORT, from the peer's service user or provider
``Released``            the peer (or we) released the association in order
``Closed``              the connection ended (FIN) without a word of the upper layer
``Reset``               the connection was reset (RST)
``Fault``               bytes that are no DICOM, or a message that breaks the upper layer
``Silence``             nothing within the deadline; the association is still open
``Unreachable``         no connection could be opened
``NotAccepted``         no accepted presentation context to send the message on
======================= =================================================================
"""

from __future__ import annotations

from dataclasses import dataclass

from stgcmt.wire.command import Command


@dataclass(frozen=True, slots=True)
class Response:
    """A DIMSE response; ``status`` is ``None`` where it cannot be read. ``t``: when it was complete."""

    status: int | None
    command: Command
    data: bytes | None = None
    t: int = 0


@dataclass(frozen=True, slots=True)
class Rejected:
    """A-ASSOCIATE-RJ: result 1 permanent, 2 transient; source and reason of PS3.8 table 9-21."""

    result: int | None
    source: int | None
    reason: int | None


@dataclass(frozen=True, slots=True)
class Aborted:
    """A-ABORT; ``by_provider`` where the source is 2, ``by_us`` where we sent it."""

    source: int | None
    reason: int | None
    by_provider: bool
    by_us: bool = False


@dataclass(frozen=True, slots=True)
class Released:
    """The association was released in order; ``by_us`` where we asked for it."""

    by_us: bool = False


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection ended after ``bytes_into_pdu`` bytes of an incomplete PDU (0: between PDUs)."""

    bytes_into_pdu: int
    by_us: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection was reset."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """The peer sent what cannot be processed."""

    text: str


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing arrived for ``after_s`` seconds."""

    after_s: float


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No connection: the operating system's words."""

    text: str


@dataclass(frozen=True, slots=True)
class NotAccepted:
    """Nothing was sent: the peer accepted no context for this abstract syntax."""

    abstract_syntax: str


Ended = Rejected | Aborted | Released | Closed | Reset | Fault | Silence | Unreachable
Outcome = Response | Ended | NotAccepted


def in_words(outcome: object) -> str:
    """An outcome as a phrase for people."""
    match outcome:
        case Response(status=None):
            return "a response without a readable status"
        case Response(status=int(status)):
            return f"answered {status:04X}H"
        case Rejected(result, source, reason):
            kind = {1: "for good", 2: "for now"}.get(result or 0, f"with result {result}")
            return f"rejected {kind} (source {source}, reason {reason})"
        case Aborted(source, reason):
            return f"aborted (source {source}, reason {reason})"
        case Released():
            return "released without an answer"
        case Closed(0):
            return "the connection was closed without an answer"
        case Closed(count):
            return f"the connection was closed {count} bytes into a message"
        case Reset():
            return "the connection was reset"
        case Silence(seconds):
            return f"no answer for {seconds:g} s"
        case Fault(text) | Unreachable(text):
            return text
        case NotAccepted():
            return "the presentation context was not accepted"
    return str(outcome)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines in seconds, from the SUT file.

    ``linger`` is how long we wait for a peer to close its end after an A-ABORT or A-RELEASE-RP (the ARTIM timer of
    PS3.8 9.1.5); a conformant peer closes at once.
    """

    connect: float = 10.0
    associate: float = 10.0
    response: float = 30.0
    release: float = 5.0
    linger: float = 1.0


@dataclass(frozen=True, slots=True)
class Split:
    """Where to pause inside a message: after ``after`` bytes of the data set in a PDV of their own (0: before it)."""

    pause_s: float
    after: int = 0
