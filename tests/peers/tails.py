"""Runs the random graphs in a folder by ONNX Runtime and compares the results.

    tails.py FOLDER

The test `tails` writes them to target/tails, in the layout of the ONNX backend
tests, with the results of the reference evaluation.
"""
import pathlib
import sys

import numpy
import onnxruntime

# How files store what the graphs hold: TensorProto.DataType.
TYPES = {1: "f4", 2: "u1", 3: "i1", 4: "u2", 5: "i2", 6: "i4", 7: "i8", 9: "?", 11: "f8", 12: "u4", 13: "u8"}

# Largest error of a float, relative to the larger of its value and 1.
TOLERANCE = 1e-4


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def tensor(path):
    """A TensorProto whose elements are raw data."""
    data, at = path.read_bytes(), 0
    sizes, kind, raw = [], None, b""
    while at < len(data):
        tag, at = varint(data, at)
        value, at = varint(data, at)
        field, wire = tag >> 3, tag & 7
        if wire == 0:
            if field == 1:
                sizes.append(value)
            elif field == 2:
                kind = value
            continue
        content = data[at : at + value]
        at += value
        if field == 1:
            place = 0
            while place < len(content):
                size, place = varint(content, place)
                sizes.append(size)
        elif field == 9:
            raw = content
    return numpy.frombuffer(raw, "<" + TYPES[kind]).reshape(sizes)


def numbered(folder, kind):
    files = sorted(folder.glob(f"test_data_set_0/{kind}_*.pb"), key=lambda path: int(path.stem.split("_")[1]))
    return [tensor(path) for path in files]


def difference(found, expected):
    """What is wrong with a result; None where nothing is."""
    if found.dtype != expected.dtype or found.shape != expected.shape:
        return f"{found.dtype}{found.shape}, not {expected.dtype}{expected.shape}"
    tolerance = TOLERANCE if found.dtype.kind == "f" else 0
    if not numpy.allclose(found, expected, rtol=tolerance, atol=tolerance, equal_nan=True):
        return f"{found.ravel()[:8]}, not {expected.ravel()[:8]}"
    return None


def main():
    folders = sorted(path for path in pathlib.Path(sys.argv[1]).iterdir() if path.is_dir())
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    counts = {"same": 0, "refused": 0, "differs": 0}
    for folder in folders:
        try:
            session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
            names = [value.name for value in session.get_inputs()]
            found = session.run(None, dict(zip(names, numbered(folder, "input"), strict=True)))
        except Exception as error:  # ONNX Runtime has no kernel for every type
            counts["refused"] += 1
            print(f"{folder.name}: refused: {str(error)[:160]}")
            continue
        pairs = zip(found, numbered(folder, "output"), strict=True)
        wrong = [text for pair in pairs if (text := difference(*pair))]
        counts["differs" if wrong else "same"] += 1
        for text in wrong:
            print(f"{folder.name}: {text}")
    print(counts)
    return 1 if counts["differs"] else 0


if __name__ == "__main__":
    sys.exit(main())
