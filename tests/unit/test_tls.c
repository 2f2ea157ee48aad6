#include "proxy/tls.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "base/bytes.h"
#include "tests/support/exact.h"
#include "tests/unit/tls_files.h"

enum { WIRE_CAP = 1 << 20 };

static char folder[64];

static const char *file(const char *name) {
    static char path[4][128];
    static unsigned at;
    char *chosen = path[at++ % 4];
    (void)snprintf(chosen, sizeof *path, "%s/%s", folder, name);
    return chosen;
}

static struct tls_context *server_of(const char *certificate, const char *key) {
    char *error;
    struct tls_context *context = tls_context_create_server(file(certificate), file(key), &error);
    if (context == NULL) fail_msg("%s", error);
    return context;
}

static struct tls_context *client_of(bool verifies, const char *ca) {
    char *error;
    struct tls_context *context = tls_context_create_client(verifies, ca != NULL ? file(ca) : NULL, &error);
    if (context == NULL) fail_msg("%s", error);
    return context;
}

/* Two ends, and what each has written and read. */
struct pair {
    struct tls *tls[2]; /* client, server */
    struct bytes wire[2], got[2];
};

static void set_up(struct pair *pair, struct tls_context *client, struct tls_context *server, const char *name) {
    for (int i = 0; i < 2; i++) pair->wire[i] = bytes_with_cap(WIRE_CAP), pair->got[i] = bytes_with_cap(WIRE_CAP);
    pair->tls[0] = tls_create(client, name);
    pair->tls[1] = tls_create(server, NULL);
    assert_true(pair->tls[0] != NULL && pair->tls[1] != NULL);
    assert_int_equal(tls_begin(pair->tls[1], &pair->wire[1]), TLS_SHAKING);
    assert_int_equal(tls_begin(pair->tls[0], &pair->wire[0]), TLS_SHAKING);
    assert_int_equal(pair->wire[1].len, 0);
    assert_true(pair->wire[0].len > 0);
}

static void tear_down(struct pair *pair) {
    for (int i = 0; i < 2; i++) {
        tls_destroy(pair->tls[i]);
        bytes_release(&pair->wire[i]);
        bytes_release(&pair->got[i]);
    }
}

/* Gives count octets of what `from` wrote to the other end. */
static void carry(struct pair *pair, int from, size_t count) {
    struct bytes *wire = &pair->wire[from];
    if (count > wire->len) count = wire->len;
    struct span octets = exact_copy(span_first(bytes_span(wire), count));
    char *plain = malloc(count + TLS_HELD_MAX);
    size_t len;
    bytes_drop_first(wire, count);
    (void)tls_receive(pair->tls[!from], octets, plain, &len);
    assert_true(len <= count + TLS_HELD_MAX);
    bytes_append(&pair->got[!from], (struct span){plain, len});
    free(plain);
    exact_free(octets);
}

/* Until neither has more to say. */
static void carry_all(struct pair *pair, size_t piece) {
    while (pair->wire[0].len > 0 || pair->wire[1].len > 0)
        for (int from = 0; from < 2; from++)
            if (pair->wire[from].len > 0) carry(pair, from, piece);
}

static void want_ready(const struct pair *pair, const char *row, size_t piece) {
    for (int i = 0; i < 2; i++)
        if (tls_state(pair->tls[i]) != TLS_READY)
            fail_msg("%s %zu: %s is not ready: %s", row, piece, i == 0 ? "client" : "server",
                     tls_failure(pair->tls[i]));
}

static void talk(struct pair *pair, size_t piece) {
    for (int from = 0; from < 2; from++) {
        assert_int_equal(tls_send(pair->tls[from], span_of("hello")), TLS_READY);
        carry_all(pair, piece);
        assert_true(span_is(bytes_span(&pair->got[!from]), "hello"));
        assert_string_equal(tls_version(pair->tls[from]), "TLSv1.3");
    }
}

