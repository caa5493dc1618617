"""What a client said of an instance when it was asked (``[state]``), for suites whose SUT asks."""

from __future__ import annotations

from dataclasses import dataclass

from stgcmt.suite import Event, Transcript


@dataclass(frozen=True, repr=False)
class Belief:
    """What the client said of an instance when it was asked."""

    transcript: str
    sop_instance_uid: str
    held: bool | None
    t: int
    events: tuple[int, ...]

    @property
    def summary(self) -> str:
        """One line."""
        word = {True: "committed or deletable", False: "not committed", None: "unknown"}[self.held]
        return f"the client holds {self.sop_instance_uid} as {word}"


def beliefs_of(*transcripts: Transcript) -> tuple[Belief, ...]:
    """What the client said of instances, in order of time."""
    return tuple(belief for each in transcripts for belief in each.view(_beliefs))


def _beliefs(transcript: Transcript) -> tuple[Belief, ...]:
    return tuple(_belief(transcript, event) for event in transcript.of("state"))


def _belief(transcript: Transcript, event: Event) -> Belief:
    told = [event.info.get(key) for key in ("committed", "deletable")]
    held = True if True in told else False if False in told else None
    return Belief(transcript.name, str(event.info.get("sop_instance_uid")), held, event.t, (event.n,))
