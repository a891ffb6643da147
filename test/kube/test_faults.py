# SPDX-License-Identifier: Apache-2.0
"""kago-controller against an API server that misbehaves: after each fault it has the server's state.

Each test also shows that nothing spins, that no descriptor is left, and (in a build with the address sanitizer) that
no memory leaks. They need no control plane: KAGO_BIN=build/asan/bin /usr/bin/python3 -m pytest test/kube/test_faults.py
"""

import json
import os
import re
import time

import pytest

from fake_api import (answer, body, bookmark, cut, event, hang, headers_only, make_certificates, make_system_cas, reset,
                      status_of)
from net import wait_for
from rig import FOREVER, NAMESPACE, PATIENCE, running, service, slice_of

GARBAGE = [
    b'{"type":"MODIFIED","object":{"kind":"Serv\n',
    b"\x00\xff\x00\xff\n",
    b"[1, 2, 3]\n",
    b'{"object":{}}\n',
    b'{"type":7,"object":{}}\n',
    b'{"type":"ADDED"}\n',
    b'{"type":"ADDED","object":[]}\n',
    b'{"type":"EXPLODED","object":{"metadata":{"name":"x"}}}\n',
    b"<html>the proxy is busy</html>\n",
    b'{"type":"ADDED","object":' + b"[" * 100000 + b"\n",
]


@pytest.mark.parametrize("chunk, write", [(1, 1), (7, 3), (None, 1), (1000, None), (None, 4000)])
def test_it_does_not_matter_where_chunks_end(rig, chunk, write):
    rig.api.chunk, rig.api.write = chunk, write
    rig.started()
    rig.change()
    rig.settle()
    assert rig.api.count(resource="services", verb="watch") == 0


def test_a_slow_drip_is_followed_to_its_end(rig):
    rig.api.write, rig.api.pause = 40, 0.01
    rig.started(settings={"kubernetes.silenceTimeout": "6s"})
    rig.change()
    rig.settle()
    assert "source.problem" not in rig.controller.log()


@pytest.mark.parametrize("after", [1, 300, 900])
def test_a_streamed_list_that_breaks_off_is_begun_again(rig, after):
    rig.api.script("services", "stream", cut(after), reset)
    rig.api.script("endpointslices", "stream", cut(after))
    rig.started()
    assert rig.api.count(resource="services", verb="stream") == 3
    assert rig.api.count(resource="services", verb="watch") == 0


def test_half_a_line_and_a_reset_cost_no_list(rig):
    version = rig.api.version
    rig.started()
    half = event("MODIFIED", service(1, ports=(80, 81)))[:120]
    for resource in ("services", "endpointslices"):
        rig.api.send(resource, half)
        rig.api.reset(resource)
    rig.change()
    rig.settle()
    rig.follows()
    assert rig.api.count(resource="services", verb="stream") == 1
    watches = [r for r in rig.api.requests if r.resource == "services" and r.verb == "watch"]
    assert int(re.search(r"resourceVersion=(\d+)", watches[0].path)[1]) >= version


def test_resets_leave_no_descriptor(rig):
    rig.started()
    before = rig.controller.descriptors()
    for number in range(3):
        rig.api.reset("services")
        rig.api.reset("endpointslices")
        rig.api.put(slice_of(1, (number + 1,)))
        rig.settle()
        rig.follows()
    wait_for("descriptors", lambda: rig.controller.descriptors() <= before, PATIENCE)


def test_streams_that_end_in_order_are_resumed_at_once(rig):
    rig.started()
    took = []
    for _ in range(3):
        time.sleep(1.1)  # a stream that ends sooner is suspect
        since = time.monotonic()
        rig.api.end("services")
        wait_for("the next stream", lambda: rig.api.count(since, resource="services", verb="watch"),  # noqa: B023
                 PATIENCE, 0.02)
        took.append(time.monotonic() - since)
        rig.follows()
    # Most times: the machine may have been busy with something else once. Who hesitates waits for a second.
    assert sorted(took)[1] < 1, took
    rig.change()
    rig.settle()
    assert "source.problem" not in rig.controller.log()


