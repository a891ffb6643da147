#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""kago-controller with many Services on a real API server. See scripts/bench."""

import argparse
import contextlib
import ctypes
import datetime
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "test/kube"), str(ROOT / "test/lab")]
os.environ["KAGO_BIN"] = str(ROOT / "build/release/bin")
from api import Watch, addresses  # noqa: E402
from cluster import Account, Cluster, Fleet  # noqa: E402
from net import free_port, run, wait_for  # noqa: E402

KUBE = ROOT / "scripts/kube"
ENDPOINTS = 10
THREADS = 8
IDLE = 20  # s over which an idle controller's time is counted
GAP = 0.1  # s between two changes
LONG = 900  # s, for anything
POOLS = [{"name": "large", "addresses": ["10.64.0.0/16"]}]

# What others need, on the same kind of machine (2 cores, Kubernetes 1.36), measured with the same definitions.
OTHERS = """\
| MetalLB 0.16.2: Service created -> ingress seen, median / p99 | 6.3 / 12.7 ms | 9.7 / 27 ms | 40 / 102 ms |
| MetalLB: all assigned after start | 2.2 s | 16.4 s | 251 s |
| MetalLB controller: RSS, idle CPU | 57 MB, 0.08 % | 75 MB, 0.10 % | 194 MB, 0.07 % |
| MetalLB speaker: slice emptied -> withdrawn, median / p99 | 2.2 / 9.1 ms | 3.7 / 21 ms | 56 / 152 ms |
| MetalLB speaker: RSS | 64 MB | 92 MB | 340 MB |
| kube-proxy (nftables): endpoint leaves -> seen in nft, median / p99 | 42 / 71 ms | 344 / 483 ms | - |
| kube-proxy: RSS, CPU per change | 61 MB, 16 ms | 85-119 MB, 86 ms | - |"""
OTHERS_SIZES = (100, 1000, 10000)


def slice_of(fleet, name, number):
    return fleet.endpoint_slice(name, *[f"172.{16 + number // 256 % 16}.{number % 256}.{1 + k}"
                                        for k in range(ENDPOINTS)])


class Bench(Fleet):
    """A fleet whose Services have no selector: their endpoints are made by hand."""

    def service(self, name, **options):
        made = super().service(name, **options)
        del made["spec"]["selector"]
        return made


def fleet_of(folder, at):
    cluster = Cluster(folder)
    # The Services of the fleet are in the data that was kept: number 1 is the same every time.
    return Bench(cluster, Account(cluster).allow_cluster(), 1, at, pools=POOLS)


@contextlib.contextmanager
def keeping(folder, *options):
    """A fleet of a control plane whose data stays in the folder, which is complete afterwards."""
    run(KUBE, "down", folder)
    run(KUBE, "up", *options, folder, timeout=LONG)
    try:
        with tempfile.TemporaryDirectory() as at:
            yield fleet_of(folder, pathlib.Path(at))
    finally:
        run(KUBE, "down", "--keep", folder)
    (folder / "complete").touch()


def prepare(size):
    """A folder with a control plane's data: so many Services without a status, which takes minutes once."""
    programs = pathlib.Path(run(KUBE, "build", timeout=LONG).stdout.strip())
    folder = programs.parent / f"bench-{size}x{ENDPOINTS}-{programs.name}"
    if (folder / "complete").exists():
        return folder
    say(f"creating {size} Services with {ENDPOINTS} endpoints each: kept in {folder}")
    with keeping(folder) as fleet:
        fleet.api.ensure({"kind": "Namespace", "metadata": {"name": "bench"}})
        names = [f"s{i}" for i in range(size)]
        fleet.api.at_once([slice_of(fleet, name, i) for i, name in enumerate(names)], THREADS)
        fleet.api.at_once([fleet.service(name) for name in names], THREADS)
    return folder


