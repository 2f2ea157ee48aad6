"""sceaud between real servers (shared/rig): Postfix before it as before-queue proxy, content filter and LMTP client, HAProxy
before Postfix, the network itself; Postfix and Dovecot behind it. First the rig's own test, with its faults; then signed
messages, whose verdicts must lie in the mailbox: those of the envelope as well, and the same for the same client whichever
way the message took."""
import argparse
import importlib.util
import os
import random
import smtplib
import subprocess
import sys

import house

RIG = os.path.join(house.SHARED, "rig", "rig.py")
if not os.path.exists(RIG):
    house.skip("the rig (SCEAU_SHARED/rig) is not there")
if not os.path.exists(house.SCEAUD):
    house.skip("sceaud is not built")
if os.geteuid() != 0:
    house.skip("Postfix and Dovecot have to be started as root")
house.need("postfix", "dovecot", "nsd", "haproxy", "ldns-signzone", "openssl")
try:
    import dkim  # noqa: F401, for house.signed
except ImportError:
    house.skip("python3-dkim is not installed")

spec = importlib.util.spec_from_file_location("rig", RIG)
rig = importlib.util.module_from_spec(spec)
spec.loader.exec_module(rig)

SHAPES, MANY = ("before", "lmtp"), 40
# NSD refuses questions about test., which is all that DMARC's walk needs: there is no root to ask.
CONFIGURATION = """
authserv_id = "$RIG_AUTHSERV_ID"
spool = "$RIG_DIR/spool"
listener "before" { protocol = "smtp" listen = "$RIG_SMTP_LISTEN" downstream = "smtp:$RIG_SMTP_NEXT" trust = { "127.0.0.0/8" } }
listener "lmtp" { protocol = "lmtp" listen = "$RIG_LMTP_LISTEN" downstream = "lmtp:$RIG_LMTP_NEXT" trust = { "127.0.0.0/8" } }
listener "edge" { protocol = "smtp" listen = "$RIG_EDGE_LISTEN" downstream = "smtp:$RIG_EDGE_NEXT" }
dns { mode = "stub" stub = { "rig.test=$RIG_DNS", "test=$RIG_DNS" } trust_anchor = "$RIG_ANCHOR" }
http { listen = "off" }
rules { file = "RULES" }
arc { seal = true domain = "d.rig.test" selector = "sel" key_file = "$RIG_DIR/arc.key" }
"""
RULES = house.put("rig.rules", """
rule "no" { when header["Subject"] starts "refuse-" then reject 550 5.7.20 "No aligned signature for {from.domain}" }
rule "later" { when header["Subject"] starts "defer-" then tempfail 451 4.7.1 "Come again" }
""")
FILTER = house.put("filter.sh", f'#!/bin/sh\ninstall -m 600 "$RIG_DIR/nsd/dkim.key" "$RIG_DIR/arc.key"\ncat >"$RIG_DIR/sceau.conf" <<E\n{CONFIGURATION.replace("RULES", RULES)}E\nexec {house.SCEAUD} -c "$RIG_DIR/sceau.conf"\n')


def free_shift():
    """Moves all ports of the rig to where nobody listens."""
    while True:
        shift = random.randrange(1000, 20000)
        if not any(house.port_answers(port + shift) for port in rig.PORT.values()):
            return shift


def the_rig_is_green():
    done = subprocess.run([sys.executable, RIG, "test", "--edge", "--filter", f"/bin/sh {FILTER}",
                           "--mark", "Authentication-Results", "--dropped", "authentication-results",
                           "--shift", str(free_shift())], capture_output=True, text=True, timeout=600)
    print(done.stdout)
    assert done.returncode == 0, done.stderr


def with_id(ident, text):
    return b"X-Rig-Id: " + ident.encode() + b"\r\n" + text


def message(ident, pem, body="Hello\r\n.dot\r\n"):
    return with_id(ident, house.signed(house.message("d.rig.test", ident, body), "d.rig.test", "sel", pem))


def check(boxes, ident, wanted):
    assert len(boxes.get(ident, [])) == 1, (ident, sorted(boxes))
    results = house.field(boxes[ident][0][1])
    assert len(results) == 1 and results[0].startswith("mx.rig.test;"), results
    assert all(word in results[0] for word in wanted), (wanted, results[0])
    seals = house.field(boxes[ident][0][1], "ARC-Seal")
    assert len(seals) == 1 and "cv=none" in seals[0], seals
    return results[0]


def method(results, name):
    """"pass (...) smtp.mailfrom=...": what one field says of one method."""
    return next(part.split("=", 1)[1] for part in results.split("; ") if part.startswith(name + "="))


