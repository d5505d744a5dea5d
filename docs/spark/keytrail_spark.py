#!/usr/bin/env python3
"""Runs the steps of a keytrail plan on a Spark cluster: its shards, its buckets, the report.

    keytrail plan s3://LOGS/AWSLogs/ -o s3://OUT/november/
    spark-submit keytrail_spark.py --plan s3://OUT/november/ --keytrail s3://TOOLS/keytrail \\
        -- --config keytrail.toml --fail-on high -f json -o november.json

Each shard is a task of its own, which runs `keytrail facts --plan OUT --shard N`; each bucket is one too
(`keytrail conclude`). `keytrail report` runs on the driver. Spark carries numbers alone: logs and results go
between keytrail and OUT. A result that is there already is left as it is, so that a task may run twice, at
the same time too: speculation, retries and a second run of this program do no harm.

What is behind `--` goes to each command that takes it: `--config` and `--rules` to all, `-f` and `-o` to
`report` alone.

A command that ends with 0, 1 or 3 has done its work. One that ends with 2 would do so again: its task does
not fail, so that Spark does not try it again, and the driver names it and ends with 2. Whatever else ends a
command, such as a signal, fails the task, and Spark tries it again up to spark.task.maxFailures times.

Exit status: 0, 1 or 3 as the report has it; 3 too if a shard or bucket is incomplete; 2 if a step was
not performed. With --done-as-0 it is 0 instead of 1 and 3, for schedulers that know no other success.

It takes PySpark 3.5 or newer on Linux, and for a plan in S3 boto3 or --shards and --buckets.
"""

import argparse
import collections
import ctypes
import importlib.util
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import traceback

DONE = (0, 1, 3)
NOT_PERFORMED = 2
INCOMPLETE = 3

# Of what a command says on standard error, this much comes back to the driver.
LAST_LINES = 20
LINE_CHARS = 2_000

# The driver shows as many of them, for as many shards. Of more it tells the numbers.
SHOWN_LINES = 3
NAMED = 20


# ---- one task, on an executor ----------------------------------------------------------------------


def end_with(parent, libc):
    """Has the kernel kill this process when its task ends, so that none goes on for nobody.

    Spark kills the Python worker of a task that it no longer wants, and never what that has started. The
    signal is SIGKILL, since keytrail answers a gentler one with an incomplete result.
    """
    pr_set_pdeathsig = 1
    libc.prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def found(program):
    """The path of the program here: of a URL, where Spark has put the file."""
    if "://" not in program:
        return program
    from pyspark import SparkFiles

    return SparkFiles.get(program.rsplit("/", 1)[1])


def run(words):
    """Runs keytrail. Gives its exit code and its last lines on standard error.

    It is a session of its own: a signal to the group of the worker must not reach it before the worker's
    end does. Raises RuntimeError if it was killed or could not tell a code of its own.
    """
    parent, libc = os.getpid(), ctypes.CDLL(None)
    lines = collections.deque(maxlen=LAST_LINES)
    child = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: end_with(parent, libc),
    )
    with child.stderr:
        # A line may be of any length; what is read of it at once is not.
        while line := child.stderr.readline(LINE_CHARS):
            lines.append(line.decode(errors="replace").rstrip())
    code = child.wait()
    if code not in (*DONE, NOT_PERFORMED):
        last = "\n".join(lines)
        raise RuntimeError(f"{shlex.join(words)} ended with {code}:\n{last}")
    return code, list(lines)


def task_of(step, option, program, plan, words):
    """What Spark runs for each partition, which has one number: that of a shard or a bucket.

    Gives dictionaries: number, code, start (seconds since 1970), seconds, host, attempt (from 0), lines.
    """

    def task(numbers):
        from pyspark import TaskContext

        for number in numbers:
            start = time.time()
            command = [found(program), step, "--plan", plan, option, str(number), *words]
            code, lines = run(command)
            yield {
                "number": number,
                "code": code,
                "start": round(start, 3),
                "seconds": round(time.time() - start, 3),
                "host": socket.gethostname(),
                "attempt": TaskContext.get().attemptNumber(),
                "lines": lines,
            }

    return task


# ---- the arguments ---------------------------------------------------------------------------------