@contextlib.contextmanager
def plane(size):
    """A control plane with so many Services, in a folder that is gone afterwards."""
    data = prepare(size)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="kago-bench."))
    try:
        run(KUBE, "up", "--from", data, folder / "plane", timeout=LONG)
        # Nothing here needs it, and it is busy for long with so many objects.
        os.kill(int((folder / "plane/kube-controller-manager.pid").read_text()), signal.SIGKILL)
        yield folder
    finally:
        run(KUBE, "down", folder / "plane", check=False)
        shutil.rmtree(folder, ignore_errors=True)


class Count:
    """How many Services have an address, seen by a watch in a process of its own, and when it is enough."""

    SCRIPT = """
import re, sys, time
want, seen = int(sys.argv[1]), set()
print("waiting", flush=True)
for line in sys.stdin.buffer:
    if b'"ingress":[{"ip"' in line:
        seen.add(re.search(rb'"name":"([^"]+)"', line)[1])
        if len(seen) == want:
            print(time.monotonic(), flush=True)
            break
"""

    def __init__(self, fleet, want):
        path = fleet.api.path("Service", fleet.ns, watch=1, resourceVersion=version(fleet))
        # A watch may end; it then begins where it began.
        self._watch = subprocess.Popen(
            ["sh", "-c", 'while :; do kubectl --kubeconfig "$1" get --raw "$2"; done', "watch",
             fleet.cluster.kubeconfig, path], stdout=subprocess.PIPE, start_new_session=True)
        self._count = subprocess.Popen([sys.executable, "-c", self.SCRIPT, str(want)],
                                       stdin=self._watch.stdout, stdout=subprocess.PIPE, text=True)
        self._count.stdout.readline()

    def done_at(self):
        """The moment; kills what waits for it when that is in vain."""
        late = threading.Timer(LONG, self._count.kill)
        late.start()
        try:
            return float(self._count.stdout.readline())
        finally:
            late.cancel()
            os.killpg(self._watch.pid, signal.SIGKILL)
            self._watch.wait()
            self._count.wait()


def version(fleet):
    return fleet.api.call("GET", fleet.api.path("Service", fleet.ns, limit=1))["metadata"]["resourceVersion"]


class Renames:
    """The moments at which a file is replaced."""

    def __init__(self, path):
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd, self._name = libc.inotify_init1(os.O_CLOEXEC), path.name.encode()
        libc.inotify_add_watch(self._fd, str(path.parent).encode(), 0x80)  # IN_MOVED_TO
        self._changed = threading.Condition()
        self._at = []
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self):
        while True:
            events, now = os.read(self._fd, 65536), time.monotonic()
            if self._name + b"\0" in events:
                with self._changed:
                    self._at.append(now)
                    self._changed.notify_all()

    def count(self):
        with self._changed:
            return len(self._at)

    def after(self, number):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._at) > number, 30), "not rendered in 30 s"
            return self._at[number]


def cpu_seconds(pid):
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def rss_mb(pid, key="VmRSS"):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{key}:\s+(\d+) kB", text, re.MULTILINE)[1]) / 1024


def received(pid):
    """Bytes that came in on the TCP connections which the process has."""
    sockets = run("ss", "-tniHp").stdout.replace("\n\t", " ").splitlines()
    return sum(int(re.search(r"bytes_received:(\d+)", line)[1]) for line in sockets
               if f"pid={pid}," in line and "bytes_received:" in line)


def calm(pid):
    """Until the process has nothing more to do."""
    def is_calm():
        before = cpu_seconds(pid)
        time.sleep(1)
        return cpu_seconds(pid) - before < 0.005

    wait_for("a calm controller", is_calm, LONG, 0)


def start(fleet):
    """A load balancer that announces everything, and when it was started."""
    at, port = time.monotonic(), free_port()
    lb = fleet.start("lb-1", log__level="info", http__listen=f"127.0.0.1:{port}")
    lb.metrics = f"http://127.0.0.1:{port}/metrics"
    lb.process.wait_for_line("event=controller.starting")
    lb.announcing = wait_for("its socket", lambda: connected(lb), interval=0.005)
    return lb, at


