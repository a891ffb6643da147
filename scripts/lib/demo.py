# SPDX-License-Identifier: Apache-2.0
"""What scripts/demo shows, to be run in scripts/lab. Each step prints real output and checks it."""

import re
import subprocess
import sys
import textwrap
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/lab"))

from image import IPVS  # noqa: E402
from net import Failed, wait_for  # noqa: E402
from topology import KILL, PICTURE, TERM, Lab  # noqa: E402
from traffic import Connection, Traffic, spread  # noqa: E402

WEB, SHOP = "10.1.1.1", "10.1.2.1"
WEB_NET, SHOP_NET = "10.1.1.0/24", "10.1.2.0/24"
REQUESTS = 60

HINTS = """
The lab is still open; it ends with this shell. Some things to try:
  ip -n router route                               # the router's ECMP routes
  ip netns exec rr gobgp neighbor                  # the route reflector's sessions
  ip netns exec client curl http://10.1.1.1/       # a request; 10.1.2.1 is the other Service
  ip netns exec lb1 ipvsadm -Ln --stats            # the kernel's balancer in a pod
  ip netns exec lb1 {controller} status
  ip -n node1 route                                # the node's route to its balancer
  ls {folder}/manifests    # change these, and all balancers follow
  tail -f {folder}/*.log   # what everyone has to say
"""


