# Options of the Python tests, and where the package that they import was built.
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "build" / "python"))


def pytest_addoption(parser):
    parser.addoption("--all-models", action="store_true", help="run the slow models too")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes long; runs with --all-models only")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--all-models"):
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow; --all-models runs it"))
