# SPDX-License-Identifier: Apache-2.0
"""Load balancers with different histories have equal `mh` tables in their kernels."""

import json
import random
import socket
from collections import Counter

import pytest

from net import Failed, Network, program, wait_for
from image import IPVS
from test_controller import SOON, Controller, endpoints, service

SERVICES, PODS, FLOWS = 6, 80, 300
TURNS, RESTART_EVERY = 24, 6
FIRST_PORT = 20000
CLIENT, CLIENTS = "10.9.9.9", [f"10.9.9.{100 + i}" for i in range(30)]
LOOK = 10  # s; a whole look, which brings lists into order, comes so often


@pytest.fixture(name="lbs")
def _lbs(tmp_path):
    with Network() as network:
        lbs = []
        for name in ("a", "b"):
            folder = tmp_path / name
            folder.mkdir()
            lb = Controller(network, folder, name)
            lb.settings["keepalived.minReloadGap"] = "5s"  # most of the time would be its reloads
            lb.netns.ip("addr add 10.9.9.9/24 dev e0", "route add default dev e0")
            lbs.append(lb)
        yield lbs


def vip(i):
    return f"10.1.1.{1 + i}"


def pod(i):
    return f"172.16.0.{100 + i}"


NEXT = {"ready": "draining", "draining": "gone", "gone": "ready"}
WEIGHTS = {"ready": 1, "draining": 0}


