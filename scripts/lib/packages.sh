# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Debian packages for the scripts. To be sourced.
#
#   packages_need WHY PACKAGE...        installs those that are missing
#   packages_fetch WHY DIR PACKAGE...   unpacks packages into DIR without installing them
#
# Both say on stderr what they bring and why, and return 1 with one clear line when they cannot.
# KAGO_NO_INSTALL=1 makes them refuse, naming the command that would help.

# What compiling kago and its tests takes.
# shellcheck disable=SC2034 # for those that source this
packages_compiler="gcc libc6-dev cmake ninja-build pkg-config libcap-dev libsystemd-dev libnl-3-dev libnl-genl-3-dev
    libnl-route-3-dev libnftables-dev libmicrohttpd-dev libjansson-dev libyaml-dev libcurl4-openssl-dev
    uthash-dev libcmocka-dev"

_packages_policy=/usr/sbin/policy-rc.d
_packages_mark='# made by kago, for the time of one installation'

packages_need() {
    local why=$1 missing
    shift
    if [[ ! -x /usr/bin/dpkg-query ]]; then
        _packages_say "needs Debian and its packages $*: $why"
        return 1
    fi
    missing=$(comm -23 <(printf '%s\n' "$@" | sort -u) <(
        dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
            sed -n 's/^installed //p' | sort -u))
    [[ -n $missing ]] || return 0
    # shellcheck disable=SC2086 # one word per package
    set -- $missing
    if [[ ${KAGO_NO_INSTALL:-} = 1 ]]; then
        _packages_say "not installed: $* ($why); try: apt-get install --no-install-recommends $*"
        return 1
    fi
    if ((EUID != 0)); then
        _packages_say "only root can install $* ($why);" \
            "try: sudo apt-get install --no-install-recommends $*"
        return 1
    fi
    _packages_say "installing $*: $why"
    _packages_quietly _packages_install "$@"
}

packages_fetch() {
    local why=$1 dir=$2
    shift 2
    if [[ ${KAGO_NO_INSTALL:-} = 1 ]]; then
        _packages_say "not fetched, for KAGO_NO_INSTALL=1: $* ($why)"
        return 1
    fi
    _packages_say "fetching $*: $why"
    _packages_quietly _packages_unpack "$dir" "$@"
}

# The package that PACKAGE, a mere name for the newest one, depends on first.
packages_newest() {
    local newest try
    for try in old new; do
        newest=$(apt-cache depends "$1" 2>/dev/null | awk '$1 == "Depends:" && !n++ { print $2 }')
        [[ -z $newest ]] || break
        [[ $try = new ]] || _packages_quietly _packages_update || return 1
    done
    [[ -n $newest ]] || { _packages_say "apt knows no package $1"; return 1; }
    printf '%s\n' "$newest"
}

_packages_say() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# Runs CMD and shows what it printed only if it fails. The package lists may be missing or too old,
# which only shows when they are used: so a failure is tried once more after an update.
_packages_quietly() {
    local log
    log=$("$@" 2>&1) && return
    if [[ $1 != _packages_update && -z ${_packages_updated:-} ]]; then
        log+=$(_packages_update 2>&1) && _packages_updated=1 && log=$("$@" 2>&1) && return
    fi
    tail -n 20 <<<"$log" >&2
    _packages_say "failed: ${*#_packages_}"
    return 1
}

_packages_update() {
    apt-get -q -o DPkg::Lock::Timeout=600 update
}

# Packages of daemons start them on installation, which would change this host.
_packages_install() (
    exec 9</var/lib/dpkg # two scripts at once must not remove each other's policy
    flock 9
    if [[ ! -e $_packages_policy ]] || grep -qF "$_packages_mark" "$_packages_policy"; then
        trap 'rm -f "$_packages_policy"' EXIT
        printf '%s\n' '#!/bin/sh' "$_packages_mark" 'exit 101' >"$_packages_policy"
        chmod 755 "$_packages_policy"
    fi
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600 \
        -o Dpkg::Options::=--force-confold install --no-install-recommends "$@" 9>&-
)

_packages_unpack() (
    dir=$1
    shift
    archives=$(mktemp -d)
    trap 'rm -rf "$archives"' EXIT
    cd "$archives" || exit
    # apt's own user cannot write to our folder, and says so at length.
    apt-get -q -o APT::Sandbox::User="$(id -un)" download "$@" || exit
    for archive in *.deb; do
        dpkg -x "$archive" "$dir" || exit
    done
)
