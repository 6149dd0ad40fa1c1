# Real models, held against onnxruntime.
