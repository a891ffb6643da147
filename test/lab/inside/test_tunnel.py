# SPDX-License-Identifier: Apache-2.0
"""Services with tunnels: two load balancers behind an ECMP router, pods on three nodes.

What takes packets out of tunnels on the nodes is set up here with ip and nft.
"""

import contextlib
import json
import os
import signal
import time

import pytest

from net import Talk, ask, wait_for
from topology import CLIENT, KILL, TERM, Lab, Pod

VIP, PLAIN, SAME, NET = "10.1.1.1", "10.1.1.2", "10.1.1.4", "10.1.1.0/24"
PORT, TARGET = 80, 8080
TUNNEL_NODES = ["node1", "node2"]
CONNECTIONS = 120
DEVICE = "169.254.77.1"


class Receiver:
    """What a node does with tunnelled packets for its pods: out of the tunnel, on to the pod's port."""

    def __init__(self, node, pods):
        node.netns.ip(f"link add kago0 type ipip local {DEVICE} remote any",
                      f"address add {DEVICE}/32 dev kago0", "link set kago0 up")
        node.netns.sysctl("net.ipv4.conf.kago0.rp_filter", 2)
        marks = ", ".join(f"{pod.address} : {0x1001 + i}" for i, pod in enumerate(pods))
        back = ", ".join(f"{0x1001 + i} : {pod.address} . {TARGET}" for i, pod in enumerate(pods))
        node.netns.run("nft", "-f", "-", stdin=f"""
            table ip receiver {{
                map pods {{ type ipv4_addr : mark; elements = {{ {marks} }} }}
                map ends {{ type mark : ipv4_addr . inet_service; elements = {{ {back} }} }}
                chain raw {{
                    type filter hook prerouting priority -310
                    ip protocol 4 meta mark set ip daddr map @pods notrack ip daddr set {DEVICE}
                }}
                chain nat {{
                    type nat hook prerouting priority -110
                    iifname "kago0" ip daddr {VIP} meta l4proto {{ tcp, udp }} th dport {PORT} \
                        dnat ip to meta mark map @ends
                }}
                chain unmark {{
                    type filter hook prerouting priority -90
                    iifname "kago0" meta mark set 0
                }}
                chain guard {{
                    type filter hook input priority 0
                    iifname "kago0" drop
                }}
            }}""")


def through_the_node(lb):
    """Packets for pods of its own bridge pass the node, as with net.bridge.bridge-nf-call-iptables=1."""
    gateway = f"{lb.node.pods}.1"
    lb.netns.ip(f"route add {gateway}/32 dev eth0", f"route replace {lb.node.pods}.0/24 via {gateway}")


def drop_invalid(node):
    """As kube-proxy does."""
    node.netns.run("nft", "add table ip proxy; "
                   "add chain ip proxy forward { type filter hook forward priority 0; }; "
                   "add rule ip proxy forward ct state invalid counter drop")


def service(name, vip, forward, port=PORT):
    return json.dumps({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": "default", "annotations": {
            "kago.dev/vip": vip, "kago.dev/forward": forward, "kago.dev/health-check-interval": "2s"}},
        "spec": {"type": "LoadBalancer", "loadBalancerClass": "kago.dev/default", "ports": [
            {"name": "tcp", "port": port, "targetPort": TARGET},
            {"name": "udp", "port": port, "targetPort": TARGET, "protocol": "UDP"}]}})


def slice_of(name, pods, node=None):
    return json.dumps({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": f"{name}-1", "namespace": "default", "labels": {"kubernetes.io/service-name": name}},
        "ports": [{"name": "tcp", "port": TARGET}, {"name": "udp", "port": TARGET, "protocol": "UDP"}],
        "endpoints": [{"addresses": [pod.address], "nodeName": node or pod.node.name} for pod in pods]})


