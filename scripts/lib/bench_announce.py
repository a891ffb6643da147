#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How long routes and VIPs take to come and go. Runs inside the lab, or with --native outside; see scripts/bench."""

import argparse
import json
import os
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("test/lab", "test/lab/inside")]
import announce_bgp  # noqa: E402

EVENTS = {  # what happened, the goal for the 99th percentile in s, and whether that is for the wire
    "start": ("pod started, until it has a route", 2, False),
    "sigterm": ("SIGTERM", 0.1, True),
    "kill-exabgp": ("SIGKILL of exabgp", 0.3, False),
    "kill-pod": ("SIGKILL of the pod", 0.3, False),
    "silence-bfd": ("silence, BFD 300 ms x 3", 1, False),
    "silence-3s": ("silence, hold time 3 s", None, False),
    "silence-9s": ("silence, hold time 9 s", None, False),
    "l2-sigterm": ("layer 2: SIGTERM", None, False),
    "l2-kill": ("layer 2: SIGKILL of the pod", 1.5, False),
    "l2-silence": ("layer 2: silence", 1.5, False),
}


def percentile(values, percent):
    """The nearest rank: of less than a hundred the 99th is the greatest."""
    values = sorted(values)
    return values[max(0, -(-len(values) * percent // 100) - 1)]


def row(event, runs):
    what, goal, by_wire = EVENTS[event]
    took, wire = ([one[i] for one in runs if one[i] is not None] for i in (0, 1))
    cells = [f"{percentile(took, p):.3f}" for p in (50, 90, 99, 100)]
    said = f"{percentile(wire, 50):.3f} / {percentile(wire, 99):.3f}" if wire else "-"
    judged = wire if by_wire else took
    verdict = "-" if goal is None or not judged else (
        f"{goal:g} s{' on the wire' if by_wire else ''}: {'met' if percentile(judged, 99) <= goal else 'missed'}")
    return f"| {what} | {len(runs)} | {' | '.join(cells)} | {said} | {verdict} |"


def table(found):
    lines = ["| what happened | n | median, s | 90 % | 99 % | slowest | on the wire, median / 99 % | goal for 99 % |",
             "|---|---|---|---|---|---|---|---|"]
    return "\n".join(lines + [row(event, found[event]) for event in EVENTS if found.get(event)]) + "\n"


def measure_l2(found, rounds, until):
    import announce_l2  # pylint: disable=import-outside-toplevel # it needs what a lab alone has
    announce_l2.measure(found, rounds, until)


def parts(native):
    """What is measured together: (events, function)."""
    make = announce_bgp.BarePod if native else announce_bgp.WholePod
    found = [(tuple(announce_bgp.SILENT), lambda *rest: announce_bgp.measure_silence(make, *rest)),
             (announce_bgp.LIVES, lambda *rest: announce_bgp.measure_lives(make, *rest))]
    return found if native else [*found, (tuple(e for e in EVENTS if e.startswith("l2-")), measure_l2)]


def write(path, found):
    """As a table, and as draw_cdf.py wants it."""
    times = {EVENTS[event][0]: [round(one[0], 4) for one in found[event]] for event in EVENTS if found.get(event)}
    path.with_suffix(".json").write_text(json.dumps(times) + "\n", encoding="ascii")
    path.with_suffix(".md").write_text(table(found), encoding="ascii")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--events", default=",".join(EVENTS))
    parser.add_argument("--minutes", type=float, default=18, help="after which no round begins")
    parser.add_argument("--native", action="store_true", help="outside of the lab, what needs no IPVS")
    args = parser.parse_args()
    wanted = args.events.split(",")
    if unknown := set(wanted) - set(EVENTS):
        parser.error(f"no such event: {', '.join(sorted(unknown))}")
    out = pathlib.Path(os.environ.get("KAGO_LAB_OUT", ROOT / "build/bench"))
    out.mkdir(parents=True, exist_ok=True)
    name = "announce-native" if args.native else "announce"
    todo = [([e for e in events if e in wanted], do) for events, do in parts(args.native)]
    todo = [(events, do) for events, do in todo if events]
    end, found = time.monotonic() + args.minutes * 60, {}
    for i, (events, do) in enumerate(todo):
        now = time.monotonic()
        found.update({event: [] for event in events})
        try:
            # Each gets the same part of the time that is left.
            do({event: found[event] for event in events}, args.rounds, now + (end - now) / (len(todo) - i))
        finally:
            write(out / name, found)
        print(f"{', '.join(events)}: {time.monotonic() - now:.0f} s", flush=True)
    print(table(found), end="")


if __name__ == "__main__":
    main()
