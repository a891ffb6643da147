# SPDX-License-Identifier: Apache-2.0
"""Network namespaces, links, processes and small servers for the tests that run in scripts/lab."""

import contextlib
import ctypes
import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROTOCOLS = {
    "tcp": (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    "udp": (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    "sctp": (socket.SOCK_STREAM, socket.IPPROTO_SCTP),
}
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """Something that had to hold, or to happen in time, did not."""


def free_port():
    """A TCP port of 127.0.0.1 that nobody had a moment ago."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(what, condition, timeout=60.0, interval=None):
    """Calls `condition` until it gives something true, which is returned.

    Without an interval it looks the less often the longer it takes: looking takes the processor from what
    it waits for.
    """
    start = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        passed = time.monotonic() - start
        if passed > timeout:
            raise Failed(f"{what}: not within {timeout:g} s (last seen: {value!r})")
        time.sleep(interval or min(max(passed / 20, 0.05), 0.5))


def program(name):
    """The path of a program of this build; KAGO_BIN names another folder than build/dev/bin."""
    path = Path(os.environ.get("KAGO_BIN", ROOT / "build/dev/bin"), name)
    if not path.exists():
        raise Failed(f"{path} is not there: cmake --preset dev && cmake --build --preset dev")
    return str(path)


def run(*argv, stdin=None, check=True, timeout=60):
    """The finished process of a command, with its output as text."""
    argv = [str(word) for word in argv]
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False,
                          timeout=timeout)
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(argv)}: status {done.returncode}: {done.stdout}{done.stderr}")
    return done


class Process:
    """A process in a group of its own, whose output goes to a file."""

    def __init__(self, argv, log):
        self.log = Path(log)
        with open(log, "ab") as out:
            self._popen = subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL,
                                           stdout=out, stderr=out, start_new_session=True)
        self.pid = self._popen.pid

    def output(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for_line(self, pattern, timeout=60.0):
        """The match of the first line of output in which the pattern is found."""
        return wait_for(f"a line with '{pattern}' in {self.log}",
                        lambda: re.search(pattern, self.output(), re.MULTILINE), timeout)

    def running(self):
        return self._popen.poll() is None

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def wait(self, timeout=60):
        """The exit status of its first process, which ends by itself."""
        return self._popen.wait(timeout)

    def kill(self):
        """Ends the whole group at once."""
        self.signal(signal.SIGKILL)
        self._popen.wait()

    def stop(self, timeout=10):
        """Ends the whole group, and gives the exit status of its first process."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self.signal(signal.SIGKILL)
        return self.wait()


class Netns:
    """A network namespace with a name, as `ip netns` knows it."""

    def __init__(self, name):
        self.name = name
        self.path = f"/run/netns/{name}"
        run("ip", "netns", "add", name)
        self.ip("link set lo up")

    @classmethod
    def existing(cls, path):
        """One that somebody else has made."""
        netns = cls.__new__(cls)
        netns.name, netns.path = Path(path).name, str(path)
        return netns

    def ip(self, *commands):
        """What follows `ip` in each command; one process carries out all of them."""
        self.run("ip", "-batch", "-", stdin="\n".join(commands) + "\n")

    @contextlib.contextmanager
    def entered(self):
        """The calling thread, and processes it starts, are in this namespace."""
        with open("/proc/thread-self/ns/net", "rb") as home, open(self.path, "rb") as there:
            _setns(there)
            try:
                yield
            finally:
                _setns(home)

    def run(self, *argv, **options):
        with self.entered():
            return run(*argv, **options)

    def start(self, *argv, log):
        with self.entered():
            return Process(argv, log)

    def socket(self, *kind):
        """A socket of this namespace, for the test itself."""
        with self.entered():
            return socket.socket(*kind)

    def sysctl(self, name, value=None):
        """Reads or sets net.x.y; in names of interfaces a slash stands for a dot."""
        path = Path("/proc/sys", name.translate(str.maketrans("./", "/.")))
        with self.entered():
            if value is not None:
                path.write_text(f"{value}\n", encoding="ascii")
            return path.read_text(encoding="ascii").strip()

    def picture(self):
        """What somebody could leave behind in here: links, addresses, UDP ports of tunnels, nftables, sysctls."""
        links = [re.sub(r"^\d+: |qdisc \S+ |qlen \d+", "", line)
                 for line in self.run("ip", "-o", "link").stdout.split("\n")]
        sysctls = [line for line in self.run("sysctl", "-a").stdout.split("\n")
                   if line.startswith("net.") and "conntrack" not in line and ".neigh." not in line]
        addresses = self.run("ip", "address").stdout.count("inet")
        ports = self.run("ip", "fou", "show", check=False).stdout  # not without the module
        return links, addresses, ports, self.run("nft", "list", "ruleset").stdout, sysctls


def _setns(file):
    if _libc.setns(file.fileno(), _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Network(contextlib.ExitStack):
    """Namespaces that are gone at the end, with what runs in them."""

    def netns(self, name):
        made = Netns(name)
        self.callback(run, "ip", "netns", "delete", name, check=False)  # it may be gone
        return made

    def start(self, netns, *argv, log):
        process = netns.start(*argv, log=log)
        self.callback(process.stop)
        return process

    def serve(self, netns, name, port):
        return self.enter_context(NameServer(netns, name, port))

    @staticmethod
    def link(one, one_device, other, other_device):
        """A cable between two namespaces; both ends are up."""
        one.ip(f"link add {one_device} type veth peer name {other_device} netns {other.name}",
               f"link set {one_device} up")
        other.ip(f"link set {other_device} up")


class NameServer:
    """Answers each line on a port of a namespace with "NAME PEER LINE": TCP, UDP and SCTP, both families.

    Who speaks HTTP gets a page, "NAME PEER".
    """

    def __init__(self, netns, name, port):
        self._name = name
        self._ended = False
        self._sockets = []
        self._threads = []
        for kind in PROTOCOLS.values():
            sock = netns.socket(socket.AF_INET6, *kind)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("::", port))
            sock.settimeout(0.2)  # nothing else wakes a thread that waits on an SCTP socket
            target = self._answer_datagrams if kind[0] == socket.SOCK_DGRAM else self._accept
            if target == self._accept:
                sock.listen(100)
            self._threads.append(threading.Thread(target=target, args=(sock,), daemon=True))
            self._threads[-1].start()
            self._sockets.append(sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._ended = True
        for thread in self._threads:
            thread.join()
        for sock in self._sockets:
            sock.close()

    def _answer(self, peer):
        return f"{self._name} {peer[0].removeprefix('::ffff:')}".encode()

    def _until_the_end(self, receive):
        while not self._ended:
            with contextlib.suppress(TimeoutError):
                yield receive()

    def _accept(self, sock):
        for connection, peer in self._until_the_end(sock.accept):
            threading.Thread(target=self._talk, args=(connection, peer), daemon=True).start()

    def _talk(self, connection, peer):
        answer = self._answer(peer)
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as lines:
            for line in lines:
                if line.startswith(b"GET "):
                    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + answer + b"\n")
                    return
                connection.sendall(answer + b" " + line)

    def _answer_datagrams(self, sock):
        for line, peer in self._until_the_end(lambda: sock.recvfrom(2048)):
            with contextlib.suppress(OSError):  # the peer may be gone
                sock.sendto(self._answer(peer) + b" " + line, peer)


class Talk:
    """A connection, or a connected UDP socket, to a NameServer."""

    def __init__(self, netns, protocol, address, port, timeout=5.0):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = netns.socket(family, *PROTOCOLS[protocol])
        self._socket.settimeout(timeout)
        self._socket.connect((address, port))
        self._answers = self._socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._answers.close()
        self._socket.close()

    def segment(self):
        """How many bytes of TCP fit into a packet to the other end."""
        return self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)

    def ask(self, text="who"):
        """(name of the server, address of ours that it sees)."""
        self.say(text)
        return self.hear(text)

    def say(self, text):
        self._socket.sendall(text.encode() + b"\n")

    def hear(self, text):
        """The answer to what was said, as `ask` has it."""
        answer = self._answers.readline().decode().split()
        if len(answer) != 3 or answer[2] != text:
            raise ConnectionError(f"the answer was {answer}")
        return answer[0], answer[1]


def ask(netns, protocol, address, port, timeout=5.0):
    """One question over a new connection; raises OSError when there is no answer."""
    with Talk(netns, protocol, address, port, timeout) as talk:
        return talk.ask()
