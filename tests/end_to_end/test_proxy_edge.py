"""The first hop: balancers that speak the PROXY protocol, trusted clients that speak XCLIENT, downstream that is told of the
far client, and clients that take more than their share."""
import shutil
import socket
import struct
import time

import house
from house import wait_for
from proxy_house import MAIL, PLAIN, Proxy, smtp_downstream, through
from smtp_script import OFFERS, Client

TRUSTED, BALANCER, FAR = "127.0.0.7", "127.0.0.8", "192.0.2.7"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
XCLIENT = "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"


def v1(source=FAR, destination="198.51.100.1", port=4711):
    return f"PROXY TCP{'6' if ':' in source else '4'} {source} {destination} {port} 25\r\n".encode()


def v2(source=FAR, destination="198.51.100.1", port=4711, tlvs=b"", command=0x21):
    kind, family = (socket.AF_INET6, 0x21) if ":" in source else (socket.AF_INET, 0x11)
    body = socket.inet_pton(kind, source) + socket.inet_pton(kind, destination) + struct.pack("!HH", port, 25) + tlvs
    return SIGNATURE + struct.pack("!BBH", command, family, len(body)) + body


LOCAL = SIGNATURE + b"\x20\x00\x00\x00"
UNIX = SIGNATURE + b"\x21\x31\x00\xd8" + b"/run/client".ljust(108, b"\0") * 2


def told(client, content=MAIL):
    """What downstream was told by XCLIENT of the client of one message."""
    assert through(client, content)[0] == 250
    return SERVER.complete()[-1].introduced


def log_of(client):
    """The log's line of the last message."""
    return [line for line in PROXY.log_text().splitlines() if "event=message" in line][-1]


def raw(port, source, octets):
    connection = socket.create_connection(("127.0.0.1", port), 20, source_address=(source, 0))
    connection.sendall(octets)
    return connection


def everything(connection):
    """All that the server says until it closes."""
    text = b""
    try:
        while octets := connection.recv(4096):
            text += octets
    except ConnectionResetError:
        pass
    return text


# -- PROXY ---------------------------------------------------------------------------------------------------------------

def a_balancer_names_the_client():
    for header, address, port in ((v1(), FAR, "4711"), (v2(), FAR, "4711"), (v1("2001:db8::7", "::1"), "2001:db8::7", "4711"),
                                  (v2("2001:db8::7", "::1", 65535), "2001:db8::7", "65535"),
                                  (v2(tlvs=b"\x05\x00\x03abc\x04\x00\x00"), FAR, "4711"), (v2("::ffff:192.0.2.7", "::1"), FAR, "4711")):
        client = PROXY.client("in", source=BALANCER, header=header)
        got = told(client)
        assert got["ADDR"] == ("IPV6:" if ":" in address else "") + address and got["PORT"] == port, (header, got)
        assert got["HELO"] == "client.test" and got["PROTO"] == "ESMTP" and SERVER.complete()[-1].hello == "client.test"
        assert f"client={address} " in log_of(client), log_of(client)


def the_named_address_is_checked():
    """SPF and trust look at the client, not at the balancer."""
    for address, verdict in ((FAR, "spf=pass"), ("192.0.2.8", "spf=fail")):
        through(PROXY.client("in", source=BALANCER, header=v2(address)), MAIL)
        assert verdict in house.field(SERVER.complete()[-1].content)[0]
    offers = PROXY.client("in", source=BALANCER, header=v2(TRUSTED)).expect(250, "EHLO client.test")
    assert XCLIENT in offers, offers
    for header in (v2(), v1(BALANCER), UNIX):
        client = PROXY.client("in", source=BALANCER, header=header)
        assert XCLIENT not in client.expect(250, "EHLO client.test")
        assert client.say("XCLIENT ADDR=192.0.2.9")[0] == 550


def any_cut_gives_the_same_client():
    for number, header in enumerate((v1(), v2(), v2(tlvs=b"\x04\x00\x02ab"), LOCAL, UNIX)):
        wanted = PROXY.client("in", source=BALANCER, header=header)
        wanted.expect(250, "EHLO client.test")
        for cut in range(1, len(header) + 1, 1 if len(header) < 100 else 25):
            connection = raw(PROXY.port["in"], BALANCER, header[:cut])
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            time.sleep(0.002)
            name = f"cut-{number}-{cut}.test"
            connection.sendall(header[cut:] + f"EHLO {name}\r\nQUIT\r\n".encode())
            text = everything(connection)
            assert text.startswith(b"220 ") and text.endswith(b"221 2.0.0 Bye\r\n"), (header, cut, text)
            lines = [line for line in SERVER.commands if line.startswith("XCLIENT ") and line.endswith("HELO=" + name)]
            address = "127.0.0.8" if header == LOCAL else FAR
            assert header == UNIX or (len(lines) == 1 and f" ADDR={address} " in lines[0]), (header, cut, lines)


