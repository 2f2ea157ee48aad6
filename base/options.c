#include "base/options.h"
#include <arpa/inet.h>
#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/config_text.h"
#include "base/nearest_word.h"
#include "base/option_value.h"

enum { FILE_OCTETS_MAX = 1 << 20, PARSER_ROOM = 8 * FILE_OCTETS_MAX };
enum { MESSAGE_MEMORY_MIN = 16 << 20 };
enum { LISTENERS_MAX = 64, HTTP_LISTENERS_MAX = 8, LIST_ITEMS_MAX = 1000, SECTION_KEYS_MAX = 64, TEXT_MAX = 1024 };
/* A flag of our own in an option's flags: it has been set before. libconfuse uses the lowest 14 bits. */
enum { SEEN = 1 << 30 };

/* One file being read. */
struct reading {
    struct options *options;
    struct listener_options listener; /* of the section that is being read */
    const char *path;
    bool failed;
    char *error; /* the first one; NULL also when there was no memory for it */
};
/* libconfuse's callbacks get no pointer of ours. */
static _Thread_local struct reading *current;

/* ---- errors ---- */

static void set_error(struct reading *reading, unsigned line, const char *text) {
    if (reading->failed) return;
    reading->failed = true;
    int len = line > 0 ? asprintf(&reading->error, "%s:%u: %s", reading->path, line, text)
                       : asprintf(&reading->error, "%s: %s", reading->path, text);
    if (len < 0) reading->error = NULL;
}

/* " in listener "x"" or " in dns", or nothing for the outermost. */
static void section_text(cfg_t *cfg, char out[TEXT_MAX]) {
    const char *title = cfg_title(cfg), *name = cfg_name(cfg);
    bool outermost = name == NULL || strcmp(name, "root") == 0;
    if (title != NULL)
        snprintf(out, TEXT_MAX, " in %s \"%.200s\"", name, title);
    else
        snprintf(out, TEXT_MAX, "%s%s", outermost ? "" : " in ", outermost ? "" : name);
}

