#include "verifier/spf_names.h"
#include <stdio.h>

/* The client's address under in-addr.arpa or ip6.arpa, into check->target, which the term that comes after aims anew.
 */
static void aim_at_reverse_name(struct spf_check *check) {
    size_t octets = check->is_v4 ? 4 : 16, len = 0;
    for (size_t i = octets; i-- > 0;) {
        uint8_t octet = check->address[i];
        char *at = check->target + len;
        size_t room = sizeof check->target - len;
        len += (size_t)(check->is_v4 ? snprintf(at, room, "%u.", octet)
                                     : snprintf(at, room, "%x.%x.", octet & 0x0fu, octet >> 4));
    }
    struct span zone = span_of(check->is_v4 ? "in-addr.arpa" : "ip6.arpa");
    memcpy(check->target + len, zone.ptr, zone.len);
    check->target_len = len + zone.len;
}

enum spf_step spf_names_ask(struct spf_check *check) {
    bool is_ptr = !check->is_decided && check->after_names == SPF_STATE_EVALUATE &&
                  spf_machine_top(check)->directive.mechanism == SPF_MECHANISM_PTR; /* that term has been counted */
    if (!is_ptr && !spf_machine_count_lookup(check)) return SPF_STEP_AGAIN;
    aim_at_reverse_name(check);
    return spf_machine_ask_target(check, DNS_PTR, SPF_STATE_READ_NAMES);
}

enum spf_step spf_names_read(struct spf_check *check) {
    check->has_names = true;
    check->name_count = check->host_count = check->host_at = 0;
    if (spf_machine_is_failure(check->answer))
        return spf_machine_go(check, check->after_names); /* the client has no name then */
    if (!spf_machine_count_void(check)) return SPF_STEP_AGAIN;
    return spf_machine_take_hosts(check, 0) ? spf_machine_go(check, SPF_STATE_ASK_NAME_HOST)
                                            : spf_machine_out_of_memory(check);
}

enum spf_step spf_names_ask_host(struct spf_check *check) {
    if (check->host_at == check->host_count) return spf_machine_go(check, check->after_names);
    return spf_machine_ask(check, check->hosts[check->host_at++], spf_machine_address_type(check),
                           SPF_STATE_READ_NAME_HOST);
}

enum spf_step spf_names_read_host(struct spf_check *check) {
    if (!spf_machine_is_failure(check->answer) && !spf_machine_count_void(check))
        return SPF_STEP_AGAIN; /* a failure: the name is skipped */
    if (spf_machine_matches_addresses(check, 32, 128))
        check->names[check->name_count++] = check->hosts[check->host_at - 1];
    return spf_machine_go(check, SPF_STATE_ASK_NAME_HOST);
}
