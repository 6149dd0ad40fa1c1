# Mistakes in a model's bytes, header, tensors and external data.
import os
import pathlib
import random

import numpy as np
from onnx import ModelProto, TensorProto, helper

from . import wire
from .cases import (
    CASES,
    LIMIT,
    MALFORMED,
    UNSUPPORTED,
    Case,
    add,
    info,
    model,
    node,
    proto,
    tensor,
    with_initializer,
)


def good_model() -> ModelProto:
    """A small convolutional network, well formed: the one that is cut short."""
    values = np.random.default_rng(0).standard_normal
    nodes = [
        node("Conv", ["x", "w", "b"], ["c"], "conv", pads=[1, 1, 1, 1]),
        node("Relu", ["c"], ["r"], "relu"),
        node("GlobalAveragePool", ["r"], ["p"], "pool"),
        node("Flatten", ["p"], ["f"], "flat"),
        node("Gemm", ["f", "m"], ["y"], "gemm", transB=1),
    ]
    weights = [
        tensor("w", values((8, 3, 3, 3), np.float32)),
        tensor("b", values(8, np.float32)),
        tensor("m", values((5, 8), np.float32)),
    ]
    return model(nodes, [info("x", (1, 3, 8, 8))], [info("y", (1, 5))], weights)


def add_broken_bytes() -> None:
    add("empty_file", b"")
    add("text_file", b"This is a text file, not a model.\n" * 40)
    add("random_bytes", random.Random(1).randbytes(20000))
    whole = good_model().SerializeToString()
    for percent in range(1, 100):
        add(f"truncated_at_{percent:02}_percent", whole[: len(whole) * percent // 100])
    identity = (
        wire.data(wire.NODE_INPUT, "x")
        + wire.data(wire.NODE_OUTPUT, "y")
        + wire.data(wire.NODE_OP, "Identity")
    )
    body = wire.data(wire.GRAPH_NODE, identity)
    add(
        "varint_overlong",
        wire.tag(wire.MODEL_IR, wire.VARINT) + b"\xff" * 10 + b"\x01" + wire.model(body),
    )
    add("varint_cut_off", wire.model(body) + b"\x80\x80")
    add(
        "wire_type_of_graph_wrong",
        wire.number(1, 8) + wire.tag(wire.MODEL_GRAPH, wire.FIXED64) + bytes(8),
    )
    add(
        "wire_type_of_op_type_wrong",
        wire.model(wire.data(wire.GRAPH_NODE, wire.number(wire.NODE_OP, 5))),
    )
    add("wire_type_7", wire.model(body) + wire.tag(30, 7) + bytes(8))
    add("group_never_closed", wire.tag(200, wire.START_GROUP) + wire.model(body))
    add("field_number_0", b"\x02\x00" + wire.model(body))
    add(
        "length_past_the_end",
        wire.number(1, 8) + wire.tag(wire.MODEL_GRAPH, wire.BYTES) + wire.varint(1 << 40) + b"x",
    )
    add(
        "length_of_64_bits",
        wire.number(1, 8) + wire.tag(wire.MODEL_GRAPH, wire.BYTES) + wire.varint(-1) + b"x",
    )


def add_header_mistakes() -> None:
    plain = lambda **k: model([node("Relu", ["x"], ["y"], "relu")], **k)
    add("ir_version_0", plain(ir=0))
    add("ir_version_negative", plain(ir=-5))
    add("ir_version_99", plain(ir=99), [UNSUPPORTED])
    add("opset_unknown", plain(opset=9999), [UNSUPPORTED])
    add("opset_0", plain(opset=0), [MALFORMED, UNSUPPORTED])
    add("opset_negative", plain(opset=-1), [MALFORMED, UNSUPPORTED])
    bare = plain()
    del bare.opset_import[:]
    add("opset_import_missing", bare)
    headless = plain()
    headless.ClearField("graph")
    add("graph_missing", headless)
    add(
        "domain_not_imported",
        model([node("Normalizer", ["x"], ["y"], domain="ai.onnx.ml")]),
        [MALFORMED, UNSUPPORTED],
        "culprit",
    )
    twice = plain()
    twice.opset_import.add(domain="", version=11)
    add("opset_imported_twice", twice)


def add_tensor_mistakes() -> None:
    def bad(name: str, initializer: TensorProto, codes=(MALFORMED,)) -> None:
        add(name, with_initializer(initializer), codes, "w")

    bad("dims_negative", proto([-1, 3], raw_data=bytes(12)))
    bad("dims_huge", proto([2**62], raw_data=bytes(12)), [MALFORMED, LIMIT])
    bad("dims_product_overflows", proto([2**32, 2**32], raw_data=bytes(12)), [MALFORMED, LIMIT])
    bad(
        "dims_product_overflows_to_zero_before_a_zero", proto([2**32, 2**32, 0]), [MALFORMED, LIMIT]
    )
    bad("bytes_wrap_though_elements_fit", proto([2**62 + 1], raw_data=bytes(4)), [MALFORMED, LIMIT])
    bad("dims_many", proto([1] * 100000, raw_data=bytes(4)), [MALFORMED, LIMIT])
    bad("raw_data_short", proto([2, 3], raw_data=bytes(20)))
    bad("raw_data_long", proto([2, 3], raw_data=bytes(28)))
    bad("raw_data_missing", proto([2, 3]))
    bad("raw_and_typed_data", proto([1], raw_data=bytes(4), float_data=[1.0]))
    bad("typed_data_short", proto([2, 3], float_data=[1.0, 2.0]))
    bad("typed_data_of_another_type", proto([3], int64_data=[1, 2, 3]))
    bad("int32_data_out_of_range_for_int8", proto([2], TensorProto.INT8, int32_data=[1, 300]))
    bad("int32_data_out_of_range_for_uint8", proto([1], TensorProto.UINT8, int32_data=[-1]))
    bad("int32_data_out_of_range_for_bool", proto([1], TensorProto.BOOL, int32_data=[2]))
    bad("int32_data_out_of_range_for_float16", proto([1], TensorProto.FLOAT16, int32_data=[70000]))
    bad("dtype_undefined", proto([1], TensorProto.UNDEFINED, raw_data=bytes(4)))
    bad("dtype_9999", proto([1], 9999, raw_data=bytes(4)), [MALFORMED, UNSUPPORTED])
    bad("string_tensor_with_raw_data", proto([1], TensorProto.STRING, raw_data=b"abcd"))
    bad("string_tensor_not_utf8", proto([1], TensorProto.STRING, string_data=[b"\xff\xfe"]))
    bad("raw_data_of_int4_short", proto([5], TensorProto.INT4, raw_data=b"\x00\x00"))
    w = tensor("w", np.zeros(3, np.float32))
    add(
        "initializer_duplicate",
        model([node("Add", ["x", "w"], ["y"])], initializers=[w, w]),
        says="w",
    )
    nameless = tensor("", np.zeros(3, np.float32))
    add("initializer_without_name", model([node("Relu", ["x"], ["y"])], initializers=[nameless]))
    segment = proto([1], float_data=[1.0])
    segment.segment.begin, segment.segment.end = 0, 1
    bad("tensor_in_segments", segment, [MALFORMED, UNSUPPORTED])


def add_sparse_mistakes() -> None:
    def bad(name: str, values, indices, dims, codes=(MALFORMED,)) -> None:
        sparse = helper.make_sparse_tensor(
            tensor("w", np.asarray(values, np.float32)),
            tensor("", np.asarray(indices, np.int64)),
            dims,
        )
        add("sparse_" + name, model([node("Add", ["x", "w"], ["y"])], sparse=[sparse]), codes, "w")

    bad("index_out_of_range", [1, 2], [1, 6], [2, 3])
    bad("index_negative", [1, 2], [-1, 3], [2, 3])
    bad("index_unsorted", [1, 2], [3, 1], [2, 3])
    bad("index_duplicate", [1, 2], [3, 3], [2, 3])
    bad("coordinate_out_of_range", [1, 2], [[0, 1], [1, 3]], [2, 3])
    bad("coordinates_of_wrong_rank", [1, 2], [[0, 1, 0], [1, 0, 0]], [2, 3])
    bad("index_count_differs", [1, 2], [1, 2, 3], [2, 3])
    bad("dims_product_overflows", [1, 2], [1, 2], [2**40, 2**40], [MALFORMED, LIMIT])
    bad("dims_negative", [1, 2], [1, 2], [-2, 3])
    bad("dims_huge", [1, 2], [1, 2], [2**50], [MALFORMED, LIMIT])


def external(location: str, **keys) -> ModelProto:
    w = proto([2, 3], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, **keys}.items():
        w.external_data.add(key=key, value=str(value))
    return with_initializer(w)


def add_external_mistakes() -> None:
    def bad(name: str, location: str, prepare=None, **keys) -> None:
        def build(folder: pathlib.Path) -> pathlib.Path:
            inside = folder / "inside"
            inside.mkdir()
            (folder / "outside.bin").write_bytes(bytes(24))
            (inside / "data.bin").write_bytes(bytes(24))
            if prepare:
                prepare(folder, inside)
            path = inside / "model.onnx"
            path.write_bytes(external(location.format(folder=folder), **keys).SerializeToString())
            return path

        CASES.append(Case("external_" + name, build, {MALFORMED}, "w"))

    bad("parent_folder", "../outside.bin")
    bad(
        "parent_folder_inside_the_path",
        "a/../../outside.bin",
        lambda folder, inside: (inside / "a").mkdir(),
    )
    bad("absolute_path", "{folder}/outside.bin")
    bad(
        "symbolic_link",
        "link.bin",
        lambda folder, inside: (inside / "link.bin").symlink_to(folder / "outside.bin"),
    )
    bad(
        "symbolic_link_of_a_folder",
        "sub/outside.bin",
        lambda folder, inside: (inside / "sub").symlink_to(folder),
    )
    bad(
        "hard_link",
        "link.bin",
        lambda folder, inside: os.link(folder / "outside.bin", inside / "link.bin"),
    )
    bad("folder", "sub", lambda folder, inside: (inside / "sub").mkdir())
    bad("fifo", "pipe", lambda folder, inside: os.mkfifo(inside / "pipe"))
    bad("device", "/dev/zero")
    bad("missing_file", "nowhere.bin")
    bad("empty_location", "")
    bad("offset_and_length_wrap", "data.bin", offset=2**64 - 8, length=24)
    bad("offset_past_the_end", "data.bin", offset=4096, length=24)
    bad("length_past_the_end", "data.bin", offset=8, length=24)
    bad("length_differs_from_dims", "data.bin", offset=0, length=20)
    bad("offset_negative", "data.bin", offset=-4, length=24)
    bad("offset_not_a_number", "data.bin", offset="four", length=24)
    bad("name_with_nul", "data.bin\0x")


add_broken_bytes()
add_header_mistakes()
add_tensor_mistakes()
add_sparse_mistakes()
add_external_mistakes()
