"""Check of the law that a result does not change, where the back end can speak twice. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, inconclusive, requirement
from stgcmt_suites.proxies import laws
from stgcmt_suites.proxies.links import links


@requirement("PROXY-STABLE-01")
def test_a_result_does_not_change(told_twice: Transcript) -> None:
    """What was told in front stays as it is."""
    laws.stays_as_it_is(told_twice)
    if not any(len(link.said_behind) > 1 for link in links(told_twice).links):
        inconclusive("the back end did not get to say a second result")
    laws.came_back(told_twice)
