"""STARTTLS toward clients and toward downstream: whole and unharmed messages, what is refused without it, octets in clear
that must not survive the handshake (R-14), whom a certificate convinces, and certificates that change under way."""
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
import warnings

import house
from house import wait_for
from proxy_house import MAIL, PLAIN, Proxy, smtp_downstream, lmtp_downstream, through, without_ours
from smtp_script import OFFERS

house.need("openssl")
BIG = MAIL + b"".join(b"%07d %s\r\n" % (i, b"x" * 90) for i in range(80000))  # 8 MB


def certificate(name, *alternative, days=30):
    """PEM files of a certificate that is its own CA, and of its key."""
    chain, key = house.path(f"tls/{name}.pem"), house.path(f"tls/{name}.key")
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                    "-out", chain + ".csr", "-subj", f"/CN={name}", "-addext", "subjectAltName=" + ",".join(alternative)],
                   check=True, capture_output=True)
    subprocess.run(["openssl", "x509", "-req", "-in", chain + ".csr", "-signkey", key, "-days", str(days), "-copy_extensions", "copy",
                    "-out", chain], check=True, capture_output=True)
    os.chmod(key, 0o600)
    return chain, key


MX = certificate("mx", "DNS:mx.here.test")
NEXT = certificate("next", "IP:127.0.0.1")
OTHER = certificate("other", "DNS:other.test")


def tls_lines(policy="may", pair=MX):
    return f'tls = "{policy}" tls_certificate = "{pair[0]}" tls_key = "{pair[1]}"'


