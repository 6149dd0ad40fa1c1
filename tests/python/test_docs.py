"""Examples in docstrings give what they say; stubs name what is there."""

import ast
import doctest
import pathlib

import pytest

import gossamer
from gossamer import _core, _model

from . import models

STUB = pathlib.Path(gossamer.__file__).parent / "_core.pyi"


@pytest.mark.parametrize("module", [gossamer, _model])
def test_docstrings(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.onnx").write_bytes(models.matmul())
    found = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert found.attempted > 0 and found.failed == 0


def test_stub():
    tree = ast.parse(STUB.read_text())
    stubbed = {n.name: n for n in tree.body if isinstance(n, (ast.ClassDef, ast.FunctionDef))}
    assert {n for n in dir(_core) if n[0] != "_" and n != "version"} == set(stubbed)
    for name in ("Flag", "Model"):
        methods = {n.name for n in stubbed[name].body if isinstance(n, ast.FunctionDef)}
        methods |= {n.target.id for n in stubbed[name].body if isinstance(n, ast.AnnAssign)}
        there = {n for n in dir(getattr(_core, name)) if n[0] != "_"}
        assert methods - {"__init__"} == there


def test_everything_public_is_described():
    for name in gossamer.__all__:
        assert getattr(gossamer, name).__doc__, name
    for name, value in vars(gossamer.Model).items():
        if not name.startswith("_") and callable(value):
            assert value.__doc__, name
