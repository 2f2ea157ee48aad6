"""The contract of a filter without a queue: nothing is acknowledged that downstream did not acknowledge, whatever fails;
and every fault costs one message, never the service (docs/architecture.md)."""
import os
import resource
import signal
import socket
import time

import house
from house import wait_for
from proxy_house import BODY, MAIL, PLAIN, Client, Downstream, Proxy, lmtp_downstream, smtp_downstream, through, without_ours

LINES = b"".join(b"%070d\r\n" % i for i in range(20000))
BIG, BIG_PLAIN = MAIL + LINES, PLAIN + LINES  # 1.4 MB


def refusal(client):
    """The reply that says that downstream is not to be had, at EHLO or at MAIL."""
    got = client.say("EHLO client.test")
    return got if got[0] != 250 else client.say("MAIL FROM:<alice@there.test>")


def downstream_down_then_up():
    port = house.free_port()
    proxy = Proxy({"down": ("smtp", f"smtp:127.0.0.1:{port}", ""), "box": ("smtp", "maildir:{folder}/Maildir", "")}, name="down")
    start = time.monotonic()
    code, texts = refusal(proxy.client("down"))
    assert code in (421, 451) and texts[0].startswith("4.3."), (code, texts)
    assert time.monotonic() - start < 2 * house.SLOW  # at once
    assert through(proxy.client("box"), MAIL)[0] == 250  # the other listener goes on
    server = Downstream(port=port)
    assert through(proxy.client("down"), MAIL)[0] == 250  # the next session tries again
    assert without_ours(server.complete()[0].content) == MAIL
    assert proxy.stop() == 0, proxy.log_text()


def downstream_greets_badly():
    server, where = smtp_downstream(greeting="421 4.3.2 too busy")
    proxy = Proxy({"in": ("smtp", where, "")}, name="greets")
    for greeting, die in (("421 4.3.2 too busy", None), ("554 5.7.1 go away", None), ("this is no SMTP", None),
                          ("220 well", "EHLO"), ("", "greeting")):
        server.greeting, server.die = greeting, die
        code, texts = refusal(proxy.client("in"))
        assert code in (421, 451) and texts[0].startswith("4."), (greeting, code, texts)
    server.greeting, server.die = "220 well again", None
    assert through(proxy.client("in"), MAIL)[0] == 250
    assert proxy.stop() == 0, proxy.log_text()


def downstream_dies_or_hangs_in_data():
    server, where = smtp_downstream()
    proxy = Proxy({"in": ("smtp", where, "")}, name="dies",
                  more="limits { data_timeout = 1s final_reply_timeout = 1s reply_timeout = 1s }")
    for fault in ({"die": "DATA"}, {"die": "content"}, {"die": "content", "die_octets": 100000}, {"die": "final"},
                  {"hang": "DATA"}, {"hang": "final"}, {"hang": "content"}):
        server.die = server.hang = None
        server.die_octets = 0
        vars(server).update(fault)
        before = len(server.complete())
        code, texts = through(proxy.client("in"), BIG)
        assert code == 451 and texts[0].startswith("4.4.2"), (fault, code, texts)
        assert len(server.complete()) - before == ("final" in fault.values()), fault
    server.die = server.hang = None
    client = proxy.client("in")
    assert through(client, BIG)[0] == 250  # the session goes on afterwards
    assert without_ours(server.complete()[-1].content) == BIG
    assert proxy.stop() == 0, proxy.log_text()


def a_session_survives_a_lost_downstream():
    server, where = smtp_downstream(die="final")
    proxy = Proxy({"in": ("smtp", where, "")}, name="survives")
    client = proxy.client("in")
    assert through(client, MAIL)[0] == 451
    server.die = None
    assert through(client, MAIL)[0] == 250
    for wire in list(server.open):  # downstream grew tired between two messages
        wire.close()
    time.sleep(0.2)
    assert through(client, MAIL)[0] == 250
    assert proxy.stop() == 0, proxy.log_text()


