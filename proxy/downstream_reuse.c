#include <assert.h>
#include "proxy/connection.h"
#include "proxy/downstream.h"
#include "proxy/downstream_state.h"

/* Of what was sent or waits, nothing has to do with a message or its client. */
static bool is_only_tidying(const struct downstream *downstream) {
    for (size_t i = 0; i < downstream->in_flight + downstream->waiting; i++)
        if (downstream->command[i].kind != COMMAND_RSET && downstream->command[i].kind != COMMAND_NOOP) return false;
    return true;
}

bool downstream_is_reusable(const struct downstream *downstream) {
    return downstream->state == TALKING && !downstream->in_transaction && !downstream->has_refused &&
           downstream->introduction.len == 0 && !downstream->lines.failed && is_only_tidying(downstream) &&
           connection_state(downstream->connection) == CONNECTION_OPEN && !downstream_is_out_of_step(downstream);
}

unsigned downstream_uses(const struct downstream *downstream) { return downstream->uses; }

void downstream_hand_over(struct downstream *downstream, const struct downstream_events *events, void *owner) {
    downstream->events = events;
    downstream->owner = owner;
}

void downstream_revive(struct downstream *downstream) {
    assert(downstream_is_reusable(downstream));
    size_t before = downstream->lines.len;
    downstream->is_unproven = true;
    downstream->uses++;
    bytes_append_text(&downstream->lines, "RSET\r\n");
    downstream_add_lines(downstream, COMMAND_REVIVE, before);
    downstream_submit(downstream);
    /* A server that does not answer this has gone; the time for a new connection must be left to the client. */
    connection_expect(downstream->connection, downstream->server->greeting_timeout_ms);
}

enum progress downstream_answer_revival(struct downstream *downstream) {
    if (smtp_reply_class(&downstream->reply) != 2)
        return downstream_fail(downstream, DOWNSTREAM_STALE, "RSET was refused");
    return downstream_be_ready(downstream);
}
