# SPDX-License-Identifier: Apache-2.0
"""What scripts/images makes, as its user meets it. Needs no kernel with IPVS and no container engine."""

import hashlib
import json
import os
import re
import shlex
import stat
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "test/lab"), str(ROOT / "test/kube"), str(ROOT / "scripts/lib")]

from fake_api import make_certificates  # noqa: E402
from image import EXABGP, IPVS, NODE_SOCKETS  # noqa: E402
from images import Archive, sizes  # noqa: E402
from rig import running  # noqa: E402

IMAGES = [IPVS, EXABGP, NODE_SOCKETS]
VERSION = re.search(r"project\(kago VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
MOST = {IPVS: 60e6, EXABGP: 110e6, NODE_SOCKETS: 2e6}  # bytes, compressed
PROGRAMS = {IPVS: ["/usr/bin/kago-controller", "/usr/sbin/keepalived"],
            EXABGP: ["/usr/bin/kago-sidecar", "/usr/sbin/exabgp", "/usr/sbin/bird", "/usr/sbin/keepalived"],
            NODE_SOCKETS: ["/usr/bin/kago-node-sockets"]}
USED = {IPVS: ["/usr/share/kago/keepalived.conf.mustache", "/usr/share/kago/nftables.conf.mustache"],
        EXABGP: ["/usr/share/kago/exabgp.conf.mustache", "/usr/share/kago/vrrp.conf.mustache"], NODE_SOCKETS: []}
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
    """Of the archives, and of what they are made of."""
    return [hashlib.sha256(path.read_bytes()).hexdigest()
            for image in IMAGES for path in (tar(image), tar(image).with_suffix(".spdx.json"))]


@each
def test_its_programs_answer(image):
    kago, *others = PROGRAMS[image]
    assert VERSION in inside(image, kago, "--version").stdout
    said = ""
    for other in others:
        done = inside(image, other, "--version")
        assert done.returncode == 0, done.stderr
        said += done.stdout + done.stderr
    if image in (IPVS, EXABGP):
        assert tuple(map(int, re.search(r"Keepalived v(\d+)\.(\d+)", said).groups())) >= (2, 3)
    if image is EXABGP:
        assert "ExaBGP : 4." in said and "BIRD version 2." in said


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


def test_its_bird_takes_what_we_write(tmp_path):
    """As test_bird_conf.c has it; without a network of the container's it only reads it."""
    text = (ROOT / "test/unit/test_bird_conf.c").read_text(encoding="ascii")
    whole = text[text.index("test_the_whole_file"):].split("assert_string_equal(text,", 1)[1].split(");", 1)[0]
    conf = tmp_path / "bird.conf"
    conf.write_text("".join(map(json.loads, re.findall(r'"(?:[^"\\]|\\.)*"', whole))), encoding="ascii")
    done = contained(EXABGP, [tmp_path], "/usr/sbin/bird", "-p", "-c", conf)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("conf", sorted((ROOT / "test/golden").glob("*/keepalived.conf")),
                         ids=lambda conf: conf.parent.name)
def test_its_keepalived_takes_what_we_write(conf):
    done = contained(IPVS, [conf.parent], "/usr/sbin/keepalived", "--config-test", "--check", "--use-file", conf)
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_controller_follows_a_server_that_has_no_http_2(tmp_path, monkeypatch):
    """As test/kube/test_faults.py, but with the image's libcurl."""
    folder, programs = tmp_path / "rig", tmp_path / "bin"
    folder.mkdir()
    programs.mkdir()
    command = IPVS.command(folders=[folder, ROOT / "templates"])
    script = programs / "kago-controller"
    script.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, command))} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("KAGO_BIN", str(programs))
    make_certificates(tmp_path, "IP:127.0.0.1")
    with running(folder, tmp_path) as rig:
        rig.started()
        rig.change()
        rig.settle()


