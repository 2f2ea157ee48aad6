#!/usr/bin/env python3
"""The Authentication-Results fields that we write for varied messages, in both styles, read back by three readers that are not
ours (python3-authres, libmail-authenticationresults-perl, SpamAssassin's AuthRes): each must find the structure that the JSON
report tells, and nothing else."""
import json
import os
import re
import subprocess
import time

from house import SCEAU, main, make_key, message, path, put, skip, txt

try:
    import authres
    import dkim
except ImportError as missing:
    skip(f"{missing.name} is not installed")
PERL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ar_readers.pl")
for module, package in (("Mail::AuthenticationResults::Parser", "libmail-authenticationresults-perl"), ("Mail::SpamAssassin", "spamassassin")):
    if subprocess.run(["perl", f"-M{module}", "-e1"], capture_output=True).returncode != 0:
        skip(package + " is not installed")

NOW = int(time.time())  # python3-dkim signs with t=
RSA, RSA_RECORD = make_key("rsa")
WEAK, WEAK_RECORD = make_key("weak", 1024)
os.chmod(path("rsa.pem"), 0o600)
ZONE = put("zone", f"""$ORIGIN .
$TTL 300
sel._domainkey.d.test. TXT {txt(RSA_RECORD)}
weak._domainkey.d.test. TXT {txt(WEAK_RECORD)}
trial._domainkey.d.test. TXT {txt(RSA_RECORD.replace("v=DKIM1;", "v=DKIM1; t=y;"))}
gone._domainkey.d.test. TXT "v=DKIM1; p="
odd._domainkey.d.test. TXT "v=DKIM1; p=***"
sel._domainkey.m.d.test. TXT {txt(RSA_RECORD)}
sel._domainkey.xn--exmple-cua.test. TXT {txt(RSA_RECORD)}
sel._domainkey.hop.test. TXT {txt(RSA_RECORD)}
d.test. TXT "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all"
_dmarc.d.test. TXT "v=DMARC1; p=reject; sp=quarantine"
soft.test. TXT "v=spf1 ~all"
neutral.test. TXT "v=spf1 ?all"
broken.test. TXT "v=spf1 ip4:999"
_dmarc.trial.test. TXT "v=DMARC1; p=reject; t=y"
mail.d.test. A 192.0.2.1
mail.d.test. AAAA 2001:db8::1
mail.d.test. TXT "v=spf1 a -all"
1.2.0.192.in-addr.arpa. PTR mail.d.test.
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR mail.d.test.
2.2.0.192.in-addr.arpa. PTR mail.d.test.
""")
FAULTS = put("faults.json", json.dumps({"late.test TXT": "timeout", "_dmarc.late.test TXT": "servfail", "sel._domainkey.late.test TXT": "timeout",
                                        "4.2.0.192.in-addr.arpa PTR": "servfail"}))
PLAIN = message("d.test", more="Received: by x; Fri, 1 Mar 2024 00:00:00 +0000\r\n")


def signed(text=PLAIN, domain="d.test", selector="sel", pem=RSA, **more):
    return dkim.sign(text, selector.encode(), domain.encode(), pem, include_headers=[b"from", b"to", b"subject", b"date"], **more) + text


def with_tag(text, tag):
    """A signature with one tag more, which voids it."""
    return text.replace(b"DKIM-Signature: v=1;", b"DKIM-Signature: v=1; " + tag + b";", 1)


def run(text, *options, name="mx.here.test"):
    done = subprocess.run([SCEAU, "verify", "--json", "--zone", ZONE, "--faults", FAULTS, "--now", str(NOW), "--authserv-id", name,
                           *options, "-"], input=text, capture_output=True, timeout=60)
    assert done.stdout, done.stderr.decode()
    return json.loads(done.stdout)


def sealed(text):
    report = run(text, "--arc-seal", f"sel:hop.test:{path('rsa.pem')}", name="mx.hop.test")
    return "".join(field + "\r\n" for field in report["headers"] if field.startswith("ARC-")).encode() + text


def client(sender="a@d.test", ip="192.0.2.1", helo="mail.d.test"):
    return ["--ip", ip, "--helo", helo, "--mail-from", sender]


