#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The last endpoint of a Service goes: when its VIP is withdrawn. Runs inside the lab; see scripts/bench."""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import threading
import time
from datetime import datetime

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/lab"))
from net import wait_for  # noqa: E402
from topology import Lab  # noqa: E402

VIP = "10.2.2.2"  # of the Service that loses its endpoint; the others are in an aggregate
AGGREGATE = "10.3.0.0/16"
PATIENCE = 300  # s


class Reflector:
    """When gobgpd hears that a route goes, from its own monitor."""

    def __init__(self, lab):
        wait_for("gobgpd", lambda: lab.reflector.run("gobgp", "global", check=False).returncode == 0)
        with lab.reflector.entered():
            self._monitor = subprocess.Popen(["gobgp", "monitor", "global", "rib", "-a", "ipv4"],
                                             stdout=subprocess.PIPE, text=True)
        lab.callback(self._monitor.kill)
        self.withdrawn = []  # seconds since 1970
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self):
        for line in self._monitor.stdout:
            if f"[DELROUTE] {VIP}/32" in line:
                self.withdrawn.append(time.time())


def others(lab, size):
    """Services with ten endpoints each that stay as they are."""
    items = []
    for i in range(size - 1):
        meta = {"name": f"o{i}", "namespace": "bench"}
        notes = {"kago.dev/vip": f"10.3.{i // 250}.{1 + i % 250}", "kago.dev/health-check": "none"}
        ends = [{"addresses": [f"172.20.{i % 250}.{1 + k}"], "conditions": {"ready": True}} for k in range(10)]
        items += [
            {"apiVersion": "v1", "kind": "Service", "metadata": {**meta, "annotations": notes},
             "spec": {"type": "LoadBalancer", "loadBalancerClass": "kago.dev/default", "ports": [{"port": 80}]}},
            {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "endpoints": ends,
             "metadata": {**meta, "labels": {"kubernetes.io/service-name": meta["name"]}}, "ports": [{"port": 80}]}]
    lab.apply("others", json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


def logged(container, event, text):
    """When the last such line was written, seconds since 1970."""
    stamps = re.findall(rf"^time=(\S+)Z .*event={event} .*{re.escape(text)}", container.output(), re.M)
    return datetime.fromisoformat(stamps[-1] + "+00:00").timestamp() if stamps else 0


def one_round(lab, lb, reflector, web):
    """Milliseconds from when the controller saw it: to the sidecar, the reflector, the router."""
    lab.apply_endpoints("web", [web])
    wait_for("a route", lambda: lab.next_hops(VIP), PATIENCE)
    time.sleep(0.5)
    before = len(reflector.withdrawn)
    lab.apply_endpoints("web", [])
    wait_for("the withdrawal", lambda: len(reflector.withdrawn) > before, PATIENCE)
    wait_for("the router", lambda: not lab.next_hops(VIP), PATIENCE)
    seen = logged(lb.ipvs, "service.no_endpoints", "default/web")
    times = (logged(lb.exabgp, "vip.withdrawn", f"{VIP}/32"), reflector.withdrawn[before],
             lab.route_changes(VIP)[-1][0])
    return [(t - seen) * 1000 for t in times]


def measure(size, rounds):
    with Lab() as lab:
        reflector = Reflector(lab)
        web = lab.web_pod("web", "node1", 10)
        if size > 1:
            others(lab, size)
        lab.apply_service("web", VIP)
        lab.apply_endpoints("web", [web])
        lb = lab.lb_pod("lb", "node2", aggregate=AGGREGATE).start()
        wait_for("the first route", lambda: lab.next_hops(VIP), PATIENCE)
        rows = [one_round(lab, lb, reflector, web) for _ in range(rounds)]
    cells = [f"{statistics.median(column):.1f} / {max(column):.1f}" for column in zip(*rows)]
    return f"| {size} | {' | '.join(cells)} |"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", default="10,1000,10000")
    parser.add_argument("--rounds", type=int, default=100)
    args = parser.parse_args()
    lines = ["| Services | sidecar withdraws | reflector | router; median / slowest, ms after the controller saw it |",
             "|---|---|---|---|"]
    print("\n".join(lines), flush=True)
    for size in map(int, args.sizes.split(",")):
        lines.append(measure(size, args.rounds))
        print(lines[-1], flush=True)
    out = pathlib.Path(os.environ["KAGO_LAB_OUT"]) / "withdraw.md"
    out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
