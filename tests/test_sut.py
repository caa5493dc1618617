"""The SUT file: what it says, and what is said about a wrong one."""
# ruff: noqa: E501 - the rows of a table stay whole

from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path

import pytest

from stgcmt.errors import HarnessError, StgcmtError, UnreachableError, UsageError
from stgcmt.sut import Destination, Timing, full_schema, load
from stgcmt.sut_errors import SutFileError, toml_lines

SECTIONS = {
    "web": {"$ref": "#/$defs/http_end_point"},
    "archive": {"$ref": "#/$defs/dimse_end_point", "properties": {"colour": {"enum": ["red", "green"]}}},
    "free": {},
}
CLAIMS = {"archive": {"properties": {"no_listener": {"type": "boolean"}}, "additionalProperties": False}}

WEB = 'name = "a"\n[web]\nbase_url = "http://h/"\n'
ARCHIVE = """\
name = "Archive"
vendor = "V"
version = "1"

[archive]
host = "127.0.0.1"
port = 104
ae_title = "ARCHIVE"

[[archive.destinations]]
ae_title = "OURS1"
port = 11121

[[archive.destinations]]
ae_title = "OURS2"
host = "127.0.0.2"
port = 11122
"""


def read(tmp_path: Path, text: str, environ=None, **options):
    path = tmp_path / "sut.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, sections=options.get("sections", SECTIONS), claims=CLAIMS, environ=environ or {})


def problems(tmp_path: Path, text: str, environ=None):
    with pytest.raises(SutFileError) as caught:
        read(tmp_path, text, environ)
    assert caught.value.exit_code == 2
    return caught.value.problems


def only(tmp_path: Path, text: str, environ=None):
    found = problems(tmp_path, text, environ)
    assert len(found) == 1, "\n".join(map(str, found))
    return found[0]


# --- a good file


def test_a_file_becomes_a_frozen_value(tmp_path):
    sut = read(
        tmp_path,
        ARCHIVE + "[timing]\nquiet_period = 0.5\n[gate]\nmin_tested = 0.8\n[claims.archive]\nno_listener = true\n",
    )
    assert (sut.name, sut.vendor, sut.version, sut.roles) == ("Archive", "V", "1", ("archive",))
    assert sut.destinations == (Destination("OURS1", "127.0.0.1", 11121), Destination("OURS2", "127.0.0.2", 11122))
    assert sut.timing == dataclasses.replace(Timing(), quiet_period=0.5)
    assert sut.gate.min_tested == 0.8
    assert sut.claim("archive.no_listener") is True
    assert sut.claim("archive.nothing", "default") == "default"
    assert (sut.driver.kind, sut.seeding.how, sut.retrieval.how) == ("external", "none", "none")
    with pytest.raises(TypeError):
        sut.sections["archive"]["port"] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        sut.name = "other"
    section = sut.section("archive")
    section["port"] = 1
    assert sut.section("archive")["port"] == 104, "a section is a copy"
    json.dumps(sut.redacted())


def test_a_mode_is_merged_over_its_section(tmp_path):
    sut = read(
        tmp_path,
        'name = "a"\n[web]\nbase_url = "http://h/a"\nheaders = { A = "1", B = "2" }\n'
        '[web.modes.fast]\nbase_url = "http://h/fast"\nheaders = { B = "3" }\n',
    )
    assert sut.section("web")["base_url"] == "http://h/a"
    assert sut.section("web", "fast")["base_url"] == "http://h/fast"
    assert sut.section("web", "fast")["headers"] == {"A": "1", "B": "3"}
    assert sut.section("web", "unknown")["base_url"] == "http://h/a"
    assert "fast" in sut.section("web")["modes"]


def test_without_a_file_the_references_are_the_sut():
    sut = load(None, sections=SECTIONS)
    assert sut.driver.kind == "builtin"
    assert sut.roles == ("web", "archive", "free")
    assert sut.driver.can_restart
    json.dumps(sut.redacted())


