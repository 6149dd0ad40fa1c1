# Small files that ask for much: elements, nodes, trips of a loop, expanded functions.
import numpy as np
from onnx import TensorProto

from . import wire
from .cases import INT64, LIMIT, MALFORMED, add, graph, info, model, node, tensor
from .graphs import call, function

BOOL = TensorProto.BOOL
X = {"x": np.zeros((2, 3), np.float32)}
REFUSED = (MALFORMED, LIMIT)


def ints(name: str, values) -> TensorProto:
    return tensor(name, np.array(values, np.int64))


def bomb(name: str, op, *initializers, dtype: int = TensorProto.FLOAT) -> None:
    """One node whose constant inputs ask for more elements than any machine holds."""
    add(name, model([op], None, [info("y", None, dtype)], initializers), REFUSED, "culprit", X)


def add_element_bombs() -> None:
    bomb("constant_of_huge_shape", node("ConstantOfShape", ["s"], ["y"]), ints("s", [2**25, 2**25]))
    bomb(
        "constant_of_overflowing_shape",
        node("ConstantOfShape", ["s"], ["y"]),
        ints("s", [2**32, 2**32]),
    )
    bomb("constant_of_negative_shape", node("ConstantOfShape", ["s"], ["y"]), ints("s", [-4]))
    bomb("expand_bomb", node("Expand", ["x", "s"], ["y"]), ints("s", [2**48, 2, 3]))
    bomb("tile_bomb", node("Tile", ["x", "s"], ["y"]), ints("s", [2**30, 2**30]))
    bomb("tile_overflow", node("Tile", ["x", "s"], ["y"]), ints("s", [2**62, 2**62]))
    bomb("pad_bomb", node("Pad", ["x", "s"], ["y"]), ints("s", [0, 0, 2**40, 2**20]))
    bomb(
        "range_bomb",
        node("Range", ["b", "e", "d"], ["y"]),
        ints("b", 0),
        ints("e", 10**18),
        ints("d", 1),
        dtype=INT64,
    )
    bomb(
        "range_over_all_integers",
        node("Range", ["b", "e", "d"], ["y"]),
        ints("b", -(2**63)),
        ints("e", 2**63 - 1),
        ints("d", 1),
        dtype=INT64,
    )
    bomb(
        "one_hot_bomb",
        node("OneHot", ["i", "d", "v"], ["y"]),
        ints("i", [1]),
        ints("d", 2**50),
        tensor("v", np.zeros(2, np.float32)),
    )
    bomb(
        "resize_bomb",
        node("Resize", ["x", "", "s"], ["y"]),
        tensor("s", np.array([1e15, 1e15], np.float32)),
    )
    bomb("random_bomb", node("RandomNormal", [], ["y"], shape=[2**40, 2**10]))
    pairs = [chr(ord("a") + k) + chr(ord("A") + k) for k in range(24)]
    bomb(
        "outer_product_bomb",
        node("Einsum", ["x"] * 24, ["y"], equation=f"{','.join(pairs)}->{''.join(pairs)}"),
    )


def add_node_bombs() -> None:
    def many_nodes(count: int) -> bytes:
        one = wire.data(wire.NODE_INPUT, "x") + wire.data(wire.NODE_OP, "Relu")
        return wire.model(wire.data(wire.GRAPH_NODE, one) * count)

    add("nodes_2_to_20", lambda: many_nodes(2**20), REFUSED)
    add(
        "initializers_2_to_20",
        lambda: wire.model(wire.data(wire.GRAPH_INITIALIZER, b"") * 2**20),
        REFUSED,
    )
    add(
        "node_inputs_2_to_21",
        lambda: wire.model(
            wire.data(
                wire.GRAPH_NODE,
                wire.data(wire.NODE_OP, "Sum") + wire.data(wire.NODE_INPUT, "") * 2**21,
            )
        ),
        REFUSED,
    )
    doubling = [
        node("Concat", [f"v{k}", f"v{k}"], [f"v{k + 1}"], f"double_{k}", axis=0) for k in range(64)
    ]
    add(
        "doubling_64_times",
        model(doubling, [info("v0", (1,))], [info("v64", None)]),
        REFUSED,
        "double_",
        {"v0": np.zeros(1, np.float32)},
    )
    add(
        "doubling_64_times_of_unknown_extent",
        model(doubling, [info("v0", ("n",))], [info("v64", None)]),
        REFUSED,
        "double_",
        {"v0": np.zeros(1, np.float32)},
    )


def add_loop_bombs() -> None:
    state = [info("i", (), INT64), info("go_in", (), BOOL)]
    keep = node("Identity", ["go_in"], ["go"], "keep")
    body = graph(
        [keep, node("Identity", ["v"], ["w"], "copy")],
        [*state, info("v")],
        [info("go", (), BOOL), info("w")],
    )
    most = ints("most", 2**63 - 1)
    add(
        "loop_without_end",
        model([node("Loop", ["most", "", "x"], ["y"], body=body)], initializers=[most]),
        REFUSED,
        "culprit",
        X,
    )
    grow = graph(
        [keep, node("Concat", ["v", "v"], ["w"], "grow", axis=0)],
        [*state, info("v", ("n", 3))],
        [info("go", (), BOOL), info("w", ("m", 3))],
    )
    add(
        "loop_doubling_its_state",
        model([node("Loop", ["most", "", "x"], ["y"], body=grow)], None, [info("y", None)], [most]),
        REFUSED,
        "culprit",
        X,
    )
    scan = graph(
        [keep, node("Identity", ["x"], ["w"], "copy")], state, [info("go", (), BOOL), info("w")]
    )
    add(
        "loop_with_endless_scan_output",
        model([node("Loop", ["most", ""], ["y"], body=scan)], None, [info("y", None)], [most]),
        REFUSED,
        "culprit",
        X,
    )


def add_function_bombs() -> None:
    def doubling_function(k: int, inner: str):
        return function(f"F{k}", [call(inner, "a", "m", "first"), call(inner, "m", "b", "second")])

    last = function("F0", [node("Relu", ["a"], ["b"], "leaf")])
    functions = [last] + [doubling_function(k, f"F{k - 1}") for k in range(1, 40)]
    add(
        "functions_expanding_exponentially",
        model([call("F39")], functions=functions, domains=["mine"]),
        REFUSED,
    )
    chain = [last] + [
        function(f"F{k}", [call(f"F{k - 1}", "a", "b", "next")]) for k in range(1, 5000)
    ]
    add(
        "functions_nested_5000_deep",
        lambda: model([call("F4999")], functions=chain, domains=["mine"]),
        REFUSED,
    )


add_element_bombs()
add_node_bombs()
add_loop_bombs()
add_function_bombs()
