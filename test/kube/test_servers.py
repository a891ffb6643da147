# SPDX-License-Identifier: Apache-2.0
"""Other API servers, and less of one: without streamed lists, and a single namespace of it."""

from api import Watch, addresses, conditions
from cluster import Account
from net import wait_for

MANY = 1200  # more than two pages of a list


def test_a_list_that_comes_in_pages_is_complete(paged, new_fleet):
    fleet = new_fleet(cluster=paged.cluster, account=paged,
                      pools=[{"name": "large", "addresses": ["10.96.0.0/16"]}])
    names = [f"s{i}" for i in range(MANY)]
    fleet.api.at_once([fleet.service(name) for name in names])
    fleet.api.at_once([fleet.endpoint_slice(name, "172.16.0.1") for name in names])
    lb = fleet.start("lb-1").lead()
    wait_for("all addresses", lambda: all(map(addresses, fleet.api.list("Service", fleet.ns))), 180, 0.5)
    held = {a for s in fleet.api.list("Service", fleet.ns) for a in addresses(s)}
    assert len(held) == MANY
    lb.await_table({f"{a} 80 TCP": {"172.16.0.1 8080": 1} for a in held}, 180)
    late = fleet.start("lb-2")  # finds all of it there
    late.await_table(lb.table(), 180)
    fleet.api.delete("Service", fleet.ns, "s7")
    for each in (lb, late):
        wait_for("one less", lambda e=each: len(e.table()) == MANY - 1)


def test_one_namespace_needs_no_permission_for_others(cluster, new_fleet):
    fleet = new_fleet(account=Account(cluster, "kago-narrow"))
    fleet.account.allow_namespace(fleet.ns)
    other = new_fleet()
    with Watch(other.api, other.ns) as watch:
        other.api.create(fleet.service("web", ns=other.ns))
        lb = fleet.start("lb-1", kubernetes__namespace=fleet.ns).lead()
        fleet.create("web")
        fleet.pod("web", 1, "172.16.0.1")
        [address] = fleet.await_address("web")
        lb.await_table({f"{address} 80 TCP": {"172.16.0.1 8080": 1}})
        assert watch.histories()["web"] == [[]]
        assert not conditions(other.get("web"))
    denied = [e["requestURI"] for e in cluster.audit() if e["user"].get("username") == fleet.account.user
              and e.get("responseStatus", {}).get("code") == 403]
    assert denied == []


def test_permission_that_comes_late_is_noticed(cluster, new_fleet):
    fleet = new_fleet(account=Account(cluster, "kago-late"))
    lb = fleet.start("lb-1")
    lb.process.wait_for_line("forbidden")
    fleet.account.allow_namespace(fleet.ns)
    fleet.account.allow_cluster()
    fleet.create("web")
    fleet.pod("web", 1, "172.16.0.1")
    [address] = fleet.await_address("web", 60)
    lb.await_table({f"{address} 80 TCP": {"172.16.0.1 8080": 1}})
