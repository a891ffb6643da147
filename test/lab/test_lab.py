# SPDX-License-Identifier: Apache-2.0
"""scripts/lab: what it promises to CMD and to the host. Most tests share one virtual machine."""

import ctypes
import os
import pty
import select
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "scripts" / "lab"
PATIENCE = 120  # seconds; a boot takes 3 on a quiet machine

# Runs in the machine; each line of results is one test below.
INSIDE = r"""
result() { printf '%s\n' "$2" >"$KAGO_LAB_OUT/$1"; }
echo to stdout
echo to stderr >&2
echo anew >/dev/stderr
result where "$PWD $(hostname) $(id -u) $KAGO_LAB $HOME"
result clock "$(date +%s)"
result variables "$CI|$KAGO_TEST|$GIVEN|${OTHER-unset}"
result arguments "$(printf '<%s>' "$@")"
result input "$(cat)"
cat README.md LICENSE 2>/dev/null | head -n 3 >"$KAGO_LAB_OUT/checkout"
echo changed >"$HOST_FILE" && result changed "$(cat "$HOST_FILE")"
ip netns add east && ip -n east link add e0 type dummy && ip -n east link show e0 >/dev/null
result netns "$?"
ipvsadm -A -t 192.0.2.1:80 -s mh -b mh-port && ipvsadm -a -t 192.0.2.1:80 -r 192.0.2.2 -i
result ipvs "$? $(ipvsadm -Sn | tr '\n' ' ')"
lsmod | grep -c '^ip_vs_sed ' >"$KAGO_LAB_OUT/autoload"
ipvsadm -A -t 192.0.2.1:81 -s sed
lsmod | grep -c '^ip_vs_sed ' >>"$KAGO_LAB_OUT/autoload"
nft 'add table ip t; add chain ip t c { type nat hook postrouting priority 100; };
     add rule ip t c ct state new masquerade'
result nat "$?"

# This kernel has ip_vs, so a lab in the lab needs no machine of its own.
left() { ls /run/netns; cat /proc/mounts; pgrep -fx 'sleep 1234'; ls $TMPDIR; ip link; ipvsadm -Sn; }
export TMPDIR=/run/tmp
mkdir $TMPDIR
left >/run/before
scripts/lab run -- bash -c 'ip link add d0 type dummy; echo $KAGO_LAB $(ipvsadm -Sn); exit 5'
result native "$?"
scripts/lab run --timeout 1 -- bash -c 'ip netns add west; setsid sleep 1234 & sleep 1234'
result native_late "$?"
for _ in $(seq 150); do
    left | cmp -s /run/before - && break
    sleep 0.2
done
left | diff /run/before - >"$KAGO_LAB_OUT/native_left"

hop() { sleep 0.02; hop & }
hop &
exit 7
"""


def lab_environment(tmp):
    # Everything a lab makes for a run goes to TMPDIR, so what is left there is its own.
    (tmp / "tmp").mkdir(exist_ok=True)
    return {**os.environ, "TMPDIR": str(tmp / "tmp"), "CI": "maybe", "KAGO_TEST": "a 'b'", "OTHER": "x"}


LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def die_with_us():
    """A lab has a session of its own, so what ends pytest would not reach it."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def start(tmp, *arguments, **options):
    return subprocess.Popen([LAB, *arguments], cwd=ROOT, env=lab_environment(tmp), text=True,
                            stdout=subprocess.PIPE, start_new_session=True, preexec_fn=die_with_us, **options)


def wait(lab):
    try:
        output, errors = lab.communicate(timeout=PATIENCE)
        return lab.returncode, output, errors
    finally:
        if lab.poll() is None:
            os.killpg(lab.pid, signal.SIGKILL)


def processes_of(session):
    listing = subprocess.run(["ps", "-o", "pid=,args=", "-s", str(session)], check=False,
                             capture_output=True, text=True)
    return listing.stdout


def assert_nothing_left(lab, tmp, files=()):
    deadline = time.monotonic() + PATIENCE
    while processes_of(lab.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_of(lab.pid) == ""
    assert sorted(path.name for path in (tmp / "tmp").iterdir()) == sorted(files)
    assert str(tmp) not in Path("/proc/self/mounts").read_text()


@pytest.fixture(scope="module", autouse=True)
def packages():
    subprocess.run(["bash", "-c", '. scripts/lib/packages.sh && packages_need "$@"', "test_lab",
                    "tests of the lab use them", "iproute2", "ipvsadm", "kmod", "nftables", "procps"],
                   cwd=ROOT, check=True)


@pytest.fixture(scope="module")
def inside(tmp_path_factory):
    tmp = tmp_path_factory.mktemp("inside, with a comma")
    (tmp / "host-file").write_text("as it was\n")
    lab = start(tmp, "run", "--vm", "--out", tmp / "out" / "deep", "--env", "GIVEN=it's",
                "--env", f"HOST_FILE={tmp}/host-file", "--",
                "bash", "-c", INSIDE, "inside", "two words", "", "a'b\"c$d\n", "--out")
    status, output, _ = wait(lab)
    assert_nothing_left(lab, tmp)
    results = {path.name: path.read_text().rstrip("\n") for path in (tmp / "out" / "deep").iterdir()}
    return {**results, "status": status, "output": output, "tmp": tmp, "end": time.time()}


def test_status_of_cmd_is_passed_on(inside):
    assert inside["status"] == 7


def test_output_arrives_without_noise(inside):
    assert inside["output"].splitlines()[:3] == ["to stdout", "to stderr", "anew"]
    assert "IPVS" not in inside["output"]


def test_cmd_is_root_in_the_same_folder(inside):
    assert inside["where"] == f"{ROOT} kago-lab 0 vm /root"


def test_time_is_right(inside):
    assert abs(int(inside["clock"]) - inside["end"]) < PATIENCE


def test_variables(inside):
    assert inside["variables"] == "maybe|a 'b'|it's|unset"


def test_arguments_stay_whole(inside):
    assert inside["arguments"] == "<two words><><a'b\"c$d\n><--out>"


def test_input_is_empty(inside):
    assert inside["input"] == ""


def test_checkout_is_visible(inside):
    assert inside["checkout"] != ""


def test_writes_do_not_reach_the_host(inside):
    assert inside["changed"] == "changed"
    assert (inside["tmp"] / "host-file").read_text() == "as it was\n"


def test_network_namespaces(inside):
    assert inside["netns"] == "0"


def test_ipvs_with_maglev(inside):
    assert inside["ipvs"] == ("0 -A -t 192.0.2.1:80 -s mh -b mh-port "
                              "-a -t 192.0.2.1:80 -r 192.0.2.2:80 -i -w 1 --tun-type ipip ")


def test_kernel_loads_modules_by_itself(inside):
    assert inside["autoload"] == "0\n1"


def test_nat(inside):
    assert inside["nat"] == "0"


def test_native_lab(inside):
    assert inside["native"] == "5"
    assert "\nnative\n" in inside["output"], "the table of services was not its own"


def test_native_lab_ends_in_time_and_leaves_nothing(inside):
    assert inside["native_late"] == "124"
    assert inside["native_left"] == ""


def test_two_at_once(tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    labs = [start(tmp_path, "run", "--vm", "--cpus", "1", "--memory", "512", "--out", folder, "--",
                  "sh", "-c", f"echo {folder.name} | tee $KAGO_LAB_OUT/name") for folder in folders]
    for lab, folder in zip(labs, folders):
        status, output, _ = wait(lab)
        assert (status, output) == (0, f"{folder.name}\n")
        assert (folder / "name").read_text() == f"{folder.name}\n"
    for lab in labs:
        assert_nothing_left(lab, tmp_path)


def test_time_out(tmp_path):
    lab = start(tmp_path, "run", "--vm", "--timeout", "2", "--", "sleep", "1234",
                stderr=subprocess.PIPE)
    status, output, errors = wait(lab)
    assert (status, output) == (124, "")
    assert errors.endswith("lab: ended after 2 seconds: sleep 1234\n")
    assert_nothing_left(lab, tmp_path)


@pytest.mark.parametrize("number, status, files", [
    (signal.SIGINT, 130, 0),
    (signal.SIGKILL, -signal.SIGKILL, 1),  # nobody is left who could remove the folder
])
def test_signal_ends_all(tmp_path, number, status, files):
    lab = start(tmp_path, "run", "--vm", "--", "sh", "-c", "echo ready; sleep 1234")
    assert lab.stdout.readline() == "ready\n", "output must arrive while CMD runs"
    lab.send_signal(number)
    assert wait(lab)[0] == status
    assert_nothing_left(lab, tmp_path, files=[p.name for p in (tmp_path / "tmp").iterdir()][:files])


def test_death_of_the_machine(tmp_path):
    lab = start(tmp_path, "run", "--vm", "--", "sh", "-c", "echo ready; echo b >/proc/sysrq-trigger; sleep 9",
                stderr=subprocess.PIPE)
    status, _, errors = wait(lab)
    assert status == 125
    assert errors.endswith("lab: the virtual machine ended without a status\n")
    assert_nothing_left(lab, tmp_path)


def read_until(terminal, wanted):
    """Reads the terminal until it prints `wanted` or closes."""
    seen, deadline = "", time.monotonic() + PATIENCE
    while wanted not in seen and time.monotonic() < deadline:
        if select.select([terminal], [], [], 1)[0]:
            try:
                seen += os.read(terminal, 4096).decode()
            except OSError:  # closed
                break
    return seen


def test_shell(tmp_path):
    ours, theirs = pty.openpty()
    shell = subprocess.Popen([LAB, "shell", "--vm"], cwd=ROOT, env=lab_environment(tmp_path),
                             stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
                             preexec_fn=die_with_us)
    os.close(theirs)
    assert "kago-lab" in read_until(ours, "# ")
    os.write(ours, b"echo 5*7=$((5 * 7)); sleep 1234\n")
    assert "5*7=35" in read_until(ours, "=35")
    os.write(ours, b"\x03")
    assert "# " in read_until(ours, "# ")
    os.write(ours, b"echo it is $(tty), 6*7=$((6 * 7)); exit 3\n")
    assert "it is /dev/ttyS1, 6*7=42" in read_until(ours, "=42")
    assert shell.wait(timeout=PATIENCE) == 3
    os.close(ours)
    assert_nothing_left(shell, tmp_path)


@pytest.mark.parametrize("arguments", [
    [], ["walk"], ["run"], ["run", "--"], ["run", "--fast", "--", "true"], ["run", "--timeout"],
    ["run", "--timeout", "soon", "--", "true"], ["run", "--cpus", "0", "--", "true"],
    ["run", "--env", "1X=2", "--", "true"], ["run", "--out", "/run/x/..", "--", "true"],
    ["shell", "true"], ["shell"],
])
def test_bad_usage(tmp_path, arguments):
    lab = start(tmp_path, *arguments, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    status, output, errors = wait(lab)
    assert (status, output, errors.count("\n")) == (2, "", 1)
    assert errors.startswith("lab: ") and errors.endswith("(see scripts/lab --help)\n")


def test_help(tmp_path):
    status, output, _ = wait(start(tmp_path, "run", "--help"))
    assert status == 0 and output.startswith("usage: scripts/lab run ")


def test_refuses_to_install(tmp_path):
    script = '. scripts/lib/packages.sh; packages_need "to see" bash kago-no-such-package'
    result = subprocess.run(["bash", "-c", script, "x/name"], cwd=ROOT, check=False, text=True,
                            capture_output=True, env={**os.environ, "KAGO_NO_INSTALL": "1"})
    assert result.returncode == 1
    assert result.stderr == ("name: not installed: kago-no-such-package (to see); try: "
                             "apt-get install --no-install-recommends kago-no-such-package\n")


def test_refuses_to_fetch_a_kernel(tmp_path):
    environment = {**lab_environment(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    result = subprocess.run([LAB, "run", "--vm", "--no-install", "--", "true"], cwd=ROOT, check=False,
                            text=True, capture_output=True, env=environment)
    assert result.returncode == 125
    assert "lab: not fetched, for KAGO_NO_INSTALL=1: linux-image-" in result.stderr