/* Refuses what stands at opt; false, for the caller to return. */
__attribute__((format(printf, 3, 4))) static bool refuse(cfg_t *cfg, const cfg_opt_t *opt, const char *format, ...) {
    char section[TEXT_MAX], what[TEXT_MAX], text[4 * TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    section_text(cfg, section);
    snprintf(text, sizeof text, "'%s'%s: %s", opt->name, section, what);
    set_error(current, (unsigned)cfg->line, text);
    return false;
}

static void unknown_key(cfg_t *cfg, const char *key) {
    char section[TEXT_MAX], hint[TEXT_MAX] = "", text[4 * TEXT_MAX];
    const char *known[SECTION_KEYS_MAX];
    size_t count = 0;
    for (const cfg_opt_t *opt = cfg->opts; opt->name != NULL && count < SECTION_KEYS_MAX; opt++)
        known[count++] = opt->name;
    const char *nearest = nearest_word(key, known, count);
    if (nearest != NULL) snprintf(hint, sizeof hint, " (did you mean '%s'?)", nearest);
#define OPTION(field, in, name, kind, least, most, standard, help) SETTING(in, name, , , , , )
#define SETTING(in, name, reader, count, form, standard, help)                                                         \
    if (strcmp(key, name) == 0)                                                                                        \
        snprintf(hint, sizeof hint, " (it belongs %s%s)", in[0] == '\0' ? "outside of sections" : "into ", in);
#include "base/options.def"
    section_text(cfg, section);
    snprintf(text, sizeof text, "unknown key '%.200s'%s%s", key, section, hint);
    set_error(current, (unsigned)cfg->line, text);
}

/* libconfuse's own complaints; an unknown key is the one that deserves better words. */
static void complain(cfg_t *cfg, const char *format, va_list arguments) {
    char text[TEXT_MAX];
    if (strcmp(format, "no such option '%s'") == 0) {
        unknown_key(cfg, va_arg(arguments, const char *));
    } else {
        vsnprintf(text, sizeof text, format, arguments);
        set_error(current, (unsigned)cfg->line, text);
    }
}

/* ---- values ---- */

static const char *text_of(cfg_opt_t *opt) { return cfg_opt_getnstr(opt, 0); }

static bool no_memory(cfg_t *cfg, const cfg_opt_t *opt) { return refuse(cfg, opt, "out of memory"); }

static bool read_text(cfg_t *cfg, cfg_opt_t *opt, char **field, const char *form) {
    if (text_of(opt)[0] == '\0') return refuse(cfg, opt, "it is empty, which is no %s", form);
    return options_set_text(field, text_of(opt)) || no_memory(cfg, opt);
}

/* One of the words, which end with NULL; its place, or -1 after refusing. */
static int read_word(cfg_t *cfg, cfg_opt_t *opt, const char *const *words, const char *form) {
    for (int i = 0; words[i] != NULL; i++)
        if (strcmp(text_of(opt), words[i]) == 0) return i;
    return refuse(cfg, opt, "'%s' is not %s", text_of(opt), form), -1;
}

/* All of a list's items so far: libconfuse calls once for each, and once more at the end. */
static bool read_list(cfg_t *cfg, cfg_opt_t *opt, struct string_list *list, bool (*is_valid)(const char *text),
                      const char *form) {
    unsigned count = cfg_opt_size(opt);
    if (count > LIST_ITEMS_MAX) return refuse(cfg, opt, "more than %d items", LIST_ITEMS_MAX);
    string_list_clear(list);
    list->item = calloc(count, sizeof *list->item);
    if (list->item == NULL) return no_memory(cfg, opt);
    for (; list->count < count; list->count++) {
        const char *text = cfg_opt_getnstr(opt, (unsigned)list->count);
        if (!is_valid(text)) return refuse(cfg, opt, "'%s' is no %s", text, form);
        list->item[list->count] = strdup(text);
        if (list->item[list->count] == NULL) return no_memory(cfg, opt);
    }
    return true;
}

static bool is_filled(const char *text) { return text[0] != '\0'; }

/* "address" or "address@port": a resolver is not found by name. */
static bool is_server(const char *text) {
    char address[INET6_ADDRSTRLEN];
    uint8_t octets[16];
    int64_t port;
    const char *at = strchr(text, '@');
    size_t len = at != NULL ? (size_t)(at - text) : strlen(text);
    if (len >= sizeof address) return false;
    memcpy(address, text, len);
    address[len] = '\0';
    if (inet_pton(AF_INET, address, octets) != 1 && inet_pton(AF_INET6, address, octets) != 1) return false;
    return at == NULL || (option_value_parse(OPTION_COUNT, at + 1, &port) && port >= 1 && port <= 65535);
}

static bool is_stub(const char *text) {
    const char *equals = strchr(text, '=');
    return equals != NULL && equals != text && is_server(equals + 1);
}

/* ---- settings: one reader for each of options.def ---- */

static bool read_authserv_id(cfg_t *cfg, cfg_opt_t *opt) {
    for (const char *at = text_of(opt); *at != '\0'; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f || strchr("()<>@,;:\\\"[]=", *at) != NULL)
            return refuse(cfg, opt, "'%s' is not a name that can stand in a header field", text_of(opt));
    return read_text(cfg, opt, &current->options->authserv_id, "name");
}

static bool read_spool(cfg_t *cfg, cfg_opt_t *opt) { /* empty is the default */
    return options_set_text(&current->options->spool_directory, text_of(opt)) || no_memory(cfg, opt);
}

static bool read_user(cfg_t *cfg, cfg_opt_t *opt) { return read_text(cfg, opt, &current->options->user, "name"); }

static bool read_group(cfg_t *cfg, cfg_opt_t *opt) { return read_text(cfg, opt, &current->options->group, "name"); }

static bool read_socket_mode(cfg_t *cfg, cfg_opt_t *opt) {
    const char *text = text_of(opt);
    unsigned mode = 0;
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) mode = mode * 8 + (unsigned)(text[i] - '0');
    if (len < 3 || len > 4 || strspn(text, "01234567") != len || mode > 0777)
        return refuse(cfg, opt, "'%s' is no mode like 0660", text);
    current->listener.socket_mode = mode;
    return current->listener.has_socket_mode = true;
}

static bool read_protocol(cfg_t *cfg, cfg_opt_t *opt) {
    static const char *const words[] = {[LISTENER_SMTP] = "smtp", [LISTENER_LMTP] = "lmtp", NULL};
    int word = read_word(cfg, opt, words, "smtp or lmtp");
    current->listener.protocol = (enum listener_protocol)word;
    return word >= 0;
}

static bool read_listen(cfg_t *cfg, cfg_opt_t *opt) {
    return endpoint_parse(text_of(opt), &current->listener.listen) ||
           refuse(cfg, opt, "'%s' is not host:port or unix:path", text_of(opt));
}

