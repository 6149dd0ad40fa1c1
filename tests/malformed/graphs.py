# Mistakes in how a graph hangs together: names, order, subgraphs, types and model-local functions.
import numpy as np
from onnx import TensorProto, ValueInfoProto, helper

from . import wire
from .cases import INT64, LIMIT, MALFORMED, UNSUPPORTED, add, graph, info, model, node, tensor

BOOL = TensorProto.BOOL
relu = lambda x, y, name="culprit": node("Relu", [x], [y], name)


def add_name_mistakes() -> None:
    add(
        "cycle",
        model([node("Add", ["x", "b"], ["a"]), relu("a", "b", "back"), relu("b", "y", "out")]),
        says="culprit",
    )
    add(
        "cycle_of_one_node",
        model([node("Add", ["x", "a"], ["a"]), relu("a", "y", "out")]),
        says="culprit",
    )
    add(
        "input_used_before_definition",
        model([relu("later", "y"), relu("x", "later", "second")]),
        says="culprit",
    )
    add("input_never_defined", model([node("Add", ["x", "nowhere"], ["y"])]), says="culprit")
    add("output_never_produced", model([relu("x", "z")]), says="y")
    add("value_produced_twice", model([relu("x", "y", "first"), relu("x", "y")]), says="culprit")
    add(
        "value_produced_twice_by_one_node",
        model([node("Split", ["x"], ["y", "y"], axis=0)]),
        says="culprit",
    )
    add("node_writes_a_graph_input", model([relu("x", "x"), relu("x", "y", "out")]), says="culprit")
    add(
        "node_writes_an_initializer",
        model(
            [relu("x", "w"), relu("w", "y", "out")],
            initializers=[tensor("w", np.zeros(1, np.float32))],
        ),
        says="culprit",
    )
    add("graph_input_twice", model([relu("x", "y")], [info("x"), info("x")]), says="x")
    add("required_input_left_out", model([node("Add", ["x", ""], ["y"])]), says="culprit")
    add("graph_input_without_name", model([relu("x", "y")], [info("x"), info("")]))
    add("graph_input_without_type", model([relu("x", "y")], [ValueInfoProto(name="x")]), says="x")
    add("graph_input_of_undefined_dtype", model([relu("x", "y")], [info("x", dtype=0)]), says="x")
    add(
        "graph_input_of_dtype_9999",
        model([relu("x", "y")], [info("x", dtype=9999)]),
        [MALFORMED, UNSUPPORTED],
        "x",
    )
    add(
        "graph_output_type_differs",
        model([relu("x", "y")], None, [info("y", dtype=INT64)]),
        says="y",
    )

    def renamed(new: bytes) -> bytes:
        return (
            model([relu("x", "hello"), relu("hello", "y", "out")])
            .SerializeToString()
            .replace(b"hello", new)
        )

    add("name_not_utf8", renamed(b"he\xff\xfeo"))
    add("name_with_surrogate", renamed(b"h\xed\xa0\x80o"))
    add("name_with_nul", renamed(b"he\0lo"))
    add(
        "op_type_not_utf8",
        model([node("Relu1", ["x"], ["y"])]).SerializeToString().replace(b"Relu1", b"Rel\xff\xfe"),
        [MALFORMED],
    )


