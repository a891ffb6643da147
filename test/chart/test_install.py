# SPDX-License-Identifier: Apache-2.0
"""The chart on a real API server, by the real helm; without nodes, so that no pod runs."""

import json
import subprocess

import pytest
import yaml
from chart import CHART, NAMESPACE, RELEASE, VALUES, values_of, workload
from cluster import SOON
from net import Failed, wait_for

# The operator's types are not here. These have their names, and take anything.
OPERATOR = [{
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": f"{kind.lower()}s.monitoring.coreos.com"},
    "spec": {"group": "monitoring.coreos.com", "scope": "Namespaced",
             "names": {"kind": kind, "plural": f"{kind.lower()}s", "singular": kind.lower()},
             "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                 "type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]},
} for kind in ("PodMonitor", "PrometheusRule")]
# What comes and goes by itself.
PASSING = ("events", "leases", "endpointslices", "controllerrevisions", "replicasets", "pods")


def apply(cluster, objects, *words):
    text = objects if isinstance(objects, str) else yaml.safe_dump_all(objects)
    return cluster.kubectl("apply", "-f", "-", *words, stdin=text)


@pytest.fixture(name="place", scope="module", autouse=True)
def _place(cluster):
    """The namespaces and types that the values of test/chart/values take."""
    apply(cluster, [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
                    for name in (NAMESPACE, "edge")])
    apply(cluster, OPERATOR)
    cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
    # The API server makes it by itself, and later: it belongs to what was there before.
    wait_for("the types' API", lambda: "v1.monitoring.coreos.com" in cluster.kubectl(
        "get", "apiservices", "-o", "name"), SOON)
    wait_for("the namespaces' own objects", lambda: all(
        "kube-root-ca.crt" in cluster.kubectl("get", "configmaps", "-n", name, "-o", "name")
        and "default" in cluster.kubectl("get", "serviceaccounts", "-n", name, "-o", "name")
        for name in (NAMESPACE, "edge")), SOON)


def everything(cluster):
    """The names of all objects, of whatever type."""
    types = cluster.kubectl("api-resources", "--verbs=list", "-o", "name").split()
    wanted = ",".join(t for t in types if t.split(".")[0] not in PASSING)
    return set(cluster.kubectl("get", wanted, "-A", "--ignore-not-found", "-o", "jsonpath={range .items[*]}"
                               "{.kind}/{.metadata.namespace}/{.metadata.name}{'\\n'}{end}").split())


def await_as_before(cluster, before):
    try:
        wait_for("all to be as before", lambda: everything(cluster) == before, SOON)
    except Failed as why:
        raise Failed(f"{why}; not as before: {sorted(everything(cluster) ^ before)}") from why


def in_cluster(cluster, kind, name=RELEASE, namespace=NAMESPACE):
    return json.loads(cluster.kubectl("get", kind, name, "-n", namespace, "-o", "json"))


def gone(cluster, kind):
    return not cluster.kubectl("get", kind, "-n", NAMESPACE, "-o", "name").strip()


@pytest.mark.parametrize("values", VALUES)
def test_the_api_server_takes_every_object_and_every_field(helm, cluster, values):
    out = apply(cluster, helm.template(values, "--no-hooks"), "--server-side", "--dry-run=server", "--validate=strict")
    assert f"serviceaccount/{'balancer' if values == 'everything' else 'kago'} serverside-applied" in out


def test_an_unknown_field_would_have_been_told(helm4, cluster):
    text = helm4.template("default").replace("minReadySeconds", "minReadySecond")
    with pytest.raises(Failed, match="minReadySecond"):
        apply(cluster, text, "--server-side", "--dry-run=server", "--validate=strict")


def test_install_upgrade_rollback_and_uninstall(helm, cluster):
    before = everything(cluster)
    notes = helm.run("install", RELEASE, CHART, "-n", NAMESPACE, "-f", values_of("usual")).stdout
    assert "label namespace kago pod-security.kubernetes.io/enforce=privileged" in notes
    assert "rollout status deployment/kago" in notes and "helm" not in notes.split("NOTES:")[1]
    first = in_cluster(cluster, "deployment")["spec"]
    assert in_cluster(cluster, "secret", "kago-bgp")["data"] == {"reflector": "c2VjcmV0"}
    assert "as: 4200000000" in in_cluster(cluster, "configmap")["data"]["kago.yaml"]

    helm.run("upgrade", RELEASE, CHART, "-n", NAMESPACE, "-f", values_of("everything"))
    wait_for("the Deployment of the other name", lambda: in_cluster(cluster, "deployment", "kago-lb"), SOON)
    assert in_cluster(cluster, "podmonitor", "kago-lb") and in_cluster(cluster, "networkpolicy", "kago-lb")

    helm.run("upgrade", RELEASE, CHART, "-n", NAMESPACE, "-f", values_of("daemonset"))
    assert in_cluster(cluster, "role", "kago-services", "edge") and gone(cluster, "deployments")
    assert "kago" not in cluster.kubectl("get", "clusterroles", "-o", "name")

    helm.run("rollback", RELEASE, "1", "-n", NAMESPACE)
    assert in_cluster(cluster, "deployment")["spec"] == first and gone(cluster, "daemonsets")

    helm.run("uninstall", RELEASE, "-n", NAMESPACE)
    await_as_before(cluster, before)