static bool read_downstream(cfg_t *cfg, cfg_opt_t *opt) {
    static const struct {
        const char *prefix;
        enum downstream_kind kind;
    } kinds[] = {{"smtp:", DOWNSTREAM_SMTP}, {"lmtp:", DOWNSTREAM_LMTP}, {"maildir:", DOWNSTREAM_MAILDIR}};
    const char *text = text_of(opt);
    struct listener_options *listener = &current->listener;
    listener->downstream_kind = DOWNSTREAM_TESTER;
    if (strcmp(text, "tester") == 0) return true;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t len = strlen(kinds[i].prefix);
        if (strncmp(text, kinds[i].prefix, len) != 0) continue;
        listener->downstream_kind = kinds[i].kind;
        if (kinds[i].kind == DOWNSTREAM_MAILDIR && text[len] != '\0')
            return options_set_text(&listener->maildir, text + len) || no_memory(cfg, opt);
        if (kinds[i].kind != DOWNSTREAM_MAILDIR && endpoint_parse(text + len, &listener->downstream)) return true;
    }
    return refuse(cfg, opt, "'%s' is not smtp:, lmtp: (host:port or unix:path behind it), maildir:path or tester", text);
}

static bool read_networks(cfg_t *cfg, cfg_opt_t *opt, struct network **network, size_t *network_count) {
    unsigned count = cfg_opt_size(opt);
    if (count > LIST_ITEMS_MAX) return refuse(cfg, opt, "more than %d networks", LIST_ITEMS_MAX);
    free(*network);
    *network_count = 0;
    *network = calloc(count > 0 ? count : 1, sizeof **network);
    if (*network == NULL) return no_memory(cfg, opt);
    for (; *network_count < count; (*network_count)++) {
        const char *text = cfg_opt_getnstr(opt, (unsigned)*network_count);
        if (!network_parse(text, &(*network)[*network_count]))
            return refuse(cfg, opt,
                          "'%s' is no address and no network like 10.0.0.0/8 (with no bits set behind the prefix)",
                          text);
    }
    return true;
}

static bool read_trust(cfg_t *cfg, cfg_opt_t *opt) {
    return read_networks(cfg, opt, &current->listener.trust, &current->listener.trust_count);
}

static bool read_proxy_from(cfg_t *cfg, cfg_opt_t *opt) {
    return read_networks(cfg, opt, &current->listener.proxy_from, &current->listener.proxy_from_count);
}

static bool read_line_ends(cfg_t *cfg, cfg_opt_t *opt) {
    static const char *const words[] = {"reject", "pass", NULL};
    int word = read_word(cfg, opt, words, "reject or pass");
    current->listener.reject_line_ends = word == 0;
    return word >= 0;
}

static bool read_tls(cfg_t *cfg, cfg_opt_t *opt) {
    static const char *const words[] = {"off", "may", "require", NULL};
    int word = read_word(cfg, opt, words, "off, may or require");
    current->listener.tls = (enum tls_policy)word;
    return word >= 0;
}

static bool read_downstream_tls(cfg_t *cfg, cfg_opt_t *opt) {
    static const char *const words[] = {"off", "may", "require", "verify", NULL};
    int word = read_word(cfg, opt, words, "off, may, require or verify");
    current->listener.downstream_tls = (enum tls_policy)word;
    return word >= 0;
}

/* Empty: none. */
static bool read_file_name(cfg_t *cfg, cfg_opt_t *opt, char **field) {
    return text_of(opt)[0] == '\0' || options_set_text(field, text_of(opt)) || no_memory(cfg, opt);
}

static bool read_tls_certificate(cfg_t *cfg, cfg_opt_t *opt) {
    return read_file_name(cfg, opt, &current->listener.tls_certificate);
}

static bool read_tls_key(cfg_t *cfg, cfg_opt_t *opt) { return read_file_name(cfg, opt, &current->listener.tls_key); }

static bool read_downstream_ca(cfg_t *cfg, cfg_opt_t *opt) {
    return read_file_name(cfg, opt, &current->listener.downstream_ca);
}

static bool read_dns_mode(cfg_t *cfg, cfg_opt_t *opt) {
    static const char *const words[] = {"recurse", "forward", "stub", "zones", NULL};
    if (read_word(cfg, opt, words, "recurse, forward, stub or zones") < 0) return false;
    return read_text(cfg, opt, &current->options->dns_mode, "mode");
}

static bool read_dns_forward(cfg_t *cfg, cfg_opt_t *opt) {
    return read_list(cfg, opt, &current->options->dns_forward, is_server, "address or address@port");
}

static bool read_dns_stub(cfg_t *cfg, cfg_opt_t *opt) {
    return read_list(cfg, opt, &current->options->dns_stub, is_stub, "zone=address or zone=address@port");
}

static bool read_dns_zone_files(cfg_t *cfg, cfg_opt_t *opt) {
    return read_list(cfg, opt, &current->options->dns_zone_files, is_filled, "file");
}