def test_seeding_takes_the_end_point_of_another_role(tmp_path):
    text = (
        ARCHIVE
        + '[web]\nbase_url = "http://h/a"\nheaders = { X = "1" }\n[seeding]\nhow = "stow"\n[retrieval]\nhow = "c-get"\n'
    )
    sut = read(tmp_path, text)
    assert sut.section("archive")["seeding"] == {"how": "stow", "base_url": "http://h/a", "headers": {"X": "1"}}
    assert sut.section("web")["seeding"] == {"how": "stow"}
    assert sut.section("web")["retrieval"]["ae_title"] == "ARCHIVE"


def test_a_token_goes_to_no_other_end_point(tmp_path):
    text = 'name = "a"\n[web]\nbase_url = "https://h/a"\ntoken_env = "T"\n[seeding]\nhow = "stow"\nbase_url = "http://other/"\n'
    section = read(tmp_path, text, {"T": "s3cret"}).section("web")
    merged = {**section, **section["seeding"]}
    assert section["token"] == "s3cret"
    assert not merged["token"]
    assert not merged["token_env"]


def test_tls_belongs_to_its_end_point_alone(tmp_path):
    for name in ("ca.pem", "other.pem"):
        (tmp_path / name).write_bytes((Path(__file__).parent / "golden" / "ca.pem").read_bytes())
    text = (
        ARCHIVE.replace('ae_title = "ARCHIVE"', 'ae_title = "ARCHIVE"\ntls = { ca_file = "ca.pem" }')
        + '[web]\nbase_url = "https://h/a"\ntls = { ca_file = "other.pem" }\n[seeding]\nhow = "c-store"\n'
        '[retrieval]\nhow = "c-get"\nhost = "elsewhere"\nport = 104\n'
    )
    web, archive = (read(tmp_path, text).section(role) for role in ("web", "archive"))
    assert web["tls"]["ca_file"] == str(tmp_path / "other.pem")
    assert {**web, **web["seeding"]}["tls"]["ca_file"] == str(tmp_path / "ca.pem")
    assert {**web, **web["retrieval"]}["tls"] is None, "no TLS was asked for there"
    assert {**archive, **archive["seeding"]}["tls"]["ca_file"] == str(tmp_path / "ca.pem")
    assert {**archive, **archive["retrieval"]}["tls"] is None


# --- secrets


def test_secrets_come_from_the_environment_and_reach_no_evidence(tmp_path):
    text = (
        WEB + 'token_env = "T"\nheaders_env = { "X-Key" = "K" }\n'
        '[web.modes.basic]\n[web.modes.basic.seeding]\nhow = "none"\n[retrieval]\nhow = "wado-rs"\nbasic_env = "B"\n'
    )
    sut = read(tmp_path, text, {"T": "tok-123", "K": "key-456", "B": "user:pass-789"})
    section = sut.section("web")
    assert section["token"] == "tok-123"
    assert section["headers"] == {"X-Key": "key-456"}
    assert section["retrieval"]["basic"] == "user:pass-789"
    kinds = {secret.value: secret.kind for secret in sut.secrets}
    assert kinds[b"tok-123"] == "bearer-token"
    assert kinds[b"user:pass-789"] == "basic-credentials"
    assert kinds[base64.b64encode(b"user:pass-789")] == "basic-credentials"
    assert kinds[b"pass-789"] == "password"
    shown = json.dumps(sut.redacted()) + repr(sut)
    assert not any(secret in shown for secret in ("tok-123", "key-456", "pass-789"))
    assert '"token_env": "T"' in shown


def test_a_missing_variable_names_key_line_and_variable(tmp_path):
    problem = only(tmp_path, WEB + 'token_env = "SUT_TOKEN"\n')
    assert (problem.key, problem.line) == ("web.token_env", 4)
    assert problem.expected == "an environment variable SUT_TOKEN"
    assert "export SUT_TOKEN=" in problem.next_step
    assert only(tmp_path, WEB + 'token_env = "E"\n', {"E": ""}).seen == "an empty one"


