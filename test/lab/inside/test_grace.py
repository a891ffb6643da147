# SPDX-License-Identifier: Apache-2.0
"""Load balancers of which a part is broken: one withdraws all after node.grace, one has none and announces on."""

import contextlib
import json
import os
import signal
import threading
import time

import pytest

from image import EXABGP
from net import wait_for
from topology import KILL, Lab
from traffic import get

WEB, WEB_NET = "10.1.1.1", "10.1.1.0/24"
GRACE, HOLD = 12, 10  # s
PULSE = 2  # s between two words of a controller: it was heard last up to that long before a fault
PATIENCE = 150  # s, more than the hold-down after three faults, and what keepalived waits until it starts again


class Site:
    """Two load balancers: `lb` has a grace, `other` announces for ever."""

    def __init__(self, lab):
        self.lab, self.client = lab, lab.client
        web = lab.web_pod("web-1", "node3", 11)
        self.lb = lab.lb_pod("lb1", "node1", node__grace=f"{GRACE}s")
        self.other = lab.lb_pod("lb2", "node2", node__grace="0s")
        self.all = [self.lb, self.other]
        lab.apply_service("web", WEB)
        lab.apply_endpoints("web", [web])

    def await_all(self):
        self.lab.await_next_hops(WEB_NET, self.all, PATIENCE)

    def await_withdrawal(self, reason, began):
        """By the one alone, after the grace and not before, with the reason in its log and its status."""
        self.lab.await_next_hops(WEB_NET, [self.other], PATIENCE)
        assert time.monotonic() - began >= GRACE - PULSE - 1
        log = self.lb.exabgp.output().splitlines()
        for event in "announcing.suspended", "vip.withdrawn":
            last = [line for line in log if f"event={event}" in line][-1]
            assert reason in last, last
        assert f"announces nothing: {reason}" in sidecar_status(self.lb)
        assert get(self.client, WEB) == "web-1"

    def await_return(self, since):
        self.await_all()
        assert time.monotonic() - since >= HOLD
        assert "announces nothing" not in sidecar_status(self.lb)
        assert "announcing.suspended" not in self.other.exabgp.output()
        wait_for("both to be ready", lambda: all(json.loads(lb.status("-o", "json"))["ready"] for lb in self.all))


def sidecar_status(lb):
    return lb.netns.run(*EXABGP.tool("status")).stdout


@pytest.fixture(scope="module")
def site():
    with Lab() as lab:
        made = Site(lab)
        for pod in made.all:
            pod.start()
        made.await_all()
        yield made


def test_a_controller_that_stays_away_withdraws_all(site):
    began = time.monotonic()
    for lb in site.all:
        lb.ipvs.signal(KILL)
        lb.ipvs.wait(10)
    site.await_withdrawal("the controller is away", began)
    since = time.monotonic()
    for lb in site.all:
        lb.ipvs.start()
    site.await_return(since)


def test_a_controller_that_is_stopped_withdraws_all(site):
    began = time.monotonic()
    for lb in site.all:
        lb.ipvs.signal(signal.SIGSTOP)
    site.await_withdrawal("the controller does not answer", began)
    since = time.monotonic()
    for lb in site.all:
        lb.ipvs.signal(signal.SIGCONT)
    site.await_return(since)


@contextlib.contextmanager
def killing_keepalived(lbs):
    """Whenever there is one."""
    over = threading.Event()

    def kill():
        while not over.wait(0.2):
            for lb in lbs:
                for pid in lb.ipvs.pids().get("keepalived", []):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, KILL)

    thread = threading.Thread(target=kill)
    thread.start()
    yield
    over.set()
    thread.join()


def test_a_keepalived_that_ends_again_and_again_withdraws_all(site):
    began = time.monotonic()
    with killing_keepalived(site.all):
        site.await_withdrawal("keepalived does not run", began)
        said = json.loads(site.lb.status("-o", "json"))
        assert said["sidecar"]["suspended"] == "keepalived does not run" and not said["ready"]
        assert "withdrawn all" in said["whyNotReady"], said
    site.await_return(time.monotonic())
