#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A server that says its name and then returns what it gets, by TCP and UDP: echo.py NAME PORT."""

import contextlib
import selectors
import socket
import sys

CHUNK = 65536
WAITING_MAX = 4 * CHUNK  # bytes of one connection; more are not read before some are gone


class Peer:
    """A connection and what is on its way back."""

    def __init__(self, server, sock, name):
        self._server, self.sock, self._back = server, sock, bytearray(name + b"\n")
        sock.setblocking(False)
        server.selector.register(sock, selectors.EVENT_READ | selectors.EVENT_WRITE, self.work)

    def work(self, events):
        try:
            if events & selectors.EVENT_READ and not self._read():
                return self._end()
            self._write()
        except OSError:
            return self._end()
        wanted = (selectors.EVENT_READ if len(self._back) < WAITING_MAX else 0) \
            | (selectors.EVENT_WRITE if self._back else 0)
        return self._server.selector.modify(self.sock, wanted, self.work)

    def _read(self):
        with contextlib.suppress(BlockingIOError):
            data = self.sock.recv(CHUNK)
            self._back += data
            return data
        return True

    def _write(self):
        with contextlib.suppress(BlockingIOError):
            del self._back[:self.sock.send(self._back) if self._back else 0]

    def _end(self):
        self._server.selector.unregister(self.sock)
        self.sock.close()


class Server:
    def __init__(self, name, port):
        self.selector = selectors.DefaultSelector()
        self._name = name.encode()
        self._tcp = socket.create_server(("0.0.0.0", port), backlog=4096)
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("0.0.0.0", port))
        for sock, work in ((self._tcp, self._accept), (self._udp, self._answer)):
            sock.setblocking(False)
            self.selector.register(sock, selectors.EVENT_READ, work)

    def _accept(self, _):
        with contextlib.suppress(OSError):
            Peer(self, self._tcp.accept()[0], self._name)

    def _answer(self, _):
        with contextlib.suppress(OSError):
            data, sender = self._udp.recvfrom(CHUNK)
            self._udp.sendto(self._name + b" " + data, sender)

    def serve(self):
        while True:
            for key, events in self.selector.select():
                key.data(events)


if __name__ == "__main__":
    Server(sys.argv[1], int(sys.argv[2])).serve()