def client_context(ca=None, least=None, most=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = ca is not None
    context.verify_mode = ssl.CERT_REQUIRED if ca else ssl.CERT_NONE
    if ca:
        context.load_verify_locations(ca)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        if most:
            context.maximum_version = most
        if least:
            context.minimum_version = least
            context.set_ciphers("DEFAULT@SECLEVEL=0")  # what refuses the version must be the other side
    return context


def server_context(pair=NEXT, most=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    if most:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = most
            context.set_ciphers("DEFAULT@SECLEVEL=0")
    return context


def secure(client, context=None):
    """STARTTLS and the handshake."""
    client.expect(220, "STARTTLS")
    assert client.buffer == b""
    client.socket = (context or client_context()).wrap_socket(client.socket, server_hostname="mx.here.test")
    return client


def lines(proxy, event):
    return [line for line in proxy.log_text().splitlines() if f"event={event} " in line]


def downstream_of(server):
    """The downstream of smtp_script, with STARTTLS as its fields say: context, what to answer, what to append to it."""
    server.context, server.answer, server.behind, server.handshakes, server.stuck = server_context(), "220 2.0.0 go", b"", 0, False
    server.offers = OFFERS + ("STARTTLS",)
    talk = server._talk

    def starttls(wire):
        wire.send(server.answer.encode() + b"\r\n" + server.behind)
        if not server.answer.startswith("220"):
            return
        if server.stuck:
            wire.socket.recv(1 << 16)
            while True:
                wire.fill()
        wire.socket = server.context.wrap_socket(wire.socket, server_side=True)
        server.handshakes += 1

    server.starttls = starttls
    return server


def secured_downstream(make=smtp_downstream, **fields):
    server, where = make()
    downstream_of(server)
    vars(server).update(fields)
    return server, where


# -- toward clients ----------------------------------------------------------------------------------------------------

def a_session_in_tls():
    client = PROXY.client("may")
    offers = client.expect(250, "EHLO client.test")
    assert "STARTTLS" in offers and any(one.startswith("XFORWARD") for one in offers), offers
    assert client.say("STARTTLS now")[0] == 501
    client.expect(250, "XFORWARD ADDR=192.0.2.1 HELO=forged.test")
    client.expect(250, "MAIL FROM:<alice@there.test>")
    secure(client, client_context(ca=MX[0]))
    assert client.say("RCPT TO:<bob@here.test>")[0] == 503  # no transaction is left
    assert client.say("MAIL FROM:<alice@there.test>")[0] == 503  # nor the greeting
    assert "STARTTLS" not in client.expect(250, "EHLO client.test")
    assert client.say("STARTTLS") == (503, ["5.5.1 TLS is active already"])
    assert through(client, MAIL)[0] == 250
    assert without_ours(SERVER.complete()[-1].content) == MAIL
    assert SERVER.complete()[-1].client["ADDR"] == "127.0.0.1"  # and not what was said in clear
    client.expect(221, "QUIT")
    assert client.is_closed()  # ssl raises where close_notify lacks
    line = wait_for(lambda: lines(PROXY, "message"), "the log line")[-1]
    assert " client=127.0.0.1 helo=client.test tls=TLSv1.3 " in line, line


def whom_xclient_named_in_clear_is_forgotten():
    client = PROXY.client("may")
    client.expect(250, "EHLO relay.test")
    assert client.say("XCLIENT ADDR=192.0.2.1 NAME=forged.test") == client.greeting
    client.expect(250, "EHLO forged.test")
    secure(client)
    assert through(client, MAIL)[0] == 250
    got = SERVER.complete()[-1].client
    assert (got["ADDR"], got["NAME"]) == ("127.0.0.1", "[UNAVAILABLE]"), got
    assert client.say("XCLIENT ADDR=192.0.2.2") == client.greeting  # inside it counts
    assert through(client, MAIL)[0] == 250 and SERVER.complete()[-1].client["ADDR"] == "192.0.2.2"


def a_session_in_clear_has_no_tls_in_its_line():
    client = PROXY.client("may")
    assert through(client, MAIL)[0] == 250
    client.expect(221, "QUIT")
    assert " tls=" not in lines(PROXY, "message")[-1]


def tls_1_2_is_the_least():
    client = secure(PROXY.client("may"), client_context(most=ssl.TLSVersion.TLSv1_2))
    assert client.socket.version() == "TLSv1.2" and not client.socket.session.has_ticket
    assert through(client, MAIL)[0] == 250
    client.expect(221, "QUIT")
    assert " tls=TLSv1.2 " in wait_for(lambda: lines(PROXY, "message"), "the log line")[-1]
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        before = len(lines(PROXY, "tls"))
        try:
            secure(PROXY.client("may"), client_context(least=version, most=version))
            raise AssertionError(f"{version} was taken")
        except ssl.SSLError as error:
            assert "ALERT_PROTOCOL_VERSION" in str(error) or "alert protocol version" in str(error), error
        wait_for(lambda: len(lines(PROXY, "tls")) > before, "the log line")
        assert 'fault="unsupported protocol"' in lines(PROXY, "tls")[-1], lines(PROXY, "tls")[-1]


def s_client(port, text, *options):
    return subprocess.run(["openssl", "s_client", "-starttls", "smtp", "-connect", f"127.0.0.1:{port}", "-crlf", "-CAfile", MX[0],
                           *options], input=text, capture_output=True, timeout=60, text=True)


def openssl_agrees():
    done = s_client(PROXY.port["may"], "EHLO client.test\nQUIT\n", "-verify_return_error", "-verify_hostname", "mx.here.test",
                    "-quiet", "-ign_eof")
    assert "250 LIMITS" in done.stdout and "221 2.0.0" in done.stdout, done
    # No renegotiation: 'R' in TLS 1.2.
    done = s_client(PROXY.port["may"], "R\n", "-tls1_2")
    assert "no renegotiation" in done.stderr, done.stderr


def mail_needs_tls_where_it_is_required():
    for name, hello in (("require", "EHLO"), ("lmtp", "LHLO")):
        client = PROXY.client(name)
        assert "STARTTLS" in client.expect(250, hello + " client.test")
        for line in ("MAIL FROM:<a@there.test>", "RCPT TO:<b@here.test>", "DATA", "RSET", "VRFY bob", "XFORWARD HELO=x", "HELP"):
            assert client.say(line) == (530, ["5.7.0 Must issue a STARTTLS command first"]), line
        client.expect(250, "NOOP")
        secure(client)
        client.expect(250, hello + " client.test")
        client.expect(250, "MAIL FROM:<alice@there.test>")
        client.expect(250, "RCPT TO:<bob@here.test>")
        assert client.data(MAIL)[0] == 250
        client.expect(221, "QUIT")
    assert without_ours(BOX.complete()[-1].content) == MAIL


def octets_behind_starttls_never_survive():
    injected = b"RSET\r\nEHLO evil.test\r\nMAIL FROM:<evil@there.test>\r\nRCPT TO:<bob@here.test>\r\n"
    # In one segment with the command: no handshake begins.
    for text in (injected, b"NOOP\r\n", b"\r\n", b"x"):
        before = len(lines(PROXY, "tls"))
        client = PROXY.client("may")
        client.expect(250, "EHLO client.test")
        client.send(b"STARTTLS\r\n" + text)
        code, texts = client.reply()
        assert code == 421 and texts[0].startswith("4.7.0"), (code, texts)
        assert client.is_closed()
        wait_for(lambda: len(lines(PROXY, "tls")) > before, "the log line")
        assert 'fault="octets behind STARTTLS"' in lines(PROXY, "tls")[-1]
    # A little later, whatever is read of it is read as a handshake, which it is not.
    heard = len(SERVER.commands)
    for text in (injected, b"NOOP\r\n"):
        client = PROXY.client("may")
        client.expect(220, "STARTTLS")
        client.send(text)
        try:
            secured = client_context().wrap_socket(client.socket, server_hostname="mx.here.test")
            raise AssertionError(f"a handshake behind {text}: {secured.version()}")
        except (ssl.SSLError, ConnectionError):
            pass
    time.sleep(0.2)
    assert not any("evil" in line for line in SERVER.commands[heard:])


def clients_that_vanish_or_stall_in_the_handshake():
    def start():
        client = PROXY.client("hasty")
        client.expect(220, "STARTTLS")
        return client
    hello = ssl.MemoryBIO()
    machine = client_context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="mx.here.test")
    try:
        machine.do_handshake()
    except ssl.SSLWantReadError:
        pass
    octets = hello.read()
    for cut in (0, 1, 5, 100, len(octets)):
        before = len(lines(PROXY, "tls"))
        client = start()
        client.send(octets[:cut])
        client.close()
        wait_for(lambda: len(lines(PROXY, "tls")) > before, f"the log line of a client that left after {cut} octets")
    for cut in (0, 100, len(octets)):
        client, begun = start(), time.monotonic()
        client.send(octets[:cut])
        client.socket.settimeout(20 * house.SLOW)
        try:
            while client.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass
        assert 0.8 < time.monotonic() - begun < 10 * house.SLOW, time.monotonic() - begun
        assert 'fault="the handshake took too long"' in wait_for(lambda: lines(PROXY, "tls"), "the log line")[-1]
    # An octet now and then is no progress.
    client, begun = start(), time.monotonic()
    try:
        for octet in octets[:200]:
            client.send(bytes([octet]))
            time.sleep(0.05)
        raise AssertionError("it waits for ever")
    except (BrokenPipeError, ConnectionResetError):
        assert time.monotonic() - begun < 10 * house.SLOW
    wait_for(lambda: PROXY.metric("sceau_sessions") == 0, "sessions to end")


def an_end_that_was_not_said_delivers_nothing():
    before = len(SERVER.received)
    client = secure(PROXY.client("may"))
    client.envelope()
    client.expect(354, "DATA")
    client.send(PLAIN)
    socket.socket.shutdown(client.socket, socket.SHUT_WR)  # FIN without close_notify
    wait_for(lambda: "action=abandoned" in lines(PROXY, "message")[-1], "the message to be given up")
    assert len(SERVER.received) == before


# -- toward downstream ---------------------------------------------------------------------------------------------------

def big_messages_pass_both_ways():
    server, where = secured_downstream()
    box, box_where = secured_downstream(lmtp_downstream)
    proxy = Proxy({"in": ("smtp", where, tls_lines() + ' downstream_tls = "require"'),
                   "box": ("lmtp", box_where, tls_lines() + f' downstream_tls = "verify" downstream_ca = "{NEXT[0]}"')}, name="big")
    for name, hello, behind in (("in", "EHLO", server), ("box", "LHLO", box)):
        client = secure(proxy.client(name))
        client.envelope(hello=hello)
        assert client.data(BIG)[0] == 250
        client.envelope(hello=hello)
        assert client.data(MAIL)[0] == 250
        assert [without_ours(one.content) for one in behind.complete()] == [BIG, MAIL]
        assert behind.handshakes == 1
        hellos = [line for line in behind.commands if line.upper().startswith(hello)]
        assert len(hellos) == 2, hellos  # and again inside
        client.expect(221, "QUIT")
    # Replies that nobody reads: the session waits, and goes on.
    client = secure(proxy.client("in"))
    client.expect(250, "EHLO client.test")
    client.socket.settimeout(60)
    count = 90
    done = threading.Event()

    def write():
        client.send(b"VRFY bob\r\n" * count)
        done.set()
    threading.Thread(target=write, daemon=True).start()
    assert done.wait(60)
    assert [client.reply()[0] for _ in range(count)] == [252] * count
    assert proxy.stop() == 0, proxy.log_text()


def a_secured_connection_serves_the_next_session():
    server, where = secured_downstream()
    verify = f'downstream_tls = "verify" downstream_ca = "{NEXT[0]}"'
    proxy = Proxy({"in": ("smtp", where, verify)}, name="again", more="workers = 1 limits { idle_downstream_timeout = 10min }")
    for _ in range(3):
        client = proxy.client("in")
        assert through(client, MAIL)[0] == 250
        client.expect(221, "QUIT")
        house.wait_for(lambda: proxy.metric("sceau_downstream_idle_connections") == 1, "a connection that waits")
    assert server.handshakes == 1 and [without_ours(one.content) for one in server.complete()] == [MAIL] * 3
    assert proxy.stop() == 0, proxy.log_text()


def policies_toward_downstream():
    server, where = secured_downstream()
    listeners = {policy: ("smtp", where, f'downstream_tls = "{policy}"') for policy in ("off", "may", "require")}
    listeners["verify"] = ("smtp", where, f'downstream_tls = "verify" downstream_ca = "{NEXT[0]}"')
    listeners["stranger"] = ("smtp", where, f'downstream_tls = "verify" downstream_ca = "{MX[0]}"')
    listeners["system"] = ("smtp", where, 'downstream_tls = "verify"')
    proxy = Proxy(listeners, name="policies", 
                  more="limits { tls_handshake_timeout = 1s greeting_timeout = 3s idle_downstreams = 0 }")  # a handshake each

    def outcome(name):
        """Handshakes that a message took, or the reply without one."""
        before, stored = server.handshakes, len(server.complete())
        client = proxy.client(name)
        reply = client.say("EHLO client.test")
        if reply[0] == 250:
            assert through(client, MAIL)[0] == 250
            assert len(server.complete()) == stored + 1 and without_ours(server.complete()[-1].content) == MAIL
            client.expect(221, "QUIT")
            return server.handshakes - before
        assert reply[1][0].startswith("4.7.5 no secure connection"), reply
        return reply[0], re.search(r'detail=("[^"]*"|\S+)', lines(proxy, "downstream")[-1]).group(1).strip('"')

    assert [outcome(name) for name in ("off", "may", "require", "verify")] == [0, 1, 1, 1]
    assert outcome("stranger") == (421, "certificate: self-signed certificate")
    assert outcome("system") == (421, "certificate: self-signed certificate")
    server.context = server_context(OTHER)
    assert outcome("may") == 1 and outcome("require") == 1
    code, detail = outcome("verify")
    assert code == 421 and detail.startswith("certificate: "), detail
    server.context = server_context()
    # not offered, refused
    for fields, detail in (({"offers": OFFERS}, "the server does not offer STARTTLS"), ({"answer": "454 4.7.0 not now"}, "STARTTLS was refused")):
        kept = {key: getattr(server, key) for key in fields}
        vars(server).update(fields)
        assert outcome("may") == 0
        assert outcome("require") == outcome("verify") == (421, detail)
        vars(server).update(kept)
    # the handshake fails, or never ends
    for fields in ({"context": server_context(most=ssl.TLSVersion.TLSv1_1)}, {"stuck": True}):
        kept = {key: getattr(server, key) for key in fields}
        vars(server).update(fields)
        assert outcome("require")[0] == outcome("verify")[0] == 421
        assert outcome("may") == 0  # once more, in clear
        assert "once more without" in lines(proxy, "downstream")[-1]
        vars(server).update(kept)
    assert proxy.stop() == 0, proxy.log_text()


def octets_behind_downstreams_220_never_survive():
    server, where = secured_downstream(behind=b"250-evil.test\r\n250 SIZE 1\r\n")
    proxy = Proxy({name: ("smtp", where, f'downstream_tls = "{name}"') for name in ("may", "require")}, name="behind")
    for name in ("may", "require"):
        client = proxy.client(name)
        code, texts = client.say("EHLO client.test")
        assert code == 421 and texts[0].startswith("4.7.5"), (code, texts)
        assert 'detail="octets behind the reply to STARTTLS"' in lines(proxy, "downstream")[-1]
    # A little later they are read as a handshake, which they are not.
    server.behind, starttls = b"", server.starttls

    def late(wire):
        wire.send(b"220 go\r\n")
        time.sleep(0.1)
        wire.send(b"250-evil.test\r\n250 SIZE 1\r\n")
        wire.fill()
    server.starttls = late
    assert proxy.client("require").say("EHLO client.test")[0] == 421
    assert server.handshakes == 0 and not any(line.startswith("MAIL") for line in server.commands)
    # What it offered in clear counts for nothing inside.
    server.offers = ("STARTTLS", "SIZE 1000", "DSN", "XFORWARD ADDR")

    def starttls_then_less(wire):
        starttls(wire)
        server.offers = ("SIZE 5000",)
    server.starttls = starttls_then_less
    offers = proxy.client("require").expect(250, "EHLO client.test")
    assert "SIZE 5000" in offers and "DSN" not in offers, offers
    assert proxy.stop() == 0, proxy.log_text()


# -- configuration -------------------------------------------------------------------------------------------------------

def serial(proxy):
    client = secure(proxy.client("in"), client_context())
    return client.socket.getpeercert(True)


def der(pair):
    with open(pair[0], encoding="ascii") as file:
        return ssl.PEM_cert_to_DER_cert(file.read())


def check(proxy):
    return subprocess.run([house.SCEAUD, "--check", "-c", proxy.conf], capture_output=True, text=True)


def certificates_change_on_reload():
    live = (house.path("tls/live.pem"), house.path("tls/live.key"))

    def install(pair, mode=0o600):
        for source, target in zip(pair, live):
            with open(source, "rb") as file:
                house.put(os.path.relpath(target, house.FOLDER), file.read())
        os.chmod(live[1], mode)

    def reload():
        before = len(lines(proxy, "reload"))
        proxy.process.send_signal(signal.SIGHUP)
        wait_for(lambda: len(lines(proxy, "reload")) > before, "the reload")
        return lines(proxy, "reload")[-1]

    install(MX)
    server, where = smtp_downstream()
    proxy = Proxy({"in": ("smtp", where, tls_lines(pair=live))}, name="reload")
    assert serial(proxy) == der(MX)
    held = secure(proxy.client("in"))  # keeps what it began with
    fresh = certificate("fresh", "DNS:mx.here.test")
    install(fresh)
    assert 'result="in use"' in reload()
    assert serial(proxy) == der(fresh)
    assert through(held, MAIL)[0] == 250
    expired = certificate("expired", "DNS:mx.here.test", days=-1)
    kept = 'result="the configuration before stays in use"'
    for pair, mode, why in ((expired, 0o600, f"certificate {live[0]}: it has expired"),
                            ((MX[0], fresh[1]), 0o600, f"key {live[1]}: it does not belong to the certificate {live[0]}"),
                            (MX, 0o644, f"key {live[1]}: group or others may use it"),
                            ((MX[1], MX[1]), 0o600, f"certificate {live[0]}: there is no usable certificate in it")):
        install(pair, mode)
        line = reload()
        assert kept in line and why in line, line
        assert serial(proxy) == der(fresh)
        done = check(proxy)
        assert done.returncode == 78 and why in done.stderr, done
    os.remove(live[0])
    assert kept in reload() and serial(proxy) == der(fresh)
    done = check(proxy)
    assert done.returncode == 78 and f'listener "in": certificate {live[0]}: No such file or directory' in done.stderr, done
    install(MX)
    assert 'result="in use"' in reload() and serial(proxy) == der(MX) and check(proxy).returncode == 0
    assert proxy.stop() == 0, proxy.log_text()
    # A start with an expired one goes on, and says so: without us there is no mail at all.
    install(expired)
    proxy = Proxy({"in": ("smtp", where, tls_lines(pair=live))}, name="late")
    assert "it has expired" in lines(proxy, "tls")[0] and serial(proxy) == der(expired)
    assert proxy.stop() == 0, proxy.log_text()


SERVER, WHERE = smtp_downstream()
BOX, BOX_WHERE = lmtp_downstream()
PROXY = Proxy({"may": ("smtp", WHERE, tls_lines()), "require": ("smtp", WHERE, tls_lines("require")),
               "lmtp": ("lmtp", BOX_WHERE, tls_lines("require")), "hasty": ("smtp", WHERE, tls_lines())},
              more="limits { tls_handshake_timeout = 1s }")
house.main(a_session_in_tls, whom_xclient_named_in_clear_is_forgotten, a_session_in_clear_has_no_tls_in_its_line, tls_1_2_is_the_least, openssl_agrees,
           mail_needs_tls_where_it_is_required, octets_behind_starttls_never_survive, clients_that_vanish_or_stall_in_the_handshake,
           an_end_that_was_not_said_delivers_nothing, big_messages_pass_both_ways, a_secured_connection_serves_the_next_session, policies_toward_downstream,
           octets_behind_downstreams_220_never_survive, certificates_change_on_reload)
assert PROXY.stop() == 0, PROXY.log_text()
