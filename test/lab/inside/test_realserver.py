# SPDX-License-Identifier: Apache-2.0
"""Pods that take tunnels themselves: the init container of docs/realserver/web.yaml, and nothing on their nodes."""

import contextlib
import json
import socket

import pytest
import yaml

from image import IPVS, NET_ADMIN
from net import ROOT, Talk, ask, program, run
from topology import Lab, Pod
from tunnel_fleet import CLIENTS, NETS, OVERHEAD, PORT, VIPS, TunnelFleet, close, drop_invalid, slice_of

MANIFEST = ROOT / "docs/realserver/web.yaml"
CONNECTIONS = 100
GUE_PORT = 6080


def init_container():
    """The Deployment's, as the example has it."""
    _, deployment = yaml.safe_load_all(MANIFEST.read_text(encoding="utf-8"))
    one, = deployment["spec"]["template"]["spec"]["initContainers"]
    return one


def service(encapsulation):
    """The example's."""
    one, _ = yaml.safe_load_all(MANIFEST.read_text(encoding="utf-8"))
    one["metadata"]["namespace"] = "default"
    one["metadata"]["annotations"] |= {"kago.dev/tunnel": encapsulation, "kago.dev/health-check-interval": "2s"}
    return json.dumps(one)


class Fleet(TunnelFleet):
    """Pods on all nodes, none of which has an agent; load balancers on two, beside pods."""

    def __init__(self, lab, encapsulation):
        self.lab, self.client, self.encapsulation = lab, lab.client, encapsulation
        self.pods = [Pod(lab, f"web-{n}", lab.nodes[f"node{n}"], 10 + n) for n in (1, 2, 3)]
        self.stranger = Pod(lab, "stranger", lab.nodes["node3"], 66)
        self.neighbour = Pod(lab, "neighbour", lab.nodes["node1"], 67)  # of the load balancers' networks
        for pod in self.pods:
            # The last one finds the kernel's modules loaded, which shows in every namespace.
            before = pod.node.netns.picture()
            assert self.prepare(pod).returncode == 0
            self.pictures = before, pod.node.netns.picture()
            lab.serve(pod.netns, pod.name, PORT)
        lab.apply("web", service(encapsulation))
        for family in VIPS:
            lab.apply(f"web-{family}", slice_of(family, self.pods, PORT))
        self.lbs = [lab.lb_pod(f"lb{n}", f"node{n}", bgp__aggregates=list(NETS.values())) for n in (1, 2)]
        self.start_load_balancers()

    def prepare(self, pod, *arguments, capabilities=None, netns=None):
        """Runs the init container to its end."""
        container = init_container()
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["NET_ADMIN"]}
        gue = [f"--gue-port={GUE_PORT}"] if self.encapsulation == "gue" else []
        argv = IPVS.command(*container["args"], *gue, *arguments, hostname=pod.name, address=pod.address,
                            capabilities=[NET_ADMIN] if capabilities is None else capabilities,
                            entrypoint=container["command"])
        done = (netns or pod.netns).run("unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc", *argv,
                                        check=False)
        print(done.stdout, done.stderr)
        return done


@pytest.fixture(scope="module", params=["ipip", "gue"])
def fleet(request):
    with Lab(ipv6=True) as lab:
        yield Fleet(lab, request.param)


@pytest.mark.parametrize("family", VIPS)
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_pods_see_clients(fleet, family, protocol):
    answers = {ask(fleet.client, protocol, VIPS[family], PORT) for _ in range(40)}
    assert answers == {(pod.name, CLIENTS[family]) for pod in fleet.pods}


def test_nothing_is_on_the_node(fleet):
    before, after = fleet.pictures
    assert before == after


@pytest.mark.parametrize("family", VIPS)
def test_clients_are_told_what_fits(fleet, family):
    with fleet.client.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(5)
        client.connect((VIPS[family], PORT))
        fits = 1500 - OVERHEAD[fleet.encapsulation, family] - (20 if family == 4 else 40) - 20
        assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) in (fits, fits - 12)  # with time stamps


@pytest.mark.parametrize("family", VIPS)
def test_much_is_sent_to_a_pod_without_damage(fleet, family):
    with Talk(fleet.client, "tcp", VIPS[family], PORT, timeout=30) as talk:
        assert talk.ask("x" * 200_000)[1] == CLIENTS[family]


def tunnel_to(fleet, sender, pod, family):
    """The way of a pod to the VIPs is a tunnel to one of the pods, as a load balancer makes it."""
    here, there = (sender.address, pod.address) if family == 4 else (sender.address6, pod.address6)
    kind = {4: "ipip", 6: "ip6tnl mode ip6ip6"}[family]
    gue = f"encap gue encap-sport auto encap-dport {GUE_PORT}" if fleet.encapsulation == "gue" else ""
    limit = "encaplimit none" if family == 6 else ""
    if gue and family == 6:
        run("modprobe", "fou6")
    sender.netns.ip(f"link add t{family} type {kind} local {here} remote {there} {limit} {gue}",
                    f"link set t{family} up mtu 1400", f"route add {VIPS[family]} dev t{family} src {here}")
    return here


