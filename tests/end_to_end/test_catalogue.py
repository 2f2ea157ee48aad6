#!/usr/bin/python3
"""The catalogue of findings, complete: every entry has a test that provokes it, and every sentence something that says it.
What a signed message can show is shown here by sceau verify --explain; the rest names the row of the test that has it."""
import base64
import json
import os
import re
import subprocess

import house
from house import SCEAU, main, make_key, path, put, txt

import test_diagnosis as corpus
from test_diagnosis import BASES, FOOTER, OTHER_PEM, OTHER_RECORD, RSA_PEM, RSA_RECORD, explain, on_field, sign

ROOT = os.environ.get("SCEAU_SOURCE", ".")
TEXT = BASES["text"]
NOW = 1772366400
KEY_FILE = put("rsa.pem", RSA_PEM.decode())


def der_of(record):
    return record.split("p=")[1]


ZONE = put("catalogue.zone", "$ORIGIN d.example.\n$TTL 300\n@ SOA ns hostmaster 1 3600 900 86400 60\n" + "".join(
    f"{name}._domainkey TXT {txt(record)}\n" for name, record in (
        ("rsa-1", RSA_RECORD), ("solo-9", OTHER_RECORD), ("two-2", OTHER_RECORD), ("broken", "v=DKIM1; p=!!!"), ("strict", RSA_RECORD + "; t=s"),
        ("revoked", "v=DKIM1; p="), ("split", "v=DKIM1; k=rsa; p=" + der_of(RSA_RECORD)[:150]), ("split", der_of(RSA_RECORD)[150:]),
        ("quoted", RSA_RECORD.replace(";", "\\\\;"))))
    + f"s._domainkey.example.com. TXT {txt(RSA_RECORD)}\ns._domainkey.other.example. TXT {txt(RSA_RECORD)}\n"
    + '@ TXT "v=spf1 ip4:192.0.2.7 ptr"\n_dmarc TXT "v=DMARC1; p=reject; sp=none; pct=50; t=y; adkim=s; rua=mailto:x@r.example"\n'
    + f"s._domainkey.sub TXT {txt(RSA_RECORD)}\n"
    + '_dmarc.github.io. TXT "v=DMARC1; p=none"\nmany.example. TXT "v=spf1 ' + " ".join(f"a:a{i}.many.example" for i in range(12)) + ' -all"\ninc.example. TXT "v=spf1 include:none.inc.example -all"\n')


def signed(selector="rsa-1", domain="d.example", key=RSA_PEM, text=TEXT, names=(b"from", b"to", b"subject", b"date", b"content-type"), **more):
    return corpus.dkim.sign(text, selector.encode(), domain.encode(), key, canonicalize=(b"relaxed", b"relaxed"), include_headers=list(names), **more) + text


def tag(old, new, text=None):
    """A tag of the signature as somebody would have written it; b= no longer fits."""
    top, rest = (text or signed()).split(b"\r\nFrom:", 1)
    changed = re.sub(old, new, top, count=1)
    assert changed != top, (old, top)
    return changed + b"\r\nFrom:" + rest


def other_hash():
    """The right key, over SHA-512."""
    made = subprocess.run(["openssl", "dgst", "-sha512", "-sign", KEY_FILE], input=b"x", capture_output=True, check=True).stdout
    return tag(rb"(?s)b=[A-Za-z0-9+/=\s]+$", b"b=" + base64.b64encode(made))


def sealed(text):
    """With the ARC set that sceau would add."""
    done = subprocess.run([SCEAU, "verify", "--zone", ZONE, "--json", "--authserv-id", "mx.hop.example", "--arc-seal", f"rsa-1:d.example:{KEY_FILE}", "-"],
                          input=text, capture_output=True, timeout=120)
    fields = [field for field in json.loads(done.stdout)["headers"] if field.startswith("ARC-")]
    assert len(fields) == 3, done.stdout
    return "".join(field + "\r\n" for field in fields).encode() + text


def without(name, text):
    return corpus.drop_field(name)(text)


