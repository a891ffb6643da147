# SPDX-License-Identifier: Apache-2.0
"""BGP peers that come, go and change in kago.yaml while all else goes on, from the real exabgp.

What a peer sees is asked of the peer, FRR: since when its session is up, how often one came up, and its routes.
"""

import os
import signal
import socket
import time

import pytest

from net import run, wait_for
from test_routers import ROOT, SLOW, VIP, VIP2, Bird, Frr, Site, Speaker

POD = "172.16.1.11"


class Router(Frr):
    """AS 65001, which takes sessions from all pods."""

    def __init__(self, site, name, address):
        super().__init__(site, site.beside(name, address), self.config(address, 65001))
        self.address, self.before = address, None

    @staticmethod
    def config(address, own_as):
        return f"""
router bgp {own_as}
 bgp router-id {address}
 no bgp ebgp-requires-policy
 neighbor kago peer-group
 neighbor kago remote-as 65021
 neighbor kago ebgp-multihop 2
 neighbor kago timers 30 90
 bgp listen range 172.16.0.0/16 peer-group kago
"""

    def session(self):
        """{} while it has none."""
        found = self.ask("show bgp neighbors json").get(POD, {})
        return found if found.get("bgpState") == "Established" else {}

    def is_up(self, **expected):
        found = self.session()
        return found and all(found[key] == value for key, value in expected.items())

    def routes(self):
        return sorted(self.ask("show bgp ipv4 unicast json").get("routes", {}))

    def tell(self, *commands):
        words = [word for command in ("configure terminal", *commands) for word in ("-c", command)]
        self.netns.run("vtysh", "--vty_socket", self.folder, "-d", "bgpd", *words)

    def watch(self):
        """From here on its session shall not end."""
        found = self.session()
        self.before = {**found, "at": time.monotonic()}
        assert self.before["bgpState"] == "Established"

    def assert_unbroken(self):
        passed = time.monotonic() - self.before["at"]  # at least, when the router is asked
        now = self.session()
        assert now, f"{self.address}: no session"
        up_for = (now["bgpTimerUpMsec"] - self.before["bgpTimerUpMsec"]) / 1000
        assert up_for > passed - 2, f"{self.address}: up for {up_for} s more after {passed} s"
        assert now["connectionsEstablished"] == self.before["connectionsEstablished"]


def kago_yaml(peers, bgp):
    keys = {"as": 65021, **bgp}
    return ("bgp:\n" + "".join(f"  {key}: {value}\n" for key, value in keys.items())
            + "  peers: [" + ", ".join(f"{{{peer}}}" for peer in peers) + "]\n")


class Peers:
    """kago-speaker with peers in its kago.yaml, and what can be done to both."""

    def __init__(self, site, *peers, **options):
        self.speaker = site.speaker(1, kago_yaml(peers, {}), **options)

    def write(self, *peers, **bgp):
        self.speaker.configure(kago_yaml(peers, bgp))

    def change(self, *peers, **bgp):
        """Returns when the sidecar has done it."""
        done = self.speaker.count("bgp.followed")
        self.write(*peers, **bgp)
        wait_for("the change", lambda: self.speaker.count("bgp.followed") > done, SLOW)

    def log(self, event):
        return [line for line in self.speaker.lines if f"event={event} " in line]


def peer(router, more=""):
    return f"address: {router.address}, as: 65001, ttl: 2{more}"


@pytest.fixture
def site(network, tmp_path):
    return Site(network, tmp_path)


@pytest.fixture
def routers(site):
    return Router(site, "a", "10.0.0.1"), Router(site, "b", "10.0.0.2")


@pytest.fixture
def peers(site, routers):
    """Both have a session and both routes."""
    made = Peers(site, *map(peer, routers))
    made.speaker.say(VIP)
    made.speaker.say(VIP2, communities="65000:1", asPathPrepend="1")
    for router in routers:
        wait_for("both routes", lambda: router.routes() == [VIP, VIP2], SLOW)  # noqa: B023
    return made


