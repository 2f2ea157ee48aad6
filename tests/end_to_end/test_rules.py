#!/usr/bin/env python3
"""sceau rules: what check, run, test, facts and manual print; the shipped sets on the demo's messages; and, where the data is
there, rules over the public test suites with the verdicts that those expect."""
import glob
import itertools
import json
import os
import re
import subprocess

import house

SOURCE = os.path.abspath(house.SOURCE)
SETS = os.path.join(SOURCE, "rules", "sets")
DEMO = os.path.join(SOURCE, "packaging", "demo")
CONFORMANCE = os.path.join(os.path.abspath(house.SHARED), "conformance")
ANY_TIME = 1798761600  # where a case names none


def rules(*arguments, folder=None):
    return subprocess.run([os.path.abspath(house.SCEAU), "rules", *arguments], capture_output=True, text=True, timeout=300 * house.SLOW, cwd=folder)


def demo(name):
    return os.path.join(DEMO, name)


ZONE = ("--zone", demo("demo.zone"), "--now", "1764000000")
CLIENT = ("--ip", "192.0.2.1", "--helo", "elsewhere.example")


def mistakes_are_shown_with_line_column_caret_and_cure():
    bad = house.put("bad.rules", 'rule "a" {\n    when from.domian == "x.fr"\n    then rejct\n}\nrule "b" { when spf.result = pass then accept }\n')
    done = rules("check", bad)
    assert done.returncode == 1, done
    assert f"{bad}:3:10: there is no action 'rejct'\n        then rejct\n             ^\n" in done.stdout, done.stdout
    assert "did you mean reject?" in done.stdout and f"{bad}:5:28: '=' is no operator" in done.stdout
    print("   " + done.stdout.replace(bad, "bad.rules").replace("\n", "\n   "))
    lines = [json.loads(line) for line in rules("check", "--json", bad).stdout.splitlines()]
    assert [(line["line"], line["column"]) for line in lines] == [(3, 10), (5, 28)] and all(line["hint"] for line in lines)
    good = house.put("good.rules", 'rule "a" { then accept }\n')
    done = rules("check", good)
    assert (done.returncode, done.stdout) == (0, "1 rule, no mistakes\n"), done
    assert rules("check", house.path("none.rules")).returncode == 1
    assert rules("check").returncode == 2 and rules("chek").returncode == 2 and "did you mean check?" in rules("chek").stderr


def a_run_shows_which_rule_decides_and_each_value():
    file = house.put("run.rules", '''rule "watch" { mode shadow when spf.result == fail then reject }
rule "bank must sign" {
    when from.domain within "bank.example" and
         not dkim.aligned
    then add header["X-Seen"] "{from.domain}", reject "No aligned signature for {from.domain}"
}''')
    done = rules("run", "--rules", file, *ZONE, *CLIENT, "--mail-from", "service@bank.example", "--rcpt-to", "you@mx.demo.example", demo("3-forged.eml"))
    assert done.returncode == 0, done
    print("   " + done.stdout.replace("\n", "\n   "))
    for part in ('reject 550 5.7.22 "No aligned signature for bank.example", by rule "bank must sign"', 'true   rule "watch" (shadow)',
                 "with the shadow rules armed: reject 550 5.7.23", 'from.domain within "bank.example"   is: bank.example',
                 "false  dkim.aligned   is: false", "add X-Seen: bank.example"):
        assert part in done.stdout, (part, done.stdout)
    told = json.loads(rules("run", "--json", "--rules", file, *ZONE, *CLIENT, "--mail-from", "service@bank.example", demo("3-forged.eml")).stdout)
    assert (told["verdict"], told["rule"], told["code"], told["shadow"]["rule"]) == ("reject", "bank must sign", 550, "watch"), told
    assert [event["event"] for event in told["events"]] == ["shadow", "hit"] and told["edits"][0]["value"] == "bank.example"
    truths = {row["text"]: row["truth"] for row in told["conditions"] if not row["whole"]}
    assert truths["dkim.aligned"] == "false" and truths["spf.result == fail"] == "true", truths
    assert rules("run", "--rules", file, *ZONE, house.path("none.eml")).returncode == 2
    assert rules("run", *ZONE, demo("3-forged.eml")).returncode == 2
    silent = rules("run", "--shadow", "--rules", file, *ZONE, demo("3-forged.eml"))
    assert ": accept, by default" in silent.stdout, silent


