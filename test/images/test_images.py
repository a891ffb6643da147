# SPDX-License-Identifier: Apache-2.0
"""What scripts/images makes, as its user meets it. Needs no kernel with IPVS and no container engine."""

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "test/lab"), str(ROOT / "scripts/lib")]

from image import EXABGP, IPVS  # noqa: E402
from images import Archive, sizes  # noqa: E402

IMAGES = [IPVS, EXABGP]
VERSION = re.search(r"project\(kago VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
MOST = {IPVS: 60e6, EXABGP: 110e6}  # bytes, compressed
PROGRAMS = {IPVS: ["/usr/bin/kago-controller", "/usr/sbin/keepalived"],
            EXABGP: ["/usr/bin/kago-sidecar", "/usr/sbin/exabgp"]}
USED = {IPVS: ["/usr/share/kago/keepalived.conf.mustache", "/usr/share/kago/nftables.conf.mustache"],
        EXABGP: ["/usr/share/kago/exabgp.conf.mustache"]}
NEEDLESS = ("sh", "bash", "dash", "apt", "apt-get", "dpkg", "perl", "gcc", "cc", "ld", "as", "cmake", "su",
            "mount", "ip", "nft")

each = pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)


def tar(image):
    return ROOT / f"build/images/kago-{image.name}.tar"


def inside(image, *argv):
    """Output of a command in the image's file system, alone."""
    return subprocess.run(["chroot", image.root, *argv], capture_output=True, text=True, check=False, timeout=60)


def contained(image, folders, *argv):
    """The finished command in a container of the image."""
    [*start, _] = image.command(folders=folders)
    return subprocess.run(list(map(str, [*start, *argv])), capture_output=True, text=True, check=False, timeout=60)


def files(image):
    for folder, _, names in os.walk(image.root):
        for name in names:
            yield Path(folder, name)


def digests():
    return [hashlib.sha256(tar(image).read_bytes()).hexdigest() for image in IMAGES]


@each
def test_its_programs_answer(image):
    kago, other = PROGRAMS[image]
    assert VERSION in inside(image, kago, "--version").stdout
    done = inside(image, other, "--version")
    assert done.returncode == 0, done.stderr
    if image is IPVS:
        assert tuple(map(int, re.search(r"Keepalived v(\d+)\.(\d+)", done.stderr).groups())) >= (2, 3)
    else:
        assert "ExaBGP : 4." in done.stdout


@each
def test_as_a_container_it_starts_what_it_shall_with_what_it_is_allowed(image):
    """The root file system read-only, the capabilities those of the chart."""
    done = contained(image, [], PROGRAMS[image][0], "--version")
    assert VERSION in done.stdout, done.stderr


def test_its_exabgp_starts_on_a_read_only_root(tmp_path):
    conf = tmp_path / "exabgp.conf"
    conf.write_text("neighbor 127.0.0.1 { router-id 1.2.3.4; local-address 127.0.0.1; local-as 65021;"
                    " peer-as 65021; }")
    done = contained(EXABGP, [tmp_path], "/usr/sbin/exabgp", "--test", conf)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("conf", sorted((ROOT / "test/golden").glob("*/keepalived.conf")),
                         ids=lambda conf: conf.parent.name)
def test_its_keepalived_takes_what_we_write(conf):
    done = contained(IPVS, [conf.parent], "/usr/sbin/keepalived", "--config-test", "--check", "--use-file", conf)
    assert done.returncode == 0, done.stdout + done.stderr


@each
def test_every_library_is_there(image):
    missing = []
    for path in files(image):
        if path.is_symlink():
            continue
        with path.open("rb") as file:
            if file.read(4) != b"\x7fELF":
                continue
        place = f"/{path.relative_to(image.root)}"
        [loader] = image.root.glob("usr/lib64/ld-linux-*") or image.root.glob("usr/lib/ld-linux-*")
        done = inside(image, f"/{loader.relative_to(image.root)}", "--list", place)
        missing += [f"{place}: {line.strip()}" for line in (done.stdout + done.stderr).splitlines()
                    if "not found" in line or "cannot open" in line]
    assert not missing
    for path in USED[image]:
        assert (image.root / path.lstrip("/")).is_file()


@each
def test_nothing_needless_is_inside(image):
    found = [path for path in files(image) if not path.is_symlink()]
    assert not [path for path in found if path.stat().st_mode & (stat.S_ISUID | stat.S_ISGID)]
    assert not [path for path in found if path.stat().st_mode & stat.S_IWOTH]
    names = {str(path.relative_to(image.root)) for path in files(image)}
    assert not [name for name in NEEDLESS if {f"usr/bin/{name}", f"usr/sbin/{name}"} & names]
    assert not [name for name in names if name.startswith(("etc/apt/", "var/lib/apt/", "var/cache/", "var/log/",
                                                           "src/", "kago/", "usr/include/", "usr/share/man/",
                                                           "usr/share/locale/"))]
    assert not [name for name in names if name.endswith((".a", ".o", ".h")) or "/test/" in name]


@each
def test_links_lead_somewhere(image):
    """Inside, and not out of it."""
    broken = []
    for path in files(image):
        if path.is_symlink():
            target = os.readlink(path)
            target = image.root / target.lstrip("/") if target.startswith("/") else path.parent / target
            if not os.path.lexists(target):
                broken.append(f"{path} -> {os.readlink(path)}")
    assert not broken


@each
def test_licences_come_along(image):
    status = (image.root / "var/lib/dpkg/status").read_text(encoding="utf-8")
    names = re.findall("^Package: (.*)", status, re.MULTILINE)
    assert "libc6" in names
    assert not [name for name in names
                if not (image.root / f"usr/share/doc/{name}/copyright").exists()]


@each
def test_it_says_what_it_is(image):
    archive = Archive(tar(image))
    assert archive.name == f"localhost/kago-{image.name}:{VERSION}"
    config = archive.config["config"]
    prefix = "org.opencontainers.image."
    assert config["Labels"][f"{prefix}title"] == f"kago-{image.name}"
    assert config["Labels"][f"{prefix}version"] == VERSION
    assert "Apache-2.0" in config["Labels"][f"{prefix}licenses"]
    assert config["Entrypoint"] == [PROGRAMS[image][0]] and config["User"] == "root"
    assert not re.search("proxy|https?://|token|password", json.dumps(archive.config), re.IGNORECASE)


@each
def test_it_is_small(image):
    plain, compressed = sizes(Archive(tar(image)))
    print(f"kago-{image.name}: {compressed / 1e6:.1f} MB compressed, {plain / 1e6:.1f} MB")
    assert compressed <= MOST[image]


def test_the_first_stages_are_the_same():
    """So that both images are built of the same layers, and kago is compiled once."""
    def beginning(name):
        text = (ROOT / name).read_text(encoding="utf-8")
        return re.search("^FROM [$].*?(?=\n\n(?:#.*\n)*FROM (?!packages AS build))", text, re.DOTALL | re.MULTILINE)[0]

    assert beginning("Dockerfile.ipvs") == beginning("Dockerfile.exabgp")


@pytest.mark.skipif(os.environ.get("CI") != "true", reason="takes a minute: only with CI=true")
def test_the_same_files_give_the_same_image():
    before = digests()
    subprocess.run([ROOT / "scripts/images", "build", "--no-cache"], check=True, timeout=600)
    assert digests() == before
