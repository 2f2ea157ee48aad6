"""Rules in the way of the mail: what the client is told (SMTP: one reply, LMTP: one for each recipient), what the next server
gets, what is counted and logged; rules that are exchanged by a reload, and broken ones that are not."""
import itertools
import os
import shlex
import signal
import subprocess
import threading

import house
from proxy_house import BODY, MAIL, Proxy, lmtp_downstream, smtp_downstream, through, without_ours

SMTP, SMTP_AT = smtp_downstream()
LMTP, LMTP_AT = lmtp_downstream()
RULES = house.path("sceau.rules")
LISTENERS = {"smtp": ("smtp", SMTP_AT, ""), "lmtp": ("lmtp", LMTP_AT, ""), "box": ("smtp", "maildir:" + house.path("Box"), "")}


def mail(subject, more=b""):
    return MAIL.replace(b"Subject: a test", b"Subject: " + subject.encode()).replace(b"\r\n\r\n", b"\r\n" + more + b"\r\n", 1)


NAMES = (f"sceaud{number}" for number in itertools.count())


def start(rules, more="", **others):
    house.put(os.path.basename(RULES), rules)
    quarantine = house.path("Quarantine")
    return Proxy(LISTENERS, f'rules {{ file = "{RULES}" quarantine = {{ "junk=maildir:{quarantine}" }} {more} }}\n', next(NAMES), **others)


def told(proxy, listener, content, recipients=("bob@here.test",)):
    """Replies to the end of data, as (code, text)."""
    client = proxy.client(listener)
    client.envelope(recipients, hello="LHLO" if listener == "lmtp" else "EHLO")
    replies = client.data(content, len(recipients) if listener == "lmtp" else 1)
    replies = replies if isinstance(replies, list) else [replies]
    client.expect(250, "NOOP") # the session goes on
    client.expect(221, "QUIT")
    return [(code, texts[0]) for code, texts in replies]


def last_log(proxy):
    """The last message's log line as {key: value}."""
    lines = [line for line in proxy.log_text().splitlines() if "event=message" in line]
    return dict(part.split("=", 1) for part in shlex.split(lines[-1]) if "=" in part)


def logged(proxy, count):
    house.wait_for(lambda: proxy.log_text().count("event=message ") >= count, f"{count} messages in the log")
    return last_log(proxy)


REPLIES = r'''
rule "no" { when header["Subject"] matches /^no:/ then reject 550 5.7.20 "No aligned signature for {from.domain}" }
rule "later" { when header["Subject"] contains "later" then tempfail 451 4.7.1 "Come again" }
rule "wordless" { when header["Subject"] == "wordless" then reject }
'''


def the_client_is_told_what_a_rule_says():
    proxy = start(REPLIES)
    before = len(SMTP.complete()) + len(LMTP.complete())
    assert told(proxy, "smtp", mail("no: thanks")) == [(550, "5.7.20 No aligned signature for there.test")]
    line = logged(proxy, 1)
    assert (line["action"], line["verdict"], line["rule"], line["reply"]) == (
        "refused", "reject", "no", "550 5.7.20 No aligned signature for there.test"), line
    assert told(proxy, "smtp", mail("see you later")) == [(451, "4.7.1 Come again")]
    line = logged(proxy, 2)
    assert (line["action"], line["verdict"], line["rule"]) == ("deferred", "tempfail", "later"), line
    everybody = ("a@here.test", "b@here.test", "c@here.test")
    assert told(proxy, "lmtp", mail("no: thanks"), everybody) == [(550, "5.7.20 No aligned signature for there.test")] * 3
    assert told(proxy, "lmtp", mail("later"), everybody) == [(451, "4.7.1 Come again")] * 3
    assert told(proxy, "box", mail("no: thanks"))[0][0] == 550 and not os.path.exists(house.path("Box/new"))
    code, text = told(proxy, "smtp", mail("wordless"))[0]
    assert code == 550 and text.startswith("5.7.1 ") and len(text) > 8, text
    assert len(SMTP.complete()) + len(LMTP.complete()) == before, "refused, and delivered all the same"
    assert told(proxy, "smtp", mail("yes"))[0][0] == 250 and told(proxy, "lmtp", mail("yes"), everybody)[2][0] == 250
    assert SMTP.complete()[-1].content.endswith(BODY) and LMTP.complete()[-1].recipients == list(everybody)
    line = logged(proxy, 8)
    assert line["verdict"] == "accept" and "rule" not in line and line["rule_hits"] == "0", line
    assert [proxy.metric(f'sceau_rule_hits_total{{rule="{rule}"}}') for rule in ("no", "later", "wordless", "other")] == [3, 2, 1, 0]
    assert proxy.metric('sceau_messages_total{verdict="reject"}') == 4
    assert proxy.stop() == 0, proxy.log_text()[-2000:]


