# SPDX-License-Identifier: Apache-2.0
"""Requests from a client, while something happens to the load balancers."""

import collections
import http.client
import threading
import time

TIMEOUT = 5  # seconds until a request counts as failed


class Connection:
    """An HTTP connection that stays open."""

    def __init__(self, netns, vip, port=80, source=None):
        self._http = http.client.HTTPConnection(vip, port, timeout=TIMEOUT,
                                                source_address=(source, 0) if source else None)
        with netns.entered():
            self._http.connect()
        self._http.auto_open = 0

    def get(self):
        """The name of the pod that answers."""
        self._http.request("GET", "/")
        return self._http.getresponse().read().decode().strip()

    def close(self):
        self._http.close()


def get(netns, vip, port=80, source=None):
    """One request on a connection of its own: the name of the pod that answers."""
    connection = Connection(netns, vip, port, source)
    try:
        return connection.get()
    finally:
        connection.close()


def spread(netns, vip, count):
    """{pod: answers} of so many requests."""
    return collections.Counter(get(netns, vip) for _ in range(count))


class Traffic:
    """In a `with`: requests all the time, each on a connection of its own.

    A request whose connection breaks is sent a second time, as browsers and HTTP libraries do (RFC
    9110, 9.2.2); only if that fails, too, it counts as failed.
    """

    WORKERS = 2

    def __init__(self, netns, vip, pause=0.02):
        self._netns, self._vip, self._pause = netns, vip, pause
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._work) for _ in range(self.WORKERS)]
        self.answers = collections.Counter()
        self.history = []  # (time.monotonic() of the request, pod that answered)
        self.repeated, self.failed = [], []  # (seconds since 1970, name of the exception)
        self.slowest = 0.0

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        for thread in self._threads:
            thread.join()

    def count(self):
        return sum(self.answers.values()) + len(self.failed)

    def _work(self):
        while not self._end.wait(self._pause):
            start = time.monotonic()
            self._request()
            self.slowest = max(self.slowest, time.monotonic() - start)

    def _request(self):
        for errors in (self.repeated, self.failed):
            try:
                start = time.monotonic()
                pod = get(self._netns, self._vip)
                self.answers[pod] += 1
                self.history.append((start, pod))
                return
            except (OSError, http.client.HTTPException) as error:
                errors.append((time.time(), type(error).__name__))

    def __str__(self):
        pods = ", ".join(f"{pod} {n}" for pod, n in sorted(self.answers.items()))
        why = ", ".join(sorted({name for _, name in self.repeated}))
        return (f"{self.count()} requests: {len(self.failed)} failed, {len(self.repeated)} repeated"
                f"{f' ({why})' if why else ''}, slowest {self.slowest * 1000:.0f} ms; {pods}")
