"""Execution providers: there is one, for the CPU; others are accepted and left out, as
onnxruntime does where its build lacks them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

AVAILABLE = ["CPUExecutionProvider"]
_KNOWN = {
    name + "ExecutionProvider"
    for name in (
        "ACL",
        "ArmNN",
        "Azure",
        "CANN",
        "CPU",
        "CUDA",
        "CoreML",
        "Dml",
        "Dnnl",
        "JS",
        "MIGraphX",
        "NvTensorRTRTX",
        "Nnapi",
        "OpenVINO",
        "QNN",
        "ROCM",
        "Rknpu",
        "SNPE",
        "Tensorrt",
        "VSINPU",
        "VitisAI",
        "WebGPU",
        "WebNN",
        "Xnnpack",
    )
}


def get_available_providers() -> list[str]:
    """["CPUExecutionProvider"]"""
    return list(AVAILABLE)


def get_all_providers() -> list[str]:
    """["CPUExecutionProvider"]"""
    return list(AVAILABLE)


def get_device() -> str:
    """ "CPU" """
    return "CPU"


def _pair(provider: Any) -> tuple[str, dict]:
    if isinstance(provider, str):
        return provider, {}
    if isinstance(provider, tuple) and len(provider) == 2:
        name, options = provider
        if isinstance(name, str) and isinstance(options, dict):
            return name, options
    raise ValueError("'providers' values must be either strings or (string, dict) tuples.")


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence)


def check_and_normalize_provider_args(
    providers: Any, provider_options: Any, available_provider_names: Sequence[str]
) -> tuple[list[str], list[dict[str, str]]]:
    """The names and their options (text to text), each name once, in order.

    Raises:
        ValueError: the arguments are no lists of the same length of names and dicts.
    """
    if providers is None:
        return [], []
    if not _is_sequence(providers):
        raise ValueError("'providers' should be a sequence.")
    if provider_options is None:
        pairs = [_pair(p) for p in providers]
    else:
        if not _is_sequence(provider_options):
            raise ValueError("'provider_options' should be a sequence.")
        if len(providers) != len(provider_options):
            raise ValueError("'providers' and 'provider_options' differ in length.")
        if not all(isinstance(p, str) for p in providers):
            raise ValueError("'providers' are names only where 'provider_options' are given.")
        if not all(isinstance(o, dict) for o in provider_options):
            raise ValueError("'provider_options' values must be dicts.")
        pairs = list(zip(providers, provider_options, strict=True))
    normalized: dict[str, dict[str, str]] = {}
    for name, options in pairs:
        if name not in available_provider_names:
            known = ", ".join(available_provider_names)
            warnings.warn(
                f"Specified provider '{name}' is not in available provider names."
                f"Available providers: '{known}'",
                stacklevel=4,
            )
        if name in normalized:
            warnings.warn(f"Duplicate provider '{name}' encountered, ignoring.", stacklevel=4)
            continue
        normalized[name] = {str(k): str(v) for k, v in options.items()}
    return list(normalized), list(normalized.values())


def settled(providers: Any, provider_options: Any) -> dict[str, dict[str, str]]:
    """The providers that a session has, with their options.

    Raises:
        RuntimeError: a name that no build of onnxruntime knows.
    """
    names, options = check_and_normalize_provider_args(providers, provider_options, AVAILABLE)
    for name in names:
        if name not in _KNOWN:
            raise RuntimeError(f"Unknown Provider Type: {name}")
    cpu = dict(zip(names, options, strict=True)).get(AVAILABLE[0], {})
    return {AVAILABLE[0]: cpu}
