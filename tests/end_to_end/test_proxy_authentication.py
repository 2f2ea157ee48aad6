"""Every method in the way of the mail: SPF, iprev and DMARC from the envelope that XFORWARD or the connection tells, ARC chains
validated and sealed, the two styles, keys that are exchanged by a reload."""
import json
import os
import signal

import house
from proxy_house import BODY, ID, Proxy, smtp_downstream

try:
    import dkim
except ImportError:
    house.skip("python3-dkim is not installed")

PEM, RECORD = house.make_key("author")
_, ARC_RECORD = house.make_key("arc1")
_, NEXT_RECORD = house.make_key("arc2")
ARC_KEY, NEXT_KEY = house.path("arc1.pem"), house.path("arc2.pem")
ZONES = [
    house.put("there.zone", house.zone_text("there.test", f"""
@ TXT "v=spf1 ip4:192.0.2.7 ip6:2001:db8::/64 -all"
mail TXT "v=spf1 a -all"
mail A 192.0.2.7
_dmarc TXT "v=DMARC1; p=reject"
sel._domainkey TXT {house.txt(RECORD)}""")),
    house.put("here.zone", house.zone_text("here.test", f"""
arc1._domainkey TXT {house.txt(ARC_RECORD)}
arc2._domainkey TXT {house.txt(NEXT_RECORD)}""")),
    house.put("reverse.zone", house.zone_text("2.0.192.in-addr.arpa", "7 PTR mail.there.test.\n8 PTR other.there.test.")),
]
DNS = 'mode = "zones" zone_files = { %s }' % ", ".join(f'"{zone}"' for zone in ZONES)
OFFLINE = [word for zone in ZONES for word in ("--zone", zone)]
SIGNED = house.signed(house.message("there.test", body=BODY.decode()), "there.test", "sel", PEM)
UNSIGNED = house.message("there.test", body=BODY.decode())


def arc_section(selector="arc1", key=ARC_KEY, more=""):
    return f'arc {{ seal = true domain = "here.test" selector = "{selector}" key_file = "{key}" {more} }}'


def deliver(proxy, content, xforward=None, sender="alice@there.test", client=None):
    """One message through the proxy; what downstream got."""
    client = client or proxy.client("in")
    client.expect(250, "EHLO client.test")
    if xforward is not None:
        client.expect(250, "XFORWARD " + xforward)
    client.expect(250, f"MAIL FROM:<{sender}>")
    client.expect(250, "RCPT TO:<bob@here.test>")
    assert client.data(content)[0] == 250
    return SERVER.complete()[-1].content


def results(text):
    """Our field: {method: the rest of its result}; there must be one, on top."""
    assert text.startswith(f"Authentication-Results: {ID};".encode()), text[:200]
    field, = house.field(text)
    parts = [part.strip() for part in field.split(";")[1:]]
    return {part.split("=")[0]: part.split("=", 1)[1] for part in parts}


GOOD = "ADDR=192.0.2.7 HELO=mail.there.test"


def every_method_speaks():
    got = results(deliver(PROXY, SIGNED, GOOD))
    assert list(got) == ["dkim", "arc", "spf", "dmarc", "iprev"], got
    assert got["dkim"].startswith("pass ") and "header.d=there.test" in got["dkim"], got
    assert got["arc"].startswith("none"), got
    assert got["spf"].startswith("pass ") and got["spf"].endswith("smtp.mailfrom=alice@there.test"), got
    assert got["dmarc"].startswith("pass (policy reject, disposition none"), got
    assert "header.from=there.test policy.dmarc=reject" in got["dmarc"], got
    assert got["iprev"] == "pass policy.iprev=192.0.2.7", got
    line = PROXY.log_text().splitlines()[-1]
    for word in ('spf="pass matched there.test"', 'dmarc="pass aligned there.test none"', 'iprev="pass mail.there.test"'):
        assert word in line, line
    for method in ("dkim", "spf", "dmarc", "iprev"):
        assert PROXY.metric(f'sceau_auth_results_total{{method="{method}",result="pass"}}') == 1, method


