# SPDX-License-Identifier: Apache-2.0
"""What `kago-controller check` finds in network namespaces with a real kernel."""

import contextlib
import json
import os
import re
import socket
import struct
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from net import ROOT, program, run
from test_controller import RR, WEB, Controller, endpoints, service

OK = {"config", "capabilities", "ipvs", "scheduler", "ipvs-ipv6", "nftables", "sysctl", "rp_filter", "mtu",
      "http.listen", "keepalived.template", "keepalived.nftTemplate", "api-server"}
READ_ONLY = ("unshare", "--mount", "sh", "-ec", 'mount -o bind,ro /proc/sys /proc/sys && exec "$@"', "sh")
UNPRIVILEGED = ("setpriv", "--bounding-set=-net_admin")
CONTAINER = ("setpriv", "--bounding-set=-all,+net_admin", "--no-new-privs")
TCP_MD5SIG = 14


class Pod:
    """A network namespace with an interface, to be checked."""

    def __init__(self, network, folder):
        self.netns = network.netns("pod")
        self.netns.ip("link add eth0 type dummy", "addr add 172.16.0.9/24 dev eth0", "link set eth0 up")
        self.config = folder / "kago.yaml"
        self.settings = {"keepalived": {"template": f"{ROOT}/templates/keepalived.conf.mustache",
                                        "nftTemplate": f"{ROOT}/templates/nftables.conf.mustache"}}

    def command(self, *words):
        self.config.write_text(json.dumps(self.settings), encoding="utf-8")
        return [program("kago-controller"), "check", "--config", self.config, *words]

    def check(self, *words, before=()):
        """{check: [finding]}, and with them the exit status."""
        done = self.netns.run(*before, *self.command("-o", "json", *words), check=False)
        answer = json.loads(done.stdout)
        found = {}
        for finding in answer["findings"]:
            found.setdefault(finding["check"], []).append(finding)
        assert done.returncode == (1 if answer["errors"] else 0), done.stderr
        return found, done.returncode

    def sysctls(self):
        names = ("net.ipv4.vs.conntrack", "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding",
                 "net.ipv4.vs.expire_nodest_conn", "net.ipv4.vs.expire_quiescent_template",
                 "net.ipv4.conf.all.send_redirects", "net.ipv4.conf.eth0.send_redirects")
        return {name: self.netns.sysctl(name) for name in names}


@pytest.fixture(name="pod")
def _pod(network, tmp_path):
    return Pod(network, tmp_path)


def levels(found, check):
    return {finding["level"] for finding in found[check]}


def texts(found, check, level):
    return [finding["found"] for finding in found[check] if finding["level"] == level]


def test_a_pod_that_was_fixed_has_nothing_wrong(pod):
    found, status = pod.check("--fix")
    assert status == 0
    assert {check for check in found if levels(found, check) == {"ok"}} >= OK, found
    assert set(pod.sysctls().values()) == {"0", "1"}
    again, status = pod.check()
    assert status == 0
    assert "net.ipv4.vs.conntrack is 1" in texts(again, "sysctl", "ok")


def test_without_fix_nothing_is_written(pod):
    before = pod.sysctls()
    found, status = pod.check()
    assert status == 1
    assert pod.sysctls() == before
    assert "net.ipv4.vs.conntrack is 0, not 1: replies of NAT Services are lost" in texts(found, "sysctl", "error")
    assert all(f["remedy"] for f in found["sysctl"] if f["level"] != "ok")


def test_traces_of_trying_are_gone(pod):
    pod.check("--fix")
    assert pod.netns.run("nft", "list", "ruleset").stdout == ""
    assert pod.netns.run("ipvsadm", "-Sn").stdout == ""


def test_what_cannot_be_set_says_why(pod):
    found, status = pod.check("--fix", before=READ_ONLY)
    assert status == 1
    assert ("net.ipv4.vs.conntrack is 0 and cannot be set to 1 (Read-only file system): "
            "replies of NAT Services are lost") in texts(found, "sysctl", "error")


