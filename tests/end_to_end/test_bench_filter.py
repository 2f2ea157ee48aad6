"""What bench/filter measures with: the load sends what it says, the sink counts what comes, none is lost in sceaud, and who fails is
told apart. Nothing is timed."""
import os
import subprocess
import sys

import house

sys.path.insert(0, os.path.join(house.SOURCE, "bench"))
import filters  # noqa: E402  (it moves house.FOLDER)

if not all(os.path.exists(path) for path in (house.SCEAUD, os.path.join(filters.BENCH, "bench_load"), os.path.join(filters.BENCH, "bench_sink"))):
    house.skip("sceaud or the bench is not built")

CORPUS = filters.make_corpus(20480)
SMALL, LARGER = filters.messages_of(CORPUS, 2048), filters.messages_of(CORPUS, 20480)


def stuffed_len(path):
    with open(path, "rb") as file:
        octets = file.read()
    return len(octets) + octets.count(b"\n.") + octets.startswith(b".")


def load_and_sink_agree():
    """Without a filter every octet arrives; each kind of body is sent equally often; quantiles are in order."""
    direct = filters.Direct()
    direct.start(CORPUS)
    try:
        figures = direct.measure(SMALL, 300, 20, per_session=7)
        assert figures["octets"] == 100 * sum(map(stuffed_len, SMALL)), figures
        for times in (figures["from_mail_us"], figures["from_end_us"]):
            assert 0 <= times["p50"] <= times["p90"] <= times["p99"] <= times["most"], times
        assert figures["from_end_us"]["most"] <= figures["from_mail_us"]["most"], figures
        paced = direct.measure(SMALL, 50, 5, rate=200)
        assert paced["seconds"] >= 0.2, paced  # 50 messages at 200 a second do not come sooner
        few = direct.measure(SMALL, 3, 10)  # most sessions have nothing to do
        assert few["messages"] == 3, few
    finally:
        direct.stop()


def nothing_is_lost_in_sceaud():
    """200 messages in each shape, all of them verified."""
    for one in (filters.Sceaud("smtp"), filters.Sceaud("lmtp", "lmtp"), filters.Sceaud("maildir", to="maildir"), filters.Sceaud("tls", tls=True)):
        one.start(CORPUS)
        try:
            figures = one.measure(SMALL + LARGER, 200, 20, per_session=3)
            assert figures["messages"] == one.daemon.metric('sceau_messages_total{verdict="accept"}') == 200, figures
            assert figures["cpu_us"] > 0 and filters.most_memory(one.pids) > 0
        finally:
            one.stop()


def failures_are_told():
    """Nobody listens behind the filter: each message fails, and so does the load. The same without any server."""
    one = filters.Sceaud("nowhere")
    one.start(CORPUS)
    try:
        one.sink.stop()
        for port in (one.port, house.free_port()):
            done = subprocess.run([os.path.join(filters.BENCH, "bench_load"), "--messages", "3", str(port), *SMALL], capture_output=True, text=True)
            assert done.returncode == 1 and '"messages":0' in done.stdout and done.stderr.startswith("bench_load: "), done
    finally:
        one.close()


def sink_sees_what_was_not_verified():
    """Messages without a key record arrive, but do not pass: measure says so."""
    zone = os.path.join(CORPUS, "keys.zone")
    with open(zone, encoding="ascii") as file:
        lines = file.readlines()
    bare = house.path("bare/keys.zone")
    with open(bare, "w", encoding="ascii") as file:
        file.writelines(line for line in lines if "_domainkey" not in line)
    one = filters.Sceaud("keyless")
    one.start(os.path.dirname(bare))
    try:
        one.measure(SMALL, 5, 1)
    except AssertionError as error:
        assert "'messages': 5" in str(error) and "'passes': 0" in str(error), error
    else:
        raise AssertionError("messages without keys were taken for verified")
    finally:
        one.stop()


if __name__ == "__main__":
    sys.exit(house.main(load_and_sink_agree, nothing_is_lost_in_sceaud, failures_are_told, sink_sees_what_was_not_verified))
