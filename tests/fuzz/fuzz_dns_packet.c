/* A response packet; the question that it is read for is its own, or "a.example TXT" when it has none. */
#include <stdint.h>
#include <stdlib.h>
#include "verifier/dns_packet.h"

static const enum dns_type types[] = {DNS_A, DNS_CNAME, DNS_PTR, DNS_MX, DNS_TXT, DNS_AAAA};

static void expect(bool holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* libFuzzer has no header for it */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span packet = {(const char *)data, size};
    size_t at = 12, text_len = 0;
    struct dns_name name;
    struct dns_answer answer;
    struct arena *arena = arena_create(DNS_ANSWER_OCTETS_MAX);
    if (arena == NULL) return 0;
    if (!dns_name_unpack(packet, &at, &name)) dns_name_from_text(span_of("a.example"), NULL, &name);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        arena_reset(arena);
        enum dns_packet_status status = dns_packet_read(packet, &name, types[i], arena, &answer);
        expect(status != DNS_PACKET_NO_MEMORY); /* DNS_ANSWER_OCTETS_MAX is enough for every answer */
        expect(answer.cname_count <= DNS_CNAME_MAX && answer.record_count <= DNS_RECORD_MAX);
        expect((answer.record_count > 0) == (answer.status == DNS_FOUND));
        text_len = 0;
        for (size_t r = 0; r < answer.record_count; r++) text_len += answer.record[r].len;
        if (types[i] == DNS_TXT) expect(text_len <= DNS_TEXT_MAX);
        for (size_t c = 0; c < answer.cname_count; c++) { /* what we write we can read */
            struct dns_name hop;
            expect(dns_name_from_text(answer.cname[c], NULL, &hop));
        }
    }
    arena_destroy(arena);
    return 0;
}
