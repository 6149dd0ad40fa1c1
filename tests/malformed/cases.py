# What a malformed model's test case is, and short ways to write models for them.
import dataclasses
import pathlib
from collections.abc import Callable

import numpy as np
from onnx import GraphProto, ModelProto, TensorProto, helper, numpy_helper

MALFORMED, LIMIT, UNSUPPORTED = 4, 7, 8
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


@dataclasses.dataclass
class Case:
    """`build(folder)` writes the model and what goes with it, and returns the model's path."""

    name: str
    build: Callable[[pathlib.Path], pathlib.Path]
    codes: set[int]
    says: str = ""  # what the message must contain: the node's name where the mistake is at a node
    inputs: dict[str, np.ndarray] | None = (
        None  # given where the mistake may show only when the model runs
    )


CASES: list[Case] = []


def add(name: str, content, codes=(MALFORMED,), says: str = "", inputs=None) -> None:
    """Adds a case from bytes, a ModelProto, or a function that makes either when the case is
    tested."""

    def build(folder: pathlib.Path) -> pathlib.Path:
        made = content() if callable(content) else content
        path = folder / "model.onnx"
        path.write_bytes(made.SerializeToString() if isinstance(made, ModelProto) else made)
        return path

    CASES.append(Case(name, build, set(codes), says, inputs))


def info(name: str, shape=(2, 3), dtype: int = FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def node(op: str, inputs, outputs, name: str = "culprit", **attributes):
    return helper.make_node(op, list(inputs), list(outputs), name=name, **attributes)


def tensor(name: str, array) -> TensorProto:
    return numpy_helper.from_array(np.asarray(array), name)


def graph(nodes, inputs=None, outputs=None, initializers=(), sparse=()) -> GraphProto:
    """A graph; by default from x to y, both float (2, 3)."""
    inputs = [info("x")] if inputs is None else inputs
    outputs = [info("y")] if outputs is None else outputs
    return helper.make_graph(
        list(nodes), "g", inputs, outputs, list(initializers), sparse_initializer=list(sparse)
    )


def model(
    *arguments, opset: int = 17, ir: int = 8, functions=(), domains=(), **keywords
) -> ModelProto:
    imports = [helper.make_opsetid("", opset)] + [helper.make_opsetid(d, 1) for d in domains]
    return helper.make_model(
        graph(*arguments, **keywords),
        ir_version=ir,
        opset_imports=imports,
        functions=list(functions),
    )


def with_initializer(initializer: TensorProto) -> ModelProto:
    """y = x + w, where w is as given."""
    initializer.name = "w"
    return model([node("Add", ["x", "w"], ["y"], "plus")], initializers=[initializer])


def proto(dims, dtype: int = FLOAT, **fields) -> TensorProto:
    t = TensorProto(data_type=dtype, dims=dims)
    for key, value in fields.items():
        getattr(t, key).extend(value) if isinstance(value, list) else setattr(t, key, value)
    return t
