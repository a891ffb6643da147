# SPDX-License-Identifier: Apache-2.0
"""A small Kubernetes API server that misbehaves as a test tells it to, for faults that a real one won't produce.

It keeps objects, numbers their changes, lists, streams and takes writes, over TLS and HTTP/1.1. `script` says what
becomes of the next requests of a kind; `send`, `reset` and `end` do something to the streams that are open now. It
knows field selectors, but none of labels, and checks no object, for it is the client that is under test.
"""

import collections
import contextlib
import copy
import http.server
import json
import re
import select
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
from urllib.parse import parse_qsl, urlsplit

PATH = re.compile(r"/(?P<api>api/v1|apis/[^/]+/[^/]+)(?:/namespaces/(?P<ns>[^/]+))?"
                  r"/(?P<resource>[a-z]+)(?:/(?P<name>[^/]+))?(?:/(?P<part>[a-z]+))?$")
KINDS = {"Service": "services", "EndpointSlice": "endpointslices", "Lease": "leases", "Event": "events"}
INITIAL_EVENTS_END = "k8s.io/initial-events-end"


def make_certificates(folder, *names, key=("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"), usage=None):
    """A CA and a certificate of it for the names ("IP:127.0.0.1"); the paths of CA, certificate and key."""
    ca, ca_key, cert, its_key = (str(folder / name) for name in ("ca.crt", "ca.key", "server.crt", "server.key"))
    new = ["openssl", "req", "-x509", "-days", "2", "-nodes", "-newkey", *key]
    for command in ([*new, "-subj", f"/CN=ca-of-{names[0]}", "-keyout", ca_key, "-out", ca],
                    [*new, "-subj", "/CN=api", "-keyout", its_key, "-out", cert, "-CA", ca, "-CAkey", ca_key,
                     "-addext", "subjectAltName=" + ",".join(names), "-addext", "basicConstraints=critical,CA:false",
                     *(["-addext", f"keyUsage={usage}"] if usage else [])]):
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    return ca, cert, its_key


def make_system_cas(folder, ca):
    """Makes the folder such as /etc/ssl/certs, with this CA alone: read as one file, all files, or by hash."""
    folder.mkdir()
    for name in ("ca-certificates.crt", "ca.pem"):
        shutil.copy(ca, folder / name)
    subprocess.run(["openssl", "rehash", folder], check=True, capture_output=True, timeout=60)
    return folder


# What can become of a request: functions that take its handler.

def answer(status, message="as the test wants it", **headers):
    """A Status object instead of what was asked for; Retry_After="2" is a header."""
    return lambda handler: handler.answer_status(status, message, headers)


def body(data, status=200):
    """These bytes instead of what was asked for."""
    return lambda handler: handler.answer(status, data)


def hang(handler):
    """No answer until the client gives up."""
    handler.wait_for_client()


def reset(handler):
    """RST instead of an answer."""
    handler.reset()


def headers_only(handler):
    """The head of a stream, and then silence until the client gives up."""
    handler.begin_stream()
    handler.wait_for_client()


def cut(after):
    """The right answer, but an RST when `after` bytes of its body were sent."""
    def behave(handler):
        handler.left = after
        handler.serve()
    return behave


Request = collections.namedtuple("Request", "time method path resource verb token")