@pytest.mark.parametrize(
    "line",
    [
        'token = "s3cret"',
        'password = "s3cret"',
        'headers = { Authorization = "s3cret" }',
        'base_url = "http://u:s3cret@h/"',
    ],
)
def test_a_literal_secret_is_refused_and_not_shown(tmp_path, line):
    base = "" if line.startswith("base_url") else 'base_url = "http://h/"\n'
    with pytest.raises(SutFileError) as caught:
        read(tmp_path, f'name = "a"\n[web]\n{base}{line}\n')
    assert "s3cret" not in str(caught.value)
    expected = "without user and password" if line.startswith("base_url") else 'token_env = "NAME"'
    assert expected in str(caught.value)


# --- wrong files


def test_several_problems_are_all_told_in_the_order_of_lines(tmp_path):
    found = problems(
        tmp_path,
        'name = "a"\n[archive]\nhost = "h"\nprot = 104\nport = "x"\nae_title = "A"\n[timing]\nconect = 1\n[gate]\nmin_tested = 2\n',
    )
    assert [(p.key, p.line) for p in found] == [
        ("archive.prot", 4),
        ("archive.port", 5),
        ("timing.conect", 8),
        ("gate.min_tested", 10),
    ]
    assert found[0].next_step == "did you mean port?"
    assert "host" in found[0].expected
    assert found[1].seen == '"x"'
    assert "1..65535" in found[1].expected
    assert found[2].next_step == "did you mean connect?"
    assert found[3].seen == "2"


@pytest.mark.parametrize(
    ("text", "key", "line", "expected", "seen", "step"),
    [
        ("[archive]\n", "name", None, "the product's name", "no such key", "add name"),
        ('name = 3\n[web]\nbase_url = "http://h/"\n', "name", 1, "a string", "3", ""),
        ('name = "a"\n', "roles", None, "a section for at least one role (web, archive, free)", "none", "stgcmt init"),
        ('name = "a"\nroles = ["archiv"]\n', "roles[0]", 2, "one of the roles", '"archiv"', "archive?"),
        ('name = "a"\nroles = ["web"]\n', "roles[0]", 2, "a section [web]", "none", "add [web]"),
        ('name = "a"\n[web]\n', "web.base_url", 2, "an absolute URL", "no such key", "add base_url"),
        ('name = "a"\n[web]\nbase_url = "h/x"\n', "web.base_url", 3, "an absolute URL", '"h/x"', ""),
        ('name = "a"\n[web]\nbase_url = "http://h:99999/x"\n', "web.base_url", 3, "a port between", "99999", "port"),
        (WEB + '[driver]\nkind = "proces"\n', "driver.kind", 5, '"process"', '"proces"', '"process"?'),
        (WEB + '[driver]\nkind = "process"\n', "driver.command", 4, "a list of strings", "no such key", "how"),
        (WEB + '[driver]\ncommand = ["x"]\n', "driver.command", 5, "no command with the driver external", "one", "process"),
        (WEB + 'seeding = "stow"\n', "web.seeding", 4, "a table", '"stow"', ""),
        (WEB + '[seeding]\nhow = "c-store"\n', "seeding.how", 5, "an end point", "none in the file", "add host"),
        (WEB + '[seeding]\nhow = "preloaded"\n', "seeding.preloaded", 4, "a JSON or CSV", "no such key", "uids.csv"),
        (WEB + '[seeding]\nhow = "stow"\npreloaded = "x"\n', "seeding.preloaded", 6, "no file of UIDs", '"x"', "preloaded"),
        ('name = "a"\n[web]\nbase_url = "http://{port:x}/"\n', "web.base_url", 3, "no {port:x}", "{port:x}", "process"),
        ('name = "a"\n[web]\nbase_url = "http://{prot:x}/"\n', "web.base_url", 3, "{port:NAME}", "{prot:x}", "mend"),
        (WEB + 'tls = { ca_file = "no.pem" }\n', "web.tls.ca_file", 4, "a file that exists", "no.pem", "path"),
        (WEB + "[timing]\nscenario = 5\n", "timing.scenario", 5, "more than", "5", ""),
        (WEB + "[timing]\nconnect = 0\n", "timing.connect", 5, "more than 0", "0", ""),
        (WEB + "[timing]\nconnect = nan\n", "timing.connect", 5, "more than 0", "nan", ""),
        (WEB + "[timing]\nconnect = 90000\n", "timing.connect", 5, "at most a day", "90000", ""),
        (WEB + "[timing]\nmax_report_delay = 1e9\n", "timing.max_report_delay", 5, "at most 30 days", "1000000000", ""),
        (WEB + "[timing]\nconnect = true\n", "timing.connect", 5, "a number", "true", ""),
        (WEB + '[provoke.delete]\nbody = "x"\n', "provoke.delete", 4, "either a command or a url", "a table with body", ""),
        (WEB + "min_tested = 1\n", "web.min_tested", 4, "base_url", "an unknown key", "[gate]"),
        (WEB + "[wbe]\n", "wbe", 4, "web", "an unknown key", "did you mean web?"),
        (WEB + "[web.modes.x]\nbase = 1\n", "web.modes.x.base", 5, "base_url", "an unknown key", "base_url?"),
        (ARCHIVE + 'colour = "blue"\n', "archive.destinations[1].colour", 18, "ae_title", "an unknown key", "[archive]"),
        (ARCHIVE.replace("11122", "70000"), "archive.destinations[1].port", 17, "0..65535", "70000", ""),
        (ARCHIVE.replace("11122", "0"), "archive.destinations[1].port", 17, "a fixed port", "0 (the system chooses)", "configured"),
        (ARCHIVE.replace("OURS2", "OURS1"), "archive.destinations[1].ae_title", 15, "another AE title", '"OURS1" twice', ""),
        (ARCHIVE.replace("OURS2", "A" * 17), "archive.destinations[1].ae_title", 15, "1 to 16 characters", "A" * 17, ""),
        (ARCHIVE + "[claims.archive]\nno_listner = true\n", "claims.archive.no_listner", 19, "no_listener", "an unknown key", "no_listener?"),
        (ARCHIVE + '[driver]\nkind="process"\ncommand=["x", "{destination:2:port}"]\n', "driver.command[1]", 20, "2 destinations", "{destination:2:port}", "add"),
    ],
)  # fmt: skip
def test_a_wrong_file_names_key_line_expected_seen_and_step(tmp_path, text, key, line, expected, seen, step):
    found = {problem.key: problem for problem in problems(tmp_path, text)}
    assert key in found, found
    problem = found[key]
    assert problem.line == line
    assert expected in problem.expected
    assert seen in problem.seen
    assert step in problem.next_step


