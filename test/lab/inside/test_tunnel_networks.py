# SPDX-License-Identifier: Apache-2.0
"""Tunnels with agents on nodes whose networks differ: how pods are attached, and what the node forbids."""

import pytest

from net import Talk, ask, run
from topology import Lab
from tunnel_fleet import CLIENTS, PORT, VIPS, TunnelFleet, through_the_node

CONNECTIONS = 40
VXLAN_MTU = 1450
GATEWAY = "169.254.1.1"


class RoutedLab(Lab):
    """As Calico: an address without a network, a gateway that is nowhere, and a node that answers for it."""

    def _wire_pods(self, node):
        pass

    def attach(self, pod):
        node, device = pod.node.netns, pod.device
        node.sysctl(f"net.ipv4.conf.{device}.proxy_arp", 1)
        node.sysctl(f"net.ipv4.neigh.{device}.proxy_delay", 0)
        node.ip(f"route add {pod.address} dev {device} scope link", f"route add {pod.address6} dev {device}",
                f"address add fe80::1/64 dev {device} nodad")
        pod.netns.ip(f"address add {pod.address}/32 dev eth0", f"route add {GATEWAY} dev eth0 scope link",
                     f"route add default via {GATEWAY} dev eth0", f"address add {pod.address6}/128 dev eth0 nodad",
                     "route add default via fe80::1 dev eth0")


class VxlanLab(Lab):
    """As flannel: pods on a bridge, and a network of its own between nodes, in which less fits into a packet."""

    def _wire6(self):
        super()._wire6()
        for node in self.nodes.values():
            self._join(node)

    def _join(self, node):
        node.netns.ip(f"link set docker0 mtu {VXLAN_MTU}",
                      f"link add vx0 type vxlan id 1 local {node.address} dstport 8472 nolearning",
                      f"link set vx0 mtu {VXLAN_MTU} address {mac(node)} up",
                      f"address add {node.pods}.0/32 dev vx0", f"address add {node.pods6}::/128 dev vx0 nodad")
        for other in self.nodes.values():
            if other is not node:
                self._tunnel(node, other)

    @staticmethod
    def _tunnel(node, other):
        node.netns.run("bridge", "fdb", "append", mac(other), "dev", "vx0", "dst", other.address)
        for net, hop in ((f"{other.pods}.0/24", f"{other.pods}.0"), (f"{other.pods6}::/64", f"{other.pods6}::")):
            node.netns.ip(f"neighbor replace {hop} lladdr {mac(other)} dev vx0",
                          f"route delete {net}", f"route add {net} via {hop} dev vx0 onlink")

    def attach(self, pod):
        super().attach(pod)
        pod.node.netns.ip(f"link set {pod.device} mtu {VXLAN_MTU}")
        pod.netns.ip(f"link set eth0 mtu {VXLAN_MTU}")


def mac(node):
    return f"02:00:00:00:00:{int(node.address.rpartition('.')[2]):02x}"


def through_netfilter(lb):
    """What passes the bridge passes the node's rules, too, as kube-proxy wants it."""
    run("modprobe", "br_netfilter")
    for family in "ip", "ip6":
        lb.node.netns.sysctl(f"net.bridge.bridge-nf-call-{family}tables", 1)


def forbid(lab):
    """The kernel's strict check of where packets come from, and a firewall that lets only pods' and VIPs' pass."""
    for node in lab.nodes.values():
        node.netns.sysctl("net.ipv4.conf.all.rp_filter", 1)
        node.netns.run("nft", "-f", "-", stdin="""
            table inet firewall {
                chain forward {
                    type filter hook forward priority filter; policy drop;
                    ip saddr { 172.16.0.0/16, 10.1.1.0/24 } accept
                    ip daddr { 172.16.0.0/16, 10.1.1.0/24 } accept
                    ip6 saddr { fd00:16::/32, fd00:1::/64 } accept
                    ip6 daddr { fd00:16::/32, fd00:1::/64 } accept
                }
            }""")


@pytest.fixture(scope="module", params=["routed pods", "vxlan", "netfilter on bridges"])
def fleet(request):
    """All nodes masquerade, drop what conntrack calls invalid, and two have a load balancer beside a pod."""
    kind, prepare = {"routed pods": (RoutedLab, lambda lb: None), "vxlan": (VxlanLab, through_the_node),
                     "netfilter on bridges": (Lab, through_netfilter)}[request.param]
    with kind(ipv6=True) as lab:
        if kind != VxlanLab:
            forbid(lab)
        made = TunnelFleet(lab, prepare=prepare)
        made.mtu = VXLAN_MTU if kind == VxlanLab else 1500
        yield made


@pytest.mark.parametrize("family", VIPS)
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_pods_see_clients(fleet, family, protocol):
    answers = {ask(fleet.client, protocol, VIPS[family], PORT) for _ in range(40)}
    assert answers == {(pod.name, CLIENTS[family]) for pod in fleet.pods}


@pytest.mark.parametrize("family", VIPS)
def test_large_packets_fit(fleet, family):
    """Both ways, for the other end is told what fits into the tunnel."""
    line = "x" * 200_000
    for _ in range(2 * len(fleet.pods)):
        with Talk(fleet.client, "tcp", VIPS[family], PORT, timeout=30) as talk:
            assert talk.ask(line)[1] == CLIENTS[family]
            assert talk.segment() <= fleet.mtu - (20 + 20 + 20 if family == 4 else 40 + 40 + 20)


@pytest.mark.parametrize("family", VIPS)
def test_no_connection_is_lost_when_a_load_balancer_is_killed(fleet, family):
    fleet.lose_one(family, CONNECTIONS)
