# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/exec.md, against servers that do what the APIs' documentation says; without a cluster."""
import contextlib
import http.server
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).parents[2]
BIN = pathlib.Path(os.environ.get("KAGO_BIN", ROOT / "build/dev/bin"))
NODE, OTHER, NAME = "10.0.0.7", "10.0.0.8", "node-7"
PATIENCE = 60


class Cloud(http.server.ThreadingHTTPServer):
    """Routes as pairs of destination and next hop. What `refusals` has is answered first."""
    daemon_threads = True

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        self.routes, self.refusals, self.actions, self.changes = set(), [], {}, []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *words):
        pass

    def answer(self, code, body, **headers):
        data = json.dumps(body).encode()
        self.send_response(code)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def serve(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "null")
        changes = self.command != "GET" and "tokens" not in self.path
        if changes and self.server.refusals:
            self.answer(self.server.refusals.pop(0), {"error": {"code": "conflict", "message": "try later"}})
        else:
            self.handle_call(body)

    do_GET = do_POST = do_PUT = serve


class Hetzner(Handler):
    def handle_call(self, body):
        cloud = self.server
        if self.headers["Authorization"] != "Bearer t0":
            self.answer(401, {"error": {"code": "unauthorized", "message": "unable to authenticate"}})
        elif self.path == "/networks/4711":
            self.answer(200, {"network": {"routes": [{"destination": d, "gateway": g} for d, g in cloud.routes]}})
        elif self.path.startswith("/actions/"):
            self.answer(200, {"action": {"id": 1, "status": "success", "error": None}})
        elif self.path.startswith("/networks/4711/actions/"):
            self.change(self.path.rsplit("/", 1)[1], (body["destination"], body["gateway"]))
        else:
            self.answer(404, {"error": {"code": "not_found", "message": "no such thing"}})

    def change(self, what, route):
        cloud = self.server
        if (what == "add_route") == any(route[0] == destination for destination, _ in cloud.routes):
            self.answer(422, {"error": {"code": "invalid_input", "message": "there already, or not there"}})
            return
        (cloud.routes.add if what == "add_route" else cloud.routes.remove)(route)
        cloud.changes.append(what)
        self.answer(201, {"action": {"id": 1, "status": "running", "error": None}})


class OpenStack(Handler):
    def handle_call(self, body):
        cloud = self.server
        if self.path == "/v3/auth/tokens":
            secret = body["auth"]["identity"]["application_credential"]
            good = secret == {"id": "app", "secret": "t0"}
            self.answer(201 if good else 401, {"token": {}}, **({"X_Subject_Token": "key"} if good else {}))
        elif self.headers["X-Auth-Token"] != "key":
            self.answer(401, {"error": {"message": "Authentication required"}})
        elif self.path == "/v2.0/routers/r1" and self.command == "GET":
            self.answer(200, {"router": {"routes": [{"destination": d, "nexthop": n} for d, n in cloud.routes]}})
        elif self.path.startswith("/v2.0/routers/r1/") and self.command == "PUT":
            what = self.path.rsplit("/", 1)[1]
            routes = {(route["destination"], route["nexthop"]) for route in body["router"]["routes"]}
            cloud.routes = cloud.routes | routes if what == "add_extraroutes" else cloud.routes - routes
            cloud.changes.append(what)
            self.answer(200, {"router": {"routes": []}})
        else:
            self.answer(404, {"NeutronError": {"message": "no such thing"}})


HANDLERS = {"hetzner-like.py": Hetzner, "openstack-like.py": OpenStack}


class Rig:
    def __init__(self, program, folder):
        self.program, self.folder = ROOT / "docs/exec" / program, folder
        self.cloud = Cloud(HANDLERS[program])
        self.secret = folder / "secret"
        self.secret.write_text("t0\n" if program == "hetzner-like.py" else "app\nt0\n")
        self.environment = {
            "CLOUD_URL": self.cloud.url, "CLOUD_IDENTITY": f"{self.cloud.url}/v3", "CLOUD_NETWORK": "4711",
            "CLOUD_ROUTER": "r1", "CLOUD_TOKEN_FILE": str(self.secret), "CLOUD_SECRET_FILE": str(self.secret)}

    def call(self, *words, told=""):
        return subprocess.run([self.program, *words, NAME], input=told, env={"PATH": "/usr/bin", **self.environment},
                              capture_output=True, text=True, timeout=PATIENCE, check=False)

    def does(self, *words, told=""):
        done = self.call(*words, told=told)
        assert done.returncode == 0, done.stderr
        return self.cloud.routes

    def fails(self, *words, told=""):
        done = self.call(*words, told=told)
        assert done.returncode != 0
        return done.stderr


@pytest.fixture(name="rig", params=HANDLERS)
def fixture_rig(request, tmp_path):
    rig = Rig(request.param, tmp_path)
    threading.Thread(target=rig.cloud.serve_forever, args=[0.02], daemon=True).start()
    yield rig
    rig.cloud.shutdown()
    rig.cloud.server_close()


