# SPDX-License-Identifier: Apache-2.0
"""One load balancer on a real control plane: what becomes of a Service, from the first to the last."""

import time
from datetime import datetime, timedelta, timezone
from statistics import median

import pytest

from api import MERGE, ApiError, Watch, addresses, conditions
from cluster import SOON
from net import wait_for

AT_ONCE = 2  # s, most times and on most machines; what is held back waits longer and longer
STANDS = 1.5  # s in which what must not happen would have happened


def key(address, port=80, protocol="TCP"):
    return f"{address} {port} {protocol}"


def at_once(took, usual):
    """Whether most take as long as is usual on this machine, which may have been busy with something else once."""
    return median(took) < max(AT_ONCE, 5 * median(usual))


def test_a_service_gets_an_address_that_is_served(fleet, lb):
    fleet.create("web")
    fleet.pod("web", 1, "172.16.0.1")
    [address] = fleet.await_address("web")
    assert address.startswith(f"{fleet.net}.")
    lb.await_table({key(address): {"172.16.0.1 8080": 1}})
    [ingress] = fleet.get("web")["status"]["loadBalancer"]["ingress"]
    assert ingress == {"ip": address, "ipMode": "Proxy", "ports": [{"port": 80, "protocol": "TCP"}]}
    fleet.await_condition("web", "Accepted", "True", "Accepted")
    fleet.await_condition("web", "AddressAssigned", "True", "AddressAssigned")


def test_pods_come_drain_and_go(fleet, lb):
    fleet.create("web")
    [address] = fleet.await_address("web")
    for number in (1, 2):
        fleet.pod("web", number, f"172.16.0.{number}")
    lb.await_table({key(address): {"172.16.0.1 8080": 1, "172.16.0.2 8080": 1}})
    fleet.api.delete("Pod", fleet.ns, "web-1")  # its kubelet has not confirmed that it ended
    lb.await_table({key(address): {"172.16.0.1 8080": 0, "172.16.0.2 8080": 1}})
    fleet.api.delete("Pod", fleet.ns, "web-1", grace=0)
    lb.await_table({key(address): {"172.16.0.2 8080": 1}})
    fleet.pod("web", 3, "172.16.0.3", ready=False)
    fleet.pod("web", 4, "172.16.0.4")
    lb.await_table({key(address): {"172.16.0.2 8080": 1, "172.16.0.4 8080": 1}})


def test_pods_that_all_terminate_go_on_serving(fleet, lb):
    fleet.create("web")
    [address] = fleet.await_address("web")
    fleet.pod("web", 1, "172.16.0.1")
    fleet.pod("web", 2, "172.16.0.2")
    lb.await_table({key(address): {"172.16.0.1 8080": 1, "172.16.0.2 8080": 1}})
    with Watch(fleet.api, fleet.ns, "EndpointSlice") as slices:
        fleet.api.delete("Pod", fleet.ns, "web-1")
        fleet.api.delete("Pod", fleet.ns, "web-2")
        slices.wait_for("both terminate", lambda s: all(
            e["conditions"]["terminating"] for e in s.get("endpoints") or []))
    lb.await_table({key(address): {"172.16.0.1 8080": 1, "172.16.0.2 8080": 1}})


def test_ports_of_a_service_come_and_go(fleet, lb):
    fleet.create("web", ports=(80, 443))
    fleet.pod("web", 1, "172.16.0.1")
    [address] = fleet.await_address("web")
    lb.await_table({key(address, port): {"172.16.0.1 8080": 1} for port in (80, 443)})
    fleet.api.patch("Service", fleet.ns, "web", {"spec": {"ports": fleet.service(
        "web", ports=(443, 8443))["spec"]["ports"]}})
    lb.await_table({key(address, port): {"172.16.0.1 8080": 1} for port in (443, 8443)})
    fleet.await_service("web", "its ports in the status", lambda s: [
        p["port"] for p in s["status"]["loadBalancer"]["ingress"][0]["ports"]] == [443, 8443])


