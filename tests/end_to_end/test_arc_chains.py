#!/usr/bin/env python3
"""ARC chains across implementations: chains that we seal, of 1 to 50 hops, hold for python3-dkim and Mail::DKIM
(libmail-dkim-perl); chains that they seal hold for us; and one octet changed anywhere in a chain breaks what covers it."""
import base64
import json
import os
import subprocess

from house import FOLDER, SCEAU, main, make_key, message, need, path, put, skip, start_nsd, txt, zone_text

need("openssl", "nsd", "perl")
try:
    import dkim
except ImportError:
    skip("python3-dkim is not installed")
if subprocess.run(["perl", "-MMail::DKIM::ARC::Signer", "-e1"], capture_output=True).returncode != 0:
    skip("libmail-dkim-perl is not installed")

PERL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mail_dkim_arc.pl")
LENGTHS = (1, 2, 3, 10, 50)
RSA_PEM, RSA_RECORD = make_key("rsa")
OTHER_PEM, OTHER_RECORD = make_key("other", 1024)
subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", path("ed.pem")], check=True, capture_output=True)
ED_RAW = subprocess.run(["openssl", "pkey", "-in", path("ed.pem"), "-pubout", "-outform", "DER"], check=True,
                        capture_output=True).stdout[-32:]
ED_RECORD = "v=DKIM1; k=ed25519; p=" + base64.b64encode(ED_RAW).decode()
for name in ("rsa", "other", "ed"):
    os.chmod(path(name + ".pem"), 0o600)
RECORDS = {"rsa._domainkey.hop.test": RSA_RECORD, "other._domainkey.hop.test": OTHER_RECORD, "ed._domainkey.hop.test": ED_RECORD}
ZONE = put("test.zone", zone_text("test", "\n".join(f"{name}. TXT {txt(text)}" for name, text in RECORDS.items())))
PORT = start_nsd({"test": ZONE})
PLAIN = message("author.test", "A subject that is folded\r\n  for no good reason, and \t wide", "Hello  there \r\n\r\nbye\r\n\r\n",
                "MIME-Version: 1.0\r\nContent-Type: text/plain\r\nDKIM-Signature: broken, but a field to be signed\r\n")


def sceau(text, *options):
    done = subprocess.run([SCEAU, "verify", "--json", "--zone", ZONE, *options, "-"], input=text, capture_output=True, timeout=60)
    assert done.stdout, done.stderr.decode()
    return json.loads(done.stdout)


def arc_of(text):
    return sceau(text)["arc"]


def seal(text, selector="rsa", *options):
    report = sceau(text, "--authserv-id", "mx.hop.test", "--arc-seal", f"{selector}:hop.test:{path(selector + '.pem')}", *options)
    fields = [field for field in report["headers"] if field.startswith("ARC-")]
    assert len(fields) in (0, 3), fields
    return "".join(field + "\r\n" for field in fields).encode() + text


def dkimpy(text):
    answer = lambda name, **_: RECORDS.get(name.decode().rstrip("."), "").encode() or None
    return dkim.arc_verify(text, dnsfunc=answer)


