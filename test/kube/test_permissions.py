# SPDX-License-Identifier: Apache-2.0
"""The chart's permissions are exactly those that the controllers of all these tests have used.

The API servers' audit logs say what was asked for. This file is the last to run.
"""

from cluster import LEASES


def granted(api):
    """{(group, resource, verb)} of the service account's two roles."""
    rules = [*api.get("ClusterRole", None, "kago-services")["rules"],
             *api.get("Role", LEASES, "kago-leases")["rules"]]
    return {(group, resource, verb) for rule in rules for group in rule["apiGroups"]
            for resource in rule["resources"] for verb in rule["verbs"]}


def asked(account):
    """[((group, resource, verb), status)] of all that the service account asked for."""
    found = []
    for event in account.cluster.audit():
        what = event.get("objectRef")
        if event["user"].get("username") == account.user and what:
            resource = "/".join(filter(None, (what["resource"], what.get("subresource"))))
            status = event.get("responseStatus", {}).get("code")
            found.append(((what.get("apiGroup", ""), resource, event["verb"]), status))
    return found


def live(fleet):
    """What happens in a fleet's life: it comes, it is told of something wrong twice, its leader goes."""
    fleet.start("lb-1").lead()
    fleet.start("lb-2")
    fleet.create("web")
    for scheduler in ("random", "rr", "random", "rr", "random"):
        fleet.api.patch("Service", fleet.ns, "web", {"metadata": {"annotations": {
            "kago.dev/scheduler": scheduler}}})
        fleet.await_condition("web", "Accepted", str(scheduler == "rr"),
                              "Accepted" if scheduler == "rr" else "InvalidAnnotation")
    fleet.await_event("web", "random", "Warning", at_least=2)
    fleet.members["lb-1"].process.stop()
    fleet.leader(other_than="lb-1")


def test_nothing_is_denied_and_every_permission_is_used(new_fleet, account, paged):
    live(new_fleet())
    live(new_fleet(cluster=paged.cluster, account=paged))
    calls, allowed = asked(account) + asked(paged), granted(account.cluster.api)
    # A server that has just started forbids what it allows a moment later, and one that removes a
    # namespace forbids writing there.
    assert {what for what, status in calls if status in (401, 403)} - allowed == set()
    assert {what for what, status in calls if status < 300} == allowed


def test_the_permissions_name_all_they_are_for(account):
    everything = "*"
    assert not [rule for rule in granted(account.cluster.api) if everything in rule]
