/* proxy/message_event.h -- a message as one JSON object in a line, for the event log: all that its log line says, and of
 * each method what `sceau verify --json` says. docs/events.md is its manual; additions are free, renames are not.
 * Allocates its line; any worker. Limits: MESSAGE_EVENT_MAX octets; a message with more to tell is counted as dropped. */
#pragma once

enum { MESSAGE_EVENT_MAX = 256 * 1024 };

struct event_log;
struct message_record;

void message_event_write(struct event_log *log, const struct message_record *record);
