# SPDX-License-Identifier: Apache-2.0
"""`announce: l2` on a flat network: nodes, a client and VIPs of one network, and no router between them.

The API server is a small one in this process (test/kube/fake_api.py), which leaves the processor to what is timed.

    lan 10.0.0.120 ----+---- node1 10.0.0.105 -- lb1, web-1
    thief 10.0.0.121 --+---- node2 10.0.0.106 -- lb2
      API 10.0.0.1 ----+---- node3 10.0.0.107 -- lb3, web-3
"""

import base64
import collections
import contextlib
import itertools
import json
import os
import selectors
import signal
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from net import ask, run, wait_for
from plane import ADDRESS, addresses, conditions, endpoint_slice, service
from topology import KILL, TERM, WEB_PORT, Lab, Pod

from fake_api import FakeApi, make_certificates  # plane has made it known where it is

POOL = ["10.0.200.1-10.0.200.8", "fd00:10::200:1-fd00:10::200:3"]
LAN, LAN6, THIEF = "10.0.0.120", "fd00:10::120", "10.0.0.121"
PATIENCE = 120    # s, for anything that takes no longer than it takes
LEASES = "kago-system"
# Of l2.interval. Three of the product's 0.3 s are less than an emulated processor stands still now and then.
INTERVAL = float(os.environ.get("KAGO_L2_INTERVAL", "1"))
TAKE_OVER = 10 * INTERVAL  # s, until another load balancer has what a dead one had: three, and slack
STEP = 0.05                # s between two questions of a client
LOST = 5                   # s after which a question counts as lost
LATE = 0.9                 # s; what took longer lost a packet on its way, or the machine was busy


class FlatLab(Lab):
    """Nobody speaks BGP in it."""

    def _start_reflector(self):
        pass

    def _start_router(self):
        pass


class Web(Pod):
    """A pod that answers in both families."""

    def __init__(self, lab, name, node, last_octet):
        super().__init__(lab, name, node, last_octet)
        lab.serve(self.netns, name, WEB_PORT)

    def await_ready(self):
        """It listens as soon as it is there."""


class Question:
    """A connection of its own, on which one thing is asked."""

    def __init__(self, vip):
        self.vip, self.start, self.took, self.error, self.asked = vip, time.monotonic(), None, None, False
        self.sock = socket.socket(socket.AF_INET6 if ":" in vip else socket.AF_INET, socket.SOCK_STREAM)
        self.sock.setblocking(False)
        try:
            self.sock.connect((vip, 80))
        except BlockingIOError:
            pass
        except OSError as error:
            self.error, self.took = type(error).__name__, 0

    def go_on(self):
        """When it can be written to, then read from. True: it has come to its end."""
        try:
            if not self.asked:
                self.sock.sendall(b"who\n")
                self.asked = True
                return False
            if not self.sock.recv(100):
                raise ConnectionResetError("closed without an answer")
        except OSError as error:
            self.error = type(error).__name__
        self.took = time.monotonic() - self.start
        return True

    def bad(self):
        return self.error or self.took > LATE

    def __str__(self):
        return f"{self.vip}: {self.error or f'{self.took:.2f} s'}"


