"""The programs of examples/, run as a user would."""

import pathlib
import subprocess

import onnx
import pytest
from onnx import TensorProto, helper

BIN = pathlib.Path(__file__).resolve().parents[2] / "build" / "bin"


def custom_model(folder: pathlib.Path, **attributes) -> pathlib.Path:
    """A model of one node: example.Threshold."""
    node = helper.make_node("Threshold", ["x"], ["y"], name="gate", domain="example", **attributes)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("example", 1)]
    model = helper.make_model(helper.make_graph([node], "g", [x], [y]), opset_imports=opsets, ir_version=8)
    onnx.save(model, folder / "custom.onnx")
    return folder / "custom.onnx"


def test_custom_operator(tmp_path):
    model = custom_model(tmp_path, level=0.5)
    done = subprocess.run([BIN / "example_custom_operator", model], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n0\n0.75\n2\n", "")


def test_custom_operator_is_refused_by_name_without_its_host(tmp_path):
    model = custom_model(tmp_path, level=0.5)
    done = subprocess.run([BIN.parent / "gossamer", "info", model], capture_output=True, text=True)
    assert done.returncode == 8
    assert "gate" in done.stderr and "Threshold" in done.stderr and "'example'" in done.stderr


@pytest.mark.parametrize("name", ["run_model", "run_model_cpp"])
def test_running_a_model(name):
    sample = BIN.parents[1] / "tests" / "package" / "format_1.goss"
    done = subprocess.run([BIN / f"example_{name}", sample, "1", "2", "3", "4"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "4\n3\n2\n", "")
    done = subprocess.run([BIN / f"example_{name}", "no/such.goss", "1"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "no/such.goss" in done.stderr
