# SPDX-License-Identifier: Apache-2.0
"""Both programs of several load balancers, behind a real route reflector and an ECMP router."""

import json
import os
import time

import pytest

from net import wait_for
from topology import KILL, TERM, WEB_PORT, Lab
from traffic import Connection, Traffic, get, spread

WEB, SHOP = "10.1.1.1", "10.1.2.1"
WEB_NET, SHOP_NET = "10.1.1.0/24", "10.1.2.0/24"
REQUESTS = 60  # so many that each of a few pods gets one
HOLD_TIME = 9


class Cluster:
    """Three load balancers and three web pods; every test leaves them as it found them."""

    def __init__(self, lab):
        self.lab, self.client = lab, lab.client
        self.web = [lab.web_pod(f"web-{n}", f"node{n}", 10 + n) for n in (1, 2, 3)]
        self.lbs = [lab.lb_pod(f"lb{n}", f"node{n}") for n in (1, 2, 3)]
        self.shop = [lab.web_pod("shop-1", "node2", 21)]
        self.shop_lbs = [lab.lb_pod(f"lb{n + 2}", f"node{n}", 3, "second", SHOP_NET)
                         for n in (2, 3)]
        lab.apply_service("web", WEB)
        lab.apply_endpoints("web", self.web)
        lab.apply_service("shop", SHOP, fleet="second")
        lab.apply_endpoints("shop", self.shop)

    def publish(self, pods, draining=()):
        """Tells of the Service's pods, and waits until all kernels know."""
        self.lab.apply_endpoints("web", pods, draining)
        self.await_kernels(pods, draining)

    def await_kernels(self, pods, draining=()):
        wanted = {f"{pod.address}:{WEB_PORT}": int(pod not in draining) for pod in pods}
        for lb in self.lbs:
            wait_for(f"{wanted} in {lb.name}", lambda lb=lb: lb.real_servers() == wanted)

    def await_all(self):
        self.lab.await_next_hops(WEB_NET, self.lbs)

    def lost_after(self, moment, left):
        """Seconds since then, of 1970, until the router sent to these load balancers alone."""
        self.lab.await_next_hops(WEB_NET, left)
        hops = sorted(pod.node.address for pod in left)
        changes = self.lab.route_changes(WEB_NET)
        return next(when for when, found in changes if when >= moment and found == hops) - moment

    def hold(self, pod):
        """An open connection to this pod."""
        for _ in range(100):
            connection = Connection(self.client, WEB)
            if connection.get() == pod.name:
                return connection
            connection.close()
        raise AssertionError(f"100 connections and none to {pod.name}")

    def traffic(self):
        return Traffic(self.client, WEB)


@pytest.fixture(scope="module")
def cluster():
    with Lab() as lab:
        made = Cluster(lab)
        for pod in made.lbs:
            pod.start()
        made.await_all()
        yield made


def await_requests(traffic, count=REQUESTS):
    so_far = traffic.count()
    wait_for("requests", lambda: traffic.count() >= so_far + count, timeout=60)


def readiness(lb):
    status = json.loads(lb.status("-o", "json"))
    return status["ready"], status.get("whyNotReady")


def names(pods):
    return {pod.name for pod in pods}


def test_each_balancer_becomes_a_next_hop(cluster):
    seen = [hops for _, hops in cluster.lab.route_changes(WEB_NET)]
    assert [len(hops) for hops in seen] == [1, 2, 3], seen


def test_requests_spread_over_balancers_and_pods(cluster):
    before = [lb.connections() for lb in cluster.lbs]
    answers = spread(cluster.client, WEB, REQUESTS)
    assert set(answers) == names(cluster.web)
    taken = [len(lb.connections() - known) for lb, known in zip(cluster.lbs, before)]
    assert all(taken) and sum(taken) == REQUESTS, taken


def test_a_drained_pod_keeps_its_connections_and_gets_no_new_ones(cluster):
    leaving, *stay = cluster.web
    held = cluster.hold(leaving)
    cluster.publish(cluster.web, draining=[leaving])
    assert [held.get() for _ in range(5)] == [leaving.name] * 5
    assert set(spread(cluster.client, WEB, REQUESTS)) == names(stay)
    held.close()
    cluster.publish(cluster.web)
    assert set(spread(cluster.client, WEB, REQUESTS)) == names(cluster.web)


