# SPDX-License-Identifier: Apache-2.0
"""kago-node on a real kernel: what a load balancer sends in a tunnel reaches the pods, and nothing else does.

    client ---- router ---- lb (IPVS, TUN), stranger, node ---- pods a and b
"""

import contextlib
import json
import re
import signal
import socket
import statistics
import struct
import threading
import time
from pathlib import Path

import pytest

from image import IPVS
from net import Talk, ask, program, wait_for

FLEET, PORT, TARGET = "default", 80, 8080
VIPS = {4: "10.1.1.1", 6: "fd00:1::1"}
CLIENT = {4: "192.168.1.2", 6: "fd00:3::2"}
LB = {4: "10.0.0.2", 6: "fd00:a::2"}
STRANGER = {4: "10.0.0.3", 6: "fd00:a::3"}
NODE = {4: "10.0.0.4", 6: "fd00:a::4"}
PODS = {"a": {4: "172.16.4.10", 6: "fd00:4::10"}, "b": {4: "172.16.4.11", 6: "fd00:4::11"}}
DEVICE = {4: "kago0", 6: "kago6"}
DEVICE_ADDRESS = {4: "169.254.77.1", 6: "fd00:6b61:676f::1"}
TABLE = {4: "ip kago-node", 6: "ip6 kago-node"}


def slice_of(name, family, addresses, node="n1", target=TARGET):
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": name, "namespace": "shop", "labels": {"kubernetes.io/service-name": "web"}},
            "addressType": f"IPv{family}",
            "ports": [{"name": name, "port": target, "protocol": name.upper()} for name in ("tcp", "udp")],
            "endpoints": [{"addresses": [address], "nodeName": node} for address in addresses]}


