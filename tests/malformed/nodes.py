# Mistakes at one node: unknown operators, wrong counts, and attributes or constant inputs that make
# no sense.
import numpy as np
from onnx import TensorProto

from .cases import LIMIT, MALFORMED, UNSUPPORTED, add, info, model, node, tensor

IMAGE = info("x", (1, 4, 8, 8))
KERNEL = tensor("w", np.zeros((4, 4, 3, 3), np.float32))
X = {"x": np.zeros((2, 3), np.float32)}
X_IMAGE = {"x": np.zeros((1, 4, 8, 8), np.float32)}


def bad(
    name: str,
    op,
    inputs=None,
    initializers=(),
    codes=(MALFORMED,),
    run=None,
    outputs=None,
    says="culprit",
    opset: int = 17,
) -> None:
    add(
        name,
        model([op], inputs, outputs or [info("y", None)], initializers, opset=opset),
        codes,
        says,
        run,
    )


def conv(name: str, weight=KERNEL, **attributes) -> None:
    bad(
        "conv_" + name,
        node("Conv", ["x", "w"], ["y"], **attributes),
        [IMAGE],
        [weight],
        run=X_IMAGE,
    )


def ints(name: str, values) -> TensorProto:
    return tensor(name, np.array(values, np.int64))


def add_operator_mistakes() -> None:
    bad("operator_unknown", node("Nonsense", ["x"], ["y"]), codes=[MALFORMED, UNSUPPORTED])
    bad("operator_without_name", node("", ["x"], ["y"]))
    bad("operator_of_a_later_opset", node("Gelu", ["x"], ["y"]), codes=[MALFORMED, UNSUPPORTED])
    bad(
        "operator_of_unknown_domain",
        node("Relu", ["x"], ["y"], domain="nobody.knows"),
        codes=[MALFORMED, UNSUPPORTED],
    )
    bad("inputs_too_many", node("Relu", ["x", "x"], ["y"]))
    bad("inputs_too_few", node("Add", ["x"], ["y"]))
    bad("inputs_none", node("Relu", [], ["y"]))
    bad("outputs_too_many", node("Relu", ["x"], ["y", "z"]))
    bad("concat_of_nothing", node("Concat", [], ["y"], axis=0))
    bad(
        "input_of_wrong_dtype",
        node("Relu", ["x"], ["y"]),
        [info("x", (2,), TensorProto.STRING)],
        codes=[MALFORMED, UNSUPPORTED],
    )
    bad(
        "inputs_of_different_dtypes",
        node("Add", ["x", "k"], ["y"]),
        initializers=[ints("k", [1, 2, 3])],
    )


def add_attribute_mistakes() -> None:
    bad("attribute_of_wrong_type", node("Concat", ["x", "x"], ["y"], axis="one"))
    bad("attribute_nan_where_integer_wanted", node("Concat", ["x", "x"], ["y"], axis=float("nan")))
    bad("attribute_required_but_missing", node("Concat", ["x", "x"], ["y"]))
    twice = node("Concat", ["x", "x"], ["y"], axis=0)
    twice.attribute.append(twice.attribute[0])
    bad("attribute_twice", twice)
    nameless = node("Concat", ["x", "x"], ["y"], axis=0)
    nameless.attribute[0].name = ""
    bad("attribute_without_name", nameless)
    reference = node("LeakyRelu", ["x"], ["y"])
    reference.attribute.add(name="alpha", ref_attr_name="alpha", type=1)
    bad("attribute_reference_outside_a_function", reference)
    text = node("Gelu", ["x"], ["y"], approximate="none?")
    bad("attribute_word_unknown", text, opset=20)
    broken = model(
        [node("DepthToSpace", ["x"], ["y"], blocksize=2, mode="#HERE#")], [IMAGE], [info("y", None)]
    )
    broken.graph.node[0].attribute[1].s = b"D\xff\xfe"
    add("attribute_string_not_utf8", broken, says="culprit")
    empty = node("Constant", [], ["y"])
    bad("constant_without_value", empty)
    both = node("Constant", [], ["y"], value_int=1, value_float=1.0)
    bad("constant_with_two_values", both)
    bad("cast_to_undefined", node("Cast", ["x"], ["y"], to=0))
    bad("cast_to_dtype_9999", node("Cast", ["x"], ["y"], to=9999), codes=[MALFORMED, UNSUPPORTED])


