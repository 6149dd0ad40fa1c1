# Sealed packages when things go wrong: policies that refuse, full disks, signals, failing system calls and kills leave
# the old file or the new one, and no plaintext in any file.
import os
import re
import resource
import signal
import subprocess

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.models.compare import TOOL

WEIGHTS = np.random.default_rng(7).standard_normal((128, 256)).astype(np.float32)
POLICY, IO, INTERRUPTED = 6, 9, 130


def tool(*arguments, code=0, before=(), **more):
    done = subprocess.run([*before, TOOL, *map(str, arguments)], capture_output=True, text=True, **more)
    assert done.returncode == code, (done.returncode, done.stderr)
    return done


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A clear package, keys, and the package sealed for one key and signed by another."""
    at = tmp_path_factory.mktemp("sealing")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 128])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 256])],
        [numpy_helper.from_array(WEIGHTS, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), at / "m.onnx")
    np.save(at / "x.npy", np.arange(256, dtype=np.float32).reshape(2, 128))
    tool("compile", at / "m.onnx", "-o", at / "clear.goss")
    for name, kind in [("key", []), ("other", []), ("sign", ["--sign"]), ("stranger", ["--sign"]),
                       ("counter", ["--symmetric"])]:
        public = tool("keygen", "-o", at / name, *kind).stdout
        (at / f"{name}.pub").write_text(public)
    tool("seal", at / "clear.goss", "-o", at / "sealed.goss", "--to", at / "key.pub", "--sign", at / "sign",
         "--name", "m", "--model-version", 2)
    return at


def policy(at, path, *lines):
    signer = (at / "sign.pub").read_text().strip()
    path.write_text("\n".join([f"signer {signer}", "signatures 1", *lines]) + "\n")
    return path


def test_policies_refuse(made, tmp_path):
    def seal(*more):
        tool("seal", made / "clear.goss", "-o", tmp_path / "s", "--to", made / "key.pub", *more)

    def opened(rules, code=0, package=tmp_path / "s"):
        tool("open", package, "--key", made / "key", "--policy", rules, code=code)

    rules = policy(made, tmp_path / "policy")
    seal()
    opened(rules, POLICY)  # nobody signed it
    seal("--sign", made / "stranger")
    opened(rules, POLICY)
    seal("--sign", made / "sign", "--sign", made / "stranger")
    opened(rules)
    seal("--sign", made / "sign", "--not-after", 1000)
    opened(rules, POLICY)
    seal("--sign", made / "sign", "--not-before", 1 << 40)
    opened(rules, POLICY)
    seal("--sign", made / "sign")
    opened(policy(made, tmp_path / "aes", "suite aes-256-gcm"), POLICY)
    opened(policy(made, tmp_path / "chacha", "suite chacha20-poly1305"))
    tool("open", made / "clear.goss", "--key", made / "key", code=2)
    tool("run", made / "clear.goss", "--policy", rules, code=POLICY)
    (tmp_path / "policy").write_text("signers all\n")
    opened(rules, 2)


def test_versions_do_not_go_back(made, tmp_path):
    rules = policy(made, tmp_path / "policy", "versions seen", f"versions-key {made}/counter")
    for version, code in [(3, 0), (3, 0), (5, 0), (4, POLICY), (5, 0)]:
        tool("seal", made / "clear.goss", "-o", tmp_path / "s", "--to", made / "key.pub", "--sign", made / "sign",
             "--name", "m", "--model-version", version)
        tool("open", tmp_path / "s", "--key", made / "key", "--policy", rules, code=code)


def helper_program(path, made, *lines):
    path.write_text("\n".join(["#!/bin/sh", "read -r request", *lines, f"cat {made}/key"]) + "\n")
    path.chmod(0o700)
    return f"exec:{path}"


def test_a_helper_is_asked_by_a_process_that_leaves_no_core(made, tmp_path):
    key = helper_program(tmp_path / "helper", made, f'echo "$request" >{tmp_path}/asked',
                         f"cat /proc/$PPID/limits >{tmp_path}/limits")
    tool("open", made / "sealed.goss", "--key", key)
    assert re.fullmatch(r"gossamer-key 1 [0-9a-f]{32} m\n", (tmp_path / "asked").read_text())
    assert re.search(r"^Max core file size +0 +0 ", (tmp_path / "limits").read_text(), re.M)


def test_ctrl_c_ends_it_and_leaves_nothing(made, tmp_path):
    """The helper interrupts who asks it, so that the signal is there before the first chunk."""
    (tmp_path / "out").mkdir()
    key = helper_program(tmp_path / "helper", made, "kill -INT $PPID")
    before = (made / "sealed.goss").read_bytes()
    for verb in [["seal", made / "clear.goss", "-o", tmp_path / "out/s", "--to", key],
                 ["open", made / "sealed.goss", "--key", key, "--clear-file", tmp_path / "out/c"],
                 ["rewrap", made / "sealed.goss", "--key", key, "--to", made / "other.pub"]]:
        expected = INTERRUPTED
        if verb[0] == "seal":  # a secret key is no recipient: make it one
            (tmp_path / "to").write_text(f"#!/bin/sh\nkill -INT $PPID\ncat {made}/counter\n")
            (tmp_path / "to").chmod(0o700)
            verb[-1] = f"exec:{tmp_path}/to"
        tool(*verb, code=expected)
        assert os.listdir(tmp_path / "out") == []
    assert (made / "sealed.goss").read_bytes() == before


def test_a_full_disk_leaves_nothing(made, tmp_path):
    def narrow():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (70000, 70000))

    for verb in [["seal", made / "clear.goss", "--to", made / "key.pub", "-o", tmp_path / "s"],
                 ["open", made / "sealed.goss", "--key", made / "key", "--clear-file", tmp_path / "s"],
                 ["rewrap", made / "sealed.goss", "--key", made / "key", "--to", made / "key.pub", "-o", tmp_path / "s"],
                 ["sign", made / "sealed.goss", "--key", made / "stranger", "-o", tmp_path / "s"]]:
        tool(*verb, code=IO, preexec_fn=narrow, restore_signals=False)
        assert os.listdir(tmp_path) == []


def traced(arguments, *rules):
    """The exit status of a verb whose system calls are watched or made to fail, and the trace."""
    if subprocess.run(["strace", "-o", "/dev/null", "true"]).returncode != 0:
        pytest.skip("this machine lets nobody trace a process")
    watch = ["strace", "-f", "-qq", "-o", "/dev/stdout", *rules]
    done = subprocess.run([*watch, TOOL, *map(str, arguments)], capture_output=True, text=True)
    return done.returncode, done.stdout


def test_running_writes_no_file(made):
    code, calls = traced(["run", made / "sealed.goss", "--key", made / "key", "--input", f"x={made}/x.npy"],
                         "-e", "trace=openat,creat,memfd_create,mmap,pwrite64,rename,renameat,renameat2")
    assert code == 0 and "sealed.goss" in calls
    calls = "\n".join(line for line in calls.splitlines() if '"/proc/self/task/' not in line)  # names of threads
    assert not re.search(r"O_WRONLY|O_RDWR|O_CREAT|memfd_create|creat\(|pwrite|rename|PROT_WRITE.*MAP_SHARED", calls)


WRITES = ["write", "pwrite64", "fsync", "rename", "renameat"]
READS = ["pread64", "fstat", "openat"]


@pytest.mark.parametrize("verb", ["seal", "rewrap"])
def test_killed_at_any_write_the_old_file_or_the_new_is_there(made, tmp_path, verb):
    place = tmp_path / "s"
    verbs = {"seal": ["seal", made / "clear.goss", "--to", made / "other.pub", "-o", place],
             "rewrap": ["rewrap", place, "--key", made / "key", "--to", made / "other.pub"]}
    old = (made / "sealed.goss").read_bytes()
    killed = 0
    for call in WRITES:
        for n in range(1, 40):
            place.write_bytes(old)
            code, _ = traced(verbs[verb], "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={n}")
            if place.read_bytes() != old:
                tool("open", place, "--key", made / "other")
            if code == 0:
                break
            killed += 1
        assert code == 0
    assert killed > 3


@pytest.mark.parametrize("error", ["EIO", "ENOSPC", "EINTR"])
def test_a_failing_call_is_a_clean_error(made, tmp_path, error):
    out = tmp_path / "s"
    seal = ["seal", made / "clear.goss", "--to", made / "key.pub", "-o", out]
    reading = ["open", made / "sealed.goss", "--key", made / "key"]
    failed = 0
    for arguments, calls, where in [(seal, WRITES, []), (reading, READS, ["-P", str(made / "sealed.goss")])]:
        for call in calls:
            for n in range(1, 40):
                code, trace = traced(arguments, *where, "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={n}")
                if "INJECTED" not in trace:
                    break
                again = error == "EINTR" and call in ("write", "pwrite64", "pread64")
                assert code in ((0,) if again else (0, 2, IO)), (call, n, code, trace)
                assert code == 0 or os.listdir(tmp_path) == [], (call, n, trace)
                out.unlink(missing_ok=True)
                failed += code != 0
            assert code == 0 and n < 39
            out.unlink(missing_ok=True)
    assert failed > 3 or error == "EINTR"
