"""Puts this package in the place of onnxruntime: `import onnxruntime` then gives it."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys

_THEIRS = "onnxruntime"
_OURS = __package__


class _Loader(importlib.abc.Loader):
    def create_module(self, spec):
        return importlib.import_module(_OURS + spec.name[len(_THEIRS) :])

    def exec_module(self, module):
        """The module has been run under its own name."""


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name != _THEIRS and not name.startswith(_THEIRS + "."):
            return None
        ours = _OURS + name[len(_THEIRS) :]
        try:
            found = importlib.util.find_spec(ours)
        except ModuleNotFoundError:
            found = None
        if found is None:
            raise ModuleNotFoundError(f"gossamer has no stand-in for {name}", name=name)
        is_package = found.submodule_search_locations is not None
        return importlib.machinery.ModuleSpec(name, _Loader(), is_package=is_package)


def install() -> None:
    """Every later import of onnxruntime, of any of its modules, gives this package's.

    Raises:
        RuntimeError: onnxruntime itself has been imported already.
    """
    there = sys.modules.get(_THEIRS)
    if there is not None and there.__name__ != _OURS:
        raise RuntimeError("onnxruntime itself has been imported already")
    if not any(isinstance(f, _Finder) for f in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    sys.modules[_THEIRS] = importlib.import_module(_OURS)
