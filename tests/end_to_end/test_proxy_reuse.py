#!/usr/bin/python3
"""Connections to downstream that serve one session after the other: what is kept, for whom, and what ends it."""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import house
from proxy_house import MAIL, Proxy, lmtp_downstream, smtp_downstream, through, without_ours

ONE = "workers = 1\n"  # a connection waits with the worker that made it
LONG = "limits { idle_downstream_timeout = 10min idle_downstreams = 2 downstream_uses = 4 }\n"
XCLIENT = "XCLIENT ADDR PORT HELO PROTO"


class Once(dict):
    """Replies of which each is given once."""

    def __getitem__(self, key):
        return self.pop(key)


def session(proxy, name="in", content=MAIL, replies=1):
    """One whole session with one message; its final reply."""
    client = proxy.client(name)
    for reply in client.envelope(hello="LHLO" if name == "lmtp" else "EHLO"):
        assert reply[0] == 250, reply
    reply = client.data(content, replies)
    client.expect(221, "QUIT")
    client.close()
    return reply


def idle(proxy, count):
    house.wait_for(lambda: proxy.metric("sceau_downstream_idle_connections") == count, f"{count} connections that wait")


def hellos(server):
    return sum(line[:4] in ("EHLO", "LHLO") for line in server.commands)


def one_connection_serves_several_sessions():
    server, where = smtp_downstream()
    boxes, lmtp_where = lmtp_downstream()
    proxy = Proxy({"in": ("smtp", where, ""), "lmtp": ("lmtp", lmtp_where, "")}, more=ONE + LONG)
    for number in range(6):
        assert session(proxy)[0] == 250 and session(proxy, "lmtp")[0] == 250
        idle(proxy, 2 if number < 3 else 2 if number > 3 else 0)
    assert hellos(server) == hellos(boxes) == 2, server.commands  # four sessions each, then a new one
    assert server.commands.count("RSET") == 4 and server.commands.count("QUIT") == 1
    assert [without_ours(one.content) for one in server.complete() + boxes.complete()] == [MAIL] * 12
    assert all("ADDR" in one.client for one in server.complete())  # each message's client is told anew
    assert proxy.metric('sceau_downstream_connections_total{origin="new"}') == 4
    assert proxy.metric('sceau_downstream_connections_total{origin="reused"}') == 8
    assert proxy.metric('sceau_downstream_duration_seconds_count{step="message"}') == 12
    proxy.process.send_signal(signal.SIGHUP)  # another configuration, other connections
    idle(proxy, 0)
    assert session(proxy)[0] == 250 and hellos(server) == 3
    idle(proxy, 1)
    assert proxy.stop() == 0, proxy.log_text()
    assert house.wait_for(lambda: server.commands.count("QUIT") == 3, "a polite end")


def a_client_never_speaks_as_another():
    server, where = smtp_downstream()
    plain, plain_where = smtp_downstream()
    server.offers = server.offers + (XCLIENT,)
    proxy = Proxy({"in": ("smtp", where, 'trust = { } proxy_from = { "127.0.0.1" }'), "xforward": ("smtp", plain_where, "")},
                  more=ONE + LONG)
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.2"):
        client = proxy.client("in", header=b"PROXY TCP4 %s 192.0.2.99 4000 25\r\n" % address.encode())
        assert through(client, MAIL)[0] == 250
        client.expect(221, "QUIT")
    assert [one.introduced["ADDR"] for one in server.complete()] == ["192.0.2.1", "192.0.2.2", "192.0.2.2"]
    assert proxy.metric("sceau_downstream_idle_connections") == 0 and proxy.metric('sceau_downstream_connections_total{origin="reused"}') == 0
    for address in ("192.0.2.3", None):
        client = proxy.client("xforward")
        if address:
            client.expect(250, "EHLO client.test")
            client.expect(250, f"XFORWARD ADDR={address} NAME=a.there.test HELO=helo.there.test")
            client.expect(250, "MAIL FROM:<alice@there.test>")
            client.expect(250, "RCPT TO:<bob@here.test>")
            assert client.data(MAIL)[0] == 250
        else:
            assert through(client, MAIL)[0] == 250
        client.expect(221, "QUIT")
        idle(proxy, 1)
    first, second = plain.complete()
    assert hellos(plain) == 1 and first.client["ADDR"] == "192.0.2.3" and first.client["NAME"] == "a.there.test"
    assert second.client["ADDR"] == "127.0.0.1" and second.client["NAME"] == "[UNAVAILABLE]" and second.client["HELO"] == "client.test"
    # Told of a second client by a trusted one, and refused: no mail under the first one's name.
    server.replies = {"XCLIENT ADDR=192.0.2.8": "550 5.7.0 no"}
    more = Proxy({"in": ("smtp", where, "")}, more=ONE)
    client = more.client("in")
    for address, before in (("192.0.2.7", 3), ("192.0.2.8", 4)):
        client.expect(220, f"XCLIENT ADDR={address}")
        assert through(client, MAIL)[0] == 250
        assert server.complete()[before].introduced.get("ADDR") == ("192.0.2.7" if before == 3 else None), server.commands[-12:]
    assert more.stop() == 0 and proxy.stop() == 0, proxy.log_text()


