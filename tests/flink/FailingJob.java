/* SPDX-License-Identifier: Apache-2.0 */
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * A job whose first `worker` fails in given ways, one after the other, each a little after it began; a file
 * remembers how often. SUBTASK is put in for the version: what tells a task its index.
 */
public class FailingJob {
    static final class Worker extends RichMapFunction<Long, Long> {
        final String folder;
        final String[] kinds;
        transient long began;
        transient String kind;

        Worker(String folder, String[] kinds) {
            this.folder = folder;
            this.kinds = kinds;
        }

        private void begin() throws IOException {
            began = System.currentTimeMillis();
            kind = "none";
            if (SUBTASK != 0) return;
            Path log = Path.of(folder, "attempts");
            int made = Files.exists(log) ? Files.readAllLines(log).size() : 0;
            kind = made < kinds.length ? kinds[made] : "none";
            Files.writeString(log, kind + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }

        @Override
        public Long map(Long value) throws Exception {
            if (began == 0) begin();
            if (System.currentTimeMillis() - began < 700) return value;
            switch (kind) {
                case "runtime":
                    throw new RuntimeException(
                        "wrapped", new IOException("Connection refused: db-1/10.0.0.5:5432"));
                case "npe": throw new NullPointerException("value is null");
                case "arithmetic": throw new ArithmeticException("/ by zero");
                case "oom": throw new OutOfMemoryError("Java heap space");
                case "number": throw new NumberFormatException("For input string: \"abc\"");
                case "disk": throw new IOException("No space left on device");
                default: return value;
            }
        }
    }

    /** host, port, name, jar, folder, shape, kinds, key=value... */
    public static void main(String[] args) throws Exception {
        Configuration conf = new Configuration();
        for (int i = 7; i < args.length; i++) {
            String[] pair = args[i].split("=", 2);
            conf.setString(pair[0], pair[1]);
        }
        Files.createDirectories(Path.of(args[4]));
        StreamExecutionEnvironment env = StreamExecutionEnvironment.createRemoteEnvironment(
            args[0], Integer.parseInt(args[1]), conf, args[3]);
        env.setParallelism(2);
        DataStream<Long> source = env.fromSequence(0, Long.MAX_VALUE / 2).map(value -> {
            Thread.sleep(10);
            return value;
        });
        DataStream<Long> wired = args[5].equals("regions") ? source : source.rebalance();
        wired.map(new Worker(args[4], args[6].split(","))).disableChaining().name("worker").uid("worker")
            .filter(value -> value < 0).disableChaining().name("sieve").uid("sieve")
            .print().disableChaining().name("out").uid("out");
        System.out.println(env.executeAsync(args[2]).getJobID());
    }
}
