# SPDX-License-Identifier: Apache-2.0
"""A reader of the protobuf exposition format, as much of it as the tests look at."""
import struct

FAMILY_NAME, FAMILY_METRIC = 1, 4
METRIC_LABEL, METRIC_GAUGE, METRIC_COUNTER, METRIC_HISTOGRAM = 1, 2, 3, 7
COUNTER_EXEMPLAR, COUNTER_START = 2, 3
HISTOGRAM_COUNT, HISTOGRAM_SCHEMA, HISTOGRAM_START = 1, 5, 15


def read_varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def read_message(data):
    """{field number: [value]}; nested messages stay bytes."""
    fields, at = {}, 0
    while at < len(data):
        key, at = read_varint(data, at)
        if key & 7 == 0:
            value, at = read_varint(data, at)
        elif key & 7 == 1:
            value, at = struct.unpack_from("<d", data, at)[0], at + 8
        elif key & 7 == 2:
            length, at = read_varint(data, at)
            value, at = data[at:at + length], at + length
            if len(value) != length:
                raise ValueError("a message is cut short")
        else:
            raise ValueError(f"wire type {key & 7}")
        fields.setdefault(key >> 3, []).append(value)
    return fields


def read_labels(pairs):
    return {pair[1][0].decode(): pair.get(2, [b""])[0].decode() for pair in map(read_message, pairs)}


def read_time(message):
    fields = read_message(message)
    return fields.get(1, [0])[0] + fields.get(2, [0])[0] / 1e9


def read_series(message):
    fields = read_message(message)
    series = {"labels": read_labels(fields.get(METRIC_LABEL, []))}
    if METRIC_COUNTER in fields:
        counter = read_message(fields[METRIC_COUNTER][0])
        series.update(value=counter[1][0], start=read_time(counter[COUNTER_START][0]))
        if COUNTER_EXEMPLAR in counter:
            series["exemplar"] = read_labels(read_message(counter[COUNTER_EXEMPLAR][0])[1])
    elif METRIC_HISTOGRAM in fields:
        histogram = read_message(fields[METRIC_HISTOGRAM][0])
        series.update(value=histogram.get(HISTOGRAM_COUNT, [0])[0],
                      start=read_time(histogram[HISTOGRAM_START][0]), native=HISTOGRAM_SCHEMA in histogram)
    elif METRIC_GAUGE in fields:
        series["value"] = read_message(fields[METRIC_GAUGE][0]).get(1, [0.0])[0]
    return series


def read_families(page):
    """{family name: {"series": [{"labels", "value", "start"?, "exemplar"?, "native"?}]}}"""
    families, at = {}, 0
    while at < len(page):
        length, at = read_varint(page, at)
        family = read_message(page[at:at + length])
        at += length
        name = family[FAMILY_NAME][0].decode()
        if name in families:
            raise ValueError(f"family {name} comes twice")
        families[name] = {"series": [read_series(metric) for metric in family.get(FAMILY_METRIC, [])]}
    return families
