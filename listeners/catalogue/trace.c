/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the exception chain that a program printed as it died, and with it the program's runtime:
 * JVM, Python, Node, Go, Rust and the sanitizers, each by the words that it always prints at the
 * start of a line. When several traces were printed the newest counts.
 * On the way it leaves out what is not worth a search: most of a trace are frames, which name what
 * was called, not what went wrong. */
#include "listeners/catalogue/compiled.h"

#define COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))

enum { FRAME_MAX_BYTES = 512 };

/* Whose words were seen. The process that ran comes before what it talked to, for Python that
 * drives a JVM prints both: the first in this order is the runtime. */
enum runtime {
    RUNTIME_C,
    RUNTIME_CPP,
    RUNTIME_GO,
    RUNTIME_RUST,
    RUNTIME_NODE,
    RUNTIME_PYTHON,
    RUNTIME_JVM
};

static const char *const runtime_names[] = {
    [RUNTIME_C] = "c",       [RUNTIME_CPP] = "cpp",   [RUNTIME_GO] = "go",
    [RUNTIME_RUST] = "rust", [RUNTIME_NODE] = "node", [RUNTIME_PYTHON] = "python",
    [RUNTIME_JVM] = "jvm",
};

struct chain {
    struct catalogue_exception *links; /* outermost first */
    size_t count;
    unsigned runtimes;  /* seen, a bit each */
    bool in_traceback;  /* Python: the exception follows the indented lines */
    bool linked;        /* Python: the next exception was raised while handling this one */
    bool message_next;  /* Rust: the message stands on the next line */
    bool causes_follow; /* Rust: numbered causes, indented */
};

/* What is to be searched, while lines are read: all but the frames that a frame follows. */
struct pieces {
    catalogue_piece_fn *found; /* NULL: nobody asks */
    void *ctx;
    const char *from;  /* of the piece that is growing */
    const char *frame; /* the line before, if it was a frame */
};

static bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || (unsigned char)c >= 0x80;
}

static bool starts(struct fo_str text, const char *word) {
    size_t len = strlen(word);
    return text.len >= len && memcmp(text.ptr, word, len) == 0;
}

static bool ends(struct fo_str text, const char *word) {
    size_t len = strlen(word);
    return text.len >= len && memcmp(text.ptr + text.len - len, word, len) == 0;
}

static struct fo_str after(struct fo_str text, size_t skip) {
    struct fo_str rest = {text.ptr + skip, text.len - skip};
    return rest;
}

static void saw(struct chain *chain, enum runtime runtime) {
    chain->runtimes |= 1U << runtime;
}

static bool has_seen(const struct chain *chain, enum runtime runtime) {
    return (chain->runtimes >> runtime & 1U) != 0;
}

static bool holds(struct fo_str text, const char *word) {
    return memmem(text.ptr, text.len, word, strlen(word)) != NULL;
}

/* What follows the first `word` in the text; nothing when it is not there. */
static struct fo_str after_word(struct fo_str text, const char *word) {
    size_t len = strlen(word);
    const char *found = text.len > 0 ? memmem(text.ptr, text.len, word, len) : NULL;

    if (!found)
        return (struct fo_str){NULL, 0};
    return after(text, (size_t)(found - text.ptr) + len);
}

/* An exception that became the cause of none: the root stays last when there is no more room. */
static void add_cause(struct chain *chain, struct fo_str name, struct fo_str message) {
    if (chain->count == CATALOGUE_CHAIN_MAX)
        chain->count--;
    chain->links[chain->count].name = name;
    chain->links[chain->count].message = message;
    chain->count++;
}

/* An exception raised on top of those known. */
static void add_outer(struct chain *chain, struct fo_str name, struct fo_str message) {
    size_t kept = chain->count < CATALOGUE_CHAIN_MAX ? chain->count : CATALOGUE_CHAIN_MAX - 1;

    memmove(chain->links + 1, chain->links + (chain->count - kept), kept * sizeof *chain->links);
    chain->links[0].name = name;
    chain->links[0].message = message;
    chain->count = kept + 1;
}

