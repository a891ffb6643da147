#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Changes and first loads of kago beside a bare keepalived. Runs inside the lab; see scripts/bench."""

import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "build/release/bin"
PROBE = BIN / "kago-probe"
WAIT = 240  # s, for anything
AT_REST = 0.1  # of a processor
GAP = 0.5  # s between two changes, above the reload gap that kago is given
CHURN = (20, 10)  # changes a second, seconds


def vip(i):
    return f"10.{1 + i // 65536}.{i // 256 % 256}.{i % 256}"


def objects(i, endpoints):
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
    return service, endpoint_slice


def replace(path, text):
    """When the new text was there."""
    tmp = path.with_name("." + path.name)
    tmp.write_text(text)
    changed_at = time.monotonic()
    tmp.rename(path)
    return changed_at


def netns(name, *argv):
    return ["ip", "netns", "exec", name, *map(str, argv)]


def wait_until(what, condition, pause):
    end = time.monotonic() + WAIT
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"{what}: not within {WAIT} s")
        time.sleep(pause)


class Watch:
    """Sees in a namespace when a service has so many real servers, to a millisecond."""

    def __init__(self, ns, service, reals):
        argv = netns(ns, PROBE, "ipvs", "wait", 6, vip(service), 80, reals)
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "waiting\n"

    def seen_at(self):
        """None: not within the probe's time."""
        line = self.process.stdout.readline()
        return int(line) / 1e6 if self.process.wait() == 0 else None


class Subject:
    """A program that fills IPVS in a namespace of its own."""

    def __init__(self, ns, folder):
        self.ns, self.folder, self.log = ns, folder, folder / f"{ns}.log"
        subprocess.run(["ip", "netns", "add", ns], check=True)
        subprocess.run(netns(ns, "ip", "link", "set", "lo", "up"), check=True)

    def run(self, *argv):
        with self.log.open("a") as log:
            self.process = subprocess.Popen(netns(self.ns, *argv), stdout=log, stderr=log)

    def first_load(self, size, endpoints):
        """Seconds from the start until IPVS holds all of it; None: too long."""
        watch = Watch(self.ns, size - 1, endpoints)
        started = time.monotonic()
        self.start()
        seen_at = watch.seen_at()
        if seen_at is None:
            return None
        table = json.loads(subprocess.run(netns(self.ns, PROBE, "ipvs", "quick"), capture_output=True,
                                          text=True, check=True).stdout)
        if (len(table), sum(len(s["dests"]) for s in table)) != (size, size * endpoints):
            sys.exit(f"{self.ns}: the last service is there, not all of them are")
        return seen_at - started

    def one_change(self, endpoints):
        """Milliseconds from when a file is changed, or SIGHUP sent, until the kernel holds it."""
        watch = Watch(self.ns, 0, endpoints)
        started = self.change(endpoints)
        seen_at = watch.seen_at()
        time.sleep(GAP)
        return None if seen_at is None else (seen_at - started) * 1000

    def pids(self):
        return subprocess.run(["ip", "netns", "pids", self.ns], capture_output=True, text=True,
                              check=True).stdout.split()

    def busy(self):
        """Which part of a second its programs take of a processor."""
        def ticks():
            total = 0
            for pid in self.pids():
                with contextlib.suppress(OSError):
                    stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                    total += int(stat[11]) + int(stat[12])  # user and system time
            return total

        before = ticks()
        time.sleep(1)
        return (ticks() - before) / os.sysconf("SC_CLK_TCK")

    def rest(self):
        """Waits until nothing is left to be done: keepalived, too, has joined a full table."""
        wait_until(f"{self.ns} at rest", lambda: self.busy() < AT_REST, 0)

    def stop(self):
        self.process.terminate()
        self.process.wait(WAIT)
        subprocess.run(["ip", "netns", "del", self.ns], check=True)


class Bare(Subject):
    """A keepalived of its own with the files that kago made."""

    def __init__(self, folder, files):
        super().__init__("bare", folder)
        self.conf, self.files = folder / "keepalived.conf", files

    def start(self):
        replace(self.conf, self.files["all"])
        self.run("keepalived", "--dont-fork", "--log-console", "--check", "--no_bfd", "--use-file", self.conf,
                 "--pid", self.conf.with_name("k.pid"), "--checkers_pid", self.conf.with_name("c.pid"))

    def change(self, endpoints):
        """When it was told."""
        replace(self.conf, self.files[endpoints])
        told_at = time.monotonic()
        self.process.send_signal(signal.SIGHUP)
        return told_at


