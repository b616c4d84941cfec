"""The version of the package, and where its pages are."""

from __future__ import annotations

__version__ = "0.1.0.dev0"

# Pages of public objects are at api/generated/<full name>.html below.
DOCUMENTATION = "https://sknewtonnet.github.io/sknewtonnet/"
