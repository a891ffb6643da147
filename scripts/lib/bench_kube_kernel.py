#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""EndpointSlice PATCH -> kernel, beside a bare watch of the same PATCH. See scripts/bench.

--prepare runs outside of the lab, where creating Services takes seconds; the rest runs inside.
"""

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

# First, for it knows where the modules of the tests are.
from bench_kube import ENDPOINTS, KUBE, LONG, POOLS, ROOT, Bench, calm, keeping, prepare, slice_of, start
from api import Watch, addresses
from cluster import Cluster
from net import run, wait_for

PROBE = ROOT / "build/release/bin/kago-probe"
NAME, NUMBER = "s7", 7  # the Service that changes

HEAD = """\
| Services x endpoints | answered, ms | a bare watch sees it, ms | kernel, ms | slowest | kernel : watch |
|---|---|---|---|---|---|"""


def prepare_addresses(size):
    """A folder with a control plane's data: so many Services to which a load balancer has given addresses."""
    data = prepare(size)
    folder = data.with_name(f"{data.name}-addresses")
    if (folder / "complete").exists():
        return folder
    say(f"giving {size} Services their addresses: kept in {folder}")
    with keeping(folder, "--from", data, "--without", "kube-controller-manager") as fleet, running(fleet) as lb:
        wait_for("all addresses", lambda: all(map(addresses, fleet.api.list("Service", fleet.ns))), LONG, 1)
        calm(lb.process.pid)
    return folder


@contextlib.contextmanager
def running(fleet):
    """A load balancer that announces everything: nothing is left to be written to the API server."""
    lb, _ = start(fleet)
    try:
        yield lb
    except Exception:
        print(lb.process.output()[-3000:], file=sys.stderr)
        raise
    finally:
        lb.announcing.close()  # or it would wait for its sidecar
        lb.process.stop(60)


class KernelFleet(Bench):
    """Its load balancers fill the kernel that we are on, as the administrator of a cluster."""

    options = ()

    def __init__(self, cluster, folder):
        super().__init__(cluster, cluster, 1, folder, pools=POOLS,
                         keepalived__nftTemplate=ROOT / "templates/nftables.conf.mustache")


@contextlib.contextmanager
def plane(size):
    """A fleet of a control plane with so many Services, in a folder that is gone afterwards."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="kago-bench."))
    try:
        run(KUBE, "up", "--from", prepare_addresses(size), "--without", "kube-controller-manager", folder / "plane",
            timeout=LONG)
        yield KernelFleet(Cluster(folder / "plane"), folder)
    finally:
        run(KUBE, "down", folder / "plane", check=False)
        shutil.rmtree(folder, ignore_errors=True)


def loaded():
    """How many services and real servers the kernel holds."""
    table = json.loads(run(PROBE, "ipvs", "quick").stdout)
    return len(table), sum(len(each["dests"]) for each in table)


def await_rest(lb, files):
    """Until keepalived has read so many files, one for each change; not by `status`, which keeps kago busy."""
    wait_for("keepalived's file", lambda: lb.process.output().count("event=config.written") >= files, LONG, 0.2)
    for pid in run("pidof", "keepalived").stdout.split():
        calm(int(pid))


class Patch:
    """A PATCH whose head is on its way to the socket; the moment counts at which all of it goes there."""

    def __init__(self, fleet):
        self._path = fleet.api.path("EndpointSlice", fleet.ns, f"{NAME}-by-hand")
        self._connection = fleet.api.connection()

    def send(self, change):
        """When it was sent, and when the answer was here."""
        body = json.dumps(change).encode()
        self._connection.putrequest("PATCH", self._path)
        self._connection.putheader("Content-Type", "application/merge-patch+json")
        self._connection.putheader("Content-Length", str(len(body)))
        sent = time.monotonic()
        self._connection.endheaders(body)
        answer = self._connection.getresponse()
        answered = time.monotonic()
        text = answer.read()
        assert answer.status == 200, text
        return sent, answered


def kernel_wait(vip, reals):
    """A process that sees when the virtual server has so many real servers, to a millisecond."""
    process = subprocess.Popen([PROBE, "ipvs", "wait", "6", vip, "80", str(reals)],
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "waiting\n"
    return process


def changed(fleet, patch, watch, vip, ready):
    """Milliseconds from the sending of a PATCH to: its answer, a bare watch, the kernel."""
    endpoints = slice_of(fleet, NAME, NUMBER)["endpoints"]
    endpoints[0]["conditions"]["ready"] = ready
    waiting = kernel_wait(vip, ENDPOINTS if ready else ENDPOINTS - 1)
    seen = len(watch.seen)
    sent, answered = patch.send({"endpoints": endpoints})
    line = waiting.stdout.readline()
    assert waiting.wait() == 0, "the change was not seen in the kernel"
    wait_for("the watch", lambda: len(watch.seen) > seen)
    return [1000 * (at - sent) for at in (answered, watch.seen[seen][0], int(line) / 1e6)]


def measure(size, rounds):
    """A list of the rounds' times."""
    began = time.monotonic()
    with plane(size) as fleet, running(fleet) as lb:
        say(f"the API server is there after {time.monotonic() - began:.0f} s")
        wait_for(f"{size} Services in the kernel", lambda: loaded() == (size, size * ENDPOINTS), LONG, 1)
        say(f"{size} Services are in the kernel after {time.monotonic() - began:.0f} s")
        [vip] = addresses(fleet.get(NAME))
        patch, times = Patch(fleet), []
        with Watch(fleet.api, fleet.ns, "EndpointSlice") as watch:
            for i in range(rounds):
                await_rest(lb, i + 1)
                times.append(changed(fleet, patch, watch, vip, i % 2 == 1))
        return times


def row(size, times):
    answered, watch, kernel = map(statistics.median, zip(*times))
    slowest = max(t[2] for t in times)
    ratio = statistics.median(t[2] / t[1] for t in times)
    return f"| {size} x {ENDPOINTS} | {answered:.1f} | {watch:.1f} | {kernel:.1f} | {slowest:.1f} | {ratio:.2f} |"


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench kube-kernel")
    parser.add_argument("--sizes", default="1000")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--prepare", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sizes = list(map(int, arguments.sizes.split(",")))
    if arguments.prepare:
        for size in sizes:
            prepare_addresses(size)
        return
    lines = [HEAD]
    for size in sizes:
        lines.append(row(size, measure(size, arguments.rounds)))
        say(lines[-1])
    text = "\n".join(lines) + "\n"
    pathlib.Path(os.environ["KAGO_LAB_OUT"], "kube-kernel.md").write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