def connected(lb):
    with contextlib.suppress(OSError):
        return lb.sidecar(*POOLS[0]["addresses"])
    return None


def time_to_sync(lb):
    """Seconds until all objects were there, by its log, which others may have begun."""
    def newest():
        return lb.process.output().rpartition(" event=controller.starting")

    wait_for("all objects", lambda: "event=source.synced" in newest()[2], LONG)
    text = lb.process.output()
    return stamp(text, "source.synced") - stamp(text, "controller.starting")


def stamp(text, event):
    clock = re.findall(rf"^time=\S+T(\d+):(\d+):([\d.]+)Z .*event={re.escape(event)}\b", text, re.MULTILINE)[-1]
    hours, minutes, seconds = map(float, clock)
    return hours * 3600 + minutes * 60 + seconds


def measure_start(fleet, size):
    """All have no address when the controller starts."""
    touched = [s["metadata"]["name"] for s in fleet.api.list("Service", fleet.ns) if addresses(s)]
    if touched:
        sys.exit(f"the data kept for {size} Services is not as it was made: remove it and start again")
    counting = Count(fleet, size)
    lb, at = start(fleet)
    assigned = counting.done_at() - at
    used = cpu_seconds(lb.process.pid)
    calm(lb.process.pid)
    peak = rss_mb(lb.process.pid, "VmHWM")
    lb.announcing.close()  # or it would wait for its sidecar
    lb.process.stop()
    return {"all assigned after start": f"{assigned:.2f} s", "CPU time of kago for that": f"{used:.2f} s",
            "RSS, highest while that was": f"{peak:.1f} MB"}


def measure_idle(fleet):
    """All have their addresses when it starts."""
    lb, _ = start(fleet)
    figures = {"time to sync after a restart": f"{time_to_sync(lb):.2f} s"}
    pid = lb.process.pid
    lb.lead()
    calm(pid)
    figures["received for that, TLS and all"] = f"{received(pid) / 1e6:.2f} MB"
    before, began = cpu_seconds(pid), time.monotonic()
    time.sleep(IDLE)
    share = (cpu_seconds(pid) - before) / (time.monotonic() - began)
    figures["RSS, idle CPU"] = f"{rss_mb(pid):.1f} MB, {100 * share:.3f} %"
    figures["of that without pages of programs and libraries"] = f"{rss_mb(pid, 'RssAnon'):.1f} MB"
    return lb, figures


def latencies(values):
    """Median and 99th percentile of seconds, as milliseconds."""
    ordered = sorted(values)
    worst = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"{1000 * statistics.median(ordered):.1f} / {1000 * worst:.1f} ms"


def measure_allocation(fleet, rounds):
    """Service created (the answer is here) -> a bare watch sees its address."""
    took = []
    with Watch(fleet.api, "bench") as watch:
        for i in range(rounds):
            name = f"n{time.monotonic_ns()}"
            fleet.api.create(fleet.service(name, ns="bench"))
            at = time.monotonic()
            seen, _ = watch.wait_for(name, lambda o, n=name: o["metadata"]["name"] == n and addresses(o))
            took.append(seen - at)
            time.sleep(GAP)
    return {"Service created -> ingress seen, median / p99": latencies(took)}


def flip(fleet, name, number, i):
    """Makes one endpoint ready, or not ready; when the answer was here."""
    endpoints = slice_of(fleet, name, number)["endpoints"]
    endpoints[0]["conditions"]["ready"] = bool(i % 2)
    fleet.api.patch("EndpointSlice", fleet.ns, f"{name}-by-hand", {"endpoints": endpoints})
    return time.monotonic()


