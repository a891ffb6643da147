# SPDX-License-Identifier: Apache-2.0
"""kago-node with a real API server: Services, endpoints, load balancers; and with the chart's permissions."""

import contextlib
import signal
from datetime import datetime, timezone

import pytest
import yaml

from net import Network, program, run, wait_for
from plane import LEASES, RULES, Account, ApiError, Plane, missing
from test_node import CLIENT, FLEET, LB, PODS, VIPS, Site, answers, slice_of

PATIENCE = 90  # s, for anything of the API server, which is emulated
HOST = "10.9.0.1,fd00:9::1"
LEASE = f"tunnels.kago-{FLEET}.n1"

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


class AgentAccount(Account):
    """The service account of the chart's agents."""

    def role(self, kind, ns, purpose, rules):
        super().role(kind, ns, purpose, RULES / f"agent-{rules.name}")


class Whole(Site):
    def __init__(self, network, folder):
        super().__init__(network, folder)
        run("ip", "link", "add", "switch", "type", "veth", "peer", "name", "plane", "netns", "router")
        run("ip", "link", "set", "switch", "up")
        network.callback(run, "ip", "link", "delete", "switch")
        self.router.ip("link set plane up master br0")
        self.callback = network.callback
        self.plane = Plane(self, "--audit")
        self.api = self.plane.api
        self.account = AgentAccount(self.plane, "agent").allow_cluster()

    def start(self, *options):
        self.agent = self.network.start(
            self.node, "env", f"HOST_IPS={HOST}", program("kago-node"), "run", "--source", "kubernetes",
            "--kubeconfig", self.account.kubeconfig, "--node", "n1", "--set", "log.level=debug", *options,
            log=self.folder / "agent.log")
        return self.agent

    def lease(self):
        with contextlib.suppress(ApiError):
            return self.api.get("Lease", LEASES, LEASE)
        return None

    def announce_lb(self):
        """The load balancer's own Lease, as its controller keeps it."""
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
        self.api.create({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": f"kago-{FLEET}.lb-1", "namespace": LEASES, "labels": {"kago.dev/fleet": FLEET},
                         "annotations": {"kago.dev/pod-ips": LB[4]}},
            "spec": {"holderIdentity": "lb-1", "leaseDurationSeconds": 3600, "renewTime": now}})

    def create(self):
        self.api.ensure({"kind": "Namespace", "metadata": {"name": "shop"}})
        self.api.create({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"type": "LoadBalancer", "loadBalancerClass": f"kago.dev/{FLEET}",
                     "allocateLoadBalancerNodePorts": False,
                     "ports": [{"name": "tcp", "port": 80, "targetPort": 8080}]}})
        self.api.patch("Service", "shop", "web", {"status": {"loadBalancer": {"ingress": [{"ip": VIPS[4]}]}}}, "status")
        self.api.create(slice_of("web-4", 4, [PODS["a"][4]]))
        self.api.create(slice_of("web-5", 4, ["172.16.5.10"], node="n2"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    with Network() as network:
        made = Whole(network, tmp_path_factory.mktemp("whole"))
        made.balance("a")
        made.create()
        yield made
        print(made.agent.output() if made.agent else "")


def used(whole):
    """{(group, resource, verb)} that the agent's account was allowed."""
    return {(e["objectRef"].get("apiGroup", ""), e["objectRef"]["resource"], e["verb"]) for e in whole.plane.audit()
            if e["user"].get("username") == whole.account.user and e.get("objectRef")
            and e.get("responseStatus", {}).get("code", 500) < 300}


def granted():
    """The same of the chart's rules."""
    rules = [rule for name in ("agent-cluster-rules.yaml", "agent-lease-rules.yaml")
             for rule in yaml.safe_load((RULES / name).read_text(encoding="ascii"))]
    return {(group, resource, verb) for rule in rules for group in rule["apiGroups"]
            for resource in rule["resources"] for verb in rule["verbs"]}


def test_the_agent_of_a_cluster(whole):
    whole.start().wait_for_line("event=node.ready", PATIENCE)
    lease = wait_for("its Lease", whole.lease, PATIENCE)
    assert lease["metadata"]["annotations"] == {
        "kago.dev/tunnels": "ipip ip6ip6 gue gue6", "kago.dev/node": "n1", "kago.dev/node-ips": HOST}
    assert lease["metadata"]["labels"] == {"kago.dev/fleet": FLEET, "kago.dev/agent": "true"}
    assert (lease["spec"]["holderIdentity"], lease["spec"]["leaseDurationSeconds"]) == ("n1", 40)
    with pytest.raises(OSError):  # no load balancer is known yet
        answers(whole, 4, timeout=1.5)
    whole.announce_lb()
    wait_for("the load balancer is let in", lambda: LB[4] in whole.table(), PATIENCE)
    assert answers(whole, 4) == ("a", CLIENT[4])
    assert "172.16.5.10" not in whole.table()
    wait_for("its Lease is renewed", lambda: whole.lease()["spec"]["renewTime"] > lease["spec"]["renewTime"], PATIENCE)
    whole.agent.signal(signal.SIGTERM)
    assert whole.agent.wait() == 0
    assert whole.lease() and answers(whole, 4) == ("a", CLIENT[4])
    whole.agent.log.unlink()
    whole.start("--leave-nothing").wait_for_line("event=node.ready", PATIENCE)
    whole.agent.signal(signal.SIGTERM)
    assert whole.agent.wait() == 0
    assert not whole.lease() and "kago" not in whole.node.run("nft", "list", "ruleset").stdout
    # This server has streamed lists; test/kube/test_permissions.py has one that has to be asked for lists, too.
    assert used(whole) | {(group, resource, "list") for group, resource, _ in granted()} == granted()