MANY = PLAIN
for _number in range(12):
    MANY = signed(MANY, selector=("sel", "weak", "gone")[_number % 3], pem=WEAK if _number % 3 == 1 else RSA)

# name, message, options
CASES = [
    ("no signature", PLAIN, []),
    ("a pass alone", signed(), []),
    ("everything passes", signed(), client()),
    ("body changed", signed() + b"more\r\n", client()),
    ("header changed", signed().replace(b"Subject: a test", b"Subject: the test"), client()),
    ("two signatures", signed(signed(selector="weak", pem=WEAK), domain="m.d.test"), client()),
    ("twelve signatures", MANY, client()),
    ("no key", signed(selector="none"), client()),
    ("key revoked", signed(selector="gone"), client()),
    ("key broken", signed(selector="odd"), client()),
    ("key in testing", signed(selector="trial"), client()),
    ("key answers late", signed(domain="late.test"), client("a@late.test")),
    ("octets unsigned", signed(length=True) + b"an advertisement\r\n", client()),
    ("tag twice", with_tag(signed(), b"d=evil.test"), client()),
    ("selector that is no name", signed().replace(b"s=sel", b"s=a)b", 1), client()),
    ("domain that is no name", signed().replace(b"d=d.test", b"d=d,test", 1), client()),
    ("user and subdomain in i=", signed(domain="d.test", identity=b"user+x@m.d.test"), client()),
    ("quoted characters in i=", signed(identity=b"a=3Db/c@d.test"), client()),
    ("international name", signed(message("xn--exmple-cua.test"), domain="xn--exmple-cua.test"), client("a@ex\u00e4mple.test")),
    ("SPF fails", signed(), client(ip="192.0.2.9")),
    ("SPF soft", PLAIN, client("a@soft.test")),
    ("SPF neutral", PLAIN, client("a@neutral.test")),
    ("SPF none", PLAIN, client("a@nothing.test")),
    ("SPF broken", PLAIN, client("a@broken.test")),
    ("SPF late", PLAIN, client("a@late.test")),
    ("null sender", PLAIN, client("")),
    ("HELO is an address", PLAIN, client("", helo="[192.0.2.1]")),
    ("HELO is hostile", PLAIN, client("", helo="x; dkim=pass (y) header.d=bank.test")),
    ("IPv6", signed(), client(ip="2001:db8::1")),
    ("name leads elsewhere", PLAIN, client(ip="192.0.2.2")),
    ("no name", PLAIN, client(ip="192.0.2.3")),
    ("name answers late", PLAIN, client(ip="192.0.2.4")),
    ("bounce address", PLAIN, client("b+u=here.test@d.test")),
    ("hostile sender", PLAIN, client("a);dkim=pass header.d=bank.test@d.test")),
    ("sender folded", PLAIN, client("a\r\n b@d.test")),
    ("two authors", PLAIN.replace(b"To: ", b"From: c@e.test\r\nTo: ", 1), client()),
    ("no author", PLAIN.replace(b"From: ", b"X-From: ", 1), client()),
    ("policy for a subdomain", message("m.d.test"), client(ip="192.0.2.9")),
    ("policy in testing", message("trial.test"), client()),
    ("policy fails late", message("late.test"), client()),
    ("ARC holds", sealed(sealed(PLAIN)), client()),
    ("ARC and a change", sealed(sealed(PLAIN).replace(b"Subject: a test", b"Subject: [list] a test")), client()),
    ("ARC broken", sealed(PLAIN).replace(b"cv=none", b"cv=pass", 1), client()),
]


def ascii_domain(name):
    """As our field shows a legal name: A-labels."""
    name = name.rstrip(".").lower()
    return name if name.isascii() else name.encode("idna").decode()


def address(text):
    local, _, domain = text.rpartition("@")
    return local + "@" + ascii_domain(domain)


