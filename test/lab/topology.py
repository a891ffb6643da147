# SPDX-License-Identifier: Apache-2.0
"""The experiment of the paper's figures 5 and 11 in network namespaces, for scripts/lab.

A client behind a router (BIRD), a route reflector (gobgpd with dynamic neighbours and add-path) and
three nodes with a bridge of pods each. A load balancer pod is one network namespace with two
containers: kago-controller with keepalived, and kago-sidecar with exabgp. Kubernetes is a folder of
manifests that all controllers watch.
"""

import contextlib
import ipaddress
import json
import os
import signal
import socket
import tempfile
from datetime import datetime
from pathlib import Path

from image import EXABGP, EXABGP_L2, IPVS, NODE_NETNS, NODE_SOCKETS, NODE_SOCKETS_L2
from net import Network, run, wait_for

WEB_SERVER = Path(__file__).resolve().parent / "web.py"
AS_NUMBER = 65021
CLIENT, ROUTER_OUTSIDE = "192.168.1.2", "192.168.1.1"
ROUTER, REFLECTOR = "10.0.0.110", "10.0.0.109"
NODES = {"node1": "10.0.0.105", "node2": "10.0.0.106", "node3": "10.0.0.107"}
PODS = "172.16.0.0/16"
# With IPv6 besides; names as of the first half of an address.
CLIENT6, ROUTER_OUTSIDE6, ROUTER6 = "fd00:3::2", "fd00:3::1", "fd00:10::110"
WEB_PORT = 8080

PICTURE = f"""\
  client {CLIENT}
    |
  router {ROUTER}  <---- iBGP, add-path ----  rr {REFLECTOR}, the route reflector
    |  ECMP                                       ^ iBGP, dynamic neighbours {PODS}
    |                                             |
    +----------------------+----------------------+   node network 10.0.0.0/16
    |                      |                      |
  node1 10.0.0.105       node2 10.0.0.106       node3 10.0.0.107
    docker0 172.16.1.1     docker0 172.16.2.1     docker0 172.16.3.1
      lb1   172.16.1.2       lb2   172.16.2.2       lb3   172.16.3.2    fleet default
                             lb4   172.16.2.3       lb5   172.16.3.3    fleet second
      web-1 172.16.1.11      web-2 172.16.2.12      web-3 172.16.3.13
                             shop-1 172.16.2.21     shop-2 172.16.3.22

  Service web   10.1.1.1  of fleet default, announced as 10.1.1.0/24
  Service shop  10.1.2.1  of fleet second,  announced as 10.1.2.0/24
"""

TERM, KILL = signal.SIGTERM, signal.SIGKILL


class Container:
    """A container of an image: PID 1 of a PID namespace, in the image's file system."""

    def __init__(self, pod, image, *arguments, **options):
        self.name = f"{pod.name}/{image.name}"
        self.log = pod.lab.log(f"{pod.name}.{image.name}")
        self._pod = pod
        self._argv = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc",
                      *image.command(*arguments, hostname=pod.name, address=pod.address,
                                     folders=[pod.lab.folder], **options)]
        self.process = None

    def start(self):
        self.process = self._pod.lab.start(self._pod.netns, *self._argv, log=self.log)

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

    def signal(self, sig):
        os.kill(self.first_pid(), sig)

    def wait(self, timeout):
        """The exit status of the first process, which ends by itself or is about to."""
        return self.process.wait(timeout)

    def output(self):
        return self.log.read_text(encoding="utf-8", errors="replace")


class Pod:
    """A namespace of a node, attached as the lab does it."""

    def __init__(self, lab, name, node, last_octet):
        self.lab, self.name, self.node = lab, name, node
        self.address, self.address6 = f"{node.pods}.{last_octet}", f"{node.pods6}::{last_octet}"
        self.netns = lab.netns(name)
        self.device = f"v{name}"  # the node's end
        node.netns.ip(f"link add {self.device} type veth peer name eth0 netns {name}", f"link set {self.device} up")
        self.netns.ip("link set eth0 up")
        lab.attach(self)

    def proc_net(self, name):
        """The lines of a file of /proc/net, as it is in here."""
        with self.netns.entered():
            return Path("/proc/thread-self/net", name).read_text(encoding="ascii").splitlines()


