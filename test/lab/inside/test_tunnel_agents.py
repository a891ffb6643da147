# SPDX-License-Identifier: Apache-2.0
"""Tunnels in both families, with the agents of nodes: two load balancers behind an ECMP router, pods on three nodes."""

import contextlib
import select
import socket
import time

import pytest

from net import Talk, ask, program
from topology import Lab
from tunnel_fleet import CLIENTS, OVERHEAD, PORT, VIPS, TunnelFleet, through_the_node

CONNECTIONS = 100


@pytest.fixture(scope="module", params=["ipip", "gue"])
def fleet(request):
    with Lab(ipv6=True) as lab:
        yield TunnelFleet(lab, request.param, through_the_node)


@pytest.mark.parametrize("family", VIPS)
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_pods_see_clients(fleet, family, protocol):
    answers = {ask(fleet.client, protocol, VIPS[family], PORT) for _ in range(40)}
    assert answers == {(pod.name, CLIENTS[family]) for pod in fleet.pods}


@pytest.mark.parametrize("family", VIPS)
def test_clients_are_told_what_fits(fleet, family):
    with fleet.client.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(5)
        client.connect((VIPS[family], PORT))
        fits = 1500 - OVERHEAD[fleet.encapsulation, family] - (20 if family == 4 else 40) - 20
        assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) in (fits, fits - 12)  # with time stamps


@pytest.mark.parametrize("family", VIPS)
def test_much_is_sent_to_a_pod_without_damage(fleet, family):
    line = "x" * 200_000
    with Talk(fleet.client, "tcp", VIPS[family], PORT, timeout=30) as talk:
        assert talk.ask(line)[1] == CLIENTS[family]


def large(fleet, family, size):
    """Whether a datagram of this size arrives, within some tries: a first one may teach the client what fits."""
    with fleet.client.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1.5)
        client.connect((VIPS[family], PORT))
        for _ in range(3):
            client.send(b"x" * (size - 1) + b"\n")
            with contextlib.suppress(OSError):
                return bool(client.recv(65536))
    return False


def test_clients_learn_how_large_datagrams_may_be(fleet):
    """Over IPv4 on the way, over IPv6 from the load balancer; 1440 bytes fit on a link, and into no tunnel."""
    assert large(fleet, 4, 1900)
    assert large(fleet, 6, 1440)
    print("\n1900 bytes over IPv6:", large(fleet, 6, 1900))


def test_agents_find_their_tables_as_they_made_them(fleet):
    assert not [agent.output() for agent in fleet.agents.values() if "node.table_lost" in agent.output()]


def outcomes(sockets, seconds):
    """What has become of connections that are being made: 0 for those that are, else an error."""
    waiting, ended = set(sockets), {}
    until = time.monotonic() + seconds
    while waiting and time.monotonic() < until:
        for one in select.select([], waiting, [], until - time.monotonic())[1]:
            ended[one] = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            waiting.remove(one)
    return ended


@pytest.mark.parametrize("family", VIPS)
def test_a_pod_that_its_node_does_not_know_yet_refuses_nobody(fleet, family):
    if fleet.encapsulation == "gue":
        pytest.skip("its clients are refused")
    node = fleet.lab.nodes["node3"]
    fleet.agents["node3"].stop()
    node.netns.run(program("kago-node"), "remove")
    with contextlib.ExitStack() as stack:
        kind = socket.AF_INET6 if family == 6 else socket.AF_INET
        sockets = [stack.enter_context(fleet.client.socket(kind, socket.SOCK_STREAM)) for _ in range(24)]
        for one in sockets:
            one.setblocking(False)
            one.connect_ex((VIPS[family], PORT))
        early = outcomes(sockets, 3)
        assert set(early.values()) == {0}
        late = [one for one in sockets if one not in early]
        assert late
        fleet.agents["node3"] = fleet.start_agent(node)
        ended = outcomes(late, 90)  # they ask again after 1, 3, 7, 15, 31 and 63 s
        assert list(ended.values()) == [0] * len(late)


@pytest.mark.parametrize("family", VIPS)
def test_no_connection_is_lost_when_a_load_balancer_is_killed(fleet, family):
    fleet.lose_one(family, CONNECTIONS)
