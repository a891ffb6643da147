# SPDX-License-Identifier: Apache-2.0
"""Several load balancers of one fleet on a real control plane: who leads, and what happens then."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from api import Watch, addresses
from net import wait_for

NAMES = ("lb-1", "lb-2", "lb-3")
TAKEOVER = 60  # s; a Lease is void after 10 s, and whoever sees that first takes it
VOID = 10  # s after which a Lease that nobody renews is void


@pytest.fixture(name="lbs")
def _lbs(fleet):
    """Three load balancers, the first of which leads."""
    fleet.start("lb-1").lead()
    for name in NAMES[1:]:
        fleet.start(name)
    return fleet.members


def serve(fleet, name, number, **options):
    """Creates a Service with one endpoint, and says what tables shall have for it."""
    fleet.create(name, **options)
    fleet.pod(name, 1, f"172.16.0.{number}")
    [address] = fleet.await_address(name)
    return {f"{address} 80 TCP": {f"172.16.0.{number} 8080": 1}}


def all_have(fleet, table):
    for lb in fleet.members.values():
        lb.await_table(table)


def test_all_load_balancers_render_the_same(fleet, lbs):
    table = {**serve(fleet, "one", 1), **serve(fleet, "two", 2)}
    all_have(fleet, table)
    assert len({lb.conf.read_text(encoding="ascii").replace(str(lb.conf.parent), "")
                for lb in lbs.values()}) == 1


def keep_creating(fleet, prefix, stop, pace=0.1):
    """Creates Services until told to stop; how many."""
    n = 0
    while not stop():
        fleet.create(f"{prefix}{n}")
        n += 1
        time.sleep(pace)
    return n


def test_a_leader_that_dies_is_followed_and_no_address_changes(fleet, lbs):
    table = {**serve(fleet, "one", 1), **serve(fleet, "two", 2)}
    all_have(fleet, table)
    with Watch(fleet.api, fleet.ns) as watch, ThreadPoolExecutor(1) as pool:
        done = []
        creating = pool.submit(keep_creating, fleet, "s", lambda: done)
        try:
            lbs["lb-1"].process.kill()
            fleet.leader(TAKEOVER, other_than="lb-1")
            fleet.create("late")
            fleet.await_address("late")
        finally:
            done.append(True)
        n = creating.result()
        for i in range(n):
            fleet.await_address(f"s{i}")
        histories = watch.histories()
    for name, history in histories.items():
        assert len([h for h in history if h]) <= 1, f"{name} had {history}"
    held = [a for s in fleet.api.list("Service", fleet.ns) for a in addresses(s)]
    assert len(set(held)) == len(held) == n + 3
    for name in NAMES[1:]:
        lbs[name].await_table(table)


def test_a_leader_that_stops_in_order_is_followed_at_once(fleet, lbs):
    for name in NAMES[1:]:
        wait_for(f"the Lease of {name}", lambda n=name: f"kago-{fleet.name}.{n}" in [
            o["metadata"]["name"] for o in fleet.api.list("Lease", "kago-system")])
    lbs["lb-1"].process.signal(signal.SIGTERM)
    asked = time.monotonic()
    fleet.leader(other_than="lb-1")
    assert time.monotonic() - asked < VOID * 0.8, "the Lease was not given up"
    assert lbs["lb-1"].process.wait() == 0
    fleet.create("web")
    fleet.await_address("web")
    assert f"kago-{fleet.name}.lb-1" not in [o["metadata"]["name"] for o in fleet.api.list("Lease", "kago-system")]


def test_a_leader_that_hangs_writes_no_more_when_it_goes_on(fleet, lbs):
    serve(fleet, "one", 1)
    lbs["lb-1"].process.signal(signal.SIGSTOP)
    fleet.leader(TAKEOVER, other_than="lb-1")
    with Watch(fleet.api, fleet.ns) as watch:
        fleet.api.at_once([fleet.service(f"s{i}") for i in range(10)])
        lbs["lb-1"].process.signal(signal.SIGCONT)
        fleet.api.at_once([fleet.service(f"t{i}") for i in range(10)])
        for name in [f"{p}{i}" for p in "st" for i in range(10)]:
            fleet.await_address(name)
        assert fleet.lease() != "lb-1"
        for name, history in watch.histories().items():
            assert len([h for h in history if h]) <= 1, f"{name} had {history}"
    held = [a for s in fleet.api.list("Service", fleet.ns) for a in addresses(s)]
    assert len(set(held)) == len(held) == 21


def test_all_are_restarted_one_by_one_and_nothing_changes(fleet, lbs):
    table = {**serve(fleet, "one", 1), **serve(fleet, "two", 2)}
    all_have(fleet, table)
    with Watch(fleet.api, fleet.ns) as watch:
        for name in NAMES:
            lbs[name].process.stop()
            fleet.start(name)
            fleet.leader()
            all_have(fleet, table)
        for history in watch.histories().values():
            assert len(history) == 1


@pytest.mark.parametrize("how", ["frozen", "killed"])
def test_the_data_plane_stands_while_the_api_server_is_gone(fleet, lbs, how):
    table = {**serve(fleet, "one", 1), **serve(fleet, "two", 2)}
    all_have(fleet, table)
    written = {name: lb.written() for name, lb in lbs.items()}
    if how == "frozen":
        with fleet.cluster.frozen():
            time.sleep(12)  # longer than a leader may go without renewing
    else:
        fleet.cluster.signal("kube-apiserver", signal.SIGKILL)
        time.sleep(12)
    for lb in lbs.values():
        assert lb.process.running()
        assert lb.table() == table
    if how == "killed":
        fleet.cluster.revive()
    fleet.leader(TAKEOVER)
    table |= serve(fleet, "three", 3)
    all_have(fleet, table)
    assert {name: lb.written() - written[name] for name, lb in lbs.items()} == dict.fromkeys(NAMES, 1)


def test_what_changed_while_the_api_server_was_gone_is_caught_up_with(fleet, lbs):
    table = {**serve(fleet, "one", 1), **serve(fleet, "two", 2)}
    all_have(fleet, table)
    for lb in lbs.values():
        lb.process.signal(signal.SIGSTOP)
    fleet.api.delete("Service", fleet.ns, "one")
    fleet.pod("two", 2, "172.16.0.22")
    wait_for("the slice of two", lambda: any(len(s["endpoints"]) == 2 for s in fleet.api.list(
        "EndpointSlice", fleet.ns, labelSelector="kubernetes.io/service-name=two")))
    fleet.cluster.signal("kube-apiserver", signal.SIGKILL)
    for lb in lbs.values():
        lb.process.signal(signal.SIGCONT)
    fleet.cluster.revive()
    [address] = fleet.await_address("two")
    all_have(fleet, {f"{address} 80 TCP": {"172.16.0.2 8080": 1, "172.16.0.22 8080": 1}})


def test_nobody_has_the_endpoints_of_another_load_balancer(fleet):
    places = {"lb-1": {"POD_IPS": "172.16.9.1", "HOST_IPS": "10.9.0.1"},
              "lb-2": {"POD_IPS": "172.16.9.2", "NODE_IP": "10.9.0.2"}}
    lbs = {name: fleet.start(name, environment) for name, environment in places.items()}
    fleet.create("web")
    [address] = fleet.await_address("web")
    fleet.api.create(fleet.endpoint_slice("web", "172.16.0.1", "172.16.9.1", "172.16.9.2", "10.9.0.1", "10.9.0.2"))
    for lb in lbs.values():
        lb.await_table({f"{address} 80 TCP": {"172.16.0.1 8080": 1}})
    fleet.await_event("web", "EndpointsNotAllowed: .*, and 3 more", "Warning")
    lbs["lb-2"].process.stop()
    lbs["lb-1"].await_table({f"{address} 80 TCP": {
        f"{host} 8080": 1 for host in ("172.16.0.1", "172.16.9.2", "10.9.0.2")}})