class WebPod(Pod):
    def __init__(self, lab, name, node, last_octet):
        super().__init__(lab, name, node, last_octet)
        self.process = lab.start(self.netns, "/usr/bin/python3", "-SEI", WEB_SERVER, name, WEB_PORT,
                                 log=lab.log(name))

    def await_ready(self):
        """Until it listens, which is when Kubernetes would call it ready."""
        listens = f":{WEB_PORT:04X} 00000000:0000 0A "
        wait_for(f"{self.name} listens",
                 lambda: any(listens in line for line in self.proc_net("tcp")))


class LbPod(Pod):
    """A load balancer pod; `ipvs` and `exabgp` are its containers, and `sockets` is, which outlives them."""

    def __init__(self, lab, name, node, last_octet, config, *source):
        super().__init__(lab, name, node, last_octet)
        # In a cluster it comes with the node's container runtime.
        self.netns.sysctl("net.ipv4.ip_forward", 1)
        if lab.ipv6:
            self.netns.sysctl("net.ipv6.conf.all.forwarding", 1)
        file = lab.folder / f"{name}.yaml"
        file.write_text(json.dumps(config), encoding="ascii")
        l2 = config.get("announce") == "l2"
        # By which load balancers know of each other.
        addresses = {"POD_IPS": [self.address], "HOST_IPS": [node.address]}
        if lab.ipv6:
            addresses["POD_IPS"].append(self.address6)
            addresses["HOST_IPS"].append(node.address6)
        environment = [f"{key}={','.join(value)}" for key, value in addresses.items()] if l2 else []
        self.ipvs = Container(self, IPVS, "run", "--config", file, "--source", *source, environment=environment)
        socket_file = lab.folder / f"{name}.socket"
        self.exabgp = Container(self, EXABGP_L2 if l2 else EXABGP, "run", "--config", file, "--node-netns",
                                f"unix:{socket_file}", environment=environment)
        self.sockets = Container(self, NODE_SOCKETS_L2 if l2 else NODE_SOCKETS, *(["--l2"] if l2 else []), NODE_NETNS,
                                 socket_file, node_netns=node.netns.path)

    def containers(self):
        return [self.ipvs, self.exabgp]

    def start(self):
        if not self.sockets.process:
            self.sockets.start()
        for container in self.containers():
            container.start()
        return self

    def signal(self, sig):
        """To the first process of both containers at the same moment, as the kubelet does."""
        for container in self.containers():
            container.signal(sig)

    def wait(self, timeout):
        return [container.wait(timeout) for container in self.containers()]

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
        return self.netns.run(*IPVS.tool("status", *options)).stdout


class Node:
    def __init__(self, lab, number, name, address):
        self.name, self.address = name, address
        self.pods = f"172.16.{number}"  # the beginning of its pods' addresses
        self.address6, self.pods6 = f"fd00:10::{address.rpartition('.')[2]}", f"fd00:16:{number}"
        self.netns = lab.netns(name)