def verdicts_follow_the_client():
    for xforward, spf, iprev in (("ADDR=192.0.2.8 HELO=mail.there.test", "fail", "fail"), ("ADDR=192.0.2.9 HELO=x.test", "fail", "permerror"),
                                 ("ADDR=IPV6:2001:db8::1 HELO=x.test", "pass", "permerror")):
        got = results(deliver(PROXY, SIGNED, xforward))
        assert got["spf"].startswith(spf + " ") and got["iprev"].startswith(iprev + " "), (xforward, got)
        assert got["dmarc"].startswith("pass "), got  # by the signature
        got = results(deliver(PROXY, UNSIGNED, xforward))
        wanted = "pass (policy reject, disposition none" if spf == "pass" else "fail (policy reject, disposition reject"
        assert got["dmarc"].startswith(wanted), (xforward, got)


def a_client_that_is_not_known_is_not_judged():
    for xforward in ("ADDR=[UNAVAILABLE] HELO=mail.there.test", "NAME=a.test HELO=mail.there.test"):
        got = results(deliver(PROXY, SIGNED, xforward))
        assert list(got) == ["dkim", "arc", "dmarc"] and got["dmarc"].startswith("pass "), got
    got = results(deliver(PROXY, UNSIGNED))  # no XFORWARD: the address of the connection counts
    assert got["spf"].startswith("fail ") and "policy.iprev=127.0.0.1" in got["iprev"], got


def the_null_sender_is_judged_by_its_helo():
    got = results(deliver(PROXY, UNSIGNED, GOOD, sender=""))
    assert got["spf"].startswith("pass ") and got["spf"].endswith("smtp.helo=mail.there.test"), got
    assert got["dmarc"].startswith("pass "), got  # relaxed: mail.there.test is below there.test


def nothing_leaks_into_the_next_message():
    client = PROXY.client("in")
    for xforward, spf in ((GOOD, "pass"), (None, "fail"), (GOOD, "pass"), ("ADDR=192.0.2.8", "fail"), (None, "fail")) * 4:
        assert results(deliver(PROXY, SIGNED, xforward, client=client))["spf"].startswith(spf + " "), xforward
    client.expect(250, "XFORWARD " + GOOD)  # a transaction that is given up, with its lookups
    client.expect(250, "MAIL FROM:<alice@there.test>")
    client.expect(250, "RSET")
    assert results(deliver(PROXY, SIGNED, client=client))["spf"].startswith("fail ")


def the_providers_style_and_what_a_listener_does_without():
    proxy = Proxy({"in": ("smtp", WHERE, ""), "short": ("smtp", WHERE, 'without = { "spf", "iprev", "dmarc" }')}, name="provider",
                  dns=DNS, more='results_style = "provider"')
    text = deliver(proxy, SIGNED, GOOD)
    head = text.split(b"\r\nDKIM-Signature", 1)[0].decode().split("\r\n")
    assert head[0] == f"Authentication-Results: {ID};", head
    assert head[1].startswith("       dkim=pass header.i=@there.test header.s=sel header.b="), head
    assert head[2] == ("       spf=pass (here.test: domain of alice@there.test designates 192.0.2.7 as permitted sender) "
                       "smtp.mailfrom=alice@there.test;"), head
    assert head[3].startswith("       dmarc=pass"), head
    assert list(results(deliver(proxy, SIGNED, GOOD, client=proxy.client("short")))) == ["dkim"]
    assert proxy.stop() == 0


def chain(text):
    """sceau's and python3-dkim's words on it."""
    _, report = house.verify(text, *OFFLINE)
    records = {b"arc1._domainkey.here.test.": ARC_RECORD, b"arc2._domainkey.here.test.": NEXT_RECORD}
    verdict, _, _ = dkim.arc_verify(text, dnsfunc=lambda name, timeout=5: records[name].encode())
    return report["arc"], verdict