def statistics_and_findings_can_be_asked():
    pem, record = house.make_key("asked")
    zone = house.put("asked-zone", house.zone_text("there.test", f"sel._domainkey TXT {house.txt(record)}"))
    rules = ('rule "footer" { when any finding.name == "B1" then reject 550 5.7.20 "A footer was added" }\n'
             'rule "busy" { when domain.volume >= 2 and domain.first_seen < 1 h then tempfail }\n')
    proxy = start(rules, dns='mode = "zones" zone_files = { "%s" }' % zone)
    text = house.signed(house.message("there.test"), "there.test", "sel", pem)
    print("  ", told(proxy, "smtp", text + b"-- \r\nA list\r\n"))
    assert told(proxy, "smtp", text + b"-- \r\nA list\r\n")[0][0] == 550
    assert told(proxy, "smtp", text)[0][0] == 451  # two signatures were counted by now
    assert proxy.stop() == 0, proxy.log_text()[-2000:]


def a_session_keeps_nothing_of_a_refused_message():
    proxy = start(REPLIES)
    client = proxy.client("smtp")
    for subject, code in (("no: 1", 550), ("yes", 250), ("later", 451), ("yes", 250)) * 3:
        assert through(client, mail(subject))[0] == code
    assert proxy.stop() == 0, proxy.log_text()[-2000:]


def discard_is_armed_twice():
    rules = 'rule "gone" { when header["Subject"] == "x" then discard }\n'
    for text, more, word in ((rules, "", "arm"), (rules, "arm_discard = true", "arm"), ("arm discard\n" + rules, "", "arm")):
        house.put("sceau.rules", text)
        conf = house.put("x.conf", f'listener "a" {{ protocol = smtp listen = "127.0.0.1:1" downstream = "smtp:127.0.0.1:1" }}\n'
                                   f'rules {{ file = "{RULES}" {more} }}\n')
        done = subprocess.run([house.SCEAUD, "-c", conf, "--check"], capture_output=True, text=True, timeout=60 * house.SLOW)
        assert done.returncode == 78 and RULES in done.stderr and word in done.stderr, done
        print("  ", done.stderr.strip())
    proxy = start("arm discard\n" + rules, "arm_discard = true")
    before = len(SMTP.complete())
    assert told(proxy, "smtp", mail("x")) == [(250, "2.0.0 Ok")] and told(proxy, "lmtp", mail("x"), ("a@b", "c@d")) == [(250, "2.0.0 Ok")] * 2
    line = logged(proxy, 2)
    assert (line["action"], line["rule"]) == ("discarded", "gone") and len(SMTP.complete()) == before, line
    assert proxy.metric('sceau_messages_total{verdict="discard"}') == 2
    assert proxy.stop() == 0, proxy.log_text()[-2000:]