def a_connection_that_died_costs_no_mail():
    server, where = smtp_downstream()
    proxy = Proxy({"in": ("smtp", where, "")}, more=ONE + LONG, name="died")
    assert session(proxy)[0] == 250
    idle(proxy, 1)
    for wire in list(server.open):
        wire.send(b"421 4.4.2 timeout, goodbye\r\n")  # seen while it waits
    idle(proxy, 0)
    for told in ({"RSET": "421 4.4.2 gone"}, {"MAIL": "421 4.7.0 too many messages on one connection"}):
        assert session(proxy)[0] == 250
        idle(proxy, 1)
        server.replies = Once(told)
        assert session(proxy)[0] == 250
        assert not server.replies
        idle(proxy, 1)
        for wire in list(server.open):
            wire.close()
        idle(proxy, 0)
    assert [without_ours(one.content) for one in server.complete()] == [MAIL] * 5
    assert proxy.metric('sceau_downstream_faults_total{fault="stale"}') == 2
    assert "event=downstream" not in proxy.log_text(), proxy.log_text()  # nothing that anybody need act on
    assert proxy.stop() == 0, proxy.log_text()


def the_final_dot_is_said_once():
    """The server takes the message on a reused connection and dies without a word: that is the client's to repeat."""
    server, where = smtp_downstream()
    proxy = Proxy({"in": ("smtp", where, "")}, more=ONE + LONG)
    assert session(proxy)[0] == 250
    idle(proxy, 1)
    server.die = "final"
    code, texts = session(proxy)
    assert code == 451 and texts[0].startswith("4.4.2"), (code, texts)
    assert len(server.complete()) == 2 and hellos(server) == 1
    assert proxy.stop() == 0, proxy.log_text()


def a_refusal_is_not_handed_on():
    server, where = smtp_downstream()
    proxy = Proxy({"in": ("smtp", where, "")}, more=ONE + LONG)
    server.replies = {"RCPT TO:<NOBODY": "550 5.1.1 no"}
    client = proxy.client("in")
    assert client.envelope(["nobody@here.test"])[0][0] == 550
    client.expect(221, "QUIT")
    server.final = "554 5.7.1 no"
    assert session(proxy)[0] == 554
    server.final = "250 2.0.0 Ok"
    assert session(proxy)[0] == 250
    idle(proxy, 1)
    assert hellos(server) == 3
    off = Proxy({"in": ("smtp", where, "")}, more=ONE + "limits { idle_downstreams = 0 }\n")
    assert session(off)[0] == 250 and session(off)[0] == 250 and hellos(server) == 5
    assert off.stop() == 0 and proxy.stop() == 0, proxy.log_text()


if __name__ == "__main__":
    house.main(one_connection_serves_several_sessions, a_client_never_speaks_as_another, a_connection_that_died_costs_no_mail,
               the_final_dot_is_said_once, a_refusal_is_not_handed_on)
