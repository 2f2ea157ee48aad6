#include "rules/rule_facts.h"
#include <stdio.h>
#include "base/ascii.h"
#include "rules/rule_input.h"
#include "verifier/domain_name.h"
#include "verifier/finding.h"
#include "verifier/from_field.h"
#include "verifier/header_section.h"
#include "verifier/result.h"

const struct rule_fact rule_facts[FACT_COUNT] = {
#define FACT(id, name, type, scope, unit, words, family, source, help)                                                 \
    [id] = {name,   RULE_##type, RULE_SCOPE_##scope, RULE_UNIT_##unit, RULE_WORDS_##words, RULE_FAMILY_##family,       \
            source, help},
#include "rules/facts.def"
#undef FACT
};

static const struct {
    char letter;
    const char *text, *operand;
} types[] = {
#define X(name, letter, text, operand) {letter, text, operand},
    RULE_TYPES(X)
#undef X
};

char rule_type_letter(enum rule_type type) { return types[type].letter; }
const char *rule_type_text(enum rule_type type) { return types[type].text; }
const char *rule_type_operand(enum rule_type type) { return types[type].operand; }

const char *rule_scope_word(enum rule_scope scope) {
    static const char *const words[] = {"message", "signature", "recipient", "finding"};
    return words[scope];
}

const char *rule_unit_word(enum rule_unit unit) {
    static const char *const words[] = {"", "", "bits", "octets", "seconds"};
    return words[unit];
}

bool rule_facts_find(struct span name, enum rule_fact_id *out) {
    for (size_t i = 0; i < FACT_COUNT; i++)
        if (span_is(name, rule_facts[i].name)) {
            *out = (enum rule_fact_id)i;
            return true;
        }
    return false;
}

/* --- what is worked out once -------------------------------------------------------------------------------------- */

struct recipient {
    bool is_known, is_named, has_named;
    struct span address, domain;
};

struct repeats {
    bool is_known, has;
    uint64_t count;
};

struct rule_view_memo {
    bool has_from, has_mail_from, has_helo, has_first_seen, has_volume; /* was worked out */
    struct from_field from;
    struct span from_address, mail_from, mail_from_domain, helo;
    bool first_seen_is_known, volume_is_known;
    int64_t first_seen_s;
    uint64_t volume;
    struct recipient *recipients; /* one for each of input */
    struct repeats *repeats;      /* one for each signature */
};

bool rule_view_init(struct rule_view *view, const struct rule_input *input, struct arena *arena) {
    *view = (struct rule_view){.input = input, .arena = arena};
    view->memo = arena_alloc(arena, sizeof *view->memo);
    return view->memo != NULL;
}

size_t rule_view_count(const struct rule_view *view, enum rule_scope scope) {
    const struct rule_input *input = view->input;
    switch (scope) {
    case RULE_SCOPE_SIGNATURE: return input->result->dkim_count;
    case RULE_SCOPE_RECIPIENT: return input->has_envelope ? input->recipient_count : 0;
    case RULE_SCOPE_FINDING: return input->findings != NULL ? input->findings->count : 0;
    default: return 1;
    }
}

/* --- names in the form in which they are compared ----------------------------------------------------------------- */

static struct span domain_normal(struct rule_view *view, struct span text) {
    char name[DOMAIN_NAME_MAX];
    size_t len = domain_name_write(text, false, name);
    struct span out = len > 0 ? arena_copy(view->arena, (struct span){name, len}) : (struct span){0};
    view->no_memory |= len > 0 && out.ptr == NULL;
    return out;
}

static size_t last_at(struct span text) {
    for (size_t i = text.len; i > 0; i--)
        if (text.ptr[i - 1] == '@') return i - 1;
    return text.len;
}

bool rule_mailbox_normal(struct span text, struct arena *arena, struct span *out) {
    char domain[DOMAIN_NAME_MAX];
    size_t local = last_at(text), len = 0;
    *out = (struct span){0};
    if (local < text.len) len = domain_name_write(span_after(text, local + 1), false, domain);
    if (len == 0) return true;
    char *copy = arena_alloc(arena, local + 1 + len);
    if (copy == NULL) return false;
    for (size_t i = 0; i < local; i++) copy[i] = ascii_lower(text.ptr[i]);
    copy[local] = '@';
    memcpy(copy + local + 1, domain, len);
    *out = (struct span){copy, local + 1 + len};
    return true;
}

