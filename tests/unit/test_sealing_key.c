#include "verifier/sealing_key.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/support/pem_key.h"
#include "verifier/dkim_key.h"
#include "verifier/key_source.h"
#include "verifier/public_key.h"

static const uint8_t value[DIGEST_OCTETS] = "thirty-two octets of a hash, say";

/* What is signed is verified with the public half, and nothing else is. */
static void signatures_verify(void **state) {
    (void)state;
    static const struct {
        unsigned bits;
        enum key_algorithm algorithm;
        size_t len;
    } rows[] = {{1024, KEY_RSA, 128}, {2048, KEY_RSA, 256}, {4096, KEY_RSA, 512}, {0, KEY_ED25519, 64}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pem_key file;
        struct sealing_key *key;
        uint8_t signature[SEALING_KEY_SIGNATURE_MAX];
        size_t len;
        pem_key_make(&file, rows[i].bits);
        assert_int_equal(sealing_key_load(file.path, &key), SEALING_KEY_OK);
        assert_int_equal(sealing_key_algorithm(key), rows[i].algorithm);
        assert_true(sealing_key_sign(key, value, signature, &len));
        assert_int_equal(len, rows[i].len);
        struct dns_answer answer = {.status = DNS_FOUND, .record = {span_of(file.record)}, .record_count = 1};
        struct key_entry *entry = key_entry_create(&answer, 0);
        struct span octets = {(const char *)signature, len};
        assert_int_equal(public_key_verify(entry->record[0]->key, value, octets), PUBLIC_KEY_VERIFIED);
        signature[len / 2] ^= 1;
        assert_int_equal(public_key_verify(entry->record[0]->key, value, octets), PUBLIC_KEY_MISMATCH);
        key_entry_release(entry);
        sealing_key_release(key);
        pem_key_remove(&file);
    }
}

static void expect(const char *path, enum sealing_key_status wanted) {
    struct sealing_key *key = (struct sealing_key *)(uintptr_t)1;
    enum sealing_key_status status = sealing_key_load(path, &key);
    if (status != wanted) fail_msg("%s: %s", path, sealing_key_status_text(status));
    assert_null(key);
}

static void modes_and_kinds_of_files(void **state) {
    (void)state;
    struct pem_key file;
    pem_key_make(&file, 1024);
    static const mode_t open_modes[] = {0640, 0604, 0610, 0602, 0644, 0777};
    for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++) {
        assert_int_equal(chmod(file.path, open_modes[i]), 0);
        expect(file.path, SEALING_KEY_OPEN_TO_OTHERS);
    }
    chmod(file.path, 0400);
    struct sealing_key *key;
    assert_int_equal(sealing_key_load(file.path, &key), SEALING_KEY_OK);
    sealing_key_release(key);
    sealing_key_release(NULL);
    char link[80];
    snprintf(link, sizeof link, "%s.link", file.path);
    assert_int_equal(symlink(file.path, link), 0);
    assert_int_equal(sealing_key_load(link, &key), SEALING_KEY_OK); /* ours, in a folder where nobody else can move it */
    sealing_key_release(key);
    unlink(link);
    assert_int_equal(mkfifo(link, 0600), 0); /* nobody writes: that must not hold us up */
    expect(link, SEALING_KEY_NOT_A_FILE);
    unlink(link);
    expect("/tmp", SEALING_KEY_NOT_A_FILE);
    expect("/dev/null", SEALING_KEY_NOT_A_FILE);
    expect(link, SEALING_KEY_UNREADABLE);
    assert_int_equal(errno, ENOENT);
    pem_key_remove(&file);
}

static void contents(void **state) {
    (void)state;
    static const char locked[] =
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,"
        "00112233445566778899AABBCCDDEEFF\n\nAAAAAAAAAAAAAAAAAAAAAA==\n-----END RSA PRIVATE KEY-----\n";
    static const char elliptic[] =
        "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2\n"
        "OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r\n"
        "1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G\n-----END PRIVATE KEY-----\n";
    static const struct {
        const char *text;
        enum sealing_key_status wanted;
    } rows[] = {
        {"", SEALING_KEY_NOT_A_KEY},
        {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", SEALING_KEY_NOT_A_KEY},
        {"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC "
         "KEY-----\n",
         SEALING_KEY_NOT_A_KEY},
        {locked, SEALING_KEY_NOT_A_KEY}, /* and no question on the terminal */
        {elliptic, SEALING_KEY_BAD_TYPE},
    };
    struct pem_key file;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pem_key_make(&file, 0);
        FILE *stream = fopen(file.path, "w");
        fputs(rows[i].text, stream);
        fclose(stream);
        expect(file.path, rows[i].wanted);
        pem_key_remove(&file);
    }
    pem_key_make(&file, 512);
    expect(file.path, SEALING_KEY_BAD_SIZE);
    assert_int_equal(truncate(file.path, 16 * 1024 + 1), 0);
    expect(file.path, SEALING_KEY_TOO_LARGE);
    pem_key_remove(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(signatures_verify), cmocka_unit_test(modes_and_kinds_of_files),
                                       cmocka_unit_test(contents)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
