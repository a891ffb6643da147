# SPDX-License-Identifier: Apache-2.0
"""kago-controller with the real keepalived on the real IPVS: what is in the folder is in the kernel."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from image import IPVS  # noqa: E402
from net import ROOT, Network, program, wait_for  # noqa: E402

CONTROL = "\0kago-controller"
SOON = 60  # s; an upper bound for a slow and busy machine


def service(name, vip, port=80, protocol="TCP", **annotations):
    return {
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": "test", "annotations": {
            "kago.dev/vip": vip, "kago.dev/health-check": "none",
            **{f"kago.dev/{key.replace('_', '-')}": value for key, value in annotations.items()}}},
        "spec": {"type": "LoadBalancer", "loadBalancerClass": "kago.dev/default",
                 "ports": [{"name": "p", "port": port, "protocol": protocol, "targetPort": 8080}]},
    }


def endpoints(name, *addresses, draining=(), protocol="TCP"):
    family = "IPv6" if ":" in addresses[0] else "IPv4"
    return {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": family,
        "metadata": {"name": f"{name}-{family.lower()}", "namespace": "test",
                     "labels": {"kubernetes.io/service-name": name}},
        "ports": [{"name": "p", "port": 8080, "protocol": protocol}],
        "endpoints": [{"addresses": [a], "conditions": {"ready": True}} for a in addresses]
        + [{"addresses": [a], "conditions": {"ready": False, "serving": True, "terminating": True}}
           for a in draining],
    }


class Controller:
    """A controller in a namespace of its own, with the folder it follows."""

    def __init__(self, network, folder, name="lb"):
        self.network, self.folder = network, folder
        self.netns = network.netns(name)
        # 172.16.0.9 is a real server that lives here, too, but is no address of the load balancer's own.
        self.netns.ip("link add e0 type dummy", "addr add 172.16.0.254/24 dev e0", "link set e0 up",
                      "route add local 172.16.0.9 dev lo")
        self.source = folder / "manifests"
        self.source.mkdir()
        self.settings = {"keepalived.stateDir": folder / "run", "keepalived.minReloadGap": "100ms"}

    def put(self, name, *objects):
        tmp = self.source / f".{name}.tmp"
        tmp.write_text("\n---\n".join(json.dumps(o) for o in objects), encoding="utf-8")
        tmp.rename(self.source / f"{name}.yaml")

    def remove(self, name):
        (self.source / f"{name}.yaml").unlink()

    def start(self, **settings):
        sets = [f"{key}={value}" for key, value in {**self.settings, **settings}.items()]
        words = ["run", "--source", self.source, *[word for text in sets for word in ("--set", text)]]
        self.process = self.network.start(self.netns, *self.container(*words), log=self.folder / "log")
        return self

    def start_outside(self, **settings):
        """Not in a container: this build with this host's keepalived, which scripts can stand in for."""
        templates = {f"keepalived.{key}": ROOT / f"templates/{name}.conf.mustache" for key, name in
                     (("template", "keepalived"), ("nftTemplate", "nftables"))}
        self.container = lambda *arguments: [program("kago-controller"), *arguments]
        return self.start(**templates, **settings)

    def container(self, *arguments):
        return IPVS.command(*arguments, folders=[self.folder])

    def log(self):
        return self.process.output()

    def wait_for_log(self, pattern):
        return self.process.wait_for_line(pattern, SOON)

    def ipvs(self):
        """{"TCP 10.1.1.1:80 rr": {"172.16.0.1:8080": 1}}"""
        table, reals = {}, None
        for line in self.netns.run("ipvsadm", "-Sn").stdout.splitlines():
            words = line.split()
            kind = {"-t": "TCP", "-u": "UDP"}.get(words[1], words[1].strip("-"))
            if words[0] == "-A":
                flags = " ".join(w for w in words[4:] if w != "-b")
                reals = table.setdefault(f"{kind} {words[2]} {flags}", {})
            else:
                reals[words[4]] = int(words[words.index("-w") + 1])
        return table

    def wait_for_ipvs(self, expected):
        wait_for(f"IPVS holding {expected}, not {self.ipvs()}; log:\n{self.log()}",
                 lambda: self.ipvs() == expected, SOON, 0.1)

    def conf(self):
        """keepalived.conf; "" before there is one."""
        path = self.settings["keepalived.stateDir"] / "keepalived.conf"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def wait_for_conf(self, *words, without=()):
        wait_for(f"{words} in keepalived.conf and not {without}; log:\n{self.log()}",
                 lambda: all(w in self.conf() for w in words) and not any(w in self.conf() for w in without), SOON)

    def status(self):
        return json.loads(self.netns.run(*IPVS.tool("status", "-o", "json")).stdout)

    def http(self, path):
        with self.netns.entered():
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:9440{path}", timeout=10) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.code, error.read().decode()

    def lifeline(self):
        """A sidecar's connection to the controller, and what the controller says on it first."""
        sock = self.netns.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(SOON)
        sock.connect(CONTROL)
        sock.sendall(b'{"type":"sidecar"}\n')
        return sock, sock.makefile("r", encoding="utf-8")


