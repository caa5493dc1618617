"""What several tests need: a third party's suite in this process, and a deadline for whatever may hang."""

from __future__ import annotations

import faulthandler
import sys
from pathlib import Path

import pytest

FOREIGN = Path(__file__).parent / "foreign"


@pytest.fixture
def greeter(monkeypatch):
    """The foreign suite, as if it were the only one installed."""
    monkeypatch.syspath_prepend(str(FOREIGN))
    from stgcmt_greeter import suite

    import stgcmt.commands

    monkeypatch.setattr(stgcmt.commands, "load_suites", lambda: {"greeter": suite})
    return suite


@pytest.fixture(autouse=True)
def _no_hang():
    """After five minutes in one test every stack is printed and the process ends."""
    faulthandler.dump_traceback_later(300, exit=True, file=sys.__stderr__)
    yield
    faulthandler.cancel_dump_traceback_later()