def test_a_port_that_gets_another_name_is_served_on(fleet, lb):
    """An unnamed port gets a name because a second one is added, and slices follow later."""
    fleet.create("web")
    fleet.pod("web", 1, "172.16.0.1")
    [address] = fleet.await_address("web")
    lb.await_table({key(address): {"172.16.0.1 8080": 1}})
    ports = [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "more", "port": 81, "targetPort": 8080}]
    fleet.api.patch("Service", fleet.ns, "web", {"spec": {"ports": ports}})
    end = time.monotonic() + STANDS

    def served_all_the_time():
        table = lb.table()
        assert table[key(address)] == {"172.16.0.1 8080": 1}
        return time.monotonic() > end and table.get(key(address, 81)) == {"172.16.0.1 8080": 1}

    wait_for("the other port", served_all_the_time, SOON, 0.005)


def test_the_address_of_a_deleted_service_is_free_again(new_fleet):
    fleet = new_fleet(pools=[{"name": "one", "addresses": ["10.99.0.7"]}])
    lb = fleet.start("lb-1").lead()
    fleet.create("first")
    assert fleet.await_address("first") == ["10.99.0.7"]
    fleet.create("second")
    fleet.await_condition("second", "AddressAssigned", "False", "PoolExhausted")
    fleet.await_event("second", "10.99.0.7|one", "Warning")
    fleet.api.delete("Service", fleet.ns, "first")
    assert fleet.await_address("second") == ["10.99.0.7"]
    fleet.pod("second", 1, "172.16.0.1")
    lb.await_table({key("10.99.0.7"): {"172.16.0.1 8080": 1}})


def without_class(fleet, name, /, **annotations):
    """A Service that the annotation makes ours: unlike the class it can be changed."""
    service = fleet.service(name, annotations=annotations)
    del service["spec"]["loadBalancerClass"]
    return service


def is_clear(service):
    return not addresses(service) and not conditions(service)


@pytest.mark.parametrize("fleet_name", [None, "somebody-else"])
def test_a_service_that_leaves_the_fleet_leaves_no_trace(fleet, lb, fleet_name):
    fleet.api.create(without_class(fleet, "web", fleet=fleet.name))
    fleet.pod("web", 1, "172.16.0.1")
    [address] = fleet.await_address("web")
    lb.await_table({key(address): {"172.16.0.1 8080": 1}})
    fleet.api.patch("Service", fleet.ns, "web", {"metadata": {"annotations": {"kago.dev/fleet": fleet_name}}})
    lb.await_table({})
    fleet.await_service("web", "an empty status", is_clear)
    fleet.create("next")
    assert fleet.await_address("next") == [address]


def test_a_service_that_left_while_nobody_looked_is_cleared(fleet, lb):
    fleet.api.create(without_class(fleet, "web", fleet=fleet.name))
    fleet.await_condition("web", "AddressAssigned", "True", "AddressAssigned")
    lb.process.stop()
    fleet.api.patch("Service", fleet.ns, "web", {"metadata": {"annotations": {"kago.dev/fleet": None}}})
    fleet.start("lb-1")
    fleet.await_service("web", "an empty status", is_clear)


def test_a_service_changes_its_type_and_back(fleet, lb):
    fleet.create("web")
    fleet.pod("web", 1, "172.16.0.1")
    [address] = fleet.await_address("web")
    lb.await_table({key(address): {"172.16.0.1 8080": 1}})
    fleet.api.patch("Service", fleet.ns, "web", {"spec": {
        "type": "ClusterIP", "loadBalancerClass": None, "allocateLoadBalancerNodePorts": None}})
    lb.await_table({})
    fleet.await_service("web", "an empty status", is_clear)
    fleet.api.patch("Service", fleet.ns, "web", {"spec": {
        "type": "LoadBalancer", "loadBalancerClass": f"kago.dev/{fleet.name}"}})
    [address] = fleet.await_address("web")
    lb.await_table({key(address): {"172.16.0.1 8080": 1}})


