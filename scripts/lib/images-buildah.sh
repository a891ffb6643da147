# shellcheck shell=bash disable=SC2034,SC2154 # its variables are those of scripts/images
# SPDX-License-Identifier: Apache-2.0
# Images with buildah, without an engine and without a registry. A part of scripts/images.
#
#   buildah_base                                makes the Debian to start from, unless it is there;
#                                               sets base_id and epoch
#   buildah_build FILE NAME TAR OPTION...       builds the image NAME as FILE says, into TAR

# Files of the base that are younger get this time: the day of Debian 13's release.
_buildah_base_epoch=1754697600
# Each change adds some images to the store, which are small beside the first ones.
_buildah_max_images=80

buildah_base() {
    ((EUID == 0)) || die "only root can build with buildah"
    packages_need "to build images" buildah mmdebstrap debian-archive-keyring python3 util-linux ||
        die "packages are missing"
    _buildah_proxy
    [[ -z $fresh ]] || rm -rf "$cache/base"
    if [[ ! -e $cache/base/id ]]; then
        say "making a Debian 13 to start from"
        _buildah_make_base || die "mmdebstrap failed"
    fi
    [[ -z $no_cache ]] || rm -rf "$cache/store"
    base_id=$(<"$cache/base/id")
    epoch=${SOURCE_DATE_EPOCH:-$(<"$cache/base/date")}
}

# Who reaches Debian through a proxy told apt, whose settings end at the host.
_buildah_proxy() {
    local proxy=''
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [[ -z $proxy || -n ${http_proxy:-} ]] || export http_proxy=$proxy
}

_buildah_make_base() {
    local new=$cache/base.new
    rm -rf "$new" "$cache/store"
    mkdir "$new"
    # The newest of its package lists is what the images' time says.
    SOURCE_DATE_EPOCH=$_buildah_base_epoch _buildah_apart mmdebstrap --quiet --variant=apt --format=tar \
        --mode=root --keyring=/usr/share/keyrings \
        --customize-hook="sed -n 's/^Date: //p' \"\$1\"/var/lib/apt/lists/*Release |
            while read -r date; do date -d \"\$date\" +%s; done | sort -n | tail -n 1 >'$new/date'" \
        trixie "$new/tar" || return
    sha256sum <"$new/tar" | cut -c 1-16 >"$new/id"
    mv "$new" "$cache/base"
}

buildah_build() {
    local file=$1 name=$2 tar=$3 base=localhost/kago-base:$base_id
    shift 3
    _buildah_limit || return
    if ! _buildah images -q "$base" >/dev/null 2>&1; then
        _buildah_import "$base" || return
    fi
    _buildah build --isolation chroot --network host --layers --pull=never --format oci \
        --identity-label=false --timestamp "$epoch" --build-arg "BASE=$base" "$@" --tag "$name" --file "$file" "$root" &&
        _buildah push "$name" "docker-archive:$tar:$name"
}

_buildah_import() {
    _buildah from --name kago-base scratch &&
        _buildah add --quiet kago-base "$cache/base/tar" / &&
        _buildah commit --quiet --rm --timestamp "$epoch" kago-base "$1"
}

# What a killed build left, and a store that grew too large.
_buildah_limit() {
    if ! _buildah rm --all >/dev/null || (($(_buildah images --all --quiet | wc -l) > _buildah_max_images)); then
        rm -rf "$cache/store"
    fi
}

# buildah with a store of its own: the user's images are not touched, and ours go with the cache.
_buildah() {
    _buildah_apart buildah --root "$cache/store" --runroot "$cache/store/run" "$@"
}

# Runs a command whose mounts and processes are gone when it ends, or when we do.
_buildah_apart() {
    setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc -- "$@"
}