def test_a_pod_without_ipv6_needs_no_forwarding_of_it(pod):
    name = "net.ipv6.conf.all.forwarding"
    found, _ = pod.check()
    assert f"{name} is of no matter: there is no IPv6 address here" in texts(found, "sysctl", "ok")
    pod.netns.ip("addr add fd00::9/64 dev eth0 nodad")
    found, _ = pod.check()
    assert texts(found, "sysctl", "error")[-1].startswith(f"{name} is 0, not 1")


def test_without_net_admin_what_can_be_known_is_said(pod):
    pod.check("--fix")
    found, status = pod.check(before=UNPRIVILEGED)
    assert status == 1
    assert levels(found, "capabilities") == {"error"}
    assert levels(found, "ipvs") == {"ok"}
    assert levels(found, "scheduler") == levels(found, "nftables") == {"warning"}
    assert levels(found, "sysctl") == levels(found, "keepalived.template") == {"ok"}


def test_net_admin_alone_is_enough_for_all(pod):
    pod.check("--fix")
    found, status = pod.check(before=CONTAINER)
    assert status == 0
    assert {check for check in found if levels(found, check) == {"ok"}} >= OK, found


@contextlib.contextmanager
def no_modules():
    """The kernel cannot load any, as on a node that has not got them."""
    loader = Path("/proc/sys/kernel/modprobe")
    before = loader.read_text(encoding="ascii")
    loader.write_text("/bin/false\n", encoding="ascii")
    run("rmmod", "ip_vs_mh")
    try:
        yield
    finally:
        loader.write_text(before, encoding="ascii")


@pytest.mark.skipif(os.environ.get("KAGO_LAB") != "vm", reason="takes modules out of the kernel")
def test_a_node_without_the_scheduler_is_found_out_and_one_with_it_loads_it(pod):
    with no_modules():
        found, status = pod.check("--fix")
    assert status == 0
    assert texts(found, "scheduler", "warning") == [
        "IPVS lacks mh: Services that ask for it, or for none if it is mh, get another one"]
    assert levels(found, "ipvs") == {"ok"}
    found, status = pod.check()
    assert (status, levels(found, "scheduler")) == (0, {"ok"})


def test_strict_filtering_matters_with_a_second_interface(pod):
    pod.netns.sysctl("net.ipv4.conf.all.rp_filter", 1)
    found, _ = pod.check()
    assert levels(found, "rp_filter") == {"ok"}
    pod.netns.ip("link add net1 type dummy", "addr add 172.17.0.9/24 dev net1", "link set net1 up mtu 1000")
    pod.netns.sysctl("net.ipv4.conf.net1.rp_filter", 2)
    found, _ = pod.check()
    assert [f["level"] for f in found["rp_filter"]] == ["warning", "ok"]
    assert texts(found, "mtu", "ok") == ["eth0 has an MTU of 1500"]
    assert texts(found, "mtu", "warning") == ["net1 has an MTU of 1000; with less than 1280 there is no IPv6"]


@pytest.mark.parametrize("encapsulation", ["ipip", "gue"])
def test_tunnels_are_tried_and_leave_no_trace(pod, encapsulation):
    pod.settings.update(forward="tunnel", tunnel={"encapsulation": encapsulation, "nodes": ["node-1"]})
    found, _ = pod.check("--fix")
    assert texts(found, "ipvs-tunnel", "ok") == [f"IPVS takes real servers behind {encapsulation} tunnels"]
    assert "1 node takes tunnels" in texts(found, "tunnels", "ok")
    assert pod.netns.run("ipvsadm", "-Sn").stdout == ""


def test_an_mtu_that_is_too_small_for_ipv6_in_a_tunnel(pod):
    """What the kernel drops then: nothing of it can be seen from outside."""
    pod.settings["forward"] = "tunnel"
    pod.netns.ip("addr add fd00::9/64 dev eth0 nodad", "link set eth0 mtu 1300")
    found, _ = pod.check("--fix")
    assert texts(found, "tunnels", "ok") == ["the MTU of eth0, 1300, leaves 1280 bytes in ipip tunnels"]
    assert ("the MTU of eth0, 1300, leaves 1260 bytes in ip6ip6 tunnels: with less than 1280 IPVS drops every packet"
            in texts(found, "tunnels", "warning"))