def mail_dkim(*arguments, text):
    done = subprocess.run(["perl", PERL, *map(str, arguments)], input=text, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def chain(length, selectors):
    """The message with chains of 1 to length sets, selectors by turns."""
    texts = [PLAIN]
    for hop in range(length):
        texts.append(seal(texts[-1], selectors[hop % len(selectors)]))
    return texts


OURS = chain(max(LENGTHS), ["rsa", "other"])


def long_chains_hold_for_us():
    for length in LENGTHS:
        arc = arc_of(OURS[length])
        assert (arc["result"], arc["sets"], arc["oldest_pass"]) == ("pass", length, 0), (length, arc)
    assert seal(OURS[50]) == OURS[50]  # RFC 8617 section 4.2.1: no 51st
    for number, line in enumerate(OURS[50].split(b"\r\n")):
        assert len(line) <= 78, (number, line)


def long_chains_hold_for_dkimpy():
    for length in LENGTHS:
        result, _, reason = dkimpy(OURS[length])
        assert result == b"pass", (length, result, reason)


def long_chains_hold_for_mail_dkim():
    for length in LENGTHS:
        result = mail_dkim("verify", PORT, text=OURS[length])
        assert result.startswith(b"pass"), (length, result)


def ed25519_chains_hold():
    """Neither of the others reads Ed25519 in ARC: ours does, also between RSA hops."""
    texts = chain(4, ["ed", "rsa"])
    for length in range(1, 5):
        arc = arc_of(texts[length])
        assert (arc["result"], arc["oldest_pass"]) == ("pass", 0), (length, arc)


def dkimpy_seals(text, cv):
    results = f"Authentication-Results: hop.test; arc={cv}; spf=pass smtp.mailfrom=a.test\r\n".encode()
    fields = dkim.arc_sign(results + text, b"rsa", b"hop.test", RSA_PEM, b"hop.test",
                           include_headers=[b"from", b"to", b"subject", b"date"])
    assert len(fields) == 3, fields
    return b"".join(field if field.endswith(b"\r\n") else field + b"\r\n" for field in fields) + text


def chains_of_dkimpy_hold_for_us():
    text = PLAIN
    for hop in range(1, 4):
        text = dkimpy_seals(text, "none" if hop == 1 else "pass")
        arc = arc_of(text)
        assert (arc["result"], arc["sets"], arc["oldest_pass"]) == ("pass", hop, 0), (hop, arc)


def chains_of_mail_dkim_hold_for_us():
    text = PLAIN
    for hop in range(1, 4):
        cv = "none" if hop == 1 else "pass"
        results = f"Authentication-Results: hop.test; arc={cv}; spf=pass smtp.mailfrom=a.test\r\n".encode()
        text = mail_dkim("seal", PORT, "rsa", "hop.test", path("rsa.pem"), cv, text=results + text)
        arc = arc_of(text)
        assert (arc["result"], arc["sets"]) == ("pass", hop), (hop, arc)


def mixed_chains_hold_everywhere():
    text = seal(PLAIN)
    text = mail_dkim("seal", PORT, "rsa", "hop.test", path("rsa.pem"), "pass",
                     text=b"Authentication-Results: hop.test; arc=pass\r\n" + text)
    text = seal(text, "other")
    assert arc_of(text)["result"] == "pass" and dkimpy(text)[0] == b"pass"
    assert mail_dkim("verify", PORT, text=text).startswith(b"pass")


def changed(text, at):
    """The octet at that place with another letter or digit in it."""
    return text[:at] + (b"A" if text[at:at + 1] != b"A" else b"B") + text[at + 1:]


def one_octet_changed_breaks_the_right_one():
    """In a chain of three: every octet of every ARC field that counts, in steps; then the message."""
    text = OURS[3]
    head = text[:text.index(b"From:")]
    at = tried = 0
    for line in head.split(b"\r\n")[:-1]:
        for offset in range(0, len(line), 11):
            if not line[offset:offset + 1].isalnum():
                continue
            arc = arc_of(changed(text, at + offset))
            assert arc["result"] == "fail", (line, offset, arc)
            assert arc["code"] not in ("seal", "message_signature") or arc["failed_set"] == 3, (line, offset, arc)
            tried += 1
        at += len(line) + 2
    assert tried > 100, tried
    for place, code in ((b"From: Alice", "message_signature"), (b"\r\n\r\nHello", "message_signature")):
        arc = arc_of(changed(text, text.index(place) + len(place) - 1))
        assert (arc["result"], arc["code"], arc["failed_set"]) == ("fail", code, 3), arc


def a_change_on_the_way_limits_oldest_pass():
    """A list validates the chain, changes the body, and seals what it sends: RFC 8617 section 5.2, oldest-pass."""
    text = dkimpy_seals(OURS[2].replace(b"bye", b"bye, says the list"), "pass")
    arc = arc_of(text)
    assert (arc["result"], arc["sets"], arc["oldest_pass"]) == ("pass", 3, 3), arc
    arc = arc_of(seal(text))
    assert (arc["result"], arc["sets"], arc["oldest_pass"]) == ("pass", 4, 3), arc


def a_broken_chain_is_sealed_once():
    broken = OURS[2].replace(b"bye", b"buy")
    sealed = seal(broken)
    assert sealed.count(b"ARC-Seal:") == 3 and b"cv=fail" in sealed
    assert seal(sealed) == sealed
    arc = arc_of(sealed)
    assert (arc["result"], arc["code"], arc["failed_set"]) == ("fail", "cv", 3), arc


def the_key_file_is_guarded():
    def refusal(file):
        done = subprocess.run([SCEAU, "verify", "--zone", ZONE, "--arc-seal", f"rsa:hop.test:{file}", "-"], input=PLAIN,
                              capture_output=True)
        assert done.returncode == 2 and done.stderr.count(b"\n") == 1 and b"PRIVATE" not in done.stderr, done
        return done.stderr.decode()
    open_to_others = put("open.pem", RSA_PEM)
    os.chmod(open_to_others, 0o640)
    os.symlink(path("rsa.pem"), path("everybody/link.pem"))
    os.chmod(path("everybody"), 0o777)
    no_key = put("no.pem", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    os.chmod(no_key, 0o600)
    assert "0600" in refusal(open_to_others)
    assert "link" in refusal(path("everybody/link.pem"))
    assert "no private key" in refusal(no_key)
    assert "No such file" in refusal(path("absent.pem"))
    assert "regular" in refusal(FOLDER)


main(long_chains_hold_for_us, long_chains_hold_for_dkimpy, long_chains_hold_for_mail_dkim, ed25519_chains_hold,
     chains_of_dkimpy_hold_for_us, chains_of_mail_dkim_hold_for_us, mixed_chains_hold_everywhere,
     one_octet_changed_breaks_the_right_one, a_change_on_the_way_limits_oldest_pass, a_broken_chain_is_sealed_once,
     the_key_file_is_guarded)