def quarantine_is_a_field_or_another_place():
    proxy = start('rule "mark" { when header["Subject"] == "mark" then quarantine "odd" }\n'
                  'rule "move" { when header["Subject"] == "move" then quarantine "worse" to "junk" }\n'
                  'rule "lost" { when header["Subject"] == "lost" then quarantine to "nowhere" }\n')
    before = len(SMTP.complete()) + len(LMTP.complete())
    assert told(proxy, "smtp", mail("mark"))[0][0] == 250
    mark, = house.field(SMTP.complete()[-1].content, "X-Sceau-Quarantine")
    assert "mark" in mark and "odd" in mark, mark
    assert told(proxy, "smtp", mail("move"), ("a@here.test", "b@here.test")) == [(250, "2.0.0 Ok: delivered")]
    assert told(proxy, "lmtp", mail("move"), ("c@here.test", "d@here.test")) == [(250, "2.0.0 Ok: delivered")] * 2
    files = sorted(os.listdir(house.path("Quarantine/new")))
    texts = sorted(open(house.path("Quarantine/new/" + name), "rb").read() for name in files)
    assert len(texts) == 2 and all(text.endswith(BODY) and b"Return-Path: <alice@there.test>\r\n" in text for text in texts)
    assert house.field(texts[0], "X-Sceau-Recipient") == ["<a@here.test>", "<b@here.test>"], texts[0]
    assert house.field(texts[1], "X-Sceau-Recipient") == ["<c@here.test>", "<d@here.test>"], texts[1]
    assert told(proxy, "smtp", mail("lost")) == [(451, "4.3.5 No such quarantine in the configuration")]
    assert len(SMTP.complete()) + len(LMTP.complete()) == before + 1
    assert proxy.metric('sceau_rule_errors_total{rule="lost"}') == 1
    line = logged(proxy, 4)
    assert line["rule_errors"] == "1" and line["verdict"] == "tempfail", line
    assert proxy.stop() == 0, proxy.log_text()[-2000:]


def fields_are_added_taken_out_and_tagged():
    proxy = start('rule "all" { when recipients > 0 then add header["X-Seen"] "from {from.domain}" }\n'
                  'rule "secret" { when exists header["X-Secret"] then remove header["X-Secret"] }\n'
                  'rule "tag" { when header["Subject"] contains "tag" or not exists header["Subject"] then tag subject "[outside]" }\n',
                  "header = true")
    assert told(proxy, "smtp", mail("tag me", b"X-Secret: 1\r\nx-secret: 2\r\n folded\r\nX-Sceau-Rule: forged\r\n"))[0][0] == 250
    content = SMTP.complete()[-1].content
    rest = without_ours(content)
    wanted = b"X-Sceau-Rule: accept by default\r\nX-Seen: from there.test\r\n" + MAIL.replace(b"Subject: a test", b"Subject: [outside] tag me")
    assert rest == wanted, rest
    long = "tag " + "word " * 20 + "end"
    assert told(proxy, "smtp", mail(long))[0][0] == 250
    assert b"\r\nSubject: [outside]\r\n " + long.encode() + b"\r\n" in SMTP.complete()[-1].content
    assert told(proxy, "smtp", MAIL.replace(b"Subject: a test\r\n", b""))[0][0] == 250
    assert b"\r\nSubject: [outside]\r\n" in SMTP.complete()[-1].content
    assert told(proxy, "smtp", mail("plain"))[0][0] == 250
    assert without_ours(SMTP.complete()[-1].content).endswith(mail("plain"))
    assert proxy.stop() == 0, proxy.log_text()[-2000:]


def a_message_goes_to_another_recipient():
    proxy = start('rule "move" { when header["Subject"] contains "move" then redirect to "desk@here.test" }\n'
                  'rule "bad" { when header["Subject"] contains "refuse" then redirect to "nobody@here.test" }\n')
    assert told(proxy, "smtp", mail("move"), ("a@here.test", "b@here.test"))[0][0] == 250
    one = SMTP.complete()[-1]
    assert one.recipients == ["desk@here.test"] and one.sender and one.content.endswith(BODY), one.recipients
    assert told(proxy, "lmtp", mail("move"), ("a@here.test", "b@here.test")) == [(250, "2.0.0 Ok: queued as 4F00")] * 2
    assert LMTP.complete()[-1].recipients == ["desk@here.test"]
    line = logged(proxy, 2)
    assert line["redirect"] == "desk@here.test", line
    SMTP.replies["RCPT TO:<NOBODY"] = "550 5.1.1 who?"
    before = len(SMTP.complete())
    assert told(proxy, "smtp", mail("refuse")) == [(451, "4.3.5 The next server refuses the recipient that a rule names")]
    assert len(SMTP.complete()) == before
    assert told(proxy, "smtp", mail("fine"))[0][0] == 250
    SMTP.replies.clear()
    assert told(proxy, "box", mail("move"))[0][0] == 250 # a Maildir has no recipients
    assert proxy.metric('sceau_rule_errors_total{rule="move"}') == 1
    assert proxy.stop() == 0, proxy.log_text()[-2000:]


