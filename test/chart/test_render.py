# SPDX-License-Identifier: Apache-2.0
"""What the chart renders, and which values it refuses; no cluster is needed."""

import json
import re
import subprocess
import sys

import pytest
import yaml
from chart import CHART, RELEASE, VALUES, only, snapshot_of, values_of, workload
from net import ROOT, program, run

sys.path.insert(0, str(ROOT / "scripts/lib"))
import chart_values  # noqa: E402

CORPUS = sorted(path for path in (ROOT / "test/fuzz/corpus/config").iterdir()
                if path.name not in ("broken", "two-documents"))  # which values cannot be
# What only the program knows to be wrong: ranges of durations and of addresses, and one key beside another.
BEYOND_THE_SCHEMA = {"aggregate-host-bits", "aggregate-twice", "duration", "families", "half-seconds", "peers-alike",
                     "pools-gap", "pools-overlap"}


def test_lint_is_content(helm):
    for values in VALUES:
        assert "0 chart(s) failed" in helm.run("lint", "--strict", CHART, "-f", values_of(values)).stdout


@pytest.mark.parametrize("values", VALUES)
def test_rendered_objects_are_as_agreed(helm, values):
    expected = [o for o in yaml.safe_load_all(snapshot_of(values).read_text(encoding="utf-8")) if o]
    rendered = helm.objects(values)

    def key(o):
        return o["apiVersion"], o["kind"], o["metadata"]["name"]

    assert sorted(rendered, key=key) == sorted(expected, key=key), "scripts/update-golden rewrites test/chart/snapshots"


def test_versions_are_those_of_the_project():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    built = re.search(r"project\(kago VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"))[1]
    assert (chart["version"], chart["appVersion"]) == (built, built)


def test_schema_and_table_are_current():
    assert not chart_values.stale(program("kago-schema")), "scripts/update-golden rewrites them"


def test_every_value_is_in_the_schema_with_a_description():
    named = {name for name, _, _ in chart_values.rows(chart_values.load()["properties"], {})}

    def leaves(values, prefix=""):
        for key, value in values.items():
            path = prefix + key
            if isinstance(value, dict) and value and path not in named:
                yield from leaves(value, f"{path}.")
            else:
                yield path

    defaults = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    assert set(leaves(defaults)) <= named
    assert named - set(leaves(defaults)) == set(), "values.yaml lacks some"


def program_says(path, tmp_path):
    """Why kago-controller refuses a kago.yaml, "" if it does not."""
    done = run(program("kago-controller"), "render", "--manifests", tmp_path, "--config", path,
               "--template", ROOT / "templates/keepalived.conf.mustache", check=False)
    return "" if done.returncode == 0 else done.stderr


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_values_and_program_agree_on_configurations(helm, path, tmp_path):
    """The schema refuses nothing that the program takes, and takes only what it cannot know to be wrong."""
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    refused = program_says(path, tmp_path)
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({"config": config}), encoding="utf-8")
    done = helm.run("template", RELEASE, CHART, *SOME_REGISTRY, "-f", values, check=False)
    by_schema = "meet the specifications of the schema" in done.stderr
    if not refused:
        assert not by_schema, done.stderr
    elif path.name in BEYOND_THE_SCHEMA:
        assert not by_schema, f"the schema knows better now: {done.stderr}"
    else:
        assert by_schema, f"the program says: {refused}"


def settings(text):
    return [word for line in text.split() for word in ("--set", line)]


SOME_REGISTRY = settings("image.registry=localhost")