def a_health_check_is_the_balancer_itself():
    for header in (LOCAL, v2(command=0x20), b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ffff::1 ::1 1 2\r\n", SIGNATURE + b"\x21\x00\x00\x02ab"):
        assert told(PROXY.client("in", source=BALANCER, header=header))["ADDR"] == BALANCER


def what_is_no_header_closes_the_connection():
    for octets in (b"EHLO client.test\r\n", b"PROXY TCP4 192.0.2.7\r\n", b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 25\n",
                   b"PROXY TCP4 192.0.2.256 198.51.100.1 4711 25\r\n", b"PROXY UNKNOWN " + b"x" * 200, b"\r\n\r\n\0\r\nQUIT\r\n",
                   v2(command=0x31), v2(command=0x22), v2(tlvs=b"\x04\x00\x09abc"), SIGNATURE + b"\x21\x12\x00\x0c" + v2()[16:],
                   SIGNATURE + b"\x21\x11\x00\x0b" + v2()[16:], SIGNATURE + b"\x21\x11\xff\xff"):
        before = len(PROXY.log_text())
        assert everything(raw(PROXY.port["in"], BALANCER, octets)) == b"", octets
        wait_for(lambda: "event=proxy_protocol" in PROXY.log_text()[before:], "the reason in the log")
        assert f"client={BALANCER}" in PROXY.log_text()[before:]
    before = len(PROXY.log_text())
    raw(PROXY.port["in"], BALANCER, b"").close()  # only looks whether somebody is there: not worth a line
    start = time.monotonic()
    assert everything(raw(PROXY.port["in"], BALANCER, v1()[:20])) == b""  # greeting_timeout
    assert 0.9 < time.monotonic() - start < 5 * house.SLOW
    new = PROXY.log_text()[before:]
    assert new.count("event=proxy_protocol") == 1 and "in time" in new, new
    assert PROXY.metric('sceau_rejected_connections_total{reason="proxy_header"}') == 13


def nobody_else_may_send_one():
    client = PROXY.client("in")
    client.send(v1() + b"EHLO client.test\r\n")
    assert client.reply()[0] == 502 and client.is_closed()
    client = PROXY.client("in")
    client.send(v2() + b"\r\nEHLO stranger.test\r\nQUIT\r\n")
    assert b"\r\n221 " in everything(client.socket)
    assert not any("192.0.2.7" in line and "stranger" in line for line in SERVER.commands)


def haproxy_is_understood():
    """The real one, with both versions and its health checks."""
    if shutil.which("haproxy") is None:
        print("haproxy is not installed: left out")
        return
    ports = {"send-proxy": house.free_port(), "send-proxy-v2": house.free_port()}
    text = "defaults\n mode tcp\n timeout connect 5s\n timeout client 1m\n timeout server 1m\n"
    for way, port in ports.items():
        text += (f"listen {way}\n bind 127.0.0.1:{port}\n option smtpchk EHLO haproxy.test\n"
                 f" server mx 127.0.0.1:{PROXY.port['in']} source {BALANCER} {way} check inter 200\n")
    before = len(PROXY.log_text())
    process = house.spawn(["haproxy", "-db", "-f", house.put("haproxy.cfg", text)], "haproxy.log")
    for port in ports.values():
        wait_for(lambda port=port: house.port_answers(port), "haproxy")
        client = Client(port, source="127.0.0.9")
        assert told(client)["ADDR"] == "127.0.0.9" and "client=127.0.0.9 " in log_of(client)
    wait_for(lambda: [line for line in SERVER.commands if "HELO=haproxy.test" in line and f"ADDR={BALANCER}" in line], "a health check")
    house.stop(process)
    assert "event=proxy_protocol" not in PROXY.log_text()[before:]


# -- XCLIENT -------------------------------------------------------------------------------------------------------------

def xclient_from_the_trusted_only():
    client = PROXY.client("in")
    assert not any(offer.startswith("XCLIENT") for offer in client.expect(250, "EHLO client.test"))
    code, texts = client.say(f"XCLIENT ADDR={FAR}")
    assert code == 550 and texts[0].startswith("5.7.0"), (code, texts)
    assert told(client)["ADDR"] == "127.0.0.1"
    assert XCLIENT in PROXY.client("in", source=TRUSTED).expect(250, "EHLO client.test")


def xclient_begins_the_session_anew():
    client = PROXY.client("in", source=TRUSTED)
    client.expect(250, "EHLO relay.test")
    assert client.say("XCLIENT ADDR=somewhere")[0] == 501
    assert client.say("XCLIENT IDENT=4Q1")[0] == 501
    assert client.say(f"xclient name=far+2Etest addr={FAR} port=12345 proto=esmtp helo=far.test login=alice") == client.greeting
    assert client.say("MAIL FROM:<alice@there.test>")[0] == 503  # no EHLO yet
    client.expect(250, "EHLO far.test")
    client.expect(250, "MAIL FROM:<alice@there.test>")
    assert client.say(f"XCLIENT ADDR={FAR}")[0] == 503
    client.expect(250, "RCPT TO:<bob@here.test>")
    assert client.data(MAIL)[0] == 250
    got = SERVER.complete()[-1]
    assert got.introduced == {"NAME": "far.test", "ADDR": FAR, "PORT": "12345", "PROTO": "ESMTP", "HELO": "far.test"}, got.introduced
    assert got.hello == "far.test" and "spf=pass" in house.field(got.content)[0]
    assert f"client={FAR} helo=far.test" in log_of(client), log_of(client)


def nothing_leaks_from_one_client_to_another():
    client = PROXY.client("in", source=TRUSTED)
    client.expect(250, "EHLO relay.test")
    assert client.say(f"XCLIENT ADDR={FAR} NAME=far.test")[0] == 220
    assert told(client)["ADDR"] == FAR
    assert told(client)["NAME"] == "far.test"  # XCLIENT is for the session
    client.expect(250, "XFORWARD ADDR=192.0.2.9 HELO=nine.test")  # ... XFORWARD for one message
    for line in ("MAIL FROM:<alice@there.test>", "RCPT TO:<bob@here.test>"):
        client.expect(250, line)
    assert client.data(MAIL)[0] == 250
    got = SERVER.complete()[-1]
    assert (got.introduced["ADDR"], got.introduced["NAME"], got.hello) == ("192.0.2.9", "[UNAVAILABLE]", "nine.test"), got.introduced
    got = told(client)
    assert (got["ADDR"], got["NAME"], got["HELO"]) == (FAR, "far.test", "client.test"), got
    assert client.say("XCLIENT ADDR=IPV6:2001:db8::9 NAME=[TEMPUNAVAIL]")[0] == 220
    got = told(client)
    assert (got["ADDR"], got["NAME"]) == ("IPV6:2001:db8::9", "[TEMPUNAVAIL]"), got
    assert client.say("XCLIENT ADDR=[UNAVAILABLE] NAME=[UNAVAILABLE]")[0] == 220
    got = told(client)
    assert (got["ADDR"], got["NAME"]) == ("[UNAVAILABLE]", "[UNAVAILABLE]"), got
    assert "client=unknown" in log_of(client) and "spf=pass" not in house.field(SERVER.complete()[-1].content)[0]
    client.say("QUIT")
    got = told(PROXY.client("in", source=TRUSTED))
    assert (got["ADDR"], got["NAME"]) == (TRUSTED, "[UNAVAILABLE]"), got
    assert told(PROXY.client("in"))["ADDR"] == "127.0.0.1"


def a_downstream_that_refuses_xclient_is_no_fault():
    client = PROXY.client("in")
    SERVER.replies = {"XCLIENT": "550 5.7.0 insufficient authorization"}
    assert told(client) == {} and SERVER.complete()[-1].hello == "mx.here.test"
    before = SERVER.commands.count("EHLO client.test")
    assert told(client) == {} and SERVER.commands.count("EHLO client.test") == before
    SERVER.replies = {}
    assert told(PROXY.client("in"))["ADDR"] == "127.0.0.1"
    SERVER.die = "XCLIENT"
    assert PROXY.client("in").say("EHLO client.test")[0] == 421
    SERVER.die = None
    client = PROXY.client("in")  # downstream grows tired between two clients' messages
    assert told(client)["HELO"] == "client.test"
    for wire in list(SERVER.open):
        wire.close()
    client.expect(250, "EHLO other.test")
    client.expect(250, "MAIL FROM:<alice@there.test>")
    client.expect(250, "RCPT TO:<bob@here.test>")
    assert client.data(MAIL)[0] == 250 and SERVER.complete()[-1].introduced["HELO"] == "other.test"


# -- more than their share ----------------------------------------------------------------------------------------------

def turned_away(**more):
    try:
        return Client(CAPS.port["in"], **more).greeting
    except ConnectionResetError:
        return 421, ["reset"]


def one_address_does_not_take_all_sessions():
    mine = [CAPS.client("in", source="127.0.0.5") for _ in range(3)]
    code, texts = turned_away(source="127.0.0.5")
    assert code == 421 and texts[0].startswith("4.7.0"), (code, texts)
    wait_for(lambda: "event=refused" in CAPS.log_text() and "client=127.0.0.5" in CAPS.log_text(), "the log line")
    assert CAPS.client("in", source="127.0.0.6").say("NOOP")[0] == 250  # others go on
    assert all(client.say("NOOP")[0] == 250 for client in mine)
    mine.pop().say("QUIT")
    wait_for(lambda: turned_away(source="127.0.0.5")[0] == 220, "room for another one")
    relays = [CAPS.client("in", source=TRUSTED) for _ in range(6)]  # who speaks for many is not counted
    assert all(relay.greeting[0] == 220 for relay in relays)
    # Behind a balancer it is the clients that count.
    others = [CAPS.client("in", source=BALANCER, header=v2(f"192.0.2.{10 + i}")) for i in range(6)]
    assert all(other.greeting[0] == 220 for other in others)
    same = [CAPS.client("in", source=BALANCER, header=v2("2001:db8::%x" % i, "::1")) for i in range(3)]
    assert all(one.greeting[0] == 220 for one in same)
    assert turned_away(source=BALANCER, header=v2("2001:db8::ffff", "::1"))[0] == 421  # the same /64
    assert turned_away(source=BALANCER, header=v2("2001:db8:0:1::1", "::1"))[0] == 220
    assert CAPS.metric('sceau_rejected_connections_total{reason="address"}') >= 2


def drip(client, octets, every_s, seconds):
    """Sends octets again and again until the server answers; the reply."""
    client.envelope()
    client.expect(354, "DATA")
    client.send(PLAIN)
    client.socket.settimeout(every_s)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        client.send(octets)
        try:
            return client.reply()
        except TimeoutError:
            pass
    return None


def slow_clients_are_let_go():
    before = len(SERVER.complete())
    assert drip(CAPS.client("slow"), b"x", 0.1, 20)[0] == 421                # below data_rate, never silent
    assert drip(CAPS.client("slow"), b"x" * 98 + b"\r\n", 0.02, 30)[0] == 421  # fast enough, but data_total_timeout
    client = CAPS.client("slow")  # silent
    client.envelope()
    client.expect(354, "DATA")
    assert client.reply()[0] == 421
    client = CAPS.client("slow")
    client.envelope()
    client.expect(354, "DATA")
    for line in MAIL.splitlines(keepends=True):  # slow, but not too slow
        client.send(line)
        time.sleep(0.05)
    client.send(b".\r\n")
    assert client.reply()[0] == 250
    assert len(SERVER.complete()) == before + 1


def empty_commands_are_counted():
    client = CAPS.client("in")
    codes = [client.say("NOOP")[0] for _ in range(6)]
    assert codes == [250] * 5 + [421] and client.is_closed(), codes
    client = CAPS.client("in")
    for _ in range(3):
        assert through(client, MAIL)[0] == 250  # a message gives a new budget


def it_ends_well():
    assert PROXY.stop() == 0, PROXY.log_text()
    assert CAPS.stop() == 0, CAPS.log_text()


DNS = 'mode = "zones" zone_files = { "%s" }' % house.put("spf-zone", house.zone_text("there.test", '@ TXT "v=spf1 ip4:192.0.2.7 -all"'))
SERVER, WHERE = smtp_downstream(offers=tuple(offer for offer in OFFERS if not offer.startswith("XFORWARD"))
                                + ("XCLIENT NAME ADDR PROTO HELO PORT",))
LISTENER = f'trust = {{ "{TRUSTED}" }} proxy_from = {{ "{BALANCER}" }}'
PROXY = Proxy({"in": ("smtp", WHERE, LISTENER)}, name="edge", dns=DNS, more="limits { greeting_timeout = 1s sessions_per_address = 1000 }")
CAPS = Proxy({"in": ("smtp", WHERE, LISTENER), "slow": ("smtp", WHERE, LISTENER)}, name="caps", dns=DNS,
             more="limits { sessions_per_address = 3 empty_commands = 5 data_rate = 100 data_rate_grace = 1s data_timeout = 3s "
                  "data_total_timeout = 6s }")

if __name__ == "__main__":
    house.main(a_balancer_names_the_client, the_named_address_is_checked, any_cut_gives_the_same_client,
               a_health_check_is_the_balancer_itself, what_is_no_header_closes_the_connection, nobody_else_may_send_one, haproxy_is_understood,
               xclient_from_the_trusted_only, xclient_begins_the_session_anew, nothing_leaks_from_one_client_to_another,
               a_downstream_that_refuses_xclient_is_no_fault, one_address_does_not_take_all_sessions, slow_clients_are_let_go,
               empty_commands_are_counted, it_ends_well)