def options_of(program, command):
    """The options that a command takes, as its help lists them: {"--config": True}, True with a value."""
    asked = [program, command, "--help"]
    text = subprocess.run(asked, stdout=subprocess.PIPE, check=True).stdout.decode()
    options = {}
    for line in text.splitlines():
        if match := re.fullmatch(r" {2,6}(?:(-\w), )?(--[\w-]+)(?:[ =](<.*))?(?:\.\.\.)?", line.rstrip()):
            short, long, value = match.groups()
            options.update({name: value is not None for name in (short, long) if name})
    return options


def shared_out(words, options):
    """The words that each command takes: {command: [word, …]}, by {command: its options}.

    Raises ValueError for a word that none of them takes.
    """
    shares = {command: [] for command in options}
    words = collections.deque(words)
    while words:
        word = words.popleft()
        name, equals, _ = word.partition("=") if word.startswith("--") else (word[:2], word[2:], "")
        takers = [command for command in options if name in options[command]]
        if not word.startswith("-") or not takers:
            raise ValueError(f"no step takes {word!r}")
        taken = [word]
        if options[takers[0]][name] and not equals:
            if not words:
                raise ValueError(f"{word} needs a value")
            taken.append(words.popleft())
        for command in takers:
            shares[command] += taken
    return shares


def split_words(program, words):
    """The words behind `--` for facts, conclude and report."""
    options = {command: options_of(program, command) for command in ("facts", "conclude", "report")}
    # The place of the report. That of the facts is the plan's.
    for name in ("-o", "--output"):
        for command in ("facts", "conclude"):
            options[command].pop(name, None)
    return shared_out(words, options)


