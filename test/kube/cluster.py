# SPDX-License-Identifier: Apache-2.0
"""A cluster without nodes: its objects, its service accounts, and kago's fleets beside it."""

import contextlib
import json
import os
import re
import signal
import socket

from api import STRATEGIC, Api, ApiError, addresses, await_ready, conditions
from net import ROOT, Failed, Process, program, run, wait_for

LEASES = "kago-system"
RULES = ROOT / "charts/kago/rbac"
SOON = 60  # s; an upper bound for a slow and busy machine


class Cluster:
    """A control plane that scripts/kube runs in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        self.api = Api(self.kubeconfig)
        for name in (LEASES,):
            self.api.ensure({"kind": "Namespace", "metadata": {"name": name}})
        self.api.ensure({"kind": "Node", "metadata": {"name": "node"}})

    def kubectl(self, *words, stdin=None):
        return run("kubectl", "--kubeconfig", self.kubeconfig, *words, stdin=stdin).stdout

    def signal(self, name, number):
        """Sends a signal to one of its programs."""
        os.kill(int((self.folder / f"{name}.pid").read_text(encoding="ascii")), number)

    def revive(self):
        """Starts those of its programs that do not run."""
        self.signal("kube-controller-manager", signal.SIGKILL)  # it would take its time to reconnect
        run(ROOT / "scripts/kube", "up", self.folder, timeout=120)
        await_ready(self.api)

    @contextlib.contextmanager
    def frozen(self):
        """The API server does nothing and says nothing."""
        self.signal("kube-apiserver", signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal("kube-apiserver", signal.SIGCONT)

    def audit(self):
        """Everything that was asked of the API server and answered, so far."""
        with open(self.folder / "audit.log", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]


class Account:
    """A service account and the kubeconfig that a program uses to be it."""

    def __init__(self, cluster, name="kago"):
        self.cluster, self.name = cluster, name
        self.user = f"system:serviceaccount:{LEASES}:{name}"
        api = cluster.api
        api.ensure({"kind": "ServiceAccount", "metadata": {"name": name, "namespace": LEASES}})
        self.kubeconfig = cluster.folder / f"{name}.kubeconfig"
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "kago",
            "clusters": [{"name": "kago", "cluster": {
                "server": api.server, "certificate-authority-data": api.ca_data}}],
            "users": [{"name": "kago", "user": {"token": api.token(LEASES, name)}}],
            "contexts": [{"name": "kago", "context": {
                "cluster": "kago", "user": "kago", "namespace": LEASES}}]}), encoding="utf-8")
        self.role("Role", LEASES, "leases", RULES / "lease-rules.yaml")

    def role(self, kind, ns, purpose, rules):
        """Gives it the rules of a file, by a Role of a namespace or a ClusterRole."""
        name = f"{self.name}-{purpose}"
        head = (f"apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\n"
                f"metadata: {{name: {name}{f', namespace: {ns}' if ns else ''}}}\nrules:\n")
        self.cluster.kubectl("apply", "-f", "-", stdin=head + rules.read_text(encoding="utf-8"))
        self.cluster.api.ensure({
            "kind": f"{kind}Binding", "metadata": {"name": name, "namespace": ns},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": self.name, "namespace": LEASES}]})

    def allow_cluster(self):
        self.role("ClusterRole", None, "services", RULES / "cluster-rules.yaml")
        return self

    def allow_namespace(self, ns):
        self.role("Role", ns, "services", RULES / "cluster-rules.yaml")
        return self


class Fleet:
    """Load balancers of one fleet, and a namespace for its Services."""

    options = ("--render-only",)  # of load balancers

    def __init__(self, cluster, account, number, folder, pools=None, **settings):
        self.cluster, self.account, self.api = cluster, account, cluster.api
        self.name, self.ns, self.folder = f"fleet-{number}", f"test-{number}", folder
        self.net = f"10.100.{number}"  # where its addresses are from
        self.pools = pools or [{"name": "main", "addresses": [f"{self.net}.0/24"]}]
        self.settings = settings
        self.members = {}
        self.api.ensure({"kind": "Namespace", "metadata": {"name": self.ns}})
        wait_for("the namespace's service account",
                 lambda: self.api.list("ServiceAccount", self.ns), SOON)

    def end(self):
        for lb in self.members.values():
            lb.process.kill()
        with contextlib.suppress(ApiError):
            self.api.call("DELETE", self.api.path("Pod", self.ns), {"gracePeriodSeconds": 0})
        with contextlib.suppress(ApiError):
            self.api.delete("Namespace", None, self.ns)

    def start(self, identity, environment=None, **settings):
        """Starts a load balancer, or starts it again."""
        self.members[identity] = LoadBalancer(self, identity, {**self.settings, **settings}, environment or {})
        return self.members[identity]

    def lease(self):
        """The leader's name by the Lease, "" if nobody leads."""
        with contextlib.suppress(ApiError):
            return self.api.get("Lease", LEASES, f"kago-{self.name}")["spec"].get("holderIdentity") or ""
        return ""

    def leader(self, timeout=SOON, other_than=""):
        """The name of the load balancer that leads, as soon as one does."""
        return wait_for(f"a leader of {self.name} other than '{other_than}'; logs:\n{self.logs()}",
                        lambda: self.lease() not in ("", other_than) and self.lease(), timeout, 0.05)

    def logs(self):
        return "\n".join(lb.process.output() for lb in self.members.values())

    # Objects of its namespace.

    def service(self, name, ns=None, annotations=None, ports=(80,), **spec):
        """What to create: a Service of this fleet with the selector app=NAME."""
        return {
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": ns or self.ns, "annotations": {
                "kago.dev/health-check": "none",
                **{k if "/" in k else f"kago.dev/{k}": v for k, v in (annotations or {}).items()}}},
            "spec": {"type": "LoadBalancer", "loadBalancerClass": f"kago.dev/{self.name}",
                     "allocateLoadBalancerNodePorts": False, "selector": {"app": name},
                     "ports": [{"name": f"p{port}", "port": port, "targetPort": 8080}
                               for port in ports], **spec}}

    def create(self, name, **options):
        return self.api.create(self.service(name, **options))

    def get(self, name):
        return self.api.get("Service", self.ns, name)

    def await_service(self, name, what, condition, timeout=SOON):
        """The Service, as soon as the condition holds for it."""
        last = {}

        def holds():
            last["o"] = self.get(name)
            return condition(last["o"]) and last["o"]

        try:
            return wait_for(f"{name}: {what}", holds, timeout, 0.05)
        except Failed as why:
            raise Failed(f"{why}\nstatus: {json.dumps(last['o'].get('status'))}\n"
                         f"logs:\n{self.logs()}") from why

    def await_address(self, name, timeout=SOON):
        """Its addresses, as soon as it has some."""
        return addresses(self.await_service(name, "an address", addresses, timeout))

    def await_condition(self, name, kind, status, reason, timeout=SOON):
        """The condition, as soon as it has this status and reason."""
        def holds(service):
            c = conditions(service).get(kind)
            return c and (c["status"], c["reason"]) == (status, reason)

        what = f"{kind}={status} for {reason}"
        return conditions(self.await_service(name, what, holds, timeout))[kind]

    def await_event(self, name, pattern, kind=None, timeout=SOON, at_least=1):
        """An Event about the Service with this in "REASON: MESSAGE", and this count."""
        def find():
            events = self.api.list("Event", self.ns, fieldSelector=f"involvedObject.name={name}")
            return next((e for e in events if re.search(pattern, f"{e['reason']}: {e['message']}")
                         and e["type"] == (kind or e["type"]) and e.get("count", 1) >= at_least), None)

        return wait_for(f"an event of {name} with '{pattern}'; logs:\n{self.logs()}", find, timeout, 0.1)

    def pod(self, app, number, address, ready=True):
        """A Pod as its kubelet would report it; the real controller makes the EndpointSlices."""
        name = f"{app}-{number}"
        self.api.create({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": self.ns, "labels": {"app": app}},
            "spec": {"nodeName": "node", "containers": [{"name": "c", "image": "none"}]}})
        self.api.patch("Pod", self.ns, name, {"status": {
            "phase": "Running", "podIP": address, "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": str(ready)}]}}, "status", STRATEGIC)
        return name

    def endpoint_slice(self, name, *endpoints, ns=None, ports=(80,)):
        """What to create: an EndpointSlice by hand; endpoints are addresses that are ready."""
        return {
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": f"{name}-by-hand", "namespace": ns or self.ns,
                         "labels": {"kubernetes.io/service-name": name}},
            "ports": [{"name": f"p{port}", "port": 8080, "protocol": "TCP"} for port in ports],
            "endpoints": [{"addresses": [a], "conditions": {"ready": True}} for a in endpoints]}


