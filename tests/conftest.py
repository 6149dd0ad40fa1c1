# Options of the Python tests.
import pytest


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