def test_two_fleets_do_not_meddle_with_each_other(new_fleet):
    one, other = new_fleet(), new_fleet()
    lbs = [f.start("lb-1").lead() for f in (one, other)]
    for fleet in (one, other):
        service = other.service(f"of-{fleet.name}", ns=one.ns)
        service["spec"].update(loadBalancerClass=f"kago.dev/{fleet.name}", selector={"app": "web"})
        one.api.create(service)
    one.pod("web", 1, "172.16.0.1")
    for fleet, lb in zip((one, other), lbs):
        [address] = one.await_address(f"of-{fleet.name}")
        assert address.startswith(f"{fleet.net}.")
        lb.await_table({key(address): {"172.16.0.1 8080": 1}})


def test_services_of_others_are_left_alone(fleet, lb):
    unmarked = without_class(fleet, "unmarked")
    foreign = fleet.service("foreign")
    foreign["spec"]["loadBalancerClass"] = "example.org/theirs"
    proxied = fleet.service("proxied")
    proxied["metadata"]["labels"] = {"service.kubernetes.io/service-proxy-name": "theirs"}
    foreign["metadata"]["annotations"] = {"example.org/odd": "what not everybody\0 reads"}
    with Watch(fleet.api, fleet.ns) as watch:
        for service in (unmarked, foreign, proxied):
            fleet.api.create(service)
        fleet.create("ours")
        fleet.await_address("ours")
        assert lb.process.running()
        watch.wait_for("its address", addresses)
        assert {n for n, h in watch.histories().items() if any(h)} == {"ours"}
    assert all(not conditions(fleet.get(n)) for n in ("unmarked", "foreign", "proxied"))


def test_fifty_services_at_once_get_fifty_addresses(fleet, lb):
    fleet.api.at_once([fleet.service(f"s{i}") for i in range(50)])
    wait_for("fifty addresses", lambda: all(map(addresses, fleet.api.list("Service", fleet.ns))), SOON)
    held = [tuple(addresses(s)) for s in fleet.api.list("Service", fleet.ns)]
    assert len(set(held)) == 50
    assert lb.process.running()


def test_restarts_and_newcomers_change_no_address(fleet, lb):
    fleet.api.at_once([fleet.service(f"s{i}") for i in range(0, 10, 2)])
    before = {f"s{i}": fleet.await_address(f"s{i}") for i in range(0, 10, 2)}
    lb.process.stop()
    fleet.api.delete("Service", fleet.ns, "s4")
    del before["s4"]
    fleet.api.at_once([fleet.service(f"s{i}") for i in range(1, 10, 2)])
    fleet.cluster.signal("kube-apiserver", 9)
    fleet.cluster.revive()
    fleet.start("lb-1")
    for i in range(1, 10, 2):
        fleet.await_address(f"s{i}")
    after = {s["metadata"]["name"]: addresses(s) for s in fleet.api.list("Service", fleet.ns)}
    assert {n: a for n, a in after.items() if n in before} == before
    assert len({a for held in after.values() for a in held}) == 9


def test_a_service_asks_for_its_address_in_every_known_way(new_fleet):
    fleet = new_fleet(pools=[
        {"name": "main", "addresses": ["10.98.0.0/24"]},
        {"name": "side", "addresses": ["10.98.1.0/24", "fd98::/112"], "autoAssign": False}])
    fleet.start("lb-1").lead()
    wishes = {
        "vip": ({"vip": "10.98.0.50"}, {}),
        "field": ({}, {"loadBalancerIP": "10.98.0.51"}),
        "metallb": ({"metallb.io/loadBalancerIPs": "10.98.0.52"}, {}),
        "both": ({"vip": "10.98.1.9,fd98::9"}, {"ipFamilyPolicy": "RequireDualStack"}),
        "pool": ({"pool": "side"}, {}),
        "alias": ({"metallb.io/address-pool": "side"}, {}),
    }
    for name, (annotations, spec) in wishes.items():
        fleet.create(name, annotations=annotations, **spec)
    assert fleet.await_address("vip") == ["10.98.0.50"]
    assert fleet.await_address("field") == ["10.98.0.51"]
    assert fleet.await_address("metallb") == ["10.98.0.52"]
    assert fleet.await_address("both") == ["10.98.1.9", "fd98::9"]
    for name in ("pool", "alias"):
        assert fleet.await_address(name)[0].startswith("10.98.1.")