@pytest.mark.parametrize("family", VIPS)
def test_nobody_but_load_balancers_may_send(fleet, family):
    """A pod of their network may here: so it is not the tunnel that is wrong."""
    pod = fleet.pods[0]
    here = tunnel_to(fleet, fleet.neighbour, pod, family)
    for protocol in ("tcp", "udp"):
        assert ask(fleet.neighbour.netns, protocol, VIPS[family], PORT) == (pod.name, here)
    tunnel_to(fleet, fleet.stranger, pod, family)
    for protocol in ("tcp", "udp"):
        with pytest.raises(OSError):
            ask(fleet.stranger.netns, protocol, VIPS[family], PORT, timeout=2)


@pytest.mark.parametrize("family", VIPS)
def test_no_pod_answers_for_a_vip_on_its_network(fleet, family):
    stranger, bits = fleet.stranger.netns, {4: 32, 6: 128}[family]
    stranger.ip(f"route replace {VIPS[family]}/{bits} dev eth0")
    with pytest.raises(OSError):
        ask(stranger, "tcp", VIPS[family], PORT, timeout=8)
    assert "lladdr" not in stranger.run("ip", "neighbour", "show", VIPS[family]).stdout
    stranger.ip(f"route delete {VIPS[family]}/{bits} dev eth0")


def test_nothing_for_a_vip_comes_but_by_the_tunnel(fleet):
    """Who knows the way to the pod cannot pass by those that may send."""
    pod, stranger = fleet.pods[2], fleet.stranger.netns
    stranger.ip(f"route replace {VIPS[4]}/32 via {pod.address}")
    with pytest.raises(OSError):
        ask(stranger, "tcp", VIPS[4], PORT, timeout=2)
    stranger.ip(f"route delete {VIPS[4]}/32 via {pod.address}")


def test_it_may_be_started_again(fleet):
    held = fleet.hold(4, CONNECTIONS)
    before = [pod.netns.picture() for pod in fleet.pods]
    assert [fleet.prepare(pod).returncode for pod in fleet.pods] == [0, 0, 0]
    assert [pod.netns.picture() for pod in fleet.pods] == before
    assert fleet.broken(held) == 0
    close(held)


def test_it_says_what_is_missing(fleet):
    done = fleet.prepare(fleet.pods[0], capabilities=[])
    assert done.returncode == 1
    assert "the container lacks the capability NET_ADMIN" in done.stderr
    done = fleet.prepare(fleet.pods[0], f"--vip={fleet.pods[0].address}")
    assert done.returncode == 1
    assert f"{fleet.pods[0].address} is the pod's own address, no VIP" in done.stderr


@pytest.mark.parametrize("family", VIPS)
def test_no_connection_is_lost_when_a_load_balancer_is_killed(fleet, family):
    fleet.lose_one(family, CONNECTIONS)


def test_an_agent_of_the_node_leaves_such_pods_alone(fleet):
    """Their connections go on when one starts and ends. Where it is, it is a node, and no pod."""
    node, held = fleet.lab.nodes["node3"], fleet.hold(4, CONNECTIONS)
    assert {name for _, name, _ in held} == {pod.name for pod in fleet.pods}
    agent = fleet.lab.start(node.netns, program("kago-node"), "run", "--source", fleet.lab.manifests, "--node", "node3",
                            "--allow", "172.16.0.0/16", log=fleet.lab.log("agent"))
    agent.wait_for_line("event=node.ready")
    assert fleet.broken(held) == 0
    done = fleet.prepare(fleet.pods[2], netns=node.netns)
    assert done.returncode == 1
    assert "a pod with hostNetwork cannot take tunnels itself" in done.stderr
    agent.stop()
    node.netns.run(program("kago-node"), "remove")
    assert fleet.broken(held) == 0
    close(held)


def reached(fleet):
    """The pods that a client reaches by TCP."""
    answers = set()
    for _ in range(40):
        with contextlib.suppress(OSError):
            answers.add(ask(fleet.client, "tcp", VIPS[4], PORT, timeout=1)[0])
    return answers


def test_nodes_must_not_drop_what_they_call_invalid(fleet):
    """As kube-proxy's rules for iptables do, but for nodes of load balancers, whose sidecar excepts VIPs."""
    node = fleet.lab.nodes["node3"].netns
    for one in fleet.lab.nodes.values():
        drop_invalid(one)
    answers = reached(fleet)
    for one in fleet.lab.nodes.values():
        one.netns.run("nft", "delete table inet proxy")
    assert answers == {"web-1", "web-2"}
    node.sysctl("net.ipv4.conf.docker0.rp_filter", 1)
    answers = reached(fleet)
    node.sysctl("net.ipv4.conf.docker0.rp_filter", 2)
    assert answers == {"web-1", "web-2"}
    assert reached(fleet) == {"web-1", "web-2", "web-3"}
