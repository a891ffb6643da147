# SPDX-License-Identifier: Apache-2.0
"""A controller that runs with --render-only, as a user without privileges starts it."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time

TEMPLATE = pathlib.Path(__file__).resolve().parents[2] / "templates" / "keepalived.conf.mustache"
WITHIN = 20  # seconds


def wait(what, check):
    end = time.monotonic() + WITHIN
    while time.monotonic() < end:
        if check():
            return
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {WITHIN} s")


def same(what, got, wanted):
    if got != wanted:
        raise AssertionError(f"{what}: {got!r}, not {wanted!r}")


class Controller:
    def __init__(self, program, folder, name, listen):
        self.program, self.name = program, f"{name}-{os.getpid()}"
        self.state = folder / name
        self.conf = self.state / "keepalived.conf"
        settings = {"keepalived.stateDir": self.state, "keepalived.template": TEMPLATE,
                    "keepalived.program": "/nonexistent", "keepalived.nftTemplate": "/nonexistent",
                    "control.socket": self.name, "http.listen": listen}
        command = [program, "run", "--render-only", "--source", folder / "objects"]
        command += [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        self.log = (folder / f"{name}.log").open("w+")
        self.process = subprocess.Popen(command, stderr=self.log, stdout=self.log, process_group=0)

    def run(self, *words):
        """Runs another command that asks this one."""
        return subprocess.run([self.program, *words, "--socket", self.name], capture_output=True, text=True,
                              timeout=WITHIN, check=False)

    def status(self):
        done = self.run("status", "-o", "json")
        same("exit status", done.returncode, 0)
        status = json.loads(done.stdout)
        same("its layout", done.stdout, json.dumps(status, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
        return status

    def holds(self, text):
        return self.conf.exists() and text in self.conf.read_text()

    def stop(self):
        """The exit status after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WITHIN)

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.log.seek(0)
        return self.log.read()
