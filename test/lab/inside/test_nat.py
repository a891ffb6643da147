# SPDX-License-Identifier: Apache-2.0
"""NAT mode from client to real server and back, through the sysctls and nftables rules of the product.

    client ---- gateway ---- bridge ---- lb, web1, web2
"""

import contextlib
import json
import socket
from types import SimpleNamespace

import pytest

from net import PROTOCOLS, ROOT, Network, Talk, ask, program, wait_for

TEMPLATE = ROOT / "templates/nftables.conf.mustache"
VIPS = ("10.1.1.1", "fd00:1::1")
LB = {"10.1.1.1": "172.16.0.10", "fd00:1::1": "fd00:2::10"}
WEB = {"10.1.1.1": ("172.16.0.11", "172.16.0.12"), "fd00:1::1": ("fd00:2::11", "fd00:2::12")}
ELSEWHERE = ("203.0.113.1", "fd00:9::1")  # behind web2; what the lb must not route to
PORT, TARGET, DEAD_PORT, LB_PORT = 80, 8080, 99, 9090


def end(addr, port):
    return f"[{addr}]:{port}" if ":" in addr else f"{addr}:{port}"


def attach(network, gateway, name, host):
    """A pod on the gateway's bridge."""
    pod = network.netns(name)
    network.link(pod, "eth0", gateway, name)
    gateway.ip(f"link set {name} master br0")
    pod.ip(f"addr add 172.16.0.{host}/24 dev eth0", f"addr add fd00:2::{host}/64 dev eth0 nodad",
           "route add default via 172.16.0.1", "route add default via fd00:2::1")
    return pod


def build(network):
    client, gateway = network.netns("client"), network.netns("gateway")
    network.link(client, "eth0", gateway, "client")
    client.ip("addr add 192.168.1.2/24 dev eth0", "addr add fd00:3::2/64 dev eth0 nodad",
              "route add default via 192.168.1.1", "route add default via fd00:3::1")
    gateway.ip("addr add 192.168.1.1/24 dev client", "addr add fd00:3::1/64 dev client nodad",
               "link add br0 type bridge", "link set br0 up",
               "addr add 172.16.0.1/24 dev br0", "addr add fd00:2::1/64 dev br0 nodad")
    gateway.sysctl("net.ipv4.ip_forward", 1)
    gateway.sysctl("net.ipv6.conf.all.forwarding", 1)
    lb, web1, web2 = (attach(network, gateway, name, host)
                      for name, host in (("lb", 10), ("web1", 11), ("web2", 12)))
    for vip in VIPS:
        lb.ip(f"route add local {vip} dev lo")
        gateway.ip(f"route add {vip} via {LB[vip]}")
    return SimpleNamespace(client=client, gateway=gateway, lb=lb, web1=web1, web2=web2)