def replies_are_passed_on_as_they_are():
    refused = "550-5.1.1 <nobody@here.test>: Recipient address rejected:\n550 5.1.1 User unknown in local table"
    server, where = smtp_downstream(replies={"RCPT TO:<NOBODY": refused, "RCPT TO:<LATER": "450 4.2.0 greylisted",
                                             "MAIL FROM:<SPAM": "554 5.7.1 no \x07\x1b[31m\xe9 " + 600 * "x"})
    proxy = Proxy({"in": ("smtp", where, "")}, name="replies")
    client = proxy.client("in")
    got = client.envelope(["nobody@here.test", "bob@here.test", "later@here.test"])
    assert got[0] == (550, ["5.1.1 <nobody@here.test>: Recipient address rejected:", "5.1.1 User unknown in local table"]), got
    assert got[1][0] == 250 and got[2] == (450, ["4.2.0 greylisted"]), got
    assert client.data(MAIL) == (250, ["2.0.0 Ok: queued as 4F00"])
    assert server.complete()[0].recipients == ["bob@here.test"]
    code, texts = client.say("MAIL FROM:<spam@there.test>")
    assert code == 554 and texts[0].startswith("5.7.1 no ??[31m? xxx") and len(texts[0]) == 506, (code, texts)
    for final in ("552 5.2.2 mailbox full", "451 4.7.1 try later", "250 2.6.0 <1@x> taken"):
        server.final = final
        assert through(client, MAIL) == (int(final[:3]), [final[4:]])
    server.replies = {"DATA": "451 4.3.5 not now"}
    assert through(client, MAIL) == (451, ["4.3.5 not now"])
    assert client.envelope(["nobody@here.test"]) and client.expect(250, "RSET")
    assert proxy.stop() == 0, proxy.log_text()


def lmtp_replies_for_each_recipient():
    server, where = lmtp_downstream()
    proxy = Proxy({"lmtp": ("lmtp", where, ""), "smtp": ("smtp", where, ""), "box": ("lmtp", "maildir:{folder}/Maildir", "")},
                  name="lmtp")
    finals = ["250 2.0.0 <a> Saved", "452 4.2.2 <b> over quota", "550 5.1.1 <d> no such box"]
    server.final = finals
    server.replies = {"RCPT TO:<C@": "550 5.1.1 nobody"}
    client = proxy.client("lmtp")
    client.envelope(["a@here.test", "b@here.test", "c@here.test", "d@here.test"], hello="LHLO")
    assert client.data(MAIL, 3) == [(int(final[:3]), [final[4:]]) for final in finals]
    server.die, server.replies = "final", {}
    client.envelope(["a@here.test", "b@here.test"], hello="LHLO")
    assert [reply[0] for reply in client.data(MAIL, 2)] == [451, 451]
    server.die, server.final = None, "250 2.0.0 Saved"
    box = proxy.client("box")
    box.envelope(["a@here.test", "b@here.test"], hello="LHLO")
    assert [reply[0] for reply in box.data(MAIL, 2)] == [250, 250]
    assert len(proxy.stored()) == 1  # one Maildir: one copy
    smtp = proxy.client("smtp")  # SMTP has one reply for all: one recipient a transaction
    got = smtp.envelope(["a@here.test", "b@here.test"])
    assert got[0][0] == 250 and got[1][0] == 452 and got[1][1][0].startswith("4.5.3"), got
    assert smtp.data(MAIL) == (250, ["2.0.0 Saved"])
    assert proxy.stop() == 0, proxy.log_text()


def a_client_that_vanishes_leaves_nothing():
    server, where = smtp_downstream()
    proxy = Proxy({"in": ("smtp", where, ""), "box": ("smtp", "maildir:{folder}/Maildir", "")}, name="vanishes")
    for name in ("in", "box"):
        for text in (b"", BIG_PLAIN[:500000], PLAIN, PLAIN + b".", PLAIN + b".\r", BIG_PLAIN):
            client = proxy.client(name)
            client.envelope()
            client.expect(354, "DATA")
            client.send(text)
            client.close()
    wait_for(lambda: not server.open, "downstream's connections to end")
    assert not server.complete() and not proxy.stored()
    assert not any(os.listdir(os.path.join(proxy.folder, "Maildir", sub)) for sub in ("tmp", "new")
                   if os.path.isdir(os.path.join(proxy.folder, "Maildir", sub)))
    assert through(proxy.client("in"), MAIL)[0] == 250
    assert proxy.stop() == 0, proxy.log_text()


def dns_is_dead_and_mail_flows():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        proxy = Proxy({"box": ("smtp", "maildir:{folder}/Maildir", "")}, name="dead-dns",
                      dns=f'mode = "forward" forward = {{ "127.0.0.1@{silent.getsockname()[1]}" }} trust_anchor = "none" '
                          'budget = 1s query_timeout = 5s')
        text = (b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=dead.example; s=sel; h=from;\r\n"
                b" bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n" + MAIL)
        start = time.monotonic()
        assert through(proxy.client("box"), text)[0] == 250
        assert time.monotonic() - start < 1 + 2 * house.SLOW
        stored = proxy.stored()[0]
        value = house.field(stored)[0]
        assert "dkim=temperror" in value, value
        assert without_ours(stored).split(b"\r\n", 1)[1] == text
        assert through(proxy.client("box"), MAIL)[0] == 250
        assert proxy.stop() == 0, proxy.log_text()