@pytest.fixture(name="lb")
def _lb(tmp_path):
    with Network() as network:
        yield Controller(network, tmp_path)


RR = {"scheduler": "rr"}
WEB = {"TCP 10.1.1.1:80 rr": {"172.16.0.1:8080": 1, "172.16.0.2:8080": 1}}


def put_web(lb, *reals, **options):
    lb.put("web", service("web", "10.1.1.1", **RR),
           endpoints("web", *(reals or ("172.16.0.1", "172.16.0.2")), **options))


def test_every_kind_of_service_reaches_the_kernel(lb):
    lb.put("all",
           service("mh", "10.1.1.1"), endpoints("mh", "172.16.0.1"),
           service("sh", "10.1.1.2", scheduler="sh"), endpoints("sh", "172.16.0.1"),
           service("six", "fd00::1", scheduler="wlc"), endpoints("six", "fd01::1"),
           service("udp", "10.1.1.3", 53, "UDP", scheduler="lc"),
           endpoints("udp", "172.16.0.1", protocol="UDP"),
           service("sctp", "10.1.1.4", 99, "SCTP", scheduler="wrr"),
           endpoints("sctp", "172.16.0.1", protocol="SCTP"))
    sticky = service("sticky", "10.1.1.5", **RR)
    sticky["spec"].update(sessionAffinity="ClientIP",
                          sessionAffinityConfig={"clientIP": {"timeoutSeconds": 120}})
    lb.put("sticky", sticky, endpoints("sticky", "172.16.0.1"))
    lb.start()
    real = {"172.16.0.1:8080": 1}
    lb.wait_for_ipvs({
        "TCP 10.1.1.1:80 mh mh-fallback,mh-port": real,
        "TCP 10.1.1.2:80 sh sh-fallback,sh-port": real,
        "TCP 10.1.1.5:80 rr -p 120": real,
        "TCP [fd00::1]:80 wlc": {"[fd01::1]:8080": 1},
        "UDP 10.1.1.3:53 lc": real,
        "sctp-service 10.1.1.4:99 wrr": real,
    })
    lb.wait_for_log("event=kernel.applied virtual_servers=6")
    assert lb.http("/readyz") == (200, "ok\n")


def test_endpoints_come_drain_and_go(lb):
    put_web(lb, "172.16.0.1")
    lb.start()
    lb.wait_for_ipvs({"TCP 10.1.1.1:80 rr": {"172.16.0.1:8080": 1}})
    put_web(lb)
    lb.wait_for_ipvs(WEB)
    put_web(lb, "172.16.0.1", draining=["172.16.0.2"])
    lb.wait_for_ipvs({"TCP 10.1.1.1:80 rr": {"172.16.0.1:8080": 1, "172.16.0.2:8080": 0}})
    lb.wait_for_log("event=kernel.applied")
    assert [r["state"] for r in lb.status()["services"][0]["virtualServers"][0]["realServers"]] \
        == ["up", "draining"]
    put_web(lb, "172.16.0.1")
    lb.wait_for_ipvs({"TCP 10.1.1.1:80 rr": {"172.16.0.1:8080": 1}})
    lb.remove("web")
    lb.wait_for_ipvs({})
    put_web(lb)
    lb.wait_for_ipvs(WEB)


def test_a_fleet_without_services_runs_and_can_grow(lb):
    lb.start()
    lb.wait_for_log("event=kernel.applied virtual_servers=0")
    lb.wait_for_log("event=keepalived.up")
    assert lb.http("/readyz")[0] == 200
    put_web(lb)
    lb.wait_for_ipvs(WEB)


def test_one_bad_object_or_file_takes_nothing_with_it(lb):
    put_web(lb)
    lb.start()
    lb.wait_for_ipvs(WEB)
    lb.put("bad", service("bad", "10.1.1.9", scheduler="fastest"), endpoints("bad", "172.16.0.1"))
    lb.wait_for_log('event=service.rejected service=test/bad .*scheduler')
    (lb.source / "web.yaml").write_text("kind: [", encoding="utf-8")
    lb.wait_for_log("event=source.problem .*web.yaml")
    lb.put("good", service("good", "10.1.1.2", **RR), endpoints("good", "172.16.0.1"))
    lb.wait_for_ipvs({**WEB, "TCP 10.1.1.2:80 rr": {"172.16.0.1:8080": 1}})
    outcomes = {s["name"]: s["outcome"] for s in lb.status()["services"]}
    assert outcomes == {"bad": "rejected", "good": "served", "web": "served"}