def balance(lb):
    lines = []
    for vip in VIPS:
        for protocol in ("-t", "-u", "--sctp-service"):
            for port, target in ((PORT, TARGET), (DEAD_PORT, DEAD_PORT)):
                key = f"{protocol} {end(vip, port)}"
                lines.append(f"-A {key} -s rr")
                lines += [f"-a {key} -r {end(web, target)} -m" for web in WEB[vip]]
    lb.run("ipvsadm", "-R", stdin="\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def site():
    with Network() as network:
        made = build(network)
        for name in ("web1", "web2"):
            network.serve(getattr(made, name), name, TARGET)
        network.serve(made.lb, "lb", LB_PORT)
        balance(made.lb)
        made.lb.run(program("kago-probe"), "sysctl", "apply")
        made.lb.run(program("kago-probe"), "ruleset", "apply", TEMPLATE)
        yield made


@pytest.mark.parametrize("vip", VIPS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_requests_reach_both_real_servers_from_the_pods_address(site, protocol, vip):
    answers = {ask(site.client, protocol, vip, PORT) for _ in range(4)}
    assert answers == {("web1", LB[vip]), ("web2", LB[vip])}


@pytest.mark.parametrize("vip", VIPS)
def test_curl_gets_a_page(site, vip):
    page = site.client.run("curl", "-sS", "--max-time", "20", f"http://{end(vip, PORT)}/").stdout
    assert page in (f"web1 {LB[vip]}\n", f"web2 {LB[vip]}\n")


@pytest.mark.parametrize("vip", VIPS)
def test_without_the_rules_replies_are_lost(site, vip):
    site.lb.run(program("kago-probe"), "ruleset", "remove")
    try:
        with pytest.raises(OSError):
            ask(site.client, "tcp", vip, PORT, timeout=2)
    finally:
        site.lb.run(program("kago-probe"), "ruleset", "apply", TEMPLATE)
    ask(site.client, "tcp", vip, PORT)


@pytest.mark.parametrize("vip", VIPS)
def test_applying_again_leaves_connections_alone(site, vip):
    with Talk(site.client, "tcp", vip, PORT) as talk:
        before = talk.ask()
        site.lb.run(program("kago-probe"), "ruleset", "apply", TEMPLATE)
        assert talk.ask() == before


@pytest.mark.parametrize("vip", VIPS)
def test_connections_stay_with_a_real_server_that_drains(site, vip):
    def weigh(weight):
        site.lb.run(program("kago-probe"), "ipvs", "weight", weight, socket.IPPROTO_TCP, vip, PORT,
                    WEB[vip][0], TARGET)

    with Talk(site.client, "tcp", vip, PORT) as one, Talk(site.client, "tcp", vip, PORT) as other:
        before = one.ask(), other.ask()
        assert {name for name, _ in before} == {"web1", "web2"}
        weigh(0)
        try:
            assert {ask(site.client, "tcp", vip, PORT)[0] for _ in range(3)} == {"web2"}
            assert (one.ask(), other.ask()) == before
        finally:
            weigh(1)


def test_a_wrong_template_leaves_the_rules_as_they_are(site, tmp_path):
    wrong = tmp_path / "wrong.mustache"
    wrong.write_text("table {{table}} {\n\tchain forward {\n\t\tpass everything\n\t}\n}\n")
    before = site.lb.run("nft", "list", "ruleset").stdout
    done = site.lb.run(program("kago-probe"), "ruleset", "apply", wrong, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"applying {wrong} with nftables: line 3:")
    assert site.lb.run("nft", "list", "ruleset").stdout == before


@pytest.mark.parametrize("vip", VIPS)
def test_a_closed_port_of_a_real_server_is_refused_at_once(site, vip):
    """The real server's ICMP error, or its RST, comes back to the client as one of the VIP."""
    for protocol in ("tcp", "udp"):
        with pytest.raises(ConnectionRefusedError):
            ask(site.client, protocol, vip, DEAD_PORT)


@pytest.mark.parametrize("vip", VIPS)
def test_a_vip_answers_on_its_services_ports_alone(site, vip):
    assert ask(site.client, "tcp", LB[vip], LB_PORT)[0] == "lb"
    for protocol in ("tcp", "udp"):
        with pytest.raises(ConnectionRefusedError):
            ask(site.client, protocol, vip, LB_PORT)


@pytest.mark.parametrize("vip", VIPS)
def test_the_pods_own_connections_are_not_disturbed(site, vip):
    for protocol in ("tcp", "udp"):
        assert ask(site.lb, protocol, WEB[vip][0], TARGET) == ("web1", LB[vip]), "health check"
        assert ask(site.lb, protocol, LB[vip], LB_PORT) == ("lb", LB[vip])
        assert ask(site.lb, protocol, vip, PORT)[1] == LB[vip], "the VIP from inside"


def checksum(data):
    """Of the Internet protocols (RFC 1071)."""
    data += bytes(len(data) % 2)
    total = sum(int.from_bytes(data[i:i + 2], "big") for i in range(0, len(data), 2))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return (total ^ 0xFFFF).to_bytes(2, "big")


def out_of_window(frame):
    """An Ethernet frame with the same TCP segment, but with a sequence number far ahead."""
    ip, tcp = 14, 14 + 4 * (frame[14] & 0xF)
    frame = bytearray(frame[:ip + int.from_bytes(frame[ip + 2:ip + 4], "big")])
    sequence = int.from_bytes(frame[tcp + 4:tcp + 8], "big") + 0x20000000
    frame[tcp + 4:tcp + 8] = (sequence % 2**32).to_bytes(4, "big")
    frame[tcp + 16:tcp + 18] = bytes(2)
    length = (len(frame) - tcp).to_bytes(2, "big")
    pseudo_header = frame[ip + 12:ip + 20] + bytes([0, socket.IPPROTO_TCP]) + length
    frame[tcp + 16:tcp + 18] = checksum(pseudo_header + frame[tcp:])
    return bytes(frame)


def test_a_segment_out_of_window_does_not_end_its_connection(site):
    """Sent to the pod's address and not translated, it would be answered with an RST."""
    with contextlib.ExitStack() as stack:
        wire = stack.enter_context(site.web1.socket(socket.AF_PACKET, socket.SOCK_RAW))
        wire.bind(("eth0", 3))  # ETH_P_ALL: what goes out, too
        wire.settimeout(5)
        talks = [stack.enter_context(Talk(site.client, "tcp", VIPS[0], PORT)) for _ in range(2)]
        talk, = (talk for talk in talks if talk.ask("hello")[0] == "web1")
        frame = next(frame for frame, source in iter(lambda: wire.recvfrom(4096), None)
                     if source[2] == socket.PACKET_OUTGOING and b"hello" in frame)
        wire.send(out_of_window(frame))
        for _ in range(3):
            assert talk.ask()[0] == "web1"


@pytest.mark.parametrize("address", ELSEWHERE)
def test_the_pod_is_no_router(site, address):
    via = "fd00:2::10" if ":" in address else "172.16.0.10"
    onward = "fd00:2::12" if ":" in address else "172.16.0.12"
    site.gateway.ip(f"route replace {address} via {via}")
    site.lb.ip(f"route replace {address} via {onward}")
    site.web2.ip(f"addr replace {address} dev lo")
    with pytest.raises(TimeoutError):
        ask(site.client, "tcp", address, TARGET, timeout=2)
    site.lb.run(program("kago-probe"), "ruleset", "remove")
    try:
        assert ask(site.client, "tcp", address, TARGET)[0] == "web2", "the rules were in the way"
    finally:
        site.lb.run(program("kago-probe"), "ruleset", "apply", TEMPLATE)


@pytest.mark.parametrize("vip", VIPS)
def test_both_ends_learn_a_smaller_path_mtu(site, vip):
    """ICMP errors about packets that are too big pass the load balancer in both directions."""
    client = "fd00:3::2" if ":" in vip else "192.168.1.2"
    for web in WEB[vip]:
        site.lb.ip(f"route replace {web} dev eth0 mtu lock 1400")
    site.gateway.ip(f"route replace {client} dev client mtu lock 1300")
    try:
        with Talk(site.client, "tcp", vip, PORT, timeout=20) as talk:
            talk.ask("x" * 300_000)
    finally:
        site.gateway.ip(f"route delete {client}")
        for web in WEB[vip]:
            site.lb.ip(f"route delete {web}")


@pytest.mark.parametrize("vip", VIPS)
def test_counters_are_those_of_ipvsadm(site, vip):
    """The kernel adds them up every two seconds."""
    for protocol in PROTOCOLS:
        assert {ask(site.client, protocol, vip, PORT)[0] for _ in range(2)} == {"web1", "web2"}

    def counters_that_ipvsadm_shows_too():
        counters = read_counters(site.lb, vip)
        return all(map(all, counters)) and counters == shown_counters(site.lb, vip)

    wait_for("counters", counters_that_ipvsadm_shows_too)


def read_counters(lb, vip):
    table = json.loads(lb.run(program("kago-probe"), "ipvs", "dump").stdout)
    return sorted((d["conns"], d["in_packets"], d["out_packets"], d["in_bytes"], d["out_bytes"])
                  for s in table for d in s["dests"] if (s["addr"], s["port"]) == (vip, PORT))


def shown_counters(lb, vip):
    """Of `ipvsadm --stats`, the real servers' lines below the VIP's."""
    counters, inside = [], False
    for line in lb.run("ipvsadm", "-Ln", "--stats", "--exact").stdout.splitlines():
        words = line.split()
        if words[0] in ("TCP", "UDP", "SCTP"):
            inside = words[1] == end(vip, PORT)
        elif inside:
            counters.append(tuple(int(word) for word in words[2:7]))
    return sorted(counters)