def test_a_new_peer_gets_all_routes_and_the_others_lose_nothing(site, routers, peers):
    a, b = routers
    c = Router(site, "c", "10.0.0.3")
    peers.speaker.say("10.1.1.3/32", peers="10.0.0.1 third")
    wait_for("it", lambda: a.routes() == [VIP, VIP2, "10.1.1.3/32"])
    for router in routers:
        router.watch()
    peers.change(peer(a), peer(b), peer(c, ", name: third"))
    wait_for("all routes", lambda: c.routes() == [VIP, VIP2, "10.1.1.3/32"], SLOW)
    assert b.routes() == [VIP, VIP2]
    # What comes and goes from now on, all hear of it.
    peers.speaker.say(VIP, gone=True)
    for router in a, b, c:
        wait_for("the withdrawal", lambda: VIP not in router.routes())  # noqa: B023
    for router in routers:
        router.assert_unbroken()
    assert peers.speaker.count("bgp.down") == 0


def test_a_peer_that_is_removed_is_closed_alone(routers, peers):
    a, b = routers
    a.watch()
    peers.change(peer(a))
    wait_for("no session", lambda: not b.session())
    wait_for("no routes", lambda: b.routes() == [])
    peers.speaker.say("10.1.1.3/32")
    wait_for("a new route", lambda: a.routes() == [VIP, VIP2, "10.1.1.3/32"])
    a.assert_unbroken()
    assert [line for line in peers.log("bgp.down") if "none of bgp.peers" in line]
    # And comes back, before the other one.
    peers.change(peer(b), peer(a))
    wait_for("all routes", lambda: b.routes() == [VIP, VIP2, "10.1.1.3/32"], SLOW)
    peers.speaker.say("10.1.1.3/32", peers="10.0.0.2")
    wait_for("what is for it alone", lambda: a.routes() == [VIP, VIP2])
    assert b.routes() == [VIP, VIP2, "10.1.1.3/32"]
    a.assert_unbroken()


def test_a_hold_time_of_one_peer_costs_its_session_alone(routers, peers):
    a, b = routers
    a.watch()
    peers.change(peer(a), peer(b, ", holdTime: 6s"))
    wait_for("the new hold time", lambda: b.is_up(bgpTimerHoldTimeMsecs=6000), SLOW)
    wait_for("its routes", lambda: b.routes() == [VIP, VIP2])
    a.assert_unbroken()
    # That of all costs those that have none of their own.
    b.watch()
    peers.change(peer(a), peer(b, ", holdTime: 6s"), holdTime="12s")
    wait_for("the new hold time", lambda: a.is_up(bgpTimerHoldTimeMsecs=12000), SLOW)
    wait_for("its routes", lambda: a.routes() == [VIP, VIP2])
    b.assert_unbroken()


def test_a_peer_without_a_family_that_it_had_routes_of(site, routers):
    """In one step exabgp 4.2 would end its API process."""
    a, b = routers
    peers = Peers(site, peer(a), peer(b), node="10.0.0.101,fd00::101")
    peers.speaker.say(VIP)
    for router in routers:
        wait_for("the route", lambda: router.routes() == [VIP], SLOW)  # noqa: B023
    a.watch()
    peers.change(peer(a), peer(b, ", ipv4: false"))
    wait_for("no routes", lambda: b.routes() == [])
    peers.change(peer(a), peer(b, ", ipv6: false"))
    wait_for("the route", lambda: b.routes() == [VIP], SLOW)
    a.assert_unbroken()


def test_another_as_of_ours_and_of_a_peer(routers, peers):
    a, b = routers
    a.watch()
    b.tell("no router bgp 65001", *Router.config(b.address, 65002).splitlines())
    peers.change(peer(a), peer(b).replace("65001", "65002"))
    wait_for("its routes", lambda: b.routes() == [VIP, VIP2], SLOW)
    a.assert_unbroken()
    for router in routers:
        router.tell(f"router bgp {65001 if router is a else 65002}", "neighbor kago remote-as 65022")
    peers.change(peer(a), peer(b).replace("65001", "65002"), **{"as": 65022})
    for router in routers:
        wait_for("a session", lambda: router.is_up(remoteAs=65022), SLOW)  # noqa: B023
        wait_for("its routes", lambda: router.routes() == [VIP, VIP2])  # noqa: B023
    path = a.ask(f"show bgp ipv4 unicast {VIP2} json")["paths"][0]["aspath"]["string"]
    assert path == "65022 65022"