def test_two_families_mean_two_addresses(new_fleet):
    fleet = new_fleet(pools=[{"name": "main", "addresses": ["10.97.0.0/24", "fd97::/112"]}])
    fleet.start("lb-1").lead()
    fleet.create("dual", ipFamilyPolicy="RequireDualStack")
    fleet.create("six", ipFamilies=["IPv6"], ipFamilyPolicy="SingleStack")
    assert [":" in a for a in fleet.await_address("dual")] == [False, True]
    fleet.create("other", ipFamilies=["IPv6", "IPv4"], ipFamilyPolicy="RequireDualStack")
    assert [":" in a for a in fleet.await_address("other")] == [True, False]
    assert [":" in a for a in fleet.await_address("six")] == [True]


def test_an_address_outside_the_pools_is_refused(fleet, lb):
    fleet.create("thief", annotations={"vip": "192.0.2.1"})
    fleet.pod("thief", 1, "172.16.0.1")
    told = fleet.await_condition("thief", "AddressAssigned", "False", "AddressNotInPool")
    assert "192.0.2.1" in told["message"]
    fleet.await_event("thief", "192.0.2.1", "Warning")
    assert not addresses(fleet.get("thief")) and lb.table() == {}


def test_a_status_that_somebody_forged_is_not_served(fleet, lb):
    fleet.create("web")
    fleet.pod("web", 1, "172.16.0.1")
    [address] = fleet.await_address("web")
    lb.await_table({key(address): {"172.16.0.1 8080": 1}})
    fleet.api.patch("Service", fleet.ns, "web", {"status": {"loadBalancer": {"ingress": [
        {"ip": "192.0.2.1"}]}}}, "status")
    fleet.await_service("web", "its address back", lambda s: addresses(s) == [address])
    lb.await_table({key(address): {"172.16.0.1 8080": 1}})


def test_who_writes_over_a_status_takes_nothing_away(fleet, lb):
    """As k3s' servicelb does, or the controller of a cloud: again and again."""
    fleet.create("web")
    fleet.pod("web", 1, "172.16.0.1")
    [address] = fleet.await_address("web")
    served = {key(address): {"172.16.0.1 8080": 1}}
    lb.await_table(served)

    def move(i):
        """Its owner wants another address; how many seconds that takes."""
        wanted, began = f"{fleet.net}.{i}", time.monotonic()
        fleet.api.patch("Service", fleet.ns, "web", {"metadata": {"annotations": {"kago.dev/vip": wanted}}})
        lb.await_table({key(wanted): {"172.16.0.1 8080": 1}})
        return time.monotonic() - began

    def meddle(i):
        fleet.api.call("PATCH", fleet.api.path("Service", fleet.ns, "web", "status", fieldManager="servicelb"),
                       {"status": {"loadBalancer": {"ingress": [{"ip": f"192.0.2.{i}"}]}}}, MERGE)

    usual = [move(10)]
    served = {f"{fleet.net}.10 80 TCP": {"172.16.0.1 8080": 1}}
    for i in range(12):
        meddle(i)
        end = time.monotonic() + 0.2
        while time.monotonic() < end:
            assert lb.table() == served
            time.sleep(0.01)
    fleet.await_event("web", "'servicelb' writes status.loadBalancer, too", "Warning")
    # Its owner does not have to wait for the quarrel to end.
    took = []
    for i in range(20, 23):
        meddle(i)
        took.append(move(i))
    assert at_once(took, usual), (took, usual)