def test_streams_that_always_end_at_once_are_no_reason_to_hurry(rig):
    rig.started()
    over = body(b"")
    rig.api.script("services", "watch", *[over] * FOREVER)
    rig.api.end("services")
    rig.rests()
    rig.change()
    rig.api.scripts.clear()
    rig.settle(60)


def test_a_410_within_the_stream_is_answered_by_a_list_and_nothing_is_dropped(rig):
    rig.started()

    def lose_history():
        rig.api.down()
        rig.change()
        rig.api.forget()
        rig.api.up()

    rig.stable(lose_history)
    assert rig.api.count(resource="services", verb="stream") == 2
    assert rig.controller.log().count("removed=1 ") <= 1


def test_an_error_event_may_come_at_any_time(rig):
    rig.started()
    rig.api.send("services", event("ERROR", status_of(410, "too old resource version")))
    rig.api.send("endpointslices", event("ERROR", status_of(500, "etcd is unwell")))
    rig.change()
    rig.stable()
    rig.logged("etcd is unwell")


def test_a_410_as_the_answer_is_answered_by_a_list(rig):
    rig.started()
    rig.api.script("services", "watch", answer(410, "too old resource version"))
    rig.api.script("endpointslices", "watch", answer(410, "too old resource version"))
    rig.api.down()
    rig.change()
    rig.api.up()
    rig.settle()
    rig.follows()
    assert rig.api.count(resource="services", verb="stream") == 2


def test_a_server_that_asks_to_wait_is_left_alone_so_long(rig):
    rig.api.script("services", "stream", answer(429, "too many requests", Retry_After="4"))
    rig.start()
    rig.settle()
    times = [r.time for r in rig.api.requests if r.resource == "services" and r.verb == "stream"]
    assert 3.9 < times[1] - times[0] < 15
    rig.follows()
    rig.api.script("services", "watch", answer(503, "no leader", Retry_After="3"))
    rig.api.reset("services")
    rig.change()
    rig.settle()
    times = [r.time for r in rig.api.requests if r.resource == "services" and r.verb == "watch"]
    assert 2.9 < times[1] - times[0] < 15


@pytest.mark.parametrize("status", [500, 503])
def test_server_errors_are_tried_again_ever_more_slowly(rig, status):
    rig.api.script("services", "stream", *[answer(status, "etcd is unwell")] * 3)
    rig.start()
    rig.logged(f"HTTP {status}: etcd is unwell")
    rig.settle()
    times = [r.time for r in rig.api.requests if r.resource == "services" and r.verb == "stream"]
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert len(gaps) == 3
    assert gaps[0] > 0.9 and gaps[1] > 1.9 and gaps[2] > 3.9
    rig.logged("source.recovered.*services")


def test_a_rotated_token_is_read_again_when_the_old_one_is_refused(rig):
    token = rig.folder / "token"
    token.write_text("first\n")
    rig.api.tokens = {"first"}
    rig.started(user="tokenFile: token")
    rig.api.tokens = {"second"}
    token.write_text("second\n")
    rig.api.reset("services")
    rig.api.reset("endpointslices")
    rig.change()
    rig.settle()
    rig.follows()
    assert {r.token for r in rig.api.requests} == {"first", "second"}


def test_a_token_that_stays_refused_is_not_tried_in_a_loop(rig):
    rig.api.tokens = {"another"}
    rig.start()
    rig.logged("source.problem.*HTTP 401: Unauthorized")
    rig.rests()
    rig.api.tokens = None
    rig.settle(60)


def test_duplicate_and_overtaken_events_change_nothing(rig):
    rig.started()
    old = rig.api.get("services", NAMESPACE, "web-1")
    rig.api.put(service(1, ports=(80, 8080)))
    rig.api.put(slice_of(1, (1, 2), ports=(80, 8080)))
    rig.settle()
    new = rig.api.get("services", NAMESPACE, "web-1")
    for kind, thing in (("MODIFIED", new), ("ADDED", new), ("MODIFIED", old), ("ADDED", old)):
        rig.api.send("services", (kind, thing))
    rig.api.put(service(5))  # comes after those
    rig.api.put(slice_of(5, (1,)))
    rig.stable()


