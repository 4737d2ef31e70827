# SPDX-License-Identifier: Apache-2.0
"""Ends with a traceback: a key that the data does not have."""


def amount(entry):
    return entry["amount"]


print(sum(amount(entry) for entry in [{"amount": 1}, {"sum": 2}]))