class Fleet:
    """Pods on all nodes, one of which takes no tunnels; load balancers on two, beside pods."""

    def __init__(self, lab):
        self.lab, self.client = lab, lab.client
        self.pods = [Pod(lab, f"web-{n}", lab.nodes[f"node{n}"], 10 + n) for n in (1, 2, 3)]
        for node in lab.nodes.values():
            drop_invalid(node)
        for pod in self.pods:
            lab.serve(pod.netns, pod.name, TARGET)
        for name in TUNNEL_NODES:
            Receiver(lab.nodes[name], [pod for pod in self.pods if pod.node.name == name])
        self.tunnelled = [pod for pod in self.pods if pod.node.name in TUNNEL_NODES]
        self.lbs = [lab.lb_pod(f"lb{n}", f"node{n}", tunnel__nodes=TUNNEL_NODES) for n in (1, 2)]
        for lb in self.lbs:
            through_the_node(lb)
            lb.start()
        lab.apply("web", service("web", VIP, "tunnel"))
        lab.apply("plain", service("plain", PLAIN, "nat"))
        lab.apply("plain-1", slice_of("plain", self.pods[2:]))
        self.publish(self.tunnelled)
        lab.await_next_hops(NET, self.lbs)

    def publish(self, pods):
        """Makes these the pods of the Service with tunnels, and waits for the kernels."""
        self.lab.apply("web-1", slice_of("web", pods))
        wanted = {(pod.address, "ipip" if pod in self.tunnelled else "nat") for pod in pods}
        for lb in self.lbs:
            wait_for(f"{wanted} in {lb.name}", lambda lb=lb: self.held(lb) == wanted, timeout=60)

    @staticmethod
    def status(lb):
        return json.loads(lb.status("-o", "json"))

    def held(self, lb):
        """{(address, how)} of the real servers of the Service with tunnels that the kernel has."""
        with contextlib.suppress(Exception):
            servers = [server for one in self.status(lb)["services"] if one["name"] == "web"
                       for server in one["virtualServers"]]
            return {(real["address"], real["forward"]) for server in servers
                    for real in server["realServers"] if real["state"] == "up"}
        return None

    @staticmethod
    def methods(lb, place="0A010101:0050"):
        """{(address, method)} of the real servers of a VIP and port, as IPVS itself says."""
        found, ours = set(), False
        for row in map(str.split, lb.proc_net("ip_vs")):
            if row[0] in ("TCP", "UDP"):
                ours = row[1] == place
            elif row[0] == "->" and ours and row[1] != "RemoteAddress:Port":
                found.add((row[1], row[2]))
        return found

    def hold(self, vip, count=CONNECTIONS, port=PORT):
        """Open connections, each with its server and what that takes for the client."""
        talks = [Talk(self.client, "tcp", vip, port) for _ in range(count)]
        return [(talk, *talk.ask("first")) for talk in talks]

    def broken(self, held, said=None):
        """How many of them do not go on, or with another pod; `said` is what they said already."""
        n = 0
        for i, (talk, pod, _) in enumerate(held):
            try:
                n += (talk.hear(said) if said else talk.ask(f"again-{i}"))[0] != pod
            except OSError:
                n += 1
        return n


@pytest.fixture(scope="module")
def fleet():
    with Lab() as lab:
        yield Fleet(lab)


def close(held):
    for talk, *_ in held:
        talk.__exit__()


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_pods_see_clients_and_get_what_is_for_their_port(fleet, protocol):
    answers = {ask(fleet.client, protocol, VIP, PORT) for _ in range(40)}
    assert answers == {(pod.name, CLIENT) for pod in fleet.tunnelled}


def test_the_kernel_holds_tunnels_with_the_port_of_the_service(fleet):
    for lb in fleet.lbs:
        assert fleet.methods(lb) == {("AC10010B:0050", "Tunnel"), ("AC10020C:0050", "Tunnel")}


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_pods_elsewhere_are_served_by_nat_beside_the_others(fleet, protocol):
    fleet.publish(fleet.pods)
    answers = {ask(fleet.client, protocol, VIP, PORT) for _ in range(60)}
    assert {pod for pod, seen in answers if seen == CLIENT} == {pod.name for pod in fleet.tunnelled}
    assert {pod for pod, seen in answers if seen != CLIENT} == {"web-3"}
    fleet.publish(fleet.tunnelled)


