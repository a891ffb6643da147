# SPDX-License-Identifier: Apache-2.0
"""scripts/kube itself: several at once, brought back, and gone without a trace."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from api import Api, ApiError
from net import ROOT, Process, run, wait_for

KUBE = ROOT / "scripts/kube"


def users_of(folder):
    """The processes whose command lines have the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if f"={folder}/" in line:
                found.append(line.replace("\0", " "))
    return found


@pytest.fixture(name="plane")
def _plane(tmp_path):
    """A folder with a control plane."""
    folder = tmp_path / "plane"
    run(KUBE, "up", folder, timeout=150)
    yield folder
    run(KUBE, "down", folder)


def test_a_second_one_is_another_one(plane, cluster):
    api = Api(plane / "kubeconfig")
    assert api.server != cluster.api.server
    api.create({"kind": "Namespace", "metadata": {"name": "only-here"}})
    with pytest.raises(ApiError, match="404"):
        cluster.api.get("Namespace", None, "only-here")


def test_what_was_killed_comes_back_with_its_data(plane):
    api = Api(plane / "kubeconfig")
    api.create({"kind": "Namespace", "metadata": {"name": "stays"}})
    for name in ("kube-apiserver", "etcd"):
        os.kill(int((plane / f"{name}.pid").read_text(encoding="ascii")), signal.SIGKILL)
    status = run(KUBE, "status", plane, check=False)
    assert status.returncode == 1
    assert re.findall(r"^(\S+) +down$", status.stdout, re.MULTILINE) == ["etcd", "kube-apiserver"]
    run(KUBE, "up", plane, timeout=150)
    assert run(KUBE, "status", plane).stdout.count("up, pid") == 3
    assert api.get("Namespace", None, "stays")


def test_without_the_controller_manager_it_is_up_and_complete(tmp_path):
    folder = tmp_path / "plane"
    try:
        run(KUBE, "up", "--without", "kube-controller-manager", folder, timeout=150)
        assert re.findall(r"^(\S+) +up, pid", run(KUBE, "status", folder).stdout, re.MULTILINE) == [
            "etcd", "kube-apiserver"]
        run(KUBE, "up", folder, timeout=150)  # what was left out stays so
        assert len(users_of(folder)) == 2
    finally:
        run(KUBE, "down", folder)


def test_down_ends_also_what_is_stopped_and_removes_the_folder(tmp_path):
    folder = tmp_path / "plane"
    run(KUBE, "up", folder, timeout=150)
    assert len(users_of(folder)) == 3
    os.kill(int((folder / "etcd.pid").read_text(encoding="ascii")), signal.SIGSTOP)
    run(KUBE, "down", folder)
    assert not users_of(folder) and not folder.exists()


def test_down_takes_no_folder_of_somebody_else(tmp_path):
    (tmp_path / "file").touch()
    assert "has no control plane" in run(KUBE, "down", tmp_path, check=False).stderr
    assert "is not empty" in run(KUBE, "up", tmp_path, check=False).stderr
    assert (tmp_path / "file").exists()


def test_run_gives_the_command_a_cluster_and_passes_its_status_on(tmp_path):
    script = 'kubectl get namespace default -o name; echo "$KAGO_KUBE_DIR"; exit 7'
    done = run(KUBE, "run", "--", "bash", "-c", script, check=False, timeout=150)
    name, folder = done.stdout.split()
    assert (done.returncode, name) == (7, "namespace/default")
    assert not users_of(folder) and not Path(folder).exists()


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_no_process(tmp_path, sig):
    process = Process([KUBE, "run", "--", "bash", "-c", 'echo "$KAGO_KUBE_DIR"; sleep 600 & sleep 601'],
                      tmp_path / "log")
    try:
        folder = Path(process.wait_for_line(r"^/\S+$", 150).group())
        os.kill(process.pid, sig)
        if sig != signal.SIGKILL:  # else nobody is there to remove the folder
            assert process.wait() == 128 + sig
            assert not folder.exists()
        wait_for("the end of all its processes", lambda: not users_of(folder), 60)
        if sig != signal.SIGKILL:
            assert not subprocess.run(["pgrep", "-s", str(process.pid)], check=False,
                                      stdout=subprocess.DEVNULL).returncode == 0
    finally:
        process.kill()
        run(KUBE, "down", folder, check=False)


def test_a_program_that_cannot_start_is_told_of(tmp_path):
    done = run(KUBE, "up", "--flag", "kube-apiserver=--no-such-flag", tmp_path / "plane", check=False)
    assert done.returncode == 125 and "unknown flag: --no-such-flag" in done.stderr
    assert not (tmp_path / "plane").exists()


def test_without_go_it_says_what_it_needs(tmp_path):
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    if subprocess.run(["sh", "-c", "command -v go"], env=environment, check=False,
                      stdout=subprocess.DEVNULL).returncode == 0:
        pytest.skip("Go is in /usr/bin, too")
    done = subprocess.run([str(KUBE), "build"], env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 77
    assert "it takes Go 1.26" in done.stderr and "KUBEBUILDER_ASSETS" in done.stderr


@pytest.mark.parametrize("words", [[], ["fly"], ["up", "--keep"], ["run"], ["up", "--flag", "x"],
                                   ["up", "--without", "etcd"], ["down", "a", "b"]])
def test_wrong_usage_is_told(words):
    done = run(KUBE, *words, check=False)
    assert done.returncode == 2 and "see scripts/kube --help" in done.stderr
