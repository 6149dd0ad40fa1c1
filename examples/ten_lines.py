"""Ten lines: a model in, an answer out. The model here comes as bytes; the path of a file does as well."""

import numpy as np

import gossamer

# y = x + x for rows x of two floats, as onnx.save writes it.
DOUBLE = bytes.fromhex(
    "08083a3f0a0e0a01780a017812017922034164641201675a140a0178120f0a0d080112090a0312016e0a02080262140a"
    "0179120f0a0d080112090a0312016e0a02080242040a001011"
)

model = gossamer.load(DOUBLE)
print(model.inputs[0].type, "->", model(np.ones((1, 2), np.float32)).tolist())