class LoadBalancer:
    """kago-controller of one load balancer pod."""

    def __init__(self, fleet, identity, settings, environment):
        self.fleet, self.identity = fleet, identity
        folder = fleet.folder / identity
        folder.mkdir(exist_ok=True)
        self.conf = folder / "run/keepalived.conf"
        config = folder / "kago.yaml"
        config.write_text(json.dumps({"fleet": fleet.name, "pools": fleet.pools}), encoding="utf-8")
        self.socket = f"kago-{os.getpid()}-{fleet.name}-{identity}"
        settings = {
            "keepalived.template": ROOT / "templates/keepalived.conf.mustache",
            "keepalived.stateDir": self.conf.parent, "http.listen": "",
            "control.socket": self.socket, "kubernetes.kubeconfig": fleet.account.kubeconfig,
            "kubernetes.identity": identity, "kubernetes.leaseNamespace": LEASES,
            **{key.replace("__", "."): value for key, value in settings.items()}}
        words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        variables = [f"{name}={value}" for name, value in environment.items()]
        self.process = Process(["env", *variables, program("kago-controller"), "run", "--source", "kubernetes",
                                *fleet.options, "--config", config, *words], folder / "log")

    def lead(self):
        """Waits until it is the leader."""
        wait_for(f"{self.identity} leads; log:\n{self.process.output()}",
                 lambda: self.fleet.lease() == self.identity, SOON)
        return self

    def status(self):
        return json.loads(run(program("kago-controller"), "status", "--socket", self.socket,
                              "-o", "json").stdout)

    def sidecar(self, *prefixes):
        """A connection such as its sidecar has, that announces the prefixes while it is open."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(f"\0{self.socket}")
        for message in ({"type": "sidecar"}, {"type": "announced", "prefixes": prefixes}):
            sock.sendall(json.dumps(message).encode() + b"\n")
        return sock

    def written(self):
        """How often it has written keepalived.conf."""
        return self.status()["lastChange"]["applied"]

    def table(self):
        """What its keepalived.conf says: {"10.1.1.1 80 TCP": {"172.16.0.1 8080": 1}}"""
        table, at, real = {}, None, None
        text = self.conf.read_text(encoding="ascii") if self.conf.exists() else ""
        for line in text.splitlines():
            words = line.split()
            if words[:1] == ["virtual_server"]:
                at = " ".join(words[1:3])
            elif words[:1] == ["protocol"]:
                at = f"{at} {words[1]}"
                table[at] = {}
            elif words[:1] == ["real_server"]:
                real = " ".join(words[1:3])
            elif words[:1] == ["weight"]:
                table[at][real] = int(words[1])
        return table

    def await_table(self, expected, timeout=SOON):
        try:
            wait_for("keepalived.conf", lambda: self.table() == expected, timeout, 0.02)
        except Failed as why:
            raise Failed(f"{why}: it has {self.table()}, not {expected}; log:\n"
                         f"{self.process.output()}") from why