def test_an_overtaken_deletion_does_not_delete_what_was_made_since(rig):
    rig.started()
    old = rig.api.get("services", NAMESPACE, "web-1")
    rig.api.delete("services", NAMESPACE, "web-1")
    rig.api.put(service(1))
    rig.settle()
    rig.api.send("services", ("DELETED", old))
    rig.api.put(service(5))  # comes after that
    rig.api.put(slice_of(5, (1,)))
    rig.settle()


def test_an_object_of_5_megabytes_is_no_problem(rig):
    rig.api.put(service(6, **{"example.org/notes": "n" * 5_000_000}))
    rig.api.put(slice_of(6, (1,)))
    rig.started()
    rig.api.put(service(7, **{"example.org/notes": "m" * 5_000_000}))
    rig.api.put(slice_of(7, (1,)))
    rig.settle()
    assert "source.problem" not in rig.controller.log()


@pytest.mark.parametrize("line", GARBAGE, ids=range(len(GARBAGE)))
def test_a_garbage_line_is_told_of_and_costs_nothing_else(rig, line):
    rig.started()
    rig.api.send("services", line)
    rig.api.send("endpointslices", line)
    rig.logged("source.problem.*services")
    rig.logged("source.problem.*endpointslices")
    rig.change()
    rig.stable()


def test_an_object_of_too_many_values_is_passed_over_unread(rig):
    rig.started()
    before = rig.controller.peak_memory()
    rig.api.send("services", b'{"type":"ADDED","object":{"a":[' + b"{}," * 5_000_000 + b"{}]}}\n")
    rig.logged("source.problem.*services.*more than 400000 values")
    rig.change()
    rig.stable()
    assert rig.api.count(resource="services", verb="watch") == 0
    assert rig.controller.log().count("event=source.problem") == 1
    assert rig.controller.peak_memory() - before < 200e6


@pytest.mark.parametrize("bad", [
    {"kind": "Service", "metadata": {"namespace": NAMESPACE}},
    {"kind": "Service", "metadata": {"name": 7, "namespace": NAMESPACE}},
    {"kind": "Service", "metadata": "none"},
    service(9) | {"spec": {"type": "LoadBalancer", "loadBalancerClass": "kago.dev/default", "ports": "80"}},
    service(9) | {"spec": {"type": "LoadBalancer", "loadBalancerClass": ["kago.dev/default"], "ports": []}},
    7, None, "text", []], ids=range(9))
def test_what_is_no_service_is_left_out_of_a_list(rig, bad):
    rig.api.script("services", "stream", answer(400, "unknown"))
    rig.api.script("endpointslices", "stream", answer(400, "unknown"))
    things = rig.api.all("services")
    page = {"kind": "ServiceList", "metadata": {"resourceVersion": str(rig.api.version)},
            "items": [things[0], bad, *things[1:]]}
    rig.api.script("services", "list", body(json.dumps(page).encode()))
    rig.started()
    rig.logged("(source.problem|object.rejected|service.rejected)")


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b'{"items":[]}', b'{"metadata":{"resourceVersion":7}}',
                                  b'{"metadata":{"resourceVersion":"7"},"items":{}}', b"<html>"], ids=repr)
def test_a_list_that_is_none_is_asked_for_again(rig, text):
    rig.api.script("services", "stream", answer(400, "unknown"))
    rig.api.script("services", "list", body(text))
    rig.started()
    rig.logged("source.problem.*services")


def test_a_line_without_end_is_given_up(rig):
    rig.started()
    rig.api.send("services", b'{"type":"ADDED","object":{"x":"' + b"y" * 20_000_000)
    rig.logged("source.problem.*services.*a line of more than [0-9]+ bytes")
    rig.change()
    rig.stable()


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_cannot_stream_a_list_is_asked_for_pages(rig, status):
    refusal = answer(status, 'sendInitialEvents: Forbidden: is not supported')
    for resource in ("services", "endpointslices", "leases"):
        rig.api.script(resource, "stream", *[refusal] * 3)
    rig.api.page_size = 2
    rig.started()
    assert rig.api.count(resource="services", verb="stream") == 1
    assert rig.api.count(resource="services", verb="list") == 2
    assert "source.problem" not in rig.controller.log()
    rig.change()
    rig.settle()
    rig.api.down()  # what was learnt is not forgotten
    rig.api.forget()
    rig.api.delete("services", NAMESPACE, "web-1")
    rig.api.up()
    rig.settle()
    assert rig.api.count(resource="services", verb="stream") == 1