def intended(report, provider):
    """[method, result, [[ptype, property, value] ...]] of what the report tells, by verdicts' rules alone."""
    results = []
    for dkim_ in report["dkim"]:
        props = [["header", "d", ascii_domain(dkim_["domain"] or "")], ["header", "i", address(dkim_["auid"] or "@")],
                 ["header", "s", dkim_["selector"] or ""], ["header", "a", dkim_["algorithm"] or ""],
                 ["header", "b", dkim_["signature"] or ""]]
        props = [prop for prop in props if prop[2] not in ("", "@") and not (provider and prop[1] in "da")]
        results.append(["dkim", dkim_["result"], props])
    if not report["dkim"]:
        results.append(["dkim", "none", []])
    arc = report["arc"]
    if not (provider and arc["result"] == "none"):
        results.append(["arc", arc["result"], [["header", "oldest-pass", str(arc["oldest_pass"])]] if arc["oldest_pass"] else []])
    if report["spf"]:
        spf = report["spf"][-1]
        helo = spf["scope"] == "helo"
        value = spf["identity"] if helo else address(spf["identity"])
        results.append(["spf", spf["result"], [["smtp", "helo" if helo else "mailfrom", value.replace("\r", "").replace("\n", "")]]])
    dmarc = report["dmarc"]
    if dmarc and not (provider and dmarc["result"] == "none"):
        props = [["header", "from", dmarc["domain"]], ["policy", "dmarc", dmarc["policy"]]]
        results.append(["dmarc", dmarc["result"], [prop for prop in props if prop[2]]])
    if report["iprev"] and not provider:
        results.append(["iprev", report["iprev"]["result"], [["policy", "iprev", report["iprev"]["address"]]]])
    return {"id": "mx.here.test", "results": results}


def by_authres(fields):
    answers = []
    for field in fields:
        read = authres.AuthenticationResultsHeader.parse(field.rstrip("\r\n"))
        answers.append({"id": read.authserv_id, "results": [
            [result.method, result.result, [[prop.type, prop.name, prop.value] for prop in result.properties]] for result in read.results]})
    return answers


def without_inner_quotes(answer):
    """authres 1.2.0 loses a quoted value that does not end its result (here d=, i= and s= that are no names); it must lose nothing
    else."""
    bare = re.compile(r"[\w.@%+-]+").fullmatch
    return {"id": answer["id"], "results": [[method, result, [prop for prop in props if prop is props[-1] or bare(prop[2])]]
                                            for method, result, props in answer["results"]]}


def by_perl(reader, fields):
    done = subprocess.run(["perl", PERL, reader], input="\0".join(fields + [""]).encode(), capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def by_method(answer):
    """As SpamAssassin keeps it: methods and properties in no order, results of one method in theirs."""
    if "results" not in answer:
        return answer
    return {"id": answer["id"], "results": sorted(([method, result, sorted(props)] for method, result, props in answer["results"]),
                                                  key=lambda entry: entry[0])}


REPORTS = {style: [run(text, *options, "--results-style", style) for _, text, options in CASES] for style in ("standard", "provider")}


def check(style, read, form=lambda answer: answer):
    fields = [report["headers"][0] + "\r\n" for report in REPORTS[style]]
    answers = read(fields)
    assert len(answers) == len(CASES)
    wrong = []
    for (name, _, _), report, field, answer in zip(CASES, REPORTS[style], fields, answers):
        want = form(intended(report, style == "provider"))
        if form(answer) != want:
            wrong.append(f"{name}:\n{field}    wanted {want}\n    got    {form(answer)}")
    print(f"{style}: {len(CASES) - len(wrong)} of {len(CASES)} fields read as intended")
    assert not wrong, "\n".join(wrong)


def messages_are_varied():
    found = {(method, result) for report in REPORTS["standard"] for method, result, _ in intended(report, False)["results"]}
    for method, results in {"dkim": "none pass fail policy temperror permerror", "arc": "none pass fail",
                            "spf": "none neutral pass fail softfail temperror permerror", "dmarc": "none pass fail temperror permerror",
                            "iprev": "pass fail temperror permerror"}.items():
        for result in results.split():
            assert (method, result) in found, (method, result)
    assert len(CASES) >= 30


def authres_reads_them():
    for style in REPORTS:
        check(style, by_authres, without_inner_quotes)


def mail_authentication_results_reads_them():
    for style in REPORTS:
        check(style, lambda fields: by_perl("mail-ar", fields))


def spamassassin_reads_them():
    for style in REPORTS:
        check(style, lambda fields: by_perl("spamassassin", fields), by_method)


main(messages_are_varied, authres_reads_them, mail_authentication_results_reads_them, spamassassin_reads_them)
