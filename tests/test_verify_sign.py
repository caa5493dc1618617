"""`stgcmt verify` and `stgcmt sign`: whatever is changed, added or removed is found and named."""

from __future__ import annotations

import base64
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from small_bundle import small
from stgcmt.commands.sign import command as sign
from stgcmt.commands.verify import checked
from stgcmt.commands.verify import command as verify
from stgcmt.errors import StgcmtError, UsageError
from stgcmt.files import whole_directory, write_whole
from stgcmt_reports import manifest, signing


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    directory = tmp_path_factory.mktemp("pristine") / "bundle"
    directory.mkdir()
    small(directory)
    return directory


@pytest.fixture
def bundle(pristine, tmp_path):
    return Path(shutil.copytree(pristine, tmp_path / "bundle"))


def pem(path, key, **options):
    protection = options.get("protection", serialization.NoEncryption())
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection),
    )
    public = path.with_suffix(".pub.pem")
    public.write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return path, public


@pytest.fixture
def keys(tmp_path):
    return pem(tmp_path / "lab.pem", Ed25519PrivateKey.generate())


def run(command, *arguments):
    return CliRunner().invoke(command, [str(each) for each in arguments])


def test_an_untouched_bundle(bundle):
    done = run(verify, bundle)
    assert done.exit_code == 0
    assert "every file is as the manifest says; nobody signed it" in done.output


def files_of(bundle):
    return sorted(path for path in bundle.rglob("*") if path.is_file())


def test_one_byte_anywhere_is_found_and_named(bundle, keys):
    """Every file, the manifest and the signature themselves included; several places of each, any other value."""
    assert run(sign, bundle, "--key", keys[0]).exit_code == 0
    assert checked(bundle, None)[0] == []
    chance = random.Random(11)
    names = [path.relative_to(bundle).as_posix() for path in files_of(bundle)]
    assert {"manifest.json", "manifest.intoto.jsonl", "transcripts/run.jsonl", "results.json"} <= set(names)
    for name in names:
        path = bundle / name
        before = path.read_bytes()
        places = {0, len(before) - 1, *(chance.randrange(len(before)) for _ in range(25))} if before else ()
        for place in sorted(places):
            changed = bytearray(before)
            changed[place] ^= chance.choice((1, 32, 128))
            path.write_bytes(changed)
            problems, _ = checked(bundle, None)
            assert any(problem.startswith(name) for problem in problems), (name, place, problems)
        path.write_bytes(before)


