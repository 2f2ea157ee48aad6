/* bench_rules.c -- what rules cost a message: many rules with patterns on a header section of 3 KB, beside PCRE2 alone, which
 * runs the same patterns one by one on the same fields. Then what the worst patterns can cost. Microseconds of CPU. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "bench/measure.h"
#include "rules/literal_set.h"
#include "rules/pattern.h"
#include "rules/pattern_literals.h"
#include "rules/rule_input.h"
#include "rules/rule_set.h"
#include "rules/value_list.h"
#include "verifier/header_section.h"
#include "verifier/result.h"

enum { RULES_MAX = 5000, TEXT_MAX = 160, HEADER_OCTETS = 3 << 10 };

static const char *const fields[] = {"Subject", "From", "To", "Reply-To", "List-Id", "X-Mailer", "Received", "Message-ID"};
enum { FIELDS = sizeof fields / sizeof *fields };

/* Pronounceable, so that words and header text share beginnings as real ones do. */
static void write_word(struct bytes *out, uint64_t number) {
    static const char *const syllables[] = {"ba", "co", "di", "fa", "go", "li", "ma", "no", "pe", "ra", "si", "tu", "ve", "mo", "ri", "ta"};
    uint64_t mixed = (number + 1) * 0x9e3779b97f4a7c15;
    mixed = (mixed ^ mixed >> 31) * 0xbf58476d1ce4e5b9;
    for (int i = 0; i < 5; i++) bytes_append_text(out, syllables[mixed >> (24 + 4 * i) & 15]);
}

/* Shapes of patterns as they stand in rules that people write. */
static void write_pattern(struct bytes *out, size_t number) {
    switch (number % 4) {
    case 0: write_word(out, number); break;
    case 1: bytes_append_text(out, "\\b"), write_word(out, number), bytes_append_text(out, "\\s+(?:now|today)\\b"); break;
    case 2: bytes_append_text(out, "(?:^|[.@])"), write_word(out, number), bytes_append_text(out, "\\.(?:example|test)$"); break;
    case 3:
        bytes_append_text(out, "(?:"), write_word(out, number), bytes_append_char(out, '|');
        write_word(out, number + RULES_MAX), bytes_append_text(out, ").*[0-9]{4}");
        break;
    }
}

/* One rule in 500 has its literal in the message: more than messages and rules of real life have in common. */
static bool is_planted(size_t line, uint64_t *rule) {
    for (size_t i = 0; i < RULES_MAX / 500; i++) {
        *rule = i * 501; /* each shape of pattern in turn */
        if (line == *rule % FIELDS + i / FIELDS * FIELDS) return true;
    }
    return false;
}

static void make_header(struct header_section *section) {
    struct bytes text = bytes_with_cap(1 << 16);
    size_t taken;
    for (uint64_t i = 0; text.len < HEADER_OCTETS - 100; i++) {
        uint64_t rule;
        bytes_append_format(&text, "%s: ", fields[i % FIELDS]);
        if (is_planted((size_t)i, &rule)) write_word(&text, rule), bytes_append_char(&text, ' ');
        for (uint64_t k = 0; k < 7; k++) {
            bytes_append_char(&text, k > 0 ? ' ' : '<');
            write_word(&text, 1000000 + i * 7 + k);
        }
        bytes_append_text(&text, " now 2026.example\r\n");
    }
    bytes_append_text(&text, "\r\n");
    header_section_init(section, header_limits_default);
    if (text.failed || header_section_update(section, bytes_span(&text), &taken) != HEADER_COMPLETE) exit(1);
    bytes_release(&text);
}

/* -- rules -- */

struct judging {
    struct rule_set *set;
    struct rule_input input;
    struct rule_scratch *scratch;
    struct rule_outcome outcome;
};

static struct rule_set *make_rules(size_t count) {
    struct bytes text = bytes_with_cap(64 << 20);
    struct rule_errors errors = {.count = 0};
    struct rule_set *set;
    for (size_t i = 0; i < count; i++) {
        bytes_append_format(&text, "rule \"r%zu\" { when header[\"%s\"] matches /", i, fields[i % FIELDS]);
        write_pattern(&text, i);
        bytes_append_text(&text, "/i then log \"seen\" }\n");
    }
    const struct rule_source source = {span_of("bench"), bytes_span(&text)};
    if (rule_set_compile(&source, 1, &(struct rule_options){.arm_discard = false}, &errors, &set) != RULE_SET_OK) {
        fprintf(stderr, "bench_rules: %.*s\n", (int)errors.error[0].message.len, errors.error[0].message.ptr);
        exit(1);
    }
    bytes_release(&text);
    return set;
}

