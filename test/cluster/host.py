# SPDX-License-Identifier: Apache-2.0
"""Prints what clusters of scripts/cluster have on this machine outside of their folder, and could leave there.

For a machine that has none this is as it was before one was there.
"""

import re
from pathlib import Path

OURS = re.compile(r"kago-(cluster|node|seed)|ifname=lb[12]\b|^/(pause|web|enter)\0")
# Where kubelet, containerd and CNI plugins write, whatever their settings.
FOLDERS = ("/run/containerd", "/var/lib/cni", "/var/lib/kubelet", "/var/log/containers", "/var/log/pods")
# Settings of the whole machine that kubelet changes.
SYSCTLS = ("kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxbytes", "kernel/keys/root_maxkeys",
           "vm/overcommit_memory", "vm/panic_on_oom")


def processes():
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_text(errors="replace") if entry.name.isdigit() else ""
        except OSError:
            continue
        if OURS.search(line):
            yield f"process {entry.name} {line.replace(chr(0), ' ')}"


def mounts():
    for line in Path("/proc/mounts").read_text(encoding="ascii").splitlines():
        at = line.split()[1]
        if OURS.search(at) or at.startswith(FOLDERS):
            yield f"mount {at}"


def files():
    for folder in map(Path, ("/run", "/run/netns")):
        if folder.is_dir():
            yield from (f"file {entry}" for entry in folder.iterdir() if OURS.search(entry.name))
    for folder in filter(Path.is_dir, map(Path, FOLDERS)):
        yield from (f"file {entry}" for entry in folder.rglob("*"))
    yield from (f"cgroup {entry}" for entry in Path("/sys/fs/cgroup").glob("**/kago-node-*"))


def sysctls():
    for name in SYSCTLS:
        yield f"sysctl {name} {Path('/proc/sys', name).read_text(encoding='ascii').strip()}"


print("\n".join(sorted([*processes(), *mounts(), *files(), *sysctls()])))
