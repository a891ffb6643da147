# SPDX-License-Identifier: Apache-2.0
"""A load balancer whose kago.yaml changes while it runs, mounted as the kubelet mounts a ConfigMap."""

import json
import re
import socket
import urllib.request

import pytest

from api import conditions
from cluster import SOON
from net import wait_for


def said(service):
    return conditions(service)["Announced"]


def pool(number):
    return {"name": f"pool-{number}", "addresses": [f"10.96.{number}.7"]}


class Mount:
    """The mounted ConfigMap of a load balancer that is not started yet."""

    def __init__(self, fleet, identity):
        self.folder, self.versions = fleet.folder / identity, 0
        self.folder.mkdir()
        self.put("{}")
        (self.folder / "kago.yaml").symlink_to("..data/kago.yaml")

    def put(self, text):
        """The next version: a new folder, and the symlink that leads to it is swapped."""
        self.versions += 1
        name = f"..version-{self.versions}"
        (self.folder / name).mkdir()
        (self.folder / name / "kago.yaml").write_text(text, encoding="utf-8")
        (self.folder / "..data_tmp").symlink_to(name)
        (self.folder / "..data_tmp").rename(self.folder / "..data")

    def configure(self, fleet, pools, **more):
        self.put(json.dumps({"fleet": fleet, "pools": pools, **more}))


@pytest.fixture(name="listen")
def _listen():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"


def test_a_change_of_the_configuration_is_followed(new_fleet, listen):
    fleet = new_fleet(pools=[pool(1)])
    mount = Mount(fleet, "lb-1")
    lb = fleet.start("lb-1", http__listen=listen).lead()
    log = lb.process

    def metric(name):
        with urllib.request.urlopen(f"http://{listen}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return int(re.search(rf'^{name}{{program="controller"}} (\d+)$', text, re.MULTILINE)[1])

    fleet.create("first")
    assert fleet.await_address("first") == ["10.96.1.7"]
    fleet.create("second")
    fleet.await_condition("second", "AddressAssigned", "False", "PoolExhausted")
    assert "event=config." not in log.output().replace("event=config.written", "")

    mount.configure(fleet.name, [pool(1), pool(2)])
    assert fleet.await_address("second") == ["10.96.2.7"]
    log.wait_for_line('event=config.changed key=pools effect="in use"$')

    mount.configure(fleet.name, [pool(1), {"name": "Wrong Name"}])
    log.wait_for_line(r"event=config.refused error=.*kago.yaml:1:\d+: .*effect=.the configuration before stands")
    assert metric("kago_config_refused") == 1 and metric("kago_config_restart_pending") == 0
    fleet.pod("second", 1, "172.16.0.1")
    lb.await_table({"10.96.2.7 80 TCP": {"172.16.0.1 8080": 1}})

    mount.put("")
    log.wait_for_line("event=config.refused error=.*kago.yaml: is empty")
    assert metric("kago_config_refused") == 1 and fleet.get("second")["status"]["loadBalancer"]["ingress"]

    mount.configure("another", [pool(1), pool(2)], log={"level": "debug"})
    log.wait_for_line('event=config.changed key=fleet effect="in use after a restart"$')
    log.wait_for_line('event=config.changed key=log.level effect="in use"$')
    wait_for("metrics", lambda: (metric("kago_config_refused"), metric("kago_config_restart_pending")) == (0, 1), SOON)
    fleet.create("third", annotations={"vip": "10.96.3.7"})
    fleet.await_condition("third", "AddressAssigned", "False", "AddressNotInPool")

    mount.configure(fleet.name, [pool(2), pool(3)])
    assert fleet.await_address("third") == ["10.96.3.7"]
    fleet.await_condition("first", "AddressAssigned", "False", "PoolExhausted")
    wait_for("no restart pending", lambda: metric("kago_config_restart_pending") == 0, SOON)
    assert fleet.get("second")["status"]["loadBalancer"]["ingress"][0]["ip"] == "10.96.2.7"
    assert len(re.findall("event=config.refused", log.output())) == 2
    assert lb.process.running()


def test_a_family_that_comes_later_harms_nothing(new_fleet):
    """A range of IPv6 is added to the pool of a running Service; nobody announces the new address."""
    fleet = new_fleet(pools=[{"name": "main", "addresses": ["10.98.0.0/24"]}])
    mount = Mount(fleet, "lb-1")
    lb = fleet.start("lb-1").lead()
    fleet.create("web", ipFamilyPolicy="PreferDualStack")
    fleet.pod("web", 1, "172.16.0.1")
    [four] = fleet.await_address("web")
    with lb.sidecar(f"{four}/32"):
        since = fleet.await_condition("web", "Announced", "True", "Announced")["lastTransitionTime"]
        mount.configure(fleet.name, [{"name": "main", "addresses": ["10.98.0.0/24", "fd98::/112"]}])
        told = fleet.await_service("web", "it has both", lambda s: len(s["status"]["loadBalancer"]["ingress"]) == 2)
        assert said(told)["status"] == "True", "the address did that"
        told = fleet.await_service("web", "what is missing", lambda s: "fd98::" in said(s)["message"])
        assert (said(told)["status"], said(told)["lastTransitionTime"]) == ("True", since)
