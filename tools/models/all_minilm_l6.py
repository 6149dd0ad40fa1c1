# all-MiniLM-L6-v2 as ONNX from its safetensors weights: the BERT encoder as exporters write it
# (attention and GELU in parts, the mask as a large negative addend), then the sentence embedding:
# mean over real tokens, unit length.
import numpy as np
import safetensors.numpy

from builder import FLOAT, INT64, Builder

LAYERS, HEADS, WIDTH = 6, 12, 384
MASKED = np.finfo(np.float32).min


class _Encoder:
    def __init__(self, weights: dict) -> None:
        self.g, self.weights = Builder(), weights
        self.head_shape = self.g.const(
            np.array([0, 0, HEADS, WIDTH // HEADS], np.int64), "head_shape"
        )
        self.merged_shape = self.g.const(np.array([0, 0, WIDTH], np.int64), "merged_shape")
        self.scale = self.g.const(np.float32(np.sqrt(WIDTH // HEADS)), "scale")
        self.one, self.half = (
            self.g.const(np.float32(1), "one"),
            self.g.const(np.float32(0.5), "half"),
        )
        self.root_two = self.g.const(np.float32(np.sqrt(2)), "root_two")

    def linear(self, x: str, scope: str) -> str:
        weight = self.g.const(
            np.ascontiguousarray(self.weights[scope + ".weight"].T), scope + ".weight"
        )
        y = self.g.op("MatMul", x, weight, stem=scope + "/MatMul")
        return self.g.op(
            "Add",
            self.g.const(self.weights[scope + ".bias"], scope + ".bias"),
            y,
            stem=scope + "/Add",
        )

    def norm(self, x: str, scope: str) -> str:
        parameters = [
            self.g.const(self.weights[f"{scope}.{k}"], f"{scope}.{k}") for k in ("weight", "bias")
        ]
        return self.g.op("LayerNormalization", x, *parameters, stem=scope, axis=-1, epsilon=1e-12)

    def heads(self, x: str, scope: str, perm: list[int]) -> str:
        y = self.g.op("Reshape", self.linear(x, scope), self.head_shape, stem=scope + "/Reshape")
        return self.g.op("Transpose", y, stem=scope + "/Transpose", perm=perm)

    def gelu(self, x: str, scope: str) -> str:
        op = lambda kind, *inputs: self.g.op(kind, *inputs, stem=f"{scope}/{kind}")
        return op(
            "Mul",
            op("Mul", x, op("Add", op("Erf", op("Div", x, self.root_two)), self.one)),
            self.half,
        )

    def layer(self, x: str, index: int, mask: str) -> str:
        scope = f"encoder.layer.{index}"
        attention = scope + ".attention"
        op = lambda kind, *inputs, **attributes: self.g.op(
            kind, *inputs, stem=f"{attention}/{kind}", **attributes
        )
        query, value = (
            self.heads(x, f"{attention}.self.{k}", [0, 2, 1, 3]) for k in ("query", "value")
        )
        key = self.heads(x, attention + ".self.key", [0, 2, 3, 1])
        scores = op("Add", op("Div", op("MatMul", query, key), self.scale), mask)
        context = op(
            "Transpose", op("MatMul", op("Softmax", scores, axis=-1), value), perm=[0, 2, 1, 3]
        )
        y = self.linear(op("Reshape", context, self.merged_shape), attention + ".output.dense")
        x = self.norm(op("Add", y, x), attention + ".output.LayerNorm")
        y = self.gelu(self.linear(x, scope + ".intermediate.dense"), scope + ".intermediate")
        y = self.linear(y, scope + ".output.dense")
        return self.norm(self.g.op("Add", y, x, stem=scope + "/Add"), scope + ".output.LayerNorm")

    def embeddings(self, ids: str, types: str) -> str:
        g = self.g
        table = lambda k: g.const(self.weights[f"embeddings.{k}.weight"], f"embeddings.{k}.weight")
        length = g.op(
            "Gather", g.op("Shape", ids), g.const(np.array(1, np.int64), "sequence_axis"), axis=0
        )
        first = g.const(np.array([0], np.int64), "axis_0")
        end = g.op("Unsqueeze", length, first)
        positions = g.op(
            "Slice",
            g.const(self.weights["embeddings.position_ids"], "position_ids"),
            first,
            end,
            g.const(np.array([1], np.int64), "axis_1"),
        )
        x = g.op(
            "Add",
            g.op("Gather", table("word_embeddings"), ids, axis=0),
            g.op("Gather", table("token_type_embeddings"), types, axis=0),
        )
        x = g.op("Add", x, g.op("Gather", table("position_embeddings"), positions, axis=0))
        return self.norm(x, "embeddings.LayerNorm")

    def mask(self, attention_mask: str) -> str:
        """0 where a token counts and the least float where it is padding, shape (batch, 1, 1,
        sequence)."""
        g = self.g
        y = g.op("Unsqueeze", attention_mask, g.const(np.array([1, 2], np.int64), "mask_axes"))
        y = g.op("Sub", self.one, g.op("Cast", y, to=FLOAT))
        return g.op("Mul", y, g.const(np.float32(MASKED), "masked"))

    def pool(self, hidden: str, attention_mask: str) -> str:
        g = self.g
        last, middle = (g.const(np.array([k], np.int64), f"pool_axis_{k}") for k in (2, 1))
        weight = g.op("Cast", g.op("Unsqueeze", attention_mask, last), to=FLOAT)
        total = g.op("ReduceSum", g.op("Mul", hidden, weight), middle, keepdims=0)
        count = g.op(
            "Clip",
            g.op("ReduceSum", weight, middle, keepdims=0),
            g.const(np.float32(1e-9), "least_count"),
        )
        mean = g.op("Div", total, count)
        length = g.op("ReduceL2", mean, axes=[1], keepdims=1)
        return g.op("Div", mean, g.op("Clip", length, g.const(np.float32(1e-12), "least_length")))


def make(weights: bytes):
    """The ModelProto, opset 17, from the bytes of a safetensors file. Inputs input_ids,
    attention_mask, token_type_ids: int64 (batch, sequence <= 512). Outputs last_hidden_state
    (batch, sequence, 384) and sentence_embedding (batch, 384), float32."""
    e = _Encoder(safetensors.numpy.load(weights))
    mask = e.mask("attention_mask")
    x = e.embeddings("input_ids", "token_type_ids")
    for k in range(LAYERS):
        x = e.layer(x, k, mask)
    sentence = e.pool(x, "attention_mask")
    e.g.rename_output(x, "last_hidden_state")
    e.g.rename_output(sentence, "sentence_embedding")
    tokens = (INT64, ["batch", "sequence"])
    return e.g.model(
        "all_minilm_l6",
        {"input_ids": tokens, "attention_mask": tokens, "token_type_ids": tokens},
        {
            "last_hidden_state": (FLOAT, ["batch", "sequence", WIDTH]),
            "sentence_embedding": (FLOAT, ["batch", WIDTH]),
        },
        17,
    )
