# SPDX-License-Identifier: Apache-2.0
"""Tenants, BGP peers and neighbours in the pod that mean harm, all at once: another tenant notices nothing.

KAGO_HOSTILE_SECONDS says how long; CI has little time.
"""

import collections
import json
import os
import random
import time
from pathlib import Path

import pytest

from net import wait_for
from topology import AS_NUMBER, REFLECTOR, WEB_PORT, Lab
from traffic import Connection, Traffic

SECONDS = float(os.environ.get("KAGO_HOSTILE_SECONDS", "20"))
WEB, WEB_NET = "10.1.1.1", "10.1.1.0/24"
HTTP = 9440
EVIL = "10.1.1.{}"  # VIPs of the tenant that means harm
BAD_PEER = Path(__file__).resolve().parents[1] / "bad_peer.py"
BAD_PEERS = [f"10.0.0.{n}" for n in range(121, 127)]  # one of each kind of bad_peer.py
BRIEF = {"flap", "garbage", "malformed", "slam"}  # kinds whose sessions end soon
BAD_PORT = 1790
PATIENCE = 120  # s, for exabgp calls again ever more rarely
PEERS = [{"address": REFLECTOR}, *({"address": address, "port": BAD_PORT} for address in BAD_PEERS)]


@pytest.fixture(name="lab", scope="module")
def _lab():
    with Lab() as lab:
        yield lab


@pytest.fixture(name="lbs", scope="module")
def _lbs(lab):
    web = [lab.web_pod(f"web-{n}", f"node{n}", 10 + n) for n in (1, 2, 3)]
    lab.apply_service("web", WEB)
    lab.apply_endpoints("web", web)
    lbs = [lab.lb_pod(f"lb{n}", f"node{n}", http__listen=f"127.0.0.1:{HTTP}", bgp__peers=PEERS,
                      pools=[{"name": "all", "addresses": [WEB_NET]}]).start() for n in (1, 2)]
    lab.await_next_hops(WEB_NET, lbs)
    for lb in lbs:
        wait_for("readiness", lambda lb=lb: readiness(lb)[0], 60)
    return lbs


class Tenant:
    """Writes Services and EndpointSlices that no careful person would, one after the other."""

    def __init__(self, lab, lbs, seed):
        self.lab, self.random = lab, random.Random(seed)
        self.addresses = ["172.16.1.255", "172.16.2.255", "224.0.0.1", "0.0.0.0", "255.255.255.255", "127.0.0.1",
                          "010.1.1.1", "nobody", WEB, *(lb.address for lb in lbs), *(lb.node.address for lb in lbs),
                          *(f"172.16.3.{n}" for n in range(100, 140))]

    def service(self, n):
        return {"apiVersion": "v1", "kind": "Service",
                "metadata": {"name": f"evil-{n}", "namespace": "evil", "creationTimestamp": "2026-01-01T00:00:00Z",
                             "annotations": self.annotations(n)},
                "spec": {"type": "LoadBalancer", "loadBalancerClass": "kago.dev/default",
                         "loadBalancerSourceRanges": self.random.choice([None, ["10.0.0.0/8"], ["x"], ["0.0.0.0/0"]]),
                         "sessionAffinity": self.random.choice(["None", "ClientIP", "Often"]),
                         "ports": [{"name": f"p{k}", "port": port, "targetPort": WEB_PORT}
                                   for k, port in enumerate(self.ports())]}}

    def ports(self):
        return self.random.choice([[], [80], [79, 80, 81], range(80, 380)])

    def annotations(self, n):
        return {"kago.dev/vip": self.random.choice([WEB, EVIL.format(2 + n), EVIL.format(2), "172.16.1.2", "10.9.9.9"]),
                "kago.dev/scheduler": self.random.choice(["rr", "lc", "sh", "mh", "fastest"]),
                "kago.dev/health-check": self.random.choice(["none", "tcp", "http", "weird"]),
                "kago.dev/health-check-path": self.random.choice(["/", "/}\nvrrp_instance x {", "/" + "a" * 300])}

    def slice(self, n):
        return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "addressType": self.random.choice(["IPv4", "IPv4", "IPv4", "IPv6", "FQDN"]),
                "metadata": {"name": f"evil-{n}-a", "namespace": "evil",
                             "labels": {"kubernetes.io/service-name": f"evil-{n}"}},
                "ports": [{"name": f"p{k}", "port": self.random.choice([0, WEB_PORT, 70000])} for k in range(3)],
                "endpoints": [{"addresses": [a], "conditions": {"ready": self.random.random() < 0.8}}
                              for a in self.random.sample(self.addresses, 10)]}

    def strike(self):
        n = self.random.randrange(8)
        what = self.random.random()
        if what < 0.1:
            self.lab.apply(f"evil-{n}", "{" * 200 + "\n\0")
        else:
            documents = [self.service(n), self.slice(n)]
            self.lab.apply(f"evil-{n}", "---\n".join(json.dumps(d) + "\n" for d in documents))


