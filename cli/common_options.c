#include "cli/common_options.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "base/ascii.h"
#include "base/nearest_word.h"

enum kind { FLAG, TEXT, LIST };

struct row {
    enum kind kind;
    const char *name;
    char letter;
    unsigned verbs;
    const char *argument, *help;
    size_t offset; /* of the field */
};

#define CLI_OPTION(kind, field, name, letter, verbs, argument, help)                                                   \
    ROW_##kind(field, name, letter, verbs, argument, help)
#define ROW_FLAG(field, name, letter, verbs, argument, help)                                                           \
    {FLAG, name, letter, verbs, argument, help, offsetof(struct cli_options, field)},
#define ROW_TEXT(field, name, letter, verbs, argument, help)                                                           \
    {TEXT, name, letter, verbs, argument, help, offsetof(struct cli_options, field)},
#define ROW_LIST(field, name, letter, verbs, argument, help)                                                           \
    {LIST, name, letter, verbs, argument, help, offsetof(struct cli_options, field)},
static const struct row rows[] = {
#include "cli/common_options.def"
};
enum { ROW_COUNT = sizeof rows / sizeof *rows };

void cli_complain(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("sceau: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

/* --- one command line -------------------------------------------------------------------------------------------- */

struct reader {
    struct cli_options *options;
    enum cli_verb verb;
    const char *verb_name;
    char **next, **end;
};

static bool append(struct cli_list *list, const char *item) {
    const char **items = realloc(list->item, (list->count + 1) * sizeof *items);
    if (items == NULL) {
        cli_complain("out of memory");
        return false;
    }
    list->item = items;
    list->item[list->count++] = item;
    return true;
}

static bool unknown_option(const struct reader *reader, const char *argument, const char *name) {
    const char *names[ROW_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < ROW_COUNT; i++)
        if ((rows[i].verbs & reader->verb) != 0) names[count++] = rows[i].name;
    const char *nearest = nearest_word(name, names, count);
    if (nearest != NULL)
        cli_complain("%s has no option '%s'; did you mean --%s?", reader->verb_name, argument, nearest);
    else
        cli_complain("%s has no option '%s'; 'sceau %s --help' lists them", reader->verb_name, argument,
                     reader->verb_name);
    return false;
}

/* value: what stands in the same argument, NULL when nothing does. */
static bool take_option(struct reader *reader, const struct row *row, const char *value) {
    void *field = (char *)reader->options + row->offset;
    if (row->kind == FLAG) {
        if (value != NULL) {
            cli_complain("%s: --%s takes no value", reader->verb_name, row->name);
            return false;
        }
        *(bool *)field = true;
        return true;
    }
    if (value == NULL && reader->next < reader->end) value = *reader->next++;
    if (value == NULL) {
        cli_complain("%s: --%s wants a value: %s", reader->verb_name, row->name, row->argument);
        return false;
    }
    if (row->kind == LIST) return append(field, value);
    if (*(const char **)field != NULL) {
        cli_complain("%s: --%s stands twice", reader->verb_name, row->name);
        return false;
    }
    *(const char **)field = value;
    return true;
}

static bool take_long(struct reader *reader, const char *argument) {
    char name[64] = "";
    const char *equals = strchr(argument, '=');
    size_t len = equals != NULL ? (size_t)(equals - argument) - 2 : strlen(argument) - 2;
    if (len < sizeof name) memcpy(name, argument + 2, len);
    for (size_t i = 0; i < ROW_COUNT; i++)
        if ((rows[i].verbs & reader->verb) != 0 && strcmp(rows[i].name, name) == 0)
            return take_option(reader, &rows[i], equals != NULL ? equals + 1 : NULL);
    return unknown_option(reader, argument, name);
}

static bool take_short(struct reader *reader, const char *argument) {
    for (size_t i = 0; i < ROW_COUNT; i++)
        if ((rows[i].verbs & reader->verb) != 0 && rows[i].letter == argument[1])
            return take_option(reader, &rows[i], argument[2] != '\0' ? argument + 2 : NULL);
    return unknown_option(reader, argument, argument + 1);
}

static bool take_arguments(struct reader *reader) {
    bool options_ended = false;
    while (reader->next < reader->end) {
        const char *argument = *reader->next++;
        bool taken;
        if (options_ended || argument[0] != '-' || argument[1] == '\0') {
            taken = append(&reader->options->operand, argument);
        } else if (strcmp(argument, "--") == 0) {
            taken = options_ended = true;
        } else {
            taken = argument[1] == '-' ? take_long(reader, argument) : take_short(reader, argument);
        }
        if (!taken) return false;
    }
    return true;
}

/* --- what the values mean ---------------------------------------------------------------------------------------- */

static bool read_number(const char *text, int64_t least, int64_t most, int64_t *out) {
    char *end;
    if (!ascii_is_digit(text[0]) && text[0] != '-') return false;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || value < least || value > most) return false;
    *out = value;
    return true;
}

static enum language language_of_environment(void) {
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    enum language language = LANGUAGE_EN;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value == NULL || value[0] == '\0') continue;
        language_parse(value, &language);
        break;
    }
    return language;
}

static bool read_meanings(struct cli_options *options, const char *verb_name) {
    int64_t jobs = 1;
    options->report_language = language_of_environment();
    if (options->language != NULL && !language_parse(options->language, &options->report_language)) {
        cli_complain("%s: --lang knows en and fr, not '%s'", verb_name, options->language);
        return false;
    }
    options->has_now = options->now != NULL;
    if (options->has_now && !read_number(options->now, INT64_MIN / 4, INT64_MAX / 4, &options->now_s)) {
        cli_complain("%s: --now wants seconds since 1970, not '%s'", verb_name, options->now);
        return false;
    }
    if (options->jobs != NULL && !read_number(options->jobs, 1, 256, &jobs)) {
        cli_complain("%s: -j wants a number from 1 to 256, not '%s'", verb_name, options->jobs);
        return false;
    }
    options->job_count = (unsigned)jobs;
    if (options->faults.count > 0 && options->zone.count == 0) {
        cli_complain("%s: --faults stands beside --zone only", verb_name);
        return false;
    }
    return true;
}

bool cli_options_read(int count, char **arguments, enum cli_verb verb, const char *verb_name, struct cli_options *out) {
    struct reader reader = {
        .options = out, .verb = verb, .verb_name = verb_name, .next = arguments, .end = arguments + count};
    *out = (struct cli_options){0};
    return take_arguments(&reader) && (out->help || read_meanings(out, verb_name));
}

void cli_options_release(struct cli_options *options) {
    free(options->zone.item);
    free(options->faults.item);
    free(options->stub.item);
    free(options->forward.item);
    free(options->expect_cname.item);
    free(options->seen.item);
    free(options->resolver.item);
    free(options->server.item);
    free(options->header_from.item);
    free(options->dkim.item);
    free(options->spf.item);
    free(options->rules.item);
    free(options->recipient.item);
    free(options->operand.item);
    *options = (struct cli_options){0};
}

void cli_options_help(FILE *out, enum cli_verb verb) {
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const struct row *row = &rows[i];
        char head[64];
        if ((row->verbs & verb) == 0) continue;
        const char *gap = row->argument != NULL ? " " : "", *argument = row->argument != NULL ? row->argument : "";
        if (row->letter != 0)
            snprintf(head, sizeof head, "-%c, --%s%s%s", row->letter, row->name, gap, argument);
        else
            snprintf(head, sizeof head, "    --%s%s%s", row->name, gap, argument);
        fprintf(out, "  %-32s %s\n", head, row->help);
    }
}