def measure_endpoints(fleet, lb, rounds):
    """EndpointSlice PATCH (the answer is here) -> keepalived.conf is replaced; and -> a bare watch."""
    rendered, floor = [], []
    renames = Renames(lb.conf)
    with Watch(fleet.api, fleet.ns, "EndpointSlice") as watch:
        for i in range(rounds):
            before, seen = renames.count(), len(watch.seen)
            at = flip(fleet, "s7", 7, i)
            rendered.append(renames.after(before) - at)
            wait_for("the watch", lambda n=seen: len(watch.seen) > n, interval=0.001)
            floor.append(watch.seen[seen][0] - at)
            time.sleep(GAP)
    return {"endpoint PATCH -> keepalived.conf rendered, median / p99": latencies(rendered),
            "floor: the same PATCH -> a bare watch, median / p99": latencies(floor)}


def measure_decision(fleet, lb, rounds):
    """EndpointSlice PATCH (the answer is here) -> decided on, by the log, whose clock has milliseconds."""
    took, log = [], lb.process.log.open(encoding="utf-8")
    with log:
        for i in range(rounds):
            log.seek(0, os.SEEK_END)
            flip(fleet, "s7", 7, i)
            at = time.time()
            line = wait_for("its line", lambda: re.search(r"^time=(\S+) .* service=\S+/s7 .*$", log.readline()),
                            interval=0.001)
            took.append(datetime.datetime.fromisoformat(line[1]).timestamp() - at)
            time.sleep(GAP)
    return {"endpoint PATCH -> decided, median / p99": latencies(took)}


def measure_cost(fleet, lb, rounds):
    """Processor time of kago alone, per change."""
    figures = {}
    pid = lb.process.pid
    fleet.api.create(slice_of(fleet, "foreign", 1))
    for what, name, number in (("of one endpoint", "s7", 7), ("of a slice that is no Service's of ours", "foreign", 1)):
        calm(pid)
        before = cpu_seconds(pid)
        for i in range(rounds):
            flip(fleet, name, number, i)
            time.sleep(GAP / 5)
        calm(pid)
        figures[f"processor time for a change {what}"] = f"{1000 * (cpu_seconds(pid) - before) / rounds:.2f} ms"
    return figures


def measure_answers(lb):
    began = time.monotonic()
    lb.status()
    took = time.monotonic() - began
    with urllib.request.urlopen(lb.metrics, timeout=30) as answer:
        by, longest = re.search(r'^kago_loop_longest_stall_seconds{by="(.*)"} (\S+)$', answer.read().decode(),
                                re.MULTILINE).groups()
    return {"`kago-controller status -o json`": f"{took:.2f} s",
            "what has held the loop longest": f"{1000 * float(longest):.0f} ms ({by})"}


def measure(size, rounds):
    figures = {}
    with plane(size) as folder:
        fleet = fleet_of(folder / "plane", folder)
        try:
            figures |= measure_start(fleet, size)
            lb, idle = measure_idle(fleet)
            figures |= idle
            figures |= measure_allocation(fleet, rounds)
            figures |= measure_endpoints(fleet, lb, rounds)
            figures |= measure_decision(fleet, lb, rounds)
            figures |= measure_cost(fleet, lb, rounds)
            figures |= measure_answers(lb)
        finally:
            for lb in fleet.members.values():
                lb.process.kill()
    return figures


def table(results):
    sizes = list(results)
    yield f"| kago | {' | '.join(f'{size:,} Services' for size in sizes)} |"
    yield "|---" * (len(sizes) + 1) + "|"
    for key in results[sizes[0]]:
        yield f"| {key} | {' | '.join(results[size][key] for size in sizes)} |"
    for line in OTHERS.splitlines():
        what, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        known = dict(zip(OTHERS_SIZES, cells))
        yield f"| {what} | {' | '.join(known.get(size, '-') for size in sizes)} |"


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench kube")
    parser.add_argument("--sizes", default="100,1000,10000")
    parser.add_argument("--rounds", type=int, default=50)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    results = {}
    for size in map(int, arguments.sizes.split(",")):
        results[size] = measure(size, arguments.rounds)
        say(f"{size} Services: {results[size]}")
    text = "\n".join(table(results)) + "\n"
    out = ROOT / "build/bench/kube.md"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