def counts(plan):
    """How many shards and buckets plan.json has."""
    if not plan.startswith("s3://"):
        with open(os.path.join(plan, "plan.json"), encoding="utf-8") as text:
            document = json.load(text)
    else:
        try:
            import boto3
        except ImportError:
            raise ValueError("without boto3 a plan in S3 needs --shards and --buckets") from None
        bucket, _, prefix = plan.removeprefix("s3://").partition("/")
        key = f"{prefix.rstrip('/')}/plan.json".lstrip("/")
        document = json.load(boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"])
    return document["shards"], document["buckets"]


def numbers_of(text):
    """`3,7,10-12` as a list."""
    numbers = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def parse(words):
    """The arguments, and what is for keytrail."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    add = parser.add_argument
    add("--plan", required=True, metavar="OUT", help="the folder of the plan: a path on all machines, or s3://")
    add(
        "--keytrail",
        default="keytrail",
        metavar="PROGRAM",
        help="a path or a name on all machines, or a URL (s3://, file://), from which Spark brings it to them",
    )
    add("--shards", type=int, metavar="N", help="how many shards the plan has, instead of reading plan.json")
    add("--buckets", type=int, metavar="N", help="how many buckets it has")
    add("--only", type=numbers_of, metavar="N,N-M", help="of the shards only these, in this order")
    add("--no-report", action="store_true", help="leave the report to `keytrail report --plan OUT`")
    add("--done-as-0", action="store_true", help="end with 0 instead of 1 and 3")
    add("--spans", metavar="FILE", help="write when and where each task ran, as JSON, on the driver")
    add("--words", type=shlex.split, default=[], metavar="TEXT", help="as behind --, in one argument")
    at = words.index("--") if "--" in words else len(words)
    # Glue has arguments of its own among those of the program.
    if importlib.util.find_spec("awsglue"):
        parsed, others = parser.parse_known_args(words[:at])
        if others:
            say(f"not for this program: {shlex.join(others)}")
    else:
        parsed = parser.parse_args(words[:at])
    return parsed, parsed.words + words[at + 1 :]


# ---- the driver ------------------------------------------------------------------------------------


def say(text):
    """One line for whoever watches."""
    print(f"keytrail_spark: {text}", file=sys.stderr, flush=True)


class Spans:
    """When each step and its tasks ran, for --spans.

    `seconds` of all tasks by `slots` times `seconds` of the step is its efficiency. Of a task that Spark ran
    several times it is the one that counted.
    """

    def __init__(self, path):
        self.path = path
        self.steps = []

    def add(self, step, start, slots, tasks):
        """Adds a step that has just ended, and writes all."""
        tasks = [{name: task[name] for name in task if name != "lines"} for task in tasks]
        span = {"step": step, "start": round(start, 3), "seconds": round(time.time() - start, 3)}
        self.steps.append({**span, "slots": slots, "tasks": tasks})
        if self.path:
            with open(self.path, "w", encoding="utf-8") as out:
                json.dump({"steps": self.steps}, out, indent=1)
                out.write("\n")


def run_step(context, step, option, numbers, arguments, words, spans):
    """One task for each number. Gives the exit code of the step."""
    start = time.time()
    # Each task may have as many threads as Spark gives it cores.
    if not any(word.startswith("--threads") for word in words):
        words = [*words, "--threads", context.getConf().get("spark.task.cpus", "1")]
    task = task_of(step, option, arguments.keytrail, arguments.plan, words)
    done = []
    if numbers:
        done = context.parallelize(numbers, len(numbers)).mapPartitions(task).collect()
    spans.add(step, start, context.defaultParallelism, done)
    seconds = time.time() - start
    say(f"{step}: {len(done)} ended after {seconds:.1f} s")
    for code, what in ((NOT_PERFORMED, "not performed"), (INCOMPLETE, "incomplete")):
        ended = [task for task in done if task["code"] == code]
        for task in ended[:NAMED]:
            last = " | ".join(task["lines"][-SHOWN_LINES:])
            say(f"{option[2:]} {task['number']}: {what}: {last}")
        if len(ended) > NAMED:
            rest = ",".join(str(task["number"]) for task in ended[NAMED:])
            say(f"and {len(ended) - NAMED} more: {rest}")
        if ended:
            return code
    return 0


def run_report(program, arguments, words, spans):
    """The report, here. Its outputs are those of the driver, of which spark-submit makes one."""
    start = time.time()
    code = subprocess.run([program, "report", "--plan", arguments.plan, *words]).returncode
    task = {"number": 0, "code": code, "start": round(start, 3), "seconds": round(time.time() - start, 3)}
    spans.add("report", start, 1, [{**task, "host": socket.gethostname(), "attempt": 0}])
    return code


def run_all(context, arguments, words):
    """All steps. Gives the exit code."""
    if "://" in arguments.keytrail:
        context.addFile(arguments.keytrail)
    program = found(arguments.keytrail)
    shares = split_words(program, words)
    shards, buckets = arguments.shards, arguments.buckets
    if shards is None or buckets is None:
        shards, buckets = counts(arguments.plan)
    chosen = range(shards) if arguments.only is None else arguments.only
    if wrong := [number for number in chosen if not 0 <= number < shards]:
        raise ValueError(f"the plan has {shards} shards, from 0, and none {wrong[0]}")
    spans = Spans(arguments.spans)
    steps = [("facts", "--shard", chosen), ("conclude", "--bucket", range(buckets))]
    codes = []
    for step, option, numbers in steps:
        code = run_step(context, step, option, list(numbers), arguments, shares[step], spans)
        if code == NOT_PERFORMED:
            return code
        codes.append(code)
    if not arguments.no_report:
        codes.append(run_report(program, arguments, shares["report"], spans))
    # What was killed has no code of its own; nor is it done.
    if not set(codes) <= set(DONE):
        return NOT_PERFORMED
    return INCOMPLETE if INCOMPLETE in codes else max(codes)


def main():
    arguments, words = parse(sys.argv[1:])
    from pyspark import SparkContext

    context = SparkContext.getOrCreate()
    try:
        code = run_all(context, arguments, words)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        say(error)
        code = NOT_PERFORMED
    except Exception as error:
        # Python's own 1 would mean findings.
        traceback.print_exc()
        # What Spark gave up after all attempts is deep in its text.
        given_up = re.search(r"RuntimeError: (.*)", str(error))
        say(f"given up: {given_up[1] if given_up else error}"[:LINE_CHARS])
        code = NOT_PERFORMED
    finally:
        context.stop()
    say(f"ended with {code}")
    if arguments.done_as_0 and code in DONE:
        code = 0
    # Some platforms take SystemExit for a failure, whatever its code.
    if code != 0:
        sys.exit(code)


if __name__ == "__main__":
    main()
