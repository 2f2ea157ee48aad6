#include "rules/literal_set.h"
#include <stdlib.h>
#include "base/ascii.h"

enum { NOTHING = 0xffffffff };

/* A beginning of literals. Children are a list: there are few, but at the root. */
struct node {
    uint32_t first_child, next_sibling; /* 0: none, since nobody's child is the root */
    uint32_t literal;                   /* the one that ends here; NOTHING: none */
    unsigned char octet;
};

struct literal_set_builder {
    struct node *node; /* 0: the root */
    size_t count, room;
    uint32_t literals;
};

/* States are rows of the table, in order of their depth; the table holds not rows but offsets of rows, so that a step
 * needs no multiplication. The lowest bit says that literals end in that state: rows have an even number of columns. */
struct literal_set {
    unsigned char column[256];
    uint32_t *table;
    size_t columns, states;
    uint32_t *literal; /* of each state: the literal that ends there; NOTHING: none, but in a shorter ending */
    uint32_t *shorter; /* of each state: the state of its longest proper ending at which a literal ends; 0: none */
    uint32_t literals;
};

const char *literal_set_status_text(enum literal_set_status status) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {LITERAL_SET_STATUSES(X)};
#undef X
    return texts[status];
}

/* -- what was added -- */

struct literal_set_builder *literal_set_builder_create(void) {
    struct literal_set_builder *builder = calloc(1, sizeof *builder);
    if (builder == NULL) return NULL;
    builder->room = 256;
    builder->node = calloc(builder->room, sizeof *builder->node);
    if (builder->node == NULL) return literal_set_builder_destroy(builder), NULL;
    builder->node[0].literal = NOTHING;
    builder->count = 1;
    return builder;
}

void literal_set_builder_destroy(struct literal_set_builder *builder) {
    if (builder == NULL) return;
    free(builder->node);
    free(builder);
}

static uint32_t find_child(const struct literal_set_builder *builder, uint32_t parent, unsigned char octet) {
    uint32_t child = builder->node[parent].first_child;
    while (child != 0 && builder->node[child].octet != octet) child = builder->node[child].next_sibling;
    return child;
}

static uint32_t add_child(struct literal_set_builder *builder, uint32_t parent, unsigned char octet) {
    uint32_t child = (uint32_t)builder->count++;
    builder->node[child] =
        (struct node){.next_sibling = builder->node[parent].first_child, .literal = NOTHING, .octet = octet};
    builder->node[parent].first_child = child;
    return child;
}

/* Room for a whole literal at once, so that none is ever half there. */
static enum literal_set_status make_room(struct literal_set_builder *builder, size_t len) {
    size_t room = builder->room;
    if (builder->count + len > LITERAL_SET_STATES_MAX) return LITERAL_SET_TOO_LARGE;
    while (builder->count + len > room) room *= 2;
    if (room == builder->room) return LITERAL_SET_OK;
    struct node *node = reallocarray(builder->node, room, sizeof *node);
    if (node == NULL) return LITERAL_SET_NO_MEMORY;
    builder->node = node;
    builder->room = room;
    return LITERAL_SET_OK;
}

enum literal_set_status literal_set_builder_add(struct literal_set_builder *builder, struct span literal,
                                                uint32_t *index) {
    uint32_t at = 0;
    if (literal.len == 0) return LITERAL_SET_EMPTY_LITERAL;
    if (literal.len > LITERAL_SET_LITERAL_MAX) return LITERAL_SET_LITERAL_TOO_LONG;
    enum literal_set_status status = make_room(builder, literal.len);
    if (status != LITERAL_SET_OK) return status;
    for (size_t i = 0; i < literal.len; i++) {
        unsigned char octet = (unsigned char)ascii_lower(literal.ptr[i]);
        uint32_t child = find_child(builder, at, octet);
        at = child != 0 ? child : add_child(builder, at, octet);
    }
    if (builder->node[at].literal == NOTHING) builder->node[at].literal = builder->literals++;
    *index = builder->node[at].literal;
    return LITERAL_SET_OK;
}

/* -- the table -- */

/* Octets that occur in no literal share column 0. */
static void number_columns(struct literal_set *set, const struct literal_set_builder *builder) {
    bool occurs[256] = {false};
    for (size_t i = 1; i < builder->count; i++) occurs[builder->node[i].octet] = true;
    set->columns = 1;
    for (size_t i = 0; i < 256; i++)
        if (occurs[i]) set->column[i] = (unsigned char)set->columns++;
    for (char c = 'A'; c <= 'Z'; c++) set->column[(unsigned char)c] = set->column[(unsigned char)ascii_lower(c)];
    set->columns += set->columns % 2;
}