def test_keepalived_finds_its_real_servers_as_they_are(fleet):
    """It reads another file, and checks pods at their own port, without a word in IPVS."""
    lb = fleet.lbs[0]
    held, before = fleet.hold(VIP, 10), fleet.status(lb)
    fleet.lab.apply("more", service("more", "10.1.1.3", "tunnel"))
    fleet.lab.apply("more-1", slice_of("more", fleet.tunnelled))
    wait_for("keepalived to read a file", lambda: (
        fleet.status(lb)["keepalived"]["files"] > before["keepalived"]["files"]))
    time.sleep(5)  # two rounds of checks
    after = fleet.status(lb)
    assert after["lastChange"]["mismatches"] == before["lastChange"]["mismatches"]
    assert after["lastChange"]["down"] == 0
    assert fleet.held(lb) == {(pod.address, "ipip") for pod in fleet.tunnelled}
    assert fleet.broken(held) == 0
    close(held)


def test_connections_by_nat_go_on_when_their_pod_gets_a_tunnel(fleet):
    """With the same port it is the same real server, which IPVS has in another way for what is new."""
    def await_method(method):
        for lb in fleet.lbs:
            wait_for(f"{method} in {lb.name}",
                     lambda lb=lb: fleet.methods(lb, "0A010104:1F90") == {("AC10030D:1F90", method)})

    fleet.lab.apply("same", service("same", SAME, "tunnel", TARGET))
    fleet.lab.apply("same-1", slice_of("same", fleet.pods[2:]))
    await_method("Masq")
    held = fleet.hold(SAME, 20, TARGET)
    fleet.lab.apply("same-1", slice_of("same", fleet.pods[2:], node="node1"))
    await_method("Tunnel")
    assert fleet.broken(held) == 0
    close(held)


def test_no_connection_is_lost_when_a_load_balancer_is_killed(fleet):
    """Through tunnels. By NAT those are that it had."""
    survivor, killed = fleet.lbs
    tunnelled, plain = fleet.hold(VIP), fleet.hold(PLAIN)
    assert {seen for _, _, seen in tunnelled} == {CLIENT}
    assert killed.connections() and survivor.connections()
    killed.signal(KILL)
    fleet.lab.await_next_hops(NET, [survivor])
    start = time.monotonic()
    lost_by_nat = fleet.broken(plain)
    print(f"\n{lost_by_nat} of {CONNECTIONS} by NAT, told within {time.monotonic() - start:.1f} s")
    assert fleet.broken(tunnelled) == 0
    assert lost_by_nat > 0
    killed.wait(10)
    killed.start()
    fleet.lab.await_next_hops(NET, fleet.lbs)
    assert fleet.broken(tunnelled) == 0
    close(tunnelled + plain)


def test_a_port_without_a_service_is_refused_at_once_by_the_vip(fleet):
    for vip, port in ((VIP, PORT + 1), (PLAIN, PORT + 1)):
        took = []
        for _ in range(3):
            start = time.monotonic()
            with pytest.raises(ConnectionRefusedError):
                ask(fleet.client, "tcp", vip, port, timeout=30)
            took.append(time.monotonic() - start)
        assert min(took) < 1, "the client has asked again"


def test_what_a_dying_load_balancer_says_ends_no_connection(fleet):
    """Its IPVS goes before its interface, so that its own TCP answers clients for a moment."""
    survivor, dying = fleet.lbs
    held = fleet.hold(VIP)
    for container in dying.containers():
        for pids in container.pids().values():
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
    taken = len(dying.connections())
    assert taken > 0
    dying.netns.run("ipvsadm", "-C")
    for talk, *_ in held:
        talk.say("last")
    time.sleep(0.5)
    dying.signal(KILL)
    fleet.lab.await_next_hops(NET, [survivor])
    assert fleet.broken(held, "last") == 0
    dying.wait(10)
    dying.start()
    fleet.lab.await_next_hops(NET, fleet.lbs)
    close(held)


def test_nothing_stays_on_the_node_of_one_that_stops(fleet):
    stopped = fleet.lbs[0]
    tables = stopped.node.netns.run("nft", "list", "tables").stdout
    assert "table ip kago-lb-" in tables
    stopped.signal(TERM)
    assert stopped.wait(40) == [0, 0]
    assert "kago-lb" not in stopped.node.netns.run("nft", "list", "tables").stdout
