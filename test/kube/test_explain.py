# SPDX-License-Identifier: Apache-2.0
"""`explain` says the same of a Service wherever it is asked, and what only the leader knows."""

import json
import subprocess

from cluster import SOON, program
from net import wait_for


def explain(lb, ns, name):
    done = subprocess.run([program("kago-controller"), "explain", f"{ns}/{name}", "--socket", lb.socket,
                           "-o", "json"], capture_output=True, text=True, timeout=SOON, check=False)
    return json.loads(done.stdout), done.returncode


def await_decision(lb, fleet, name, outcome):
    """The answer, when the load balancer has decided so."""
    wait_for(f"{name} is {outcome}", lambda: explain(lb, fleet.ns, name)[0].get("decision", {}).get(
        "outcome") == outcome, SOON)
    return explain(lb, fleet.ns, name)[0]


def test_leader_and_follower_explain_a_service_without_endpoints(fleet, lb):
    follower = fleet.start("lb-2")
    fleet.create("web")
    await_decision(lb, fleet, "web", "no_endpoints")
    wait_for("assignment", lambda: "assignment" in explain(lb, fleet.ns, "web")[0], SOON)
    leads = explain(lb, fleet.ns, "web")[0]
    follows = await_decision(follower, fleet, "web", "no_endpoints")
    assert leads["held"] == follows["held"] == [
        {"vip": leads["assignment"]["vips"][0], "pool": leads["assignment"]["pool"], "allowed": True}]
    assert leads["kubernetes"]["leads"] and not follows["kubernetes"]["leads"]
    assert follows["kubernetes"]["leader"] == "lb-1"
    assert "assignment" not in follows
    assert leads["announced"][0]["announcers"] == []


def test_who_waits_for_an_address_is_sent_to_the_leader(fleet, lb):
    follower = fleet.start("lb-2")
    fleet.create("web", annotations={"pool": "wbe"})
    for asked, advice in (lb, "there is no pool 'wbe'"), (follower, "kubectl exec lb-1 "):
        await_decision(asked, fleet, "web", "pending")
        wait_for(advice, lambda a=asked, text=advice: text in explain(a, fleet.ns, "web")[0]["whatToDo"], SOON)


def test_a_service_that_is_not_followed_is_not_known(fleet, lb):
    answer, status = explain(lb, fleet.ns, "nobody")
    assert (answer["known"], len(answer["reasons"]), status) == (False, 3, 1)