class Demo:
    def __init__(self, lab):
        self.lab = lab
        self.started = time.monotonic()
        self.steps = 0

    # Saying

    def say(self, text=""):
        print(text, flush=True)

    def step(self, title):
        self.steps += 1
        self.say(f"\n== {self.steps}. {title}  [{time.monotonic() - self.started:.0f} s]")

    def comment(self, text):
        self.say(textwrap.fill(text, 100))

    def show(self, prompt, output):
        self.say(f"$ {prompt}")
        self.say(textwrap.indent(output.rstrip("\n"), "  "))

    def check(self, holds, what):
        if not holds:
            raise Failed(what)
        self.say(f"  ok: {what}")

    def show_routes(self, *prefixes):
        self.show("ip route    # on the router", self.lab.routes(*prefixes))

    def show_curl(self, vip, times):
        for _ in range(times):
            answer = self.lab.client.run("curl", "-sS", "--max-time", "10", f"http://{vip}/")
            self.show(f"curl http://{vip}/    # on the client", answer.stdout)

    def show_ipvs(self, pod):
        self.show(f"ipvsadm -Ln    # in {pod.name}", pod.netns.run("ipvsadm", "-Ln").stdout)

    def show_logs(self, container, pattern, last=6):
        """The last lines with the pattern, as kubectl would give them."""
        pod, name = container.name.split("/")
        wanted = [line for line in container.output().splitlines() if re.search(pattern, line)]
        self.show(f"kubectl logs {pod} -c {name} | grep -E '{pattern}'", "\n".join(wanted[-last:]))

    # Steps

    def first_balancer(self):
        self.step("One load balancer")
        lab = self.lab
        self.web = [lab.web_pod(f"web-{n}", f"node{n}", 10 + n) for n in (1, 2, 3)]
        lab.apply_service("web", WEB)
        lab.apply_endpoints("web", self.web)
        self.lbs = [lab.lb_pod(f"lb{n}", f"node{n}") for n in (1, 2, 3)]
        self.lbs[0].start()
        lab.await_next_hops(WEB_NET, self.lbs[:1])
        self.show_routes(WEB_NET)
        self.show_curl(WEB, 1)
        self.show_logs(self.lbs[0].ipvs, "event=(source.synced|service.served|kernel.applied)")
        self.show_logs(self.lbs[0].exabgp, "event=(route.added|vip.announced|bgp.up)")

    def three_balancers(self):
        self.step("Three load balancers: the router's route grows to three next hops")
        for pod in self.lbs[1:]:
            pod.start()
        self.lab.await_next_hops(WEB_NET, self.lbs)
        self.show_routes(WEB_NET)

    def second_service(self):
        self.step("A second Service with two load balancers of its own, on nodes that have one")
        lab = self.lab
        shop = [lab.web_pod(f"shop-{n}", f"node{n + 1}", 20 + n) for n in (1, 2)]
        lab.apply_service("shop", SHOP, fleet="second")
        lab.apply_endpoints("shop", shop)
        self.shop_lbs = [lab.lb_pod(f"lb{n + 2}", f"node{n}", 3, "second", SHOP_NET).start()
                         for n in (2, 3)]
        lab.await_next_hops(SHOP_NET, self.shop_lbs)
        self.show_routes(WEB_NET, SHOP_NET)
        self.show_curl(SHOP, 1)

    def spread(self):
        self.step("Requests spread over load balancers and web pods")
        self.show_curl(WEB, 3)
        before = [pod.connections() for pod in self.lbs]
        pods = spread(self.lab.client, WEB, REQUESTS)
        taken = {pod.name: len(pod.connections() - known)
                 for pod, known in zip(self.lbs, before)}
        self.say(f"{REQUESTS} requests, each on a connection of its own:")
        self.say("  by web pod:       " + _table(pods))
        self.say("  by load balancer: " + _table(taken) + "    (IPVS's connection tables)")
        self.check(all(taken.values()) and sum(taken.values()) == REQUESTS,
                   "every load balancer took a part")
        self.check(all(pods[pod.name] for pod in self.web), "every web pod answered")

    def add_web_pod(self):
        self.step("A web pod is added")
        self.web.append(self.lab.web_pod("web-4", "node1", 14))
        self.publish({f"{pod.address}:8080": 1 for pod in self.web})
        self.show_ipvs(self.lbs[0])
        self.show_logs(self.lbs[0].ipvs, "event=(config.written|kernel.applied)", last=2)
        pods = spread(self.lab.client, WEB, REQUESTS)
        self.say(f"{REQUESTS} requests: {_table(pods)}")
        self.check(pods["web-4"], "web-4 answers, too")

    def drain_web_pod(self):
        self.step("web-1 is drained: terminating, but still serving")
        leaving, stay = self.web[0], self.web[1:]
        held = self.connection_to(leaving)
        self.publish({f"{leaving.address}:8080": 0, **{f"{p.address}:8080": 1 for p in stay}},
                     draining=[leaving])
        self.show_ipvs(self.lbs[0])
        self.check([held.get() for _ in range(5)] == [leaving.name] * 5,
                   "a connection opened before still gets its answers from web-1")
        pods = spread(self.lab.client, WEB, REQUESTS)
        self.say(f"{REQUESTS} requests on new connections: {_table(pods)}")
        self.check(not pods[leaving.name], "new connections avoid web-1")
        held.close()
        self.web = stay
        self.publish({f"{pod.address}:8080": 1 for pod in stay})
        leaving.process.kill()
        self.comment("Its last connection has ended: it leaves the EndpointSlice, and is gone.")

    def kill_web_pod(self):
        self.step("web-2 is killed without notice, while requests go on")
        dead = self.web.pop(0)
        with Traffic(self.lab.client, WEB) as traffic:
            self.await_requests(traffic)
            dead.process.kill()
            start = time.monotonic()
            self.await_weight(f"{dead.address}:8080", 0)
            noticed = time.monotonic() - start
            self.publish({f"{pod.address}:8080": 1 for pod in self.web})
            self.await_requests(traffic)
        self.say(str(traffic))
        self.comment(f"The health checks, every 2 s, found it after {noticed:.1f} s; until then "
                     "its share of new connections was refused. Then Kubernetes took it away.")
        self.show_logs(self.lbs[0].ipvs, rf"event=keepalived.log.*\[{dead.address}\]", last=4)
        pods = spread(self.lab.client, WEB, REQUESTS)
        self.say(f"{REQUESTS} requests: {_table(pods)}")
        self.check(sorted(pods) == sorted(pod.name for pod in self.web),
                   "all requests are answered by the pods that are left")

    def stop_balancer(self):
        self.step("A load balancer is stopped (SIGTERM to both containers), while requests go on")
        stopped, stay = self.lbs[1], [self.lbs[0], self.lbs[2]]
        with Traffic(self.lab.client, WEB) as traffic:
            self.await_requests(traffic)
            stopped.signal(TERM)
            statuses = stopped.wait(30)
            self.await_requests(traffic)
        self.lab.await_next_hops(WEB_NET, stay)
        self.show_routes(WEB_NET)
        self.show_logs(stopped.exabgp, "event=(sidecar.|vip.withdrawn|route.removed)")
        self.show_logs(stopped.ipvs, "event=(stop.|sidecar.disconnected|controller.stopped)")
        self.say(str(traffic))
        self.check(statuses == [0, 0], "both containers ended with status 0")
        self.check(not traffic.failed, "0 requests failed")
        self.lbs = stay

    def kill_balancer(self):
        self.step("A load balancer is killed (SIGKILL to everything in it), while requests go on")
        killed, stay = self.lbs[1], self.lbs[:1]
        with Traffic(self.lab.client, WEB) as traffic:
            self.await_requests(traffic)
            start = time.time()
            killed.signal(KILL)
            killed.wait(10)
            self.lab.await_next_hops(WEB_NET, stay)
            self.await_requests(traffic)
        after = self.lab.route_changes(WEB_NET)[-1][0] - start
        self.show_routes(WEB_NET)
        self.say(str(traffic))
        self.comment(f"The kernel closed the BGP session of the dead, so the route left after "
                     f"{after:.1f} s. A connection that was open through it then reaches a balancer "
                     "which does not know it, and is reset: NAT mode keeps connections where they "
                     "began. A client that tries again is served.")
        self.check(len(traffic.failed) <= Traffic.WORKERS, "at most one request a client failed")
        self.lbs = stay

    def status(self):
        self.step("What the load balancer that is left says about itself")
        self.show("kubectl exec lb1 -c ipvs -- kago-controller status", self.lbs[0].status())

    # Parts of steps

    def publish(self, wanted, draining=()):
        """Writes the EndpointSlice and waits until every balancer's kernel holds these weights."""
        pods = [*draining, *(pod for pod in self.web if pod not in draining)]
        self.lab.apply_endpoints("web", pods, draining)
        for lb in self.lbs:
            wait_for(f"real servers of {lb.name}", lambda lb=lb: lb.real_servers() == wanted)

    def await_weight(self, real_server, weight):
        for lb in self.lbs:
            wait_for(f"weight of {real_server} in {lb.name}",
                     lambda lb=lb: lb.real_servers().get(real_server) == weight)

    def await_requests(self, traffic):
        so_far = traffic.count()
        wait_for("requests", lambda: traffic.count() >= so_far + REQUESTS, timeout=60)

    def connection_to(self, pod):
        for _ in range(100):
            connection = Connection(self.lab.client, WEB)
            if connection.get() == pod.name:
                return connection
            connection.close()
        raise Failed(f"100 connections and none to {pod.name}")

    def run(self):
        self.say(PICTURE)
        self.first_balancer()
        self.three_balancers()
        self.second_service()
        self.spread()
        self.add_web_pod()
        self.drain_web_pod()
        self.kill_web_pod()
        self.stop_balancer()
        self.kill_balancer()
        self.status()


def _table(counts):
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def print_logs(lab):
    for log in sorted(lab.folder.glob("*.log")):
        print(f"\n-- the end of {log.name}")
        print(textwrap.indent("\n".join(log.read_text(errors="replace").splitlines()[-15:]), "  "))


def show_all(keep):
    """What failed, or None."""
    with Lab() as lab:
        failure = None
        try:
            Demo(lab).run()
        except (Failed, OSError, subprocess.SubprocessError) as error:
            failure = error
            print_logs(lab)
        if keep:
            if failure:
                print(f"\nfailed: {failure}")
            print(HINTS.format(controller=" ".join(map(str, IPVS.tool())), folder=lab.folder), flush=True)
            subprocess.run(["/bin/bash", "--norc", "-i"], check=False)
    return failure


def main():
    failure = show_all("--keep" in sys.argv[1:])
    print(f"\ndemo: failed: {failure}" if failure else "\ndemo: ok")
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main())
