# shellcheck shell=bash disable=SC2034,SC2154 # its variables are those of scripts/lab
# SPDX-License-Identifier: Apache-2.0
# The lab's virtual machine. A part of scripts/lab, which sources it; it takes its settings, starts
# and ends processes with its functions, and makes only `kernel`, `accelerator` and `clock`.

run_vm() {
    [[ $(uname -m) = x86_64 ]] || die "the virtual machine is made for x86_64, not $(uname -m)"
    packages_need "the lab runs a virtual machine" qemu-system-x86 kmod || exit 125
    kernel=$(lab_kernel "$cache") || die "no kernel for the lab"
    mkdir "$work/share"
    lab_initramfs "$kernel" "$here/lib/lab-init" "$work/initramfs" ${tap:+node}
    job >"$work/share/job"
    settings >"$work/share/settings"
    : >"$work/share/output"
    local devices
    devices=(
        -fsdev "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap"
        -device "virtio-9p-pci,fsdev=root,mount_tag=root"
        -fsdev "local,id=share,path=${work//,/,,}/share,security_model=none"
        -device "virtio-9p-pci,fsdev=share,mount_tag=share"
    )
    [[ -z $out ]] || devices+=(
        -fsdev "local,id=out,path=${out//,/,,},security_model=none"
        -device "virtio-9p-pci,fsdev=out,mount_tag=out"
    )
    [[ -z $tap ]] || devices+=(
        -netdev "tap,id=net,ifname=$tap,script=no,downscript=no"
        -device "virtio-net-pci,netdev=net,mac=$(tap_mac)"
    )
    if [[ $mode = shell ]]; then
        terminal=$(stty -g <&3)
        devices+=(-chardev "stdio,id=terminal,signal=off" -serial chardev:terminal)
    fi
    choose_accelerator
    start_qemu "" "${devices[@]}"
    if [[ $mode = run ]]; then
        tail -c +1 -s 0.1 -f --pid="$child" "$work/share/output" 3<&- 2>/dev/null &
        follower=$!
    fi
    if ! wait_for_child "$timeout"; then
        [[ -e $work/share/started ]] || cat "$work/console" >&2
        too_late
    fi
    if [[ ! -s $work/share/status ]]; then
        tail -n 40 "$work/qemu" "$work/console" >&2 || true
        die "the virtual machine ended without a status"
    fi
    exit "$(<"$work/share/status")"
}

# One for each name, the same every time.
tap_mac() {
    printf '52:54:00'
    printf '%s' "$tap" | sha256sum | sed 's/\(..\)\(..\)\(..\).*/:\1:\2:\3/'
}

# What the guest's first process has to know.
settings() {
    local tty='' rows=24 columns=80
    if [[ $mode = shell ]]; then
        tty=/dev/ttyS1
        read -r rows columns < <(stty size <&3)
    fi
    printf '%s\n' "modules=${kernel@Q}/lib/modules" "out=${out@Q}" \
        "tty=$tty" "rows=$rows" "columns=$columns"
}

# The CPU emulated is an old one: programs then keep to what is emulated fast.
choose_accelerator() {
    accelerator=(-accel kvm -cpu host -smp "${cpus:-2}")
    kvm_works && return
    accelerator=(-accel "tcg,thread=multi,tb-size=256" -cpu "Westmere-v1,+rdrand" -smp "${cpus:-1}")
    # The emulated counter is this processor's. On a busy machine the kernel would at times find 396 MHz where there
    # are 2596, and all of its clocks would go six times too fast.
    clock=$(/usr/bin/python3 -SEI "$here/lib/tsc-khz.py" 2>/dev/null) || true
    clock=${clock:+"tsc_early_khz=$clock"}
}

# /dev/kvm can open and yet hang the guest, so it is tried, once per boot of this host.
kvm_works() {
    [[ -w /dev/kvm ]] || return 1
    local known now
    now="$(</proc/sys/kernel/random/boot_id) ${kernel##*/}"
    known=$(cat "$cache/kvm" 2>/dev/null) || true
    if [[ $known != "$now "* ]]; then
        start_qemu kago_lab_probe
        wait_for_child 8 || true
        known="$now $(grep -c 'lab-init: alive' "$work/console")" || true
        printf '%s\n' "$known" >"$cache/kvm"
    fi
    [[ $known = "$now 1" ]]
}

start_qemu() { # KERNEL_ARGUMENT OPTION...
    start qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none \
        "${accelerator[@]}" -m "$memory" \
        -kernel "$kernel/vmlinux" -initrd "$work/initramfs" \
        -append "console=ttyS0 quiet mitigations=off no_timer_check panic=-1 tsc=reliable ${clock:-} $1" \
        -chardev "file,id=console,path=${work//,/,,}/console" -serial chardev:console \
        "${@:2}" 2>"$work/qemu"
}