static void a_handshake_in_pieces_of_any_size_comes_to_its_end(void **state) {
    (void)state;
    static const size_t pieces[] = {1, 2, 3, 5, 64, 1000, WIRE_CAP};
    struct tls_context *client = client_of(false, NULL), *server = server_of("good.pem", "good.key");
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct pair pair;
        set_up(&pair, client, server, NULL);
        assert_null(tls_version(pair.tls[0]));
        carry_all(&pair, pieces[i]);
        want_ready(&pair, "pieces of", pieces[i]);
        talk(&pair, pieces[i]);
        tear_down(&pair);
    }
    tls_context_release(client);
    tls_context_release(server);
}

/* Both flights cut in two, at every octet. */
static void a_handshake_may_be_cut_anywhere(void **state) {
    (void)state;
    struct tls_context *client = client_of(false, NULL), *server = server_of("good.pem", "good.key");
    for (int from = 0; from < 2; from++)
        for (size_t cut = 1, len = 2; cut < len; cut++) {
            struct pair pair;
            set_up(&pair, client, server, "mx.example");
            if (from == 1) carry(&pair, 0, WIRE_CAP);
            len = pair.wire[from].len;
            carry(&pair, from, cut);
            carry_all(&pair, WIRE_CAP);
            want_ready(&pair, "cut at", cut);
            tear_down(&pair);
        }
    tls_context_release(client);
    tls_context_release(server);
}

static void ready_pair(struct pair *pair) {
    struct tls_context *client = client_of(false, NULL), *server = server_of("good.pem", "good.key");
    set_up(pair, client, server, NULL);
    tls_context_release(client); /* the ends hold what they need */
    tls_context_release(server);
    carry_all(pair, WIRE_CAP);
    want_ready(pair, "a pair", 0);
}

static void octets_pass_whatever_their_number_and_the_cuts(void **state) {
    (void)state;
    static const size_t lens[] = {0, 1, TLS_RECORD_MAX - 1, TLS_RECORD_MAX, TLS_RECORD_MAX + 1, 200000};
    static const size_t pieces[] = {1, 1000, 16384, 16406, 48128, WIRE_CAP};
    static char block[200000];
    struct pair pair;
    for (size_t i = 0; i < sizeof block; i++) block[i] = (char)(i * 7 + i / 251);
    ready_pair(&pair);
    for (size_t l = 0; l < sizeof lens / sizeof *lens; l++)
        for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++)
            for (int from = 0; from < 2; from++) {
                bytes_clear(&pair.got[!from]);
                assert_int_equal(tls_send(pair.tls[from], (struct span){block, lens[l]}), TLS_READY);
                carry_all(&pair, pieces[p]);
                if (pair.got[!from].len != lens[l])
                    fail_msg("%zu in pieces of %zu: %zu", lens[l], pieces[p], pair.got[!from].len);
                if (lens[l] > 0) assert_memory_equal(pair.got[!from].ptr, block, lens[l]);
            }
    tear_down(&pair);
}

static void the_end_is_said_once_and_ends_one_direction(void **state) {
    (void)state;
    struct pair pair;
    ready_pair(&pair);
    tls_send(pair.tls[0], span_of("last words"));
    tls_end(pair.tls[0]);
    size_t len = pair.wire[0].len;
    tls_end(pair.tls[0]);
    assert_int_equal(pair.wire[0].len, len);
    bytes_append_text(&pair.wire[0], "octets behind the end");
    carry_all(&pair, WIRE_CAP);
    assert_int_equal(tls_state(pair.tls[1]), TLS_ENDED);
    assert_null(tls_failure(pair.tls[1]));
    assert_true(span_is(bytes_span(&pair.got[1]), "last words"));
    assert_int_equal(tls_send(pair.tls[1], span_of("answer")), TLS_ENDED);
    carry_all(&pair, WIRE_CAP);
    assert_true(span_is(bytes_span(&pair.got[0]), "answer"));
    tear_down(&pair);
}

