# SPDX-License-Identifier: Apache-2.0
import os
import sys
from pathlib import Path

import pytest

for folder in ("kube", "lab"):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / folder))


def keep_logs(site):
    folder = Path(os.environ["KAGO_CLUSTER_LOGS"], "pods")
    folder.mkdir(parents=True, exist_ok=True)
    for name, words in {
            "pods": ("get", "pods", "-A", "-o", "wide"), "events": ("get", "events", "-A"),
            "kago": ("describe", "pods,services,leases", "-A"),
            "logs": ("logs", "-n", "kago", "-l", "app.kubernetes.io/name=kago", "--all-containers",
                     "--prefix", "--tail=-1")}.items():
        (folder / f"{name}.txt").write_text(site.kubectl(*words, check=False), encoding="utf-8")


@pytest.fixture(scope="session")
def site(request, tmp_path_factory):
    """On failure what it then looks like is left in KAGO_CLUSTER_LOGS, if that is set."""
    if "KAGO_CLUSTER" not in os.environ:
        pytest.fail("to be run by scripts/cluster run -- scripts/e2e")
    from installation import Site
    made = Site(tmp_path_factory.mktemp("site"))
    yield made
    if request.session.testsfailed and os.environ.get("KAGO_CLUSTER_LOGS"):
        keep_logs(made)