class FakeApi:
    """The server; a context manager, within which it listens on a port of its address."""

    def __init__(self, certificate, key):
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate, key)
        self._server = self._thread = None
        self.address, self.port = "127.0.0.1", 0
        self.changed = threading.Condition(threading.RLock())
        self.version = 1000
        self.forgotten = 0  # changes up to this version cannot be watched any more
        self.objects = collections.defaultdict(dict)  # resource -> (namespace, name) -> object
        self.log = []  # (version, resource, type, object)
        self.pages = {}  # continue token -> (version, the items that are left)
        self.scripts = collections.defaultdict(collections.deque)  # (resource, verb) -> behaviours
        self.requests = []
        self.handlers = set()
        self.tokens = None  # those that are let in; None: anybody
        self.chunk = self.write = None  # bytes of a chunk, and of a write to the socket; None: all at once
        self.pause = 0  # seconds between two writes
        self.page_size = None  # the most items of a page, whatever the client asks for
        self.heartbeat = None  # seconds after which a stream without news has a bookmark; None: never

    # What a test does.

    def put(self, thing):
        """Creates or replaces an object."""
        with self.changed:
            resource = KINDS[thing["kind"]]
            key = thing["metadata"].get("namespace", ""), thing["metadata"]["name"]
            known = key in self.objects[resource]
            return self._store(resource, key, "MODIFIED" if known else "ADDED", copy.deepcopy(thing))

    def delete(self, resource, ns, name):
        with self.changed:
            return self._store(resource, (ns, name), "DELETED", self.objects[resource].pop((ns, name)))

    def get(self, resource, ns, name):
        with self.changed:
            return copy.deepcopy(self.objects[resource][ns, name])

    def all(self, resource):
        with self.changed:
            return [copy.deepcopy(thing) for _, thing in sorted(self.objects[resource].items())]

    def script(self, resource, verb, *behaviours):
        """What becomes of the next requests: verb is list, stream (a streamed list), watch, get, create, ..."""
        with self.changed:
            self.scripts[resource, verb].extend(behaviours)

    def scripted(self, resource, verb):
        """How much of a script has not been used."""
        with self.changed:
            return len(self.scripts[resource, verb])

    def send(self, resource, data):
        """Puts raw bytes, or an event ("ADDED", object), into the open streams; how many there were."""
        if not isinstance(data, bytes):
            data = event(*data)
        with self.changed:
            streams = self.streams(resource)
            for handler in streams:
                handler.inbox.append(data)
            self.changed.notify_all()
            return len(streams)

    def reset(self, resource):
        """Ends the open streams by RST."""
        return self._end(resource, True)

    def end(self, resource):
        """Ends the open streams as a server does when their time is over."""
        return self._end(resource, False)

    def forget(self):
        """What was before now cannot be watched any more: 410."""
        with self.changed:
            self.forgotten = self.version

    def streams(self, resource):
        with self.changed:
            return [h for h in self.handlers if h.streams == resource]

    def count(self, since=0.0, **wanted):
        """How many requests there were, for example count(resource="services", verb="watch")."""
        with self.changed:
            return sum(r.time >= since and all(getattr(r, k) == v for k, v in wanted.items())
                       for r in self.requests)

    def down(self):
        """Nothing listens any more, and all connections are reset."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        with self.changed:
            for handler in self.handlers:
                handler.wants_reset = True
            self.changed.notify_all()
            if not self.changed.wait_for(lambda: not self.handlers, 10):
                raise TimeoutError("connections that do not end")

    def up(self):
        """Listens, on the same port as before."""
        self._server = _Server((self.address, self.port), _Handler, self, self._tls)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def __enter__(self):
        self.up()
        return self

    def __exit__(self, *_):
        self.down()

    # What the handlers use.

    def _end(self, resource, by_reset):
        with self.changed:
            streams = self.streams(resource)
            for handler in streams:
                handler.wants_reset, handler.wants_end = by_reset, True
            self.changed.notify_all()
            return len(streams)

    def _store(self, resource, key, kind, thing):
        self.version += 1
        thing["metadata"]["resourceVersion"] = str(self.version)
        thing["metadata"].setdefault("uid", f"uid-{self.version}")
        if kind != "DELETED":
            self.objects[resource][key] = thing
        self.log.append((self.version, resource, kind, copy.deepcopy(thing)))
        self.changed.notify_all()
        return thing

    def next_behaviour(self, request):
        with self.changed:
            self.requests.append(request)
            if self.tokens is not None and request.token not in self.tokens:
                return answer(401, "Unauthorized")
            script = self.scripts[request.resource, request.verb]
            return script.popleft() if script else None

    def create(self, resource, key, thing):
        with self.changed:
            if key in self.objects[resource]:
                return 409, status_of(409, f'{resource} "{key[1]}" already exists')
            return 201, self._store(resource, key, "ADDED", thing)

    def change(self, resource, key, thing, merge):
        """PUT or PATCH; a resourceVersion in `thing` must be that of the object."""
        with self.changed:
            old = self.objects[resource].get(key)
            if not old:
                return 404, status_of(404, f'{resource} "{key[1]}" not found')
            if thing["metadata"].get("resourceVersion", "") not in ("", old["metadata"]["resourceVersion"]):
                return 409, status_of(409, "the object has been modified")
            new = merged(old, thing) if merge else thing
            new["metadata"]["uid"] = old["metadata"]["uid"]
            if new == old:
                return 200, old
            return 200, self._store(resource, key, "MODIFIED", new)

    def remove(self, resource, key):
        with self.changed:
            if key not in self.objects[resource]:
                return 404, status_of(404, f'{resource} "{key[1]}" not found')
            return 200, self.delete(resource, *key)


def status_of(code, message):
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message}


def event(kind, thing):
    """A line of a stream."""
    return json.dumps({"type": kind, "object": thing}, separators=(",", ":")).encode() + b"\n"


def selected(selector, thing):
    """Whether a fieldSelector of one term, or none, selects an object."""
    path, unequal, value = re.fullmatch(r"([^!=]*)(!?)=?=?(.*)", selector).groups()
    for step in filter(None, path.split(".")):
        thing = thing.get(step, {})
    return not path or (thing == value) != bool(unequal)


def merged(old, new):
    """As far as applying a status needs it: objects member by member, conditions by their type, else replaced."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: merged(old.get(key), value) for key, value in new.items()}}
    if isinstance(old, list) and isinstance(new, list) and all(isinstance(x, dict) and "type" in x for x in old + new):
        return list({x["type"]: x for x in old + new}.values())
    return new


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 100

    def __init__(self, address, handler, api, tls):
        self.api, self.tls = api, tls
        super().__init__(address, handler)

    def handle_error(self, request, client_address):
        pass  # clients that break off are what this is for

    def shutdown_request(self, request):
        pass  # the handler closes its connection, in one way or another