static bool read_dns_trust_anchor(cfg_t *cfg, cfg_opt_t *opt) { /* empty is the default: the system's */
    return options_set_text(&current->options->dns_trust_anchor, text_of(opt)) || no_memory(cfg, opt);
}

/* All of a list's items so far, as read_list. "off" alone is an empty list. */
static bool read_endpoints(cfg_t *cfg, cfg_opt_t *opt, struct endpoint_list *list) {
    unsigned count = cfg_opt_size(opt);
    if (count > HTTP_LISTENERS_MAX) return refuse(cfg, opt, "more than %d addresses", HTTP_LISTENERS_MAX);
    free(list->item);
    *list = (struct endpoint_list){.item = calloc(count > 0 ? count : 1, sizeof *list->item)};
    if (list->item == NULL) return no_memory(cfg, opt);
    if (count == 1 && strcmp(text_of(opt), "off") == 0) return true;
    for (; list->count < count; list->count++) {
        const char *text = cfg_opt_getnstr(opt, (unsigned)list->count);
        if (!endpoint_parse(text, &list->item[list->count]))
            return refuse(cfg, opt, "'%s' is not host:port, unix:path or, alone, off", text);
    }
    return true;
}

static bool read_http_listen(cfg_t *cfg, cfg_opt_t *opt) { return read_endpoints(cfg, opt, &current->options->http_listen); }

static bool read_http_metrics_listen(cfg_t *cfg, cfg_opt_t *opt) {
    return read_endpoints(cfg, opt, &current->options->http_metrics_listen);
}

static bool read_http_access_file(cfg_t *cfg, cfg_opt_t *opt) {
    return read_text(cfg, opt, &current->options->http_access_file, "file");
}

static bool read_http_domains_always(cfg_t *cfg, cfg_opt_t *opt) {
    return read_list(cfg, opt, &current->options->http_domains_always, is_filled, "name");
}

static bool read_http_history(cfg_t *cfg, cfg_opt_t *opt) {
    bool is_off = strcmp(text_of(opt), "off") == 0;
    return is_off ? options_set_text(&current->options->http_history, "") || no_memory(cfg, opt)
                  : read_text(cfg, opt, &current->options->http_history, "file");
}

static bool read_tester_domain(cfg_t *cfg, cfg_opt_t *opt) {
    return read_text(cfg, opt, &current->options->tester_domain, "name");
}

/* What links begin with: no path, no slash at the end, nothing that could end an attribute. */
static bool read_tester_base_url(cfg_t *cfg, cfg_opt_t *opt) {
    const char *text = text_of(opt), *host = strstr(text, "://");
    bool is_url = strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0;
    if (!is_url || host[3] == '\0' || host[3 + strcspn(host + 3, "/?#\"'<>& \t\r\n")] != '\0')
        return refuse(cfg, opt, "'%s' is not http://host or https://host", text);
    return read_text(cfg, opt, &current->options->tester_base_url, "address");
}

static bool read_tester_listen(cfg_t *cfg, cfg_opt_t *opt) { return read_endpoints(cfg, opt, &current->options->tester_listen); }

static bool read_results_style(cfg_t *cfg, cfg_opt_t *opt) {
    static const char *const words[] = {"standard", "provider", NULL};
    if (read_word(cfg, opt, words, "standard or provider") < 0) return false;
    return read_text(cfg, opt, &current->options->results_style, "style");
}

static bool read_without(cfg_t *cfg, cfg_opt_t *opt) {
    static const struct {
        const char *word;
        unsigned bit;
    } checks[] = {{"spf", LISTENER_WITHOUT_SPF}, {"iprev", LISTENER_WITHOUT_IPREV}, {"dmarc", LISTENER_WITHOUT_DMARC}};
    enum { COUNT = sizeof checks / sizeof *checks };
    for (unsigned i = 0; i < cfg_opt_size(opt); i++) {
        const char *text = cfg_opt_getnstr(opt, i);
        size_t at = 0;
        while (at < COUNT && strcmp(checks[at].word, text) != 0) at++;
        if (at == COUNT) return refuse(cfg, opt, "'%s' is not spf, iprev or dmarc", text);
        current->listener.without |= checks[at].bit;
    }
    return true;
}

/* ---- rules ---- */

static bool read_rules_file(cfg_t *cfg, cfg_opt_t *opt) {
    return read_list(cfg, opt, &current->options->rules_file, is_filled, "file");
}

