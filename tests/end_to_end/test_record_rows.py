#!/usr/bin/env python3
"""sceau key, row by row: for each check of key records, of their kinds and names, of pairs, states and rotation, a zone that
shows it, and what is said of it in French and English. Then the guide that people follow, its example and its traps, where it
is at hand, and a few rows against a name server."""
import base64
import html
import json
import math
import os
import random
import re
import subprocess

from house import SCEAU, SHARED, break_signatures, main, make_key, message, need, path, put, sign_zone, signed, start_nsd, txt, zone_text

random.seed(20260301)


# -- keys ----------------------------------------------------------------------------------------------------------------

def der(tag, content):
    length = len(content)
    head = bytes([length]) if length < 128 else bytes([0x80 | (length.bit_length() + 7) // 8]) + length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag]) + head + content


def number(value):
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


SMALL = math.prod(range(3, 1000, 2))


def rsa_numbers(bits, factor=1, exponent=65537):
    """A public key that nobody has the other half of: records are judged, nothing is verified."""
    while True:
        modulus = random.getrandbits(bits - 2) | 1 << (bits - 1) | 1
        if math.gcd(modulus, SMALL) == 1:
            return der(0x30, number(modulus * factor) + number(exponent))


RSA_OID = bytes.fromhex("300d06092a864886f70d0101010500")
ED25519_OID = bytes.fromhex("300506032b6570")


def spki(numbers, oid=RSA_OID):
    return der(0x30, oid + der(3, b"\0" + numbers))


def b64(octets):
    return base64.b64encode(octets).decode()


def with_plus(bits):
    """The base64 of a key in which a plus sign stands."""
    while True:
        text = b64(spki(rsa_numbers(bits)))
        if "+" in text:
            return text


P, P2 = with_plus(2048), b64(spki(rsa_numbers(2048)))
ED = b64(bytes(range(32)))
GOOD, GOOD2 = "v=DKIM1; k=rsa; p=" + P, "v=DKIM1; k=rsa; p=" + P2
PRIVATE = b64(der(0x30, number(0) + RSA_OID + der(4, rsa_numbers(1024))))
TARGET1, TARGET2 = "selector1._domainkey.1500.ab.dkim.mail.ovh.net", "selector2._domainkey.1500.ab.dkim.mail.ovh.net"


# -- running -------------------------------------------------------------------------------------------------------------

def key(*arguments, text=None):
    done = subprocess.run([SCEAU, "key", *arguments], input=(text or "").encode(), capture_output=True, timeout=120)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def findings_of(report):
    found = [(None, finding) for finding in report["findings"]]
    if report["pair"]:
        found += [(None, finding) for finding in report["pair"]["findings"]]
    for selector in report["selectors"]:
        found += [(selector["selector"], finding) for finding in selector["findings"]]
    return found


def quote(text):
    return text.replace("\\", "\\\\").replace('"', '\\"')


def records(*texts):
    """TXT lines at s, quoted for a zone file."""
    return "".join("s._domainkey TXT " + " ".join('"%s"' % quote(text[i:i + 200]) for i in range(0, max(len(text), 1), 200)) + "\n"
                   for text in texts)


count = 0


def shows(name, zone, wanted, *arguments, text=None, severity=None):
    """The zone's answers make sceau key say it, whole, in both languages; in the report for people, too, in one of them. Returns the report."""
    global count
    file = put("rows.zone", "$ORIGIN d.example.\n$TTL 300\n@ SOA ns hostmaster 1 3600 900 86400 60\n" + zone)
    code, out, error = key("--zone", file, "--json", *arguments, text=text)
    assert out, (name, code, error)
    report = json.loads(out)
    english, french = wanted
    matching = [finding for _, finding in findings_of(report) if finding["id"] == name and english in finding["text"]["en"]]
    assert matching, (name, english, [(f["id"], f["text"]["en"]) for _, f in findings_of(report)])
    assert french in matching[0]["text"]["fr"], (name, french, matching[0]["text"]["fr"])
    for _, finding in findings_of(report):
        for part in (finding["text"], finding["help"]):
            assert not re.search(r"\{[a-z]+\}", part["fr"] + part["en"]), finding
    if severity:
        assert matching[0]["severity"] == severity, matching[0]
    language, sentence = (("en", english), ("fr", french))[count % 2]  # for people: in turn, for time's sake
    _, lines, error = key("--zone", file, "--lang", language, "--explain", *arguments, text=text)
    assert sentence in lines, (name, language, lines, error)
    count += 1
    return report


def says_not(report, *names):
    for _, finding in findings_of(report):
        assert finding["id"] not in names, finding


# -- the tags of a record ------------------------------------------------------------------------------------------------

MESSAGE = "From: a@d.example\r\nDKIM-Signature: v=1; a=%s; d=d.example; s=s; %s\r\n h=from; bh=AA==; b=AA==\r\n\r\n"


def tags():
    d = ["d.example", "s"]
    rows = [
        ("T-v1", GOOD, "v=DKIM1: version is right.", "v=DKIM1 : version correcte."),
        ("T-v2", "k=rsa; p=" + P, "v= is missing: allowed", "v= est absent : permis"),
        ("T-v3", "k=rsa; v=DKIM1; p=" + P, "v= must come first", "v= doit être le premier élément"),
        ("T-v4", "v=dkim1; p=" + P, "v=dkim1 is not DKIM1", "v=dkim1 n'est pas DKIM1"),
        ("T-v4", "v=DKIM2; p=" + P, "v=DKIM2 is not DKIM1", "v=DKIM2 n'est pas DKIM1"),
        ("T-v4", 'v="DKIM1"; p=' + P, 'v="DKIM1" is not DKIM1', 'v="DKIM1" n\'est pas DKIM1'),
        ("T-v5", "v=spf1 -all", "This name holds a spf1 record", "Ce nom porte un enregistrement spf1"),
        ("T-v5", "google-site-verification=abc", "holds a google-site-verification record", "porte un enregistrement google-site-verification"),
        ("T-g1", "v=DKIM1; g=bob; p=" + P, "g=bob is left from an older standard", "g=bob est un reste d'une ancienne norme"),
        ("T-g2", "v=DKIM1; g=; p=" + P, "An empty g= matched no address", "g= vide interdisait toute adresse"),
        ("T-h1", "v=DKIM1; h=sha1; p=" + P, "h=sha1 leaves out sha256", "h=sha1 exclut sha256"),
        ("T-h2", "v=DKIM1; h=sha1:sha256; p=" + P, "sha1 is no longer accepted", "sha1 n'est plus accepté"),
        ("T-k1", GOOD, "RSA key of 2048 bits.", "Clé RSA de 2048 bits."),
        ("T-k2", "v=DKIM1; k=ed25519; p=" + ED, "Ed25519 key: good, but", "Clé Ed25519 : bonne, mais"),
        ("T-k3", "v=DKIM1; k=dsa; p=" + P, "Unknown key type dsa", "Type de clé dsa inconnu"),
        ("T-n1", "v=DKIM1; n=ask bob; p=" + P, "Note: ask bob (no effect).", "Note : ask bob (sans effet)."),
        ("T-p1", GOOD, "Public key is readable: rsa, 2048 bits, fingerprint ", "Clé publique lisible : rsa, 2048 bits, empreinte "),
        ("T-p1", "v=DKIM1; p=AAAA", "p= does not hold a public key", "p= ne contient pas de clé publique"),
        ("T-p2", "v=DKIM1; p=", "Key revoked", "Clé révoquée"),
        ("T-p3", "v=DKIM1; k=rsa", "p=, the key itself, is missing.", "Il manque p=, la clé elle-même."),
        ("T-p4", f"v=DKIM1; p= {P[:90]} {P[90:200]} {P[200:]}", "3 blank(s) inside p=", "3 espace(s) dans p="),
        ("T-p5", "v=DKIM1; k=rsa; p=" + P[:237], "Key cut off: 177 of 294 octets.", "Clé coupée : 177 octets sur 294."),
        ("T-p5", "v=DKIM1; k=rsa; p=" + P[:240], "Key cut off: 180 of 294 octets.", "Clé coupée : 180 octets sur 294."),
        ("T-p6", "v=DKIM1; p=-----BEGIN PUBLIC KEY-----" + P, "Character '-' does not belong in the key (position 1).",
         "Caractère « - » étranger à la clé (position 1)."),
        ("T-p6", "v=DKIM1; p=" + P.replace("+", "%2B"), "Character '%' does not belong", "Caractère « % » étranger"),
        ("T-p6", "v=DKIM1; p=" + P[:30] + "\\" + P[30:], "Character '\\' does not belong in the key (position 31)",
         "Caractère « \\ » étranger à la clé (position 31)"),
        ("T-p6", "v=DKIM1; p=" + P[:30] + '"' + P[30:], "Character '\"' does not belong", "Caractère « \" » étranger"),
        ("T-p6", "v=DKIM1; p=" + P.replace("+", " "), f"The plus signs of the key became {P.count('+')} blank(s)",
         f"Les signes plus de la clé sont devenus {P.count('+')} espace(s)"),
        ("T-p7", "v=DKIM1; p=" + b64(rsa_numbers(2048)), "Key without its envelope (PKCS#1)", "Clé sans son enveloppe (PKCS#1)"),
        ("T-p8", "v=DKIM1; k=ed25519; p=" + b64(spki(bytes(32), ED25519_OID)), "An Ed25519 key is published raw", "Une clé Ed25519 se publie brute"),
        ("T-p9", "v=DKIM1; p=" + PRIVATE, "URGENT: this is your PRIVATE key", "URGENT : c'est votre clé PRIVÉE"),
        ("T-p9", "v=DKIM1; p=-----BEGIN RSA PRIVATE KEY-----" + PRIVATE, "URGENT: this is your PRIVATE key", "URGENT : c'est votre clé PRIVÉE"),
        ("T-p10", "v=DKIM1; p=" + b64(spki(rsa_numbers(768))), "768 bits: refused by everyone.", "768 bits : refusée par tous."),
        ("T-p10", "v=DKIM1; p=" + b64(spki(rsa_numbers(1024))), "1024 bits: weak, move to 2048.", "1024 bits : faible, passez à 2048."),
        ("T-p10", GOOD, "2048 bits: good.", "2048 bits : bonne."),
        ("T-p10", "v=DKIM1; p=" + b64(spki(rsa_numbers(5120))), "5120 bits: more than most servers verify", "5120 bits : plus que la plupart"),
        ("D19", "v=DKIM1; p=" + b64(spki(rsa_numbers(2040, 101))), "can be divided by 101", "divisible par 101"),
        ("D19", "v=DKIM1; p=" + b64(spki(rsa_numbers(2048, exponent=3))), "small exponent 3", "petit exposant 3"),
        ("D19", "v=DKIM1; p=" + b64(spki(rsa_numbers(2048, exponent=4))), "the exponent is even", "Les nombres de cette clé sont impossibles"),
        ("D19", "v=DKIM1; p=" + b64(spki(rsa_numbers(2047, 2))), "the modulus is even", "Les nombres de cette clé sont impossibles"),
        ("T-s1", "v=DKIM1; s=tlsrpt; p=" + P, "s=tlsrpt: this key is not for e-mail", "s=tlsrpt : cette clé n'est pas pour le courriel"),
        ("T-ty", "v=DKIM1; t=y; p=" + P, "Test mode (t=y)", "Mode test (t=y)"),
        ("T-t3", "v=DKIM1; t=y:w; p=" + P, "Unknown flag w, ignored.", "Drapeau w inconnu, ignoré."),
        ("T-x1", "v=DKIM1; q=dns; p=" + P, "Unknown tag q=, ignored", "Élément q= inconnu, ignoré"),
        ("T-x2", "v=DKIM1; k=rsa; k=rsa; p=" + P, "k= appears twice", "k= figure deux fois"),
        ("T-x3", "v=DKIM1 k=rsa; p=" + P, "Missing semicolon before k=.", "Point-virgule manquant avant k=."),
        ("T-x3", "v=DKIM1; k=rsa p=" + P, "Missing semicolon before p=.", "Point-virgule manquant avant p=."),
        ("T-x3", "v=DKIM1; rsa; p=" + P, "the fault is at character 9", "la faute est au caractère 9"),
        ("T-x4", "\"v=DKIM1; k=rsa; p=" + P + "\"", "Quotes or backslashes are published", "Des guillemets ou barres obliques sont publiés"),
        ("T-x4", "v=DKIM1\\; k=rsa\\; p=" + P, "Quotes or backslashes are published", "Des guillemets ou barres obliques sont publiés"),
    ]
    for name, record, english, french in rows:
        report = shows(name, records(record), (english, french), *d)
        usable = english.startswith(("can be divided", "small exponent")) or name in ("T-v1", "T-v2", "T-g1", "T-g2", "T-h2", "T-k1", "T-k2", "T-n1", "T-p4", "T-p7", "T-ty", "T-t3", "T-x1") or record == GOOD or \
            english.startswith("1024")
        assert (report["selectors"][0]["state"] == "set") == usable, (name, record[:40], report["selectors"][0]["state"])
    # What stands behind the fault is looked at as well.
    for record in ("v=DKIM1 k=rsa; p=" + P, "\"v=DKIM1; k=rsa; p=" + P + "\""):
        shows("T-p1", records(record), ("Public key is readable", "Clé publique lisible"), *d)


def tags_beside_a_message():
    for name, record, algorithm, more, english, french in [
            ("T-g3", "v=DKIM1; g=b*; p=" + P, "rsa-sha256", "i=alice@d.example;", "An old verifier would refuse alice@d.example (g=b*).",
             "Un vérificateur ancien refuserait alice@d.example (g=b*)."),
            ("T-h3", "v=DKIM1; h=sha1; p=" + P, "rsa-sha256", "", "The key does not allow sha256", "La clé n'autorise pas sha256"),
            ("T-k4", "v=DKIM1; k=ed25519; p=" + ED, "rsa-sha256", "", "signed with rsa-sha256 but the key type is ed25519",
             "signé en rsa-sha256 mais la clé est de type ed25519"),
            ("T-ts1", "v=DKIM1; t=s; p=" + P, "rsa-sha256", "", "subdomains excluded; this message complies", "sous-domaines exclus ; ce message respecte"),
            ("T-ts2", "v=DKIM1; t=s; p=" + P, "rsa-sha256", "i=@sub.d.example;", "t=s forbids @sub.d.example, a subdomain of d.example",
             "t=s interdit @sub.d.example, sous-domaine de d.example"),
            ("inProduction", GOOD, "rsa-sha256", "", "A message signed with s has arrived", "Un message signé avec s est arrivé")]:
        shows(name, records(record), (english, french), "--message", put("message.eml", MESSAGE % (algorithm, more)), "d.example", "s")
    shows("unsigned", records(GOOD), ("the message is not signed", "le message n'est pas signé"), "--message", "-", "d.example", "s",
          text="From: a@d.example\r\n\r\n", severity="error")


# -- kinds, strings, names -----------------------------------------------------------------------------------------------

def kinds_and_names():
    d = ["d.example", "s"]
    halves = f's._domainkey TXT "{GOOD[:200]}" "{GOOD[200:390]}" "{GOOD[390:]}"\n'
    chain = "".join(f"h{i} CNAME h{i + 1}\n" for i in range(12))
    rows = [
        ("R-1", records(GOOD), "TXT record found", "Enregistrement TXT trouvé"),
        ("R-2", halves, f"3 strings, joined without blanks: {len(GOOD)} characters.", f"3 chaînes, recollées sans espace : {len(GOOD)} caractères."),
        ("R-3", f's._domainkey TXT "{GOOD[:200]} " "{GOOD[200:]}"\n', "joined as it is, it is readable", "recollé tel quel, c'est lisible"),
        ("R-3", f's._domainkey TXT "v=DKIM1; k=rs " "a; p={P[:200]}" "{P[200:]}"\n', "joined as it is, it is unreadable", "recollé tel quel, c'est illisible"),
        ("R-4", f's._domainkey TXT "{GOOD[200:]}"\ns._domainkey TXT "{GOOD[:200]}"\n', "The key is spread over 2 records", "La clé est répartie sur 2 enregistrements"),
        ("R-4", f's._domainkey TXT "{P[300:]}"\ns._domainkey TXT "{P[100:300]}"\ns._domainkey TXT "v=DKIM1; p={P[:100]}"\n',
         "The key is spread over 3 records", "La clé est répartie sur 3 enregistrements"),
        ("R-5", records(GOOD, GOOD2), "2 keys at s._domainkey.d.example", "2 clés sous s._domainkey.d.example"),
        ("R-6", f"s._domainkey CNAME a.k.example.\na.k.example. CNAME b.k.example.\nb.k.example. TXT {txt(GOOD)}\n",
         "leads to b.k.example, key found after 2 hop(s)", "mène à b.k.example, clé trouvée après 2 saut(s)"),
        ("R-7", "s._domainkey CNAME gone.k.example.\n", "The alias leads to gone.k.example, which does not exist.", "L'alias mène à gone.k.example, qui n'existe pas."),
        ("R-8", "s._domainkey CNAME a\na CNAME b\nb CNAME a\n", "Alias loop or chain too long", "Boucle ou chaîne d'alias trop longue"),
        ("R-8", "s._domainkey CNAME h0\n" + chain, "after 9 hops it is at h8.d.example", "après 9 sauts elle en est à h8.d.example"),
        ("R-9", "s._domainkey CNAME s._domainkey.k.example\n", "The target ends in d.example: the final dot is missing", "La cible se termine par d.example : il manque le point final"),
        ("R-10", f"s._domainkey.d.example TXT {txt(GOOD)}\n", "published at s._domainkey.d.example.d.example: the domain was typed twice",
         "publiée sous s._domainkey.d.example.d.example : le domaine a été saisi deux fois"),
        ("R-10", "s._domainkey.d.example CNAME s.k.example.\n", "the domain was typed twice", "le domaine a été saisi deux fois"),
        ("R-11", f"s.domainkey TXT {txt(GOOD)}\n", "Published under 'domainkey' (s.domainkey.d.example)", "Publié sous « domainkey » (s.domainkey.d.example)"),
        ("R-11", "s._domainkey CNAME s.domainkey.k.example.\n", "The target s.domainkey.k.example has 'domainkey'", "La cible s.domainkey.k.example porte « domainkey »"),
        ("R-12", f"s TXT {txt(GOOD)}\n", "The key is at the wrong name: s.d.example", "La clé est au mauvais nom : s.d.example"),
        ("R-12", f"_domainkey TXT {txt(GOOD)}\n", "wrong name: _domainkey.d.example", "mauvais nom : _domainkey.d.example"),
        ("R-12", f"_domainkey.s TXT {txt(GOOD)}\n", "wrong name: _domainkey.s.d.example", "mauvais nom : _domainkey.s.d.example"),
        ("R-13", "s._domainkey SPF \"v=spf1 -all\"\n", "exists but has no TXT", "existe mais sans TXT"),
        ("D14", '*._domainkey TXT "v=spf1 -all"\n', "A DNS wildcard answers here", "Un joker DNS répond ici"),
        ("D1", "", "There is no key at s._domainkey.d.example", "Il n'y a pas de clé sous s._domainkey.d.example"),
    ]
    for name, zone, english, french in rows:
        shows(name, zone, (english, french), *d)
    shows("D27", "", ("The domain gone.example does not exist", "Le domaine gone.example n'existe pas"), "gone.example", "s")
    says_not(shows("D1", "", ("There is no key", "Il n'y a pas de clé"), *d), "D27")
    # Where nothing is wrong, nothing is said to be.
    report = shows("R-1", records(GOOD), ("TXT record found", "Enregistrement TXT trouvé"), *d)
    assert all(finding["severity"] == "good" for _, finding in findings_of(report)), report
    # Neither an own alias inside the domain nor a policy record of old is a fault.
    report = shows("R-6", f"s._domainkey CNAME k\nk TXT {txt(GOOD)}\n", ("key found after 1 hop(s)", "clé trouvée après 1 saut(s)"), *d)
    says_not(report, "R-9", "503")
    report = shows("D1", '_domainkey TXT "o=~"\n', ("There is no key", "Il n'y a pas de clé"), *d)
    says_not(report, "R-12")


def failures_of_dns():
    faults = put("faults.json", '{"s._domainkey.d.example TXT": "timeout", "t._domainkey.d.example TXT": "servfail"}')
    shows("D20", "", ("did not answer in time", "n'ont pas répondu à temps"), "--faults", faults, "d.example", "s")
    shows("D21", "", ("answered with an error", "a reçu une erreur"), "--faults", faults, "d.example", "t")


# -- pairs, states, codes ------------------------------------------------------------------------------------------------

BOTH = f"selector1._domainkey CNAME {TARGET1}.\nselector2._domainkey CNAME {TARGET2}.\n"
KEYS = f"{TARGET1}. TXT {txt(GOOD)}\n{TARGET2}. TXT {txt(GOOD2)}\n"
PAIR = ["d.example", "selector1", "selector2"]


def pairs_and_states():
    expect = ["--expect-cname", TARGET1 + ".", "--expect-cname", TARGET2]
    one = f"selector1._domainkey CNAME {TARGET1}.\n"
    report = shows("set", BOTH + KEYS, ("Both selectors are set.", "Les deux sélecteurs sont configurés."), *expect, *PAIR)
    assert report["pair"]["state"] == "set" and report["pair"]["code"] is None
    for zone in (KEYS, one + KEYS):
        report = shows("504", zone, ("CNAME missing for selector2 (504).", "CNAME absent pour selector2 (504)."), *expect, *PAIR)
        assert report["selectors"][1]["state"] == "toSet" and report["pair"]["code"] in (501, 504), report["pair"]
        cure = [finding["help"] for _, finding in findings_of(report) if finding["id"] == "504"][-1]
        assert f"selector2._domainkey.d.example. CNAME {TARGET2}." in cure["fr"] and TARGET2 + "." in cure["en"], cure
    wrong = BOTH.replace("1500.ab", "1600.ab", 1) + KEYS
    report = shows("503", wrong, (f"read {TARGET1.replace('1500', '1600')}, expected {TARGET1}, they part at character 23.",
                                  f"lu {TARGET1.replace('1500', '1600')}, attendu {TARGET1}, différence au caractère 23."), *expect, *PAIR)
    assert report["selectors"][0]["state"] == "toFix" and report["pair"]["code"] == 503
    # The usual reasons for a 503.
    shows("R-9", f"selector1._domainkey CNAME {TARGET1}\n" + KEYS, ("the final dot is missing", "il manque le point final"),
          "--expect-cname", TARGET1, "d.example", "selector1")
    report = shows("501", one + KEYS, ("Only one selector of two (501)", "Un seul sélecteur sur deux (501)"), *PAIR)
    assert report["pair"]["code"] == 501
    # The other one of a pair is looked at without being named; it decides nothing.
    report = shows("501", one + KEYS, ("Only one selector of two (501)", "Un seul sélecteur sur deux (501)"), "d.example", "selector1")
    assert [(s["selector"], s["derived"]) for s in report["selectors"]] == [("selector1", False), ("selector2", True)], report
    assert key("--zone", path("rows.zone"), "d.example", "selector1")[0] == 0
    swapped = f"selector1._domainkey CNAME {TARGET2}.\nselector2._domainkey CNAME {TARGET1}.\n"
    report = shows("S18", swapped + KEYS, ("The two selectors are swapped", "Les deux sélecteurs sont inversés"), *PAIR)
    assert report["pair"]["code"] == 503
    shows("503", one.replace("CNAME selector1", "CNAME other") + f"{TARGET1.replace('selector1', 'other')}. TXT {txt(GOOD)}\n",
          ("targets that begin with the selector's own name", "cibles qui commencent par le nom du sélecteur"), "d.example", "selector1")
    shows("503", "selector1._domainkey CNAME selector1._domainkey.1500.dkim.mail.ovh.net.\n" + KEYS,
          ("lacks the two letters", "manque à la cible"), "d.example", "selector1")
    shows("same-key", BOTH + KEYS.replace(txt(GOOD2), txt(GOOD)), ("Both selectors hold the same key", "Les deux sélecteurs portent la même clé"), *PAIR)


def answer(status, selector="selector1", whole="enabled"):
    return json.dumps({"activeSelector": None, "status": whole, "selectors": [
        {"selectorName": selector, "status": status, "cname": f"{selector}._domainkey.d.example CNAME {TARGET1}."}]})


def provider_states():
    for word in ("toSet", "toFix", "waitingRecord", "WaitingRecord", "toConfigure"):
        shows("waitingRecord", "", ("The provider waits for your DNS records", "Le fournisseur attend vos enregistrements DNS"),
              "--provider-answer", "-", text=answer(word))
        shows("late", BOTH + KEYS, ("but DNS is right", "mais le DNS est bon"), "--provider-answer", "-", text=answer(word))
    for word in ("ready", "inProduction", "enabled"):
        shows("ready", BOTH + KEYS, ("in use only once a message signed with selector1 arrives", "en service seulement si un message signé avec selector1 arrive"),
              "--provider-answer", "-", text=answer(word))
    shows("claim", "", ("The provider says set of selector1, but DNS says otherwise", "Le fournisseur dit set de selector1, mais le DNS dit autre chose"),
          "--provider-answer", "-", text=answer("set"))
    for word in ("todo", "modifying"):
        shows("todo", BOTH + KEYS, ("Task running at the provider", "Tâche en cours chez le fournisseur"), "--provider-answer", "-", text=answer("set", whole=word))
        shows("todo", "", (word, word), "--provider-answer", "-", "d.example", text=f'status: "{word}",\nfunction: "enableDKIM"\n')
    for word in ("disabling", "deleting", "disabled"):
        shows("disabled", BOTH + KEYS, ("your mail leaves unsigned", "vos messages partent sans signature"), "--provider-answer", "-", text=answer("set", whole=word))
    shows("error", BOTH + KEYS, ("Provider-side set-up error.", "Erreur d'installation chez le fournisseur."), "--provider-answer", "-", text=answer("set", whole="error"))
    shows("502", BOTH + KEYS, ("Error 502 is inside the provider", "L'erreur 502 est interne au fournisseur"), "--provider-answer", "-", *PAIR,
          text="502\nOne DKIM configuration task is in error")
    shows("404", "", ("(selector1) does not exist at the provider", "(selector1) n'existe pas chez le fournisseur"), "--provider-answer", "-", "d.example",
          text='Not Found (404)\n{ "message": "The requested object (selectorName = selector1) does not exist" }')
    shows("paste-empty", "", ("names no selector", "ne nomme ni sélecteur"), "--provider-answer", "-", "d.example", text="hello")
    shows("paste-domain", "", ("speaks of d.example, but the check is of e.example", "parle de d.example, mais la vérification porte sur e.example"),
          "--provider-answer", "-", "e.example", text=answer("set"))
    shows("paste-json", "", ("is no valid JSON from line 1 on", "n'est pas du JSON valide à partir de la ligne 1"), "--provider-answer", "-",
          text=answer("set").replace('"status": "set"', '"status":: "set"'))


def rotation():
    day, now = 86400, 1772366400  # 2026-03-01 12:00
    zone = BOTH + KEYS
    seen = lambda selector, first, last, more="": ["--seen", f"{selector}:{now - first * day}:{now - last * day}{more}"]
    both = seen("selector1", 100, 3) + seen("selector2", 2, 0)
    report = shows("rotation-keep", zone, ("Selector selector1 last seen on 2026-02-26: keep it until 2026-03-05.",
                                           "Sélecteur selector1 vu pour la dernière fois le 2026-02-26 : gardez-le jusqu'au 2026-03-05."),
                   "--now", str(now), *both, *PAIR)
    assert [f["args"]["selector"] for f in report["findings"]] == ["selector1"], report["findings"]
    # After 7 days nothing is said any more.
    _, out, _ = key("--zone", path("rows.zone"), "--json", "--now", str(now + 5 * day), *both, *PAIR)
    assert json.loads(out)["findings"] == [], out
    early = both[:1] + [both[1] + ":17"] + both[2:]
    for old in ("", f"selector1._domainkey TXT \"v=DKIM1; p=\"\n"):
        shows("rotation-early", f"selector2._domainkey CNAME {TARGET2}.\n{old}" + KEYS,
              ("removed too early: 17 recent messages fail", "retirée trop tôt : 17 messages récents échouent"), "--now", str(now), *early, *PAIR)
    fingerprint = json.loads(key("--zone", path("rows.zone"), "--json", *PAIR)[1])["selectors"][1]["key"]["fingerprint"]
    report = shows("rotation-never", zone, ("selector2: same key for 14 months", "selector2 : même clé depuis 14 mois"), "--now", str(now),
                   *seen("selector2", 430, 0, ":0:" + fingerprint), *PAIR)
    assert [f["class"] for f in report["findings"]] == ["guess"], report["findings"]


# -- a record before it is published -------------------------------------------------------------------------------------

def records_tried_before_they_are_published():
    d = ["d.example", "s"]
    form = f"Sous-domaine : s._domainkey\nVersion (v=) : DKIM1\nGranularité (g=) :\nAlgorithme (hash) (h=) : sha256\nType de clé (k=) : rsa\n" \
           f"Notes (n=) :\nClé publique (base64) (p=) : {P}\nMode test (t=y) : oui\nSous-domaines (t=s) : oui\n"
    for text in (GOOD, f's._domainkey IN TXT ( "{GOOD[:200]}"\n "{GOOD[200:]}" )\n', f'"{GOOD[:200]}" "{GOOD[200:]}"', form,
                 f"s._domainkey.d.example. 300 IN TXT {GOOD}"):
        report = shows("T-p1", "", ("Public key is readable: rsa, 2048 bits", "Clé publique lisible : rsa, 2048 bits"), "--record-file", "-", *d, text=text)
        assert report["selectors"][0]["state"] == "set" and report["selectors"][0]["dnssec"] is None, report
        says_not(report, "R-10", "R-11", "R-12", "T-x4")
    shows("T-ty", "", ("Test mode (t=y)", "Mode test (t=y)"), "--record-file", "-", *d, text=form)
    shows("R-2", "", (f"A string of {len(GOOD)} characters", f"Une chaîne de {len(GOOD)} caractères"), "--record", GOOD, *d)
    line = f"selector1._domainkey IN CNAME {TARGET1}."
    s1 = ["d.example", "selector1"]
    report = shows("R-6", KEYS, (f"leads to {TARGET1}, key found after 1 hop(s)", f"mène à {TARGET1}, clé trouvée après 1 saut(s)"), "--record", line, *s1)
    assert report["selectors"][0]["kind"] == "cname" and report["selectors"][0]["state"] == "set", report
    shows("R-7", "", (f"The alias leads to {TARGET1}, which does not exist.", f"L'alias mène à {TARGET1}, qui n'existe pas."), "--record", line, *s1)
    shows("R-9", KEYS, (f"The target {TARGET1} has no final dot", f"La cible {TARGET1} n'a pas de point final"), "--record", line[:-1], *s1)
    shows("R-10", KEYS, ("would add the domain once more", "y ajouterait le domaine une seconde fois"), "--record", line.replace("_domainkey IN", "_domainkey.d.example IN"), *s1)
    shows("R-11", KEYS, ("(selector1.domainkey); it must be '_domainkey'", "(selector1.domainkey) ; il faut « _domainkey »"), "--record", line.replace("_domainkey IN", "domainkey IN"), *s1)
    shows("R-12", KEYS, ("meant for other._domainkey, not for this selector", "destiné à other._domainkey, pas à ce sélecteur"), "--record", line.replace("selector1._domainkey IN", "other._domainkey IN"), *s1)
    shows("503", KEYS, ("read " + TARGET1 + ", expected " + TARGET2, "lu " + TARGET1 + ", attendu " + TARGET2), "--record", line, "--expect-cname", TARGET2, *s1)


def a_record_is_tried_on_a_message():
    need("openssl")
    pem, record = make_key("trial")
    _, other = make_key("other")
    whole = signed(message("d.example", body="Hello\r\n"), "d.example", "s", pem).decode()
    header, _ = whole.split("\r\n\r\n")
    for text, tried, english, french in [
            (whole, record, "The message verifies with this record.", "Le message est vérifié avec cet enregistrement."),
            (header + "\r\n", record, "made the signature; the body was not given", "a fait la signature ; le corps n'a pas été donné"),
            (whole.replace("Hello", "Hullo"), record, "but the body of the message was changed", "mais le corps du message a changé"),
            (whole, other, "another key made it, or the header was changed", "une autre clé l'a faite, ou les en-têtes ont changé"),
            (whole, record.replace("k=rsa", "k=rsa; h=sha1"), "does not verify with this record (key_hash)", "n'est pas vérifié avec cet enregistrement (key_hash)")]:
        shows("trial", "", (english, french), "--record", tried, "--message", "-", "d.example", "s", text=text)


# -- the guide -----------------------------------------------------------------------------------------------------------

def the_guide_is_understood():
    file = os.path.join(SHARED, "guide", "ovhcloud-dkim-fr.md")
    if not os.path.exists(file):
        print("   the guide is not at hand: not checked")
        return
    with open(file, encoding="utf-8") as source:
        guide = source.read()
    blocks = [re.sub(r"(?m)^[> ]+", "", block) for block in re.findall(r"```console\n(.*?)```", guide, re.S)]
    example = [block for block in blocks if block.startswith("v=DKIM1;t=s;")][0].strip()
    report = shows("T-p4", "", ("7 blank(s) inside p=", "7 espace(s) dans p="), "--record", example, "mydomain.ovh", "selector-name")
    selector = report["selectors"][0]
    assert len(example) == 413 and selector["state"] == "set" and selector["key"]["bits"] == 2048 and selector["key"]["type"] == "rsa", selector
    # The answers of the provider, good JSON or not.
    read = [block for block in blocks if "selectorName" in block and "does not exist" not in block]
    assert len(read) >= 5
    for block in read:
        code, out, error = key("--zone", put("empty.zone", ""), "--json", "--provider-answer", "-", text=block)
        report = json.loads(out)
        assert code == 5 and report["domain"] == "mydomain.ovh" and report["provider"]["selectors"], (block, error)
        for told in report["provider"]["selectors"]:
            assert told["name"].endswith("._domainkey.mydomain.ovh") and told["target"].endswith(".dkim.mail.ovh.net") and told["status"], told
        try:
            json.loads(block)
            says_not(report, "paste-json")
        except ValueError:
            assert "paste-json" in [f["id"] for _, f in findings_of(report)], block
        ids = [finding["id"] for _, finding in findings_of(report)]
        differs = any(told["selector"] != told["name"].split(".")[0] for told in report["provider"]["selectors"])
        assert ("paste-selector" in ids) == differs and "504" in ids, ids
    broken = [block for block in read if '"toSet"' in block][0]
    shows("paste-json", "", ("a comma is missing in line 7", "il manque une virgule à la ligne 7"), "--provider-answer", "-", text=broken)
    shows("paste-selector", "", ("calls the selector ovhmo4287928-selector1, but its record is for ovhmo3456789-selector1",
                                 "nomme le sélecteur ovhmo4287928-selector1, mais son enregistrement est pour ovhmo3456789-selector1"),
          "--provider-answer", "-", text=broken)
    bare = [block for block in read if block.startswith("targetRecord")][0]
    shows("paste-json", "", ("a name without quotes in line 1", "un nom sans guillemets à la ligne 1"), "--provider-answer", "-", text=bare)
    # The texts of 503 and 504: no underscore, and two letters less.
    for number in ("7890", "890123"):
        at = guide.index(f".domainkey.{number}.dkim")
        text = guide[guide.rindex("Ici, il faut", 0, at):at + 60]
        name = "ovhex1234567-selector2"
        report = shows("paste-underscore", "", (f"The text says {name}.domainkey.mydomain.ovh, without the underscore",
                                                f"Le texte dit {name}.domainkey.mydomain.ovh, sans le trait bas"), "--provider-answer", "-", text=text)
        assert report["provider"]["selectors"][0]["target"] == f"{name}._domainkey.{number}.dkim.mail.ovh.net", report["provider"]
        shows("503", "", ("lacks the two letters", "manque à la cible"), "--provider-answer", "-", text=text)
    # And published just as the guide says.
    shows("R-11", f"ovhex1234567-selector2.domainkey.mydomain.ovh. CNAME {TARGET2}.\n", ("Published under 'domainkey'", "Publié sous « domainkey »"),
          "mydomain.ovh", "ovhex1234567-selector2")
    shows("R-11", "ovhex1234567-selector2._domainkey.mydomain.ovh. CNAME ovhex1234567-selector2.domainkey.7890.dkim.mail.ovh.net.\n",
          ("it must be '_domainkey'", "il faut « _domainkey »"), "mydomain.ovh", "ovhex1234567-selector2")
    # What a receiver adds.
    field = html.unescape(re.search(r"<code>(ARC-Authentication-Results:.*?)Return-Path", guide, re.S).group(1))
    done = subprocess.run([SCEAU, "results", "--json", "-"], input=field.encode(), capture_output=True, timeout=60)
    read = json.loads(done.stdout)
    assert done.returncode == 0 and read["authserv_id"] == "mx.example.com" and read["instance"] == 1, read
    assert [(one["method"], one["result"]) for one in read["results"]] == [("dkim", "pass"), ("spf", "pass")], read
    assert read["findings"][0]["text"]["fr"].startswith("jeu ARC incomplet : il manque ARC-Message-Signature et ARC-Seal"), read["findings"]
    assert read["findings"][0]["text"]["en"].startswith("incomplete ARC set: ARC-Message-Signature and ARC-Seal are missing"), read["findings"]
    assert "mydomain.ovh avec le sélecteur ovhex123456-selector1 était bonne" in read["results"][0]["text"]["fr"], read
    for language, sentence in (("en", "allowed to send for test-dkim@mydomain.ovh"), ("fr", "avait le droit d'envoyer pour test-dkim@mydomain.ovh")):
        done = subprocess.run([SCEAU, "results", "--lang", language, "-"], input=(field + "Return-Path: <a@b>\n").encode(), capture_output=True, timeout=60)
        assert done.returncode == 0 and sentence in done.stdout.decode(), done


# -- name servers --------------------------------------------------------------------------------------------------------

def name_servers_and_dnssec():
    need("nsd", "ldns-keygen", "ldns-signzone")
    old = put("old.zone", zone_text("rows.test", records(GOOD)))
    new = put("new.zone", zone_text("rows.test", records(GOOD2) + "two._domainkey TXT " + txt(GOOD) + "\n"))
    signed, anchor = sign_zone("signed.test", put("signed.zone", zone_text("signed.test", records(GOOD))))
    broken, broken_anchor = sign_zone("broken.test", put("broken.zone", zone_text("broken.test", records(GOOD))))
    break_signatures(broken)
    anchors = put("anchors", open(anchor).read() + open(broken_anchor).read())
    first, second = (start_nsd({"rows.test": zone, "signed.test": signed, "broken.test": broken}) for zone in (new, old))

    def ask(*arguments):
        stubs = [f"--stub={zone}=127.0.0.1@{first}" for zone in ("rows.test", "signed.test", "broken.test")]
        code, out, error = key(*stubs, "--trust-anchor", anchors, "--json", *arguments)
        assert out, error
        found = {}
        for _, finding in findings_of(json.loads(out)):
            assert "{" not in finding["text"]["fr"] + finding["text"]["en"], finding
            found.setdefault(finding["id"], []).append(finding["text"])
        return code, found

    code, found = ask("rows.test", "s", "--server", f"127.0.0.1@{first}", "--server", f"127.0.0.1@{second}")
    assert code == 0 and found["R-15"] == [{"fr": "1 serveurs sur 2 donnent une réponse différente.", "en": "1 of 2 name servers give a different answer."}], found
    assert "D7" not in found, found
    alias = put("alias.zone", zone_text("rows.test", "s._domainkey CNAME k\nk TXT " + txt(GOOD) + "\n"))
    third = start_nsd({"rows.test": alias})
    code, found = ask("rows.test", "s", "--server", f"127.0.0.1@{first}", "--server", f"127.0.0.1@{third}")
    assert found["D7"][0]["en"] == "Name servers give a CNAME at s._domainkey.rows.test and others a TXT record: no name may have both.", found
    code, found = ask("rows.test", "s", "--server", f"127.0.0.1@{first}")
    assert "R-15" not in found, found
    assert found["R-16"] == [{"fr": "DNSSEC : non signé.", "en": "DNSSEC: unsigned."}], found
    code, found = ask("rows.test", "s", "--resolver", f"127.0.0.1@{second}")
    assert code == 0 and re.fullmatch(r"Publié chez vous, pas encore visible partout : 127\.0\.0\.1@%d peut garder l'ancien résultat "
                                      r"(300|29\d) secondes \(24 h au plus d'ordinaire\)\." % second, found["R-14"][0]["fr"]), found
    code, found = ask("rows.test", "two", "--resolver", f"127.0.0.1@{second}")
    assert re.search(r"127\.0\.0\.1@%d may keep the old answer for [56]\d seconds" % second, found["R-14"][0]["en"]), found  # SOA's minimum
    code, found = ask("rows.test", "s", "--resolver", f"127.0.0.1@{first}")
    assert "R-14" not in found, found
    code, found = ask("signed.test", "s")
    assert code == 0 and found["R-16"] == [{"fr": "DNSSEC : vérifié.", "en": "DNSSEC: verified."}], found
    code, found = ask("broken.test", "s")
    assert code == 4 and "DNSSEC : FAUX (" in found["R-16"][0]["fr"] and "DNSSEC: BOGUS (" in found["R-16"][0]["en"] and "D22" in found, found
    assert "(?)" not in found["R-16"][0]["en"], found


def summary():
    print(f"   {count} reports as wanted, each in two languages")


if __name__ == "__main__":
    main(tags, tags_beside_a_message, kinds_and_names, failures_of_dns, pairs_and_states, provider_states, rotation,
         records_tried_before_they_are_published, a_record_is_tried_on_a_message, the_guide_is_understood, name_servers_and_dnssec, summary)
