#!/usr/bin/env python3
"""sceau as people and scripts use it: inputs of all kinds, order of output, exit codes, languages, and the manual page."""
import json
import os
import re
import shutil
import subprocess

from house import SCEAU, SOURCE, main, make_key, message, need, path, put, signed, txt

need("openssl")
PEM, RECORD = make_key()
GOOD = signed(message("d.example"), "d.example", "s", PEM)
ZONE = put("d.zone", f"$TTL 300\ns._domainkey.d.example. IN TXT {txt(RECORD)}\n"
                     f"revoked._domainkey.d.example. IN TXT \"v=DKIM1; p=\"\n"
                     f"one._domainkey.d.example. IN CNAME s._domainkey.d.example.\n")
FAULTS = put("d.faults.json", '{"slow._domainkey.d.example TXT": "timeout"}')


def run(*arguments, text=None, lang="C"):
    env = {key: value for key, value in os.environ.items() if key not in ("LC_ALL", "LC_MESSAGES", "LANG", "NO_COLOR")}
    done = subprocess.run([SCEAU, *arguments], input=text if text is not None else b"", capture_output=True, timeout=120,
                          env={**env, "LANG": lang})
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def verify(*arguments, text=None):
    code, out, error = run("verify", "--json", "--authserv-id", "mx.example", "--zone", ZONE, "--faults", FAULTS, *arguments, text=text)
    return code, [json.loads(line) for line in out.splitlines()], error


def altered(old, new):
    assert old in GOOD
    return GOOD.replace(old, new, 1)


CHANGED = altered(b"Hello", b"Hallo")


def exit_codes():
    rows = [
        (0, [GOOD]), (1, [CHANGED]), (3, [message("d.example")]), (5, [altered(b"s=s;", b"s=revoked;")]),
        (4, [altered(b"s=s;", b"s=slow;")]), (0, [GOOD, message("d.example")]), (1, [GOOD, CHANGED, altered(b"s=s;", b"s=slow;")]),
        (4, [altered(b"s=s;", b"s=slow;"), altered(b"s=s;", b"s=revoked;")]),
    ]
    for want, texts in rows:
        files = [put(f"codes/{number}.eml", text if isinstance(text, bytes) else text.encode()) for number, text in enumerate(texts)]
        code, reports, error = verify(*files)
        assert code == want and len(reports) == len(files) and error == "", (code, want, reports, error)


def the_json_has_the_keys_of_the_design():
    code, [report], _ = verify("-", text=GOOD)
    assert list(report) == ["file", "size", "dkim", "arc", "spf", "dmarc", "iprev", "headers", "action", "findings"], list(report)
    [dkim] = report["dkim"]
    assert report["size"] == len(GOOD) and report["file"] == "-" and code == 0
    assert (dkim["result"], dkim["code"], dkim["domain"], dkim["selector"], dkim["key_bits"], dkim["aligned"], dkim["body_part"],
            dkim["header_part"]) == ("pass", "ok", "d.example", "s", 2048, True, "intact", "intact"), dkim
    [field] = report["headers"]
    assert field.startswith("Authentication-Results: mx.example; dkim=pass") and not field.endswith("\r\n"), field


def files_with_lf_and_mbox_lines_are_read():
    lf = put("lf.eml", GOOD.replace(b"\r\n", b"\n"))
    mbox = put("mbox.eml", b"From a@d.example Thu Jan  1 00:00:00 2026\n" + GOOD.replace(b"\r\n", b"\n"))
    assert verify(lf)[0] == 0
    code, [report], error = verify(mbox)
    assert code == 0 and report["dkim"][0]["result"] == "pass" and "mbox line" in error and len(error.splitlines()) == 1, error
    # A file with both kinds of line ends is taken as it is: the bare LF is content.
    assert verify("-", text=GOOD.replace(b"Hello\r\n", b"Hello\n"))[0] == 1


def folders_are_sorted_and_order_is_kept():
    for number in range(40):
        put(f"many/{number % 3}/{number:02}.eml", GOOD if number % 2 else CHANGED)
    os.symlink("00.eml", path("many/0/link.eml"))
    files = sorted(os.path.join(folder, name) for folder, _, names in os.walk(path("many")) for name in names if name != "link.eml")
    code, reports, _ = verify(path("many"))
    assert code == 1 and [report["file"] for report in reports] == files, [report["file"] for report in reports]
    for jobs in ("-j7", "--jobs=3"):
        assert verify(jobs, path("many"))[1] == reports
    shutil.rmtree(path("many"))


