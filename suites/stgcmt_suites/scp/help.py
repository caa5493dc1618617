"""The vendor's help of the reference SCP: small URLs that bring it into a state, for ``[provoke]``.

``POST /NAME?sop_instance_uid=…``: ``delete``, ``lose`` (the file alone), ``corrupt`` (a byte of it), ``keep-pending``,
``exhaust`` and ``break`` (0213H and 0110H for the instance), ``release`` undoes the last three. They answer 204, 404
where there is no such instance, 400 for anything else. Each concerns one instance, so that scenarios do not meet.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from stgcmt.wire.stream import Listener, Network, Stream
from stgcmt_suites.commitment.store import Store

MAX_HEAD = 65536
PHRASES = {204: "No Content", 400: "Bad Request", 404: "Not Found"}
MARKS = {"keep-pending": "pending", "exhaust": "exhausted", "break": "broken"}
NAMES = ("delete", "lose", "corrupt", "release", *MARKS)


@dataclass
class Help:
    """Serves the URLs over one store."""

    store: Store

    async def listen(self, network: Network, host: str, port: int = 0) -> Listener:
        """Begin to listen; port 0: the system chooses; raises ``OSError``."""
        return await network.listen(host, port, self._serve)

    @staticmethod
    def urls(host: str, port: int) -> dict[str, dict[str, str]]:
        """The ``[provoke]`` tables."""
        base = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        return {name: {"url": f"{base}/{name}?sop_instance_uid={{sop_instance_uid}}"} for name in NAMES}

    async def _serve(self, stream: Stream) -> None:
        with contextlib.suppress(OSError):  # a caller that goes away asked for nothing
            await self._converse(stream)

    async def _converse(self, stream: Stream) -> None:
        head = b""
        while b"\r\n\r\n" not in head and len(head) < MAX_HEAD:
            if not (data := await stream.receive()):
                return
            head += data
        status = self._answer(head.split(b"\r\n", 1)[0].decode("latin-1"))
        length = "" if status == 204 else "Content-Length: 0\r\n"
        await stream.send(f"HTTP/1.1 {status} {PHRASES[status]}\r\n{length}Connection: close\r\n\r\n".encode())

    def _answer(self, request_line: str) -> int:
        method, _, rest = request_line.partition(" ")
        target = urlsplit(rest.partition(" ")[0])
        name, uid = target.path.strip("/"), parse_qs(target.query).get("sop_instance_uid", [""])[0]
        if method != "POST" or name not in NAMES or not uid:
            return 400
        return 204 if self._do(name, uid) else 404

    def _do(self, name: str, uid: str) -> bool:
        store = self.store
        if name in MARKS:
            store.mark(uid, MARKS[name])
            return True
        if name == "release":
            for mark in MARKS.values():
                store.unmark(uid, mark)
            return True
        found: Callable[[str], bool] = {"delete": store.delete, "lose": store.lose_file, "corrupt": store.corrupt}[name]
        return found(uid)
