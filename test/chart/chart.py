#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The chart, and helm of two major versions.

usage: test/chart/chart.py --update    rewrites what the chart renders, test/chart/snapshots
"""

import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lab"))
from net import ROOT, Failed, run  # noqa: E402

CHART = ROOT / "charts/kago"
HERE = ROOT / "test/chart"
VALUES = sorted(path.stem for path in (HERE / "values").glob("*.yaml"))
SERVER = "1.33.0"  # what snapshots are rendered for
RELEASE = NAMESPACE = "kago"


class Helm:
    def __init__(self, major):
        self.major = major
        found = run("bash", "-c", f". {ROOT}/scripts/lib/helm.sh && helm_find {major}", check=False, timeout=900)
        if found.returncode != 0:
            raise Failed(found.stderr.strip())
        self.program = found.stdout.strip()

    def run(self, *words, **options):
        return run(self.program, *words, **options)

    def refused(self, *words):
        """What it says as it fails."""
        done = self.run(*words, check=False)
        if done.returncode == 0:
            raise Failed(f"helm {' '.join(map(str, words))} was not refused:\n{done.stdout}")
        return done.stderr

    def template(self, values, *words, server=SERVER):
        """The text of all objects, for the values of a file of test/chart/values."""
        return self.run("template", RELEASE, CHART, "-n", NAMESPACE, "--kube-version", server,
                        "-f", values_of(values), *words).stdout

    def objects(self, values, *words, **options):
        return [o for o in yaml.safe_load_all(self.template(values, *words, **options)) if o]


def values_of(name):
    return HERE / "values" / f"{name}.yaml"


def snapshot_of(name):
    return HERE / "snapshots" / f"{name}.yaml"


def workload(objects, component="load-balancer"):
    """The Deployment or DaemonSet of the load balancers, or of the agents of nodes."""
    return next(o for o in objects if o and o["kind"] in ("Deployment", "DaemonSet")
                and o["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"] == component)


def only(objects, kind):
    """The only object of a kind."""
    found = [o for o in objects if o["kind"] == kind]
    if len(found) != 1:
        raise Failed(f"{len(found)} objects are {kind}")
    return found[0]


def main(arguments):
    if arguments != ["--update"]:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    helm = Helm(4)
    for name in VALUES:
        snapshot_of(name).write_text(helm.template(name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