class _Handler(http.server.BaseHTTPRequestHandler):
    """A connection."""

    protocol_version = "HTTP/1.1"
    streams = None  # the resource of the stream that is being sent

    def setup(self):
        self.api = self.server.api
        self.inbox = collections.deque()
        self.wants_reset = self.wants_end = False
        self.left = None  # bytes of a body until the connection is to be reset
        self.request.settimeout(30)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.api.changed:
            self.api.handlers.add(self)
        try:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        except (OSError, ssl.SSLError):
            self.forget()
            raise
        super().setup()

    def forget(self):
        with self.api.changed:
            self.api.handlers.discard(self)
            self.api.changed.notify_all()
        if self.wants_reset:
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.request.close()

    def finish(self):
        with contextlib.suppress(OSError):
            super().finish()
        self.forget()

    def handle_one_request(self):
        while not self.readable(0.05):
            if self.wants_reset:
                self.close_connection = True
                return
        super().handle_one_request()

    def readable(self, timeout):
        """Whether there is something to read, if only the end."""
        return bool(self.connection.pending() or select.select([self.connection], [], [], timeout)[0])

    def log_message(self, *_):
        pass

    def do_any(self):
        url = urlsplit(self.path)
        self.query = dict(parse_qsl(url.query))
        self.match = PATH.match(url.path)
        length = int(self.headers.get("Content-Length", 0))
        self.document = json.loads(self.rfile.read(length)) if length else None
        resource = self.match["resource"] if self.match else url.path
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        request = Request(time.monotonic(), self.command, self.path, resource, self.verb(), token)
        behave = self.api.next_behaviour(request)
        if behave:
            behave(self)
        else:
            self.serve()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_any

    def verb(self):
        if self.command != "GET":
            return {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}[self.command]
        if self.query.get("watch") in ("1", "true"):
            return "stream" if self.query.get("sendInitialEvents") == "true" else "watch"
        return "get" if self.match and self.match["name"] else "list"

    # Answers.

    def serve(self):
        """What was asked for."""
        if not self.match:
            self.serve_version()
        elif self.command != "GET":
            self.answer_json(*self.serve_write())
        elif self.match["name"]:
            thing = self.api.objects[self.match["resource"]].get((self.match["ns"] or "", self.match["name"]))
            self.answer_json(*((200, thing) if thing else (404, status_of(404, "not found"))))
        elif self.query.get("watch") in ("1", "true"):
            self.serve_stream()
        else:
            self.serve_list()

    def serve_version(self):
        if self.path == "/version":
            self.answer_json(200, {"major": "1", "minor": "36", "gitVersion": "v1.36.3"})
        else:
            self.answer_status(404, "the server could not find the requested resource", {})

    def serve_write(self):
        resource, thing = self.match["resource"], self.document
        name = self.match["name"] or thing["metadata"].get("name") or f"generated-{self.api.version}"
        key = self.match["ns"] or "", name
        if self.command == "DELETE":
            return self.api.remove(resource, key)
        thing["metadata"]["name"] = name
        if self.command == "POST":
            return self.api.create(resource, key, thing)
        return self.api.change(resource, key, thing, merge=self.command == "PATCH")

    def all(self):
        selector = self.query.get("fieldSelector", "")
        return [thing for thing in self.api.all(self.match["resource"]) if selected(selector, thing)]

    def serve_list(self):
        with self.api.changed:
            version, items = self.api.pages.pop(self.query.get("continue", ""), (None, None))
            if items is None:
                version, items = self.api.version, self.all()
            limit = self.api.page_size or int(self.query.get("limit", 0)) or len(items)
            meta = {"resourceVersion": str(version)}
            if items[limit:]:
                meta["continue"] = f"token-{len(self.api.requests)}+/="
                self.api.pages[meta["continue"]] = version, items[limit:]
        self.answer_json(200, {"kind": "List", "apiVersion": "v1", "metadata": meta, "items": items[:limit]})

    def answer_json(self, status, thing):
        self.answer(status, json.dumps(thing).encode())

    def answer_status(self, status, message, headers):
        self.answer(status, json.dumps(status_of(status, message)).encode(), headers)

    def answer(self, status, data, headers=None):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.emit(data, lambda piece: piece)

    def reset(self):
        self.wants_reset = self.close_connection = True

    def emit(self, data, frame):
        """Sends a piece of a body, cut as the test wants it."""
        data = data if self.left is None else data[:self.left]
        step = self.api.chunk or len(data) or 1
        wire = b"".join(frame(data[at:at + step]) for at in range(0, len(data), step))
        step = self.api.write or len(wire) or 1
        for at in range(0, len(wire), step):
            self.wfile.write(wire[at:at + step])
            if self.api.pause:
                time.sleep(self.api.pause)
        if self.left is not None:
            self.left -= len(data)
            if self.left == 0:
                self.reset()
                raise ConnectionResetError

    # Streams.

    def begin_stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def emit_chunk(self, data):
        self.emit(data, lambda piece: b"%x\r\n%s\r\n" % (len(piece), piece))

    def wait_for_client(self):
        """Until the client ends the connection, or the test does."""
        while not self.wants_reset and not self.wants_end and not self.readable(0.05):
            pass
        self.close_connection = True

    def initial_events(self):
        with self.api.changed:
            version = self.api.version
            lines = [event("ADDED", thing) for thing in self.all()]
        return version, b"".join(lines) + bookmark(version, {INITIAL_EVENTS_END: "true"})

    def serve_stream(self):
        end = time.monotonic() + float(self.query.get("timeoutSeconds", 1800))
        version, data = int(self.query.get("resourceVersion") or 0), b""
        if self.query.get("sendInitialEvents") == "true":
            version, data = self.initial_events()
        elif version < self.api.forgotten:
            data, end = event("ERROR", status_of(410, "too old resource version")), 0
        self.begin_stream()
        if data:
            self.emit_chunk(data)
        self.streams = self.match["resource"]
        try:
            self.follow(version, end)
        finally:
            self.streams = None

    def follow(self, version, end):
        """Sends what changes after `version`."""
        news, selector = time.monotonic(), self.query.get("fieldSelector", "")
        while True:
            with self.api.changed:
                lines = [event(kind, thing) for at, resource, kind, thing in self.api.log
                         if at > version and resource == self.streams and selected(selector, thing)]
                version = self.api.version
                data = b"".join([*lines, *self.inbox])
                self.inbox.clear()
                if not data and not self.wants_end and not self.wants_reset:
                    self.api.changed.wait(0.05)
            if not data and self.api.heartbeat and time.monotonic() > news + self.api.heartbeat:
                data = bookmark(version)
            if data:
                self.emit_chunk(data)
                news = time.monotonic()
            elif self.wants_reset or self.readable(0):
                self.close_connection = True
                return
            elif self.wants_end or time.monotonic() > end:
                self.wants_end = False
                self.wfile.write(b"0\r\n\r\n")
                return


def bookmark(version, annotations=None):
    meta = {"resourceVersion": str(version), "annotations": annotations or {}}
    return event("BOOKMARK", {"kind": "Service", "apiVersion": "v1", "metadata": meta})