def messages_over_a_limit():
    server, where = smtp_downstream()
    proxy = Proxy({"in": ("smtp", where, ""), "box": ("lmtp", "maildir:{folder}/Maildir", "")}, name="limits",
                  more="limits { message = 100KiB header_section = 8KiB header_field = 2KiB header_fields = 20 spool_memory = 8KiB }")
    client = proxy.client("in")
    offers = client.expect(250, "EHLO client.test")
    assert "SIZE 102400" in offers, offers
    code, texts = client.say("MAIL FROM:<alice@there.test> SIZE=102401")
    assert code == 552 and texts[0].startswith("5.3.4"), texts
    for text, limit in ((BIG, "102400"), (b"X: y\r\n" * 19 + b"Y: z\r\n" * 2 + b"\r\n", "20"), (b"X: " + b"y" * 2048 + b"\r\n\r\n", "2048"),
                        ((b"X: " + b"y" * 1000 + b"\r\n") * 9 + b"\r\n", "8192")):
        code, texts = through(client, text)
        assert code == 552 and texts[0].startswith("5.3.4") and limit in texts[0], (limit, code, texts)
        assert through(client, MAIL)[0] == 250  # the same session goes on
    assert len(server.complete()) == 4
    fitting = MAIL + b"x" * 77 + b"\r\n"
    fitting += b"y" * 998 + b"\r\n"
    while len(fitting) < 102400:
        fitting += b"z" * min(98, 102400 - len(fitting) - 2) + b"\r\n"
    assert len(fitting) == 102400 and through(client, fitting)[0] == 250
    assert without_ours(server.complete()[-1].content) == fitting  # through the spool's file
    assert through(client, fitting[:-2] + b"z\r\n")[0] == 552
    box = proxy.client("box")
    box.envelope(["a@here.test", "b@here.test"], hello="LHLO")
    assert [reply[0] for reply in box.data(BIG, 2)] == [552, 552]
    assert proxy.stop() == 0, proxy.log_text()


def the_spool_is_full():
    server, where = smtp_downstream(delay=1)
    proxy = Proxy({"in": ("smtp", where, "")}, name="full", more="limits { spool_total = 1MiB spool_memory = 64KiB }")
    client = proxy.client("in")
    code, texts = through(client, BIG)
    assert code == 452 and texts[0].startswith("4.3.1"), (code, texts)
    assert through(client, MAIL)[0] == 250
    assert through(client, BIG[:900000] + b"\r\n")[0] == 250  # all was given back
    assert proxy.stop() == 0, proxy.log_text()


def maildir_cannot_be_written():
    proxy = Proxy({"box": ("smtp", "maildir:{folder}/no/such/parent", "")}, name="maildir")
    client = proxy.client("box")
    code, texts = through(client, MAIL)
    assert code == 451 and texts[0].startswith("4.3.0"), (code, texts)
    os.makedirs(os.path.join(proxy.folder, "no/such"))
    assert through(client, MAIL)[0] == 250
    stored = proxy.stored("no/such/parent")[0]
    assert without_ours(stored) == b"Return-Path: <alice@there.test>\r\n" + MAIL
    assert proxy.stop() == 0, proxy.log_text()


def name_in_new_session(proxy):
    """The authserv-id that a message of a new session gets."""
    end = b"number %d\r\n" % time.monotonic_ns()
    assert through(proxy.client("box"), MAIL + end)[0] == 250
    stored = next(text for text in proxy.stored() if text.endswith(end))
    return stored.split(b";")[0].split(b": ")[1]


def a_file_at_its_limit_is_no_room():
    server, where = smtp_downstream()
    box = "maildir:{folder}/Maildir"
    small = Proxy({"in": ("smtp", where, ""), "box": ("smtp", box, "")}, name="file-limit", more="limits { spool_memory = 64KiB }")
    large = Proxy({"box": ("smtp", box, "")}, name="file-limit-maildir", more="limits { spool_memory = 4MiB }")
    for proxy, name in ((small, "in"), (small, "box"), (large, "box")):
        resource.prlimit(proxy.process.pid, resource.RLIMIT_FSIZE, (300000, 300000))  # a full disk, as far as we can tell
        client = proxy.client(name)
        code, texts = through(client, BIG)
        assert code == 452 and texts[0].startswith("4.3.1"), (name, code, texts)
        assert through(client, MAIL)[0] == 250
    assert not os.listdir(os.path.join(large.folder, "Maildir/tmp")) and len(large.stored()) == 1
    assert small.stop() == 0 and large.stop() == 0


def a_reload_raises_the_size_limit():
    listeners = {"box": ("smtp", "maildir:{folder}/Maildir", "")}
    proxy = Proxy(listeners, name="raise", more="limits { message = 100KiB }")
    proxy.configure(proxy.text(listeners, more="limits { message = 2MiB }"))
    proxy.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "SIZE 2097152" in proxy.client("box").say("EHLO client.test")[1], "the new limit")
    assert through(proxy.client("box"), BIG)[0] == 250
    assert proxy.stop() == 0, proxy.log_text()