# Another user's process in the pod; each of its sockets says a little and no more.
SLOW = """
import contextlib, socket, sys, time

while True:
    with contextlib.ExitStack() as stack:
        for _ in range(80):
            with contextlib.suppress(OSError):
                stack.enter_context(socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1)).sendall(b"GET /met")
        for _ in range(30):
            one = stack.enter_context(socket.socket(socket.AF_UNIX))
            with contextlib.suppress(OSError):
                one.connect("\\0kago-controller")
                one.sendall(b'{"type":')
        time.sleep(3)
"""


def readiness(lb):
    status = json.loads(lb.status("-o", "json"))
    return status["ready"], status.get("whyNotReady")


def await_ready(lb):
    """Who has just been told of a VIP is not ready until it is announced."""
    wait_for(f"{lb.name} to be ready", lambda: readiness(lb) == (True, None), PATIENCE)


def routes_of(lbs):
    """Of the load balancers and their nodes."""
    return [netns.run("ip", "route", "show", "table", "all").stdout
            for lb in lbs for netns in (lb.netns, lb.node.netns)]


def test_a_peer_notices_nothing_of_others_that_mean_harm(lab, lbs):
    """Nor does its session end, nor does a route of it change; and nothing comes of what the others announce."""
    hops_before = len(lab.route_changes(WEB_NET))
    routes = routes_of(lbs)
    lab.reflector.ip(*(f"address add {address}/16 dev eth0" for address in BAD_PEERS))
    peers = lab.start(lab.reflector, "/usr/bin/python3", "-SEI", BAD_PEER, AS_NUMBER, BAD_PORT, *BAD_PEERS,
                      log=lab.log("peers"))
    with Traffic(lab.client, WEB) as traffic:
        time.sleep(SECONDS)
        wait_for("all kinds", lambda: {line.split()[0] for line in peers.output().splitlines()} >= BRIEF, PATIENCE)
        wait_for("both floods", lambda: peers.output().count("flood sent all\n") >= len(lbs), PATIENCE)
    print(f"{traffic}; {collections.Counter(peers.output().splitlines())}")
    assert not traffic.failed and not traffic.repeated, str(traffic)
    assert len(lab.route_changes(WEB_NET)) == hops_before, lab.route_changes(WEB_NET)
    assert routes_of(lbs) == routes
    for lb in lbs:
        said = lb.exabgp.output()
        assert f"bgp.down peer={REFLECTOR} " not in said and said.count("event=exabgp.started") == 1, said
        await_ready(lb)


def test_a_neighbour_notices_nothing(lab, lbs):
    tenant = Tenant(lab, lbs, 20261130)
    hops_before = len(lab.route_changes(WEB_NET))
    held = [Connection(lab.client, WEB) for _ in range(20)]
    pods = [connection.get() for connection in held]
    for lb in lbs:
        lab.start(lb.netns, "setpriv", "--reuid=65534", "--clear-groups", "/usr/bin/python3", "-SEI", "-c", SLOW, HTTP,
                  log=lab.log(f"slow-{lb.name}"))
    strikes = 0
    with Traffic(lab.client, WEB) as traffic:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            tenant.strike()
            strikes += 1
            if strikes % 20 == 0:
                for lb in lbs:
                    await_ready(lb)
            time.sleep(0.05)
    print(f"{strikes} strikes; {traffic}")
    assert not traffic.failed and not traffic.repeated, str(traffic)
    assert [connection.get() for connection in held] == pods
    assert len(lab.route_changes(WEB_NET)) == hops_before, lab.route_changes(WEB_NET)
    for lb in lbs:
        assert lb.ipvs.output().count("event=keepalived.started") == 1
        assert "event=keepalived.held_back" not in lb.ipvs.output()
        await_ready(lb)
