# SPDX-License-Identifier: Apache-2.0
"""Load balancers tell each other by their Leases what their kernels hold, and whose tables differ."""

import json
import random
import sys
import urllib.request
from pathlib import Path

import pytest

from net import ROOT, Failed, Network, program, wait_for
from test_controller import SOON, Controller

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "kube"))
from fake_api import FakeApi, make_certificates  # noqa: E402
from rig import NAMESPACE, lease_of  # noqa: E402

API = "10.8.0.1"
LOCAL = "172.16.0.9"  # a real server that lives in each load balancer
AGREED = 2 * 10 + 30 + SOON  # s: a look, a heartbeat, and the time after which what differs counts
PODS = [f"172.16.0.{n}" for n in range(20, 40)]


def service(name, vip, **annotations):
    notes = {"kago.dev/vip": vip, "kago.dev/health-check": "none", **annotations}
    return {"kind": "Service", "apiVersion": "v1",
            "metadata": {"name": name, "namespace": NAMESPACE, "annotations": notes},
            "spec": {"type": "LoadBalancer", "loadBalancerClass": "kago.dev/default",
                     "ports": [{"name": "p", "port": 80, "protocol": "TCP"}]},
            "status": {"loadBalancer": {"ingress": [{"ip": vip}]}}}


def slice_of(name, pods):
    return {"kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", "addressType": "IPv4",
            "metadata": {"name": f"{name}-a", "namespace": NAMESPACE, "labels": {"kubernetes.io/service-name": name}},
            "ports": [{"name": "p", "port": 8080, "protocol": "TCP"}],
            "endpoints": [{"addresses": [pod], "conditions": {"ready": True}} for pod in pods]}


class Member(Controller):
    """A load balancer that follows the API server."""

    def __init__(self, network, folder, name, number, api):
        folder.mkdir()
        super().__init__(network, folder, name)
        self.name = name
        network.link(self.netns, "a0", api.netns, f"lb-{name}")
        self.netns.ip(f"addr add 10.8.0.{number}/24 dev a0")
        api.netns.ip(f"link set lb-{name} master bridge")
        (folder / "ca.crt").write_bytes(api.ca.read_bytes())
        (folder / "kubeconfig").write_text(
            "current-context: main\n"
            f"contexts: [{{name: main, context: {{cluster: fake, user: me, namespace: {NAMESPACE}}}}}]\n"
            f"clusters: [{{name: fake, cluster: {{server: 'https://{API}:{api.port}', "
            "certificate-authority: ca.crt}}]\n"
            "users: [{name: me, user: {token: secret}}]\n")
        self.configure()

    def configure(self, **more):
        new = self.folder / "new.yaml"
        new.write_text(json.dumps({
            "kubernetes": {"identity": self.name},
            "keepalived": {"stateDir": str(self.folder / "run"), "minReloadGap": "100ms",
                           "template": str(ROOT / "templates/keepalived.conf.mustache"),
                           "nftTemplate": str(ROOT / "templates/nftables.conf.mustache")},
            "pools": [{"name": "all", "addresses": ["10.1.0.0/16"]}], **more}))
        new.rename(self.folder / "kago.yaml")

    def follow(self):
        self.process = self.network.start(
            self.netns, program("kago-controller"), "run", "--source", "kubernetes", "--kubeconfig",
            self.folder / "kubeconfig", "--config", self.folder / "kago.yaml", log=self.folder / "log")

    def tables(self):
        done = self.netns.run(program("kago-controller"), "status", "-o", "json", check=False)
        return json.loads(done.stdout or "{}").get("tables", {"others": [], "digest": None})

    def states(self):
        """{load balancer: (state, what differs)}"""
        return {o["name"]: (o["state"], sorted((s.get("name"), s["differsIn"]) for s in o["virtualServers"]))
                for o in self.tables()["others"]}

    def different(self):
        """{kind: how many load balancers have other tables}, of its metrics."""
        with self.netns.entered(), urllib.request.urlopen("http://127.0.0.1:9440/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        found = {line.split('"')[1]: int(line.split()[1])
                 for line in lines if line.startswith("kago_tables_different{")}
        return {kind: n for kind, n in found.items() if n}


