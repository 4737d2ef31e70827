# SPDX-License-Identifier: Apache-2.0
"""Reads one model in every format and checks that it says the same everywhere.

  check_expositions.py DUMP_PROGRAM SEED...

Strict parsers read the text formats; protobuf is decoded here, from the field numbers of
io.prometheus.client. Exit 0 when all agree."""
import gzip
import math
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import zlib

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(data):
    """(field number, value) of a message: an int, a float or bytes."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        elif tag & 7 == 1:
            (value,) = struct.unpack_from("<d", data, at)
            at += 8
        elif tag & 7 == 2:
            length, at = varint(data, at)
            value = data[at:at + length]
            assert len(value) == length, "cut message"
            at += length
        else:
            raise AssertionError(f"wire type {tag & 7}")
        yield tag >> 3, value


def message(data):
    found = {}
    for number, value in fields(data):
        found.setdefault(number, []).append(value)
    return found


def one(found, number, otherwise=None):
    values = found.get(number, [otherwise])
    assert len(values) == 1
    return values[0]


def label_pairs(values):
    pairs = [message(value) for value in values]
    return frozenset((one(p, 1).decode(), one(p, 2, b"").decode()) for p in pairs)


def zigzag(value):
    return value >> 1 ^ -(value & 1)


def exemplar_of(data):
    found = message(data)
    time = message(one(found, 3))
    return (label_pairs(found.get(1, [])), one(found, 2),
            round(one(time, 1) + one(time, 2, 0) / 1e9, 3))


def check_native(found, count):
    """The native buckets hold every observation once, and ascend."""
    spans = [message(span) for span in found.get(12, [])]
    length = sum(one(span, 2) for span in spans)
    deltas = one(found, 13, b"")
    at = absolute = total = buckets = 0
    while at < len(deltas):
        delta, at = varint(deltas, at)
        absolute += zigzag(delta)
        assert absolute > 0
        total += absolute
        buckets += 1
    assert buckets == length <= 160, (buckets, length)
    assert total + one(found, 7) == count, "native count"
    assert one(found, 6) == 2 ** -128
    assert all(zigzag(one(span, 1)) > 0 for span in spans[1:])


def histogram_samples(name, labels, found, samples, exemplars):
    count = one(found, 1)
    samples[name + "_count", labels] = float(count)
    samples[name + "_sum", labels] = one(found, 2)
    for bucket in map(message, found[3]):
        key = name + "_bucket", labels | {("le", one(bucket, 2))}
        samples[key] = float(one(bucket, 1))
        if 3 in bucket:
            exemplars[key] = exemplar_of(one(bucket, 3))
    if 5 in found:
        check_native(found, count)


def read_protobuf(data):
    samples, exemplars, types, starts = {}, {}, {}, {}
    at = 0
    while at < len(data):
        length, at = varint(data, at)
        family = message(data[at:at + length])
        at += length
        name = one(family, 1).decode()
        types[name] = one(family, 3)
        for metric in map(message, family[4]):
            labels = label_pairs(metric.get(1, []))
            if 7 in metric:
                found = message(one(metric, 7))
                histogram_samples(name, labels, found, samples, exemplars)
                starts[name, labels] = message(one(found, 15))
                continue
            found = message(one(metric, 3 if types[name] == 0 else 2))
            assert (name, labels) not in samples, "twice"
            samples[name, labels] = one(found, 1)
            if types[name] == 0:
                starts[name, labels] = message(one(found, 3))
                if 2 in found:
                    exemplars[name, labels] = exemplar_of(one(found, 2))
    return samples, exemplars, starts


def read_text(text, parse):
    samples, exemplars = {}, {}
    for family in parse(text):
        for sample in family.samples:
            labels = {(k, float(v) if k == "le" else v) for k, v in sample.labels.items()}
            key = sample.name, frozenset(labels)
            assert key not in samples, f"twice: {key}"
            samples[key] = float(sample.value)
            if sample.exemplar:
                e = sample.exemplar
                exemplars[key] = frozenset(e.labels.items()), e.value, round(float(e.timestamp), 3)
    return samples, exemplars


def same(what, a, b):
    for key in a.keys() | b.keys():
        x, y = a.get(key), b.get(key)
        if x != y and not (isinstance(x, float) and isinstance(y, float) and math.isnan(x)
                           and math.isnan(y)):
            raise AssertionError(f"{what}: {key}: {x} and {y}")


def undotted(samples):
    """Names as they were before escaping=dots doubled their underscores."""
    suffix = re.compile("_(bucket|sum|count)$")
    def name(text):
        end = suffix.search(text) if not text.endswith("__" + text.rsplit("_", 1)[-1]) else None
        stem = text[:end.start()] if end else text
        assert "_" not in stem.replace("__", ""), text
        return stem.replace("__", "_") + (end.group() if end else "")
    return {(name(key[0]), key[1]): value for key, value in samples.items()}


def check_model(folder):
    def read(name):
        return (folder / name).read_bytes()

    text, _ = read_text(read("text").decode(), parse_text)
    openmetrics, exemplars = read_text(read("openmetrics").decode(), parse_openmetrics)
    protobuf, proto_exemplars, starts = read_protobuf(read("protobuf"))
    assert len(text) > 500 and len(exemplars) > 50
    same("text and OpenMetrics", text, openmetrics)
    same("text and protobuf", text, protobuf)
    same("exemplars", exemplars, proto_exemplars)
    assert read("text1") == read("text")
    same("dots", undotted(read_text(read("text1.dots").decode(), parse_text)[0]), text)
    same("dots in protobuf", undotted(read_protobuf(read("protobuf.dots"))[0]), text)
    assert read("openmetrics.dots").endswith(b"# EOF\n")
    created, _ = read_text(read("openmetrics.created").decode(), parse_openmetrics)
    lines = {key: value for key, value in created.items() if key[0].endswith("_created")}
    assert len(lines) == len(starts), (len(lines), len(starts))
    same("but for _created", {k: v for k, v in created.items() if k not in lines}, text)
    for name in "text", "openmetrics", "protobuf":
        packed = read(name + ".gz")
        assert gzip.decompress(packed) == read(name), name
        member = zlib.decompressobj(16 + zlib.MAX_WBITS)
        member.decompress(packed)
        assert member.eof and not member.unused_data, "more than one member"
    return len(text)


def check_lint(folder):
    done = subprocess.run(["promtool", "check", "metrics"], stdin=open(folder / "text", "rb"),
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def main():
    for seed in sys.argv[2:]:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.argv[1], folder, seed], check=True)
            count = check_model(pathlib.Path(folder))
            check_lint(pathlib.Path(folder))
            print(f"seed {seed}: {count} samples agree")


main()
