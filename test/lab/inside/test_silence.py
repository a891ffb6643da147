# SPDX-License-Identifier: Apache-2.0
"""What IPVS remembers of clients: silent connections are kept, and UDP leaves a pod that is dead."""

import json
import re

import pytest

from net import Network, Talk, program, wait_for
from test_controller import SOON, Controller, endpoints, service

CLIENT, PODS = "10.9.0.1", {"p1": "172.16.1.1", "p2": "172.16.2.1"}
TCP_VIP, UDP_VIP = "10.1.1.1", "10.1.1.2"
PORT, CHECK_PORT = 8080, 8081
DEFAULTS = "7440 120 300"
LOOK = 10  # s; so often others' changes are looked for
CHECK = {"health_check": "tcp", "health_check_port": str(CHECK_PORT), "health_check_interval": "1s",
         "health_check_timeout": "1s"}
CHECK_TIME = 3  # s: an interval, a retry and a timeout


class Site(Controller):
    """A client, a load balancer and pods with a port for health checks besides."""

    def __init__(self, network, folder):
        super().__init__(network, folder)
        self.client = self._attach("client", CLIENT, "10.9.0.254")
        self.netns.ip("route add local 10.1.1.0/24 dev lo")
        self.checks = {}
        for name, address in PODS.items():
            pod = self._attach(name, address, f"{address.rsplit('.', 1)[0]}.254")
            network.serve(pod, name, PORT)
            self.checks[name] = network.serve(pod, name, CHECK_PORT)

    def _attach(self, name, address, gateway):
        netns = self.network.netns(name)
        self.network.link(self.netns, name, netns, "eth0")
        self.netns.ip(f"addr add {gateway}/24 dev {name}")
        netns.ip(f"addr add {address}/24 dev eth0", f"route add default via {gateway}")
        return netns

    def timeouts(self):
        return re.search(r"\d+ \d+ \d+", self.netns.run("ipvsadm", "-L", "--timeout").stdout)[0]

    def await_timeouts(self, expected):
        wait_for(f"timeouts {expected}; log:\n{self.log()}", lambda: self.timeouts() == expected, SOON)

    def connections(self):
        """[(protocol, seconds until it is forgotten, state, destination)] of the client's."""
        lines = self.netns.run("ipvsadm", "-Lnc").stdout.splitlines()
        words = [line.split() for line in lines if CLIENT in line]
        return [(w[0], int(w[1].split(":")[0]) * 60 + int(w[1].split(":")[1]), w[2], w[-1]) for w in words]

    def status(self):
        return json.loads(self.netns.run(program("kago-controller"), "status", "-o", "json").stdout)


@pytest.fixture(name="site")
def _site(tmp_path):
    with Network() as network:
        yield Site(network, tmp_path)


def put(site, protocol, **annotations):
    name, vip = protocol.lower(), TCP_VIP if protocol == "TCP" else UDP_VIP
    site.put(name, service(name, vip, 80, protocol, **annotations),
             endpoints(name, *PODS.values(), protocol=protocol))


def test_a_silent_connection_is_kept_for_more_than_two_hours(site):
    put(site, "TCP")
    put(site, "UDP")
    site.start_outside()
    site.wait_for_log("event=kernel.applied")
    assert site.timeouts() == DEFAULTS
    site.wait_for_log("event=timeouts.set tcp_s=7440 tcp_fin_s=120 udp_s=300 tcp_found_s=900")
    assert site.status()["timeoutsSeconds"] == {"tcp": 7440, "tcpFin": 120, "udp": 300, "error": ""}
    with Talk(site.client, "tcp", TCP_VIP, 80) as talk:
        assert talk.ask()
        [(_, left, state, _)] = [c for c in site.connections() if c[0] == "TCP"]
        assert state == "ESTABLISHED" and left > 2 * 3600


def test_what_somebody_else_sets_is_put_right_and_a_restart_keeps_it(site):
    put(site, "TCP")
    site.start_outside(**{"ipvs.timeouts.tcp": "3h", "ipvs.timeouts.udp": "90s"})
    site.wait_for_log("event=kernel.applied")
    assert site.timeouts() == "10800 120 90"
    site.netns.run("ipvsadm", "--set", "60", "0", "0")
    site.wait_for_log("event=timeouts.restored tcp_s=10800 .* tcp_found_s=60")
    site.await_timeouts("10800 120 90")
    site.process.kill()
    site.netns.run("ipvsadm", "--set", "60", "0", "0")
    site.start_outside()
    site.await_timeouts(DEFAULTS)


def fail_check(site, name):
    site.checks.pop(name).__exit__()


def weights(site):
    """{VIP: {pod: weight}}"""
    return {key.split()[1].split(":")[0]: {real.split(":")[0]: weight for real, weight in reals.items()}
            for key, reals in site.ipvs().items()}


def test_udp_leaves_a_pod_that_a_check_finds_dead_and_tcp_does_not(site):
    for protocol in ("TCP", "UDP"):
        put(site, protocol, **CHECK)
    site.start_outside()
    site.wait_for_log("event=keepalived.up")
    udp, tcp = (Talk(site.client, protocol, vip, 80, timeout=1)
                for protocol, vip in (("udp", UDP_VIP), ("tcp", TCP_VIP)))
    with udp, tcp:
        first, _ = udp.ask()
        # One that has its connection at the same pod.
        while tcp.ask()[0] != first:
            tcp.__exit__()
            tcp.__init__(site.client, "tcp", TCP_VIP, 80, timeout=1)
        [other] = set(PODS) - {first}
        fail_check(site, first)
        wait_for("an answer of the other pod", lambda: hear(udp) == other, CHECK_TIME + LOOK / 2, 0.05)
        held = {PODS[first]: 0, PODS[other]: 1}
        wait_for("the dead pod, in its place", lambda: weights(site) == {TCP_VIP: held, UDP_VIP: held}, SOON, 0.1)
        assert tcp.ask()[0] == first
        # Also a new one.
        with Talk(site.client, "udp", UDP_VIP, 80) as another:
            assert another.ask()[0] == other
        assert udp.ask()[0] == other
    assert "event=kernel.mismatch" not in site.log()


def test_udp_leaves_a_pod_that_is_removed(site):
    put(site, "UDP")
    site.start_outside()
    site.wait_for_log("event=kernel.applied")
    with Talk(site.client, "udp", UDP_VIP, 80, timeout=1) as udp:
        first, _ = udp.ask()
        [other] = set(PODS) - {first}
        site.put("udp", service("udp", UDP_VIP, 80, "UDP"), endpoints("udp", PODS[other], protocol="UDP"))
        wait_for("the removal", lambda: weights(site)[UDP_VIP] == {PODS[other]: 1}, SOON, 0.02)
        udp.say("lost")  # the packet that meets what conntrack knew of the other pod
        wait_for("an answer of the other pod", lambda: hear(udp) == other, LOOK / 2, 0.05)


def hear(talk):
    """The pod that answers; None if nobody does."""
    try:
        return talk.ask()[0]
    except (OSError, ConnectionError):
        return None
