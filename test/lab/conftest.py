# SPDX-License-Identifier: Apache-2.0
"""What all lab tests share: this folder's modules (net.py) are importable from inside/, too."""

import pytest

from net import Network


@pytest.fixture
def network():
    """An empty network, which is gone after the test."""
    with Network() as made:
        yield made
