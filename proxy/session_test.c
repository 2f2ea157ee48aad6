/* A session whose mail goes to the tester (downstream = tester): the addresses of tests are the only ones that exist. */
#include "http/tester.h"
#include "proxy/message_flow.h"
#include "proxy/session_state.h"
#include "proxy/xforward.h"

struct span session_test_name(const struct session *session, struct span path) {
    size_t at = span_find(path, '@');
    if (at == path.len) return (struct span){NULL, 0};
    bool is_ours = span_is_nocase(span_after(path, at + 1), tester_facts(session->setup->tester)->domain);
    return is_ours ? span_first(path, at) : (struct span){NULL, 0};
}

static const struct {
    unsigned code;
    const char *enhanced;
} replies[] = {
    [TESTER_OK] = {250, "2.0.0"},           [TESTER_UNKNOWN] = {550, "5.1.1"},   [TESTER_EXPIRED] = {550, "5.1.1"},
    [TESTER_TOO_MANY] = {452, "4.3.1"},     [TESTER_TOO_LARGE] = {552, "5.3.4"}, [TESTER_BAD_QUESTION] = {550, "5.1.1"},
    [TESTER_NO_MEMORY] = {452, "4.3.1"},
};

bool session_test_accepts(struct session *session, struct span path) {
    struct span name = session_test_name(session, path);
    enum tester_status status = name.len > 0 ? tester_accepts(session->setup->tester, name) : TESTER_UNKNOWN;
    if (status != TESTER_OK) session_say(session, replies[status].code, replies[status].enhanced, tester_status_text(status));
    return status == TESTER_OK;
}

static struct tester_message message_of(const struct session *session, const struct bytes *octets, const char *client) {
    const struct authentication_envelope envelope = session_envelope(session);
    struct tester_message message = {
        .octets = bytes_span(octets),
        .has_envelope = true,
        .has_address = envelope.has_address,
        .is_v4 = envelope.is_v4,
        .helo = envelope.helo,
        .mail_from = envelope.mail_from,
        .client = span_of(client),
        .tls = session->forwarded == NULL ? session->tls_version : NULL, /* of the relay's own connection we know no more */
        .left_out = envelope.left_out,
    };
    memcpy(message.address, envelope.address, sizeof message.address);
    return message;
}

enum progress session_start_test(struct session *session) {
    char client[SOCKET_ADDRESS_TEXT_MAX];
    struct bytes octets = bytes_with_cap(TESTER_UPLOAD_MAX);
    bool is_whole = message_flow_copy(session->flow, &octets);
    socket_address_text(&session->peer, client);
    struct tester_message message = message_of(session, &octets, client);
    if (session->forwarded != NULL) message.client = xforward_text(session->forwarded, XFORWARD_ADDR);
    struct span name = session_test_name(session, bytes_span(&session->transaction.recipients));
    enum tester_status status = is_whole ? tester_receive(session->setup->tester, name, &message)
                                         : octets.failed && message_flow_octets(session->flow) > TESTER_UPLOAD_MAX ? TESTER_TOO_LARGE
                                                                                                                   : TESTER_NO_MEMORY;
    bytes_release(&octets);
    return session_give_own(session, replies[status].code, replies[status].enhanced,
                            status == TESTER_OK ? "Message taken: see the page of this test" : tester_status_text(status));
}
