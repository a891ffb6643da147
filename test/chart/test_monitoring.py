# SPDX-License-Identifier: Apache-2.0
"""Alerts and dashboard, with the real Prometheus and the metrics of real controllers on a real API server."""

import contextlib
import http.server
import json
import os
import re
import shutil
import threading
import urllib.parse
import urllib.request

import pytest
import yaml
from chart import HERE, RELEASE, only
from cluster import Account, Fleet
from net import Process, free_port, program, run, wait_for

# Of these the kernel's table has the samples, and no controller of these tests has a kernel: the names are there.
OF_THE_KERNEL = {"kago_connections_total", "kago_received_bytes_total", "kago_sent_bytes_total",
                 "kago_received_packets_total", "kago_sent_packets_total"}
VARIABLES = {"$job": ".*", "$pod": ".*", "$namespace": ".*", "$service": ".*", "$__rate_interval": "10s"}
# An agent has these with an API server alone; here it reads manifests, in a network namespace of its own.
OF_AGENTS_IN_A_CLUSTER = {"kago_node_api_following", "kago_node_lease_age_seconds"}
NAME = re.compile(r"\bkago_[a-z0-9_]+\b")
# One of each way to announce, and one more.
ANNOUNCE = {"lb-1": {}, "lb-2": {}, "lb-l2": {"announce": "l2"},
            "lb-exec": {"announce": "exec", "exec__program": "/bin/true"}}
AGENT = """
ip link set lo up
"$0" run --source "$1" --node n1 --listen 127.0.0.1:9442 >&2 & agent=$!
for i in $(seq 100); do
    curl -sf http://127.0.0.1:9442/metrics && break
    sleep 0.1
done
kill $agent
wait $agent
"""


