"""A greeter in twenty lines."""

import contextlib


@contextlib.asynccontextmanager
async def reference(setting):
    async def serve(stream):
        data = b""
        while b"\r\n\r\n" not in data:
            more = await stream.receive()
            if not more:
                return
            data += more
        name = data.split(b" ")[1].rpartition(b"/")[2]
        body = b"hello " + (b"you" if setting.fault == "rude" else name)
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body))

    listener = await setting.network.listen("127.0.0.1", 0, serve)
    try:
        yield {"base_url": f"http://127.0.0.1:{listener.address[1]}/"}
    finally:
        await listener.aclose()
