"""Small models that the tests of the Python package run, as bytes."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def info(name, shape, dtype=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def build(nodes, inputs, outputs, initializers=(), opset=17, **more) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "graph",
        inputs,
        outputs,
        [numpy_helper.from_array(value, name) for name, value in dict(initializers).items()],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, **more
    )


WEIGHT = np.array([[1, 2], [3, 4], [5, 6]], np.float32)


def mul() -> bytes:
    """Y = X * W, all [3,2]."""
    node = helper.make_node("Mul", ["X", "W"], ["Y"], name="times")
    return build(
        [node], [info("X", [3, 2])], [info("Y", [3, 2])], {"W": WEIGHT}
    ).SerializeToString()


def matmul() -> bytes:
    """Y[N,1] = X[N,2] W[2,1]."""
    node = helper.make_node("MatMul", ["X", "W"], ["Y"])
    weight = np.array([[1], [2]], np.float32)
    return build(
        [node], [info("X", ["N", 2])], [info("Y", ["N", 1])], {"W": weight}
    ).SerializeToString()


def outer(symbol: str) -> bytes:
    """z = x + y of columns and rows, whose lengths the file gives one symbol."""
    node = helper.make_node("Add", ["x", "y"], ["z"])
    ports = [info("x", [symbol, 1]), info("y", [1, symbol]), info("z", [None, None])]
    return build([node], ports[:2], ports[2:]).SerializeToString()


def both(dtype=TensorProto.BOOL) -> bytes:
    """output:0 = And(input1:0, input:0), [2,2]."""
    node = helper.make_node("And", ["input1:0", "input:0"], ["output:0"])
    inputs = [info("input1:0", [2, 2], dtype), info("input:0", [2, 2], dtype)]
    return build([node], inputs, [info("output:0", [2, 2], dtype)]).SerializeToString()


def identity(dtype, shape=(2, 2), opset=17) -> bytes:
    node = helper.make_node("Identity", ["input:0"], ["output:0"])
    return build(
        [node], [info("input:0", shape, dtype)], [info("output:0", shape, dtype)], opset=opset
    ).SerializeToString()


def passed_through() -> bytes:
    """plus = x + 10, and x itself."""
    node = helper.make_node("Add", ["x", "ten"], ["plus"])
    shape = [1, 2, 2, 2]
    return build(
        [node], [info("x", shape)], [info("plus", shape), info("x", shape)], {"ten": np.float32(10)}
    ).SerializeToString()


def sequence_length() -> bytes:
    node = helper.make_node("SequenceLength", ["X"], ["Y"])
    x = helper.make_tensor_sequence_value_info("X", TensorProto.FLOAT, None)
    return build([node], [x], [info("Y", [], TensorProto.INT64)]).SerializeToString()


def sequence_construct() -> bytes:
    node = helper.make_node("SequenceConstruct", ["a", "b"], ["s"])
    s = helper.make_tensor_sequence_value_info("s", TensorProto.INT64, None)
    inputs = [info("a", [2, 3], TensorProto.INT64), info("b", [2, 3], TensorProto.INT64)]
    return build([node], inputs, [s]).SerializeToString()


def sequence_insert() -> bytes:
    node = helper.make_node("SequenceInsert", ["s", "t"], ["r"])
    s = helper.make_tensor_sequence_value_info("s", TensorProto.INT64, None)
    r = helper.make_tensor_sequence_value_info("r", TensorProto.INT64, None)
    return build([node], [s, info("t", [2, 3], TensorProto.INT64)], [r]).SerializeToString()


def optional_sequence() -> bytes:
    """An optional sequence of tensors, given back."""
    element = helper.make_sequence_type_proto(helper.make_tensor_type_proto(1, [5]))
    optional = helper.make_optional_type_proto(element)
    node = helper.make_node("Identity", ["o"], ["p"])
    ports = [onnx.helper.make_value_info(name, optional) for name in ("o", "p")]
    return build([node], ports[:1], ports[1:]).SerializeToString()


def nonzero() -> bytes:
    """The places of what is not zero: how many, only the run can tell."""
    node = helper.make_node("NonZero", ["x"], ["y"])
    y = info("y", [1, "n"], TensorProto.INT64)
    return build([node], [info("x", ["k"])], [y]).SerializeToString()


def reshape() -> bytes:
    """y = Reshape(x, shape): its structure depends on an input's value."""
    node = helper.make_node("Reshape", ["x", "shape"], ["y"])
    inputs = [info("x", ["n"]), info("shape", ["r"], TensorProto.INT64)]
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    return build([node], inputs, [y]).SerializeToString()


def defaulted() -> bytes:
    """Y = X * W + B, where W is an input with a default."""
    nodes = [helper.make_node("Mul", ["X", "W"], ["P"]), helper.make_node("Add", ["P", "B"], ["Y"])]
    inputs = [info("X", [3, 2]), info("W", [3, 2])]
    return build(
        nodes, inputs, [info("Y", [3, 2])], {"W": WEIGHT, "B": np.float32(1)}
    ).SerializeToString()


def long_loop() -> bytes:
    """Counts to n, slowly: each trip squares a matrix."""
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["m", "m"], ["p"]),
            helper.make_node("Tanh", ["p"], ["q"]),
            helper.make_node("Identity", ["go"], ["still"]),
        ],
        "body",
        [info("i", [], TensorProto.INT64), info("go", [], TensorProto.BOOL), info("m", [96, 96])],
        [info("still", [], TensorProto.BOOL), info("q", [96, 96])],
    )
    loop = helper.make_node("Loop", ["n", "", "x"], ["y"], body=body)
    inputs = [info("n", [], TensorProto.INT64), info("x", [96, 96])]
    return build([loop], inputs, [info("y", [96, 96])]).SerializeToString()


def unknown(domain="") -> bytes:
    """A model with an operator that nobody knows."""
    node = helper.make_node("Nope", ["X"], ["Y"], domain=domain)
    return build([node], [info("X", [3, 2])], [info("Y", [3, 2])]).SerializeToString()