def test_a_stopped_balancer_fails_no_request(cluster):
    stopped = cluster.lbs[1]
    with cluster.traffic() as traffic:
        await_requests(traffic)
        stopped.signal(TERM)
        assert stopped.wait(30) == [0, 0]
        cluster.lab.await_next_hops(WEB_NET, [cluster.lbs[0], cluster.lbs[2]])
        await_requests(traffic)
    assert not traffic.failed, str(traffic)
    # What was open when the router changed its mind may have moved to another balancer.
    assert len(traffic.repeated) <= Traffic.WORKERS, str(traffic)
    stopped.start()
    cluster.await_all()


def test_a_killed_balancer_loses_its_route_at_once(cluster):
    killed = cluster.lbs[2]
    with cluster.traffic() as traffic:
        await_requests(traffic)
        start = time.time()
        killed.signal(KILL)
        assert cluster.lost_after(start, cluster.lbs[:2]) < HOLD_TIME / 2
        await_requests(traffic)
    assert len(traffic.failed) <= Traffic.WORKERS, str(traffic)
    killed.wait(10)
    killed.start()
    cluster.await_all()


def test_a_balancer_that_is_cut_off_loses_its_route_within_the_hold_time(cluster):
    cut = cluster.lbs[0]
    start = time.time()
    cut.node.netns.ip(f"link set v{cut.name} down")
    assert cluster.lost_after(start, cluster.lbs[1:]) < HOLD_TIME * 1.5
    wait_for("it to be unready", lambda: readiness(cut) == (False, "no BGP session is up"), 90)
    assert set(spread(cluster.client, WEB, REQUESTS)) == names(cluster.web)
    cut.node.netns.ip(f"link set v{cut.name} up")
    cluster.await_all()
    wait_for("all to be ready", lambda: all(readiness(lb) == (True, None) for lb in cluster.lbs), 90)


def test_forwarding_goes_on_while_the_controller_container_restarts(cluster):
    lb = cluster.lbs[0]
    changes = len(cluster.lab.route_changes(WEB_NET))
    with cluster.traffic() as traffic:
        await_requests(traffic)
        lb.ipvs.signal(KILL)
        lb.ipvs.wait(10)
        await_requests(traffic)
        # A drain that begins while the controller is away.
        cluster.lab.apply_endpoints("web", cluster.web, draining=cluster.web[:1])
        lb.ipvs.start()
        cluster.await_kernels(cluster.web, draining=cluster.web[:1])
        cluster.publish(cluster.web)
        await_requests(traffic)
    assert not traffic.failed and not traffic.repeated, str(traffic)
    assert len(cluster.lab.route_changes(WEB_NET)) == changes, "the route must stay"


def test_forwarding_goes_on_while_keepalived_restarts(cluster):
    lb = cluster.lbs[1]
    old = lb.ipvs.pids()["keepalived"]
    with cluster.traffic() as traffic:
        await_requests(traffic)
        for pid in old:
            os.kill(pid, KILL)
        await_requests(traffic)
        wait_for("another keepalived", lambda: set(lb.ipvs.pids().get("keepalived", [])) - set(old))
        cluster.publish(cluster.web, draining=cluster.web[:1])
        cluster.publish(cluster.web)
    assert not traffic.failed and not traffic.repeated, str(traffic)
    assert cluster.lab.next_hops(WEB_NET) == sorted(pod.node.address for pod in cluster.lbs)


def test_the_route_goes_with_the_last_real_server(cluster):
    """And with a second fleet on nodes that have a balancer already."""
    lab = cluster.lab
    for pod in cluster.shop_lbs:
        pod.start()
    lab.await_next_hops(SHOP_NET, cluster.shop_lbs)
    assert get(cluster.client, SHOP) == "shop-1"
    lab.apply_endpoints("shop", [])
    emptied = {}

    def gone():
        for pod in cluster.shop_lbs:
            if pod.name not in emptied and not pod.real_servers():
                emptied[pod.name] = time.time()
        return len(emptied) == len(cluster.shop_lbs)

    wait_for("no real servers", gone, interval=0.01)
    lab.await_next_hops(SHOP_NET, [])
    withdrawn, _ = lab.route_changes(SHOP_NET)[-1]
    assert withdrawn - max(emptied.values()) < HOLD_TIME / 2
    assert lab.next_hops(WEB_NET) == sorted(pod.node.address for pod in cluster.lbs)
