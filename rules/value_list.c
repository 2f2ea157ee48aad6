#include "rules/value_list.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/ascii.h"
#include "base/bytes.h"
#include "base/keyed_hash.h"
#include "rules/value_range.h"
#include "verifier/domain_name.h"

/* Names lie one behind the other, each behind two octets of its length; slots hold 1 + where they begin, 0: free. At
 * least half of the slots are free. */
struct value_list {
    enum value_list_kind kind;
    struct bytes names;
    uint32_t *slot;
    size_t slots; /* a power of two */
    size_t count;
    struct value_range_set ranges; /* VALUE_LIST_NETWORKS */
};

enum { SLOTS_FIRST = 64, NAMES_MAX = 1 << 30, VALUE_MAX = VALUE_LIST_ENTRY_MAX };

/* -- names -- */

static struct span name_at(const struct value_list *list, uint32_t at) {
    const unsigned char *len = (const unsigned char *)list->names.ptr + at;
    return (struct span){list->names.ptr + at + 2, (size_t)len[0] << 8 | len[1]};
}

/* The slot of name: the one that holds it, or the free one where it belongs. */
static uint32_t *find_slot(const struct value_list *list, struct span name) {
    size_t mask = list->slots - 1;
    size_t at = (size_t)keyed_hash(keyed_hash_process_key(), name) & mask;
    while (list->slot[at] != 0 && !span_equal(name_at(list, list->slot[at] - 1), name)) at = (at + 1) & mask;
    return &list->slot[at];
}

static bool has_name(const struct value_list *list, struct span name) {
    return list->slots > 0 && *find_slot(list, name) != 0;
}

static bool grow(struct value_list *list) {
    struct value_list larger = *list;
    larger.slots = list->slots > 0 ? list->slots * 2 : SLOTS_FIRST;
    larger.slot = calloc(larger.slots, sizeof *larger.slot);
    if (larger.slot == NULL) return false;
    for (size_t i = 0; i < list->slots; i++)
        if (list->slot[i] != 0) *find_slot(&larger, name_at(list, list->slot[i] - 1)) = list->slot[i];
    free(list->slot);
    *list = larger;
    return true;
}

static bool add_name(struct value_list *list, struct span name) {
    if ((list->count + 1) * 2 > list->slots && !grow(list)) return false;
    uint32_t *slot = find_slot(list, name), at = (uint32_t)list->names.len;
    if (*slot != 0) return true;
    const char len[2] = {(char)(name.len >> 8), (char)(name.len & 0xff)};
    if (!bytes_reserve(&list->names, sizeof len + name.len)) return false;
    bytes_append(&list->names, (struct span){len, sizeof len});
    bytes_append(&list->names, name);
    *slot = at + 1;
    list->count++;
    return true;
}

/* -- entries -- */

static size_t write_lower(struct span text, char *out) {
    for (size_t i = 0; i < text.len; i++) out[i] = ascii_lower(text.ptr[i]);
    return text.len;
}

/* A leading dot stays: it is part of the name in the table. */
static const char *add_domain(struct value_list *list, struct span entry) {
    char name[1 + DOMAIN_NAME_MAX];
    size_t dot = entry.ptr[0] == '.' ? 1 : 0;
    name[0] = '.';
    size_t len = domain_name_write(span_after(entry, dot), false, name + dot);
    if (len == 0) return "no domain name";
    return add_name(list, (struct span){name, dot + len}) ? NULL : "out of memory";
}

static const char *add_mailbox(struct value_list *list, struct span entry) {
    char name[VALUE_MAX + DOMAIN_NAME_MAX + 1];
    const char *at = memrchr(entry.ptr, '@', entry.len);
    if (at == NULL) return "no mailbox: user@domain, or @domain for everybody there";
    size_t local = write_lower(span_first(entry, (size_t)(at - entry.ptr) + 1), name);
    size_t len = domain_name_write(span_after(entry, local), false, name + local);
    if (len == 0) return "no domain name behind the @";
    return add_name(list, (struct span){name, local + len}) ? NULL : "out of memory";
}

static const char *add_word(struct value_list *list, struct span entry) {
    char name[VALUE_MAX];
    return add_name(list, (struct span){name, write_lower(entry, name)}) ? NULL : "out of memory";
}

static const char *add_network(struct value_list *list, struct span entry) {
    char text[NETWORK_TEXT_MAX];
    struct network network;
    if (entry.len >= sizeof text || memchr(entry.ptr, '\0', entry.len) != NULL) return "no address or network";
    memcpy(text, entry.ptr, entry.len);
    text[entry.len] = '\0';
    if (!network_parse(text, &network))
        return "no address or network: 192.0.2.1, 192.0.2.0/24, 2001:db8::/32 (no bits behind the prefix)";
    return value_range_set_add(&list->ranges, &network) ? NULL : "out of memory";
}

static const char *add_entry(struct value_list *list, struct span entry) {
    if (entry.len > VALUE_LIST_ENTRY_MAX) return "longer than 320 octets";
    switch (list->kind) {
    case VALUE_LIST_DOMAINS: return add_domain(list, entry);
    case VALUE_LIST_MAILBOXES: return add_mailbox(list, entry);
    case VALUE_LIST_NETWORKS: return add_network(list, entry);
    default: return add_word(list, entry);
    }
}

/* -- reading -- */

