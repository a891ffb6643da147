# SPDX-License-Identifier: Apache-2.0
"""Everything in this folder makes namespaces, routes and IPVS services: it runs in scripts/lab."""

import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def in_the_lab():
    if "KAGO_LAB" not in os.environ:
        pytest.exit("run it so: scripts/lab run -- /usr/bin/python3 -m pytest test/lab/inside", 2)
