// SPDX-License-Identifier: BSD-2-Clause
/*
 * ForkJoinPool and ThreadPoolExecutor of the Java library as opponents of
 * `heddle bench`: one line asks, one round answers (bench/README.md). One file
 * and no build tool, so that javac alone is enough. What differs from the other
 * opponents, because Java's tasks have neither a futex nor a line of their own:
 * tasks add to a LongAdder, and W4 in form block waits by Future.get().
 */

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RecursiveAction;
import java.util.concurrent.RecursiveTask;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;

public final class HeddleOpponent {
    static final int MISSED = 1, BAD_USAGE = 2, ABSENT = 77;
    static final String FJP = "java-fjp", TPE = "java-tpe";
    static final String[] FJP_WORKLOADS = {
        "W1", "W2", "W3", "W4", "W4j", "W5", "W7", "W11"
    };
    static final String[] TPE_WORKLOADS = {
        "W1", "W2", "W4", "W4j", "W5", "W7", "W11"
    };

    /** A round's measuring; the pool is its own. */
    interface Workload {
        String round() throws Exception;
    }

    // The command line -------------------------------------------------------

    static final Map<String, String> values = new HashMap<>();

    static String text(String key, String standard) {
        return values.getOrDefault(key, standard);
    }

    /** A value from 1 on. */
    static int number(String key, int standard) {
        String word = values.get(key);
        if (word == null)
            return standard;
        try {
            int value = Integer.parseInt(word);
            if (value > 0)
                return value;
        } catch (NumberFormatException error) {
            // Said below, as 0 is.
        }
        throw badUsage("--" + key + ": '" + word + "' is no number from 1 on");
    }

    /** One line that names the argument, and the end. */
    static IllegalArgumentException badUsage(String what) {
        return new IllegalArgumentException(what);
    }

    static void parse(String[] words) {
        for (int i = 1; i < words.length; i += 2) {
            if (!words[i].startsWith("--") || words[i].length() < 3)
                throw badUsage("unknown argument '" + words[i] + "'");
            if (i + 1 == words.length)
                throw badUsage(words[i] + " needs a value");
            values.put(words[i].substring(2), words[i + 1]);
        }
    }

    static String version() {
        return System.getProperty("java.version").replace(' ', '-');
    }

    static int list() {
        System.out.println("peer " + FJP + " version=" + version() + " workloads="
            + String.join(",", FJP_WORKLOADS));
        System.out.println("peer " + TPE + " version=" + version() + " workloads="
            + String.join(",", TPE_WORKLOADS));
        return 0;
    }

