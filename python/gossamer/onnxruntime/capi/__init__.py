"""onnxruntime.capi: where clients look for exceptions and a few helpers."""
