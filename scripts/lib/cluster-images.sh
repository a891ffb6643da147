# shellcheck shell=bash disable=SC2154 # it uses what scripts/cluster has
# SPDX-License-Identifier: Apache-2.0
# The images of a cluster. A part of scripts/cluster, which sources it.
#
#   images_make   makes those of test/cluster, in $dir/images: pause.tar, web.tar and enter.tar
#   images_seed   prints an archive of a containerd's folder that has kago's images and what else runs on nodes for
#                 load balancers, which an emulated node unpacks several times faster than it would import them

images_make() {
    local name
    mkdir -p "$dir/images"
    for name in pause web enter; do
        gcc -O2 -static -s -o "$dir/images/$name" "$root/test/cluster/$name.c" || die "$name does not compile"
        python3 "$root/scripts/lib/images.py" make "localhost/$name:1" "$dir/images/$name" "$dir/images/$name.tar"
    done
}

images_seed() {
    local images=("$dir"/images/{pause,enter}.tar "$kago_images"/kago-{ipvs,exabgp,node-sockets}.tar) folder=$cache/cluster seed lock
    mkdir -p "$folder"
    seed=$folder/seed-$(cat "${images[@]}" | sha256sum | cut -c1-16).tar
    exec {lock}>"$folder/lock"
    flock "$lock"
    if [[ ! -e $seed ]]; then
        rm -f "$folder"/seed-*
        _images_import "$seed" "${images[@]}" || die "kago's images cannot be imported"
    fi
    exec {lock}>&-
    printf '%s\n' "$seed"
}

_images_import() ( # SEED IMAGE...
    seed=$1
    shift
    work=$(mktemp -d "$cache/cluster/work.XXXXXX")
    socket=$(mktemp -u /run/kago-seed.XXXXXX)
    daemon=
    trap '[[ -z $daemon ]] || { kill "$daemon" && wait "$daemon"; }; rm -rf "$work" "$socket"*' EXIT
    cat >"$work/config" <<END
version = 2
root = "$work/containerd"
state = "$work/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "$socket"
END
    containerd -c "$work/config" >"$dir/images/containerd.log" 2>&1 </dev/null &
    daemon=$!
    for _ in {1..100}; do
        ctr -a "$socket" version >/dev/null 2>&1 && break
        sleep 0.1
    done
    for image; do
        ctr -a "$socket" -n k8s.io images import "$image" >/dev/null || exit 1
    done
    kill "$daemon" && wait "$daemon"
    daemon=
    tar -C "$work/containerd" -cf "$seed.new" . && mv "$seed.new" "$seed"
)
