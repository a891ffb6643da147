# SPDX-License-Identifier: Apache-2.0
"""kago's container images, and programs in them. KAGO_IMAGES names another folder than build/images."""

import json
import os
from pathlib import Path

from net import ROOT, Failed

CONTAIN = Path(__file__).resolve().parent / "contain.py"
NET_ADMIN, NET_RAW, SYS_PTRACE, SYS_ADMIN = 12, 13, 19, 21
NODE_NETNS, NODE_SYSCTLS = "/host/ns/net", "/host/sysctls"  # where the chart mounts them


class Image:
    """One of them, with the capabilities that the chart gives its container."""

    def __init__(self, name, *capabilities):
        self.name, self._capabilities = name, capabilities

    @property
    def root(self):
        path = _folder() / f"kago-{self.name}.root"
        if not path.is_dir():
            raise Failed(f"{path} is not there: scripts/images build")
        return path

    def config(self):
        """What the image says of itself."""
        path = _folder() / f"kago-{self.name}.json"
        return json.loads(path.read_text(encoding="utf-8"))["config"]

    def command(self, *arguments, hostname="kago-lab", address=None, folders=(), node_netns=None, capabilities=None,
                environment=(), entrypoint=None, fixed_sysctls=False):
        """What to run for a container of it: the file system read-only, the chart's capabilities.

        The folders are where they are outside; the node's network namespace is NODE_NETNS. Other capabilities
        are the numbers of those that it has. `environment`: NAME=VALUE besides the image's. Another `entrypoint` is
        the `command` of a pod. `fixed_sysctls`: /proc/sys is read-only, and the node's is where the chart mounts it.
        """
        config = self.config()
        spec = {"root": str(self.root), "capabilities": self._capabilities if capabilities is None else capabilities,
                "environment": [*config["Env"], *environment], "hostname": hostname,
                # The kubelet's. Without it exabgp asks the DNS for the host's name.
                "hosts": f"127.0.0.1 localhost\n{address or '127.0.0.1'} {hostname}\n",
                "binds": [(str(folder), str(folder)) for folder in folders]
                + ([(str(node_netns), str(Path(NODE_NETNS).parent) if Path(node_netns).is_dir() else NODE_NETNS)]
                   if node_netns else [])
                + ([("/proc/sys/net", NODE_SYSCTLS)] if fixed_sysctls else []), "fixed_sysctls": fixed_sysctls}
        entrypoint = entrypoint or config["Entrypoint"]
        return ["/usr/bin/python3", "-SEI", CONTAIN, json.dumps(spec), *entrypoint, *arguments]

    def tool(self, *arguments):
        """What to run to ask the program something, as `kubectl exec` does; quicker than a container."""
        return ["chroot", self.root, *self.config()["Entrypoint"], *arguments]


def _folder():
    return Path(os.environ.get("KAGO_IMAGES", ROOT / "build/images"))


IPVS = Image("ipvs", NET_ADMIN)
EXABGP = Image("exabgp", NET_ADMIN)
NODE_SOCKETS = Image("node-sockets", SYS_ADMIN, SYS_PTRACE)
# With `announce: l2`.
EXABGP_L2 = Image("exabgp", NET_ADMIN, NET_RAW)
NODE_SOCKETS_L2 = Image("node-sockets", SYS_ADMIN, SYS_PTRACE, NET_RAW)