@pytest.mark.parametrize("word, level, said", [
    ("lvs_sched {", "error", "keepalived refuses what .*/own.mustache makes of an example: .*'}'"),
    ("lvs_shed", "warning", "keepalived would run with what .*/own.mustache makes .*Unknown keyword 'lvs_shed'"),
])
def test_a_template_that_keepalived_does_not_like(pod, tmp_path, word, level, said):
    own = tmp_path / "own.mustache"
    text = Path(pod.settings["keepalived"]["template"]).read_text(encoding="utf-8")
    own.write_text(text.replace("lvs_sched", word), encoding="utf-8")
    pod.settings["keepalived"]["template"] = str(own)
    found, status = pod.check("--fix")
    assert status == (1 if level == "error" else 0)
    assert re.search(said, texts(found, "keepalived.template", level)[0])


def test_what_a_template_includes_is_told_to_nobody(pod, tmp_path):
    """keepalived would say the first word of each line that it does not know."""
    (tmp_path / "token").write_text("secret-of-the-pod\n", encoding="utf-8")
    own = tmp_path / "own.mustache"
    text = Path(pod.settings["keepalived"]["template"]).read_text(encoding="utf-8")
    own.write_text(f"include {tmp_path}/token\n{text}", encoding="utf-8")
    pod.settings["keepalived"]["template"] = str(own)
    found, _ = pod.check("--fix")
    assert "secret-of-the-pod" not in json.dumps(found)


def test_a_configuration_that_cannot_be_read_hides_nothing(pod):
    pod.settings = {"pools": 7}
    found, status = pod.check("--fix")
    assert status == 1
    assert re.search("kago.yaml:1:.*pools", texts(found, "config", "error")[0])
    assert levels(found, "sysctl") == levels(found, "scheduler") == {"ok"}


@contextlib.contextmanager
def listening(netns, address, port, password=None, client="172.16.0.9"):
    with contextlib.ExitStack() as stack:
        sock = stack.enter_context(netns.socket(socket.AF_INET, socket.SOCK_STREAM))
        sock.bind((address, port))
        if password:
            peer = struct.pack("=HH4s120x", socket.AF_INET, 0, socket.inet_aton(client))
            sock.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG,
                            peer + struct.pack("=BBHI80s", 0, 0, len(password), 0, password))
        sock.listen(10)
        yield


def test_bgp_peers_are_called_with_their_password(pod, network, tmp_path):
    router = network.netns("router")
    network.link(pod.netns, "e0", router, "e0")
    pod.netns.ip("addr add 10.0.0.2/24 dev e0")
    router.ip("addr add 10.0.0.1/24 dev e0")
    (tmp_path / "right").write_text("secret\n", encoding="ascii")
    (tmp_path / "wrong").write_text("other\n", encoding="ascii")
    peers = [{"address": "10.0.0.1", "port": 1790},
             {"address": "10.0.0.1", "port": 1791},
             {"address": "10.0.0.1", "port": 1792, "passwordFile": str(tmp_path / "right")},
             {"address": "10.0.0.1", "port": 1792, "passwordFile": str(tmp_path / "wrong")},
             {"address": "10.0.0.1", "port": 1792, "passwordFile": str(tmp_path / "none")}]
    found = {}
    with listening(router, "10.0.0.1", 1790), \
            listening(router, "10.0.0.1", 1792, b"secret", client="10.0.0.2"):
        for number, peer in enumerate(peers):
            pod.settings["bgp"] = {"as": 65000, "peers": [peer]}
            found[number] = pod.check("--fix")[0]["bgp.peers"][0]
    assert [found[i]["level"] for i in found] == ["ok", "warning", "ok", "warning", "warning"]
    assert found[1]["found"] == "10.0.0.1 port 1791 cannot be reached: Connection refused"
    assert found[3]["found"] == "10.0.0.1 port 1792 cannot be reached: no answer"
    assert found[4]["found"].startswith("10.0.0.1 port 1792 was not called, for its password is not known here")


