# SPDX-License-Identifier: Apache-2.0
"""kago-sidecar with the real exabgp, against a real route reflector, on a kernel with IPVS.

    rr (gobgpd) --10.0.0.0/24-- node --cni0 172.16.1.0/24-- pods
                                     --caliN-- pods that the node reaches by a route of their own
"""

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from image import EXABGP, NET_ADMIN, NODE_NETNS, NODE_SOCKETS, SYS_ADMIN, SYS_PTRACE
from net import ROOT, Network, ask, program, run, wait_for

VIP, VIP2, VIP6 = "10.1.1.1", "10.1.1.2", "fd00:1::1"
NODE, NODE6 = "10.0.0.106", "fd00:10::106"
DOOR = 81  # a port that IPVS does not know
OTHER_EXABGP = os.environ.get("KAGO_EXABGP")  # to try another than the image's, with this build
START = 90  # seconds that exabgp may take to start on an emulated processor
DRAIN = 8  # seconds
RESTARTS = 15

GOBGPD = """
global:
  config: {as: 65021, router-id: 10.0.0.1, local-address-list: ["0.0.0.0", "::"]}
  use-multiple-paths: {config: {enabled: true}}
peer-groups:
- config: {peer-group-name: k8s, peer-as: 65021}
  afi-safis:
  - config: {afi-safi-name: ipv4-unicast}
  - config: {afi-safi-name: ipv6-unicast}
dynamic-neighbors:
- config: {prefix: 172.16.0.0/16, peer-group: k8s}
"""
PASSWORD = 'a "}; #\\ neighbor'
GOBGPD_MD5 = f"""
global:
  config: {{as: 65021, router-id: 10.0.0.1, port: 1790, local-address-list: ["10.0.0.1"]}}
neighbors:
- config: {{neighbor-address: 172.16.1.11, peer-as: 65021, auth-password: '{PASSWORD}'}}
  transport: {{config: {{passive-mode: true}}}}
"""


class Reflector:
    """gobgpd as in the paper's Appendix C, and what it tells of its routing table."""

    def __init__(self, netns, folder):
        self.netns, self.folder = netns, folder
        self.config = folder / "gobgpd.yaml"
        self.config.write_text(GOBGPD)
        self.daemon = None
        self.events = []  # (time, "ROUTE" or "DELROUTE", prefix)

    def start(self):
        self.daemon = self.netns.start("gobgpd", "-t", "yaml", "-f", self.config,
                                       log=self.folder / "gobgpd.log")
        wait_for("gobgpd", lambda: self.netns.run("gobgp", "global", check=False).returncode == 0)
        for family in "ipv4", "ipv6":
            with self.netns.entered():
                monitor = subprocess.Popen(["gobgp", "monitor", "global", "rib", "-a", family],
                                           stdout=subprocess.PIPE, text=True)
            threading.Thread(target=self.follow, args=(monitor,), daemon=True).start()

    def follow(self, monitor):
        """Until gobgpd ends, and the monitor with it."""
        with monitor:
            for line in monitor.stdout:
                found = re.search(r"\[(ROUTE|DELROUTE)\] (\S+) via", line)
                if found:
                    self.events.append((time.monotonic(), found[1], found[2]))

    def stop(self):
        self.daemon.signal(signal.SIGKILL)
        self.daemon.stop()

    def paths(self, prefix):
        """The next hops the reflector knows, one for each pod that announces."""
        family = "ipv6" if ":" in prefix else "ipv4"
        table = json.loads(self.netns.run("gobgp", "global", "rib", "-j", "-a", family).stdout)
        return [attribute["nexthop"] for path in table.get(prefix, [])
                for attribute in path["attrs"] if "nexthop" in attribute]

    def communities(self, prefix):
        """Of the one path to it; None without a path."""
        paths = json.loads(self.netns.run("gobgp", "global", "rib", "-j").stdout).get(prefix)
        return paths and [c for a in paths[0]["attrs"] if a["type"] == 8 for c in a["communities"]]

    def when(self, kind, prefix, since):
        return next((t for t, k, p in self.events if (k, p) == (kind, prefix) and t >= since), None)


class Controller:
    """The controller's side of the control socket."""

    def __init__(self, netns):
        self.listener = netns.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind("\0kago-controller")
        self.listener.listen()
        self.messages, self.closed_at, self.connection = [], None, None
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        try:
            self.connection, _ = self.listener.accept()
            for line in self.connection.makefile():
                self.messages.append(json.loads(line))
            self.closed_at = time.monotonic()
        except OSError:
            pass

    def say_ready(self):
        wait_for("a lifeline", lambda: {"type": "sidecar"} in self.messages, START)
        self.connection.sendall(b'{"type":"state","ready":true}\n')

    def say_routes(self, *routes, gone=()):
        """What Services say of routes; of no others is anything said."""
        self.connection.sendall(json.dumps({"type": "routes", "all": not gone, "set": routes,
                                            "gone": gone}).encode() + b"\n")

    def say_changed(self, *places):
        """Of the places, or of everything."""
        if {"type": "sidecar"} in self.messages and not self.closed_at:
            self.connection.sendall(json.dumps({"type": "changed", "places": places}).encode() + b"\n")

    def reported(self):
        """What the sidecar said last of what it announces."""
        said, heard = {}, set()
        for message in [m for m in self.messages if m["type"] == "announced"]:
            heard = set(message.get("prefixes", heard)) - set(message.get("lost", [])) | set(message.get("gained", []))
            said = {"prefixes": sorted(heard), "sessions": message["sessions"], "complete": message["complete"]}
        return said

    def announced(self):
        return self.reported().get("prefixes")

    def unused(self):
        """What of kago.yaml the sidecar does not use, as it said last; None: it uses all."""
        return [m for m in self.messages if m["type"] == "announced"][-1].get("config")

    def close(self):
        self.listener.close()
        if self.connection:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.connection.close()


def socket_beside(folder):
    """Of who makes sockets for the sidecar of that folder; in a folder that these two have alone."""
    return folder.with_suffix(".sockets") / "socket"


