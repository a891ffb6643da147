# SPDX-License-Identifier: Apache-2.0
"""spec.loadBalancerSourceRanges and http.allow with real packets: who may, gets through; who may not, does not.

    near, far ---- lb ---- web
"""

import contextlib
import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from net import ROOT, Network, Talk, ask, wait_for
from test_controller import SOON, Controller, endpoints

PORT, TARGET = 80, 8080
VIPS = ("10.1.1.1", "fd00:1::1")
NEAR = ("192.168.1.0/24", "fd00:3::/64")
FAR = ("192.168.2.2/32", "fd00:4::2/128")
WEB = ("172.17.0.3", "fd00:2::3")
LB = ("172.17.0.2", "fd00:2::2")
NEAR_LB, ONE, OTHER = "192.168.1.1", "192.168.1.2", "192.168.1.3"  # the load balancer as near sees it, and clients
PROTOCOLS = ("tcp", "udp")
EVERY = [(protocol, vip) for protocol in PROTOCOLS for vip in VIPS]


def build(network, lb):
    """A network per client and one for the real server, each with the load balancer at its end."""
    near, far, web = (network.netns(name) for name in ("near", "far", "web"))
    for netns, v4, v6 in ((near, "192.168.1", "fd00:3:"), (far, "192.168.2", "fd00:4:"),
                          (web, "172.17.0", "fd00:2:")):
        network.link(netns, "eth0", lb, netns.name)
        lb.ip(f"addr add {v4}.{1 if netns != web else 2}/24 dev {netns.name}",
              f"addr add {v6}:{1 if netns != web else 2}/64 dev {netns.name} nodad")
    for netns, v4, v6 in ((near, "192.168.1", "fd00:3:"), (far, "192.168.2", "fd00:4:")):
        netns.ip(f"addr add {v4}.2/24 dev eth0", f"addr add {v6}:2/64 dev eth0 nodad",
                 f"route add default via {v4}.1", f"route add default via {v6}:1")
    web.ip(f"addr add {WEB[0]}/24 dev eth0", f"addr add {WEB[1]}/64 dev eth0 nodad")
    for vip in (*VIPS, "10.1.1.2"):
        lb.ip(f"route add local {vip} dev lo")
    network.serve(web, "web", TARGET)
    return near, far


def service(name, vips, ranges):
    ports = [{"name": p, "port": PORT, "protocol": p.upper(), "targetPort": TARGET}
             for p in PROTOCOLS]
    spec = {"type": "LoadBalancer", "loadBalancerClass": "kago.dev/default", "ports": ports,
            "ipFamilyPolicy": "PreferDualStack"}
    if ranges:
        spec["loadBalancerSourceRanges"] = list(ranges)
    return {"apiVersion": "v1", "kind": "Service", "spec": spec,
            "metadata": {"name": name, "namespace": "test", "annotations": {
                "kago.dev/vip": ",".join(vips), "kago.dev/scheduler": "rr",
                "kago.dev/health-check": "none"}}}


def slices(name):
    made = [endpoints(name, address) for address in WEB]
    for one in made:
        one["ports"] = [{"name": p, "port": TARGET, "protocol": p.upper()} for p in PROTOCOLS]
    return made


class Site:
    def __init__(self, network, folder):
        self.lb = Controller(network, folder)
        self.near, self.far = build(network, self.lb.netns)

    def put(self, name, vips, ranges=()):
        self.lb.put(name, service(name, vips, ranges), *slices(name))

    def restrict(self, *ranges):
        """Until it is so."""
        before = self.applied()
        self.put("web", VIPS, ranges)
        wait_for(f"{ranges} to be applied, log:\n{self.lb.log()}",
                 lambda: self.applied() == before + 1, SOON)

    def applied(self):
        status = self.lb.status()["lastChange"]
        return status["applied"] if status["result"] == "applied" else 0

    def start(self, **settings):
        self.lb.start(**settings)
        self.lb.wait_for_log("event=kernel.applied")


def passes(netns, protocol, vip):
    """Whether the client gets an answer; it comes by the load balancer, whose address web sees."""
    try:
        assert ask(netns, protocol, vip, PORT, timeout=2) == ("web", LB[VIPS.index(vip)])
    except TimeoutError:
        return False
    return True


