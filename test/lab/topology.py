# SPDX-License-Identifier: Apache-2.0
"""The experiment of the paper's figures 5 and 11 in network namespaces, for scripts/lab.

A client behind a router (BIRD), a route reflector (gobgpd with dynamic neighbours and add-path) and
three nodes with a bridge of pods each. A load balancer pod is one network namespace with two
containers: kago-controller with keepalived, and kago-sidecar with exabgp. Kubernetes is a folder of
manifests that all controllers watch.
"""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from datetime import datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
AS_NUMBER = 65021
CLIENT, ROUTER_OUTSIDE = "192.168.1.2", "192.168.1.1"
ROUTER, REFLECTOR = "10.0.0.110", "10.0.0.109"
NODES = {"node1": "10.0.0.105", "node2": "10.0.0.106", "node3": "10.0.0.107"}
PODS = "172.16.0.0/16"
WEB_PORT = 8080

PICTURE = f"""\
        client {CLIENT}
          |
        router {ROUTER}  <-- iBGP, add-path --  route reflector {REFLECTOR}
          |  ECMP over the nodes               ^    ^    ^  iBGP
  --------+-----------------+------------------|----|----|--- 10.0.0.0/16
          |                 |                  |    |    |
   node1 10.0.0.105   node2 10.0.0.106   node3 10.0.0.107
     docker0 172.16.1.1 docker0 172.16.2.1 docker0 172.16.3.1
     |                  |                  |
     lb1 .1.2  web-1    lb2 .2.2  web-2    lb3 .3.2  web-3
                        lb4 .2.3  shop-1   lb5 .3.3  shop-2
  --------------------------------------------------------- overlay {PODS}

  Service web  10.1.1.1 (announced as 10.1.1.0/24): lb1, lb2, lb3 (fleet default)
  Service shop 10.1.2.1 (announced as 10.1.2.0/24): lb4, lb5      (fleet second)
"""

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000


class Failed(Exception):
    """Something that had to hold, or to happen in time, did not."""


def wait_for(what, condition, timeout=30.0, interval=0.05):
    """Calls `condition` until it gives something true, which is returned."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {timeout:g} s (last seen: {value!r})")
        time.sleep(interval)


def run(*argv, stdin=None, check=True):
    """The stdout of a command."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(argv)}: status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


class Netns:
    """A network namespace with a name, as `ip netns` knows it."""

    def __init__(self, name):
        self.name = name
        self.path = f"/run/netns/{name}"
        run("ip", "netns", "add", name)

    def ip(self, *commands):
        """What follows `ip` in each command; one process carries out all of them."""
        with self.entered():
            run("ip", "-batch", "-", stdin="\n".join(commands) + "\n")

    @contextlib.contextmanager
    def entered(self):
        """The calling thread, and processes it starts, are in this namespace."""
        with open("/proc/thread-self/ns/net", "rb") as home, open(self.path, "rb") as there:
            _setns(there)
            try:
                yield
            finally:
                _setns(home)

    def run(self, *argv, **options):
        with self.entered():
            return run(*argv, **options)

    def start(self, argv, log, **options):
        """A process in here whose output goes to the file `log`."""
        with self.entered(), open(log, "ab") as out:
            return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out,
                                    stderr=subprocess.STDOUT, start_new_session=True, **options)

    def sysctl(self, **values):
        """`net_ipv4_ip_forward=1` and the like."""
        with self.entered():
            for name, value in values.items():
                Path("/proc/sys", *name.split("__")).write_text(f"{value}\n", encoding="ascii")


