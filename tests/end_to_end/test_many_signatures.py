"""Thirty junk signatures above one good one that is aligned with From: the good one passes, with at most 8 key look-ups
(R-21), by the command and by the daemon."""
import house

house.need("openssl")
try:
    import dkim  # noqa: F401
except ImportError:
    house.skip("python3-dkim is not installed")

PEM, RECORD = house.make_key()
ZONE = house.put("zone", house.zone_text("good.test", f"sel._domainkey TXT {house.txt(RECORD)}"))
JUNK = "".join(f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=junk{i}.test; s=s{i}; h=from;\r\n"
               f" bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b={i:04d}AAAA\r\n" for i in range(30)).encode()
CONF = """
authserv_id = "mx.here.test"
listener "smtp" { protocol = "smtp" listen = "127.0.0.1:{smtp}" downstream = "maildir:{folder}/Maildir" }
dns { mode = "zones" zone_files = { "%s" } }
http { listen = "127.0.0.1:{http}" }
""" % ZONE


def the_command_finds_the_good_one():
    code, report = house.verify(JUNK + house.signed(house.message("good.test"), "good.test", "sel", PEM), "--zone", ZONE)
    results = [one["result"] for one in report["dkim"]]
    assert len(results) == 31 and results[30] == "pass", results
    limited = [one for one in report["dkim"] if one["code"] == "limit"]
    assert len(limited) == 23, len(limited)
    assert code != 0  # the others fail


def the_daemon_asks_for_eight_keys():
    daemon = house.Daemon(CONF)
    reply = daemon.send(JUNK + house.signed(house.message("good.test"), "good.test", "sel", PEM))
    assert reply[0] == 250, reply
    value = house.field(daemon.stored()[0])[0]
    assert "dkim=pass" in value and "header.d=good.test" in value, value
    asked = daemon.metric('sceau_key_cache_requests_total{result="miss"}')  # queries count those of DMARC as well
    assert asked == 8, asked
    assert daemon.stop() == 0, daemon.log_text()


if __name__ == "__main__":
    house.main(the_command_finds_the_good_one, the_daemon_asks_for_eight_keys)