/* "name=maildir:path" */
static bool is_quarantine(const char *text) {
    static const char kind[] = "=maildir:";
    const char *equals = strchr(text, '=');
    return equals != NULL && equals != text && strncmp(equals, kind, sizeof kind - 1) == 0 &&
           equals[sizeof kind - 1] != '\0';
}

static bool read_rules_quarantine(cfg_t *cfg, cfg_opt_t *opt) {
    struct string_list *list = &current->options->rules_quarantine;
    if (!read_list(cfg, opt, list, is_quarantine, "name=maildir:path")) return false;
    for (size_t i = 0; i + 1 < list->count; i++) {
        size_t len = (size_t)(strchr(list->item[i], '=') - list->item[i]) + 1;
        if (strncmp(list->item[i], list->item[list->count - 1], len) == 0)
            return refuse(cfg, opt, "'%.*s' is there twice", (int)len - 1, list->item[i]);
    }
    return true;
}

/* ---- arc: whether a name is legal and a key usable is said by those who know names and keys ---- */

static bool read_arc_domain(cfg_t *cfg, cfg_opt_t *opt) {
    return read_text(cfg, opt, &current->options->arc_domain, "name");
}

static bool read_arc_selector(cfg_t *cfg, cfg_opt_t *opt) {
    return read_text(cfg, opt, &current->options->arc_selector, "name");
}

static bool read_arc_key_file(cfg_t *cfg, cfg_opt_t *opt) {
    return read_text(cfg, opt, &current->options->arc_key_file, "file");
}

static bool read_arc_next_selector(cfg_t *cfg, cfg_opt_t *opt) {
    return read_text(cfg, opt, &current->options->arc_next_selector, "name");
}

static bool read_arc_next_key_file(cfg_t *cfg, cfg_opt_t *opt) {
    return read_text(cfg, opt, &current->options->arc_next_key_file, "file");
}

static bool read_arc_trusted_sealers(cfg_t *cfg, cfg_opt_t *opt) {
    return read_list(cfg, opt, &current->options->arc_trusted_sealers, is_filled, "name");
}

static bool read_log_format(cfg_t *cfg, cfg_opt_t *opt) {
    static const char *const words[] = {"logfmt", "json", NULL};
    if (read_word(cfg, opt, words, "logfmt or json") < 0) return false;
    return read_text(cfg, opt, &current->options->log_format, "format");
}

static bool read_log_events(cfg_t *cfg, cfg_opt_t *opt) {
    struct endpoint endpoint;
    const char *text = text_of(opt);
    if (strcmp(text, "off") == 0) return options_set_text(&current->options->log_events, "") || no_memory(cfg, opt);
    if (text[0] != '/' && !(strncmp(text, "unix:", 5) == 0 && endpoint_parse(text, &endpoint)))
        return refuse(cfg, opt, "'%s' is no path from the root, unix:path or off", text);
    return read_text(cfg, opt, &current->options->log_events, "file");
}

/* ---- the table ---- */

enum { ONE = CFGF_NODEFAULT, LIST = CFGF_LIST };

