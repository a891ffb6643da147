# SPDX-License-Identifier: Apache-2.0
"""What BGP peers hear, from the real exabgp: attributes, and the configurations of docs/routers.

    pod1 -- node1 --+
                    +-- 10.0.0.0/24 -- router (10.0.0.1), client (10.0.0.3)
    pod2 -- node2 --+

kago-speaker is the sidecar without what needs IPVS, so this runs on any kernel.
"""

import json
import re
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest
import yaml

from net import ROOT, program, run, wait_for

VIP, VIP2 = "10.1.1.1/32", "10.1.1.2/32"
RECIPES = ROOT / "docs/routers"
# What the chart makes of docs/routers/racks.yaml.
RACKS = ROOT / "test/chart/snapshots/racks.yaml"
SLOW = 60  # seconds until a session is up, on a busy machine


class Speaker:
    """kago-speaker in a pod, which tells peers what it is told."""

    def __init__(self, netns, folder, config, pod, node, template=ROOT / "templates/exabgp.conf.mustache"):
        self.folder, self.template, self.lines = folder, template, []
        folder.mkdir()
        self.configure(config)
        with netns.entered():
            self.process = subprocess.Popen(
                [program("kago-speaker"), "run", folder / "kago.yaml", pod, node],
                stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self.follow, daemon=True).start()

    def configure(self, config):
        """In one step, as the kubelet does."""
        text = config.replace("bgp:\n", f"bgp:\n  stateDir: {self.folder}\n  template: {self.template}\n", 1)
        (self.folder / "new").write_text(text)
        (self.folder / "new").rename(self.folder / "kago.yaml")

    def follow(self):
        for line in self.process.stderr:
            print(line, end="")
            self.lines.append(line)

    def say(self, prefix, **said):
        self.process.stdin.write(json.dumps({"prefix": prefix, **said}) + "\n")
        self.process.stdin.flush()

    def count(self, event):
        return sum(f"event={event} " in line for line in self.lines)

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        finally:
            self.process.kill()


class Site:
    """Nodes with a pod each, and what is beside the nodes on their network."""

    def __init__(self, network, folder, name="bgp", net="10.0.0", nodes=(1, 2)):
        self.network, self.folder, self.name, self.net = network, folder, name, net
        self.lan = network.netns(f"{name}-lan")
        self.lan.ip("link add lan type bridge", "link set lan up")
        self.pods, self.nodes = {}, {}
        for number in nodes:
            node, pod = network.netns(f"{name}-node{number}"), network.netns(f"{name}-pod{number}")
            self.join(node, self.node_address(number))
            network.link(node, "p0", pod, "eth0")
            node.ip(f"addr add 172.16.{number}.1/24 dev p0")
            node.sysctl("net.ipv4.ip_forward", 1)
            pod.ip(f"addr add 172.16.{number}.11/24 dev eth0", f"route add default via 172.16.{number}.1")
            self.pods[number], self.nodes[number] = pod, node

    def node_address(self, number):
        return f"{self.net}.10{number}"

    def join(self, netns, address, device="eth1"):
        network_end = f"n{address.rsplit('.', 1)[1]}"
        self.network.link(self.lan, network_end, netns, device)
        self.lan.ip(f"link set {network_end} master lan")
        netns.ip(f"addr add {address}/24 dev {device}")

    def beside(self, name, address):
        """A router on the nodes' network, which knows the way to pods."""
        netns = self.network.netns(f"{self.name}-{name}")
        self.join(netns, address)
        for number in self.pods:
            netns.ip(f"route add 172.16.{number}.0/24 via {self.node_address(number)}")
        return netns

    def speaker(self, number, config, **options):
        options.setdefault("node", self.node_address(number))
        made = Speaker(self.pods[number], self.folder / f"speaker{number}", config, f"172.16.{number}.11", **options)
        self.network.callback(made.stop)
        return made


@pytest.fixture
def site(network, tmp_path):
    return Site(network, tmp_path)


