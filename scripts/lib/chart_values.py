#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is made of the chart's values.schema.json, and what it is made of.

usage: scripts/lib/chart_values.py KAGO_SCHEMA [--update]

The property `config` is what the program KAGO_SCHEMA prints, and its part `bgp` is that of `groups`; all else is
written by hand. The table of docs/chart.md is
made of the schema's descriptions and the defaults of values.yaml. Says what is not up to date, or updates it.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts/kago"
SCHEMA = CHART / "values.schema.json"
DOCUMENT = ROOT / "docs/chart.md"
TABLE = re.compile(r"^\| value \| default \| meaning \|\n(?:\|.*\n)+", re.MULTILINE)
OF_PARENTS = ("global", "enabled")  # what a chart that this one is a part of puts among its values
LEAVES = ("config", "ipvs.livenessProbe", "ipvs.readinessProbe", "exabgp.livenessProbe")


def load():
    return json.loads(SCHEMA.read_text(encoding="utf-8"))


def with_config(schema, program):
    """The schema with the property `config` as the program has it."""
    printed = json.loads(subprocess.run([program], check=True, capture_output=True, text=True).stdout)
    del printed["$schema"], printed["title"]
    about = {"description": "`kago.yaml`; its keys are in [docs/configuration.md](configuration.md)."}
    properties = {**schema["properties"], "config": {**about, **printed, "type": ["object", "null"]}}
    group = schema["properties"]["groups"]["items"]["properties"]
    bgp = printed["properties"]["bgp"]
    group["bgp"] = {"description": "Keys in place of those of `config.bgp`.",
                    **{key: value for key, value in bgp.items() if key not in ("if", "then")}}
    return {**schema, "properties": properties}


def text_of(schema):
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def rows(properties, defaults, prefix=""):
    """(name, default, description) of each value; a section has none."""
    for name, value in properties.items():
        path, default = prefix + name, (defaults or {}).get(name)
        if "properties" in value and path not in LEAVES:
            yield from rows(value["properties"], default, f"{path}.")
        elif path not in OF_PARENTS:
            yield path, default, value["description"]


def shown(default):
    if default is None:
        return ""
    text = json.dumps(default)
    return f"`{text}`" if len(text) <= 40 else "see values.yaml"


def table(schema):
    defaults = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    lines = [f"| `{name}` | {shown(default)} | {about} |"
             for name, default, about in rows(schema["properties"], defaults)]
    return "\n".join(["| value | default | meaning |", "|---|---|---|", *lines]) + "\n"


def stale(program):
    """The files that are not up to date, with the text that they should have."""
    schema = with_config(load(), program)
    document = DOCUMENT.read_text(encoding="utf-8")
    new = {SCHEMA: text_of(schema), DOCUMENT: TABLE.sub(lambda _: table(schema), document)}
    return {path: text for path, text in new.items() if path.read_text(encoding="utf-8") != text}


def main(arguments):
    if not arguments or len(arguments) > 2 or arguments[1:] not in ([], ["--update"]):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    for path, text in stale(arguments[0]).items():
        if len(arguments) == 1:
            print(f"{path.relative_to(ROOT)} is not up to date: scripts/update-golden")
            return 1
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