def add_subgraph_mistakes() -> None:
    flag, branch_input = info("c", (), BOOL), relu("x", "t", "inner")

    def choose(then, other, outputs=("y",)):
        nodes = [node("If", ["c"], outputs, then_branch=then, else_branch=other)]
        return model(nodes, [info("x"), flag], [info(o) for o in outputs])

    fine = graph([branch_input], [], [info("t")])
    add(
        "if_branches_with_different_output_counts",
        choose(fine, graph([branch_input], [], [info("t"), info("t")])),
        says="culprit",
    )
    add("if_outputs_differ_from_branches", choose(fine, fine, ("y", "z")), says="culprit")
    add(
        "if_branch_with_inputs",
        choose(fine, graph([branch_input], [info("u")], [info("t")])),
        says="culprit",
    )
    add(
        "if_branch_missing",
        model([node("If", ["c"], ["y"], then_branch=fine)], [info("x"), flag]),
        says="culprit",
    )
    add(
        "if_branch_output_never_produced",
        choose(fine, graph([branch_input], [], [info("nowhere")])),
        says="nowhere",
    )
    later = graph([relu("later", "t", "inner")], [], [info("t")])
    captured = [
        node("If", ["c"], ["y"], then_branch=later, else_branch=later),
        relu("x", "later", "second"),
    ]
    add("subgraph_captures_a_later_value", model(captured, [info("x"), flag]), says="inner")
    loop_in = [info("i", (), INT64), info("go_in", (), BOOL)]

    def loop(body, outputs=("y",)):
        trips = tensor("trips", np.array(2, np.int64))
        return model(
            [node("Loop", ["trips", "", "x"], outputs, body=body)],
            None,
            [info(o) for o in outputs],
            [trips],
        )

    keep = [node("Identity", ["go_in"], ["go"], "keep"), relu("v", "w", "inner")]
    outs = [info("go", (), BOOL), info("w")]
    add("loop_body_without_state_input", loop(graph(keep[:1], loop_in, outs[:1])), says="culprit")
    add(
        "loop_body_with_too_few_outputs",
        loop(graph(keep, [*loop_in, info("v")], outs[:1])),
        says="culprit",
    )
    add(
        "loop_with_too_many_outputs",
        loop(graph(keep, [*loop_in, info("v")], outs), ("y", "z")),
        says="culprit",
    )
    add(
        "loop_condition_of_wrong_type",
        loop(
            graph(
                [relu("v", "go", "keep"), *keep[1:]], [*loop_in, info("v")], [info("go"), info("w")]
            )
        ),
        says="culprit",
        inputs={"x": np.zeros((2, 3), np.float32)},
    )
    add(
        "scan_with_more_scan_inputs_than_inputs",
        model([node("Scan", ["x"], ["y"], num_scan_inputs=3, body=fine)]),
        says="culprit",
    )

    def wrap_graph(length: int):
        head = wire.data(wire.ATTRIBUTE_NAME, "then_branch") + wire.number(
            wire.ATTRIBUTE_TYPE, wire.ATTRIBUTE_TYPE_GRAPH
        )
        attribute = head + wire.tag(wire.ATTRIBUTE_GRAPH, wire.BYTES) + wire.varint(length)
        op = (
            wire.data(wire.NODE_OP, "If")
            + wire.tag(wire.NODE_ATTRIBUTE, wire.BYTES)
            + wire.varint(len(attribute) + length)
        )
        return wire.tag(wire.GRAPH_NODE, wire.BYTES) + wire.varint(
            len(op) + len(attribute) + length
        ) + op + attribute, b""

    for levels in (100, 10000):
        add(
            f"subgraphs_{levels}_deep",
            lambda levels=levels: wire.model(wire.nested(levels, wrap_graph, b"")),
            [MALFORMED, LIMIT],
        )

    def wrap_type(length: int):
        inner = wire.tag(wire.SEQUENCE_ELEMENT, wire.BYTES) + wire.varint(length)
        return wire.tag(wire.TYPE_SEQUENCE, wire.BYTES) + wire.varint(
            len(inner) + length
        ) + inner, b""

    kind = wire.nested(10000, wrap_type, b"")
    value = wire.data(wire.VALUE_NAME, "x") + wire.data(wire.VALUE_TYPE, kind)
    add(
        "type_nested_10000_deep", wire.model(wire.data(wire.GRAPH_INPUT, value)), [MALFORMED, LIMIT]
    )


def function(name: str, nodes, inputs=("a",), outputs=("b",), domain: str = "mine"):
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]
    return helper.make_function(domain, name, list(inputs), list(outputs), list(nodes), imports)


def call(name: str, x: str = "x", y: str = "y", label: str = "culprit"):
    return node(name, [x], [y], label, domain="mine")


def add_function_mistakes() -> None:
    def bad(name: str, functions, nodes=None, codes=(MALFORMED,), says: str = "F") -> None:
        add(
            "function_" + name,
            model(nodes or [call("F")], functions=functions, domains=["mine"]),
            codes,
            says,
        )

    inner = node("Relu", ["a"], ["b"], "inner")
    bad("calls_itself", [function("F", [call("F", "a", "b")])], codes=[MALFORMED, LIMIT])
    bad(
        "calls_itself_through_another",
        [function("F", [call("G", "a", "b")]), function("G", [call("F", "a", "b")])],
        codes=[MALFORMED, LIMIT],
    )
    bad("defined_twice", [function("F", [inner]), function("F", [inner])])
    bad(
        "without_its_input",
        [function("F", [node("Add", ["a", "c"], ["b"], "inner")], ["a", "c"])],
        says="culprit",
    )
    bad(
        "called_with_too_many_inputs",
        [function("F", [inner])],
        [node("F", ["x", "x"], ["y"], domain="mine")],
        says="culprit",
    )
    bad(
        "called_with_too_many_outputs",
        [function("F", [inner])],
        [node("F", ["x"], ["y", "z"], domain="mine")],
        says="culprit",
    )
    bad(
        "uses_an_outer_value",
        [function("F", [node("Add", ["a", "x"], ["b"], "inner")])],
        says="inner",
    )
    bad("output_never_produced", [function("F", [inner], outputs=["nowhere"])], says="nowhere")
    bad("input_twice", [function("F", [inner], ["a", "a"])])
    bad("not_defined", [function("G", [inner])], codes=[MALFORMED, UNSUPPORTED], says="culprit")
    bad(
        "with_unknown_operator",
        [function("F", [node("Nonsense", ["a"], ["b"], "inner")])],
        codes=[MALFORMED, UNSUPPORTED],
        says="Nonsense",
    )
    needs = function("F", [inner])
    needs.attribute.append("alpha")
    reads = helper.make_node("LeakyRelu", ["a"], ["b"], name="inner")
    reads.attribute.add(name="alpha", ref_attr_name="alpha", type=1)
    needs.node[0].CopyFrom(reads)
    bad(
        "attribute_of_wrong_type",
        [needs],
        [node("F", ["x"], ["y"], domain="mine", alpha="text")],
        says="inner",
    )


add_name_mistakes()
add_subgraph_mistakes()
add_function_mistakes()