class Gobgp:
    """gobgpd, and what it knows."""

    def __init__(self, site, netns, config):
        self.netns = netns
        path = site.folder / f"{netns.name}.yaml"
        path.write_text(config)
        self.daemon = site.network.start(netns, "gobgpd", "-t", "yaml", "-f", path,
                                          log=site.folder / f"{netns.name}.log")
        wait_for("gobgpd", lambda: netns.run("gobgp", "global", check=False).returncode == 0)
        self.events = []
        with netns.entered():
            monitor = subprocess.Popen(["gobgp", "monitor", "global", "rib"], stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self.follow, args=(monitor,), daemon=True).start()

    def follow(self, monitor):
        with monitor:
            for line in monitor.stdout:
                self.events += re.findall(r"\[(ROUTE|DELROUTE)\] (\S+) via", line)

    def rib(self):
        return json.loads(self.netns.run("gobgp", "global", "rib", "-j").stdout or "{}")

    def attributes(self, prefix):
        """Of the one path to it: what each attribute of BGP says, by its number; {} without a path."""
        paths = self.rib().get(prefix, [])
        return {a["type"]: a for a in paths[0]["attrs"]} if paths else {}

    def hears(self, prefix, **expected):
        """Whether all of it is so: med, local_pref, communities, large, extended, path."""
        found = self.attributes(prefix)
        heard = {
            "path": [asn for part in found.get(2, {}).get("as_paths", []) for asn in part["asns"]],
            "med": found.get(4, {}).get("metric"),
            "local_pref": found.get(5, {}).get("value"),
            "communities": found.get(8, {}).get("communities", []),
            "extended": [c["value"] for c in found.get(16, {}).get("value", [])],
            "large": [tuple(c.values()) for c in found.get(32, {}).get("value", [])],
        }
        return found and all(heard[key] == value for key, value in expected.items())


def gobgp_config(as_number, address, peer_as=65021):
    return f"""
global: {{config: {{as: {as_number}, router-id: {address}}}}}
peer-groups:
- config: {{peer-group-name: kago, peer-as: {peer_as}}}
  ebgp-multihop: {{config: {{enabled: {str(as_number != peer_as).lower()}, multihop-ttl: 2}}}}
  afi-safis: [{{config: {{afi-safi-name: ipv4-unicast}}}}]
dynamic-neighbors:
- config: {{prefix: 172.16.0.0/16, peer-group: kago}}
"""


TWO_PEERS = """
bgp:
  as: 65021
  peers:
  - {name: inner, address: 10.0.0.1}
  - {name: outer, address: 10.0.0.2, as: 65001, ttl: 2}
"""


@pytest.fixture
def peers(site):
    """A peer of our own AS, and one of another."""
    return (Gobgp(site, site.beside("inner", "10.0.0.1"), gobgp_config(65021, "10.0.0.1")),
            Gobgp(site, site.beside("outer", "10.0.0.2"), gobgp_config(65001, "10.0.0.2")))


def test_peers_hear_the_attributes_that_were_said(site, peers):
    inner, outer = peers
    speaker = site.speaker(1, TWO_PEERS)
    speaker.say(VIP)
    speaker.say(VIP2, communities="65000:100 no-export graceful-shutdown 65000:1:2 target:65000:100",
                localPreference="200", med="30", asPathPrepend="2")
    said = {"communities": [(65000 << 16) + 100, 0xFFFF0000, 0xFFFFFF01], "large": [(65000, 1, 2)],
            "extended": ["65000:100"], "med": 30}
    wait_for("it inside", lambda: inner.hears(VIP2, path=[], local_pref=200, **said), SLOW)
    wait_for("it outside", lambda: outer.hears(VIP2, path=[65021] * 3, local_pref=None, **said), SLOW)
    # Of which nothing is said, that has what it always had.
    nothing = {"communities": [], "large": [], "extended": [], "med": None}
    wait_for("it inside", lambda: inner.hears(VIP, path=[], local_pref=100, **nothing))
    wait_for("it outside", lambda: outer.hears(VIP, path=[65021], local_pref=None, **nothing))