class Site:
    """The network, and the manifests of the node's agent."""

    def __init__(self, network, folder):
        self.network, self.folder = network, folder
        self.manifests = folder / "manifests"
        self.manifests.mkdir()
        self.client, self.router = network.netns("client"), network.netns("router")
        self.router.ip("link add br0 type bridge", "link set br0 up", "addr add 10.0.0.254/24 dev br0",
                       "addr add fd00:a::fe/64 dev br0 nodad")
        network.link(self.client, "eth0", self.router, "client")
        self.client.ip("addr add 192.168.1.2/24 dev eth0", "addr add fd00:3::2/64 dev eth0 nodad",
                       "route add default via 192.168.1.1", "route add default via fd00:3::1")
        self.router.ip("addr add 192.168.1.1/24 dev client", "addr add fd00:3::1/64 dev client nodad")
        self.lb, self.stranger, self.node = (self._attach(name, number) for name, number in
                                             (("lb", 2), ("stranger", 3), ("node", 4)))
        self._make_node()
        self.pods = {name: self._add_pod(name, 10 + i) for i, name in enumerate(PODS)}
        for vip in VIPS.values():
            self.lb.ip(f"route add local {vip} dev lo")
        self.lb.ip("route add 172.16.4.0/24 via 10.0.0.4", "route add fd00:4::/64 via fd00:a::4")
        self.stranger.ip("route add 172.16.4.0/24 via 10.0.0.4", "route add fd00:4::/64 via fd00:a::4")
        self.router.ip("route add 172.16.4.0/24 via 10.0.0.4", "route add fd00:4::/64 via fd00:a::4",
                       "route add 10.1.1.1 via 10.0.0.2", "route add fd00:1::1 via fd00:a::2")
        for netns in (self.lb, self.node, self.router):
            netns.sysctl("net.ipv4.ip_forward", 1)
            netns.sysctl("net.ipv6.conf.all.forwarding", 1)
        self.agent = None

    def _attach(self, name, number):
        netns = self.network.netns(name)
        self.network.link(netns, "eth0", self.router, name)
        self.router.ip(f"link set {name} master br0")
        netns.ip(f"addr add 10.0.0.{number}/24 dev eth0", f"addr add fd00:a::{number}/64 dev eth0 nodad",
                 "route add default via 10.0.0.254", "route add default via fd00:a::fe")
        return netns

    def _make_node(self):
        """Strict where nodes are: the way back is checked, and kube-proxy drops what is INVALID."""
        self.node.sysctl("net.ipv4.conf.all.rp_filter", 1)
        self.node.ip("link add cni0 type bridge", "link set cni0 up", "addr add 172.16.4.1/24 dev cni0",
                     "addr add fd00:4::1/64 dev cni0 nodad")
        self.node.run("nft", "-f", "-", stdin="""table inet cni {
            chain forward { type filter hook forward priority filter; ct state invalid drop; }
            chain post { type nat hook postrouting priority srcnat;
                ip saddr 172.16.0.0/16 ip daddr != 172.16.0.0/16 masquerade; }
            }""")

    def _add_pod(self, name, host):
        pod = self.network.netns(f"pod-{name}")
        self.network.link(pod, "eth0", self.node, f"v-{name}")
        self.node.ip(f"link set v-{name} master cni0")
        pod.ip(f"addr add 172.16.4.{host}/24 dev eth0", f"addr add fd00:4::{host}/64 dev eth0 nodad",
               "route add default via 172.16.4.1", "route add default via fd00:4::1")
        self.network.serve(pod, name, TARGET)
        return pod

    def write(self, name, objects):
        path = self.manifests / f".{name}"
        path.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": objects}), encoding="ascii")
        path.rename(self.manifests / f"{name}.json")

    def serve(self, *names):
        """The Service leads to these pods."""
        ports = [{"name": name, "port": PORT, "protocol": name.upper(), "targetPort": TARGET}
                 for name in ("tcp", "udp")]
        self.write("web", [
            {"apiVersion": "v1", "kind": "Service",
             "metadata": {"name": "web", "namespace": "shop",
                          "annotations": {"kago.dev/vip": ",".join(VIPS.values())}},
             "spec": {"type": "LoadBalancer", "loadBalancerClass": f"kago.dev/{FLEET}", "ports": ports}},
            *(slice_of(f"web-{family}", family, [PODS[name][family] for name in names]) for family in VIPS)])

    def balance(self, name):
        """The load balancer sends all to this pod."""
        lines = []
        for family, vip in VIPS.items():
            at, pod = (f"[{vip}]", f"[{PODS[name][family]}]") if family == 6 else (vip, PODS[name][family])
            for kind in "tu":
                lines += [f"-A -{kind} {at}:{PORT} -s rr", f"-a -{kind} {at}:{PORT} -r {pod}:{PORT} -i"]
        self.lb.run("ipvsadm", "-C")
        for name in ("expire_nodest_conn", "sloppy_tcp"):
            self.lb.sysctl(f"net.ipv4.vs.{name}", 1)
        self.lb.run("ipvsadm", "-R", stdin="\n".join(lines) + "\n")

    def start(self, *options):
        self.agent = self.network.start(
            self.node, program("kago-node"), "run", "--source", self.manifests, "--node", "n1",
            "--set", "log.level=debug", "--allow", LB[4], "--allow", LB[6], *options, log=self.folder / "agent.log")
        return self.agent

    def start_of_image(self):
        """The agent in its container."""
        argv = IPVS.command("run", "--source", self.manifests, "--node", "n1", "--allow", LB[4],
                            folders=[self.manifests], entrypoint=["/usr/bin/kago-node"])
        return self.network.start(self.node, *argv, log=self.folder / "agent-of-image.log")

    def run_node(self, *words):
        return self.node.run(program("kago-node"), *words)

    def table(self, family=4):
        return self.node.run("nft", "list", "table", *TABLE[family].split()).stdout

    def forget(self, name):
        """Until the node has let go of a pod that is no endpoint any more."""
        self.serve(*(other for other in PODS if other != name))
        for family in VIPS:
            wait_for(f"pod {name} is gone", lambda family=family: PODS[name][family] not in self.table(family))


@pytest.fixture
def site(network, tmp_path):
    made = Site(network, tmp_path)
    made.balance("a")
    made.serve("a", "b")
    yield made
    if made.agent and made.agent.log.exists():
        print(made.agent.output())


@pytest.fixture
def running(site):
    site.start().wait_for_line("event=node.ready")
    return site


def answers(site, family, protocol="tcp", timeout=5.0):
    return ask(site.client, protocol, VIPS[family], PORT, timeout)


def is_silent(site, family, protocol="tcp"):
    with pytest.raises(OSError):
        answers(site, family, protocol, 1.5)
    return True


@pytest.mark.parametrize("family", VIPS)
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_pods_answer_and_see_the_client(running, family, protocol):
    assert answers(running, family, protocol) == ("a", CLIENT[family])
    running.balance("b")
    assert answers(running, family, protocol) == ("b", CLIENT[family])


def test_clients_are_told_what_fits_into_the_tunnel(running):
    with running.client.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(5)
        client.connect((VIPS[4], PORT))
        assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= 1440


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def request(port):
    """A datagram as if the client had sent it to the VIP; IPv4."""
    text = b"who\n"
    udp = struct.pack("!HHHH", port, PORT, 8 + len(text), 0) + text
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, socket.IPPROTO_UDP, 0,
                       socket.inet_aton(CLIENT[4]), socket.inet_aton(VIPS[4]))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + udp


