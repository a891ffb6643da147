# SPDX-License-Identifier: Apache-2.0
"""Load balancers with a router as their BGP peer, for scripts/lib/bench_announce.py.

The network is the lab's, without a reflector: BIRD at the router has the configuration docs/routers/bird-bfd.conf.
"""

import contextlib
import json
import os
import random
import signal
import socket
import struct
import subprocess
import threading
import time
from datetime import datetime

from net import ROOT, Failed, program, run, wait_for
from topology import AS_NUMBER, REFLECTOR, WEB_PORT, Lab, LbPod, Pod, kago_config

PEER, PEER_AS = REFLECTOR, 65001  # the router's second address: nodes masquerade what goes to the first
PATIENCE = 120  # s, for anything that is to happen in the end
SETTLE = 0.5  # s that nothing happens before an event
N_POD_ADDRESSES = 200  # that are used in turn: nobody has an old pod's MAC address
SO_TIMESTAMPNS = 35
ETH_P_IP = 0x0800


class Routes(threading.Thread):
    """When the kernel's routes of a namespace came and went, by rtnetlink's events."""

    def __init__(self, lab, netns):
        super().__init__(daemon=True)
        self._news = threading.Condition()
        self._changes = {}  # prefix: [(seconds since 1970, whether it is there)]
        with netns.entered():
            self._monitor = subprocess.Popen(["stdbuf", "-oL", "ip", "-o", "-ts", "monitor", "route"],
                                             stdout=subprocess.PIPE, text=True)
        lab.callback(self._monitor.kill)
        self.start()

    def run(self):
        for line in self._monitor.stdout:
            stamp, _, words = line.partition("] ")
            words = words.split()
            there = words[0] != "Deleted"
            when = datetime.fromisoformat(stamp.lstrip("[")).timestamp()
            with self._news:
                self._changes.setdefault(words[0 if there else 1], []).append((when, there))
                self._news.notify_all()

    def is_there(self, prefix):
        return self._changes.get(prefix, [(0, False)])[-1][1]

    def next(self, prefix, since, there):
        """Seconds after that moment when it came, or went."""
        def first():
            return next((when for when, now in self._changes.get(prefix, []) if when >= since and now == there), None)

        with self._news:
            if not self._news.wait_for(first, PATIENCE):
                raise Failed(f"{prefix}: no change within {PATIENCE} s")
            return first() - since

    def await_there(self, prefix):
        with self._news:
            if not self._news.wait_for(lambda: self.is_there(prefix), PATIENCE):
                raise Failed(f"no route to {prefix} within {PATIENCE} s")


class Wire:
    """When peers say that a route goes, or end a connection, by the kernel's stamps of packets."""

    def __init__(self, lab, netns):
        self._socket = netns.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
        lab.callback(self._socket.close)  # else it keeps the namespace
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind(("eth0", 0))
        self._socket.setblocking(False)

    def packets(self):
        """Those since the last time: (seconds since 1970, bytes)."""
        with contextlib.suppress(BlockingIOError):
            while True:
                packet, more, _, _ = self._socket.recvmsg(2048, 64)
                seconds, nanoseconds = struct.unpack("qq", more[0][2])
                yield seconds + nanoseconds / 1e9, packet

    def first_word(self, source, since):
        """Seconds after that moment; None: there was nothing."""
        found = [when for when, packet in self.packets() if when >= since and says_that_it_ends(packet, source)]
        return found[0] - since if found else None


def says_that_it_ends(packet, source):
    """An UPDATE or a NOTIFICATION of BGP (RFC 4271, 4.1), or the end of its connection."""
    tcp = packet[(packet[0] & 15) * 4:]
    if packet[9] != socket.IPPROTO_TCP or packet[12:16] != socket.inet_aton(source) or len(tcp) < 20:
        return False
    if 179 not in struct.unpack("!HH", tcp[:4]):
        return False
    message = tcp[(tcp[12] >> 4) * 4:]
    return bool(tcp[13] & 5) or message[18:19] in (b"\2", b"\3")


