"""Fixtures of the whole suite: few BLAS threads, no network, no windows."""

import os
import socket
from importlib.util import find_spec

import pytest
from hypothesis import HealthCheck, settings
from threadpoolctl import threadpool_limits

os.environ.setdefault("MPLBACKEND", "Agg")

# The same few random inputs each time; --hypothesis-profile=long tries many, others each time.
COMMON = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("suite", max_examples=25, derandomize=True, **COMMON)
settings.register_profile("long", max_examples=2000, print_blob=True, **COMMON)
settings.load_profile("suite")


@pytest.fixture(scope="session", autouse=True)
def few_threads():
    """One thread, or as many as the environment says: on small matrices more cost time."""
    with threadpool_limits(limits=int(os.environ.get("OPENBLAS_NUM_THREADS", "1"))):
        yield


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """A test that needs the internet is not a test of this package."""
    connect = socket.socket.connect

    def guarded(self, address):
        # A datagram socket sends nothing when it connects: dask asks one for its own address.
        streams = self.type != socket.SOCK_DGRAM
        if self.family in (socket.AF_INET, socket.AF_INET6) and streams:
            raise OSError(f"a test tried to connect to {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


def pytest_collection_modifyitems(items):
    """Leave out the examples of what is optional where that is not installed."""
    missing = pytest.mark.skip(reason="dask is not installed")
    for item in items:
        if isinstance(item, pytest.DoctestItem) and "dask" in item.name and not find_spec("dask"):
            item.add_marker(missing)
