# SPDX-License-Identifier: Apache-2.0
"""The whole: objects in a real API server -> addresses -> routes -> packets on IPVS."""

import json
import signal

import pytest

from image import IPVS
from net import wait_for
from plane import (Plane, addresses, conditions, endpoint_slice, endpoints, missing,
                   service)
from topology import CLIENT, KILL, WEB_PORT, Lab
from traffic import Connection, Traffic, get, spread

POOL = "10.1.1.8/30"
FIRST = "10.1.1.8"
STRANGER = "192.168.1.3"  # a client that loadBalancerSourceRanges leave out
REQUESTS = 40  # so many that each of two pods gets one
PATIENCE = 90  # s, for anything of the API server, which is emulated
PAUSE = 0.2  # s between requests: the API server needs the processor that they take

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


class Whole:
    """Two load balancers, two web pods and a Service; every test leaves them as it found them."""

    def __init__(self, lab):
        self.lab, self.client, self.plane = lab, lab.client, Plane(lab)
        self.api = self.plane.api
        self.client.ip(f"address add {STRANGER}/24 dev eth0")
        self.web = [lab.web_pod(f"web-{n}", f"node{n}", 10 + n) for n in (2, 3)]
        self.lbs = [lab.lb_pod_of_cluster(f"lb{n}", f"node{n}", self.plane.pods_kubeconfig,
                                          pools=[{"name": "main", "addresses": [POOL]}]).start()
                    for n in (1, 2)]
        wait_for("a leader", self.plane.leader, PATIENCE)

    def create(self, name, **spec):
        """Its address."""
        self.api.create(service(name, **spec))
        self.api.create(endpoint_slice(name, self.web))
        found = self.await_service(name, "an address", addresses)
        [address] = addresses(found)
        return address

    def get(self, name):
        return self.api.get("Service", "default", name)

    def await_service(self, name, what, condition):
        def holds():
            found = self.get(name)
            return condition(found) and found

        return wait_for(f"{name}: {what}; it is {self.get(name).get('status')}", holds, PATIENCE)

    def await_announced(self, name, lbs):
        """Until the router sends to just these, and the Service says so."""
        [address] = addresses(self.get(name))
        self.lab.await_next_hops(address, lbs)
        by = ", ".join(sorted(lb.name for lb in lbs))
        self.await_service(name, f"announced by {by}", lambda found: conditions(found).get(
            "Announced", {}).get("message") == f"announced by {by}")

    def drain(self, name, *pods):
        """Tells the API server that of the web pods these terminate."""
        self.api.patch("EndpointSlice", "default", f"{name}-x7k2p",
                       {"endpoints": endpoints(self.web, pods)})
        wanted = {f"{pod.address}:{WEB_PORT}": int(pod not in pods) for pod in self.web}
        for lb in self.lbs:
            wait_for(f"{wanted} in {lb.name}", lambda lb=lb: lb.real_servers() == wanted, PATIENCE)

    def delete(self, name):
        self.api.delete("EndpointSlice", "default", f"{name}-x7k2p")
        self.api.delete("Service", "default", name)

    def hold(self, vip, pod):
        """An open connection to this pod."""
        for _ in range(100):
            connection = Connection(self.client, vip)
            if connection.get() == pod.name:
                return connection
            connection.close()
        raise AssertionError(f"100 connections and none to {pod.name}")

    def explain(self, lb, name):
        return json.loads(lb.netns.run(*IPVS.tool("explain", f"default/{name}", "-o", "json")).stdout)

    def followed(self, lb):
        return json.loads(lb.status("-o", "json"))


@pytest.fixture(name="whole", scope="module")
def _whole():
    with Lab() as lab:
        yield Whole(lab)


@pytest.fixture(name="vip", scope="module")
def _vip(whole):
    vip = whole.create("web")
    whole.await_announced("web", whole.lbs)
    return vip


def names(pods):
    return {pod.name for pod in pods}


def await_requests(traffic, count=REQUESTS):
    so_far = traffic.count()
    wait_for("requests", lambda: traffic.count() >= so_far + count, timeout=PATIENCE)


def test_a_service_gets_an_address_that_two_balancers_announce_and_clients_reach(whole, vip):
    assert vip == FIRST
    status = whole.get("web")["status"]["loadBalancer"]["ingress"]
    assert status == [{"ip": vip, "ipMode": "Proxy", "ports": [{"port": 80, "protocol": "TCP"}]}]
    before = [lb.connections() for lb in whole.lbs]
    assert set(spread(whole.client, vip, REQUESTS)) == names(whole.web)
    taken = [len(lb.connections() - known) for lb, known in zip(whole.lbs, before)]
    assert all(taken) and sum(taken) == REQUESTS, taken


