/* bench_kernels.c -- how fast canonicalization is, beside SHA-256 over the same octets.
 * GB/s are octets of input; the last columns are whole canonicalizations with their hash. */
#include <stdio.h>
#include <stdlib.h>
#include "bench/corpus.h"
#include "bench/measure.h"
#include "verifier/header_canon.h"
#include "verifier/wsp_squeeze.h"

enum { PIECE = 16 * 1024, BODY = 64 * PIECE };

struct task {
    struct span body;
    struct digest digest;
    enum canonicalization kind;
    enum wsp_squeeze_kernel kernel;
    char *out;
};

/* In pieces, as the stream gives them; each is cut where the kernel can be. */
static void squeeze(void *context, size_t i) {
    struct task *task = context;
    (void)i;
    wsp_squeeze_limit(task->kernel);
    for (size_t at = 0; at < BODY; at += PIECE) {
        size_t len = PIECE;
        while (len > 0 && (task->body.ptr[at + len - 1] == ' ' || task->body.ptr[at + len - 1] == '\t')) len--;
        wsp_squeeze(task->body.ptr + at, len, task->out);
    }
}

static void hash_only(void *context, size_t i) {
    struct task *task = context;
    uint8_t value[DIGEST_OCTETS];
    (void)i;
    digest_begin(&task->digest);
    digest_update(&task->digest, task->body);
    digest_end(&task->digest, value);
}

static void canonicalize(void *context, size_t i) {
    struct task *task = context;
    struct body_canon canon;
    uint8_t value[DIGEST_OCTETS];
    (void)i;
    wsp_squeeze_limit(task->kernel);
    digest_begin(&task->digest);
    body_canon_begin(&canon, task->kind, false, 0, &task->digest);
    for (size_t at = 0; at < BODY; at += PIECE) body_canon_update(&canon, span_first(span_after(task->body, at), PIECE));
    body_canon_end(&canon);
    digest_end(&task->digest, value);
}

enum column { SCALAR, AVX2, AVX512, SHA256, SIMPLE, RELAXED, COLUMN_COUNT };

static void print_row(struct measure_plan plan, enum corpus_body kind) {
    struct bytes body = bytes_with_cap(2 * BODY);
    corpus_append_body(&body, kind, BODY, 1);
    struct task tasks[COLUMN_COUNT];
    struct work works[COLUMN_COUNT];
    struct measured measured[COLUMN_COUNT];
    for (enum column column = 0; column < COLUMN_COUNT; column++) {
        tasks[column] = (struct task){.body = bytes_span(&body), .kernel = WSP_SQUEEZE_KERNEL_COUNT - 1};
        tasks[column].out = malloc(PIECE + WSP_SQUEEZE_SLACK);
        tasks[column].kind = column == SIMPLE ? CANON_SIMPLE : CANON_RELAXED;
        if (!digest_init(&tasks[column].digest) || tasks[column].out == NULL) exit(1);
        if (column <= AVX512) tasks[column].kernel = (enum wsp_squeeze_kernel)column;
        works[column] = (struct work){column <= AVX512 ? squeeze : column == SHA256 ? hash_only : canonicalize, &tasks[column]};
    }
    measure(plan, works, COLUMN_COUNT, measured);
    printf("%-8s", corpus_body_name(kind));
    for (enum column column = 0; column < COLUMN_COUNT; column++) {
        if (column <= AVX512 && !wsp_squeeze_supported((enum wsp_squeeze_kernel)column)) printf("        -");
        else printf(" %8.2f", BODY / measured[column].median_us / 1e3);
        digest_release(&tasks[column].digest);
        free(tasks[column].out);
    }
    printf("\n");
    bytes_release(&body);
}

/* ---- Header fields ---- */

struct header_task {
    struct header_section section;
    struct digest digest;
    enum canonicalization kind;
};

static void canonicalize_fields(void *context, size_t i) {
    struct header_task *task = context;
    uint8_t value[DIGEST_OCTETS];
    (void)i;
    digest_begin(&task->digest);
    for (size_t field = 0; field < task->section.count; field++)
        header_canon_field(task->kind, &task->section.fields[field], &task->digest);
    digest_end(&task->digest, value);
}

static void hash_section(void *context, size_t i) {
    struct header_task *task = context;
    uint8_t value[DIGEST_OCTETS];
    (void)i;
    digest_begin(&task->digest);
    digest_update(&task->digest, bytes_span(&task->section.octets));
    digest_end(&task->digest, value);
}

static void print_header(struct measure_plan plan) {
    struct corpus_signer *signer = corpus_signer_create(CORPUS_RSA_2048);
    struct corpus_message message;
    struct header_task tasks[3] = {{.kind = CANON_SIMPLE}, {.kind = CANON_RELAXED}, {.kind = CANON_SIMPLE}};
    struct work works[3];
    struct measured measured[3];
    corpus_message_make(&message, &(struct corpus_recipe){{signer}, CANON_RELAXED, CORPUS_TEXT, 1000, 1});
    for (size_t i = 0; i < 3; i++) {
        size_t taken;
        header_section_init(&tasks[i].section, header_limits_default);
        if (!digest_init(&tasks[i].digest) ||
            header_section_update(&tasks[i].section, bytes_span(&message.octets), &taken) != HEADER_COMPLETE)
            exit(1);
        works[i] = (struct work){i < 2 ? canonicalize_fields : hash_section, &tasks[i]};
    }
    measure(plan, works, 3, measured);
    printf("\n%zu header fields, %zu octets: simple %.2f us, relaxed %.2f us, SHA-256 alone %.2f us\n", tasks[0].section.count,
           tasks[0].section.octets.len, measured[0].median_us, measured[1].median_us, measured[2].median_us);
    for (size_t i = 0; i < 3; i++) {
        header_section_release(&tasks[i].section);
        digest_release(&tasks[i].digest);
    }
    corpus_message_release(&message);
    corpus_signer_destroy(signer);
}

int main(int argc, char **argv) {
    struct measure_plan plan = measure_plan_of(argc, argv);
    printf("Canonicalization and hash, GB/s of input, median of %u rounds\n\n", plan.rounds);
    printf("%-8s %26s %8s %17s\n", "", "white space kernel", "", "body with hash");
    printf("%-8s %8s %8s %8s %8s %8s %8s\n", "body", "scalar", "avx2", "avx512", "sha256", "simple", "relaxed");
    for (enum corpus_body body = 0; body < CORPUS_BODY_COUNT; body++) print_row(plan, body);
    print_header(plan);
    return 0;
}
