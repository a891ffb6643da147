# SPDX-License-Identifier: Apache-2.0
"""Load balancers, pods and the agents of their nodes, for tests of tunnels in scripts/lab."""

import contextlib
import json

from net import Talk, program, wait_for
from topology import CLIENT, CLIENT6, KILL, PODS, Pod

VIPS = {4: "10.1.1.1", 6: "fd00:1::1"}
NETS = {4: "10.1.1.0/24", 6: "fd00:1::/64"}
CLIENTS = {4: CLIENT, 6: CLIENT6}
PODS6 = "fd00:16::/32"
PORT, TARGET = 80, 8080
# What a tunnel adds to a packet, before the client's IP and TCP headers.
OVERHEAD = {("ipip", 4): 20, ("ipip", 6): 40, ("gue", 4): 32, ("gue", 6): 52}


def service():
    return json.dumps({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "namespace": "default", "annotations": {
            "kago.dev/vip": ",".join(VIPS.values()), "kago.dev/forward": "tunnel",
            "kago.dev/health-check-interval": "2s"}},
        "spec": {"type": "LoadBalancer", "loadBalancerClass": "kago.dev/default", "ports": [
            {"name": "tcp", "port": PORT, "targetPort": TARGET},
            {"name": "udp", "port": PORT, "targetPort": TARGET, "protocol": "UDP"}]}})


def slice_of(family, pods, target=TARGET):
    return json.dumps({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": f"IPv{family}",
        "metadata": {"name": f"web-{family}", "namespace": "default",
                     "labels": {"kubernetes.io/service-name": "web"}},
        "ports": [{"name": "tcp", "port": target}, {"name": "udp", "port": target, "protocol": "UDP"}],
        "endpoints": [{"addresses": [pod.address if family == 4 else pod.address6], "nodeName": pod.node.name}
                      for pod in pods]})


def through_the_node(lb):
    """Packets for pods of its own bridge pass the node, as with net.bridge.bridge-nf-call-iptables=1."""
    four, six = f"{lb.node.pods}.1", f"{lb.node.pods6}::1"
    lb.netns.ip(f"route add {four} dev eth0", f"route replace {lb.node.pods}.0/24 via {four}",
                f"route add {six} dev eth0", f"route add {lb.node.pods6}::/64 via {six} metric 1")


def drop_invalid(node):
    """As kube-proxy does."""
    node.netns.run("nft", "add table inet proxy; "
                   "add chain inet proxy forward { type filter hook forward priority 0; }; "
                   "add rule inet proxy forward ct state invalid counter drop")


class TunnelFleet:
    """Pods on all nodes, all of which have an agent; load balancers on two, beside pods.

    `prepare` gets each load balancer before it starts.
    """

    def __init__(self, lab, encapsulation="ipip", prepare=lambda lb: None):
        self.lab, self.client, self.encapsulation = lab, lab.client, encapsulation
        self.pods = [Pod(lab, f"web-{n}", lab.nodes[f"node{n}"], 10 + n) for n in (1, 2, 3)]
        lab.apply("web", service())
        for family in VIPS:
            lab.apply(f"web-{family}", slice_of(family, self.pods))
        for pod in self.pods:
            lab.serve(pod.netns, pod.name, TARGET)
        for node in lab.nodes.values():
            drop_invalid(node)
        self.agents = {name: self.start_agent(node) for name, node in lab.nodes.items()}
        settings = {"tunnel__nodes": list(lab.nodes), "tunnel__encapsulation": encapsulation,
                    "bgp__aggregates": list(NETS.values())}
        self.lbs = [lab.lb_pod(f"lb{n}", f"node{n}", **settings) for n in (1, 2)]
        for agent in self.agents.values():
            agent.wait_for_line("event=node.ready")
        self.start_load_balancers(prepare)

    def start_load_balancers(self, prepare=lambda lb: None):
        """Until they have all real servers: TCP and UDP of both families."""
        for lb in self.lbs:
            prepare(lb)
            lb.start()
        self._await_routes()
        for lb in self.lbs:
            wait_for(f"real servers in {lb.name}", lambda lb=lb: self.up(lb) == 4 * len(self.pods), timeout=60)

    def _await_routes(self):
        for net in NETS.values():
            self.lab.await_next_hops(net, self.lbs)

    def start_agent(self, node):
        return self.lab.start(node.netns, program("kago-node"), "run", "--source", self.lab.manifests, "--node",
                              node.name, "--allow", PODS, "--allow", PODS6,
                              "--set", f"tunnel.encapsulation={self.encapsulation}",
                              log=self.lab.log(f"{node.name}.agent"))

    def up(self, lb):
        """How many real servers the kernel has in the encapsulation that is wanted."""
        with contextlib.suppress(Exception):
            one, = json.loads(lb.status("-o", "json"))["services"]
            return sum(real["state"] == "up" and real["forward"] == self.encapsulation
                       for server in one["virtualServers"] for real in server["realServers"])
        return None

    def hold(self, family, count):
        """Open connections, each with its server and the client that this sees."""
        talks = [Talk(self.client, "tcp", VIPS[family], PORT) for _ in range(count)]
        return [(talk, *talk.ask("first")) for talk in talks]

    @staticmethod
    def broken(held):
        """How many of them do not go on, or with another pod."""
        n = 0
        for i, (talk, pod, _) in enumerate(held):
            try:
                n += talk.ask(f"again-{i}")[0] != pod
            except OSError:
                n += 1
        return n

    def lose_one(self, family, count):
        """A load balancer is killed and comes back: none of so many open connections breaks."""
        survivor, killed = self.lbs
        held = self.hold(family, count)
        assert {seen for _, _, seen in held} == {CLIENTS[family]}
        assert killed.connections() and survivor.connections()
        killed.signal(KILL)
        self.lab.await_next_hops(NETS[family], [survivor])
        assert self.broken(held) == 0
        killed.wait(10)
        killed.start()
        self._await_routes()
        assert self.broken(held) == 0
        close(held)


def close(held):
    for talk, *_ in held:
        talk.__exit__()
