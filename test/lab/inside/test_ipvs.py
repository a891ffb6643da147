# SPDX-License-Identifier: Apache-2.0
"""What kago reads from IPVS is what ipvsadm shows, and it removes what it is told to and no more."""

import json

import pytest

from net import program

TCP, UDP, SCTP = 6, 17, 132
PERSISTENT, ONE_PACKET, SCHED1, SCHED2 = 0x1, 0x4, 0x8, 0x10  # linux/ip_vs.h
FORWARD = {0: "-m", 2: "-i", 3: "-g"}
PROTOCOL = {TCP: "-t", UDP: "-u", SCTP: "--sctp-service"}
FLAGS = {"sh": ("sh-fallback", "sh-port"), "mh": ("mh-fallback", "mh-port")}

SERVICES = """\
-A -t 10.1.1.1:80 -s rr
-a -t 10.1.1.1:80 -r 10.0.0.1:80 -m -w 1
-a -t 10.1.1.1:80 -r 10.0.0.2:8080 -m -w 0
-a -t 10.1.1.1:80 -r 10.0.0.2:80 -m -w 65535
-A -t 10.1.1.1:443 -s wrr -p 300
-A -u 10.1.1.1:53 -s lc -o
-a -u 10.1.1.1:53 -r 10.0.0.1:5353 -m -w 7
-A --sctp-service 10.1.1.1:80 -s wlc
-a --sctp-service 10.1.1.1:80 -r 10.0.0.3:80 -g -w 1
-a --sctp-service 10.1.1.1:80 -r 10.0.0.4:80 -i -w 2
-A -t 10.1.1.2:80 -s sh -b sh-fallback,sh-port
-A -t 10.1.1.2:81 -s sh
-A -t 10.1.1.2:82 -s mh -p 10800 -b mh-fallback,mh-port
-A -t 10.1.1.2:83 -s mh -b mh-port
-A -t [fd00:1::1]:80 -s mh -b mh-fallback
-a -t [fd00:1::1]:80 -r [fd00:2::1]:8080 -m -w 1
-a -t [fd00:1::1]:80 -r [fd00:2::a]:8080 -m -w 2
-A -u [fd00:1::1]:53 -s rr
-A -f 7 -s rr
-a -f 7 -r 10.0.0.9:0 -m -w 1
"""


@pytest.fixture
def lb(network):
    return network.netns("lb")


def probe(netns, *words, check=True):
    done = netns.run(program("kago-probe"), "ipvs", *words, check=check)
    return json.loads(done.stdout or "null") if check else done


def end(addr, port):
    return f"[{addr}]:{port}" if ":" in addr else f"{addr}:{port}"


def as_ipvsadm(table):
    """The lines of `ipvsadm -Sn` for a table of ours."""
    for s in table:
        key = f"{PROTOCOL[s['protocol']]} {end(s['addr'], s['port'])}"
        line = f"-A {key} -s {s['scheduler']}"
        line += f" -p {s['timeout']}" if s["flags"] & PERSISTENT else ""
        line += " -o" if s["flags"] & ONE_PACKET else ""
        names = FLAGS.get(s["scheduler"], ("1", "2"))
        flags = [name for bit, name in zip((SCHED1, SCHED2), names) if s["flags"] & bit]
        yield line + (f" -b {','.join(flags)}" if flags else "")
        for d in s["dests"]:
            yield (f"-a {key} -r {end(d['addr'], d['port'])} {FORWARD[d['forward']]} "
                   f"-w {d['weight']}")


def by_ipvsadm(netns):
    lines = netns.run("ipvsadm", "-Sn").stdout.replace(" --tun-type ipip", "").splitlines()
    return sorted(line for line in lines if "-f 7" not in line)


def test_an_empty_table_is_empty(lb):
    assert probe(lb, "dump") == []
    assert probe(lb, "quick") == []


@pytest.mark.parametrize("way", ["dump", "quick"])
def test_the_table_is_what_ipvsadm_shows(lb, way):
    lb.run("ipvsadm", "-R", stdin=SERVICES)
    table = probe(lb, way)
    assert sorted(as_ipvsadm(table)) == by_ipvsadm(lb)
    assert len(table) == 10, "without the one by firewall mark"


def test_one_service_is_read_alone(lb):
    lb.run("ipvsadm", "-R", stdin=SERVICES)
    for s in probe(lb, "dump"):
        assert probe(lb, "show", s["protocol"], s["addr"], s["port"]) == [s]


def test_a_service_that_is_not_there_is_reported_so(lb):
    lb.run("ipvsadm", "-R", stdin=SERVICES)
    for key in ((UDP, "10.1.1.1", 80), (TCP, "10.1.1.1", 81), (TCP, "fd00:1::2", 80)):
        done = probe(lb, "show", *key, check=False)
        assert (done.returncode, done.stderr) == (1, "IPVS has no such service\n")