static struct span mailbox_normal(struct rule_view *view, struct span text) {
    struct span out;
    view->no_memory |= !rule_mailbox_normal(text, view->arena, &out);
    return out;
}

static struct span after_at(struct span mailbox) {
    size_t at = last_at(mailbox);
    return at < mailbox.len ? span_after(mailbox, at + 1) : (struct span){0};
}

/* --- values ------------------------------------------------------------------------------------------------------- */

static bool give_bool(struct rule_value *out, bool value) {
    *out = (struct rule_value){.type = RULE_BOOL, .number = value};
    return true;
}
static bool give_word(struct rule_value *out, unsigned value) {
    *out = (struct rule_value){.type = RULE_WORD, .number = value};
    return true;
}
static bool give_count(struct rule_value *out, uint64_t value) {
    *out = (struct rule_value){.type = RULE_INTEGER, .number = value < INT64_MAX ? (int64_t)value : INT64_MAX};
    return true;
}
static bool give_span(struct rule_value *out, enum rule_type type, struct span value) {
    *out = (struct rule_value){.type = type, .text = value};
    return value.len > 0;
}

/* now - then, or then - now, without overflow. */
static int64_t difference(int64_t a, int64_t b) {
    int64_t out;
    if (__builtin_sub_overflow(a, b, &out)) return a < b ? INT64_MIN : INT64_MAX;
    return out;
}
static bool give_seconds(struct rule_value *out, int64_t value) {
    *out = (struct rule_value){.type = RULE_INTEGER, .number = value};
    return true;
}

static bool read_repeats(struct rule_view *view, size_t index, struct rule_value *out) {
    const struct rule_memory *memory = view->input->memory;
    const struct message_result *result = view->input->result;
    if (memory == NULL || memory->repeats == NULL || result->dkim[index].signature.len == 0) return false;
    if (view->memo->repeats == NULL)
        view->memo->repeats = arena_alloc(view->arena, result->dkim_count * sizeof *view->memo->repeats);
    if (view->memo->repeats == NULL) {
        view->no_memory = true;
        return false;
    }
    struct repeats *repeats = &view->memo->repeats[index];
    if (!repeats->is_known)
        repeats->has = memory->repeats(memory->owner, result->dkim[index].signature, &repeats->count);
    repeats->is_known = true;
    return repeats->has && give_count(out, repeats->count);
}

static bool read_mailbox(struct rule_view *view, struct span text, struct rule_value *out) {
    return give_span(out, RULE_MAILBOX, mailbox_normal(view, text));
}

