"""The short form of the benchmarks of DNS and of the key cache: everything that was asked was found, cached or not as the table says,
and every answer kept its distance. Counts are checked, never how long anything took."""
import json
import os
import subprocess
import xml.etree.ElementTree

import house

OUT = house.path("results/x")[:-2]
MIB = 1024 * 1024


def run(*argv, **more):
    done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, "SCEAU_BUILD": house.BUILD, **more})
    assert done.returncode == 0, (argv, done.returncode, done.stdout, done.stderr)
    return done.stdout


def bars(path):
    picture = xml.etree.ElementTree.parse(path).getroot()
    return len(picture.findall("{http://www.w3.org/2000/svg}rect")) - 1  # the ground


def lookups_are_found_and_cached_as_named(rows):
    wanted = {"unsigned": (600, "insecure", 0), "unsigned, cached": (600, "insecure", 600), "signed": (600, "secure", 0),
              "signed, cached": (600, "secure", 600), "signed, first of its domain": (24, "secure", 0)}
    assert {row["kind"] for row in rows} == set(wanted), rows
    for row in rows:
        count, state, at_once = wanted[row["kind"]]
        assert (row["lookups"], row["found"], row["in_state"], row["questions"]) == (count, count, count, count), row
        assert (row["state"], row["at_once"]) == (state, at_once), row
        assert row["us"] > row["asker_us"] > 0, row


def answers_keep_their_distance(rows):
    # checks -> answers one after the other at least, packets a message at least
    wanted = {"DKIM": (1, 1), "DKIM, signed domain": (2, 2), "DKIM, SPF, DMARC and iprev": (2, 9), "all four, signed domain": (2, 10)}
    assert [(row["checks"], row["latency_ms"]) for row in rows] == [(name, ms) for name in wanted for ms in (0, 10, 50, 200)], rows
    for row in rows:
        answers, packets = wanted[row["checks"]]
        assert row["messages"] == 3 and row["packets"] >= 3 * packets, row
        assert row["least_ms"] >= answers * row["latency_ms"], row


def dns_is_measured():
    house.need("nsd", "ldns-signzone", "openssl")
    run("/usr/bin/python3", os.path.join(house.SOURCE, "bench", "dns"), "--quick", "--out", OUT)
    with open(os.path.join(OUT, "dns.json"), encoding="ascii") as file:
        results = json.load(file)
    lookups_are_found_and_cached_as_named(results["lookups"])
    answers_keep_their_distance(results["delays"])
    assert bars(os.path.join(OUT, "dns.svg")) == len(results["lookups"]) + len(results["delays"])


def what_is_missing_is_said():
    out = run("/usr/bin/python3", os.path.join(house.SOURCE, "bench", "dns"), "--quick", "--out", OUT, PATH="/nonexistent")
    assert out == "table 4, DNS: nsd is missing (Debian: nsd)\n", out


def keys_are_cached_as_traffic_wants():
    path = os.path.join(OUT, "keys")
    run(os.path.join(house.BUILD, "bench", "bench_keys"), "--quick", "--json", path)
    with open(path, encoding="ascii") as lines:
        rows = {row["name"]: row for row in map(json.loads, lines)}
    for percent in (0, 50, 99, 100):
        row = rows[f"hit ratio {percent} %"]
        asked = row["hits"] + row["misses"]
        assert asked > 0 and abs(row["hits"] - asked * percent / 100) < 100, row
        assert row["hits"] == 0 if percent == 0 else row["misses"] == 0 if percent == 100 else True, row
    for name, row in ((name, row) for name, row in rows.items() if row["table"] == "domains"):
        is_cached = name.startswith("1 ") or name.startswith("100 ")
        assert (row["misses"] == 0) == is_cached and (row["evictions"] == 0) == is_cached, row
        assert 0 < row["octets"] <= 4 * MIB and row["waits"] == 0, row
    assert sum(row["table"] == "domains" for row in rows.values()) == 7, rows
    workers = [row for row in rows.values() if row["table"] == "workers"]
    assert [row["calls"] for row in workers] == [300, 300, 10000, 10000], workers
    assert all(row["one_us"] > 0 and row["two_us"] > 0 for row in workers), workers


if __name__ == "__main__":
    os.makedirs(OUT, exist_ok=True)
    house.main(what_is_missing_is_said, keys_are_cached_as_traffic_wants, dns_is_measured)
