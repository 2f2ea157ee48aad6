/* sceau -- one command with verbs: verify messages, judge key records, read Authentication-Results (design.md section
 * 12). */
#include <stdio.h>
#include <string.h>
#include "base/nearest_word.h"
#include "cli/verb.h"

static const struct verb {
    const char *name;
    enum cli_status (*run)(int count, char **arguments);
    const char *help;
} verbs[] = {
    {"verify", verb_verify, "verify the DKIM signatures of messages"},
    {"key", verb_key, "judge the key records of selectors"},
    {"results", verb_results, "read the value of an Authentication-Results field"},
    {"spf", verb_spf, "ask whether a client may send for a domain"},
    {"rules", verb_rules, "check rules, test them, and see what they say of messages"},
    {"dmarc", verb_dmarc, "judge DKIM and SPF results by the author's domain"},
};
enum { VERB_COUNT = sizeof verbs / sizeof *verbs };

static void print_usage(FILE *out) {
    fputs("usage: sceau VERB [OPTION]... OPERAND...\n\n", out);
    for (size_t i = 0; i < VERB_COUNT; i++) fprintf(out, "  %-8s %s\n", verbs[i].name, verbs[i].help);
    fputs("\n'sceau VERB --help' lists the options of a verb; 'sceau --version' tells the version.\n", out);
}

static enum cli_status unknown_verb(const char *word) {
    const char *names[VERB_COUNT];
    for (size_t i = 0; i < VERB_COUNT; i++) names[i] = verbs[i].name;
    const char *nearest = nearest_word(word, names, VERB_COUNT);
    if (nearest != NULL)
        cli_complain("no verb '%s'; did you mean %s?", word, nearest);
    else
        cli_complain("no verb '%s'; known verbs are verify, key, results, spf, dmarc and rules", word);
    return CLI_USAGE;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        print_usage(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_usage(stdout);
        return CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("sceau " SCEAU_VERSION);
        return CLI_OK;
    }
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(argv[1], verbs[i].name) != 0) continue;
        enum cli_status status = verbs[i].run(argc - 2, argv + 2);
        if (fflush(stdout) == 0 && !ferror(stdout)) return status;
        cli_complain("cannot write to standard output");
        return CLI_USAGE;
    }
    return unknown_verb(argv[1]);
}