static void start_over(struct chain *chain, struct fo_str name, struct fo_str message) {
    chain->count = 0;
    add_cause(chain, name, message);
}

/* Splits `name: message` or `name`. */
static bool split(struct fo_str line, struct fo_str *ret_name, struct fo_str *ret_message) {
    size_t len = 0;

    while (len < line.len && (is_name_char(line.ptr[len]) || line.ptr[len] == '.'))
        len++;
    if (len == 0 || (len < line.len && line.ptr[len] != ':'))
        return false;
    *ret_name = (struct fo_str){line.ptr, len};
    *ret_message = after(line, len < line.len ? len + 1 : len);
    while (ret_message->len > 0 && ret_message->ptr[0] == ' ')
        *ret_message = after(*ret_message, 1);
    return true;
}

static bool is_exception_name(struct fo_str name) {
    return ends(name, "Error") || ends(name, "Exception") || ends(name, "Throwable");
}

/* The head of a trace of the JVM or of Node, or the last line of Python's. */
static void read_head(struct chain *chain, struct fo_str line) {
    struct fo_str name;
    struct fo_str message;

    if (starts(line, "Exception in thread \"")) {
        saw(chain, RUNTIME_JVM);
        line = after_word(line, "\" ");
    } else if (starts(line, "Uncaught ")) {
        line = after(line, strlen("Uncaught "));
    }
    if (split(line, &name, &message) && is_exception_name(name))
        start_over(chain, name, message);
}

static void begin_traceback(struct chain *chain) {
    saw(chain, RUNTIME_PYTHON);
    chain->in_traceback = true;
}

static void end_traceback(struct chain *chain, struct fo_str line) {
    struct fo_str name;
    struct fo_str message;

    chain->in_traceback = false;
    if (!split(line, &name, &message))
        return;
    if (chain->linked)
        add_outer(chain, name, message);
    else
        start_over(chain, name, message);
    chain->linked = false;
}

static void read_cause(struct chain *chain, struct fo_str line) {
    struct fo_str rest = after(line, strlen("Caused by:"));
    struct fo_str name;
    struct fo_str message;

    chain->causes_follow = rest.len == 0;
    if (rest.len > 0 && split(after(rest, 1), &name, &message))
        add_cause(chain, name, message);
}

/* `thread 'main' panicked at src/main.rs:2:5:` and the message below it, or, before Rust 1.73,
 * `panicked at 'message', src/main.rs:2:5`. */
static void read_rust_panic(struct chain *chain, struct fo_str line) {
    struct fo_str rest = after_word(line, " panicked at ");

    if (!rest.ptr)
        return;
    saw(chain, RUNTIME_RUST);
    chain->message_next = ends(rest, ":");
    start_over(chain, fo_str_of("panic"), rest);
}

static void read_sanitizer(struct chain *chain, struct fo_str line) {
    struct fo_str message = after_word(line, "Sanitizer: ");
    size_t end = message.ptr ? (size_t)(message.ptr - line.ptr) - strlen(": ") : 0;
    size_t from = end;

    while (from > 0 && is_name_char(line.ptr[from - 1]))
        from--;
    if (end == from)
        return;
    saw(chain, RUNTIME_C);
    start_over(chain, (struct fo_str){line.ptr + from, end - from}, message);
}

/* `at pkg.Class.method(File.java:12)`, `at f (node:internal/x:1:2)`. Most lines of a trace are
 * these: once their runtime is known they are passed over. */
static void read_frame(struct chain *chain, struct fo_str line) {
    if (has_seen(chain, RUNTIME_JVM) || has_seen(chain, RUNTIME_NODE))
        return;
    if (holds(line, ".java:") || holds(line, ".scala:") || holds(line, ".kt:") ||
        holds(line, "(Native Method)"))
        saw(chain, RUNTIME_JVM);
    else if (holds(line, "node:internal/"))
        saw(chain, RUNTIME_NODE);
}