def people_read_their_language():
    _, english, _ = run("verify", "--zone", ZONE, "-", text=CHANGED)
    _, french, _ = run("verify", "--zone", ZONE, "-", text=CHANGED, lang="fr_FR.UTF-8")
    _, chosen, _ = run("verify", "--lang", "fr", "--zone", ZONE, "-", text=CHANGED)
    assert "Why: The body was changed after it was signed." in english and "\x1b" not in english, english
    assert french == chosen and "Cause : Le corps a été modifié après la signature." in french, french


def keys_are_judged():
    code, out, _ = run("key", "--json", "--zone", ZONE, "d.example", "s", "one")
    report = json.loads(out)
    assert code == 0 and list(report) == ["domain", "selectors", "pair", "findings"], out
    first, second = report["selectors"]
    assert (first["kind"], first["state"], first["key"]["bits"], first["records"]) == ("txt", "set", 2048, 1), first
    assert (second["kind"], second["state"], second["cname"]) == ("cname", "set", ["s._domainkey.d.example"]), second
    assert report["pair"]["state"] == "set" and [f["id"] for f in report["pair"]["findings"]] == ["same-key"], report["pair"]
    rows = [
        (["d.example", "revoked"], 5, "revoked"), (["d.example", "absent"], 5, "toSet"), (["d.example", "slow"], 4, None),
        (["--expect-cname", "k.example.", "d.example", "one"], 5, "toFix"),
        (["--expect-cname", "S._domainkey.D.example.", "d.example", "one"], 0, "set"),
        (["--record", RECORD, "d.example", "new"], 0, "set"), (["--record", "v=DKIM1; p=AAAA", "d.example", "new"], 5, "unusable"),
    ]
    for arguments, want, state in rows:
        code, out, error = run("key", "--json", "--zone", ZONE, "--faults", FAULTS, *arguments)
        report = json.loads(out)
        assert code == want and report["selectors"][0]["state"] == state and report["pair"] is None, (arguments, code, out, error)


def results_are_read():
    code, out, _ = run("results", "--json", "-", text=b"Authentication-Results: mx.example 1;\r\n\tdkim=pass header.d=d.example\r\n")
    assert code == 0 and json.loads(out) == {"authserv_id": "mx.example", "version": 1, "results": [
        {"method": "dkim", "method_version": 1, "result": "pass", "reason": None,
         "props": [{"ptype": "header", "property": "d", "value": "d.example"}]}]}, out
    code, out, _ = run("results", "--json", "-", text=b"mx.example; dkim")
    assert code == 1 and "error" in json.loads(out), out
    # What verify writes, results reads.
    _, [report], _ = verify("-", text=CHANGED)
    code, out, error = run("results", "-", text=report["headers"][0].encode())
    assert code == 0 and "fail      dkim: header.d=d.example" in out, (out, error)


    # Microsoft's form names nobody: a claim.
    claim = b"spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=a.test; dkim=none (message not signed)\r\n header.d=none;compauth=pass reason=100\r\n"
    code, out, _ = run("results", "--json", "-", text=claim)
    read = json.loads(out)
    assert code == 0 and read["authserv_id"] is None and read["claim"] is True and len(read["results"]) == 3, out
    code, out, _ = run("results", "--lang", "en", "-", text=claim)
    assert code == 0 and out.startswith("no authserv-id, a claim not to be trusted\n"), out


