# SPDX-License-Identifier: Apache-2.0
"""The API server as tests speak to it: with the administrator's certificate, in plain HTTP and JSON."""

import base64
import contextlib
import http.client
import json
import ssl
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, urlencode, urlsplit

from net import Failed, run, wait_for

KINDS = {  # kind: (path of its group, plural)
    "Namespace": ("/api/v1", "namespaces"),
    "Service": ("/api/v1", "services"),
    "Pod": ("/api/v1", "pods"),
    "Node": ("/api/v1", "nodes"),
    "Event": ("/api/v1", "events"),
    "ServiceAccount": ("/api/v1", "serviceaccounts"),
    "EndpointSlice": ("/apis/discovery.k8s.io/v1", "endpointslices"),
    "Lease": ("/apis/coordination.k8s.io/v1", "leases"),
    "ClusterRole": ("/apis/rbac.authorization.k8s.io/v1", "clusterroles"),
    "ClusterRoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "clusterrolebindings"),
    "Role": ("/apis/rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "rolebindings"),
}
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"


class ApiError(Failed):
    def __init__(self, status, message):
        super().__init__(f"{status}: {message}")
        self.status = status


class Api:
    """Usable from several threads at once."""

    def __init__(self, kubeconfig):
        view = json.loads(run("kubectl", "--kubeconfig", kubeconfig, "config", "view", "--raw",
                              "-o", "json").stdout)
        cluster, user = view["clusters"][0]["cluster"], view["users"][0]["user"]
        self.server = cluster["server"]
        self.ca_data = cluster["certificate-authority-data"]
        self._host = urlsplit(self.server)
        self._tls = ssl.create_default_context(cadata=base64.b64decode(self.ca_data).decode())
        with tempfile.NamedTemporaryFile("wb") as pem:
            pem.write(base64.b64decode(user["client-certificate-data"]))
            pem.write(base64.b64decode(user["client-key-data"]))
            pem.flush()
            self._tls.load_cert_chain(pem.name)
        self._mine = threading.local()

    def connection(self, timeout=30):
        """A new one."""
        return http.client.HTTPSConnection(self._host.hostname, self._host.port, timeout=timeout,
                                           context=self._tls)

    def call(self, method, path, body=None, kind="application/json"):
        """The answer as JSON."""
        data = None if body is None else json.dumps(body)
        for fresh in (False, True):
            if fresh or not hasattr(self._mine, "connection"):
                self._mine.connection = self.connection()
            try:
                self._mine.connection.request(method, path, data, {"Content-Type": kind})
                answer = self._mine.connection.getresponse()
                text = answer.read()
                break
            except (http.client.HTTPException, OSError):
                self._mine.connection.close()
                if fresh:  # else the server has ended a connection that was idle
                    raise
        document = json.loads(text) if text[:1] == b"{" else {"message": text.decode()}
        if answer.status >= 300:
            raise ApiError(answer.status, document.get("message"))
        return document

    @staticmethod
    def path(kind, ns=None, name=None, sub=None, **query):
        base, plural = KINDS[kind]
        steps = [base, *(["namespaces", ns] if ns else []), plural, *([name] if name else []),
                 *([sub] if sub else [])]
        return "/".join(map(lambda s: quote(s, safe="/"), steps)) + ("?" + urlencode(query) if query else "")

    def create(self, o):
        return self.call("POST", self.path(o["kind"], o["metadata"].get("namespace")), o)

    def ensure(self, o):
        with contextlib.suppress(ApiError):
            self.create(o)

    def get(self, kind, ns, name):
        return self.call("GET", self.path(kind, ns, name))

    def list(self, kind, ns=None, **query):
        return self.call("GET", self.path(kind, ns, **query))["items"]

    def patch(self, kind, ns, name, change, sub=None, how=MERGE):
        return self.call("PATCH", self.path(kind, ns, name, sub), change, how)

    def delete(self, kind, ns, name, grace=None):
        options = {} if grace is None else {"gracePeriodSeconds": grace}
        return self.call("DELETE", self.path(kind, ns, name), options)

    def at_once(self, objects, threads=8):
        """Creates many objects in parallel."""
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(self.create, objects))

    def is_ready(self):
        try:
            connection = self.connection(2)
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False

    def token(self, ns, account):
        """A token of a service account, as its pods have it."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                "spec": {"expirationSeconds": 7200}}
        return self.call("POST", self.path("ServiceAccount", ns, account, "token"), body)["status"]["token"]


class Watch:
    """All that a bare watch of Services sees from now on, with the moment it saw it."""

    def __init__(self, api, ns, kind="Service"):
        version = api.call("GET", api.path(kind, ns, limit=1))["metadata"]["resourceVersion"]
        self._connection = api.connection(None)
        self._connection.request("GET", api.path(kind, ns, watch=1, resourceVersion=version))
        self._lines = self._connection.getresponse()
        self._changed = threading.Condition()
        self.seen = []  # (time.monotonic(), type, object)
        threading.Thread(target=self._follow, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._connection.sock.shutdown(2)

    def _follow(self):
        with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            for line in self._lines:
                now, event = time.monotonic(), json.loads(line)
                with self._changed:
                    self.seen.append((now, event["type"], event["object"]))
                    self._changed.notify_all()

    def wait_for(self, what, condition, timeout=30):
        """The moment of the first change that the condition holds for, and its object."""
        def found():
            return next(((at, o) for at, _, o in self.seen if condition(o)), None)

        with self._changed:
            if not self._changed.wait_for(found, timeout):
                raise Failed(f"{what}: not within {timeout} s; seen: {self.seen[-3:]}")
            return found()

    def histories(self):
        """{name: [its addresses whenever they changed]}"""
        result = {}
        with self._changed:
            for _, _, o in self.seen:
                history = result.setdefault(o["metadata"]["name"], [])
                if history[-1:] != [addresses(o)]:
                    history.append(addresses(o))
        return result


def addresses(service):
    """The addresses in its status."""
    return [i["ip"] for i in service.get("status", {}).get("loadBalancer", {}).get("ingress", [])]


def conditions(service):
    """{"Accepted": {...}} of those that are kago's."""
    return {c["type"].removeprefix("kago.dev/"): c for c in service["status"].get("conditions", [])
            if c["type"].startswith("kago.dev/")}


def await_ready(api, timeout=60):
    wait_for("the API server", api.is_ready, timeout, 0.1)
