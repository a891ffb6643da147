# SPDX-License-Identifier: Apache-2.0
"""kago-controller and an API server that misbehaves (fake_api.py), for the tests named test_faults*.py."""

import contextlib
import os
import re
import signal
import time
from pathlib import Path

from fake_api import FakeApi
from net import ROOT, Process, program, wait_for

PATIENCE = 60  # seconds until the state must be the server's; a failure is tried again after 1, 2, 4 s
NAMESPACE = "shop"
FOREVER = 100_000  # more requests than even a busy loop makes before a test ends


def service(number, ports=(80,), **annotations):
    name = f"web-{number}"
    vip = f"10.1.0.{number}"
    notes = {"kago.dev/vip": vip, "kago.dev/health-check": "none"} | annotations
    return {"kind": "Service", "apiVersion": "v1",
            "metadata": {"name": name, "namespace": NAMESPACE, "annotations": notes},
            "spec": {"type": "LoadBalancer", "loadBalancerClass": "kago.dev/default",
                     "ports": [{"name": f"p{port}", "port": port, "protocol": "TCP"} for port in ports]},
            "status": {"loadBalancer": {"ingress": [{"ip": vip}]}}}


def slice_of(number, hosts, ports=(80,)):
    name = f"web-{number}"
    return {"kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", "addressType": "IPv4",
            "metadata": {"name": f"{name}-a", "namespace": NAMESPACE, "labels": {"kubernetes.io/service-name": name}},
            "ports": [{"name": f"p{port}", "port": 8000 + port, "protocol": "TCP"} for port in ports],
            "endpoints": [{"addresses": [f"172.16.{number}.{host}"], "conditions": {"ready": True}} for host in hosts]}