@pytest.mark.parametrize("values, says", [
    ("replicaCout=3", ["replicaCout", "not allowed"]),
    ("kind=StatefulSet", ["kind", "Deployment", "DaemonSet"]),
    ("replicaCount=many", ["replicaCount", "integer"]),
    ("sysctls.method=hope", ["sysctls", "method", "initContainer", "podSecurityContext", "none"]),
    ("image.registry=", ["image.registry", "fetch kago-ipvs from", "scripts/images build", "localhost"]),
    ("kind=DaemonSet updateStrategy.type=Recreate", ["updateStrategy.type", "DaemonSet", "RollingUpdate or OnDelete"]),
    ("updateStrategy.type=OnDelete", ["updateStrategy.type", "Deployment", "RollingUpdate or Recreate"]),
    ("config.fleets=a", ["fleets", "not allowed"]),
    ("config.fleet=A_", ["fleet", "[a-z0-9]"]),
    ("config.log.level=loud", ["log", "level", "debug|info|warn|error"]),
    ("config.bgp.peers[0].address=10.0.0.1", ["bgp", "as"]),
    ("config.bgp.as=1 config.bgp.peers[0].port=179", ["peers", "address"]),
    ("config.node.drain=5", ["drain", "string"]),
    ("config.http.listen=pod:9441", ["config.http.listen", "cannot be set", "9440"]),
    ("config.http.probes=pod:9440", ["config.http.probes", "cannot be set", "9441"]),
    ("config.bgp.bfd.program=/bird", ["config.bgp.bfd.program", "cannot be set", "the image has it"]),
    ("config.bgp.bfd.multiplier=1", ["bgp", "bfd", "multiplier", "2"]),
    ("config.announce=arp", ["announce", "bgp|l2|exec"]),
    ("config.announce=l2 config.l2.program=/k", ["config.l2.program", "cannot be set", "the image has it"]),
    ("config.l2.template=/t", ["config.l2.template", "cannot be set", "the image has it"]),
    ("config.l2.stateDir=/tmp", ["config.l2.stateDir", "cannot be set", "/run/kago-l2"]),
    ("config.l2.interfaces={a/b}", ["l2", "interfaces"]),
    ("config.announce=l2 nodeRoutes=false", ["nodeRoutes", "config.announce: l2", "cannot be false"]),
    ("config.announce=l2 groups[0].name=a", ["groups", "config.announce: l2", "a fleet for each network"]),
    ("config.announce=l2 config.bgp.as=1 config.bgp.peers[0].address=10.0.0.1",
     ["config.bgp.peers", "config.announce: bgp", "leave it out"]),
    ("config.announce=l2 config.bgp.aggregates={10.1.1.0/24}", ["config.bgp.aggregates", "config.announce: bgp"]),
    ("config.announce=l2 config.bgp.nextHop.ipv4=pod", ["config.bgp.nextHop", "config.announce: bgp"]),
    ("config.announce=exec", ["config.exec.program", "config.announce: exec", "the whole path"]),
    ("config.announce=exec config.exec.program=cloud.py", ["config.exec.program", "the whole path"]),
    ("config.announce=exec config.exec.program=/p groups[0].name=a", ["groups", "config.announce: exec"]),
    ("config.announce=exec config.exec.program=/p config.bgp.as=1 config.bgp.peers[0].address=10.0.0.1",
     ["config.bgp.peers", "config.announce: bgp", "leave it out"]),
    ("config.announce=exec config.exec.program=/p config.bgp.aggregates={10.1.1.0/24}",
     ["config.bgp.aggregates", "config.announce: bgp"]),
    ("config.exec.environment={1A}", ["exec", "environment"]),
    ("config.exec.timeout=30", ["exec", "timeout", "string"]),
    ("config.node.netns=/host", ["config.node.netns", "nodeRoutes"]),
    ("config.kubernetes.identity=me", ["config.kubernetes.identity", "the pod's name"]),
    ("config.keepalived.shutdownTimeout=4s", ["config.keepalived.shutdownTimeout", "'4s' must be longer", "'5s'"]),
    ("config.node.drain=1m", ["config.keepalived.shutdownTimeout", "'25s' must be longer", "'1m'"]),
    ("config.keepalived.shutdownTimeout=9999999999h",
     ["config.keepalived.shutdownTimeout", "is not a duration", "25s"]),
    ("config.bgp.as=1 config.bgp.peers[0].address=10.0.0.1 config.bgp.peers[0].passwordFile=/etc/kago-secrets/a",
     ["config.bgp.peers[0].passwordFile", "bgpPasswords.a", "existingSecret"]),
    ("groups[0].replicas=2", ["groups", "0", "name"]),
    ("groups[0].name=A_", ["groups", "name", "[a-z0-9]"]),
    ("groups[0].name=" + "a" * 64, ["groups", "name", "[a-z0-9]"]),
    ("groups[0].name=a groups[1].name=a", ["groups[1].name", "'a'", "name of groups[0], too"]),
    ("groups[0].name=a groups[1].name=" + "b" * 59, ["groups[1].name", "has 59 characters", "'kago'", "may have 58"]),
    ("groups[0].name=agent", ["groups[0].name", "'agent' is taken: kago-agent"]),
    ("groups[0].name=a groups[0].rack=1", ["groups", "rack", "not allowed"]),
    ("groups[0].name=a groups[0].bgp.peer=1", ["groups", "bgp", "peer", "not allowed"]),
    ("groups[0].name=a groups[0].bgp.med=much", ["groups", "bgp", "med", "[0-9]"]),
    ("groups[0].name=a groups[0].bgp.stateDir=/tmp", ["groups[0].bgp.stateDir", "cannot be set", "/run/kago-exabgp"]),
    ("groups[0].name=a groups[0].bgp.aggregates={10.1.1.0/24}",
     ["groups[0].bgp.aggregates", "all load balancers", "config.bgp.aggregates"]),
    ("groups[0].name=a groups[0].bgp.otherPeers[0].address=10.0.9.1", ["groups[0].bgp.otherPeers", "the other groups"]),
    ("groups[0].name=a groups[0].bgp.peers[0].address=10.0.0.1", ["groups[0].bgp.as", "missing", "config.bgp.as"]),
    ("groups[0].name=a groups[0].bgp.as=1 groups[0].bgp.peers[0].address=10.0.0.1 "
     "groups[0].bgp.peers[0].passwordFile=/etc/kago-secrets/a",
     ["groups[0].bgp.peers[0].passwordFile", "bgpPasswords.a", "existingSecret"]),
    ("kind=DaemonSet groups[0].name=a groups[0].replicas=2", ["groups[0].replicas", "DaemonSet", "leave it out"]),
    ("kind=DaemonSet groups[0].name=a groups[0].nodeSelector.rack=a groups[1].name=b",
     ["groups[1].nodeSelector", "groups[0], too", "another value of the same label"]),
])
def test_a_bad_value_is_refused_by_name_with_what_is_right(helm, values, says):
    told = helm.refused("template", RELEASE, CHART, *SOME_REGISTRY, *settings(values))
    assert not [part for part in says if part not in told], told