static const struct row {
    const char *section, *key;
    int flags;
    bool (*read)(cfg_t *cfg, cfg_opt_t *opt); /* NULL: a number */
    size_t offset;                            /* of the number in struct options */
    enum option_kind kind;
    int64_t least, most, standard;
} rows[] = {
#define OPTION(field, section, key, kind, least, most, standard, help)                                                 \
    {section, key, CFGF_NODEFAULT, NULL, offsetof(struct options, field), OPTION_##kind, least, most, standard},
#define SETTING(section, key, reader, count, form, standard, help) {section, key, count, read_##reader, 0, 0, 0, 0, 0},
#include "base/options.def"
};
static const struct row *const rows_end = rows + sizeof rows / sizeof *rows;

static int64_t *number_at(struct options *options, const struct row *row) {
    return (int64_t *)(void *)((char *)options + row->offset);
}

static bool read_number(cfg_t *cfg, cfg_opt_t *opt, const struct row *row) {
    int64_t value;
    char bound[OPTION_VALUE_TEXT_MAX];
    const char *text = text_of(opt);
    if (!option_value_parse(row->kind, text, &value))
        return refuse(cfg, opt, "'%s' is not %s", text, option_kind_text(row->kind));
    bool too_small = value < row->least;
    option_value_format(row->kind, too_small ? row->least : row->most, bound);
    if (too_small) return refuse(cfg, opt, "'%s' is less than the least possible, %s", text, bound);
    if (value > row->most) return refuse(cfg, opt, "'%s' is more than the most possible, %s", text, bound);
    *number_at(current->options, row) = value;
    return true;
}

/* libconfuse has just set opt. */
static int check_option(cfg_t *cfg, cfg_opt_t *opt) {
    const char *section = strcmp(cfg_name(cfg), "root") == 0 ? "" : cfg_name(cfg);
    const struct row *row = rows;
    while (row < rows_end && (strcmp(row->section, section) != 0 || strcmp(row->key, opt->name) != 0)) row++;
    if (row == rows_end) return refuse(cfg, opt, "nobody reads it"), -1;
    if ((opt->flags & (SEEN | CFGF_LIST)) == SEEN) return refuse(cfg, opt, "it is set twice"), -1;
    opt->flags |= SEEN;
    return (row->read != NULL ? row->read(cfg, opt) : read_number(cfg, opt, row)) ? 0 : -1;
}

/* ---- whole sections ---- */

static bool was_set(cfg_t *cfg, const char *key) { return cfg_size(cfg, key) > 0; }

static bool same_endpoint(const struct endpoint *a, const struct endpoint *b) {
    return a->is_unix == b->is_unix && a->port == b->port && strcmp(a->host, b->host) == 0 &&
           strcmp(a->path, b->path) == 0;
}

/* What was written down is needed, and what is needed was written down. */
static bool check_tls(cfg_t *cfg, const cfg_opt_t *opt, const char *title) {
    const struct listener_options *listener = &current->listener;
    bool is_off = listener->tls == TLS_OFF, has_certificate = listener->tls_certificate != NULL;
    if (is_off && (has_certificate || listener->tls_key != NULL))
        return refuse(cfg, opt, "\"%s\" has tls = off, which needs no certificate and no key", title);
    if (!is_off && (!has_certificate || listener->tls_key == NULL))
        return refuse(cfg, opt, "\"%s\" does TLS, but has no '%s'", title,
                      has_certificate ? "tls_key" : "tls_certificate");
    if (listener->downstream_tls != TLS_VERIFY && listener->downstream_ca != NULL)
        return refuse(cfg, opt, "\"%s\" has a 'downstream_ca', but downstream_tls is not verify", title);
    if (listener->downstream_tls != TLS_OFF && listener->downstream_kind == DOWNSTREAM_TESTER)
        return refuse(cfg, opt, "\"%s\" has a 'downstream_tls', but the tester behind it", title);
    if (listener->downstream_tls != TLS_OFF && listener->downstream_kind == DOWNSTREAM_MAILDIR)
        return refuse(cfg, opt, "\"%s\" has a 'downstream_tls', but a Maildir behind it", title);
    if (listener->downstream_tls == TLS_VERIFY && listener->downstream.is_unix)
        return refuse(cfg, opt, "\"%s\" has downstream_tls = verify, but a unix socket has no name to verify", title);
    return true;
}

static bool add_listener(cfg_t *cfg, const cfg_opt_t *opt, cfg_t *section) {
    static const char *const required[] = {"protocol", "listen", "downstream"};
    struct options *options = current->options;
    const char *title = cfg_title(section);
    for (size_t i = 0; i < sizeof required / sizeof *required; i++)
        if (!was_set(section, required[i])) return refuse(cfg, opt, "listener \"%s\" has no '%s'", title, required[i]);
    for (size_t i = 0; i < options->listener_count; i++) {
        const struct listener_options *other = &options->listener[i];
        if (strcmp(other->name, title) == 0) return refuse(cfg, opt, "there are two named \"%s\"", title);
        if (same_endpoint(&other->listen, &current->listener.listen))
            return refuse(cfg, opt, "\"%s\" listens where \"%s\" does already", title, other->name);
    }
    if (current->listener.has_socket_mode && !current->listener.listen.is_unix)
        return refuse(cfg, opt, "\"%s\" has a 'socket_mode', but listens on no unix socket", title);
    if (!check_tls(cfg, opt, title)) return false;
    if (options->listener_count == LISTENERS_MAX) return refuse(cfg, opt, "more than %d", LISTENERS_MAX);
    size_t count = options->listener_count + 1;
    struct listener_options *grown = reallocarray(options->listener, count, sizeof *grown);
    if (grown == NULL) return no_memory(cfg, opt);
    options->listener = grown;
    if (!options_set_text(&current->listener.name, title)) return no_memory(cfg, opt);
    grown[options->listener_count++] = current->listener;
    current->listener = (struct listener_options){.reject_line_ends = true}; /* the array owns what it had */
    return true;
}

static bool check_dns(cfg_t *cfg, const cfg_opt_t *opt) {
    const struct options *options = current->options;
    const struct {
        const char *mode, *list;
        size_t count;
        const char *also; /* a mode that reads the list when there is one */
    } needs[] = {
        {"forward", "forward", options->dns_forward.count, ""},
        {"stub", "stub", options->dns_stub.count, "forward"},
        {"zones", "zone_files", options->dns_zone_files.count, options->dns_mode},
    };
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        bool is_needed = strcmp(options->dns_mode, needs[i].mode) == 0;
        if (is_needed && needs[i].count == 0)
            return refuse(cfg, opt, "mode is %s, but '%s' lists nothing", needs[i].mode, needs[i].list);
        if (!is_needed && needs[i].count > 0 && strcmp(options->dns_mode, needs[i].also) != 0)
            return refuse(cfg, opt, "mode is %s, which does not ask what '%s' lists", options->dns_mode, needs[i].list);
    }
    return true;
}

