# SPDX-License-Identifier: Apache-2.0
"""kago where no router is told anything: another life of the chart, with VIPs of the nodes' own network."""

import re

import pytest

from installation import NAMESPACE, START, VALUES, WEB, service
from net import wait_for
from traffic import Traffic, get

VIPS = [f"10.0.0.{last}" for last in range(200, 204)]
LAYER_2 = {
    **VALUES, "replicaCount": 2,
    "config": {"announce": "l2", "endpoints": VALUES["config"]["endpoints"],
               # One is for the Service of the installation before this one.
               "pools": [{"name": "lan", "addresses": ["10.0.0.200-10.0.0.209"]}]},
}
NAMES = [f"lan{i}" for i in range(len(VIPS))]


def answers(site, vip):
    try:
        return get(site.client, vip)
    except OSError:
        return ""


def owners(site):
    """{VIP of ours: the pod that says it answers for it}, by `kago-sidecar status`."""
    found = {}
    for pod in site.load_balancers():
        status = site.kubectl("exec", "-n", NAMESPACE, pod, "-c", "exabgp", "--", "kago-sidecar", "status", check=False)
        found.update({vip: pod for vip in re.findall(r"^  (\S+) on eth0$", status, re.MULTILINE) if vip in VIPS})
    return found


@pytest.fixture(scope="module")
def installed(site):
    site.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web"}}, WEB,
               *(service(name, vip=vip) for name, vip in zip(NAMES, VIPS)))
    site.helm("install", "--create-namespace", values=LAYER_2)
    site.rolled("kago", NAMESPACE)
    yield site
    site.helm("uninstall", "--wait")
    for name in NAMES:
        site.kubectl("delete", "service", name, "-n", "web")


def test_clients_find_vips_of_the_nodes_network(installed):
    for vip in VIPS:
        wait_for(f"an answer of {vip}", lambda: answers(installed, vip), START, 0.5)  # noqa: B023
    wait_for("each VIP at one load balancer", lambda: sorted(owners(installed)) == VIPS, START, 1)
    for name, vip in zip(NAMES, VIPS):
        wait_for("the condition", lambda: re.search(
            r"announced by kago-\S+ \(lb1 eth0\) on layer 2",
            installed.kubectl("get", "service", name, "-n", "web", "-o", "yaml")), START, 1)  # noqa: B023
        assert vip in installed.kubectl("get", "service", name, "-n", "web")
    assert not installed.router.run("ip", "route", "show", "proto", "bird", VIPS[0]).stdout
    assert "level=error" not in installed.logs("exabgp") + installed.logs("ipvs") + installed.logs("node-sockets")


def test_a_load_balancer_that_is_deleted_fails_no_request(installed):
    vip = VIPS[0]
    owner = owners(installed)[vip]
    with Traffic(installed.client, vip) as traffic:
        so_far = traffic.count()
        wait_for("requests", lambda: traffic.count() >= so_far + 50, START)
        installed.kubectl("delete", "pod", "-n", NAMESPACE, owner)
        so_far = traffic.count()
        wait_for("requests", lambda: traffic.count() >= so_far + 50, START)
    assert not traffic.failed, str(traffic)
    installed.rolled("kago", NAMESPACE)
    wait_for("its VIPs at those who are there", lambda: sorted(owners(installed)) == VIPS and
             set(owners(installed).values()) <= set(installed.load_balancers()), START, 1)
