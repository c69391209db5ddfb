#!/usr/bin/env python3
"""Times networks compiled by cnnc beside ONNX Runtime. README.md says how."""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

TOLERANCE = 1e-4  # largest difference of the outputs, relative to the largest value
STARTS = 5  # processes started for the time to the first output
PAUSE = 0.02  # seconds between the two sides, for spinning threads to park

DTYPES = {
    "f32": "<f4", "f64": "<f8", "i8": "i1", "i16": "<i2", "i32": "<i4", "i64": "<i8",
    "u8": "u1", "u16": "<u2", "u32": "<u4", "u64": "<u8", "bool": "?",
}  # fmt: skip


class Cnnc:
    """The program that `cnnc bench --interactive` drives."""

    name = "cnnc"

    def __init__(self, cnnc, model, threads):
        command = [cnnc, "bench", str(model), "--interactive", "--threads", str(threads)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.ready = self._answer("ready")

    def _answer(self, key):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"`cnnc bench` ended with status {self.process.wait()}")
        answer = json.loads(line)
        if key not in answer:
            sys.exit(f"`cnnc bench`: {answer.get('error', line)}")
        return answer[key]

    def _ask(self, line, key):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self._answer(key)

    def set_inputs(self, inputs):
        with tempfile.TemporaryDirectory() as folder:
            for index, values in enumerate(inputs):
                path = Path(folder, f"input_{index}")
                values.tofile(path)
                self._ask(f"input {index} {path}", "input")

    def run(self, count):
        return self._ask(f"run {count}", "ms")

    def outputs(self):
        found = []
        with tempfile.TemporaryDirectory() as folder:
            for index, output in enumerate(self.ready["outputs"]):
                path = Path(folder, f"output_{index}")
                sizes = self._ask(f"output {index} {path}", "sizes")
                found.append(np.fromfile(path, DTYPES[output["element"]]).reshape(sizes))
        return found

    def peak(self):
        return self._ask("peak", "gflops")

    def start(self):
        """Milliseconds from starting the program to its first output."""
        begin = time.perf_counter()
        with subprocess.Popen([self.ready["program"], "once"], stdout=subprocess.PIPE) as program:
            line = program.stdout.readline()
            took = time.perf_counter() - begin
        if not line:
            sys.exit(f"{self.ready['program']} once: no output, status {program.returncode}")
        return took * 1e3

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class OnnxRuntime:
    """ONNX Runtime in this process, inputs and outputs bound beforehand."""

    name = "ONNX Runtime"

    def __init__(self, model, threads):
        self.model, self.threads = model, threads
        self.session = open_session(model, threads)

    def set_inputs(self, inputs):
        self.binding = self.session.io_binding()
        # A bound array must stay alive as long as the binding.
        self.inputs = [np.ascontiguousarray(values) for values in inputs]
        for declared, values in zip(self.session.get_inputs(), self.inputs):
            self.binding.bind_cpu_input(declared.name, values)
        self.session_outputs = [output.name for output in self.session.get_outputs()]
        for name in self.session_outputs:
            self.binding.bind_output(name)
        # The first run finds the shapes; binding its outputs makes later runs write in place.
        self.session.run_with_iobinding(self.binding)
        self.bound = self.binding.get_outputs()
        for name, value in zip(self.session_outputs, self.bound):
            self.binding.bind_ortvalue_output(name, value)

    def run(self, count):
        times = []
        for _ in range(count):
            begin = time.perf_counter()
            self.session.run_with_iobinding(self.binding)
            times.append((time.perf_counter() - begin) * 1e3)
        return times

    def outputs(self):
        return [value.numpy() for value in self.bound]

    def start(self):
        """Milliseconds from opening the model to the first output, in a fresh process."""
        command = [sys.executable, __file__, "--start", str(self.model), str(self.threads)]
        return float(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def open_session(model, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def print_start(model, threads):
    """What `OnnxRuntime.start` runs."""
    import onnxruntime  # noqa: F401  (its import is not part of the time)

    begin = time.perf_counter()
    session = open_session(model, int(threads))
    session.run(None, {i.name: np.zeros(i.shape, np.float32) for i in session.get_inputs()})
    print((time.perf_counter() - begin) * 1e3)


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 0x80:
            return value, at


def tensor(path):
    """The values of a `TensorProto` that holds raw f32, or None."""
    data, at, dims, kind, raw = path.read_bytes(), 0, [], None, None
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
            dims += [value] * (tag >> 3 == 1)
            kind = value if tag >> 3 == 2 else kind
        elif tag & 7 == 2:
            size, at = varint(data, at)
            field, at = data[at : at + size], at + size
            if tag >> 3 == 1:  # packed
                place = 0
                while place < size:
                    value, place = varint(field, place)
                    dims.append(value)
            raw = field if tag >> 3 == 9 else raw
        else:
            return None
    return np.frombuffer(raw, "<f4").reshape(dims) if kind == 1 and raw is not None else None


def inputs_of(model, declared):
    """The test data beside a model, which makes detectors find something."""
    folder = model.parent / "test_data_set_0"
    paths = [folder / f"input_{number}.pb" for number in range(len(declared))]
    values = [tensor(path) if path.is_file() else None for path in paths]
    return list(made_up_inputs(declared)) if any(v is None for v in values) else values


def made_up_inputs(declared):
    generator = np.random.default_rng(0)
    for each in declared:
        values = generator.standard_normal(each["shape"], np.float32)
        yield values.astype(DTYPES[each["element"]])


def difference(found, expected):
    """The largest error relative to the largest value."""
    worst = 0.0
    for one, other in zip(found, expected, strict=True):
        if one.shape != other.shape or not np.isfinite(one).all():
            return float("inf")
        error = np.abs(one.astype(np.float64) - other.astype(np.float64)).max(initial=0.0)
        if error > 0.0:
            worst = max(worst, error / np.abs(other).max())
    return worst


def rounds(sides, count, seconds):
    """Medians of each side in each round, and the minimum of all runs."""
    runs = []
    for side in sides:  # warms up, and tells how many runs fill a round
        median = statistics.median(side.run(3))
        runs.append(max(3, round(seconds * 1e3 / median)))
    medians, minima = ([], []), [float("inf"), float("inf")]
    for number in range(count):
        for which in (0, 1) if number % 2 == 0 else (1, 0):
            time.sleep(PAUSE)
            # The first run finds the other side's data in the caches.
            times = sides[which].run(runs[which] + 1)[1:]
            medians[which].append(statistics.median(times))
            minima[which] = min(minima[which], *times)
    return medians, minima


def percentile(values, share):
    return float(np.percentile(values, share * 100))


def compare(name, model, arguments):
    """One row of the table."""
    cnnc = Cnnc(arguments.cnnc, model, arguments.threads)
    peer = OnnxRuntime(model, arguments.threads)
    inputs = inputs_of(model, cnnc.ready["inputs"])
    for side in (cnnc, peer):
        side.set_inputs(inputs)
        side.run(1)
    row = {"network": name, "threads": arguments.threads, "isa": cnnc.ready["isa"]}
    row["difference"] = difference(cnnc.outputs(), peer.outputs())
    row["peak_gflops"] = cnnc.peak()
    (own, others), minima = rounds((cnnc, peer), arguments.rounds, arguments.seconds)
    ratios = [mine / theirs for mine, theirs in zip(own, others)]
    row |= {
        "cnnc_ms": statistics.median(own),
        "cnnc_min_ms": minima[0],
        "peer_ms": statistics.median(others),
        "peer_min_ms": minima[1],
        "ratio": statistics.median(ratios),
        "ratio_p10": percentile(ratios, 0.1),
        "ratio_p90": percentile(ratios, 0.9),
    }
    peak = row["peak_gflops"] * arguments.threads
    row["share_of_peak"] = 2e-6 * cnnc.ready["multiply_adds"] / row["cnnc_ms"] / peak
    starts = [(cnnc.start(), peer.start()) for _ in range(STARTS)]
    row["cnnc_start_ms"], row["peer_start_ms"] = map(statistics.median, zip(*starts))
    cnnc.close()
    return row


HEADER = """\
| network | cnnc ms (min) | ONNX Runtime ms (min) | ratio (10 %..90 %) | share of peak | difference \
| start ms: cnnc | ONNX Runtime |
| --- | --- | --- | --- | --- | --- | --- | --- |"""


def show(row):
    return (
        f"| {row['network']} | {row['cnnc_ms']:.2f} ({row['cnnc_min_ms']:.2f})"
        f" | {row['peer_ms']:.2f} ({row['peer_min_ms']:.2f})"
        f" | {row['ratio']:.3f} ({row['ratio_p10']:.3f}..{row['ratio_p90']:.3f})"
        f" | {row['share_of_peak']:.0%} | {row['difference']:.1e}"
        f" | {row['cnnc_start_ms']:.0f} | {row['peer_start_ms']:.0f} |"
    )


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown processor"


def models(names, fill_zoo):
    """Pairs of name and path: a path stays, a name comes from the zoo."""
    for name in names:
        if name.endswith(".onnx"):
            path = Path(name).resolve()
            yield (path.parent.name if path.name == "model.onnx" else path.stem), path
        else:
            filled = subprocess.run([fill_zoo, name], stdout=subprocess.PIPE, check=True, text=True)
            for line in filled.stdout.splitlines():
                yield Path(line).parent.name, Path(line)


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "networks", nargs="*", default=["resnet50", "squeezenet1_1"], metavar="NETWORK",
        help="a network of the zoo, `all`, or a path that ends in .onnx",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, default=1, help="threads of a run (1)")
    parser.add_argument("--rounds", type=int, default=20, help="rounds, both sides in each (20)")
    parser.add_argument(
        "--seconds", type=float, default=0.3, help="what a side runs in a round, about (0.3)"
    )
    parser.add_argument("--max-ratio", type=float, help="fail where a ratio is larger")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows as JSON too")
    parser.add_argument("--cnnc", default="cnnc", help="the compiler's program")
    parser.add_argument("--fill-zoo", default="fill-zoo", help="the program that fills networks")
    return parser.parse_args()


def main():
    if sys.argv[1:2] == ["--start"]:
        return print_start(*sys.argv[2:])
    arguments = parse()
    import onnxruntime

    peer = f"ONNX Runtime {onnxruntime.__version__}"
    print(f"{processor()}, {peer}, threads: {arguments.threads}\n\n{HEADER}", flush=True)
    rows = []
    for name, model in models(arguments.networks, arguments.fill_zoo):
        rows.append(compare(name, model, arguments))
        print(show(rows[-1]), flush=True)
    peaks = ", ".join(f"{row['peak_gflops']:.0f}" for row in rows)
    print(f"\nPeak of one thread, measured before each network: {peaks} GFLOP/s.")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")
    failures = [f"{row['network']}: outputs differ by {row['difference']:.1e}"
                for row in rows if row["difference"] > TOLERANCE]  # fmt: skip
    if arguments.max_ratio:
        failures += [f"{row['network']}: ratio {row['ratio']:.3f}"
                     for row in rows if row["ratio"] > arguments.max_ratio]  # fmt: skip
    if failures:
        sys.exit("\n".join(["", *failures]))


if __name__ == "__main__":
    main()
