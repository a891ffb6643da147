# SPDX-License-Identifier: Apache-2.0
"""Archives of images as `docker save` writes them.

images.py plain TAR NEW    writes it anew without what its builder says of how it came about, so that
                           the same image is the same file
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
    config = json.dumps(archive.config, sort_keys=True).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": [archive.name], "Layers": archive.manifest["Layers"]}]
    with tarfile.open(path, "w") as new:
        _add(new, name, io.BytesIO(config), len(config))
        for layer, file in zip(archive.manifest["Layers"], archive.layers()):
            _add(new, layer, file, file.seek(0, os.SEEK_END))
        manifest = json.dumps(manifest).encode()
        _add(new, "manifest.json", io.BytesIO(manifest), len(manifest))


def _add(tar, name, file, size):
    entry = tarfile.TarInfo(name)
    entry.size = size
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
