# Keys, sealing, opening, signing by the tool's verbs, as a publisher and a device would use them.
import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import time

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.models.compare import TOOL

USAGE, AUTHENTICATION, MALFORMED, KEY, POLICY, IO = 2, 3, 4, 5, 6, 9
MARK = b"these words are in the plain package"


def tool(*arguments, code=0, **more):
    done = subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, **more)
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a package of a model y = x w, keys, and the package sealed and signed."""
    folder = tmp_path_factory.mktemp("sealing")
    weights = np.random.default_rng(3).normal(size=(64, 4096)).astype(np.float32)
    weights.reshape(-1).view(np.uint8)[: len(MARK)] = np.frombuffer(MARK, np.uint8)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4096])],
        [numpy_helper.from_array(weights, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "m.onnx")
    tool("compile", folder / "m.onnx", "-o", folder / "m.goss")
    np.save(folder / "x.npy", np.ones((1, 64), np.float32))
    for name, words in {"device": [], "other": [], "me": ["--sign"], "you": ["--sign"]}.items():
        (folder / f"{name}.pub").write_text(tool("keygen", "-o", folder / f"{name}.key", *words).stdout)
    seal(folder, "sealed.goss", "--sign", folder / "me.key", "--name", "words", "--model-version", 3)
    return folder


def seal(folder, name, *words, code=0):
    arguments = ("seal", folder / "m.goss", "-o", folder / name, *words)
    if "--to" not in words:
        arguments += ("--to", folder / "device.pub")
    return tool(*arguments, code=code)


def test_secret_keys_are_for_their_owner_only(made):
    assert stat.S_IMODE(os.stat(made / "device.key").st_mode) == 0o600
    again = tool("keygen", "-o", made / "device.key", code=USAGE)
    assert "not overwritten" in again.stderr
    assert tool("keygen", "--public-of", made / "device.key").stdout == (made / "device.pub").read_text()
    os.chmod(shutil.copy(made / "device.key", made / "open.key"), 0o644)
    assert "others may read" in tool("open", made / "sealed.goss", "--key", made / "open.key", code=KEY).stderr


def test_anybody_sees_only_what_is_public(made):
    seen = json.loads(tool("inspect", made / "sealed.goss", "--json").stdout)
    assert seen["name"] == "words" and seen["model_version"] == 3 and seen["recipients"] == ["x25519"]
    assert seen["signers"] == [(made / "me.pub").read_text().strip()]
    assert seen["package_bytes"] == (made / "m.goss").stat().st_size
    assert MARK not in (made / "sealed.goss").read_bytes()


@pytest.mark.parametrize("suite", ["chacha20-poly1305", "aes-256-gcm"])
def test_a_sealed_model_answers_as_the_clear_one(made, suite, tmp_path):
    seal(made, f"{suite}.goss", "--suite", suite)
    key = ["--key", made / "device.key"]
    for name, words in {"m.goss": [], f"{suite}.goss": key}.items():
        tool("run", made / name, *words, "--input", f"x={made}/x.npy", "--output-dir", tmp_path / name)
    answers = [next((tmp_path / n).glob("*.npy")).read_bytes() for n in ("m.goss", f"{suite}.goss")]
    assert answers[0] == answers[1]
    tool("bench", made / f"{suite}.goss", *key, "--seconds", 0.05)
    tool("open", made / f"{suite}.goss", *key, "--clear-file", tmp_path / "clear.goss")
    assert (tmp_path / "clear.goss").read_bytes() == (made / "m.goss").read_bytes()
    assert stat.S_IMODE(os.stat(tmp_path / "clear.goss").st_mode) == 0o600


def test_without_its_key_nothing_opens(made, tmp_path):
    assert "give a key" in tool("open", made / "sealed.goss", code=KEY).stderr
    assert "none of the keys" in tool("open", made / "sealed.goss", "--key", made / "other.key", code=KEY).stderr
    clear = tmp_path / "clear.goss"
    tool("open", made / "sealed.goss", "--key", made / "other.key", "--clear-file", clear, code=KEY)
    assert not clear.exists()
    refused = tool("info", made / "sealed.goss", code=KEY)
    assert "is sealed" in refused.stderr and "--key" in refused.stderr


def test_keys_come_from_everywhere(made, tmp_path):
    key = (made / "device.key").read_text()
    helper_program = tmp_path / "helper"
    helper_program.write_text(f"#!/bin/sh\nread line\ncase $line in gossamer-key*words) cat {made}/device.key;; esac\n")
    helper_program.chmod(0o755)
    tool("open", made / "sealed.goss", "--key", f"exec:{helper_program}")
    read, write = os.pipe()
    os.write(write, key.encode())
    os.close(write)
    tool("open", made / "sealed.goss", "--key", f"fd:{read}", pass_fds=[read])
    os.close(read)
    (tmp_path / "model-key").write_text(key)
    (tmp_path / "model-key").chmod(0o600)
    environment = dict(os.environ, CREDENTIALS_DIRECTORY=str(tmp_path), WORDS="correct horse")
    tool("open", made / "sealed.goss", "--key", "cred:model-key", env=environment)
    sealed = ("seal", made / "m.goss", "-o", made / "phrase.goss", "--to", "env:WORDS")
    tool(*sealed, env=environment)
    tool("open", made / "phrase.goss", "--key", "env:WORDS", env=environment)
    environment["WORDS"] = "correct house"
    tool("open", made / "phrase.goss", "--key", "env:WORDS", env=environment, code=KEY)


def test_a_changed_byte_is_refused_with_nothing_written(made, tmp_path):
    whole = bytearray((made / "sealed.goss").read_bytes())
    for at in (40, 300, len(whole) // 2, len(whole) - 1):
        broken = bytearray(whole)
        broken[at] ^= 1
        (tmp_path / "broken.goss").write_bytes(broken)
        clear = tmp_path / "clear.goss"
        words = ("open", tmp_path / "broken.goss", "--key", made / "device.key", "--clear-file", clear)
        done = subprocess.run([TOOL, *map(str, words)], capture_output=True, text=True)
        assert done.returncode in (AUTHENTICATION, MALFORMED), (at, done.stderr)
        assert not clear.exists()
        done = subprocess.run([TOOL, "verify", tmp_path / "broken.goss", "--signer", made / "me.pub"], capture_output=True)
        assert done.returncode in (AUTHENTICATION, MALFORMED), at


def test_signers_are_checked(made):
    tool("verify", made / "sealed.goss", "--signer", made / "me.pub")
    tool("verify", made / "sealed.goss", "--signer", made / "you.pub", code=POLICY)
    assert "nobody is trusted" in tool("verify", made / "sealed.goss", code=USAGE).stderr
    tool("sign", made / "sealed.goss", "--key", made / "you.key", "-o", made / "both.goss")
    tool("verify", made / "both.goss", "--signer", made / "you.pub")
    assert len(json.loads(tool("inspect", made / "both.goss", "--json").stdout)["signers"]) == 2


def test_policies_hold(made, tmp_path):
    policy = tmp_path / "policy"
    me = (made / "me.pub").read_text().strip()
    policy.write_text(f"signer {me}\nsignatures 1\nsuite chacha20-poly1305\n")
    words = ("--key", made / "device.key", "--policy", policy)
    tool("open", made / "sealed.goss", *words)
    seal(made, "unsigned.goss")
    tool("open", made / "unsigned.goss", *words, code=POLICY)
    seal(made, "gcm.goss", "--sign", made / "me.key", "--suite", "aes-256-gcm")
    tool("open", made / "gcm.goss", *words, code=POLICY)
    seal(made, "late.goss", "--sign", made / "me.key", "--not-after", 1000)
    tool("open", made / "late.goss", *words, code=POLICY)
    assert "not sealed" in tool("bench", made / "m.goss", "--policy", policy, code=POLICY).stderr


def test_no_clear_copy_is_kept_to(made, tmp_path):
    seal(made, "kept.goss", "--no-clear-copy")
    words = ("open", made / "kept.goss", "--key", made / "device.key")
    tool(*words)
    tool(*words, "--clear-file", tmp_path / "clear.goss", code=POLICY)
    assert not (tmp_path / "clear.goss").exists()


def test_rewrapping_changes_who_can_open(made, tmp_path):
    wrapped = tmp_path / "wrapped.goss"
    tool("rewrap", made / "sealed.goss", "--key", made / "device.key", "--to", made / "other.pub", "-o", wrapped)
    tool("open", wrapped, "--key", made / "other.key")
    tool("open", wrapped, "--key", made / "device.key", code=KEY)
    tool("verify", wrapped, "--signer", made / "me.pub")
    tool("rewrap", made / "sealed.goss", "--key", made / "other.key", "--to", made / "other.pub", "-o", wrapped, code=KEY)
    tool("open", wrapped, "--key", made / "other.key")  # what was there stayed


def test_minisign_agrees(made, tmp_path):
    tool("sign", made / "m.goss", "--key", made / "me.key", "--beside", "-o", tmp_path / "m.minisig")
    (tmp_path / "minisign.pub").write_text(tool("keygen", "--public-of", made / "me.key", "--minisign").stdout)
    tool("verify", made / "m.goss", "--signer", made / "me.pub", "--beside", tmp_path / "m.minisig")
    words = ["minisign", "-V", "-p", tmp_path / "minisign.pub", "-m", made / "m.goss", "-x", tmp_path / "m.minisig"]
    assert subprocess.run(words, capture_output=True).returncode == 0
    changed = tmp_path / "changed.goss"
    changed.write_bytes((made / "m.goss").read_bytes()[:-1] + b"!")
    tool("verify", changed, "--signer", made / "me.pub", "--beside", tmp_path / "m.minisig", code=AUTHENTICATION)


def test_a_full_disk_leaves_no_half_file(made, tmp_path):
    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    out = tmp_path / "sealed.goss"
    words = ("seal", made / "m.goss", "-o", out, "--to", made / "device.pub")
    done = subprocess.run([TOOL, *map(str, words)], capture_output=True, text=True, preexec_fn=small_files)
    assert done.returncode == IO and "sealed.goss" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_leaves_no_half_file(made, tmp_path):
    """A helper that never answers is where sealing waits."""
    helper_program = tmp_path / "helper"
    started = tmp_path / "started"
    helper_program.write_text(f"#!/bin/sh\ntouch {started}\nexec sleep 60\n")
    helper_program.chmod(0o755)
    out = tmp_path / "out.goss"
    words = ("seal", made / "m.goss", "-o", out, "--to", f"exec:{helper_program}")
    run = subprocess.Popen([TOOL, *map(str, words)], stderr=subprocess.PIPE)
    while not started.exists():
        assert run.poll() is None
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    assert run.wait(timeout=20) == 130
    assert not out.exists()
