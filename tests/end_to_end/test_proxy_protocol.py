"""What sceaud speaks: strict line ends against smuggling (R-13), pipelining, XFORWARD ended and relayed, parameters,
per-transaction state, and clients that are no mail clients."""
import random

import house
from proxy_house import MAIL, PLAIN, Proxy, smtp_downstream, through, without_ours
from smtp_script import OFFERS, unstuffed

# Ends of lenient servers: none is an end for us, and none may be one behind us.
ENDS = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\n.\r", b"\r.\n", b"\r\n\x00.\r\n", b"\r\n.\x00\r\n",
        b"\n\n.\n\n", b"\r\r\n.\r\r\n"]
SMUGGLED = b"MAIL FROM:<evil@there.test>\r\nRCPT TO:<bob@here.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nsmuggled\r\n"


def lenient_messages(wire):
    """What a server that takes CR, LF and CRLF alike for line ends, and drops NULs, sees before the end."""
    text = wire.replace(b"\x00", b"").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return (b"\n" + text).split(b"\n.\n")


def odd_ends_are_refused():
    for end in ENDS:
        client = PROXY.client("reject")
        before = len(SERVER.complete())
        client.envelope()
        client.expect(354, "DATA")
        client.send(PLAIN + b"first" + end + SMUGGLED + b"\r\n.\r\n")
        code, texts = client.reply()
        assert code == 550 and texts[0].startswith("5.6.0"), (end, code, texts)
        assert client.say("NOOP")[0] == 250, end  # nothing else was answered
        assert len(SERVER.complete()) == before, end


def odd_ends_pass_as_content():
    for end in ENDS:
        client = PROXY.client("pass")
        before = len(SERVER.complete())
        client.envelope()
        client.expect(354, "DATA")
        content = PLAIN + b"first" + end + SMUGGLED
        client.send(content + b".\r\n")
        assert client.reply()[0] == 250, end
        assert client.say("NOOP")[0] == 250, end
        assert len(SERVER.complete()) == before + 1, end
        wire = SERVER.complete()[-1].wire
        assert len(lenient_messages(wire)) == 1, (end, wire)
        got, wanted = without_ours(unstuffed(wire)), unstuffed(content)
        assert got.replace(b"..", b".") == wanted.replace(b"..", b"."), end  # a dot more at the most
        assert SERVER.complete()[-1].sender == "alice@there.test"


def bare_line_feeds_are_no_commands():
    client = PROXY.client("reject")
    client.expect(250, "EHLO client.test")
    client.send(b"MAIL FROM:<a@there.test>\nRCPT TO:<bob@here.test>\r\nNOOP\r\n")
    assert client.reply()[0] == 500
    assert client.reply()[0] == 250
    assert client.say("RCPT TO:<bob@here.test>")[0] == 503  # no MAIL was heard
    assert client.say(b"NOOP a\rb")[0] == 501
    assert client.say(b"MAIL FROM:<a\x00@there.test>")[0] == 501
    assert client.say(b"X" * 3000)[0] == 500
    assert client.say("NOOP")[0] == 250


def everything_at_once():
    client = PROXY.client("reject")
    before = len(SERVER.complete())
    message = b"MAIL FROM:<alice@there.test>\r\nRCPT TO:<bob@here.test>\r\nDATA\r\n" + MAIL.replace(b"\r\n.", b"\r\n..") + b".\r\n"
    client.send(b"EHLO client.test\r\n" + message * 3 + b"NOOP\r\nRSET\r\nVRFY bob\r\nQUIT\r\n")
    codes = [client.reply()[0] for _ in range(1 + 3 * 4 + 4)]
    assert codes == [250] + 3 * [250, 250, 354, 250] + [250, 250, 252, 221], codes
    assert client.is_closed()
    assert [without_ours(one.content) for one in SERVER.complete()[before:]] == [MAIL] * 3


