# A short way to write an ONNX graph node by node: fresh names, initializers, and one node per call.
import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper


class Builder:
    """Collects nodes and initializers. `op` returns the name of the node's first output."""

    def __init__(self) -> None:
        self.nodes = []
        self.initializers = []
        self._taken = {}

    def fresh(self, stem: str) -> str:
        k = self._taken.get(stem, 0)
        self._taken[stem] = k + 1
        return f"{stem}_{k}" if k else stem

    def const(self, array, stem: str = "const") -> str:
        name = self.fresh(stem)
        self.initializers.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def ops(
        self, op_type: str, inputs: list[str], outputs: int, stem: str = "", **attributes
    ) -> list[str]:
        name = self.fresh(stem or op_type)
        outs = [name if k == 0 else f"{name}.{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(op_type, inputs, outs, name=name, **attributes))
        return outs

    def op(self, op_type: str, *inputs: str, stem: str = "", **attributes) -> str:
        return self.ops(op_type, list(inputs), 1, stem, **attributes)[0]

    def rename_output(self, old: str, new: str) -> None:
        """Gives a node's output the name that the graph promises."""
        for node in self.nodes:
            node.input[:] = [new if n == old else n for n in node.input]
            node.output[:] = [new if n == old else n for n in node.output]

    def model(self, name: str, inputs: dict, outputs: dict, opset: int) -> ModelProto:
        """`inputs` and `outputs` map a name to (element type, shape); a shape may hold names of
        open dimensions."""
        graph = helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info(k, t, s) for k, (t, s) in inputs.items()],
            [helper.make_tensor_value_info(k, t, s) for k, (t, s) in outputs.items()],
            self.initializers,
        )
        return helper.make_model(
            graph,
            producer_name="gossamer",
            ir_version=8,
            opset_imports=[helper.make_opsetid("", opset)],
        )


FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
