"""SPF and DMARC of a domain, as /d/{domain} and the API show them: a zone for each state, none, one valid, several, malformed with
what is wrong and where, and each in French and English; records of a domain above; aliases with the TTL of each hop. Then with a name
server: the DNSSEC states, a broken signature being a temporary error."""
import html
import json
import re
import urllib.request

import house

CONF = """
authserv_id = "mx.here.test"
listener "tests" { protocol = "smtp" listen = "127.0.0.1:{smtp}" downstream = "tester" }
dns { %s }
http { listen = "127.0.0.1:{http}" }
tester { enabled = true domain = "test.here.test" tests_per_minute = 10000 }
"""
# A domain's records; state of SPF, of DMARC, where the DMARC record was found; what the page says in English and in French.
ROWS = {
    "nothing": ("nothing A 192.0.2.1", "none", "none", None,
                ("no SPF record", "nothing.here.test has no DMARC record.", "neither here nor above"),
                ("pas d'enregistrement SPF", "nothing.here.test n'a pas d'enregistrement DMARC.", "ni ici ni au-dessus")),
    "good": ('good TXT "v=spf1 ip4:192.0.2.0/24 mx include:nothing.here.test ~all"\ngood TXT "other-service=secret"\n'
             '_dmarc.good TXT "v=DMARC1; p=reject; sp=quarantine; adkim=s; t=y; rua=mailto:r@good.here.test"',
             "valid", "valid", "_dmarc.good.here.test",
             ("one SPF record, and it can be read", "one DMARC record at the domain itself", "suspect (softfail)",
              "The servers that take mail for the domain", "Mail of good.here.test itself that fails: refuse it (reject)",
              "Mail of its subdomains that fails: treat it as suspect", "quarantine (not given)",
              "The domain that signs with DKIM (d=): must be exactly that of From (strict)",
              "The domain that SPF passes for: must be of the same organization", "Test mode: on", "DMARC records: 1"),
             ("un enregistrement SPF, lisible", "un enregistrement DMARC sous le domaine même", "suspect (softfail)",
              "Les serveurs qui reçoivent le courrier du domaine", "Message en échec de good.here.test même : le refuser (reject)",
              "Message en échec de ses sous-domaines : le traiter comme suspect", "quarantine (absent)",
              "doit être exactement celui de From (strict)", "doit être de la même organisation que From", "Mode test : oui")),
    "low.good": ('low.good TXT "v=spf1 redirect=good.here.test"', "valid", "valid", "_dmarc.good.here.test",
                 ("the DMARC record of a domain above applies", "Mail of low.good.here.test that fails treat it as suspect",
                  "the record of this domain decides"),
                 ("l'enregistrement DMARC d'un domaine supérieur s'applique", "l'enregistrement de ce domaine décide")),
    "twice": ('twice TXT "v=spf1 -all"\ntwice TXT "v=spf1 mx -all"\n_dmarc.twice TXT "v=DMARC1; p=none"\n_dmarc.twice TXT "v=DMARC1; p=reject"',
              "several", "several", None,
              ("SPF fails as a whole (permerror)", "twice.here.test has 2 SPF records", "_dmarc.twice.here.test holds 2 DMARC records",
               "v=spf1 mx -all"),
              ("SPF échoue en entier (permerror)", "twice.here.test a 2 enregistrements SPF", "porte 2 enregistrements DMARC")),
    "bad": ('bad TXT "v=spf1 mx ipv4:192.0.2.1 -all"\n_dmarc.bad TXT "v=DMARC1; p=rejct"', "malformed", "malformed", "_dmarc.bad.here.test",
            ("a term that does not exist: ipv4:192.0.2.1 (position 11)", "a policy that does not exist: p=rejct (position 11)"),
            ("un terme qui n'existe pas : ipv4:192.0.2.1 (position 11)", "une politique qui n'existe pas : p=rejct (position 11)")),
    "worse": ('worse TXT "v=spf1 ip4:192.0.2.999 -all"\n_dmarc.worse TXT "v=dmarc1; p=reject"', "malformed", "malformed", None,
              ("an address that is none: ip4:192.0.2.999 (position 8)", "does not begin with v=DMARC1 but with v=dmarc1"),
              ("une adresse qui n'en est pas une : ip4:192.0.2.999 (position 8)", "ne commence pas par v=DMARC1 mais par v=dmarc1")),
    "wrong": ('wrong TXT "v=DMARC1; p=reject"', "none", "none", None,
              ("The DMARC record stands at wrong.here.test itself",), ("L'enregistrement DMARC se trouve sous wrong.here.test même",)),
    "open": ('open TXT "v=spf1 +all"\n_dmarc.open CNAME p.here.test.\np 60 CNAME q.here.test.\nq TXT "v=DMARC1; p=none; pct=20"',
             "valid", "valid", "_dmarc.open.here.test",
             ("any server in the world may send", "p.here.test, TTL ", "q.here.test, TTL ", "pct=, which RFC 9989 dropped"),
             ("n'importe quel serveur au monde peut envoyer", "p.here.test, TTL ", "q.here.test, TTL ")),
    "evil": ('evil TXT "v=spf1 <script>alert(1)</script> -all"\n_dmarc.evil TXT "v=DMARC1; p=none; <b>=\\"x"', "malformed", "valid",
             "_dmarc.evil.here.test", ("does not exist: <script>alert(1)</script> (position 8)",), ("<script>alert(1)</script>",)),
}
state = {}


def get(path):
    with urllib.request.urlopen(f"http://127.0.0.1:{state['daemon'].http}{path}", timeout=60 * house.SLOW) as answer:
        return answer.read().decode()


