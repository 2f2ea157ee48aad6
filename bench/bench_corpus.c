/* bench_corpus.c -- writes signed messages for programs beside ours into a folder, and keys.zone, a zone file with their keys.
 *     bench_corpus FOLDER [KEYS OCTETS]
 * With KEYS (rsa2048) and OCTETS only messages that this one key signed, with bodies of at most so many octets, and no chains.
 * DKIM: KEYS-BODY-CANONICALIZATION-OCTETS.eml, as rsa2048-html-relaxed-20480.eml, KEYS being two names for two signatures;
 * ARC: arc-SETS.eml. The keys are new each time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench/chain.h"
#include "bench/corpus.h"

enum { PATH_ROOM = 4096, STRING_MAX = 200 };

static FILE *create(const char *folder, const char *name) {
    char path[PATH_ROOM];
    int len = snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = len > 0 && (size_t)len < sizeof path ? fopen(path, "wb") : NULL;
    if (file != NULL) return file;
    fprintf(stderr, "bench_corpus: %s/%s: %s\n", folder, name, strerror(errno));
    exit(1);
}

static void finish(FILE *file, const char *name) {
    bool written = ferror(file) == 0;
    if (fclose(file) == 0 && written) return;
    fprintf(stderr, "bench_corpus: %s: cannot write\n", name);
    exit(1);
}

static void write_file(const char *folder, const char *name, struct span octets) {
    FILE *file = create(folder, name);
    fwrite(octets.ptr, 1, octets.len, file);
    finish(file, name);
}

static void write_key(FILE *zone, struct span question, struct span record) {
    fprintf(zone, "%.*s. 3600 IN TXT", (int)question.len, question.ptr);
    for (size_t at = 0; at < record.len; at += STRING_MAX) {
        size_t len = record.len - at < STRING_MAX ? record.len - at : STRING_MAX;
        fprintf(zone, " \"%.*s\"", (int)len, record.ptr + at);
    }
    fprintf(zone, "\n");
}

/* Names as on the command line: rsa2048, rsa2048+ed25519. */
static void write_messages(const char *folder, const char *keys, const struct corpus_recipe *with_keys, size_t most) {
    static const size_t body_lens[] = {2048, 20 * 1024, 100 * 1024, 1024 * 1024, 10 * 1024 * 1024};
    for (size_t i = 0; i < sizeof body_lens / sizeof *body_lens && body_lens[i] <= most; i++)
        for (enum corpus_body body = 0; body < CORPUS_BODY_COUNT; body++)
            for (enum canonicalization kind = CANON_SIMPLE; kind <= CANON_RELAXED; kind++) {
                struct corpus_recipe recipe = *with_keys;
                struct corpus_message message;
                char name[128];
                recipe.body = body;
                recipe.body_len = body_lens[i];
                recipe.canonicalization = kind;
                recipe.seed = 1;
                corpus_message_make(&message, &recipe);
                snprintf(name, sizeof name, "%s-%s-%s-%zu.eml", keys, corpus_body_name(body),
                         kind == CANON_SIMPLE ? "simple" : "relaxed", body_lens[i]);
                write_file(folder, name, bytes_span(&message.octets));
                corpus_message_release(&message);
            }
}

static void write_chains(const char *folder, FILE *zone) {
    static const unsigned shown[] = {1, 5, 50};
    struct chain *chain = chain_create(true);
    unsigned sets = 0;
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        char name[32];
        while (sets < shown[i]) chain_grow(chain), sets++;
        snprintf(name, sizeof name, "arc-%u.eml", sets);
        write_file(folder, name, chain_octets(chain));
    }
    write_key(zone, span_of(CHAIN_QUESTION), chain_record(chain));
    chain_destroy(chain);
}

static void write_all(const char *folder, FILE *zone) {
    struct corpus_signer *signers[CORPUS_KEY_COUNT];
    for (enum corpus_key key = 0; key < CORPUS_KEY_COUNT; key++) {
        signers[key] = corpus_signer_create(key);
        write_messages(folder, corpus_key_name(key), &(struct corpus_recipe){.signer = {signers[key]}}, SIZE_MAX);
        write_key(zone, corpus_signer_question(signers[key]), corpus_signer_record(signers[key]));
    }
    write_messages(folder, "rsa2048+ed25519", &(struct corpus_recipe){.signer = {signers[CORPUS_RSA_2048], signers[CORPUS_ED25519]}}, SIZE_MAX);
    write_chains(folder, zone);
    for (enum corpus_key key = 0; key < CORPUS_KEY_COUNT; key++) corpus_signer_destroy(signers[key]);
}

/* False: there is no such key. */
static bool write_some(const char *folder, FILE *zone, const char *name, size_t most) {
    enum corpus_key key = 0;
    while (key < CORPUS_KEY_COUNT && strcmp(corpus_key_name(key), name) != 0) key++;
    if (key == CORPUS_KEY_COUNT) return false;
    struct corpus_signer *signer = corpus_signer_create(key);
    write_messages(folder, name, &(struct corpus_recipe){.signer = {signer}}, most);
    write_key(zone, corpus_signer_question(signer), corpus_signer_record(signer));
    corpus_signer_destroy(signer);
    return true;
}

int main(int argc, char **argv) {
    if (argc != 2 && argc != 4) {
        fprintf(stderr, "usage: bench_corpus FOLDER [KEYS OCTETS]\n");
        return 2;
    }
    FILE *zone = create(argv[1], "keys.zone");
    bool known = true;
    if (argc == 2) write_all(argv[1], zone);
    else known = write_some(argv[1], zone, argv[2], strtoul(argv[3], NULL, 10));
    finish(zone, "keys.zone");
    if (!known) fprintf(stderr, "bench_corpus: there is no key %s\n", argv[2]);
    return known ? 0 : 2;
}