def test_repositories_may_have_the_registry(helm4):
    pod = pod_of(helm4.objects("default", *settings(
        "image.registry= image.ipvs.repository=r.example.com/a image.exabgp.repository=localhost:5000/b "
        "image.nodeSockets.repository=r.example.com/c")))
    assert [c["image"].rpartition(":")[0] for c in pod["containers"]] == ["r.example.com/a", "localhost:5000/b"]


@pytest.mark.parametrize("values, allow", [
    ("networkPolicy.metricsFrom[0].ipBlock.cidr=10.9.0.0/24 networkPolicy.metricsFrom[1].ipBlock.cidr=fd00::/64",
     ["10.9.0.0/24", "fd00::/64"]),
    # Kubernetes takes host bits, and so does kago.yaml (test_config).
    ("networkPolicy.metricsFrom[0].ipBlock.cidr=10.9.0.1/24", ["10.9.0.1/24"]),
    ("networkPolicy.metricsFrom[0].ipBlock.cidr=10.9.0.0/24 config.http.allow={10.8.0.0/16}", ["10.8.0.0/16"]),
    ("networkPolicy.metricsFrom[0].ipBlock.cidr=10.9.0.0/24 networkPolicy.enabled=false", None),
    ("networkPolicy.metricsFrom[0].ipBlock.cidr=10.9.0.0/24 networkPolicy.metricsFrom[0].ipBlock.except={10.9.0.1/32}",
     None),
    ("networkPolicy.metricsFrom[0].ipBlock.cidr=10.9.0.0/24 networkPolicy.metricsFrom[1].podSelector.matchLabels.a=b",
     None),
    ("", None),
])
def test_prefixes_of_the_policy_are_those_that_may_read_metrics(helm4, values, allow):
    rendered = helm4.objects("default", *settings("networkPolicy.enabled=true " + values))
    config = yaml.safe_load(next(iter(only(rendered, "ConfigMap")["data"].values())))
    assert config["http"].get("allow") == allow


@pytest.mark.parametrize("enabled, ports", [("true", [("10.0.0.1/32", 4784), ("10.0.0.2/32", 3784)]), ("false", [])])
def test_the_policy_lets_bfd_through_both_ways(helm4, enabled, ports):
    """To and from the peers that have it, each at the port of its kind."""
    peers = ("config.bgp.as=1 config.bgp.peers[0].address=10.0.0.1 config.bgp.peers[1].address=10.0.0.2 "
             "config.bgp.peers[1].ttl=1 config.bgp.peers[2].address=10.0.0.3 config.bgp.peers[2].bfd=false")
    policy = only(helm4.objects("default", *settings(f"networkPolicy.enabled=true config.bgp.bfd.enabled={enabled} "
                                                     + peers)), "NetworkPolicy")["spec"]

    def udp(rules, side):
        return [(rule[side][0]["ipBlock"]["cidr"], port["port"]) for rule in rules for port in rule.get("ports", [])
                if port["protocol"] == "UDP"]

    assert udp(policy["ingress"], "from") == udp(policy["egress"], "to") == ports


