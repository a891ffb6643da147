# SPDX-License-Identifier: Apache-2.0
"""Tests of the chart: scripts/kube run -- /usr/bin/python3 -m pytest test/chart"""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kube"))
from chart import Helm  # noqa: E402
from cluster import Cluster  # noqa: E402


@pytest.fixture(name="helm", scope="session", params=[4, 3], ids=["helm4", "helm3"])
def _helm(request):
    return Helm(request.param)


@pytest.fixture(name="helm4", scope="session")
def _helm4():
    return Helm(4)


@pytest.fixture(name="cluster", scope="session")
def _cluster():
    if "KAGO_KUBE_DIR" not in os.environ:
        pytest.skip("run it so: scripts/kube run -- /usr/bin/python3 -m pytest test/chart")
    return Cluster(Path(os.environ["KAGO_KUBE_DIR"]))