def verify_tells_the_action():
    options = ("--rules", os.path.join(SETS, "dmarc.rules"), *ZONE, *CLIENT, "--mail-from", "service@bank.example")
    done = subprocess.run([os.path.abspath(house.SCEAU), "verify", "--json", *options, demo("3-forged.eml"), demo("1-good.eml")], capture_output=True, text=True)
    refused, accepted = [json.loads(line)["action"] for line in done.stdout.splitlines()]
    assert (refused["verdict"], refused["rule"], refused["code"], refused["enhanced"]) == ("reject", "dmarc reject", 550, "5.7.26"), refused
    assert (accepted["verdict"], accepted["rule"], accepted["code"]) == ("accept", None, None), accepted
    for language, words in (("en", ("by rule dmarc reject", "no rule decided")), ("fr", ("par la règle dmarc reject", "aucune règle n'a décidé"))):
        done = subprocess.run([os.path.abspath(house.SCEAU), "verify", "--lang", language, *options, demo("3-forged.eml"), demo("1-good.eml")],
                              capture_output=True, text=True)
        assert all(word in done.stdout for word in words), done.stdout
    assert '"action":null' in subprocess.run([os.path.abspath(house.SCEAU), "verify", "--json", *ZONE, demo("1-good.eml")], capture_output=True, text=True).stdout


def discard_is_armed_twice():
    loose = house.put("loose.rules", 'rule "a" { then discard }')
    half = house.put("half.rules", 'arm discard\nrule "a" { then discard }')
    assert "not armed in this file" in rules("check", "--arm-discard", loose).stdout
    assert "not armed in the configuration" in rules("check", half).stdout
    assert rules("check", "--arm-discard", half).returncode == 0


def the_shipped_sets_keep_their_expectations():
    sets, tests = sorted(glob.glob(SETS + "/*.rules")), sorted(glob.glob(SETS + "/*.test"))
    assert len(sets) >= 5 and len(tests) >= 3
    done = rules("check", *sets)
    assert done.returncode == 0, done.stdout
    done = rules("test", *tests)
    print("   " + done.stdout.replace(SETS + "/", "").replace("\n", "\n   "))
    assert done.returncode == 0 and " 0 failed" in done.stdout, done
    hints = open(os.path.join(SETS, "providers.rules"), encoding="utf-8").read()
    assert not re.search(r"then (accept|reject|tempfail|discard|quarantine)", hints), "hints give no verdict"


def an_expectation_that_is_not_met_is_told():
    house.put("t/a.rules", 'rule "r" { when exists header["X"] then reject "no" }')
    house.put("t/m.eml", "From: a@b.example\r\nX: y\r\n\r\n")
    house.put("t/empty.zone", house.zone_text("b.example", ""))
    file = house.put("t/a.test", 'rules "a.rules"\nzone "empty.zone"\nexpect "it passes" {\n    message "m.eml"\n    verdict accept\n    hit "other"\n}\n'
                                 'expect "it does not" { message "m.eml" verdict reject code 550 text "no" rule "r" }\n')
    done = rules("test", file)
    assert done.returncode == 1 and "1 passed, 1 failed" in done.stdout, done
    for part in (":3: FAILED it passes", "not so: verdict accept", 'there is no rule "other"', "it is: reject 550 5.7.1 no (r)", ":8: ok it does not"):
        assert part in done.stdout, (part, done.stdout)
    told = [json.loads(line) for line in rules("test", "--json", file).stdout.splitlines()]
    assert [line["passed"] for line in told] == [False, True]


def the_manual_page_is_that_of_the_tables():
    page = os.path.join(SOURCE, "docs", "man", "sceau.rules.5")
    assert rules("manual").stdout == open(page, encoding="utf-8").read(), "sceau rules manual > docs/man/sceau.rules.5"
    text, facts = open(page, encoding="utf-8").read(), [json.loads(line) for line in rules("facts", "--json").stdout.splitlines()]
    assert len(facts) > 80
    for fact in facts:
        assert f".It {fact['fact']}\n" in text, fact
    for word in re.findall(r'^(?:OPERATOR|ACTION)\(\w+, "([^"]+)"', open(os.path.join(SOURCE, "rules", "operators.def")).read() +
                           open(os.path.join(SOURCE, "rules", "actions.def")).read(), re.M):
        assert re.search(rf"^\.It {re.escape(word)}", text, re.M), word
    lint = subprocess.run(["mandoc", "-Tlint", "-Werror", page], capture_output=True, text=True)
    assert lint.returncode == 0, lint.stdout
    print(f"   {len(facts)} facts stand in sceau.rules(5)")