def a_server_that_goes_away_while_it_is_told_anew():
    server, at = smtp_downstream()
    house.put("sceau.rules", 'rule "move" { when recipients > 0 then redirect to "desk@here.test" }\n')
    proxy = Proxy({"in": ("smtp", at, "")}, f'rules {{ file = "{RULES}" }}\n', next(NAMES))
    server.replies["RCPT TO:<DESK"] = "421 4.3.2 going down"
    client = proxy.client("in")
    code, _ = through(client, MAIL)
    assert code in (421, 451) and not server.complete(), code
    server.replies.clear()
    assert through(proxy.client("in"), MAIL)[0] == 250 and server.complete()[-1].recipients == ["desk@here.test"]
    assert proxy.stop() == 0, proxy.log_text()[-2000:]


COUNTED = [("spam", "reject 550 5.7.1 \"no\""), ("bulk", 'add header["X-Bulk"] "yes"'), ("late", 'tempfail 451 4.7.1 "later"')]


def shadow_and_armed_count_the_same():
    messages = int(os.environ.get("SCEAU_RULE_MESSAGES", 240))
    subjects = [("spam", "bulk", "late", "spam bulk", "bulk late", "nothing")[i * 7 % 6] for i in range(messages)]
    counts = {}
    for mode in ("armed", "shadow"):
        proxy = start("".join(f'rule "{word}" {{ mode {mode} when header["Subject"] matches /\\b{word}\\b/ then {action}'
                              f'{", continue" if word != "bulk" else ""} }}\n' for word, action in COUNTED))
        client = proxy.client("smtp")
        codes = [through(client, mail(subject))[0] for subject in subjects]
        kind = "hits" if mode == "armed" else "shadow_hits"
        counts[mode] = [proxy.metric(f'sceau_rule_{kind}_total{{rule="{word}"}}') for word, _ in COUNTED]
        other = "shadow_hits" if mode == "armed" else "hits"
        assert all(proxy.metric(f'sceau_rule_{other}_total{{rule="{word}"}}') == 0 for word, _ in COUNTED)
        assert mode == "armed" or set(codes) == {250}, "a shadow did something"
        assert mode == "shadow" or codes.count(550) == sum("spam" in subject for subject in subjects)
        assert proxy.stop() == 0, proxy.log_text()[-2000:]
    wanted = [sum(word in subject for subject in subjects) for word, _ in COUNTED]
    print(f"   {messages} messages: armed {counts['armed']}, shadow {counts['shadow']}")
    assert counts["armed"] == counts["shadow"] == wanted, (counts, wanted)


def the_whole_file_in_shadow():
    proxy = start(REPLIES, "shadow = true")
    assert told(proxy, "smtp", mail("no: thanks"))[0][0] == 250
    line = logged(proxy, 1)
    assert (line["verdict"], line["shadow_verdict"], line["shadow_rule"]) == ("accept", "reject", "no"), line
    assert proxy.stop() == 0, proxy.log_text()[-2000:]


def repeated_signatures_are_seen():
    pem, record = house.make_key("replay")
    zone = house.put("replay.zone", house.zone_text("there.test", f"sel._domainkey TXT {house.txt(record)}"))
    house.put("sceau.rules", 'rule "replay" { when any signature.repeats >= 2 then tempfail 451 4.7.1 "Seen {signature.domain} before" }\n')
    proxy = Proxy(LISTENERS, f'rules {{ file = "{RULES}" }}\n', next(NAMES), dns=f'mode = "zones" zone_files = {{ "{zone}" }}')
    content = house.signed(house.message("there.test"), "there.test", "sel", pem)
    other = house.signed(house.message("there.test", subject="another"), "there.test", "sel", pem)
    codes = [told(proxy, listener, one)[0][0] for listener, one in
             (("smtp", content), ("lmtp", content), ("smtp", content), ("smtp", other), ("smtp", content))]
    assert codes == [250, 250, 451, 250, 451], codes
    assert proxy.stop() == 0, proxy.log_text()[-2000:]


