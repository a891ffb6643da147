# SPDX-License-Identifier: Apache-2.0
"""Load balancers with different histories have equal `mh` tables in their kernels."""

import json
import random

import pytest

from net import Network, program, wait_for
from test_controller import SOON, Controller, endpoints, service

SERVICES, PODS, ROUNDS, FLOWS = 6, 40, 90, 300
FIRST_PORT = 20000
LOOK = 10  # s; a whole look, which brings lists into order, comes so often


@pytest.fixture(name="lbs")
def _lbs(tmp_path):
    with Network() as network:
        lbs = []
        for name in ("a", "b"):
            folder = tmp_path / name
            folder.mkdir()
            lb = Controller(network, folder, name)
            lb.netns.ip("addr add 10.9.9.9/24 dev e0", "route add default dev e0")
            lbs.append(lb)
        yield lbs


def vip(i):
    return f"10.1.1.{1 + i}"


def pod(i):
    return f"172.16.0.{100 + i}"


class Story:
    """Pods of Services that come, drain and go; counts what becomes of real servers."""

    def __init__(self, rnd):
        self._rnd, self.changes = rnd, 0
        self.state = [{p: rnd.choice(("ready", "ready", "gone")) for p in range(PODS)} for _ in range(SERVICES)]

    def turn(self):
        for pods in self.state:
            for p in self._rnd.sample(range(PODS), PODS // 4):
                pods[p] = {"ready": "draining", "draining": "gone", "gone": "ready"}[pods[p]]
                self.changes += 1

    def put(self, lb, i):
        pods = self.state[i]
        ready = [pod(p) for p in pods if pods[p] == "ready"]
        draining = [pod(p) for p in pods if pods[p] == "draining"]
        lb.put(f"s{i}", service(f"s{i}", vip(i), 53, "UDP"),
               endpoints(f"s{i}", *ready, draining=draining, protocol="UDP"))


def lists(lb):
    """Of each Service the real servers with their weights, in the kernel's order."""
    table = json.loads(lb.netns.run(program("kago-probe"), "ipvs", "dump").stdout)
    return {s["addr"]: [(d["addr"], d["weight"]) for d in sorted(s["dests"], key=lambda d: d["position"])]
            for s in table}


def in_order(reals):
    """As they would be in a service that was filled from nothing: the kernel puts each first."""
    return [addr for addr, _ in reals] == sorted((addr for addr, _ in reals), reverse=True,
                                                 key=lambda text: [int(n) for n in text.split(".")])


FLOW = """
import socket, sys
for port in range({first}, {first} + {n}):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("10.9.9.9", port))
    s.sendto(b"x", (sys.argv[1], 53))
    s.close()
"""


def choices(lb, address):
    """Which real server the kernel chooses for each of many new flows: by source port."""
    lb.netns.run("/usr/bin/python3", "-c", FLOW.format(first=FIRST_PORT, n=FLOWS), address)
    chosen = {}
    for line in lb.netns.run("cat", "/proc/net/ip_vs_conn").stdout.splitlines()[1:]:
        words = line.split()
        if words[0] == "UDP" and words[3] == "".join(f"{int(n):02X}" for n in address.split(".")):
            chosen[int(words[2], 16)] = words[5]
    assert len(chosen) == FLOWS
    return chosen


def test_tables_are_equal_whatever_became_of_the_real_servers(lbs):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    rnd = random.Random(seed)
    story = Story(rnd)
    for lb in lbs:
        for i in range(SERVICES):
            story.put(lb, i)
        lb.start()
        lb.wait_for_log("event=kernel.applied")
    for _ in range(ROUNDS):
        story.turn()
        for lb in rnd.sample(lbs, 2):
            for i in rnd.sample(range(SERVICES), rnd.randint(0, SERVICES)):
                story.put(lb, i)
        if rnd.random() < 0.06:
            lb = rnd.choice(lbs)
            lb.process.kill()
            lb.start()
            lb.wait_for_log("event=kernel.applied")
    for lb in lbs:
        for i in range(SERVICES):
            story.put(lb, i)
    a, b = lbs
    wait_for("equal lists", lambda: lists(a) == lists(b) and all(in_order(r) for r in lists(a).values()),
             SOON + 2 * LOOK, 1)
    assert story.changes >= 5000
    for address in lists(a):
        assert choices(a, address) == choices(b, address)


def test_a_load_balancer_that_starts_during_a_drain_has_the_table_of_the_others(lbs):
    a, b = lbs
    pods = [pod(i) for i in range(5)]
    a.put("s", service("s", vip(0), 53, "UDP"), endpoints("s", *pods, protocol="UDP"))
    a.start()
    a.wait_for_log("event=kernel.applied")
    for lb in lbs:
        lb.put("s", service("s", vip(0), 53, "UDP"),
               endpoints("s", *pods[1:], draining=pods[:1], protocol="UDP"))
    wait_for("the drain", lambda: (pods[0], 0) in lists(a)[vip(0)], SOON)
    b.start()
    b.wait_for_log("event=kernel.applied")
    assert lists(a) == lists(b)
    assert choices(a, vip(0)) == choices(b, vip(0))


def test_who_is_out_of_place_is_moved_and_the_sysctl_is_as_it_was(lbs):
    a, _ = lbs
    a.put("s", service("s", vip(0), 53, "UDP"), endpoints("s", pod(5), protocol="UDP"))
    a.start()
    a.wait_for_log("event=kernel.applied")
    a.put("s", service("s", vip(0), 53, "UDP"), endpoints("s", pod(1), pod(5), protocol="UDP"))
    wait_for("a new real server", lambda: len(lists(a)[vip(0)]) == 2, SOON)
    wait_for("their order", lambda: in_order(lists(a)[vip(0)]), SOON)
    assert a.netns.sysctl("net.ipv4.vs.expire_nodest_conn") == "1"
    a.wait_for_log("event=kernel.reordered virtual_servers=1")
