# SPDX-License-Identifier: Apache-2.0
"""Open connections through tunnels while endpoints and load balancers change at the same moment.

Two load balancers behind an ECMP router, five pods on three nodes whose agents ask each other.
"""

import contextlib
import json
import re
import time

import pytest

from net import Failed, Talk, program, run, wait_for
from topology import KILL, NODES, Lab, Pod

VIP, NET = "10.1.1.1", "10.1.1.0/24"
PORT, TARGET = 80, 8080
CONNECTIONS = 100


class Fleet:
    def __init__(self, lab, n_asked):
        self.lab, self.n_asked = lab, n_asked
        nodes = list(lab.nodes.values())
        self.pods = [Pod(lab, f"web-{i}", nodes[i % 3], 20 + i) for i in range(5)]
        for pod in self.pods:
            lab.serve(pod.netns, pod.name, TARGET)
        lab.apply("web", json.dumps({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "web", "namespace": "default", "annotations": {
                "kago.dev/vip": VIP, "kago.dev/forward": "tunnel"}},
            "spec": {"type": "LoadBalancer", "loadBalancerClass": "kago.dev/default",
                     "ports": [{"port": PORT, "targetPort": TARGET}]}}))
        self.publish(range(4))
        self.agents = [self._start_agent(node) for node in nodes]
        self.lbs = {}
        self._made = 0

    def _start_agent(self, node):
        """Nodes send to each other; pods may not."""
        config = self.lab.folder / f"agent-{node.name}.yaml"
        config.write_text(f"fleet: default\ntunnel: {{nodes: [{', '.join(NODES)}]}}\n", encoding="ascii")
        allowed = [word for address in [*NODES.values(), "172.16.0.0/16"] for word in ("--allow", address)]
        return self.lab.start(
            node.netns, program("kago-node"), "run", "--config", config, "--source", self.lab.manifests,
            "--node", node.name, "--ask-nodes", str(self.n_asked), *allowed, log=self.lab.log(f"agent-{node.name}"))

    def publish(self, numbers, draining=(), starting=()):
        endpoints = [{"addresses": [self.pods[i].address], "nodeName": self.pods[i].node.name, "conditions": {
            "ready": i not in (*draining, *starting), "serving": i not in starting, "terminating": i in draining}}
            for i in numbers]
        self.lab.apply("web-1", json.dumps({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": "web-1", "namespace": "default", "labels": {"kubernetes.io/service-name": "web"}},
            "ports": [{"port": TARGET}], "endpoints": endpoints}))

    def add(self, number, draining):
        """A pod starts, and is ready; others drain at that moment."""
        pod = self.pods[number]
        self.publish(range(number + 1), starting=[number])
        wait_for(f"{pod.name} on its node", lambda: pod.address in pod.node.netns.run(
            "nft", "list", "table", "ip", "kago-node").stdout)
        self.publish(range(number + 1), draining)
        self.await_weights(*[0] * len(draining), *[1] * (number + 1 - len(draining)))

    def begin(self, node):
        self._made += 1
        lb = self.lab.lb_pod(f"lb{self._made}", node, 1 + self._made, tunnel__nodes=list(NODES))
        gateway = f"{lb.node.pods}.1"
        lb.netns.ip(f"route add {gateway}/32 dev eth0", f"route replace {lb.node.pods}.0/24 via {gateway}")
        self.lbs[node] = lb.start()
        self.await_routes()

    def kill(self, node):
        lb = self.lbs.pop(node)
        lb.signal(KILL)
        lb.wait(20)
        run("ip", "netns", "delete", lb.netns.name)
        self.await_routes()

    def await_routes(self):
        self.lab.await_next_hops(NET, self.lbs.values())

    def weights(self, lb):
        return sorted(lb.real_servers().values())

    def await_weights(self, *weights):
        for lb in self.lbs.values():
            wait_for(f"{weights} in {lb.name}", lambda lb=lb: self.weights(lb) == sorted(weights))

    def hold(self, count=CONNECTIONS):
        talks = [Talk(self.lab.client, "tcp", VIP, PORT) for _ in range(count)]
        return [(talk, talk.ask("first")[0]) for talk in talks]

    def onward(self):
        """Packets that nodes have sent on to others, since they know whom to ask."""
        counters = [node.netns.run("nft", "list", "counter", "ip", "kago-second", "onward").stdout
                    for name, node in self.lab.nodes.items() if name in NODES]
        return sum(int(re.search(r"packets (\d+)", text)[1]) for text in counters)

    @staticmethod
    def broken(held):
        """How many of them do not go on, or with another pod."""
        n = 0
        for i, (talk, pod) in enumerate(held):
            try:
                n += talk.ask(f"again-{i}")[0] != pod
            except OSError:
                n += 1
        return n