def fetch(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read().decode()


@pytest.fixture(name="rules", scope="module")
def _rules(helm4):
    """The rules that the chart makes: the spec of its PrometheusRule."""
    return only(helm4.objects("default", "--set", "prometheus.prometheusRule.enabled=true"), "PrometheusRule")["spec"]


@pytest.fixture(name="dashboard", scope="module")
def _dashboard(helm4):
    objects = helm4.objects("default", "--set", "prometheus.dashboard.enabled=true")
    return json.loads(next(o["data"]["kago.json"] for o in objects if "kago.json" in o.get("data", {})))


@pytest.fixture(name="endpoints", scope="module")
def _endpoints(cluster, tmp_path_factory):
    """Where the metrics of load balancers are, by pod; one Service has real servers, but no tunnels."""
    fleet = Fleet(cluster, Account(cluster).allow_cluster(), 77, tmp_path_factory.mktemp("fleet"))
    ports = {name: free_port() for name in ANNOUNCE}
    try:
        lbs = [fleet.start(name, http__listen=f"127.0.0.1:{port}", **ANNOUNCE[name]) for name, port in ports.items()]
        fleet.leader()
        fleet.create("web", annotations={"forward": "tunnel"})
        fleet.pod("web", 1, "172.16.1.1")
        address = fleet.await_address("web")[0]
        for lb in lbs:
            wait_for("a virtual server", lambda lb=lb: lb.table().get(f"{address} 80 TCP"), 60)
        yield {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    finally:
        fleet.end()


@pytest.fixture(name="agent", scope="module")
def _agent(tmp_path_factory):
    """Where the metrics of an agent are, as it has told them once."""
    flags = ["--net"] if os.geteuid() == 0 else ["--net", "--user", "--map-root-user"]
    text = run("unshare", *flags, "sh", "-c", AGENT, program("kago-node"), tmp_path_factory.mktemp("manifests")).stdout

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class Prometheus:
    def __init__(self, folder, config):
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        self.address = f"127.0.0.1:{free_port()}"
        self.process = Process(["prometheus", f"--config.file={folder}/prometheus.yml",
                                f"--storage.tsdb.path={folder}/data", f"--web.listen-address={self.address}"],
                               folder / "log")

    def query(self, text):
        answer = fetch(f"http://{self.address}/api/v1/query?{urllib.parse.urlencode({'query': text})}")
        return json.loads(answer)["data"]["result"]

    def await_samples(self):
        def seen():
            assert self.process.running(), self.process.output()
            with contextlib.suppress(OSError):
                return self.query(f"count(count_over_time(kago_build_info[1m]) > 3) == {len(ANNOUNCE)} "
                                  "and on () count_over_time(kago_node_build_info[1m]) > 3")
            return None

        wait_for("samples of all", seen, 120, 0.2)


@pytest.fixture(name="prometheus", scope="module")
def _prometheus(helm4, endpoints, agent, rules, tmp_path_factory):
    """It asks as the PodMonitors say, of whose pods it makes targets."""
    objects = helm4.objects("default", "--set", "prometheus.podMonitor.enabled=true,agent.enabled=true,"
                            "agent.metrics.enabled=true")
    monitor, of_agents = (o["spec"] for o in objects if o["kind"] == "PodMonitor")
    endpoint, = monitor["podMetricsEndpoints"]
    assert (monitor["jobLabel"], endpoint["port"]) == ("app.kubernetes.io/instance", "metrics")
    assert [of_agents["jobLabel"], *of_agents["podMetricsEndpoints"]] == [monitor["jobLabel"], endpoint]
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    started = Prometheus(folder, {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(folder / "rules.yaml")],
        "scrape_configs": [{
            "job_name": RELEASE, "honor_labels": endpoint["honorLabels"], "metrics_path": endpoint["path"],
            "static_configs": [{"targets": [address], "labels": {"pod": pod, "namespace": "kago", "container": "ipvs"}}
                               for pod, address in {**endpoints, "agent-1": agent}.items()]}]})
    try:
        started.await_samples()
        yield started
    finally:
        started.process.kill()


@pytest.fixture(name="names", scope="module")
def _names(endpoints, agent):
    """The metrics that controllers and agents have."""
    text = "".join(fetch(f"http://{address}/metrics") for address in [*endpoints.values(), agent])
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    summaries = [name for name, kind in types.items() if kind == "summary"]
    return {*types, *OF_AGENTS_IN_A_CLUSTER, *(f"{name}_{part}" for name in summaries for part in ("sum", "count"))}


def panels(dashboard):
    return [(f"{panel['title']}: {target['expr']}", target["expr"])
            for panel in dashboard["panels"] for target in panel.get("targets", [])]


def test_every_panel_has_an_answer(dashboard, prometheus, names):
    for title, text in panels(dashboard):
        for variable, value in VARIABLES.items():
            text = text.replace(variable, value)
        assert "$" not in text, title
        used = set(NAME.findall(text))
        assert used and used <= names, f"{title}: /metrics has no {used - names}"
        # A rate needs two samples, and mean times need a change within the last seconds.
        if not used & (OF_THE_KERNEL | OF_AGENTS_IN_A_CLUSTER) and "> 0" not in text:
            assert prometheus.query(text), title
        else:
            prometheus.query(text)


def test_the_dashboard_can_choose(dashboard, prometheus):
    for variable in dashboard["templating"]["list"]:
        if variable["type"] != "query":
            continue
        series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()
        for name, value in VARIABLES.items():
            series = series.replace(name, value)
        found = {result["metric"].get(label, "") for result in prometheus.query(series)}
        expected = {"job": {RELEASE}, "pod": set(ANNOUNCE), "namespace": {"test-77"}, "service": {"web"}}
        assert found == expected[label], "labels of a Service must not be those of the pod"


def test_panels_have_places_of_their_own(dashboard):
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    taken = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken and at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells


def test_every_alert_asks_for_what_is_there(rules, prometheus, names):
    loaded = json.loads(fetch(f"http://{prometheus.address}/api/v1/rules"))["data"]["groups"][0]["rules"]
    assert {rule["name"] for rule in loaded} == {rule["alert"] for rule in rules["groups"][0]["rules"]}
    for rule in loaded:
        used = set(NAME.findall(rule["query"]))
        assert used and used <= names, f"{rule['name']}: /metrics has no {used - names}"
    wait_for("all rules to be evaluated", lambda: all(rule["health"] == "ok" for rule in json.loads(
        fetch(f"http://{prometheus.address}/api/v1/rules"))["data"]["groups"][0]["rules"]), 60)


def test_a_fleet_without_sidecars_raises_what_it_should(prometheus):
    """Nor nodes that take tunnels; nothing else: the fleet leads, follows and has room in its pool."""
    def pending():
        return {alert["metric"]["alertname"] for alert in prometheus.query("ALERTS")}

    expected = {"KagoSidecarLost", "KagoKeepalivedDown", "KagoServiceWithoutRealServer", "KagoNotTunnelled"}
    wait_for("the alerts", lambda: pending() == expected, 60)


def test_alerts_are_raised_when_they_should(rules, tmp_path):
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    shutil.copy(HERE / "alerts_test.yaml", tmp_path)
    run("promtool", "check", "rules", tmp_path / "rules.yaml")
    run("promtool", "test", "rules", tmp_path / "alerts_test.yaml")
