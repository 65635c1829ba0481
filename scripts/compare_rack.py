"""Compares the gateway's form layer with the real Rack, or writes the corpus that tests use without Ruby.

    scripts/compare_rack.py --count 100000 --seed 7    # exit 1 and the shortest differences, if there are any
    scripts/compare_rack.py --write-corpus             # tests/data/rack_corpus.jsonl, with Rack's answers

Needs Debian's `ruby` and `ruby-rack` (2.2). Texts are valid UTF-8; limits are the gateway's on both sides.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gateway.errors import BadCall
from gateway.translate.forms import body_pairs, parse_nested, query_pairs

HERE = Path(__file__).resolve().parent
CORPUS = HERE.parent / "tests" / "data" / "rack_corpus.jsonl"
BATCH = 5000


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


WORDS = (
    "a",
    "b",
    "c",
    "a",
    "b",
    "0",
    "1",
    "10",
    "id",
    "é",
    "ação",
    "a b",
    " a",
    "x\ny",
    "\n",
    "-1",
    "$p",
    ".",
    "日",
)
VALUES = (*_words("1 2 x a+b a%20b %26 %3D = a=b João Jo%C3%A3o [] [x] %5B %00"), "", "x\ny")
JUNK = (*_words("% %4 %zz %C3 %E3o %25 + ; [ ] [] ][ [[ ]] = é"), "; ", "& ", "  ", "\n", "\t", "\0")
PATTERNS = _words("""
    {a} {a}[{b}] {a}[{b}][{c}] {a}[] {a}[][{b}] {a}[{b}][] {a}[{b}][][{c}] {a}[][{b}][{c}] {a}[][{b}][]
    {a}[][]    {a}[{b}[{c}]] {a}[{b}[]] {a}[][{b}][][{c}] {a}[{b}][0][{c}]
""")
ODD = _words("""
    [{a}] [] [][] [][{a}] {a}[ {a}] {a}[{b} {a}[]{b} [{a}[{b}]] ]{a}[ {a}[][ {a}[[{b}]] {a}[{b}]{c} =
""")

CHOSEN = (
    *_words("""
    & &&& = =1 a a= a&b= a=1&a=2 a== a=b=c
    a[] a[]= a[]=1&a[]=2 a[][]=1&a[][]=2 a[][b]=1&a[][c]=2&a[][b]=3 a[][b]=1&a[][b]=1
    a[][b][c]=1&a[][b][d]=2&a[][b][c]=3 a[][b][]=1&a[][b][]=2 a[][b]&a[][b] a[][b]=1&a[]=2&a[][c]=3
    a[0][b]=1&a[2][b]=2&a[10][b]=3&a[1][b]=4 a[0]=1&a[1]=2 a[00]=1&a[0]=2 a[0][b]=1&a[0][b]=2
    a[b[0][c]]=1&a[b[0][d]]=2&a[b[1][c]]=3 a[b[]]=1 a[b[][c]]=1&a[b[][d]]=2&a[b[][c]]=3
    a=1&a[b]=2 a=1&a[]=2 a[b]=1&a[]=2 a[]=1&a[b]=2 a[b]=1&a=2 a[]=1&a=2 a&a[b]=1 a&a[]=1
    a=&a[b]=1 a[b]=&a[b][c]=1 a[b]&a[b][c]=1 a[0]=1&a[]=2 a[]=1&a[0]=2
    []=1 [] [][a]=1 [a]=1 [a][b]=1 [[a]]=1 ]a[=1 a[=1 a]=1 a[b=1 a[b]]=1 a[b]c=1
    a[[b]]=1 a[[=1&a=2 a[][=1 a[]]=1 a[]b=1&a[]c=2 a[b][=1 a[b]]]]=1 a[]]]]=1 a[][][b]=1&a[][][b]=2
    % a=% a=%4 a=%zz %zz=1 a%5Bb%5D=1 a%5bb%5d=1 a%255Bb%5D=1 a=%2B+%20 a%26b=1&c a%3Db=1
    a=1;b=2 a[b;c]=1 a=x%3By a;b;;c Jo%C3%A3o=%E2%82%AC João=€ a[João]=1&a[Jo%C3%A3o]=2 😀=%F0%9F%98%80 a=%00
    """),
    *(
        "",
        "a=1& b=2&   c=3",
        " a=1",
        "a =1",
        "a=1; b=2",
        "a=1 ;b=2",
        "a=\u2028",
        "a\0=1\0",
        "a=1\0",
        "a=1\0\0",
    ),
    *("a[\n]=1", "a[]\n=1", "a[][b\n]=1", "a[][\nb]=1", "a[][b]\n=1", "a[x\n[][b]]=1", "a[][b]\nc=1"),
    *("a\n[b]\n=1", "a[]\n[b]=1&a[]\n[c]=2", "a" + "[b]" * 31 + "=1", "a" + "[b]" * 32 + "=1"),
    *(
        "a" + "[][b]" * 31 + "=1",
        "a" + "[][b]" * 32 + "=1",
        "a" + "[" * 200 + "=1",
        "a[b]" + "[]" * 40 + "=1",
    ),
)


def texts(rng: random.Random) -> Iterator[dict[str, str]]:
    """Random form texts for ever, one in four a query, with the names close enough to collide."""
    while True:
        few = rng.sample(WORDS, rng.choice((1, 2, 3, 6)))
        patterns = rng.sample(PATTERNS, 2) if rng.random() < 0.6 else PATTERNS
        chunks = [_chunk(rng, few, patterns) for _ in range(rng.choice((1, 2, 2, 3, 3, 4, 5, 8)))]
        if rng.random() < 0.2:
            chunks.append(rng.choice(chunks))
        kind = "query" if rng.random() < 0.25 else "body"
        separators = ("&", "&", "&", "& ", "&&") if kind == "body" else ("&", "&", ";", "; ", "&;")
        yield {kind: "".join(chunk + rng.choice(separators) for chunk in chunks)[: rng.choice((None, None, -1))]}


def _chunk(rng: random.Random, few: list[str], patterns: Sequence[str]) -> str:
    pattern = rng.choice(ODD if rng.random() < 0.08 else patterns)
    name = pattern.format(a=rng.choice(few), b=rng.choice(few), c=rng.choice(few))
    if rng.random() < 0.03:
        name += "".join(f"[{rng.choice(few)}]" for _ in range(rng.randrange(28, 34)))
    if rng.random() < 0.06:
        place = rng.randrange(len(name) + 1)
        name = name[:place] + rng.choice(JUNK) + name[place:]
    if rng.random() < 0.3:
        name = name.replace("[", "%5B").replace("]", rng.choice(("%5D", "%5d")))
    if rng.random() < 0.1:
        return name
    value = rng.choice(VALUES)
    return f"{name}={value}" + (rng.choice(JUNK) if rng.random() < 0.05 else "")


def rack(asked: list[dict[str, str]], process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """Rack's answers. The pipe is drained by line, so neither side fills it."""
    assert process.stdin is not None  # noqa: S101
    assert process.stdout is not None  # noqa: S101
    answers = []
    for start in range(0, len(asked), 20):
        part = asked[start : start + 20]
        process.stdin.write("".join(json.dumps(one) + "\n" for one in part))
        process.stdin.flush()
        answers += [json.loads(process.stdout.readline()) for _ in part]
    return answers