def test_layer_2_needs_no_more_than_its_name(helm):
    """Besides pools, as always. The folder of VRRP is there for who speaks it, and for nobody else."""
    pod = pod_of(helm.objects("default", *settings("config.announce=l2")))
    assert pod["initContainers"][-1]["args"] == ["--l2", "/host/ns/net", "/run/kago-node-sockets/socket"]
    assert "run-l2" not in {v["name"] for v in pod_of(helm.objects("default"))["volumes"]}
    assert {"name": "run-l2", "emptyDir": {"medium": "Memory", "sizeLimit": "4Mi"}} in pod["volumes"]
    assert {name for name, container in long_running(pod).items()
            for mount in container["volumeMounts"] if mount["name"] == "run-l2"} == {"exabgp"}


def test_a_program_needs_no_more_than_its_path_and_knows_its_node(helm):
    pod = pod_of(helm.objects("default", *settings("config.announce=exec config.exec.program=/p")))
    bgp = pod_of(helm.objects("default"))
    exabgp = long_running(pod)["exabgp"]
    assert {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}} in exabgp["env"]
    assert exabgp["securityContext"] == long_running(bgp)["exabgp"]["securityContext"]


def test_a_sidecar_that_hangs_is_started_again_on_layer_2(helm):
    """Its keepalived would keep the VIPs that nobody answers for any more; exabgp ends by itself then."""
    def probe(*values):
        return long_running(pod_of(helm.objects("default", *values)))["exabgp"].get("livenessProbe", {}).get("exec")

    l2 = settings("config.announce=l2")
    assert probe() is None
    assert probe(*l2) == {"command": ["kago-sidecar", "status"]}
    assert probe(*l2, *settings("config.control.socket=mine"))["command"][2:] == ["--socket", "mine"]


def test_the_policy_lets_load_balancers_speak_vrrp_to_each_other(helm4):
    """A protocol of its own, which no rule can name: from pods of the fleet anything may come."""
    def without_ports(values):
        objects = helm4.objects(values, *settings("networkPolicy.enabled=true"))
        policy = only(objects, "NetworkPolicy")["spec"]
        fleet = workload(objects)["spec"]["selector"]["matchLabels"]
        ours = [{"podSelector": {"matchLabels": fleet}}]
        assert [{"namespaceSelector": {}}] in [rule["to"] for rule in policy["egress"] if "ports" not in rule]
        return ours in [rule["from"] for rule in policy["ingress"] if "ports" not in rule]

    assert without_ports("l2") and not without_ports("default")


@pytest.mark.parametrize("namespace", ["kube-system", "kube-node-lease"])
def test_where_the_leases_of_others_are_it_does_not_go_unasked(helm, namespace):
    words = ("template", RELEASE, CHART, "-n", namespace, *SOME_REGISTRY)
    told = helm.refused(*words)
    assert namespace in told and "Leases" in told and "-n kago" in told and "allowSystemNamespace=true" in told
    assert "kind: Deployment" in helm.run(*words, *settings("allowSystemNamespace=true")).stdout


@pytest.mark.parametrize("kind, strategy", [("Deployment", "Recreate"), ("DaemonSet", "OnDelete")])
def test_what_belongs_to_rolling_goes_with_it(helm4, kind, strategy):
    """The API server refuses rollingUpdate beside another type."""
    spec = only(helm4.objects("default", *settings(f"kind={kind} updateStrategy.type={strategy}")), kind)["spec"]
    assert (spec.get("strategy") or spec["updateStrategy"]) == {"type": strategy}


def pod_of(objects, *component):
    return workload(objects, *component)["spec"]["template"]["spec"]


@pytest.mark.parametrize("timeout, seconds", [
    ("25s", 35), ("2m", 130), ("5001ms", 16), ("5000001us", 16), ("10m", 610), ("1m30s", 100)])
def test_the_grace_period_follows_the_shutdown_timeout(helm4, timeout, seconds):
    pod = pod_of(helm4.objects("default", "--set", f"config.keepalived.shutdownTimeout={timeout}"))
    assert pod["terminationGracePeriodSeconds"] == seconds


NODE = ["SYS_ADMIN", "SYS_PTRACE"]


