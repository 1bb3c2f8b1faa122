"""Prints `N passed, N failed, N skipped` over the test cases that a Bazel run reported.

    count_test_cases.py EVENTS

EVENTS is what `bazel test --build_event_json_file=EVENTS` wrote. Each test case in the tests' XML counts by itself; a
test that failed without a failed case in its XML, or did not build, counts as one failure. A script whose log ends with
a line that begins with `skipped:` counts as skipped.
"""

import json
import pathlib
import sys
import urllib.parse
import xml.etree.ElementTree as ElementTree


def count_cases(xml_file):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for case in ElementTree.parse(xml_file).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            counts["failed"] += 1
        elif case.find("skipped") is not None or case.get("status") == "notrun" or case.get("result") == "skipped":
            counts["skipped"] += 1
        else:
            counts["passed"] += 1
    return counts


def says_skipped(log):
    lines = [line for line in pathlib.Path(log).read_text(encoding="utf-8", errors="replace").split("\n") if line]
    return bool(lines) and lines[-1].lower().startswith("skipped:")


def path_of(output):
    return urllib.parse.unquote(urllib.parse.urlparse(output["uri"]).path)


def main():
    total = {"passed": 0, "failed": 0, "skipped": 0}
    with open(sys.argv[1], encoding="utf-8") as events:
        for line in events:
            event = json.loads(line)
            if "testResult" in event:
                result = event["testResult"]
                counts = {"passed": 0, "failed": 0, "skipped": 0}
                outputs = {output["name"]: path_of(output) for output in result.get("testActionOutput", [])}
                if "test.xml" in outputs:
                    counts = count_cases(outputs["test.xml"])
                if counts["passed"] == 1 and "test.log" in outputs and says_skipped(outputs["test.log"]):
                    counts = {"passed": 0, "failed": 0, "skipped": 1}
                if result["status"] not in ("PASSED", "FLAKY") and counts["failed"] == 0:
                    counts["failed"] = 1
                for kind, number in counts.items():
                    total[kind] += number
            elif event.get("testSummary", {}).get("overallStatus") in ("NO_STATUS", "FAILED_TO_BUILD"):
                total["failed"] += 1
    print("%(passed)d passed, %(failed)d failed, %(skipped)d skipped" % total)
    return 1 if total["failed"] or not total["passed"] else 0


sys.exit(main())