def _setns(file):
    if _libc.setns(file.fileno(), _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Container:
    """A process with a PID namespace and a /run of its own, like a container's first one."""

    # The node's network namespace is where a hostPath volume would put it; /etc/hosts is the
    # kubelet's, without which exabgp asks the DNS for the host's name.
    _SETUP = """
        exec 9<"$3"
        mount -t tmpfs -o mode=755 tmpfs /run
        mkdir /run/netns && : >/run/netns/node
        mount --bind /proc/self/fd/9 /run/netns/node
        exec 9<&-
        hostname "$1"
        printf '%s\\n' "127.0.0.1 localhost" "$2 $1" >/run/hosts
        mount --bind /run/hosts /etc/hosts
        shift 3
        exec "$@"
    """

    def __init__(self, pod, name, argv):
        self.name = f"{pod.name}/{name}"
        self.log = pod.lab.log(f"{pod.name}.{name}")
        self.command = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc",
                        "--uts", "sh", "-ec", self._SETUP, "container",
                        pod.name, pod.address, pod.node.netns.path, *argv]
        self.netns = pod.netns
        self.process = None

    def start(self):
        self.process = self.netns.start(self.command, self.log)

    def first_pid(self):
        """The PID, seen from outside, of the process that is PID 1 inside."""
        pid = self.process.pid
        children = f"/proc/{pid}/task/{pid}/children"
        return int(wait_for(f"first process of {self.name}",
                            lambda: Path(children).read_text(encoding="ascii").split())[0])

    def pids(self):
        """All processes inside, by name."""
        found, todo = {}, [self.first_pid()]
        for pid in todo:
            with contextlib.suppress(OSError):
                tasks = Path(f"/proc/{pid}/task/{pid}/children")
                todo += map(int, tasks.read_text(encoding="ascii").split())
                name = Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip()
                found.setdefault(name, []).append(pid)
        return found

    def kill(self, sig):
        os.kill(self.first_pid(), sig)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def wait(self, timeout):
        """The exit status, of the first process: 128 + the signal that ended it."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} still runs after {timeout} s") from None

    def output(self):
        return Path(self.log).read_text(encoding="utf-8", errors="replace")


class Pod:
    """A namespace on a node's bridge."""

    def __init__(self, lab, name, node, last_octet):
        self.lab, self.name, self.node = lab, name, node
        number = int(node.name[-1])
        self.address = f"172.16.{number}.{last_octet}"
        gateway = f"172.16.{number}.1"
        self.netns = Netns(name)
        node.ip(f"link add v{name} type veth peer name eth0 netns {name}",
                f"link set v{name} up master docker0")
        self.netns.ip("link set lo up", f"address add {self.address}/24 dev eth0", "link set eth0 up",
                      f"route add default via {gateway}")

    def proc_net(self, name):
        """The lines of a file of /proc/net, as it is in here."""
        with self.netns.entered():
            return Path("/proc/thread-self/net", name).read_text(encoding="ascii").splitlines()


class WebPod(Pod):
    def __init__(self, lab, name, node, last_octet):
        super().__init__(lab, name, node, last_octet)
        argv = ["/usr/bin/python3", "-SEI", str(HERE / "web.py"), name, str(WEB_PORT)]
        self.process = self.netns.start(argv, lab.log(name))

    def await_ready(self):
        """Until it listens, which is when Kubernetes would call it ready."""
        listens = f":{WEB_PORT:04X} 00000000:0000 0A "
        wait_for(f"{self.name} listens",
                 lambda: any(listens in line for line in self.proc_net("tcp")))

    def kill(self):
        self.process.kill()
        self.process.wait()


