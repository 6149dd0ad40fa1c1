# Networks with true shapes and random weights, for measuring speed: ResNet-50 v1.5, MobileNetV2,
# BERT-base and MiniLM-L6 encoders at 128 tokens. As fp32, and as int8: convolutions with
# QuantizeLinear/DequantizeLinear pairs and weights scaled per channel, encoders with
# DynamicQuantizeLinear and MatMulInteger. The same seed gives the same bytes.
import numpy as np

from builder import FLOAT, Builder

OPSET = 17
SEED = 20240117


def quantize_weight(weight: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric int8 values and their float32 scales, one per index of `axis`."""
    others = tuple(k for k in range(weight.ndim) if k != axis)
    scale = np.maximum(np.abs(weight).max(axis=others), np.float32(1e-8)) / np.float32(127)
    shape = [-1 if k == axis else 1 for k in range(weight.ndim)]
    return np.clip(np.rint(weight / scale.reshape(shape)), -127, 127).astype(np.int8), scale


class _Network:
    def __init__(self, int8: bool) -> None:
        self.g, self.int8 = Builder(), int8
        self.random = np.random.default_rng(SEED)

    def normal(self, shape: tuple, deviation: float) -> np.ndarray:
        return self.random.standard_normal(shape, np.float32) * np.float32(deviation)


class _Vision(_Network):
    def __init__(self, int8: bool) -> None:
        super().__init__(int8)
        # Ranges that activations of these networks keep to: [0, 6] after a rectifier, about [-6.4,
        # 6.4] otherwise.
        if int8:
            self.signed = (
                self.g.const(np.float32(0.05), "signed_scale"),
                self.g.const(np.uint8(128), "signed_zero"),
            )
            self.unsigned = (
                self.g.const(np.float32(6 / 255), "unsigned_scale"),
                self.g.const(np.uint8(0), "unsigned_zero"),
            )

    def act(self, x: str, rectified: bool) -> str:
        """The activation as it is, or through a quantize/dequantize pair."""
        if not self.int8:
            return x
        grid = self.unsigned if rectified else self.signed
        return self.g.op("DequantizeLinear", self.g.op("QuantizeLinear", x, *grid), *grid)

    def weight(self, shape: tuple, gain: float) -> str:
        array = self.normal(shape, np.sqrt(gain / np.prod(shape[1:])))
        if not self.int8:
            return self.g.const(array, "weight")
        values, scale = quantize_weight(array, 0)
        return self.g.op(
            "DequantizeLinear",
            self.g.const(values, "weight"),
            self.g.const(scale, "scale"),
            self.g.const(np.zeros(shape[0], np.int8), "zero"),
            axis=0,
        )

    def conv(
        self,
        x: str,
        c_in: int,
        c_out: int,
        kernel: int,
        stride: int = 1,
        group: int = 1,
        relu: str = "",
        gain: float = 2.0,
    ) -> str:
        """Convolution, bias and rectifier (`Relu`, `Clip` to 6, or none)."""
        y = self.g.op(
            "Conv",
            x,
            self.weight((c_out, c_in // group, kernel, kernel), gain),
            self.g.const(self.normal((c_out,), 0.1), "bias"),
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[kernel // 2] * 4,
            group=group,
        )
        if relu == "Relu":
            y = self.g.op("Relu", y)
        elif relu == "Clip":
            y = self.g.op(
                "Clip", y, self.g.const(np.float32(0), "zero"), self.g.const(np.float32(6), "six")
            )
        return y

    def head(self, x: str, channels: int):
        """Global average, then a fully connected layer to 1000 classes; returns the model."""
        x = self.act(self.g.op("GlobalAveragePool", x), False)
        x = self.act(self.g.op("Flatten", x, axis=1), False)
        self.g.op(
            "Gemm",
            x,
            self.weight((1000, channels), 1.0),
            self.g.const(self.normal((1000,), 0.1), "bias"),
            stem="y",
            transB=1,
        )
        return {"x": (FLOAT, [1, 3, 224, 224])}, {"y": (FLOAT, [1, 1000])}


def resnet50(int8: bool):
    """Input x, output y (1, 1000). The stride of a stage sits in the 3x3 convolution (v1.5)."""
    n = _Vision(int8)
    x = n.act(n.conv(n.act("x", False), 3, 64, 7, 2, relu="Relu"), True)
    x = n.act(n.g.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]), True)
    channels = 64
    for width, blocks, first in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for k in range(blocks):
            stride, skip = first if k == 0 else 1, x
            y = n.act(n.conv(x, channels, width, 1, relu="Relu"), True)
            y = n.act(n.conv(y, width, width, 3, stride, relu="Relu"), True)
            y = n.act(n.conv(y, width, 4 * width, 1, gain=0.25), False)
            if k == 0:
                skip = n.act(n.conv(x, channels, 4 * width, 1, stride, gain=1.0), False)
            x, channels = n.act(n.g.op("Relu", n.g.op("Add", y, skip)), True), 4 * width
    return n.g.model("resnet50", *n.head(x, channels), OPSET)


def mobilenet_v2(int8: bool):
    """Input x, output y (1, 1000)."""
    n = _Vision(int8)
    x = n.act(n.conv(n.act("x", False), 3, 32, 3, 2, relu="Clip"), True)
    channels = 32
    for expand, c_out, blocks, first in (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ):
        for k in range(blocks):
            stride, hidden, y = first if k == 0 else 1, expand * channels, x
            if expand != 1:
                y = n.act(n.conv(y, channels, hidden, 1, relu="Clip"), True)
            y = n.act(n.conv(y, hidden, hidden, 3, stride, group=hidden, relu="Clip"), True)
            y = n.act(n.conv(y, hidden, c_out, 1, gain=1.0), False)
            if stride == 1 and channels == c_out:
                y = n.act(n.g.op("Add", y, x), False)
            x, channels = y, c_out
    x = n.act(n.conv(x, channels, 1280, 1, relu="Clip"), True)
    return n.g.model("mobilenet_v2", *n.head(x, 1280), OPSET)


class _Encoder(_Network):
    def linear(self, x: str, rows: int, columns: int) -> str:
        weight = self.normal((rows, columns), 1 / np.sqrt(rows))
        if not self.int8:
            y = self.g.op("MatMul", x, self.g.const(weight, "weight"))
        else:
            values, scale = quantize_weight(weight, 1)
            data, data_scale, data_zero = self.g.ops("DynamicQuantizeLinear", [x], 3)
            total = self.g.op(
                "MatMulInteger",
                data,
                self.g.const(values, "weight"),
                data_zero,
                self.g.const(np.zeros(columns, np.int8), "zero"),
            )
            y = self.g.op(
                "Mul",
                self.g.op("Cast", total, to=FLOAT),
                self.g.op("Mul", data_scale, self.g.const(scale, "scale")),
            )
        return self.g.op("Add", y, self.g.const(self.normal((columns,), 0.02), "bias"))

    def norm(self, x: str, width: int) -> str:
        return self.g.op(
            "LayerNormalization",
            x,
            self.g.const(1 + self.normal((width,), 0.02), "gamma"),
            self.g.const(self.normal((width,), 0.02), "beta"),
            axis=-1,
            epsilon=1e-12,
        )


def encoder(int8: bool, layers: int, width: int, inner: int, heads: int, tokens: int):
    """Input x (1, tokens, width), the sum of embeddings; output y of the same shape. No mask."""
    n = _Encoder(int8)
    g, op = n.g, n.g.op
    split, merged = (
        g.const(np.array([0, 0, heads, width // heads], np.int64), "split"),
        g.const(np.array([0, 0, width], np.int64), "merged"),
    )
    scale, root_two = (
        g.const(np.float32(np.sqrt(width // heads)), "head_scale"),
        g.const(np.float32(np.sqrt(2)), "root_two"),
    )
    one, half = g.const(np.float32(1), "one"), g.const(np.float32(0.5), "half")
    x = "x"
    for _ in range(layers):
        query, key, value = (
            op("Transpose", op("Reshape", n.linear(x, width, width), split), perm=perm)
            for perm in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3])
        )
        weights = op("Softmax", op("Div", op("MatMul", query, key), scale), axis=-1)
        context = op(
            "Reshape", op("Transpose", op("MatMul", weights, value), perm=[0, 2, 1, 3]), merged
        )
        x = n.norm(op("Add", n.linear(context, width, width), x), width)
        y = n.linear(x, width, inner)
        y = op("Mul", op("Mul", y, op("Add", op("Erf", op("Div", y, root_two)), one)), half)
        x = n.norm(op("Add", n.linear(y, inner, width), x), width)
    g.rename_output(x, "y")
    shape = (FLOAT, [1, tokens, width])
    return g.model("encoder", {"x": shape}, {"y": shape}, OPSET)


def bert(int8: bool):
    return encoder(int8, 12, 768, 3072, 12, 128)


def minilm(int8: bool):
    return encoder(int8, 6, 384, 1536, 12, 128)


MAKERS = {"resnet50": resnet50, "mbv2": mobilenet_v2, "bert": bert, "minilm": minilm}


def make(name: str):
    """The ModelProto of `resnet50_fp32`, `mbv2_int8` and so on."""
    network, _, kind = name.rpartition("_")
    return MAKERS[network](kind == "int8")
