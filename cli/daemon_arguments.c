#include "cli/daemon_arguments.h"
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include "base/nearest_word.h"

#define DEFAULT_PATH "/etc/sceau/sceau.conf"

static const struct option options[] = {
    {"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 'k'},   {"dump", no_argument, NULL, 'd'},
    {"help", no_argument, NULL, 'h'},         {"version", no_argument, NULL, 'V'}, {0},
};

void daemon_arguments_help(void) {
    puts("sceaud -- authenticate incoming mail on its way through\n"
         "\n"
         "  sceaud [-c FILE]            serve, in the foreground, with log lines on standard error\n"
         "  sceaud [-c FILE] --check    say what is wrong with the configuration, and end\n"
         "  sceaud [-c FILE] --dump     print the configuration in effect, defaults included, and end\n"
         "\n"
         "  -c, --config FILE           the configuration; " DEFAULT_PATH " when not given\n"
         "  -h, --help                  this text\n"
         "  -V, --version               the version\n"
         "\n"
         "SIGHUP reads the configuration again; SIGTERM lets messages in flight finish and ends.\n"
         "Ends with 0, 64 (command line), 69 (cannot listen), 71 (no resources) or 78 (configuration).");
}

void daemon_arguments_version(void) { puts("sceaud " SCEAU_VERSION); }

static bool refuse_long(const char *given) {
    enum { COUNT = sizeof options / sizeof *options - 1 };
    const char *names[COUNT];
    for (size_t i = 0; i < COUNT; i++) names[i] = options[i].name;
    const char *nearest = nearest_word(given + 2, names, COUNT);
    if (nearest != NULL)
        fprintf(stderr, "sceaud: there is no option %s; did you mean --%s?\n", given, nearest);
    else
        fprintf(stderr, "sceaud: there is no option %s (see sceaud --help)\n", given);
    return false;
}

static bool complain(int option, char **argument) {
    const char *given = argument[optind - 1];
    if (option != ':' && optopt == 0) return refuse_long(given);
    if (option == ':')
        fprintf(stderr, "sceaud: %s needs a file behind it\n", given);
    else if (given[1] == '-') /* known, but there is a = */
        fprintf(stderr, "sceaud: %.*s takes no value\n", (int)strcspn(given, "="), given);
    else
        fprintf(stderr, "sceaud: there is no option -%c (see sceaud --help)\n", optopt);
    return false;
}

bool daemon_arguments_read(int count, char **argument, struct daemon_arguments *out) {
    *out = (struct daemon_arguments){.mode = DAEMON_SERVE, .path = DEFAULT_PATH};
    opterr = 0;
    for (int option; (option = getopt_long(count, argument, ":c:hV", options, NULL)) != -1;) {
        enum daemon_mode before = out->mode;
        switch (option) {
        case 'c':
            out->path = optarg;
            if (optarg[0] != '\0') continue;
            fputs("sceaud: --config needs a file behind it\n", stderr);
            return false;
        case 'k': out->mode = DAEMON_CHECK; break;
        case 'd': out->mode = DAEMON_DUMP; break;
        case 'h': out->mode = DAEMON_HELP; break;
        case 'V': out->mode = DAEMON_VERSION; break;
        default: return complain(option, argument);
        }
        if (before == DAEMON_SERVE || before == out->mode) continue;
        fputs("sceaud: one of --check, --dump, --help and --version at a time\n", stderr);
        return false;
    }
    if (optind == count) return true;
    fprintf(stderr, "sceaud: '%s' is too much: the configuration is given with -c (see sceaud --help)\n",
            argument[optind]);
    return false;
}
