/* SPDX-License-Identifier: Apache-2.0 */
/* exporter/cli/classify.h - the commands that show the categoriser to people: `classify` and
 * `check rules`. Each gets the arguments from its own name on and returns the exit status.
 * Threads: [main]. */
#ifndef EX_CLI_CLASSIFY_H
#define EX_CLI_CLASSIFY_H

/* classify [--exit-code N] [--signal S] [--runtime R] [--json | --ndjson] [--rules FILE]... [FILE]
 * 0; 1: bad input, a bad flag, or a bad line of --ndjson. */
int ex_cli_classify(int argc, char **argv);

/* rules FILE...: each FILE is checked behind the built-in rules, as a user's; without a FILE the
 * built-in rules alone. 0; 1: something is wrong with them. */
int ex_cli_check_rules(int argc, char **argv);

#endif
