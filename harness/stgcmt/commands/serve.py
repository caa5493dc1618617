"""``stgcmt serve``."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from stgcmt.commands import installed, nearest, roles_of


@click.command("serve")
@click.argument("role")
@click.option("--host", default="127.0.0.1", show_default=True, help="address to listen on")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="port to listen on; 0: the system chooses")
@click.option("--provoke-port", type=click.IntRange(1, 65535), help="port of the URLs for [provoke] (DIMSE)")
@click.option("--ae-title", help="our AE title (DIMSE)")
@click.option(
    "--destination",
    multiple=True,
    metavar="AE@HOST:PORT",
    help="a caller that is known, and where its reports go (DIMSE)",
)
@click.option("--mode", help="a named configuration, e.g. synchronous, asynchronous")
@click.option("--delay", type=click.FloatRange(min=0), help="seconds until a result is there")
@click.option("--retention", type=click.FloatRange(min=0), help="seconds for which a result is kept")
@click.option("--retry-after", type=int, help="seconds in Retry-After; negative: no such header")
@click.option("--prefix", help="path prefix of the base URL (web)")
@click.option("--back", metavar="AE@HOST:PORT", help="the archive behind (proxy-to-dimse)")
@click.option("--back-url", metavar="URL", help="the base URL of the origin server behind (proxy-to-web)")
@click.option(
    "--gives-up-after",
    "gives_up_after_s",
    type=click.FloatRange(min=0),
    help="seconds after which a transaction ends that has no result behind (proxies)",
)
@click.option("--dimse-port", type=click.IntRange(0, 65535), help="port on which reports are taken (proxy-to-dimse)")
@click.option("--token-env", metavar="NAME", help="variable with the bearer token to ask for (web)")
@click.option("--basic-env", metavar="NAME", help="variable with the user:password to ask for (web)")
@click.option(
    "--tls-cert", metavar="FILE", type=click.Path(path_type=Path), help="serve over TLS with this certificate"
)
@click.option(
    "--tls-key", metavar="FILE", type=click.Path(path_type=Path), help="its key, where it is not in the same file"
)
@click.option(
    "--tls-ca",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="callers must show a certificate of this authority; reports go out over TLS (DIMSE)",
)
@click.option("--fault", help="switch on a named fault (`stgcmt faults`)")
@click.option("--stack", help="another implementation of the role, e.g. pynetdicom")
@click.option(
    "--directory", type=click.Path(path_type=Path), help="keep the store there; default: a new one, removed at the end"
)
def command(
    role: str, *, mode: str | None, fault: str | None, stack: str | None, directory: Path | None, **options: Any
) -> None:
    """Run the reference of ROLE (scp, proxy-to-dimse, …) until Ctrl-C; prints its SUT section as one line of JSON."""
    from stgcmt.errors import UsageError  # noqa: PLC0415 - start-up

    suites = installed()
    suite = suites[roles_of((role,), suites, ())[0]]
    if fault and fault not in {each.name for each in suite.all_faults}:
        raise UsageError(
            "reading --fault",
            f"a fault of {suite.role}",
            fault,
            nearest(fault, [each.name for each in suite.all_faults], "`stgcmt faults` lists them"),
        )
    if mode and mode not in suite.modes:
        raise UsageError(
            "reading --mode",
            f"one of {', '.join(suite.modes)}" if suite.modes else f"no --mode, {suite.role} has none",
            mode,
            nearest(mode, suite.modes, "choose one of these" if suite.modes else "leave --mode out"),
        )
    if stack and stack not in suite.stacks:
        raise UsageError(
            "reading --stack",
            f"one of {', '.join(suite.stacks)}" if suite.stacks else f"no --stack, {suite.role} has one implementation",
            stack,
            nearest(stack, suite.stacks, "choose one of these" if suite.stacks else "leave --stack out"),
        )
    destinations = tuple(_destination(each) for each in options.pop("destination"))
    chosen = _behind(suite.role, options) | _credentials(options) | _tls(options)
    chosen |= {key: value for key, value in options.items() if value is not None}
    with tempfile.TemporaryDirectory(prefix="stgcmt-serve-") as scratch:
        try:
            asyncio.run(_serve(suite, stack, directory or Path(scratch), mode, fault, chosen, destinations))
        except OSError as error:
            raise UsageError(
                "listening",
                f"a free port at {options['host']}",
                f"port {options['port']}: {error.strerror or error}",
                "choose another --port",
            ) from error


def _behind(role: str, options: dict[str, Any]) -> dict[str, Any]:
    """What a proxy asks, from ``--back`` or ``--back-url``; raises ``UsageError`` where its proxy is not told."""
    from stgcmt.errors import UsageError  # noqa: PLC0415 - start-up

    back, url = options.pop("back"), options.pop("back_url")
    if role == "proxy_to_dimse":
        if back is None:
            step = "for example --back ORTHANC@127.0.0.1:4242"
            raise UsageError("reading --back", "AE@HOST:PORT of the archive behind", "none", step)
        place = _destination(back, "--back")
        return {"back_ae": place.ae_title, "back_host": place.host, "back_port": place.port}
    if role == "proxy_to_web":
        if not str(url or "").startswith("http://"):
            step = "for example --back-url http://127.0.0.1:8042/dicom-web"
            raise UsageError("reading --back-url", "the http URL of the origin server behind", url or "none", step)
        return {"back_url": url}
    if back or url:
        raise UsageError("reading --back", f"no such option, {role} has nothing behind it", back or url, "leave it out")
    return {}


def _credentials(options: dict[str, Any]) -> dict[str, Any]:
    """What ``--token-env`` and ``--basic-env`` name; raises ``UsageError``."""
    from stgcmt.errors import UsageError  # noqa: PLC0415 - start-up

    found = {}
    for name in ("token", "basic"):
        if variable := options.pop(f"{name}_env"):
            if not os.environ.get(variable):
                step = f"export {variable}=… before"
                raise UsageError(f"reading --{name}-env", f"an environment variable {variable}", "none", step)
            found[name] = os.environ[variable]
    return found


def _tls(options: dict[str, Any]) -> dict[str, Any]:
    """The files of ``--tls-…``; raises ``UsageError`` where they are of no use."""
    from stgcmt.errors import UsageError  # noqa: PLC0415 - start-up
    from stgcmt.tls import problem_of  # noqa: PLC0415 - start-up

    found = {name: str(value) for name in ("cert", "key", "ca") if (value := options.pop(f"tls_{name}")) is not None}
    why = problem_of({f"{name}_file": file for name, file in found.items()})
    if found and "cert" not in found:
        why = "no --tls-cert"
    if why:
        step = "check the files; a key stands unencrypted in --tls-key or with the certificate"
        raise UsageError("reading --tls-cert", "a certificate and its key in PEM", why, step)
    return {f"tls_{name}": file for name, file in found.items()}


async def _serve(
    suite: Any,
    stack: str | None,
    directory: Path,
    mode: str | None,
    fault: str | None,
    options: Mapping[str, Any],
    destinations: tuple[Any, ...],
) -> None:
    from stgcmt.clock import SystemClock  # noqa: PLC0415 - start-up
    from stgcmt.suite import Setting  # noqa: PLC0415 - start-up
    from stgcmt.wire.stream import SystemNetwork  # noqa: PLC0415 - start-up

    directory.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - once, before anything is served
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    reference = suite.resolve_stack(stack)
    setting = Setting(SystemClock(), SystemNetwork(), directory, mode, fault, None, options, destinations)
    async with reference(setting) as section:
        click.echo(
            json.dumps({suite.role: {key: value for key, value in section.items() if key not in ("token", "basic")}})
        )
        await stop.wait()


def _destination(text: str, option: str = "--destination") -> Any:
    from stgcmt.errors import UsageError  # noqa: PLC0415 - start-up
    from stgcmt.sut import Destination  # noqa: PLC0415 - start-up

    ae_title, _, address = text.partition("@")
    host, _, port = address.rpartition(":")
    if not (ae_title and host and port.isdecimal() and 0 < int(port) <= 65535):
        raise UsageError(f"reading {option}", "AE@HOST:PORT", text, "for example STGCMT@127.0.0.1:11113")
    return Destination(ae_title, host, int(port))
