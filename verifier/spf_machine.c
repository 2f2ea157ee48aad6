#include "verifier/spf_machine.h"
#include "base/ascii.h"
#include "verifier/domain_name.h"

/* ---- Ends ---- */

enum spf_step spf_machine_go(struct spf_check *check, enum spf_state state) {
    check->state = state;
    return SPF_STEP_AGAIN;
}

enum spf_step spf_machine_finish(struct spf_check *check, enum auth_result result, enum spf_code code) {
    if (check->is_decided) return spf_machine_go(check, SPF_STATE_DONE); /* no memory for its explanation */
    check->result.result = result;
    check->result.code = code;
    check->is_decided = true;
    bool explains = result == RESULT_FAIL && check->wants_explanation && check->frames[0].record.explanation.len > 0;
    return spf_machine_go(check, explains ? SPF_STATE_ASK_EXPLANATION : SPF_STATE_DONE);
}

enum spf_step spf_machine_out_of_memory(struct spf_check *check) {
    return spf_machine_finish(check, RESULT_TEMPERROR, SPF_NO_MEMORY);
}

bool spf_machine_is_failure(const struct dns_answer *answer) {
    return answer->status != DNS_FOUND && answer->status != DNS_NXDOMAIN && answer->status != DNS_NODATA;
}

enum spf_step spf_machine_finish_failed(struct spf_check *check) {
    enum dns_status status = check->answer->status;
    return spf_machine_finish(check, RESULT_TEMPERROR,
                              status == DNS_BOGUS     ? SPF_DNS_BOGUS
                              : status == DNS_TIMEOUT ? SPF_DNS_TIMEOUT
                                                      : SPF_DNS_SERVFAIL);
}

/* ---- Limits ---- */

bool spf_machine_count_lookup(struct spf_check *check) {
    check->is_void = false;
    if (check->is_decided || check->result.lookups < SPF_LOOKUPS_MAX) {
        check->result.lookups += !check->is_decided;
        return true;
    }
    spf_machine_finish(check, RESULT_PERMERROR, SPF_TOO_MANY_LOOKUPS);
    return false;
}

bool spf_machine_count_void(struct spf_check *check) {
    if (check->answer->status == DNS_FOUND || check->is_void || check->is_decided) return true;
    check->is_void = true;
    if (check->result.void_lookups < SPF_VOID_LOOKUPS_MAX) return ++check->result.void_lookups, true;
    spf_machine_finish(check, RESULT_PERMERROR, SPF_TOO_MANY_VOID);
    return false;
}

/* ---- Names and questions ---- */

enum spf_step spf_machine_ask(struct spf_check *check, struct span name, enum dns_type type, enum spf_state next) {
    check->state = next;
    check->query = (struct dns_query){.answered = check->answered};
    check->answer = check->room;
    check->is_pending = dns_lookup(check->dns, name, type, &check->query, check->room) == DNS_PENDING;
    return check->is_pending ? SPF_STEP_WAIT : SPF_STEP_AGAIN;
}

enum spf_step spf_machine_ask_target(struct spf_check *check, enum dns_type type, enum spf_state next) {
    return spf_machine_ask(check, (struct span){check->target, check->target_len}, type, next);
}

bool spf_machine_aim_at(struct spf_check *check, struct span octets) {
    char escaped[2 * SPF_MACRO_DOMAIN_MAX];
    struct dns_name name;
    size_t len = 0;
    for (size_t i = 0; i < octets.len; i++) {
        if (octets.ptr[i] == '\\') escaped[len++] = '\\';
        escaped[len++] = octets.ptr[i];
    }
    if (len == 0 || !dns_name_from_text((struct span){escaped, len}, NULL, &name)) return false;
    check->target_len = dns_name_to_text(&name, check->target);
    return true;
}

struct span spf_machine_validated_name(const struct spf_check *check, struct span domain) {
    struct span best = {NULL, 0};
    unsigned best_rank = 0;
    for (size_t i = 0; i < check->name_count; i++) {
        bool is_within = domain_name_is_within(check->names[i], domain);
        unsigned rank = is_within && check->names[i].len == domain.len ? 3 : is_within ? 2 : 1;
        if (rank <= best_rank) continue;
        best = check->names[i];
        best_rank = rank;
    }
    return best;
}

enum spf_aim spf_machine_aim_at_domain(struct spf_check *check, struct span domain_spec, struct span *octets) {
    char name[SPF_MACRO_DOMAIN_MAX];
    size_t len = 0;
    struct span domain = spf_machine_top(check)->domain;
    if (domain_spec.len > 0) {
        check->values.domain = domain;
        check->values.validated_name = spf_machine_validated_name(check, domain);
        enum spf_macro_status status = spf_macro_expand_domain(domain_spec, &check->values, name, &len);
        for (size_t i = 0; i < len; i++) name[i] = ascii_lower(name[i]);
        if (status == SPF_MACRO_NO_MEMORY) return spf_machine_out_of_memory(check), SPF_AIM_FINISHED;
        if (status != SPF_MACRO_OK) return spf_machine_finish(check, RESULT_PERMERROR, SPF_MACRO), SPF_AIM_FINISHED;
        domain = (struct span){name, len};
    }
    if (!spf_machine_aim_at(check, domain)) return SPF_AIM_NO_NAME;
    if (octets == NULL) return SPF_AIM_OK;
    *octets = arena_copy(check->arena, domain);
    return octets->ptr != NULL ? SPF_AIM_OK : (spf_machine_out_of_memory(check), SPF_AIM_FINISHED);
}

bool spf_machine_names_come_first(struct spf_check *check, bool wanted, enum spf_state after) {
    if (!wanted || check->has_names) return false;
    check->after_names = after;
    check->state = SPF_STATE_ASK_NAMES;
    return true;
}

bool spf_machine_matches_addresses(const struct spf_check *check, unsigned prefix_v4_bits, unsigned prefix_v6_bits) {
    size_t octets = check->is_v4 ? 4 : 16;
    struct network network = {.is_v4 = check->is_v4, .prefix_bits = check->is_v4 ? prefix_v4_bits : prefix_v6_bits};
    for (size_t i = 0; i < check->answer->record_count; i++) {
        if (check->answer->record[i].len != octets) continue;
        memcpy(network.address, check->answer->record[i].ptr, octets);
        if (network_contains(&network, check->address, check->is_v4)) return true;
    }
    return false;
}

bool spf_machine_take_hosts(struct spf_check *check, size_t skip) {
    check->host_count = check->host_at = 0;
    for (size_t i = 0; i < check->answer->record_count && check->host_count < SPF_HOSTS_MAX; i++) {
        struct span record = check->answer->record[i];
        if (record.len <= skip) continue; /* the root: a null MX (RFC 7505) */
        struct span host = arena_copy(check->arena, span_after(record, skip));
        if (host.ptr == NULL) return false;
        check->hosts[check->host_count++] = host;
    }
    return true;
}