RAW = TEXT.replace(b"Subject: The plan for Monday", "Subject: Café".encode())
CHAIN = sealed(signed())
FROM_TWO = TEXT.replace(b"From: Alice Example <alice@d.example>", b"From: alice@d.example, bob@d.example")
DISGUISED = TEXT.replace(b"From: Alice Example <", b'From: "ceo@bank.example" <')
HOPS = b"".join(b"Received: from a by b%d; Sun, 01 Mar 2026 13:00:00 +0000\r\n" % i for i in range(3))
ENVELOPE = ["--ip", "198.51.100.9", "--helo", "mx.forward.example", "--mail-from", "alice@d.example"]
# (id, message, options)
ROWS = [
    ("H17", on_field(b"Subject", lambda body: body.decode().encode("latin-1"))(signed(text=RAW)), []),
    ("S1", tag(rb" bh=", b" xx="), []), ("S2", tag(rb"v=1;", b"v=1; v=1;"), []), ("S3", tag(rb"v=1;", b"v=2;"), []), ("S4", tag(rb"rsa-sha256", b"rsa-md5"), []),
    ("S5", tag(rb"rsa-sha256", b"rsa-sha1"), []), ("S6", other_hash(), []), ("S7", tag(rb"(?i)h=from", b"h=xfrom"), []),
    ("S8", signed(names=(b"from", b"x-spam-flag"), text=b"X-Spam-Flag: NO\r\n" + TEXT), []), ("S9", signed(names=(b"from",)), []),
    ("S10", tag(rb"i=@d\.example", b"i=@e.example"), []), ("S11", tag(rb" t=\d+", b" t=1; x=2"), []), ("S12", tag(rb" t=\d+", b" t=2; x=1"), []),
    ("S13", tag(rb" t=\d+", b" t=99999999999"), []), ("S14", tag(rb"d=d\.example", b"d=d..example"), []), ("S15", tag(rb"q=dns/txt", b"q=http"), []),
    ("S16", tag(rb"(?s)b=[A-Za-z0-9+/=\s]+$", b"b=" + base64.b64encode(bytes(range(40)))), []), ("S17", signed("solo-9"), []),
    ("S18", signed("rsa-1", key=OTHER_PEM), []), ("S20", signed("s", "other.example"), []), ("S21", signed("s", "example.com"), []),
    ("S22", signed().split(b"From:")[0] * 40 + TEXT, []),
    ("D1", signed("gone"), []), ("D4", signed("two-1"), []), ("D9", signed("split"), []), ("D11", signed("quoted"), []), ("D13", signed("broken"), []),
    ("D18", signed("strict", identity=b"@sub.d.example"), []), ("T-p2", signed("revoked"), []),
    ("A1", without(b"ARC-Message-Signature", CHAIN), []), ("A2", CHAIN.replace(b"cv=none", b"cv=fail"), []),
    ("A3", CHAIN.replace(b"dkim=pass", b"dkim=fail"), []), ("A4", CHAIN + FOOTER, []), ("A6", CHAIN + FOOTER, []),
    ("A7", CHAIN.replace(b"i=1;", b"i=2;"), []),
    ("P1", signed(text=b"Received: from x ([192.0.2.7]) by y; Sun, 01 Mar 2026 13:00:00 +0000\r\n" + TEXT), ENVELOPE),
    ("P2", signed(), ENVELOPE[:-1] + ["a@many.example"]), ("P3", signed(), ENVELOPE), ("P5", signed(), ENVELOPE[:-1] + ["a@inc.example"]),
    ("P4", signed(text=TEXT.replace(b"@d.example>", b"@other.example>", 1)), ["--ip", "192.0.2.7"] + ENVELOPE[2:]),
    ("P6", signed(text=TEXT.replace(b"@d.example>", b"@other.example>", 1)), ENVELOPE), ("P7", signed("s", "sub.d.example"), ENVELOPE),
    ("P9", signed(), ENVELOPE), ("P10", signed(), ENVELOPE), ("P11", signed(), ENVELOPE), ("P12", signed(), ENVELOPE),
    ("X1", b"X-Mozilla-Status: 0001\r\n" + signed() + FOOTER, []), ("X3", HOPS + signed(), ["--now", str(NOW)]),
    ("X4", signed().replace(b"read with care.\r\n", b"read with care.\n"), []), ("X5", signed(text=FROM_TWO), []), ("X5", signed(text=DISGUISED), []),
]


if os.path.exists("/usr/share/publicsuffix/public_suffix_list.dat"):
    ROWS.append(("P8", signed(text=TEXT.replace(b"@d.example>", b"@me.github.io>", 1)), ENVELOPE))


def messages_show_them():
    groups = {}
    for number, (name, text, options) in enumerate(ROWS):
        groups.setdefault(tuple(options), []).append((f"{number:03}.eml", name, text))
    for turn, (options, rows) in enumerate(groups.items()):
        for file, _, text in rows:
            put(f"rows{turn}/{file}", text)
        reports = explain(path(f"rows{turn}/x")[:-2], "--zone", ZONE, *options)[0]
        for file, name, _ in rows:
            findings = reports[file]["findings"]
            found = [finding for finding in findings if finding["id"] == name]
            assert found, (name, [finding["id"] for finding in findings], reports[file]["dkim"], reports[file]["arc"])
            for finding in found:
                assert finding["class"] != "proved" or name[0] in "HD", finding
                for sentence in list(finding["text"].values()) + list(finding["help"].values()):
                    assert not re.search(r"\{[a-z]+\}|\(\)", sentence), (name, sentence)