def test_the_message_of_a_wrong_file(tmp_path):
    with pytest.raises(SutFileError) as caught:
        read(tmp_path, 'name = "a"\n[web]\nbase_ulr = "http://h/"\n')
    message = str(caught.value)
    assert message.splitlines()[0] == f"reading the SUT file {tmp_path / 'sut.toml'}: 2 problems"
    assert "line 3: web.base_ulr: expected one of the keys base_url" in message
    assert "did you mean base_url?" in message


def test_toml_syntax_names_the_line_and_shows_no_secret(tmp_path):
    with pytest.raises(UsageError) as caught:
        read(tmp_path, 'name = "a"\n[web]\nbase_url = http://h/\n')
    assert "line 3" in caught.value.seen
    assert "base_url = http://h/" in caught.value.seen
    with pytest.raises(UsageError) as caught:
        read(tmp_path, 'name = "a"\n[web]\ntoken = s3cret\n')
    assert "line 3" in caught.value.seen
    assert "s3cret" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    for path, seen in ((tmp_path / "none.toml", "No such file"), (tmp_path, "a directory")):
        with pytest.raises(UsageError, match="check the path") as caught:
            load(path, sections=SECTIONS)
        assert seen in caught.value.seen
        assert str(path) in caught.value.stage
    bad = tmp_path / "latin.toml"
    bad.write_bytes(b'name = "a"\nvendor = "M\xfcller"\n')
    with pytest.raises(UsageError) as caught:
        load(bad, sections=SECTIONS)
    assert (caught.value.expected, caught.value.seen) == ("text in UTF-8", "byte FCH in line 2")


