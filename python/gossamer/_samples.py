"""Recipes and samples as the library reads them: text, and files in a folder."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from ._errors import FileError, UsageError


def recipe_text(recipe: Any) -> str:
    """The recipe's YAML, of which JSON is a part."""
    if isinstance(recipe, Mapping):
        return json.dumps(recipe)
    if isinstance(recipe, str) and "\n" not in recipe and not recipe.endswith((".yaml", ".yml")):
        if ":" in recipe or "{" in recipe:
            return recipe
    elif isinstance(recipe, str) and "\n" in recipe:
        return recipe
    try:
        return pathlib.Path(recipe).read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(f"the recipe cannot be read: {error}") from None
    except TypeError:
        raise UsageError(
            f"a recipe is a path, text or a dict, not {type(recipe).__name__}"
        ) from None


def _named(sample: Any, names: list[str]) -> dict[str, np.ndarray]:
    if isinstance(sample, Mapping):
        given = dict(sample)
    elif isinstance(sample, (list, tuple)):
        if len(sample) != len(names):
            raise UsageError(f"a sample has {len(sample)} arrays, the model {len(names)} inputs")
        given = dict(zip(names, sample, strict=True))
    else:
        if len(names) != 1:
            raise UsageError(
                f"a sample is one array, the model has {len(names)} inputs",
                "give dicts by name, or lists of arrays",
            )
        given = {names[0]: sample}
    for name in given:
        if name not in names:
            raise UsageError(f"the model has no input '{name}'", "it has " + ", ".join(names))
    return {name: np.asarray(value) for name, value in given.items()}


def _write(samples: Iterable[Any], names: list[str], folder: str) -> None:
    for i, sample in enumerate(samples):
        with zipfile.ZipFile(os.path.join(folder, f"{i:08}.npz"), "w") as file:
            for name, value in _named(sample, names).items():
                with file.open(name + ".npy", "w", force_zip64=True) as entry:
                    np.lib.format.write_array(entry, value, allow_pickle=False)


@contextlib.contextmanager
def stored(samples: Any, names: list[str]) -> Iterator[str]:
    """A path that the library reads the samples from: theirs, or a folder that lasts as long as
    the context. Empty for None."""
    if samples is None or isinstance(samples, (str, os.PathLike)):
        yield "" if samples is None else os.fspath(samples)
        return
    with tempfile.TemporaryDirectory(prefix="gossamer-samples-") as folder:
        _write(samples, names, folder)
        yield folder