def is_cut(talk):
    """Whether an open connection gets no answers any more."""
    try:
        talk.ask()
    except OSError:
        return True
    return False


def who_pass(site):
    """All ask at once, for who is kept out waits in vain."""
    with ThreadPoolExecutor(len(EVERY)) as pool:
        return {name: [e for e, passed in zip(EVERY, pool.map(partial(passes, getattr(site, name)), *zip(*EVERY)))
                       if passed] for name in ("near", "far")}


def expect(site, near, far):
    """Nobody else passes; who has no answer asks again, for the machine may be busy with something else."""
    wanted = {"near": near, "far": far}

    def all_pass():
        found = who_pass(site)
        assert all(set(found[name]) <= set(wanted[name]) for name in wanted), found
        return found == wanted

    wait_for(f"{wanted} to pass", all_pass, SOON)


@pytest.fixture(name="site")
def _site(tmp_path):
    with Network() as network:
        yield Site(network, tmp_path)


def test_ranges_come_change_and_go_while_connections_stay(site):
    site.put("web", VIPS)
    site.start()
    expect(site, near=EVERY, far=EVERY)
    with contextlib.ExitStack() as stack:
        near, far = ([stack.enter_context(Talk(netns, protocol, vip, PORT))
                      for protocol, vip in EVERY] for netns in (site.near, site.far))
        for talk in (*near, *far):
            talk.ask()
        site.restrict(*NEAR)
        expect(site, near=EVERY, far=[])
        site.restrict(*NEAR, *FAR)
        expect(site, near=EVERY, far=EVERY)
        site.restrict(FAR[0], NEAR[1])
        expect(site, near=[e for e in EVERY if e[1] == VIPS[1]], far=[e for e in EVERY if e[1] == VIPS[0]])
        site.restrict(*NEAR)
        for talk in near:
            talk.ask()
        with ThreadPoolExecutor(len(far)) as pool:
            assert all(pool.map(is_cut, far))
        site.restrict()
        expect(site, near=EVERY, far=EVERY)
    assert site.lb.log().count("event=config.written") == 1, "keepalived had nothing to do"
    for name in ("allowed4", "allowed6"):
        assert "elements" not in site.lb.netns.run("nft", "list", "set", "inet", "kago", name).stdout


def test_ranges_of_one_family_leave_nobody_of_the_other(site):
    site.put("web", VIPS, [NEAR[0]])
    site.start()
    expect(site, near=[e for e in EVERY if e[1] == VIPS[0]], far=[])


def test_a_service_is_restricted_from_its_first_packet_to_its_last(site):
    """Also while no controller runs, and when the next one finds that it is gone."""
    site.put("web", VIPS, NEAR)
    site.lb.start_outside()
    site.lb.wait_for_log("event=kernel.applied")
    site.lb.process.kill()
    wait_for("an answer", lambda: passes(site.near, "tcp", VIPS[0]), SOON)
    assert not passes(site.far, "tcp", VIPS[0])
    site.lb.remove("web")
    site.put("other", ["10.1.1.2"])
    site.lb.start_outside()
    wait_for("its end", lambda: "10.1.1.1:80" not in str(site.lb.ipvs()), SOON)
    wait_for("the end of its guard", lambda: VIPS[0] not in site.lb.netns.run(
        "nft", "list", "table", "inet", "kago").stdout, SOON)


def test_rules_that_nftables_refuses_keep_only_their_service_out(site):
    template = (ROOT / "templates/nftables.conf.mustache").read_text(encoding="utf-8")
    small = site.lb.folder / "small.mustache"
    small.write_text(re.sub(r"(set allowed4 .*interval;)", r"\1 size 1;", template),
                     encoding="utf-8")
    site.put("web", VIPS, NEAR)
    site.start(**{"keepalived.nftTemplate": small})
    before = site.lb.ipvs()
    site.put("other", ["10.1.1.2"], ["10.0.0.0/8"])
    site.put("open", ["10.1.1.3"])
    site.lb.wait_for_log("event=clients.not_guarded .*with nftables")
    status = site.lb.status()["lastChange"]
    assert status["result"] == "mismatch" and "with nftables" in status["error"]
    others = {place for place in site.lb.ipvs() if "10.1.1.3" in place}
    assert others and {p: r for p, r in site.lb.ipvs().items() if p not in others} == before
    expect(site, near=EVERY, far=[])
    site.lb.remove("other")
    wait_for("good news", lambda: site.lb.status()["lastChange"]["result"] == "applied", SOON)


