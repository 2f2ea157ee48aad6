#!/usr/bin/python3
"""limits.memory: what sessions and messages take is counted, and beyond the bound everything is asked to come later."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import house
from proxy_house import PLAIN, Proxy, through, without_ours
from smtp_script import Client

MIB = 1 << 20
ROOM = 18 * MIB  # 128 - 46 - 64
SMALL = "limits { memory = 128MiB spool_memory = 64MiB spool_memory_worker = 1GiB sessions = 100000 }\nworkers = 1"


def dns(more=""):
    from proxy_house import NO_DNS
    return NO_DNS + " key_cache = 46MiB " + more


def memory(proxy):
    return proxy.metric("sceau_memory_bytes")


def beyond_the_bound_everything_can_wait():
    proxy = Proxy({"in": ("smtp", "maildir:{folder}/Maildir", 'trust = { } ')}, more=SMALL, dns=dns())
    busy, other = proxy.client("in"), proxy.client("in")
    busy.envelope()
    busy.expect(354, "DATA")
    body = (b"x" * 70 + b"\r\n") * (24 * MIB // 72)
    busy.send(PLAIN + body)
    house.wait_for(lambda: proxy.metric("sceau_spool_bytes") >= len(PLAIN + body) - 65536, "the message")
    house.wait_for(lambda: ROOM - 32768 <= memory(proxy) <= ROOM, "memory that is full")
    late = [Client(proxy.port["in"])]
    while late[-1].greeting[0] == 220:  # one that needs less than a block may still fit
        late.append(Client(proxy.port["in"]))
    code, texts = late[-1].greeting
    assert code == 421 and texts[0].startswith("4.3.1"), (code, texts)
    code, texts = through(other, PLAIN.replace(b"\r\n\r\n", b"\r\n" + b"X-Much: y\r\n" * 2000 + b"\r\n"))
    assert code == 452 and texts[0].startswith("4.3.1"), (code, texts)
    busy.send(b".\r\n")
    assert busy.reply()[0] == 250  # the rest was in the spool file
    text, = proxy.stored()
    assert without_ours(text).endswith(PLAIN + body)
    house.wait_for(lambda: memory(proxy) <= 64 * 8192, "memory that is given back")
    assert through(other, PLAIN)[0] == 250
    for client in (busy, other, *late):
        client.close()
    assert proxy.metric('sceau_message_faults_total{fault="no_memory"}') == 1
    assert proxy.metric('sceau_rejected_connections_total{reason="resources"}') == 1
    assert "fault=no_memory" in proxy.log_text()
    house.wait_for(lambda: memory(proxy) == 0, "memory that is given back to the last octet")
    assert proxy.stop() == 0, proxy.log_text()


def faults_are_words():
    """The log's word for each fault is the metric's."""
    for form, found in (("logfmt", " fault=message_too_large "), ("json", '"fault":"message_too_large"')):
        proxy = Proxy({"in": ("smtp", "maildir:{folder}/Maildir", "")}, name=form,
                      more='limits { message = 64KiB }\nlog { format = "%s" }' % form)
        assert through(proxy.client("in"), PLAIN + b"y\r\n" * 30000)[0] == 552
        assert found in proxy.log_text(), proxy.log_text()
        assert proxy.metric('sceau_message_faults_total{fault="message_too_large"}') == 1
        assert proxy.stop() == 0, proxy.log_text()


def parts_that_do_not_fit_are_refused():
    file = house.put("conf/parts", 'listener "in" { protocol = "smtp" listen = "127.0.0.1:1" downstream = "maildir:/x" }\n'
                     "limits { memory = 256MiB }\ndns { key_cache = 180MiB }\n")
    done = subprocess.run([house.SCEAUD, "--check", "-c", file], capture_output=True, text=True, timeout=60)
    assert done.returncode == 78 and "'memory' in limits: less 'key_cache' in dns and 64MiB" in done.stderr, done.stderr


if __name__ == "__main__":
    house.main(beyond_the_bound_everything_can_wait, faults_are_words, parts_that_do_not_fit_are_refused)
