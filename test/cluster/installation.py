# SPDX-License-Identifier: Apache-2.0
"""A cluster of scripts/cluster as its users see it: kubectl, helm, a client outside, and the nodes."""

import json
import os
import re

from net import ROOT, Netns, run, wait_for

CHART = ROOT / "charts/kago"
RELEASE = NAMESPACE = "kago"
VIP = "10.1.1.1"
LB_NODE = "lb1"
START = 300  # s, until containers of the emulated node run, on a busy machine

VALUES = {
    "image": {"registry": "localhost", "pullPolicy": "Never"},
    "replicaCount": 1,
    "nodeSelector": {"kago.dev/role": "lb"},
    "tolerations": [{"key": "kago.dev/lb", "operator": "Exists"}],
    "config": {
        "bgp": {"as": int(os.environ["KAGO_CLUSTER_AS"]),
                "peers": [{"address": os.environ["KAGO_CLUSTER_REFLECTOR"]}]},
        "endpoints": {"allow": ["172.16.0.0/16"]},  # all pods of scripts/cluster
        "pools": [{"name": "public", "addresses": ["10.1.1.0/24"], "avoidBuggyIPs": True}],
    },
}

WEB = {
    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop", "namespace": "web"},
    "spec": {
        "replicas": 2, "selector": {"matchLabels": {"app": "shop"}},
        "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": {"metadata": {"labels": {"app": "shop"}}, "spec": {
            "topologySpreadConstraints": [{
                "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {"app": "shop"}}}],
            "containers": [{
                "name": "web", "image": "localhost/web:1", "imagePullPolicy": "Never",
                "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
                "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
                # Load balancers hear that a pod leaves, and the pod goes on until they have.
                "lifecycle": {"preStop": {"sleep": {"seconds": 5}}}}]}}},
}


def service(name, **annotations):
    return {"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": "web", "annotations": {
                f"kago.dev/{key.replace('_', '-')}": value for key, value in annotations.items()}},
            "spec": {"type": "LoadBalancer", "loadBalancerClass": "kago.dev/default",
                     "allocateLoadBalancerNodePorts": False, "selector": {"app": "shop"},
                     "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}}


class Site:
    def __init__(self, folder):
        self.folder = folder
        self.plane = os.path.join(os.environ["KAGO_CLUSTER"], "plane")
        self.client = Netns.existing(os.environ["KAGO_CLUSTER_CLIENT"])
        self.router = Netns.existing(os.environ["KAGO_CLUSTER_ROUTER"])

    # What users have

    def kubectl(self, *words, **options):
        return run("kubectl", *words, **{"timeout": START, **options}).stdout

    def apply(self, *objects):
        self.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

    def get(self, *words):
        return json.loads(self.kubectl("get", *words, "-o", "json"))

    def helm(self, verb, *words, values=None):
        """With the values in a file, as users have them."""
        if values is not None:
            file = self.folder / "values.json"
            file.write_text(json.dumps(values), encoding="utf-8")
            words = (CHART, "-f", file, *words)
        return run("helm", verb, RELEASE, *words, "-n", NAMESPACE, timeout=START).stdout

    def rolled(self, deployment, namespace):
        self.kubectl("rollout", "status", f"deployment/{deployment}", "-n", namespace, f"--timeout={START}s")

    # Load balancers

    def load_balancers(self):
        """Names of the pods that are not about to go."""
        pods = self.get("pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=load-balancer")["items"]
        return sorted(p["metadata"]["name"] for p in pods if "deletionTimestamp" not in p["metadata"])

    def logs(self, container, pod=None):
        return self.kubectl("logs", "-n", NAMESPACE, pod or f"deployment/{RELEASE}", "-c", container)

    def announced_by(self, name):
        """The pods that the Service says it is announced by."""
        conditions = self.get("service", name, "-n", "web").get("status", {}).get("conditions", [])
        message = next((c["message"] for c in conditions if c["type"] == "kago.dev/Announced"), "")
        found = re.fullmatch("announced by (.*)", message)
        return sorted(found[1].split(", ")) if found and "nobody" not in message else []

    def await_announced(self, name, pods):
        wait_for(f"{name} to be announced by {pods}", lambda: self.announced_by(name) == sorted(pods), START, 0.5)

    def next_hops(self, vip):
        return re.findall(r"via (\S+)", self.router.run("ip", "route", "show", vip).stdout)

    # The node of load balancers

    def start_eye(self):
        """A pod with which `on_node` sees the node, and one with a network, for which the CNI sets up its own."""
        container = {"name": "eye", "image": "localhost/enter:1", "imagePullPolicy": "Never"}
        on_node = {"nodeName": LB_NODE, "terminationGracePeriodSeconds": 0}
        self.apply({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "eye", "namespace": "kube-system"},
            "spec": {**on_node, "hostNetwork": True, "hostPID": True,
                     "containers": [{**container, "securityContext": {"privileged": True},
                                     "volumeMounts": [{"name": "root", "mountPath": "/host"}]}],
                     "volumes": [{"name": "root", "hostPath": {"path": "/"}}]}}, {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "neighbour", "namespace": "kube-system"},
            "spec": {**on_node, "containers": [container]}})
        self.kubectl("wait", "pod/eye", "pod/neighbour", "-n", "kube-system", "--for=condition=Ready",
                     f"--timeout={START}s")

    def on_node(self, *words):
        return self.kubectl("exec", "eye", "-n", "kube-system", "--", "/enter", *words)

    def traces(self):
        """What pods of load balancers could leave on their node, outside of themselves."""
        links = json.loads(self.on_node("ip", "-j", "link"))
        return {
            "routes": self.on_node("ip", "route", "show", "table", "all"),
            "rules": self.on_node("ip", "rule"),
            "devices": [link["ifname"] for link in links if not link["ifname"].startswith("veth")],
            "pods' devices": sum(link["ifname"].startswith("veth") for link in links),
            "nftables": _without_kube_proxy(self.on_node("nft", "list", "ruleset")),
            "ipvs": self.on_node("ipvsadm", "-Ln"),
            "sysctls": self.on_node("sysctl", "-a", "-r", r"^net\.ipv4\.(vs|ip_forward|conf\.(all|default|eth0))"),
            "processes": sorted(set(self.on_node("ps", "-eo", "comm=").split()) & {
                "kago-controller", "kago-node-socke", "kago-sidecar", "keepalived", "exabgp", "python3"}),
            "folders": self.on_node("ls", "/run", "/etc/cni", "/opt"),
        }


def _without_kube_proxy(ruleset):
    """The tables, each as text; their order means nothing."""
    ruleset = re.sub(r"counter packets \d+ bytes \d+", "counter", ruleset)
    tables = re.findall(r"^table .*?^\}$", ruleset, re.MULTILINE | re.DOTALL)
    return sorted(table for table in tables if not re.match(r"table ip6? kube-proxy ", table))
