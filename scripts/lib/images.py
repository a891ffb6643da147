# SPDX-License-Identifier: Apache-2.0
"""Archives of images as `docker save` writes them.

images.py plain TAR NEW    writes it anew without what its builder says of how it came about, so that
                           the same image is the same file
images.py make NAME:TAG PROGRAM TAR
                           writes an image that has one program and nothing else
images.py unpack TAR DIR   makes DIR the file system of the image
images.py config TAR       prints what the image says of itself, as JSON
images.py size TAR         prints what pushing and pulling it moves, and what it takes unpacked
"""

import hashlib
import io
import json
import os
import shutil
import sys
import tarfile
import zlib
from pathlib import Path

OPAQUE, WHITEOUT = ".wh..wh..opq", ".wh."


class Archive:
    def __init__(self, path):
        self._tar = tarfile.open(path)
        self.manifest = json.load(self._tar.extractfile("manifest.json"))[0]
        self.config = json.load(self._tar.extractfile(self.manifest["Config"]))
        self.name = self.manifest["RepoTags"][0]

    def layers(self):
        """The layers from the lowest on, as files of tar archives."""
        for layer in self.manifest["Layers"]:
            yield self._tar.extractfile(layer)


def write_plain(archive, path):
    """Intermediate images have names that differ each time; the history would have them."""
    for step in archive.config.get("history", []):
        step.pop("comment", None)
    _write(path, archive.name, archive.config, zip(archive.manifest["Layers"], archive.layers()))


def write_program(name, program, path):
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        _add(tar, program.name, io.BytesIO(program.read_bytes()), 0o755)
    digest = hashlib.sha256(layer.getbuffer()).hexdigest()
    config = {"architecture": "amd64", "os": "linux", "created": "1970-01-01T00:00:00Z",
              "config": {"Entrypoint": [f"/{program.name}"], "WorkingDir": "/"},
              "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}}
    _write(path, name, config, [(f"{digest}.tar", layer)])


def _write(path, name, config, layers):
    """`layers` are (name in the archive, file). Equal images give equal archives."""
    config = json.dumps(config, sort_keys=True).encode()
    manifest = {"Config": f"{hashlib.sha256(config).hexdigest()}.json", "RepoTags": [name], "Layers": []}
    with tarfile.open(path, "w") as tar:
        _add(tar, manifest["Config"], io.BytesIO(config))
        for layer, file in layers:
            _add(tar, layer, file)
            manifest["Layers"].append(layer)
        _add(tar, "manifest.json", io.BytesIO(json.dumps([manifest]).encode()))


def _add(tar, name, file, mode=0o644):
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = file.seek(0, os.SEEK_END), mode
    file.seek(0)
    tar.addfile(entry, file)


def unpack(archive, folder):
    folder.mkdir()
    for layer in archive.layers():
        with tarfile.open(fileobj=layer) as tar:
            for member in tar:
                _unpack_member(tar, member, folder)


def _unpack_member(tar, member, folder):
    place = folder / member.name
    if place.name == OPAQUE:
        for old in place.parent.iterdir():
            _remove(old)
    elif place.name.startswith(WHITEOUT):
        _remove(place.with_name(place.name.removeprefix(WHITEOUT)))
    else:
        if not member.isdir() or place.is_symlink():
            _remove(place)
        tar.extract(member, folder, numeric_owner=True)


def _remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()


def sizes(archive):
    """Bytes of the layers, plain and compressed."""
    plain = compressed = 0
    for layer in archive.layers():
        gzip = zlib.compressobj(wbits=31)
        while block := layer.read(1 << 20):
            plain += len(block)
            compressed += len(gzip.compress(block))
        compressed += len(gzip.flush())
    return plain, compressed


def main():
    match sys.argv[1:]:
        case ["plain", path, new]:
            write_plain(Archive(path), new)
        case ["make", name, program, path]:
            write_program(name, Path(program), path)
        case ["unpack", path, folder]:
            unpack(Archive(path), Path(folder))
        case ["config", path]:
            print(json.dumps(Archive(path).config, indent=2))
        case ["size", path]:
            archive = Archive(path)
            plain, compressed = sizes(archive)
            print(f"{archive.name}  {compressed / 1e6:.1f} MB compressed, {plain / 1e6:.1f} MB unpacked")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