static bool read_signature(struct rule_view *view, enum rule_fact_id fact, size_t index, struct rule_value *out) {
    const struct dkim_result *dkim = &view->input->result->dkim[index];
    bool has_key = dkim->key_bits > 0;
    switch (fact) {
    case FACT_SIGNATURE_RESULT: return give_word(out, dkim->result);
    case FACT_SIGNATURE_CODE: return give_word(out, dkim->code);
    case FACT_SIGNATURE_CAUSE:
        return dkim_code_cause(dkim->code) != CAUSE_NONE && give_word(out, dkim_code_cause(dkim->code));
    case FACT_SIGNATURE_DETAIL: return give_span(out, RULE_TEXT, dkim->detail);
    case FACT_SIGNATURE_DOMAIN: return give_span(out, RULE_DOMAIN, dkim->domain_ascii);
    case FACT_SIGNATURE_SELECTOR: return give_span(out, RULE_TEXT, dkim->selector);
    case FACT_SIGNATURE_AUID: return read_mailbox(view, dkim->auid, out);
    case FACT_SIGNATURE_ALGORITHM: return give_span(out, RULE_TEXT, dkim->algorithm);
    case FACT_SIGNATURE_CANONICALIZATION: return give_span(out, RULE_TEXT, dkim->canonicalization);
    case FACT_SIGNATURE_KEY_TYPE: return has_key && give_word(out, dkim->key_algorithm);
    case FACT_SIGNATURE_KEY_BITS: return has_key && give_count(out, dkim->key_bits);
    case FACT_SIGNATURE_WEAK: return give_bool(out, dkim->weak);
    case FACT_SIGNATURE_TESTING: return give_bool(out, dkim->testing);
    case FACT_SIGNATURE_DNSSEC: return dkim->has_key_answer && give_word(out, dkim->dnssec);
    case FACT_SIGNATURE_CNAME:
        return dkim->cname_count > 0 &&
               give_span(out, RULE_DOMAIN, domain_normal(view, dkim->cname[dkim->cname_count - 1]));
    case FACT_SIGNATURE_RECORDS: return give_count(out, dkim->records_tried);
    case FACT_SIGNATURE_ALIGNED: return give_bool(out, dkim->aligned);
    case FACT_SIGNATURE_BODY_PART: return give_word(out, dkim->body_part);
    case FACT_SIGNATURE_HEADER_PART: return give_word(out, dkim->header_part);
    case FACT_SIGNATURE_UNSIGNED_OCTETS: return give_count(out, dkim->has_unsigned_octets ? dkim->unsigned_octets : 0);
    case FACT_SIGNATURE_BODY_OCTETS: return dkim->body_part != PART_UNKNOWN && give_count(out, dkim->body_octets);
    case FACT_SIGNATURE_AGE:
        return dkim->has_timestamp && give_seconds(out, difference(view->input->now_s, dkim->timestamp_s));
    case FACT_SIGNATURE_EXPIRES_IN:
        return dkim->has_expiration && give_seconds(out, difference(dkim->expiration_s, view->input->now_s));
    case FACT_SIGNATURE_POSITION: return give_count(out, index + 1);
    case FACT_SIGNATURE_REPEATS: return read_repeats(view, index, out);
    default: return false;
    }
}

static bool read_dkim(const struct message_result *result, enum rule_fact_id fact, struct rule_value *out) {
    size_t passes = 0, aligned = 0;
    for (size_t i = 0; i < result->dkim_count; i++) {
        bool pass = result->dkim[i].result == RESULT_PASS;
        passes += pass;
        aligned += pass && result->dkim[i].aligned;
    }
    switch (fact) {
    case FACT_DKIM_RESULT:
        if (result->dkim_count == 0) return give_word(out, RESULT_NONE);
        return give_word(out, passes > 0 ? RESULT_PASS : result->dkim[0].result);
    case FACT_DKIM_PASS: return give_bool(out, passes > 0);
    case FACT_DKIM_ALL_PASS: return give_bool(out, passes > 0 && passes == result->dkim_count);
    case FACT_DKIM_ALIGNED: return give_bool(out, aligned > 0);
    case FACT_DKIM_SIGNATURES: return give_count(out, result->dkim_count);
    default: return give_count(out, result->key_lookups);
    }
}

static bool read_arc(const struct arc_result *arc, enum rule_fact_id fact, struct rule_value *out) {
    if (!arc->is_evaluated) return false;
    switch (fact) {
    case FACT_ARC_RESULT: return give_word(out, arc->result);
    case FACT_ARC_CODE: return give_word(out, arc->code);
    case FACT_ARC_SETS: return give_count(out, arc->sets);
    case FACT_ARC_FAILED_SET: return arc->failed_set > 0 && give_count(out, arc->failed_set);
    case FACT_ARC_OLDEST_PASS: return arc->has_oldest_pass && give_count(out, arc->oldest_pass);
    case FACT_ARC_SEALER: return give_span(out, RULE_DOMAIN, arc->sealer);
    case FACT_ARC_TRUSTED: return give_bool(out, arc->is_trusted);
    case FACT_ARC_WAS_FAILED: return give_bool(out, arc->was_failed);
    default: return arc->has_key_answer && give_word(out, arc->dnssec);
    }
}

/* The one that speaks for the message: MAIL FROM where there is a reverse-path, else HELO. */
static const struct spf_result *deciding_spf(const struct message_result *result) {
    if (result->spf[SPF_MAIL_FROM].is_evaluated) return &result->spf[SPF_MAIL_FROM];
    return &result->spf[SPF_HELO];
}