# -- what has its row elsewhere --------------------------------------------------------------------------------------------

DIAGNOSIS, RECORDS, TESTER = "end_to_end/test_diagnosis.py", "end_to_end/test_record_rows.py", "end_to_end/test_tester.py"
# id: (test, pattern of the row there)
ELSEWHERE = {name: (DIAGNOSIS, rf'"(?:\w+ )*{name}[ "]') for name in
             [f"B{i}" for i in range(1, 28)] + [f"H{i}" for i in (*range(1, 15), 16, 18)] + ["H0"]}
ELSEWHERE |= {name: (RECORDS, f'"{name}"') for name in
              [f"R-{i}" for i in range(1, 17)] + """T-v1 T-v2 T-v3 T-v4 T-v5 T-g1 T-g2 T-g3 T-h1 T-h2 T-h3 T-k1 T-k2 T-k3 T-k4 T-n1 T-p1 T-p2 T-p3 T-p4
              T-p5 T-p6 T-p7 T-p8 T-p9 T-p10 T-s1 T-ty T-ts1 T-ts2 T-t3 T-x1 T-x2 T-x3 T-x4 D7 D14 D19 D20 D21 D22 D27 set 501 502 503 504 S18 same-key
              waitingRecord ready inProduction todo disabled error 404 rotation-keep rotation-early rotation-never unsigned""".split()}
ELSEWHERE |= {
    "B28": ("unit/test_diagnosis.c", "FINDING_BODY_HOP"), "H15": ("unit/test_diagnosis.c", "FINDING_COPIED_FIELD"),
    "H19": ("unit/test_diagnosis.c", "FINDING_HEADER_INTACT"), "H20": ("unit/test_diagnosis.c", "FINDING_FIELD_AMONG"),
    "D12": ("unit/test_diagnosis.c", "FINDING_RECORD_PLUS"), "D17": ("unit/test_diagnosis.c", "FINDING_KEY_CACHED"),
    "S19": (TESTER, '"S19"'), "P8": ("unit/test_policy_lookup.c", r'\{"P8"'), "P13": ("unit/test_diagnosis_message.c", r'\{"P13"'),
    "S23": (DIAGNOSIS, ' S23"'), "A5": ("unit/test_diagnosis_message.c", '"A5"'), "X2": ("unit/test_diagnosis_message.c", r'\{"X2"'),
}
# Faults of DNS and keys that the checks of records name by their own ids. A truncated answer whose TCP is blocked (D23) is, for
# those who ask a resolver, a server that does not answer.
SAME = {"D2": "R-10", "D3": "R-11", "D5": "R-7", "D6": "R-9", "D8": "T-p5", "D10": "R-5", "D15": "T-p10", "D16": "T-p2", "D23": "D20", "D24": "R-15",
        "D25": "R-14", "D26": "T-p9"}
CATALOGUE = ([f"B{i}" for i in range(1, 29)] + [f"H{i}" for i in range(1, 21)] + [f"S{i}" for i in range(1, 23)] + [f"D{i}" for i in range(1, 28)]
             + [f"A{i}" for i in range(1, 8)] + [f"P{i}" for i in range(1, 14)] + [f"X{i}" for i in range(1, 6)])


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


def defined():
    """(constant, name in the catalogue) of every finding."""
    return [pair for name in ("findings", "diagnosis_findings") for pair in re.findall(r'^FINDING\((FINDING_\w+), "([^"]+)"', read(f"verifier/{name}.def"), re.M)]


def every_entry_has_its_test():
    here = {name for name, _, _ in ROWS}
    names = {name for _, name in defined()}
    for name in CATALOGUE:
        name = SAME.get(name, name)
        assert name in names, f"{name} has no sentence"
        assert name in here or name in ELSEWHERE, f"{name} has no test"
    for name, (file, row) in ELSEWHERE.items():
        assert name in names and re.search(row, read("tests/" + file)), (name, file, row)
    others = names - here - set(ELSEWHERE)
    assert others <= {"late", "claim", "trial", "paste-empty", "paste-json", "paste-underscore", "paste-selector", "paste-domain", "body-intact"}, others


def every_sentence_is_said():
    sources = "".join(read(os.path.join(folder, name)) for folder in ("verifier", "http", "cli") for name in os.listdir(os.path.join(ROOT, folder))
                      if name.endswith((".c", ".def")) and not name.endswith("findings.def"))
    said = set(re.findall(r"\bFINDING_\w+", sources))
    for constant, name in defined():
        assert constant in said, f"nothing says {name} ({constant})"


if __name__ == "__main__":
    main(every_entry_has_its_test, every_sentence_is_said, messages_show_them)
