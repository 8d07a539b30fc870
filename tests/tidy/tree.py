"""Files and folders: what may stand where, and what must not be written anywhere."""

from __future__ import annotations

import ast
import hashlib
import posixpath
import re
import tomllib
from collections.abc import Iterable, Sequence
from typing import Final

from tests.tidy.source import Finding, Source

FOLDERS: Final = frozenset({".ci", "notebooks", "reports", "scenarios", "sim", "tests"})
FOLDERS_NEEDED: Final = FOLDERS - {"notebooks", "reports"}
FILES: Final = frozenset(
    {
        ".gitattributes",
        ".gitignore",
        "CHANGELOG.md",
        "LICENSE",
        "MANIFEST.in",
        "Makefile",
        "README.md",
        "constraints.txt",
        "pyproject.toml",
        "setup.py",
    }
)
TIERS: Final = frozenset(
    {"bench", "browser", "golden", "property", "reference", "scenarios", "theory", "tidy", "unit"}
)


def top_level(paths: Iterable[str]) -> list[Finding]:
    """Refuse a file or folder of the top level that the architecture does not know."""
    found = {path.partition("/")[0]: "/" in path for path in paths}
    folders = {name for name, is_folder in found.items() if is_folder}
    findings = [
        Finding(name, 0, f"folder is not one of the project, use one of {sorted(FOLDERS)}")
        for name in sorted(folders - FOLDERS)
    ]
    for name in sorted(set(found) - folders - FILES):
        message = "file is not one of the top level, use a folder of the project"
        findings.append(Finding(name, 0, message))
    missing = (FOLDERS_NEEDED - folders) | (FILES - set(found))
    message = "is missing, use the layout of the architecture"
    return findings + [Finding(name, 0, message) for name in sorted(missing)]


def packages(paths: Sequence[str]) -> list[Finding]:
    """Refuse a folder of ``sim`` with modules but no ``__init__.py``: no wheel would have it."""
    folders = {posixpath.dirname(p) for p in paths if p.startswith("sim/") and p.endswith(".py")}
    return [
        Finding(folder, 0, "folder is no package, use an __init__.py")
        for folder in sorted(folders)
        if f"{folder}/__init__.py" not in paths
    ]


def misplaced_tests(sources: Iterable[Source]) -> list[Finding]:
    """Refuse a test outside a tier, and one that pytest would not collect."""
    findings = []
    for source in sources:
        folder, _, name = source.path.rpartition("/")
        tier = [*folder.split("/"), ""][1]
        is_collected = name.startswith("test_") or name.endswith("_test.py")
        if folder != "tests" and tier not in TIERS:
            message = f"{tier} is no tier of the tests, use one of {sorted(TIERS)}"
            findings.append(Finding(source.path, 0, message))
        elif folder == "tests" and is_collected:
            message = f"test outside a tier, use a folder of {sorted(TIERS)}"
            findings.append(Finding(source.path, 0, message))
        elif not is_collected and tier != "tidy" and _has_tests(source):
            message = "has tests that nobody collects, use a file name test_….py"
            findings.append(Finding(source.path, 0, message))
    return findings


def _has_tests(source: Source) -> bool:
    functions = [node for node in source.tree.body if isinstance(node, ast.FunctionDef)]
    return any(function.name.startswith("test_") for function in functions)


def scenarios(files: Iterable[Source], tests: Iterable[Source]) -> list[Finding]:
    """Refuse a scenario without provenance or expectation, misnamed, or that no test runs.

    The scenario tests run what stands directly in ``scenarios/``; below it only if one of them
    walks the folders, with ``rglob("*.toml")`` or ``"**/*.toml"``.
    """
    patterns = " ".join(test.text for test in tests)
    is_deep = "rglob(" in patterns or "**/*.toml" in patterns
    findings: list[Finding] = []
    for file in files:
        findings.extend(Finding(file.path, 0, message) for message in _scenario(file))
        if "*.toml" not in patterns or (file.path.count("/") > 1 and not is_deep):
            message = "no scenario test runs it, use scenarios/ and tests/scenarios"
            findings.append(Finding(file.path, 0, message))
    return findings