def test_what_keepalived_refuses_is_served_without_health_checks(lb):
    template = (ROOT / "templates/keepalived.conf.mustache").read_text(encoding="utf-8")
    own = lb.folder / "own.mustache"
    own.write_text(template.replace("    {{#sh}}\n", "    {{#sh}}\n    lvs_sched {\n"),
                   encoding="utf-8")
    put_web(lb)
    lb.put("sh", service("sh", "10.1.1.2", scheduler="sh"), endpoints("sh", "172.16.0.1"))
    lb.start(**{"keepalived.template": own})
    lb.wait_for_ipvs({**WEB, "TCP 10.1.1.2:80 sh sh-fallback,sh-port": {"172.16.0.1:8080": 1}})
    lb.wait_for_log("event=service.refused_by_keepalived service=test/sh")
    wait_for("the file of the other one", lambda: "10.1.1.1" in lb.conf(), SOON)
    assert "10.1.1.2" not in lb.conf()
    refused = {s["name"]: s["virtualServers"][0].get("refusedByKeepalived")
               for s in lb.status()["services"]}
    assert refused["web"] is None and refused["sh"]


def test_a_killed_keepalived_comes_back_while_the_kernel_forwards(lb):
    put_web(lb)
    lb.start()
    lb.wait_for_ipvs(WEB)
    pid = int(lb.wait_for_log(r"event=keepalived.up pid=(\d+)")[1])
    os.kill(pid, signal.SIGKILL)
    lb.wait_for_log(r'event=keepalived.exited status="signal 9')
    assert lb.ipvs() == WEB
    wait_for("a second keepalived", lambda: lb.log().count("event=keepalived.up") == 2, SOON)
    put_web(lb, "172.16.0.1")
    lb.wait_for_ipvs({"TCP 10.1.1.1:80 rr": {"172.16.0.1:8080": 1}})


@pytest.mark.parametrize("name", ["keepalived.pid", "checkers.pid"])
def test_a_keepalived_that_is_stopped_comes_back_while_the_kernel_forwards(lb, name):
    put_web(lb)
    lb.start_outside()
    lb.wait_for_ipvs(WEB)
    lb.wait_for_log("event=keepalived.up")
    wait_for("readiness", lambda: lb.http("/readyz")[0] == 200, SOON)
    pid = int((lb.settings["keepalived.stateDir"] / name).read_text(encoding="ascii"))
    os.kill(pid, signal.SIGSTOP)
    lb.wait_for_log(f"event=keepalived.hangs pid={pid} ")
    wait_for("a second keepalived", lambda: lb.log().count("event=keepalived.up") == 2, SOON)
    assert lb.ipvs() == WEB
    assert not Path(f"/proc/{pid}").exists()
    assert "event=kernel.mismatch" not in lb.log()
    put_web(lb, "172.16.0.1")
    lb.wait_for_ipvs({"TCP 10.1.1.1:80 rr": {"172.16.0.1:8080": 1}})


def test_keepalived_sees_what_it_needs_and_gains_no_right(lb):
    token, script = lb.folder / "token", lb.folder / "bin/keepalived"
    token.write_text("secret", encoding="ascii")
    script.parent.mkdir()
    script.write_text(f"""#!/bin/bash
cat {token} || echo token is kept
grep -h NoNewPrivs /proc/self/status /proc/$PPID/status | paste -s
exec keepalived "$@"
""", encoding="utf-8")
    script.chmod(0o755)
    put_web(lb)
    lb.start_outside(**{"keepalived.program": script})
    lb.wait_for_ipvs(WEB)
    lb.wait_for_log("event=keepalived.up")
    assert len(re.findall(r"NoNewPrivs:\W+t?1", lb.log())) == 2, lb.log()
    if "event=keepalived.unconfined" in lb.log():
        pytest.skip("this kernel has no Landlock")
    assert "token is kept" in lb.log() and "secret" not in lb.log()


