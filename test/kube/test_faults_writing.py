# SPDX-License-Identifier: Apache-2.0
"""The leader's writes against an API server that misbehaves; see test_faults.py."""

import contextlib
import time

import pytest

from fake_api import answer, body, hang, reset
from net import wait_for
from rig import FOREVER, NAMESPACE, PATIENCE, ingresses, lease_of, service, slice_of


def bare_service(number):
    """A Service that waits for an address."""
    thing = service(number)
    del thing["status"], thing["metadata"]["annotations"]["kago.dev/vip"]
    return thing


def lead(rig):
    """Runs a controller that leads and has nothing left to write."""
    rig.api.delete("leases", NAMESPACE, "kago-default")
    rig.started()
    wait_for("the lease", lambda: leader(rig) == "the-one", PATIENCE)
    wait_for("conditions", lambda: all("conditions" in t["status"] for t in rig.api.all("services")), PATIENCE)
    rig.rests()


def leader(rig):
    with contextlib.suppress(KeyError):
        return rig.api.get("leases", NAMESPACE, "kago-default")["spec"].get("holderIdentity")
    return None


def has_address(rig, number):
    return ingresses(rig.api.get("services", NAMESPACE, f"web-{number}"))


def changed_meanwhile(handler):
    """Somebody else was faster."""
    thing = handler.api.get("services", NAMESPACE, "web-8")
    handler.api.put(thing | {"metadata": thing["metadata"] | {"labels": {"changed": "meanwhile"}}})
    handler.serve()


def lost_answer(handler):
    """It is done, but who asked for it does not learn that."""
    handler.serve_write()
    handler.reset()


@pytest.mark.parametrize("fault", [
    answer(500, "etcd is unwell"), answer(503, "no leader", Retry_After="2"),
    answer(429, "slow down", Retry_After="2"), answer(409, "the object has been modified"), reset, hang,
    body(b""), body(b"{", 201), changed_meanwhile, lost_answer,
], ids=["500", "503", "429", "409", "reset", "hang", "empty", "half", "changed", "lost"])
def test_an_address_is_written_in_the_end(rig, fault):
    lead(rig)
    before = rig.api.count(verb="patch")
    rig.api.script("services", "patch", fault)
    rig.api.put(bare_service(8))
    rig.api.put(slice_of(8, (1,)))
    wait_for("an address", lambda: has_address(rig, 8), PATIENCE)
    assert not rig.api.scripted("services", "patch")
    rig.settle()
    rig.rests()
    assert rig.api.count(verb="patch", resource="services") - before <= 6


def test_who_cannot_renew_the_lease_writes_no_more_but_forwards(rig):
    lead(rig)
    rig.api.script("leases", "update", *[answer(500, "etcd is unwell")] * FOREVER)
    rig.api.script("leases", "create", *[answer(500, "etcd is unwell")] * FOREVER)
    time.sleep(8)  # it may lead for 7 s after a renewal
    before = rig.api.count(verb="patch")
    rig.api.put(slice_of(1, (3,)))
    rig.api.put(bare_service(8))
    rig.settle()
    rig.rests()
    assert rig.api.count(verb="patch") == before
    rig.api.scripts.clear()
    wait_for("an address", lambda: has_address(rig, 8), PATIENCE)
    rig.settle()


def test_who_sees_another_leader_writes_no_more(rig):
    lead(rig)
    rig.api.put(lease_of("somebody-else"))
    rig.logged("event=leader.stopped")
    before = rig.api.count(verb="patch")
    rig.api.put(slice_of(1, (3,)))
    rig.api.put(bare_service(8))
    rig.settle()
    time.sleep(3)
    assert rig.api.count(verb="patch") == before
    assert leader(rig) == "somebody-else"