def test_pages_that_expire_are_read_from_the_start_and_then_in_one(rig):
    rig.api.script("services", "stream", answer(400, "unknown"))
    rig.api.page_size = 2
    expired = answer(410, "The provided continue parameter is too old")
    rig.api.script("services", "list", lambda handler: handler.serve(), expired)

    def all_at_once(handler):
        assert "limit" not in handler.query
        handler.api.page_size = None
        handler.serve()

    rig.api.script("services", "list", all_at_once)
    rig.started()
    assert rig.api.count(resource="services", verb="list") == 3
    rig.change()
    rig.settle()


def test_a_page_that_breaks_off_is_asked_for_again(rig):
    rig.api.script("services", "stream", answer(400, "unknown"))
    rig.api.script("services", "list", cut(700))
    rig.started()
    rig.change()
    rig.settle()


def test_pages_become_smaller_until_they_are_not_too_large(rig):
    limits = []

    def too_large(handler):
        limits.append(handler.query["limit"])
        body(b" " * (65 << 20))(handler)

    rig.api.script("services", "stream", answer(400, "unknown"))
    rig.api.script("services", "list", too_large, too_large)
    rig.started()
    assert limits == ["250", "125"]
    rig.change()
    rig.settle()


def test_a_stream_that_drips_is_given_up(rig):
    rig.api.heartbeat = 0.5
    rig.started(settings={"kubernetes.silenceTimeout": "2s"})
    since = time.monotonic()
    rig.api.send("services", b'{"type":"ADDED",')
    for _ in range(300):
        rig.api.send("services", b" ")
        if rig.api.count(since, resource="services", verb="watch"):
            break
        time.sleep(0.1)
    assert 1.5 < time.monotonic() - since < 25
    rig.logged("source.problem.*services.*a line that takes too long")
    rig.api.put(service(5))
    rig.api.put(slice_of(5, (1,)))
    rig.settle()


def test_a_silent_stream_is_given_up(rig):
    rig.api.heartbeat = 0.5
    rig.started(settings={"kubernetes.silenceTimeout": "5s"})
    time.sleep(6)
    assert "source.problem" not in rig.controller.log()  # bookmarks are enough
    rig.api.script("services", "watch", headers_only)
    rig.api.reset("services")
    wait_for("the silent stream", lambda: not rig.api.scripted("services", "watch"), PATIENCE)
    rig.change()
    rig.settle()
    rig.logged("source.problem.*services.*silent")


def test_a_server_that_takes_a_request_and_never_answers_is_given_up(rig):
    rig.api.script("services", "stream", hang)
    rig.start(settings={"kubernetes.silenceTimeout": "2s"})
    rig.api.heartbeat = 0.5
    rig.settle()


def test_bookmarks_move_the_place_to_resume_at(rig):
    rig.started()
    rig.api.send("services", bookmark(999999))
    rig.api.send("services", GARBAGE[0])  # of which it tells when it has read what was before
    rig.logged("source.problem.*services")
    rig.api.reset("services")
    wait_for("resumption", lambda: rig.api.count(resource="services", verb="watch"), PATIENCE)
    assert "resourceVersion=999999" in [r for r in rig.api.requests if r.verb == "watch"][0].path


def test_while_the_server_is_gone_everything_stands(rig):
    rig.started()
    before = os.stat(rig.folder / "state/keepalived.conf")
    descriptors = rig.controller.descriptors()
    rig.api.down()
    rig.logged("source.problem.*services")
    rig.rests()
    rig.api.up()
    rig.logged("source.recovered.*services")
    rig.logged("source.recovered.*endpointslices")
    after = os.stat(rig.folder / "state/keepalived.conf")
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)
    wait_for("descriptors", lambda: rig.controller.descriptors() <= descriptors, PATIENCE)
    rig.change()
    rig.settle()


