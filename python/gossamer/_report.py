"""Reports: one page that shows what a model weighs, where its time and memory go, and how near it is to another."""

from __future__ import annotations

import html
import json
import os
import pathlib
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from . import _core
from ._errors import UsageError, UnsupportedError
from ._model import Model, compare, load

_STYLE = """
:root { color-scheme: light dark; --ink: #222; --paper: #fff; --line: #ddd; --faint: #666; }
@media (prefers-color-scheme: dark) { :root { --ink: #ddd; --paper: #181a1b; --line: #444; --faint: #999; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 1100px; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; }
th, td { border-bottom: 1px solid var(--line); padding: .3em .9em; text-align: right; }
th:first-child, td:first-child { text-align: left; overflow-wrap: anywhere; }
pre { border: 1px solid var(--line); padding: .8em; overflow: auto; }
h2 { border-top: 2px solid var(--line); padding-top: .8em; margin-top: 2em; overflow-wrap: anywhere; }
p { color: var(--faint); }
"""

_CHARTS = (
    ("sizes", "Size by layer", "Weights as the program keeps them, colored by their element type."),
    ("latencies", "Latency by step", "Medians over runs; the slowest steps."),
    ("memory", "Memory over time", "Working memory that lives while each step runs."),
    ("roofline", "Roofline", "Each step's work and traffic beside what this machine can give."),
    ("precisions", "Precision map", "Element types of weights, step by step."),
)


def _plotly() -> str:
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        raise UnsupportedError(
            "reports need the package plotly", "pip install gossamer[report] brings it"
        ) from None
    return get_plotlyjs().replace("</script", "<\\/script")


def _cell(value: Any, digits: int = 3) -> str:
    return f"{value:.{digits}g}" if isinstance(value, float) else html.escape(str(value))


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = ["<table><tr>" + "".join(f"<th>{html.escape(h)}</th>" for h in head) + "</tr>"]
    for row in rows:
        lines.append("<tr>" + "".join(f"<td>{_cell(v)}</td>" for v in row) + "</tr>")
    return "\n".join(lines) + "</table>"


def _megabytes(count: float) -> str:
    return f"{count / 1e6:.2f}"


def _measure(model: Model, name: str, inputs: list, seconds: float) -> dict[str, Any]:
    found = model._core.steps(inputs, seconds)
    weights = sum(sum(row["constants"].values()) for row in found["rows"])
    return {"name": name, "weights": weights, **found}


def _overview(models: list[dict[str, Any]]) -> str:
    rows = [
        (
            m["name"],
            _megabytes(m["weights"]),
            f"{m['run_ms']:.3f}",
            f"{models[0]['run_ms'] / m['run_ms']:.2f}",
            _megabytes(m["arena_bytes"]),
            len(m["rows"]),
        )
        for m in models
    ]
    head = ("model", "weights, MB", "a run, ms", "times faster", "working memory, MB", "steps")
    return _table(head, rows)


def _accuracy(model: Model, original: Model, inputs: list) -> str:
    rows = [tuple(d) for d in compare(model, original, *inputs)]
    head = ("output", "largest difference", "root mean square", "relative", "same top")
    return "<h3>Accuracy against the original</h3>" + _table(head, rows)


def _recipe(compression: Mapping[str, Any] | None, text: str | None) -> str:
    if compression is None and text is None:
        return ""
    out = "<h3>Recipe</h3>"
    if compression is not None:
        text = text or compression["recipe"]
        before, after = compression["before"], compression["after"]
        out += _table(("", "before", "after"), [(k, before[k], after[k]) for k in before])
        out += "".join(f"<p>{html.escape(note)}</p>" for note in compression["notes"])
    return out + f"<pre>{html.escape(text or '')}</pre>"


def _page(data: dict[str, Any], sections: list[str]) -> str:
    script = (pathlib.Path(__file__).parent / "_report.js").read_text(encoding="utf-8")
    cpu = data["machine"]
    about = (
        f"{cpu['name']}, level {cpu['level']}, {cpu['threads']} threads; "
        f"{cpu['giga_flops']:.0f} GFLOP/s; gossamer {_core.version}"
    )
    policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:"
    held = json.dumps(data).replace("<", "\\u003c")
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Gossamer report</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<style>{_STYLE}</style></head><body><h1>Gossamer report</h1><p>{html.escape(about)}</p>
{_overview(data["models"])}
{"".join(sections)}
<script type="application/json" id="data">{held}</script>
<script>{_plotly()}</script><script>{script}</script></body></html>
"""


def report(
    models: Any,
    path: str | os.PathLike,
    *,
    original: Any = None,
    recipe: str | None = None,
    inputs: Sequence[Any] | Mapping[str, Any] | None = None,
    seconds: float = 1.0,
) -> None:
    """Writes one page (HTML, with all it needs inside) about a model or several.

    Args:
        models: A model, or what `load` takes; a list of these for several.
        path: Where the page goes.
        original: The model whose answers are right; differences from it are shown.
        recipe: The recipe's text, when the models did not come from `Model.compress`.
        inputs: Arrays in the model's order, or by name; made up when None.
        seconds: How long each model is measured.

    Raises:
        UnsupportedError: the package plotly is not installed.
        UsageError: inputs do not fit, or outputs differ in shape from the original's.
    """
    several = list(models) if isinstance(models, (list, tuple)) else [models]
    if not several:
        raise UsageError("no model was given")
    loaded = [m if isinstance(m, Model) else load(m) for m in several]
    right = original if original is None or isinstance(original, Model) else load(original)
    _plotly()  # before the work
    measured, sections = [], []
    for i, model in enumerate(loaded):
        source = model._source
        name = f"model {i + 1}" if isinstance(source, bytes) else pathlib.Path(source).name
        if inputs is None:
            values = model.samples()
        elif isinstance(inputs, Mapping):
            values = model._ordered((), inputs)
        else:
            values = model._ordered(tuple(inputs), {})
        measured.append(_measure(model, name, values, seconds))
        parts = [f"<h2>{html.escape(name)}</h2>"]
        for chart, title, text in _CHARTS:
            parts.append(f"<h3>{title}</h3><p>{text}</p>")
            parts.append(f'<div data-chart="{chart}" data-model="{i}"></div>')
        if right is not None:
            parts.append(_accuracy(model, right, values))
        parts.append(_recipe(model.compression, recipe))
        sections.append("\n".join(parts))
    page = _page({"machine": _core.machine(), "models": measured}, sections)
    folder = os.path.dirname(os.path.abspath(os.fspath(path)))
    with tempfile.NamedTemporaryFile(
        "w", dir=folder, suffix=".html", delete=False, encoding="utf-8"
    ) as file:
        file.write(page)
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)
