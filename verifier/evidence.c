#include "verifier/evidence.h"

static struct span kept(struct span text, struct arena *arena) {
    return arena_copy(arena, span_first(text, text.len < EVIDENCE_MAX ? text.len : EVIDENCE_MAX));
}

struct finding_evidence evidence_of_cut(struct span received, size_t from, size_t to, struct span put,
                                        struct arena *arena) {
    struct span gone = span_first(span_after(received, from), to - from);
    return (struct finding_evidence){.is_given = true,
                                     .offset = from,
                                     .original = kept(put, arena),
                                     .received = kept(gone, arena),
                                     .original_octets = put.len,
                                     .received_octets = gone.len};
}

struct finding_evidence evidence_between(struct span field, struct span original, struct span received,
                                         struct arena *arena) {
    size_t least = original.len < received.len ? original.len : received.len, start = 0, end = 0;
    while (start < least && original.ptr[start] == received.ptr[start]) start++;
    while (start > 0 && received.ptr[start - 1] != '\n') start--;
    while (end < least - start && original.ptr[original.len - 1 - end] == received.ptr[received.len - 1 - end]) end++;
    while (end > 0 && received.ptr[received.len - end - 1] != '\n') end--;
    struct span put = span_first(span_after(original, start), original.len - start - end);
    struct finding_evidence evidence = evidence_of_cut(received, start, received.len - end, put, arena);
    evidence.field = arena_copy(arena, field);
    return evidence;
}
