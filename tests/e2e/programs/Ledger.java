// SPDX-License-Identifier: Apache-2.0
/** Fails as programs of the JVM do: the cause stands under two wrappers. */
public final class Ledger {
    static int length(String entry) {
        return entry.length();
    }

    static void post(String[] entries) {
        try {
            for (String entry : entries) {
                length(entry);
            }
        } catch (RuntimeException cause) {
            throw new IllegalStateException("posting failed", cause);
        }
    }

    public static void main(String[] arguments) throws Exception {
        try {
            post(new String[] {"first", null});
        } catch (IllegalStateException cause) {
            throw new Exception("the ledger's run failed", cause);
        }
    }
}
