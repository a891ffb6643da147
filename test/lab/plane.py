# SPDX-License-Identifier: Apache-2.0
"""A real API server on the lab's node network, and load balancer pods that follow it.

Under emulation it takes a minute to start. Its programs are those of KUBEBUILDER_ASSETS.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kube"))
from api import ApiError, addresses, conditions  # noqa: E402,F401 # for those who import this
from cluster import LEASES, RULES, Account, Cluster  # noqa: E402,F401
from net import ROOT, run  # noqa: E402
from topology import WEB_PORT  # noqa: E402

ADDRESS = "10.0.0.1"  # of the API server on the node network
START = 400  # s, for an API server under emulation on a busy machine
FLEET = "default"


def missing():
    """Why there is no control plane; "" if there is one."""
    folder = os.environ.get("KUBEBUILDER_ASSETS")
    if not folder or not Path(folder, "kube-apiserver").exists():
        return "no control plane: KUBEBUILDER_ASSETS names no folder with one (scripts/kube build prints one)"
    return ""


class Plane(Cluster):
    """etcd and kube-apiserver, which stay while the lab does."""

    def __init__(self, lab, *options):
        os.environ["PATH"] = f"{os.environ['KUBEBUILDER_ASSETS']}:{os.environ['PATH']}"
        folder = lab.folder / "plane"
        # Half of the load for nothing: EndpointSlices are made by hand here.
        self._up = (ROOT / "scripts/kube", "up", "--without", "kube-controller-manager",
                    "--address", ADDRESS, *options, folder)
        lab.callback(run, ROOT / "scripts/kube", "down", folder)
        run("ip", "address", "add", f"{ADDRESS}/16", "dev", "switch")
        run(*self._up, timeout=START)
        super().__init__(folder)
        self.pods_kubeconfig = Account(self).allow_cluster().kubeconfig

    def restart(self):
        """Starts what does not run."""
        run(*self._up, timeout=START)

    def leader(self):
        """The name of the load balancer that leads."""
        lease = next((o for o in self.api.list("Lease", LEASES)
                      if o["metadata"]["name"] == f"kago-{FLEET}"), {})
        return lease.get("spec", {}).get("holderIdentity") or ""


def service(name, ns="default", **spec):
    """What to create: a Service whose EndpointSlices are made by hand."""
    return {"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": ns, "annotations": {
                "kago.dev/health-check-interval": "2s", "kago.dev/health-check-timeout": "2s"}},
            "spec": {"type": "LoadBalancer", "loadBalancerClass": f"kago.dev/{FLEET}",
                     "allocateLoadBalancerNodePorts": False,
                     "ports": [{"name": "http", "port": 80, "targetPort": WEB_PORT}], **spec}}


def endpoints(pods, draining=()):
    return [{"addresses": [pod.address], "nodeName": pod.node.name,
             "conditions": {"ready": pod not in draining, "serving": True,
                            "terminating": pod in draining}} for pod in pods]


def endpoint_slice(name, pods, ns="default"):
    for pod in pods:
        pod.await_ready()
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": f"{name}-x7k2p", "namespace": ns,
                         "labels": {"kubernetes.io/service-name": name}},
            "ports": [{"name": "http", "port": WEB_PORT, "protocol": "TCP"}],
            "endpoints": endpoints(pods)}