def forge(site, sender, destination, patience=1.5):
    """Whether the client gets an answer to what `sender` sends in a tunnel."""
    with site.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(patience)
        client.bind((CLIENT[4], 0))
        with sender.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IPIP) as raw:
            raw.sendto(request(client.getsockname()[1]), (destination, 0))
        with contextlib.suppress(TimeoutError):
            return bool(client.recv(100))
    return False


def test_only_load_balancers_may_send(running):
    pod = PODS["a"][4]
    assert forge(running, running.lb, pod, 20)
    assert not forge(running, running.stranger, pod)
    assert not forge(running, running.pods["b"], pod)
    running.stranger.ip(f"route add {DEVICE_ADDRESS[4]} via {NODE[4]}")
    for sender in (running.stranger, running.pods["b"], running.lb):
        assert not forge(running, sender, DEVICE_ADDRESS[4])


def metrics(site):
    """What the agent tells Prometheus."""
    with site.node.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(20)
        client.connect(("127.0.0.1", 9442))
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: node\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b"")).decode()
    assert answer.startswith("HTTP/1.1 200 OK\r\n"), answer
    return {name: float(value) for name, value in re.findall(r"^(kago_\S+) (\S+)$", answer, re.MULTILINE)}


def test_metrics_are_what_the_kernel_counts(site):
    """Also of a new agent. A page is as old as a second, so each is waited for."""
    def has(name, family, value):
        wait_for(f"{name} {family}", lambda: metrics(site)[f'kago_node_{name}{{family="IPv{family}"}}'] >= value, 20)

    site.start("--listen", "127.0.0.1:9442").wait_for_line("event=node.ready")
    wait_for("it is ready", lambda: metrics(site)["kago_node_ready"] == 1, 20)
    for family in VIPS:
        has("wanted_entries", family, 4)
        has("entries", family, 4)
        has("pods", family, 2)
        assert answers(site, family)
        has("received_packets_total", family, 3)
    assert metrics(site)['kago_node_refused_packets_total{family="IPv4"}'] == 0
    assert not forge(site, site.stranger, PODS["a"][4])
    has("refused_packets_total", 4, 1)

    site.lb.run("ipvsadm", "-A", "-u", f"{VIPS[4]}:81", "-s", "rr")
    site.lb.run("ipvsadm", "-a", "-u", f"{VIPS[4]}:81", "-r", f"{PODS['a'][4]}:81", "-i")
    with pytest.raises(OSError):
        ask(site.client, "udp", VIPS[4], 81, 1.5)
    has("dropped_packets_total", 4, 1)

    received = metrics(site)['kago_node_received_packets_total{family="IPv4"}']
    site.agent.kill()
    site.agent.log.unlink()
    site.start("--listen", "127.0.0.1:9442").wait_for_line("event=node.ready")
    has("received_packets_total", 4, received)
    has("refused_packets_total", 4, 1)
    has("dropped_packets_total", 4, 1)


def test_a_dead_agent_keeps_forwarding_and_a_new_one_takes_over_without_a_gap(running):
    """The answers come all the time; none is asked for twice."""
    failed, asked, stop = [], [], threading.Event()

    def keep_asking():
        while not stop.is_set():
            for protocol in ("tcp", "udp"):
                try:
                    asked.append(answers(running, 4, protocol, 20.0))
                except OSError as error:
                    failed.append((time.monotonic(), protocol, repr(error)))

    with Talk(running.client, "tcp", VIPS[4], PORT) as talk:
        before = talk.ask()
        thread = threading.Thread(target=keep_asking)
        thread.start()
        running.agent.kill()

        def await_answers(n):
            so_far = len(asked)
            wait_for("answers", lambda: failed or len(asked) > so_far + n, 60)

        await_answers(10)
        for _ in range(3):
            running.start().wait_for_line("event=node.ready")
            await_answers(5)
            running.agent.kill()
            running.agent.log.unlink()
        await_answers(1)
        stop.set()
        thread.join()
        assert talk.ask() == before
    assert not failed


@pytest.mark.parametrize("what", [
    "nft flush ruleset", "nft flush chain ip kago-node inner", "nft flush map ip kago-node endpoints",
    "nft delete element ip kago-node vips { 10.1.1.1 }", "ip link delete kago0", "ip address flush dev kago0",
    "ip link set kago0 down"])
def test_what_others_remove_is_back_within_seconds(running, what):
    repaired = r"event=node\.(table_lost|device_made) device=kago0"
    before = len(re.findall(repaired, running.agent.output()))
    running.node.run(*what.split())
    start = time.monotonic()
    wait_for("it is seen", lambda: len(re.findall(repaired, running.agent.output())) > before, timeout=20)
    wait_for("it is back", lambda: answers_again(running), timeout=20)
    print(f"{what}: back after {time.monotonic() - start:.1f} s")