/* Any octet of a record but its length: what was changed is never handed out, and the peer hears of it. */
static void a_changed_record_fails(void **state) {
    (void)state;
    for (size_t at = 0; at < 27; at++) {
        struct pair pair;
        if (at == 3 || at == 4) continue;
        ready_pair(&pair);
        tls_send(pair.tls[0], span_of("hello"));
        assert_int_equal(pair.wire[0].len, 27);
        pair.wire[0].ptr[at] ^= 1;
        carry(&pair, 0, WIRE_CAP);
        if (tls_state(pair.tls[1]) != TLS_FAILED || pair.got[1].len > 0) fail_msg("octet %zu", at);
        assert_non_null(tls_failure(pair.tls[1]));
        carry_all(&pair, WIRE_CAP);
        assert_int_equal(tls_state(pair.tls[0]), TLS_FAILED);
        assert_int_equal(tls_send(pair.tls[0], span_of("x")), TLS_FAILED);
        tear_down(&pair);
    }
}

/* octets in clear in front of the handshake are no part of it. */
static void plain_text_is_no_handshake(void **state) {
    (void)state;
    static const char *const texts[] = {"EHLO client.test\r\n", "RSET\r\n", "\r\n\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"};
    for (int side = 0; side < 2; side++)
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            struct tls_context *client = client_of(false, NULL), *server = server_of("good.pem", "good.key");
            struct pair pair;
            set_up(&pair, client, server, NULL);
            struct bytes injected = bytes_with_cap(WIRE_CAP);
            if (side == 1) carry(&pair, 0, WIRE_CAP);
            bytes_append_text(&injected, texts[i]);
            bytes_append(&injected, bytes_span(&pair.wire[side]));
            bytes_release(&pair.wire[side]);
            pair.wire[side] = injected;
            carry(&pair, side, WIRE_CAP);
            if (tls_state(pair.tls[!side]) != TLS_FAILED) fail_msg("%s", texts[i]);
            assert_int_equal(pair.got[!side].len, 0);
            tear_down(&pair);
            tls_context_release(client);
            tls_context_release(server);
        }
}