def lease_of(holder):
    """The fleet's Lease, held for longer than any test takes."""
    return {"kind": "Lease", "apiVersion": "coordination.k8s.io/v1",
            "metadata": {"name": "kago-default", "namespace": NAMESPACE, "labels": {"kago.dev/fleet": "default"}},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": 3600, "leaseTransitions": 1}}


def ingresses(thing):
    return thing.get("status", {}).get("loadBalancer", {}).get("ingress", [])


def wanted(api):
    """What keepalived.conf must have for the server's objects: {"VIP PORT": {"REAL PORT", ...}}."""
    result = {}
    slices = {thing["metadata"]["labels"]["kubernetes.io/service-name"]: thing for thing in api.all("endpointslices")}
    for thing in api.all("services"):
        backends = slices.get(thing["metadata"]["name"], {"endpoints": []})
        for ingress in ingresses(thing):
            for port in thing["spec"]["ports"]:
                target = [p["port"] for p in backends.get("ports", []) if p["name"] == port["name"]]
                reals = {f"{host} {target[0]}" for e in backends["endpoints"] for host in e["addresses"] if target}
                if reals:
                    result[f"{ingress['ip']} {port['port']}"] = reals
    return result


def written(conf):
    """The same, from the text of a keepalived.conf."""
    result = {}
    for kind, what in re.findall(r"(virtual_server|real_server) (\S+ \d+) {", conf):
        if kind == "virtual_server":
            reals = result[what] = set()
        else:
            reals.add(what)
    return result


def trusting(folder):
    """What to put before a command that shall find the CAs of this folder where the system's are."""
    flags = ["--mount"] if os.geteuid() == 0 else ["--mount", "--user", "--map-root-user"]
    return ["unshare", *flags, "sh", "-c", 'mount --bind "$0" /etc/ssl/certs && exec "$@"', folder]


class Controller:
    """A running kago-controller, and what can be seen of it."""

    def __init__(self, folder, settings, system_cas=None):
        self.folder = folder
        command = trusting(system_cas) if system_cas else []
        command += [program("kago-controller"), "run", "--source", "kubernetes", "--render-only",
                    "--kubeconfig", folder / "kubeconfig", "--config", folder / "kago.yaml"]
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        self.process = Process(command, folder / "log")

    def log(self):
        return self.process.output()

    def written(self):
        with contextlib.suppress(FileNotFoundError):
            return written((self.folder / "state/keepalived.conf").read_text())
        return None

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def peak_memory(self):
        """The most bytes it has had so far."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(re.search(r"VmHWM:\s+(\d+)", status)[1])

    def cpu(self):
        """Seconds of a processor so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


class Rig:
    """The server, with three Services and somebody else who leads, and the controller that follows it."""

    def __init__(self, folder, api):
        self.folder, self.api = folder, api
        self.controller = None
        for number in (1, 2, 3):
            api.put(service(number))
            api.put(slice_of(number, (1, 2)))
        api.put(lease_of("somebody-else"))

    def start(self, cluster="", user="token: secret", settings=None, system_cas=None):
        """Runs the controller; `cluster` and `user` are for the kubeconfig, `system_cas` for trusting()."""
        (self.folder / "kubeconfig").write_text(
            "current-context: main\n"
            f"contexts: [{{name: main, context: {{cluster: fake, user: me, namespace: {NAMESPACE}}}}}]\n"
            "clusters: [{name: fake, cluster: {"
            f"server: 'https://127.0.0.1:{self.api.port}', {cluster or 'certificate-authority: ca.crt'}}}}}]\n"
            f"users: [{{name: me, user: {{{user}}}}}]\n")
        (self.folder / "kago.yaml").write_text(
            f"http: {{listen: ''}}\n"
            f"control: {{socket: kago-test-{os.getpid()}}}\n"
            f"keepalived: {{stateDir: {self.folder}/state, template: {ROOT}/templates/keepalived.conf.mustache}}\n"
            "kubernetes: {identity: the-one}\n"
            "pools: [{name: all, addresses: [10.1.0.0/16]}]\n")
        self.controller = Controller(self.folder, settings or {}, system_cas)

    def settle(self, timeout=PATIENCE):
        """Until the controller has written what the server holds."""
        with contextlib.suppress(Exception):
            wait_for("the state", lambda: self.controller.written() == wanted(self.api), timeout)
        assert self.controller.written() == wanted(self.api), self.controller.log()

    def started(self, **options):
        """Runs the controller until it is in step and follows both collections."""
        self.start(**options)
        self.settle()
        self.follows()

    def follows(self):
        wait_for("streams", lambda: self.api.streams("services") and self.api.streams("endpointslices"), PATIENCE)

    def change(self):
        """A change of each kind, which the controller has to find out about."""
        self.api.put(slice_of(1, (2, 3)))
        self.api.put(service(2, ports=(80, 443)))
        self.api.put(slice_of(2, (1,), ports=(80, 443)))
        self.api.put(service(4))
        self.api.put(slice_of(4, (9,)))
        self.api.delete("services", NAMESPACE, "web-3")
        self.api.delete("endpointslices", NAMESPACE, "web-3-a")

    def stable(self, what=lambda: None):
        """Watches, while `what` is done, that the Services 1 and 2 are never without their VIP."""
        seen = []
        what()
        end = time.monotonic() + PATIENCE
        while self.controller.written() != wanted(self.api) and time.monotonic() < end:
            seen.append(set(self.controller.written()))
            time.sleep(0.005)
        self.settle()
        assert all({"10.1.0.1 80", "10.1.0.2 80"} <= names for names in seen)

    def logged(self, pattern):
        return self.controller.process.wait_for_line(pattern, PATIENCE)

    def rests(self):
        """It comes to rest: for a second it asks little and does next to nothing."""
        for _ in range(10):
            asked, used = len(self.api.requests), self.controller.cpu()
            time.sleep(1)
            asked, used = len(self.api.requests) - asked, self.controller.cpu() - used
            if asked <= 6 and used <= 0.2:
                return
        raise AssertionError(f"{asked} requests and {used} s of a processor in a second: {self.api.requests[-asked:]}")


@contextlib.contextmanager
def running(folder, certificates):
    """A cluster whose controller must end in order, without a leak."""
    (folder / "ca.crt").write_bytes((certificates / "ca.crt").read_bytes())
    with FakeApi(certificates / "server.crt", certificates / "server.key") as api:
        rig = Rig(folder, api)
        try:
            yield rig
            assert rig.controller.process.running(), rig.controller.log()
            rig.rests()
            assert rig.controller.stop() == 0, rig.controller.log()
        finally:
            if rig.controller:
                rig.controller.process.kill()
