# SPDX-License-Identifier: Apache-2.0
"""Load balancers on a flat network, for scripts/lib/bench_announce.py: when a client knows another one for a VIP.

The network, the load balancers and the Services are those of test/lab/inside/test_l2.py.
"""

import itertools
import os
import random
import time

from net import wait_for
from topology import KILL, TERM

import test_l2

SETTLE = 1.5  # s: for one a host lets what it heard of a neighbour stand (locktime, arp(7))


def restart(lb):
    lb.wait(60)
    lb.start()


EVENTS = {
    "l2-sigterm": (lambda lb: lb.signal(TERM), restart),
    "l2-kill": (lambda lb: lb.signal(KILL), restart),
    "l2-silence": (test_l2.freeze, test_l2.thaw),
}


def settled_owners(flat):
    """{VIP: node}, once each node has some and none moves: a busy machine loses advertisements, too."""
    seen = [{}]

    def rests():
        seen.append(flat.all_owners())
        return seen[-1] == seen[-2] and set(seen[-1].values()) == set(flat.lbs)

    wait_for("all VIPs at rest", rests, test_l2.PATIENCE, test_l2.INTERVAL)
    return seen[-1]


def one_round(flat, node, event, chance):
    """Seconds for each VIP that was the node's."""
    happens, ends = EVENTS[event]
    flat.owners = settled_owners(flat)
    os.truncate(flat.log, 0)
    time.sleep(SETTLE + chance.uniform(0, test_l2.INTERVAL))
    since = time.time()
    happens(flat.lbs[node])
    took = flat.await_moved(node, since)
    ends(flat.lbs[node])
    return list(took.values())


def measure(found, rounds, until):
    """Rounds of all events in turn, each at another node."""
    with test_l2.FlatLab(ipv6=True) as lab:
        flat = test_l2.Flat(lab, node__drain="1s")
        nodes, chance = itertools.cycle(flat.lbs), random.Random(1)
        for event in itertools.chain.from_iterable(itertools.repeat(list(found), rounds)):
            if time.monotonic() > until:
                break
            found[event] += [(took, None) for took in one_round(flat, next(nodes), event, chance)]