class Asking(threading.Thread):
    """In a `with`: asks a VIP each STEP, in turn, whatever became of the questions before, and never twice."""

    def __init__(self, netns, vips):
        super().__init__()
        self._netns, self.vips, self._turns = netns, vips, itertools.cycle(vips)
        self._end = threading.Event()
        self._open = selectors.DefaultSelector()
        self.done = []

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self.join()

    def run(self):
        with self._netns.entered():
            due = time.monotonic()
            while not self._end.is_set() or self._open.get_map():
                if time.monotonic() >= due and not self._end.is_set():
                    due = max(due + STEP, time.monotonic())
                    question = Question(next(self._turns))
                    self._open.register(question.sock, selectors.EVENT_WRITE, question)
                    if question.error:
                        self._finish(question)
                self._serve(max(due - time.monotonic(), 0.001))

    def _serve(self, patience):
        for key, _ in self._open.select(patience):
            if key.data.go_on():
                self._finish(key.data)
            else:
                self._open.modify(key.data.sock, selectors.EVENT_READ, key.data)
        now = time.monotonic()
        for question in [key.data for key in self._open.get_map().values()]:
            if now - question.start > LOST:
                question.error, question.took = "timeout", LOST
                self._finish(question)

    def _finish(self, question):
        self._open.unregister(question.sock)
        question.sock.close()
        self.done.append(question)

    def await_answers(self, n=10):
        """Until each VIP has answered so many more questions."""
        before = collections.Counter(q.vip for q in self.done if not q.error)

        def answered():
            now = collections.Counter(q.vip for q in self.done if not q.error)
            return all(now[vip] >= before[vip] + n for vip in self.vips)

        wait_for(f"{n} more answers of each VIP", answered, PATIENCE)

    def silence(self, vip, since):
        """For how long after that moment new connections to it were of no use."""
        bad = [q.start for q in self.done if q.vip == vip and q.start > since and q.bad()]
        good = [q.start for q in self.done if q.vip == vip and not q.bad() and q.start > max(bad, default=since)]
        return min(good, default=float("inf")) - since if bad else 0.0

    def assert_nothing_lost(self, moves):
        """But for what was on its way when a VIP moved: NAT knows a connection at one load balancer alone."""
        lost = [q for q in self.done if q.error]
        slow = [q for q in self.done if not q.error and q.bad()]
        print(f"{len(self.done)} questions to {len(self.vips)} VIPs, {len(lost)} failed, {len(slow)} late, slowest "
              f"{max(q.took for q in self.done):.3f} s")
        hard = [q for q in lost if q.error != "ConnectionResetError"]
        begin = self.done[0].start if self.done else 0
        assert not hard, "\n".join(f"{q.start - begin:.2f} s {q}" for q in hard)
        most = collections.Counter(q.vip for q in lost)
        assert not [vip for vip, n in most.items() if n > moves], [*map(str, lost)]