def cases_of(method):
    with open(os.path.join(CONFORMANCE, method, "CASES.jsonl"), encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def run_cases(method, cases, files, *more):
    """(case, what rules run says of its message), one process for each zone and time."""
    folder = os.path.join(CONFORMANCE, method)
    group_of = lambda case: (case["zone"], case.get("now") or ANY_TIME)
    arguments = [argument for file in files for argument in ("--rules", file)]
    usable = [case for case in cases if os.path.getsize(os.path.join(folder, case["message"])) > 0]
    for (zone, now), group in itertools.groupby(sorted(usable, key=group_of), key=group_of):
        group, faults = list(group), zone.removesuffix(".zone") + ".faults.json"
        faulty = ("--faults", faults) if os.path.exists(os.path.join(folder, faults)) else ()
        done = rules("run", "--json", "--zone", zone, "--now", str(now), *faulty, *more, *arguments, "--", *[case["message"] for case in group], folder=folder)
        told = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(told) == len(group), (zone, done.stderr)
        yield from zip(group, told)


BY_RESULT = "".join(f'rule "{{0}} {word}" {{{{ when {{0}}.result == {word} then {action} }}}}\n' for word, action in (
    ("pass", "accept"), ("none", "stop"), ("fail", "reject"), ("permerror", "reject"), ("policy", "quarantine"), ("neutral", "quarantine"),
    ("temperror", "tempfail")))


def rules_agree_with_the_public_suites():
    if not os.path.exists(os.path.join(CONFORMANCE, "dkim", "CASES.jsonl")):
        print("   not there: " + CONFORMANCE)
        return
    careful = os.path.join(SETS, "careful.rules")
    counts = {}
    unsigned = 'rule "dkim unsigned" { when not dkim.pass and signature.code == body_unsigned_octets then quarantine }\n'  # never pass by default
    by_dkim, by_arc = house.put("dkim.rules", unsigned + BY_RESULT.format("dkim")), house.put("arc.rules", BY_RESULT.format("arc"))
    for case, told in run_cases("dkim", [case for case in cases_of("dkim") if not case["disputed"]], [careful, by_dkim]):
        wanted = {"none"} if not case["expect"] else {"pass"} if any(one["accept"] == ["pass"] for one in case["expect"]) else \
            set(result for one in case["expect"] for result in one["accept"])
        got = (told["rule"] or "dkim none").removeprefix("dkim ")
        assert got in wanted or (got == "unsigned" and wanted == {"pass"}), (case["id"], got, wanted)
        counts["dkim"] = counts.get("dkim", 0) + 1
    for case, told in run_cases("arc", [case for case in cases_of("arc") if not case["disputed"]], [careful, by_arc]):
        got = (told["rule"] or "arc none").removeprefix("arc ")
        assert got in case["accept"], (case["id"], got, case["accept"])
        counts["arc"] = counts.get("arc", 0) + 1
    for case in [case for case in cases_of("dmarc") if case["mode"] == "message" and not case["disputed"]]:
        for name, tail in (("dmarc.rules", ""), ("mailing-list.rules", "list: ")):
            envelope = ("--ip", case["ip"], "--helo", case["helo"], "--mail-from", case["mailfrom"])
            (_, told), = run_cases("dmarc", [case], [careful, os.path.join(SETS, name)], *envelope)
            fails = case["expect"]["result"] == "fail"
            wanted = {"reject": "reject", "quarantine": "quarantine"}.get(case["expect"]["policy"], "accept") if fails else "accept"
            assert told["verdict"] == wanted, (case["id"], name, told["verdict"], told["rule"], wanted)
            assert wanted == "accept" or told["rule"] == f"{tail}dmarc {wanted}", (case["id"], told["rule"])
            counts[name] = counts.get(name, 0) + 1
    print("   " + ", ".join(f"{count} {name}" for name, count in counts.items()))


if __name__ == "__main__":
    house.main(mistakes_are_shown_with_line_column_caret_and_cure, a_run_shows_which_rule_decides_and_each_value, verify_tells_the_action, discard_is_armed_twice,
               the_shipped_sets_keep_their_expectations, an_expectation_that_is_not_met_is_told, the_manual_page_is_that_of_the_tables,
               rules_agree_with_the_public_suites)
