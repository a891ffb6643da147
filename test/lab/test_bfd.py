# SPDX-License-Identifier: Apache-2.0
"""BFD beside BGP: the real BIRD of a load balancer, and routers that notice by it that the load balancer is dead.

The network is that of test_routers.py, and so are the configurations, docs/routers/*-bfd.conf. The kernel's
routes of the router are what counts; how long each took is printed. KAGO_BFD_ROUNDS is how often.
"""

import json
import os
import re
import signal
import time
import urllib.request
from datetime import datetime

import pytest

from net import ROOT, Failed, program, run, wait_for
from test_routers import SLOW, VIP, Bird, Frr, Speaker, recipe, site  # noqa: F401

ROUNDS = int(os.environ.get("KAGO_BFD_ROUNDS", "5"))
DETECTION = 0.9  # seconds: 3 * 300 ms
NOISE = 1.1  # of a busy machine, most times
HOLD = 9.0
BACK_WITHIN = 9.0  # exabgp connects at once; BIRD lets it wait for a second


class Router:
    """A router with one of the recipes, and when its kernel's route to the VIP came and went."""

    def __init__(self, site, name, change=lambda config: config):
        self.netns = site.beside("router", "10.0.0.1")
        self.monitor = site.network.start(self.netns, "stdbuf", "-oL", "ip", "-o", "-ts", "monitor", "route",
                                          log=site.folder / "routes")
        if name.startswith("frr"):
            self.frr = Frr(site, self.netns, change(recipe(name)), daemons=("zebra", "bfdd", "bgpd"))
        else:
            self.bird = Bird(site, self.netns, change(recipe(name)))

    def route(self):
        return run("ip", "-n", self.netns.name, "route", "show", VIP).stdout

    def peers(self):
        """How its BFD sessions are, by the load balancer's address."""
        if hasattr(self, "frr"):
            found = self.frr.ask("show bfd peers json", daemon="bfdd")
            return {one["peer"]: one["status"].lower() for one in found}
        rows = self.bird.ask("show", "bfd", "sessions").splitlines()
        return {row[0]: row[2].lower() for row in map(str.split, rows) if len(row) == 6}

    def is_up(self, pod="172.16.1.11"):
        return self.route() and self.peers().get(pod) == "up"

    def changes(self):
        """[(seconds since 1970, whether the route is there)], the oldest first."""
        found = []
        for line in self.monitor.output().splitlines():
            stamp, _, what = line.partition("] ")
            if f" {VIP.removesuffix('/32')} " in f" {what}":
                found.append((datetime.fromisoformat(stamp.lstrip("[")).timestamp(), "Deleted" not in what))
        return found

    def gone_after(self, moment, timeout=2 * HOLD):
        """Seconds from then until the kernel had no route."""
        def first():
            return next((when for when, there in self.changes() if when >= moment and not there), None)

        return wait_for("the route is gone", first, timeout, interval=0.05) - moment

    def away(self, moment):
        """How many seconds since then the kernel had no route."""
        changes = [change for change in self.changes() if change[0] >= moment]
        return sum(after - when for (when, there), (after, _) in zip(changes, changes[1:]) if not there)


@pytest.fixture(params=["frr-bfd.conf", "bird-bfd.conf"])
def router(site, request):  # noqa: F811
    return Router(site, request.param)


def processes(netns):
    return list(map(int, run("ip", "netns", "pids", netns.name).stdout.split()))


def bird_of(netns):
    """The process of the load balancer's BIRD."""
    return next((pid for pid in processes(netns) if name_of(pid) == "bird"), None)


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


def signal_all(netns, number):
    for pid in processes(netns):
        os.kill(pid, number)


def say(what, seconds):
    print(f"BFD: {what}: " + ", ".join(f"{one:.3f}" for one in seconds) + " s")