def test_a_name_is_no_new_session(routers, peers):
    a, b = routers
    for router in routers:
        router.watch()
    peers.speaker.say(VIP, peers="first")
    wait_for("nobody has it", lambda: a.routes() == b.routes() == [VIP2])
    peers.write(peer(a, ", name: first"), peer(b, ", name: second"))
    wait_for("one has it", lambda: a.routes() == [VIP, VIP2])
    peers.write(peer(b, ", name: first"), peer(a, ", name: second"))
    wait_for("the other one has it", lambda: (a.routes(), b.routes()) == ([VIP2], [VIP, VIP2]))
    for router in routers:
        router.assert_unbroken()


def test_without_peers_exabgp_ends_and_with_one_it_starts(routers, peers):
    a, b = routers
    peers.change()
    wait_for("its end", lambda: peers.speaker.count("exabgp.stopped") == 1)
    assert not a.session() and not b.session()
    peers.change(peer(b))
    wait_for("its routes", lambda: b.routes() == [VIP, VIP2], SLOW)
    assert peers.speaker.count("exabgp.killed") == 0


def test_a_peer_that_is_back_is_found_soon_however_often_it_was_away(routers, peers):
    """exabgp by itself waits longer each time."""
    a, b = routers
    a.watch()
    took = []
    for outage in 3, 6, 6, 9, 6:
        downs, ups = peers.speaker.count("bgp.down"), peers.speaker.count("bgp.up")
        b.tell("router bgp 65001", "no bgp listen range 172.16.0.0/16 peer-group kago")
        wait_for("the end", lambda: peers.speaker.count("bgp.down") > downs)  # noqa: B023
        away_until = time.monotonic() + outage
        peers.speaker.say("10.1.1.3/32", gone=outage == 6)
        wait_for("what is new", lambda: ("10.1.1.3/32" in a.routes()) == (outage != 6))  # noqa: B023
        wait_for("the time", lambda: time.monotonic() > away_until, SLOW)  # noqa: B023
        assert peers.speaker.count("bgp.up") == ups
        b.tell("router bgp 65001", "bgp listen range 172.16.0.0/16 peer-group kago")
        back = time.monotonic()
        wait_for("a session", lambda: peers.speaker.count("bgp.up") > ups, SLOW)  # noqa: B023
        took.append(time.monotonic() - back)
        wait_for("its routes", lambda: b.routes() == a.routes() and len(b.routes()) > 1, SLOW)
    # Not each time: the machine may have been busy with something else.
    assert sorted(took)[-2] < 5, took
    a.assert_unbroken()


@pytest.fixture
def strict(site):
    """A template of the user's, with which exabgp refuses a hold time of 600 s: `hold-time 100600`."""
    text = (ROOT / "templates/exabgp.conf.mustache").read_text(encoding="ascii")
    (site.folder / "template").write_text(text.replace("hold-time {{", "hold-time 100{{"))
    return site.folder / "template"


def test_what_exabgp_refuses_changes_nothing(site, routers, strict):
    a, b = routers
    peers = Peers(site, peer(a), template=strict)
    peers.speaker.say(VIP)
    wait_for("the route", lambda: a.routes() == [VIP], SLOW)
    a.watch()
    peers.write(peer(a), peer(b), holdTime="600s")
    wait_for("the refusal", lambda: peers.log("bgp.refused"), SLOW)
    assert "must be smaller or equal to 65535" in peers.log("bgp.refused")[0]
    peers.write(peer(a), "address: 'fd00::1'")
    wait_for("the refusal", lambda: len(peers.log("bgp.refused")) == 2)
    assert "peer fd00::1: the pod has no address of this family" in peers.log("bgp.refused")[1]
    peers.speaker.say(VIP2)
    wait_for("what is new", lambda: a.routes() == [VIP, VIP2])
    # And the next good one is taken.
    peers.change(peer(a), peer(b))
    wait_for("its routes", lambda: b.routes() == [VIP, VIP2], SLOW)
    assert len(peers.log("bgp.accepted")) == 1
    a.assert_unbroken()
    assert not (peers.speaker.folder / "exabgp.conf.next").exists()


def exabgp_of(speaker):
    return int(run("pgrep", "-P", speaker.process.pid).stdout.split()[0])