def long_running(pod):
    """The containers that run as long as the pod does, by name."""
    init = [container for container in pod.get("initContainers", []) if container.get("restartPolicy") == "Always"]
    return {container["name"]: container for container in [*init, *pod["containers"]]}


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("method", ["container", "self"])
def test_no_container_has_more_privileges_than_it_uses(helm4, values, method):
    pod = pod_of(helm4.objects(values, "--set", f"nodeSockets.method={method}"))
    assert not pod.get("hostNetwork") and not pod.get("hostPID") and not pod.get("hostIPC")
    routes = any(volume["name"] == "node-namespaces" for volume in pod["volumes"])
    raw = ["NET_RAW"] if values == "l2" else []
    expected = {"ipvs": ["NET_ADMIN"], "exabgp": ["NET_ADMIN"]}
    if routes:
        expected.setdefault("node-sockets" if method == "container" else "exabgp", []).extend(NODE)
    for name in ("exabgp", "node-sockets"):
        if name in expected:
            expected[name] += raw
    containers = long_running(pod)
    assert {name: c["securityContext"]["capabilities"] for name, c in containers.items()} == {
        name: {"drop": ["ALL"], "add": capabilities} for name, capabilities in expected.items()}
    for container in containers.values():
        context = container["securityContext"]
        assert (context["privileged"], context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"],
                context["seccompProfile"]) == (False, False, True, {"type": "RuntimeDefault"})
    mounts = {name: {m["name"] for m in container["volumeMounts"]} for name, container in containers.items()}
    assert [name for name, seen in mounts.items() if "token" in seen] == ["ipvs"]
    # Where the node's namespaces are there are the capabilities for them.
    assert [name for name, seen in mounts.items() if "node-namespaces" in seen] == [
        name for name, capabilities in expected.items() if set(NODE) <= set(capabilities)]
    # Who sees the socket gets sockets of the node: neither keepalived nor whoever gets into its container.
    assert {name for name, seen in mounts.items() if "run-node-sockets" in seen} == (
        {"node-sockets", "exabgp"} if "node-sockets" in mounts else set())


def test_who_makes_sockets_runs_before_the_sidecar_and_until_after_it(helm4):
    """With nothing but two arguments: no environment, that is no address and no name."""
    pod = pod_of(helm4.objects("default"))
    assert [c["name"] for c in pod["initContainers"]] == ["check", "node-sockets"]
    sockets = pod["initContainers"][-1]
    netns, socket = sockets["args"]
    assert (sockets["restartPolicy"], netns) == ("Always", "/host/ns/net")
    assert not {"env", "envFrom", "ports", "command"} & set(sockets)
    assert {m["name"]: m["mountPath"] for m in sockets["volumeMounts"]} == {
        "node-namespaces": netns.rpartition("/")[0], "run-node-sockets": socket.rpartition("/")[0]}
    exabgp = pod["containers"][1]
    assert exabgp["args"][exabgp["args"].index("--node-netns") + 1] == f"unix:{socket}"
    mount, = (m for m in exabgp["volumeMounts"] if m["name"] == "run-node-sockets")
    assert mount["mountPath"] == socket.rpartition("/")[0] and mount["readOnly"]


def test_without_what_it_is_for_nobody_makes_sockets(helm4):
    unchecked = "check.enabled=false sysctls.method=none"
    alone = pod_of(helm4.objects("default", *settings(f"nodeSockets.method=self {unchecked}")))
    assert "initContainers" not in alone and "/host/ns/net" in alone["containers"][1]["args"]
    without = pod_of(helm4.objects("default", "--set", "nodeRoutes=false"))
    assert [c["name"] for c in without["initContainers"]] == ["check"]
    assert "--node-netns" not in without["containers"][1]["args"]
    only_sockets = pod_of(helm4.objects("default", *settings(unchecked)))
    assert [c["name"] for c in only_sockets["initContainers"]] == ["node-sockets"]


def test_agents_have_the_network_of_their_node_and_nothing_else_of_it(helm4):
    assert not [o for o in helm4.objects("default") if o["metadata"]["name"].endswith("-agent")]
    pod = pod_of(helm4.objects("everything"), "agent")
    context = pod["containers"][0]["securityContext"]
    assert pod["hostNetwork"] and not pod.get("hostPID") and not pod.get("hostIPC")
    assert not any("hostPath" in volume for volume in pod["volumes"])
    assert context["capabilities"] == {"drop": ["ALL"], "add": ["NET_ADMIN"]}
    assert (context["privileged"], context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"]) == (
        False, False, True)
    assert ["--allow", "10.0.0.0/24", "--ask-nodes", "8", "--listen", "pod:9552", "--leave-nothing"] == \
        pod["containers"][0]["args"][-7:]


