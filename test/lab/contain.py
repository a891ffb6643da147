# SPDX-License-Identifier: Apache-2.0
"""Becomes a program in a container's file system, as a container runtime would start it.

contain.py SPEC PROGRAM [ARG...], where SPEC is JSON:
  root          folder of the image, which is read-only inside
  capabilities  numbers of those that are kept
  environment   NAME=VALUE of the program
  hostname, hosts   the host's name and the text of /etc/hosts
  binds         [[source, place inside]...]
  fixed_sysctls     whether /proc/sys is read-only, as a container runtime has it

/run and /tmp are empty and writable; the network namespace is the caller's, and so is the PID namespace.
What it mounts is in a mount namespace of its own, which ends with the program.
"""

import ctypes
import json
import os
import sys
from pathlib import Path

NEW_MOUNTS, NEW_NAME = 0x00020000, 0x04000000
READ_ONLY, NO_SUID, NO_DEV, NO_EXEC = 1, 2, 4, 8
REMOUNT, BIND, RECURSIVE, PRIVATE = 32, 4096, 16384, 1 << 18
DETACH = 2
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
SYS_PIVOT_ROOT = {"x86_64": 155}.get(os.uname().machine, 41)
LAST_CAPABILITY = 63

STAGE = Path("/mnt")  # of no use to anybody in our mount namespace
_libc = ctypes.CDLL(None, use_errno=True)


def call(function, *arguments):
    words = [a.encode() if isinstance(a, str) else a for a in arguments]
    if getattr(_libc, function)(*words) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}{arguments}: {os.strerror(number)}")


def mount(source, target, kind, flags=0, data=None):
    call("mount", str(source), str(target), kind, ctypes.c_ulong(flags), data)


def make_place(source, place):
    """What can be mounted upon."""
    if Path(source).is_dir():
        place.mkdir(parents=True, exist_ok=True)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()


def build_root(spec):
    """The image with places for the mounts, read-only; the kernel wants two layers for that."""
    mount("tmpfs", STAGE, "tmpfs")
    places, root = STAGE / "places", STAGE / "root"
    places.mkdir()
    root.mkdir()
    hosts = STAGE / "hosts"
    hosts.write_text(spec["hosts"], encoding="ascii")
    binds = [("/dev", "/dev"), (str(hosts), "/etc/hosts"), *spec["binds"]]
    for source, inside in binds:
        make_place(source, places / inside.lstrip("/"))
    mount("overlay", root, "overlay", READ_ONLY, f"lowerdir={places}:{spec['root']}")
    mount("proc", root / "proc", "proc", NO_SUID | NO_DEV | NO_EXEC)
    if spec["fixed_sysctls"]:
        mount(root / "proc/sys", root / "proc/sys", None, BIND)
        mount("none", root / "proc/sys", None, REMOUNT | BIND | READ_ONLY)
    mount("sysfs", root / "sys", "sysfs", READ_ONLY | NO_SUID | NO_DEV | NO_EXEC)
    mount("tmpfs", root / "run", "tmpfs", NO_SUID | NO_DEV, "mode=755")
    mount("tmpfs", root / "tmp", "tmpfs", NO_SUID | NO_DEV, "mode=1777")
    for source, inside in binds:
        place = root / inside.lstrip("/")
        if not place.exists():
            make_place(source, place)
        mount(source, place, None, BIND | RECURSIVE)
    return root


def enter(root):
    os.chdir(root)
    call("syscall", SYS_PIVOT_ROOT, ".", ".")
    call("umount2", ".", DETACH)
    os.chdir("/")


def drop_capabilities(kept):
    """From the bounding set, which is what root gets of a program that it starts."""
    for number in range(LAST_CAPABILITY + 1):
        if number not in kept:
            _libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)  # fails for those this kernel has not
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def main():
    spec, argv = json.loads(sys.argv[1]), sys.argv[2:]
    call("unshare", NEW_MOUNTS | NEW_NAME)
    mount("none", "/", None, RECURSIVE | PRIVATE)
    enter(build_root(spec))
    call("sethostname", spec["hostname"], len(spec["hostname"]))
    drop_capabilities(spec["capabilities"])
    os.execve(argv[0], argv, dict(word.split("=", 1) for word in spec["environment"]))


main()