@pytest.mark.parametrize("is_killed", [False, True])
def test_one_that_hangs_or_dies_while_it_reads_is_started_with_the_new_peers(site, routers, is_killed):
    a, b = routers
    peers = Peers(site, peer(a))
    peers.speaker.say(VIP)
    wait_for("the route", lambda: a.routes() == [VIP], SLOW)
    pid = exabgp_of(peers.speaker)
    os.kill(pid, signal.SIGSTOP)
    peers.write(peer(b))
    if is_killed:
        wait_for("the change", lambda: peers.log("bgp.followed"), SLOW)
        os.kill(pid, signal.SIGKILL)
    wait_for("its route", lambda: b.routes() == [VIP], SLOW)
    assert a.routes() == [] and not a.session()
    assert peers.speaker.count("exabgp.killed") == (0 if is_killed else 1)


def assert_reaches(client, server):
    """A connection to the VIP, which is an address of `server`."""
    address = VIP.split("/")[0], 80
    with (server.socket(socket.AF_INET, socket.SOCK_STREAM) as listening,
          client.socket(socket.AF_INET, socket.SOCK_STREAM) as sock):
        listening.bind(address)
        listening.listen()
        sock.settimeout(SLOW)
        sock.connect(address)


def test_routes_lead_where_it_is_said(routers, peers):
    a, b = routers
    for router in routers:
        wait_for("the node", lambda: router.next_hops(VIP) == ["10.0.0.101"])  # noqa: B023
        router.watch()
    for said, leads in ("pod", POD), ("10.0.0.7", "10.0.0.7"), ("node", "10.0.0.101"):
        peers.write(peer(a), peer(b), nextHop=f"{{ipv4: {said}}}")
        for router in routers:
            for vip in VIP, VIP2:
                wait_for(said, lambda: router.next_hops(vip) == [leads])  # noqa: B023
    for router in routers:
        router.assert_unbroken()


def test_a_pod_on_the_routers_own_network_needs_no_node(site, routers):
    """Packets for the VIP go straight to it; of one behind its node they go through the node."""
    a, _ = routers
    pod = site.network.netns("bgp-near")
    site.join(pod, "10.0.0.50", "eth0")
    pod.ip("route add default via 10.0.0.1", f"addr add {VIP} dev lo")
    a.tell("router bgp 65001", "bgp listen range 10.0.0.50/32 peer-group kago")
    config = kago_yaml([peer(a)], {"nextHop": "{ipv4: pod}"})
    near = Speaker(pod, site.folder / "near", config, "10.0.0.50", "10.0.0.101")
    site.network.callback(near.stop)
    near.say(VIP)

    def ways(vip):
        return run("ip", "-n", a.netns.name, "route", "show", vip).stdout

    wait_for("the way", lambda: "via 10.0.0.50 dev eth1" in ways(VIP), SLOW)
    assert_reaches(a.netns, pod)
    behind = site.speaker(1, config)
    behind.say(VIP2)
    wait_for("the way", lambda: "via 10.0.0.101 dev eth1" in ways(VIP2), SLOW)
    assert a.next_hops(VIP2) == [POD]


EXTENDED_BIRD = """
router id 10.0.0.4;
protocol device {}
protocol direct { ipv4; ipv6; }
protocol kernel { ipv4 { export all; }; }
protocol bgp kago {
	local 10.0.0.4 as 65001;
	neighbor 172.16.1.11 as 65021;
	multihop 2;
	passive on;
	ipv4 { import all; export none; extended next hop on; };
	ipv6 { import all; export none; };
}
"""


