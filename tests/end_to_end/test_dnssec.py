"""DNSSEC state of key lookups, seen in the header comment, the JSON and the metric: a signed zone is secure, an unsigned one
insecure, one whose signatures are broken bogus (and the message gets temperror), and a resolver that does not validate says
indeterminate. Real NSD, real libunbound, messages signed by python3-dkim."""
import house

house.need("nsd", "ldns-signzone", "openssl")
try:
    import dkim  # noqa: F401
except ImportError:
    house.skip("python3-dkim is not installed")

PEM, RECORD = house.make_key()
ZONES = ("secure.test", "insecure.test", "bogus.test")


def serve():
    files, anchors = {}, ""
    for zone in ZONES:
        file = house.put(f"zones/{zone}/zone", house.zone_text(zone, f"sel._domainkey TXT {house.txt(RECORD)}"))
        if zone != "insecure.test":
            file, anchor = house.sign_zone(zone, file)
            with open(anchor, encoding="ascii") as source:
                anchors += source.read()
        if zone == "bogus.test":
            house.break_signatures(file)
        files[zone] = file
    return house.start_nsd(files), house.put("anchors", anchors)


PORT, ANCHORS = serve()
CONF = """
authserv_id = "mx.here.test"
listener "smtp" { protocol = "smtp" listen = "127.0.0.1:{smtp}" downstream = "maildir:{folder}/Maildir" }
dns { mode = "stub" stub = { %s } trust_anchor = "%s" }
http { listen = "127.0.0.1:{http}" }
"""
STUBS = [f"{zone}=127.0.0.1@{PORT}" for zone in ZONES]
# zone, trust anchor -> state, result
CASES = (("secure.test", ANCHORS, "secure", "pass"), ("insecure.test", ANCHORS, "insecure", "pass"),
         ("bogus.test", ANCHORS, "bogus", "temperror"), ("secure.test", "none", "indeterminate", "pass"))


def the_command_reports_each_state():
    for zone, anchor, state, result in CASES:
        options = [part for stub in STUBS for part in ("--stub", stub)]
        code, report = house.verify(house.signed(house.message(zone), zone, "sel", PEM), *options, "--trust-anchor", anchor)
        got = report["dkim"][0]
        assert (got["dnssec"], got["result"]) == (state, result), (zone, anchor, got)
        assert code == (4 if result == "temperror" else 0), code
        if state == "bogus":
            assert got["code"] == "dns_bogus", got


def the_daemon_shows_each_state_in_header_and_metric():
    for anchor in (ANCHORS, "none"):
        daemon = house.Daemon(CONF % (", ".join(f'"{stub}"' for stub in STUBS), anchor), name="daemon-" + anchor.strip("/").replace("/", "-"))
        for zone, _, state, result in (case for case in CASES if case[1] == anchor):
            before = daemon.metric('sceau_dns_dnssec_total{state="%s"}' % state)
            reply = daemon.send(house.signed(house.message(zone), zone, "sel", PEM))
            assert reply[0] == 250, reply
            value = house.field(daemon.stored()[-1])[0]
            assert f"dkim={result}" in value and f"dnssec {state}" in value, value
            assert daemon.metric('sceau_dns_dnssec_total{state="%s"}' % state) > before, state  # DMARC's questions count as well
        assert daemon.stop() == 0, daemon.log_text()


if __name__ == "__main__":
    house.main(the_command_reports_each_state, the_daemon_shows_each_state_in_header_and_metric)
