"""The two libraries: what they export and need, how large they are, and that programs build against an installation."""

import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
SAMPLE = ROOT / "tests" / "package" / "format_1.goss"
LIBRARIES = ["libgossamer_runtime.so", "libgossamer.so"]


def output(*command, **options) -> str:
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True, **options).stdout


@pytest.mark.parametrize("library", LIBRARIES)
def test_exports_are_those_of_the_kept_list(library):
    """A symbol may come; one that goes or changes its name breaks programs, and needs a new SOVERSION."""
    lines = output("nm", "-D", "--defined-only", BUILD / library).splitlines()
    symbols = sorted(line.split()[2].split("@")[0] for line in lines if " A " not in line)
    assert symbols == (ROOT / "tests" / "library" / "exports.txt").read_text().split()
    assert len(symbols) <= 60


@pytest.mark.parametrize("library", LIBRARIES)
def test_soname_carries_the_major_version(library):
    assert f"[{library}.0]" in output("readelf", "-d", BUILD / library)


@pytest.mark.parametrize("library", LIBRARIES)
def test_stays_when_it_is_closed(library):
    """Worker threads outlive dlclose: their code has to."""
    assert "NODELETE" in output("readelf", "-d", BUILD / library)


def test_runtime_needs_nothing_but_the_language():
    lines = output("readelf", "-d", BUILD / "libgossamer_runtime.so").splitlines()
    needed = {line.split("[")[1].rstrip("]").split(".so")[0] for line in lines if "(NEEDED)" in line}
    assert needed <= {"libc", "libm", "libstdc++", "libgcc_s", "ld-linux-x86-64"}


def test_runtime_is_small(tmp_path):
    output("strip", "-o", tmp_path / "s.so", BUILD / "libgossamer_runtime.so")
    assert (tmp_path / "s.so").stat().st_size <= 3 << 20


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("installed")
    output("cmake", "--install", BUILD, "--prefix", prefix)
    return prefix


def run(program, prefix) -> subprocess.CompletedProcess:
    folder = next(prefix.glob("lib*/**/libgossamer.so")).parent
    environment = dict(os.environ, LD_LIBRARY_PATH=str(folder))
    return subprocess.run([program, SAMPLE, "1", "2", "3", "4"], capture_output=True, text=True, env=environment)


@pytest.mark.parametrize("library", ["gossamer", "runtime"])
def test_find_package(installed, tmp_path, library):
    (tmp_path / "CMakeLists.txt").write_text(f"""
        cmake_minimum_required(VERSION 3.16)
        project(user LANGUAGES C CXX)
        set(CMAKE_CXX_STANDARD 20)
        find_package(gossamer 0.1 REQUIRED)
        add_executable(c {ROOT}/examples/run_model.c)
        add_executable(cpp {ROOT}/examples/run_model_cpp.cc)
        target_link_libraries(c PRIVATE gossamer::{library})
        target_link_libraries(cpp PRIVATE gossamer::{library})
        """)
    output("cmake", "-S", tmp_path, "-B", tmp_path / "b", f"-DCMAKE_PREFIX_PATH={installed}")
    output("cmake", "--build", tmp_path / "b")
    for program in ["c", "cpp"]:
        done = run(tmp_path / "b" / program, installed)
        assert (done.returncode, done.stdout, done.stderr) == (0, "4\n3\n2\n", "")


@pytest.mark.skipif(not shutil.which("pkg-config"), reason="pkg-config is not installed")
@pytest.mark.parametrize("library", ["gossamer", "gossamer_runtime"])
def test_pkg_config(installed, tmp_path, library):
    folder = next(installed.glob("lib*/**/pkgconfig"))
    environment = dict(os.environ, PKG_CONFIG_PATH=str(folder))
    flags = output("pkg-config", "--cflags", "--libs", library, env=environment).split()
    output("gcc", ROOT / "examples" / "run_model.c", *flags, "-o", tmp_path / "c")
    done = run(tmp_path / "c", installed)
    assert (done.returncode, done.stdout) == (0, "4\n3\n2\n")


def test_runtime_refuses_a_source_model_with_a_hint(installed, tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"anything")
    folder = next(installed.glob("lib*/**/pkgconfig"))
    environment = dict(os.environ, PKG_CONFIG_PATH=str(folder), LD_LIBRARY_PATH=str(folder.parent))
    include = installed / "include"
    command = ["gcc", ROOT / "examples" / "run_model.c", f"-I{include}", f"-L{folder.parent}", "-lgossamer_runtime"]
    output(*command, "-o", tmp_path / "c")
    done = subprocess.run([tmp_path / "c", tmp_path / "m.onnx"], capture_output=True, text=True, env=environment)
    assert done.returncode == 8
    assert "libgossamer" in done.stderr