def test_a_change_of_attributes_withdraws_nothing_and_drops_no_session(site, peers):
    inner, outer = peers
    speaker = site.speaker(1, TWO_PEERS)
    speaker.say(VIP, communities="65000:100", med="1")
    for peer in peers:
        wait_for("the route", lambda: peer.hears(VIP, communities=[(65000 << 16) + 100]), SLOW)  # noqa: B023
    for prepend in "0", "3", "1":
        speaker.say(VIP, communities=f"65000:{prepend}", asPathPrepend=prepend)
        now = {"communities": [(65000 << 16) + int(prepend)], "med": None}
        wait_for("the change inside", lambda: inner.hears(VIP, path=[], **now))  # noqa: B023
        wait_for("the change outside", lambda: outer.hears(VIP, path=[65021] * (1 + int(prepend)), **now))  # noqa: B023
    assert speaker.count("bgp.up") == 2 and speaker.count("bgp.down") == 0
    assert ("DELROUTE", VIP) not in inner.events + outer.events


def test_a_peer_that_is_not_named_gets_no_route(site, peers):
    inner, outer = peers
    speaker = site.speaker(1, TWO_PEERS)
    speaker.say(VIP, peers="outer")
    speaker.say(VIP2, peers="10.0.0.1")
    wait_for("the routes", lambda: outer.hears(VIP) and inner.hears(VIP2), SLOW)
    assert not inner.attributes(VIP) and not outer.attributes(VIP2)
    assert ("ROUTE", VIP) not in inner.events and ("ROUTE", VIP2) not in outer.events
    # From one to both, to the other alone, and to nobody who is there.
    speaker.say(VIP)
    wait_for("both", lambda: inner.hears(VIP) and outer.hears(VIP))
    wait_for("word of it", lambda: outer.events.count(("ROUTE", VIP)) == 1)
    speaker.say(VIP, peers="inner")
    wait_for("the withdrawal", lambda: not outer.attributes(VIP))
    assert inner.hears(VIP) and ("DELROUTE", VIP) not in inner.events
    speaker.say(VIP, peers="elsewhere")
    wait_for("the withdrawal", lambda: not inner.attributes(VIP))
    # A new session gets what is for this peer alone.
    inner.netns.run("gobgp", "neighbor", "172.16.1.11", "reset")
    wait_for("a new session", lambda: speaker.count("bgp.up") == 3, SLOW)
    wait_for("what is for it", lambda: inner.hears(VIP2))
    assert not inner.attributes(VIP) and not outer.attributes(VIP2)


def test_many_routes_with_much_to_say(site, peers):
    """More than a batch of commands has room for."""
    inner, outer = peers
    speaker = site.speaker(1, TWO_PEERS)
    much = " ".join(f"4200000000:4200000000:42000000{n:02}" for n in range(32))
    prefixes = [f"10.1.{n // 100}.{n % 100}/32" for n in range(300)]
    for prefix in prefixes:
        speaker.say(prefix, communities=much, asPathPrepend="16")
    wait_for("all inside", lambda: len(inner.rib()) == 300, 2 * SLOW)
    wait_for("all outside", lambda: len(outer.rib()) == 300, 2 * SLOW)
    assert len(outer.attributes(prefixes[-1])[32]["value"]) == 32
    for prefix in prefixes:
        speaker.say(prefix, gone=True)
    wait_for("none", lambda: not inner.rib() and not outer.rib(), 2 * SLOW)
    assert speaker.count("bgp.down") == 0 and speaker.count("exabgp.killed") == 0


class Frr:
    """Daemons of FRR with one configuration."""

    def __init__(self, site, netns, config, port=179, daemons=("zebra", "bgpd")):
        # As a user of its own it has no way into pytest's folder.
        self.netns = netns
        self.folder = Path(site.network.enter_context(tempfile.TemporaryDirectory(prefix="kago-frr-")))
        shutil.chown(self.folder, "frr", "frr")
        (self.folder / "frr.conf").write_text(config)
        more = {"bgpd": ("-p", port), "bfdd": ("--bfdctl", self.folder / "bfdd.sock")}
        for daemon in daemons:
            site.network.start(
                netns, f"/usr/lib/frr/{daemon}", "-f", self.folder / "frr.conf", "-z", self.folder / "zserv",
                "-i", self.folder / f"{daemon}.pid", "--vty_socket", self.folder, "-A", "127.0.0.1",
                "--log", "stdout", *more.get(daemon, ()),
                log=site.folder / f"{netns.name}-{daemon}.log")
            wait_for(daemon, (self.folder / f"{daemon}.vty").exists)

    def ask(self, command, daemon="bgpd"):
        out = self.netns.run("vtysh", "--vty_socket", self.folder, "-d", daemon, "-c", command).stdout
        begin = re.search(r"[{[]", out)
        return json.loads(out[begin.start():]) if begin else {}

    def next_hops(self, prefix):
        paths = self.ask(f"show bgp ipv4 unicast {prefix} json").get("paths", [])
        return sorted(hop["ip"] for path in paths for hop in path["nexthops"])


