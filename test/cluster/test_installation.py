# SPDX-License-Identifier: Apache-2.0
"""kago as its users have it: installed with helm from its images into a real cluster, with clients outside.

The tests are the life of one installation, in their order; each takes over what the one before left.
"""

import contextlib
import copy
import os
import re
import time

import pytest

from api import Api, Watch
from installation import LB_NODE, NAMESPACE, START, VALUES, VIP, WEB, service
from net import Failed, run, wait_for
from traffic import Traffic, get, spread

ROUNDS = int(os.environ.get("KAGO_LEAVING_ROUNDS", "2"))
LATE = 1  # s, where a reload of keepalived would take two each time; processors of nodes are emulated
FIRST_REQUEST = 180  # s from helm install; the node's processor is emulated, and the machine may be busy


@pytest.fixture(scope="module")
def before(site):
    """What the node of load balancers looks like without them."""
    site.start_eye()
    return site.traces()


def answers(site, vip=VIP):
    try:
        return get(site.client, vip)
    except OSError:
        return ""


def requests(traffic, count=50):
    so_far = traffic.count()
    wait_for("requests", lambda: traffic.count() >= so_far + count, START)


def pods_that_answer(site):
    """[(pod, node)] that many requests find."""
    return sorted({tuple(answer.split()[:2]) for answer in spread(site.client, VIP, 40)})


def test_a_service_answers_soon_after_helm_install(site, before, record_property):
    site.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web"}}, WEB,
               service("shop", health_check="http", health_check_path="/healthz"))
    start = time.monotonic()
    notes = site.helm("install", "--create-namespace", values=VALUES)
    wait_for("the first answer", lambda: answers(site), FIRST_REQUEST, 0.2)
    took = time.monotonic() - start
    print(f"helm install to the first answer: {took:.1f} s")
    record_property("install_to_first_answer_s", round(took, 1))
    assert "kubectl" in notes
    site.rolled("kago", NAMESPACE)
    site.rolled("shop", "web")
    site.await_announced("shop", site.load_balancers())
    assert VIP in site.kubectl("get", "service", "shop", "-n", "web")
    told = site.kubectl("describe", "service", "shop", "-n", "web")
    assert f"{VIP} from pool public" in told and "announced by kago-" in told
    wait_for("both pods", lambda: len(pods_that_answer(site)) == 2, START)


def test_the_node_passes_the_check(site):
    findings = site.logs("check")
    assert "0 errors, 0 warnings" in findings, findings
    assert "succeeded" in site.helm("test").lower()


def test_logs_tell_the_story(site):
    ipvs, exabgp = site.logs("ipvs"), site.logs("exabgp")
    for event in ("controller.starting", "source.synced", "leader.started", "kernel.applied",
                  'service.event service=web/shop reason=AddressAssigned msg="10.1.1.1 from pool public"'):
        assert f"event={event}" in ipvs, ipvs
    for event in ("privileges.dropped kept=CAP_NET_ADMIN", "bgp.up peer=10.0.0.109",
                  f"route.added in=node prefix={VIP}/32", f"vip.announced prefix={VIP}/32"):
        assert f"event={event}" in exabgp, exabgp
    sockets = site.logs("node-sockets")
    assert "event=sockets.received" in exabgp and "event=sockets.ready" in sockets, exabgp + sockets
    assert "level=error" not in ipvs + exabgp + sockets, ipvs + exabgp + sockets


def test_containers_can_do_little(site):
    pod = site.get("pod", "-n", NAMESPACE, site.load_balancers()[0])
    check, sockets = pod["spec"]["initContainers"]
    assert check["name"] == "check" and sockets["restartPolicy"] == "Always"
    for container in [sockets, *pod["spec"]["containers"]]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] and not context["allowPrivilegeEscalation"]
        assert context["capabilities"]["drop"] == ["ALL"] and not context.get("privileged")
    assert not pod["spec"].get("hostNetwork") and not pod["spec"].get("hostPID")
    # What they may, as the node's kernel has it: in hexadecimal numbers, NET_ADMIN is bit 12.
    programs = {"kago-node-socke": 0, "kago-controller": 1 << 12, "kago-sidecar": 1 << 12, "exabgp": 0}
    for program, capabilities in programs.items():
        pid = site.on_node("pgrep", "-o", "-x", program).strip()
        status = site.on_node("cat", f"/proc/{pid}/status")
        assert int(re.search(r"CapEff:\s*(\S+)", status)[1], 16) == capabilities, (program, status)