def sealed_mail_is_verified_by_others():
    proxy = Proxy({"in": ("smtp", WHERE, "")}, name="seal", dns=DNS, more=arc_section(more='trusted_sealers = { "HERE.test" }'))
    forged = "authentication-results : MX.here.test ; dkim=fail\r\n".encode()
    first = deliver(proxy, forged + SIGNED, GOOD)
    assert results(first)["spf"].startswith("pass ") and b"dkim=fail" not in first
    names = [line.split(b":")[0] for line in first.split(b"\r\n\r\n")[0].split(b"\r\n") if line[:1] not in b" \t"]
    assert names[:5] == [b"Authentication-Results", b"ARC-Seal", b"ARC-Message-Signature", b"ARC-Authentication-Results",
                         b"DKIM-Signature"], names
    inside, = house.field(first, "ARC-Authentication-Results")
    assert inside.startswith(f"i=1; {ID}; dkim=pass") and "spf=pass" in inside and "dmarc=pass" in inside, inside
    arc, verdict = chain(first)
    assert arc["result"] == "pass" and arc["sets"] == 1 and verdict == b"pass", (arc, verdict)
    second = deliver(proxy, first, GOOD)
    assert results(second)["arc"].startswith("pass "), results(second)
    assert 'arc="pass ok here.test 1 set trusted"' in proxy.log_text().splitlines()[-1], proxy.log_text()
    arc, verdict = chain(second)
    assert arc["result"] == "pass" and arc["sets"] == 2 and verdict == b"pass", (arc, verdict)
    broken = deliver(proxy, second + b"one line more\r\n", GOOD)
    assert results(broken)["arc"].startswith("fail "), results(broken)
    assert house.field(broken, "ARC-Seal")[0].startswith("i=3;") and "cv=fail" in house.field(broken, "ARC-Seal")[0]
    again = deliver(proxy, broken, GOOD)
    assert len(house.field(again, "ARC-Seal")) == 3
    for word, count in (("added", 3), ("already_failed", 1), ("full", 0), ("undecided", 0), ("error", 0)):
        assert proxy.metric(f'sceau_arc_seals_total{{result="{word}"}}') == count, word
    assert proxy.stop() == 0


def a_reload_exchanges_the_key_or_keeps_the_one_before():
    def reload(more, wanted):
        before = proxy.log_text().count("event=reload")
        proxy.configure(proxy.text({"in": ("smtp", WHERE, "")}, dns=DNS, more=more))
        proxy.process.send_signal(signal.SIGHUP)
        house.wait_for(lambda: proxy.log_text().count("event=reload") > before, "the reload")
        line = [line for line in proxy.log_text().splitlines() if "event=reload" in line][-1]
        assert wanted in line, line

    proxy = Proxy({"in": ("smtp", WHERE, "")}, name="rotate", dns=DNS, more=arc_section())
    assert "s=arc1" in house.field(deliver(proxy, SIGNED, GOOD), "ARC-Seal")[0]
    os.chmod(NEXT_KEY, 0o644)
    said = f"'next_key_file' in arc: {NEXT_KEY}: the key file may be used by others"
    reload(arc_section(more=f'next_selector = "arc2" next_key_file = "{NEXT_KEY}"'), said)
    reload(arc_section("arc2", NEXT_KEY), f"'key_file' in arc: {NEXT_KEY}: the key file may be used by others")
    reload(arc_section("arc2", "/nowhere"), "'key_file' in arc: /nowhere: No such file or directory")
    reload(arc_section("a b"), "'selector' in arc: 'a b' is no legal selector")
    assert "s=arc1" in house.field(deliver(proxy, SIGNED, GOOD), "ARC-Seal")[0]  # as if nothing had happened
    os.chmod(NEXT_KEY, 0o600)
    reload(arc_section(more=f'next_selector = "arc2" next_key_file = "{NEXT_KEY}"'), "in use")
    assert "s=arc1" in house.field(deliver(proxy, SIGNED, GOOD), "ARC-Seal")[0]
    reload(arc_section("arc2", NEXT_KEY), "in use")
    text = house.wait_for(lambda: "s=arc2" in house.field(deliver(proxy, SIGNED, GOOD), "ARC-Seal")[0] and deliver(proxy, SIGNED, GOOD),
                          "the new key")
    arc, verdict = chain(text)
    assert arc["result"] == "pass" and verdict == b"pass", json.dumps(arc)
    assert proxy.stop() == 0


def it_ends_well():
    assert PROXY.stop() == 0, PROXY.log_text()


SERVER, WHERE = smtp_downstream()
PROXY = Proxy({"in": ("smtp", WHERE, "")}, name="authentication", dns=DNS)

if __name__ == "__main__":
    house.main(every_method_speaks, verdicts_follow_the_client, a_client_that_is_not_known_is_not_judged,
               the_null_sender_is_judged_by_its_helo, nothing_leaks_into_the_next_message,
               the_providers_style_and_what_a_listener_does_without, sealed_mail_is_verified_by_others,
               a_reload_exchanges_the_key_or_keeps_the_one_before, it_ends_well)