def answers_again(site):
    try:
        return answers(site, 4, timeout=1) == ("a", CLIENT[4])
    except OSError:
        return False


def test_the_nodes_nft_reads_what_the_image_has_made(site):
    """libnftables of the image is newer."""
    site.start_of_image().wait_for_line("event=node.ready")
    assert PODS["a"][4] in site.table()
    site.node.run("nft", "list", "ruleset")


def test_nothing_is_left_after_remove(site):
    before = site.node.picture()
    assert site.node.run(program("kago-node"), "status", check=False).returncode == 1
    site.start().wait_for_line("event=node.ready")
    assert answers(site, 4) and answers(site, 6)
    assert site.node.picture() != before
    site.agent.signal(signal.SIGTERM)
    assert site.agent.wait() == 0
    assert answers(site, 4)  # SIGTERM alone leaves it
    assert site.run_node("status").stdout == (
        "IPv4: device kago0 ready, table there, GUE at port 6080, 2 pods, 4 entries of 1 VIP\n"
        "IPv6: device kago6 ready, table there, GUE at port 6080, 2 pods, 4 entries of 1 VIP\n")
    site.run_node("remove")
    assert site.node.picture() == before
    site.run_node("remove")
    site.start("--leave-nothing").wait_for_line("event=node.ready.*\n(.*\n)*.*event=node.ready")
    site.agent.signal(signal.SIGTERM)
    assert site.agent.wait() == 0
    assert site.node.picture() == before


def who(client):
    """Which pod answers on a UDP socket; a load balancer drops the first packet for a pod that it has let go."""
    for _ in range(5):
        client.send(b"who\n")
        with contextlib.suppress(TimeoutError):
            return client.recv(100).split()[0].decode()
    return None


@pytest.mark.parametrize("family", VIPS)
def test_udp_flows_leave_a_pod_that_is_gone(running, family):
    with running.client.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1.5)
        client.connect((VIPS[family], PORT))
        assert who(client) == "a"
        running.forget("a")
        running.balance("b")
        assert who(client) == "b"


def test_a_connection_to_a_pod_that_is_gone_ends_at_once(running):
    """The pod that a load balancer has in its place says so; nobody waits for an answer."""
    with Talk(running.client, "tcp", VIPS[4], PORT) as talk:
        assert talk.ask()[0] == "a"
        running.forget("a")
        running.node.ip("link set v-a down")
        running.balance("b")
        with pytest.raises(ConnectionResetError):
            talk.ask()


def test_what_is_for_a_pod_that_is_gone_goes_nowhere(running):
    """Also when the address has another owner now, and a load balancer has not heard of it."""
    assert answers(running, 4)[0] == "a"
    running.forget("a")
    assert is_silent(running, 4) and is_silent(running, 4, "udp")


def test_endpoints_of_other_nodes_are_left_alone(running):
    running.write("web-2", [slice_of("web-other", 4, ["172.16.5.10"], node="n2")])
    running.forget("b")
    assert "172.16.5.10" not in running.table()


def test_one_change_among_a_thousand_entries(site):
    """Figures for docs/node.md; the limits are those of an emulated processor."""
    many = [{"apiVersion": "v1", "kind": "Service",
             "metadata": {"name": f"s{i}", "namespace": "many",
                          "annotations": {"kago.dev/vip": f"10.2.{i // 250}.{1 + i % 250}"}},
             "spec": {"type": "LoadBalancer", "loadBalancerClass": f"kago.dev/{FLEET}",
                      "ports": [{"port": 80, "targetPort": 80}]}}
            for i in range(1000)]
    many += [{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
              "metadata": {"name": f"s{i}-1", "namespace": "many", "labels": {"kubernetes.io/service-name": f"s{i}"}},
              "addressType": "IPv4", "ports": [{"port": 80}],
              "endpoints": [{"addresses": [f"172.16.4.{20 + i % 100}"], "nodeName": "n1"}]} for i in range(1000)]
    site.write("many", many)
    site.start().wait_for_line("event=node.ready", timeout=120)
    for i in range(20):
        site.serve(*(["a", "b"] if i % 2 else ["a"]))
        wait_for("the change", lambda i=i: site.agent.output().count("event=node.table_changed device=kago0") > i)
    took = [float(ms) for ms in re.findall(r"table_changed device=kago0.*took_ms=([\d.]+)", site.agent.output())]
    status = Path(f"/proc/{site.agent.pid}/status").read_text(encoding="ascii")
    print(f"one change among 1,000 entries: median {statistics.median(took):.2f} ms, worst {max(took):.2f} ms;",
          re.findall(r"(?:Vm)?Rss.*", status, re.IGNORECASE))
    assert statistics.median(took) < 50
