"""What a test script says: a line a check, the counts at its end, and its exit status."""
import sys


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, condition, text):
        self.failed += not condition
        self.passed += bool(condition)
        print(f"{'ok    ' if condition else 'FAILED'} {text}", flush=True)

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(1 if self.failed else 0)
