#include "cli/daemon_config.h"
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/clock.h"
#include "base/options.h"
#include "cli/daemon_http.h"
#include "cli/daemon_privileges.h"
#include "proxy/arc_config.h"
#include "proxy/listener_tls.h"
#include "proxy/rule_config.h"
#include "proxy/tls.h"
#include "verifier/authserv_id.h"
#include "verifier/dns_zone.h"
#include "verifier/domain_name.h"

__attribute__((format(printf, 2, 3))) static bool refuse(char **error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(error, format, arguments) < 0) *error = NULL;
    va_end(arguments);
    return false;
}

static bool check_authserv_id(const char *path, const struct options *options, char **error) {
    struct authserv_id id;
    return authserv_id_init(&id, span_of(options->authserv_id)) ||
           refuse(error, "%s: 'authserv_id': '%s' is no name that Authentication-Results fields can carry", path,
                  options->authserv_id);
}

static bool check_zone_files(const char *path, const struct options *options, char **error) {
    struct dns_zone *zone = dns_zone_create();
    char *reason = NULL;
    bool sound = zone != NULL;
    for (size_t i = 0; sound && i < options->dns_zone_files.count; i++)
        sound = dns_zone_add_file(zone, options->dns_zone_files.item[i], &reason);
    dns_zone_destroy(zone);
    if (!sound && reason != NULL) refuse(error, "%s: 'zone_files' in dns: %s", path, reason);
    free(reason);
    return sound;
}

/* Whether a line names the type of a record to validate from, as root.key and the output of dig have it: without one libunbound
 * would take the file for good, and validate nothing. */
static bool contains_anchor(FILE *file) {
    static const char blanks[] = " \t\r\n()";
    char *line = NULL;
    size_t room = 0;
    bool found = false;
    while (!found && getline(&line, &room, file) >= 0) {
        line[strcspn(line, ";")] = '\0';
        char *rest = NULL;
        for (char *word = strtok_r(line, blanks, &rest); word != NULL && !found; word = strtok_r(NULL, blanks, &rest))
            found = strcasecmp(word, "DS") == 0 || strcasecmp(word, "DNSKEY") == 0;
    }
    free(line);
    return found;
}

static bool check_trust_anchor(const char *path, const struct options *options, char **error) {
    const char *anchor = options->dns_trust_anchor;
    if (anchor[0] == '\0' || strcmp(anchor, "none") == 0) return true;
    FILE *file = fopen(anchor, "re");
    if (file == NULL) return refuse(error, "%s: 'trust_anchor' in dns: %s: %s", path, anchor, strerror(errno));
    bool has_anchor = contains_anchor(file);
    fclose(file);
    return has_anchor || refuse(error, "%s: 'trust_anchor' in dns: %s: there is no DS or DNSKEY record in it", path, anchor);
}

static bool check_listener_tls(const char *path, const struct listener_options *listener, bool is_strict,
                               char **error) {
    struct tls_context *server, *client;
    char *reason = NULL;
    bool sound = listener_tls_create(listener, &server, &client, &reason) &&
                 (!is_strict || listener_tls_is_valid(listener, server, clock_unix_s(&clock_system), &reason));
    tls_context_release(server);
    tls_context_release(client);
    if (!sound && reason != NULL) refuse(error, "%s: %s", path, reason);
    free(reason);
    return sound;
}

static bool check_tls(const char *path, const struct options *options, bool is_strict, char **error) {
    bool sound = true;
    for (size_t i = 0; sound && i < options->listener_count; i++)
        sound = check_listener_tls(path, &options->listener[i], is_strict, error);
    return sound;
}

bool daemon_config_is_valid(const char *path, const struct options *options, char **error) {
    *error = NULL;
    return check_tls(path, options, true, error);
}

static bool check_arc(const char *path, const struct options *options, char **error) {
    char *reason;
    struct arc_config *config = arc_config_create(options, &reason);
    if (config == NULL && reason != NULL) refuse(error, "%s: %s", path, reason);
    free(reason);
    arc_config_destroy(config);
    return config != NULL;
}

static bool check_access(const char *path, const struct options *options, char **error) {
    char *reason;
    bool sound = daemon_http_is_valid(options, &reason);
    if (!sound && reason != NULL) refuse(error, "%s: 'access_file' in http: %s", path, reason);
    free(reason);
    return sound;
}

static bool check_domains(const char *path, const struct options *options, char **error) {
    char name[DOMAIN_NAME_MAX];
    for (size_t i = 0; i < options->http_domains_always.count; i++) {
        const char *item = options->http_domains_always.item[i];
        if (domain_name_write(span_of(item), true, name) > 0) continue;
        refuse(error, "%s: 'domains_always' in http: '%s' is no domain name", path, item);
        return false;
    }
    return true;
}

static bool check_rules(const char *path, const struct options *options, char **error) {
    char *reason;
    struct rule_config *config = rule_config_create(options, NULL, &reason);
    if (config == NULL && reason != NULL) refuse(error, "%s: %s", path, reason);
    free(reason);
    rule_config_destroy(config);
    return config != NULL;
}

static bool check_tester(const char *path, const struct options *options, char **error) {
    char name[DOMAIN_NAME_MAX];
    if (options->tester_domain[0] == '\0' || domain_name_write(span_of(options->tester_domain), true, name) > 0) return true;
    refuse(error, "%s: 'domain' in tester: '%s' is no domain name", path, options->tester_domain);
    return false;
}

struct options *daemon_config_read(const char *path, char **error) {
    struct options *options = options_read(path, error);
    if (options == NULL) return NULL;
    if (daemon_identity_check(path, options, error) && check_authserv_id(path, options, error) && check_trust_anchor(path, options, error) &&
        check_zone_files(path, options, error) && check_arc(path, options, error) &&
        check_rules(path, options, error) && check_access(path, options, error) && check_domains(path, options, error) && check_tester(path, options, error) && check_tls(path, options, false, error))
        return options;
    options_release(options);
    return NULL;
}