static void a_client_believes_what_it_was_told_to_believe(void **state) {
    (void)state;
    static const struct {
        bool verifies;
        const char *ca, *name, *certificate, *failure; /* NULL: it is believed */
    } rows[] = {
        {false, NULL, "mx.example", "good.pem", NULL},
        {false, NULL, "elsewhere.example", "good.pem", NULL},
        {false, NULL, "mx.example", "old.pem", NULL},
        {true, "good.pem", "mx.example", "good.pem", NULL},
        {true, "good.pem", "MX.example", "good.pem", NULL},
        {true, "good.pem", "127.0.0.1", "good.pem", NULL},
        {true, "good.pem", "127.0.0.2", "good.pem", "certificate: IP address mismatch"},
        {true, "good.pem", "other.example", "good.pem", "certificate: hostname mismatch"},
        {true, "good.pem", "x.mx.example", "good.pem", "certificate: hostname mismatch"},
        {true, "other.pem", "mx.example", "good.pem", "certificate: self-signed certificate"},
        {true, NULL, "mx.example", "good.pem", "certificate: self-signed certificate"},
        {true, "old.pem", "mx.example", "old.pem", "certificate: certificate has expired"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tls_context *client = client_of(rows[i].verifies, rows[i].ca),
                           *server = server_of(rows[i].certificate, "good.key");
        struct pair pair;
        set_up(&pair, client, server, rows[i].name);
        carry_all(&pair, WIRE_CAP);
        const char *failure = tls_failure(pair.tls[0]);
        bool same =
            rows[i].failure != NULL ? failure != NULL && strcmp(failure, rows[i].failure) == 0 : failure == NULL;
        if (!same) fail_msg("row %zu: %s", i, failure);
        assert_int_equal(tls_state(pair.tls[0]), rows[i].failure != NULL ? TLS_FAILED : TLS_READY);
        assert_int_equal(tls_state(pair.tls[1]), rows[i].failure != NULL ? TLS_FAILED : TLS_READY); /* it was told */
        tear_down(&pair);
        tls_context_release(client);
        tls_context_release(server);
    }
}

static void a_wire_without_room_is_a_failure(void **state) {
    (void)state;
    struct pair pair;
    ready_pair(&pair);
    bytes_release(&pair.wire[0]);
    pair.wire[0].cap = 100;
    assert_int_equal(tls_send(pair.tls[0], span_of("hello")), TLS_READY);
    static const char block[200];
    assert_int_equal(tls_send(pair.tls[0], (struct span){block, sizeof block}), TLS_FAILED);
    assert_string_equal(tls_failure(pair.tls[0]), "out of memory");
    tear_down(&pair);
}

static void files_that_will_not_do_are_named(void **state) {
    (void)state;
    static const struct {
        const char *certificate, *key, *want; /* behind the path of the folder, which is %s */
    } rows[] = {
        {"none.pem", "good.key", "certificate %s/none.pem: No such file or directory"},
        {".", "good.key", "certificate %s/.: this is no file"},
        {"empty.pem", "good.key",
         "certificate %s/empty.pem: there is no usable certificate in it, in PEM (no start line)"},
        {"good.pem", "none.key", "key %s/none.key: No such file or directory"},
        {"good.pem", ".", "key %s/.: this is no file"},
        {"good.pem", "all/link.key", "key %s/all/link.key: a symbolic link leads there that others can change: it, and its folders, must be ours or root's"},
        {"good.pem", "open.key", "key %s/open.key: group or others may use it: it needs mode 0600 or 0400"},
        {"good.pem", "empty.pem", "key %s/empty.pem: there is no private key in it, in PEM without passphrase"},
        {"good.pem", "locked.key", "key %s/locked.key: there is no private key in it, in PEM without passphrase"},
        {"good.pem", "other.key", "key %s/other.key: it does not belong to the certificate %s/good.pem"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char want[512], *error;
        (void)snprintf(want, sizeof want, rows[i].want, folder, folder);
        assert_null(tls_context_create_server(file(rows[i].certificate), file(rows[i].key), &error));
        assert_string_equal(error, want);
        free(error);
    }
    char *error;
    assert_null(tls_context_create_client(true, "/nowhere/ca.pem", &error));
    assert_string_equal(error, "CA file /nowhere/ca.pem: No such file or directory");
    free(error);
    assert_null(tls_context_create_client(true, file("empty.pem"), &error));
    assert_non_null(strstr(error, "empty.pem: there is no certificate in it"));
    free(error);
}

static void the_expiry_is_the_certificates(void **state) {
    (void)state;
    static const struct {
        const char *certificate;
        int64_t days;
    } rows[] = {{"good.pem", 30}, {"old.pem", -1}};
    for (size_t i = 0; i < 2; i++) {
        struct tls_context *context = server_of(rows[i].certificate, "good.key");
        int64_t off_s = tls_context_expires_s(context) - ((int64_t)time(NULL) + rows[i].days * 86400);
        if (off_s < -3600 || off_s > 0) fail_msg("%s: %lld", rows[i].certificate, (long long)off_s);
        assert_ptr_equal(tls_context_acquire(context), context);
        tls_context_release(context);
        tls_context_release(context);
    }
    struct tls_context *client = client_of(false, NULL);
    assert_true(tls_context_expires_s(client) == INT64_MAX);
    tls_context_release(client);
    tls_context_release(NULL);
}

static int make_files(void **state) { return (void)state, tls_files_make(folder) ? 0 : -1; }
static int remove_files(void **state) { return (void)state, tls_files_remove(folder), 0; }

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handshake_in_pieces_of_any_size_comes_to_its_end),
        cmocka_unit_test(a_handshake_may_be_cut_anywhere),
        cmocka_unit_test(octets_pass_whatever_their_number_and_the_cuts),
        cmocka_unit_test(the_end_is_said_once_and_ends_one_direction),
        cmocka_unit_test(a_changed_record_fails),
        cmocka_unit_test(plain_text_is_no_handshake),
        cmocka_unit_test(a_client_believes_what_it_was_told_to_believe),
        cmocka_unit_test(a_wire_without_room_is_a_failure),
        cmocka_unit_test(files_that_will_not_do_are_named),
        cmocka_unit_test(the_expiry_is_the_certificates),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