def test_layer_2_asks_for_no_peers_but_vips_near_the_node(pod, monkeypatch):
    pod.settings.update(announce="l2", pools=[{"name": "lan", "addresses": ["192.168.1.200-192.168.1.220"]}])
    found, _ = pod.check("--fix")
    assert "bgp.peers" not in found and levels(found, "l2") == {"ok"}
    monkeypatch.setenv("HOST_IPS", "10.0.0.105,fd00::105")
    found, _ = pod.check()
    assert texts(found, "l2", "warning") == ["no pool has an IPv4 address near the node's, 10.0.0.105: nobody answers "
                                             "for a VIP outside of the node's networks"]
    monkeypatch.setenv("HOST_IPS", "192.168.1.10")
    found, _ = pod.check()
    assert levels(found, "l2") == {"ok"}


def test_people_get_a_table(pod):
    done = pod.netns.run(*pod.command(), check=False)
    assert re.search(r"^ok       ipvs                    the kernel has IPVS$", done.stdout, re.MULTILINE)
    assert re.search(r"^ {33}remedy: `kago-controller check --fix`", done.stdout, re.MULTILINE)
    assert re.fullmatch(r"\d+ errors?, \d+ warnings?", done.stdout.splitlines()[-1])


def test_bad_usage_is_neither_good_nor_bad(pod):
    for words in (("--output", "xml"), ("--set", "no.such=key"), ("--nothing",)):
        assert pod.netns.run(*pod.command(*words), check=False).returncode == 2


@pytest.fixture(name="lb")
def _lb(network, tmp_path):
    return Controller(network, tmp_path)


def test_a_running_controller_is_not_disturbed(lb, pod):
    pod.netns = lb.netns
    lb.put("web", service("web", "10.1.1.1", **RR), endpoints("web", "172.16.0.1", "172.16.0.2"))
    lb.start_outside(**{"keepalived.minReloadGap": "100ms"})
    lb.wait_for_ipvs(WEB)
    lb.wait_for_log("event=kernel.applied")
    rules = lb.netns.run("nft", "list", "table", "inet", "kago").stdout
    found, status = pod.check()
    assert (status, levels(found, "scheduler")) == (0, {"ok"})
    assert lb.ipvs() == WEB
    assert lb.netns.run("nft", "list", "table", "inet", "kago").stdout == rules
    lb.put("web", service("web", "10.1.1.1", **RR), endpoints("web", "172.16.0.1"))
    lb.wait_for_ipvs({"TCP 10.1.1.1:80 rr": {"172.16.0.1:8080": 1}})
    assert "event=kernel.mismatch" not in lb.log()


def test_health_is_served_on_the_pods_own_address(lb, pod, monkeypatch):
    pod.netns = lb.netns
    pod.settings["http"] = {"listen": "pod:9440", "probes": "pod:9441"}
    found, _ = pod.check("--fix")
    for key in ("http.listen", "http.probes"):
        assert f"{key} pod:944" in texts(found, key, "error")[0]
        assert "has neither POD_IP nor POD_IPS" in texts(found, key, "error")[0]
    monkeypatch.setenv("POD_IP", "172.16.0.9")
    found, _ = pod.check()
    assert texts(found, "http.listen", "ok") == ["health and metrics are served on pod:9440"]
    assert texts(found, "http.probes", "ok") == ["probes are served on pod:9441"]
    lb.start_outside(**{"http.listen": "pod:9440", "http.probes": "pod:9441"})
    lb.wait_for_log("event=kernel.applied")
    with lb.netns.entered():
        for port in (9440, 9441):
            with urllib.request.urlopen(f"http://172.16.0.9:{port}/healthz", timeout=10) as answer:
                assert answer.read() == b"ok\n"
        with urllib.request.urlopen("http://172.16.0.9:9440/metrics", timeout=10) as answer:
            assert b"kago_ready" in answer.read()
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen("http://172.16.0.9:9441/metrics", timeout=10)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", 9440), timeout=10)