def test_what_somebody_changes_in_the_kernel_is_put_right_without_keepalived(lb):
    put_web(lb)
    lb.start()
    lb.wait_for_ipvs(WEB)
    lb.wait_for_log("event=keepalived.up")
    lb.netns.run("ipvsadm", "-D", "-t", "10.1.1.1:80")
    lb.wait_for_log('event=kernel.mismatch .*missing')
    lb.wait_for_ipvs(WEB)
    lb.wait_for_log("event=kernel.repaired")
    lb.netns.run("ipvsadm", "-A", "-t", "10.9.9.9:80", "-s", "rr")
    lb.wait_for_log('event=kernel.mismatch first="10.9.9.9 port 80/tcp: not asked for"')
    lb.wait_for_ipvs(WEB)
    assert lb.log().count("event=keepalived.started") == 1


ODD = "TCP 10.1.1.9:80 rr"


def test_what_the_kernel_refuses_is_left_out_and_harms_nobody_else(lb):
    put_web(lb)
    # The second one is a broadcast address here.
    lb.put("odd", service("odd", "10.1.1.9", **RR), endpoints("odd", "172.16.0.1", "172.16.0.255"))
    lb.start()
    lb.wait_for_ipvs({**WEB, ODD: {"172.16.0.1:8080": 1}})
    lb.wait_for_log('event=kernel.refused service=test/odd what="real server 172.16.0.255 port 8080')
    lb.wait_for_log('event=service.served service=test/odd .*reason=RefusedByKernel')
    wait_for("readiness", lambda: lb.http("/readyz")[0] == 200, SOON)
    lb.wait_for_log("event=keepalived.up")
    file = lb.folder / "run" / "keepalived.conf"
    wait_for("a file without it", lambda: "172.16.0.255" not in file.read_text(), SOON)
    assert lb.log().count("event=keepalived.started") == 1


def test_what_the_kernel_takes_at_last_is_served(lb):
    put_web(lb)
    lb.put("odd", service("odd", "10.1.1.9", **RR), endpoints("odd", "172.16.0.255"))
    lb.start()
    lb.wait_for_log("event=kernel.refused service=test/odd")
    lb.wait_for_ipvs(WEB)
    lb.netns.ip("addr del 172.16.0.254/24 dev e0", "addr add 172.16.0.254/16 dev e0")
    lb.wait_for_ipvs({**WEB, ODD: {"172.16.0.255:8080": 1}})
    wait_for("readiness", lambda: lb.http("/readyz")[0] == 200, SOON)


def test_no_service_leads_to_the_load_balancer_itself(lb):
    put_web(lb)
    lb.put("odd", service("odd", "10.1.1.9", **RR), endpoints("odd", "172.16.0.1", "172.16.0.254"))
    lb.start()
    lb.wait_for_ipvs({**WEB, ODD: {"172.16.0.1:8080": 1}})
    lb.wait_for_log('service=test/odd .*reason=EndpointsNotAllowed msg="not allowed: 172.16.0.254 is this pod\'s own')
    wait_for("readiness", lambda: lb.http("/readyz")[0] == 200, SOON)


@contextlib.contextmanager
def kernel_without(module):
    """No program of the kernel's may load it meanwhile."""
    loader = Path("/proc/sys/kernel/modprobe")
    before = loader.read_text()
    subprocess.run(["modprobe", "-r", module], check=True)
    loader.write_text("/bin/false\n")
    try:
        yield
    finally:
        loader.write_text(before)


@pytest.mark.skipif(os.environ.get("KAGO_LAB") != "vm", reason="takes modules out of the kernel")
def test_a_scheduler_that_the_kernel_lacks_has_another_in_its_place(lb):
    lb.put("odd", service("odd", "10.1.1.9", scheduler="lc"), endpoints("odd", "172.16.0.1"))
    with kernel_without("ip_vs_lc"):
        lb.start()
        lb.wait_for_ipvs({"TCP 10.1.1.9:80 wlc": {"172.16.0.1:8080": 1}})
        lb.wait_for_log('event=kernel.refused scheduler=lc')
        lb.wait_for_log('event=service.served service=test/odd .*reason=SchedulerMissing')
        wait_for("readiness", lambda: lb.http("/readyz")[0] == 200, SOON)
    lb.wait_for_log('event=kernel.accepted scheduler=lc')
    lb.wait_for_ipvs({"TCP 10.1.1.9:80 lc": {"172.16.0.1:8080": 1}})


def test_flags_and_methods_that_differ_are_put_right(lb):
    """As those of an older version would."""
    lb.put("web", service("web", "10.1.1.1"), endpoints("web", "172.16.0.1"))
    for words in (("-A", "-t", "10.1.1.1:80", "-s", "mh", "-b", "mh-fallback"),
                  ("-a", "-t", "10.1.1.1:80", "-r", "172.16.0.1:8080", "-i")):
        lb.netns.run("ipvsadm", *words)
    lb.start()
    lb.wait_for_ipvs({"TCP 10.1.1.1:80 mh mh-fallback,mh-port": {"172.16.0.1:8080": 1}})
    assert " -m " in lb.netns.run("ipvsadm", "-Sn").stdout


