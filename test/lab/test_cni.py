# SPDX-License-Identifier: Apache-2.0
"""How pods are attached to nodes, and what a BGP session and packets for a VIP make of it (docs/cni.md).

    pod11, pod12, ... -- node (10.0.0.101) -- 10.0.0.0/24 -- router (10.0.0.1)

IPVS is not needed: kago-speaker announces, routes are set by hand as the sidecar sets them, and a pod answers itself.
"""

import re
from pathlib import Path

import pytest

from net import ROOT, program, wait_for
from test_routers import SLOW, Bird, Frr, Gobgp, Speaker, recipe

VIP = "10.1.1.1"
NODE, ROUTER = "10.0.0.101", "10.0.0.1"
DOOR = 80
WEB_SERVER = Path(__file__).resolve().parent / "web.py"


class Pod:
    def __init__(self, site, netns, device, address):
        self.site, self.netns, self.device, self.address = site, netns, device, address

    def speak(self, config=None):
        speaker = Speaker(self.netns, self.site.folder / self.netns.name, config or recipe("kago-ebgp.yaml"),
                          self.address, NODE)
        self.site.network.callback(speaker.stop)
        speaker.say(VIP + "/32")
        return speaker

    def serve(self):
        """The VIP is an address of the pod."""
        self.netns.ip(f"route add local {VIP} dev lo")
        log = self.site.folder / f"{self.netns.name}-web.log"
        self.site.network.start(self.netns, "/usr/bin/python3", "-SEI", WEB_SERVER, self.netns.name, DOOR, log=log)

    def route(self, action, metric):
        """The node's route to it, as docs/sidecar.md shows it."""
        self.site.node.ip(f"route {action} {VIP} via {self.address} dev {self.device} proto 107 metric {metric} onlink")