static void read_indented(struct chain *chain, struct fo_str line) {
    struct fo_str name;
    struct fo_str message;

    while (line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
        line = after(line, 1);
    if (starts(line, "at "))
        read_frame(chain, line);
    else if (starts(line, "[cause]: ") && split(after(line, strlen("[cause]: ")), &name, &message))
        add_cause(chain, name, message);
    else if (starts(line, "panic: "))
        add_outer(chain, fo_str_of("panic"), after(line, strlen("panic: ")));
    else if (chain->causes_follow && line.len > 0)
        add_cause(chain, fo_str_of("Error"),
                  line.ptr[0] >= '0' && line.ptr[0] <= '9' ? after_word(line, ": ") : line);
}

/* Lines that carry no exception of their own but tell of one, or of the runtime. */
static bool read_telling(struct chain *chain, struct fo_str line) {
    static const char during[] = "During handling of the above exception, another exception";
    static const char direct[] = "The above exception was the direct cause of the following";

    if (starts(line, "Traceback (most recent call last):"))
        begin_traceback(chain);
    else if (starts(line, during) || starts(line, direct))
        chain->linked = true;
    else if (starts(line, "goroutine "))
        saw(chain, RUNTIME_GO);
    else if (starts(line, "Node.js v"))
        saw(chain, RUNTIME_NODE);
    else if (starts(line, "terminate called "))
        saw(chain, RUNTIME_CPP);
    else
        return false;
    return true;
}

static void read_flush(struct chain *chain, struct fo_str line) {
    if (read_telling(chain, line))
        return;
    if (starts(line, "Caused by:"))
        read_cause(chain, line);
    else if (starts(line, "panic: "))
        start_over(chain, fo_str_of("panic"), after(line, strlen("panic: ")));
    else if (starts(line, "fatal error: "))
        start_over(chain, fo_str_of("fatal error"), after(line, strlen("fatal error: ")));
    else if (starts(line, "thread '"))
        read_rust_panic(chain, line);
    else if (starts(line, "==") || starts(line, "WARNING: ThreadSanitizer"))
        read_sanitizer(chain, line);
    else
        read_head(chain, line);
}

static void read_line(struct chain *chain, struct fo_str line) {
    if (chain->message_next) {
        chain->message_next = false;
        chain->links[chain->count - 1].message = line;
        return;
    }
    if (line.len == 0)
        return;
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t') {
        read_indented(chain, line);
        return;
    }
    chain->causes_follow = false;
    if (chain->in_traceback)
        end_traceback(chain, line);
    else
        read_flush(chain, line);
}

static bool is_frame(struct fo_str line) {
    while (line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
        line = after(line, 1);
    return starts(line, "at ");
}

/* `(File.java:12)` */
static bool ends_in_source(struct fo_str line) {
    if (line.len == 0 || line.ptr[line.len - 1] != ')')
        return false;
    line.len--;
    while (line.len > 0 && line.ptr[line.len - 1] >= '0' && line.ptr[line.len - 1] <= '9')
        line.len--;
    return ends(line, ".java:") || ends(line, ".scala:") || ends(line, ".kt:");
}

/* `\tat pkg.Class.method(File.java:12)`, and behind it what some add: ` ~[lib.jar:1.0]`. Cheap
 * rather than complete: what is not recognised is searched. */
static bool is_plain_frame(struct fo_str line) {
    static const char library[] = " ~[";

    if (line.len == 0 || (line.ptr[0] != ' ' && line.ptr[0] != '\t') || !is_frame(line))
        return false;
    if (line.ptr[line.len - 1] == ']') {
        const char *end = memmem(line.ptr, line.len, library, sizeof library - 1);
        line.len = end ? (size_t)(end - line.ptr) : line.len;
    }
    return ends_in_source(line);
}

static void hand_over(const struct pieces *pieces, const char *to) {
    if (pieces->found && pieces->from < to)
        pieces->found(pieces->ctx, pieces->from, (size_t)(to - pieces->from));
}

/* A frame; only the last of several stays. */
static void leave_out(struct pieces *pieces, const char *frame) {
    if (pieces->frame) {
        hand_over(pieces, pieces->frame);
        pieces->from = frame;
    }
    pieces->frame = frame;
}

/* Frames tell the reader nothing once their runtime is known. */
static bool tells_nothing(const struct chain *chain) {
    return has_seen(chain, RUNTIME_JVM) && !chain->message_next;
}

static void read_text(struct chain *chain, struct fo_str text, struct pieces *pieces) {
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        struct fo_str line = {text.ptr, end ? (size_t)(end - text.ptr) : text.len};
        bool frame = is_plain_frame(line);
        if (!frame || !tells_nothing(chain))
            read_line(chain, line);
        if (frame)
            leave_out(pieces, line.ptr);
        else
            pieces->frame = NULL;
        text = after(text, end ? line.len + 1 : line.len);
    }
    hand_over(pieces, text.ptr);
}