def an_envelope_turns_the_other_methods_on():
    zone = put("envelope.zone", "$TTL 300\nd.example. IN TXT \"v=spf1 ip4:192.0.2.1 -all\"\n_dmarc.d.example. IN TXT \"v=DMARC1; p=reject\"\n"
                                "mx.d.example. IN A 192.0.2.1\n1.2.0.192.in-addr.arpa. IN PTR mx.d.example.\n")
    arguments = ["--zone", zone, "--helo", "mx.d.example", "--mail-from", "a@d.example"]
    _, [without], _ = verify("-", text=GOOD)
    assert without["spf"] is None and without["dmarc"] is None and without["iprev"] is None and without["arc"]["result"] == "none", without
    code, [report], error = verify("--ip", "192.0.2.1", *arguments, "-", text=GOOD)
    assert code == 0 and error == "" and [spf["scope"] for spf in report["spf"]] == ["helo", "mfrom"], report
    assert report["spf"][1]["result"] == "pass" and report["spf"][1]["mechanism"] == "ip4:192.0.2.1", report
    assert (report["dmarc"]["result"], report["dmarc"]["policy"], report["dmarc"]["disposition"]) == ("pass", "reject", "none"), report
    assert report["iprev"] == {"result": "pass", "address": "192.0.2.1", "name": "mx.d.example"}, report
    # The exit code speaks of signatures, whatever the other methods say.
    code, [report], _ = verify("--ip", "192.0.2.9", *arguments, "-", text=message("d.example"))
    assert code == 3 and report["spf"][1]["result"] == "fail" and report["dmarc"]["disposition"] == "reject", report
    code, out, _ = run("verify", "--lang", "en", "--zone", ZONE, *arguments, "--ip", "192.0.2.9", "-", text=message("d.example"))
    assert "  fail      spf mfrom a@d.example, -all" in out and "  fail      dmarc d.example, policy reject of d.example" in out, out
    assert "  permerror iprev 192.0.2.9\n      Why: The address has no name in DNS (PTR).\n      Cure: " in out, out
    _, [report], _ = verify("--ip", "192.0.2.1", *arguments, "--results-style", "provider", "-", text=GOOD)
    [field] = report["headers"]
    assert "\r\n       spf=pass (mx.example: domain of a@d.example designates 192.0.2.1 as permitted sender) smtp.mailfrom=a@d.example" in field, field
    # The seal's results have the same shape.
    os.chmod(path("key.pem"), 0o600)
    _, [report], _ = verify("--ip", "192.0.2.1", *arguments, "--results-style", "provider", "--arc-seal", f"s:d.example:{path('key.pem')}",
                            "-", text=GOOD)
    ours, *seal = report["headers"]
    assert len(seal) == 3 and seal[2] == ours.replace("Authentication-Results: ", "ARC-Authentication-Results: i=1; "), report["headers"]


def the_time_of_receipt_may_count():
    early = b"Received: by mx.example; Thu, 1 Jan 2015 00:00:00 +0000\r\n" + GOOD
    _, [report], _ = verify("-", text=early)
    assert report["dkim"][0]["code"] == "ok", report
    code, [report], _ = verify("--trusted-received", "-", text=early)
    assert code == 5 and report["dkim"][0]["code"] == "sig_future", report


def senders_are_judged():
    zone = put("spf.zone", "$TTL 300\nok.example. IN TXT \"v=spf1 ip4:192.0.2.0/28 -all exp=why.ok.example\"\n"
                           "why.ok.example. IN TXT \"%{i} may not send for %{d}\"\nbad.example. IN TXT \"v=spf1 ip4:1\"\n"
                           "mx.example. IN TXT \"v=spf1 ip4:192.0.2.1 ?all\"\n")
    faults = put("spf.faults.json", '{"slow.example TXT": "timeout"}')
    rows = [  # sender, client, exit, result, code, mechanism, lookups
        ("a@ok.example", "192.0.2.1", 0, "pass", "matched", "ip4:192.0.2.0/28", 0),
        ("<a@ok.example>", "2001:db8::1", 0, "fail", "matched", "-all", 0),
        ("a@none.example", "192.0.2.1", 0, "none", "no_record", None, 0),
        ("a@bad.example", "192.0.2.1", 5, "permerror", "syntax", None, 0),
        ("a@slow.example", "192.0.2.1", 4, "temperror", "dns_timeout", None, 0),
        ("", "192.0.2.2", 0, "neutral", "matched", "?all", 0),
        (None, "192.0.2.1", 0, "pass", "matched", "ip4:192.0.2.1", 0),
    ]
    for sender, client, want, *facts in rows:
        who = [] if sender is None else ["--mail-from", sender]
        arguments = ["--zone", zone, "--faults", faults, "--ip", client, "--helo", "mx.example", *who]
        code, out, error = run("spf", "--json", *arguments)
        report = json.loads(out)
        assert code == want and error == "", (sender, code, out, error)
        assert [report[key] for key in ("result", "code", "mechanism", "lookups")] == facts, (sender, out)
        assert list(report)[:4] == ["result", "explanation", "code", "lookups"], out
        assert report["scope"] == ("helo" if sender is None else "mfrom"), out
        assert (report["explanation"] is None) == (facts[0] != "fail"), out
    _, english, _ = run("spf", "--zone", zone, "--ip", "192.0.2.77", "--helo", "mx.example", "--mail-from", "a@ok.example")
    assert "192.0.2.77 may not send for ok.example" in english and "Why:" in english, english
    _, french, _ = run("spf", "--lang", "fr", "--zone", zone, "--ip", "192.0.2.77", "--helo", "mx.example", "--mail-from", "a@bad.example")
    assert "La syntaxe d'un enregistrement est fausse : not an address: ip4:1." in french, french


