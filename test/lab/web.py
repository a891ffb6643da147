#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A web pod: answers every HTTP request with its name and keeps the connection open if asked to.

usage: web.py NAME PORT
"""

import selectors
import socket
import sys

END_OF_REQUEST = b"\r\n\r\n"


def answer(name, request):
    """The response to one request, and whether the connection stays open after it."""
    stays = b"connection: close" not in request.lower()
    body = name.encode() + b"\n"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n" % len(body)
    return head + (b"\r\n" if stays else b"Connection: close\r\n\r\n") + body, stays


def serve(name, connection, buffer):
    """Answers what has arrived; False once the connection is over."""
    try:
        data = connection.recv(4096)
        buffer += data
        while data and END_OF_REQUEST in buffer:
            request, _, rest = bytes(buffer).partition(END_OF_REQUEST)
            buffer[:] = rest
            response, stays = answer(name, request)
            connection.sendall(response)
            if not stays:
                return False
        return bool(data)
    except OSError:
        return False


def main():
    name, port = sys.argv[1], int(sys.argv[2])
    selector = selectors.DefaultSelector()
    listener = socket.create_server(("", port), backlog=512)
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                connection, _ = listener.accept()
                connection.settimeout(5)
                selector.register(connection, selectors.EVENT_READ, bytearray())
            elif not serve(name, key.fileobj, key.data):
                selector.unregister(key.fileobj)
                key.fileobj.close()


main()