size_t catalogue_trace_read(struct fo_str text, catalogue_piece_fn *found, void *ctx,
                            struct catalogue_exception ret_chain[static CATALOGUE_CHAIN_MAX],
                            struct fo_str *ret_runtime) {
    struct chain chain = {.links = ret_chain};
    struct pieces pieces = {.found = found, .ctx = ctx, .from = text.ptr};

    read_text(&chain, text, &pieces);
    *ret_runtime =
        fo_str_of(chain.runtimes != 0 ? runtime_names[__builtin_ctz(chain.runtimes)] : NULL);
    return chain.count;
}

/* Each is a class, `class: message` or a trace with causes of its own. */
size_t catalogue_trace_reported(const struct fo_str *exceptions, size_t count,
                                struct catalogue_exception ret_chain[static CATALOGUE_CHAIN_MAX]) {
    struct chain chain = {.links = ret_chain};
    struct catalogue_exception links[CATALOGUE_CHAIN_MAX];
    struct pieces unasked = {.found = NULL};

    for (size_t i = 0; i < count; i++) {
        struct chain inner = {.links = links};
        read_text(&inner, exceptions[i], &unasked);
        if (inner.count == 0 && split(exceptions[i], &links[0].name, &links[0].message))
            inner.count = 1;
        for (size_t j = 0; j < inner.count; j++)
            add_cause(&chain, links[j].name, links[j].message);
    }
    return chain.count;
}

/* The line up to `at`, as far as a stack frame could reach. */
static struct fo_str line_before(struct fo_str text, size_t at) {
    size_t from = at > FRAME_MAX_BYTES ? at - FRAME_MAX_BYTES : 0;
    const char *newline = at > from ? memrchr(text.ptr + from, '\n', at - from) : NULL;

    if (newline)
        from = (size_t)(newline - text.ptr) + 1;
    return (struct fo_str){text.ptr + from, at - from};
}

/* A simple name may end a longer one, a full name may not. */
static bool starts_name(struct fo_str text, size_t from, size_t name_len) {
    if (from == 0)
        return true;
    char before = text.ptr[from - 1];
    if (before == '.')
        return memchr(text.ptr + from, '.', name_len) == NULL;
    return before == '$' || !is_name_char(before);
}

/* `FooException.java` and `new FooException(` name none; a full stop after the name may follow. */
static bool ends_name(struct fo_str text, size_t end) {
    char next = '\n';
    char second = '\n';

    if (end < text.len)
        next = text.ptr[end];
    if (end + 1 < text.len)
        second = text.ptr[end + 1];
    if (next == '.')
        return !is_name_char(second) && second != '<';
    return !is_name_char(next) && next != '(';
}

bool catalogue_exception_named(struct fo_str text, size_t end, size_t name_len) {
    size_t from = end - name_len;

    return starts_name(text, from, name_len) && ends_name(text, end) &&
           !is_frame(line_before(text, from));
}