def any_cut_gives_the_same_session():
    generator = random.Random(3)
    text = (b"EHLO client.test\r\nMAIL FROM:<alice@there.test> SIZE=100 BODY=8BITMIME\r\nRCPT TO:<bob@here.test>\r\nDATA\r\n"
            + MAIL.replace(b"\r\n.", b"\r\n..") + b".\r\nQUIT\r\n")
    for _ in range(15):
        client = PROXY.client("reject")
        cuts = sorted(generator.sample(range(1, len(text)), 12)) + [len(text)]
        for start, end in zip([0] + cuts, cuts):
            client.send(text[start:end])
        assert [client.reply()[0] for _ in range(6)] == [250, 250, 250, 354, 250, 221]
        assert without_ours(SERVER.complete()[-1].content) == MAIL
    client = PROXY.client("reject")
    for start in range(len(text)):
        client.send(text[start:start + 1])
    assert [client.reply()[0] for _ in range(6)] == [250, 250, 250, 354, 250, 221]


def xforward_is_ended_and_relayed():
    client = PROXY.client("reject")
    offers = client.expect(250, "EHLO client.test")
    assert "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE" in offers, offers
    client.expect(250, "XFORWARD NAME=mail.there.test ADDR=192.0.2.7 PORT=4711 PROTO=ESMTP")
    client.expect(250, "xforward helo=mail+2Bx.there.test ident=4QZ1 source=remote")
    assert client.say("XFORWARD FOO=bar")[0] == 501
    client.expect(250, "MAIL FROM:<alice@there.test>")
    assert client.say("XFORWARD NAME=late")[0] == 503
    client.expect(250, "RCPT TO:<bob@here.test>")
    assert client.data(MAIL)[0] == 250
    got = SERVER.complete()[-1].client
    assert got == {"NAME": "mail.there.test", "ADDR": "192.0.2.7", "PORT": "4711", "PROTO": "ESMTP",
                   "HELO": "mail+2Bx.there.test", "IDENT": "4QZ1", "SOURCE": "remote"}, got
    log = [line for line in PROXY.log_text().splitlines() if "4QZ1" in line]
    assert log and "192.0.2.7" in log[-1], log
    client.expect(250, "MAIL FROM:<alice@there.test>")  # nothing of it is left for the next message
    client.expect(250, "RCPT TO:<bob@here.test>")
    assert client.data(MAIL)[0] == 250
    got = SERVER.complete()[-1].client
    assert got.get("ADDR") == "127.0.0.1" and got.get("IDENT", "[UNAVAILABLE]") == "[UNAVAILABLE]", got
    assert got["SOURCE"] == "REMOTE", got  # else Postfix would rewrite header fields
    client.expect(250, "XFORWARD ADDR=IPV6:2001:db8::7 NAME=[UNAVAILABLE]")
    client.expect(250, "MAIL FROM:<alice@there.test>")
    client.expect(250, "RCPT TO:<bob@here.test>")
    assert client.data(MAIL)[0] == 250
    got = SERVER.complete()[-1].client
    assert got["ADDR"] == "IPV6:2001:db8::7" and got["NAME"] == "[UNAVAILABLE]", got
    client.expect(250, "XFORWARD IDENT=GONE")
    client.expect(250, "RSET")
    client.expect(250, "MAIL FROM:<alice@there.test>")
    client.expect(250, "RCPT TO:<bob@here.test>")
    assert client.data(MAIL)[0] == 250
    assert SERVER.complete()[-1].client.get("IDENT", "[UNAVAILABLE]") == "[UNAVAILABLE]"


def xforward_only_from_the_trusted():
    client = PROXY.client("stranger")
    assert not any("XFORWARD" in offer for offer in client.expect(250, "EHLO client.test"))
    assert client.say("XFORWARD ADDR=192.0.2.7")[0] == 550
    assert through(client, MAIL)[0] == 250
    assert SERVER.complete()[-1].client["ADDR"] == "127.0.0.1"


def xforward_behind_which_nobody_listens():
    SERVER.offers = ("PIPELINING", "8BITMIME")
    client = PROXY.client("reject")
    offers = client.expect(250, "EHLO client.test")
    assert any(offer.startswith("XFORWARD") for offer in offers), offers  # ended by us
    assert "DSN" not in offers
    client.expect(250, "XFORWARD ADDR=192.0.2.7")
    client.expect(250, "MAIL FROM:<alice@there.test> SIZE=500 BODY=8BITMIME")
    client.expect(250, "RCPT TO:<bob@here.test>")
    assert client.data(MAIL)[0] == 250
    assert SERVER.complete()[-1].client == {} and "SIZE" not in SERVER.complete()[-1].parameters
    client.say("QUIT")
    SERVER.offers = OFFERS


