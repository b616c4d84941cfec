"""Fixtures of the whole suite: few BLAS threads, no network, no windows."""

import os
import socket

import pytest
from threadpoolctl import threadpool_limits

os.environ.setdefault("MPLBACKEND", "Agg")


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
        if self.family in (socket.AF_INET, socket.AF_INET6):
            raise OSError(f"a test tried to connect to {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
