# SPDX-License-Identifier: Apache-2.0
"""Writes an image with one program in it: cluster_image.py NAME:TAG PROGRAM ARCHIVE.

The archive is one that `ctr images import` takes. Equal programs give equal archives.
"""

import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path


def add(archive, name, data, mode=0o644):
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    archive.addfile(entry, io.BytesIO(data))


def digest(data):
    return hashlib.sha256(data).hexdigest()


def main():
    name, program, target = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        add(archive, program.name, program.read_bytes(), 0o755)
    layer = layer.getvalue()
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "created": "1970-01-01T00:00:00Z",
        "config": {"Entrypoint": [f"/{program.name}"], "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest(layer)}"]},
    }).encode()
    manifest = [{"Config": f"{digest(config)}.json", "RepoTags": [name],
                 "Layers": [f"{digest(layer)}.tar"]}]
    with tarfile.open(target, "w") as archive:
        add(archive, f"{digest(config)}.json", config)
        add(archive, f"{digest(layer)}.tar", layer)
        add(archive, "manifest.json", json.dumps(manifest).encode())


main()
