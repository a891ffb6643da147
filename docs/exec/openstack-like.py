#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
exec.program of kago (docs/exec.md) for an API such as OpenStack's: Neutron's extra routes of a router, which are added
and removed one by one and not as a list (extension extraroute-atomic), with a token of Keystone's for each call.

CLOUD_IDENTITY     Keystone, such as https://cloud.example.com:5000/v3
CLOUD_URL          Neutron, such as https://cloud.example.com:9696
CLOUD_ROUTER       the router's ID
CLOUD_SECRET_FILE  a file with the ID of an application credential, and its secret, in one line each
"""
import json
import os
import sys
import urllib.error
import urllib.request


def ask(url, method, token=None, body=None):
    headers = {"Content-Type": "application/json", **({"X-Auth-Token": token} if token else {})}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.headers, json.load(answer)


def log_in():
    with open(os.environ["CLOUD_SECRET_FILE"], encoding="ascii") as file:
        name, secret = file.read().split()
    identity = {"methods": ["application_credential"], "application_credential": {"id": name, "secret": secret}}
    url = os.environ["CLOUD_IDENTITY"].rstrip("/") + "/auth/tokens"
    return ask(url, "POST", body={"auth": {"identity": identity}})[0]["X-Subject-Token"]


class Router:
    def __init__(self):
        self.url = f"{os.environ['CLOUD_URL'].rstrip('/')}/v2.0/routers/{os.environ['CLOUD_ROUTER']}"
        self.token = log_in()

    def routes_to(self, node):
        router = ask(self.url, "GET", self.token)[1]["router"]
        return {route["destination"] for route in router["routes"] if route["nexthop"] == node}

    def change(self, what, vips, node):
        """What is there already, or not any more, is no error to it."""
        if not vips:
            return
        routes = [{"destination": vip, "nexthop": node} for vip in sorted(vips)]
        ask(f"{self.url}/{what}_extraroutes", "PUT", self.token, {"router": {"routes": routes}})
        print(what, node, *sorted(vips))


def is_single(destination):
    """Of one address, so one of kago's; others to this node are somebody else's."""
    return destination.endswith("/128" if ":" in destination else "/32")


def read_vips():
    """Those that are served here; and those that another pod of this node serves, by the same route."""
    lines = [line.split() for line in sys.stdin]
    return {words[0] for words in lines if len(words) == 1}, {words[0] for words in lines if words[1:] == ["other"]}


def main(call, *words):
    router = Router()
    if call == "sync":
        node, _ = words
        ours, others = read_vips()
        router.change("remove", {vip for vip in router.routes_to(node) if is_single(vip)} - ours - others, node)
        router.change("add", ours, node)
    else:
        vip, node, _ = words
        router.change(call, {vip}, node)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except urllib.error.HTTPError as error:
        sys.exit(f"{error.url}: HTTP {error.code}: {error.read(500).decode('ascii', 'replace')}")
    except OSError as error:
        sys.exit(f"{error}")