def test_agents_have_metrics_if_asked_for(helm4):
    """A port of the node's is nobody's without a word; with it Prometheus finds all of them."""
    monitored = "agent.enabled=true prometheus.podMonitor.enabled=true prometheus.scrapeAnnotations=true"
    objects = helm4.objects("default", *settings(monitored))
    agent, = pod_of(objects, "agent")["containers"]
    assert "--listen" not in agent["args"] and "ports" not in agent
    assert list(of_kind(objects, "PodMonitor")) == ["kago"]
    assert "prometheus.io/port" not in workload(objects, "agent")["spec"]["template"]["metadata"]["annotations"]

    objects = helm4.objects("default", *settings(f"{monitored} agent.metrics.enabled=true"))
    agent, = pod_of(objects, "agent")["containers"]
    assert agent["args"][-2:] == ["--listen", "pod:9442"]
    assert agent["ports"] == [{"name": "metrics", "containerPort": 9442}]
    assert {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}} in agent["env"]
    template = workload(objects, "agent")["spec"]["template"]["metadata"]
    assert template["annotations"]["prometheus.io/port"] == "9442"
    selector = of_kind(objects, "PodMonitor")["kago-agent"]["spec"]["selector"]["matchLabels"]
    assert selector.items() <= template["labels"].items()


@pytest.mark.parametrize("method, privileged", [
    ("initContainer", True), ("podSecurityContext", False), ("none", False)])
def test_only_what_sets_sysctls_is_privileged(helm4, method, privileged):
    pod = pod_of(helm4.objects("default", "--set", f"sysctls.method={method}"))
    check, _ = pod["initContainers"]
    assert check["securityContext"]["privileged"] is privileged
    assert ("--fix" in check["args"]) is privileged
    assert bool(pod.get("securityContext", {}).get("sysctls")) is (method == "podSecurityContext")


def test_the_nodes_sysctls_are_mounted_for_the_controller_alone(helm4):
    source = (ROOT / "controller/kernel/reorder.h").read_text(encoding="utf-8")
    place = re.search(r'#define REORDER_SYSCTLS "(.*)"', source)[1]
    pod = pod_of(helm4.objects("default"))
    assert {"name": "node-sysctls", "hostPath": {"path": "/proc/sys/net", "type": "Directory"}} in pod["volumes"]
    mounts = {c["name"]: m for c in [*pod["initContainers"], *pod["containers"]] for m in c["volumeMounts"]
              if m["name"] == "node-sysctls"}
    assert mounts == {"ipvs": {"name": "node-sysctls", "mountPath": place}}
    assert "node-sysctls" not in helm4.template("default", "--set", "sysctls.mount=false")


def test_the_sysctls_are_those_that_the_controller_sets():
    text = (ROOT / "controller/kernel/sysctl.c").read_text(encoding="utf-8")
    wanted = dict(re.findall(r'\{"(net/[^"]+)", "(\d+)", SYSCTL_', text))
    assert wanted
    listed = {entry["name"]: entry["value"] for entry in yaml.safe_load(
        (CHART / "values.yaml").read_text(encoding="utf-8"))["sysctls"]["list"]}
    expected = {}
    for path, value in wanted.items():
        for name in ("all", "default", "eth0") if "*" in path else ("",):
            expected[path.replace("*", name).replace("/", ".")] = value
    assert listed == expected


def test_apparmor_is_named_where_kubernetes_knows_it(helm):
    def profiles(server, *words):
        pod = pod_of(helm.objects("default", *words, server=server))
        found = {name: c["securityContext"].get("appArmorProfile") for name, c in long_running(pod).items()}
        return {name: profile["type"] for name, profile in found.items() if profile}

    assert profiles("1.29.0") == {}
    assert profiles("1.30.1-gke.3") == {"node-sockets": "Unconfined"}
    assert profiles("1.30.1", "--set", "nodeSockets.method=self") == {"exabgp": "Unconfined"}
    assert "incompatible with Kubernetes" in helm.refused("template", RELEASE, CHART, "--kube-version", "1.28.0")


def test_a_roll_adds_before_it_takes_away(helm4):
    for values in ("default", "daemonset"):
        spec = workload(helm4.objects(values))["spec"]
        rolling = (spec.get("strategy") or spec["updateStrategy"])["rollingUpdate"]
        assert rolling == {"maxUnavailable": 0, "maxSurge": 1} and spec["minReadySeconds"] > 0
    for metrics, rolling in ("false", {"maxUnavailable": 0, "maxSurge": "10%"}), ("true", {"maxUnavailable": "10%"}):
        values = settings(f"agent.enabled=true agent.metrics.enabled={metrics}")
        agents = workload(helm4.objects("default", *values), "agent")["spec"]["updateStrategy"]
        assert agents == {"type": "RollingUpdate", "rollingUpdate": rolling}


