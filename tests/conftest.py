"""Fixtures of the whole suite: one BLAS thread, no network, no windows."""

import os
import socket

import pytest
from threadpoolctl import threadpool_limits

os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(scope="session", autouse=True)
def few_threads():
    """The matrices are small: threads cost more than they bring, and results vary with them."""
    with threadpool_limits(limits=1):
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