def add_convolution_mistakes() -> None:
    conv(
        "kernel_shape_with_0", tensor("w", np.zeros((4, 4, 0, 3), np.float32)), kernel_shape=[0, 3]
    )
    conv("kernel_shape_differs_from_weight", kernel_shape=[5, 5])
    conv("strides_of_wrong_length", strides=[1, 1, 1])
    conv("pads_of_wrong_length", pads=[1, 1])
    conv("stride_0", strides=[0, 1])
    conv("stride_negative", strides=[-1, 1])
    conv("dilation_0", dilations=[1, 0])
    conv("dilation_huge", dilations=[2**62, 1])
    conv("group_0", group=0)
    conv("group_negative", group=-1)
    conv("group_not_dividing", group=3)
    conv("weight_of_wrong_rank", tensor("w", np.zeros((4, 4), np.float32)))
    conv("weight_of_wrong_channels", tensor("w", np.zeros((4, 5, 3, 3), np.float32)))
    conv("auto_pad_unknown", auto_pad="SAME_SOMEHOW")
    bad(
        "conv_pads_huge",
        node("Conv", ["x", "w"], ["y"], pads=[2**40] * 4),
        [IMAGE],
        [KERNEL],
        [MALFORMED, LIMIT],
        X_IMAGE,
    )
    bad(
        "conv_pads_overflow",
        node("Conv", ["x", "w"], ["y"], pads=[2**63 - 1] * 4),
        [IMAGE],
        [KERNEL],
        [MALFORMED, LIMIT],
        X_IMAGE,
    )
    bad(
        "pool_kernel_shape_with_0",
        node("MaxPool", ["x"], ["y"], kernel_shape=[0, 2]),
        [IMAGE],
        run=X_IMAGE,
    )
    bad("pool_kernel_shape_missing", node("MaxPool", ["x"], ["y"]), [IMAGE], run=X_IMAGE)
    bad(
        "pool_stride_0",
        node("AveragePool", ["x"], ["y"], kernel_shape=[2, 2], strides=[0, 0]),
        [IMAGE],
        run=X_IMAGE,
    )
    bad(
        "conv_transpose_output_padding_huge",
        node("ConvTranspose", ["x", "w"], ["y"], output_padding=[2**62, 0]),
        [IMAGE],
        [KERNEL],
        [MALFORMED, LIMIT],
        X_IMAGE,
    )