class LbPod(Pod):
    """A load balancer pod; `ipvs` and `exabgp` are its containers."""

    def __init__(self, lab, name, node, last_octet, fleet, aggregate):
        super().__init__(lab, name, node, last_octet)
        self.netns.sysctl(net__ipv4__ip_forward=1)
        self.config = lab.folder / f"{name}.yaml"
        self.config.write_text(lab.kago_yaml(fleet, aggregate), encoding="ascii")
        program, config = str(lab.bin / "kago-"), str(self.config)
        self.ipvs = Container(self, "ipvs", [
            program + "controller", "run", "--config", config, "--source", str(lab.manifests)])
        self.exabgp = Container(self, "exabgp", [
            program + "sidecar", "run", "--config", config, "--node-netns", "/run/netns/node"])

    def containers(self):
        return [self.ipvs, self.exabgp]

    def start(self):
        for container in self.containers():
            container.start()
        return self

    def signal(self, sig):
        """To the first process of both containers at the same moment, as the kubelet does."""
        for container in self.containers():
            container.kill(sig)

    def wait(self, timeout):
        return [container.wait(timeout) for container in self.containers()]

    def ipvsadm(self, *options):
        return self.netns.run("ipvsadm", *options)

    def real_servers(self):
        """{"172.16.1.10:8080": weight} of all virtual servers, from the kernel."""
        rows = [line.split() for line in self.proc_net("ip_vs")[3:]]
        return {_endpoint(row[1]): int(row[3]) for row in rows if row[0] == "->"}

    def connections(self):
        """The clients ("192.168.1.2:45678") of all connections the kernel knows, live or ended
        less than two minutes ago."""
        return {_endpoint(f"{row[1]}:{row[2]}")
                for row in map(str.split, self.proc_net("ip_vs_conn")[1:])}

    def status(self, *options):
        return self.netns.run(str(self.lab.bin / "kago-controller"), "status", *options)


class Node:
    def __init__(self, name):
        self.name = name
        self.address = NODES[name]
        self.netns = Netns(name)
        self.ip = self.netns.ip