def test_who_finds_the_server_back_tells_the_others(rig):
    """Each watch would go on to wait for as long as it has learned to: up to 30 seconds."""
    rig.started()

    def seconds_until_all_are_back():
        told = rig.controller.log().count("event=source.problem")
        recovered = rig.controller.log().count("event=source.recovered")
        rig.api.down()
        wait_for("longer pauses", lambda: rig.controller.log().count("event=source.problem") >= told + 2, PATIENCE)
        time.sleep(12)
        rig.api.up()
        wait_for("the first", lambda: rig.controller.log().count("event=source.recovered") > recovered, PATIENCE)
        first = time.monotonic()
        for resource in ("services", "endpointslices", "leases"):
            wait_for(f"a watch of {resource}", lambda r=resource: rig.api.streams(r), PATIENCE)
        return time.monotonic() - first

    # Once the machine may be busy with something else.
    assert seconds_until_all_are_back() < 1 or seconds_until_all_are_back() < 1


def test_a_server_that_starts_after_us_is_found(rig):
    rig.api.down()
    rig.start()
    rig.logged("source.problem.*services.*Couldn't connect")
    rig.api.up()
    rig.settle()


def test_a_missing_permission_is_named(rig):
    why = 'services is forbidden: User "kago" cannot list resource "services" in API group "" at the cluster scope'
    rig.api.script("services", "stream", *[answer(403, why)] * 2)
    rig.start()
    rig.logged("source.problem.*HTTP 403: services is forbidden: .*cannot list resource")
    rig.settle()
    rig.logged("source.recovered.*services")


@pytest.mark.parametrize("kind, cluster_options, error", [
    ("other", "certificate-authority: ca.crt", "no alternative certificate subject name matches"),
    ("right", "certificate-authority: other.crt", "unable to get local issuer certificate|self.signed"),
    ("right", "certificate-authority: ca.crt, tls-server-name: kubernetes.example", "no alternative certificate"),
])
def test_a_server_that_cannot_prove_who_it_is_hears_nothing(tmp_path, certificates, kind, cluster_options, error):
    (tmp_path / "other.crt").write_bytes((certificates["other"] / "ca.crt").read_bytes())
    with running(tmp_path, certificates[kind]) as rig:
        rig.start(cluster=cluster_options)
        rig.logged(f"source.problem.*({error})")
        rig.rests()
        assert rig.api.requests == []


def test_who_has_a_certificate_of_a_ca_of_the_system_alone_hears_nothing(tmp_path, certificates):
    (tmp_path / "other.crt").write_bytes((certificates["other"] / "ca.crt").read_bytes())
    cas = make_system_cas(tmp_path / "cas", certificates["right"] / "ca.crt")
    with running(tmp_path, certificates["right"]) as rig:
        rig.start(cluster="certificate-authority: other.crt", system_cas=cas)
        rig.logged("source.problem.*services")
        rig.rests()
        assert rig.api.requests == []


def test_without_a_ca_in_the_kubeconfig_those_of_the_system_count(tmp_path, certificates):
    """What also shows that the test above would see it."""
    cas = make_system_cas(tmp_path / "cas", certificates["right"] / "ca.crt")
    with running(tmp_path, certificates["right"]) as rig:
        rig.started(cluster="insecure-skip-tls-verify: false", system_cas=cas)


def test_a_certificate_as_the_guide_of_kubernetes_makes_it_is_taken(tmp_path):
    """Its key may not sign, says its key usage, though it has to. A libcurl with GnuTLS does not take it."""
    make_certificates(tmp_path, "IP:127.0.0.1", key=("rsa:2048",), usage="keyEncipherment,dataEncipherment")
    (tmp_path / "rig").mkdir()
    with running(tmp_path / "rig", tmp_path) as rig:
        rig.started()


@pytest.mark.parametrize("cluster_options", ["certificate-authority: ca.crt, tls-server-name: kubernetes.example",
                                             "insecure-skip-tls-verify: true"])
def test_another_name_can_be_expected(tmp_path, certificates, cluster_options):
    with running(tmp_path, certificates["other"]) as rig:
        rig.started(cluster=cluster_options)
        rig.change()
        rig.settle()
        assert ("kubernetes.insecure" in rig.controller.log()) == ("insecure" in cluster_options)
