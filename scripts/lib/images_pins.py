# SPDX-License-Identifier: Apache-2.0
"""Whether images are made of the packages that they are said to be made of, to the version.

images_pins.py check PINS SPDX...    says what is different, a line each, and fails then
images_pins.py write PINS SPDX...    makes PINS say what is

PINS has a line for each package of each image, "IMAGE PACKAGE VERSION"; SPDX are documents of images_sbom.py.
"""

import json
import sys
from pathlib import Path

HEAD = "# What the images are made of: scripts/images pin writes it, scripts/images build --pinned asks for it.\n"


def installed(bills):
    """{(image, package): version}; kago itself is not one of Debian's."""
    found = {}
    for bill in bills:
        document = json.loads(Path(bill).read_text(encoding="utf-8"))
        image = next(p["name"] for p in document["packages"] if p.get("primaryPackagePurpose") == "CONTAINER")
        found.update({(image, p["name"]): p["versionInfo"] for p in document["packages"] if "externalRefs" in p})
    return found


def pinned(path):
    lines = (line.split() for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return {(image, package): version for image, package, version in lines}


def differences(wanted, found):
    for image, package in sorted(wanted.keys() | found.keys()):
        old, new = wanted.get((image, package)), found.get((image, package))
        if old != new:
            yield f"{image}: {package} {new or 'is not there'}, pinned: {old or 'none'}"


def main(arguments):
    if len(arguments) < 3 or arguments[0] not in ("check", "write"):
        sys.exit(__doc__)
    path, found = Path(arguments[1]), installed(arguments[2:])
    if arguments[0] == "write":
        path.write_text(HEAD + "".join(f"{image} {package} {version}\n" for (image, package), version
                                       in sorted(found.items())), encoding="utf-8")
        return
    told = list(differences(pinned(path), found))
    for line in told:
        print(line)
    sys.exit(1 if told else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