static bool read_spf(const struct message_result *result, enum rule_fact_id fact, struct rule_value *out) {
    const struct spf_result *spf = fact == FACT_SPF_HELO        ? &result->spf[SPF_HELO]
                                   : fact == FACT_SPF_MAIL_FROM ? &result->spf[SPF_MAIL_FROM]
                                                                : deciding_spf(result);
    if (!spf->is_evaluated) return false;
    switch (fact) {
    case FACT_SPF_CODE: return give_word(out, spf->code);
    case FACT_SPF_SCOPE: return give_word(out, spf->scope);
    case FACT_SPF_IDENTITY: return give_span(out, RULE_TEXT, spf->identity);
    case FACT_SPF_DOMAIN: return give_span(out, RULE_DOMAIN, spf->domain);
    case FACT_SPF_MECHANISM: return give_span(out, RULE_TEXT, spf->mechanism);
    case FACT_SPF_LOOKUPS: return give_count(out, spf->lookups);
    case FACT_SPF_VOID_LOOKUPS: return give_count(out, spf->void_lookups);
    case FACT_SPF_DNSSEC: return give_word(out, spf->dnssec);
    default: return give_word(out, spf->result);
    }
}

static bool read_dmarc(const struct rule_view *view, enum rule_fact_id fact, struct rule_value *out) {
    const struct dmarc_result *dmarc = &view->input->result->dmarc;
    bool has_record = dmarc->policy != DMARC_POLICY_ABSENT;
    if (!dmarc->is_evaluated) return false;
    switch (fact) {
    case FACT_DMARC_RESULT: return give_word(out, dmarc->result);
    case FACT_DMARC_CODE: return give_word(out, dmarc->code);
    case FACT_DMARC_POLICY: return has_record && give_word(out, dmarc->policy);
    case FACT_DMARC_DISPOSITION:
        return dmarc->disposition != DMARC_POLICY_ABSENT &&
               give_word(out, view->is_overridden ? DMARC_POLICY_NONE : dmarc->disposition);
    case FACT_DMARC_DOMAIN: return give_span(out, RULE_DOMAIN, dmarc->domain);
    case FACT_DMARC_ORGANIZATION: return give_span(out, RULE_DOMAIN, dmarc->organizational_domain);
    case FACT_DMARC_POLICY_DOMAIN: return give_span(out, RULE_DOMAIN, dmarc->policy_domain);
    case FACT_DMARC_TESTING: return give_bool(out, dmarc->testing);
    case FACT_DMARC_DKIM_ALIGNED: return give_bool(out, dmarc->dkim_aligned);
    case FACT_DMARC_SPF_ALIGNED: return give_bool(out, dmarc->spf_aligned);
    case FACT_DMARC_STRICT_DKIM: return give_bool(out, dmarc->strict_dkim);
    case FACT_DMARC_STRICT_SPF: return give_bool(out, dmarc->strict_spf);
    default: return has_record && give_word(out, dmarc->dnssec);
    }
}

/* --- who wrote, who brings, who gets ------------------------------------------------------------------------------ */

static bool read_from_address(struct rule_view *view, struct rule_value *out) {
    struct rule_view_memo *memo = view->memo;
    if (!memo->has_from) {
        memo->has_from = true;
        if (!from_field_parse(view->input->header, view->arena, &memo->from))
            view->no_memory = true;
        else
            memo->from_address = mailbox_normal(view, memo->from.address);
    }
    return give_span(out, RULE_MAILBOX, memo->from_address);
}

static bool read_mail_from(struct rule_view *view, enum rule_fact_id fact, struct rule_value *out) {
    struct rule_view_memo *memo = view->memo;
    if (!view->input->has_envelope) return false;
    if (fact == FACT_MAIL_FROM_NULL) return give_bool(out, view->input->mail_from.len == 0);
    if (!memo->has_mail_from) {
        memo->has_mail_from = true;
        memo->mail_from = mailbox_normal(view, view->input->mail_from);
        memo->mail_from_domain = after_at(memo->mail_from);
    }
    return fact == FACT_MAIL_FROM_ADDRESS ? give_span(out, RULE_MAILBOX, memo->mail_from)
                                          : give_span(out, RULE_DOMAIN, memo->mail_from_domain);
}

