# shellcheck shell=bash disable=SC2154 # it uses what scripts/kube has
# SPDX-License-Identifier: Apache-2.0
# One control plane in the folder $dir. A part of scripts/kube, which sources it.
#
#   plane_exists   whether the folder is that of a control plane
#   plane_up       makes it if need be, and starts what is not running; waits until it is ready
#   plane_stop     ends what is running, the last started first
#   plane_status   prints what is running; returns 1 unless all is
#
# For another program: its name here, a function _plane_run_NAME, and its name in test/kubernetes.
plane_programs=(etcd kube-apiserver kube-controller-manager)
_plane_node_programs=(kube-scheduler) # where there are nodes

_plane_ready=300 # s; under emulation it takes a minute
_plane_closed=30 # s, for what the kernel does of a process that was killed

plane_exists() {
    [[ -f $dir/settings ]]
}

plane_up() {
    local try
    if plane_exists; then
        _plane_settings
        _plane_start || die "the control plane in $dir does not start"
        return
    fi
    [[ -z $with_nodes ]] || plane_programs+=("${_plane_node_programs[@]}")
    packages_need "the control plane's certificates" openssl
    packages_need "the control plane's ports" python3-minimal
    for try in 1 2 3 4 5; do
        _plane_make
        _plane_start && return
        grep -q 'address already in use' "$dir"/*.log || break
        say "another program took a port: trying others"
        plane_stop
        rm -rf "${dir:?}/etcd"
    done
    die "the control plane does not start (try $try)"
}

# port_api, port_etcd, port_peer, flags, without, audit, address, with_nodes
_plane_settings() {
    # shellcheck source=/dev/null
    . "$dir/settings"
    [[ -z $with_nodes || " ${plane_programs[*]} " = *" ${_plane_node_programs[*]} "* ]] ||
        plane_programs+=("${_plane_node_programs[@]}")
}

_plane_make() {
    umask 077
    mkdir -p "$dir"
    [[ -e $dir/ca.crt ]] || _plane_certificates
    [[ -z $from ]] || cp -a "$from/etcd" "$dir/etcd"
    read -r port_api port_etcd port_peer < <(_plane_ports)
    _plane_kubeconfig kubeconfig admin
    _plane_kubeconfig controller-manager.kubeconfig controller-manager
    [[ -z $with_nodes ]] || _plane_nodes
    printf '%s\n' 'apiVersion: audit.k8s.io/v1' 'kind: Policy' 'omitStages: [RequestReceived]' \
        'rules: [{level: Metadata}]' >"$dir/audit-policy"
    printf '%s\n' "port_api=$port_api port_etcd=$port_etcd port_peer=$port_peer audit=$audit" "without=$without" \
        "flags=(${flags[*]@Q}) address=$address with_nodes=$with_nodes" >"$dir/settings"
}

# What is in DIR/node.NAME: ca.crt, kubelet.crt and .key (to serve with), kubelet.kubeconfig, proxy.kubeconfig.
_plane_nodes() {
    local node
    _plane_kubeconfig scheduler.kubeconfig scheduler
    for node in "${nodes[@]}"; do
        mkdir -p "$dir/node.${node%%=*}"
        cp "$dir/ca.crt" "$dir/node.${node%%=*}"
        cp "$dir/kubelet-${node%%=*}.crt" "$dir/node.${node%%=*}/kubelet.crt"
        cp "$dir/kubelet-${node%%=*}.key" "$dir/node.${node%%=*}/kubelet.key"
        _plane_kubeconfig "node.${node%%=*}/kubelet.kubeconfig" "kubelet-${node%%=*}"
        _plane_kubeconfig "node.${node%%=*}/proxy.kubeconfig" proxy
    done
}

# Outside of the ranges from which kernels take ports for connections (Linux from 32768, gVisor from
# 16000), so that they are still free when a program comes back.
_plane_ports() {
    /usr/bin/python3 -SEI -c '
import random, socket
taken = []
while len(taken) < 3:
    taken.append(socket.socket())
    try:
        taken[-1].bind(("127.0.0.1", random.randrange(10000, 16000)))
    except OSError:
        taken.pop()
print(*[s.getsockname()[1] for s in taken])'
}

_plane_certificates() {
    (
        local node
        cd "$dir"
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 30 \
            -subj /CN=kago-test -keyout ca.key -out ca.crt
        _plane_certificate server /CN=kube-apiserver \
            "subjectAltName=IP:$address,IP:10.96.0.1,DNS:localhost,DNS:kubernetes.default.svc"
        _plane_certificate admin /O=system:masters/CN=admin
        _plane_certificate controller-manager /CN=system:kube-controller-manager
        if [[ -n $with_nodes ]]; then
            _plane_certificate scheduler /CN=system:kube-scheduler
            _plane_certificate proxy /CN=system:kube-proxy
        fi
        for node in "${nodes[@]}"; do
            _plane_certificate "kubelet-${node%%=*}" "/O=system:nodes/CN=system:node:${node%%=*}" \
                "subjectAltName=IP:${node#*=}"
        done
        openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:prime256v1 -out accounts.key
        openssl pkey -in accounts.key -pubout -out accounts.pub
        openssl rand -hex 16 >admin.token
        printf '%s,admin,admin,"system:masters"\n' "$(<admin.token)" >tokens
    ) 2>"$dir/openssl.log" || { tail -n 5 "$dir/openssl.log" >&2; die "no certificates"; }
}

_plane_certificate() { # NAME SUBJECT [EXTENSION]
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -subj "$2" \
        -keyout "$1.key" -out "$1.csr"
    openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -days 30 -out "$1.crt" \
        -extfile <(printf '%s\n' "extendedKeyUsage=serverAuth,clientAuth" "${3:-}")
}

_plane_kubeconfig() { # FILE USER
    cat >"$dir/$1" <<END
apiVersion: v1
kind: Config
clusters:
- name: kago-test
  cluster:
    server: https://$address:$port_api
    certificate-authority-data: $(base64 -w0 "$dir/ca.crt")
users:
- name: $2
  user:
    client-certificate-data: $(base64 -w0 "$dir/$2.crt")
    client-key-data: $(base64 -w0 "$dir/$2.key")
contexts:
- name: kago-test
  context: {cluster: kago-test, user: $2}
current-context: kago-test
END
}

_plane_run_etcd() {
    _plane_run etcd --name=test --data-dir="$dir/etcd" --log-level=warn --unsafe-no-fsync \
        --quota-backend-bytes=8589934592 \
        --listen-client-urls="http://127.0.0.1:$port_etcd" \
        --advertise-client-urls="http://127.0.0.1:$port_etcd" \
        --listen-peer-urls="http://127.0.0.1:$port_peer" \
        --initial-advertise-peer-urls="http://127.0.0.1:$port_peer" \
        --initial-cluster="test=http://127.0.0.1:$port_peer"
}

_plane_run_kube-apiserver() {
    local more=() endpoints=none
    # A loopback address can be no endpoint of the Service `kubernetes`.
    [[ $address = 127.* ]] || endpoints=lease
    [[ -z $audit ]] || more=(--audit-policy-file="$dir/audit-policy" --audit-log-path="$dir/audit.log")
    # Unless told it would look for the address of the default route, and end without one.
    _plane_run kube-apiserver --etcd-servers="http://127.0.0.1:$port_etcd" \
        --bind-address="$address" --secure-port="$port_api" --endpoint-reconciler-type="$endpoints" \
        --advertise-address="$address" --allow-privileged \
        --kubelet-client-certificate="$dir/admin.crt" --kubelet-client-key="$dir/admin.key" \
        --kubelet-preferred-address-types=InternalIP \
        --tls-cert-file="$dir/server.crt" --tls-private-key-file="$dir/server.key" \
        --client-ca-file="$dir/ca.crt" --token-auth-file="$dir/tokens" \
        --authorization-mode=Node,RBAC --service-cluster-ip-range=10.96.0.0/16,fd10::/108 \
        --service-account-key-file="$dir/accounts.pub" \
        --service-account-signing-key-file="$dir/accounts.key" \
        --service-account-issuer=https://kubernetes.default.svc "${more[@]}"
}

# Without real nodes, nodes and their Pods are what tests say they are: nobody shall call them lost. Tests
# wait for what this program does, so it shall not hold back.
_plane_run_kube-controller-manager() {
    local controllers="*"
    [[ -n $with_nodes ]] || controllers+=",-node-lifecycle-controller,-pod-garbage-collector-controller"
    _plane_run kube-controller-manager --kubeconfig="$dir/controller-manager.kubeconfig" \
        --leader-elect=false --bind-address=127.0.0.1 --secure-port=0 \
        --use-service-account-credentials --root-ca-file="$dir/ca.crt" \
        --service-account-private-key-file="$dir/accounts.key" \
        --cluster-signing-cert-file="$dir/ca.crt" --cluster-signing-key-file="$dir/ca.key" \
        --kube-api-qps=1000 --kube-api-burst=1000 \
        --controllers="$controllers" --allocate-node-cidrs=false
}

_plane_run_kube-scheduler() {
    _plane_run kube-scheduler --kubeconfig="$dir/scheduler.kubeconfig" --leader-elect=false \
        --bind-address=127.0.0.1 --secure-port=0
}

_plane_run() { # PROGRAM FLAG...
    local program=$1 flag
    shift
    for flag in "${flags[@]}"; do
        [[ ${flag%%=*} != "$program" ]] || set -- "$@" "${flag#*=}"
    done
    "${tether[@]}" setsid "$programs/$program" "$@" </dev/null >>"$dir/$program.log" 2>&1 &
    echo $! >"$dir/$program.pid"
    disown $! # or its end would be told on our stderr
    # Until it is what it will be: for a moment a program that begins has no command line.
    until { _plane_pid "$program" >/dev/null && ! grep -qzx setsid "/proc/$!/cmdline" 2>/dev/null; } ||
        ! kill -0 $! 2>/dev/null; do
        sleep 0.01
    done
}

# The PID, if it runs. It may be that of another process by now, one that does not know our folder.
_plane_pid() { # PROGRAM
    local pid
    pid=$(cat "$dir/$1.pid" 2>/dev/null) && [[ -n $pid ]] || return 1
    tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -e "=$dir/" || return 1
    printf '%s\n' "$pid"
}

_plane_start() {
    local program
    for program in "${plane_programs[@]}"; do
        [[ -n $(_plane_pid "$program") ]] || rm -f "$dir/$program.pid"
    done
    _plane_start_one etcd
    _plane_start_one kube-apiserver
    _plane_wait "the API server" /readyz || return
    # It gives up when the API server takes its time, hence not before.
    [[ -z $without ]] || return 0
    _plane_start_one kube-controller-manager
    [[ -z $with_nodes ]] || _plane_start_one kube-scheduler
    _plane_wait "the service accounts" /api/v1/namespaces/default/serviceaccounts/default
}

_plane_start_one() {
    [[ -z $(_plane_pid "$1") ]] || return 0
    _plane_wait_closed "$1"
    "_plane_run_$1"
}

# A program that was killed has no command line any more when its sockets are still open. If it is
# another's port, the program itself says so.
_plane_wait_closed() { # PROGRAM
    local end=$((SECONDS + _plane_closed)) at=
    case $1 in
    etcd) at=127.0.0.1/$port_etcd ;;
    kube-apiserver) at=$address/$port_api ;;
    *) return 0 ;;
    esac
    while ((SECONDS < end)) && _plane_listens "$at"; do
        sleep 0.02
    done
}

_plane_wait() { # WHAT PATH
    local end=$((SECONDS + _plane_ready)) program
    until _plane_listens "$address/$port_api" &&
        KUBECONFIG=$dir/kubeconfig "$programs/kubectl" get --raw "$2" >/dev/null 2>&1; do
        for program in "${plane_programs[@]}"; do
            [[ ! -e $dir/$program.pid || -n $(_plane_pid "$program") ]] || {
                tail -n 10 "$dir/$program.log" >&2
                say "$program has ended"
                return 1
            }
        done
        ((SECONDS < end)) || { say "$1 was not ready after $_plane_ready s"; return 1; }
        sleep 0.1
    done
}

# kubectl takes seconds of an emulated processor, which the API server needs until it listens.
_plane_listens() { # ADDRESS/PORT
    : 2>/dev/null <"/dev/tcp/$1"
}

plane_stop() {
    local i
    plane_exists || return 0
    _plane_settings
    for ((i = ${#plane_programs[@]} - 1; i >= 0; i--)); do
        _plane_stop_one "${plane_programs[i]}"
    done
}

# All that matters is in etcd, which survives this; it writes no later than it answers.
_plane_stop_one() {
    local pid
    pid=$(_plane_pid "$1") || return 0
    kill -KILL -- "-$pid"
    while [[ -n $(_plane_pid "$1") ]]; do
        sleep 0.02
    done
    rm -f "$dir/$1.pid"
}

plane_status() {
    local program pid all=0
    _plane_settings
    printf '%s  https://%s:%s\n' "$dir" "$address" "$port_api"
    for program in "${plane_programs[@]}"; do
        [[ $program != "$without" ]] || continue
        pid=$(_plane_pid "$program") || all=1
        printf '%-25s%s\n' "$program" "${pid:+up, pid }${pid:-down}"
    done
    return "$all"
}
