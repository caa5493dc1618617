"""Greetings. PYTEST_DONT_REWRITE"""

from stgcmt.suite import Transcript, expected, http, inconclusive, requirement


@requirement("GREET-01")
def test_a_greeting_is_answered(greeting: Transcript) -> None:
    """Every greeting gets a 200."""
    exchange = http(greeting).answer("greet")
    assert exchange.response and exchange.response.status == 200, expected("status 200", exchange)


@requirement("GREET-02")
def test_a_greeting_names_the_guest(greeting: Transcript) -> None:
    """The answer contains the guest's name."""
    response = http(greeting).answer("greet").response
    if response is None:
        inconclusive("no answer")
    assert b"ada" in response.body, expected("the guest's name in the body", response)
