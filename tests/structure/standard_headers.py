"""Fails on a source that uses std::sort and its like without <algorithm>: g++ 12 (Debian 12) has it along with <vector> or
<memory>, g++ 14 (Debian 13) has not. Usage: standard_headers.py PROJECT_ROOT"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
names = ("adjacent_find all_of any_of binary_search clamp copy_if count count_if equal_range fill_n find find_if find_if_not for_each "
         "generate includes is_sorted lower_bound make_heap max_element merge min_element minmax_element mismatch none_of nth_element "
         "partial_sort partition pop_heap push_heap remove_if replace reverse rotate search shuffle sort stable_sort transform unique upper_bound")
used = re.compile(r"\bstd::(?:ranges::)?(" + "|".join(names.split()) + r")\(")
problems = []
for path in sorted(p for folder in ("include", "src", "tests") for p in (root / folder).rglob("*.[ch]pp")):
    text = path.read_text()
    found = used.search(text)
    if found and "#include <algorithm>" not in text:
        line = text.count("\n", 0, found.start()) + 1
        problems.append(f"{path.relative_to(root)}:{line}: std::{found.group(1)} without #include <algorithm>")
print("\n".join(problems) or "every use of <algorithm> includes it")
sys.exit(1 if problems else 0)