def test_a_failed_check_sets_weight_0_and_keeps_it_out_of_the_way(lb):
    lb.put("web", service("web", "10.1.1.1", scheduler="rr", health_check="tcp",
                          health_check_interval="1s", health_check_timeout="1s"),
           endpoints("web", "172.16.0.9"))
    lb.start()
    lb.wait_for_ipvs({"TCP 10.1.1.1:80 rr": {"172.16.0.9:8080": 0}})
    state = lb.status()["services"][0]["virtualServers"][0]["realServers"][0]
    assert (state["state"], state["wantedWeight"], state["weight"]) == ("down", 1, 0)
    assert 'state="down"} 1' in lb.http("/metrics")[1]
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(lb.netns.socket(socket.AF_INET, socket.SOCK_STREAM))
        server.bind(("172.16.0.9", 8080))
        server.listen(1000)  # nobody takes a connection off the queue
        lb.wait_for_ipvs({"TCP 10.1.1.1:80 rr": {"172.16.0.9:8080": 1}})
    assert "event=kernel.mismatch" not in lb.log()


# Speak HTTP/1.1 only, as Envoy does, and leave connections open unless they are asked to close them. With a certificate
# they also want to know who is asked for.
HTTP_SERVERS = """
import socket, ssl, sys, threading

def talk(c, context):
    if context:
        c = context.wrap_socket(c, server_side=True)
    head = b""
    while b"\\r\\n\\r\\n" not in head:
        head += c.recv(4096)
    fine = b" HTTP/1.1\\r\\n" in head and (not context or b"Host: web.example.org\\r\\n" in head)
    status = b"200 OK" if fine else b"426 Upgrade Required"
    c.sendall(b"HTTP/1.1 " + status + b"\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    if b"Connection: close\\r\\n" not in head:
        c.recv(1)
    c.close()

def serve(port, context=None):
    server = socket.create_server((sys.argv[1], port))
    while True:
        c, _ = server.accept()
        threading.Thread(target=talk, args=(c, context), daemon=True).start()

def know(c, name, context):
    return None if name == "web.example.org" else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(sys.argv[2])
tls.sni_callback = know
threading.Thread(target=serve, args=(8443, tls), daemon=True).start()
serve(8080)
"""


def test_http_checks_suit_servers_that_speak_no_older_http(lb):
    pem = lb.folder / "server.pem"
    lb.netns.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc",
                 "-subj", "/CN=other", "-keyout", pem, "-out", lb.folder / "server.crt")
    pem.write_text(pem.read_text() + (lb.folder / "server.crt").read_text())
    checks = {"10.1.1.1": {"health_check": "http"},
              "10.1.1.2": {"health_check": "https", "health_check_port": "8443",
                           "health_check_host": "web.example.org"},
              "10.1.1.3": {"health_check": "http", "health_check_codes": "426"}}
    for vip, options in checks.items():
        lb.put(vip, service(f"s{vip[-1]}", vip, scheduler="rr", health_check_interval="1s", **options),
               endpoints(f"s{vip[-1]}", "172.16.0.9"))
    lb.start()

    def expect(*found):
        lb.wait_for_ipvs({f"TCP {vip}:80 rr": {"172.16.0.9:8080": weight} for vip, weight in zip(checks, found)})

    expect(0, 0, 0)
    lb.network.start(lb.netns, "/usr/bin/python3", "-c", HTTP_SERVERS, "172.16.0.9", pem, log=lb.folder / "servers")
    expect(1, 1, 0)


NGINX = """
daemon off;
pid nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server { listen 172.16.0.9:8080; location / { return 200 "ok"; } location /gone { return 404; } }
}
"""


def test_http_checks_suit_nginx(lb):
    (lb.folder / "nginx.conf").write_text(NGINX, encoding="utf-8")
    for vip, path in (("10.1.1.1", "/"), ("10.1.1.2", "/gone")):
        lb.put(vip, service(f"s{vip[-1]}", vip, scheduler="rr", health_check="http", health_check_path=path,
                            health_check_interval="1s"), endpoints(f"s{vip[-1]}", "172.16.0.9"))
    lb.start()
    lb.wait_for_ipvs({f"TCP 10.1.1.{i}:80 rr": {"172.16.0.9:8080": 0} for i in (1, 2)})
    lb.network.start(lb.netns, "nginx", "-p", lb.folder, "-c", "nginx.conf", log=lb.folder / "nginx.log")
    lb.wait_for_ipvs({"TCP 10.1.1.1:80 rr": {"172.16.0.9:8080": 1}, "TCP 10.1.1.2:80 rr": {"172.16.0.9:8080": 0}})