# --- preloaded instances


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("uids.csv", "study,series,class,instance\n1.2.3,1.2.4,1.2.5,1.2.6\n1.2.3,1.2.4,1.2.5,1.2.7\n"),
        (
            "uids.json",
            json.dumps(
                [{"study": "1.2.3", "series": "1.2.4", "class": "1.2.5", "instance": f"1.2.{n}"} for n in (6, 7)]
            ),
        ),
    ],
)
def test_preloaded_instances(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    sut = read(tmp_path, WEB + f'[seeding]\nhow = "preloaded"\npreloaded = "{name}"\n')
    assert [each.sop_instance_uid for each in sut.preloaded] == ["1.2.6", "1.2.7"]
    assert (sut.preloaded[0].study_instance_uid, sut.preloaded[0].sop_class_uid) == ("1.2.3", "1.2.5")


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        ("study,series,instance\n1.2,1.3,1.4\n", "entry 1 has no class"),
        ("study,series,class,instance\n1.2,1.3,1.4,1.05\n", '"1.05" is no UID'),
        ("", "no instance"),
        ('{"a": 1}', "dict instead of a list"),
        ("[1]", "entry 1 is no object"),
        ("[", "not JSON"),
        (None, "No such file"),
    ],
)
def test_a_wrong_file_of_uids(tmp_path, content, seen):
    if content is not None:
        (tmp_path / "u").write_text(content)
    problem = only(tmp_path, WEB + '[seeding]\nhow = "preloaded"\npreloaded = "u"\n')
    assert (problem.key, problem.line) == ("seeding.preloaded", 6)
    assert seen in problem.seen


# --- the schema


def test_the_schema_is_valid_and_agrees_with_the_values():
    from jsonschema import Draft202012Validator

    full = full_schema(SECTIONS, CLAIMS)
    Draft202012Validator.check_schema(full)
    timing = full["properties"]["timing"]["properties"]
    defaults = dataclasses.asdict(Timing())
    assert {name: each["default"] for name, each in timing.items()} == defaults
    assert set(full["properties"]) >= {"driver", "seeding", "web", "archive"}


def test_the_installed_suites_have_schemas_that_fit():
    from stgcmt.suite import load_suites

    suites = load_suites()
    full = full_schema(
        {role: suite.schema for role, suite in suites.items()},
        {role: suite.claims_schema for role, suite in suites.items()},
    )
    assert set(suites) <= set(full["properties"])


def test_lines_of_keys():
    text = 'a = 1\n"b c" = """\n[no]\nx = 1\n"""\nlist = [\n  { k = "]" }, # ]\n]\n[t]\nd.e = 1\n[[t.l]]\nf = 1\n[[t.l]]\nf = 2\n[t.l.s]\ng = 1\n'
    found = toml_lines(text)
    expected = {
        ("a",): 1, ("b c",): 2, ("list",): 6, ("t",): 9, ("t", "d"): 10, ("t", "d", "e"): 10, ("t", "l", 0): 11,
        ("t", "l", 0, "f"): 12, ("t", "l", 1): 13, ("t", "l", 1, "f"): 14, ("t", "l", 1, "s"): 15, ("t", "l", 1, "s", "g"): 16,
    }  # fmt: skip
    assert found == expected


def test_errors_say_stage_expected_seen_and_next_step():
    for kind, code in ((UsageError, 2), (UnreachableError, 4), (HarnessError, 3)):
        error = kind("a stage", "this", "that", "do so")
        assert isinstance(error, StgcmtError)
        assert error.exit_code == code
        assert all(part in str(error) for part in ("a stage", "this", "that", "do so"))


def test_a_report_may_be_awaited_for_days(tmp_path):
    assert (
        read(tmp_path, WEB + "[timing]\nmax_report_delay = 259200\nreport_wait = 60\n").timing.max_report_delay
        == 259200
    )