def assert_by_bfd(took):
    """And never by the hold time, which ends after two thirds of it at the earliest."""
    assert sorted(took)[len(took) // 2] < DETECTION + NOISE
    assert max(took) < HOLD / 2


def calm(config):
    """The same with more patience: a machine that stalls for two seconds ends no session."""
    for now, then in ("multiplier: 3", "multiplier: 10"), ("detect-multiplier 3", "detect-multiplier 10"):
        config = config.replace(now, then)
    return config


def speaking(site, router, config=None):  # noqa: F811
    """A load balancer that announces the VIP, with BFD up."""
    speaker = site.speaker(1, config or recipe("kago-bfd.yaml"))
    speaker.say(VIP)
    if not config:
        wait_for("the route, and BFD", router.is_up, SLOW)
    return speaker


def test_a_frozen_load_balancer_loses_its_routes_within_a_second(site, router):  # noqa: F811
    """As when its node has died, which says nothing either."""
    speaking(site, router)
    pod, took = site.pods[1], []
    for _ in range(ROUNDS):
        moment = time.time()
        signal_all(pod, signal.SIGSTOP)
        try:
            took.append(router.gone_after(moment))
        finally:
            signal_all(pod, signal.SIGCONT)
        wait_for("the route and BFD again", router.is_up, SLOW)
    say("frozen, until the route is gone", took)
    assert_by_bfd(took)


def test_without_bfd_it_takes_the_hold_time(site):  # noqa: F811
    """What the others are worth; and a peer may be left out."""
    router = Router(site, "frr-bfd.conf")  # noqa: F811
    config = recipe("kago-bfd.yaml").replace("as: 65001}", "as: 65001, bfd: false}")
    speaking(site, router, config)
    wait_for("the route", router.route, SLOW)
    assert bird_of(site.pods[1]) is None
    moment = time.time()
    signal_all(site.pods[1], signal.SIGSTOP)
    try:
        took = router.gone_after(moment)
    finally:
        signal_all(site.pods[1], signal.SIGCONT)
    say("frozen without BFD", [took])
    assert HOLD / 2 < took


def test_a_link_that_is_cut_in_silence(site, router):  # noqa: F811
    """No side sees its carrier go."""
    speaking(site, router)
    took = []
    for _ in range(ROUNDS):
        moment = time.time()
        site.lan.ip("link set n101 nomaster")
        took.append(router.gone_after(moment))
        site.lan.ip("link set n101 master lan")
        wait_for("the route and BFD again", router.is_up, SLOW)
    say("link cut, until the route is gone", took)
    assert_by_bfd(took)


def by_address(config):
    """FRR's neighbor by its own address, and not one of a range."""
    return config.replace(" bgp listen range 172.16.0.0/16 peer-group kago", " neighbor 172.16.1.11 peer-group kago")


def end_bird(site, router, number, event):  # noqa: F811
    """Until the log says that it was started again, and BGP is back."""
    speaker = speaking(site, router)
    wait_for("BFD is up here, too", lambda: speaker.count("bfd.up") >= 1, SLOW)
    before, moment = bird_of(site.pods[1]), time.time()
    os.kill(before, number)
    wait_for("the log says so", lambda: speaker.count(event) == 1 and speaker.count("bird.started") == 2, SLOW)
    wait_for("BGP is back", lambda: speaker.count("bgp.up") >= 2 and router.route(), SLOW)
    say(f"BIRD got {signal.Signals(number).name}, without a route in all", [router.away(moment)])
    assert router.away(moment) < BACK_WITHIN
    assert bird_of(site.pods[1]) not in (before, None)
    # The router has ended BGP's session; nobody here has done anything to it.
    assert speaker.count("bgp.down") >= 1
    assert speaker.count("exabgp.ended") == speaker.count("exabgp.killed") == 0
    return speaker


each_end = pytest.mark.parametrize("number, event", [(signal.SIGKILL, "bird.ended"), (signal.SIGSTOP, "bird.killed")])


@each_end
@pytest.mark.parametrize("name, change", [("frr-bfd.conf", by_address), ("bird-bfd.conf", str)])
def test_a_bird_that_dies_or_hangs_comes_back(site, name, change, number, event):  # noqa: F811
    router = Router(site, name, change)  # noqa: F811
    speaker = end_bird(site, router, number, event)
    wait_for("BFD is up here again", lambda: speaker.count("bfd.up") >= 2, SLOW)
    wait_for("the route, and BFD there", router.is_up, SLOW)


def is_up_again(router):
    """As it is, or with a new session."""
    try:
        return wait_for("the route and BFD", router.is_up, 10 * DETECTION)
    except Failed:
        router.netns.run("vtysh", "--vty_socket", router.frr.folder, "-d", "bgpd", "-c", "clear bgp 172.16.1.11")
        return False


@each_end
def test_a_dynamic_neighbor_of_frr_has_bfd_again_with_its_next_session(site, number, event):  # noqa: F811
    """At the latest: FRR 8.4 forgets BFD when the session is back too soon, as docs/routers.md says."""
    router = Router(site, "frr-bfd.conf")  # noqa: F811
    end_bird(site, router, number, event)
    wait_for("the route and BFD with one of the next sessions", lambda: is_up_again(router), 2 * SLOW)


def test_a_bird_that_cannot_start_harms_no_bgp(site):  # noqa: F811
    router = Router(site, "frr-bfd.conf")  # noqa: F811
    config = recipe("kago-bfd.yaml").replace("{enabled: true,", "{enabled: true, program: /bin/false,")
    speaker = speaking(site, router, config)
    wait_for("the route", router.route, SLOW)
    wait_for("some starts", lambda: speaker.count("bird.ended") >= 3, SLOW)
    assert [there for _, there in router.changes()] == [True] and speaker.count("bgp.down") == 0


NEIGHBORS = """
bgp:
  as: 65021
  peers:
  - {address: 10.0.0.1, as: 65001, ttl: 1}
  - {address: "fd00::1", as: 65001, ttl: 1, localAddress: "fd00::50"}
  bfd: {enabled: true}
"""
NEIGHBOR_ROUTER = """
router bgp 65001
 bgp router-id 10.0.0.1
 no bgp ebgp-requires-policy
 neighbor 10.0.0.50 remote-as 65021
 neighbor 10.0.0.50 bfd
 neighbor fd00::50 remote-as 65021
 neighbor fd00::50 bfd
"""


def test_a_router_without_a_hop_between(site):  # noqa: F811
    """The other kind of session, with a TTL that the router checks; and over IPv6."""
    router = Router(site, "frr-bfd.conf", lambda config: NEIGHBOR_ROUTER)  # noqa: F811
    host = site.network.netns("bgp-host")
    site.join(host, "10.0.0.50")
    host.ip("addr add fd00::50/64 dev eth1 nodad")
    router.netns.ip("addr add fd00::1/64 dev eth1 nodad")
    speaker = Speaker(host, site.folder / "speaker", NEIGHBORS, "10.0.0.50", "10.0.0.50")
    site.network.callback(speaker.stop)
    speaker.say(VIP)
    wait_for("BFD in both families", lambda: router.peers() == {"10.0.0.50": "up", "fd00::50": "up"}, SLOW)
    ports = host.run("ss", "-Hulnp").stdout
    assert set(re.findall(r":(\d+) .*bird", ports)) >= {"3784"} and ":4784 " not in ports


def test_peers_change_and_the_other_sessions_go_on(site):  # noqa: F811
    router = Router(site, "frr-bfd.conf", lambda config: calm(by_address(config)))  # noqa: F811
    config, pod = calm(recipe("kago-bfd.yaml")), site.pods[1]
    speaker = speaking(site, router, config)
    wait_for("the route, and BFD", router.is_up, SLOW)
    bird = bird_of(pod)
    speaker.configure(config.replace("  bfd:", "  - {address: 10.0.0.2, as: 65001}\n  bfd:"))
    wait_for("BIRD is told", lambda: speaker.count("bird.followed") == 1)
    second = Frr(site, site.beside("second", "10.0.0.2"), calm(recipe("frr-bfd.conf")).replace("10.0.0.1", "10.0.0.2"),
                 daemons=("zebra", "bfdd", "bgpd"))
    wait_for("BFD with both", lambda: speaker.count("bfd.up") == 2, SLOW)
    assert [one["status"] for one in second.ask("show bfd peers json", daemon="bfdd")] == ["up"]
    speaker.configure(config)
    wait_for("BIRD is told", lambda: speaker.count("bird.followed") == 2)
    assert router.is_up() and bird_of(pod) == bird and speaker.count("bfd.down") == 0
    speaker.configure(config.replace("as: 65001}", "as: 65001, bfd: false}"))
    wait_for("BIRD has ended", lambda: bird_of(pod) is None)
    speaker.configure(config)
    wait_for("BFD again", lambda: bird_of(pod) and speaker.count("bfd.up") == 3, SLOW)


def test_bird_has_no_rights(site, router):  # noqa: F811
    """No capability, and no file but its own."""
    speaking(site, router)
    pid = bird_of(site.pods[1])
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
    assert {status[key] for key in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"


def test_the_sidecar_shows_how_the_sessions_are(site):  # noqa: F811
    """In its status and, through the controller, as a metric."""
    router = Router(site, "frr-bfd.conf")  # noqa: F811
    pod, folder = site.pods[1], site.folder / "sidecar"
    (folder / "manifests").mkdir(parents=True)
    text = recipe("kago-bfd.yaml").replace("bgp:\n", f"bgp:\n  stateDir: {folder}\n"
                                           f"  template: {ROOT}/templates/exabgp.conf.mustache\n", 1)
    other = "  - {address: 10.0.0.2, as: 65001, bfd: false}\n"
    (folder / "kago.yaml").write_text(text.replace("  bfd:", f"{other}  bfd:") + f"""
keepalived:
  template: {ROOT}/templates/keepalived.conf.mustache
  nftTemplate: {ROOT}/templates/nftables.conf.mustache
  stateDir: {folder}
""")
    site.network.start(pod, program("kago-controller"), "run", "--render-only", "--config", folder / "kago.yaml",
                       "--source", folder / "manifests", log=folder / "controller.log")
    site.network.start(pod, program("kago-sidecar"), "run", "--config", folder / "kago.yaml", "--pod-ip",
                       "172.16.1.11", "--node-ip", "10.0.0.101", log=folder / "sidecar.log")

    def peers():
        done = pod.run(program("kago-sidecar"), "status", "-o", "json", check=False)
        return json.loads(done.stdout)["peers"] if done.returncode == 0 else []

    def state():
        found = peers()
        return found and found[0]["bfd"]["state"]

    def metrics():
        with pod.entered(), urllib.request.urlopen("http://127.0.0.1:9440/metrics", timeout=10) as answer:
            return re.findall("^kago_bfd_session_up.*", answer.read().decode(), re.M)

    wait_for("BFD at the router", lambda: router.peers().get("172.16.1.11") == "up", SLOW)
    wait_for("BFD here", lambda: state() == "Up")
    assert "bfd" not in peers()[1]
    table = pod.run(program("kago-sidecar"), "status").stdout
    assert re.search(r"^  10\.0\.0\.1 \(tor1\)  AS 65001, up for \d+ s, BFD Up for \d+ s, 0 routes", table, re.M), table
    wait_for("the metric", lambda: metrics() == ['kago_bfd_session_up{peer="10.0.0.1"} 1'])
    site.lan.ip("link set n101 nomaster")
    wait_for("BFD is down here", lambda: state() == "Down")
    wait_for("the metric", lambda: metrics() == ['kago_bfd_session_up{peer="10.0.0.1"} 0'])