@pytest.mark.parametrize("values, says", [
    ("usual", []), ("default", ["config.bgp.peers is empty"]), ("l2", ["on the network of the nodes"]),
    ("exec", ["announced by /kago-exec/cloud.py"])])
def test_the_notes_say_how_vips_get_known(helm, cluster, values, says):
    words = ("install", RELEASE, CHART, "-n", NAMESPACE, "-f", values_of(values), "--dry-run=client")
    notes = helm.run(*words).stdout.split("NOTES:")[1]
    texts = ("config.bgp.peers is empty", "on the network of the nodes", "announced by /kago-exec/cloud.py")
    assert [text for text in texts if text in notes] == says


def test_an_upgrade_keeps_what_others_have_set(helm, cluster):
    """As an autoscaler sets replicas: helm alone decides on what it has in its own objects."""
    helm.run("install", RELEASE, CHART, "-n", NAMESPACE, "-f", values_of("usual"))
    try:
        cluster.kubectl("annotate", "deployment", RELEASE, "-n", NAMESPACE, "example.com/theirs=yes")
        helm.run("upgrade", RELEASE, CHART, "-n", NAMESPACE, "-f", values_of("usual"), "--set", "minReadySeconds=7")
        deployment = in_cluster(cluster, "deployment")
        assert deployment["metadata"]["annotations"]["example.com/theirs"] == "yes"
        assert deployment["spec"]["minReadySeconds"] == 7
    finally:
        helm.run("uninstall", RELEASE, "-n", NAMESPACE)


def names(cluster, kind):
    return set(cluster.kubectl("get", kind, "-n", NAMESPACE, "-l", f"app.kubernetes.io/instance={RELEASE}", "-o",
                               "jsonpath={.items[*].metadata.name}").split())


WITHOUT_GROUPS = ("--set-json", "groups=[]")


def test_groups_come_to_a_release_and_go(helm, cluster):
    """A selector can never change: who has groups now has other workloads."""
    before = everything(cluster)
    helm.run("install", RELEASE, CHART, "-n", NAMESPACE, "-f", values_of("racks"), *WITHOUT_GROUPS)
    first = in_cluster(cluster, "deployment")["spec"]
    notes = helm.run("upgrade", RELEASE, CHART, "-n", NAMESPACE, "-f", values_of("racks")).stdout
    assert "rollout status deployment/kago-rack-b" in notes
    wait_for("the racks alone", lambda: names(cluster, "deployments") == {"kago-rack-a", "kago-rack-b"}, SOON)
    assert "kago" not in names(cluster, "configmaps")

    helm.run("upgrade", RELEASE, CHART, "-n", NAMESPACE, "-f", values_of("racks"), "--set", "groups[0].replicas=4")
    assert in_cluster(cluster, "deployment", "kago-rack-a")["spec"]["replicas"] == 4
    third = in_cluster(cluster, "deployment", "kago-rack-b")["metadata"]["generation"]
    assert third == 1, "a change of one rack is one of another"

    helm.run("rollback", RELEASE, "1", "-n", NAMESPACE)
    wait_for("the workload of before", lambda: names(cluster, "deployments") == {"kago"}, SOON)
    assert in_cluster(cluster, "deployment")["spec"] == first
    helm.run("uninstall", RELEASE, "-n", NAMESPACE)
    await_as_before(cluster, before)


def replica_sets(cluster):
    """{the Deployment that owns it: how many load balancers it wants}"""
    items = json.loads(cluster.kubectl("get", "replicasets", "-n", NAMESPACE, "-o", "json"))["items"]
    return sorted((o["metadata"]["ownerReferences"][0]["name"], o["spec"]["replicas"]) for o in items)