class Flat:
    """Three load balancers, and Services with VIPs of their nodes' network; every test leaves them as it found them."""

    def __init__(self, lab, **settings):
        self.lab = lab
        self.client = self.host("lan", LAN, LAN6)
        self.thief = self.host("thief", THIEF)
        self.log = lab.log("neighbours")
        lab.start(self.client, "stdbuf", "-oL", "ip", "-o", "-ts", "monitor", "neigh", log=self.log)
        self.macs = {self.mac(node.netns): name for name, node in lab.nodes.items()}
        self.api = self.start_api()
        self.web = [Web(lab, f"web-{n}", lab.nodes[f"node{n}"], 10 + n) for n in (1, 3)]
        self.lbs = {f"node{n}": lab.lb_pod_of_cluster(
            f"lb{n}", f"node{n}", self.kubeconfig(), announce="l2", kubernetes__leaseNamespace=LEASES,
            l2__interval=f"{INTERVAL * 1000:.0f}ms", pools=[{"name": "lan", "addresses": POOL}], **settings)
            for n in (1, 2, 3)}
        self.untouched = self.on_nodes()
        for lb in self.lbs.values():
            lb.start()
        self.services = {f"web-{n}": ["IPv4"] for n in range(5)} | {f"both-{n}": ["IPv4", "IPv6"] for n in range(3)}
        self.vips = [vip for name, families in self.services.items() for vip in self.create(name, families)]
        self.owners = self.await_rest()
        print(f"owners: {self.owners}")

    def host(self, name, address, address6=None):
        netns = self.lab.netns(name)
        run("ip", "-batch", "-", stdin=f"link add s{name} type veth peer name eth0 netns {name}\n"
            f"link set s{name} up master switch\n")
        netns.ip(f"address add {address}/16 dev eth0", "link set eth0 up")
        if address6:
            netns.ip(f"address add {address6}/64 dev eth0 nodad")
        return netns

    @staticmethod
    def mac(netns):
        return json.loads(netns.run("ip", "-j", "link", "show", "eth0").stdout)[0]["address"]

    def on_nodes(self):
        """All that is to be as it was once load balancers have gone: first of all the addresses of interfaces."""
        def of(netns):
            links = json.loads(netns.run("ip", "-j", "address").stdout)
            groups = json.loads(netns.run("ip", "-j", "maddress", "show", "dev", "eth0").stdout)
            ours = [netns.run("ip", family, "route", "show", "table", "all", "proto", "107").stdout
                    for family in ("-4", "-6")]
            return ({link["ifname"]: sorted(a["local"] for a in link["addr_info"]) for link in links
                     if link["ifname"] in ("lo", "eth0", "docker0")},
                    sorted(json.dumps(group, sort_keys=True) for link in groups for group in link["maddr"]),
                    ours, netns.run("ip", "rule").stdout, netns.run("nft", "list", "ruleset").stdout)

        return {name: of(node.netns) for name, node in self.lab.nodes.items()}

    def start_api(self):
        run("ip", "address", "add", f"{ADDRESS}/16", "dev", "switch")
        self.ca, *certificate = make_certificates(self.lab.folder, f"IP:{ADDRESS}")
        api = FakeApi(*certificate)
        api.address, api.heartbeat = ADDRESS, 10
        return self.lab.enter_context(api)

    def kubeconfig(self):
        path = self.lab.folder / "kubeconfig"
        ca = base64.b64encode(Path(self.ca).read_bytes()).decode()
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "kago",
            "clusters": [{"name": "kago", "cluster": {
                "server": f"https://{ADDRESS}:{self.api.port}", "certificate-authority-data": ca}}],
            "users": [{"name": "kago", "user": {"token": "secret"}}],
            "contexts": [{"name": "kago", "context": {"cluster": "kago", "user": "kago"}}]}), encoding="utf-8")
        return path

    def create(self, name, families):
        """Its addresses, once it has them."""
        made = service(name, ipFamilies=families, ipFamilyPolicy=("SingleStack", "RequireDualStack")[len(families) - 1])
        made["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
        made["spec"]["ports"][0]["protocol"] = "TCP"
        # Who cannot be reached is found at once; who is slow, as on a busy machine, is not down.
        made["metadata"]["annotations"]["kago.dev/health-check-timeout"] = "20s"
        self.api.put(made)
        for family in families:
            part = endpoint_slice(name, self.web)
            part["metadata"]["name"], part["addressType"] = f"{name}-{family.lower()}", family
            for endpoint, pod in zip(part["endpoints"], self.web):
                endpoint["addresses"] = [pod.address if family == "IPv4" else pod.address6]
            self.api.put(part)
        return wait_for(f"addresses of {name}", lambda: len(self.addresses(name)) == len(families)
                        and self.addresses(name), PATIENCE)

    def addresses(self, name):
        return addresses(self.api.get("services", "default", name))

    def announced(self, name):
        return conditions(self.api.get("services", "default", name)).get("Announced", {}).get("message", "")

    def all_owners(self):
        """{VIP: the node that answers for it, asked anew; None if nobody does}"""
        self.client.run("ip", "neigh", "flush", "dev", "eth0")
        with ThreadPoolExecutor(len(self.vips)) as pool:
            answered = dict(zip(self.vips, pool.map(self.answers, self.vips)))
        found = json.loads(self.client.run("ip", "-j", "neigh", "show", "dev", "eth0").stdout)
        macs = {one["dst"]: self.macs.get(one["lladdr"]) for one in found if "lladdr" in one}
        return {vip: macs.get(vip) if answered[vip] else None for vip in self.vips}

    def answers(self, vip):
        try:
            return ask(self.client, "tcp", vip, 80, timeout=LOST)[0] in names(self.web)
        except OSError:
            return False

    def await_rest(self):
        """Until every load balancer has some VIPs, and no VIP moves any more. Whose they are."""
        seen = []

        def rests():
            seen.append(self.all_owners())
            return (None not in seen[-1].values() and len(set(seen[-1].values())) == len(self.lbs)
                    and len(seen) > 5 and all(one == seen[-1] for one in seen[-5:]) and seen[-1])

        return wait_for("all VIPs at rest", rests, 2 * PATIENCE, INTERVAL)

    def await_owners(self, wanted=None):
        """Until each VIP is where it is when all load balancers are well."""
        wanted = wanted or self.owners
        wait_for(f"owners {wanted}", lambda: self.all_owners() == wanted, PATIENCE)

    def vips_of(self, node):
        return [vip for vip, owner in self.owners.items() if owner == node]

    def some_vips(self, node):
        """Those of the node, and of each other one."""
        return self.vips_of(node) + [self.vips_of(other)[0] for other in self.others(node)]

    def others(self, node):
        return [other for other in self.lbs if other != node]

    def moved(self, vip, since, node):
        """Seconds from that moment (of the clock) until the client knew another node for it; None: not yet."""
        for line in self.log.read_text(encoding="ascii").splitlines():
            stamp, _, words = line.partition("] ")
            words = words.split()
            if vip not in words[:1] or "lladdr" not in words:
                continue
            after = datetime.fromisoformat(stamp.lstrip("[")).timestamp() - since
            if after > 0 and self.macs.get(words[words.index("lladdr") + 1], node) != node:
                return after
        return None

    def await_moved(self, node, since):
        """{VIP of the node: seconds}"""
        vips = self.vips_of(node)
        wait_for(f"{vips} to leave {node}", lambda: all(self.moved(vip, since, node) for vip in vips), 30, 0.1)
        return {vip: self.moved(vip, since, node) for vip in vips}

    def logs_of(self, node):
        return self.lbs[node].exabgp.output()


@pytest.fixture(name="flat", scope="module")
def _flat():
    with FlatLab(ipv6=True) as lab:
        try:
            yield Flat(lab)
        finally:
            for number in (1, 2, 3):
                log = lab.log(f"lb{number}.exabgp")
                if log.exists():
                    print(f"--- lb{number}/exabgp\n{log.read_text(encoding='utf-8', errors='replace')[-20000:]}")


def names(pods):
    return {pod.name for pod in pods}


def test_a_client_of_the_network_reaches_all_vips_which_are_at_all_load_balancers(flat):
    assert len(flat.vips) == 11 and len([vip for vip in flat.vips if ":" in vip]) == 3
    assert set(flat.owners.values()) == set(flat.lbs)
    for vip in flat.vips:
        assert {ask(flat.client, "tcp", vip, 80)[0] for _ in range(20)} <= names(flat.web)


def test_what_a_service_says_is_who_answers(flat):
    for name in flat.services:
        wanted = {f"{flat.lbs[flat.owners[vip]].name} (eth0)" for vip in flat.addresses(name)}
        message = f"announced by {', '.join(sorted(wanted))} on layer 2"
        wait_for(f"{name}: {message}", lambda: flat.announced(name) == message, PATIENCE)  # noqa: B023


def test_nothing_is_added_to_interfaces_of_nodes(flat):
    for name, now in flat.on_nodes().items():
        assert now[0] == flat.untouched[name][0]


def test_nodes_reach_all_vips_those_of_others_too(flat):
    for node in flat.lab.nodes.values():
        for vip in flat.vips:
            assert ask(node.netns, "tcp", vip, 80)[0] in names(flat.web)


def test_a_load_balancer_that_is_stopped_and_one_that_comes_lose_no_request(flat):
    node = "node1"
    lb = flat.lbs[node]
    with Asking(flat.client, flat.some_vips(node)) as asking:
        asking.await_answers()
        since = time.time()
        lb.signal(TERM)
        took = flat.await_moved(node, since)
        assert lb.wait(60) == [0, 0]
        asking.await_answers()
        print(f"stopped: {took}")
        before = flat.logs_of(node).count("event=vrrp.shares")
        lb.start()
        wait_for("its VIPs", lambda: flat.logs_of(node).count("event=vrrp.shares") > before, 60)
        asking.await_answers(30)
    asking.assert_nothing_lost(moves=2)
    flat.await_owners()


def cut_off(flat, node):
    run("ip", "link", "set", f"s{node}", "down")


def reconnect(flat, node):
    run("ip", "link", "set", f"s{node}", "up")


def die(flat, node):
    """All processes of the pod at once, and its network with them."""
    flat.lbs[node].signal(KILL)
    flat.lab.nodes[node].netns.ip(f"link set v{flat.lbs[node].name} down")


def live_again(flat, node):
    lb = flat.lbs[node]
    lb.wait(30)
    lb.node.netns.ip(f"link set v{lb.name} up")
    lb.start()


@contextlib.contextmanager
def api_there(_):
    yield


@contextlib.contextmanager
def api_away(flat):
    flat.api.down()
    try:
        yield
    finally:
        flat.api.up()


@pytest.mark.parametrize("happens, ends, api", [
    (die, live_again, api_there), (cut_off, reconnect, api_there), (cut_off, reconnect, api_away)])
def test_what_is_dead_is_replaced_within_seconds(flat, happens, ends, api):
    """Both families. How long each VIP was silent."""
    node = "node2"
    vips = flat.vips_of(node)
    assert vips
    with api(flat), Asking(flat.client, flat.some_vips(node)) as asking:
        asking.await_answers()
        since = time.monotonic()
        happens(flat, node)
        asking.await_answers()
    took = {vip: asking.silence(vip, since) for vip in vips}
    ends(flat, node)
    print(f"{happens.__name__}, {api.__name__}: " + ", ".join(f"{vip} {one:.2f} s" for vip, one in took.items()))
    assert max(took.values()) < TAKE_OVER, took
    assert not [q for q in asking.done if q.vip not in vips and q.error], [*map(str, asking.done)]
    flat.await_owners()


def signal_all(lb, number):
    """To all processes of the two containers."""
    for container in lb.containers():
        for pids in container.pids().values():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)


