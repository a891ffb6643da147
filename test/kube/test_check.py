# SPDX-License-Identifier: Apache-2.0
"""What `kago-controller check` says of a real API server, and of what an account may do there."""

import json

import pytest

from cluster import LEASES, Account
from net import program, run

EVERYTHING = {"services", "services/status", "endpointslices", "events", "leases"}


def check(kubeconfig, *words):
    """{check: [(level, found)]} of what concerns the API server."""
    done = run(program("kago-controller"), "check", "--kubeconfig", kubeconfig, "-o", "json", *words, check=False)
    found = {}
    for finding in json.loads(done.stdout)["findings"]:
        found.setdefault(finding["check"], []).append((finding["level"], finding["found"]))
    return found


def resources(found, level):
    return {text.partition(":")[0] for is_level, text in found["permissions"] if is_level == level}


@pytest.fixture(name="namespace")
def _namespace(cluster):
    cluster.api.ensure({"kind": "Namespace", "metadata": {"name": "check"}})
    yield "check"
    cluster.api.delete("Namespace", None, "check")


def test_an_account_with_the_charts_permissions(cluster):
    account = Account(cluster, "check-all").allow_cluster()
    found = check(account.kubeconfig)
    assert found["api-server"] == [("ok", f"{cluster.api.server} answers")]
    level, text = found["api-version"][0]
    assert level == "ok" and text.startswith("Kubernetes is v1.")
    assert resources(found, "ok") == EVERYTHING
    assert ("ok", f"leases: may list, watch, create, update, delete in the namespace {LEASES}") \
        in found["permissions"]


def test_an_account_with_none_of_them(cluster):
    account = Account(cluster, "check-none")
    cluster.kubectl("delete", "rolebinding", "check-none-leases", "-n", LEASES)
    found = check(account.kubeconfig)
    assert found["api-server"][0][0] == "ok"
    assert resources(found, "error") == EVERYTHING
    assert ("error", "services: may not list, watch in all namespaces: nothing is served") in found["permissions"]


def test_one_that_lacks_a_verb(cluster):
    account = Account(cluster, "check-some").allow_cluster()
    cluster.kubectl("patch", "clusterrole", "check-some-services", "--type=json", "-p", json.dumps(
        [{"op": "replace", "path": "/rules/2/verbs", "value": ["list"]}]))
    found = check(account.kubeconfig)
    assert [text for level, text in found["permissions"] if level == "error"] == [
        "endpointslices: may not watch in all namespaces: nothing is served"]


def test_one_namespace_is_enough_when_only_that_is_followed(cluster, namespace):
    account = Account(cluster, "check-one").allow_namespace(namespace)
    assert resources(check(account.kubeconfig), "error") == EVERYTHING - {"leases"}
    found = check(account.kubeconfig, "--set", f"kubernetes.namespace={namespace}")
    assert resources(found, "ok") == EVERYTHING
    assert ("ok", f"services: may list, watch in the namespace {namespace}") in found["permissions"]


def lease(name, **annotations):
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": name, "namespace": LEASES, "labels": {"kago.dev/fleet": "check"},
                         "annotations": {f"kago.dev/{key.replace('_', '-')}": text
                                         for key, text in annotations.items()}},
            "spec": {}}


def test_nodes_that_take_no_tunnels_are_named(cluster):
    account = Account(cluster, "check-all").allow_cluster()
    words = ("--set", "fleet=check", "--set", "forward=tunnel")
    assert ("warning", "no node takes tunnels, so all pods are reached by NAT") in \
        check(account.kubeconfig, *words)["tunnels"]
    leases = [lease("nodes.kago-check", tunnel_nodes="n-1 n-2=ipip", node_ips="10.9.0.1-10.9.0.2"),
              lease("tunnels.kago-check.n-1", tunnels="ipip ip6ip6 gue gue6", node="n-1"),
              lease("tunnels.kago-check.n-7", tunnels="ipip ip6ip6 gue gue6", node="n-7"),
              lease("tunnels.kago-check.n-8", tunnels="", node="n-8")]
    for one in leases:
        cluster.api.create(one)
    try:
        found = check(account.kubeconfig, *words, "--set", "tunnel.encapsulation=gue")["tunnels"]
    finally:
        for one in leases:
            cluster.api.delete("Lease", LEASES, one["metadata"]["name"])
    assert ("ok", "2 nodes take tunnels") in found
    assert [text for level, text in found if level == "warning" and "MTU" not in text and "gue6" not in text] == [
        "no gue tunnels on n-2: pods there are reached by NAT",
        "no tunnels at all on n-8, says the agent: pods there are reached by NAT",
        "an agent on n-7 that is not on the leader's list: pods there are reached by NAT"]


def test_a_server_that_says_nothing_is_waited_for_only_so_long(cluster):
    account = Account(cluster, "check-all")
    with cluster.frozen():
        found = check(account.kubeconfig)
    level, text = found["api-server"][0]
    assert level == "error" and text.startswith(f"it does not answer: {cluster.api.server}: ")
    assert "api-version" not in found and "permissions" not in found


def test_a_token_that_is_not_valid(cluster, tmp_path):
    kubeconfig = json.loads(Account(cluster, "check-all").kubeconfig.read_text(encoding="utf-8"))
    kubeconfig["users"][0]["user"] = {"token": "nobody"}
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig), encoding="utf-8")
    found = check(tmp_path / "kubeconfig")
    assert found["api-server"] == [("error", f"{cluster.api.server}: HTTP 401: Unauthorized")]


def test_a_kubeconfig_that_cannot_be_used(tmp_path):
    level, text = check(tmp_path / "none")["api-server"][0]
    assert level == "error" and "none: No such file or directory" in text
