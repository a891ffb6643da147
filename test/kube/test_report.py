# SPDX-License-Identifier: Apache-2.0
"""`kubectl describe service` alone explains what became of a Service."""

import re

import pytest

from api import conditions
from cluster import SOON
from net import wait_for


def describe(fleet, name):
    return fleet.cluster.kubectl("describe", "service", "-n", fleet.ns, name)


def await_description(fleet, name, *patterns):
    """The description, when it has all of these."""
    try:
        return wait_for("the description", lambda: all(
            re.search(p, describe(fleet, name)) for p in patterns) and describe(fleet, name), SOON, 0.2)
    finally:
        missing = [p for p in patterns if not re.search(p, describe(fleet, name))]
        if missing:
            print(f"{describe(fleet, name)}\nhas not: {missing}")


@pytest.mark.parametrize("annotations, reason, told", [
    ({"scheduler": "random"}, "InvalidAnnotation",
     "kago.dev/scheduler: 'random' is none of rr, wrr, lc, wlc, sh, mh"),
    ({"schedular": "rr"}, "InvalidAnnotation",
     "'kago.dev/schedular' is no annotation of kago; did you mean kago.dev/scheduler?"),
    ({"vip": "224.0.0.1"}, "InvalidAnnotation",
     "kago.dev/vip: '224.0.0.1' cannot be a VIP: it is not a unicast address"),
])
def test_a_wrong_annotation_is_explained(fleet, lb, annotations, reason, told):
    fleet.create("web", annotations=annotations)
    condition = fleet.await_condition("web", "Accepted", "False", reason)
    assert told in condition["message"]
    assert condition.get("observedGeneration") == fleet.get("web")["metadata"].get("generation")
    event = fleet.await_event("web", re.escape(told), "Warning")
    assert event["source"]["component"] and event["involvedObject"]["uid"] == fleet.get("web")["metadata"]["uid"]
    await_description(fleet, "web", rf"Warning +{event['reason']} .*{re.escape(told)}")
    assert lb.process.running()


def test_what_was_wrong_and_is_right_again_is_told(fleet, lb):
    fleet.create("web", annotations={"scheduler": "random"})
    fleet.await_condition("web", "Accepted", "False", "InvalidAnnotation")
    fleet.api.patch("Service", fleet.ns, "web", {"metadata": {"annotations": {"kago.dev/scheduler": "rr"}}})
    fleet.await_condition("web", "Accepted", "True", "Accepted")
    [address] = fleet.await_address("web")
    await_description(fleet, "web", r"Warning +Rejected", rf"Normal +AddressAssigned .*{address}")
    assert lb.process.running()


def test_a_service_that_becomes_wrong_keeps_its_address(fleet, lb):
    fleet.create("web")
    fleet.pod("web", 1, "172.16.0.1")
    before = fleet.await_address("web")
    lb.await_table({f"{before[0]} 80 TCP": {"172.16.0.1 8080": 1}})
    fleet.api.patch("Service", fleet.ns, "web", {"metadata": {"annotations": {"kago.dev/scheduler": "random"}}})
    fleet.await_condition("web", "Accepted", "False", "InvalidAnnotation")
    fleet.api.patch("Service", fleet.ns, "web", {"metadata": {"annotations": {"kago.dev/scheduler": "rr"}}})
    fleet.await_condition("web", "Accepted", "True", "Accepted")
    assert fleet.await_address("web") == before


def test_a_service_without_endpoints_is_told_so(fleet, lb):
    fleet.create("web")
    fleet.await_condition("web", "Announced", "False", "NoEndpoints")
    fleet.pod("web", 1, "172.16.0.1", ready=False)
    told = fleet.await_service("web", "0 of 1 endpoints", lambda s: "0 of 1" in conditions(s).get(
        "Announced", {}).get("message", ""))
    assert conditions(told)["Announced"]["status"] == "False"
    assert lb.process.running()


def test_a_conflict_names_the_winner(fleet, lb):
    for name in ("older", "younger"):
        fleet.create(name, annotations={"vip": f"{fleet.net}.9"})
        fleet.await_service(name, "conditions", conditions)
    assert fleet.await_address("older") == [f"{fleet.net}.9"]
    await_description(fleet, "younger", rf"Warning .*{fleet.ns}/older")
    assert lb.process.running()


def test_events_of_a_fleet_that_is_restarted_are_not_told_again(fleet, lb):
    fleet.create("web", annotations={"scheduler": "random"})
    fleet.await_event("web", "random", "Warning")

    def told():
        return [(e["reason"], e.get("count", 1)) for e in fleet.api.list(
            "Event", fleet.ns, fieldSelector="involvedObject.name=web")]

    before = told()
    lb.process.stop()
    fleet.start("lb-1").lead()
    fleet.create("mark")
    fleet.await_address("mark")
    assert told() == before


def test_endpoints_of_another_fleet_do_not_keep_ours_from_being_told(fleet, lb):
    """A change that nothing has to be decided for."""
    theirs = fleet.service("theirs")
    theirs["spec"]["loadBalancerClass"] = "kago.dev/another"
    fleet.api.create(theirs)
    fleet.create("web")
    fleet.pod("web", 1, "172.16.0.1")
    [address] = fleet.await_address("web")
    fleet.await_condition("web", "Announced", "False", "NotAnnounced")
    fleet.pod("theirs", 1, "172.16.0.2")
    wait_for("their slice", lambda: any(s["endpoints"] for s in fleet.api.list("EndpointSlice", fleet.ns)
                                        if s["metadata"]["name"].startswith("theirs")))
    with lb.sidecar(f"{address}/32"):
        fleet.await_condition("web", "Announced", "True", "Announced")


def test_who_announces_it_is_told(fleet, lb):
    other = fleet.start("lb-2")
    fleet.create("web")
    fleet.pod("web", 1, "172.16.0.1")
    [address] = fleet.await_address("web")
    for each in (lb, other):
        each.await_table({f"{address} 80 TCP": {"172.16.0.1 8080": 1}})
    fleet.await_condition("web", "Announced", "False", "NotAnnounced")
    with lb.sidecar(f"{fleet.net}.0/24"), other.sidecar(f"{address}/32"):
        told = fleet.await_service("web", "both announce it", lambda s: all(
            n in conditions(s)["Announced"]["message"] for n in ("lb-1", "lb-2")))
        assert conditions(told)["Announced"]["status"] == "True"
        fleet.await_event("web", rf"Announced: {re.escape(address)} announced by .*lb-1", "Normal")
    fleet.await_condition("web", "Announced", "False", "NotAnnounced")
    fleet.await_event("web", rf"Withdrawn: {re.escape(address)}", "Warning")


def test_of_two_addresses_the_one_that_is_served_is_announced(new_fleet):
    """The other one has no endpoints, for the pods have one family."""
    fleet = new_fleet(pools=[{"name": "main", "addresses": ["10.98.0.0/24", "fd98::/112"]}])
    lb = fleet.start("lb-1").lead()
    fleet.create("web", ipFamilyPolicy="PreferDualStack")
    fleet.pod("web", 1, "172.16.0.1")
    four, six = fleet.await_address("web")
    lb.await_table({f"{four} 80 TCP": {"172.16.0.1 8080": 1}})
    with lb.sidecar(f"{four}/32"):
        told = fleet.await_condition("web", "Announced", "True", "Announced")
        assert "announced by lb-1" in told["message"] and f"[{six}]" in told["message"]
        fleet.await_event("web", rf"Announced: {re.escape(four)} announced by lb-1", "Normal")