def freeze(lb):
    signal_all(lb, signal.SIGSTOP)


def thaw(lb):
    signal_all(lb, signal.SIGCONT)


def kill(lb):
    lb.signal(KILL)


def restart(lb):
    lb.wait(30)
    lb.start()


@pytest.mark.parametrize("happens, ends", [(freeze, thaw), (kill, restart)])
def test_who_says_nothing_any_more_is_replaced_and_its_kernel_forwards_until_then(flat, happens, ends):
    node = "node3"
    lb = flat.lbs[node]
    with Asking(flat.client, flat.some_vips(node)) as asking:
        asking.await_answers()
        since = time.time()
        happens(lb)
        took = flat.await_moved(node, since)
        asking.await_answers()
        ends(lb)
        asking.await_answers(20)
    print(f"{happens.__name__}: " + ", ".join(f"{vip} {after:.2f} s" for vip, after in took.items()))
    assert max(took.values()) < TAKE_OVER, took
    asking.assert_nothing_lost(moves=3)
    flat.await_owners()


def test_who_cannot_reach_pods_leaves_its_vips_to_who_can(flat):
    node = "node1"
    lb = flat.lbs[node]
    walls = [f"unreachable {address}" for pod in flat.web for address in (pod.address, pod.address6)]
    since = time.time()
    lb.netns.ip(*(f"route add {wall}" for wall in walls))
    took = flat.await_moved(node, since)
    print(f"unable: {took}")
    wait_for("answers of others", lambda: not {node, None} & set(flat.all_owners().values()), PATIENCE)
    lb.netns.ip(*(f"route del {wall}" for wall in walls))
    flat.await_owners()


