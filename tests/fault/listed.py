"""The cells of the test run: each fault at least twice, each activity and each victim at least eight times."""
from activities import ACTIVITIES
from victims import VICTIMS

LISTED = [("kill", a, v) for a in ACTIVITIES for v in VICTIMS]
