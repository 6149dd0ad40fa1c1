# Latency, load time and memory of gossamer and of other runtimes, on the same models, in one run.
"""Compares gossamer with other runtimes on the same models.

  peers.py prepare MODELS      makes the ncnn and MNN files, where they convert, and our .goss files
  peers.py all MODELS OUT.json [--models a,b] [--peers ort,ov,ncnn,mnn,gossamer,goss] [--threads 1,2] [--rounds 3] [--seconds 2]
  peers.py table OUT.json      ratios to the best peer of a class

Every case is a process of its own, so load time and resident memory are its own; rounds are interleaved, so a slow
minute of a shared machine hits everybody; the figure of a case is the median of its rounds' medians. A class is what may
be compared: `exact` fp32 arithmetic, `fast` (bf16/fp16 allowed), `int8` (the model carries scales).
The tool under test (the environment's GOSSAMER names its path) is called as
  gossamer bench MODEL --threads T --precision exact|fast --seconds S --input NAME=FILE.npy ... --json
and prints one JSON object: load_ms, first_ms, median_ms, p95_ms, rss_mb (growth of resident memory from before the load to
after the runs), arena_mb (planned), isa. A second time as peer `goss`, on the .goss that `prepare` made with `gossamer
compile`. Its answers are held against onnxruntime's on the same input (`gossamer run`): a case that fails or answers
wrongly is printed as FAIL and the exit status is 1.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

# input name -> (shape, kind of values)
SPEC = {
    "resnet50": {"x": ((1, 3, 224, 224), "f")},
    "mbv2": {"x": ((1, 3, 224, 224), "f")},
    "bert": {"x": ((1, 128, 768), "f")},
    "minilm": {"x": ((1, 128, 384), "f")},
    "efficientnet_lite0": {"image": ((1, 3, 224, 224), "f")},
    "ch_PP-OCRv4_det_infer": {"x": ((1, 3, 640, 640), "f")},
    "ch_PP-OCRv4_rec_infer": {"x": ((1, 3, 48, 320), "f")},
    "ch_ppocr_mobile_v2.0_cls_infer": {"x": ((1, 3, 48, 192), "f")},
    "blazeface": {"input:0": ((1, 256, 256, 3), "f")},
    "embedding_model": {"input_1": ((1, 76, 32, 1), "f")},
    "melspectrogram": {"input": ((1, 16000), "f")},
    "alexa_v0.1": {"onnx::Flatten_0": ((1, 16, 96), "f")},
    "silero_vad": {"input": ((1, 576), "f"), "state": ((2, 1, 128), "z"), "sr": ((), "sr")},
    "silero_vad_16k_op15": {
        "input": ((1, 576), "f"),
        "state": ((2, 1, 128), "z"),
        "sr": ((), "sr"),
    },
    "silero_vad_op18_ifless": {
        "input": ((1, 576), "f"),
        "state": ((2, 1, 128), "z"),
        "sr": ((), "sr"),
    },
    "silero_vad_half": {"input": ((1, 576), "f"), "state": ((2, 1, 128), "z")},
    "silero_vad_16k_sequence": {
        "input": ((32, 576), "f"),
        "h": ((1, 1, 128), "z"),
        "c": ((1, 1, 128), "z"),
    },
    "all_minilm_l6": {
        "input_ids": ((1, 128), "id"),
        "attention_mask": ((1, 128), "one"),
        "token_type_ids": ((1, 128), "zero"),
    },
}
SPEC.update(json.load(open(os.environ["PEERS_SPEC"])) if "PEERS_SPEC" in os.environ else {})
CASES = {  # by class of the model file: (peer, its precision, class)
    "fp32": [
        ("ort", "fp32", "exact"),
        ("ov", "f32", "exact"),
        ("ncnn", "fp32", "exact"),
        ("mnn", "fp32", "exact"),
        ("gossamer", "exact", "exact"),
        ("goss", "exact", "exact"),
        ("ov", "default", "fast"),
        ("ncnn", "bf16", "fast"),
        ("gossamer", "fast", "fast"),
        ("goss", "fast", "fast"),
    ],
    "int8": [
        ("ort", "int8", "int8"),
        ("ov", "default", "int8"),
        ("gossamer", "fast", "int8"),
        ("goss", "fast", "int8"),
    ],
}
OURS = ("gossamer", "goss")
TOLERANCE = {
    "exact": 1e-3,
    "fast": 0.08,
    "int8": 0.08,
}  # largest difference over the output's largest magnitude


def spec(name):
    import re

    for n in (name, re.sub(r"(_ort|_nncf)?_(fp32|int8)$", "", name)):
        if n in SPEC:
            return SPEC[n]
    raise SystemExit(
        f"peers.py: no input shapes for {name}: add them to SPEC or to the file that PEERS_SPEC names"
    )


def feeds(name):
    import numpy as np

    r = np.random.default_rng(1)
    make = {
        "f": lambda s: r.standard_normal(s).astype("f4"),
        "z": lambda s: np.zeros(s, "f4"),
        "u8": lambda s: r.integers(0, 256, s).astype("u1"),
        "i32": lambda s: r.integers(0, 256, s).astype("i4"),
        "id": lambda s: r.integers(1000, 20000, s).astype("i8"),
        "one": lambda s: np.ones(s, "i8"),
        "zero": lambda s: np.zeros(s, "i8"),
        "sr": lambda s: np.array(16000, "i8"),
    }
    return {k: make[t](tuple(s)) for k, (s, t) in spec(name).items()}


def rss():
    return next(
        int(l.split()[1]) / 1024 for l in open("/proc/self/status") if l.startswith("VmRSS")
    )


def ort(path, f, threads, _):
    import onnxruntime as o

    r, t = rss(), time.perf_counter()
    so = o.SessionOptions()
    so.intra_op_num_threads, so.log_severity_level = threads, 3
    s = o.InferenceSession(path, so, providers=["CPUExecutionProvider"])
    return r, time.perf_counter() - t, lambda: s.run(None, f)


def ov(path, f, threads, precision):
    import openvino as v

    r, t = rss(), time.perf_counter()
    cfg = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
    if precision != "default":
        cfg["INFERENCE_PRECISION_HINT"] = precision
    core = v.Core()
    m = core.read_model(path)
    if any(i.get_partial_shape().is_dynamic for i in m.inputs):
        m.reshape({i.get_any_name(): list(f[i.get_any_name()].shape) for i in m.inputs})
    c = core.compile_model(m, "CPU", cfg)
    load = time.perf_counter() - t
    q = c.create_infer_request()
    for i in c.inputs:
        q.set_tensor(i, v.Tensor(f[i.get_any_name()]))

    def go():
        q.infer()
        return [q.get_output_tensor(k).data for k in range(len(c.outputs))]

    return r, load, go


def mnn(path, f, threads, _):
    import MNN
    import onnx
    import numpy as np
    import MNN.expr as F

    outs = [o.name for o in onnx.load(path, load_external_data=False).graph.output]
    r, t = rss(), time.perf_counter()
    rt = MNN.nn.create_runtime_manager(
        ({"backend": "CPU", "numThread": threads, "precision": "high"},)
    )
    net = MNN.nn.load_module_from_file(
        path[:-5] + ".mnn", list(f), outs, runtime_manager=rt, shape_mutable=False
    )
    load = time.perf_counter() - t
    ins = [
        F.const(
            a.astype("i4") if a.dtype == np.int64 else a,
            list(a.shape),
            F.NCHW,
            F.float if a.dtype == np.float32 else F.int,
        )
        for a in f.values()
    ]

    def go():
        o = net.forward(ins)
        return [x.read() for x in (o if isinstance(o, (list, tuple)) else [o])]

    return r, load, go


def ncnn(path, f, threads, precision):
    import ncnn as nn
    import numpy as np

    r, t = rss(), time.perf_counter()
    n = nn.Net()
    n.opt.num_threads, n.opt.use_vulkan_compute = threads, False
    n.opt.use_fp16_packed = n.opt.use_fp16_storage = n.opt.use_fp16_arithmetic = False
    n.opt.use_bf16_storage = precision == "bf16"
    assert (
        n.load_param(path[:-5] + ".ncnn.param") == 0 and n.load_model(path[:-5] + ".ncnn.bin") == 0
    )
    load = time.perf_counter() - t
    mats = [
        nn.Mat(np.ascontiguousarray(a.squeeze(0) if a.ndim > 1 else a)).clone() for a in f.values()
    ]
    ins, outs = n.input_names(), n.output_names()

    def go():
        with n.create_extractor() as ex:
            for k, m in zip(ins, mats):
                ex.input(k, m)
            return [np.array(ex.extract(k)[1]) for k in outs]

    return r, load, go


def ours(peer, path, f, threads, precision, seconds):
    """Runs the tool under test, checks its answer once against onnxruntime, prints its JSON with
    the peak memory of its process."""
    import glob
    import resource
    import numpy as np

    tool = os.environ.get("GOSSAMER", "gossamer")
    model = path if peer == "gossamer" else f"{path[:-5]}.{precision}.goss"
    with tempfile.TemporaryDirectory() as d:
        args = []
        for i, (k, a) in enumerate(f.items()):
            np.save(f"{d}/{i}.npy", a)
            args += ["--input", f"{k}={d}/{i}.npy"]
        r = subprocess.run(
            [
                tool,
                "bench",
                model,
                "--threads",
                str(threads),
                "--precision",
                precision,
                "--seconds",
                str(seconds),
                "--json",
                *args,
            ],
            capture_output=True,
            text=True,
        )
        if r.returncode:
            raise SystemExit(r.stderr)
        row = json.loads(r.stdout)
        row["process_peak_mb"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        r = subprocess.run(
            [
                tool,
                "run",
                model,
                "--precision",
                precision,
                "--threads",
                str(threads),
                "--output-dir",
                d + "/out",
                *args,
            ],
            capture_output=True,
            text=True,
        )
        if r.returncode:
            raise SystemExit(r.stderr)
        got = [np.load(x) for x in glob.glob(d + "/out/*.npy")]
    exp = ort(path, f, 2, "")[2]()
    cls = "int8" if "int8" in os.path.basename(path) else precision
    for e in exp:
        e = np.asarray(e, dtype="f8")
        best = min(
            (
                np.abs(e - g).max() / max(np.abs(e).max(), 1e-6)
                for g in got
                if g.shape == e.shape and e.size
            ),
            default=np.inf,
        )
        if not best <= TOLERANCE[cls]:
            raise SystemExit(
                f"wrong answer: an output of shape {e.shape} is off by {best:.3g} of its range"
            )
    print(json.dumps(row))


def one(peer, path, threads, precision, seconds):
    """Measures one case in this process and prints it as JSON."""
    name = os.path.basename(path)[:-5]
    f = feeds(name)
    if peer in OURS:
        ours(peer, path, f, threads, precision, seconds)
        return
    base, load, go = {"ort": ort, "ov": ov, "mnn": mnn, "ncnn": ncnn}[peer](
        path, f, threads, precision
    )
    t = time.perf_counter()
    go()
    first = time.perf_counter() - t
    for _ in range(3):
        go()
    ts, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(ts) < 10:
        t = time.perf_counter()
        go()
        ts.append((time.perf_counter() - t) * 1e3)
    ts.sort()
    print(
        json.dumps(
            dict(
                load_ms=load * 1e3,
                first_ms=first * 1e3,
                median_ms=ts[len(ts) // 2],
                p95_ms=ts[int(len(ts) * 0.95)],
                rss_mb=rss() - base,
            )
        )
    )


def flag(name, default):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default


def all_cases(models, out):
    names = flag("--models", "") or ",".join(
        sorted(f[:-5] for f in os.listdir(models) if f.endswith(".onnx"))
    )
    peers = flag("--peers", "ort,ov,ncnn,mnn,gossamer,goss").split(",")
    rows = []
    for rnd in range(int(flag("--rounds", "3"))):
        for n in names.split(","):
            for peer, precision, cls in CASES["int8" if "int8" in n else "fp32"]:
                for threads in map(int, flag("--threads", "1,2").split(",")):
                    if peer not in peers:
                        continue
                    r = subprocess.run(
                        [
                            sys.executable,
                            __file__,
                            "one",
                            peer,
                            f"{models}/{n}.onnx",
                            str(threads),
                            precision,
                            flag("--seconds", "2"),
                        ],
                        capture_output=True,
                        text=True,
                    )
                    try:
                        j = json.loads(r.stdout.strip().splitlines()[-1])
                    except Exception:
                        why = (r.stderr.strip().splitlines() or ["no output"])[-1][:150]
                        if peer in OURS:
                            rows.append(
                                dict(
                                    model=n,
                                    peer=peer,
                                    precision=precision,
                                    cls=cls,
                                    threads=threads,
                                    fail=why,
                                )
                            )
                        elif rnd == 0:
                            print(f"{n} {peer} {precision}: {why}", flush=True)
                        continue
                    rows.append(
                        dict(j, model=n, peer=peer, precision=precision, cls=cls, threads=threads)
                    )
        json.dump(rows, open(out, "w"))
    table(out)


def table(out):
    """One line a model, class and thread count. Our speed is the best peer's median over ours, with
    the spread over rounds."""
    import statistics as st

    rows = json.load(open(out))
    key = lambda r: (r["model"], r["cls"], r["threads"])
    logs, failed = {}, 0
    for k in sorted({key(r) for r in rows}):
        by = {}
        for r in rows:
            if key(r) == k:
                by.setdefault(r["peer"], []).append(r)
        bad = {p: rs for p, rs in by.items() if any("fail" in r for r in rs)}
        by = {p: rs for p, rs in by.items() if p not in bad}
        mid = lambda p, what: st.median(r[what] for r in by[p])
        print(
            f"{k[0]:32s} {k[1]:5s} {k[2]}T "
            + " ".join(
                f"{p} {mid(p, 'median_ms'):.3f}"
                for p in sorted(by, key=lambda p: mid(p, "median_ms"))
            )
        )
        for p, rs in bad.items():
            failed += 1
            print(f"    FAIL {p}: {next(r['fail'] for r in rs if 'fail' in r)}")
        rivals = [p for p in by if p not in OURS]
        for p in OURS:
            if p not in by or not rivals:
                continue
            best = min(rivals, key=lambda x: mid(x, "median_ms"))
            qs = sorted(a["median_ms"] / b["median_ms"] for a, b in zip(by[best], by[p]))
            q = mid(best, "median_ms") / mid(p, "median_ms")
            logs.setdefault((p,) + k[1:], []).append(q)
            low = lambda what: min(mid(x, what) for x in rivals)
            print(
                f"    {p}: speed {q:.2f}x ({qs[0]:.2f}-{qs[-1]:.2f} by round) of {best}; load {mid(p, 'load_ms'):.2f} ms, peers' best {low('load_ms'):.1f}; "
                f"first/steady {mid(p, 'first_ms') / mid(p, 'median_ms'):.2f}; memory {mid(p, 'rss_mb'):.1f} MB (arena {mid(p, 'arena_mb'):.1f}), peers' least {low('rss_mb'):.1f}"
            )
    for k, q in sorted(logs.items()):
        print(
            f"geometric mean {k[0]} {k[1]} {k[2]}T: {st.geometric_mean(q):.2f}x over {len(q)} models, worst {min(q):.2f}x"
        )
    if failed:
        sys.exit(f"{failed} cases of ours failed")


def prepare(models):
    for f in sorted(os.listdir(models)):
        if not f.endswith(".onnx"):
            continue
        b = f"{models}/{f[:-5]}"
        shape = (
            [
                x
                for k, (dims, _) in spec(f[:-5]).items()
                for x in ("--shape", f"{k}=" + "x".join(map(str, dims)))
            ]
            if spec(f[:-5])
            else []
        )
        for precision in ("exact", "fast"):
            try:
                subprocess.run(
                    [
                        os.environ.get("GOSSAMER", "gossamer"),
                        "compile",
                        b + ".onnx",
                        "-o",
                        f"{b}.{precision}.goss",
                        "--precision",
                        precision,
                        *shape,
                    ]
                )
            except FileNotFoundError:
                pass
        if "int8" in f:
            continue
        bindir = os.path.dirname(sys.executable)
        subprocess.run(
            [
                f"{bindir}/mnnconvert",
                "-f",
                "ONNX",
                "--modelFile",
                b + ".onnx",
                "--MNNModel",
                b + ".mnn",
                "--bizCode",
                "x",
            ],
            capture_output=True,
        )
        try:
            import importlib.util

            exe = os.path.join(os.path.dirname(importlib.util.find_spec("pnnx").origin), "pnnx")
            os.chmod(exe, 0o755)
            shapes = ",".join(
                "["
                + ",".join(map(str, s))
                + "]"
                + {
                    "f": "",
                    "z": "",
                    "i32": "i32",
                    "id": "i64",
                    "one": "i64",
                    "zero": "i64",
                    "sr": "i64",
                    "u8": "u8",
                }[k]
                for s, k in spec(f[:-5]).values()
            )
            subprocess.run(
                [exe, f, "inputshape=" + shapes, "fp16=0"],
                cwd=models,
                capture_output=True,
                timeout=300,
            )
            alt = f"{models}/{f[:-5].replace('-', '_').replace('.', '_')}"
            for e in (".ncnn.param", ".ncnn.bin"):
                if alt != b and os.path.exists(alt + e):
                    os.rename(alt + e, b + e)
            for e in (
                ".pnnx.param",
                ".pnnx.bin",
                ".pnnx.onnx",
                ".pnnxsim.onnx",
                "_pnnx.py",
                "_ncnn.py",
            ):  # by-products
                for x in {alt, b}:
                    if os.path.exists(x + e):
                        os.remove(x + e)
        except Exception as e:
            print(f"{f}: no ncnn file ({e})")


if __name__ == "__main__":
    verb = sys.argv[1] if len(sys.argv) > 1 else ""
    if verb == "one":
        one(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5], float(sys.argv[6]))
    elif verb == "all":
        all_cases(sys.argv[2], sys.argv[3])
    elif verb == "table":
        table(sys.argv[2])
    elif verb == "prepare":
        prepare(sys.argv[2])
    else:
        sys.exit(__doc__)