class Bird:
    def __init__(self, site, netns, config):
        self.netns, self.socket = netns, site.folder / f"{netns.name}.ctl"
        path = site.folder / f"{netns.name}-bird.conf"
        path.write_text(config)
        site.network.start(netns, "bird", "-f", "-c", path, "-s", self.socket, log=site.folder / f"{netns.name}.log")
        wait_for("bird", self.socket.exists)

    def ask(self, *words):
        return self.netns.run("birdc", "-s", self.socket, *words, check=False).stdout

    def next_hops(self, prefix):
        out = self.ask("show", "route", "for", prefix, "all")
        return sorted(re.findall(r"BGP\.next_hop: (\S+)", out))


def gobgp_next_hops(gobgp, prefix):
    return sorted(a["nexthop"] for path in gobgp.rib().get(prefix, []) for a in path["attrs"] if a["type"] == 3)


def recipe(name):
    return (RECIPES / name).read_text(encoding="ascii")


def make_router(site, netns, name):
    """A daemon with that recipe, and a function that says which next hops it has for a prefix."""
    if name.startswith("frr"):
        made = Frr(site, netns, recipe(name))
    elif name.startswith("bird"):
        made = Bird(site, netns, recipe(name))
    else:
        made = Gobgp(site, netns, recipe(name))
        return lambda prefix: gobgp_next_hops(made, prefix)
    return made.next_hops


STRICT_PEER = """
bgp:
  as: 65021
  peers:
  - {address: 10.0.0.1, as: 65001, port: 1790, ttl: 255, holdTime: 6s, localAddress: 172.16.1.12,
     passwordFile: PASSWORD}
"""
STRICT_ROUTER = """
router bgp 65001
 bgp router-id 10.0.0.1
 no bgp ebgp-requires-policy
 neighbor 172.16.1.12 remote-as 65021
 neighbor 172.16.1.12 password secret
 neighbor 172.16.1.12 ttl-security hops 2
 neighbor 172.16.1.12 timers 30 90
"""


def test_a_session_with_all_that_a_peer_can_have(site):
    """The router takes no packet whose TTL is below 254, no session without the password, and no other address."""
    site.pods[1].ip("addr add 172.16.1.12/24 dev eth0")
    router = Frr(site, site.beside("router", "10.0.0.1"), STRICT_ROUTER, port=1790)
    password = site.folder / "password"
    password.write_text("secret")
    speaker = site.speaker(1, STRICT_PEER.replace("PASSWORD", str(password)))
    speaker.say(VIP)
    wait_for("the route", lambda: router.next_hops(VIP) == ["10.0.0.101"], SLOW)
    neighbor = router.ask("show bgp neighbors 172.16.1.12 json")["172.16.1.12"]
    assert neighbor["bgpTimerHoldTimeMsecs"] == 6000, neighbor
    assert router.next_hops(VIP2) == []


