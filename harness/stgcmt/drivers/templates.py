"""``[[driver.files]]``: configuration files with placeholders, rendered into the work directory before the SUT starts."""

from __future__ import annotations

from pathlib import Path

from stgcmt.drivers.ready import STAGE
from stgcmt.drivers.running import Context
from stgcmt.errors import UsageError
from stgcmt.placeholders import Placeholders, names_of
from stgcmt.sut import Sut


def template_ports(sut: Sut) -> list[str]:
    """The names of the ports that templates mention; raises ``UsageError`` where one cannot be read."""
    return [match[1] for each in sut.driver.files for match in names_of(_read(each.source)) if match[1]]


def render(context: Context, placeholders: Placeholders) -> None:
    """Write every file; raises ``UsageError``: not readable, a target elsewhere, a placeholder without value."""
    work = Path(placeholders.directory)
    for each in context.sut.driver.files:
        target = (work / each.target).resolve()
        if not target.is_relative_to(work.resolve()):
            raise UsageError(
                STAGE, "a target below {dir}", f"{each.target} of [[driver.files]]", "name a relative path"
            )
        try:
            text = placeholders.text(_read(each.source))
        except KeyError as error:
            step = "add [[…destinations]] or mend the number"
            seen = f"{error.args[0]} in {each.source.name}"
            raise UsageError(STAGE, "a destination that the SUT file has", seen, step) from error
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
        context.record("driver", action="rendered", source=each.source.name, target=each.target)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(STAGE, "a template in UTF-8", f"{path}: {error}", "check [[driver.files]]") from error