class RouterLab(Lab):
    """The lab with BIRD as the load balancers' peer."""

    def _start_reflector(self):
        self.reflector.ip("link set eth0 down")

    def _start_router(self):
        self.router.ip(f"address add {PEER}/16 dev eth0",
                       *(f"route add {node.pods}.0/24 via {node.address}" for node in self.nodes.values()))
        text = (ROOT / "docs/routers/bird-bfd.conf").read_text(encoding="utf-8").replace("10.0.0.1 ", f"{PEER} ")
        path = self.folder / "bird.conf"
        path.write_text(text.replace("10.0.0.1;", f"{PEER};"), encoding="utf-8")
        self._bird = self.folder / "bird.ctl"
        self.start(self.router, "bird", "-f", "-c", path, "-s", self._bird, log=self.log("router"))
        self.changes = Routes(self, self.router)
        self.wire = Wire(self, self.router)

    def bfd_is_up(self, pod):
        rows = map(str.split, run("birdc", "-s", self._bird, "show", "bfd", "sessions").stdout.splitlines())
        return any(row[0] == pod.address and row[2] == "Up" for row in rows if len(row) == 6)


class WholePod:
    """Both containers, with a Service of a fleet of its own."""

    def __init__(self, lab, name, node, number, **bgp):
        self.lab, self.name, self.node, self.vip = lab, name, lab.nodes[node], f"10.1.1.{number}"
        self._n, self._bgp, self.pod = 0, bgp, None
        self.config = kago_config(name, node__drain="1s", **self.settings())
        self.publish()

    def settings(self):
        found = {"bgp__peers": [{"address": PEER, "as": PEER_AS}], "bgp__as": AS_NUMBER}
        return {**found, **{f"bgp__{key}": value for key, value in self._bgp.items()}}

    def publish(self):
        """A Service with an endpoint that nobody asks."""
        meta = {"name": self.name, "namespace": "default"}
        notes = {"kago.dev/vip": self.vip, "kago.dev/health-check": "none"}
        self.lab.apply(self.name, json.dumps({"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "v1", "kind": "Service", "metadata": {**meta, "annotations": notes},
             "spec": {"type": "LoadBalancer", "loadBalancerClass": f"kago.dev/{self.name}", "ports": [{"port": 80}]}},
            {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
             "endpoints": [{"addresses": [f"{self.node.pods}.250"], "conditions": {"ready": True}}],
             "metadata": {**meta, "labels": {"kubernetes.io/service-name": self.name}},
             "ports": [{"port": WEB_PORT}]}]}))

    def make(self):
        """A pod that was never there."""
        self._n += 1
        return LbPod(self.lab, f"{self.name}-{self._n}", self.node, 2 + self._n % N_POD_ADDRESSES, self.config,
                     self.lab.manifests)

    def begin(self):
        """The moment at which its containers are started."""
        self.pod = self.make()
        # It comes before these, and is long there in a cluster: an init container of the pod.
        self.pod.sockets.start()
        moment = time.time()
        self.pod.start()
        return moment

    def processes(self):
        return list(map(int, run("ip", "netns", "pids", self.pod.netns.name).stdout.split()))

    def exabgp(self):
        return [pid for pid in self.processes() if is_exabgp(pid)]

    def stop(self):
        """As the kubelet does; the moment."""
        pids = [container.first_pid() for container in self.pod.containers()]
        return signal_all(pids, signal.SIGTERM)

    def kill(self):
        return signal_all(self.processes(), signal.SIGKILL)

    def end(self):
        """It is gone, or about to be."""
        self.pod.wait(PATIENCE)
        run("ip", "netns", "delete", self.pod.netns.name)
        self.pod = None


class BarePod(WholePod):
    """The part that speaks BGP, for a kernel without IPVS: kago-speaker, which is told what to announce."""

    def publish(self):
        self._folder = self.lab.folder / self.name
        self._folder.mkdir()
        self._config = self._folder / "kago.yaml"
        self.config["bgp"].update(stateDir=str(self._folder), template=str(ROOT / "templates/exabgp.conf.mustache"))
        del self.config["node"]
        self._config.write_text(json.dumps(self.config), encoding="ascii")

    def make(self):
        self._n += 1
        return Pod(self.lab, f"{self.name}-{self._n}", self.node, 2 + self._n % N_POD_ADDRESSES)

    def begin(self):
        self.pod = self.make()
        with self.pod.netns.entered(), open(self.lab.log(self.name), "ab") as log:
            moment = time.time()
            self._process = subprocess.Popen(
                [program("kago-speaker"), "run", self._config, self.pod.address, self.node.address],
                stdin=subprocess.PIPE, stdout=log, stderr=log, text=True)
        self.lab.callback(self._process.kill)
        self._say()
        return moment

    def _say(self, **more):
        self._process.stdin.write(json.dumps({"prefix": f"{self.vip}/32", **more}) + "\n")
        self._process.stdin.flush()

    def stop(self):
        """The sidecar withdraws, and ends after the time to drain."""
        moment = time.time()
        self._say(gone=True)
        return moment

    def end(self):
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait(PATIENCE)
        run("ip", "netns", "delete", self.pod.netns.name)
        self.pod = None


