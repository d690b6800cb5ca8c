# SPDX-License-Identifier: BSD-2-Clause
"""Pools, workers, groups and queues of a live process or a core, in gdb.

    heddle pools
    heddle workers [POOL]
    heddle groups [POOL]
    heddle queues [POOL]

POOL is any expression that is a struct heddle_pool *. Without it: every pool
of which a worker thread is found. There is no list of pools in the library;
the pool is what the worker belongs to that hd_worker_main() was called with. A
pool without a worker is seen through an expression only.

Nothing is called in the process and nothing is written: it works on a core.
What is read is not of one instant unless all threads are stopped.
"""

import gdb

STATES = {0: "free", 1: "starting", 2: "searching", 3: "parked", 4: "running",
          5: "blocked", 6: "returning", 7: "scrub", 8: "leaving", 9: "left"}
KINDS = {0: "other", 1: "io", 2: "lock", 3: "sleep", 4: "join"}
GATES = {0: "open", 1: "drain", 2: "quiesce", 3: "drained", 4: "refuse"}
NONE = 0xffffffff
CAP_MAX = (1 << 20) - 1


class Missing(gdb.GdbError):
    pass


def pool_type():
    try:
        return gdb.lookup_type("struct heddle_pool").pointer()
    except gdb.error:
        raise Missing("no debug information of libheddle: no type "
                      "'struct heddle_pool'")


def field(value, name):
    """A member, atomic or not, by its name."""
    try:
        return value[name]
    except gdb.error as error:
        raise Missing("this libheddle has no such field: %s (%s)"
                      % (name, error))


def number(value, name):
    return int(field(value, name))


def text(value, name):
    return field(value, name).string(errors="replace")


def worker_of_frames():
    """The worker of the selected thread, or None."""
    frame = gdb.newest_frame()
    found = None
    while frame is not None:
        name = frame.name()
        if name in ("whole_life", "hd_worker_main"):
            for variable in ("worker", "arg"):
                try:
                    value = frame.read_var(variable)
                    if not value.is_optimized_out and int(value):
                        found = value
                        break
                except (ValueError, gdb.error):
                    continue
            break
        frame = frame.older()
    else:
        return None
    if found is None:
        # In no register any more: the same pointer is thread-local.
        try:
            found = gdb.parse_and_eval("hd_self")
        except gdb.error:
            return None
    kind = gdb.lookup_type("struct hd_worker").pointer()
    found = found.cast(kind)
    return found if int(found) else None


def find_pools():
    """Address of a pool: how many of its threads were found."""
    pools = {}
    selected = gdb.selected_thread()
    frame = gdb.selected_frame() if selected is not None else None
    if selected is None:
        raise gdb.GdbError("no process and no core")
    try:
        for thread in gdb.selected_inferior().threads():
            thread.switch()
            try:
                worker = worker_of_frames()
                if worker is not None:
                    pool = int(field(worker, "pool"))
                    pools[pool] = pools.get(pool, 0) + 1
            except gdb.MemoryError:
                continue
    finally:
        selected.switch()
        if frame.is_valid():
            frame.select()
    return pools


def pools_of(argument):
    kind = pool_type()
    if argument.strip():
        value = gdb.parse_and_eval(argument)
        try:
            given = value.type.strip_typedefs()
            is_pool = given.code == gdb.TYPE_CODE_PTR or \
                given.code == gdb.TYPE_CODE_INT
            if not is_pool:
                raise gdb.GdbError("%s is no pointer" % argument)
            value = value.cast(kind)
            if not int(value):
                raise gdb.GdbError("%s is NULL" % argument)
            number(value.dereference(), "workers_max")
        except gdb.MemoryError:
            raise gdb.GdbError("%s points to no memory" % argument)
        return [value.dereference()]
    found = sorted(find_pools())
    if not found:
        raise gdb.GdbError("no worker thread of heddle was found; name the "
                           "pool: heddle groups POOL")
    return [gdb.Value(at).cast(kind).dereference() for at in found]


def table(header, rows):
    rows = [header] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    for row in rows:
        gdb.write("  ".join(cell.ljust(width) for cell, width
                            in zip(row, widths)).rstrip() + "\n")


def groups_in_use(pool):
    table_of = field(pool, "group")
    for index in range(number(pool, "groups_used")):
        group = table_of[index]
        if int(field(group, "in_use")):
            yield index, group


