#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""BGP peers that mean harm, each at an address of its own.

usage: bad_peer.py AS PORT ADDRESS...

The kinds of KINDS take the addresses in turn. A line for each session says how far it came: "KIND WHAT".
"""

import os
import random
import socket
import struct
import sys
import threading
import time

OPEN, UPDATE, NOTIFICATION, KEEPALIVE = 1, 2, 3, 4
HOLD = 9
FLOOD = 100_000
PER_UPDATE = 700  # prefixes in a message, which has 4096 bytes at most
OURS = [("10.1.1.0", 24), ("10.1.1.1", 32), ("0.0.0.0", 0), ("10.0.0.0", 16), ("172.16.0.0", 16)]


def message(kind, body=b""):
    return b"\xff" * 16 + struct.pack("!HB", 19 + len(body), kind) + body


def open_message(as_number, address):
    capabilities = bytes([1, 4, 0, 1, 0, 1, 65, 4]) + struct.pack("!I", as_number)
    options = bytes([2, len(capabilities)]) + capabilities
    return message(OPEN, struct.pack("!BHH", 4, min(as_number, 23456), HOLD) + socket.inet_aton(address)
                   + bytes([len(options)]) + options)


def prefix(address, length):
    return bytes([length]) + socket.inet_aton(address)[:(length + 7) // 8]


def update(prefixes, next_hop):
    attributes = (bytes([0x40, 1, 1, 0]) + bytes([0x40, 2, 0]) + bytes([0x40, 3, 4]) + socket.inet_aton(next_hop)
                  + bytes([0x40, 5, 4, 0, 0, 1, 0]))
    return message(UPDATE, struct.pack("!HH", 0, len(attributes)) + attributes + b"".join(prefixes))


class Session:
    """A connection that somebody has made to us."""

    def __init__(self, sock, as_number, address):
        self.sock, self.as_number, self.address = sock, as_number, address
        self.random = random.Random()

    def read(self):
        """(kind, body) of the next message."""
        head = self.sock.recv(19, socket.MSG_WAITALL)
        if len(head) < 19:
            raise ConnectionError("the end")
        length, kind = struct.unpack("!HB", head[16:])
        return kind, self.sock.recv(length - 19, socket.MSG_WAITALL) if length > 19 else b""

    def establish(self):
        self.sock.sendall(open_message(self.as_number, self.address) + message(KEEPALIVE))
        while self.read()[0] != KEEPALIVE:
            pass

    def stay(self, seconds):
        """Keeps the session as a good peer does."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.sock.sendall(message(KEEPALIVE))
            time.sleep(2)

    # What each kind does with a session.

    def flap(self):
        """Ends it at once, with words."""
        self.establish()
        words = self.random.randbytes(self.random.randrange(128))
        time.sleep(self.random.random())
        self.sock.sendall(message(NOTIFICATION, bytes([6, self.random.randrange(10), len(words)]) + words))
        return "said why"

    def flood(self):
        """Sends more routes than there are Services, our own prefixes among them."""
        self.establish()
        for start in range(0, FLOOD, PER_UPDATE):
            routes = [prefix(f"11.{n >> 16}.{n >> 8 & 255}.{n & 255}", 32) for n in range(start, start + PER_UPDATE)]
            self.sock.sendall(update(routes, self.address))
        self.sock.sendall(update([prefix(*one) for one in OURS], self.address))
        print("flood sent all", flush=True)
        self.stay(60)
        return "stayed"

    def garbage(self):
        """Says what is no BGP."""
        self.sock.sendall(self.random.randbytes(4096))
        return "said nonsense"

    def malformed(self):
        """Is wrong in a message."""
        self.establish()
        body = bytearray(update([prefix("11.0.0.1", 32)], self.address)[19:])
        for _ in range(4):
            body[self.random.randrange(len(body))] = self.random.randrange(256)
        self.sock.sendall(message(self.random.choice([UPDATE, UPDATE, UPDATE, 7, OPEN]), bytes(body)))
        time.sleep(0.5)
        return "was wrong"

    def hang(self):
        """Says nothing at all, or nothing more."""
        if self.random.random() < 0.5:
            self.establish()
        time.sleep(3 * HOLD)
        return "was silent"

    def slam(self):
        """Is gone at once."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return "was gone"


KINDS = ["flap", "flood", "garbage", "malformed", "hang", "slam"]


def talk(sock, kind, *about):
    with sock:
        try:
            said = getattr(Session(sock, *about), kind)()
        except OSError as error:
            said = f"ended: {error}"
    print(kind, said, flush=True)


def listen(kind, as_number, port, address):
    with socket.create_server((address, port)) as server:
        while True:
            threading.Thread(target=talk, args=(server.accept()[0], kind, as_number, address), daemon=True).start()


def main(as_number, port, *addresses):
    for number, address in enumerate(addresses):
        about = KINDS[number % len(KINDS)], int(as_number), int(port), address
        threading.Thread(target=listen, args=about, daemon=True).start()
    while os.getppid() != 1:
        time.sleep(1)


main(*sys.argv[1:])
