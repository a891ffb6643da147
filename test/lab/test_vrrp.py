# SPDX-License-Identifier: Apache-2.0
"""Whose the shares of the VIPs are, by the real keepalived: the sidecar's VRRP alone, in three pods on one network.

kago-sharer is that part of the sidecar. It needs no IPVS, so this runs on any kernel. How long each take-over
took is printed. KAGO_KEEPALIVED names another keepalived than the system's.
"""

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from net import ROOT, program, run, wait_for

KEEPALIVED = os.environ.get("KAGO_KEEPALIVED", "/usr/sbin/keepalived")
SHARES = 16
ALL = (1 << SHARES) - 1
INTERVAL = 0.3  # seconds between two advertisements, the default
NOISE = 0.5  # of a busy machine
SLOW = 30
# Those of the sidecar.
RIGHTS = ("setpriv", "--bounding-set", "-all,+net_admin,+net_raw", "--inh-caps", "-all")
IPV4 = "172.16.0.1{}"
IPV6 = "fd00::1{}"


class Sharer:
    """kago-sharer in a pod, and what it said was its own when."""

    def __init__(self, lan, number, address, template=ROOT / "templates/vrrp.conf.mustache"):
        self.address, self.netns = address.format(number), lan.pods[number]
        self.folder = lan.folder / f"sharer{number}-{time.monotonic_ns()}"
        self.folder.mkdir()
        config = self.folder / "kago.yaml"
        config.write_text(f"announce: l2\nl2:\n  program: {KEEPALIVED}\n  stateDir: {self.folder}/l2\n"
                          f"  template: {template}\n")
        self.changes, self.lines = [(0.0, 0)], []  # seconds of CLOCK_MONOTONIC, shares as bits
        with self.netns.entered():
            self.process = subprocess.Popen([*RIGHTS, program("kago-sharer"), config, self.address], text=True,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for target in (self.follow, self.follow_log):
            threading.Thread(target=target, daemon=True).start()

    def follow(self):
        for line in self.process.stdout:
            usec, shares = line.split()
            self.changes.append((int(usec) / 1e6, int(shares, 16)))

    def follow_log(self):
        for line in self.process.stderr:
            print(f"{self.address}: {line}", end="")
            self.lines.append(line)

    @property
    def owned(self):
        return self.changes[-1][1]

    def say(self, **said):
        self.process.stdin.write(json.dumps(said) + "\n")
        self.process.stdin.flush()

    def count(self, event):
        return sum(f"event={event} " in line.replace("\n", " ") for line in self.lines)

    def processes(self):
        """All of them: keepalived's two are children of it."""
        return list(map(int, run("ip", "netns", "pids", self.netns.name).stdout.split()))

    def vrrp(self):
        """The process of keepalived's that does VRRP."""
        return int((self.folder / "l2/vrrp.pid").read_text())

    def keepalived(self):
        return int((self.folder / "l2/keepalived.pid").read_text())

    def kill(self):
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        self.ended()

    def stop(self):
        """As at SIGTERM, which it gets."""
        self.process.send_signal(signal.SIGTERM)

    def ended(self):
        """What it was, it is no more."""
        self.process.wait(10)
        self.changes.append((time.monotonic(), 0))

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Lan:
    """Pods on one network, and the sharers in them."""

    def __init__(self, network, folder, address=IPV4, count=3):
        self.network, self.folder, self.address = network, folder, address
        self.pods, self.sharers, self.past = {}, {}, []
        self.noise = 0.0
        self.lan = network.netns("vrrp-lan")
        self.lan.ip("link add lan type bridge", "link set lan up")
        for number in range(1, count + 1):
            pod = self.pods[number] = network.netns(f"vrrp-pod{number}")
            network.link(self.lan, f"n{number}", pod, "eth0")
            self.lan.ip(f"link set n{number} master lan")
            pod.ip(f"addr add {address.format(number)}/{'64 ' if ':' in address else '24 '} dev eth0"
                   + (" nodad" if ":" in address else ""))

    def start(self, number, **how):
        sharer = self.sharers[number] = Sharer(self, number, self.address, **how)
        self.past.append(sharer)
        self.network.callback(sharer.close)
        return sharer

    def tell(self, **said):
        for sharer in self.sharers.values():
            sharer.say(**said)

    def tell_members(self, *more):
        self.tell(members=[sharer.address for sharer in self.sharers.values()] + list(more))

    def owners(self):
        """How many say of each share that it is theirs."""
        return [sum(sharer.owned >> share & 1 for sharer in self.sharers.values()) for share in range(SHARES)]

    def is_settled(self):
        return self.owners() == [1] * SHARES

    def settled(self):
        wait_for("each share has one owner", self.is_settled, SLOW, 0.05)
        # Who has a higher priority takes over later than who is there first.
        wait_for("nothing moves any more", lambda: time.monotonic() - self.last_change() > 5 * INTERVAL, SLOW, 0.05)
        assert self.is_settled()
        return {number: sharer.owned for number, sharer in self.sharers.items()}

    def last_change(self):
        return max(sharer.changes[-1][0] for sharer in self.past)

    def all_start(self):
        for number in self.pods:
            self.start(number)
        self.tell(part=True)
        self.tell_members()
        return self.settled()

    def owned_elsewhere_after(self, moment, shares, without):
        """Seconds from then until others have all of these shares."""
        others = [sharer for number, sharer in self.sharers.items() if number != without]

        def when():
            return all(any(sharer.owned >> share & 1 for sharer in others) for share in bits(shares))

        wait_for("others have the shares", when, SLOW, 0.02)
        return max(min(first_time(sharer, share, moment) for sharer in others) for share in bits(shares)) - moment

    def doubles(self):
        """The longest time that two had the same share, in seconds."""
        longest = 0.0
        for share in range(SHARES):
            events = sorted((when, bool(shares >> share & 1), id(sharer))
                            for sharer in self.past for when, shares in sharer.changes)
            owners, since = set(), 0.0
            for when, owns, who in events:
                if len(owners) > 1:
                    longest = max(longest, when - since)
                (owners.add if owns else owners.discard)(who)
                since = when
        return longest


def bits(shares):
    return [share for share in range(SHARES) if shares >> share & 1]


def first_time(sharer, share, moment):
    return next((when for when, owned in sharer.changes if when >= moment and owned >> share & 1), float("inf"))


def say(what, seconds):
    print(f"VRRP: {what}: {seconds:.3f} s")


@pytest.fixture
def lan(network, tmp_path):
    made = Lan(network, tmp_path)
    yield made
    double = made.doubles()
    say("two owners of a share, at most", double)
    assert double < INTERVAL + made.noise


def test_shares_spread_over_all(lan):
    owned = lan.all_start()
    assert len(owned) == 3 and all(owned.values())


def test_who_is_alone_owns_all_and_needs_no_keepalived(lan):
    one = lan.start(1)
    one.say(part=True, members=[one.address])
    wait_for("all are its own", lambda: one.owned == ALL, 5)
    assert one.count("vrrp.started") == 0
    one.say(part=False)
    wait_for("none is", lambda: one.owned == 0, 5)
    one.say(part=True, members=[])
    wait_for("nobody knows of others", lambda: one.owned == ALL, 5)


def test_who_was_alone_keeps_all_until_another_one_takes_its_own(lan):
    one = lan.start(1)
    one.say(part=True, members=[one.address])
    wait_for("all are its own", lambda: one.owned == ALL, 5)
    moment = time.monotonic()
    other = lan.start(2)
    lan.tell(part=True)
    lan.tell_members()
    wait_for("the other one has some", lambda: other.owned, SLOW)
    lan.settled()
    for share in range(SHARES):
        gone = [when for when, owned in one.changes if when > moment and not owned >> share & 1]
        assert not gone or gone[0] >= first_time(other, share, moment) - 0.01
    assert other.owned and one.owned


def test_one_that_is_told_to_stop(lan):
    owned = lan.all_start()
    moment = time.monotonic()
    lan.sharers[1].stop()
    took = lan.owned_elsewhere_after(moment, owned[1], 1)
    say("SIGTERM, until others have its shares", took)
    lan.sharers[1].process.wait(10)
    assert lan.sharers[1].owned == 0 and lan.sharers[1].process.returncode == 0
    assert took < 0.5 + NOISE
    del lan.sharers[1]
    after = lan.settled()
    # It moves its own alone.
    assert all(after[number] & owned[number] == owned[number] for number in after)


def test_one_that_takes_part_no_more(lan):
    owned = lan.all_start()
    moment = time.monotonic()
    lan.sharers[2].say(part=False)
    say("no part, until others have its shares", lan.owned_elsewhere_after(moment, owned[2], 2))
    lan.sharers[2].say(part=True)
    wait_for("all is as before", lambda: lan.settled() == owned, SLOW)


def test_one_that_dies(lan):
    owned = lan.all_start()
    moment = time.monotonic()
    lan.sharers[1].kill()
    took = lan.owned_elsewhere_after(moment, owned[1], 1)
    say("SIGKILL of all, until others have its shares", took)
    assert took < 1.5 + NOISE
    before = lan.sharers.pop(1)
    lan.settled()
    lan.start(1)
    lan.sharers[1].say(part=True)
    lan.tell_members()
    wait_for("all is as before", lambda: lan.settled() == owned, SLOW)
    assert before.owned == 0


def test_its_keepalived_dies(lan):
    """Each of its two processes ends both, and nothing is ours from then on."""
    owned = lan.all_start()
    one = lan.sharers[1]
    for find in (one.vrrp, one.keepalived):
        moment, starts = time.monotonic(), one.count("vrrp.started")
        os.kill(find(), signal.SIGKILL)
        wait_for("none is its own", lambda: one.owned == 0, 5, 0.01)
        say("keepalived killed, until we know", one.changes[-1][0] - moment)
        wait_for("it runs again", lambda: one.count("vrrp.started") > starts, SLOW)
        wait_for("all is as before", lambda: lan.settled() == owned, SLOW)


def test_its_keepalived_hangs(lan):
    """We know after three pulses; others, after three advertisements, of which the last may be an interval older."""
    lan.noise = NOISE
    owned = lan.all_start()
    one = lan.sharers[1]
    hangs, moment = one.vrrp(), time.monotonic()
    os.kill(hangs, signal.SIGSTOP)
    wait_for("none is its own", lambda: one.owned == 0, 5, 0.01)
    say("keepalived stopped, until we know", one.changes[-1][0] - moment)
    say("until others have its shares", lan.owned_elsewhere_after(moment, owned[1], 1))
    os.kill(hangs, signal.SIGCONT)
    wait_for("all is as before", lambda: lan.settled() == owned, SLOW)
    assert (one.count("vrrp.silent"), one.count("vrrp.killed"), one.count("vrrp.started")) == (1, 0, 1)
    os.kill(hangs, signal.SIGSTOP)
    wait_for("it is killed", lambda: one.count("vrrp.killed") == 1, SLOW)
    wait_for("all is as before", lambda: lan.settled() == owned, SLOW)


def test_a_keepalived_that_never_answers_has_shares_for_a_moment_alone(lan):
    """As where the node has no inotify instance left for it: others leave to it what nobody serves then."""
    template = lan.folder / "mute.mustache"
    text = (ROOT / "templates/vrrp.conf.mustache").read_text()
    template.write_text(text.replace("notify_priority_changes true", "notify_priority_changes false"))
    lan.start(1, template=template)
    lan.start(2)
    lan.tell(part=True)
    lan.tell_members()
    one = lan.sharers[1]
    wait_for("it runs", lambda: one.count("vrrp.started") == 1, SLOW)
    moment = time.monotonic()
    wait_for("it is killed", lambda: one.count("vrrp.killed") == 1, SLOW)
    assert time.monotonic() - moment < 7 and one.owned == 0
    wait_for("the other one has all", lambda: lan.sharers[2].owned == ALL, SLOW)


def test_a_keepalived_that_does_not_read_its_file(lan):
    """The other process of the two is stopped: who has what goes on, but not with others' addresses."""
    owned = lan.all_start()
    one = lan.sharers[1]
    os.kill(one.keepalived(), signal.SIGSTOP)
    lan.tell_members(IPV4.format(9))
    wait_for("it is killed", lambda: one.count("vrrp.killed") == 1, SLOW)
    wait_for("all is as before", lambda: lan.settled() == owned, SLOW)


def test_other_members_move_nothing_that_is_not_theirs(lan):
    owned = lan.all_start()
    moments = [len(sharer.changes) for sharer in lan.past]
    for number in (9, 8, 7):
        lan.tell_members(IPV4.format(number))
        wait_for("all follow", lambda: all(sharer.count("vrrp.followed") >= 10 - number
                                           for sharer in lan.past), SLOW)
    time.sleep(5 * INTERVAL)  # longer than a backup waits for a master
    assert [len(sharer.changes) for sharer in lan.past] == moments
    assert lan.settled() == owned
    assert all(sharer.count("vrrp.silent") == sharer.count("vrrp.ended") == 0 for sharer in lan.past)


def test_one_that_cannot_serve_a_share_leaves_it_to_others(lan):
    owned = lan.all_start()
    share = bits(owned[1])[0]
    moment = time.monotonic()
    lan.sharers[1].say(impaired=[share])
    took = lan.owned_elsewhere_after(moment, 1 << share, 1)
    say("impaired, until others have the share", took)
    assert took < 1.5 + NOISE
    assert lan.settled()[1] == owned[1] & ~(1 << share)
    lan.tell(impaired=[share])
    wait_for("nobody can serve it, so the order is as before", lambda: lan.settled() == owned, SLOW)
    lan.tell(impaired=[])
    assert lan.settled() == owned


def test_who_is_not_listed_has_nothing(lan):
    owned = lan.all_start()
    one = lan.sharers.pop(1)
    lan.tell_members()
    one.say(members=[sharer.address for sharer in lan.sharers.values()])
    wait_for("none is its own", lambda: one.owned == 0, 5)
    assert one.count("vrrp.unlisted") == 1
    lan.settled()
    lan.sharers[1] = one
    lan.tell_members()
    wait_for("all is as before", lambda: lan.settled() == owned, SLOW)


def test_others_that_speak_vrrp_are_not_heard(lan):
    """A pod that is no load balancer claims all shares, with the highest priority."""
    owned = lan.all_start()
    lan.pods[1].ip("addr add 172.16.0.99/24 dev eth0")
    other = lan.network.netns("vrrp-other")
    lan.network.link(lan.lan, "n99", other, "eth0")
    lan.lan.ip("link set n99 master lan")
    lan.pods[1].ip("addr del 172.16.0.99/24 dev eth0")
    other.ip("addr add 172.16.0.99/24 dev eth0")
    text = (lan.sharers[2].folder / "l2/vrrp.conf").read_text()
    conf = Path(lan.folder, "other.conf")
    folder = lan.folder / "other"
    folder.mkdir()
    text = text.replace(str(lan.sharers[2].folder / "l2"), str(folder)).replace(IPV4.format(2), "172.16.0.99")
    conf.write_text("\n".join("    priority 254" if "priority " in line and "notify" not in line else line
                              for line in text.splitlines()))
    process = lan.network.start(other, KEEPALIVED, "-n", "-l", "-P", "-f", conf, "-p", folder / "pid",
                                "-r", folder / "vrrp.pid", log=folder / "log")
    process.wait_for_line("Entering MASTER STATE")
    time.sleep(5 * INTERVAL)  # as long as an election takes
    # What it sends may delay what others do, on a busy machine: a backup then asks for a moment whether it is alone.
    assert lan.doubles() < INTERVAL
    process.stop()
    assert lan.settled() == owned


def test_pods_without_ipv4(network, tmp_path):
    lan = Lan(network, tmp_path, IPV6)
    owned = lan.all_start()
    assert all(owned.values())
    moment = time.monotonic()
    lan.sharers[1].stop()
    say("IPv6, SIGTERM, until others have its shares", lan.owned_elsewhere_after(moment, owned[1], 1))
    assert lan.doubles() < INTERVAL


def test_one_more_takes_its_own_alone(network, tmp_path):
    lan = Lan(network, tmp_path, count=4)
    for number in (1, 2, 3):
        lan.start(number)
    lan.tell(part=True)
    lan.tell_members()
    owned = lan.settled()
    lan.start(4)
    lan.tell(part=True)
    lan.tell_members()
    wait_for("the fourth has some", lambda: lan.sharers[4].owned, SLOW)
    after = lan.settled()
    assert all(after[number] == owned[number] & ~after[4] for number in owned)
    assert all(sharer.count("vrrp.ended") == 0 for sharer in lan.past)
    assert lan.doubles() < INTERVAL


def test_what_keepalived_may_do_and_what_it_does(lan):
    """VRRP's own protocol and addresses on lo, and that is all."""
    lan.all_start()
    one = lan.sharers[1]
    for pid in (one.keepalived(), one.vrrp()):
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
        assert int(status["CapEff"], 16) == 1 << 12 | 1 << 13 and status["NoNewPrivs"] == "1"
    wait_for("its addresses are there",
             lambda: one.netns.run("ip", "-o", "addr", "show", "dev", "lo").stdout.count(" 169.254.112.")
             == len(bits(one.owned)))
    one.stop()
    one.process.wait(10)
    assert " 169.254.112." not in one.netns.run("ip", "-o", "addr", "show", "dev", "lo").stdout


def test_who_has_lost_its_lease_alone_is_still_spoken_with(lan):
    """It does not reach the API server, but all load balancers: it knows what it knew, and others hold it for dead."""
    owned = lan.all_start()
    cut_off = lan.sharers[3]
    for number in (1, 2):
        lan.sharers[number].say(members=[lan.sharers[1].address, lan.sharers[2].address])
    time.sleep(5 * INTERVAL)  # longer than a backup waits for a master
    assert lan.owners() == [1] * SHARES, (lan.owners(), f"{cut_off.owned:x}")
    assert lan.settled() == owned


def test_a_sidecar_that_makes_its_own_sockets(network, tmp_path):
    """`nodeSockets.method: self` of the chart: it goes into the node's network namespace itself."""
    node, pod = network.netns("vrrp-node"), network.netns("vrrp-pod")
    network.link(node, "veth1", pod, "eth0")
    node.ip("link add eth0 type bridge", "link set eth0 up", "addr add 10.0.0.101/24 dev eth0",
            "route add 172.16.1.11/32 dev veth1")
    pod.ip("addr add 172.16.1.11/24 dev eth0")
    config = tmp_path / "kago.yaml"
    config.write_text(f"announce: l2\nl2:\n  stateDir: {tmp_path}/l2\n"
                      f"  template: {ROOT}/templates/vrrp.conf.mustache\n")
    sidecar = network.start(pod, program("kago-sidecar"), "run", "--config", config, "--pod-ip", "172.16.1.11",
                            "--node-ip", "10.0.0.101", "--node-netns", node.path, log=tmp_path / "log")

    def status():
        done = pod.run(program("kago-sidecar"), "status", "-o", "json", check=False)
        return done.stdout if done.returncode == 0 else ""

    wait_for("it is at work, or ends", lambda: not sidecar.running() or '"l2"' in status(), SLOW)
    assert sidecar.running(), sidecar.output()