class Sidecar:
    def __init__(self, netns, folder, *arguments, bgp=None, pools=None, **container):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.configure(bgp, pools)
        self.events = []
        with netns.entered():
            self.process = subprocess.Popen(
                self.command(folder, "run", "--config", folder / "kago.yaml", *arguments, **container),
                stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self.follow, daemon=True).start()

    def configure(self, bgp=None, pools=None):
        """Writes kago.yaml in one go. `pools` are ranges."""
        new = self.folder / ".new"
        new.write_text(json.dumps({
            "bgp": {"as": 65021, "peers": [{"address": "10.0.0.1"}], "stateDir": str(self.folder),
                    **(bgp or {})},
            "node": {"drain": "3s"},
            "log": {"format": "json"},
            "pools": [{"name": "main", "addresses": pools}] if pools else [],
        }))
        new.rename(self.folder / "kago.yaml")

    @staticmethod
    def command(folder, *arguments, alone=False, **container):
        """`alone` it makes its sockets on the node itself."""
        node = "/run/netns/node"
        if not OTHER_EXABGP:
            place = NODE_NETNS if alone else f"unix:{socket_beside(folder)}"
            return EXABGP.command("run", "--node-netns", place, *arguments[1:], folders=[folder.parent],
                                  node_netns=node if alone else None, **container)
        return [program("kago-sidecar"), *arguments, "--node-netns", node,
                "--set", f"bgp.program={OTHER_EXABGP}",
                "--set", f"bgp.template={ROOT}/templates/exabgp.conf.mustache"]

    def follow(self):
        for line in self.process.stderr:
            print(line, end="")  # pytest shows it when a test fails
            if line.startswith("{"):
                self.events.append({**json.loads(line), "at": time.monotonic()})

    def find(self, event, since=0, **fields):
        return [e for e in self.events if e["event"] == event and e["at"] >= since
                and all(e.get(key) == value for key, value in fields.items())]

    def wait(self, event, timeout=60, since=0, **fields):
        return wait_for(f"{event} {fields}", lambda: self.find(event, since, **fields), timeout)[0]

    def wait_until_up(self, since=0):
        return self.wait("bgp.up", START, since)

    def stop(self, sig=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(sig)
        return self.process.wait(30)


class Pod:
    """A namespace with the containers' parts: IPVS and a controller's socket, a sidecar, and sockets for it."""

    def __init__(self, netns, address, folder):
        self.netns, self.name, self.address, self.folder = netns, netns.name, address, folder
        self.sidecar = self.controller = self.sockets = None

    def start_sockets(self, **container):
        """Until they are ready, unless the container is not as it should be."""
        path = socket_beside(self.folder / self.name)
        path.parent.mkdir(exist_ok=True)
        options = {"node_netns": "/run/netns/node", "folders": [path.parent], **container}
        log = self.folder / f"{self.name}-sockets-{time.monotonic_ns()}.log"
        self.sockets = self.netns.start(*NODE_SOCKETS.command(NODE_NETNS, path, **options), log=log)
        if not container:
            self.sockets.wait_for_line("event=sockets.ready")
        return self.sockets

    def stop_sockets(self):
        self.sockets.kill()
        self.sockets = None

    def change(self, command):
        """Of the kernel's table; nobody tells of it."""
        self.netns.run("ipvsadm", *command.split())

    def ipvs(self, command, *places):
        """The same, and the controller tells of it as the real one does."""
        self.change(command)
        if self.controller:
            self.controller.say_changed(*places)

    def serve(self, vip, weight=1):
        service = f"[{vip}]:80" if ":" in vip else f"{vip}:80"
        server = "[fd00:172::99]:80" if ":" in vip else "172.16.2.1:80"
        self.ipvs(f"-A -t {service} -s rr")
        self.ipvs(f"-a -t {service} -r {server} -m -w {weight}", f"{vip} port 80/tcp")

    def weigh(self, vip, weight):
        self.ipvs(f"-e -t {vip}:80 -r 172.16.2.1:80 -m -w {weight}", f"{vip} port 80/tcp")

    def start(self, *arguments, ready=True, **options):
        if not self.controller:
            self.controller = Controller(self.netns)
        if not self.sockets and not OTHER_EXABGP:
            self.start_sockets()
        self.sidecar = Sidecar(self.netns, self.folder / self.name, *arguments, **options)
        if ready:
            self.controller.say_ready()
        return self.sidecar

    def restart_controller(self):
        self.controller.close()
        self.controller = Controller(self.netns)

    def local_routes(self, family=4):
        out = self.netns.run("ip", f"-{family}", "-o", "route", "show", "table", "local", "proto",
                             "107").stdout
        return sorted(line.split()[1] for line in out.splitlines())

    def stop(self):
        if self.sidecar:
            self.sidecar.stop()
        if self.sockets:
            self.stop_sockets()
        if self.controller:
            self.controller.close()


class Site:
    """The node with its bridge, the router behind it, and the reflector that runs there."""

    def __init__(self, network, folder):
        self.rr, self.node = network.netns("rr"), network.netns("node")
        network.link(self.node, "uplink", self.rr, "n0")
        self.rr.ip("addr add 10.0.0.1/24 dev n0", "addr add fd00:10::1/64 dev n0 nodad",
                   f"route add 172.16.0.0/16 via {NODE}", f"route add 10.1.1.0/24 via {NODE}",
                   f"route add fd00:172::/64 via {NODE6}",
                   f"route add fd00:1::/64 via {NODE6}")
        self.node.ip(f"addr add {NODE}/24 dev uplink", f"addr add {NODE6}/64 dev uplink nodad",
                     "route add default via 10.0.0.1", "route add default via fd00:10::1",
                     "link add cni0 type bridge", "addr add 172.16.1.1/24 dev cni0",
                     "addr add fd00:172::1/64 dev cni0 nodad", "link set cni0 up")
        self.node.sysctl("net.ipv4.ip_forward", 1)
        self.node.sysctl("net.ipv6.conf.all.forwarding", 1)
        self.reflector = Reflector(self.rr, folder)

    def routes(self, family=4):
        """(prefix, gateway, metric) of each route of ours on the node."""
        out = self.node.run("ip", f"-{family}", "-o", "route", "show", "proto", "107").stdout
        return sorted((m[1], m[2], int(m[3])) for m in
                      re.finditer(r"^(\S+) via (\S+) .*metric (\d+)", out, re.M))

    def reached(self, address):
        """The pod that answers behind the router, or None."""
        try:
            return ask(self.rr, "tcp", address, DOOR)[0]
        except OSError:
            return None


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    # The first start reads all of Python from a slow disk.
    run("chroot", EXABGP.root, "/usr/sbin/exabgp", "--help", timeout=300)
    with Network() as network:
        site = Site(network, tmp_path_factory.mktemp("rr"))
        site.reflector.start()
        yield site
        site.reflector.stop()


@pytest.fixture
def reflector(site):
    """It runs at the start of each test, whatever the one before did."""
    if not site.reflector.daemon.running():
        site.reflector.start()
    return site.reflector


@pytest.fixture
def pods(site, network, tmp_path):
    """pods(bridge=..., v6=...) makes a pod in a namespace of its own."""
    made = []

    def make(bridge=True, v6=False):
        number = len(made) + 11
        netns = network.netns(f"pod{number}")
        network.link(netns, "eth0", site.node, f"p{number}")
        netns.sysctl("net.ipv4.ip_forward", 1)
        if bridge:
            address = f"172.16.1.{number}"
            site.node.ip(f"link set p{number} master cni0")
            netns.ip(f"addr add {address}/24 dev eth0", "route add default via 172.16.1.1")
        else:
            address = f"172.16.9.{number}"
            netns.ip(f"addr add {address}/32 dev eth0",
                     "route add 169.254.1.1 dev eth0 scope link",
                     "route add default via 169.254.1.1 dev eth0")
            site.node.ip(f"route add {address} dev p{number} scope link")
            site.node.sysctl(f"net.ipv4.conf.p{number}.proxy_arp", 1)
            site.node.sysctl(f"net.ipv4.neigh.p{number}.proxy_delay", 0)
        if v6:
            netns.ip(f"addr add fd00:172::{number}/64 dev eth0 nodad",
                     "route add default via fd00:172::1")
        network.serve(netns, netns.name, DOOR)
        made.append(Pod(netns, address, tmp_path))
        return made[-1]

    yield make
    for pod in made:
        pod.stop()
        site.node.ip(f"link delete {pod.netns.name.replace('pod', 'p')}")
    for family in 4, 6:
        for prefix, gateway, metric in site.routes(family):
            site.node.ip(f"route del {prefix} via {gateway} metric {metric}")


def test_nothing_is_announced_before_the_controller_is_ready(site, reflector, pods):
    pod = pods()
    pod.serve(VIP)
    sidecar = pod.start(ready=False)
    pod.sidecar.wait_until_up()
    wait_for("a local route", lambda: pod.local_routes() == [VIP])
    assert site.routes() == [] and reflector.paths(VIP + "/32") == []
    assert not sidecar.find("vip.announced")
    pod.controller.say_ready()
    wait_for("the announcement", lambda: reflector.paths(VIP + "/32") == [NODE])
    assert site.routes() == [(VIP, pod.address, 1)]
    wait_for("the report", lambda: pod.controller.announced() == [VIP + "/32"])
    assert site.reached(VIP) == pod.name


def test_a_vip_is_announced_while_a_real_server_is_usable(site, reflector, pods):
    pod = pods()
    pod.serve(VIP)
    sidecar = pod.start()
    pod.sidecar.wait_until_up()
    wait_for("the announcement", lambda: reflector.paths(VIP + "/32") == [NODE])

    def change(kind, prefix, action, *arguments):
        """Seconds from the change, which a command of its own made, to the reflector's notice."""
        since = time.monotonic()
        action(*arguments)
        done = time.monotonic()
        seen = wait_for(f"{kind} {prefix}", lambda: reflector.when(kind, prefix, since))
        return seen - done

    took = [change("DELROUTE", VIP + "/32", pod.weigh, VIP, 0)]
    assert sidecar.find("vip.withdrawn", prefix=VIP + "/32", reason="no usable real server")
    change("ROUTE", VIP + "/32", pod.weigh, VIP, 1)
    change("ROUTE", VIP2 + "/32", pod.serve, VIP2)
    took.append(change("DELROUTE", VIP2 + "/32", pod.ipvs, f"-D -t {VIP2}:80"))
    assert sidecar.find("vip.withdrawn", prefix=VIP2 + "/32", reason="gone from IPVS")
    took.append(change("DELROUTE", VIP + "/32", pod.ipvs, "-C"))
    # Most times: the machine may have been busy with something else once.
    assert sorted(took)[1] <= 1.0, took
    wait_for("the report", lambda: pod.controller.announced() == [])
    wait_for("no routes", lambda: site.routes() == [] and pod.local_routes() == [])


def test_a_change_is_seen_at_once_where_the_controller_tells_of_it(site, reflector, pods):
    pod = pods()
    for vip in VIP, VIP2:
        pod.serve(vip)
    sidecar = pod.start("--set", "node.pollInterval=60s")
    sidecar.wait_until_up()
    wait_for("both", lambda: reflector.paths(VIP + "/32") and reflector.paths(VIP2 + "/32"))
    for vip in VIP, VIP2:
        pod.change(f"-d -t {vip}:80 -r 172.16.2.1:80")
    took = []
    for vip, untold in (VIP2, [VIP + "/32"]), (VIP, []):
        since = time.monotonic()
        pod.controller.say_changed(f"{vip} port 80/tcp")
        withdrawn = wait_for("the withdrawal", lambda: reflector.when("DELROUTE", vip + "/32", since))  # noqa: B023
        took.append(withdrawn - since)
        wait_for("the report", lambda: pod.controller.announced() == untold)  # noqa: B023
        sidecar.wait("vip.withdrawn", prefix=vip + "/32", reason="no usable real server")
    print("from the word to the withdrawal, s:", took)
    assert max(took) < 30, "it was found by looking"
    # It says where to look, not what there is to see.
    pod.controller.say_changed(f"{VIP} port 80/tcp", "10.1.1.3 port 80/tcp")
    for vip in VIP, VIP2:
        pod.change(f"-a -t {vip}:80 -r 172.16.2.1:80 -m")
    assert pod.controller.announced() == []
    pod.controller.say_changed()
    wait_for("both", lambda: pod.controller.announced() == [VIP + "/32", VIP2 + "/32"])
    # Without a controller the sidecar looks again and again.
    since = time.monotonic()
    pod.controller.close()
    pod.controller = None
    sidecar.wait("controller.lost")
    pod.change("-C")
    wait_for("the withdrawal", lambda: reflector.when("DELROUTE", VIP + "/32", since))


def test_a_change_that_nobody_tells_of_is_found_by_looking(site, reflector, pods):
    """While a controller is there that tells of others: a child looks then."""
    pod = pods()
    pod.serve(VIP)
    pod.start("--set", "node.pollInterval=300ms").wait_until_up()
    wait_for("the announcement", lambda: reflector.paths(VIP + "/32") == [NODE])
    for action, kind in ("-d", "DELROUTE"), ("-a", "ROUTE"):
        since = time.monotonic()
        pod.change(f"{action} -t {VIP}:80 -r 172.16.2.1:80" + (" -m" if action == "-a" else ""))
        wait_for("it to be seen", lambda: reflector.when(kind, VIP + "/32", since))  # noqa: B023
    assert pod.controller is not None


def test_what_services_say_changes_routes_and_not_whether_there_are_any(site, reflector, pods):
    pod = pods()
    sidecar = pod.start(bgp={"communities": "65000:1", "peers": [{"address": "10.0.0.1", "name": "rr"}]})
    sidecar.wait_until_up()
    pod.controller.say_routes({"prefix": VIP + "/32", "communities": "65000:100"}, {"prefix": VIP2 + "/32", "med": "7"})
    pod.serve(VIP)
    wait_for("the route", lambda: reflector.communities(VIP + "/32") == [(65000 << 16) + 100])
    assert reflector.paths(VIP2 + "/32") == []
    since = time.monotonic()
    pod.controller.say_routes({"prefix": VIP + "/32", "communities": "65000:200 no-advertise"})
    wait_for("the change", lambda: reflector.communities(VIP + "/32") == [(65000 << 16) + 200, 0xFFFFFF02])
    pod.controller.say_routes()
    wait_for("the defaults", lambda: reflector.communities(VIP + "/32") == [(65000 << 16) + 1])
    assert not reflector.when("DELROUTE", VIP + "/32", since) and not sidecar.find("bgp.down")
    # Who is not named gets nothing; what was said of a Service that is gone holds as long as its route is there.
    pod.controller.say_routes({"prefix": VIP + "/32", "peers": "elsewhere"})
    wait_for("the withdrawal", lambda: reflector.paths(VIP + "/32") == [])
    wait_for("the report", lambda: pod.controller.announced() == [])
    since = time.monotonic()
    pod.controller.say_routes(gone=[VIP + "/32"])
    pod.serve(VIP2)
    wait_for("another route", lambda: reflector.paths(VIP2 + "/32") == [NODE])
    assert not reflector.when("ROUTE", VIP + "/32", since)
    # It comes anew, and nothing is said of it.
    pod.change("-C")
    pod.controller.say_changed()
    wait_for("nothing", lambda: reflector.paths(VIP2 + "/32") == [])
    pod.controller.say_routes(gone=[VIP2 + "/32"])
    pod.serve(VIP)
    wait_for("the route", lambda: reflector.communities(VIP + "/32") == [(65000 << 16) + 1])


def test_a_withdrawn_route_does_not_come_back_with_a_new_session(site, reflector, pods):
    pod = pods()
    pod.serve(VIP)
    pod.serve(VIP2)
    sidecar = pod.start()
    pod.sidecar.wait_until_up()
    wait_for("both", lambda: reflector.paths(VIP + "/32") and reflector.paths(VIP2 + "/32"))
    pod.weigh(VIP2, 0)
    wait_for("the withdrawal", lambda: not reflector.paths(VIP2 + "/32"))
    since = time.monotonic()
    reflector.stop()
    sidecar.wait("bgp.down", since=since)
    reflector.start()
    sidecar.wait_until_up(since)
    wait_for("the other one again", lambda: reflector.paths(VIP + "/32") == [NODE])
    assert reflector.paths(VIP2 + "/32") == []


def test_only_what_a_peer_hears_counts_as_announced(site, reflector, pods):
    reflector.stop()
    pod = pods()
    pod.serve(VIP)
    sidecar = pod.start()
    sidecar.wait("vip.announced", START)
    silence = {"prefixes": [], "sessions": 0, "complete": False}
    wait_for("the report", lambda: pod.controller.reported() == silence)
    reflector.start()
    sidecar.wait_until_up()
    heard = {"prefixes": [VIP + "/32"], "sessions": 1, "complete": True}
    wait_for("the report", lambda: pod.controller.reported() == heard)
    reflector.stop()
    wait_for("the report", lambda: pod.controller.reported() == silence)
    reflector.start()
    sidecar.wait_until_up(since=sidecar.find("bgp.down")[-1]["at"])


def capabilities(pid):
    """What the process may do, and what a program that it starts could get back."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = dict(re.findall(r"(CapPrm|CapEff|CapBnd|NoNewPrivs):\s*(\S+)", status))
    return int(found["CapPrm"], 16), int(found["CapEff"], 16), int(found["CapBnd"], 16), found["NoNewPrivs"]


def numbers(*capabilities):
    return sum(1 << number for number in capabilities)


@pytest.mark.skipif(OTHER_EXABGP, reason="not in a container")
def test_who_is_in_the_nodes_namespace_has_no_capability_and_who_has_one_is_not_there(site, reflector, pods):
    pod = pods()
    sidecar = pod.start()
    sidecar.wait_until_up()
    admin = numbers(NET_ADMIN)
    assert capabilities(sidecar.process.pid) == (admin, admin, admin, "1")
    assert capabilities(exabgp_of(sidecar)) == (0, 0, admin, "1")
    # What it had at its start, that is what the container has, is for nobody any more.
    assert capabilities(pod.sockets.pid) == (0, 0, numbers(SYS_ADMIN, SYS_PTRACE), "1")
    assert re.search(r"Seccomp:\s*2", Path(f"/proc/{pod.sockets.pid}/status").read_text(encoding="ascii"))
    node = os.stat("/run/netns/node").st_ino
    assert os.stat(f"/proc/{pod.sockets.pid}/ns/net").st_ino == node
    assert os.stat(f"/proc/{sidecar.process.pid}/ns/net").st_ino != node


@pytest.mark.skipif(OTHER_EXABGP, reason="not in a container")
def test_a_sidecar_that_makes_its_sockets_itself_gives_up_what_that_took(site, reflector, pods):
    pod = pods()
    pod.serve(VIP)
    sidecar = pod.start(alone=True, capabilities=(NET_ADMIN, SYS_ADMIN, SYS_PTRACE))
    sidecar.wait_until_up()
    admin = numbers(NET_ADMIN)
    assert capabilities(sidecar.process.pid)[:2] == (admin, admin)
    assert capabilities(exabgp_of(sidecar))[:2] == (0, 0)
    wait_for("the route", lambda: site.routes() == [(VIP, pod.address, 1)])
    assert not sidecar.find("sockets.received")


@contextmanager
def process_on_the_node(site, folder):
    """What /proc/1 is in a cluster: somebody else's, who may more."""
    process = site.node.start("sleep", "600", log=folder / "process-on-the-node.log")
    try:
        yield Path(f"/proc/{process.pid}/ns")
    finally:
        process.kill()


@pytest.mark.skipif(OTHER_EXABGP, reason="not in a container")
@pytest.mark.parametrize("capabilities, says", [
    ((SYS_ADMIN, SYS_PTRACE), None), ((SYS_PTRACE,), "CAP_SYS_ADMIN"), ((SYS_ADMIN,), "CAP_SYS_PTRACE")],
    ids=["both", "without-sys-admin", "without-sys-ptrace"])
def test_node_sockets_needs_each_of_its_capabilities(site, reflector, pods, tmp_path, capabilities, says):
    """With the folder of a process that may all, as the chart mounts it."""
    pod = pods()
    pod.serve(VIP)
    with process_on_the_node(site, tmp_path) as folder:
        helper = pod.start_sockets(node_netns=folder, capabilities=capabilities)
        if says:
            helper.wait_for_line(f"event=sockets.ended .*{says}")
            assert helper.wait() == 1
            return
        helper.wait_for_line("event=sockets.ready")
        pod.start()
        wait_for("the route", lambda: site.routes() == [(VIP, pod.address, 1)])


@pytest.mark.skipif(OTHER_EXABGP, reason="not in a container")
def test_the_sidecar_needs_its_one_capability(site, reflector, pods):
    pod = pods()
    pod.serve(VIP)
    sidecar = pod.start(capabilities=[])
    assert "not permitted" in sidecar.wait("ipvs.unreadable")["error"]
    sidecar.wait_until_up()
    assert not sidecar.find("vip.announced") and pod.local_routes() == [] and site.routes() == []


def restart(pod):
    pod.sidecar.stop()
    pod.restart_controller()
    return pod.start()


@pytest.mark.skipif(OTHER_EXABGP, reason="makes its sockets itself")
def test_sidecars_get_sockets_again_and_again(site, reflector, pods):
    """Each holds the metric of the one before, and packets take the same way all the time."""
    pod = pods()
    pod.serve(VIP)
    pod.start()
    wait_for("the route", lambda: site.routes() == [(VIP, pod.address, 1)])
    descriptors = Path(f"/proc/{pod.sockets.pid}/fd")
    held = len(list(descriptors.iterdir()))
    for _ in range(RESTARTS):
        sidecar = restart(pod)
        sidecar.wait("exabgp.started")
        assert not sidecar.find("sockets.waiting") and not sidecar.find("route.failed")
        wait_for("the route", lambda: site.routes() == [(VIP, pod.address, 1)])
    assert site.reached(VIP) == pod.name
    assert len(list(descriptors.iterdir())) == held
    assert pod.sockets.output().count("event=sockets.given") == 1 + RESTARTS
    sidecar.wait_until_up()
    wait_for("the announcement", lambda: reflector.paths(VIP + "/32") == [NODE])


@pytest.mark.skipif(OTHER_EXABGP, reason="makes its sockets itself")
def test_a_sidecar_that_has_its_sockets_needs_nobody_who_makes_them(site, reflector, pods):
    pod = pods()
    pod.serve(VIP)
    sidecar = pod.start()
    sidecar.wait_until_up()
    wait_for("the announcement", lambda: reflector.paths(VIP + "/32") == [NODE])
    since = time.monotonic()
    pod.stop_sockets()
    pod.serve(VIP2)
    wait_for("the announcement", lambda: reflector.paths(VIP2 + "/32") == [NODE])
    pod.start_sockets()
    wait_for("both routes", lambda: [route[0] for route in site.routes()] == [VIP, VIP2])
    assert not sidecar.find("bgp.down", since) and not sidecar.find("route.failed")
    # The new one serves the next sidecar.
    restart(pod).wait("sockets.received")
    wait_for("both routes", lambda: site.routes() == [(vip, pod.address, 1) for vip in (VIP, VIP2)])


@pytest.mark.skipif(OTHER_EXABGP, reason="makes its sockets itself")
@pytest.mark.parametrize("how", ["dead", "stopped"])
def test_a_sidecar_waits_for_sockets_as_long_as_it_takes(site, reflector, pods, how):
    """It says so, and what was routed still is."""
    pod = pods()
    pod.serve(VIP)
    pod.start()
    wait_for("the route", lambda: site.routes() == [(VIP, pod.address, 1)])
    if how == "dead":
        pod.sockets.kill()
    else:
        pod.sockets.signal(signal.SIGSTOP)
    sidecar = restart(pod)
    waiting = sidecar.wait("sockets.waiting")
    assert str(socket_beside(pod.folder / pod.name)) in waiting["error"] and "node-sockets" in waiting["remedy"]
    said = [m for m in pod.controller.messages if m["type"] == "announced"][-1]
    assert said["waits"] is True and said["sessions"] == 0 and said["complete"] is False
    assert site.routes() == [(VIP, pod.address, 1)] and site.reached(VIP) == pod.name
    # Waiting is no reason not to end.
    sidecar.process.terminate()
    assert sidecar.process.wait(60) == 0
    sidecar = restart(pod)
    sidecar.wait("sockets.waiting")
    if how == "dead":
        pod.start_sockets()
    else:
        pod.sockets.signal(signal.SIGCONT)
    sidecar.wait("sockets.received")
    wait_for("the route", lambda: site.routes() == [(VIP, pod.address, 1)])
    sidecar.wait_until_up()
    wait_for("the announcement", lambda: reflector.paths(VIP + "/32") == [NODE])
    assert pod.controller.messages[-1]["waits"] is False


def exabgp_of(sidecar):
    return int(sidecar.find("exabgp.started")[-1]["pid"])


def test_exabgp_is_started_again_and_told_everything(site, reflector, pods):
    pod = pods()
    pod.serve(VIP)
    sidecar = pod.start()
    pod.sidecar.wait_until_up()
    wait_for("the announcement", lambda: reflector.paths(VIP + "/32"))
    since = time.monotonic()
    os.kill(exabgp_of(sidecar), signal.SIGKILL)
    gone = wait_for("the withdrawal", lambda: reflector.when("DELROUTE", VIP + "/32", since))
    assert gone - since < 5, "the hold time ended the session"
    sidecar.wait("bgp.down", reason="exabgp ended")
    sidecar.wait_until_up(since)
    wait_for("the announcement", lambda: reflector.paths(VIP + "/32") == [NODE])
    assert site.reached(VIP) == pod.name


def test_an_exabgp_that_is_stopped_while_idle_is_started_again(site, reflector, pods):
    pod = pods()
    pod.serve(VIP)
    sidecar = pod.start()
    pod.sidecar.wait_until_up()
    wait_for("the announcement", lambda: reflector.paths(VIP + "/32"))
    time.sleep(10)  # in which it is asked a few times, and answers
    assert not sidecar.find("exabgp.killed")
    since = time.monotonic()
    os.kill(exabgp_of(sidecar), signal.SIGSTOP)
    sidecar.wait("exabgp.killed", 60, why="its API does not answer")
    sidecar.wait_until_up(since)
    wait_for("the announcement", lambda: reflector.paths(VIP + "/32") == [NODE])
    assert site.reached(VIP) == pod.name


def test_a_peer_that_is_late_or_stuck_is_served_when_it_is_there(site, reflector, pods):
    reflector.stop()
    pod = pods()
    pod.serve(VIP)
    sidecar = pod.start()
    sidecar.wait("vip.announced")
    reflector.start()
    pod.sidecar.wait_until_up()
    wait_for("the announcement", lambda: reflector.paths(VIP + "/32") == [NODE])
    since = time.monotonic()
    reflector.daemon.signal(signal.SIGSTOP)
    try:
        sidecar.wait("bgp.down", 60, since=since)  # the hold time is 9 s
        pod.serve(VIP2)
        sidecar.wait("vip.announced", prefix=VIP2 + "/32")
    finally:
        reflector.daemon.signal(signal.SIGCONT)
    sidecar.wait_until_up(since)
    wait_for("both", lambda: reflector.paths(VIP + "/32") and reflector.paths(VIP2 + "/32"))


def test_a_reflector_that_comes_late_is_found_soon(site, reflector, pods):
    """exabgp by itself asks ever less often, so that it would wait for up to a minute."""
    reflector.stop()
    pod = pods()
    sidecar = pod.start()
    sidecar.wait("bgp.waiting", START + 30)
    reflector.start()
    sidecar.wait("bgp.up", 20)
    assert len(sidecar.find("exabgp.started")) == 1


def test_sigterm_withdraws_drains_and_leaves_nothing(site, reflector, pods):
    pod = pods()
    pod.serve(VIP)
    sidecar = pod.start(f"--drain={DRAIN}s")
    pod.sidecar.wait_until_up()
    wait_for("the announcement", lambda: reflector.paths(VIP + "/32"))
    since = time.monotonic()
    sidecar.process.terminate()
    gone = wait_for("the withdrawal", lambda: reflector.when("DELROUTE", VIP + "/32", since))
    assert gone < since + DRAIN / 2
    assert site.reached(VIP) == pod.name and pod.controller.closed_at is None
    assert sidecar.process.wait(60) == 0
    assert site.routes() == [] and pod.local_routes() == []
    assert sidecar.wait("route.removed")["at"] >= since + DRAIN
    assert wait_for("the end of the lifeline", lambda: pod.controller.closed_at) >= since + DRAIN


def test_a_second_sigterm_skips_the_wait(site, reflector, pods):
    pod = pods()
    pod.serve(VIP)
    sidecar = pod.start("--drain=24s")
    sidecar.wait("vip.announced")
    sidecar.process.terminate()
    sidecar.wait("sidecar.draining")
    sidecar.process.terminate()
    assert sidecar.process.wait(20) == 0 and site.routes() == []


def test_what_a_killed_sidecar_left_is_purged_at_the_next_start(site, reflector, pods):
    dead, heir = pods(), pods()
    for pod in dead, heir:
        pod.serve(VIP)
    dead.serve(VIP2)
    dead.start()
    dead.sidecar.wait("vip.announced", prefix=VIP2 + "/32")
    dead.sidecar.stop(signal.SIGKILL)
    assert site.routes() == [(VIP, dead.address, 1), (VIP2, dead.address, 1)]
    heir.start()
    wait_for("only the heir's route", lambda: site.routes() == [(VIP, heir.address, 1)])
    assert heir.sidecar.find("route.purged", prefix=VIP2 + "/32", via=dead.address)
    assert site.reached(VIP) == heir.name
    # The dead one's container comes back beside the heir.
    dead.ipvs("-C")
    dead.serve(VIP2)
    dead.restart_controller()
    dead.start()
    wait_for("both", lambda: site.routes() == [(VIP, heir.address, 1), (VIP2, dead.address, 2)])
    wait_for("the pod's own", lambda: dead.local_routes() == [VIP2])


def test_two_pods_of_a_node_serve_one_vip(site, reflector, pods):
    first, second = pods(), pods()
    for pod in first, second:
        pod.serve(VIP)
        pod.start()
        pod.sidecar.wait("vip.announced")
    both = [(VIP, first.address, 1), (VIP, second.address, 2)]
    wait_for("a route each", lambda: site.routes() == both)
    for pod in first, second:
        pod.sidecar.wait_until_up()
    wait_for("a path each", lambda: reflector.paths(VIP + "/32") == [NODE, NODE])
    assert site.reached(VIP) == first.name
    # The one that carries the packets loses its real servers: its route goes at once.
    first.weigh(VIP, 0)
    wait_for("the other one's turn", lambda: site.routes() == both[1:])
    assert site.reached(VIP) == second.name
    wait_for("its path alone", lambda: reflector.paths(VIP + "/32") == [NODE])
    first.weigh(VIP, 1)
    wait_for("a route each", lambda: site.routes() == both)
    # It dies: the living one removes its route, and only its.
    first.sidecar.stop(signal.SIGKILL)
    wait_for("the purge", lambda: site.routes() == both[1:])
    assert site.reached(VIP) == second.name


def test_pods_sink_to_make_room_and_packets_always_find_a_way(site, reflector, pods):
    names = []
    for metric in range(1, 10):
        names.append(site.node.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        names[-1].bind(f"\0kago-route-{metric}")
    first, second = pods(), pods()
    for pod in first, second:
        pod.serve(VIP)
        pod.start()
        pod.sidecar.wait("vip.announced")
    wait_for("metrics above", lambda: site.routes() == [(VIP, first.address, 10), (VIP, second.address, 11)])
    for name in names:
        name.close()
    reached = set()
    low = [(VIP, first.address, 1), (VIP, second.address, 2)]
    wait_for("low metrics", lambda: reached.add(site.reached(VIP)) or site.routes() == low)
    assert reached == {first.name}
    for pod in first, second:
        assert pod.sidecar.find("slot.moved") and not pod.sidecar.find("vip.withdrawn")
        assert not pod.sidecar.find("vip.diverted") and not pod.sidecar.find("route.failed")
    since = time.monotonic()
    first.sidecar.stop(signal.SIGTERM)
    wait_for("the other one", lambda: site.routes() == low[1:] and site.reached(VIP) == second.name)
    assert not second.sidecar.find("slot.moved", since)


HOLDER = """
import socket, time
names = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(19)]
for metric, name in enumerate(names, 1):
    name.bind(f"\\0kago-route-{metric}")
print("ready", flush=True)
time.sleep(600)
"""


@contextmanager
def impostor(node):
    """Another user's process on the node that holds the names of all metrics."""
    with node.entered():
        holder = subprocess.Popen(["/usr/bin/python3", "-c", HOLDER], user=65534, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "ready\n"
        yield
    finally:
        holder.kill()
        holder.communicate()


def test_an_impostor_with_all_names_keeps_no_sidecar_out(site, reflector, pods):
    first, second = pods(), pods()
    with impostor(site.node):
        for pod in first, second:
            pod.serve(VIP)
            pod.start()
            pod.sidecar.wait("vip.announced")
        both = [(VIP, first.address, 1), (VIP, second.address, 2)]
        wait_for("a route each", lambda: site.routes() == both)
        for pod in first, second:
            pod.sidecar.wait_until_up()
            assert pod.sidecar.find("slot.impostor", uid=65534) and not pod.sidecar.find("slot.blind")
        wait_for("a path each", lambda: reflector.paths(VIP + "/32") == [NODE, NODE])
        # Each sees what the other one holds: a living pod's routes stay, a dead one's go.
        first.sidecar.stop(signal.SIGKILL)
        wait_for("the purge", lambda: site.routes() == both[1:])
    first.restart_controller()
    first.start()
    wait_for("a route each", lambda: site.routes() == [(VIP, first.address, 3), (VIP, second.address, 2)])
    assert site.reached(VIP) == second.name
    assert not second.sidecar.find("slot.moved") and not second.sidecar.find("route.purged", via=second.address)


@contextmanager
def added(node, kind, what):
    """A route, rule or address of the node, for a while; gives the time before."""
    since = time.monotonic()
    node.run("ip", *kind.split(), "add", *what.split())
    try:
        yield since
    finally:
        node.run("ip", *kind.split(), "del", *what.removesuffix(" nodad").split())


def test_a_route_or_rule_of_the_node_that_wins_takes_a_vip_out(site, reflector, pods):
    pod = pods(v6=True)
    for vip in VIP, VIP2, VIP6:
        pod.serve(vip)
    sidecar = pod.start()
    sidecar.wait_until_up()
    everything = [VIP + "/32", VIP2 + "/32", VIP6 + "/128"]
    wait_for("all", lambda: pod.controller.announced() == everything)
    took = []
    for prefix, kind, what in (
            (VIP + "/32", "route", f"blackhole {VIP} metric 0"),
            (VIP + "/32", "route", f"{VIP} via 10.0.0.1"),
            (VIP + "/32", "rule", f"to {VIP} pref 50 prohibit"),
            (VIP2 + "/32", "addr", f"{VIP2}/32 dev uplink"),
            (VIP6 + "/128", "addr", f"{VIP6}/128 dev uplink nodad"),
            (VIP6 + "/128", "-6 rule", f"to {VIP6} pref 50 blackhole")):
        with added(site.node, kind, what) as since:
            gone = wait_for(f"{what}", lambda: reflector.when("DELROUTE", prefix, since))  # noqa: B023
            assert sidecar.wait("vip.diverted", since=since, prefix=prefix)["wins"]
            sidecar.wait("vip.withdrawn", since=since, prefix=prefix, reason="the node sends its packets elsewhere")
            wait_for("the report", lambda: len(pod.controller.announced()) == 2)
            over = time.monotonic()
        back = wait_for(f"no {what}", lambda: reflector.when("ROUTE", prefix, over))  # noqa: B023
        sidecar.wait("vip.restored", since=over, prefix=prefix)
        took += [gone - since, back - over]
    # Most times: the machine may have been busy with something else once.
    assert sorted(took)[len(took) // 2] <= 1.5, took
    wait_for("all", lambda: pod.controller.announced() == everything)


def test_a_route_of_the_node_that_loses_or_leads_here_is_no_matter(site, reflector, pods):
    pod = pods()
    for vip in VIP, VIP2:
        pod.serve(vip)
    sidecar = pod.start()
    sidecar.wait("vip.announced", prefix=VIP2 + "/32")
    with added(site.node, "route", f"blackhole {VIP} metric 50"), \
            added(site.node, "route", "blackhole 10.1.1.0/24"), \
            added(site.node, "route", f"{VIP2} via {pod.address}"):
        # By the time that a VIP is announced the sidecar has heard of what came before.
        for vip in "10.1.1.3", "10.1.1.4":
            pod.serve(vip)
            sidecar.wait("vip.announced", prefix=vip + "/32")
    assert not sidecar.find("vip.diverted") and not sidecar.find("vip.withdrawn")


def test_what_the_node_sends_elsewhere_is_not_announced_from_the_start(site, reflector, pods):
    pod = pods()
    for vip in VIP, VIP2:
        pod.serve(vip)
    with added(site.node, "route", f"blackhole {VIP}"):
        sidecar = pod.start(bgp={"aggregates": ["10.1.1.0/24"]})
        sidecar.wait_until_up()
        assert sidecar.wait("vip.diverted", prefix=VIP + "/32")["wins"] == "a blackhole route or rule"
        # The other VIP in the aggregate does come here.
        wait_for("the aggregate", lambda: reflector.paths("10.1.1.0/24") == [NODE])
        with added(site.node, "route", f"blackhole {VIP2}"):
            wait_for("the withdrawal", lambda: not reflector.paths("10.1.1.0/24"))
        wait_for("the aggregate", lambda: reflector.paths("10.1.1.0/24") == [NODE])
        since = time.monotonic()
        sidecar.configure()
        wait_for("the VIP alone", lambda: reflector.paths(VIP2 + "/32") == [NODE])
        assert not sidecar.find("vip.announced", prefix=VIP + "/32")
    wait_for("both", lambda: reflector.when("ROUTE", VIP + "/32", since))


def test_a_pod_behind_a_veth_with_a_route_of_its_own(site, reflector, pods):
    pod = pods(bridge=False)
    pod.serve(VIP)
    pod.start()
    pod.sidecar.wait_until_up()
    wait_for("the announcement", lambda: reflector.paths(VIP + "/32") == [NODE])
    assert site.routes() == [(VIP, pod.address, 1)] and site.reached(VIP) == pod.name


def test_an_aggregate_stands_for_the_vips_in_it(site, reflector, pods):
    pod = pods()
    pod.serve(VIP)
    pod.serve(VIP2)
    sidecar = pod.start(bgp={"aggregates": ["10.1.1.0/24"]})
    pod.sidecar.wait_until_up()
    wait_for("the announcement", lambda: reflector.paths("10.1.1.0/24") == [NODE])
    assert reflector.paths(VIP + "/32") == []
    pod.weigh(VIP, 0)
    wait_for("VIP's route gone", lambda: VIP not in [r[0] for r in site.routes()])
    assert site.reached("10.1.1.77") == pod.name and reflector.paths("10.1.1.0/24") == [NODE]
    pod.weigh(VIP2, 0)
    sidecar.wait("vip.withdrawn", prefix="10.1.1.0/24", reason="no usable real server")
    wait_for("the withdrawal", lambda: reflector.paths("10.1.1.0/24") == [])


def test_changed_aggregates_are_followed_without_a_new_session(site, reflector, pods):
    pod = pods()
    pod.serve(VIP)
    sidecar = pod.start()
    sidecar.wait_until_up()
    wait_for("the VIP", lambda: reflector.paths(VIP + "/32") == [NODE])
    since = time.monotonic()
    sidecar.configure({"aggregates": ["10.1.1.0/24"]})
    sidecar.wait("config.changed", key="bgp.aggregates", effect="in use")
    wait_for("the aggregate in its place",
             lambda: reflector.paths("10.1.1.0/24") == [NODE] and not reflector.paths(VIP + "/32"))
    there, gone = (wait_for(f"{kind} {prefix}", lambda: reflector.when(kind, prefix, since))  # noqa: B023
                   for kind, prefix in (("ROUTE", "10.1.1.0/24"), ("DELROUTE", VIP + "/32")))
    assert there < gone, "for a moment there was no route"
    sidecar.wait("vip.withdrawn", prefix=VIP + "/32", reason="bgp.aggregates have changed")
    assert site.reached(VIP) == pod.name
    assert pod.controller.unused() is None
    sidecar.configure({"aggregates": ["10.1.1.0/99"]})
    assert "10.1.1.0/99" in sidecar.wait("config.refused")["error"]
    wait_for("the controller hears of it", lambda: pod.controller.unused() == {
        "refused": True, "restartPending": False, "refusedByExabgp": ""})
    sidecar.configure({"aggregates": ["10.1.1.0/24"], "bfd": {"enabled": True}})
    assert "restart" in sidecar.wait("config.changed", key="bgp.bfd.enabled")["effect"]
    wait_for("the controller hears of it", lambda: pod.controller.unused() == {
        "refused": False, "restartPending": True, "refusedByExabgp": ""})
    assert reflector.paths("10.1.1.0/24") == [NODE]
    assert not sidecar.find("bgp.down") and len(sidecar.find("exabgp.started")) == 1


def test_what_is_outside_the_wall_is_never_announced_nor_routed(site, reflector, pods):
    """Whatever IPVS holds: the node's address, the pod's, a peer's, and what is in no pool."""
    pod = pods()
    refused = [NODE, pod.address, "10.0.0.1", VIP2]
    for vip in VIP, *refused:
        pod.serve(vip)
    sidecar = pod.start(bgp={"aggregates": ["10.0.0.0/24"]}, pools=[VIP, "172.16.0.0/16"])
    sidecar.wait_until_up()
    wait_for("the announcement", lambda: pod.controller.announced() == [VIP + "/32"])
    assert site.routes() == [(VIP, pod.address, 1)] and pod.local_routes() == [VIP]
    for vip in refused:
        assert len(sidecar.find("vip.refused", prefix=vip + "/32")) == 1
    assert "pools" in sidecar.find("vip.refused", prefix=VIP2 + "/32")[0]["remedy"]
    assert sidecar.find("vip.refused", prefix="10.0.0.0/24")
    assert reflector.paths(NODE + "/32") == reflector.paths("10.0.0.0/24") == []
    # The wall follows kago.yaml.
    sidecar.configure(pools=[VIP2])
    sidecar.wait("config.changed", key="pools", effect="in use")
    wait_for("the other one", lambda: pod.controller.announced() == [VIP2 + "/32"])
    assert "pools" in sidecar.find("vip.withdrawn", prefix=VIP + "/32")[0]["reason"]
    wait_for("its path", lambda: reflector.paths(VIP2 + "/32") == [NODE] and not reflector.paths(VIP + "/32"))


def test_ipv6(site, reflector, pods):
    pod = pods(v6=True)
    pod.serve(VIP)
    pod.serve(VIP6)
    pod.start()
    pod.sidecar.wait_until_up()
    wait_for("both", lambda: reflector.paths(VIP + "/32") == [NODE]
             and reflector.paths(VIP6 + "/128") == [NODE6])
    assert site.routes(6) == [(VIP6, "fd00:172::11", 1)] and pod.local_routes(6) == [VIP6]
    assert site.reached(VIP) == site.reached(VIP6) == pod.name
    pod.ipvs(f"-D -t [{VIP6}]:80")
    wait_for("the withdrawal", lambda: reflector.paths(VIP6 + "/128") == [])
    wait_for("no route", lambda: site.routes(6) == [])


def test_an_ipv6_vip_without_an_ipv6_pod_is_left_out_and_said_once(site, reflector, pods):
    pod = pods()
    pod.serve(VIP)
    pod.serve(VIP6)
    sidecar = pod.start()
    sidecar.wait("vip.announced", prefix=VIP + "/32")
    assert len(sidecar.find("vip.skipped", vip=VIP6)) == 1
    wait_for("the report", lambda: pod.controller.announced() == [VIP + "/32"])


def test_routes_that_someone_removed_come_back(site, reflector, pods):
    pod = pods()
    pod.serve(VIP)
    sidecar = pod.start()
    sidecar.wait("vip.announced")
    site.node.ip(f"route del {VIP} proto 107")
    pod.netns.ip(f"route del local {VIP} table local")
    wait_for("both", lambda: site.routes() == [(VIP, pod.address, 1)]
             and pod.local_routes() == [VIP])
    # Who had seen by then that the node's packets went elsewhere has taken it back meanwhile, and no other reason has.
    wait_for("it to be announced", lambda: len(sidecar.find("vip.announced")) > len(sidecar.find("vip.withdrawn")))
    assert {e["reason"] for e in sidecar.find("vip.withdrawn")} <= {"the node sends its packets elsewhere"}


def test_the_controller_may_come_and_go(site, reflector, pods):
    pod = pods()
    pod.serve(VIP)
    sidecar = pod.start()
    sidecar.wait("vip.announced")
    pod.restart_controller()
    sidecar.wait("controller.lost")
    wait_for("the report", lambda: pod.controller.announced() == [VIP + "/32"])
    assert not sidecar.find("vip.withdrawn")


def test_a_session_with_a_password(site, network, pods, tmp_path):
    config, password = tmp_path / "gobgpd.yaml", tmp_path / "password"
    config.write_text(GOBGPD_MD5)
    password.write_text(PASSWORD + "\n")
    network.start(site.rr, "gobgpd", "-t", "yaml", "-f", config, "--api-hosts", "127.0.0.1:50052",
                  log=tmp_path / "gobgpd.log")
    pod = pods()
    pod.start(bgp={"peers": [{"address": "10.0.0.1", "port": 1790, "passwordFile": str(password)}]})
    pod.sidecar.wait_until_up()
    assert (pod.folder / pod.name / "exabgp.conf").stat().st_mode & 0o777 == 0o600
