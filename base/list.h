/* base/list.h -- intrusive doubly linked list with a head node. Pure; one thread at a time.
 * A node that is in no list points to itself, so list_remove is safe at any time after list_node_init. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct list { struct list *prev, *next; }; /* head and node alike */

#define LIST_ENTRY(node, type, member) ((type *)(void *)((char *)(node) - offsetof(type, member)))

static inline void list_init(struct list *node) { node->prev = node->next = node; }
static inline bool list_is_empty(const struct list *head) { return head->next == head; }

/* Appends node, which must be in no list, at the end of head's list. */
static inline void list_append(struct list *head, struct list *node) {
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

/* The same at the beginning: what was put there last is taken first. */
static inline void list_prepend(struct list *head, struct list *node) { list_append(head->next, node); }

/* Takes node out of its list and leaves it alone, pointing to itself. */
static inline void list_remove(struct list *node) {
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* First node, taken out; NULL when the list is empty. */
static inline struct list *list_take_first(struct list *head) {
    if (list_is_empty(head)) return NULL;
    struct list *node = head->next;
    list_remove(node);
    return node;
}