static void complain(struct value_list_error *error, const char *name, size_t line, const char *text) {
    error->line = line;
    if (line > 0)
        (void)snprintf(error->text, sizeof error->text, "%s:%zu: %s", name, line, text);
    else
        (void)snprintf(error->text, sizeof error->text, "%s: %s", name, text);
}

/* Without comment and white space around. */
static struct span entry_of(struct span line) {
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] == '#' && (i == 0 || ascii_is_wsp(line.ptr[i - 1]))) line.len = i;
    return span_trim(line);
}

static bool read_lines(struct value_list *list, struct span text, const char *name, struct value_list_error *error) {
    size_t entries = 0;
    for (size_t number = 1; text.len > 0; number++) {
        size_t len = span_find(text, '\n');
        struct span entry = entry_of(span_first(text, len));
        text = span_after(text, len < text.len ? len + 1 : len);
        if (entry.len == 0) continue;
        const char *wrong = ++entries > VALUE_LIST_ENTRIES_MAX ? "more than 2,000,000 entries" : add_entry(list, entry);
        if (wrong != NULL) return complain(error, name, number, wrong), false;
    }
    return true;
}

struct value_list *value_list_read(struct span text, const char *name, enum value_list_kind kind,
                                   struct value_list_error *error) {
    struct value_list *list = calloc(1, sizeof *list);
    if (list == NULL) return complain(error, name, 0, "out of memory"), NULL;
    list->kind = kind;
    list->names = bytes_with_cap(NAMES_MAX);
    if (!read_lines(list, text, name, error)) return value_list_destroy(list), NULL;
    value_range_set_seal(&list->ranges);
    return list;
}

/* Why not, or NULL. */
static const char *read_file(int fd, struct bytes *out) {
    struct stat about;
    if (fd < 0 || fstat(fd, &about) != 0) return strerrordesc_np(errno);
    if (!S_ISREG(about.st_mode)) return "not a regular file";
    if (about.st_size > VALUE_LIST_FILE_MAX) return "larger than 256 MiB";
    if (about.st_size > 0 && !bytes_reserve(out, (size_t)about.st_size)) return "out of memory";
    for (;;) { /* it may grow while it is read: the cap of out is the end */
        if (!bytes_reserve(out, 4096)) return "larger than 256 MiB";
        ssize_t count = read(fd, out->ptr + out->len, out->room - out->len);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return strerrordesc_np(errno);
        if (count == 0) return NULL;
        out->len += (size_t)count;
    }
}

struct value_list *value_list_load(const char *path, enum value_list_kind kind, struct value_list_error *error) {
    struct value_list *list = NULL;
    struct bytes text = bytes_with_cap((size_t)VALUE_LIST_FILE_MAX + 8192);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe shall not keep us waiting before it is refused */
    const char *wrong = read_file(fd, &text);
    if (wrong != NULL)
        complain(error, path, 0, wrong);
    else
        list = value_list_read(bytes_span(&text), path, kind, error);
    if (fd >= 0) close(fd);
    bytes_release(&text);
    return list;
}

void value_list_destroy(struct value_list *list) {
    if (list == NULL) return;
    bytes_release(&list->names);
    value_range_set_release(&list->ranges);
    free(list->slot);
    free(list);
}

size_t value_list_count(const struct value_list *list) { return list->count + value_range_set_count(&list->ranges); }

size_t value_list_octets(const struct value_list *list) {
    return sizeof *list + list->names.room + list->slots * sizeof *list->slot + value_range_set_octets(&list->ranges);
}

/* -- questions -- */

bool value_list_has(const struct value_list *list, struct span value) {
    char name[VALUE_MAX + DOMAIN_NAME_MAX + 1];
    if (value.len > sizeof name || (list->kind != VALUE_LIST_MAILBOXES && list->kind != VALUE_LIST_WORDS)) return false;
    struct span lower = {name, write_lower(value, name)};
    if (has_name(list, lower)) return true;
    const char *at = list->kind == VALUE_LIST_MAILBOXES && lower.len > 0 ? memrchr(lower.ptr, '@', lower.len) : NULL;
    return at != NULL && has_name(list, span_after(lower, (size_t)(at - lower.ptr)));
}

/* From the whole name up to its last label: whether an entry with a dot is there, or (any) one without. */
static bool has_above(const struct value_list *list, struct span domain, bool any) {
    char name[1 + DOMAIN_NAME_MAX];
    if (domain.len == 0 || domain.len > DOMAIN_NAME_MAX) return false;
    name[0] = '.';
    memcpy(name + 1, domain.ptr, domain.len);
    for (struct span rest = {name, domain.len + 1};;) {
        if (has_name(list, rest) || (any && has_name(list, span_after(rest, 1)))) return true;
        size_t dot = span_find(span_after(rest, 1), '.') + 1;
        if (dot >= rest.len) return false;
        rest = span_after(rest, dot);
    }
}

bool value_list_has_domain(const struct value_list *list, struct span domain) {
    if (list->kind != VALUE_LIST_DOMAINS) return false;
    return has_name(list, domain) || has_above(list, domain, false);
}

bool value_list_has_domain_or_above(const struct value_list *list, struct span domain) {
    return list->kind == VALUE_LIST_DOMAINS && has_above(list, domain, true);
}

bool value_list_has_address(const struct value_list *list, const uint8_t *address, bool is_v4) {
    return value_range_set_has(&list->ranges, address, is_v4);
}
