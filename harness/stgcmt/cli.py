"""The command line: a thin table of commands, each imported when it is called."""

from __future__ import annotations

import gc
import importlib
import sys

import click

from stgcmt.errors import StgcmtError

COMMANDS = {
    "run": ("stgcmt.commands.run", "play every scenario against a SUT, judge, write evidence"),
    "meet": ("stgcmt.commands.meet", "a screen for two at a table: who enters what, and each step as it goes"),
    "judge": ("stgcmt.commands.judge", "judge a recorded bundle again, without the SUT"),
    "diff": ("stgcmt.commands.diff", "compare two judgements by requirement, for people and for CI"),
    "verify": ("stgcmt.commands.verify", "is a bundle as its run left it, and who signed it"),
    "sign": ("stgcmt.commands.sign", "sign a bundle (Ed25519, in-toto)"),
    "scrub": ("stgcmt.commands.scrub", "a copy of a bundle without names, addresses, UIDs; the verdicts stay"),
    "matrix": ("stgcmt.commands.matrix", "one page over many bundles: implementations by requirement groups"),
    "badge": ("stgcmt.commands.badge", "an SVG badge that says tested / total"),
    "allure": ("stgcmt.commands.allure", "a bundle as Allure results"),
    "statement": ("stgcmt.commands.statement", "the conformance statement draft of a bundle, and its form to complete"),
    "wait": ("stgcmt.commands.wait", "listen for the reports that an earlier run still awaits, and judge again"),
    "list": ("stgcmt.commands.catalogue", "list the requirements and their checks"),
    "explain": ("stgcmt.commands.explain", "everything about one requirement"),
    "doctor": ("stgcmt.commands.doctor", "is the SUT reachable, does it authenticate, can it reach us"),
    "init": ("stgcmt.commands.init", "a commented sut.toml for a URL or AE@HOST:PORT"),
    "serve": ("stgcmt.commands.serve", "run a reference alone, for people who develop a client"),
    "faults": ("stgcmt.commands.faults", "list the named faults of the references"),
    "selftest": (
        "stgcmt.commands.selftest",
        "prove the checks: named faults, conformant variants, mutants of recordings",
    ),
    "schema": ("stgcmt.commands.schema", "print a JSON Schema"),
}


class _Table(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=_Table, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="stgcmt-conformance", prog_name="stgcmt")
def table() -> None:
    """Conformance tests for DICOM Storage Commitment: DICOMweb (PS3.18 section 13) and DIMSE (PS3.4 Annex J).

    Without a SUT file, `stgcmt run` tests the references that come with it.
    """


def main() -> None:
    """Entry point of the console script: every known error becomes a message and its exit code."""
    if not __debug__:
        print("stgcmt: python -O removes the asserts that judge; run without -O", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    gc.set_threshold(400_000, 50, 100)  # as stgcmt.forked says: recordings are many small objects that stay
    try:
        code = table.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.Abort:
        print("stgcmt: interrupted", file=sys.stderr)  # noqa: T201
        sys.exit(130)
    except StgcmtError as error:
        print(f"stgcmt: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    finally:
        gc.freeze()  # what is left ends with the process: no last collection looks at it
    sys.exit(code if isinstance(code, int) else 0)
