#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
exec.program of kago (docs/exec.md) for an API such as that of Hetzner Cloud's networks: a route of a network has one
gateway, the address of a server in it, and changes of a network come one after the other.

CLOUD_URL         the API, such as https://api.hetzner.cloud/v1
CLOUD_NETWORK     the network's number
CLOUD_TOKEN_FILE  a file with the API token
"""
import json
import os
import sys
import time
import urllib.error
import urllib.request

PATIENCE = 20  # seconds for a busy network, and for a change to come about; less than exec.timeout
PAUSE = 0.5


class Cloud:
    def __init__(self):
        self.url = os.environ["CLOUD_URL"].rstrip("/")
        self.network = f"/networks/{int(os.environ['CLOUD_NETWORK'])}"
        with open(os.environ["CLOUD_TOKEN_FILE"], encoding="ascii") as file:
            self.token = file.read().strip()
        self.end = time.monotonic() + PATIENCE

    def pause(self, why):
        if time.monotonic() > self.end:
            sys.exit(why)
        time.sleep(PAUSE)

    def ask(self, path, body=None):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def ask_while_busy(self, path, body):
        while True:
            try:
                return self.ask(path, body)
            except urllib.error.HTTPError as e:
                if e.code not in (409, 423):
                    raise
                self.pause(f"the network is busy: HTTP {e.code}")

    def routes(self):
        """Gateways by destination."""
        network = self.ask(self.network)["network"]
        return {route["destination"]: route["gateway"] for route in network["routes"]}

    def change(self, what, destination, gateway):
        body = {"destination": destination, "gateway": gateway}
        action = self.ask_while_busy(f"{self.network}/actions/{what}", body)["action"]
        while action["status"] == "running":
            self.pause(f"{what} {destination} is still running")
            action = self.ask(f"/actions/{action['id']}")["action"]
        if action["status"] != "success":
            sys.exit(f"{what} {destination}: {action['error']['message']}")
        print(what, destination, gateway)

    def add(self, vip, node):
        gateway = self.routes().get(vip)
        if gateway is None:
            self.change("add_route", vip, node)
        elif gateway != node:
            sys.exit(f"{vip} has another gateway, {gateway}")

    def remove(self, vip, node):
        """Only our own."""
        if self.routes().get(vip) == node:
            self.change("delete_route", vip, node)


def read_vips():
    """Those that are served here; and those that another pod of this node serves, by the same route."""
    lines = [line.split() for line in sys.stdin]
    return [words[0] for words in lines if len(words) == 1], [words[0] for words in lines if words[1:] == ["other"]]


def main(call, *words):
    ours, others = read_vips() if call == "sync" else ([], [])
    if ":" in words[-2]:
        # Its networks have IPv4 alone; with nothing to tell, all is done.
        sys.exit("no IPv6 here" if call == "add" or ours else 0)
    cloud = Cloud()
    if call != "sync":
        vip, node, _ = words
        (cloud.add if call == "add" else cloud.remove)(vip, node)
        return
    node, _ = words
    for vip, gateway in cloud.routes().items():
        # A route of a single address is one of kago's; others to this node are somebody else's.
        if gateway == node and vip.endswith("/32") and vip not in ours + others:
            cloud.remove(vip, node)
    for vip in ours:
        cloud.add(vip, node)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except urllib.error.HTTPError as error:
        sys.exit(f"{error.url}: HTTP {error.code}: {error.read(500).decode('ascii', 'replace')}")
    except OSError as error:
        sys.exit(f"{error}")