def test_every_byte_of_the_manifest_and_of_a_signature_counts(bundle, keys):
    run(sign, bundle, "--key", keys[0])
    for name in ("manifest.json", "manifest.intoto.jsonl"):
        path = bundle / name
        before = path.read_bytes()
        for place in range(0, len(before), 3):
            path.write_bytes(before[:place] + bytes([before[place] ^ 1]) + before[place + 1 :])
            assert any(each.startswith(name) for each in checked(bundle, None)[0]), (name, place)
        for cut in (1, len(before) // 2, len(before)):
            path.write_bytes(before[:-cut])
            assert any(each.startswith(name) for each in checked(bundle, None)[0]), (name, cut)
        path.write_bytes(before + b" ")
        assert any(each.startswith(name) for each in checked(bundle, None)[0])
        path.write_bytes(before)
    assert checked(bundle, None)[0] == []


def test_files_added_removed_renamed_and_linked(bundle):
    (bundle / "transcripts" / "new.jsonl").touch()
    (bundle / ".hidden").write_bytes(b"x")
    (bundle / "junit.xml").unlink()
    (bundle / "sut.json").rename(bundle / "sut2.json")
    (bundle / "report.html").rename(bundle.parent / "report.html")
    (bundle / "report.html").symlink_to(bundle.parent / "report.html")
    done = run(verify, bundle)
    assert done.exit_code == 1
    assert done.output.splitlines() == [
        "junit.xml is missing",
        "sut.json is missing",
        ".hidden is not in the manifest",
        "sut2.json is not in the manifest",
        "transcripts/new.jsonl is not in the manifest",
        "report.html is a link or another thing that is no plain file",
        f"{bundle}: 6 differences",
    ]


def test_a_manifest_that_is_gone_or_leads_elsewhere(bundle, tmp_path):
    value = json.loads((bundle / "manifest.json").read_text())
    value["files"].append({"path": "../lab.pem", "size": 1, "sha256": "0"})
    (bundle / "manifest.json").write_text(json.dumps(value))
    assert "../lab.pem in manifest.json leads out of the bundle" in run(verify, bundle).output
    (bundle / "manifest.json").write_text("{")
    assert run(verify, bundle).exit_code == 1
    (bundle / "manifest.json").unlink()
    done = run(verify, bundle)
    assert (done.exit_code, "manifest.json is missing" in done.output) == (1, True)
    with pytest.raises(UsageError, match="a directory that `stgcmt run` wrote"):
        checked(tmp_path / "nothing", None)


def test_a_signature_tells_its_signer(bundle, keys, tmp_path):
    assert run(sign, bundle, "--key", keys[0]).exit_code == 0
    second = pem(tmp_path / "vendor.pem", Ed25519PrivateKey.generate())
    assert run(sign, bundle, "--key", second[0]).exit_code == 0
    done = run(verify, bundle, "--public-key", keys[1])
    assert done.exit_code == 0
    assert done.output.count("signed by") == 2
    assert done.output.count("the key that you gave") == 1
    stranger = pem(tmp_path / "stranger.pem", Ed25519PrivateKey.generate())
    refused = run(verify, bundle, "--public-key", stranger[1], "--json")
    assert refused.exit_code == 1
    assert "did not sign this bundle" in json.loads(refused.output)["problems"][0]


def test_a_new_manifest_does_not_fit_the_signature(bundle, keys):
    """Whoever changes a file and writes the manifest anew is found by the signature."""
    evidence = json.loads((bundle / "results.json").read_text())
    run(sign, bundle, "--key", keys[0])
    (bundle / "junit.xml").write_text("<testsuites/>")
    manifest.write_manifest(bundle, results=evidence)
    done = run(verify, bundle, "--public-key", keys[1])
    assert done.exit_code == 1
    assert "manifest.json is not the one that was signed" in done.output


def test_another_key_in_the_envelope_is_not_ours(bundle, keys):
    """A forger who signs anew with a key of his own and writes our key id is found."""
    evidence = json.loads((bundle / "results.json").read_text())
    forger = Ed25519PrivateKey.generate()
    signing.sign(bundle, forger, evidence)
    path = bundle / "manifest.intoto.jsonl"
    ours = signing.key_id(signing.public_key(keys[1]))
    path.write_text(path.read_text().replace(signing.key_id(forger.public_key()), ours))
    done = run(verify, bundle, "--public-key", keys[1])
    assert done.exit_code == 1
    assert "its envelope was changed" in done.output


def test_the_envelope_is_dsse_and_in_toto(bundle, keys):
    """Read by hand, as another tool would: DSSE's pre-authentication encoding, in-toto's statement."""
    run(sign, bundle, "--key", keys[0])
    envelope = json.loads((bundle / "manifest.intoto.jsonl").read_text())
    payload = base64.b64decode(envelope["payload"])
    signed = b"DSSEv1 28 application/vnd.in-toto+json " + str(len(payload)).encode() + b" " + payload
    signing.public_key(keys[1]).verify(base64.b64decode(envelope["signatures"][0]["sig"]), signed)
    statement = json.loads(payload)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"][0]["name"] == "manifest.json"
    said = statement["predicate"]
    assert (said["result"], said["tested"], said["total"]) == ("FAILED", 5, 7)
    assert "origin_server/WEB-13.4.3-01" in said["failedTests"]


def test_keys_that_are_none(bundle, keys, tmp_path):
    wrong = [tmp_path / "text", pem(tmp_path / "ec.pem", ec.generate_private_key(ec.SECP256R1()))[0], tmp_path / "gone"]
    wrong[0].write_text("hello")
    for path in wrong:
        with pytest.raises(UsageError, match="an Ed25519 key in PEM"):
            sign.callback(bundle=bundle, key=path, password_env=None)
    assert not (bundle / "manifest.intoto.jsonl").exists()
    with pytest.raises(UsageError, match="an Ed25519 key in PEM"):
        checked(bundle, keys[0])  # a private key where the public one is wanted


def test_a_key_with_a_password(bundle, tmp_path, monkeypatch):
    key, _ = pem(
        tmp_path / "safe.pem",
        Ed25519PrivateKey.generate(),
        protection=serialization.BestAvailableEncryption(b"correct horse"),
    )
    monkeypatch.setenv("KEY_PASSWORD", "correct horse")
    assert run(sign, bundle, "--key", key, "--password-env", "KEY_PASSWORD").exit_code == 0
    with pytest.raises(UsageError, match="assword"):
        sign.callback(bundle=bundle, key=key, password_env=None)


def test_a_changed_bundle_is_not_signed(bundle, keys):
    (bundle / "junit.xml").write_text("<testsuites/>")
    with pytest.raises(UsageError, match=r"junit.xml has another size"):
        sign.callback(bundle=bundle, key=keys[0], password_env=None)


def test_openssl_makes_the_keys_that_the_help_names(bundle, tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine")
    key, public = tmp_path / "key.pem", tmp_path / "key.pub.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)
    assert run(sign, bundle, "--key", key).exit_code == 0
    assert run(verify, bundle, "--public-key", public).exit_code == 0


def test_the_command_line_says_it_without_a_traceback(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", "from stgcmt.cli import main; main()", "verify", tmp_path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "expected" in done.stderr and "Traceback" not in done.stderr


# --- files that are whole or not there ---------------------------------------------------------------------------------


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_text("before")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "after")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a", "before")]


def test_a_directory_is_whole_or_not_there(tmp_path):
    with pytest.raises(StgcmtError, match="No space"), whole_directory(tmp_path / "out", "scrubbing") as partial:
        (partial / "half").write_text("x")
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []
    with whole_directory(tmp_path / "out", "scrubbing") as partial:
        (partial / "all").write_text("x")
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["all"]
    with pytest.raises(UsageError, match="holds files already"), whole_directory(tmp_path / "out", "scrubbing"):
        pass


def test_a_writer_that_fails_leaves_nothing(tmp_path, monkeypatch, capsys):
    from stgcmt_reports import junit

    def half(_evidence, directory):
        (directory / "junit.xml").write_text("<half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(junit, "write", half)
    with pytest.raises(AssertionError):
        small(tmp_path)
    assert "the writer junit failed" in capsys.readouterr().err
    assert not (tmp_path / "junit.xml").exists()
    assert not list(tmp_path.glob(".stgcmt*"))
    assert checked(tmp_path, None) == ([], [])