def test_scaling_and_rolling_web_pods_fails_no_request(site):
    with Traffic(site.client, VIP) as traffic:
        for replicas in (6, 1, 2):
            site.kubectl("scale", "deployment/shop", "-n", "web", f"--replicas={replicas}")
            site.rolled("shop", "web")
            wait_for(f"{replicas} pods", lambda: len(pods_that_answer(site)) == replicas, START)  # noqa: B023
        site.kubectl("rollout", "restart", "deployment/shop", "-n", "web")
        site.rolled("shop", "web")
        requests(traffic)
    assert not traffic.failed, str(traffic)


def ready_pods(slices):
    """Names of the pods that new connections may go to."""
    return {e["targetRef"]["name"] for s in slices for e in s.get("endpoints") or [] if e["conditions"]["ready"]}


def lateness(watch, traffic, leaving):
    """s from when a bare watch saw that a pod leaves to the start of the last request that it got; 0: none did."""
    latest = 0.0
    for pod in leaving:
        told_at, _ = watch.wait_for(f"{pod} to leave", lambda s: pod not in ready_pods([s]))  # noqa: B023
        latest = max([latest, *(at - told_at for at, answer in traffic.history if answer.split()[0] == pod)])
    return latest


def test_a_pod_that_leaves_gets_no_request_once_its_slice_says_so(site, record_property):
    """Four pods become two, under requests."""
    api = Api(os.environ["KUBECONFIG"])
    took = []
    for _ in range(ROUNDS):
        site.kubectl("scale", "deployment/shop", "-n", "web", "--replicas=4")
        site.rolled("shop", "web")
        wait_for("four pods", lambda: len(pods_that_answer(site)) == 4, START)
        before = ready_pods(api.list("EndpointSlice", "web"))
        with Watch(api, "web", "EndpointSlice") as watch, Traffic(site.client, VIP) as traffic:
            site.kubectl("scale", "deployment/shop", "-n", "web", "--replicas=2")
            wait_for("two pods", lambda: len(ready_pods(api.list("EndpointSlice", "web"))) == 2, START)
            requests(traffic)
        assert not traffic.failed, str(traffic)
        took.append(lateness(watch, traffic, before - ready_pods(api.list("EndpointSlice", "web"))))
    print("the last request to a pod that leaves, ms after its slice:", [round(s * 1000) for s in took])
    record_property("late_ms", [round(s * 1000) for s in took])
    # Not each time: the machine may have been busy with something else.
    assert sorted(took)[(len(took) - 1) // 2] <= LATE, took


def test_draining_a_web_node_fails_no_request(site):
    with Traffic(site.client, VIP) as traffic:
        site.kubectl("drain", "web2", "--ignore-daemonsets", f"--timeout={START}s")
        requests(traffic)
        wait_for("the other node", lambda: {node for _, node in pods_that_answer(site)} == {"web1"}, START)
        site.kubectl("uncordon", "web2")
    assert not traffic.failed, str(traffic)


def test_a_wrong_annotation_is_explained_and_harms_nobody_else(site):
    site.apply(service("wrong", scheduler="fastest"))
    told = wait_for("an Event", lambda: re.findall(
        "Warning .* kago-controller .*", site.kubectl("describe", "service", "wrong", "-n", "web")), START)
    assert "kago.dev/scheduler" in told[0] and "fastest" in told[0] and "mh" in told[0], told
    assert answers(site)
    site.kubectl("delete", "service", "wrong", "-n", "web")


def test_a_pool_that_is_added_is_used_without_a_restart(site):
    """The ConfigMap changes, and the kubelet brings it into the running pod."""
    old = site.get("pods", "-n", NAMESPACE)["items"]
    values = copy.deepcopy(VALUES)
    values["config"]["pools"].append({"name": "more", "addresses": ["10.1.2.0/24"], "avoidBuggyIPs": True})
    site.apply(service("more", pool="more"))
    site.helm("upgrade", values=values)
    wait_for("an address of the new pool", lambda: "10.1.2.1" in site.kubectl(
        "get", "service", "more", "-n", "web"), START, 0.5)
    wait_for("an answer", lambda: answers(site, "10.1.2.1"), START, 0.2)
    assert 'event=config.changed key=pools effect="in use"' in site.logs("ipvs")
    now = site.get("pods", "-n", NAMESPACE)["items"]
    for pods in old, now:
        assert [s["restartCount"] for p in pods for s in p["status"]["containerStatuses"]] == [0, 0]
    assert [p["metadata"]["uid"] for p in old] == [p["metadata"]["uid"] for p in now]
    site.kubectl("delete", "service", "more", "-n", "web")


def restarts(pod):
    """How often each container that shall run has been started again."""
    shall_run = {"node-sockets", "ipvs", "exabgp"}
    return {s["name"]: s["restartCount"] for kind in ("initContainerStatuses", "containerStatuses")
            for s in pod["status"][kind] if s["name"] in shall_run}


def kill_on_node(site, program):
    site.on_node("pkill", "-KILL", "-x", program)


def test_who_makes_sockets_may_die_and_no_request_fails(site):
    [pod] = site.load_balancers()
    before = restarts(site.get("pod", "-n", NAMESPACE, pod))
    with Traffic(site.client, VIP) as traffic:
        requests(traffic)
        kill_on_node(site, "kago-node-socke")
        wanted = {**before, "node-sockets": before["node-sockets"] + 1}
        wait_for("it to be started again", lambda: restarts(site.get("pod", "-n", NAMESPACE, pod)) == wanted, START)
        requests(traffic)
    assert not traffic.failed, str(traffic)


def test_a_sidecar_that_dies_gets_sockets_again(site):
    [pod] = site.load_balancers()
    before = restarts(site.get("pod", "-n", NAMESPACE, pod))
    kill_on_node(site, "kago-sidecar")
    wanted = {**before, "exabgp": before["exabgp"] + 1}
    wait_for("it to be started again", lambda: restarts(site.get("pod", "-n", NAMESPACE, pod)) == wanted, START)
    wait_for("its sockets", lambda: "event=sockets.received" in site.logs("exabgp"), START, 0.5)
    wait_for("a route at the router", lambda: site.next_hops(VIP), START, 0.5)
    wait_for("an answer", lambda: answers(site), START, 0.2)
    site.await_announced("shop", [pod])


def test_an_upgrade_rolls_load_balancers_and_fails_no_request(site):
    old = site.load_balancers()
    with Traffic(site.client, VIP) as traffic:
        site.helm("upgrade", values={**VALUES, "podAnnotations": {"example.com/change": "1"}})
        site.rolled("kago", NAMESPACE)
        requests(traffic)
    assert not traffic.failed, str(traffic)
    new = site.load_balancers()
    assert len(new) == 1 and new != old


def test_a_load_balancer_that_is_deleted_fails_no_request(site):
    site.kubectl("scale", "deployment/kago", "-n", NAMESPACE, "--replicas=2")
    site.rolled("kago", NAMESPACE)
    first, second = site.load_balancers()
    site.await_announced("shop", [first, second])
    with Traffic(site.client, VIP) as traffic:
        requests(traffic)
        site.kubectl("delete", "pod", "-n", NAMESPACE, first)
        requests(traffic)
        assert site.next_hops(VIP), "the route must stay"
    assert not traffic.failed, str(traffic)
    wait_for("another one in its place", lambda: len(site.load_balancers()) == 2, START)
    assert second in site.load_balancers()


def test_the_api_server_refused_nothing(site):
    """What the load balancers were not allowed, or got wrong, is in the API server's log of who did what."""
    log = run("grep", "-h", "serviceaccount:kago:kago", f"{site.plane}/audit.log", check=False).stdout
    assert log, "no call of a load balancer was recorded"
    assert '"code":403' not in log


def test_uninstalling_leaves_nothing_on_the_node(site, before):
    site.helm("uninstall", "--wait")
    wait_for("the pods to go", lambda: not site.get("pods", "-n", NAMESPACE)["items"], START)
    wait_for("the route to go", lambda: not site.next_hops(VIP), START)
    left = site.get("all,configmap,secret,role,rolebinding,serviceaccount,poddisruptionbudget,networkpolicy",
                    "-n", NAMESPACE)
    names = sorted(f"{o['kind']}/{o['metadata']['name']}" for o in left["items"])
    assert names == ["ConfigMap/kube-root-ca.crt", "ServiceAccount/default"], names
    assert "kago" not in site.kubectl("get", "clusterrole,clusterrolebinding", "-o", "name")
    # What docs/kubernetes.md says how to remove: helm takes away the permissions that load balancers
    # would need to do that at their end.
    site.kubectl("delete", "leases", "-n", NAMESPACE, "-l", "kago.dev/fleet=default")
    assert not site.get("leases", "-n", NAMESPACE)["items"]
    with contextlib.suppress(Failed):
        wait_for(f"{LB_NODE} to be as before", lambda: site.traces() == before, START)
    assert site.traces() == before
