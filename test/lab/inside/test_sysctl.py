# SPDX-License-Identifier: Apache-2.0
"""The sysctls of a load balancer pod, on the real /proc/sys."""

import json

import pytest

from net import program

WANTED = {
    "net.ipv4.vs.conntrack": "1",
    "net.ipv4.vs.expire_nodest_conn": "1",
    "net.ipv4.vs.expire_quiescent_template": "1",
    "net.ipv4.vs.sloppy_tcp": "1",
    "net.ipv4.vs.schedule_icmp": "1",
    "net.ipv4.ip_forward": "1",
    "net.ipv6.conf.all.forwarding": "1",
    "net.ipv4.conf.all.send_redirects": "0",
    "net.ipv4.conf.default.send_redirects": "0",
    "net.ipv4.conf.eth0/7.send_redirects": "0",
}
READ_ONLY = 'mount -o bind,ro /proc/sys /proc/sys && exec "$@"'


@pytest.fixture
def pod(network):
    made = network.netns("pod")
    made.ip("link add eth0.7 type dummy", "link set eth0.7 up")
    made.run(program("kago-probe"), "ipvs", "dump")  # loads IPVS
    return made


def apply(netns, *before):
    done = netns.run(*before, program("kago-probe"), "sysctl", "apply")
    return {result["name"]: result for result in json.loads(done.stdout)}


def test_what_is_wrong_is_set(pod):
    for name, value in WANTED.items():
        pod.sysctl(name, 1 - int(value))
    results = apply(pod)
    assert {name: pod.sysctl(name) for name in WANTED} == WANTED
    assert {results[name]["state"] for name in WANTED} == {"set"}


def test_a_second_time_all_is_kept(pod):
    apply(pod)
    assert {result["state"] for result in apply(pod).values()} == {"kept"}


def test_where_nothing_can_be_written_what_was_set_before_counts(pod):
    pod.sysctl("net.ipv6.conf.all.forwarding", 0)
    pod.sysctl("net.ipv4.vs.conntrack", 1)
    pod.sysctl("net.ipv4.ip_forward", 1)
    results = apply(pod, "unshare", "--mount", "sh", "-ec", READ_ONLY, "sh")
    assert results["net.ipv4.vs.conntrack"]["state"] == "kept"
    assert results["net.ipv4.ip_forward"]["state"] == "kept"
    failed = results["net.ipv6.conf.all.forwarding"]
    assert (failed["state"], failed["need"]) == ("failed", "required-ipv6")
    assert failed["message"] == (
        "net.ipv6.conf.all.forwarding is 0 and cannot be set to 1 (Read-only file system): set it "
        "with securityContext.sysctls or in a privileged init container; without it replies of NAT "
        "Services with IPv6 VIPs are lost")
    assert results["net.ipv4.vs.expire_nodest_conn"]["need"] == "advised"
    assert pod.sysctl("net.ipv6.conf.all.forwarding") == "0"