def authors_are_judged():
    zone = put("dmarc.zone", "$TTL 300\n_dmarc.d.example. IN TXT \"v=DMARC1; p=reject; sp=quarantine; t=y\"\n"
                             "_dmarc.bad.example. IN TXT \"v=DMARC1; p=maybe\"\n")
    faults = put("dmarc.faults.json", '{"_dmarc.slow.example TXT": "timeout"}')
    rows = [  # author, identifiers, exit, result, organizational domain, policy, disposition, code
        (["Me@D.example"], ["--dkim", "m.d.example=pass"], 0, "pass", "d.example", "reject", "none", "aligned"),
        (["a@m.d.example"], ["--spf", "d.example=softfail"], 0, "fail", "d.example", "quarantine", "none", "not_aligned"),
        (["d.example"], ["--dkim", "d.example=temperror"], 4, "temperror", "d.example", "reject", "none", "undecided"),
        (["none.example"], ["--dkim", "none.example=pass"], 0, "none", None, None, "none", "no_record"),
        (["bad.example"], [], 5, "permerror", None, None, "none", "syntax"),
        (["slow.example"], [], 4, "temperror", None, None, "none", "dns_timeout"),
        (["a@d.example", "b@d.example"], ["--dkim", "d.example=pass"], 5, "permerror", None, None, "none", "several_authors"),
    ]
    for authors, identifiers, want, *facts in rows:
        authors = [word for author in authors for word in ("--header-from", author)]
        code, out, error = run("dmarc", "--json", "--zone", zone, "--faults", faults, *authors, *identifiers)
        report = json.loads(out)
        assert code == want and error == "", (authors, code, out, error)
        assert [report[key] for key in ("result", "organizational_domain", "policy", "disposition", "code")] == facts, out
        assert list(report)[:6] == ["result", "domain", "organizational_domain", "policy", "disposition", "code"], out
    _, english, _ = run("dmarc", "--zone", zone, "--header-from", "d.example")
    assert "policy reject of d.example, asks for quarantine" in english and "t=y" in english and "Cure:" in english, english
    _, french, _ = run("dmarc", "--lang", "fr", "--zone", zone, "--header-from", "d.example", "--spf", "d.example=pass")
    assert "politique reject de d.example, prouvé par SPF" in french and "Cause" not in french, french


def the_manual_names_every_option():
    manual = open(os.path.join(SOURCE, "docs", "man", "sceau.1"), encoding="utf-8").read()
    documented = set(re.findall(r"Fl -([a-z-]+)", manual))
    known = {"version"}
    for verb in ("verify", "key", "results", "spf", "dmarc", "rules"):
        code, out, _ = run(verb, "--help")
        options = set(re.findall(r"^  (?:-\w,|   ) --([a-z-]+)", out, re.M))
        assert code == 0 and len(options) >= 9 and f"sceau {verb}" in out, out
        known |= options
    assert known == documented, known ^ documented
    assert run("--version")[1].startswith("sceau ") and run("--help")[0] == 0


if __name__ == "__main__":
    main(exit_codes, the_json_has_the_keys_of_the_design, files_with_lf_and_mbox_lines_are_read,
         folders_are_sorted_and_order_is_kept, people_read_their_language, keys_are_judged, results_are_read,
         an_envelope_turns_the_other_methods_on, the_time_of_receipt_may_count, senders_are_judged, authors_are_judged, the_manual_names_every_option)
