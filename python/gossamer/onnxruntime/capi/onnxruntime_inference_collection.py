"""The classes of sessions under onnxruntime's own place for them."""

from .._providers import check_and_normalize_provider_args  # noqa: F401
from .._session import InferenceSession, IOBinding, Session  # noqa: F401
from .._value import OrtDevice, OrtValue, SparseTensor, copy_tensors  # noqa: F401
