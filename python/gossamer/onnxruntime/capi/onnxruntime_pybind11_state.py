"""The names that clients take from onnxruntime's extension module."""

from .._errors import *  # noqa: F403
from .._log import (  # noqa: F401
    set_default_logger_callback,
    set_default_logger_severity,
    set_default_logger_verbosity,
)
from .._options import *  # noqa: F403
from .._providers import get_all_providers, get_available_providers, get_device  # noqa: F401
from .._session import InferenceSession  # noqa: F401
from .._session import IOBinding as SessionIOBinding  # noqa: F401
from .._value import OrtDevice, OrtValue, OrtValueVector, SparseTensor  # noqa: F401


def get_default_session_options() -> SessionOptions:  # noqa: F405
    return SessionOptions()  # noqa: F405


def is_dlpack_uint8_tensor(capsule: object) -> bool:
    """Whether the elements are bytes; booleans travel under their own type here."""
    import numpy as np

    from .._value import _Capsule

    return np.from_dlpack(_Capsule(capsule)).dtype == np.uint8