def listener(lb, stack, address):
    server = stack.enter_context(lb.netns.socket(socket.AF_INET, socket.SOCK_STREAM))
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((address, 8080))
    server.listen(1000)  # nobody takes a connection off the queue
    return server


def checked(lb, *reals):
    lb.put("web", service("web", "10.1.1.1", scheduler="rr", health_check="tcp",
                          health_check_interval="1s", health_check_timeout="1s"),
           endpoints("web", *reals))


def weights(lb):
    return next(iter(lb.ipvs().values()), {})


def test_what_a_check_took_down_stays_down(lb):
    """Through a change of its Service, a new keepalived, a new controller."""
    lb.netns.ip("route add local 172.16.0.8 dev lo")
    up, dead, new = ("172.16.0.9", "172.16.0.10", "172.16.0.8")
    with contextlib.ExitStack() as stack:
        listener(lb, stack, up)
        checked(lb, up, dead)
        lb.start()
        lb.wait_for_ipvs({"TCP 10.1.1.1:80 rr": {f"{up}:8080": 1, f"{dead}:8080": 0}})
        seen = []

        def is_down_until(what, condition):
            wait_for(what, lambda: seen.append(weights(lb)[f"{dead}:8080"]) or condition(), SOON, 0.02)

        listener(lb, stack, new)
        checked(lb, up, dead, new)
        is_down_until("a new real server", lambda: f"{new}:8080" in weights(lb))
        is_down_until("the reload", lambda: lb.status()["keepalived"]["file"] == "idle" and new in lb.conf())
        pid = int(re.findall(r"event=keepalived.up pid=(\d+)", lb.log())[-1])
        os.kill(pid, signal.SIGKILL)
        is_down_until("another keepalived", lambda: lb.log().count("event=keepalived.up") == 2)
        is_down_until("its verdict", lambda: lb.log().count("TCP_CHECK on service [172.16.0.10]") >= 2
                      or lb.log().count("Disabling service [172.16.0.10]") >= 2)
        lb.process.kill()
        so_far = len(lb.log())
        lb.start()
        is_down_until("another controller", lambda: "event=keepalived.up" in lb.log()[so_far:])
        is_down_until("its verdict", lambda: "Disabling service [172.16.0.10]" in lb.log()[so_far:])
        assert set(seen) == {0}
        lb.netns.ip(f"route add local {dead} dev lo")
        listener(lb, stack, dead)
        lb.wait_for_ipvs({"TCP 10.1.1.1:80 rr": {f"{a}:8080": 1 for a in (up, dead, new)}})


def test_who_recovers_while_nobody_checks_is_found_well(lb):
    """keepalived says nothing of a real server that is well at its first look."""
    checked(lb, "172.16.0.9")
    lb.start()
    lb.wait_for_ipvs({"TCP 10.1.1.1:80 rr": {"172.16.0.9:8080": 0}})
    lb.process.kill()
    with contextlib.ExitStack() as stack:
        listener(lb, stack, "172.16.0.9")
        lb.start()
        lb.wait_for_ipvs({"TCP 10.1.1.1:80 rr": {"172.16.0.9:8080": 1}})


