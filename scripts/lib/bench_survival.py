#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Open connections while load balancers and endpoints come and go. Runs inside the lab; see scripts/bench."""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/lab"))
from net import program, run  # noqa: E402
from topology import KILL, NODES, TERM, Lab, Pod  # noqa: E402

VIP, AGGREGATE, PORT, TARGET = "10.1.1.1", "10.1.1.0/24", 80, 8080
SETTLE = 3  # s after an event until all is asked whether it is there
PATIENCE = 90  # s
ANSWER_WITHIN = 60  # s, for all flows to have told what became of them
MODES = {  # annotations, which nodes take tunnels, how many of them are asked for an unknown connection
    "tunnel": ({"forward": "tunnel"}, list(NODES), 0),
    "tunnel, nodes ask": ({"forward": "tunnel"}, list(NODES), 8),
    "nat": ({}, [], 0),
    "nat, rr": ({"scheduler": "rr"}, [], 0),
}


class EchoPod(Pod):
    def __init__(self, lab, name, node, last_octet):
        super().__init__(lab, name, node, last_octet)
        lab.start(self.netns, "/usr/bin/python3", "-SEI", ROOT / "test/lab/echo.py", name, TARGET, log=lab.log(name))


class Client:
    """flows.py in the client's namespace."""

    def __init__(self, lab, n_tcp, n_udp):
        with lab.client.entered():
            self._process = subprocess.Popen(
                ["/usr/bin/python3", "-SEI", ROOT / "test/lab/flows.py", VIP, str(PORT), str(n_tcp), str(n_udp)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        lab.callback(self._process.kill)

    def report(self):
        """What became of all flows since the last time."""
        guard = threading.Timer(ANSWER_WITHIN, self._process.kill)
        guard.start()
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())
        finally:
            guard.cancel()


class Fleet:
    """Load balancers on the nodes, each pod with a namespace of its own that goes with it."""

    def __init__(self, lab, mode):
        self.lab, self.mode = lab, mode
        self.notes, self.tunnel_nodes, self.n_asked = MODES[mode]
        self._made = dict.fromkeys(NODES, 0)
        self.pods = [EchoPod(lab, f"echo-{i}", node, 20 + i) for i, node in
                     enumerate([lab.nodes[name] for name in NODES] * 2)]
        self.lbs = {}
        self.publish(self.pods[:4])
        for node in self.tunnel_nodes:
            self._start_agent(lab.nodes[node])

    def _start_agent(self, node):
        config = self.lab.folder / f"agent-{node.name}.yaml"
        config.write_text(f"fleet: default\ntunnel: {{nodes: [{', '.join(self.tunnel_nodes)}]}}\n", encoding="ascii")
        allowed = [word for address in ("172.16.0.0/16", *NODES.values()) for word in ("--allow", address)]
        self.lab.start(node.netns, program("kago-node"), "run", "--config", config, "--source", self.lab.manifests,
                       "--node", node.name, "--ask-nodes", str(self.n_asked), *allowed,
                       log=self.lab.log(f"agent-{node.name}"))

    def publish(self, pods, draining=()):
        ports = [{"name": name, "port": PORT, "targetPort": TARGET, "protocol": name.upper()}
                 for name in ("tcp", "udp")]
        notes = {f"kago.dev/{key}": value for key, value in self.notes.items()}
        service = {
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "echo", "namespace": "default", "annotations": {"kago.dev/vip": VIP, **notes}},
            "spec": {"type": "LoadBalancer", "loadBalancerClass": "kago.dev/default", "ports": ports}}
        ends = [{"addresses": [pod.address], "nodeName": pod.node.name, "conditions": {
            "ready": pod not in draining, "serving": True, "terminating": pod in draining}} for pod in pods]
        slices = {
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "endpoints": ends,
            "metadata": {"name": "echo-1", "namespace": "default", "labels": {"kubernetes.io/service-name": "echo"}},
            "ports": [{"name": port["name"], "port": TARGET, "protocol": port["protocol"]} for port in ports]}
        self.lab.apply("echo", json.dumps({"apiVersion": "v1", "kind": "List", "items": [service, slices]}))

    def begin(self, node):
        """A new load balancer pod on this node."""
        self._made[node] += 1
        n = self._made[node]
        settings = {"tunnel__nodes": self.tunnel_nodes} if self.tunnel_nodes else {}
        lb = self.lab.lb_pod(f"l{n}-{node}", node, 1 + n, **settings)
        gateway = f"{lb.node.pods}.1"
        lb.netns.ip(f"route add {gateway}/32 dev eth0", f"route replace {lb.node.pods}.0/24 via {gateway}")
        self.lbs[node] = lb.start()

    def end(self, node, how):
        """SIGTERM, or SIGKILL, and the namespace goes."""
        lb = self.lbs.pop(node)
        lb.signal(how)
        lb.wait(PATIENCE)
        run("ip", "netns", "delete", lb.netns.name)

    def await_routes(self):
        self.lab.await_next_hops(AGGREGATE, self.lbs.values(), PATIENCE)


