"""What a scenario gets: the protocol of its one argument, ``play``. ``stgcmt.stage`` is what a run hands in."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from stgcmt.clock import Clock


class Play(Protocol):
    """What a scenario gets: actors, seeding, steps, UIDs, waits. It records everything and judges nothing."""

    role: str
    mode: str | None
    section: Mapping[str, Any]
    timing: Any
    destination: Any
    relayed: bool
    clock: Clock
    heard: list[Any]
    seeding: str
    base_path: str  # the path of the base URL at which the SUT is told to find our server

    def step(self, name: str) -> AbstractContextManager[None]:
        """Name what happens inside; events carry the step's name."""
        ...

    def uid(self, what: str = "transaction") -> str:
        """A fresh UID of this scenario; what mentions it from outside is attributed to this scenario."""
        ...

    async def seed(self, kind: Any = "ct", *, optional: bool = False, **where: Any) -> Any:
        """An instance that the SUT holds, brought there as ``[seeding]`` says; ``optional``: the SUT may refuse it.

        ``kind``: of what kind it is to be, or an instance that ``make`` made before.
        Where nothing can be seeded, a scenario that only *wants* seeding gets one that was never stored.
        """
        ...

    def make(self, kind: str = "ct", **where: Any) -> Any:
        """An instance that the SUT was never given."""
        ...

    async def retrieve(self, instance: Any) -> Any:
        """Read an instance back as ``[retrieval]`` says; the answer's bytes, or ``None``."""
        ...

    def http(self) -> Any:
        """The HTTP client of this scenario (one connection pool a call)."""
        ...

    def dimse(self, **options: Any) -> AbstractAsyncContextManager[Any]:
        """An association to the SUT under the AE title of the (leased) destination."""
        ...

    def answer(self, script: Any) -> None:
        """How our server answers this scenario's requests (``stgcmt.asking``)."""
        ...

    def serve(self, handlers: Mapping[int, Any]) -> None:
        """Who serves this scenario's DIMSE requests, by Command Field."""
        ...

    def scp(self, script: Any, **options: Any) -> Any:
        """A scripted SCP (``actors.scripted_scp``) that serves this scenario's DIMSE requests and reports to the SUT."""
        ...

    def away(self) -> AbstractAsyncContextManager[None]:
        """Meanwhile nobody listens where the SUT's HTTP requests arrive; only for a scenario that plays ``alone``."""
        ...

    def claimed(self, name: str) -> Any:
        """What the vendor states under this name of the role's claims, ``None`` where nothing: how long to wait, no verdict."""
        ...

    async def trigger(self, *instances: Any, **values: str) -> bool:
        """Have the SUT ask for commitment of these instances as ``[trigger]`` says; whether it asked in time."""
        ...

    async def asked(self, count: int = 1, **how: Any) -> bool:
        """Wait until the SUT has asked ``count`` times in all; False at the deadline."""
        ...

    async def quiet(self, within: str = "quiet_period", seconds: float | None = None) -> int:
        """Wait until the SUT has asked nothing for a whole quiet period; how often it asked meanwhile."""
        ...

    async def believes(self, instance: Any) -> bool | None:
        """Whether the SUT holds an instance as committed, as ``[state]`` tells; ``None`` where it does not."""
        ...

    async def wait(self, name: str, seconds: float | None = None, *, why: str = "") -> None:
        """Wait by a declared name: a field of ``[timing]``, or any other name with ``seconds`` that the SUT asked for."""
        ...

    async def report(self, *uids: str, count: int = 1, within: str = "max_report_delay") -> bool:
        """Wait until ``count`` messages from outside mentioned one of ``uids``; False at the deadline. Never judges."""
        ...

    async def provoke(self, name: str, **values: str) -> bool:
        """Have the vendor's ``[provoke]`` command bring the SUT into a state; recorded."""
        ...

    async def listen(self, listener: str) -> None:
        """Change how the leased destination behaves from the next connection on."""
        ...

    async def restart(self) -> bool:
        """Restart the SUT through its driver; False where it cannot and the scenario only wants it."""
        ...

    def note(self, **info: Any) -> None:
        """Record a remark for readers and checks."""
        ...