def verdicts_lie_in_the_mailbox():
    options = argparse.Namespace(cmd="hold", filter=f"/bin/sh {FILTER}", shift=free_shift(), tmp=None, stock=False, postconf=[],
                                 instances=1, keep=False, mark=None, dropped=[], edge=True)
    servers = rig.Rig(options)
    try:
        servers.up()
        with open(os.path.join(servers.T, "nsd", "dkim.key"), "rb") as file:
            pem = file.read()
        wanted = {}
        envelope = ["arc=none", "spf=pass", "smtp.mailfrom=sender@d.rig.test", "header.from=d.rig.test", "policy.iprev=127.0.0.9"]
        for shape in rig.SHAPES[1:]:  # all but the one without us
            good, altered, forged = message(f"{shape}-good", pem), message(f"{shape}-altered", pem), message(f"{shape}-forged", pem)
            altered += b"appended on the way\r\n"
            forged = b"Authentication-Results: MX.rig.test (x); dkim=fail header.d=forged.test\r\n" + forged
            large = message(f"{shape}-large", pem, "one line of many\r\n" * 100000)
            for ident, text in (("good", good), ("altered", altered), ("forged", forged), ("large", large)):
                code, refused = servers.send(shape, [f"u1@{servers.dom(shape)}"], text)
                assert code == 250 and not refused, (shape, ident, code, refused)
                verdict = ["dkim=fail", "body hash mismatch"] if ident == "altered" else ["dkim=pass"]
                wanted[f"{shape}-{ident}"] = verdict + ["dnssec secure", "header.d=d.rig.test", "header.s=sel", "dmarc=pass"] + envelope
        for i in range(MANY):  # one after the other, taking turns: nothing of one is in the next
            shape, is_signed, ident = SHAPES[i % 2], i % 3 > 0, f"{SHAPES[i % 2]}-many{i // 2}"
            text = message(ident, pem) if is_signed else with_id(ident, house.message("d.rig.test", ident))
            code, refused = servers.send(shape, [f"u{i % 4}@{servers.dom(shape)}"], text)
            assert code == 250 and not refused, (ident, code, refused)
            wanted[ident] = ["dkim=pass" if is_signed else "dkim=none", "dmarc=pass"] + envelope
        servers.settle(len(wanted))
        boxes = servers.boxes()
        got = {ident: check(boxes, ident, words) for ident, words in wanted.items()}
        for ident in got:
            if ident.startswith("before-"):
                for name in ("spf", "dmarc", "iprev"):
                    assert method(got[ident], name) == method(got[ident.replace("before", "lmtp")], name), (name, ident)
        with open(os.path.join(servers.T, "maillog"), encoding="utf-8") as file:  # XCLIENT: downstream takes us for the client
            assert any("rig/xclient" in line and f"client=unknown[{rig.CLIENT_IP}]" in line for line in file)
    finally:
        servers.down()


def said(servers, shape, text):
    """The reply that Postfix's client gets to a message for two recipients, with its words; refusals are no exception here."""
    with smtplib.SMTP(rig.IP, servers.P[shape], "client.far.test", timeout=120, source_address=(rig.CLIENT_IP, 0)) as client:
        client.ehlo()
        client.mail("sender@d.rig.test")
        for user in ("u1", "u2"):
            assert client.rcpt(f"{user}@{servers.dom(shape)}")[0] == 250
        return client.data(text)


def rules_refuse_in_either_shape():
    options = argparse.Namespace(cmd="hold", filter=f"/bin/sh {FILTER}", shift=free_shift(), tmp=None, stock=False, postconf=[],
                                 instances=1, keep=False, mark=None, dropped=[], edge=True)
    servers = rig.Rig(options)

    def log():
        with open(os.path.join(servers.T, "maillog"), encoding="utf-8") as file:
            return file.read()

    try:
        servers.up()
        text = {word: with_id(word, house.message("d.rig.test", word + "-1")) for word in ("refuse", "defer", "keep")}
        refused, deferred, kept = (said(servers, "before", text[word]) for word in ("refuse", "defer", "keep"))
        print("   before:", refused, deferred, kept)
        assert refused == (550, b"5.7.20 No aligned signature for d.rig.test") and deferred == (451, b"4.7.1 Come again")
        assert kept[0] == 250
        assert said(servers, "lmtp", text["refuse"])[0] == 250 and said(servers, "lmtp", text["defer"])[0] == 250
        for user in ("u1", "u2"):  # one reply for each
            to = f"to=<{user}@{servers.dom('lmtp')}>"
            for words in ("status=bounced", "said: 550 5.7.20 No aligned signature for d.rig.test"), ("status=deferred", "said: 451 4.7.1 Come again"):
                line = house.wait_for(lambda: [line for line in log().splitlines() if to in line and all(word in line for word in words)],
                                      f"{to} {words}", 60)[0]
                print("   lmtp:", line[line.index(to):])
        house.wait_for(lambda: len(servers.boxes().get("keep", [])) == 2, "both copies", 60)
        assert not {"refuse", "defer"} & set(servers.boxes()), servers.boxes()  # a bounce may be there
    finally:
        servers.down()


if __name__ == "__main__":
    house.main(the_rig_is_green, verdicts_lie_in_the_mailbox, rules_refuse_in_either_shape)