static bool holds_nocase(struct span text, struct span part) {
    for (size_t i = 0; part.len > 0 && i + part.len <= text.len; i++)
        if (ascii_lower(text.ptr[i]) == ascii_lower(part.ptr[0]) &&
            span_equal_nocase((struct span){text.ptr + i, part.len}, part))
            return true;
    return false;
}

static bool is_named(const struct header_section *header, struct span address) {
    for (size_t i = 0; i < header->count; i++) {
        struct span name = header->fields[i].name;
        if (!span_is_nocase(name, "To") && !span_is_nocase(name, "Cc")) continue;
        if (holds_nocase(header->fields[i].body, address)) return true;
    }
    return false;
}

static bool read_recipient(struct rule_view *view, enum rule_fact_id fact, size_t index, struct rule_value *out) {
    struct rule_view_memo *memo = view->memo;
    struct span text = view->input->recipients[index];
    if (memo->recipients == NULL)
        memo->recipients = arena_alloc(view->arena, view->input->recipient_count * sizeof *memo->recipients);
    if (memo->recipients == NULL) {
        view->no_memory = true;
        return false;
    }
    struct recipient *recipient = &memo->recipients[index];
    if (!recipient->is_known) {
        recipient->is_known = true;
        recipient->address = mailbox_normal(view, text);
        recipient->domain = after_at(recipient->address);
    }
    switch (fact) {
    case FACT_RECIPIENT_ADDRESS: return give_span(out, RULE_MAILBOX, recipient->address);
    case FACT_RECIPIENT_DOMAIN: return give_span(out, RULE_DOMAIN, recipient->domain);
    case FACT_RECIPIENT_LOCAL_PART: return give_span(out, RULE_TEXT, span_first(text, last_at(text)));
    default:
        if (!recipient->has_named) recipient->is_named = is_named(view->input->header, text);
        recipient->has_named = true;
        return give_bool(out, recipient->is_named);
    }
}

static bool read_helo(struct rule_view *view, struct rule_value *out) {
    if (!view->memo->has_helo) view->memo->helo = domain_normal(view, view->input->helo);
    view->memo->has_helo = true;
    return give_span(out, RULE_DOMAIN, view->memo->helo);
}

static bool read_statistics(struct rule_view *view, enum rule_fact_id fact, struct rule_value *out) {
    const struct rule_memory *memory = view->input->memory;
    struct rule_view_memo *memo = view->memo;
    struct span domain = view->input->result->from_domain;
    if (memory == NULL || domain.len == 0) return false;
    if (fact == FACT_DOMAIN_FIRST_SEEN) {
        if (!memo->has_first_seen && memory->first_seen != NULL)
            memo->first_seen_is_known = memory->first_seen(memory->owner, domain, &memo->first_seen_s);
        memo->has_first_seen = true;
        return memo->first_seen_is_known && give_seconds(out, memo->first_seen_s);
    }
    if (!memo->has_volume && memory->volume != NULL)
        memo->volume_is_known = memory->volume(memory->owner, domain, &memo->volume);
    memo->has_volume = true;
    return memo->volume_is_known && give_count(out, memo->volume);
}

static bool read_surroundings(struct rule_view *view, enum rule_fact_id fact, struct rule_value *out) {
    const struct rule_input *input = view->input;
    switch (fact) {
    case FACT_CLIENT_ADDRESS:
        *out = (struct rule_value){.type = RULE_ADDRESS, .address = input->client, .is_v4 = input->client_is_v4};
        return input->has_client;
    case FACT_CLIENT_HELO: return read_helo(view, out);
    case FACT_CLIENT_HELO_TEXT: return give_span(out, RULE_TEXT, input->helo);
    case FACT_CLIENT_TLS: return give_bool(out, input->has_tls);
    case FACT_CLIENT_TLS_VERSION: return input->has_tls && give_span(out, RULE_TEXT, input->tls_version);
    case FACT_CLIENT_TLS_CIPHER: return input->has_tls && give_span(out, RULE_TEXT, input->tls_cipher);
    case FACT_LISTENER_NAME: return give_span(out, RULE_TEXT, input->listener);
    case FACT_LISTENER_PROTOCOL: return input->protocol != RULE_PROTOCOL_UNKNOWN && give_word(out, input->protocol);
    case FACT_RECIPIENTS: return input->has_envelope && give_count(out, input->recipient_count);
    case FACT_OVERRIDE_ACTIVE: return give_bool(out, view->is_overridden);
    default: return read_statistics(view, fact, out);
    }
}