def test_explain_says_what_the_kernel_holds(whole, vip):
    for lb in whole.lbs:
        told = whole.explain(lb, "web")
        [server] = told["virtualServers"]
        real = {f"{r['address']}:{r['port']}" for r in server["realServers"]}
        assert real == set(lb.real_servers()), told
        assert told["announced"][0]["announcers"] == sorted(names(whole.lbs))
        assert told["kubernetes"]["leader"] == whole.plane.leader()


def test_a_drained_endpoint_keeps_its_connections_and_gets_no_new_ones(whole, vip):
    leaving, stays = whole.web
    held = whole.hold(vip, leaving)
    whole.drain("web", leaving)
    assert [held.get() for _ in range(5)] == [leaving.name] * 5
    assert set(spread(whole.client, vip, REQUESTS)) == {stays.name}
    held.close()
    whole.drain("web")
    assert set(spread(whole.client, vip, REQUESTS)) == names(whole.web)


def test_when_the_leaders_pod_is_killed_the_other_leads_and_traffic_goes_on(whole, vip):
    leads = whole.plane.leader()
    [killed], [other] = ([lb for lb in whole.lbs if (lb.name == leads) is which] for which in (True, False))
    with Traffic(whole.client, vip, PAUSE) as traffic:
        await_requests(traffic)
        killed.signal(KILL)
        killed.wait(PATIENCE)
        whole.lab.await_next_hops(vip, [other], timeout=PATIENCE)
        await_requests(traffic)
        wait_for("another leader", lambda: whole.plane.leader() == other.name, PATIENCE)
        whole.await_announced("web", [other])
    # Those under way when it died.
    assert len(traffic.failed) <= Traffic.WORKERS, str(traffic)
    killed.start()
    whole.await_announced("web", whole.lbs)


def test_forwarding_stands_without_the_api_server_and_its_return_reloads_nothing(whole, vip):
    applied = [whole.followed(lb)["lastChange"]["applied"] for lb in whole.lbs]
    changes = len(whole.lab.route_changes(vip))
    with Traffic(whole.client, vip, PAUSE) as traffic:
        await_requests(traffic)
        whole.plane.signal("kube-apiserver", signal.SIGKILL)
        for lb in whole.lbs:
            wait_for("loss of the API server", lambda lb=lb: not whole.followed(lb)["kubernetes"]["following"],
                     PATIENCE)
        await_requests(traffic)
        whole.plane.restart()
        for lb in whole.lbs:
            wait_for("the API server is followed",
                     lambda lb=lb: whole.followed(lb)["kubernetes"]["following"], PATIENCE)
        whole.await_announced("web", whole.lbs)
        await_requests(traffic)
    assert not traffic.failed and not traffic.repeated, str(traffic)
    assert [whole.followed(lb)["lastChange"]["applied"] for lb in whole.lbs] == applied
    assert len(whole.lab.route_changes(vip)) == changes, "the route must stay"
    whole.drain("web", whole.web[0])  # and changes arrive again
    whole.drain("web")


def test_source_ranges_let_only_their_clients_in(whole, vip):
    def gets(source):
        try:
            return get(whole.client, vip, source=source) in names(whole.web)
        except OSError:
            return False

    assert gets(CLIENT) and gets(STRANGER)
    whole.api.patch("Service", "default", "web", {"spec": {"loadBalancerSourceRanges": [f"{CLIENT}/32"]}})
    wait_for("the stranger is out", lambda: not gets(STRANGER), PATIENCE)
    assert all(gets(CLIENT) for _ in range(10))
    whole.api.patch("Service", "default", "web", {"spec": {"loadBalancerSourceRanges": None}})
    wait_for("the stranger is in again", lambda: all(gets(STRANGER) for _ in range(5)), PATIENCE)


def test_a_deleted_service_is_withdrawn_and_its_address_free(whole, vip):
    shop = whole.create("shop")
    whole.await_announced("shop", whole.lbs)
    assert shop != vip
    whole.delete("shop")
    whole.lab.await_next_hops(shop, [], timeout=PATIENCE)
    assert set(spread(whole.client, vip, 10)) <= names(whole.web)
    assert whole.create("again") == shop
    whole.await_announced("again", whole.lbs)
    whole.delete("again")
    whole.lab.await_next_hops(shop, [], timeout=PATIENCE)
