# shellcheck shell=bash disable=SC2154 # it uses what scripts/kube has
# SPDX-License-Identifier: Apache-2.0
# Where the programs of the control plane come from. A part of scripts/kube, which sources it.
#
#   build_programs   builds what is missing and sets `programs`, the folder with all of them; with
#                    `with_nodes` also what nodes need

_build_modules=$root/test/kubernetes

build_programs() {
    if [[ -n ${KUBEBUILDER_ASSETS:-} ]]; then
        programs=$(realpath -m -- "$KUBEBUILDER_ASSETS")
        local missing
        missing=$(_build_missing)
        [[ -z $missing ]] || die "KUBEBUILDER_ASSETS: $programs has no ${missing//$'\n'/, }"
        return
    fi
    local kubernetes etcd lock
    kubernetes=$(_build_version "$_build_modules" k8s.io/kubernetes)
    etcd=$(_build_version "$_build_modules/etcd" go.etcd.io/etcd/server/v3)
    programs=$cache/kubernetes-$kubernetes-etcd-$etcd
    [[ -n $(_build_missing) ]] || return 0
    _build_go_is_there || die "no control plane: it takes Go 1.26 or newer to build Kubernetes, or \
KUBEBUILDER_ASSETS, the folder with ${plane_programs[*]} and kubectl" 77
    mkdir -p "$programs"
    exec {lock}>"$programs/lock"
    flock "$lock"
    _build_all "$kubernetes" "$etcd"
    exec {lock}>&-
}

_build_missing() {
    local program
    for program in "${plane_programs[@]}" kubectl ${with_nodes:+kube-scheduler kubelet kube-proxy}; do
        [[ -x $programs/$program ]] || printf '%s\n' "$program"
    done
}

_build_version() { # FOLDER MODULE
    sed -n "s#^require $2 v##p" "$1/go.mod"
}

# Asked beside the go.mod, since a newer Go may be fetched for its sake.
_build_go_is_there() {
    local version
    version=$(cd "$_build_modules" && go env GOVERSION 2>/dev/null) || return 1
    [[ $version =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] >= 26))
}

_build_all() { # KUBERNETES ETCD
    local missing set=k8s.io/component-base/version.git
    mapfile -t missing < <(_build_missing | sed '/^etcd$/d; s#^#k8s.io/kubernetes/cmd/#')
    if ((${#missing[@]})); then
        say "building Kubernetes $1, some minutes unless Go has done it before: ${missing[*]##*/}"
        _build "$_build_modules" "-X ${set}Version=v$1 -X ${set}Major=${1%%.*} \
-X ${set}Minor=$(cut -d. -f2 <<<"$1")" "${missing[@]}"
    fi
    if [[ ! -x $programs/etcd ]]; then
        say "building etcd $2"
        _build "$_build_modules/etcd" "" go.etcd.io/etcd/server/v3
    fi
}

# A program gets its final name when it is complete.
_build() { # FOLDER LINKER_FLAGS PACKAGE...
    local new=$programs/new program
    rm -rf "$new"
    mkdir "$new"
    (cd "$1" && GOWORK=off CGO_ENABLED=0 go build -mod=readonly -buildvcs=false -trimpath \
        -ldflags="-s -w $2" -o "$new/" "${@:3}") >&2 || die "the build failed"
    # The name of etcd's package.
    [[ ! -e $new/server ]] || mv "$new/server" "$new/etcd"
    for program in "$new"/*; do
        mv "$program" "$programs/"
    done
    rmdir "$new"
}