def test_the_workload_of_before_may_stay_until_racks_are_ready(helm, cluster):
    """As docs/chart.md says. Its selector finds the pods of racks, too, and nobody takes them from their owners."""
    before = everything(cluster)
    helm.run("install", RELEASE, CHART, "-n", NAMESPACE, "-f", values_of("racks"), *WITHOUT_GROUPS)
    wait_for("its replica set", lambda: replica_sets(cluster) == [("kago", 2)], SOON)
    cluster.kubectl("annotate", f"deployment/{RELEASE}", f"configmap/{RELEASE}", "-n", NAMESPACE,
                    "helm.sh/resource-policy=keep")
    helm.run("upgrade", RELEASE, CHART, "-n", NAMESPACE, "-f", values_of("racks"))
    wait_for("those of the racks", lambda: replica_sets(cluster) == [
        ("kago", 2), ("kago-rack-a", 2), ("kago-rack-b", 3)], SOON)
    assert {"kago", "kago-rack-a", "kago-rack-b"} <= names(cluster, "configmaps")
    cluster.kubectl("delete", f"deployment/{RELEASE}", f"configmap/{RELEASE}", "-n", NAMESPACE)
    wait_for("the racks alone", lambda: replica_sets(cluster) == [("kago-rack-a", 2), ("kago-rack-b", 3)], SOON)
    helm.run("uninstall", RELEASE, "-n", NAMESPACE)
    await_as_before(cluster, before)


def test_two_fleets_share_a_namespace_and_leave_each_other_alone(helm4, cluster):
    before = everything(cluster)
    helm4.run("install", "one", CHART, "-n", NAMESPACE, "-f", values_of("default"),
              "--set", "config.fleet=one")
    helm4.run("install", "two", CHART, "-n", NAMESPACE, "-f", values_of("default"),
              "--set", "config.fleet=two")
    helm4.run("install", "one", CHART, "-n", "edge", "-f", values_of("default"))
    helm4.run("uninstall", "one", "-n", NAMESPACE)
    assert in_cluster(cluster, "deployment", "two-kago") and in_cluster(cluster, "clusterrolebinding", "edge:one-kago")
    helm4.run("uninstall", "two", "-n", NAMESPACE)
    helm4.run("uninstall", "one", "-n", "edge")
    await_as_before(cluster, before)


@pytest.mark.parametrize("values", VALUES)
def test_applying_twice_server_side_is_no_conflict(helm4, cluster, values):
    """As those do who render the chart and leave the rest to kubectl, or to a controller such as Argo CD."""
    text = helm4.template(values, "--no-hooks")
    lbs = workload(yaml.safe_load_all(text))

    def applied():
        apply(cluster, text, "--server-side")
        return in_cluster(cluster, lbs["kind"], lbs["metadata"]["name"])["metadata"]["generation"]

    try:
        assert applied() == applied(), "the same again is a change"
    finally:
        cluster.kubectl("delete", "--ignore-not-found", "-f", "-", stdin=text)


def test_helm_4_applies_server_side(helm4, cluster):
    helm4.run("install", RELEASE, CHART, "-n", NAMESPACE, "-f", values_of("default"))
    try:
        managers = json.loads(cluster.kubectl("get", "deployment", RELEASE, "-n", NAMESPACE, "-o", "json",
                                              "--show-managed-fields"))["metadata"]["managedFields"]
        assert {"helm": "Apply"}.items() <= {m["manager"]: m["operation"] for m in managers}.items()
    finally:
        helm4.run("uninstall", RELEASE, "-n", NAMESPACE)


def test_the_account_may_do_what_the_rules_say_and_no_more(helm4, cluster):
    helm4.run("install", RELEASE, CHART, "-n", NAMESPACE, "-f", values_of("default"))
    try:
        def may(*words):
            user = f"--as=system:serviceaccount:{NAMESPACE}:{RELEASE}"
            done = subprocess.run(["kubectl", "--kubeconfig", cluster.kubeconfig, "auth", "can-i", *words, user],
                                  capture_output=True, text=True, check=False)
            return done.stdout.strip() == "yes"

        assert may("watch", "services", "-A") and may("patch", "services", "--subresource=status", "-n", "edge")
        assert may("create", "leases", "-n", NAMESPACE)
        assert not may("create", "leases", "-n", "edge")
        assert not may("patch", "services", "-n", NAMESPACE) and not may("get", "secrets", "-n", NAMESPACE)
    finally:
        helm4.run("uninstall", RELEASE, "-n", NAMESPACE)


@pytest.mark.parametrize("values", VALUES)
def test_the_test_pod_is_taken_and_is_no_load_balancer(helm4, cluster, values):
    """Or the budget would count it and the PodMonitor ask it."""
    objects = helm4.objects(values)
    pods = [o for o in objects if o["kind"] == "Pod"]
    selector = workload(objects)["spec"]["selector"]["matchLabels"]
    component = {"app.kubernetes.io/component": selector["app.kubernetes.io/component"]}
    assert pods
    for pod in pods:
        assert not component.items() <= pod["metadata"]["labels"].items()
        pod["spec"]["serviceAccountName"] = "default"  # that of the release is not there
        out = cluster.kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", stdin=yaml.safe_dump(pod))
        assert f"{pod['metadata']['name']} created" in out