@contextlib.contextmanager
def begun(n_asked):
    with Lab() as lab:
        fleet = Fleet(lab, n_asked)
        fleet.begin("node1")
        fleet.begin("node2")
        yield fleet


@pytest.fixture(name="asking", scope="module")
def _asking():
    with begun(n_asked=8) as fleet:
        yield fleet


@pytest.fixture
def fleet(asking):
    """Two load balancers and four pods, whatever the tests before did."""
    for node in {"node1", "node2"} - set(asking.lbs):
        asking.begin(node)
    asking.publish(range(4))
    asking.await_weights(1, 1, 1, 1)
    return asking


def close(held):
    for talk, _ in held:
        talk.__exit__()


def test_without_a_second_chance_they_are_reset():
    """What the next test is there for. It is the first, for of this network there is one at a time."""
    with begun(n_asked=0) as fleet:
        old = fleet.hold()
        fleet.add(4, draining=[0])
        fleet.kill("node1")
        n = fleet.broken(old)
        print(f"\n{n} of {CONNECTIONS}")
        assert n > 0
        close(old)


def test_connections_go_on_when_endpoints_change_as_load_balancers_are_killed(fleet):
    old = fleet.hold()
    fleet.add(4, draining=[0])
    new = fleet.hold()
    fleet.kill("node1")
    assert (fleet.broken(old), fleet.broken(new)) == (0, 0)
    fleet.begin("node1")
    assert (fleet.broken(old), fleet.broken(new)) == (0, 0)
    fleet.kill("node2")
    assert (fleet.broken(old), fleet.broken(new)) == (0, 0)
    assert fleet.onward() > 0
    close(old + new)


def test_connections_of_a_pod_that_is_gone_are_reset_at_once(fleet):
    held = fleet.hold(40)
    gone = fleet.pods[0]
    lost = [talk for talk, pod in held if pod == gone.name]
    assert lost
    gone.netns.ip("link set eth0 down")
    fleet.publish(range(1, 4))
    fleet.await_weights(1, 1, 1)
    took = []
    for talk in lost:
        start = time.monotonic()
        with pytest.raises(ConnectionResetError):
            talk.ask("again")
        took.append(time.monotonic() - start)
    assert sorted(took)[len(took) // 2] < 3, took
    assert fleet.broken([one for one in held if one[1] != gone.name]) == 0
    close(held)


def test_the_rules_come_back_when_the_device_was_taken_away(asking):
    """They name it by its number."""
    node = asking.lab.nodes["node3"].netns

    def rules():
        with contextlib.suppress(Failed):
            return node.run("nft", "list", "chain", "ip", "kago-second", "unknown").stdout.count('device "kago0"')
        return 0

    wait_for("the rules", lambda: rules() == 2)
    node.ip("link delete kago0")
    wait_for("the rules again", lambda: rules() == 2)
    node.run("nft", "delete", "table", "ip", "kago-second")
    wait_for("the rules again", lambda: rules() == 2)
    asking.agents[2].kill()
    node.run(program("kago-node"), "remove")
    assert rules() == 0
