"""What is asked of a greeter."""

from stgcmt.suite import Play, scenario


@scenario(needs=())
async def greeting(play: Play) -> None:
    """One greeting."""
    with play.step("greet"):
        await play.http().request("GET", "hello/ada")