def test_ipv4_leads_to_ipv6_where_a_peer_takes_that(site, routers):
    """RFC 8950: told by IPv6 to FRR, by IPv4 to BIRD; and who does not take it has IPv4 as ever."""
    a, b = routers
    bird = Bird(site, site.beside("bird", "10.0.0.4"), EXTENDED_BIRD)
    pod, node = site.pods[1], site.nodes[1]
    pod.ip("addr add fd00:1::11/64 dev eth0 nodad", "route add default via fd00:1::1")
    node.ip("addr add fd00:1::1/64 dev p0 nodad", "addr add fd00::101/64 dev eth1 nodad",
            f"addr add {VIP} dev lo")
    node.sysctl("net.ipv6.conf.all.forwarding", 1)
    for router, address in (a, "fd00::1"), (bird, "fd00::4"):
        router.netns.ip(f"addr add {address}/64 dev eth1 nodad", "route add fd00:1::/64 via fd00::101")
    a.tell("router bgp 65001", "neighbor fd00:1::11 remote-as 65021", "neighbor fd00:1::11 ebgp-multihop 2",
           "neighbor fd00:1::11 passive", "neighbor fd00:1::11 capability extended-nexthop")
    config = kago_yaml(["address: 'fd00::1', as: 65001, ttl: 2, extendedNextHop: true", peer(b),
                        "address: 10.0.0.4, as: 65001, ttl: 2, extendedNextHop: true, ipv6: false"], {})
    speaker = Speaker(pod, site.folder / "extended", config, f"{POD},fd00:1::11", "10.0.0.101,fd00::101")
    site.network.callback(speaker.stop)
    speaker.say(VIP)
    speaker.say(VIP2, asPathPrepend="1")

    def ways(router):
        return run("ip", "-n", router.netns.name, "route", "show", VIP).stdout

    for router in a, bird:
        for vip in VIP, VIP2:
            wait_for("IPv6", lambda: router.next_hops(vip) == ["fd00::101"], SLOW)  # noqa: B023
        wait_for("the way", lambda: "via inet6 fd00::101 dev eth1" in ways(router))  # noqa: B023
        # Packets take it.
        assert_reaches(router.netns, node)
    wait_for("IPv4", lambda: b.next_hops(VIP) == b.next_hops(VIP2) == ["10.0.0.101"], SLOW)
    speaker.say(VIP, gone=True)
    for router in a, b, bird:
        wait_for("the end", lambda: router.next_hops(VIP) == [] and router.next_hops(VIP2))  # noqa: B023
    assert speaker.count("bgp.down") == 0 and speaker.count("exabgp.killed") == 0


class Secret:
    """A mounted one: `password` is read through `..data`, which the kubelet swaps."""

    def __init__(self, folder):
        self.folder, self.n_versions = folder, 0
        folder.mkdir()
        (folder / "password").symlink_to("..data/password")

    def put(self, text):
        self.n_versions += 1
        version = self.folder / f"..v{self.n_versions}"
        version.mkdir()
        (version / "password").write_text(text)
        (self.folder / "..data_tmp").symlink_to(version.name)
        (self.folder / "..data_tmp").rename(self.folder / "..data")

    def lose(self):
        (self.folder / "..data").unlink()


def test_a_password_is_followed_and_one_that_is_lost_is_kept(site, routers):
    a, b = routers
    secret = Secret(site.folder / "secret")
    secret.put("one\n")
    # Not by a range of addresses: FRR 8.4 keeps the password of such a neighbor when its session has ended.
    b.tell("router bgp 65001", f"neighbor {POD} peer-group kago", f"neighbor {POD} passive")

    def lock(password):
        b.tell("router bgp 65001", f"neighbor {POD} password {password}")

    lock("one")
    peers = Peers(site, peer(a), peer(b, f", passwordFile: {secret.folder}/password"))
    peers.speaker.say(VIP)
    for router in routers:
        wait_for("the route", lambda: router.routes() == [VIP], SLOW)  # noqa: B023
    a.watch()
    secret.put("two")
    wait_for("the end", lambda: not b.session())
    lock("two")
    wait_for("its route", lambda: b.routes() == [VIP], SLOW)
    # Neither a file that is gone nor one without a password ends anything, or keeps a session from coming back.
    b.watch()
    secret.lose()
    wait_for("word of it", lambda: len(peers.log("bgp.password_kept")) == 1)
    secret.put("")
    wait_for("word of it", lambda: len(peers.log("bgp.password_kept")) == 2)
    b.assert_unbroken()
    downs = peers.speaker.count("bgp.down")
    b.tell("do clear bgp *")
    wait_for("the end", lambda: peers.speaker.count("bgp.down") > downs)
    wait_for("its route", lambda: b.routes() == [VIP], SLOW)
    assert len(peers.log("bgp.password_kept")) == 2
    lock("three")
    secret.put("three\n")
    wait_for("its route", lambda: len(peers.log("bgp.followed")) == 2 and b.routes() == [VIP], SLOW)
    a.assert_unbroken()
    assert peers.speaker.count("exabgp.killed") == 0 and not peers.log("bgp.refused")