def parameters_reach_downstream():
    client = PROXY.client("reject")
    offers = client.expect(250, "EHLO client.test")
    for offer in ("PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES"):
        assert offer in offers, offers
    assert any(offer.startswith("SIZE ") for offer in offers) and not any("CHUNKING" in offer or "AUTH" in offer for offer in offers)
    client.expect(250, "MAIL FROM:<alice@there.test> BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=q+2Bx")
    client.expect(250, "RCPT TO:<bob@here.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob+40here.test")
    assert client.data(MAIL)[0] == 250
    got = SERVER.complete()[-1].parameters.split(" ")
    assert {"BODY=8BITMIME", "SMTPUTF8", "RET=HDRS", "ENVID=q+2Bx"} <= set(got), got
    assert any(line.endswith("NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob+40here.test") for line in SERVER.commands)
    assert client.say("MAIL FROM:<alice@there.test> HOLDFOR=1")[0] == 555
    client.expect(250, "mail from: <\"a b\"@there.test>")
    client.expect(250, "rcpt to:bob@here.test")
    assert client.data(MAIL)[0] == 250
    assert SERVER.complete()[-1].sender == '"a b"@there.test'
    client.expect(250, "MAIL FROM:<>")
    client.expect(250, "RCPT TO:<bob@here.test>")
    assert client.data(MAIL)[0] == 250 and SERVER.complete()[-1].sender == ""


def order_is_kept():
    client = PROXY.client("reject")
    assert client.say("MAIL FROM:<a@there.test>")[0] == 503
    client.expect(250, "EHLO client.test")
    assert client.say("DATA")[0] == 503
    assert client.say("RCPT TO:<bob@here.test>")[0] == 503
    client.expect(250, "MAIL FROM:<a@there.test>")
    assert client.say("MAIL FROM:<b@there.test>")[0] == 503
    assert client.say("DATA")[0] in (503, 554)
    client.expect(250, "RSET")
    assert client.say("RCPT TO:<bob@here.test>")[0] == 503
    assert client.say("LHLO client.test")[0] == 500
    assert client.say("STARTTLS")[0] == 502
    assert client.say("AUTH PLAIN AAAA")[0] == 502
    assert client.say("VRFY bob")[0] == 252
    assert client.say("HELP")[0] == 214
    assert client.say("FOO")[0] == 500
    client.expect(250, "HELO client.test")
    assert through(client, MAIL)[0] == 250


def what_is_no_mail_client_is_hung_up_on():
    for start in (b"BDAT 10 LAST\r\nRSET\r\nRSET\r\n", b"POST / HTTP/1.1\r\n\r\n",
                  b"GET / HTTP/1.1\r\nHost: x\r\n\r\nMAIL FROM:<a@b>\r\n"):
        client = PROXY.client("reject")
        client.send(start)
        assert client.reply()[0] == 502
        assert client.is_closed(), start
    client = PROXY.client("reject")
    codes = [client.say("FOO")[0] for _ in range(20)]
    assert codes == [500] * 20, codes
    assert client.reply()[0] == 421 and client.is_closed()


def it_ends_well():
    assert PROXY.stop() == 0, PROXY.log_text()


SERVER, WHERE = smtp_downstream()
PROXY = Proxy({"reject": ("smtp", WHERE, ""), "pass": ("smtp", WHERE, 'line_ends = "pass"'), "stranger": ("smtp", WHERE, 'trust = { "192.0.2.0/24" }')},
              name="protocol", more="limits { idle_downstreams = 0 }")  # what SERVER offers changes between sessions

if __name__ == "__main__":
    house.main(odd_ends_are_refused, odd_ends_pass_as_content, bare_line_feeds_are_no_commands, everything_at_once,
               any_cut_gives_the_same_session, xforward_is_ended_and_relayed, xforward_only_from_the_trusted,
               xforward_behind_which_nobody_listens, parameters_reach_downstream, order_is_kept,
               what_is_no_mail_client_is_hung_up_on, it_ends_well)