def workers_in_use(pool):
    table_of = field(pool, "worker")
    for index in range(number(pool, "entries_used")):
        worker = table_of[index]
        words = field(field(worker, "mirror"), "word")
        words = [int(words[i]) for i in range(5)]
        if words[0] & NONE:
            yield index, worker, words


def group_name(pool, index):
    if index == NONE:
        return "-"
    if index >= number(pool, "groups_max"):
        return "#%d" % index
    return text(field(pool, "group")[index], "name")


def split_word(word):
    """count, cap, generation: lockfree/groupword.h"""
    return word & CAP_MAX, word >> 20 & CAP_MAX, word >> 40


def title(pool):
    gdb.write("pool %s at %#x\n" % (text(pool, "name"), int(pool.address)))


class Heddle(gdb.Command):
    """What a pool of heddle does: heddle pools, workers, groups, queues."""

    def __init__(self):
        super().__init__("heddle", gdb.COMMAND_STATUS, prefix=True)


class Pools(gdb.Command):
    """heddle pools [POOL]: the pools of which a worker is found."""

    def __init__(self):
        super().__init__("heddle pools", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        rows = []
        for pool in pools_of(argument):
            rows.append([
                hex(int(pool.address)), text(pool, "name"),
                number(pool, "live"), number(pool, "workers_max"),
                number(pool, "blocked_workers"),
                sum(1 for _ in groups_in_use(pool)),
                number(pool, "wakes"), number(pool, "useless_wakes"),
                "closing" if int(field(pool, "closing")) else "open"])
        table(["pool", "name", "live", "workers_max", "blocked", "groups",
               "wakes", "useless", "state"], rows)


class Workers(gdb.Command):
    """heddle workers [POOL]: each worker, its state, group and thread."""

    def __init__(self):
        super().__init__("heddle workers", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        for pool in pools_of(argument):
            title(pool)
            rows = []
            for index, worker, words in workers_in_use(pool):
                state = words[0] & NONE
                kind = words[3] & NONE
                rows.append([
                    index, hex(int(worker.address)), words[2] >> 32,
                    STATES.get(state, "code %d" % state),
                    group_name(pool, words[2] & NONE),
                    KINDS.get(kind, kind) if state == 5 else "-",
                    words[3] >> 32 or "-", words[1],
                    "%d.%06d" % (words[4] // 10**9,
                                 words[4] % 10**9 // 1000)])
            table(["worker", "at", "tid", "state", "group", "blocks on",
                   "guest", "life", "since (s)"], rows)


class Groups(gdb.Command):
    """heddle groups [POOL]: each group with cap, count and gate."""

    def __init__(self):
        super().__init__("heddle groups", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        for pool in pools_of(argument):
            title(pool)
            rows = []
            for index, group in groups_in_use(pool):
                count, cap, generation = split_word(number(group, "word"))
                above = field(group, "above")
                gate = number(group, "gate")
                rows.append([
                    index, hex(int(group.address)), text(group, "name"),
                    number(above.dereference(), "index") if int(above)
                    else "-",
                    "-" if cap == CAP_MAX else cap, count,
                    number(group, "blocked"), number(group, "prepaid"),
                    GATES.get(gate, gate), generation])
            table(["group", "at", "name", "above", "cap", "count", "blocked",
                   "prepaid", "gate", "change"], rows)


class Queues(gdb.Command):
    """heddle queues [POOL]: where the queued tasks of each group lie.

    injected: in the lists that submits push on; spilled: in chains that workers
    put back; ordered: a chain in order is there; deques: in those of workers;
    cancelled: nodes among all these whose task was taken out already."""

    def __init__(self):
        super().__init__("heddle queues", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        for pool in pools_of(argument):
            title(pool)
            in_deques = {}
            for _, worker, _ in workers_in_use(pool):
                deque = field(worker, "deque")
                length = number(deque, "bottom") - number(deque, "top")
                if length > 0:
                    tag = number(deque, "tag")
                    in_deques[tag] = in_deques.get(tag, 0) + length
            rows = []
            for index, group in groups_in_use(pool):
                lane = field(group, "lane")
                injected = sum(number(lane[i], "head") >> 32
                               for i in range(number(group, "lanes")))
                rows.append([index, text(group, "name"), injected,
                             number(group, "spilled"),
                             "yes" if number(group, "ordered") else "no",
                             in_deques.get(index, 0),
                             number(group, "dead")])
            table(["group", "name", "injected", "spilled", "ordered",
                   "deques", "cancelled"], rows)


Heddle()
Pools()
Workers()
Groups()
Queues()
