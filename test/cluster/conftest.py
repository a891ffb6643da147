# SPDX-License-Identifier: Apache-2.0
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lab"))


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    if "KAGO_CLUSTER" not in os.environ:
        pytest.fail("to be run by scripts/cluster run -- scripts/e2e")
    from installation import Site
    return Site(tmp_path_factory.mktemp("site"))
