#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""EndpointSlice PATCH -> kernel, beside a bare watch of the same PATCH. Runs inside the lab; see scripts/bench."""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "test/kube"), str(ROOT / "test/lab")]
BIN = ROOT / "build/release/bin"
os.environ["KAGO_BIN"] = str(BIN)
os.environ["PATH"] = f"{os.environ['KUBEBUILDER_ASSETS']}:{os.environ['PATH']}"
from api import Watch, addresses  # noqa: E402
from cluster import Account, Cluster  # noqa: E402
from net import Process, run, wait_for  # noqa: E402

KUBE = ROOT / "scripts/kube"
PROBE = BIN / "kago-probe"
ENDPOINTS = 10
LONG = 900  # s, for anything; all of this runs under emulation
GAP = 1.0  # s between two changes, above the reload gap that kago is given

HEAD = """\
All of it, API server and client included, on an emulated processor: milliseconds say little, ratios do. Medians,
in ms, of what an EndpointSlice's PATCH takes; a bare watch, in Python, mostly sees it before its client has the answer.

| Services | sent -> answered | sent -> a bare watch sees it | sent -> keepalived.conf | sent -> kernel (slowest) \
| answered -> kernel | ratio from sent, kernel : watch | conf : watch |
|---|---|---|---|---|---|---|---|"""


def service(name):
    return {"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": "default",
                         "annotations": {"kago.dev/health-check": "none"}},
            "spec": {"type": "LoadBalancer", "loadBalancerClass": "kago.dev/default",
                     "allocateLoadBalancerNodePorts": False,
                     "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}}


def endpoints(number, first_is_ready=True):
    return [{"addresses": [f"172.{16 + number // 256 % 16}.{number % 256}.{1 + k}"],
             "conditions": {"ready": first_is_ready or k > 0}} for k in range(ENDPOINTS)]


def endpoint_slice(name, number):
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": name, "namespace": "default",
                         "labels": {"kubernetes.io/service-name": name}},
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
            "endpoints": endpoints(number)}


@contextlib.contextmanager
def plane():
    """An API server without anything in it, in a folder that is gone afterwards."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="kago-bench."))
    try:
        run(KUBE, "up", "--without", "kube-controller-manager", folder / "plane", timeout=LONG)
        yield Cluster(folder / "plane"), folder
    finally:
        run(KUBE, "down", folder / "plane", check=False)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def kago(cluster, folder):
    """A load balancer in the namespace that we are in."""
    config = folder / "kago.yaml"
    config.write_text(json.dumps({
        "http": {"listen": ""}, "pools": [{"name": "large", "addresses": ["10.64.0.0/16"]}],
        "keepalived": {"template": f"{ROOT}/templates/keepalived.conf.mustache",
                       "nftTemplate": f"{ROOT}/templates/nftables.conf.mustache",
                       "stateDir": f"{folder}/run", "minReloadGap": "100ms", "verifyTimeout": "60s"}}))
    process = Process([BIN / "kago-controller", "run", "--source", "kubernetes", "--config", config,
                       "--kubeconfig", Account(cluster).allow_cluster().kubeconfig], folder / "log")
    try:
        yield process
    finally:
        process.stop(60)


def loaded():
    """How many services and real servers the kernel holds."""
    table = json.loads(run(PROBE, "ipvs", "dump").stdout)
    return len(table), sum(len(each["dests"]) for each in table)


def await_loaded(size, log):
    try:
        wait_for(f"{size} Services in the kernel", lambda: loaded() == (size, size * ENDPOINTS), LONG, 1)
    except Exception:
        print(log.read_text(encoding="utf-8")[-3000:], file=sys.stderr)
        raise


def kernel_wait(vip, reals):
    """A process that sees when the virtual server has so many real servers, to a millisecond."""
    process = subprocess.Popen([PROBE, "ipvs", "wait", "6", vip, "80", str(reals)],
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "waiting\n"
    return process


def changed(api, watch, vip, conf, ready):
    """Milliseconds from the sending of a PATCH to: its answer, a bare watch, keepalived.conf, the kernel."""
    waiting = kernel_wait(vip, ENDPOINTS if ready else ENDPOINTS - 1)
    seen = len(watch.seen)
    at, wall = time.monotonic(), time.time()
    api.patch("EndpointSlice", "default", "s7", {"endpoints": endpoints(7, ready)})
    answered = time.monotonic()
    line = waiting.stdout.readline()
    assert waiting.wait() == 0, "the change was not seen in the kernel"
    wait_for("the watch", lambda: len(watch.seen) > seen)
    took = answered - at, watch.seen[seen][0] - at, conf.stat().st_mtime - wall, int(line) / 1e6 - at
    return [1000 * t for t in took]


def measure(size, rounds):
    """A list of the rounds' times."""
    with plane() as (cluster, folder):
        api, began = cluster.api, time.monotonic()
        names = [f"s{i}" for i in range(size)]
        api.at_once([endpoint_slice(name, i) for i, name in enumerate(names)], 4)
        api.at_once([service(name) for name in names], 4)
        say(f"{size} Services are there after {time.monotonic() - began:.0f} s")
        with kago(cluster, folder) as process:
            await_loaded(size, process.log)
            say(f"and in the kernel after {time.monotonic() - began:.0f} s")
            [vip] = addresses(api.get("Service", "default", "s7"))
            time.sleep(10)  # the leader has Events to write
            times = []
            with Watch(api, "default", "EndpointSlice") as watch:
                for i in range(rounds):
                    times.append(changed(api, watch, vip, folder / "run/keepalived.conf", i % 2 == 1))
                    time.sleep(GAP)
            return times


def row(size, times):
    answered, watch, conf, kernel = map(statistics.median, zip(*times))
    after = statistics.median(t[3] - t[0] for t in times)
    return (f"| {size:,} | {answered:.1f} | {watch:.1f} | {conf:.1f} | {kernel:.1f} ({max(t[3] for t in times):.1f}) "
            f"| {after:.1f} | {kernel / watch:.1f} | {conf / watch:.1f} |")


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench kube-kernel")
    parser.add_argument("--sizes", default="100,1000")
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    lines = [HEAD]
    for size in map(int, arguments.sizes.split(",")):
        lines.append(row(size, measure(size, arguments.rounds)))
        say(lines[-1])
    text = "\n".join(lines) + "\n"
    pathlib.Path(os.environ["KAGO_LAB_OUT"], "kube-kernel.md").write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