def test_rules_that_somebody_flushes_are_put_back(site):
    site.put("web", VIPS, NEAR)
    site.start()
    expect(site, near=EVERY, far=[])
    site.lb.netns.run("nft", "flush", "ruleset")
    site.lb.process.wait_for_line("event=clients.table_lost", SOON)
    # The nft outside of the image is older, and crashes at what the one inside has made.
    wait_for("the guards to be back", lambda: who_pass(site) == {"near": EVERY, "far": []}, SOON)
    assert site.lb.log().count("event=clients.table_lost") == 1


def test_a_template_that_restricts_nobody_is_refused(site):
    template = (ROOT / "templates/nftables.conf.mustache").read_text(encoding="utf-8")
    old = site.lb.folder / "old.mustache"
    old.write_text(template[:template.index("{{#guarded4}}")], encoding="utf-8")
    site.put("web", VIPS, NEAR)
    site.lb.start(**{"keepalived.nftTemplate": old})
    site.lb.wait_for_log("event=controller.failed .*it restricts no clients")
    assert site.lb.process.wait(SOON) == 1
    assert site.lb.ipvs() == {}


def allow(site, *nets):
    """What kago.yaml says from now on of who may read metrics."""
    config, new = site.lb.folder / "kago.yaml", site.lb.folder / ".kago.yaml"
    new.write_text(json.dumps({"http": {"allow": nets}}), encoding="utf-8")
    new.rename(config)
    return config


def start_with(site, config, **settings):
    container = site.lb.container
    site.lb.container = lambda *words: container(*words, "--config", config)
    site.put("web", VIPS)
    site.start(**settings)


def reads(site, client, port=9440, patience=20):
    """Whether a client, an address of `near`, gets its page; None: its packets are dropped."""
    with site.near.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(patience)
        sock.bind((client, 0))
        try:
            sock.connect((NEAR_LB, port))
            sock.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            return b"200 OK" in sock.recv(1000)
        except TimeoutError:
            return None
        except ConnectionError:
            return False


def test_packets_of_who_may_not_read_metrics_are_dropped(site):
    site.near.ip(f"addr add {OTHER}/24 dev eth0")
    start_with(site, allow(site, f"{ONE}/32", NEAR[1]),
               **{"http.listen": f"{NEAR_LB}:9440", "http.probes": f"{NEAR_LB}:9441"})
    site.lb.wait_for_log("event=clients.guarded")
    assert reads(site, ONE) and reads(site, OTHER, patience=2) is None
    assert reads(site, OTHER, port=9441), "probes are for everybody"
    allow(site, f"{OTHER}/32")
    site.lb.wait_for_log('event=config.changed key=http.allow effect="in use"')
    wait_for("the other client's turn", lambda: reads(site, OTHER, patience=2), SOON)
    assert reads(site, ONE, patience=2) is None
    allow(site)
    wait_for("everybody's turn", lambda: reads(site, ONE, patience=2), SOON)
    assert reads(site, OTHER)
    expect(site, near=EVERY, far=EVERY)


def test_where_metrics_are_on_all_addresses_who_may_not_read_them_gets_no_answer(site):
    site.near.ip(f"addr add {OTHER}/24 dev eth0")
    start_with(site, allow(site, f"{ONE}/32"), **{"http.listen": "0.0.0.0:9440"})
    assert [reads(site, client) for client in (ONE, OTHER)] == [True, False]
    assert site.lb.http("/healthz")[0] == 200, "the pod itself may"
    allow(site, f"{OTHER}/32")
    wait_for("the other client's turn", lambda: reads(site, OTHER), SOON)
    assert reads(site, ONE) is False
