#!/usr/bin/env python3
"""Validates JSON and NDJSON of keytrail against the schemas that it prints.

    tests/validators/schemas.py REPORT.json FINDINGS.ndjson ...

KEYTRAIL_BIN is the program, target/debug/keytrail if it is not set. It takes the package jsonschema.
Exit status: 0 if all documents are valid, 1 with what is not.
"""

import functools
import json
import os
import pathlib
import subprocess
import sys

PROGRAM = os.environ.get("KEYTRAIL_BIN", "target/debug/keytrail")

# So many faults of one file are told.
FAULTS_MAX = 20


@functools.cache
def validator(name, program):
    """A validator of the schema of this name, such as keytrail.report/v1."""
    from jsonschema import Draft202012Validator, FormatChecker

    command = [program, "generate", "schema", name]
    printed = subprocess.run(command, capture_output=True, check=True)
    schema = json.loads(printed.stdout)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


def documents(path):
    """The documents of a file: one, or one a line; of each the line in which it begins."""
    text = pathlib.Path(path).read_text(encoding="utf-8")
    try:
        return [(1, json.loads(text))] if text.strip() else []
    except json.JSONDecodeError:
        lines = enumerate(text.split("\n"), 1)
        return [(number, json.loads(line)) for number, line in lines if line]


def faults(path, program=PROGRAM):
    """What is wrong with a file, a text for each fault."""
    found = []
    try:
        all_of_it = documents(path)
    except ValueError as error:
        return [f"{path}: is no JSON: {error}"]
    for line, document in all_of_it:
        name = document.get("schema") if isinstance(document, dict) else None
        if not isinstance(name, str) or not name.startswith("keytrail."):
            found.append(f"{path}:{line}: does not say what it is")
            continue
        for error in validator(name, program).iter_errors(document):
            found.append(f"{path}:{line}: {name}: {error.json_path}: {error.message[:200]}")
            if len(found) == FAULTS_MAX:
                return found
    return found


def main():
    found = [fault for path in sys.argv[1:] for fault in faults(path)]
    for fault in found:
        print(fault, file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
