# SPDX-License-Identifier: Apache-2.0
"""Which nodes take tunnels: agents say so in Leases, the leader publishes it, all load balancers go by it."""

import contextlib
import threading

import pytest

from api import ApiError
from cluster import LEASES
from net import wait_for

SILENT = 20  # s after which an agent that is not heard is dead
VOID = 90  # s in which its node is off the list


class Agent:
    """What the agent of a node does with the API server: renews a Lease."""

    def __init__(self, fleet, node, pace=1.0, node_ips=None):
        self._api, self._name, self._pace = fleet.api, f"tunnels.kago-{fleet.name}.{node}", pace
        self._lease = {
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": self._name, "namespace": LEASES, "labels": {"kago.dev/fleet": fleet.name},
                         "annotations": {"kago.dev/tunnels": "ipip ip6ip6 gue gue6", "kago.dev/node": node}},
            "spec": {"holderIdentity": node, "leaseDurationSeconds": SILENT}}
        if node_ips:
            self._lease["metadata"]["annotations"]["kago.dev/node-ips"] = node_ips
        self._end, self._n = threading.Event(), 0
        self._api.create(self._lease)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self):
        while not self._end.wait(self._pace):
            self._n += 1
            with contextlib.suppress(ApiError):
                self._api.patch("Lease", LEASES, self._name, {"spec": {"leaseTransitions": self._n}})

    def die(self):
        self._end.set()
        self._thread.join()

    def leave(self):
        self.die()
        self._api.delete("Lease", LEASES, self._name)


def published(fleet):
    """The nodes that take tunnels, as the leader says; None: it has said nothing."""
    with contextlib.suppress(ApiError):
        lease = fleet.api.get("Lease", LEASES, f"nodes.kago-{fleet.name}")
        return lease["metadata"]["annotations"]["kago.dev/tunnel-nodes"]
    return None


@pytest.fixture(name="web")
def _web(fleet):
    """Two load balancers, and a Service that asks for tunnels beside one that does not."""
    fleet.start("lb-1").lead()
    fleet.start("lb-2")
    fleet.create("web", annotations={"forward": "tunnel"})
    fleet.create("plain")
    for number, name in enumerate(("web", "plain"), 1):
        fleet.pod(name, 1, f"172.16.0.{number}")
    fleet.vips = {name: fleet.await_address(name)[0] for name in ("web", "plain")}
    return fleet


def await_port(fleet, port):
    """Until all load balancers reach the pod by this port: that of the Service is a tunnel's."""
    for lb in fleet.members.values():
        lb.await_table({f"{fleet.vips['web']} 80 TCP": {f"172.16.0.1 {port}": 1},
                        f"{fleet.vips['plain']} 80 TCP": {"172.16.0.2 8080": 1}})


def test_a_node_with_an_agent_takes_tunnels_for_all_load_balancers(web):
    await_port(web, 8080)
    web.await_condition("web", "Accepted", "True", "NotTunnelled")
    assert published(web) is None
    agent = Agent(web, "node")
    await_port(web, 80)
    assert published(web) == "node"
    web.await_condition("web", "Accepted", "True", "Accepted")
    written = [lb.written() for lb in web.members.values()]
    # One that starts anew has the tunnels at once, and nothing changes for those that are there.
    web.members["lb-2"].process.stop()
    web.members["lb-2"].conf.unlink()
    again = web.start("lb-2")
    await_port(web, 80)
    assert web.members["lb-1"].written() == written[0]
    assert wait_for("its first file to count", again.written) == 1
    agent.leave()
    await_port(web, 8080)
    assert published(web) == ""


def test_a_leader_goes_by_what_was_published_and_a_dead_agent_is_taken_off(web):
    agent = Agent(web, "node")
    await_port(web, 80)
    agent.die()
    web.members.pop("lb-1").process.stop()
    web.leader(other_than="lb-1")
    await_port(web, 80)
    assert published(web) == "node"
    wait_for("the node to be off the list", lambda: published(web) == "", VOID)
    await_port(web, 8080)


def test_pods_in_the_network_of_their_node_are_served_by_nat(web):
    web.pod("web", 9, "10.9.0.7")
    agent = Agent(web, "node", node_ips="10.9.0.7,fd00:9::7")
    for lb in web.members.values():
        lb.await_table({f"{web.vips['web']} 80 TCP": {"172.16.0.1 80": 1, "10.9.0.7 8080": 1},
                        f"{web.vips['plain']} 80 TCP": {"172.16.0.2 8080": 1}})
    condition = web.await_condition("web", "Accepted", "True", "NotTunnelled")
    assert "(1 of 2 real servers, at their node's own address)" in condition["message"]
    agent.leave()