def test_a_change_of_config_rolls_nothing_unless_told(helm4):
    def template(*words):
        return only(helm4.objects("default", *words), "Deployment")["spec"]["template"]

    change = ("--set", "config.log.level=debug")
    assert template() == template(*change)
    told = ("--set", "restartOnConfigChange=true")
    assert template(*told) != template(*told, *change)


def test_the_configuration_is_one_that_the_program_takes(helm4, tmp_path):
    """All of them, with large numbers and lists, as the pod would read them."""
    for values in VALUES:
        configs = configurations(helm4.objects(values))
        assert configs
        for config in configs.values():
            path = tmp_path / "kago.yaml"
            path.write_text(config.replace("/templates/", f"{ROOT}/templates/"), encoding="utf-8")
            assert not program_says(path, tmp_path), values


def configurations(objects):
    """The text of each kago.yaml, by the name of its ConfigMap."""
    return {o["metadata"]["name"]: o["data"]["kago.yaml"] for o in objects if "kago.yaml" in o.get("data", {})}


def of_kind(objects, kind):
    return {o["metadata"]["name"]: o for o in objects if o["kind"] == kind}


def test_each_group_is_a_workload_with_a_configuration(helm):
    objects = helm.objects("racks", *settings("nodeSelector.lb=yes config.bgp.med=7 groups[0].bgp.med=0"))
    workloads = of_kind(objects, "Deployment")
    assert list(workloads) == list(configurations(objects)) == ["kago-rack-a", "kago-rack-b"]
    assert [w["spec"]["replicas"] for w in workloads.values()] == [2, 3]
    for (name, one), label in zip(workloads.items(), "ab"):
        pod = one["spec"]["template"]
        assert pod["spec"]["nodeSelector"] == {"example.com/rack": label, "lb": "yes"}
        assert {"name": "config", "configMap": {"name": name}} in pod["spec"]["volumes"]
        mine = one["spec"]["selector"]["matchLabels"]
        assert mine["kago.dev/group"] == f"rack-{label}" == one["metadata"]["labels"]["kago.dev/group"]
        assert [n for n, w in workloads.items()
                if mine.items() <= w["spec"]["template"]["metadata"]["labels"].items()] == [name]
        # Its load balancers spread over its zones, and keep off the nodes of all others.
        assert pod["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"] == mine
        apart, = pod["spec"]["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
        assert apart["podAffinityTerm"]["labelSelector"]["matchLabels"] == fleet_labels(mine)
    said = [yaml.safe_load(text) for text in configurations(objects).values()]
    assert [c["bgp"]["as"] for c in said] == [65021, 65022] and [c["bgp"]["med"] for c in said] == [0, 7]
    assert [[p["name"] for p in c["bgp"]["peers"]] for c in said] == [["tor-a1", "tor-a2"], ["tor-b1", "tor-b2"]]
    assert said[0]["bgp"]["otherPeers"] == [
        {"name": "tor-b1", "address": "10.0.2.1"}, {"name": "tor-b2", "address": "10.0.2.2"}]
    assert {c["bgp"]["communities"] for c in said} == {"65000:100"} and said[0]["pools"] == said[1]["pools"]


def fleet_labels(labels):
    return {key: value for key, value in labels.items() if key != "kago.dev/group"}


def test_what_is_the_fleets_is_there_once(helm4):
    objects = helm4.objects("racks", *settings(
        "networkPolicy.enabled=true prometheus.podMonitor.enabled=true groups[1].bgp.peers[1].port=1790"))
    fleet = fleet_labels(of_kind(objects, "Deployment")["kago-rack-a"]["spec"]["selector"]["matchLabels"])
    assert only(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == fleet
    monitor = only(objects, "PodMonitor")["spec"]
    assert (monitor["selector"]["matchLabels"], monitor["podTargetLabels"]) == (fleet, ["kago.dev/group"])
    policy = only(objects, "NetworkPolicy")["spec"]
    assert policy["podSelector"]["matchLabels"] == fleet
    peers = {(rule["to"][0]["ipBlock"]["cidr"], rule["ports"][0]["port"]) for rule in policy["egress"]
             if rule.get("ports") and len(rule["ports"]) == 1}
    assert peers == {("10.0.1.1/32", 179), ("10.0.1.2/32", 179), ("10.0.2.1/32", 179), ("10.0.2.2/32", 1790)}
    assert only(objects, "ServiceAccount") and only(objects, "ClusterRole") and only(objects, "Role")


def test_a_group_has_what_it_does_not_say_from_the_fleet(helm4):
    """Peers, too; what it has already it does not have once more as another's."""
    objects = helm4.objects("default", *settings(
        "config.bgp.as=65000 config.bgp.peers[0].address=10.0.0.1 config.bgp.otherPeers[0].address=10.0.8.1 "
        "groups[0].name=a groups[1].name=b groups[1].bgp.peers[0].address=10.0.9.1 "
        "groups[2].name=c groups[2].replicas=0"))
    configs = configurations(objects)

    def addresses(key):
        return [[p["address"] for p in yaml.safe_load(configs[f"kago-{name}"])["bgp"][key]] for name in "abc"]

    assert addresses("peers") == [["10.0.0.1"], ["10.0.9.1"], ["10.0.0.1"]]
    assert addresses("otherPeers") == [["10.0.8.1", "10.0.9.1"], ["10.0.8.1", "10.0.0.1"], ["10.0.8.1", "10.0.9.1"]]
    assert [w["spec"]["replicas"] for w in of_kind(objects, "Deployment").values()] == [2, 2, 0]


def test_groups_have_no_more_peers_than_a_configuration_may_have(helm4):
    def racks(n):
        peers = [[{"address": f"10.{rack}.0.{number}"} for number in range(16)] for rack in range(n)]
        return json.dumps([{"name": f"r{rack}", "bgp": {"as": 1, "peers": own}} for rack, own in enumerate(peers)])

    words = ("template", RELEASE, CHART, *SOME_REGISTRY, "--set-json")
    assert "10.16.0.15" in helm4.run(*words, f"groups={racks(17)}").stdout
    told = helm4.refused(*words, f"groups={racks(18)}")
    assert "groups: the others of 'r0' have 272 BGP peers" in told and "256" in told, told


@pytest.mark.parametrize("replicas, budgets", [("0 1", 0), ("1 1", 1), ("0 2", 1)])
def test_a_budget_is_for_more_than_one_load_balancer_of_all(helm4, replicas, budgets):
    one, other = replicas.split()
    objects = helm4.objects("racks", *settings(f"groups[0].replicas={one} groups[1].replicas={other}"))
    assert len(of_kind(objects, "PodDisruptionBudget")) == budgets


def test_agents_are_of_no_rack(helm4):
    """Their ConfigMap is the one that they have without groups, so that those change nothing about them."""
    objects = helm4.objects("racks", *settings("agent.enabled=true"))
    configs = configurations(objects)
    assert set(configs) == {"kago", "kago-rack-a", "kago-rack-b"}
    alone = helm4.objects("racks", *settings("agent.enabled=true"), "--set-json", "groups=[]")
    assert configurations(alone) == {"kago": configs["kago"]}
    volumes = pod_of(objects, "agent")["volumes"]
    assert {"name": "config", "configMap": {"name": "kago"}} in volumes


def test_groups_may_be_daemonsets(helm4):
    objects = helm4.objects("daemonset", *settings(
        "groups[0].name=a groups[0].nodeSelector.rack=a groups[1].name=b groups[1].nodeSelector.rack=b"))
    assert [d["spec"]["selector"]["matchLabels"]["kago.dev/group"]
            for d in of_kind(objects, "DaemonSet").values()] == ["a", "b"]


def test_a_group_rolls_with_its_own_configuration(helm4):
    def templates(*words):
        found = of_kind(helm4.objects("racks", "--set", "restartOnConfigChange=true", *words), "Deployment")
        return [one["spec"]["template"] for one in found.values()]

    before, after = templates(), templates("--set", "groups[1].bgp.med=7")
    assert before[0] == after[0] and before[1] != after[1]


def test_helm_tests_each_rack_where_it_is(helm4):
    pods = of_kind(helm4.objects("racks"), "Pod")
    assert {name: pod["spec"]["nodeSelector"] for name, pod in pods.items()} == {
        f"kago-rack-{rack}-test": {"example.com/rack": rack} for rack in "ab"}
    assert {"name": "config", "configMap": {"name": "kago-rack-b"}} in pods["kago-rack-b-test"]["spec"]["volumes"]


def test_the_documents_speak_of_every_alert():
    alerts = yaml.safe_load((CHART / "monitoring/alerts.yaml").read_text(encoding="utf-8"))
    text = (ROOT / "docs/monitoring.md").read_text(encoding="utf-8")
    assert not [alert["alert"] for alert in alerts if f"`{alert['alert']}`" not in text]


def test_update_script_knows_its_arguments():
    done = subprocess.run([sys.executable, ROOT / "scripts/lib/chart_values.py"], capture_output=True, check=False)
    assert done.returncode == 2
