# SPDX-License-Identifier: Apache-2.0
# Dies of a file that is not there.
use strict;
use warnings;

open(my $ledger, '<', 'ledger.txt') or die "Can't open ledger.txt: $!";
print while <$ledger>;
