#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# image-parts.sh DIR FILE...: fills DIR with what an image needs besides kago's own programs, from the
# Debian it runs in, which is a stage of a Dockerfile: the FILEs (those of kago only count for what they
# need), folders among them, every shared library these need, and as much of a system as programs expect.
# What a package that has a file in DIR is licensed by comes along, and its entry in dpkg's status, so
# that scanners see what is there.
set -euo pipefail

parts=$1
shift

main() {
    mkdir -p "$parts"
    skeleton
    local file
    for file in "$@"; do
        [[ $file = /kago/* ]] || copy "$file"
    done
    while read -r file; do
        copy "$file"
    done < <(libraries "$@")
    record_packages
}

# An image without packages of the system's own has no users, no /tmp, and does not say what it is.
skeleton() {
    local folder
    for folder in bin sbin lib lib64; do
        mkdir -p "$parts/usr/$folder"
        ln -s "usr/$folder" "$parts/$folder"
    done
    mkdir -p "$parts"/{dev,etc,proc,root,run,sys,var}
    mkdir -m 1777 "$parts/tmp"
    chmod 700 "$parts/root"
    ln -s /run "$parts/var/run"
    printf '%s\n' 'root:x:0:0:root:/root:/usr/sbin/nologin' \
        'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin' >"$parts/etc/passwd"
    printf '%s\n' 'root:x:0:' 'nogroup:x:65534:' >"$parts/etc/group"
    printf '%s\n' 'passwd: files' 'group: files' 'hosts: files dns' >"$parts/etc/nsswitch.conf"
    copy /etc/debian_version
    copy /etc/os-release
}

# A link, and what it leads to, step by step; all where they really are, for /lib is a link itself.
copy() {
    local folder file
    folder=$(realpath "$(dirname "$1")")
    file=$folder/$(basename "$1")
    cp -a --parents --update=none "$file" "$parts"
    [[ ! -L $file ]] || copy "$(cd "$folder" && realpath -s "$(readlink "$file")")"
}

# The shared libraries that the programs and modules among FILE... need.
libraries() {
    local file
    find -L "$@" -type f \( -perm -u+x -o -name '*.so*' \) | while read -r file; do
        [[ $(head -c 4 "$file" | tr '\0' 0) = $'\x7fELF' ]] || continue
        ldd "$file" | awk '/not found/ { print >"/dev/stderr"; exit 1 }
            $2 == "=>" { print $3 } $1 ~ /^\// { print $1 }'
    done | sort -u
}

record_packages() {
    local names name
    # Some are of no package: those that were made here.
    names=$(find "$parts" \( -type f -o -type l \) -printf '/%P\n' | { xargs dpkg -S 2>/dev/null || true; } |
        sed 's/: .*//' | tr -s ', ' '\n' | sort -u)
    mkdir -p "$parts/var/lib/dpkg"
    for name in $names; do
        dpkg-query -s "$name"
        echo
        # Some packages have it in another's folder.
        [[ ! -L /usr/share/doc/${name%:*} ]] || cp -a --parents "/usr/share/doc/${name%:*}" "$parts"
        copy "/usr/share/doc/${name%:*}/copyright"
    done >"$parts/var/lib/dpkg/status"
}

main "$@"
