#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Many long connections that check what comes back: flows.py VIP PORT TCP_FLOWS UDP_FLOWS.

The other end is echo.py. Each flow sends something now and then and waits for all of it to come back: most of them
a few bytes each second, some a quarter of a megabyte, some nothing unless asked. For each line on stdin, all flows are
asked; what became of them since the line before is one line of JSON on stdout. Who broke is made anew.
"""

import collections
import json
import os
import selectors
import socket
import sys
import time

SMALL, LARGE = 64, 256 * 1024
PAUSE = 1.0
GIVE_UP = 20.0  # s without a byte: it is lost
UDP_GIVE_UP = 2.0
CONNECTS = 40  # that are under way at a time
CHUNK = 65536


class Tally:
    """What happened since the last report."""

    def __init__(self):
        self.broken = collections.Counter()  # by why
        self.messages = self.bytes = self.corrupt = self.udp_lost = self.udp_moved = 0
        self.stall = 0.0

    def report(self, n_flows):
        return {"flows": n_flows, "broken": sum(self.broken.values()), "why": self.broken, "corrupt": self.corrupt,
                "messages": self.messages, "bytes": self.bytes, "stall_ms": round(self.stall * 1000),
                "udp_lost": self.udp_lost, "udp_moved": self.udp_moved}


class Flow:
    """A connection; `until` is when it is to be looked at if nothing happens before."""

    def __init__(self, client, number):
        self.client = client
        self.size = LARGE if number % 20 == 7 else SMALL
        self.is_idle = number % 4 == 1
        self.sock = None
        self.asked = False  # and has not answered since
        self._reset()
        self.until = time.monotonic()

    def _reset(self):
        self.home = None  # who is at the other end
        self._text = self._rest = b""  # what is to come back; what of it is still to be sent
        self._got = 0
        self._progress = 0.0

    @property
    def is_open(self):
        return self.home is not None

    @property
    def is_busy(self):
        return self.sock is not None and (not self.is_open or self._got < len(self._text))

    def ask(self):
        self.asked = True
        if not self.is_busy:
            self.until = 0.0

    def wake(self, now):
        if self.sock is None:
            self._connect(now)
        elif self.is_busy:
            self._fail("silent")
        else:
            self._send(now)

    def _connect(self, now):
        self._reset()
        self._progress, self.until = now, now + GIVE_UP
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sock.setblocking(False)
        self.sock.connect_ex(self.client.peer)
        self.client.selector.register(self.sock, selectors.EVENT_READ, self)

    def _send(self, now):
        self._text = self._rest = os.urandom(self.size)
        self._got = 0
        self._progress, self.until = now, now + GIVE_UP
        self._push()

    def _push(self):
        try:
            self._rest = self._rest[self.sock.send(self._rest):]
        except BlockingIOError:
            pass
        except OSError as error:
            self._fail(type(error).__name__)
            return
        self.client.selector.modify(
            self.sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if self._rest else 0), self)

    def work(self, events, now):
        if events & selectors.EVENT_WRITE:
            self._push()
        if self.sock is None or not events & selectors.EVENT_READ:
            return
        try:
            data = self.sock.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(type(error).__name__)
            return
        if not data:
            self._fail("closed")
            return
        tally = self.client.tally
        if self.is_open:
            tally.stall = max(tally.stall, now - self._progress)
        self._progress, self.until = now, now + GIVE_UP
        self._take(data, now)

    def _take(self, data, now):
        if not self.is_open:
            self.home = data
        elif data != self._text[self._got:self._got + len(data)]:
            self.client.tally.corrupt += 1
            self._fail("corrupt")
            return
        else:
            self._got += len(data)
            self.client.tally.bytes += len(data)
            if self._got < len(self._text):
                return
            self.client.tally.messages += 1
            self.asked = False
        self.until = now if self.asked else float("inf") if self.is_idle else now + PAUSE

    def _fail(self, why):
        self.client.selector.unregister(self.sock)
        self.sock.close()
        self.sock = None
        self.client.tally.broken[why if self.is_open else "not opened"] += 1
        self.until = time.monotonic() + PAUSE


class Datagrams:
    """The same by UDP: each second one, which is answered or lost."""

    def __init__(self, client):
        self.client, self.home, self.asked, self._sent = client, None, False, None
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.connect(client.peer)
        client.selector.register(self.sock, selectors.EVENT_READ, self)
        self.until = time.monotonic()

    is_open = True

    @property
    def is_busy(self):
        return self._sent is not None

    def ask(self):
        self.asked = True

    def wake(self, now):
        if self.is_busy:
            self.client.tally.udp_lost += 1
            self._sent = None
        self._sent = os.urandom(SMALL)
        self.until = now + UDP_GIVE_UP
        try:
            self.sock.send(self._sent)
        except OSError:
            pass

    def work(self, _, now):
        try:
            home, _, text = self.sock.recv(CHUNK).partition(b" ")
        except OSError:
            return
        if text != self._sent:
            return
        self.client.tally.udp_moved += self.home not in (None, home)
        self.client.tally.messages += 1
        self.home, self._sent, self.asked, self.until = home, None, False, now + PAUSE


class Client:
    def __init__(self, vip, port, n_tcp, n_udp):
        self.peer = (vip, port)
        self.selector = selectors.DefaultSelector()
        self.tally = Tally()
        self.flows = [Flow(self, i) for i in range(n_tcp)] + [Datagrams(self) for _ in range(n_udp)]
        self.selector.register(sys.stdin, selectors.EVENT_READ)
        self._reporting = False

    def _wake(self, now):
        connecting = sum(f.sock is not None and not f.is_open for f in self.flows)
        for flow in self.flows:
            if flow.until > now:
                continue
            if flow.sock is None:
                connecting += 1
                if connecting > CONNECTS:
                    continue
            flow.wake(now)

    def _begin_report(self):
        """False at the end of stdin."""
        if not sys.stdin.readline():
            return False
        self._reporting = True
        for flow in self.flows:
            flow.ask()
        return True

    def _end_report(self):
        print(json.dumps(self.tally.report(len(self.flows))), flush=True)
        self.tally, self._reporting = Tally(), False

    def run(self):
        next_wake = 0.0
        while True:
            for key, events in self.selector.select(0.02):
                if key.data:
                    key.data.work(events, time.monotonic())
                elif not self._begin_report():
                    return
            now = time.monotonic()
            if now >= next_wake:
                next_wake = now + 0.02
                self._wake(now)
                if self._reporting and not any(f.asked for f in self.flows):
                    self._end_report()


if __name__ == "__main__":
    Client(sys.argv[1], *map(int, sys.argv[2:5])).run()