def ours(asked: dict[str, Any]) -> Any:
    """Our answer in the same terms: the nested value, or None for a refusal."""
    try:
        if "body" in asked:
            return parse_nested(body_pairs(asked["body"].encode()))
        return parse_nested(query_pairs(asked["query"].encode().decode("latin-1")))
    except BadCall:
        return None


def differs(answer: dict[str, Any]) -> bool:
    """Also in the order of keys."""
    return "skip" not in answer and json.dumps(ours(answer)) != json.dumps(answer.get("result"))


def _start() -> subprocess.Popen[str]:
    command = ["ruby", str(HERE / "rack_corpus.rb")]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")


def write_corpus(process: subprocess.Popen[str]) -> None:
    """The chosen texts as body and as query, and 400 random ones; each with Rack's answer."""
    some = texts(random.Random(2))  # noqa: S311
    asked = [{kind: text} for text in CHOSEN for kind in ("body", "query")] + [next(some) for _ in range(400)]
    kept = [answer for answer in rack(asked, process) if "skip" not in answer]
    lines = dict.fromkeys(json.dumps(answer, ensure_ascii=True) for answer in kept)
    CORPUS.write_text("\n".join(lines) + "\n", encoding="ascii")
    print(f"{len(lines)} texts in {CORPUS.relative_to(HERE.parent)}")


def compare(process: subprocess.Popen[str], count: int, seed: int) -> int:
    """Exit status: 0 where every answer is the same."""
    some = texts(random.Random(seed))  # noqa: S311
    found: list[dict[str, Any]] = []
    skipped = refused = 0
    for start in range(0, count, BATCH):
        answers = rack([next(some) for _ in range(min(BATCH, count - start))], process)
        skipped += sum("skip" in answer for answer in answers)
        refused += sum("error" in answer for answer in answers)
        found += [answer for answer in answers if differs(answer)]
    print(f"{count} texts, seed {seed}: {refused} refused by Rack, {skipped} no UTF-8, {len(found)} differ")
    for answer in sorted(found, key=lambda one: len(json.dumps(one)))[:10]:
        print(f"  Rack {json.dumps(answer)}\n  ours {json.dumps(ours(answer))}")
    return 1 if found else 0


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write-corpus", action="store_true")
    options = parser.parse_args()
    with _start() as process:
        if options.write_corpus:
            write_corpus(process)
            return 0
        return compare(process, options.count, options.seed)


if __name__ == "__main__":
    sys.exit(main())