def _scenario(file: Source) -> list[str]:
    try:
        document = tomllib.loads(file.text)
    except tomllib.TOMLDecodeError as error:
        return [f"is no TOML ({error}), use `sim check`"]
    stem = posixpath.basename(file.path).removesuffix(".toml")
    messages = []
    if not str(document.get("source", "")).strip():
        messages.append("has no source, use one that says where the numbers come from")
    if not document.get("expect"):
        messages.append("has no [expect], use one: every scenario is a test")
    if document.get("name") != stem:
        messages.append(f"name is {document.get('name')!r}, use the file's, {stem!r}")
    return messages


def changelog(text: str, version: str) -> list[Finding]:
    """Refuse a list of changes without entries, or that does not know the present version."""
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    titles = [section.partition("\n")[0].strip() for section in sections]
    if not any(title == "Unreleased" or title.split()[:1] == [version] for title in titles):
        return [Finding("CHANGELOG.md", 0, f"no section for now, use Unreleased or {version}")]
    return [
        Finding("CHANGELOG.md", 0, f"section {title!r} is empty, use one line per visible change")
        for title, section in zip(titles, sections, strict=True)
        if not re.search(r"^- \S", section, re.MULTILINE)
    ]


# Built from parts, so that the rule does not refuse itself.
_LEFT_OPEN = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)) + r")\b")


def left_open(sources: Iterable[Source]) -> list[Finding]:
    """Refuse notes to oneself: finish it, or say in the changelog what is not there."""
    return [
        Finding(source.path, number, f"{matched[1]} is left open, use the finished thing")
        for source in sources
        for number, line in enumerate(source.text.splitlines(), start=1)
        if (matched := _LEFT_OPEN.search(line))
    ]


# SHA-256 of the domains of package registries: naming them here would break the rule.
REGISTRIES: Final = frozenset(
    {
        "00a7dc5a0cc388586b8665846e7d8ae94a6dd096f2aa1aa3b4aab4ac484f998a",
        "194c289c995d0a51b2880ef822db234513d0a54d57b32077314938b86ef74b89",
        "1ba4e37997a2e986efa6cd844e43fd25b9e816359d31612baa9c18b71e3b5294",
        "3ca29e55be4befa48f875d24c27f9bed32fe06588819ed6264084b6670a1ebb0",
        "51c6b9f69c48a75b146d2785c3d70d336d5fdce24868f2e22db377d736f2ef24",
        "789e46d79514e28093cabe2bb4a0798266f584b0e508ef269ebabb6e57859290",
        "8743857e3ea00fd1c64bbc68b8af241954ad2c285e7a60340eec7ea5dcb200db",
        "8b5bb5eb9d758455b8635855cf8aaf05b68775e3f83f0291e800ef338fb9783c",
        "a0f007d863a0ed19c5bd996ef6eaab194af2f1ac685c0f71a75270a0366f8983",
        "a4aa2ac280bb8d1a0ce7a1be5a7bfb10292b49fe9435ad5cff19f421f3c70e41",
        "e680c440a2e92079ab1bf7a927e8d3920f1bcd173c0487e28e020110b2e59efc",
    }
)
_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_INDEX_OPTION = re.compile(r"--(?:(?:extra-)?index[-]url|find[-]links)|\bindex[-]url\s*=")


def registries(sources: Iterable[Source]) -> list[Finding]:
    """Refuse the name of a package registry: where packages come from is the machine's choice."""
    message = "names a package registry, use the package's name alone"
    findings = []
    for source in sources:
        for number, line in enumerate(source.text.splitlines(), start=1):
            hosts = _HOST.findall(line.lower()) if "." in line else ()
            if _INDEX_OPTION.search(line) or any(map(_is_registry, hosts)):
                findings.append(Finding(source.path, number, message))
    return findings


def _is_registry(host: str) -> bool:
    labels = host.split(".")
    tails = (".".join(labels[start:]) for start in range(len(labels) - 1))
    return any(hashlib.sha256(tail.encode()).hexdigest() in REGISTRIES for tail in tails)


_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s#]+)")


def dead_links(sources: Iterable[Source], paths: Sequence[str]) -> list[Finding]:
    """Refuse a relative Markdown link to nothing."""
    known = set(paths) | {posixpath.dirname(path) for path in paths}
    return [
        Finding(source.path, number, f"link to {target}, which is not there, use a path that is")
        for source in sources
        for number, line in enumerate(source.text.splitlines(), start=1)
        for target in _LINK.findall(line)
        if posixpath.normpath(posixpath.join(posixpath.dirname(source.path), target)) not in known
    ]
