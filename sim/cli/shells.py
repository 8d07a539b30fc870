"""How bash and fish are told what a word may be; `sim.cli.complete` says what it may be."""

import os
import shlex

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    add_completion_class,
)

__all__ = ["register"]


def register() -> None:
    """Make click complete words with spaces and commas, which names of schemes have."""
    add_completion_class(_Bash)
    add_completion_class(_Fish)


class _Bash(BashComplete):
    """Quotes what a shell would split, unless a quote is open already."""

    def format_completion(self, item: CompletionItem[str]) -> str:
        word = os.environ["COMP_WORDS"].rpartition("\n")[2]
        if item.type == "plain" and not word.startswith(("'", '"')):
            item = CompletionItem(shlex.quote(item.value))
        return super().format_completion(item)


class _Fish(FishComplete):
    """Splits what click answers at its first comma only."""

    source_template = FishComplete.source_template.replace(
        'string split ","', 'string split --max 1 ","'
    )
