/* proxy/message_log.h -- what remains of a message: one log line, the counts of it, and its event (message_event.h) where
 * one is wanted. One call does all, so that they never tell different stories. Thread rule: any worker, with its own counters. */
#pragma once
#include "proxy/message_record.h"

void message_log_write(const struct message_record *record);
