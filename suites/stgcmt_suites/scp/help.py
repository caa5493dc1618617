"""The vendor's help of the reference SCP: small URLs that bring it into a state, for ``[provoke]``.

``POST /delete``, ``/lose-file``, ``/keep-pending`` and ``/release`` take ``sop_instance_uid``; ``/condition`` takes
``value``: ok, broken or exhausted. They answer 204, 404 where there is no such instance, 400 for anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from stgcmt.wire.stream import Listener, Network, Stream
from stgcmt_suites.commitment.store import Store

CONDITIONS = ("ok", "broken", "exhausted")
MAX_HEAD = 65536
PHRASES = {204: "No Content", 400: "Bad Request", 404: "Not Found"}
BY_INSTANCE = ("delete", "lose-file", "keep-pending", "release")


@dataclass
class Help:
    """Serves the URLs over one store."""

    store: Store

    async def listen(self, network: Network, host: str) -> Listener:
        """Begin to listen on a port that the system chooses; raises ``OSError``."""
        return await network.listen(host, 0, self._serve)

    @staticmethod
    def urls(host: str, port: int) -> dict[str, dict[str, str]]:
        """The ``[provoke]`` tables."""
        base = f"http://{host}:{port}"
        found = {name: {"url": f"{base}/{name}?sop_instance_uid={{sop_instance_uid}}"} for name in BY_INSTANCE}
        return found | {name: {"url": f"{base}/condition?value={name}"} for name in CONDITIONS[1:]}

    async def _serve(self, stream: Stream) -> None:
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
        values = {name: each[0] for name, each in parse_qs(target.query).items()}
        return self._do(target.path.strip("/"), values) if method == "POST" else 400

    def _do(self, action: str, values: Mapping[str, str]) -> int:
        uid, store = values.get("sop_instance_uid", ""), self.store
        if action == "condition" and values.get("value") in CONDITIONS:
            store.condition = values["value"]
            return 204
        if action not in BY_INSTANCE or not uid:
            return 400
        if action == "delete":
            return 204 if store.delete(uid) else 404
        if action == "lose-file":
            return 204 if store.lose_file(uid) else 404
        (store.keep_pending if action == "keep-pending" else store.release)(uid)
        return 204