class Story:
    """Pods of Services that come, drain and go, and what becomes of that in load balancers."""

    def __init__(self, rnd, lbs):
        self._rnd, self._lbs = rnd, lbs
        self._pods = [{p: rnd.choice(("ready", "ready", "gone")) for p in range(PODS)} for _ in range(SERVICES)]
        self._told = {lb: {} for lb in lbs}  # {VIP: {real server: weight}}
        self._held = {lb: {} for lb in lbs}  # what IPVS had of that
        self.changes, self.drains, self.restarts = Counter(), Counter(), Counter()

    def turn(self):
        """Half of the pods get on."""
        for pods in self._pods:
            for p in self._rnd.sample(range(PODS), PODS // 2):
                pods[p] = NEXT[pods[p]]

    def tell(self, lb, n_services):
        """Of so many; of the others it is told later, when more has become of them."""
        for i in self._rnd.sample(range(SERVICES), n_services):
            pods = {pod(p): WEIGHTS[state] for p, state in self._pods[i].items() if state in WEIGHTS}
            self._told[lb][vip(i)] = pods
            ready, draining = ([p for p in pods if pods[p] == weight] for weight in (1, 0))
            lb.put(f"s{i}", service(f"s{i}", vip(i), 53, "UDP"),
                   endpoints(f"s{i}", *ready, draining=draining, protocol="UDP"))

    def await_ipvs(self, lb):
        """Until it has what the load balancer was told; counts what changed for that."""
        told = self._told[lb]
        try:
            wait_for("the news", lambda: weights(lb) == told, SOON, 0.1)
        except Failed:
            assert weights(lb) == told, lb.log()
        for address, pods in told.items():
            held = self._held[lb].get(address, {})
            changed = [p for p in {**held, **pods} if held.get(p) != pods.get(p)]
            self.changes[lb] += len(changed)
            self.drains[lb] += sum(pods.get(p) == 0 for p in changed)
        self._held[lb] = dict(told)

    def go_on(self, restarted=None):
        """Everywhere, but not everywhere alike; one may be killed in the midst of it."""
        self.turn()
        for lb in self._rnd.sample(self._lbs, len(self._lbs)):
            self.tell(lb, self._rnd.randint(SERVICES - 2, SERVICES))
        if restarted:
            restarted.process.kill()
            self.turn()
            self.tell(restarted, SERVICES // 2)
            restarted.start()
            self.restarts[restarted] += 1
        for lb in self._lbs:
            self.await_ipvs(lb)


def lists(lb):
    """Of each Service the real servers with their weights, in the kernel's order."""
    table = json.loads(lb.netns.run(program("kago-probe"), "ipvs", "dump").stdout)
    return {s["addr"]: [(d["addr"], d["weight"]) for d in sorted(s["dests"], key=lambda d: d["position"])]
            for s in table}


def weights(lb):
    return {address: dict(reals) for address, reals in lists(lb).items()}


def in_order(reals):
    """As they would be in a service that was filled from nothing: the kernel puts each first."""
    return [addr for addr, _ in reals] == sorted((addr for addr, _ in reals), reverse=True,
                                                 key=lambda text: [int(n) for n in text.split(".")])


FLOW = """
import socket, sys
for client in sys.argv[2:]:
    for port in range({first}, {first} + {n}):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((client, port))
        s.sendto(b"x", (sys.argv[1], 53))
        s.close()
"""


def hexadecimal(address):
    return "".join(f"{int(n):02X}" for n in address.split("."))


def choices_of(lb, address, clients, n):
    """Which real server the kernel chooses for each of many new flows: {client: {source port: real server}}."""
    lb.netns.run("/usr/bin/python3", "-SEI", "-c", FLOW.format(first=FIRST_PORT, n=n), address, *clients)
    chosen = {hexadecimal(client): {} for client in clients}
    for line in lb.netns.run("cat", "/proc/net/ip_vs_conn").stdout.splitlines()[1:]:
        words = line.split()
        # Port 0 is the template of a client that stays.
        if words[0] == "UDP" and words[1] in chosen and words[3] == hexadecimal(address) and int(words[2], 16):
            chosen[words[1]][int(words[2], 16)] = words[5]
    assert {len(flows) for flows in chosen.values()} == {n}
    return {client: chosen[hexadecimal(client)] for client in clients}


def choices(lb, address):
    return choices_of(lb, address, [CLIENT], FLOWS)[CLIENT]


def computed(lb, address, client=CLIENT, n=FLOWS):
    """The same, by the table that kago makes of what the kernel holds."""
    udp = str(socket.IPPROTO_UDP)
    told = lb.netns.run(program("kago-probe"), "ipvs", "choose", udp, address, "53", client, str(FIRST_PORT), str(n))
    return dict(enumerate(map(hexadecimal, json.loads(told.stdout)), FIRST_PORT))


def test_tables_are_equal_whatever_became_of_the_real_servers(lbs):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    rnd = random.Random(seed)
    story = Story(rnd, lbs)
    for lb in lbs:
        story.tell(lb, SERVICES)
        lb.start()
        story.await_ipvs(lb)
    for turn in range(1, TURNS + 1):
        story.go_on(restarted=lbs[turn // RESTART_EVERY % 2] if turn % RESTART_EVERY == 0 else None)
    for lb in lbs:
        story.tell(lb, SERVICES)
    a, b = lbs
    wait_for("equal lists", lambda: lists(a) == lists(b) and all(in_order(r) for r in lists(a).values()),
             SOON + 2 * LOOK, 1)
    for lb in lbs:
        story.await_ipvs(lb)
        assert story.drains[lb] >= 1_500
        assert story.restarts[lb] == TURNS // RESTART_EVERY // 2
    assert story.changes.total() >= 10_000
    for address in lists(a):
        assert choices(a, address) == choices(b, address) == computed(a, address)


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
    chosen = choices(a, vip(0))
    assert chosen == choices(b, vip(0)) == computed(a, vip(0)) == computed(b, vip(0))
    told = a.netns.run(*IPVS.tool("explain", "test/s", "--client", f"{CLIENT}:{FIRST_PORT}", "-o", "json"))
    assert hexadecimal(json.loads(told.stdout)["choices"][0]["address"]) == chosen[FIRST_PORT]


@pytest.mark.parametrize("scheduler", ["mh", "sh"])
def test_a_client_with_affinity_stays_with_its_pod_at_all_load_balancers(lbs, scheduler):
    """Also after a file of keepalived's, which has flags of its own."""
    web = service("s", vip(0), 53, "UDP", scheduler=scheduler)
    web["spec"]["sessionAffinity"] = "ClientIP"
    for lb in lbs:
        lb.netns.ip(*[f"addr add {client}/24 dev e0" for client in CLIENTS])
        lb.put("s", web, endpoints("s", *[pod(i) for i in range(8)], protocol="UDP"))
        lb.start()
        lb.wait_for_log("event=kernel.applied")
        lb.wait_for_log("event=keepalived.up")
    chosen = [choices_of(lb, vip(0), CLIENTS, 4) for lb in lbs]
    homes = {client: {real for choice in chosen for real in choice[client].values()} for client in CLIENTS}
    assert all(len(reals) == 1 for reals in homes.values()), homes
    if scheduler == "mh":
        assert homes == {client: set(computed(lbs[0], vip(0), client, 1).values()) for client in CLIENTS}
    assert len({real for reals in homes.values() for real in reals}) > 4


@pytest.mark.parametrize("fixed_sysctls", [False, True], ids=["", "as in a pod of the chart"])
def test_who_is_out_of_place_is_moved_and_the_sysctl_is_as_it_was(lbs, fixed_sysctls):
    a, _ = lbs
    a.netns.run(program("kago-probe"), "ipvs", "dump")  # loads IPVS
    a.netns.run(program("kago-probe"), "sysctl", "apply")
    a.container = lambda *words: IPVS.command(*words, folders=[a.folder], fixed_sysctls=fixed_sysctls)
    a.put("s", service("s", vip(0), 53, "UDP"), endpoints("s", pod(5), protocol="UDP"))
    a.start()
    a.wait_for_log("event=kernel.applied")
    a.put("s", service("s", vip(0), 53, "UDP"), endpoints("s", pod(1), pod(5), protocol="UDP"))
    wait_for("a new real server", lambda: len(lists(a)[vip(0)]) == 2, SOON)
    wait_for("their order", lambda: in_order(lists(a)[vip(0)]), SOON)
    assert a.netns.sysctl("net.ipv4.vs.expire_nodest_conn") == "1"
    a.wait_for_log("event=kernel.reordered virtual_servers=1")