class Cni:
    """One node whose pods are attached as a CNI plugin does, and a router."""

    def __init__(self, network, folder):
        self.network, self.folder = network, folder
        self.node, self.router = network.netns("cni-node"), network.netns("cni-router")
        network.link(self.node, "eth1", self.router, "eth1")
        # Without a default route it would not answer for the gateway of routed pods.
        self.node.ip(f"addr add {NODE}/24 dev eth1", f"route add default via {ROUTER}")
        self.node.sysctl("net.ipv4.ip_forward", 1)
        self.router.ip(f"addr add {ROUTER}/24 dev eth1", f"route add 172.16.9.0/24 via {NODE}")

    def attach(self, number):
        netns = self.network.netns(f"cni-pod{number}")
        self.network.link(netns, "eth0", self.node, f"p{number}")
        return netns, f"p{number}", f"172.16.9.{number}"

    def routed(self, number):
        """As Calico: an address without a network, a gateway that is nowhere, and a node that answers for it."""
        netns, device, address = self.attach(number)
        netns.ip(f"addr add {address}/32 dev eth0", "route add 169.254.1.1 dev eth0 scope link",
                 "route add default via 169.254.1.1 dev eth0")
        self.node.ip(f"route add {address} dev {device} scope link")
        self.node.sysctl(f"net.ipv4.conf.{device}.proxy_arp", 1)
        self.node.sysctl(f"net.ipv4.neigh.{device}.proxy_delay", 0)
        return Pod(self, netns, device, address)

    def bridged(self, number):
        """As the plugin bridge, and flannel with it."""
        if number == 11:
            self.node.ip("link add cni0 type bridge", "addr add 172.16.9.1/24 dev cni0", "link set cni0 up")
        netns, device, address = self.attach(number)
        self.node.ip(f"link set {device} master cni0")
        netns.ip(f"addr add {address}/24 dev eth0", "route add default via 172.16.9.1")
        return Pod(self, netns, "cni0", address)

    def masquerade(self, but=""):
        """What leaves the cluster gets the node's address, but for what goes to these."""
        but = f"ip daddr != {but}" if but else ""
        self.node.run("nft", "-f", "-", stdin=f"""
            table ip cni
            delete table ip cni
            table ip cni {{
                chain postrouting {{
                    type nat hook postrouting priority srcnat
                    ip saddr 172.16.0.0/16 oifname "eth1" {but} masquerade
                }}
            }}""")

    def leave_untracked(self):
        """Both directions of the sessions, as docs/cni.md has it: what is not tracked has no NAT."""
        self.node.run("nft", "-f", "-", stdin=rules_of_the_page())
        # kube-proxy's, and many a firewall's.
        self.node.run("nft", "-f", "-", stdin="""
            table ip firewall {
                chain forward { type filter hook forward priority filter; ct state invalid drop; }
            }""")

    def forbid_spoofing(self):
        """What would not be answered by the way it came is dropped: the kernel's strict check, and Calico's."""
        self.node.sysctl("net.ipv4.conf.all.rp_filter", 1)
        self.node.run("nft", "-f", "-", stdin="""
            table ip guard {
                chain prerouting {
                    type filter hook prerouting priority raw
                    iifname != { "lo", "eth1" } fib saddr . iif oif 0 counter drop
                }
            }""")

    def reached(self):
        """The pod that answers at the VIP, or None."""
        try:
            with self.router.socket() as sock:
                sock.settimeout(1)
                sock.connect((VIP, DOOR))
                sock.sendall(b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n")
                return sock.makefile("rb").read().split()[-1].decode()
        except OSError:
            return None

    def frr(self, pods="172.16.0.0/16", more=""):
        config = recipe("frr-tor.conf").replace("172.16.0.0/16 peer-group", f"{pods} peer-group")
        return Frr(self, self.router, config.replace(" !\n", f"{more} !\n", 1))


def rules_of_the_page():
    page = (ROOT / "docs/cni.md").read_text(encoding="utf-8")
    return re.search(r"^table ip kago-bgp \{\n.*?^\}\n", page, re.MULTILINE | re.DOTALL)[0]


@pytest.fixture
def cni(network, tmp_path):
    return Cni(network, tmp_path)


@pytest.mark.parametrize("kind", ["bridged", "routed"])
def test_a_session_and_packets_with_a_node_that_forbids_spoofing(cni, kind):
    """Answers from the VIP pass, since the node's route to the VIP leads where they come from."""
    first, second = (getattr(cni, kind)(number) for number in (11, 12))
    cni.forbid_spoofing()
    router = cni.frr()
    speakers = [pod.speak() for pod in (first, second)]
    for pod in first, second:
        pod.serve()
    first.route("add", 1)
    second.route("add", 2)
    wait_for("the sessions", lambda: all(speaker.count("bgp.up") for speaker in speakers), SLOW)
    wait_for("the routes", lambda: router.next_hops(f"{VIP}/32") == [NODE, NODE])
    peers = router.ask("show bgp summary json")["ipv4Unicast"]["peers"]
    assert sorted(peers) == [first.address, second.address]
    wait_for("an answer", lambda: cni.reached() == first.netns.name)
    # The next one takes over, and then may answer, too.
    first.route("delete", 1)
    wait_for("an answer", lambda: cni.reached() == second.netns.name)
    if kind == "routed":  # on a bridge all pods are by the same interface
        dropped = cni.node.run("nft", "list", "table", "ip", "guard").stdout
        assert re.search(r"counter packets 0 ", dropped), dropped
        with pytest.raises(OSError):
            ask_from_vip(first)
        dropped = cni.node.run("nft", "list", "table", "ip", "guard").stdout
        assert not re.search(r"counter packets 0 ", dropped), dropped


def ask_from_vip(pod):
    """A packet from the VIP, of a pod to which the node does not lead it."""
    with pod.netns.socket() as sock:
        sock.settimeout(1)
        sock.bind((VIP, 0))
        sock.connect((ROUTER, 179))


class Sidecar:
    """kago-sidecar in a pod of the node, which has nothing to announce without IPVS, and its sessions all the same."""

    def __init__(self, pod, config):
        folder = pod.site.folder / f"{pod.netns.name}-sidecar"
        folder.mkdir()
        (folder / "kago.yaml").write_text(config.replace("bgp:\n", f"bgp:\n  stateDir: {folder}\n"
                                          f"  template: {ROOT}/templates/exabgp.conf.mustache\n", 1))
        self.process = pod.site.network.start(
            pod.netns, program("kago-sidecar"), "run", "--config", folder / "kago.yaml", "--pod-ip", pod.address,
            "--node-ip", NODE, "--node-netns", pod.site.node.path, log=folder / "log")

    def says(self, event, **fields):
        """Waits for the line, and for nothing else about it."""
        wanted = "".join(f".* {key}={value}" for key, value in fields.items())
        return self.process.wait_for_line(rf"event={event}\b{wanted}", SLOW)

    def has_said(self, event):
        return f"event={event} " in self.process.output()


def test_a_masqueraded_session_is_noticed_and_named(cni):
    """To a router that expects pods it is nobody's; it comes up when the router is left out of what is masqueraded."""
    pod = cni.bridged(11)
    cni.masquerade()
    router = cni.frr()
    sidecar = Sidecar(pod, recipe("kago-ebgp.yaml"))
    sidecar.says("bgp.masqueraded", peer=ROUTER, pod=pod.address, seen_as=NODE)
    assert not sidecar.has_said("bgp.up")
    cni.masquerade(but=ROUTER)
    sidecar.says("bgp.up", peer=ROUTER)
    sidecar.says("bgp.own_address", peer=ROUTER, pod=pod.address)
    assert sorted(router.ask("show bgp summary json")["ipv4Unicast"]["peers"]) == [pod.address]


@pytest.mark.parametrize("name, says", [
    ("frr-tor.conf", rf"{NODE} connection rejected.* not configured and not valid for dynamic"),
    ("bird-router.conf", rf"BGP: Unexpected connect from unknown address {NODE}"),
    ("gobgp-router.yaml", rf'"Key":"{NODE}".*"Can\'t find configuration for a new passive connection"'),
])
def test_a_router_says_whom_it_refuses(cni, name, says):
    """As docs/troubleshooting.md has it."""
    kind = name.partition("-")[0]
    more = {"frr": "debug bgp neighbor-events\n", "bird": "log stderr all;\n"}.get(kind, "")
    {"frr": Frr, "bird": Bird, "gobgp": Gobgp}[kind](cni, cni.router, more + recipe(name))
    cni.masquerade()
    Sidecar(cni.bridged(11), recipe("kago-ebgp.yaml"))
    logs = lambda: "".join(log.read_text() for log in cni.folder.glob("cni-router*.log"))  # noqa: E731
    wait_for("its word", lambda: re.search(says, logs()), SLOW)


def test_nothing_is_said_of_a_session_that_is_not_masqueraded(cni):
    cni.masquerade(but=ROUTER)
    cni.frr()
    sidecar = Sidecar(cni.bridged(11), recipe("kago-ebgp.yaml") + "log: {level: debug}\n")
    sidecar.says("bgp.up", peer=ROUTER)
    sidecar.says("bgp.source", peer=ROUTER, seen_as="172.16.9.11")
    assert not sidecar.has_said("bgp.masqueraded") and not sidecar.has_said("bgp.own_address")


def test_a_plugin_that_has_no_exceptions_is_kept_out_by_rules_of_the_node(cni):
    pod = cni.bridged(11)
    cni.masquerade()
    cni.leave_untracked()
    router = cni.frr()
    sidecar = Sidecar(pod, recipe("kago-ebgp.yaml"))
    sidecar.says("bgp.up", peer=ROUTER)
    assert sorted(router.ask("show bgp summary json")["ipv4Unicast"]["peers"]) == [pod.address]


def test_a_router_that_expects_nodes_takes_one_load_balancer_of_a_node(cni):
    cni.masquerade()
    router = cni.frr(pods="10.0.0.0/24")
    first = Sidecar(cni.bridged(11), recipe("kago-ebgp.yaml"))
    first.says("bgp.up", peer=ROUTER)
    first.says("bgp.masqueraded", peer=ROUTER, seen_as=NODE)
    second = Sidecar(cni.bridged(12), recipe("kago-ebgp.yaml"))
    second.says("bgp.masqueraded", peer=ROUTER, seen_as=NODE)
    assert sorted(router.ask("show bgp summary json")["ipv4Unicast"]["peers"]) == [NODE]


PASSWORD = """
bgp:
  as: 65021
  peers: [{address: 10.0.0.1, as: 65001, ttl: 2, passwordFile: FILE}]
"""


def md5_failures(netns):
    with netns.entered():
        names, values = [line.split() for line in Path("/proc/thread-self/net/netstat").read_text().splitlines()
                         if line.startswith("TcpExt:")]
    return int(values[names.index("TCPMD5Failure")])


def test_a_password_does_not_survive_masquerading(cni):
    """The signature is of the pod's address, and the router sees another one."""
    pods = [cni.bridged(number) for number in (11, 12)]
    cni.masquerade()
    cni.frr(more="".join(f" neighbor {address} remote-as 65021\n neighbor {address} ebgp-multihop 2\n"
                         f" neighbor {address} password secret\n" for address in (NODE, pods[1].address)))
    password = cni.folder / "password"
    password.write_text("secret")
    hidden = Sidecar(pods[0], PASSWORD.replace("FILE", str(password)))
    wait_for("what the router's kernel refuses", lambda: md5_failures(cni.router) > 0, SLOW)
    hidden.says("bgp.masqueraded", peer=ROUTER, seen_as=NODE)
    cni.masquerade(but=ROUTER)
    Sidecar(pods[1], PASSWORD.replace("FILE", str(password))).says("bgp.up", peer=ROUTER)
    assert not hidden.has_said("bgp.up")
