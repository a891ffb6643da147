#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Event -> kernel of kago beside a bare keepalived. Runs inside the lab; see scripts/bench."""

import argparse
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "build/release/bin"
PROBE = BIN / "kago-probe"
ENDPOINTS = 10
WAIT = 120  # s, for anything
GAP = 0.5  # s between two changes, above the reload gap that kago is given


def vip(i):
    return f"10.{1 + i // 65536}.{i // 256 % 256}.{i % 256}"


def manifest(i, endpoints):
    addresses = [f"172.{16 + i // 256 % 16}.{i % 256}.{1 + k}" for k in range(endpoints)]
    service = {
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": f"s{i}", "namespace": "bench",
                     "annotations": {"kago.dev/vip": vip(i), "kago.dev/health-check": "none"}},
        "spec": {"type": "LoadBalancer", "loadBalancerClass": "kago.dev/default",
                 "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    }
    endpoint_slice = {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": f"s{i}-a", "namespace": "bench",
                     "labels": {"kubernetes.io/service-name": f"s{i}"}},
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": [{"addresses": [a], "conditions": {"ready": True}} for a in addresses],
    }
    return "\n---\n".join(json.dumps(o) for o in (service, endpoint_slice))


def replace(path, text):
    tmp = path.with_name("." + path.name)
    tmp.write_text(text)
    tmp.rename(path)


def netns(name, *argv):
    return ["ip", "netns", "exec", name, *map(str, argv)]


class Watch:
    """Sees in a namespace when the first service has so many real servers, to a millisecond."""

    def __init__(self, ns, reals):
        argv = netns(ns, PROBE, "ipvs", "wait", 6, vip(0), 80, reals)
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "waiting\n"

    def seen_at(self):
        line = self.process.stdout.readline()
        if self.process.wait() != 0:
            sys.exit("the change was not seen in the kernel")
        return int(line) / 1e6


class Bare:
    """A keepalived of its own with a given file."""

    def __init__(self, ns, folder):
        self.ns, self.conf, self.log = ns, folder / "keepalived.conf", folder / "bare.log"

    def start(self):
        argv = netns(self.ns, "keepalived", "--dont-fork", "--log-console", "--check", "--no_bfd",
                     "--use-file", self.conf, "--pid", self.conf.with_name("k.pid"),
                     "--checkers_pid", self.conf.with_name("c.pid"))
        with self.log.open("w") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log)

    def change(self, files, endpoints):
        replace(self.conf, files[endpoints])
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        self.process.terminate()
        self.process.wait(WAIT)


class Kago:
    """kago-controller following a folder of manifests, a file a Service."""

    def __init__(self, ns, folder, size):
        self.ns, self.source, self.state = ns, folder / "manifests", folder / "run"
        self.source.mkdir()
        for i in range(size):
            replace(self.source / f"s{i}.yaml", manifest(i, ENDPOINTS))
        self.log = folder / "kago.log"

    def start(self):
        settings = {"keepalived.template": ROOT / "templates/keepalived.conf.mustache",
                    "keepalived.nftTemplate": ROOT / "templates/nftables.conf.mustache",
                    "keepalived.stateDir": self.state, "keepalived.minReloadGap": "100ms",
                    "keepalived.verifyTimeout": "60s"}
        argv = [BIN / "kago-controller", "run", "--source", self.source]
        for key, value in settings.items():
            argv += ["--set", f"{key}={value}"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(netns(self.ns, *argv), stderr=log)

    def change(self, _, endpoints):
        replace(self.source / "s0.yaml", manifest(0, endpoints))

    def conf(self):
        return (self.state / "keepalived.conf").read_text()

    def rss_mb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def stop(self):
        self.process.terminate()
        self.process.wait(WAIT)


def loaded(ns):
    """How many services and real servers the kernel holds in a namespace."""
    table = json.loads(subprocess.run(netns(ns, PROBE, "ipvs", "dump"), capture_output=True,
                                      text=True, check=True).stdout)
    return len(table), sum(len(service["dests"]) for service in table)


def wait_loaded(subject, size):
    deadline = time.monotonic() + WAIT
    while loaded(subject.ns) != (size, size * ENDPOINTS):
        if time.monotonic() > deadline:
            sys.exit(f"{subject.log.read_text()[-3000:]}\n{subject.ns}: {WAIT} s after the start "
                     f"IPVS has {loaded(subject.ns)} services and real servers, not all of {size}")
        time.sleep(1)


def one_change(subject, files, endpoints):
    """Milliseconds from the change until the kernel of the subject holds it."""
    watch = Watch(subject.ns, endpoints)
    started = time.monotonic()
    subject.change(files, endpoints)
    took = watch.seen_at() - started
    time.sleep(GAP)
    return took * 1000


def rendered(kago):
    """keepalived.conf with all endpoints, and with one less of the first Service."""
    files = {ENDPOINTS: kago.conf()}
    one_change(kago, None, ENDPOINTS - 1)
    files[ENDPOINTS - 1] = kago.conf()
    one_change(kago, None, ENDPOINTS)
    return files


def measure(size, rounds, folder):
    folder.mkdir(parents=True)
    for ns in ("bare", "kago"):
        subprocess.run(["ip", "netns", "add", ns], check=True)
        subprocess.run(netns(ns, "ip", "link", "set", "lo", "up"), check=True)
    kago, bare = Kago("kago", folder, size), Bare("bare", folder)
    kago.start()
    wait_loaded(kago, size)
    files = rendered(kago)
    bare.conf.write_text(files[ENDPOINTS])
    bare.start()
    wait_loaded(bare, size)
    times = {"bare": [], "kago": []}
    for _ in range(rounds):
        for endpoints in (ENDPOINTS - 1, ENDPOINTS):
            times["bare"].append(one_change(bare, files, endpoints))
            times["kago"].append(one_change(kago, files, endpoints))
    rss = kago.rss_mb()
    for subject in (bare, kago):
        subject.stop()
    for ns in ("bare", "kago"):
        subprocess.run(["ip", "netns", "del", ns], check=True)
    return times, rss


def row(size, times, rss):
    bare, kago = (statistics.median(times[k]) for k in ("bare", "kago"))
    ratios = [k / b for k, b in zip(times["kago"], times["bare"])]
    return (f"| {size} | {bare:.1f} | {kago:.1f} | {kago / bare:.2f} "
            f"| {min(ratios):.2f} .. {max(ratios):.2f} | {rss:.1f} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", default="10,100,1000")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    lines = ["| Services | bare keepalived, ms | kago, ms | ratio of medians | ratio, pair by pair "
             "| controller RSS, MB |", "|---|---|---|---|---|---|"]
    print("\n".join(lines), flush=True)
    for size in map(int, args.sizes.split(",")):
        lines.append(row(size, *measure(size, args.rounds, pathlib.Path(f"/tmp/bench/{size}"))))
        print(lines[-1], flush=True)
    out = pathlib.Path(os.environ["KAGO_LAB_OUT"]) / "reload.md"
    out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