class Lab:
    """The network without any pods. To be used in a `with`, inside scripts/lab."""

    def __init__(self, bin_dir=None):
        self.bin = Path(bin_dir or os.environ.get("KAGO_BIN") or ROOT / "build/release/bin")
        self.folder = Path(tempfile.mkdtemp(prefix="kago-lab."))
        self.manifests = self.folder / "manifests"
        self.manifests.mkdir()
        self.pods = {}
        self.daemons = []

    def __enter__(self):
        try:
            self.build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends every process and removes every namespace."""
        containers = [c for p in self.pods.values() if isinstance(p, LbPod) for c in p.containers()]
        processes = [c.process for c in containers if c.process] + self.daemons
        processes += [p.process for p in self.pods.values() if isinstance(p, WebPod)]
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
        for name in [*self.pods, "client", "router", "rr", *NODES]:
            run("ip", "netns", "delete", name, check=False)
        run("ip", "link", "delete", "switch", check=False)
        shutil.rmtree(self.folder)

    def log(self, name):
        return self.folder / f"{name}.log"

    # The network

    def build(self):
        run("ip", "-batch", "-", stdin="link add switch type bridge\nlink set switch up\n")
        self.client, self.router, self.reflector = Netns("client"), Netns("router"), Netns("rr")
        self.nodes = {name: Node(name) for name in NODES}
        self._wire()
        self._start_reflector()
        self._start_router()

    def _wire(self):
        ports = {"router": ROUTER, "rr": REFLECTOR, **NODES}
        run("ip", "-batch", "-", stdin="".join(
            f"link add s{name} type veth peer name eth0 netns {name}\n"
            f"link set s{name} up master switch\n" for name in ports))
        self.router.ip(
            "link set lo up", f"address add {ROUTER}/16 dev eth0", "link set eth0 up",
            "link add eth1 type veth peer name eth0 netns client",
            f"address add {ROUTER_OUTSIDE}/24 dev eth1", "link set eth1 up")
        self.client.ip("link set lo up", f"address add {CLIENT}/24 dev eth0", "link set eth0 up",
                       f"route add default via {ROUTER_OUTSIDE}")
        # Only this makes the router's hash cover the ports.
        self.router.sysctl(net__ipv4__ip_forward=1, net__ipv4__fib_multipath_hash_policy=1)
        overlay = {f"172.16.{number}.0/24": address
                   for number, address in enumerate(NODES.values(), 1)}
        self.reflector.ip("link set lo up", f"address add {REFLECTOR}/16 dev eth0", "link set eth0 up",
                          *(f"route add {net} via {via}" for net, via in overlay.items()))
        for number, node in enumerate(self.nodes.values(), 1):
            self._wire_node(number, node, overlay)

    def _wire_node(self, number, node, overlay):
        node.ip("link set lo up", f"address add {node.address}/16 dev eth0", "link set eth0 up",
                "link add docker0 type bridge", f"address add 172.16.{number}.1/24 dev docker0",
                "link set docker0 up", f"route add default via {ROUTER}",
                *(f"route add {net} via {via}" for net, via in overlay.items()
                  if via != node.address))
        node.netns.sysctl(net__ipv4__ip_forward=1)
        # Who knows the overlay sees pods under their own addresses, everyone else under the node's.
        inside = ", ".join([PODS, REFLECTOR, *NODES.values()])
        node.netns.run("nft", "-f", "-", stdin=f"""
            table ip node {{
                chain postrouting {{
                    type nat hook postrouting priority srcnat
                    ip saddr {PODS} ip daddr != {{ {inside} }} masquerade
                }}
            }}""")

    def _daemon(self, netns, name, argv):
        self.daemons.append(netns.start(argv, self.log(name)))

    def _start_reflector(self):
        """The paper's appendix C."""
        config = {
            "global": {
                "config": {"as": AS_NUMBER, "router-id": REFLECTOR,
                           "local-address-list": ["0.0.0.0"]},
                "use-multiple-paths": {"config": {"enabled": True}},
            },
            "peer-groups": [{
                "config": {"peer-group-name": "k8s", "peer-as": AS_NUMBER},
                "afi-safis": [{"config": {"afi-safi-name": "ipv4-unicast"}}],
            }],
            "dynamic-neighbors": [{"config": {"prefix": PODS, "peer-group": "k8s"}}],
            "neighbors": [{
                "config": {"neighbor-address": ROUTER, "peer-as": AS_NUMBER},
                "route-reflector": {"config": {"route-reflector-client": True,
                                               "route-reflector-cluster-id": REFLECTOR}},
                "add-paths": {"config": {"send-max": 255, "receive": True}},
            }],
        }
        path = self.folder / "gobgpd.json"
        path.write_text(json.dumps(config, indent=2), encoding="ascii")
        self._daemon(self.reflector, "rr", ["gobgpd", "-t", "json", "-f", str(path),
                                            "--api-hosts", "127.0.0.1:50051"])

    def _start_router(self):
        """In place of appendix B: BIRD takes paths from add-path into an ECMP route by itself."""
        self._daemon(self.router, "routes", ["stdbuf", "-oL", "ip", "-o", "-ts", "monitor", "route"])
        path = self.folder / "bird.conf"
        path.write_text(f"""\
router id {ROUTER};
protocol device {{}}
protocol kernel {{ merge paths yes; ipv4 {{ import none; export all; }}; }}
protocol bgp reflector {{
    local {ROUTER} as {AS_NUMBER};
    neighbor {REFLECTOR} as {AS_NUMBER};
    direct;
    hold time 9;
    connect delay time 1;
    connect retry time 1;
    error wait time 1, 2;
    ipv4 {{ import all; export none; add paths rx; }};
}}
""", encoding="ascii")
        self._daemon(self.router, "router", ["bird", "-f", "-c", str(path),
                                             "-s", str(self.folder / "bird.ctl")])

    def routes(self, *prefixes):
        """The router's routes to the prefixes as `ip route` prints them."""
        return "".join(self.router.run("ip", "route", "show", prefix) for prefix in prefixes)

    def route_changes(self, prefix):
        """[(seconds since 1970, addresses the router then sent to, sorted)], the oldest first."""
        changes = []
        for line in self.log("routes").read_text(encoding="ascii").splitlines():
            stamp, _, words = line.partition("] ")
            words = words.split()
            if prefix in words[:2]:
                hops = [after for word, after in zip(words, words[1:]) if word == "via"]
                when = datetime.fromisoformat(stamp.lstrip("[")).timestamp()
                changes.append((when, [] if words[0] == "Deleted" else sorted(hops)))
        return changes

    def next_hops(self, prefix):
        """The addresses the router sends to, sorted."""
        changes = self.route_changes(prefix)
        return changes[-1][1] if changes else []

    def await_next_hops(self, prefix, pods, timeout=90):
        """Until the router sends to the nodes of these pods and to no other."""
        wanted = sorted(pod.node.address for pod in pods)
        wait_for(f"{prefix} via {wanted}", lambda: self.next_hops(prefix) == wanted, timeout)

    # Pods

    def kago_yaml(self, fleet, aggregate):
        templates = ROOT / "templates"
        return f"""\
fleet: {fleet}
http:
  listen: ""
keepalived:
  template: {templates}/keepalived.conf.mustache
  nftTemplate: {templates}/nftables.conf.mustache
  verifyTimeout: 10s  # an emulated machine is slow
bgp:
  as: {AS_NUMBER}
  template: {templates}/exabgp.conf.mustache
  aggregates: [{aggregate}]
  peers:
    - address: {REFLECTOR}
      as: {AS_NUMBER}
"""

    def web_pod(self, name, node, last_octet):
        pod = self.pods[name] = WebPod(self, name, self.nodes[node], last_octet)
        return pod

    def lb_pod(self, name, node, last_octet=2, fleet="default", aggregate="10.1.1.0/24"):
        """It does not run yet."""
        pod = self.pods[name] = LbPod(self, name, self.nodes[node], last_octet, fleet, aggregate)
        return pod

    # Kubernetes

    def apply(self, name, text):
        """Writes a manifest the way a careful program does."""
        temporary = self.manifests / f".{name}.new"
        temporary.write_text(text, encoding="ascii")
        temporary.rename(self.manifests / f"{name}.yaml")

    def apply_service(self, name, vip, fleet="default"):
        self.apply(f"{name}-service", f"""\
apiVersion: v1
kind: Service
metadata:
  name: {name}
  namespace: default
  creationTimestamp: "2024-01-01T00:00:00Z"
  annotations:
    kago.dev/vip: "{vip}"
    kago.dev/health-check-interval: 2s
    kago.dev/health-check-timeout: 2s
spec:
  type: LoadBalancer
  loadBalancerClass: kago.dev/{fleet}
  ports:
    - name: http
      port: 80
      protocol: TCP
      targetPort: {WEB_PORT}
""")

    def apply_endpoints(self, service, pods, draining=()):
        """The EndpointSlice of a Service; `draining` are those of `pods` that terminate."""
        for pod in pods:
            pod.await_ready()
        endpoints = "".join(f"""
  - addresses: ["{pod.address}"]
    conditions: {_conditions(pod in draining)}
    nodeName: {pod.node.name}
    targetRef: {{kind: Pod, name: {pod.name}, namespace: default}}""" for pod in pods)
        self.apply(f"{service}-endpoints", f"""\
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: {service}-x7k2p
  namespace: default
  labels:
    kubernetes.io/service-name: {service}
addressType: IPv4
ports:
  - name: http
    port: {WEB_PORT}
    protocol: TCP
endpoints:{endpoints or " []"}
""")


def _endpoint(text):
    """"AC10010A:1F90" as "172.16.1.10:8080"."""
    address, _, port = text.partition(":")
    return f"{socket.inet_ntoa(bytes.fromhex(address))}:{int(port, 16)}"


def _conditions(draining):
    ready, terminating = ("false", "true") if draining else ("true", "false")
    return f"{{ready: {ready}, serving: true, terminating: {terminating}}}"


TERM, KILL = signal.SIGTERM, signal.SIGKILL