def gratuitous(mac, vip):
    """An ARP request of all for one's own address (RFC 5227), as a frame."""
    address, everybody = socket.inet_aton(vip), b"\xff" * 6
    return (everybody + mac + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1) + mac + address + bytes(6) + address)


def test_somebody_else_with_a_vip_is_told_of(flat):
    vip = next(vip for vip in flat.vips if ":" not in vip)
    owner = flat.owners[vip]
    mac = flat.mac(flat.thief)
    before = {node: flat.logs_of(node).count("event=l2.conflict") for node in flat.lbs}
    with flat.thief.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind(("eth0", 0))

        def told():
            raw.send(gratuitous(bytes.fromhex(mac.replace(":", "")), vip))
            lines = [line for line in flat.logs_of(owner).splitlines() if "event=l2.conflict" in line]
            return lines[before[owner]:]

        line, = wait_for("l2.conflict", told, 30, 0.5)
    print(line)
    assert vip in line and mac in line
    assert {n: flat.logs_of(n).count("event=l2.conflict") for n in flat.others(owner)} == {
        n: before[n] for n in flat.others(owner)}
    flat.await_owners()


PARTITION = """
table ip partition {
    chain forward {
        type filter hook forward priority filter
        ip protocol vrrp drop
    }
}
"""


def test_a_partition_between_load_balancers_costs_no_vip(flat):
    """Both sides answer then, and both can serve."""
    node = "node1"
    netns = flat.lab.nodes[node].netns
    with Asking(flat.client, flat.some_vips(node)) as asking:
        asking.await_answers()
        before = flat.logs_of(node).count("event=vrrp.shares")
        netns.run("nft", "-f", "-", stdin=PARTITION)
        wait_for("all shares at both", lambda: flat.logs_of(node).count("event=vrrp.shares") > before, 30)
        asking.await_answers(20)
        netns.run("nft", "delete", "table", "ip", "partition")
        asking.await_answers(20)
    assert not [q for q in asking.done if q.error not in (None, "ConnectionResetError")], [*map(str, asking.done)]
    flat.await_owners()


def test_at_the_end_nothing_is_left(flat):
    for lb in flat.lbs.values():
        lb.signal(TERM)
    for lb in flat.lbs.values():
        assert lb.wait(60) == [0, 0]
        lb.sockets.process.stop()
    assert flat.on_nodes() == flat.untouched
    with pytest.raises(OSError):
        ask(flat.client, "tcp", flat.vips[0], 80, timeout=1)
    assert not any(flat.all_owners().values())