    static int answer() throws Exception {
        String peer = text("peer", ""), id = text("workload", "");
        if (!peer.equals(FJP) && !peer.equals(TPE))
            throw badUsage("--peer: unknown '" + peer + "'");
        String[] has = peer.equals(FJP) ? FJP_WORKLOADS : TPE_WORKLOADS;
        if (!Arrays.asList(has).contains(id)) {
            System.out.println("absent " + id + " is not for " + peer);
            return ABSENT;
        }

        int workers = number("workers", 2);
        ExecutorService pool = peer.equals(FJP) ? new ForkJoinPool(workers)
            : new ThreadPoolExecutor(workers, workers, 60, TimeUnit.SECONDS,
                new LinkedBlockingQueue<>());
        Workload measured = make(id, pool);

        System.out.println("ready version=" + version());
        System.out.flush();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String word = in.readLine(); word != null; word = in.readLine()) {
            if (!word.equals("go"))
                throw badUsage("standard input: '" + word + "' is not 'go'");
            System.out.println("round " + measured.round());
            System.out.flush();
        }
        pool.shutdown();
        if (!pool.awaitTermination(10, TimeUnit.SECONDS))
            throw new IllegalStateException("the pool did not end");
        System.out.println("end");
        return 0;
    }

    static Workload make(String id, ExecutorService pool) throws Exception {
        boolean isTree = values.containsKey("program");
        switch (id) {
        case "W1":
            return new FromOutside(pool);
        case "W2":
            return new FromInside(pool);
        case "W11":
            return isTree && pool instanceof ForkJoinPool
                ? new ForkJoin((ForkJoinPool) pool) : new FromInside(pool);
        case "W3":
            return new ForkJoin((ForkJoinPool) pool);
        case "W4":
            return new Wake(pool);
        case "W4j":
            return new RoundTrip(pool);
        case "W5":
            return new Burst(pool);
        default:
            return new Guests(pool);
        }
    }

    public static void main(String[] words) {
        int status;
        try {
            String command = words.length > 0 ? words[0] : "";
            if (command.equals("bench-list") && words.length == 1) {
                status = list();
            } else if (command.equals("bench-peer")) {
                parse(words);
                status = answer();
            } else {
                throw badUsage("the command is bench-peer or bench-list, not '"
                    + command + "'");
            }
        } catch (IllegalArgumentException error) {
            System.err.println("heddle-java-opponent: " + error.getMessage());
            status = BAD_USAGE;
        } catch (Throwable error) {
            // Out of memory, too: the pool's threads would keep the process.
            System.err.println("heddle-java-opponent: " + error);
            status = MISSED;
        }
        System.out.flush();
        System.exit(status);
    }

    // Instruments ------------------------------------------------------------

    static final LongAdder done = new LongAdder();

    static void waitDone(long until) {
        while (done.sum() < until)
            LockSupport.parkNanos(50_000);
    }

    static String pair(String key, double value) {
        return String.format(Locale.ROOT, "%s=%.3f", key, value);
    }

    static double quantile(long[] sorted, double part) {
        return sorted[Math.max(0, (int) Math.ceil(part * sorted.length) - 1)];
    }

    /** The chain's result goes here, so that the compiler keeps the chain. */
    static volatile long kept;

    /** The sum is there because a product of constants would be folded. */
    static void work(long steps) {
        long value = steps | 1;
        for (long i = 0; i < steps; i++)
            value = value * 0x9e3779b97f4a7c15L + i;
        if (value == 0)
            kept = value;
    }

    /** Steps of work() in so many us: the median of passes after the warm-up. */
    static long workSteps(int us) {
        final int steps = 100_000, passes = 31;
        long[] times = new long[passes];
        for (int i = 0; i < 200; i++)
            work(steps / 10);
        for (int i = 0; i < passes; i++) {
            long start = System.nanoTime();
            work(steps);
            times[i] = System.nanoTime() - start;
        }
        Arrays.sort(times);
        return Math.round(steps * 1000.0 * us / times[passes / 2]);
    }

    // Many tasks -------------------------------------------------------------

    /** W1. */
    static final class FromOutside implements Workload {
        final ExecutorService pool;
        final int tasks = number("tasks", 500_000);
        final int submitters = number("submitters", 1);
        long all, submit;

        FromOutside(ExecutorService pool) throws Exception {
            this.pool = pool;
            run(Math.max(tasks / 10, 1));
        }

        public String round() throws Exception {
            run(tasks);
            return pair("ns", (double) all / tasks) + " "
                + pair("submit_ns", (double) submit / tasks);
        }

        void submit(int n) {
            for (int i = 0; i < n; i++)
                pool.execute(done::increment);
        }

        void run(int n) throws Exception {
            long until = done.sum() + n, start, returned;
            if (submitters == 1) {
                start = System.nanoTime();
                submit(n);
                returned = System.nanoTime();
            } else {
                long[] starts = new long[submitters], ends = new long[submitters];
                CyclicBarrier lineUp = new CyclicBarrier(submitters);
                Thread[] crew = new Thread[submitters];
                for (int i = 0; i < submitters; i++) {
                    final int me = i;
                    final int share = n / submitters + (i < n % submitters ? 1 : 0);
                    crew[i] = new Thread(() -> {
                        try {
                            lineUp.await();
                        } catch (Exception error) {
                            throw new IllegalStateException(error);
                        }
                        starts[me] = System.nanoTime();
                        submit(share);
                        ends[me] = System.nanoTime();
                    });
                    crew[i].start();
                }
                for (Thread one : crew)
                    one.join();
                start = Arrays.stream(starts).min().getAsLong();
                returned = Arrays.stream(ends).max().getAsLong();
            }
            waitDone(until);
            all = System.nanoTime() - start;
            submit = returned - start;
        }
    }

    /** W2: fork() in a ForkJoinPool, which is its execute() from inside. */
    static final class FromInside implements Workload {
        final ExecutorService pool;
        final int depth = number("depth", 18);

        FromInside(ExecutorService pool) {
            this.pool = pool;
            if (depth > 28)
                throw badUsage("--depth: 28 at most");
            // The compiler of the virtual machine wants more than one pass.
            for (int i = 0; i < 3; i++)
                run();
        }

        public String round() {
            return pair("ns", (double) run() / tasks());
        }

        long tasks() {
            return (2L << depth) - 1;
        }

        long run() {
            long until = done.sum() + tasks(), start = System.nanoTime();
            if (pool instanceof ForkJoinPool)
                ((ForkJoinPool) pool).execute(new ForkNode(depth));
            else
                pool.execute(new PlainNode(pool, depth));
            waitDone(until);
            return System.nanoTime() - start;
        }

        static final class ForkNode extends RecursiveAction {
            static final long serialVersionUID = 1;
            final int depth;

            ForkNode(int depth) {
                this.depth = depth;
            }

            @Override
            protected void compute() {
                if (depth > 0) {
                    new ForkNode(depth - 1).fork();
                    new ForkNode(depth - 1).fork();
                }
                done.increment();
            }
        }

        static final class PlainNode implements Runnable {
            final ExecutorService pool;
            final int depth;

            PlainNode(ExecutorService pool, int depth) {
                this.pool = pool;
                this.depth = depth;
            }

            @Override
            public void run() {
                if (depth > 0) {
                    pool.execute(new PlainNode(pool, depth - 1));
                    pool.execute(new PlainNode(pool, depth - 1));
                }
                done.increment();
            }
        }
    }

    /** W5: the last task takes the time. */
    static final class Burst implements Workload {
        final ExecutorService pool;
        final int tasks = number("tasks", 1000);
        final long steps = workSteps(number("work-us", 10));
        volatile long end;

        Burst(ExecutorService pool) {
            this.pool = pool;
            for (int i = 0; i < 5; i++)
                run();
        }

        public String round() {
            return pair("makespan", run());
        }

        long run() {
            AtomicInteger left = new AtomicInteger(tasks);
            long until = done.sum() + 1;
            LockSupport.parkNanos(5_000_000);
            long start = System.nanoTime();
            for (int i = 0; i < tasks; i++)
                pool.execute(() -> {
                    work(steps);
                    if (left.decrementAndGet() == 0) {
                        end = System.nanoTime();
                        done.increment();
                    }
                });
            waitDone(until);
            return end - start;
        }
    }

    // One task and its end ---------------------------------------------------

    /** W4. */
    static final class Wake implements Workload {
        final ExecutorService pool;
        final int n = number("samples", 1000);
        final boolean spins;
        volatile long started;
        volatile boolean ended;

        Wake(ExecutorService pool) throws Exception {
            String mode = text("mode", "block");
            if (!mode.equals("block") && !mode.equals("spin"))
                throw badUsage("--mode: '" + mode + "' is not block or spin");
            this.pool = pool;
            spins = mode.equals("spin");
            for (int i = 0; i < 100; i++)
                sample(new StringBuilder());
        }

        public String round() throws Exception {
            StringBuilder taken = new StringBuilder();
            for (int i = 0; i < n; i++)
                sample(taken);
            System.out.print(taken);
            return "n=" + n;
        }

        void sample(StringBuilder taken) throws Exception {
            LockSupport.parkNanos(1_000_000);
            ended = false;
            long start = System.nanoTime();
            Future<?> future = pool.submit(() -> {
                started = System.nanoTime();
                ended = true;
            });
            if (spins)
                while (!ended)
                    Thread.onSpinWait();
            else
                future.get();
            long end = System.nanoTime();
            taken.append("s ").append(started - start).append(' ')
                .append(end - start).append('\n');
        }
    }

    /** W4j: submit().get(), which may run the task where it waits. */
    static final class RoundTrip implements Workload {
        final ExecutorService pool;
        final int n = number("samples", 1000);

        RoundTrip(ExecutorService pool) throws Exception {
            this.pool = pool;
            for (int i = 0; i < 1000; i++)
                call();
        }

        public String round() throws Exception {
            StringBuilder taken = new StringBuilder();
            for (int i = 0; i < n; i++) {
                LockSupport.parkNanos(1_000_000);
                taken.append("s 0 ").append(call()).append('\n');
            }
            System.out.print(taken);
            return "n=" + n;
        }

        long call() throws Exception {
            long start = System.nanoTime();
            pool.submit(() -> { }).get();
            return System.nanoTime() - start;
        }
    }

    /** W7: a Future is the handle. */
    static final class Guests implements Workload {
        final ExecutorService pool;
        final int n = number("n", 20_000);
        final int flight = number("flight", 1);
        final long steps = workSteps(number("work-us", 1));
        final long[] took = new long[n];

        Guests(ExecutorService pool) throws Exception {
            this.pool = pool;
            run();
        }

        public String round() throws Exception {
            long all = run();
            Arrays.sort(took);
            return pair("ns", (double) all / n) + " "
                + pair("p50", quantile(took, 0.5)) + " "
                + pair("p99", quantile(took, 0.99));
        }

        long run() throws Exception {
            Future<?>[] ring = new Future<?>[flight];
            long[] spawned = new long[flight];
            long start = System.nanoTime();
            for (int i = 0; i < n + flight; i++) {
                int at = i % flight;
                if (ring[at] != null) {
                    ring[at].get();
                    ring[at] = null;
                    took[i - flight] = System.nanoTime() - spawned[at];
                }
                if (i < n) {
                    spawned[at] = System.nanoTime();
                    ring[at] = pool.submit(() -> work(steps));
                }
            }
            return System.nanoTime() - start;
        }
    }

    // Fork and join ----------------------------------------------------------

    /** W3 without cut-off; one thread counts first. */
    static final class ForkJoin implements Workload {
        final ForkJoinPool pool;
        final String program = text("program", "fib");
        final int n;
        long nodes;
        final long expected;

        ForkJoin(ForkJoinPool pool) {
            this.pool = pool;
            switch (program) {
            case "fib":
                n = number("n", 27);
                break;
            case "nq":
                n = number("n", 11);
                break;
            case "uts":
                n = number("n", 10);
                break;
            default:
                throw badUsage("--program: '" + program
                    + "' is not fib, nq or uts");
            }
            if (n > (program.equals("fib") ? 60 : program.equals("nq") ? 18 : 20))
                throw badUsage("--n: too large for " + program);
            expected = serial();
            for (int i = 0; i < 3; i++)
                find();
        }

        public String round() {
            long start = System.nanoTime();
            long found = find();
            long took = System.nanoTime() - start;
            return pair("ns", (double) took / nodes) + " answer=" + found;
        }

        long find() {
            long found;
            if (program.equals("fib"))
                found = pool.invoke(new Fib(n));
            else if (program.equals("nq"))
                found = pool.invoke(new Queens((1 << n) - 1, 0, 0, 0));
            else
                found = pool.invoke(new Uts(81, n));
            if (found != expected)
                throw new IllegalStateException(program + ": " + found
                    + ", one thread finds " + expected);
            return found;
        }

        long serial() {
            if (program.equals("fib")) {
                long low = 0, high = 1;
                for (int i = 0; i < n; i++) {
                    long next = low + high;
                    low = high;
                    high = next;
                }
                nodes = 2 * high - 1;
                return low;
            }
            if (program.equals("nq"))
                return countQueens((1 << n) - 1, 0, 0, 0);
            nodes = countUts(81, n);
            return nodes;
        }

        long countQueens(int all, int columns, int left, int right) {
            long found = 0;
            nodes++;
            if (columns == all)
                return 1;
            for (int rest = all & ~(columns | left | right); rest != 0;
                    rest &= rest - 1) {
                int queen = rest & -rest;
                found += countQueens(all, columns | queen, (left | queen) << 1,
                    (right | queen) >>> 1);
            }
            return found;
        }

        static long countUts(long state, int depth) {
            long found = 1;
            int k = children(state, depth);
            for (int i = 0; i < k; i++)
                found += countUts(child(state, i), depth - 1);
            return found;
        }

        static long mix(long z) {
            z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
            z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
            return z ^ (z >>> 31);
        }

        static long child(long state, int i) {
            return mix(state + (i + 1) * 0x9e3779b97f4a7c15L);
        }

        static int children(long state, int depth) {
            long u = mix(state ^ 0xd1b54a32d192ed03L) >>> 32, t = 0xffffffffL;
            int k = 0;
            if (depth == 0)
                return 0;
            while (k < 100) {
                t = t * 4 / 5;
                if (u >= t)
                    break;
                k++;
            }
            return k;
        }
    }

    static final class Fib extends RecursiveTask<Long> {
        static final long serialVersionUID = 1;
        final int n;

        Fib(int n) {
            this.n = n;
        }

        @Override
        protected Long compute() {
            if (n < 2)
                return (long) n;
            Fib one = new Fib(n - 1);
            one.fork();
            long two = new Fib(n - 2).compute();
            return one.join() + two;
        }
    }

    static final class Queens extends RecursiveTask<Long> {
        static final long serialVersionUID = 1;
        final int all, columns, left, right;

        Queens(int all, int columns, int left, int right) {
            this.all = all;
            this.columns = columns;
            this.left = left;
            this.right = right;
        }

        @Override
        protected Long compute() {
            if (columns == all)
                return 1L;
            Queens[] children = new Queens[32];
            int n = 0;
            for (int rest = all & ~(columns | left | right); rest != 0;
                    rest &= rest - 1) {
                int queen = rest & -rest;
                children[n] = new Queens(all, columns | queen,
                    (left | queen) << 1, (right | queen) >>> 1);
                children[n++].fork();
            }
            long found = 0;
            while (n > 0)
                found += children[--n].join();
            return found;
        }
    }

    static final class Uts extends RecursiveTask<Long> {
        static final long serialVersionUID = 1;
        final long state;
        final int depth;

        Uts(long state, int depth) {
            this.state = state;
            this.depth = depth;
        }

        @Override
        protected Long compute() {
            int n = ForkJoin.children(state, depth);
            if (n == 0)
                return 1L;
            Uts[] children = new Uts[n];
            for (int i = 0; i < n; i++) {
                children[i] = new Uts(ForkJoin.child(state, i), depth - 1);
                children[i].fork();
            }
            long found = 1;
            while (n > 0)
                found += children[--n].join();
            return found;
        }
    }
}