def test_without_keepalived_changes_reach_the_kernel_and_checks_come_back_with_it(lb):
    gate = lb.folder / "gate"
    script = lb.folder / "keepalived"
    script.write_text(f'#!/bin/bash\n[[ -e {gate} ]] || exit 1\nexec keepalived "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    checked(lb, "172.16.0.9")
    lb.start_outside(**{"keepalived.program": script})
    lb.wait_for_ipvs({"TCP 10.1.1.1:80 rr": {"172.16.0.9:8080": 1}})
    checked(lb, "172.16.0.9", "172.16.0.10")
    lb.wait_for_ipvs({"TCP 10.1.1.1:80 rr": {"172.16.0.9:8080": 1, "172.16.0.10:8080": 1}})
    lb.wait_for_log("event=config.put_off")
    assert lb.http("/readyz") == (503, "health checks are not those of the newest decision\n")
    gate.touch()
    lb.wait_for_ipvs({"TCP 10.1.1.1:80 rr": {"172.16.0.9:8080": 0, "172.16.0.10:8080": 0}})
    wait_for("readiness", lambda: lb.http("/readyz")[0] == 200, SOON)


def test_a_sorry_server_of_the_template_is_no_stray(lb):
    template = (ROOT / "templates/keepalived.conf.mustache").read_text(encoding="utf-8")
    own = lb.folder / "own.mustache"
    reals = "    {{#real_servers}}\n"
    own.write_text(template.replace(reals, "    sorry_server 172.16.0.99 8080\n" + reals), encoding="utf-8")
    checked(lb, "172.16.0.9")
    lb.start(**{"keepalived.template": own})
    sorry = {"172.16.0.99:8080": 1}
    lb.wait_for_ipvs({"TCP 10.1.1.1:80 rr": {"172.16.0.9:8080": 0, **sorry}})
    checked(lb, "172.16.0.9", "172.16.0.10")
    lb.wait_for_ipvs({"TCP 10.1.1.1:80 rr": {"172.16.0.9:8080": 0, "172.16.0.10:8080": 0, **sorry}})
    lb.netns.run("ipvsadm", "-A", "-t", "10.9.9.9:80", "-s", "rr")
    lb.wait_for_log("event=kernel.repaired")
    assert weights(lb) == {"172.16.0.9:8080": 0, "172.16.0.10:8080": 0, **sorry}


def test_a_controller_that_was_killed_takes_up_the_table_it_finds(lb):
    put_web(lb)
    lb.put("old", service("old", "10.1.1.7", **RR), endpoints("old", "172.16.0.1"))
    lb.start()
    lb.wait_for_ipvs({**WEB, "TCP 10.1.1.7:80 rr": {"172.16.0.1:8080": 1}})
    lb.process.signal(signal.SIGKILL)
    lb.remove("old")
    lb.put("new", service("new", "10.1.1.8", **RR), endpoints("new", "172.16.0.1"))
    assert "TCP 10.1.1.7:80 rr" in lb.ipvs()
    lb.start()
    lb.wait_for_ipvs({**WEB, "TCP 10.1.1.8:80 rr": {"172.16.0.1:8080": 1}})


def test_it_stops_after_the_sidecar_has(lb):
    put_web(lb)
    lb.start()
    lb.wait_for_ipvs(WEB)
    sock, lines = lb.lifeline()
    said = []
    while not said or not said[-1].get("ready"):
        said.append(json.loads(lines.readline()))
    # What routes have comes before what there is, so that no peer hears of one without it.
    types = [s["type"] for s in said if s["type"] != "alive"]
    assert types[:2] == ["routes", "state"] and set(types[2:]) <= {"routes", "state", "changed"}
    sock.sendall(b'{"type":"announced","prefixes":["10.1.1.1/32"],"sessions":1,"peers":2,"complete":true}\n')
    wait_for("the announcement in status", lambda: lb.status()["sidecar"] == {
        "connected": True, "announced": ["10.1.1.1/32"], "bgpSessions": 1, "bgpPeers": 2, "bgp": []}, SOON)
    lb.wait_for_log("event=keepalived.up")  # else it might add what is in its file when nobody is left to see it
    lb.process.signal(signal.SIGTERM)
    lb.wait_for_log("event=stop.waiting_for_sidecar")
    put_web(lb, "172.16.0.1")  # it still follows changes
    lb.wait_for_ipvs({"TCP 10.1.1.1:80 rr": {"172.16.0.1:8080": 1}})
    lines.close()
    sock.close()
    lb.wait_for_log("event=controller.stopped")
    assert lb.process.stop() == 0
    assert lb.ipvs() == {"TCP 10.1.1.1:80 rr": {"172.16.0.1:8080": 1}}


def test_it_is_not_ready_while_its_sidecar_waits_for_sockets(lb):
    config, run = lb.folder / "kago.yaml", lb.container
    config.write_text(json.dumps({"bgp": {"as": 65021, "peers": [{"address": "10.0.0.1"}]}}), encoding="ascii")
    lb.container = lambda verb, *words: run(verb, "--config", config, *words)
    put_web(lb)
    lb.start()
    lb.wait_for_ipvs(WEB)

    def says(text):
        wait_for(text, lambda: text in lb.http("/readyz")[1], SOON)

    says("the sidecar is not connected")
    sock, lines = lb.lifeline()
    said = {"type": "announced", "prefixes": [], "sessions": 0, "peers": 1, "complete": False}
    sock.sendall(json.dumps({**said, "waits": True}).encode() + b"\n")
    says("the sidecar waits for its sockets on the node: look at the container node-sockets")
    sock.sendall(json.dumps({**said, "waits": False}).encode() + b"\n")
    says("no BGP session is up")
    lines.close()
    sock.close()


def faulty_keepalived(lb, on_hup):
    """A keepalived that does `on_hup` at SIGHUP: `conf` and `child` are its file and the real one."""
    script = lb.folder / "keepalived"
    script.write_text(f"""#!/bin/bash
[[ $1 != --config-test ]] || exec keepalived "$@"
for ((i = 1; i <= $#; i++)); do [[ ${{!i}} != --use-file ]] || {{ i=$((i + 1)); conf=${{!i}}; }}; done
if grep -q 172.16.6.6 "$conf"; then exit 1; fi
keepalived "$@" &
child=$!
trap 'kill $child' EXIT
trap 'exit 0' TERM
trap '{on_hup}' HUP
while kill -0 $child; do wait $child; done
""", encoding="utf-8")
    script.chmod(0o755)
    return {"keepalived.program": script}


def test_a_file_that_kills_keepalived_is_taken_back_and_stays_out(lb):
    put_web(lb)
    lb.start_outside(**faulty_keepalived(lb, 'grep -q 172.16.6.6 "$conf" && exit 1; kill -HUP $child'))
    lb.wait_for_ipvs(WEB)
    lb.wait_for_conf("10.1.1.1")
    lb.put("bad", service("bad", "10.1.1.6", **RR), endpoints("bad", "172.16.6.6"))
    both = {**WEB, "TCP 10.1.1.6:80 rr": {"172.16.6.6:8080": 1}}
    lb.wait_for_ipvs(both)
    lb.wait_for_log("event=config.taken_back .*held_back=")
    lb.wait_for_conf(without=["172.16.6.6"])
    lb.put("new", service("new", "10.1.1.7", **RR), endpoints("new", "172.16.0.7"))
    lb.wait_for_ipvs({**both, "TCP 10.1.1.7:80 rr": {"172.16.0.7:8080": 1}})
    lb.wait_for_conf("10.1.1.7", without=["172.16.6.6"])
    wait_for("keepalived", lambda: lb.status()["keepalived"]["up"], SOON)


def test_a_keepalived_that_hears_nothing_is_restarted_and_nobody_waits_for_it(lb):
    put_web(lb)
    lb.start_outside(**faulty_keepalived(lb, "true"), **{"keepalived.verifyTimeout": "1s"})
    lb.wait_for_ipvs(WEB)
    lb.wait_for_log("event=keepalived.up")
    put_web(lb, "172.16.0.1", "172.16.0.2", "172.16.0.3")
    lb.wait_for_ipvs({"TCP 10.1.1.1:80 rr": {f"172.16.0.{i}:8080": 1 for i in (1, 2, 3)}})
    lb.wait_for_log('event=keepalived.deaf next="it is told again"')
    lb.wait_for_log('event=keepalived.deaf next="it is started anew"')
    wait_for("a second keepalived", lambda: lb.log().count("event=keepalived.up") == 2, SOON)


def test_a_keepalived_that_starts_slowly_is_left_in_peace(lb):
    script = lb.folder / "keepalived"
    script.write_text('#!/bin/bash\n[[ $1 = --config-test ]] || sleep 5\nexec keepalived "$@"\n',
                      encoding="utf-8")
    script.chmod(0o755)
    put_web(lb)
    lb.start_outside(**{"keepalived.program": script, "keepalived.verifyTimeout": "1s"})
    lb.wait_for_ipvs(WEB)
    lb.wait_for_log("event=keepalived.up")
    assert lb.log().count("event=keepalived.started") == 1


def test_of_many_changes_the_last_counts(lb):
    put_web(lb)
    lb.start(**{"keepalived.minReloadGap": "1s"})
    lb.wait_for_ipvs(WEB)
    for i in range(1, 101):
        put_web(lb, f"172.16.0.{i}")
    lb.wait_for_ipvs({"TCP 10.1.1.1:80 rr": {"172.16.0.100:8080": 1}})
    lb.wait_for_conf("172.16.0.100")
    assert lb.status()["keepalived"]["files"] < 20


def test_the_rules_and_sysctls_are_set(lb):
    lb.start()
    lb.wait_for_log("event=kernel.applied")
    # Debian 12's nft would crash on the rules of Debian 13's; test_sources.py sees what they do.
    assert "type nat hook postrouting" in lb.netns.run("nft", "list", "chains").stdout
    assert lb.netns.sysctl("net.ipv4.vs.conntrack") == "1"
    assert lb.netns.sysctl("net.ipv4.ip_forward") == "1"


def test_a_second_controller_of_the_pod_is_refused(lb):
    lb.start()
    lb.wait_for_log("event=kernel.applied")
    second = lb.netns.run(*lb.container("run", "--source", lb.source), check=False)
    assert second.returncode == 1
    assert re.search("event=controller.failed .*Address already in use", second.stderr)