def test_the_sidecar_says_how_its_sessions_are(site):
    """Without IPVS it has nothing to announce, and its sessions nevertheless."""
    inner = Gobgp(site, site.beside("inner", "10.0.0.1"), gobgp_config(65021, "10.0.0.1"))
    pod, folder = site.pods[1], site.folder / "sidecar"
    folder.mkdir()
    (folder / "kago.yaml").write_text(TWO_PEERS.replace("bgp:\n", f"bgp:\n  stateDir: {folder}\n"
                                      f"  template: {ROOT}/templates/exabgp.conf.mustache\n", 1))
    site.network.start(pod, program("kago-sidecar"), "run", "--config", folder / "kago.yaml", "--pod-ip",
                       "172.16.1.11", "--node-ip", "10.0.0.101", log=folder / "log")

    def status():
        done = pod.run(program("kago-sidecar"), "status", "-o", "json", check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {"peers": []}

    def peer(number=0, **expected):
        peers = status()["peers"]
        return peers and all(peers[number][key] == value for key, value in expected.items())

    wait_for("the session", lambda: peer(up=True, name="inner", changes=1, routes=0), SLOW)
    assert peer(number=1, up=False, name="outer", changes=0, **{"as": 65001})
    found = status()
    assert (found["phase"], found["controllerConnected"], found["routes"]) == ("running", False, [])
    inner.daemon.kill()
    wait_for("its end", lambda: peer(up=False, changes=2))
    table = pod.run(program("kago-sidecar"), "status").stdout
    told = r"^  10\.0\.0\.1 \(inner\)  AS 65021, down for \d+ s, 0 routes, 2 changes, last error: ."
    assert re.search(told, table, re.M), table


def test_the_page_shows_what_is_tested():
    page = (ROOT / "docs/routers.md").read_text(encoding="utf-8")
    for path in filter(Path.is_file, RECIPES.iterdir()):
        assert f"\n{path.read_text(encoding='ascii')}```\n" in page, path.name
        assert f"[{path.name}](routers/{path.name})" in page


def test_what_is_not_tested_says_so_and_where_it_is_from():
    page = (ROOT / "docs/routers.md").read_text(encoding="utf-8")
    for path in (RECIPES / "vendors").iterdir():
        assert re.match(r"[!#] .*\. Not run here\b.*\n[!#] https://", path.read_text(encoding="ascii")), path.name
        assert f"[{path.name}](routers/vendors/{path.name})" in page


BOTH = ["10.0.0.101", "10.0.0.102"]


@pytest.mark.parametrize("name", ["frr-tor.conf", "bird-router.conf", "gobgp-router.yaml"])
def test_a_router_of_another_as_has_all_next_hops_and_nothing_but_vips(site, name):
    router = site.beside("router", "10.0.0.1")
    next_hops = make_router(site, router, name)
    speakers = [site.speaker(number, recipe("kago-ebgp.yaml")) for number in (1, 2)]
    for speaker in speakers:
        speaker.say(VIP, communities="65000:100")
        speaker.say("10.9.9.9/32")
    wait_for("both next hops", lambda: next_hops(VIP) == BOTH, SLOW)
    if not name.startswith("gobgp"):  # which leaves the kernel's routes to others
        def route():
            return run("ip", "-n", router.name, "route", "show", VIP).stdout
        wait_for("both in the kernel", lambda: sorted(re.findall(r"via (\S+)", route())) == BOTH)
    assert next_hops("10.9.9.9/32") == []
    speakers[0].say(VIP, gone=True)
    wait_for("one next hop", lambda: next_hops(VIP) == BOTH[1:])
    assert all(speaker.count("bgp.down") == 0 for speaker in speakers)


CLIENT = """
router id 10.0.0.3;
protocol device {}
protocol direct { ipv4; }
protocol bgp reflector {
	local 10.0.0.3 as 65021;
	neighbor 10.0.0.1 as 65021;
	ipv4 { add paths rx; import all; export none; };
}
"""


@pytest.mark.parametrize("name", ["frr-reflector.conf", "bird-reflector.conf", "gobgp-reflector.yaml"])
def test_a_reflector_gives_its_client_all_next_hops(site, name):
    next_hops = make_router(site, site.beside("router", "10.0.0.1"), name)
    client = Bird(site, site.beside("client", "10.0.0.3"), CLIENT)
    speakers = [site.speaker(number, recipe("kago-ibgp.yaml")) for number in (1, 2)]
    for speaker in speakers:
        speaker.say(VIP)
    wait_for("both at the reflector", lambda: next_hops(VIP) == BOTH, SLOW)
    wait_for("both at its client", lambda: client.next_hops(VIP) == BOTH, SLOW)
    speakers[0].say(VIP, gone=True)
    wait_for("one at its client", lambda: client.next_hops(VIP) == BOTH[1:])


class Racks:
    """Two racks with a load balancer and two routers each, and the spine above the routers."""

    def __init__(self, network, folder):
        self.sites = {name: Site(network, folder, f"rack-{name}", f"10.0.{number}", nodes=(number,))
                      for number, name in enumerate("ab", 1)}
        spine = network.netns("spine")
        tors = {(rack, number): self.wire(spine, rack, number) for rack in "ab" for number in (1, 2)}
        self.spine = Frr(self.sites["a"], spine, recipe("frr-spine.conf"))
        self.tors = {tor: Frr(self.sites[tor[0]], netns, self.config(*tor)) for tor, netns in tors.items()}

    def wire(self, spine, rack, number):
        """A router beside the nodes of its rack, with a link to the spine."""
        site = self.sites[rack]
        netns = site.beside(f"tor{number}", f"{site.net}.{number}")
        site.network.link(spine, f"{rack}{number}", netns, "eth2")
        spine.ip(f"addr add {self.link(rack, number)[0]}/31 dev {rack}{number}")
        netns.ip(f"addr add {self.link(rack, number)[1]}/31 dev eth2")
        return netns

    def link(self, rack, number):
        """The spine's address and the router's."""
        tens = self.sites[rack].net.rpartition(".")[2]
        return [f"10.0.9.{tens}{2 * (number - 1) + end}" for end in (0, 1)]

    def config(self, rack, number):
        """That of the page, or one that differs from it in numbers alone."""
        net = self.sites[rack].net
        config, digit = recipe("frr-rack-tor.conf"), net.rpartition(".")[2]
        for first, this in (("bgp 65001", f"bgp 6500{digit}"), ("remote-as 65021", f"remote-as 6502{digit}"),
                            ("router-id 10.0.1.1", f"router-id {net}.{number}"),
                            ("neighbor 10.0.9.10", f"neighbor {self.link(rack, number)[0]}")):
            assert first in config
            config = config.replace(first, this)
        return config

    def speakers(self):
        """A load balancer of each rack, with the configuration that the chart gives it."""
        rendered = yaml.safe_load_all(RACKS.read_text(encoding="utf-8"))
        configs = {o["metadata"]["name"]: o["data"]["kago.yaml"] for o in rendered if o["kind"] == "ConfigMap"}
        return {rack: site.speaker(number, configs[f"kago-rack-{rack}"])
                for number, (rack, site) in enumerate(self.sites.items(), 1)}


def kernel_next_hops(netns, prefix):
    return sorted(re.findall(r"via (\S+)", run("ip", "-n", netns.name, "route", "show", prefix).stdout))


def test_each_rack_has_the_vip_by_its_own_load_balancer(network, tmp_path):
    """And the spine by the routers of both; where a rack has none, its routers have it by the spine."""
    racks = Racks(network, tmp_path)
    speakers = racks.speakers()
    own = {"a": ["10.0.1.101"], "b": ["10.0.2.102"]}

    def routes(tor, prefix, hops):
        wait_for(f"{prefix} at router {tor} via {hops}",
                 lambda: kernel_next_hops(racks.tors[tor].netns, prefix) == hops, SLOW)

    def spine_routes(prefix, hops):
        wait_for(f"{prefix} at the spine via {hops}", lambda: kernel_next_hops(racks.spine.netns, prefix) == hops, SLOW)

    for speaker in speakers.values():
        speaker.say(VIP)
        speaker.say(VIP2, peers="tor-a1 tor-b2")
    for rack, number in racks.tors:
        routes((rack, number), VIP, own[rack])
    spine_routes(VIP, ["10.0.9.11", "10.0.9.13", "10.0.9.21", "10.0.9.23"])
    path, = {str(p["aspath"]["string"]) for p in racks.tors["b", 1].ask(f"show bgp ipv4 unicast {VIP} json")["paths"]
             if p["nexthops"][0]["ip"] == own["b"][0]}
    assert path == "65022"
    # Each load balancer goes by the names that are its own routers'.
    spine_routes(VIP2, ["10.0.9.11", "10.0.9.23"])
    routes(("a", 1), VIP2, own["a"])
    routes(("b", 2), VIP2, own["b"])
    assert racks.tors["a", 2].next_hops(VIP2) != own["a"] and racks.tors["b", 1].next_hops(VIP2) != own["b"]

    for prefix in VIP, VIP2:
        speakers["b"].say(prefix, gone=True)
    routes(("b", 1), VIP, ["10.0.9.20"])
    routes(("a", 1), VIP, own["a"])
    spine_routes(VIP, ["10.0.9.11", "10.0.9.13"])
    assert all(speaker.count("bgp.up") == 2 and speaker.count("bgp.down") == 0 for speaker in speakers.values())
