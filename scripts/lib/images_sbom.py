# SPDX-License-Identifier: Apache-2.0
"""What an image is made of, as SPDX 2.3 in JSON: kago, and the Debian packages that its files are from.

images_sbom.py NAME VERSION EPOCH ROOT    prints it; ROOT is the image's file system, EPOCH its time in seconds

The same image gives the same text. Which licence a package has is in ROOT/usr/share/doc/*/copyright, in words that
no program can tell for sure, so that is not said.
"""

import hashlib
import json
import re
import sys
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import quote

UNSAID = "NOASSERTION"


def packages(root):
    """The fields of each package in dpkg's status, by name."""
    text = (root / "var/lib/dpkg/status").read_text(encoding="utf-8")
    for part in text.strip().split("\n\n"):
        yield dict(re.findall(r"^([A-Z][A-Za-z-]*): (.*)$", part, re.MULTILINE))


def release(root):
    """Such as debian-13."""
    text = (root / "etc/os-release").read_text(encoding="utf-8")
    fields = dict(re.findall(r'^(\w+)="?([^"\n]*)', text, re.MULTILINE))
    return f"{fields['ID']}-{fields['VERSION_ID']}"


def entry(name, version, **more):
    return {"SPDXID": "SPDXRef-" + re.sub("[^A-Za-z0-9.-]", "-", name), "name": name, "versionInfo": version,
            "downloadLocation": UNSAID, "filesAnalyzed": False, "licenseConcluded": UNSAID,
            "licenseDeclared": UNSAID, "copyrightText": UNSAID, **more}


def debian_entry(fields, distribution):
    name, version = fields["Package"], fields["Version"]
    locator = (f"pkg:deb/debian/{quote(name, safe='')}@{quote(version, safe='')}"
               f"?arch={fields['Architecture']}&distro={distribution}")
    return entry(name, version, supplier=f"Person: {fields['Maintainer']}", sourceInfo=fields.get("Source", name),
                 externalRefs=[{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                                "referenceLocator": locator}])


def document(name, version, epoch, root):
    distribution = release(root)
    own = entry("kago", version, licenseDeclared="Apache-2.0", primaryPackagePurpose="APPLICATION")
    inside = [own, *sorted((debian_entry(fields, distribution) for fields in packages(root)),
                           key=lambda package: package["SPDXID"])]
    image = entry(name, version, primaryPackagePurpose="CONTAINER")
    digest = hashlib.sha256(json.dumps(inside).encode()).hexdigest()
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", image["SPDXID"]),
                 *((image["SPDXID"], "CONTAINS", package["SPDXID"]) for package in inside)]
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
            "name": f"{name}-{version}", "documentNamespace": f"https://kago.dev/spdx/{name}-{version}-{digest}",
            "creationInfo": {"created": f"{datetime.fromtimestamp(epoch, timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
                             "creators": ["Tool: kago-images_sbom.py"]},
            "packages": [image, *inside],
            "relationships": [{"spdxElementId": one, "relationshipType": how, "relatedSpdxElement": other}
                              for one, how, other in relations]}


def main(arguments):
    if len(arguments) != 4:
        sys.exit(__doc__)
    name, version, epoch, root = arguments
    print(json.dumps(document(name, version, int(epoch), Path(root)), indent=2, sort_keys=True))


if __name__ == "__main__":
    main(sys.argv[1:])