def a_broken_file_keeps_the_rules_before():
    proxy = start(REPLIES)
    house.put("sceau.rules", 'rule "x" {\n    when header["Subject"] matches /(/ then reject\n}\n')
    proxy.process.send_signal(signal.SIGHUP)
    house.wait_for(lambda: "event=reload" in proxy.log_text(), "the reload's line")
    line = [line for line in proxy.log_text().splitlines() if "event=reload" in line][-1]
    print("  ", line[line.index("error="):])
    assert f"{RULES}:2:" in line and "level=error" in line and "before stays in use" in line, line
    assert told(proxy, "smtp", mail("no: thanks"))[0][0] == 550
    assert proxy.metric('sceau_config_reloads_total{result="error"}') == 1
    house.put("sceau.rules", 'rule "x" { when header["Subject"] matches /^no/ then tempfail }\n')
    proxy.process.send_signal(signal.SIGHUP)
    house.wait_for(lambda: proxy.log_text().count("event=reload") == 2, "the second reload's line")
    assert told(proxy, "smtp", mail("no: thanks"))[0][0] == 451
    assert proxy.stop() == 0, proxy.log_text()[-2000:]


def version(number):
    """Rules that say their number twice: in one that always applies, and in one with a pattern and a list."""
    house.put("names.list", f"v{number}.test\nthere.test\n")
    return (f'rule "first" {{ when recipients > 0 then add header["X-First"] "{number}" }}\n'
            f'rule "second{number % 5}" {{ when header["Subject"] matches /t[e]st/ and from.domain matches /^there\\.test$/ '
            f'then add header["X-Second"] "{number}" }}\n')


def reloads_while_mail_flows():
    reloads = int(os.environ.get("SCEAU_RULE_RELOADS", 200))
    proxy = start(version(0))
    done, lost, clients = threading.Event(), [], 4
    sent = [0] * clients

    def flow(number):
        while not done.is_set():
            client = proxy.client("smtp")
            for _ in range(3):
                if through(client, MAIL.replace(b"Message-ID: <1@", b"Message-ID: <%d.%d@" % (number, sent[number])))[0] != 250:
                    lost.append(number)
                sent[number] += 1
            client.expect(221, "QUIT")

    before = len(SMTP.complete())
    threads = [threading.Thread(target=flow, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for number in range(1, reloads + 1):
        house.put("sceau.rules", version(number))
        proxy.process.send_signal(signal.SIGHUP)
        house.wait_for(lambda: proxy.metric('sceau_config_reloads_total{result="success"}') >= number, f"reload {number}", 60)
    done.set()
    for thread in threads:
        thread.join()
    judged = [(house.field(one.content, "X-First"), house.field(one.content, "X-Second"), house.field(one.content, "Message-ID"))
              for one in SMTP.complete()[before:]]
    versions = {first[0] for first, _, _ in judged}
    print(f"   {reloads} reloads, {sum(sent)} messages, judged by {len(versions)} versions")
    assert not lost and len(judged) == sum(sent) and len({ids[0] for _, _, ids in judged}) == sum(sent), (lost, len(judged), sum(sent))
    for first, second, ids in judged:
        assert len(first) == len(second) == 1 and first == second, (first, second, ids)
    assert len(versions) > 1
    assert proxy.metric('sceau_rule_hits_total{rule="first"}') == sum(sent), "a reload keeps the counts of a rule"
    assert proxy.stop() == 0, proxy.log_text()[-2000:]


if __name__ == "__main__":
    house.main(statistics_and_findings_can_be_asked, the_client_is_told_what_a_rule_says, a_session_keeps_nothing_of_a_refused_message, discard_is_armed_twice,
               quarantine_is_a_field_or_another_place, fields_are_added_taken_out_and_tagged, a_message_goes_to_another_recipient,
               a_server_that_goes_away_while_it_is_told_anew, shadow_and_armed_count_the_same, the_whole_file_in_shadow,
               repeated_signatures_are_seen, a_broken_file_keeps_the_rules_before, reloads_while_mail_flows)