ONE, TWO = "203.0.113.1/32", "203.0.113.2/32"


def test_a_route_is_added_and_removed_and_both_twice(rig):
    for _ in range(2):
        assert rig.does("add", ONE, NODE) == {(ONE, NODE)}
    for _ in range(2):
        assert rig.does("remove", ONE, NODE) == set()


def test_what_is_not_ours_stays(rig):
    theirs = {(TWO, OTHER), ("10.9.0.0/16", NODE)}
    rig.cloud.routes = set(theirs)
    assert rig.does("remove", TWO, NODE) == theirs
    assert rig.does("sync", NODE) == theirs


def test_all_is_synchronized(rig):
    rig.cloud.routes = {("203.0.113.3/32", NODE), (ONE, NODE), ("203.0.113.4/32", OTHER)}
    wanted = {(ONE, NODE), (TWO, NODE), ("203.0.113.4/32", OTHER)}
    assert rig.does("sync", NODE, told=f"{ONE}\n{TWO}\n") == wanted
    n_changes = len(rig.cloud.changes)
    assert rig.does("sync", NODE, told=f"{ONE}\n{TWO}\n") == wanted
    assert len(rig.cloud.changes) <= n_changes + 1


def test_what_another_pod_of_the_node_serves_is_left_alone(rig):
    rig.cloud.routes = {(TWO, NODE)}
    assert rig.does("sync", NODE, told=f"{ONE}\n{TWO} other\n203.0.113.9/32 other\n") == {(ONE, NODE), (TWO, NODE)}


def test_what_is_refused_fails_and_says_why(rig):
    rig.cloud.refusals = [500]
    assert "HTTP 500" in rig.fails("add", ONE, NODE) and not rig.cloud.routes
    rig.secret.write_text("app\nwrong\n" if rig.program.name == "openstack-like.py" else "wrong\n")
    assert "HTTP 401" in rig.fails("add", ONE, NODE) and not rig.cloud.routes
    with socket.create_server(("127.0.0.1", 0)) as server:
        nobody = f"http://127.0.0.1:{server.getsockname()[1]}"
    rig.environment.update(CLOUD_URL=nobody, CLOUD_IDENTITY=nobody)
    assert "refused" in rig.fails("add", ONE, NODE)


@pytest.mark.parametrize("rig", ["hetzner-like.py"], indirect=True)
def test_a_busy_network_is_waited_for_and_another_gateway_is_left_alone(rig):
    rig.cloud.refusals = [409, 423]
    assert rig.does("add", ONE, NODE) == {(ONE, NODE)}
    assert "another gateway" in rig.fails("add", ONE, OTHER)
    assert rig.does("remove", ONE, OTHER) == {(ONE, NODE)}
    assert "no IPv6" in rig.fails("add", "2001:db8::1/128", "fd00::7")
    assert rig.does("sync", "fd00::7") == rig.does("remove", "2001:db8::1/128", "fd00::7")


@pytest.mark.parametrize("rig", ["openstack-like.py"], indirect=True)
def test_several_next_hops_and_both_families_go_together(rig):
    rig.does("add", ONE, NODE)
    assert rig.does("add", ONE, OTHER) == {(ONE, NODE), (ONE, OTHER)}
    assert rig.does("remove", ONE, OTHER) == {(ONE, NODE)}
    rig.cloud.routes.add(("2001:db8::2/128", "fd00::7"))
    assert rig.does("sync", "fd00::7", told="2001:db8::1/128\n") == {(ONE, NODE), ("2001:db8::1/128", "fd00::7")}


@contextlib.contextmanager
def sidecar(rig):
    """As it is after a restart of its container: without a controller, and so without a VIP."""
    config = rig.folder / "kago.yaml"
    config.write_text(json.dumps({
        "announce": "exec", "control": {"socket": f"kago-test-exec-{os.getpid()}"},
        "exec": {"program": str(rig.program), "environment": sorted(rig.environment)},
        "node": {"podAddress": "127.0.0.1", "nodeAddress": NODE, "grace": "1s", "drain": "1s"}}))
    with open(rig.folder / "log", "w", encoding="ascii") as log, subprocess.Popen(
            [BIN / "kago-sidecar", "run", "--config", config], stdout=log, stderr=log,
            env={"PATH": "/usr/bin", "NODE_NAME": NAME, **rig.environment}) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0


def test_the_sidecar_lets_it_speak_to_the_cloud(rig):
    """Behind its wall, without capabilities, and with the variables that it may have."""
    if not (BIN / "kago-sidecar").exists():
        pytest.skip(f"{BIN} has no kago-sidecar")
    rig.cloud.routes = {(ONE, NODE), (TWO, OTHER)}
    with sidecar(rig):
        end = time.monotonic() + PATIENCE
        while rig.cloud.routes != {(TWO, OTHER)}:
            assert time.monotonic() < end, (rig.folder / "log").read_text()
            time.sleep(0.05)
    assert "event=exec.synced" in (rig.folder / "log").read_text()