def test_a_removed_real_server_is_gone_alone_and_once_more_is_fine(lb):
    lb.run("ipvsadm", "-R", stdin=SERVICES)
    before = by_ipvsadm(lb)
    for _ in range(2):
        probe(lb, "remove", TCP, "10.1.1.1", 80, "10.0.0.2", 8080)
        probe(lb, "remove", TCP, "fd00:1::1", 80, "fd00:2::a", 8080)
    assert set(before) - set(by_ipvsadm(lb)) == {
        "-a -t 10.1.1.1:80 -r 10.0.0.2:8080 -m -w 0",
        "-a -t [fd00:1::1]:80 -r [fd00:2::a]:8080 -m -w 2",
    }
    probe(lb, "remove", TCP, "10.9.9.9", 80, "10.0.0.2", 8080)


def test_a_removed_service_is_gone_alone_and_once_more_is_fine(lb):
    lb.run("ipvsadm", "-R", stdin=SERVICES)
    before = by_ipvsadm(lb)
    for _ in range(2):
        probe(lb, "remove", SCTP, "10.1.1.1", 80)
        probe(lb, "remove", UDP, "fd00:1::1", 53)
    gone = set(before) - set(by_ipvsadm(lb))
    assert gone == {line for line in before if "--sctp" in line or "-u [fd00:1::1]:53" in line}


def test_a_weight_changes_alone(lb):
    lb.run("ipvsadm", "-R", stdin=SERVICES)
    before = by_ipvsadm(lb)
    probe(lb, "weight", 9, SCTP, "10.1.1.1", 80, "10.0.0.3", 80)
    probe(lb, "weight", 0, TCP, "fd00:1::1", 80, "fd00:2::1", 8080)
    assert set(by_ipvsadm(lb)) - set(before) == {
        "-a --sctp-service 10.1.1.1:80 -r 10.0.0.3:80 -g -w 9",
        "-a -t [fd00:1::1]:80 -r [fd00:2::1]:8080 -m -w 0",
    }
    assert len(by_ipvsadm(lb)) == len(before)


def test_without_the_capability_the_refusal_is_named(lb):
    done = lb.run("setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin",
                  program("kago-probe"), "ipvs", "dump", check=False)
    assert done.returncode == 1
    assert done.stderr == "reading the IPVS services: the kernel refused: Operation not permitted\n"


@pytest.mark.parametrize("n_dests", [1000])
def test_a_service_larger_than_one_message_is_read_whole(lb, n_dests):
    lines = [f"-a -t 10.1.1.1:80 -r 10.2.{i // 250}.{i % 250 + 1}:80 -m -w {i}" for i in range(n_dests)]
    lb.run("ipvsadm", "-R", stdin="-A -t 10.1.1.1:80 -s rr\n" + "\n".join(lines) + "\n")
    for way in ("dump", "quick"):
        assert sorted(as_ipvsadm(probe(lb, way))) == by_ipvsadm(lb)


def test_a_service_that_stays_is_never_missed_while_others_come_and_go(network, lb, tmp_path):
    """The kernel passes over services when others are removed during its dump."""
    stable = [f"-A -t 10.1.1.1:{port} -s rr" for port in range(1, 501)]
    lb.run("ipvsadm", "-R", stdin="\n".join(stable) + "\n")
    others = [f"-t 10.1.1.2:{port}" for port in range(1, 501)]
    come = "".join(f"-A {key} -s rr\n" for key in others)
    go = "".join(f"-D {key}\n" for key in others)
    reading = network.start(lb, program("kago-probe"), "ipvs", "bench", 60, "10.1.1.1",
                            log=tmp_path / "reading")
    reading.wait_for_line("^first reading: 500 services")
    rounds = 0
    while reading.running():
        lb.run("ipvsadm", "-R", stdin=come)
        lb.run("ipvsadm", "-R", stdin=go)
        rounds += 1
    assert rounds > 3, "too few changes to tell"
    report = json.loads(reading.output().split("\n", 1)[1])
    assert (report["full"][1:], report["quick"][1:]) == ([500, 500], [500, 500])


@pytest.mark.parametrize("way", ["dump", "quick"])
def test_pods_of_one_node_do_not_hide_each_others_services(network, way):
    """All namespaces share the kernel's hash table, and /proc/net/ip_vs loses its place among them."""
    def line(kind, port):
        return f"-A -t 10.1.1.{kind}:{port} -s rr\n-a -t 10.1.1.{kind}:{port} -r 10.0.0.1:80 -m -w 1\n"

    pods = [network.netns(f"pod{kind}") for kind in (1, 2)]
    for kind, pod in enumerate(pods):
        pod.run("ipvsadm", "-R", stdin="".join(line(kind, port) for port in range(1, 501)))
    for pod in pods:
        assert [len(s["dests"]) for s in probe(pod, way)] == [1] * 500