static bool check_arc(cfg_t *cfg, const cfg_opt_t *opt) {
    const struct options *options = current->options;
    const struct {
        const char *key, *text;
    } needed[] = {
        {"domain", options->arc_domain}, {"selector", options->arc_selector}, {"key_file", options->arc_key_file}};
    for (size_t i = 0; options->arc_seal != 0 && i < sizeof needed / sizeof *needed; i++)
        if (needed[i].text[0] == '\0') return refuse(cfg, opt, "seal is true, but there is no '%s'", needed[i].key);
    if ((options->arc_next_selector[0] == '\0') != (options->arc_next_key_file[0] == '\0'))
        return refuse(cfg, opt, "next_selector and next_key_file go together");
    return true;
}

/* The pages tell who writes to whom, so other hosts get them with credentials or by an explicit word. */
static bool check_http_list(cfg_t *cfg, const cfg_opt_t *opt, const struct endpoint_list *list) {
    const struct options *options = current->options;
    char text[ENDPOINT_TEXT_MAX];
    if (options->http_access_file[0] != '\0' || options->http_for_everybody != 0) return true;
    for (size_t i = 0; i < list->count; i++) {
        if (endpoint_is_of_this_host(&list->item[i])) continue;
        endpoint_format(&list->item[i], text);
        return refuse(cfg, opt,
                      "other hosts can reach %s, and the pages tell who writes to whom: write access_file = \"/etc/sceau/access\" "
                      "with a token or password in it (docs/metrics.md), or listen on 127.0.0.1, [::1] or unix:path",
                      text);
    }
    return true;
}

static bool check_http(cfg_t *cfg, const cfg_opt_t *opt) {
    return check_http_list(cfg, opt, &current->options->http_listen) &&
           check_http_list(cfg, opt, &current->options->http_metrics_listen);
}

/* libconfuse has just seen the end of a section. */
static int check_section(cfg_t *cfg, cfg_opt_t *opt) {
    if (strcmp(opt->name, "listener") == 0)
        return add_listener(cfg, opt, cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1)) ? 0 : -1;
    if ((opt->flags & SEEN) != 0) return refuse(cfg, opt, "the section is there twice"), -1;
    opt->flags |= SEEN;
    if (strcmp(opt->name, "dns") == 0) return check_dns(cfg, opt) ? 0 : -1;
    if (strcmp(opt->name, "arc") == 0) return check_arc(cfg, opt) ? 0 : -1;
    if (strcmp(opt->name, "http") == 0) return check_http(cfg, opt) ? 0 : -1;
    if (current->options->rsa_bits_min > current->options->rsa_bits_max)
        return refuse(cfg, opt, "rsa_bits_min is more than rsa_bits_max"), -1;
    return 0;
}

/* ---- the whole file ---- */

/* Fills keys with the options of one section and the mark that ends them. */
static void collect(const char *section, cfg_opt_t keys[SECTION_KEYS_MAX], size_t *count) {
    for (const struct row *row = rows; row < rows_end; row++) {
        cfg_opt_t one = CFG_STR(row->key, NULL, row->flags), list = CFG_STR_LIST(row->key, NULL, CFGF_NONE);
        if (strcmp(row->section, section) != 0 || *count + 1 >= SECTION_KEYS_MAX) continue;
        keys[*count] = (row->flags & CFGF_LIST) != 0 ? list : one;
        keys[(*count)++].validcb = check_option;
    }
    keys[*count] = (cfg_opt_t)CFG_END();
}

