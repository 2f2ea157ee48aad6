#include "http/drawn_text.h"
#include "http/html.h"

#define DOT "\xc2\xb7"
#define ARROW "\xe2\x86\x92"
#define PILCROW "\xc2\xb6"
#define ELLIPSIS "<b>\xe2\x80\xa6</b>"

/* By their names in ISO 646 and Unicode; those without a row are named by their number alone. */
static const struct {
    uint32_t code;
    const char *name;
} names[] = {
    {0x00, "NUL"},     {0x01, "SOH"},    {0x02, "STX"},   {0x03, "ETX"},   {0x04, "EOT"},   {0x05, "ENQ"},
    {0x06, "ACK"},     {0x07, "BEL"},    {0x08, "BS"},    {0x0a, "LF"},    {0x0b, "VT"},    {0x0c, "FF"},
    {0x0d, "CR"},      {0x0e, "SO"},     {0x0f, "SI"},    {0x10, "DLE"},   {0x11, "DC1"},   {0x12, "DC2"},
    {0x13, "DC3"},     {0x14, "DC4"},    {0x15, "NAK"},   {0x16, "SYN"},   {0x17, "ETB"},   {0x18, "CAN"},
    {0x19, "EM"},      {0x1a, "SUB"},    {0x1b, "ESC"},   {0x1c, "FS"},    {0x1d, "GS"},    {0x1e, "RS"},
    {0x1f, "US"},      {0x7f, "DEL"},    {0x85, "NEL"},   {0xa0, "NBSP"},  {0xad, "SHY"},   {0x61c, "ALM"},
    {0x200b, "ZWSP"},  {0x200c, "ZWNJ"}, {0x200d, "ZWJ"}, {0x200e, "LRM"}, {0x200f, "RLM"}, {0x2028, "LSEP"},
    {0x2029, "PSEP"},  {0x202a, "LRE"},  {0x202b, "RLE"}, {0x202c, "PDF"}, {0x202d, "LRO"}, {0x202e, "RLO"},
    {0x202f, "NNBSP"}, {0x2060, "WJ"},   {0x2066, "LRI"}, {0x2067, "RLI"}, {0x2068, "FSI"}, {0x2069, "PDI"},
    {0xfeff, "BOM"},
};

static const char *name_of(uint32_t code) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].code == code) return names[i].name;
    return NULL;
}

/* A run of one kind of white space in one element. Returns its octets, 0: there is none. */
static size_t draw_blanks(struct bytes *out, struct span text) {
    char kind = text.ptr[0];
    size_t count = 0;
    if (kind != ' ' && kind != '\t') return 0;
    bytes_append_text(out, "<i>");
    for (; count < text.len && text.ptr[count] == kind; count++) bytes_append_text(out, kind == ' ' ? DOT : ARROW);
    bytes_append_text(out, "</i>");
    return count;
}

static void draw_character(struct bytes *out, struct span octets, uint32_t code) {
    const char *name = name_of(code), *reference = html_reference(code);
    if (name != NULL)
        bytes_append_format(out, "<b>%s</b>", name);
    else if (html_is_deceptive(code))
        bytes_append_format(out, "<b>U+%04X</b>", (unsigned)code);
    else if (reference != NULL)
        bytes_append_text(out, reference);
    else
        bytes_append(out, octets);
}

void drawn_text_write(struct bytes *out, struct span text) {
    while (text.len > 0) {
        uint32_t code = 0;
        size_t len = draw_blanks(out, text);
        if (len == 0 && text.len >= 2 && text.ptr[0] == '\r' && text.ptr[1] == '\n') {
            bytes_append_text(out, "<i>" PILCROW "</i>");
            len = 2;
        } else if (len == 0) {
            len = html_character(text, &code);
            if (len > 0)
                draw_character(out, span_first(text, len), code);
            else
                bytes_append_format(out, "<b>\\x%02X</b>", (unsigned char)text.ptr[0]);
        }
        text = span_after(text, len > 0 ? len : 1);
    }
}

static bool continues(char octet) { return ((unsigned char)octet & 0xc0) == 0x80; }

void drawn_text_write_first(struct bytes *out, struct span text, size_t most) {
    size_t len = text.len < most ? text.len : most;
    for (unsigned i = 0; i < 3 && len > 0 && len < text.len && continues(text.ptr[len]); i++) len--;
    drawn_text_write(out, span_first(text, len));
    if (len < text.len) bytes_append_text(out, ELLIPSIS);
}

void drawn_text_write_last(struct bytes *out, struct span text, size_t most) {
    size_t skip = text.len > most ? text.len - most : 0;
    for (unsigned i = 0; i < 3 && skip > 0 && skip < text.len && continues(text.ptr[skip]); i++) skip++;
    if (skip > 0) bytes_append_text(out, ELLIPSIS);
    drawn_text_write(out, span_after(text, skip));
}