class Lab(Network):
    """The network, as yet without pods. To be used in a `with`, inside scripts/lab."""

    def __init__(self, ipv6=False):
        super().__init__()
        self.ipv6 = ipv6  # besides IPv4, where nothing goes by the node's address
        self.folder = Path(self.enter_context(tempfile.TemporaryDirectory(prefix="kago-lab.")))
        self.manifests = self.folder / "manifests"
        self.manifests.mkdir()

    def __enter__(self):
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def log(self, name):
        return self.folder / f"{name}.log"

    def start(self, netns, *argv, log):
        """As Network.start, but at the end nobody gets time to finish what they do."""
        process = netns.start(*argv, log=log)
        self.callback(process.kill)
        return process

    # The network

    def _build(self):
        run("ip", "-batch", "-", stdin="link add switch type bridge\nlink set switch up\n")
        self.callback(run, "ip", "link", "delete", "switch")
        self.client, self.router, self.reflector = map(self.netns, ("client", "router", "rr"))
        self.nodes = {name: Node(self, number, name, address)
                      for number, (name, address) in enumerate(NODES.items(), 1)}
        self._wire()
        if self.ipv6:
            self._wire6()
        self._start_reflector()
        self._start_router()

    def _wire(self):
        ports = {"router": ROUTER, "rr": REFLECTOR, **NODES}
        run("ip", "-batch", "-", stdin="".join(
            f"link add s{name} type veth peer name eth0 netns {name}\n"
            f"link set s{name} up master switch\n" for name in ports))
        overlay = [f"route add {node.pods}.0/24 via {node.address}" for node in self.nodes.values()]
        self.link(self.router, "eth1", self.client, "eth0")
        self.client.ip(f"address add {CLIENT}/24 dev eth0",
                       f"route add default via {ROUTER_OUTSIDE}")
        self.router.ip(f"address add {ROUTER}/16 dev eth0", "link set eth0 up",
                       f"address add {ROUTER_OUTSIDE}/24 dev eth1")
        self.router.sysctl("net.ipv4.ip_forward", 1)
        # Only this makes the router's hash cover the ports.
        self.router.sysctl("net.ipv4.fib_multipath_hash_policy", 1)
        self.reflector.ip(f"address add {REFLECTOR}/16 dev eth0", "link set eth0 up", *overlay)
        for node in self.nodes.values():
            node.netns.ip(f"address add {node.address}/16 dev eth0", "link set eth0 up",
                          f"route add default via {ROUTER}",
                          *(route for route in overlay if not route.endswith(node.address)))
            self._wire_pods(node)
            node.netns.sysctl("net.ipv4.ip_forward", 1)
            # Who knows the overlay sees pods under their own addresses, others under the node's.
            inside = ", ".join([PODS, REFLECTOR, *NODES.values()])
            node.netns.run("nft", "-f", "-", stdin=f"""
                table ip node {{
                    chain postrouting {{
                        type nat hook postrouting priority srcnat
                        ip saddr {PODS} ip daddr != {{ {inside} }} masquerade
                    }}
                }}""")

    def _wire6(self):
        overlay = [f"route add {node.pods6}::/64 via {node.address6}" for node in self.nodes.values()]
        self.client.ip(f"address add {CLIENT6}/64 dev eth0 nodad", f"route add default via {ROUTER_OUTSIDE6}")
        self.router.ip(f"address add {ROUTER6}/64 dev eth0 nodad", f"address add {ROUTER_OUTSIDE6}/64 dev eth1 nodad",
                       *overlay)
        self.router.sysctl("net.ipv6.fib_multipath_hash_policy", 1)
        self.router.sysctl("net.ipv6.conf.all.forwarding", 1)
        for node in self.nodes.values():
            node.netns.ip(f"address add {node.address6}/64 dev eth0 nodad", f"route add default via {ROUTER6}",
                          *(route for route in overlay if not route.endswith(node.address6)))
            node.netns.sysctl("net.ipv6.conf.all.forwarding", 1)

    def _wire_pods(self, node):
        """A bridge for them."""
        node.netns.ip("link add docker0 type bridge", "link set docker0 up",
                      f"address add {node.pods}.1/24 dev docker0")
        if self.ipv6:
            node.netns.ip(f"address add {node.pods6}::1/64 dev docker0 nodad")

    def attach(self, pod):
        """To the bridge of its node."""
        node = pod.node
        node.netns.ip(f"link set {pod.device} master docker0")
        pod.netns.ip(f"address add {pod.address}/24 dev eth0", f"route add default via {node.pods}.1")
        if self.ipv6:
            pod.netns.ip(f"address add {pod.address6}/64 dev eth0 nodad", f"route add default via {node.pods6}::1")

    def _families(self):
        return ["ipv4", "ipv6"] if self.ipv6 else ["ipv4"]

    def _start_reflector(self):
        """The paper's appendix C."""
        families = [{"config": {"afi-safi-name": f"{family}-unicast"}} for family in self._families()]
        config = {
            "global": {
                "config": {"as": AS_NUMBER, "router-id": REFLECTOR,
                           "local-address-list": ["0.0.0.0"]},
                "use-multiple-paths": {"config": {"enabled": True}},
            },
            "peer-groups": [{
                "config": {"peer-group-name": "k8s", "peer-as": AS_NUMBER},
                "afi-safis": families,
            }],
            "dynamic-neighbors": [{"config": {"prefix": PODS, "peer-group": "k8s"}}],
            "neighbors": [{
                "config": {"neighbor-address": ROUTER, "peer-as": AS_NUMBER},
                "route-reflector": {"config": {"route-reflector-client": True,
                                               "route-reflector-cluster-id": REFLECTOR}},
                "add-paths": {"config": {"send-max": 255, "receive": True}},
                "afi-safis": families,
            }],
        }
        path = self.folder / "gobgpd.json"
        path.write_text(json.dumps(config, indent=2), encoding="ascii")
        self.start(self.reflector, "gobgpd", "-t", "json", "-f", path,
                   "--api-hosts", "127.0.0.1:50051", log=self.log("rr"))

    def _start_router(self):
        """In place of appendix B: Debian 12's gobgpd panics when it hears Debian 12's zebra.

        BIRD takes the paths that it gets by add-path into an ECMP route by itself.
        """
        self.start(self.router, "stdbuf", "-oL", "ip", "-o", "-ts", "monitor", "route",
                   log=self.log("routes"))
        path = self.folder / "bird.conf"
        kernels = "\n".join(f"protocol kernel {{ merge paths yes; {family} {{ import none; export all; }}; }}"
                            for family in self._families())
        channels = "\n    ".join(f"{family} {{ import all; export none; add paths rx; }};"
                                for family in self._families())
        path.write_text(f"""\
router id {ROUTER};
protocol device {{}}
{kernels}
protocol bgp reflector {{
    local {ROUTER} as {AS_NUMBER};
    neighbor {REFLECTOR} as {AS_NUMBER};
    direct;
    hold time 9;
    connect delay time 1;
    connect retry time 1;
    error wait time 1, 2;
    {channels}
}}
""", encoding="ascii")
        self.start(self.router, "bird", "-f", "-c", path, "-s", self.folder / "bird.ctl",
                   log=self.log("router"))

    def routes(self, *prefixes):
        """The router's routes to the prefixes as `ip route` prints them."""
        return "".join(self.router.run("ip", "route", "show", prefix).stdout for prefix in prefixes)

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
        if ":" in prefix:
            words = self.router.run("ip", "-6", "route", "show", prefix).stdout.split()
            return sorted(after for word, after in zip(words, words[1:]) if word == "via")
        changes = self.route_changes(prefix)
        return changes[-1][1] if changes else []

    def await_next_hops(self, prefix, pods, timeout=90):
        """Until the router sends to the nodes of these pods and to no other."""
        wanted = sorted(pod.node.address6 if ":" in prefix else pod.node.address for pod in pods)
        wait_for(f"{prefix} via {wanted}", lambda: self.next_hops(prefix) == wanted, timeout)

    # Pods

    def web_pod(self, name, node, last_octet):
        return WebPod(self, name, self.nodes[node], last_octet)

    def lb_pod(self, name, node, last_octet=2, fleet="default", aggregate="10.1.1.0/24", **settings):
        """Settings are added to its kago.yaml. It does not run yet."""
        config = kago_config(fleet, **{"bgp__aggregates": [aggregate], **settings})
        return LbPod(self, name, self.nodes[node], last_octet, config, self.manifests)

    def lb_pod_of_cluster(self, name, node, kubeconfig, **settings):
        """One that follows an API server; settings are added to its kago.yaml. It does not run yet."""
        return LbPod(self, name, self.nodes[node], 2, kago_config("default", **settings),
                     "kubernetes", "--kubeconfig", kubeconfig)

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


def kago_config(fleet, **settings):
    """What kago.yaml says; settings are further keys, with __ for the dot."""
    config = {"fleet": fleet, "http": {"listen": ""}}
    if settings.get("announce") != "l2":
        config["bgp"] = {"as": AS_NUMBER, "peers": [{"address": REFLECTOR, "as": AS_NUMBER}]}
    for key, value in settings.items():
        part, _, name = key.rpartition("__")
        (config.setdefault(part, {}) if part else config)[name] = value
    return config


def _endpoint(text):
    """"AC10010A:1F90" as "172.16.1.10:8080"; IPv6 as "[fd00::1]:8080"."""
    address, _, port = text.rpartition(":")
    if ":" in address:
        return f"[{ipaddress.ip_address(address.strip('[]'))}]:{int(port, 16)}"
    return f"{socket.inet_ntoa(bytes.fromhex(address))}:{int(port, 16)}"


def _conditions(draining):
    ready, terminating = ("false", "true") if draining else ("true", "false")
    return f"{{ready: {ready}, serving: true, terminating: {terminating}}}"