static cfg_t *make_parser(const char *path) {
    static const char *const sections[] = {"listener", "dns", "http", "arc", "tester", "rules", "limits", "log"};
    enum { SECTIONS = sizeof sections / sizeof *sections };
    cfg_opt_t keys[SECTIONS][SECTION_KEYS_MAX], outermost[SECTION_KEYS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < SECTIONS; i++) {
        size_t keys_count = 0;
        collect(sections[i], keys[i], &keys_count);
        cfg_opt_t section = CFG_SEC(sections[i], keys[i], i == 0 ? CFGF_MULTI | CFGF_TITLE : CFGF_NONE);
        section.validcb = check_section;
        outermost[count++] = section;
    }
    collect("", outermost, &count);
    cfg_t *cfg = cfg_init(outermost, CFGF_NONE); /* copies the lists */
    if (cfg == NULL) return NULL;
    cfg_set_error_function(cfg, complain);
    cfg->filename = strdup(path);
    return cfg;
}

/* The file's octets, NULL after set_error. */
static char *read_file(struct reading *reading, size_t *len) {
    struct stat info;
    char *text = NULL;
    FILE *file = fopen(reading->path, "re");
    if (file == NULL || fstat(fileno(file), &info) != 0) {
        set_error(reading, 0, strerror(errno));
    } else if (!S_ISREG(info.st_mode)) {
        set_error(reading, 0, "this is no file");
    } else if ((text = malloc(FILE_OCTETS_MAX + 1)) == NULL) {
        set_error(reading, 0, "out of memory");
    } else {
        *len = fread(text, 1, FILE_OCTETS_MAX + 1, file);
        if (ferror(file))
            set_error(reading, 0, strerror(errno));
        else if (*len > FILE_OCTETS_MAX)
            set_error(reading, 0, "more than 1 MiB is no configuration");
    }
    if (file != NULL) fclose(file);
    if (!reading->failed) return text;
    free(text);
    return NULL;
}

/* libconfuse follows null pointers, and its scanner ends the process, when an allocation of theirs is refused: a reload that
 * memory may be too short for must not begin. */
static bool has_memory_to_parse(void) {
    void *volatile room = malloc(PARSER_ROOM); /* else the compiler takes both calls away */
    bool has_room = room != NULL;
    free(room);
    return has_room;
}

static void parse(struct reading *reading, char *text, size_t len) {
    unsigned line;
    enum config_text_status status = config_text_check((struct span){text, len}, &line);
    if (status != CONFIG_TEXT_OK) {
        set_error(reading, line, config_text_status_text(status));
        return;
    }
    cfg_t *cfg = has_memory_to_parse() ? make_parser(reading->path) : NULL;
    FILE *stream = fmemopen(text, len, "r");
    if (cfg == NULL || stream == NULL)
        set_error(reading, 0, "out of memory");
    else if (cfg_parse_fp(cfg, stream) != CFG_SUCCESS)
        set_error(reading, (unsigned)cfg->line, "cannot be read");
    if (stream != NULL) fclose(stream);
    if (cfg != NULL) cfg_free(cfg);
}

/* Sections come in any order, so what they want of each other is looked at last. */
static void check_tester(struct reading *reading) {
    const struct options *options = reading->options;
    bool has_listener = false;
    for (size_t i = 0; i < options->listener_count; i++) has_listener |= options->listener[i].downstream_kind == DOWNSTREAM_TESTER;
    bool is_enabled = options->tester_enabled != 0, has_domain = options->tester_domain[0] != '\0';
    if (has_listener && !(is_enabled && has_domain))
        set_error(reading, 0, "a listener has downstream = tester: tester wants enabled = true and a 'domain'");
    else if (!is_enabled && options->tester_listen.count > 0)
        set_error(reading, 0, "tester has a 'listen', but enabled is not true");
    else if (is_enabled && has_domain && !has_listener)
        set_error(reading, 0, "tester has a 'domain', but no listener has downstream = tester");
}

struct options *options_read(const char *path, char **error) {
    struct reading reading = {.path = path, .options = options_create()};
    size_t len = 0;
    listener_options_clear(&reading.listener);
    current = &reading;
    char *text = read_file(&reading, &len);
    if (reading.options == NULL) set_error(&reading, 0, "out of memory");
    if (!reading.failed) {
        text[len] = '\n'; /* room is there; the stream below cannot be empty */
        parse(&reading, text, len + 1);
    }
    if (!reading.failed && reading.options->listener_count == 0) set_error(&reading, 0, "there is no listener");
    if (!reading.failed && options_message_memory(reading.options) < MESSAGE_MEMORY_MIN)
        set_error(&reading, 0, "'memory' in limits: less 'key_cache' in dns and 64MiB for the program, it leaves less than 16MiB for "
                               "sessions and messages");
    if (!reading.failed) check_tester(&reading);
    current = NULL;
    free(text);
    listener_options_clear(&reading.listener);
    *error = reading.error;
    if (!reading.failed) return reading.options;
    options_release(reading.options);
    return NULL;
}