def is_exabgp(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
    except FileNotFoundError:
        return False
    return b"python" in words[0] and any(word.endswith(b"/exabgp") for word in words[1:])


def signal_all(pids, number):
    """The moment before the first of them had it."""
    moment = time.time()
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    return moment


class Runs:
    """What was measured: {event: [(seconds until the route changed, until the wire said so or None)]}"""

    def __init__(self, lab, found, rounds, until):
        self.lab, self.found, self.rounds, self.until = lab, found, rounds, until

    def wants(self, event):
        return (event in self.found and len(self.found[event]) < self.rounds and time.monotonic() < self.until)

    def note(self, event, *times):
        self.found[event].append(times)

    def lost(self, event, subject, hit):
        """Something happens to a load balancer with a route: until that has gone."""
        time.sleep(SETTLE)
        address = subject.pod.address
        list(self.lab.wire.packets())
        moment = hit()
        took = self.lab.changes.next(subject.vip, moment, False)
        self.note(event, took, self.lab.wire.first_word(address, moment))

    def came(self, subject):
        """A new pod, until it has its route."""
        moment = subject.begin()
        took = self.lab.changes.next(subject.vip, moment, True)
        if self.wants("start"):
            self.note("start", took, None)

    def lives(self, subject):
        """Pods that come, and go in one of the ways, in turn."""
        while any(map(self.wants, ("start", "sigterm", "kill-exabgp", "kill-pod"))):
            for event, hit in ("sigterm", subject.stop), ("kill-pod", subject.kill):
                if not self.wants(event) and not self.wants("start"):
                    continue
                self.came(subject)
                if self.wants("kill-exabgp"):
                    self.lost("kill-exabgp", subject, lambda: signal_all(subject.exabgp(), signal.SIGKILL))
                    self.lab.changes.await_there(subject.vip)
                if event in self.found:
                    self.lost(event, subject, hit)
                else:
                    hit()
                subject.end()

    def silent(self, event, subject, hold):
        """A pod of which all processes stand still, and go on."""
        chance = random.Random(event)
        bfd = event.endswith("bfd")
        subject.begin()
        self.lab.changes.await_there(subject.vip)
        while self.wants(event):
            if bfd:
                wait_for("BFD", lambda: self.lab.bfd_is_up(subject.pod), PATIENCE, 0.2)
            time.sleep(SETTLE + chance.uniform(0, 1 if bfd else hold / 3))
            pids = subject.processes()
            moment = signal_all(pids, signal.SIGSTOP)
            try:
                self.note(event, self.lab.changes.next(subject.vip, moment, False), None)
            finally:
                signal_all(pids, signal.SIGCONT)
            self.lab.changes.await_there(subject.vip)
        subject.kill()
        subject.end()


SILENT = {  # event: (node, seconds of the hold time, settings)
    "silence-bfd": ("node1", 9, {"bfd": {"enabled": True}}),
    "silence-3s": ("node2", 3, {"holdTime": "3s"}),
    "silence-9s": ("node3", 9, {}),
}
LIVES = ("start", "sigterm", "kill-exabgp", "kill-pod")


@contextlib.contextmanager
def router_lab():
    """Until all of it has gone: the kernel takes its time for namespaces."""
    with RouterLab() as lab:
        yield lab
    wait_for("the network to be gone", lambda: not os.path.exists("/sys/class/net/srouter"), PATIENCE)


def measure_lives(make, found, rounds, until):
    with router_lab() as lab:
        Runs(lab, found, rounds, until).lives(make(lab, "lb", "node1", 1))


def measure_silence(make, found, rounds, until):
    """At the same time: they wait for most of theirs."""
    with router_lab() as lab:
        runs = Runs(lab, found, rounds, until)
        threads = []
        for number, (event, (node, hold, bgp)) in enumerate(SILENT.items(), 1):
            if event in found:
                subject = make(lab, event, node, number, **bgp)
                threads.append(threading.Thread(target=runs.silent, args=(event, subject, hold)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