static bool read_message(struct rule_view *view, enum rule_fact_id fact, struct rule_value *out) {
    const struct message_result *result = view->input->result;
    switch (fact) {
    case FACT_FROM_DOMAIN: return give_span(out, RULE_DOMAIN, result->from_domain);
    case FACT_FROM_ADDRESS: return read_from_address(view, out);
    case FACT_FROM_FIELDS: return give_count(out, result->from_fields);
    case FACT_FROM_ADDRESSES: return give_count(out, result->from_addresses);
    case FACT_MESSAGE_SIZE: return give_count(out, result->size);
    case FACT_HEADER_SIZE: return give_count(out, view->input->header->octets.len);
    case FACT_HEADER_FIELDS: return give_count(out, view->input->header->count);
    case FACT_IPREV_RESULT: return result->iprev.is_evaluated && give_word(out, result->iprev.result);
    case FACT_IPREV_NAME:
        return result->iprev.is_evaluated && give_span(out, RULE_DOMAIN, domain_normal(view, result->iprev.name));
    default: return read_surroundings(view, fact, out);
    }
}

bool rule_view_read(struct rule_view *view, enum rule_fact_id fact, size_t index, struct rule_value *out) {
    const struct message_result *result = view->input->result;
    if (index >= rule_view_count(view, rule_facts[fact].scope)) return false;
    if (rule_facts[fact].scope == RULE_SCOPE_SIGNATURE) return read_signature(view, fact, index, out);
    if (rule_facts[fact].scope == RULE_SCOPE_RECIPIENT) return read_recipient(view, fact, index, out);
    if (fact == FACT_FINDING_NAME)
        return give_span(out, RULE_TEXT, span_of(finding_name(view->input->findings->finding[index].id)));
    if (fact <= FACT_DKIM_KEY_LOOKUPS) return read_dkim(result, fact, out);
    if (fact >= FACT_ARC_RESULT && fact <= FACT_ARC_DNSSEC) return read_arc(&result->arc, fact, out);
    if (fact >= FACT_SPF_RESULT && fact <= FACT_SPF_MAIL_FROM) return read_spf(result, fact, out);
    if (fact >= FACT_DMARC_RESULT && fact <= FACT_DMARC_DNSSEC) return read_dmarc(view, fact, out);
    if (fact >= FACT_MAIL_FROM_ADDRESS && fact <= FACT_MAIL_FROM_NULL) return read_mail_from(view, fact, out);
    return read_message(view, fact, out);
}

static void write_address(struct bytes *out, const struct rule_value *value) {
    const uint8_t *a = value->address;
    if (value->is_v4) bytes_append_format(out, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
    for (size_t i = 0; i < 16 && !value->is_v4; i += 2)
        bytes_append_format(out, "%s%x", i > 0 ? ":" : "", (unsigned)a[i] << 8 | a[i + 1]);
}

void rule_value_write(struct bytes *out, const struct rule_value *value, enum rule_word_list words) {
    const char *word;
    switch (value->type) {
    case RULE_BOOL: bytes_append_text(out, value->number != 0 ? "true" : "false"); break;
    case RULE_INTEGER: bytes_append_int(out, value->number); break;
    case RULE_ADDRESS: write_address(out, value); break;
    case RULE_WORD:
        word = rule_word(words, (unsigned)value->number);
        bytes_append_text(out, word != NULL ? word : "");
        break;
    default: bytes_append(out, value->text); break;
    }
}