def hup_takes_a_good_configuration_and_keeps_the_old_one():
    proxy = Proxy({"box": ("smtp", "maildir:{folder}/Maildir", "")}, name="hup")
    old = proxy.client("box")
    old.expect(250, "EHLO client.test")
    listeners = {"box": ("smtp", "maildir:{folder}/Maildir", ""), "more": ("lmtp", "maildir:{folder}/Other", "")}
    proxy.configure(proxy.text(listeners, authserv_id="new.here.test"))
    proxy.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "in use" in proxy.log_text(), "the new configuration")
    assert house.port_answers(proxy.port["more"])
    assert through(old, MAIL)[0] == 250  # sessions that run go on
    # Each worker changes over in its own time.
    wait_for(lambda: name_in_new_session(proxy) == b"new.here.test", "the new name")
    before = len(proxy.log_text())
    proxy.configure(proxy.text(listeners).replace("protocol", "protocoll", 1))
    proxy.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "protocoll" in proxy.log_text()[before:], "the reason in the log")
    assert name_in_new_session(proxy) == b"new.here.test"
    proxy.configure(proxy.text({"more": listeners["more"]}))
    proxy.process.send_signal(signal.SIGHUP)
    wait_for(lambda: not house.port_answers(proxy.port["box"]), "the old listener to close")
    assert proxy.stop() == 0, proxy.log_text()


def term_lets_messages_in_flight_finish():
    server, where = smtp_downstream(delay=2)
    proxy = Proxy({"in": ("smtp", where, ""), "box": ("smtp", "maildir:{folder}/Maildir", "")}, name="term")
    idle, flight, half = proxy.client("box"), proxy.client("in"), proxy.client("box")
    flight.envelope()
    flight.expect(354, "DATA")
    flight.send(PLAIN + b".\r\n")
    half.envelope()
    half.expect(354, "DATA")
    half.send(PLAIN[:100])
    wait_for(server.complete, "the message to reach downstream")
    proxy.process.send_signal(signal.SIGTERM)
    assert idle.reply()[0] == 421
    half.send(PLAIN[100:] + b".\r\n")
    assert half.reply()[0] == 250  # begun before: may finish
    assert flight.reply() == (250, ["2.0.0 Ok: queued as 4F00"])
    try:
        assert Client(proxy.port["box"], timeout=5).greeting[0] == 421
    except OSError:
        pass  # or refused
    assert proxy.process.wait(40) == 0, proxy.log_text()


def term_does_not_wait_for_a_server_that_hangs():
    server, where = smtp_downstream(hang="final")
    proxy = Proxy({"in": ("smtp", where, "")}, name="hangs", more="limits { drain_timeout = 1s final_reply_timeout = 300s }")
    client = proxy.client("in")
    client.envelope()
    client.expect(354, "DATA")
    client.send(PLAIN + b".\r\n")
    wait_for(server.complete, "the message to reach downstream")
    proxy.process.send_signal(signal.SIGTERM)
    assert proxy.process.wait(20 * house.SLOW) == 0, proxy.log_text()
    assert client.is_closed()  # without an acknowledgement


def kill_loses_nothing_that_was_acknowledged():
    proxy = Proxy({"box": ("smtp", "maildir:{folder}/Maildir", "")}, name="kill")
    clients = [proxy.client("box") for _ in range(4)]
    acknowledged = 0
    for number in range(20):
        acknowledged += through(clients[number % 4], MAIL + b"%d\r\n" % number)[0] == 250
    clients[0].envelope()
    clients[0].expect(354, "DATA")
    clients[0].send(PLAIN)
    proxy.process.kill()
    proxy.process.wait()
    texts = proxy.stored()
    assert len(texts) == acknowledged == 20, (len(texts), acknowledged)
    assert sorted(int(text.split(b"\r\n")[-2]) for text in texts) == list(range(20))
    assert all(BODY in text for text in texts)


if __name__ == "__main__":
    house.main(downstream_down_then_up, downstream_greets_badly, downstream_dies_or_hangs_in_data,
               a_session_survives_a_lost_downstream, replies_are_passed_on_as_they_are, lmtp_replies_for_each_recipient,
               a_client_that_vanishes_leaves_nothing, dns_is_dead_and_mail_flows, messages_over_a_limit, the_spool_is_full,
               maildir_cannot_be_written, a_file_at_its_limit_is_no_room, a_reload_raises_the_size_limit,
               hup_takes_a_good_configuration_and_keeps_the_old_one, term_lets_messages_in_flight_finish,
               term_does_not_wait_for_a_server_that_hangs, kill_loses_nothing_that_was_acknowledged)
