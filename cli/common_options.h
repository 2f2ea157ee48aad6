/* cli/common_options.h -- the command line of one verb of sceau (design.md section 12; rows in common_options.def).
 * Long options as --name VALUE or --name=VALUE, -j N or -jN, -- ends them; operands and options may be mixed.
 * Errors are one sentence on standard error; an unknown option names the nearest known one. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "verifier/phrase.h"

/* Exit codes. */
enum cli_status {
    CLI_OK = 0,        /* every checked signature passes, or the question was answered well */
    CLI_FAILED = 1,    /* one fails */
    CLI_USAGE = 2,     /* the command line, or a file that it names, is not usable */
    CLI_NOTHING = 3,   /* nothing to check */
    CLI_TEMPORARY = 4, /* DNS: may be well later */
    CLI_PERMANENT = 5, /* permanent error in a key or signature */
};

enum cli_verb { VERB_VERIFY = 1, VERB_KEY = 2, VERB_RESULTS = 4, VERB_SPF = 8, VERB_DMARC = 16, VERB_RULES = 32, VERB_ALL = 63 };

struct cli_list {
    size_t count;
    const char **item;
};

struct cli_options {
    /* as given; NULL when absent */
    bool json, help, pass_unsigned, explain, headers, trusted_received, arc_merge, arc_plain, arm_discard, shadow;
    const char *language, *trust_anchor, *now, *jobs, *authserv_id, *results_style, *cut, *record, *ip, *helo, *mail_from;
    const char *arc_seal, *arc_headers, *record_file, *provider_answer, *message;
    struct cli_list zone, faults, stub, forward, expect_cname, seen, resolver, server, header_from, dkim, spf, rules, recipient, operand;
    /* what they mean */
    enum language report_language;
    bool has_now;
    int64_t now_s;
    unsigned job_count;
};

/* Reads what stands behind the verb. False: the sentence has been written, exit CLI_USAGE. Release in any case. */
bool cli_options_read(int count, char **arguments, enum cli_verb verb, const char *verb_name, struct cli_options *out);
void cli_options_release(struct cli_options *options);
/* The lines of --help for the options of verb. */
void cli_options_help(FILE *out, enum cli_verb verb);

/* "sceau: " and the sentence, on standard error. */
void cli_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