def api(domain):
    report = json.loads(get(f"/api/v1/dkim/{domain}"))
    for finding in report["spf"]["findings"] + report["dmarc"]["findings"]:
        for part in (finding["text"], finding["help"]):
            assert not re.search(r"\{[a-z]+\}", part["fr"] + part["en"]), finding
    return report


def page(language, domain):
    """What a person reads, markup and line ends gone; the source."""
    source = get(f"/{language}/d/{domain}")
    text = re.sub(r"<(?:[^>\"]|\"[^\"]*\")*>", " ", source)
    return " ".join(html.unescape(text).replace("\u00a0", " ").split()).replace(" ,", ","), source


def every_state_is_told_in_both_languages():
    zone = house.put("zone", house.zone_text("here.test", "\n".join(row[0] for row in ROWS.values())))
    state["daemon"] = house.Daemon(CONF % f'mode = "zones" zone_files = {{ "{zone}" }}')
    for name, (_, spf, dmarc, found_at, english, french) in ROWS.items():
        domain = name + ".here.test"
        report = api(domain)
        assert (report["spf"]["state"], report["dmarc"]["state"]) == (spf, dmarc), (name, report)
        assert report["dmarc"]["name"] == found_at and report["selectors"] == [], (name, report["dmarc"])
        assert [asked["name"] for asked in report["dmarc"]["asked"]][0] == "_dmarc." + domain
        for language, wanted in (("en", english), ("fr", french)):
            told, source = page(language, domain)
            for sentence in wanted:
                assert " ".join(sentence.split()) in told, (name, sentence, told)
            assert "<script>alert" not in source and "<b>=" not in source and "secret" not in source, source


def the_api_tells_the_rest():
    report = api("good.here.test")
    assert report["spf"]["texts"] == ["v=spf1 ip4:192.0.2.0/24 mx include:nothing.here.test ~all"], report["spf"]
    assert [(term["mechanism"], term["result"]) for term in report["spf"]["terms"]] == [
        ("ip4", "pass"), ("mx", "pass"), ("include", "pass"), ("all", "softfail")]
    assert report["dmarc"]["policy"] == {"p": "reject", "sp": "quarantine", "np": "quarantine", "t": True, "adkim": "s", "aspf": "r", "psd": None}
    assert report["dmarc"]["applied"] == "reject" and report["dmarc"]["tags"]["rua"] == "mailto:r@good.here.test"
    low = api("low.good.here.test")
    assert low["dmarc"]["inherited"] and low["dmarc"]["applied"] == "quarantine" and low["dmarc"]["policy_domain"] == "good.here.test"
    assert low["spf"]["redirect"] == "good.here.test" and low["dmarc"]["organizational_domain"] == "good.here.test"
    assert api("absent.good.here.test")["dmarc"]["applied"] == "quarantine"  # np= as sp=
    way = api("open.here.test")["dmarc"]["asked"][0]
    assert way["cname"] == ["p.here.test", "q.here.test"] and 200 < way["cname_ttl"][0] <= 300 and way["cname_ttl"][1] == way["ttl"] <= 60, way
    assert "spf" in json.loads(get("/api/v1/dkim/good.here.test/sel")), "beside a selector as well"
    assert state["daemon"].stop() == 0


def dnssec_is_told_and_bogus_is_temporary():
    house.need("nsd", "ldns-signzone")
    files, anchors = {}, ""
    rows = 'd TXT "v=spf1 -all"\n_dmarc.d TXT "v=DMARC1; p=reject"'
    for zone in ("secure.test", "insecure.test", "bogus.test"):
        files[zone] = house.put(f"zones/{zone}/zone", house.zone_text(zone, rows))
        if zone == "insecure.test":
            continue
        files[zone], anchor = house.sign_zone(zone, files[zone])
        with open(anchor, encoding="ascii") as source:
            anchors += source.read()
    with open(files["bogus.test"], encoding="ascii") as source:
        text = source.read()
    assert "-all" in text and "p=reject" in text
    house.put(files["bogus.test"], text.replace("-all", "+all").replace("p=reject", "p=none"))
    files["test"] = house.put("zones/test/zone", house.zone_text("test", ""))  # the walk asks _dmarc.test, too
    port = house.start_nsd(files)
    stubs = ", ".join(f'"{zone}=127.0.0.1@{port}"' for zone in files)
    state["daemon"] = house.Daemon(CONF % f'mode = "stub" stub = {{ {stubs} }} trust_anchor = "{house.put("anchors", anchors)}"', "validating")
    for zone, dnssec, wanted, english, french in (("secure.test", "secure", "valid", "DNSSEC secure", "DNSSEC vérifié"),
                                                  ("insecure.test", "insecure", "valid", "DNSSEC unsigned", "DNSSEC non signé"),
                                                  ("bogus.test", "bogus", "temperror", "(temperror): DNSSEC bogus", "(temperror) : DNSSEC faux")):
        report = api("d." + zone)
        assert report["spf"]["state"] == report["dmarc"]["state"] == wanted, report
        assert report["spf"]["dnssec"] == report["dmarc"]["asked"][0]["dnssec"] == dnssec, report
        assert (report["spf"]["reason"] is not None) == (report["spf"]["ttl"] is None) == (dnssec == "bogus"), report
        assert dnssec != "bogus" or (report["spf"]["texts"] == [] and report["dmarc"]["policy"] is None), report
        for language, sentence in (("en", english), ("fr", french)):
            told, _ = page(language, "d." + zone)
            assert told.count(sentence) == 2, (zone, sentence, told)
    assert state["daemon"].stop() == 0


if __name__ == "__main__":
    house.main(every_state_is_told_in_both_languages, the_api_tells_the_rest, dnssec_is_told_and_bogus_is_temporary)