class Kago(Subject):
    """kago-controller following manifests: one file for the Services that change, one for the others."""

    def __init__(self, folder, size, endpoints):
        super().__init__("kago", folder)
        self.source, self.state = folder / "manifests", folder / "run"
        self.source.mkdir()
        self.put(0, endpoints)
        if size > 1:
            self.put_list("rest", [o for i in range(1, size) for o in objects(i, endpoints)])

    def put_list(self, name, items):
        """As the API server would say it."""
        return replace(self.source / f"{name}.json", json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))

    def put(self, i, endpoints):
        return self.put_list(f"s{i}", list(objects(i, endpoints)))

    def start(self):
        settings = {"keepalived.template": ROOT / "templates/keepalived.conf.mustache",
                    "keepalived.nftTemplate": ROOT / "templates/nftables.conf.mustache",
                    "keepalived.stateDir": self.state}
        argv = [BIN / "kago-controller", "run", "--source", self.source]
        for key, value in settings.items():
            argv += ["--set", f"{key}={value}"]
        self.run(*argv)

    def change(self, endpoints):
        return self.put(0, endpoints)

    def conf(self, text):
        """keepalived.conf once it says so."""
        path = self.state / "keepalived.conf"
        wait_until(f"{text} in {path}", lambda: path.exists() and path.read_text().count(
            "real_server ") == text, 0.2)
        return path.read_text()

    def applied(self):
        """What the log says of each change: milliseconds from the event to the kernel."""
        return [float(ms) for ms in re.findall(
            "event=kernel.applied .*event_to_kernel_ms=([0-9.]+)", self.log.read_text())]

    def churn(self, endpoints):
        """Milliseconds of the slowest of many changes, one after the other, and how many there were."""
        rate, seconds = CHURN
        before = len(self.applied())
        start = time.monotonic()
        for n in range(rate * seconds):
            self.put(0, endpoints - 1 - n % 2)
            time.sleep(max(0, start + (n + 1) / rate - time.monotonic()))
        self.one_change(endpoints)
        took = self.applied()[before:]
        return max(took), len(took)

    def rss_mb(self):
        status = pathlib.Path(f"/proc/{self.pids()[0]}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


def median(times):
    return None if None in times else statistics.median(times)


def ratio(a, b):
    return "-" if a is None or b is None else f"1/{b / a:.0f}" if b > 1.5 * a else f"{a / b:.2f}"


def cell(value, digits=1):
    return "-" if value is None else f"{value:.{digits}f}"


def measure(size, endpoints, rounds, folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    kago = Kago(folder, size, endpoints)
    load = {"kago": kago.first_load(size, endpoints)}
    files = {"all": kago.conf(size * endpoints)}
    kago.rest()
    times = {"kago": [kago.one_change(endpoints - 1 + n % 2) for n in range(2 * rounds)]}
    slowest, n_changes = kago.churn(endpoints)
    rss = kago.rss_mb()
    kago.change(endpoints - 1)
    files[endpoints - 1], files[endpoints] = kago.conf(size * endpoints - 1), files["all"]
    kago.stop()
    bare = Bare(folder, files)
    load["bare"] = bare.first_load(size, endpoints)
    times["bare"] = [None]
    if load["bare"] is not None:
        bare.rest()
        times["bare"] = [bare.one_change(endpoints - 1 + n % 2) for n in range(2 * rounds)]
    bare.stop()
    one = {who: median(times[who]) for who in times}
    return (f"| {size} x {endpoints} | {cell(one['bare'])} | {cell(one['kago'])} | {ratio(one['kago'], one['bare'])} "
            f"| {slowest:.1f} ({n_changes}) | {cell(load['bare'])} | {cell(load['kago'])} "
            f"| {ratio(load['kago'], load['bare'])} | {rss:.1f} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", default="100x10,1000x10,1000x50,10000x10")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    lines = ["| Services x endpoints | bare reload, ms | kago, ms | ratio | slowest of 20 changes a second, ms "
             "(changes) | first load bare, s | kago, s | ratio | controller RSS, MB |",
             "|---|---|---|---|---|---|---|---|---|"]
    print("\n".join(lines), flush=True)
    for size in args.sizes.split(","):
        n, endpoints = map(int, size.split("x"))
        lines.append(measure(n, endpoints, args.rounds, pathlib.Path(f"/tmp/bench/{size}")))
        print(lines[-1], flush=True)
    out = pathlib.Path(os.environ["KAGO_LAB_OUT"]) / "reload.md"
    out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