def readelf(image, *words):
    done = subprocess.run(["readelf", "-W", *words, image.root / PROGRAMS[image][0].lstrip("/")],
                          capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


@each
def test_its_program_is_hardened(image):
    """What takes no flag of the linker's is known by the instructions, and by the names of the checks of the libc."""
    assert "DYN (Position-Independent Executable" in readelf(image, "--file-header")
    assert re.search(r"\(FLAGS_1\).* NOW.* PIE", readelf(image, "--dynamic"))
    segments = readelf(image, "--program-headers")
    assert "GNU_RELRO" in segments and re.search(r"GNU_STACK .* RW ", segments)
    program = (image.root / PROGRAMS[image][0].lstrip("/")).read_bytes()
    landing = {"x86_64": b"\xf3\x0f\x1e\xfa", "aarch64": b"\x3f\x23\x03\xd5"}[os.uname().machine]
    assert program.count(landing) > (50 if image is NODE_SOCKETS else 100), "functions do not say that they are such"
    assert ("INTERP" in segments) is (image is not NODE_SOCKETS)
    if image is NODE_SOCKETS:
        return  # without symbols of the libc's
    symbols = set(re.findall(r" (__\w+_chk|__stack_chk_fail)\b", readelf(image, "--dyn-syms")))
    assert {"__stack_chk_fail", "__memcpy_chk", "__snprintf_chk"} <= symbols
    # Of a size that only the running program knows: _FORTIFY_SOURCE=3.
    assert image is not IPVS or "__memset_chk" in symbols


@pytest.mark.parametrize("image", [IPVS, EXABGP], ids=lambda image: image.name)
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


def test_one_program_is_all_that_can_be_run_beside_the_node():
    """Whoever executes something there has capabilities for the node's network namespace, and nothing to execute."""
    found = {str(path.relative_to(NODE_SOCKETS.root)) for path in files(NODE_SOCKETS)
             if not path.is_symlink() and path.stat().st_mode & 0o111}
    assert found == {"usr/bin/kago-node-sockets"}
    done = contained(NODE_SOCKETS, [], "/usr/bin/kago-node-sockets")
    assert done.returncode == 2 and "NETNS SOCKET" in done.stderr


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
def test_a_bill_of_materials_lies_beside_it(image):
    """It names kago and each package, with its version, so that a scanner needs no image."""
    path = tar(image).with_suffix(".spdx.json")
    bill = json.loads(path.read_text(encoding="utf-8"))
    assert bill["spdxVersion"] == "SPDX-2.3" and bill["documentNamespace"].startswith("https://")
    status = (image.root / "var/lib/dpkg/status").read_text(encoding="utf-8")
    installed = dict(zip(re.findall("^Package: (.*)", status, re.MULTILINE),
                         re.findall("^Version: (.*)", status, re.MULTILINE)))
    assert {package["name"]: package["versionInfo"] for package in bill["packages"]} == {
        **installed, "kago": VERSION, f"kago-{image.name}": VERSION}
    ids = [package["SPDXID"] for package in bill["packages"]]
    assert len(set(ids)) == len(ids)
    assert {relation["relatedSpdxElement"] for relation in bill["relationships"]} == set(ids)
    libc, = (package for package in bill["packages"] if package["name"] == "libc6")
    assert libc["externalRefs"][0]["referenceLocator"].startswith(
        f"pkg:deb/debian/libc6@{quote(installed['libc6'])}?arch=")
    created = datetime.fromisoformat(bill["creationInfo"]["created"].replace("Z", "+00:00"))
    done = subprocess.run([sys.executable, ROOT / "scripts/lib/images_sbom.py", f"kago-{image.name}", VERSION,
                           str(int(created.timestamp())), image.root], capture_output=True, text=True, check=True)
    assert done.stdout == path.read_text(encoding="utf-8"), "the same image gives another bill"


def test_packages_that_are_not_as_pinned_are_named(tmp_path):
    def pins(what):
        bills = [tar(image).with_suffix(".spdx.json") for image in IMAGES]
        return subprocess.run([sys.executable, ROOT / "scripts/lib/images_pins.py", what, path, *bills],
                              capture_output=True, text=True, check=False)

    path = tmp_path / "pins"
    assert pins("write").returncode == 0
    assert (pins("check").returncode, pins("check").stdout) == (0, "")
    text = path.read_text(encoding="utf-8")
    version = re.search("^kago-ipvs keepalived (.*)$", text, re.MULTILINE)[1]
    assert re.search("^kago-exabgp python3-exabgp ", text, re.MULTILINE) and f" kago {VERSION}" not in text
    path.write_text(text.replace(f"kago-ipvs keepalived {version}", "kago-ipvs keepalived 1:2.3.1-1")
                    + "kago-exabgp nothing 1\n", encoding="utf-8")
    assert pins("check").returncode == 1
    assert pins("check").stdout.splitlines() == [
        "kago-exabgp: nothing is not there, pinned: 1", f"kago-ipvs: keepalived {version}, pinned: 1:2.3.1-1"]


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
    """So that all images are built of the same layers, and kago is compiled once."""
    def beginning(name):
        text = (ROOT / name).read_text(encoding="utf-8")
        return re.search("^FROM [$].*?(?=\n\n(?:#.*\n)*FROM (?!packages AS build))", text, re.DOTALL | re.MULTILINE)[0]

    assert beginning("Dockerfile.ipvs") == beginning("Dockerfile.exabgp") == beginning("Dockerfile.node-sockets")


@pytest.mark.skipif(os.environ.get("CI") != "true", reason="takes a minute: only with CI=true")
def test_the_same_files_give_the_same_image():
    before = digests()
    subprocess.run([ROOT / "scripts/images", "build", "--no-cache"], check=True, timeout=600)
    assert digests() == before


def test_a_program_in_python_can_ask_a_cloud():
    """With what the examples of docs/exec.md import."""
    done = inside(EXABGP, "/usr/bin/python3", "-c", "import json, ssl, time, urllib.error, urllib.request")
    assert (done.returncode, done.stderr) == (0, "")