def add_shape_mistakes() -> None:
    bad("perm_not_a_permutation", node("Transpose", ["x"], ["y"], perm=[0, 0]), run=X)
    bad("perm_out_of_range", node("Transpose", ["x"], ["y"], perm=[0, 2]), run=X)
    bad("perm_of_wrong_length", node("Transpose", ["x"], ["y"], perm=[0, 1, 2]), run=X)
    bad("axis_out_of_range", node("Softmax", ["x"], ["y"], axis=5), run=X)
    bad("axis_least_integer", node("Softmax", ["x"], ["y"], axis=-(2**63)), run=X)
    bad("axes_duplicate", node("ReduceMax", ["x"], ["y"], axes=[0, 0]), run=X)
    bad(
        "unsqueeze_axes_duplicate",
        node("Unsqueeze", ["x", "a"], ["y"]),
        initializers=[ints("a", [1, 1])],
        run=X,
    )
    bad(
        "squeeze_of_extent_3",
        node("Squeeze", ["x", "a"], ["y"]),
        initializers=[ints("a", [1])],
        run=X,
    )
    bad(
        "split_sizes_not_adding_up",
        node("Split", ["x", "s"], ["y", "z"], axis=1),
        initializers=[ints("s", [1, 1])],
        run=X,
    )
    bad(
        "split_size_negative",
        node("Split", ["x", "s"], ["y", "z"], axis=1),
        initializers=[ints("s", [4, -1])],
        run=X,
    )
    bad(
        "reshape_with_two_unknowns",
        node("Reshape", ["x", "s"], ["y"]),
        initializers=[ints("s", [-1, -1])],
        run=X,
    )
    bad(
        "reshape_to_another_size",
        node("Reshape", ["x", "s"], ["y"]),
        initializers=[ints("s", [5, 5])],
        run=X,
    )
    bad(
        "reshape_overflows",
        node("Reshape", ["x", "s"], ["y"]),
        initializers=[ints("s", [2**62, 4])],
        codes=(MALFORMED, LIMIT),
        run=X,
    )
    bad(
        "reshape_of_nothing_with_unknown",
        node("Reshape", ["x", "s"], ["y"], allowzero=1),
        [info("x", (0, 3))],
        [ints("s", [0, -1])],
        run={"x": np.zeros((0, 3), np.float32)},
    )
    bad(
        "slice_step_0",
        node("Slice", ["x", "b", "e", "a", "s"], ["y"]),
        run=X,
        initializers=[ints("b", [0]), ints("e", [2]), ints("a", [0]), ints("s", [0])],
    )
    bad(
        "pads_negative_beyond_extent",
        node("Pad", ["x", "p"], ["y"]),
        initializers=[ints("p", [-9, 0, 0, 0])],
        run=X,
    )
    bad(
        "concat_of_different_extents",
        node("Concat", ["x", "k"], ["y"], axis=0),
        initializers=[tensor("k", np.zeros((2, 4), np.float32))],
        run=X,
    )
    bad(
        "broadcast_impossible",
        node("Add", ["x", "k"], ["y"]),
        initializers=[tensor("k", np.zeros(4, np.float32))],
        run=X,
    )
    bad(
        "matmul_of_different_extents",
        node("MatMul", ["x", "k"], ["y"]),
        initializers=[tensor("k", np.zeros((4, 2), np.float32))],
        run=X,
    )
    bad(
        "gather_index_out_of_range",
        node("Gather", ["x", "i"], ["y"]),
        initializers=[ints("i", [7])],
        run=X,
    )
    bad(
        "scatter_index_out_of_range",
        node("ScatterND", ["x", "i", "u"], ["y"]),
        run=X,
        initializers=[ints("i", [[9]]), tensor("u", np.zeros((1, 3), np.float32))],
    )
    bad(
        "one_hot_depth_negative",
        node("OneHot", ["i", "d", "v"], ["y"]),
        run=X,
        initializers=[ints("i", [1]), ints("d", -4), tensor("v", np.zeros(2, np.float32))],
    )
    bad(
        "topk_negative", node("TopK", ["x", "k"], ["y", "z"]), initializers=[ints("k", [-1])], run=X
    )
    bad(
        "topk_beyond_extent",
        node("TopK", ["x", "k"], ["y", "z"]),
        initializers=[ints("k", [9])],
        run=X,
    )
    bad("block_size_0", node("DepthToSpace", ["x"], ["y"], blocksize=0), [IMAGE], run=X_IMAGE)
    bad(
        "resize_scale_0",
        node("Resize", ["x", "", "s"], ["y"]),
        [IMAGE],
        [tensor("s", np.array([1, 1, 0, 0], np.float32))],
        run=X_IMAGE,
    )
    bad(
        "resize_scale_nan",
        node("Resize", ["x", "", "s"], ["y"]),
        [IMAGE],
        [tensor("s", np.array([1, 1, np.nan, 1], np.float32))],
        run=X_IMAGE,
    )
    bad(
        "range_step_0",
        node("Range", ["b", "e", "s"], ["y"]),
        initializers=[ints("b", 0), ints("e", 5), ints("s", 0)],
        run=X,
    )
    for name, equation in {
        "garbage": "%%->??",
        "of_too_many_terms": "ij,jk->ik",
        "with_unknown_output": "ij->iz",
        "of_wrong_rank": "ijk->i",
        "with_two_ellipses": "......->",
        "of_two_arrows": "ij->i->j",
    }.items():
        bad("einsum_" + name, node("Einsum", ["x"], ["y"], equation=equation), run=X)


add_operator_mistakes()
add_attribute_mistakes()
add_convolution_mistakes()
add_shape_mistakes()
