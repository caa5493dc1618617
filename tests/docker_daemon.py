"""A real Docker Engine for the tests: the one of DOCKER_HOST, else one of their own, else the one of this machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

UP_S = 60


def answers(url: str | None) -> bool:
    """Whether an engine answers there; ``None``: where the SDK looks by itself."""
    import docker

    options = {"base_url": url} if url else {}
    try:
        api = docker.APIClient(version="auto", timeout=10, **options)
    except Exception:
        return False
    api.close()
    return True


@contextlib.contextmanager
def own_daemon(root: Path, storage: str) -> Iterator[str | None]:
    """A ``dockerd`` with data root, exec root, socket and pid file of its own, ended by its own process id; yields its URL."""
    url = f"unix://{root}/docker.sock"
    with (root / "dockerd.log").open("wb") as log:
        process = subprocess.Popen(
            [
                "dockerd", "--data-root", str(root / "data"), "--exec-root", str(root / "exec"), "--host", url,
                "--pidfile", str(root / "dockerd.pid"), "--storage-driver", storage,
            ],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + UP_S
            while process.poll() is None and not answers(url) and time.monotonic() < deadline:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.1)
            yield url if answers(url) else None
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextlib.contextmanager
def engine() -> Iterator[str | None]:
    """The URL of an engine that answers; ``None`` where there is none. It is in DOCKER_HOST meanwhile."""
    pytest.importorskip("docker", reason="the extra docker is not installed")
    with contextlib.ExitStack() as stack:
        url = os.environ.get("DOCKER_HOST")
        if url is None and os.geteuid() == 0 and shutil.which("dockerd"):
            # not below pytest's own directory: the path of a socket is short
            root = Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="stgcmt-dockerd-", ignore_cleanup_errors=True))
            )
            for storage in ("overlay2", "vfs"):
                (root / storage).mkdir()
                url = stack.enter_context(own_daemon(root / storage, storage))
                if url is not None:
                    break
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        if url is not None:
            patch.setenv("DOCKER_HOST", url)
        yield url if url is not None and answers(url) else "" if url is None and answers(None) else None


def required(url: str | None) -> None:
    """Without an engine: a failure in CI, elsewhere a skip that says so."""
    if url is None:
        if os.environ.get("CI"):
            pytest.fail("no Docker Engine: apt-get install docker.io, or set DOCKER_HOST")
        pytest.skip("no Docker Engine: set DOCKER_HOST, or be root where dockerd is installed")