class Api(FakeApi):
    """The API server, in a namespace that all load balancers reach."""

    def __init__(self, network, folder):
        ca, certificate, key = make_certificates(folder, f"IP:{API}")
        super().__init__(certificate, key)
        self.ca, self.address = Path(ca), API
        self.netns = network.netns("api")
        self.netns.ip("link add bridge type bridge", f"addr add {API}/24 dev bridge", "link set bridge up")

    def __enter__(self):
        with self.netns.entered():
            return super().__enter__()


@pytest.fixture(name="fleet")
def _fleet(tmp_path):
    with Network() as network:
        api = network.enter_context(Api(network, tmp_path))
        api.put(lease_of("somebody-else"))
        yield api, [Member(network, tmp_path / name, name, number, api) for number, name in ((2, "a"), (3, "b"))]


def await_states(lbs, state, differences=()):
    def agree():
        pairs = [(lb, other) for lb in lbs for other in lbs if other != lb]
        return all(lb.states() == {other.name: (state, list(differences))} for lb, other in pairs)

    try:
        wait_for(state, agree, AGREED, 1)
    except Failed:
        raise AssertionError(f"{[lb.states() for lb in lbs]}\n" + "\n".join(lb.log() for lb in lbs)) from None
    if state == "equal":
        assert len({lb.tables()["digest"] for lb in lbs}) == 1


def test_tables_with_different_histories_are_equal(fleet):
    api, lbs = fleet
    a, b = lbs
    rnd = random.Random(1)
    for i in range(3):
        api.put(service(f"s{i}", f"10.1.0.{1 + i}"))
    for turn in range(8):
        for i in range(3):
            api.put(slice_of(f"s{i}", rnd.sample(PODS, 10)))
        if turn == 0:
            a.follow()
            a.wait_for_log("event=kernel.applied")
        if turn == 4:
            b.follow()
            b.wait_for_log("event=kernel.applied")
    await_states(lbs, "equal")
    assert [lb.tables()["equal"] for lb in lbs] == [True, True]
    assert [lb.different() for lb in lbs] == [{}, {}]


def test_who_differs_is_named_with_what_it_differs_in(fleet):
    api, lbs = fleet
    a, b = lbs
    api.put(service("checked", "10.1.0.1", **{"kago.dev/health-check": "tcp", "kago.dev/health-check-interval": "1s",
                                              "kago.dev/health-check-timeout": "1s"}))
    api.put(slice_of("checked", [LOCAL]))
    api.put(service("other", "10.1.0.2"))
    api.put(slice_of("other", PODS[:3]))
    a.network.serve(a.netns, "here", 8080)
    for lb in lbs:
        lb.follow()
    # At b nobody listens.
    await_states(lbs, "health checks", [("checked", "health checks")])
    assert [lb.different() for lb in lbs] == [{"health_checks": 1}, {"health_checks": 1}]
    assert [lb.tables()["equal"] for lb in lbs] == [True, True]
    b.configure(endpoints={"allow": [f"{LOCAL}/32", f"{PODS[0]}/32"]})
    await_states(lbs, "real servers", [("checked", "health checks"), ("other", "real servers")])
    assert [lb.different() for lb in lbs] == [{"real_servers": 1}, {"real_servers": 1}]
    assert [lb.tables()["equal"] for lb in lbs] == [False, False]
    a.wait_for_log('level=warn event=tables.differ from=b in="real servers" virtual_servers=2')
    b.configure()
    a.network.serve(b.netns, "here", 8080)
    await_states(lbs, "equal")
    a.wait_for_log("event=tables.equal from=b")