def quiet(fleet):
    time.sleep(5)


def replaced(how):
    def event(fleet):
        fleet.end("node1", how)
        fleet.await_routes()
        time.sleep(SETTLE)
        fleet.begin("node1")
        fleet.await_routes()
    return event


def cut_off(fleet):
    """Nobody is told: the sessions' hold time has to pass."""
    lb = fleet.lbs.pop("node2")
    lb.node.netns.ip(f"link set v{lb.name} down")
    fleet.await_routes()
    time.sleep(SETTLE)
    lb.node.netns.ip(f"link set v{lb.name} up")
    fleet.lbs["node2"] = lb
    fleet.await_routes()


def added(fleet):
    fleet.begin("node3")
    fleet.await_routes()


def rolled(fleet):
    for node in list(fleet.lbs):
        fleet.end(node, TERM)
        fleet.begin(node)
        fleet.await_routes()


def with_endpoints(pods, draining=()):
    """An endpoint comes or drains in the moment in which a load balancer is killed."""
    def event(fleet):
        fleet.publish([fleet.pods[i] for i in pods], [fleet.pods[i] for i in draining])
        replaced(KILL)(fleet)
    return event


EVENTS = {
    "nothing": quiet,
    "one told to end (SIGTERM), and a new one": replaced(TERM),
    "one killed (SIGKILL), and a new one": replaced(KILL),
    "a third one added": added,
    "one cut off silently, and back": cut_off,
    "all replaced, one after another": rolled,
    "an endpoint added while one is killed": with_endpoints([0, 1, 2, 3, 4]),
    "an endpoint drains while one is killed": with_endpoints([0, 1, 2, 3, 4], [0]),
}


def measure(mode, n_tcp, n_udp, events):
    with Lab() as lab:
        fleet = Fleet(lab, mode)
        for node in ("node1", "node2"):
            fleet.begin(node)
        fleet.await_routes()
        client = Client(lab, n_tcp, n_udp)
        client.report()
        for name in events:
            start = time.monotonic()
            EVENTS[name](fleet)
            time.sleep(SETTLE)
            yield name, client.report(), time.monotonic() - start


def row(mode, event, told, took):
    why = ", ".join(f"{n} {reason}" for reason, n in sorted(told["why"].items()))
    broken = f"{told['broken']} ({why})" if why else "0"
    return (f"| {mode} | {event} | {broken} | {told['corrupt']} | {told['stall_ms']} "
            f"| {told['udp_lost']} / {told['udp_moved']} "
            f"| {told['messages']}, {told['bytes'] / 1e6:.0f} MB in {took:.0f} s |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--flows", type=int, default=600)
    parser.add_argument("--udp", type=int, default=60)
    parser.add_argument("--modes", default=";".join(MODES), help="separated by ;")
    parser.add_argument("--events", default=";".join(EVENTS), help="separated by ;")
    args = parser.parse_args()
    lines = ["| forwarding | what happened | broken | corrupt | longest stall, ms | UDP lost / moved | came back |",
             "|---|---|---|---|---|---|---|"]
    print("\n".join(lines), flush=True)
    for mode in args.modes.split(";"):
        for told in measure(mode, args.flows, args.udp, args.events.split(";")):
            lines.append(row(mode, *told))
            print(lines[-1], flush=True)
    (pathlib.Path(os.environ["KAGO_LAB_OUT"]) / "survival.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
