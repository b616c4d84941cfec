"""Fixtures of the whole suite: two BLAS threads, no network, no windows."""

import os
import socket

import pytest
from threadpoolctl import threadpool_limits

os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(scope="session", autouse=True)
def few_threads():
    """The matrices are small: threads would cost more than they bring, and vary the timing."""
    with threadpool_limits(limits=2):
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
