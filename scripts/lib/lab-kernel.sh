# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The lab's kernel and initramfs. To be sourced, after packages.sh.
#
#   lab_kernel CACHE                 prints a folder with vmlinux, busybox and lib/modules
#   lab_initramfs KERNEL INIT FILE [node]   writes an initramfs that starts INIT; `node`: with the
#                                           modules of a machine that is a node of a cluster

# What mounts the root. virtio_pci finds the devices of the modules after it.
_lab_modules_root=(virtio_pci overlay 9pnet_virtio 9p)
# What tests use. The kernel could ask for these itself, each for a third of a second.
_lab_modules=(
    ip_vs ip_vs_rr ip_vs_wrr ip_vs_lc ip_vs_wlc ip_vs_sh ip_vs_mh
    nf_conntrack nf_conntrack_netlink nf_tables nft_ct nft_masq nft_nat nft_chain_nat
    nft_fib_inet nft_fib_ipv4 nft_fib_ipv6 nft_reject_inet
    veth bridge dummy ipip ip6_tunnel fou vxlan
)

# What a network card, kubelet, kube-proxy and the CNI's plugins use.
_lab_modules_node=(virtio_net br_netfilter nft_compat nft_numgen nft_reject_ipv4 nft_hash xt_comment xt_mark)

lab_kernel() {
    local cache=$1 lock kernel
    mkdir -p "$cache"
    exec {lock}>"$cache/lock"
    flock "$lock"
    kernel=$(_lab_newest "$cache")
    if [[ -z $kernel ]]; then
        packages_need "to unpack the lab's kernel" kmod xz-utils zstd || return
        _lab_build "$cache" >&2 || return
        kernel=$(_lab_newest "$cache")
    fi
    exec {lock}>&-
    printf '%s\n' "$kernel"
}

_lab_newest() {
    find "$1" -maxdepth 1 -name 'linux-image-*' | sort -V | tail -n 1
}

# A folder gets its final name when it is complete.
_lab_build() (
    name=$(packages_newest linux-image-amd64) || exit
    version=${name#linux-image-}
    new=$1/new
    trap 'rm -rf "$new"' EXIT
    rm -rf "$new"
    mkdir "$new" &&
        packages_fetch "the lab's kernel, 400 MB in $1" "$new" "$name" busybox-static &&
        # Newer packages put in /usr what older ones do not.
        cp -al "$new/usr/." "$new" &&
        depmod -b "$new" "$version" &&
        _lab_decompress "$new/boot/vmlinuz-$version" "$new/vmlinux" &&
        mv "$new/bin/busybox" "$new/busybox" &&
        rm -rf "${new:?}"/{bin,boot,sbin,share,usr} &&
        mv "$new" "$1/$name"
)

# Under emulation the kernel would take four seconds to decompress itself.
_lab_decompress() {
    local kind offset
    for kind in $'xz \xFD7zXZ' $'zstd \x28\xB5\x2F\xFD'; do
        offset=$(LC_ALL=C grep -aboF "${kind#* }" "$1" | head -n 1 | cut -d: -f1)
        # The tools rightly complain of the code that follows the compressed part.
        tail -c "+$((${offset:-0} + 1))" "$1" | "${kind%% *}" -dc >"$2" 2>/dev/null
        [[ $(head -c 4 "$2" | tr '\0' 0) != $'\x7fELF' ]] || return 0
    done
    cp "$1" "$2"
}

lab_initramfs() {
    local kernel=$1 init=$2 file=$3 version tree stage module n=1000
    [[ -z ${4:-} ]] || _lab_modules+=("${_lab_modules_node[@]}")
    version=$(basename "$kernel"/lib/modules/*)
    tree=$(mktemp -d "$file.XXXXXX")
    mkdir "$tree"/{dev,proc,ro,rw,root,early,late}
    cp "$kernel/busybox" "$tree/busybox"
    cp "$init" "$tree/init"
    while read -r stage module; do
        n=$((n + 1))
        case $module in
        *.xz) xz -dc "$module" >"$tree/$stage/$n-$(basename "$module" .xz)" ;;
        *) cp "$module" "$tree/$stage/$n-${module##*/}" ;;
        esac
    done < <(_lab_closure "$kernel" "$version")
    (cd "$tree" && find . | "$kernel/busybox" cpio -o -H newc 2>/dev/null) >"$file"
    rm -rf "$tree"
}

# "early FILE" and "late FILE", each module once and after those it needs.
_lab_closure() {
    {
        _lab_dependencies "$@" "${_lab_modules_root[@]}" | sed 's/^/early /'
        _lab_dependencies "$@" "${_lab_modules[@]}" | sed 's/^/late /'
    } | awk '!seen[$2]++'
}

_lab_dependencies() { # KERNEL VERSION MODULE...
    modprobe -d "$1" -S "$2" --show-depends -a "${@:3}" | awk '$1 == "insmod" { print $2 }'
}
