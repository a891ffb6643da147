# shellcheck shell=bash disable=SC2154 # it uses what scripts/cluster has
# SPDX-License-Identifier: Apache-2.0
# The network of a cluster. A part of scripts/cluster, which sources it.
#
#     client 192.168.1.2
#       |
#     router 10.0.0.110 (BIRD)  <-- iBGP, add-path --  rr 10.0.0.109 (gobgpd), which dynamic neighbours reach
#       |  ECMP                                          |
#       +----------------+----------------+--------------+--- bridge of the namespace `plane`, 10.0.0.1
#     web1, web2       lb1 [lb2]
#     10.0.0.101 ...   10.0.0.105 ...     pods of the node N: 172.16.N.0/24
#
#   net_up, net_down
#   net_start   starts route reflector and router; their logs are in $dir/net
#   inside NAMESPACE CMD...   runs CMD in one of the namespaces: plane, rr, router, client, or a web node's

net_plane=10.0.0.1 net_reflector=10.0.0.109 net_router=10.0.0.110 net_client=192.168.1.2
net_as=65021
_net_prefix=kago-cluster

net_path() {
    printf '/run/netns/%s-%s' "$_net_prefix" "$1"
}

# Not `ip netns exec`, which mounts another /sys: kubelet does not like that.
inside() {
    nsenter --net="$(net_path "$1")" -- "${@:2}"
}

net_exists() {
    [[ -e $(net_path plane) ]]
}

net_up() {
    local node
    mkdir -p "$dir/net"
    _net_namespace plane
    inside plane ip link add switch type bridge
    inside plane ip address add "$net_plane/16" dev switch
    inside plane ip link set switch up
    for node in "${nodes[@]}"; do
        [[ $node = lb* ]] || _net_port "$node"
        [[ $node != lb* ]] || _net_tap "$node"
    done
    _net_port rr "$net_reflector"
    _net_port router "$net_router"
    for node in "${nodes[@]}"; do
        inside plane ip route add "$(node_pods "$node")" via "$(node_address "$node")"
        inside rr ip route add "$(node_pods "$node")" via "$(node_address "$node")"
    done
    _net_outside
}

_net_namespace() {
    ip netns add "$_net_prefix-$1"
    inside "$1" ip link set lo up
}

_net_port() { # NAMESPACE [ADDRESS]
    _net_namespace "$1"
    inside plane ip link add "$1" type veth peer name eth0 netns "$_net_prefix-$1"
    inside plane ip link set "$1" master switch up
    [[ -z ${2:-} ]] || inside "$1" ip address add "$2/16" dev eth0
    [[ -z ${2:-} ]] || inside "$1" ip link set eth0 up
}

_net_tap() {
    inside plane ip tuntap add "$1" mode tap
    inside plane ip link set "$1" master switch up
}

_net_outside() {
    _net_namespace client
    inside router ip link add eth1 type veth peer name eth0 netns "$_net_prefix-client"
    inside router ip address add 192.168.1.1/24 dev eth1
    inside router ip link set eth1 up
    inside client ip address add "$net_client/24" dev eth0
    inside client ip link set eth0 up
    inside client ip route add default via 192.168.1.1
    inside router sysctl -qw net.ipv4.ip_forward=1 net.ipv4.fib_multipath_hash_policy=1
}

net_start() {
    cat >"$dir/net/gobgpd.yaml" <<END
global:
  config: {as: $net_as, router-id: $net_reflector, local-address-list: ["$net_reflector"]}
  use-multiple-paths: {config: {enabled: true}}
peer-groups:
- config: {peer-group-name: pods, peer-as: $net_as}
  afi-safis: [{config: {afi-safi-name: ipv4-unicast}}]
dynamic-neighbors:
- config: {prefix: 172.16.0.0/16, peer-group: pods}
neighbors:
- config: {neighbor-address: $net_router, peer-as: $net_as}
  route-reflector: {config: {route-reflector-client: true, route-reflector-cluster-id: $net_reflector}}
  add-paths: {config: {send-max: 255, receive: true}}
END
    cat >"$dir/net/bird.conf" <<END
router id $net_router;
protocol device {}
protocol kernel { merge paths yes; ipv4 { import none; export all; }; }
protocol bgp reflector {
    local $net_router as $net_as;
    neighbor $net_reflector as $net_as;
    direct;
    hold time 9;
    connect delay time 1;
    connect retry time 1;
    error wait time 1, 2;
    ipv4 { import all; export none; add paths rx; };
}
END
    _net_daemon rr gobgpd -t yaml -f "$dir/net/gobgpd.yaml" --api-hosts 127.0.0.1:50051
    _net_daemon router bird -f -c "$dir/net/bird.conf" -s "$dir/net/bird.ctl"
}

_net_daemon() { # NAMESPACE PROGRAM ARGUMENT...
    nsenter --net="$(net_path "$1")" -- setsid "${@:2}" </dev/null >"$dir/net/$2.log" 2>&1 &
    disown $!
}

# Whatever runs in the namespaces ends, then they go, and their devices with them.
net_down() {
    local name
    for name in client router rr web1 web2 plane; do
        [[ -e $(net_path "$name") ]] || continue
        ip netns pids "$_net_prefix-$name" | xargs -r kill -KILL 2>/dev/null || true
        ip netns delete "$_net_prefix-$name"
    done
}