static void judge(void *context, size_t i) {
    struct judging *judging = context;
    (void)i;
    if (!rule_set_evaluate(judging->set, &judging->input, judging->scratch, &judging->outcome)) exit(1);
}

/* -- PCRE2 alone, without limits or counted steps -- */

struct alone {
    size_t count;
    pcre2_code *code[RULES_MAX];
    pcre2_match_data *data;
    const struct header_section *section;
    size_t matches;
};

static void compile_alone(struct alone *alone, size_t count, bool use_jit) {
    for (alone->count = 0; alone->count < count; alone->count++) {
        struct bytes text = bytes_with_cap(TEXT_MAX);
        int error;
        PCRE2_SIZE at;
        write_pattern(&text, alone->count);
        pcre2_code *code = pcre2_compile((PCRE2_SPTR)text.ptr, text.len, PCRE2_CASELESS, &error, &at, NULL);
        if (code == NULL) exit(1);
        if (use_jit) (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
        alone->code[alone->count] = code;
        bytes_release(&text);
    }
}

static void run_alone(void *context, size_t i) {
    struct alone *alone = context;
    (void)i;
    alone->matches = 0;
    for (size_t k = 0; k < alone->count; k++) {
        const struct header_field *field = NULL;
        for (size_t at = 0; (field = header_section_find(alone->section, fields[k % FIELDS], at)) != NULL;
             at = (size_t)(field - alone->section->fields) + 1) {
            struct span body = span_trim(field->body);
            if (pcre2_match(alone->code[k], (PCRE2_SPTR)body.ptr, body.len, 0, 0, alone->data, NULL) >= 0) {
                alone->matches++;
                break;
            }
        }
    }
}

static void release_alone(struct alone *alone) {
    for (size_t i = 0; i < alone->count; i++) pcre2_code_free(alone->code[i]);
}

static void print_count(struct measure_plan plan, const struct header_section *section, size_t count) {
    static struct alone plain, jit;
    struct message_result result = {.dkim_count = 0};
    struct judging judging = {.set = make_rules(count),
                              .input = {.result = &result, .header = section, .now_s = 1700000000},
                              .scratch = rule_scratch_create(false)};
    struct measured out[3];
    plain.section = jit.section = section;
    plain.data = jit.data = pcre2_match_data_create(1, NULL);
    if (plain.data == NULL || judging.scratch == NULL) exit(1);
    compile_alone(&plain, count, false);
    compile_alone(&jit, count, true);
    const struct work works[] = {{judge, &judging}, {run_alone, &plain}, {run_alone, &jit}};
    measure(plan, works, sizeof works / sizeof *works, out);
    if (judging.outcome.event_count != plain.matches || plain.matches != jit.matches) {
        fprintf(stderr, "bench_rules: %zu rules hit, %zu patterns match\n", judging.outcome.event_count, plain.matches);
        exit(1);
    }
    printf("%6zu %10.1f %6.0f%% %14.0f %18.0f %8zu\n", count, out[0].median_us, measured_spread_percent(&out[0]),
           out[1].median_us, out[2].median_us, plain.matches);
    rule_set_destroy(judging.set);
    rule_scratch_destroy(judging.scratch);
    release_alone(&plain);
    release_alone(&jit);
    pcre2_match_data_free(plain.data);
}

/* -- the literals alone -- */

struct scan { struct literal_set *set; struct span text; uint64_t seen[2 * RULES_MAX / 64 + 1]; };

static void scan_once(void *context, size_t i) {
    struct scan *scan = context;
    uint32_t state = 0;
    (void)i;
    literal_set_scan(scan->set, &state, scan->text, scan->seen);
}

static void print_scan(struct measure_plan plan, struct span text, size_t count) {
    static struct scan scan;
    struct literal_set_builder *builder = literal_set_builder_create();
    struct measured out;
    scan.text = text;
    for (size_t i = 0; i < count; i++) {
        struct bytes pattern = bytes_with_cap(TEXT_MAX);
        struct pattern_literals literals;
        uint32_t index;
        write_pattern(&pattern, i);
        pattern_literals_find(bytes_span(&pattern), PATTERN_NOCASE, &literals);
        for (size_t k = 0; k < literals.count; k++) (void)literal_set_builder_add(builder, pattern_literal(&literals, k), &index);
        bytes_release(&pattern);
    }
    if (literal_set_build(builder, &scan.set) != LITERAL_SET_OK) exit(1);
    measure(plan, &(struct work){scan_once, &scan}, 1, &out);
    printf("%6zu rules: %zu literals, %zu KiB, %.1f us\n", count, literal_set_count(scan.set), literal_set_octets(scan.set) / 1024,
           out.median_us);
    literal_set_destroy(scan.set);
    literal_set_builder_destroy(builder);
}

/* -- lists -- */

enum { ENTRIES = 1000000, ASKED = 4096 };

struct asking {
    struct value_list *list;
    char name[ASKED][32]; /* each second one is in the list */
    size_t found;
};

static void write_entry(char *out, size_t room, unsigned number) {
    (void)snprintf(out, room, "host%u.zone%u.example", number * 2654435761u, number % 1000);
}

static void ask_list(void *context, size_t i) {
    struct asking *asking = context;
    asking->found += value_list_has_domain_or_above(asking->list, span_of(asking->name[i % ASKED]));
}

static void print_list(struct measure_plan plan) {
    static struct asking asking;
    struct bytes text = bytes_with_cap(1 << 26);
    struct value_list_error error;
    struct measured out;
    char entry[32];
    for (unsigned i = 0; i < ENTRIES; i++) {
        write_entry(entry, sizeof entry, i);
        bytes_append_text(&text, entry);
        bytes_append_char(&text, '\n');
    }
    for (unsigned i = 0; i < ASKED; i++) write_entry(asking.name[i], sizeof asking.name[i], i * 488 % ENTRIES + i % 2 * ENTRIES);
    clock_t start = clock();
    asking.list = value_list_read(bytes_span(&text), "bench", VALUE_LIST_DOMAINS, &error);
    if (asking.list == NULL) exit(1);
    double ms = (double)(clock() - start) * 1000 / CLOCKS_PER_SEC;
    measure(plan, &(struct work){ask_list, &asking}, 1, &out);
    printf("list of %zu domains: read in %.0f ms, %zu KiB; one asked for, with those above it: %.2f us\n",
           value_list_count(asking.list), ms, value_list_octets(asking.list) / 1024, out.median_us);
    value_list_destroy(asking.list);
    bytes_release(&text);
}

/* -- the worst -- */

struct worst {
    struct pattern *pattern;
    struct span subject;
    struct pattern_scratch *scratch;
    enum pattern_reason reason;
};

static void run_worst(void *context, size_t i) {
    struct worst *worst = context;
    (void)i;
    (void)pattern_run(worst->pattern, worst->subject, worst->scratch, &worst->reason);
}

static void print_worst(struct measure_plan plan) {
    static const struct { const char *pattern; unsigned flags; const char *unit; size_t len; const char *tail; } rows[] = {
#define CATASTROPHE(pattern, flags, unit, len, tail) {pattern, flags, unit, len, tail},
#include "tests/support/catastrophes.def"
    };
    plan.rounds = 5;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bytes subject = bytes_with_cap(2 * PATTERN_SUBJECT_MAX);
        struct pattern_error error;
        struct measured out[2];
        struct worst worst[2];
        while (subject.len + strlen(rows[i].unit) <= rows[i].len) bytes_append_text(&subject, rows[i].unit);
        bytes_append_text(&subject, rows[i].tail);
        for (int jit = 0; jit < 2; jit++) {
            worst[jit] = (struct worst){pattern_compile(span_of(rows[i].pattern), rows[i].flags, jit == 1, &error),
                                        bytes_span(&subject), pattern_scratch_create(), PATTERN_DECIDED};
            if (worst[jit].pattern == NULL) exit(1);
        }
        measure(plan, (const struct work[]){{run_worst, &worst[0]}, {run_worst, &worst[1]}}, 2, out);
        printf("%8.0f %8.0f  %-12s %.60s\n", out[0].median_us, out[1].median_us, pattern_reason_text(worst[0].reason), rows[i].pattern);
        for (int jit = 0; jit < 2; jit++) {
            pattern_destroy(worst[jit].pattern);
            pattern_scratch_destroy(worst[jit].scratch);
        }
        bytes_release(&subject);
    }
}

int main(int argc, char **argv) {
    static const size_t counts[] = {100, 500, 5000};
    struct measure_plan plan = measure_plan_of(argc, argv);
    struct header_section section;
    make_header(&section);
    printf("rules with patterns on a header section of %zu octets, %zu fields; us a message\n", section.octets.len, section.count);
    printf("%6s %10s %7s %14s %18s %8s\n", "rules", "all", "spread", "PCRE2 alone", "PCRE2 with JIT", "hits");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) print_count(plan, &section, counts[i]);
    printf("\nthe pass for literals alone\n");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) print_scan(plan, bytes_span(&section.octets), counts[i]);
    print_list(plan);
    printf("\ncatastrophic patterns; us a run, without and with JIT\n");
    print_worst(plan);
    header_section_release(&section);
    return 0;
}
