# SPDX-License-Identifier: Apache-2.0
"""Tests on a real control plane: scripts/kube run --audit -- /usr/bin/python3 -m pytest test/kube"""

import itertools
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lab"))
from cluster import Account, Cluster, Fleet  # noqa: E402
from fake_api import make_certificates  # noqa: E402
from net import ROOT, run  # noqa: E402
from rig import running  # noqa: E402

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items):
    """What proves that all permissions are used comes when all the others have used theirs."""
    items.sort(key=lambda item: item.path.name == "test_permissions.py")


@pytest.fixture(name="cluster", scope="session")
def _cluster():
    if "KAGO_KUBE_DIR" not in os.environ:
        pytest.exit("run it so: scripts/kube run --audit -- /usr/bin/python3 -m pytest test/kube", 2)
    return Cluster(Path(os.environ["KAGO_KUBE_DIR"]))


@pytest.fixture(name="account", scope="session")
def _account(cluster):
    """The service account that all controllers use, with the permissions of the chart."""
    return Account(cluster).allow_cluster()


@pytest.fixture(name="paged", scope="session")
def _paged(tmp_path_factory):
    """The service account on a server that cannot stream lists, as those before Kubernetes 1.32."""
    folder = tmp_path_factory.mktemp("paged") / "plane"
    run(ROOT / "scripts/kube", "up", "--audit", "--flag",
        "kube-apiserver=--feature-gates=WatchList=false", folder, timeout=150)
    yield Account(Cluster(folder)).allow_cluster()
    run(ROOT / "scripts/kube", "down", folder)


@pytest.fixture(name="new_fleet")
def _new_fleet(cluster, account, tmp_path):
    """Makes fleets, with names and pools of their own, that are gone after the test."""
    made = []

    def make(cluster=cluster, account=account, **options):
        number = next(_numbers)
        folder = tmp_path / f"fleet{number}"
        folder.mkdir()
        made.append(Fleet(cluster, account, number, folder, **options))
        return made[-1]

    yield make
    for fleet in made:
        fleet.end()


@pytest.fixture(name="fleet")
def _fleet(new_fleet):
    """A fleet without any load balancer yet."""
    return new_fleet()


@pytest.fixture(name="lb")
def _lb(fleet):
    """The only load balancer of a fleet; it leads."""
    return fleet.start("lb-1").lead()


@pytest.fixture(name="certificates", scope="session")
def _certificates(tmp_path_factory):
    """Folders with ca.crt, server.crt and server.key of the fake server: one that is right, one for another name."""
    made = {}
    for kind, name in (("right", "IP:127.0.0.1"), ("other", "DNS:kubernetes.example")):
        made[kind] = tmp_path_factory.mktemp(kind)
        make_certificates(made[kind], name)
    return made


@pytest.fixture(name="rig")
def _rig(tmp_path, certificates):
    """The fake server, and a controller that is not running yet."""
    with running(tmp_path, certificates["right"]) as made:
        yield made