static bool ends_something(const struct literal_set *set, size_t state) {
    return set->literal[state] != NOTHING || set->shorter[state] != 0;
}

/* Breadth first: node[i] is the builder's node of state i, fallback[i] the state of its longest proper ending. A row is
 * the fallback's row, which is complete since it lies less deep, with the node's own children put in. */
static void fill(struct literal_set *set, const struct literal_set_builder *builder, uint32_t *node,
                 uint32_t *fallback) {
    size_t known = 1;
    node[0] = fallback[0] = 0;
    for (size_t state = 0; state < known; state++) {
        uint32_t *row = set->table + state * set->columns;
        const struct node *self = &builder->node[node[state]];
        set->literal[state] = self->literal;
        uint32_t back = fallback[state];
        set->shorter[state] = back == 0 ? 0 : set->literal[back] != NOTHING ? back : set->shorter[back];
        if (state > 0) memcpy(row, set->table + back * set->columns, set->columns * sizeof *row);
        for (uint32_t child = self->first_child; child != 0; child = builder->node[child].next_sibling) {
            uint32_t *cell = &row[set->column[builder->node[child].octet]];
            node[known] = child;
            fallback[known] = state == 0 ? 0 : *cell; /* the state, as long as no bit is set */
            *cell = (uint32_t)known++;
        }
    }
}

/* From states to offsets of their rows, with the bit. */
static void finish_table(struct literal_set *set) {
    for (size_t i = 0; i < set->states * set->columns; i++)
        set->table[i] = (uint32_t)(set->table[i] * set->columns) | (uint32_t)ends_something(set, set->table[i]);
}

enum literal_set_status literal_set_build(const struct literal_set_builder *builder, struct literal_set **out) {
    struct literal_set *set = *out = NULL;
    uint32_t *node = calloc(builder->count, sizeof *node), *fallback = calloc(builder->count, sizeof *fallback);
    enum literal_set_status status = LITERAL_SET_NO_MEMORY;
    set = calloc(1, sizeof *set);
    if (set == NULL || node == NULL || fallback == NULL) goto done;
    number_columns(set, builder);
    set->states = builder->count;
    set->literals = builder->literals;
    status = LITERAL_SET_TOO_LARGE;
    if (set->states * set->columns * sizeof *set->table > LITERAL_SET_TABLE_MAX) goto done;
    status = LITERAL_SET_NO_MEMORY;
    set->table = calloc(set->states * set->columns, sizeof *set->table);
    set->literal = calloc(set->states, sizeof *set->literal);
    set->shorter = calloc(set->states, sizeof *set->shorter);
    if (set->table == NULL || set->literal == NULL || set->shorter == NULL) goto done;
    fill(set, builder, node, fallback);
    finish_table(set);
    *out = set;
    set = NULL;
    status = LITERAL_SET_OK;
done:
    literal_set_destroy(set);
    free(node);
    free(fallback);
    return status;
}

void literal_set_destroy(struct literal_set *set) {
    if (set == NULL) return;
    free(set->table);
    free(set->literal);
    free(set->shorter);
    free(set);
}

size_t literal_set_count(const struct literal_set *set) { return set->literals; }

size_t literal_set_octets(const struct literal_set *set) {
    return sizeof *set +
           set->states * (set->columns * sizeof *set->table + sizeof *set->literal + sizeof *set->shorter);
}

/* -- a pass -- */

static void note(const struct literal_set *set, uint32_t state, uint64_t *seen) {
    if (set->literal[state] == NOTHING) state = set->shorter[state];
    for (; state != 0; state = set->shorter[state]) {
        uint64_t bit = (uint64_t)1 << set->literal[state] % 64, *word = &seen[set->literal[state] / 64];
        if ((*word & bit) != 0) return; /* its shorter endings were seen with it */
        *word |= bit;
    }
}

void literal_set_scan(const struct literal_set *set, uint32_t *state, struct span text, uint64_t *seen) {
    const uint32_t *table = set->table;
    uint32_t offset = *state;
    for (const unsigned char *at = (const unsigned char *)text.ptr, *end = at + text.len; at < end; at++) {
        uint32_t cell = table[offset + set->column[*at]];
        offset = cell & ~(uint32_t)1;
        if ((cell & 1) != 0) note(set, (uint32_t)(offset / set->columns), seen);
    }
    *state = offset;
}
