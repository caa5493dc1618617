"""SUT files of known products: each loads, says whether it was run, cites where its facts come from, and can be taken away."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from stgcmt.commands.init import command
from stgcmt.errors import UsageError
from stgcmt.presets import Preset, preset, presets
from stgcmt.suite import load_suites
from stgcmt.sut import load

WANTED = {
    "compose", "dcm4chee-arc", "dcmjs-dimse", "dcmtk", "fo-dicom", "google-healthcare-adapter", "orthanc", "orthanc-proxy",
    "orthanc-scu", "pynetdicom",
}  # fmt: skip
ALL = pytest.mark.parametrize("name", sorted(WANTED))


def test_every_product_that_is_promised_is_there() -> None:
    assert {each.name for each in presets()} == WANTED


@ALL
def test_it_loads_and_its_section_is_that_of_its_roles(name) -> None:
    sut = load(preset(name).path, suites=load_suites(), environ={})
    assert sut.roles
    assert all(sut.section(role) for role in sut.roles)
    assert set(sut.claims) <= load_suites().keys()


@ALL
def test_it_says_whether_it_was_run_and_where_its_facts_are_from(name) -> None:
    chosen = preset(name)
    first = chosen.text.partition("\n")[0]
    assert re.search(r"\. (Not run here|Run here)\b", first), first
    assert chosen.title
    if not chosen.run_here:
        comments = "".join(line for line in chosen.text.splitlines(keepends=True) if line.startswith("#"))
        assert re.search(r"https://\S+", comments), "a fact without the address of the page that states it"
        assert "<--" in chosen.text, "what only the reader knows is marked"


@ALL
def test_it_can_be_written_with_what_it_needs_and_loads_there(name, tmp_path) -> None:
    out = tmp_path / "mine" / "sut.toml"
    done = CliRunner().invoke(command, ["--preset", name, "--out", str(out)])
    assert done.exit_code == 0, done.output
    load(out, suites=load_suites(), environ={})
    assert {each.name for each in out.parent.iterdir()} == {"sut.toml", *(each.name for each in preset(name).beside)}
    text = CliRunner().invoke(command, ["--preset", name]).stdout
    assert text == out.read_text("utf-8")
    with pytest.raises(UsageError, match="exists"):
        CliRunner().invoke(command, ["--preset", name, "--out", str(out)], catch_exceptions=False)


def test_the_list_names_them_and_an_unknown_one_is_told_so() -> None:
    listed = CliRunner().invoke(command, ["--list-presets"]).output.splitlines()
    assert {line.split()[0] for line in listed} == WANTED
    assert (
        next(line for line in listed if line.startswith("dcm4chee-arc"))
        .split("  ")[-1]
        .strip()
        .startswith("dcm4chee-arc-light")
    )
    assert any(re.match(r"orthanc +Run here ", line) for line in listed)
    with pytest.raises(UsageError, match="dcm4chee-arc"):
        preset("dcm4che")


@pytest.mark.parametrize("words", [[], ["http://a.example/", "--preset", "orthanc"]], ids=["nothing", "both"])
def test_one_thing_is_to_be_named(words) -> None:
    done = CliRunner().invoke(command, words)
    assert done.exit_code == 2
    assert "--list-presets" in done.output


def test_what_two_presets_need_is_written_once() -> None:
    """A second one is a link to the first; the wheel and ``init --preset`` take what it leads to."""
    files = [path for each in presets() for path in (each.path, *each.beside) if not path.is_symlink()]
    texts = [path.read_bytes() for path in files]
    assert [str(path) for path, text in zip(files, texts, strict=True) if texts.count(text) > 1] == []


def test_a_link_is_written_as_the_file_that_it_leads_to(tmp_path) -> None:
    from stgcmt.presets import write

    for path in write(preset("orthanc-proxy"), tmp_path / "sut.toml"):
        assert path.is_file()
        assert not path.is_symlink()
    assert (tmp_path / "delete_instance.py").read_bytes() == (
        preset("orthanc").path.parent / "delete_instance.py"
    ).read_bytes()


def test_a_first_line_without_the_word_is_no_claim_of_a_run(tmp_path) -> None:
    from stgcmt.presets import _preset

    file = tmp_path / "sut.toml"
    file.write_text('# A product.\nname = "x"\n')
    assert _preset("x", file) == Preset("x", "A product", False, file, ())


@pytest.mark.slow
def test_the_pynetdicom_preset_runs_as_it_stands(tmp_path) -> None:
    """Its command says ``stgcmt``, which is on no PATH here: the very one that runs it is meant."""
    from peer_runs import BARE, results, rows, start

    words = ["pynetdicom", "--req", "DIMSE-J.2-01", "--req", "DIMSE-J.3.3.1.2-01"]
    found = results(start(tmp_path / "bundle", *words, environment=BARE))
    assert {
        row["verdict"] for ident, row in rows(found).items() if ident in ("DIMSE-J.2-01", "DIMSE-J.3.3.1.2-01")
    } == {"pass"}


@pytest.mark.parametrize(
    "page", ["origin_server", "scp", "user_agent", "scu", "proxy_to_dimse", "proxy_to_web", "start/ci"]
)
def test_the_sut_file_that_a_page_shows_loads(page, tmp_path) -> None:
    from pathlib import Path

    text = (Path(__file__).parents[1] / "docs" / f"{page}.md").read_text("utf-8")
    (shown, *_) = re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    if page == "start/ci":  # a part of a file: the driver
        shown = (
            'name = "x"\n[scp]\nhost = "127.0.0.1"\nport = "{port:dicom}"\nae_title = "A"\n[[scp.destinations]]\nae_title = "B"\nport = 0\n'
            + shown
        )
    shown = re.sub(r"(?s)\[user_agent\.tls\].*?\n\n", "\n", shown)  # names a certificate that is not here
    (tmp_path / "sut.toml").write_text(shown, "utf-8")
    load(tmp_path / "sut.toml", suites=load_suites(), environ={"PACS_TOKEN": "t"})
