"""The routes of the reference origin server as a Starlette router, and what holds for every answer."""

from __future__ import annotations

import base64
import hmac
import traceback
from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from stgcmt_suites.origin_server import answers, capabilities
from stgcmt_suites.origin_server.archive import Archive
from stgcmt_suites.origin_server.commitments import ALLOW, RESOURCE, Commitments
from stgcmt_suites.origin_server.negotiate import JSON, RefusalError, choose_capabilities
from stgcmt_suites.origin_server.settings import Settings

KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"})
Handler = Callable[[Request], Awaitable[Response]]


class Application:
    """One origin server as an ASGI application; ``errors`` holds what it did not foresee (answered 500)."""

    def __init__(self, commitments: Commitments, archive: Archive, settings: Settings) -> None:
        self.commitments, self.archive, self.settings = commitments, archive, settings
        self.faults = settings.switches
        self.errors: list[str] = []
        prefix = settings.prefix
        self.asgi = Router(  # what is asked most comes first; refusals and errors are the matter of ``_Endpoint``
            redirect_slashes=False,
            routes=[
                Route(prefix + f"/{RESOURCE}/", _Endpoint(self, self._collection)),
                Route(prefix + f"/{RESOURCE}/" + "{segment:path}", _Endpoint(self, self._transaction)),
                Route(prefix + "/vendor/{command}", _Endpoint(self, self._vendor, private=True)),
                Route(prefix + "/studies", _Endpoint(self, self._studies)),
                Route(
                    prefix + "/studies/{study}/series/{series}/instances/{instance}", _Endpoint(self, self._instance)
                ),
                Route(prefix + f"/{RESOURCE}", _Endpoint(self, self._collection)),
                *([Route(prefix, _Endpoint(self, self._base))] if prefix else []),
                Route(prefix + "/", _Endpoint(self, self._base)),
                Route("/{rest:path}", _Endpoint(self, self._nothing)),
            ],
        )

    # --- resources

    async def _transaction(self, request: Request) -> Response:
        if "resource-not-routed" in self.faults:
            raise RefusalError(404, "There is no such resource.")
        method, segment = request.method, self._segment(request)
        if method == "OPTIONS":
            return Response(status_code=204) if "options-without-allow" in self.faults else _allowing(ALLOW)
        if method == "HEAD" and "head-as-404" in self.faults:
            raise RefusalError(404, "There is no such resource.")
        if method == "DELETE" and "delete-removes" in self.faults:
            self.commitments.store.forget(segment)
            return Response(status_code=204)
        if method == "PUT" and "put-accepted" in self.faults:
            return await self.commitments.request(request, segment, await self.body(request))
        if method == "HEAD" and "no-head" in self.faults:
            raise _not_allowed(method, ALLOW.replace("HEAD, ", ""))
        if method == "POST":
            return await self.commitments.request(request, segment, await self.body(request))
        if method == "GET" and "get-not-routed" in self.faults:
            raise _not_allowed(method, "POST, OPTIONS")
        if method in ("GET", "HEAD"):
            return self.commitments.check(request, segment)
        if "allow-names-refused-method" in self.faults:
            raise _not_allowed(method, f"{ALLOW}, {method}")
        raise _not_allowed(method, ALLOW)

    def _segment(self, request: Request) -> str:
        if "encoding-matters" in self.faults:  # percent-encoded unreserved characters as something else
            raw: bytes = request.scope["raw_path"]
            return raw.decode("ascii").rpartition("/")[2]
        return str(request.path_params["segment"])

    async def _collection(self, request: Request) -> Response:
        if "collection-not-found" in self.faults:
            raise RefusalError(404, "There is no such resource.")
        if request.method == "OPTIONS":
            return _allowing("OPTIONS")
        if request.method == "POST" and "post-on-collection-ok" in self.faults:
            return Response(status_code=202, headers={"cache-control": "no-store"})
        if request.method == "GET" and "collection-lists" in self.faults:
            return Response(b"[]", 200, {"content-type": JSON})
        raise _not_allowed(request.method, "OPTIONS")

    async def _base(self, request: Request) -> Response:
        if request.method != "OPTIONS":
            raise _not_allowed(request.method, "OPTIONS")
        if "no-capabilities" in self.faults:
            raise RefusalError(404, "There is nothing here.")
        media_type = choose_capabilities(answers.header(request, "accept"), self.faults)
        base = str(request.url.replace(query="")).rstrip("/") + "/"
        body = capabilities.describe(media_type, base, self.faults)
        headers = {"content-type": media_type, "allow": "OPTIONS", "cache-control": "no-store"}
        return Response(body, 200, headers)

    async def _studies(self, request: Request) -> Response:
        if request.method != "POST":
            raise _not_allowed(request.method, "POST")
        return self.archive.stow(request, await self.body(request))

    async def _instance(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            raise _not_allowed(request.method, "GET, HEAD")
        return self.archive.wado(request)

    async def _vendor(self, request: Request) -> Response:
        return self.archive.vendor(request)

    async def _nothing(self, request: Request) -> Response:  # noqa: ARG002 - every endpoint is called alike
        raise RefusalError(404, "There is no such resource.")

    # --- what holds for every request

    def admit(self, request: Request, *, private: bool) -> None:
        """Refuse what no resource takes: HTTP/1.0, unknown methods, missing or wrong credentials."""
        if request.scope["http_version"] == "1.0":
            raise RefusalError(505, "HTTP/1.1 is needed.")
        if request.method not in KNOWN_METHODS and "unknown-methods-as-405" not in self.faults:
            raise RefusalError(501, f"The method {request.method} is not known.")
        if "results-for-everybody" in self.faults and request.method == "GET":
            return
        token, basic = self.settings.token, self.settings.basic
        if (token is None and basic is None) or private or "token-ignored" in self.faults:
            return
        scheme, _, given = (answers.header(request, "authorization") or "").partition(" ")
        if basic is not None and (scheme.lower() == "basic" or token is None):
            if not hmac.compare_digest(given.strip().encode(), base64.b64encode(basic.encode())):
                challenge = 'Basic realm="stgcmt", charset="UTF-8"'
                raise RefusalError(401, "User and password are needed.", WWW_Authenticate=challenge)
            return
        if scheme.lower() != "bearer":
            raise RefusalError(401, "A bearer token is needed.", WWW_Authenticate='Bearer realm="stgcmt"')
        if given.strip() != token:
            challenge = 'Bearer realm="stgcmt", error="invalid_token"'
            raise RefusalError(401, "The bearer token is not valid.", WWW_Authenticate=challenge)

    async def body(self, request: Request) -> bytes:
        """The payload of a request, as large as is allowed; raises ``RefusalError`` with 413."""
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self.settings.limit_bytes:
                raise RefusalError(413, f"A payload has at most {self.settings.limit_bytes} bytes.", connection="close")
        return bytes(body)


class _Endpoint:
    """An ASGI application for one resource: any method gets in, refusals become Status Reports."""

    def __init__(self, application: Application, handler: Handler, *, private: bool = False) -> None:
        self._application, self._handler, self._private = application, handler, private

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        application = self._application
        try:
            application.admit(request, private=self._private)
            response = await self._handler(request)
        except RefusalError as refused:
            response = answers.refusal(request, refused, application.faults)
            refused.__traceback__ = None  # it leads to frames that lead back to it: only the collector would find them
        except ClientDisconnect:
            return
        except Exception:  # noqa: BLE001 - a server answers; tests read what happened from ``errors``
            application.errors.append(traceback.format_exc())
            response = answers.refusal(request, RefusalError(500, "Something went wrong."), application.faults)
        await response(scope, receive, send)


def _allowing(methods: str) -> Response:
    return Response(status_code=204, headers={"allow": methods, "cache-control": "no-store"})


def _not_allowed(method: str, allow: str) -> RefusalError:
    return RefusalError(405, f"The method {method} is not allowed here.", Allow=allow)