def test_its_owner_is_never_held_back(fleet, lb):
    took = {"moves": [], "goes": [], "comes": [], "comes anew": []}

    def takes(kind, what, done):
        began = time.monotonic()
        fleet.await_service("web", what, done)
        took[kind].append(time.monotonic() - began)

    fleet.create("web")
    for i in range(12):
        wanted = f"{fleet.net}.{20 + i}"
        fleet.api.patch("Service", fleet.ns, "web", {"metadata": {"annotations": {"kago.dev/vip": wanted}}})
        takes("moves", wanted, lambda s, a=wanted: addresses(s) == [a])
    for i in range(8):
        fleet.api.patch("Service", fleet.ns, "web", {"spec": {"type": "ClusterIP", "loadBalancerClass": None}})
        takes("goes", f"no address, {i}", is_clear)
        fleet.api.patch("Service", fleet.ns, "web",
                        {"spec": {"type": "LoadBalancer", "loadBalancerClass": f"kago.dev/{fleet.name}"}})
        takes("comes", f"an address, {i}", addresses)
    for i in range(8):
        fleet.api.delete("Service", fleet.ns, "web")
        fleet.create("web")
        takes("comes anew", f"an address of a new one, {i}", addresses)
    assert all(at_once(times, took["moves"][:3]) for times in took.values()), took
    assert lb.process.running()


def test_services_share_an_address_if_both_say_so(fleet, lb):
    for name, port, secret in (("tcp", 80, "k"), ("tls", 443, "k"), ("other", 8443, "another"), ("late", 80, "k")):
        fleet.create(name, ports=(port,), annotations={"share": secret, "vip": f"{fleet.net}.9"})
        if name in ("tcp", "tls"):
            assert fleet.await_address(name) == [f"{fleet.net}.9"]
    for name in ("other", "late"):
        told = fleet.await_service(name, "a refusal", lambda s: conditions(s).get(
            "AddressAssigned", {}).get("status") == "False")
        assert "/t" in conditions(told)["AddressAssigned"]["message"]  # whose it is
    assert lb.process.running()


def test_a_service_goes_at_once_also_when_kago_is_gone(fleet, lb):
    fleet.create("web")
    fleet.await_address("web")
    lb.process.kill()
    assert "finalizers" not in fleet.get("web")["metadata"]
    fleet.api.delete("Service", fleet.ns, "web")
    with pytest.raises(ApiError, match="404"):
        fleet.get("web")


def test_names_may_start_with_a_digit(fleet, lb):
    fleet.create("1web")
    fleet.pod("1web", 1, "172.16.0.1")
    [address] = fleet.await_address("1web")
    lb.await_table({key(address): {"172.16.0.1 8080": 1}})


def test_what_others_wrote_into_the_status_stays(fleet, lb):
    theirs = {"type": "example.org/Theirs", "status": "True", "reason": "Because", "message": "",
              "lastTransitionTime": (datetime.now(timezone.utc) - timedelta(hours=1)).strftime(
                  "%Y-%m-%dT%H:%M:%SZ")}
    fleet.api.create(without_class(fleet, "web"))
    fleet.api.patch("Service", fleet.ns, "web", {"status": {"conditions": [theirs]}}, "status")
    for name, done in ((fleet.name, addresses), (None, is_clear)):
        fleet.api.patch("Service", fleet.ns, "web", {"metadata": {"annotations": {"kago.dev/fleet": name}}})
        service = fleet.await_service("web", "its status", done)
        assert theirs in service["status"]["conditions"]
    assert lb.process.running()


def test_nothing_is_written_when_nothing_has_changed(fleet, lb):
    fleet.create("web")
    fleet.pod("web", 1, "172.16.0.1")
    fleet.await_address("web")
    lb.await_table({key(fleet.await_address("web")[0]): {"172.16.0.1 8080": 1}})
    wait_for("all conditions", lambda: len(conditions(fleet.get("web"))) == 3, SOON)
    version = None

    def settled():
        nonlocal version
        before, version = version, fleet.get("web")["metadata"]["resourceVersion"]
        return before == version

    wait_for("a status that stays", settled, SOON, STANDS)
    with Watch(fleet.api, fleet.ns) as watch:
        fleet.pod("web", 2, "172.16.0.2")
        lb.process.stop()
        fleet.start("lb-1").lead()
        fleet.create("mark")
        fleet.await_address("mark")
        assert "web" not in watch.histories()
