"""The fault ``early-success``: a request (an N-ACTION) is answered when its command and the first part of its data set are there.

An SCP makes this mistake where it answers from the command set; ours reads whole messages, so the mistake is made in
front of it, on the bytes as they come in.
"""

from __future__ import annotations

from stgcmt.wire import command as cmd
from stgcmt.wire import pdu, pdv
from stgcmt.wire.stream import Address, Stream


class EarlySuccess:
    """A stream that answers requests of one kind before they are complete; ``answered`` holds their Message IDs."""

    def __init__(self, inner: Stream, field: int = cmd.N_ACTION_RQ) -> None:
        self.inner, self.field = inner, field
        self.local: Address = inner.local
        self.peer: Address = inner.peer
        self.answered: set[int] = set()
        self._buffer = bytearray()
        self._command: cmd.Command | None = None

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """What has arrived; premature success goes out first."""
        data = await self.inner.receive(max_bytes)
        self._buffer += data
        found, used = pdu.scan(self._buffer)
        del self._buffer[:used]
        for one in found:
            if one.type == pdu.P_DATA_TF:
                for each in pdv.read_pdvs(one.body)[0]:
                    await self._look(each)
        return data

    async def send(self, data: bytes) -> None:
        await self.inner.send(data)

    async def send_eof(self) -> None:
        await self.inner.send_eof()

    def close(self, *, reset: bool = False) -> None:
        self.inner.close(reset=reset)

    async def _look(self, one: pdv.Pdv) -> None:
        if one.is_command:
            self._command = cmd.decode(one.data) if one.is_last else None
            return
        asked, self._command = self._command, None
        if asked is None or asked.field != self.field or one.is_last or asked.message_id is None:
            return
        self.answered.add(asked.message_id)
        raw = cmd.encode(cmd.response(asked, 0x0000, {}))
        await self.inner.send(b"".join(pdv.fragment(one.context_id, raw, 0, is_command=True)))
